"""The frozen packs of format 1.0 and the hostile ones: a check says of each what it said when they were made."""

from __future__ import annotations

import json

import pytest
from golden.hostile import HOSTILE, HOSTILE_GROUPS
from golden.judging import FINDINGS, GOOD, GROUPED, INCOMPLETE, WHOLE, every, findings, judged, stored

from verifier.check import How

EXPECTED = json.loads(FINDINGS.read_bytes())


def test_a_check_gives_exactly_the_recorded_findings() -> None:
    assert findings() == FINDINGS.read_bytes()


def test_the_golden_packs_are_what_they_are_named_after() -> None:
    assert {name: EXPECTED[name]["verdict"] for name in (GOOD, GROUPED, INCOMPLETE, WHOLE)} == {
        GOOD: "pass",
        GROUPED: "incomplete",
        INCOMPLETE: "incomplete",
        WHOLE: "pass",
    }
    assert [name for name, _, _ in every()] == list(EXPECTED)


@pytest.mark.parametrize("name", [*HOSTILE, *HOSTILE_GROUPS])
def test_no_hostile_pack_passes(name: str) -> None:
    told = EXPECTED[name]
    if name == "edition-with-lower-thresholds":
        assert "EDITION_DIFFERS" in {code for code, *_ in told["findings"]}
    else:
        assert told["verdict"] == "fail"
    assert not any(code == "INTERNAL" for code, *_ in told["findings"])


def test_a_signature_within_a_chain_matters_only_if_every_signature_is_asked_for() -> None:
    pack = stored(GOOD)
    assert judged(pack, pack, How(every_signature=True)) == EXPECTED[GOOD]
