"""``starproof log``: one test for each of its commands."""

from __future__ import annotations

import json
from email.message import EmailMessage

import pytest

from collector.anchors.interface import Head
from collector.anchors.page import page_text
from collector.opening import open_store
from collector.store import log
from evidence import checkpoint, log_entry, merkle
from evidence.keys import PublicKey
from evidence.log_entry import CHUNK
from starproof.commands.log import main

NOW = 1_796_054_400_000  # 2026-12-01 00:00 in Shanghai
DAY = 86_400_000
BEGAN = "是本日志的前段 is how this log began"


@pytest.fixture
def db(tmp_path):
    url = f"sqlite:///{tmp_path / 'starproof.db'}"
    opened = open_store(url, enterprise="甲公司", now_ms=NOW)
    with opened.store.writing() as connection:
        log.append(connection, [(CHUNK, f"{n:064x}") for n in range(12)], now_ms=NOW)
    opened.keyring.log_key()
    opened.store.close()
    return url


@pytest.fixture
def said(db, capsys):
    def run(*arguments, now_ms=NOW, status=0):
        assert main([*arguments, "--db", db], clock=lambda: now_ms) == status, capsys.readouterr().err
        return capsys.readouterr()

    return run


@pytest.fixture
def key(db, tmp_path):
    """The public log key."""
    return PublicKey.from_hex((tmp_path / "log.pub").read_text().strip())


def test_a_checkpoint_is_the_note_and_nothing_else(said, key):
    found = said("checkpoint")
    assert (checkpoint.verify(found.out.encode(), key).size, found.err) == (12, "")
    later = said("checkpoint", now_ms=NOW + 2 * DAY)
    assert checkpoint.verify(later.out.encode(), key).size == 14
    assert "2026-12-01, 2026-12-02" in later.err
    document = json.loads(said("checkpoint", "--json", now_ms=NOW + 3 * DAY).out)
    assert (document["size"], document["days_marked"]) == (15, ["2026-12-03"])
    assert document["note"].startswith("starproof/")


def test_the_end_of_the_log_is_shown(said):
    empty = said("show")
    assert "12 条 leaves" in empty.out
    assert "newest checkpoint: 无 none" in empty.out
    assert len(empty.out.splitlines()) == 3 + 10
    said("checkpoint", now_ms=NOW + DAY)
    document = json.loads(said("show", "--last", "2", "--json").out)
    assert [leaf["kind"] for leaf in document["leaves"]] == ["chunk", "day mark"]
    assert (document["last_marked_day"], document["checkpoint_size"]) == ("2026-12-01", 13)


@pytest.mark.parametrize("last", ["0", "-1", "many", "1000000"])
def test_a_number_of_leaves_that_is_none_is_wrong_usage(said, last, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["show", "--last", last])


def test_a_proof_stands_alone(said, key):
    document = json.loads(said("prove", f"{7:064x}").out)
    root = checkpoint.verify(document["checkpoint"].encode(), key)
    leaf = log_entry.decode(bytes.fromhex(document["entry"])).leaf
    proof = [bytes.fromhex(hash_) for hash_ in document["proof"]]
    merkle.verify_inclusion(leaf, 7, root.size, proof, root.root)
    assert "nothing was logged" in said("prove", "ab" * 32, status=1).err


def test_notes_kept_elsewhere_are_compared(said, tmp_path):
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(said("checkpoint").out, "utf-8")
    bad.write_text(said("checkpoint").out.replace("\n12\n", "\n11\n"), "utf-8")
    assert "is how this log began" in said("verify", str(good)).out
    document = json.loads(said("verify", str(good), str(bad), "--json", status=1).out)
    assert [bool(note["problem"]) for note in document["notes"]] == [False, True]
    assert "cannot read" in said("verify", str(tmp_path / "none"), status=1).err


def test_a_page_of_the_log_book_and_a_mail_are_compared(said, key, tmp_path):
    note = said("checkpoint").out
    page = page_text(Head("甲公司", 12, "2026-11-30", note.encode()))
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.com", "b@example.com"
    mail.set_content(page, cte="quoted-printable")
    files = {
        "page.txt": page.encode(),
        "lines.txt": page.replace("\n", "\r\n").encode(),
        "mail.eml": mail.as_bytes(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert said("verify", str(tmp_path / name)).out == f"{tmp_path / name}  12  {BEGAN}\n"
    other = page.replace("\n12\n", "\n11\n")
    (tmp_path / "other.txt").write_text(other, "utf-8")
    assert BEGAN not in said("verify", str(tmp_path / "other.txt"), status=1).out


def test_a_file_without_a_note_or_with_a_damaged_one_is_no_agreement(said, tmp_path):
    note = said("checkpoint").out
    path = tmp_path / "file.txt"
    for text, told in (
        ("", "holds no note"),
        ("only words\n", "holds no note"),
        (note + "\n" + note.replace("\n\n", "\n"), "damaged note beside others"),
        (note + "\n" + note.replace("starproof/", "starproof ", 1), "damaged note beside others"),
    ):
        path.write_text(text, "utf-8")
        found = said("verify", str(path), status=1)
        assert told in found.err
        assert found.out == ""


def test_a_file_too_large_for_notes_is_refused(said, tmp_path, monkeypatch):
    monkeypatch.setattr("starproof.commands.log.MAX_NOTES_BYTES", 10)
    (tmp_path / "long.txt").write_bytes(b"x" * 11)
    assert "it holds no notes" in said("verify", str(tmp_path / "long.txt"), status=1).err


def test_a_month_is_closed(said, key):
    closed = said("close", "--month", "2026-11")
    assert checkpoint.verify(closed.out.encode(), key).size == 13
    assert "2026-11 已关账 closed: 第 12 条 leaf 12" in closed.err
    document = json.loads(said("close", "--month", "2026-11", "--json").out)
    assert (document["leaf"], document["size"]) == (13, 14)
    assert "is not over" in said("close", "--month", "2026-12", status=1).err
