"""What the reviewer names on the command line, and the service that hands over by itself."""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from anchor_world import HEAD
from fleet import instant

from collector.anchors.interface import Got, Head
from collector.anchors.serving import anchoring
from collector.log import keeping
from collector.opening import open_store
from collector.store import anchors, log
from evidence.log_entry import CHUNK
from evidence.short_code import short_code
from starproof import outside
from starproof.outside import OutsideError, add_outside, read_outside, typed_code

CODE = short_code(HEAD.note)


def read(*arguments: object) -> Any:
    parser = argparse.ArgumentParser()
    add_outside(parser)
    return read_outside(parser.parse_args([str(one) for one in arguments]))


def test_a_folder_of_mail_and_an_mbox_are_read_message_by_message(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "a.eml").write_bytes(b"Subject: a\n\n1")
    (tmp_path / "mail" / "b.mbox").write_bytes(b"From x\nSubject: b\n\n2\n\nFrom y\nSubject: c\n\n3\n")
    found = list(read("--mailbox", tmp_path / "mail", "--mailbox", tmp_path / "nothing").mail)
    assert [name for name, _ in found] == ["a.eml", "b.mbox[1]", "b.mbox[2]"]


def test_a_mailbox_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MAX_MESSAGES", 1)
    (tmp_path / "b").write_bytes(b"From x\n1\n\nFrom y\n2\n")
    with pytest.raises(OutsideError, match="more than 1 messages"):
        list(read("--mailbox", tmp_path / "b").mail)


def test_an_object_comes_with_what_the_store_said(tmp_path: Path) -> None:
    (tmp_path / "o.txt").write_bytes(HEAD.note)
    assert read("--object", tmp_path / "o.txt").objects[0].about is None
    (tmp_path / "o.txt.json").write_bytes(b"{}")
    [found] = read("--object", tmp_path / "o.txt").objects
    assert (found.data, found.about) == (HEAD.note, b"{}")
    (tmp_path / "o.txt").write_bytes(b"0" * 70_000)
    with pytest.raises(OutsideError, match="not what this option takes"):
        read("--object", tmp_path / "o.txt")


def test_codes_are_read_with_and_without_a_date() -> None:
    assert typed_code(f"42={CODE}") == (42, CODE, None)
    assert typed_code(f"42={CODE}@2026-11-04") == (42, CODE, date(2026, 11, 4).toordinal())
    [found] = read("--code", f"42={CODE}").codes
    assert (found.size, found.day) == (42, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("42", "write SIZE=CODE"),
        (f"x={CODE}", "write SIZE=CODE"),
        (f"4={CODE}@never", "is no date"),
        ("4=A", "groups of 5"),
    ],
)
def test_a_wrong_code_is_wrong_usage(text: str, why: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=why):
        typed_code(text)


def test_roots_are_read_at_once(tmp_path: Path, tsa: Any) -> None:
    (tmp_path / "root.pem").write_bytes(tsa.root)
    assert read("--tsa-root", tmp_path / "root.pem").tsa_roots == [tsa.root]


def test_the_service_hands_over_every_day_and_survives_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    opened = open_store(f"sqlite:///{tmp_path / 's.db'}", enterprise="示例企业")
    with opened.store.writing() as connection:
        log.append(connection, [(CHUNK, "0" * 64)], now_ms=instant("2026-11-01"))
    keeping.keep_days(opened.store, key=opened.keyring.log_key(), now_ms=instant("2026-11-03"))
    file = tmp_path / "anchors.toml"
    with anchoring(opened, file, log=lambda event, **more: said.append((event, more))):
        assert said == []  # nothing is configured
    file.write_text(f'[[anchors]]\nalias = "book"\nkind = "print"\ndirectory = "{tmp_path / "book"}"\n')
    faults = iter([RuntimeError("odd")])

    def send(_self: object, head: Head) -> Got:
        for fault in faults:
            raise fault
        return Got(head.note)

    monkeypatch.setattr("collector.anchors.log_book.PrintAnchor.send", send)
    monkeypatch.setattr("collector.anchors.courier.pause_ms", lambda *_: 1)
    with anchoring(opened, file, log=lambda event, **more: said.append((event, more)), look_every_s=0.05):
        deadline = time.monotonic() + 20
        while "anchored" not in [event for event, _ in said] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert {"anchoring", "anchor_failed", "anchored"} <= {event for event, _ in said}
    with opened.store.reading() as connection:
        assert [one.day for one in anchors.receipts(connection)] == ["2026-11-02"]
    opened.store.close()


def test_only_what_serves_many_packs_is_asked_for_where_there_are_many() -> None:
    parser = argparse.ArgumentParser()
    add_outside(parser, one_log=False)
    options = parser.parse_args([])
    assert (outside.named_outside(options), options.code, options.object) == (False, [], [])
    with pytest.raises(SystemExit):
        parser.parse_args(["--code", f"42={CODE}"])
    assert outside.named_outside(parser.parse_args(["--mailbox", "m"]))


def test_a_certificate_that_is_too_long_or_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(b"0" * (outside.MAX_ROOTS_BYTES + 1))
    with pytest.raises(OutsideError, match="not what this option takes"):
        read("--tsa-root", tmp_path / "root.pem")
