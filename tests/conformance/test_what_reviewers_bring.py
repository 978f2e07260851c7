"""Codes, words of a store and mailboxes are read in one way by both verifiers, or refused by both."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from standalone import alone

from evidence.short_code import short_code
from starproof.outside import add_outside, read_outside, typed_code
from verifier.anchors.objects import ObjectAnswerError, read_about

CODE = short_code(b"a checkpoint")


@pytest.mark.parametrize(
    ("size", "day", "outcome"),
    [
        ("11", "", "taken"),
        ("1" * 16, "@2026-11-04", "taken"),
        ("1" * 17, "", "refused"),
        ("", "", "refused"),
        ("+1", "", "refused"),
        ("11", "@2099-12-31", "taken"),
        ("11", "@9999-12-31", "refused"),
        ("11", "@0001-01-01", "refused"),
        ("11", "@20261104", "refused"),
        ("11", "@2026-W45-3", "refused"),
        ("11", "@2026-02-30", "refused"),
        ("11", "@", "refused"),
    ],
)
def test_a_code_of_the_log_book_is_one_code_for_both(size: str, day: str, outcome: str) -> None:
    text = f"{size}={CODE}{day}"
    if outcome == "taken":
        assert typed_code(text) == alone._typed(text)
        return
    for read in (typed_code, alone._typed):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


@pytest.mark.parametrize(
    ("written", "taken_ms"),
    [
        ("2026-11-24T01:40:00+00:00", 1_795_484_400_000),
        ("2026-11-24 01:40:00Z", 1_795_484_400_000),
        ("2026-11-24T01:40:00.999999-00:30", 1_795_486_200_000),
        ("20261124T014000Z", None),
        ("2026-W48-2T01:40:00Z", None),
        ("2026-11-24T01:40Z", None),
        ("2026-11-24T01:40:00.123456789Z", None),
        ("2026-11-24T01:40:00,5Z", None),
        ("2026-11-24T01:40:00+00:00:30", None),
        ("2026-11-24T01:40:00+24:00", None),
        ("2026-11-24T01:40:00+0000", None),
        ("2026-11-24T24:00:00Z", None),
        ("2026-11-31T01:40:00Z", None),
        ("2026-11-24T01:40:00", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
    ],
)
@pytest.mark.parametrize("field", ["LastModified", "ObjectLockRetainUntilDate"])
def test_a_time_that_a_store_says_is_one_time_for_both(
    field: str, written: str, taken_ms: int | None
) -> None:
    said = {
        "LastModified": "2026-11-24T01:40:00Z",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": "2029-01-01T00:00:00Z",
        field: written,
    }
    raw = json.dumps(said).encode()
    if taken_ms is None:
        with pytest.raises(ObjectAnswerError):
            read_about(raw)
        with pytest.raises(alone.Bad):
            alone.stored_ms(raw)
        return
    about = read_about(raw)
    assert about.stored_ms == alone.stored_ms(raw)
    assert taken_ms == (about.stored_ms if field == "LastModified" else about.locked_until_ms)


def test_what_cannot_be_read_in_a_mailbox_is_passed_over_by_neither(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: a\n\n1\n")
    (tmp_path / "b.eml").symlink_to(tmp_path / "gone.eml")
    parser = argparse.ArgumentParser()
    add_outside(parser)
    with pytest.raises(FileNotFoundError):
        read_outside(parser.parse_args(["--mailbox", str(tmp_path)]))
    with pytest.raises(FileNotFoundError):
        list(alone._messages(tmp_path))
