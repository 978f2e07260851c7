"""A month of minutes of some hosts, stored: its audit from the raw chunks, its pack, the check of the pack.

Chunks hold an hour. Processor time of one process (``--workers 1`` for the check). There is no peer that audits: the
limits stand beside, and SHA-256 of the same pack.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import load
import measuring
import numpy as np
from results_table import Row
from row_ingest import store_bytes

from collector import ingest
from collector.keyring import Keyring
from collector.settings import key_directory
from collector.store.archive import StoreArchive
from config import EDITIONS
from evidence.chunk import read_frame
from verifier.audit import audit
from verifier.derivation import Declared
from verifier.edition_file import parse_edition
from verifier.pack import Rules, write_pack

HOSTS, DAYS, READINGS = 4, 30, 60
HOSTS_FULL = 50
SERIES = load.COLUMNS - 1
AIM_AUDIT = 20_000_000
AIM_BYTES = 1.5
END_MS = load.START_MS + DAYS * 86_400_000
MB = 1_000_000


def measure(options: Namespace) -> list[Row]:
    """Return the lines."""
    hosts = HOSTS_FULL if options.full else HOSTS
    with measuring.temporary() as folder:
        opened, values = stored_month(folder, hosts)
        archive = StoreArchive(opened.store)
        report = None

        def audited() -> None:
            nonlocal report
            report = audit(archive, month=load.MONTH, log=archive.log, dropped=archive)

        audit_s = measuring.processor_median_s(audited, 2)
        wrong = [finding for finding in report.findings if finding.code != "LOG_NOT_ANCHORED"]
        if wrong:
            raise SystemExit(f"the audit finds {wrong[0]}")
        pack, pack_s, check_s, hash_s = _packed(folder, archive)
        opened.store.close()
        stored = store_bytes(folder / "starproof.db")
    cells = report.values
    per_s = cells / audit_s
    return [
        Row("audit", f"values/s a core, raw chunks of {hosts} hosts' month", per_s, "1/s", better="more", aim=AIM_AUDIT,
            limit=f"SHA-256 alone {_hashed(8):.0f} M/s; inflate, hash and a signature a chunk {_bound():.0f} M/s",
            note=f"{cells:,} values, {report.chunks} chunks, {audit_s:.2f} s"),
        Row("check", f"of the pack of {hosts} hosts' month, {pack / MB:.1f} MB", check_s, "s", "SHA-256 of the file", hash_s,
            note=f"{values / check_s / 1e6:.1f} M values/s of processor time; to write the pack took {pack_s:.1f} s"),
        Row("disk", "bytes a value, all in, the month's pack", pack / values, "byte", aim=AIM_BYTES,
            note="signatures, log, day sums, report; what is kept when the store drops the month"),
        Row("disk", "bytes a value, all in, the store of that month", stored / values, "byte", aim=AIM_BYTES),
    ]  # fmt: skip


def stored_month(folder: Path, hosts: int, *, days: int = DAYS):  # noqa: ANN201 - an open store and a number
    """Return a store with so many hosts' minutes of so many days, and the number of values in it."""
    sealing, fleet = load.Sealing(), load.hosts(hosts)
    opened = load.new_store(folder)
    sealing.enrol(opened, [host.name for host in fleet])
    for hour in range(days * 24):
        frames = [read_frame(sealing.frame(host.name, host.block(READINGS))) for host in fleet]
        now_ms = load.START_MS + (hour + 1) * 3_600_000
        taken = ingest.take(opened.store, frames, clock=lambda now_ms=now_ms: now_ms)
        if any(result.verdict.status != "stored" for result in taken.results):
            raise SystemExit(f"not stored: {taken.results[0].verdict}")
    return opened, hosts * SERIES * days * 24 * READINGS


def _packed(folder: Path, archive: StoreArchive) -> tuple[int, float, float, float]:
    """Return bytes of the pack, and processor time of writing, checking and hashing it, in seconds."""
    keys = Keyring(key_directory(f"sqlite:///{folder / 'starproof.db'}"))
    edition = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()
    path, public = folder / "pack.zip", folder / "log.pub.hex"
    key = keys.log_key()
    public.write_text(key.public.raw.hex() + "\n")
    begun = time.process_time()
    with path.open("wb") as stream:
        write_pack(
            stream, archive, month=load.MONTH, rules=Rules(Declared(parse_edition(edition)), edition), zone=None,
            log_key=key, made_ms=END_MS + 3_600_000, log=archive.log,
        )  # fmt: skip
    wrote_s = time.process_time() - begun
    command = [
        sys.executable,
        "-m",
        "starproof",
        "check",
        str(path),
        "--log-key",
        str(public),
        "--json",
        "--workers",
        "1",
    ]
    used = []
    for _ in range(3):
        before = _children_s()
        run = subprocess.run(command, capture_output=True, check=False)
        used.append(_children_s() - before)
        if run.returncode not in (0, 2):
            raise SystemExit(f"the check fails: {json.loads(run.stdout)['findings'][:2]}")
    data = path.read_bytes()
    hash_s = measuring.processor_median_s(lambda: hashlib.file_digest(io.BytesIO(data), "sha256"), 3)
    return len(data), wrote_s, sorted(used)[1], hash_s


def _children_s() -> float:
    import resource  # noqa: PLC0415 - beside its only use

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _hashed(bytes_a_value: int) -> float:
    """Return millions of values a second that SHA-256 alone allows."""
    data = bytes(1 << 22)
    return (
        len(data)
        / bytes_a_value
        / measuring.processor_median_s(lambda: hashlib.sha256(data).digest(), 5)
        / 1e6
    )


def _bound() -> float:
    """Return millions of values a second if a chunk were only inflated, hashed, and its signature checked."""
    import zlib  # noqa: PLC0415 - beside its only use

    values = load.hosts(1)[0].block(READINGS)
    data, raw = load.packed(values), np.ascontiguousarray(values).tobytes()
    source = load.Sealing().of("host-000000")
    signature = source.key.sign("bench", bytes(600))

    def chunk() -> None:
        for _ in range(200):
            zlib.decompress(data)
            hashlib.sha256(raw).digest()
            source.key.public.verify("bench", bytes(600), signature)

    return values.size * 200 / measuring.processor_median_s(chunk, 3) / 1e6


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
