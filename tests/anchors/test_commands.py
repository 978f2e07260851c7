"""``starproof anchor`` in this process, what opens each kind, and a service that meets faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fleet import instant

from collector.anchors import serving
from collector.anchors.log_book import PrintAnchor
from collector.anchors.mail import MailAnchor
from collector.anchors.object import ObjectAnchor
from collector.anchors.opening import open_anchor
from collector.anchors.settings import parse_anchors, read_anchors
from collector.anchors.timestamp import TimestampAnchor
from collector.errors import SettingsError
from collector.log import keeping
from collector.opening import OpenStore, open_store
from collector.store import anchors, log
from collector.store.locks import alone
from evidence.log_entry import CHUNK
from starproof.commands import anchor as command

KINDS: dict[str, tuple[str, type]] = {
    "mail": ('server = "s"\nfrom = "a@example.com"\nto = "b@example.com"', MailAnchor),
    "rfc3161": ('url = "https://tsa.example.com/"', TimestampAnchor),
    "object": ('bucket = "b"', ObjectAnchor),
    "print": ('directory = "d"', PrintAnchor),
}


class Place:
    """A store with anchors beside it, and the command on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.db = f"sqlite:///{folder / 'starproof.db'}"
        self.file = folder / "anchors.toml"
        opened = open_store(self.db, enterprise="示例企业")
        with opened.store.writing() as connection:
            log.append(connection, [(CHUNK, "0" * 64)], now_ms=instant("2026-11-01"))
        opened.store.close()

    def anchored_by(self, *directories: str) -> None:
        self.file.write_text(
            "".join(
                f'[[anchors]]\nalias = "book-{number}"\nkind = "print"\ndirectory = "{self.folder / name}"\n'
                for number, name in enumerate(directories)
            )
        )

    def run(self, *arguments: object, code: int = 0) -> str:
        """Run the command to its status and return what it said."""
        assert command.main([*map(str, arguments), "--db", self.db]) == code
        said = self._capsys.readouterr()
        return said.out + said.err

    def json(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


@pytest.fixture
def opened(place: Place) -> Iterator[OpenStore]:
    found = open_store(place.db)
    yield found
    found.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_its_own_anchor_and_refuses_a_key_that_it_does_not_know(kind: str) -> None:
    keys, made = KINDS[kind]
    [settings] = parse_anchors(f'[[anchors]]\nalias = "a"\nkind = "{kind}"\n{keys}\n', where="f")
    opening: dict[str, Any] = {"secret": lambda _: pytest.fail("nothing is read yet"), "wall_ms": lambda: 0}
    assert type(open_anchor(settings, **opening)) is made
    with pytest.raises(SettingsError, match="unknown key 'colour'"):
        open_anchor(replace(settings, values={**settings.values, "colour": "red"}), **opening)


def test_without_anchors_every_answer_says_how_to_have_one(place: Place) -> None:
    assert "还没有配置锚定" in place.run("list")
    assert "还没有配置锚定" in place.run("send", "--new", code=1)
    assert "还没有配置锚定" in place.run("test", code=1)
    assert place.json("list") == {"schema": "starproof/anchors/1", "anchors": []}


def test_a_checkpoint_is_handed_over_and_listed_for_people(place: Place) -> None:
    place.anchored_by("book", "other")
    assert "还没有检查点" in place.run("send", code=1)
    assert "还没有检查点" in place.run("print", code=1)
    assert "最近 last –  待发 waiting 0" in place.run("list")
    said = place.run("send", "book-0", "--new")
    assert said.startswith("已送达 taken  book-0 (print)  ")
    assert "book-1" not in said
    assert "nothing waits" in place.run("send", "book-0")
    assert "taken  book-1" in place.run("send")
    listed = place.run("list").splitlines()
    assert [line.startswith(f"book-{number} (print)") for number, line in enumerate(listed)] == [True, True]
    assert "there is no anchor 'fax'" in place.run("send", "fax", code=1)


def test_what_is_not_taken_waits_with_its_reason_and_the_status_says_so(place: Place) -> None:
    (place.folder / "book").write_text("a file, no directory")
    place.anchored_by("book")
    assert "未送达 not taken  book-0 (print)" in place.run("send", "--new", code=1)
    [waiting] = place.json("list")["anchors"]
    assert (waiting["waiting"], waiting["attempts"]) == (1, 1)
    assert waiting["error"] in place.run("list")
    assert "不可用 fails  book-0 (print)" in place.run("test", code=1)
    [tested] = place.json("test", code=1)["anchors"]
    assert (tested["alias"], tested["ok"]) == ("book-0", "no")


def test_anchors_that_work_are_said_to(place: Place) -> None:
    place.anchored_by("book", "other")
    assert [line[:5] for line in place.run("test").splitlines()] == ["可用 ok"[:5]] * 2
    assert [one["alias"] for one in place.json("test", "book-1")["anchors"]] == ["book-1"]


def test_while_the_collector_hands_over_the_command_waits_its_turn(place: Place, opened: OpenStore) -> None:
    place.anchored_by("book")
    with alone(opened.store, serving.LOCK, directory=opened.keyring.directory):
        assert "try again in a minute" in place.run("send", "--new", code=1)


def test_the_page_is_printed_as_text_and_written_in_each_form(place: Place) -> None:
    pytest.importorskip("segno", reason="QR codes need the extra anchors")
    settings = place.folder / "collector.toml"
    settings.write_text(f'db = "{place.db}"\n')
    place.anchored_by("book")
    place.run("send", "--new", "--config", settings)
    size = place.json("list")["anchors"][0]["last_size"]
    text = place.run("print", "--size", size)
    assert f"\n{size}\n" in text
    for name, begins in (("page.txt", text[:20].encode()), ("page.svg", b"<")):
        out = place.folder / name
        assert place.json("print", "--out", out)["file"] == str(out)
        assert out.read_bytes().startswith(begins) or b"<svg" in out.read_bytes()
    assert "without suffix" not in place.run("print", "--out", place.folder / "page.doc", code=1)
    assert "a file without suffix" in place.run("print", "--out", place.folder / "page", code=1)
    assert "no checkpoint has size 99" in place.run("print", "--size", 99, code=1)


def test_the_page_is_written_as_pdf(place: Place) -> None:
    pytest.importorskip("segno", reason="QR codes need the extra anchors")
    pytest.importorskip("typst", reason="PDF needs the extra documents")
    from documents.errors import FontError
    from documents.fonts import find_font

    try:
        find_font(environment={})
    except FontError as missing:
        pytest.skip(f"no Chinese font here: {missing}")
    place.anchored_by("book")
    place.run("send", "--new")
    out = place.folder / "page.pdf"
    place.run("print", "--out", out)
    assert out.read_bytes().startswith(b"%PDF")


def looked(opened: OpenStore, courier: Any) -> list[tuple[str, dict[str, Any]]]:
    """What one look of the service writes into its log."""
    said: list[tuple[str, dict[str, Any]]] = []
    serving._look(courier, opened.keyring.directory, lambda event, **more: said.append((event, more)))
    return said


def day_over(place: Place, opened: OpenStore) -> Any:
    place.anchored_by("book")
    keeping.keep_days(opened.store, key=opened.keyring.log_key(), now_ms=instant("2026-11-02T01:00"))
    return serving.courier_of(opened, read_anchors(place.file))


def test_a_look_hands_over_once_and_leaves_it_to_whoever_is_at_it(place: Place, opened: OpenStore) -> None:
    courier = day_over(place, opened)
    with alone(opened.store, serving.LOCK, directory=opened.keyring.directory):
        assert looked(opened, courier) == []
    [(event, more)] = looked(opened, courier)
    assert (event, more["alias"], more["kind"], more["day"]) == ("anchored", "book-0", "print", "2026-11-01")
    assert looked(opened, courier) == []


def test_a_look_survives_a_store_that_fails_and_a_fault_of_ours(place: Place, opened: OpenStore) -> None:
    courier = day_over(place, opened)

    def no_time() -> int:
        raise ValueError("no clock")

    [(event, more)] = looked(opened, replace(courier, wall_ms=no_time))
    assert (event, more) == ("anchoring_failed", {"level": "error", "message": "ValueError: no clock"})
    said: list[tuple[str, dict[str, Any]]] = []
    serving._look(courier, place.folder / "nowhere", lambda event, **more: said.append((event, more)))
    assert said[0][0] == "anchoring_failed"
    assert "cannot use the lock file" in said[0][1]["message"]


def test_the_service_starts_hands_over_and_stops(place: Place, opened: OpenStore) -> None:
    day_over(place, opened)
    said: list[str] = []
    handed_over = threading.Event()

    def write(event: str, **_: Any) -> None:
        said.append(event)
        if event == "anchored":
            handed_over.set()

    with serving.anchoring(opened, place.folder / "none.toml", log=write):
        assert said == []
    with serving.anchoring(opened, place.file, log=write):
        assert handed_over.wait(20)
    assert sorted(said) == ["anchored", "anchoring"]
    assert [one.name for one in threading.enumerate() if one.name == "anchors"] == []
    with opened.store.reading() as connection:
        assert [one.alias for one in anchors.receipts(connection)] == ["book-0"]
