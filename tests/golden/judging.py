"""The golden packs, and what a check says of each of them and of each hostile one.

``GOLDEN`` rest here as .xz (a pack stores its entries as they are); the hostile ones are made from the good
one by ``golden.hostile``. What is expected of all of them stands in findings.json: verdict, steps, how often
each code stands with each host and slot (what every verifier must say), and the hash of all findings as
they stand in JSON, without the sentences (what this one says). The reviewer's mailbox has every checkpoint of the *good* pack's log, so a
second history shows.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fleet import Fleet, MemoryArchive
from packs import ARCHIVE, LOG_KEY, SCOPED, TRUSTED, mailbox_of, packed
from whole_month import whole_month

from golden.hostile import HOSTILE, HOSTILE_GROUPS
from verifier.check import How, check

HERE = Path(__file__).resolve().parent
FINDINGS = HERE / "findings.json"
GOOD, GROUPED, INCOMPLETE, WHOLE = "good", "grouped", "incomplete", "whole"


def often_sealed() -> MemoryArchive:
    """Two hosts that seal every twenty minutes, one of them restarted, for the better part of a day."""
    fleet = Fleet()
    for name in ("db-1", "web-1"):
        agent = fleet.agent(name, start="2026-11-03T01:00", step_s=300)
        for number in range(24):
            agent.run(
                hours=1 / 3, busy=10 + number % 7, rx=9_000 + number**3, tx=40, reads=number, writes=2
            ).seal()
            if name == "web-1" and number == 13:
                agent.reboot(down_s=600)
    return fleet.archive()


BUILDERS: Mapping[str, Callable[[], bytes]] = {
    GOOD: lambda: packed(ARCHIVE, SCOPED),
    GROUPED: lambda: packed(often_sealed()),
    INCOMPLETE: lambda: packed(ARCHIVE),
    WHOLE: whole_month,
}
"""Chunks of twenty minutes are in the second; accounts, statements, a ledger and receipts of anchors are in the last."""
FIRST_FORMAT = ("good-1.0", "provisional-1.0", "whole-1.0")
"""Written by the program that wrote format 1.0, and never made anew: day marks without scopes, closes with chains."""
SHOWN = ("step", "code", "severity", "host", "slot", "place", "expected", "got")


def stored(name: str) -> bytes:
    """Return a golden pack."""
    return lzma.decompress((HERE / f"{name}.zip.xz").read_bytes())


def put(name: str, pack: bytes) -> None:
    """Keep a golden pack."""
    (HERE / f"{name}.zip.xz").write_bytes(lzma.compress(pack, preset=9 | lzma.PRESET_EXTREME))


def every() -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name and bytes of every golden and every hostile pack, with the pack whose log was mailed."""
    for name in (*BUILDERS, *FIRST_FORMAT):
        pack = stored(name)
        yield name, pack, pack
    good = stored(GOOD)
    for name, bend in HOSTILE.items():
        yield name, bend(good), good
    grouped = stored(GROUPED)
    for name, bend in HOSTILE_GROUPS.items():
        yield name, bend(grouped), grouped


def judged(pack: bytes, mailed: bytes, how: How) -> dict[str, object]:
    """Return verdict, steps and findings of a check, without sentences."""
    stream, outside = io.BytesIO(pack), mailbox_of(mailed)
    document = check(stream, log_key=LOG_KEY.public, editions=TRUSTED, outside=outside, how=how).document()
    shown = [{key: finding[key] for key in SHOWN} for finding in document["findings"]]
    counts = Counter((one["code"], one["host"], one["slot"]) for one in shown)
    return {
        "verdict": document["verdict"],
        "steps": {str(step["number"]): step["state"] for step in document["steps"]},
        "findings": [[*key, count] for key, count in counts.items()],
        "sha256": hashlib.sha256(json.dumps(shown, ensure_ascii=False, sort_keys=True).encode()).hexdigest(),
    }


def findings() -> bytes:
    """Return what stands in findings.json, from the packs as they are."""
    told = {name: judged(pack, mailed, How()) for name, pack, mailed in every()}
    return _text(told).encode()


def _text(told: Mapping[str, Mapping[str, object]]) -> str:
    """A line for every finding, so that a difference is one in the file's history too."""
    parts = []
    for name, one in told.items():
        lines = ",\n".join(f"  {json.dumps(finding, ensure_ascii=False)}" for finding in one["findings"])
        rest = ", ".join(
            f"{json.dumps(key)}: {json.dumps(one[key])}" for key in ("verdict", "steps", "sha256")
        )
        parts.append(f'{json.dumps(name)}: {{{rest}, "findings": [\n{lines}\n]}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"
