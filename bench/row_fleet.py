"""10,000 agents that send each minute: latency from the instant at which a delivery was due until it is answered.

An open loop over loopback, TLS, a handshake for every delivery, spread over the minute as agents spread
(``agent.delivery``). An answer comes after the commit is on the disk. Nothing is lost: every chunk that was
answered "stored" has its leaf in the log. VictoriaMetrics gets the same readings at the same times over TLS, and
answers before they are on the disk.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import pickle
import subprocess
import sys
import urllib.request
from argparse import Namespace
from pathlib import Path

import load
import measuring
import numpy as np
import peers
from agents_client import Order
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from results_table import Row
from row_ingest import CHUNKS_TYPE, listening
from sqlalchemy import func, select

from agent.trust import unverified_context
from collector.opening import open_store
from collector.store import schema
from evidence import log_entry

AGENTS, MINUTE_S = 10_000, 60
SECONDS, SECONDS_FULL, PEER_S = 75, 300, 30
WARM_UP_S = 5
SETTINGS = """
[tls]
mode = "own"
names = ["127.0.0.1"]
[limits]
requests_per_minute = 1000000
connections = 4096
connections_per_address = 4096
pending_batches = 512
"""
AIM_S, AIM_MB = 0.25, 400


def measure(options: Namespace) -> list[Row]:
    """Return the lines."""
    seconds = SECONDS_FULL if options.full else SECONDS
    with measuring.temporary() as folder:
        ours = _ours(folder, seconds)
        theirs = _peer(folder)
    done, lost = len(ours["latencies"]), ours["lost"]
    statuses = ", ".join(f"{status} x {count}" for status, count in ours["statuses"].items())
    late = 1000 * float(np.percentile(ours["late"], 99))
    note = (
        f"{done} deliveries in {seconds} s ({statuses}); the senders themselves were up to {late:.0f} ms "
        f"late (99 %); collector {1000 * ours['server_s'] / done:.2f} ms of processor time each, "
        f"senders {1000 * ours['processor_s'] / done:.2f} ms"
    )
    rows = []
    for share, aim in ((50, None), (99, AIM_S)):
        other = None if theirs is None else float(np.percentile(theirs["latencies"], share))
        rows.append(
            Row("fleet", f"{AGENTS:,} agents a minute, p{share}", float(np.percentile(ours["latencies"], share)), "s",
                "VictoriaMetrics", other, limit=f"one durable commit for all that wait; {ours['commits_s'] * 1e3:.1f} ms",
                aim=aim, note=note if aim is None else "")
        )  # fmt: skip
    rows.append(Row("fleet", "answered as stored, without a leaf in the log", float(lost), "", aim=0))
    rows.append(
        Row("fleet", "deliveries not taken at once (503, or no answer)", float(done - ours["stored"]), "", aim=0,
            note="an agent keeps them and sends them again; the bench does not")
    )  # fmt: skip
    memory = None if theirs is None else theirs["memory"]
    rows.append(
        Row(
            "fleet",
            "most memory of the collector",
            ours["memory"],
            "MB",
            "VictoriaMetrics",
            memory,
            aim=AIM_MB,
        )
    )
    return rows


def _ours(folder: Path, seconds: int) -> dict:
    sealing, fleet = load.Sealing(), load.hosts(AGENTS)
    opened = load.new_store(folder)
    for at in range(0, AGENTS, 1_000):
        sealing.enrol(opened, [host.name for host in fleet[at : at + 1_000]])
    opened.store.close()
    requests = [
        (due, sealing.of(host.name).key.public.id, sealing.frame(host.name, host.block(1)))
        for due, host in _due(fleet, seconds)
    ]
    settings, journal = folder / "collector.toml", folder / "collector.log"
    settings.write_text(SETTINGS)
    url = f"sqlite:///{folder / 'starproof.db'}"
    command = [
        sys.executable, "-m", "starproof", "collector", "serve", "--config", str(settings), "--db", url,
        "--listen", "127.0.0.1:0",
    ]  # fmt: skip
    with measuring.running(command, journal) as process:
        address = listening(journal)
        with urllib.request.urlopen(f"{address}/v1/ca", context=unverified_context()) as answer:
            pem = json.loads(answer.read())["pem"]
        port = int(address.rpartition(":")[2])
        before = measuring.processor_s(process.pid)
        order = Order(port, pem, "/v1/chunks", {"Content-Type": CHUNKS_TYPE}, requests, "X-StarProof-Key")
        seen = _played(order)
        seen["server_s"] = measuring.processor_s(process.pid) - before
        seen["memory"] = measuring.resident_mb(process.pid, "VmHWM")
    store = open_store(url).store
    with store.reading() as connection:
        chunks = select(func.count()).where(schema.log_leaf.c.kind == log_entry.CHUNK)
        leaves = connection.execute(chunks).scalar_one()
    store.close()
    seen["lost"] = seen["stored"] - leaves
    seen["commits_s"] = _sync_s(folder)
    return seen


def _due(fleet: list[load.Host], seconds: int) -> list[tuple[float, load.Host]]:
    """Return when each host delivers, in order: once a minute, each at its own second."""
    phases = np.random.default_rng(7).uniform(0, MINUTE_S, len(fleet))
    due = [
        (float(phase) + turn * MINUTE_S, host)
        for phase, host in zip(phases, fleet, strict=True)
        for turn in range(seconds // MINUTE_S + 1)
        if phase + turn * MINUTE_S < seconds
    ]
    return sorted(due, key=lambda one: one[0])


def _peer(folder: Path) -> dict | None:
    manifest, fleet = load.Sealing().manifest, load.hosts(AGENTS)
    requests = [
        (due, host.name, peers.remote_write(load.samples(host.block(1), host.name, manifest)))
        for due, host in _due(fleet, PEER_S)
    ]
    pem, certificate, key = _certificate(folder)
    with peers.victoria_metrics(folder, f"-tls -tlsCertFile={certificate} -tlsKeyFile={key}".split()) as peer:
        if peer is None:
            return None
        headers = {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }  # fmt: skip
        port = int(peer.url.rpartition(":")[2])
        seen = _played(Order(port, pem, "/api/v1/write", headers, requests))
        seen["memory"] = measuring.resident_mb(peer.process.pid, "VmHWM")
    return seen


def _played(order: Order) -> dict:
    client = Path(__file__).with_name("agents_client.py")
    run = subprocess.run(
        [sys.executable, str(client)], input=pickle.dumps(order), stdout=subprocess.PIPE, check=True
    )
    return json.loads(run.stdout)


def _certificate(folder: Path) -> tuple[str, Path, Path]:
    """Return a certificate that speaks for loopback, and the files of it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = folder / "peer.crt", folder / "peer.key"
    pem = built.public_bytes(serialization.Encoding.PEM)
    certificate.write_bytes(pem)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem.decode(), certificate, private


def _sync_s(folder: Path) -> float:
    from row_limits import _synced  # noqa: PLC0415 - the same limit as in its own row

    return 1 / _synced(folder / "sync")


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
