"""The page for the log book: its code, its picture, its files, and the commands that make them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("segno", reason="QR codes need the extra anchors")

import processes
from anchor_world import HEAD
from fleet import instant

from collector.anchors.log_book import open_anchor
from collector.anchors.page import page_text, qr_svg, qr_symbol
from collector.anchors.settings import find, parse_anchors, read_anchors
from collector.errors import AnchorUnreachableError, SettingsError
from collector.opening import open_store
from collector.store import log
from evidence.log_entry import CHUNK
from evidence.short_code import short_code
from verifier.anchors.mailbox import notes_of


def starproof(*arguments: object, code: int = 0) -> Any:
    """Run a command; packages that lie beside the installed ones are found by it too."""
    more = os.pathsep.join((str(processes.ROOT), os.environ.get("PYTHONPATH", "")))
    return processes.starproof(*arguments, code=code, PYTHONPATH=more)


def starproof_json(*arguments: object) -> Any:
    return json.loads(starproof(*arguments, "--json").stdout)


def test_a_camera_reads_the_whole_note_out_of_the_picture(tmp_path: Path) -> None:
    reader = pytest.importorskip("zxingcpp", reason="reads QR codes")
    from PIL import Image

    picture = tmp_path / "qr.png"
    qr_symbol(HEAD).save(str(picture), scale=4, border=4)
    with Image.open(picture) as image:
        [found] = reader.read_barcodes(image.convert("L"))
    assert bytes(found.bytes) == HEAD.note


def test_the_page_ends_with_the_note_and_shows_its_code() -> None:
    page = page_text(HEAD)
    assert notes_of(page.encode()) == [HEAD.note]
    assert short_code(HEAD.note) in page
    assert b"<svg" in qr_svg(HEAD)


def test_the_anchor_lays_text_and_picture_into_its_folder(tmp_path: Path) -> None:
    [settings] = parse_anchors(
        f'[[anchors]]\nalias = "book"\nkind = "print"\ndirectory = "{tmp_path / "book"}"', where="f"
    )
    anchor = open_anchor(settings)
    assert "can be written" in anchor.probe()
    got = anchor.send(HEAD)
    assert sorted(path.name for path in (tmp_path / "book").iterdir()) == [
        f"2026-11-03-{HEAD.size}.svg",
        f"2026-11-03-{HEAD.size}.txt",
    ]
    assert notes_of(got.receipt) == [HEAD.note]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [settings] = parse_anchors(
        f'[[anchors]]\nalias = "book"\nkind = "print"\ndirectory = "{tmp_path}/file/x"', where="f"
    )
    anchor = open_anchor(settings)
    for attempt in (anchor.probe, lambda: anchor.send(HEAD)):
        with pytest.raises(AnchorUnreachableError, match="cannot"):
            attempt()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x =", "not a TOML file"),
        ("[anchor]", "unknown key 'anchor'"),
        ("anchors = 5", "as a table"),
        ('[[anchors]]\nkind = "mail"', "alias is needed"),
        ('[[anchors]]\nalias = "a"\nkind = "fax"', "kind is one of mail"),
        ('[[anchors]]\nalias = "a"\nkind = "mail"\n' * 2, "stands twice"),
        ('[[anchors]]\nalias = "a"\nkind = "mail"\n' * 17, "at most 16"),
    ],
)
def test_a_wrong_file_names_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        parse_anchors(text, where="anchors.toml")


def test_no_file_is_no_anchor(tmp_path: Path) -> None:
    assert read_anchors(tmp_path / "anchors.toml") == ()
    with pytest.raises(SettingsError, match="none is configured"):
        find((), "authority")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    db = f"sqlite:///{tmp_path / 'starproof.db'}"
    opened = open_store(db, enterprise="示例企业")
    with opened.store.writing() as connection:
        log.append(connection, [(CHUNK, "0" * 64)], now_ms=instant("2026-11-01"))
    opened.store.close()
    (tmp_path / "anchors.toml").write_text(
        f'[[anchors]]\nalias = "book"\nkind = "print"\ndirectory = "{tmp_path / "book"}"\n'
    )
    return db, tmp_path


def test_from_the_command_line_a_checkpoint_is_made_sent_listed_and_printed(place: tuple[str, Path]) -> None:
    db, folder = place
    assert "还没有检查点" in starproof("anchor", "send", "--db", db, code=1).stdout
    assert starproof_json("anchor", "test", "--db", db)["anchors"][0]["ok"] == "yes"
    [sent] = starproof_json("anchor", "send", "--new", "--db", db)["anchored"]
    assert (sent["alias"], sent["error"]) == ("book", "")
    [listed] = starproof_json("anchor", "list", "--db", db)["anchors"]
    assert (listed["last_size"], listed["waiting"]) == (sent["size"], 0)
    assert "nothing waits" in starproof("anchor", "send", "--db", db).stdout
    page = starproof_json("anchor", "print", "--db", db)
    assert page["code"] == short_code(page["note"].encode())
    for suffix in ("txt", "svg"):
        starproof("anchor", "print", "--db", db, "--out", folder / f"page.{suffix}")
        assert (folder / f"page.{suffix}").stat().st_size > 100
    assert (
        "as .pdf, .svg or .txt"
        in starproof("anchor", "print", "--db", db, "--out", folder / "p.doc", code=1).stderr
    )
    assert (
        "no checkpoint has size 99" in starproof("anchor", "print", "--size", "99", "--db", db, code=1).stderr
    )
    assert "there is no anchor 'fax'" in starproof("anchor", "send", "fax", "--db", db, code=1).stderr


def test_the_page_is_made_as_pdf_where_a_font_is(place: tuple[str, Path]) -> None:
    pytest.importorskip("typst", reason="PDF needs the extra documents")
    from documents.anchor_page import anchor_pdf
    from documents.errors import FontError

    try:
        made = anchor_pdf(
            enterprise="示例企业", day="2026-11-03", size=42, code=short_code(HEAD.note), qr_svg=qr_svg(HEAD)
        )
    except FontError:
        pytest.skip("no Chinese font is installed")
    assert made.startswith(b"%PDF")
    (place[1] / "page.pdf").write_bytes(made)


def test_a_mistyped_code_is_told_before_anything_is_read() -> None:
    code = short_code(HEAD.note)
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    said = starproof("check", "nowhere.zip", "--code", f"42={wrong}", code=3).stderr
    assert "mistyped: the check of group 1" in said
