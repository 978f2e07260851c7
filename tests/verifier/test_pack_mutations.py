"""Bent packs through both verifiers: none passes, none is judged in two ways, none takes long or much memory.

Hours of it: tests/fuzz/run_mutations.py, whose pack and mutations these are.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drafts import counters_manifest
from fleet import Fleet, instant
from packs import LOG_KEY, OTHER, TRUSTED, contents, packed, resigned, written

from verifier import layout
from verifier.check import FAILED, PARTIAL, check

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from comparing import Comparing, remember_pure_work
from mutations import Mutator
from seeds import tiny_pack

FILE_ROUNDS = 5_000
SIGNED_ROUNDS = 200
MOST_BYTES = 64 * 1024 * 1024
ROWS = 5_000

Bend = Callable[[bytes, random.Random], bytes | None]
BENDS: dict[str, Bend] = {
    "a bit": lambda body, dice: _flipped(body, dice.randrange(len(body) * 8)),
    "a cut end": lambda body, dice: body[: dice.randrange(len(body))],
    "a byte more": lambda body, dice: body + bytes([dice.randrange(256)]),
    "twice": lambda body, _: body * 2,
    "nothing in it": lambda _, __: b"",
    "gone": lambda _, __: None,
}


def _flipped(body: bytes, bit: int) -> bytes:
    bent = bytearray(body)
    bent[bit // 8] ^= 1 << bit % 8
    return bytes(bent)


PACK = tiny_pack()
CONTENTS = contents(PACK)


@pytest.fixture(scope="module")
def comparing() -> Iterator[Comparing]:
    with pytest.MonkeyPatch.context() as patch:
        remember_pure_work(patch.setattr)
        yield Comparing(PACK)


def test_the_pack_that_is_bent_does_not_fail_and_has_every_kind_of_entry(comparing: Comparing) -> None:
    assert comparing.usual[0] == PARTIAL
    assert (layout.FIXED | layout.OPTIONAL) - CONTENTS.keys() == {layout.REPORT_PDF}
    others = CONTENTS.keys() - layout.FIXED - layout.OPTIONAL
    assert {name.split("/")[1] for name in others} == {"anchors", "chunks", "documents"}
    sources = {name.split("/")[3] for name in others if layout.chunks_place(name)}
    assert sources == {"agent-0", "database-0", "import-0", "login-log-0"}


@pytest.mark.no_cover
@pytest.mark.slow
def test_no_pack_that_is_bent_without_a_key_passes(comparing: Comparing) -> None:
    mutator = Mutator(PACK, 20261123)
    for number in range(FILE_ROUNDS):
        kind, data = mutator.next(deep=False)
        assert not comparing.fault(data, signed=False), (number, kind)
    assert comparing.executions > 0.9 * FILE_ROUNDS


@pytest.mark.parametrize("key", [None, OTHER], ids=["no key", "another key"])
@pytest.mark.parametrize("bend", BENDS)
def test_no_pack_with_one_bent_entry_passes(comparing: Comparing, bend: str, key: object) -> None:
    """Whoever holds no key, or signs with one of his own, cannot change any entry."""
    dice = random.Random(bend)
    for name in sorted(CONTENTS):
        entries = dict(CONTENTS)
        body = BENDS[bend](entries.pop(name), dice)
        if body is not None:
            entries[name] = body
        try:
            data = written(entries) if key is None else resigned(entries, OTHER)
        except Exception:  # noqa: BLE001 - the statement itself was destroyed: leave it so
            data = written(entries)
        assert not comparing.fault(data, signed=False), name


@pytest.mark.slow
def test_what_the_log_key_itself_signs_is_judged_alike_and_never_as_the_honest_pack(
    comparing: Comparing,
) -> None:
    mutator, begun = Mutator(PACK, 20261124), comparing.executions
    bends = [bend for bend in mutator.deep if bend.__name__.endswith(("signed", "again"))]
    for number in range(SIGNED_ROUNDS):
        bend = bends[number % len(bends)]
        assert not comparing.fault(bend()), (number, bend.__name__)
    assert comparing.executions - begun > 0.9 * SIGNED_ROUNDS


def test_memory_stays_bounded_for_hostile_packs() -> None:
    """Sizes that lie, bombs in the deflated parts, and names without end are refused cheaply."""
    bomb = dict(CONTENTS)
    name = next(n for n in sorted(CONTENTS) if n.startswith("data/chunks/"))
    frame = bytearray(CONTENTS[name])
    header = struct.unpack_from("<I", frame, 100)[0]
    struct.pack_into("<I", frame, 104 + header + 4, 500 * 1024)
    bomb[name] = bytes(frame)
    tracemalloc.start()
    for data in (resigned(bomb), b"PK\x03\x04" + b"\xff" * 4000, PACK[:26] + b"\xff\xff" + PACK[28:]):
        assert check(io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED).outcome == FAILED
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES


def long_pack(chunks: int) -> bytes:
    """One host whose chunks inflate to thousands of times their size."""
    fleet = Fleet()
    enrolled = fleet.enrol("long-1")
    manifest = counters_manifest(devices=(), interval_ms=1_000)
    for number in range(chunks):
        start = instant("2026-11-02") + number * ROWS * 1_000
        clock = [start + row * 1_000 for row in range(ROWS)]
        up = [10**9 + number * ROWS * 1_000 + row * 1_000 for row in range(ROWS)]
        values = [clock, up, up, *([[7] * ROWS] * 10)]
        enrolled.seal(manifest, values, start_ms=clock[0], end_ms=clock[-1], boot="b")
    return packed(fleet.archive())


def peak_of(data: bytes) -> int:
    tracemalloc.start()
    assert check(io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED).figures is not None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.no_cover
@pytest.mark.slow
def test_one_batch_is_open_at_a_time() -> None:
    assert peak_of(long_pack(8)) < 1.5 * peak_of(long_pack(4))
