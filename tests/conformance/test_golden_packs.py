"""Every golden and every hostile pack: the second verifier says what ``check`` was frozen to say."""

from __future__ import annotations

import json

import pytest
from golden.judging import FINDINGS, every
from packs import LOG_KEY, TRUSTED, mailbox_of
from standalone import checked_alone, found

EVERY = {name: (pack, mailed) for name, pack, mailed in every()}
TOLD = json.loads(FINDINGS.read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(EVERY))
def test_both_verifiers_say_the_same_of(name: str) -> None:
    pack, mailed = EVERY[name]
    outside = mailbox_of(mailed)
    report = checked_alone(pack, key=LOG_KEY.public, editions=TRUSTED, outside=outside)
    assert report.outcome == TOLD[name]["verdict"]
    assert found(report.findings) == {
        (code, host, slot): count for code, host, slot, count in TOLD[name]["findings"]
    }


def test_every_pack_that_check_was_frozen_for_is_compared() -> None:
    assert EVERY.keys() == TOLD.keys()
    assert len(EVERY) > 25
