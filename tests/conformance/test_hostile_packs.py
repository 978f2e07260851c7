"""The attacks of tests/verifier/test_pack.py, judged by both verifiers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from packs import (
    FULL_PACK,
    LOG_KEY,
    OTHER,
    PACK,
    SCOPED_PACK,
    TRUSTED,
    checked,
    contents,
    mailbox_of,
    resigned,
)
from standalone import checked_alone, disagreement

FILE = Path(__file__).resolve().parents[1] / "verifier" / "test_pack.py"
_spec = importlib.util.spec_from_file_location("attacks_of_test_pack", FILE)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
ATTACKS = _module.ATTACKS


def agree(data: bytes, *, editions: dict[str, str] = TRUSTED) -> str:
    ours = checked(data, editions=editions)
    theirs = checked_alone(data, key=LOG_KEY.public, editions=editions, outside=mailbox_of(data))
    return disagreement(ours, theirs)


@pytest.mark.parametrize("data", [PACK, SCOPED_PACK, FULL_PACK], ids=["plain", "scoped", "full"])
def test_both_agree_on_an_honest_pack(data: bytes) -> None:
    assert agree(data) == ""
    assert agree(data, editions={}) == ""


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("key", [LOG_KEY, OTHER], ids=["log key", "another key"])
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_both_agree_on_an_attack(name: str, key: object) -> None:
    pack, attack, _ = ATTACKS[name]
    entries = contents(pack)
    attack(entries)
    assert agree(resigned(entries, key)) == ""  # type: ignore[arg-type]
