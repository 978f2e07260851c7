"""A few seconds of the fuzzing, with fixed seeds; hours of it: run_all.sh."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from comparing import Comparing, remember_pure_work
from mutations import Mutator
from seeds import seeds, tiny_pack
from targets import TARGETS
from wire_seeds import wire_seeds
from wire_targets import WIRE_TARGETS

EACH = 250
DEEP, QUICK = 25, 300
SEEDS = seeds()
WIRE_SEEDS = wire_seeds()
WIRE_EACH = 100


def bent(dice: random.Random, data: bytes) -> bytes:
    body = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        kind, at = dice.randrange(4), dice.randrange(len(body) + 1)
        if kind == 0 and at < len(body):
            body[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del body[at : at + dice.randrange(1, 9)]
        elif kind == 2:
            body[at:at] = dice.choice(
                (b"\0", b"\n", b"\\", b'"', b"[", b"9", b"-", b"\xff", b"e5", b".", b"\r")
            )
        else:
            body[at:at] = body[max(0, at - dice.randrange(1, 30)) : at]
    return bytes(body)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_both_readers_take_and_refuse_the_same_bent(name: str) -> None:
    dice = random.Random(name)
    for data in SEEDS[name]:
        TARGETS[name](data)
    for _ in range(EACH):
        TARGETS[name](bent(dice, dice.choice(SEEDS[name])[:6_000]))


@pytest.mark.parametrize("name", sorted(WIRE_TARGETS))
def test_no_bent_bytes_of_the_network_break_their_reader(name: str) -> None:
    dice = random.Random(name)
    for data in WIRE_SEEDS[name]:
        WIRE_TARGETS[name](data)
    for _ in range(WIRE_EACH):
        WIRE_TARGETS[name](bent(dice, dice.choice(WIRE_SEEDS[name])))


def test_no_mutated_pack_breaks_a_verifier_passes_unnoticed_or_is_judged_in_two_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember_pure_work(monkeypatch.setattr)
    pack = tiny_pack()
    mutator, comparing = Mutator(pack, 20261123), Comparing(pack)
    for number in range(DEEP + QUICK):
        kind, data = mutator.next(deep=number < DEEP)
        assert not comparing.fault(data), (number, kind)
    assert comparing.executions > QUICK
