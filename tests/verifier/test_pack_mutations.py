"""More than ten thousand mutated packs: none passes, none crashes, none takes long or much memory."""

from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
from drafts import counters_manifest
from fleet import Fleet, instant
from packs import LOG_KEY, OTHER, TRUSTED, checked, contents, packed, resigned, written

from verifier.check import FAILED, PARTIAL, check

ROUNDS = 12_000
SLOWEST_S = 5.0
MOST_BYTES = 64 * 1024 * 1024
ROWS = 5_000


def small() -> bytes:
    fleet = Fleet()
    fleet.agent("a-1", start="2026-11-03").run(hours=6, rx=9, reads=2).seal().run(hours=2)
    return packed(fleet.archive())


PACK = small()
CONTENTS = contents(PACK)
NAMES = sorted(CONTENTS)
Mutation = Callable[[random.Random], bytes]


def flip_bits(dice: random.Random) -> bytes:
    data = bytearray(PACK)
    for _ in range(dice.choice((1, 1, 1, 2, 9))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def truncate(dice: random.Random) -> bytes:
    return PACK[: dice.randrange(len(PACK))]


def cut_front(dice: random.Random) -> bytes:
    return PACK[dice.randrange(1, len(PACK)) :]


def insert(dice: random.Random) -> bytes:
    place = dice.randrange(len(PACK) + 1)
    return PACK[:place] + dice.randbytes(dice.randrange(1, 40)) + PACK[place:]


def remove(dice: random.Random) -> bytes:
    place = dice.randrange(len(PACK))
    return PACK[:place] + PACK[place + dice.randrange(1, 200) :]


def swap(dice: random.Random) -> bytes:
    one, two = sorted(dice.sample(range(len(PACK)), 2))
    length = dice.randrange(1, 64)
    two = max(two, one + length)
    return (
        PACK[:one]
        + PACK[two : two + length]
        + PACK[one + length : two]
        + PACK[one : one + length]
        + PACK[two + length :]
    )


def rezip(dice: random.Random) -> bytes:
    """The same contents by an ordinary ZIP writer: other order, compression, comments, doubled names."""
    stream = io.BytesIO()
    names = NAMES.copy()
    dice.shuffle(names)
    with zipfile.ZipFile(stream, "w", dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), CONTENTS[name])
        archive.comment = dice.randbytes(dice.randrange(3))
    return stream.getvalue()


def wrap(dice: random.Random) -> bytes:
    """Two archives in one file, in either order, or one inside the other."""
    other = rezip(dice)
    return dice.choice((PACK + other, other + PACK, PACK + PACK, PACK[:-22] + other))


def edit_directory(dice: random.Random) -> bytes:
    start = PACK.index(b"PK\x01\x02")
    data = bytearray(PACK)
    place = dice.randrange(start, len(PACK) - 4)
    struct.pack_into("<I", data, place, dice.getrandbits(32))
    return bytes(data)


def changed_contents(dice: random.Random) -> dict[str, bytes]:
    entries = dict(CONTENTS)
    kind = dice.randrange(5)
    name = dice.choice(NAMES)
    body = bytearray(entries[name])
    if kind == 0:
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        entries[name] = bytes(body)
    elif kind == 1:
        entries[name] = bytes(body[: dice.randrange(len(body))])
    elif kind == 2:
        del entries[name]
    elif kind == 3:
        entries[dice.choice(("data/x.txt", "x.txt", "data/chunks/0002/agent-0/2026-11-03.chunks"))] = bytes(
            body
        )
    else:
        other = dice.choice([n for n in NAMES if n != name])
        entries[name], entries[other] = entries[other], entries[name]
    return entries


def change_entry(dice: random.Random) -> bytes:
    return written(changed_contents(dice))


def change_entry_and_sign_with_another_key(dice: random.Random) -> bytes:
    try:
        return resigned(changed_contents(dice), key=OTHER)
    except Exception:  # noqa: BLE001 - the statement itself was destroyed: leave it so
        return change_entry(dice)


MUTATIONS: list[Mutation] = [
    flip_bits, flip_bits, flip_bits, truncate, cut_front, insert, remove, swap, rezip, wrap, edit_directory,
    change_entry, change_entry_and_sign_with_another_key,
]  # fmt: skip


def test_the_pack_that_is_mutated_does_not_fail() -> None:
    assert checked(PACK).outcome == PARTIAL


@pytest.mark.no_cover
@pytest.mark.slow
def test_no_mutated_pack_passes_crashes_or_hangs() -> None:
    dice = random.Random(20261123)
    slowest, passed, tried = 0.0, [], 0
    for turn in range(ROUNDS):
        mutation = MUTATIONS[turn % len(MUTATIONS)]
        data = mutation(dice)
        if data == PACK:
            continue
        tried += 1
        begin = time.perf_counter()
        report = check(io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED)
        slowest = max(slowest, time.perf_counter() - begin)
        if report.outcome != FAILED:
            passed.append((turn, mutation.__name__))
    assert passed == []
    assert tried > 10_000
    assert slowest < SLOWEST_S


def test_memory_stays_bounded_for_hostile_packs() -> None:
    """Sizes that lie, bombs in the deflated parts, and names without end are refused cheaply."""
    bomb = dict(CONTENTS)
    name = next(n for n in NAMES if n.startswith("data/chunks/"))
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
    assert peak_of(long_pack(18)) < 1.5 * peak_of(long_pack(9))
