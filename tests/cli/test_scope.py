"""``starproof scope`` on real SQLite files, through the command's own door."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collector.opening import open_store
from collector.store.archive import StoreArchive
from collector.store.engine import open_engine_for_reading
from collector.store.log_archive import StoreLog
from config import EDITIONS, EXAMPLES
from evidence.log_entry import EDITION as EDITION_KIND
from evidence.log_entry import SCOPE as SCOPE_KIND
from starproof import cli
from starproof.commands import scope as command
from starproof.scope_text import MAX_SHOWN
from verifier.declaration import declared_versions, parse, record_sha256

EDITION = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()
FIRST = (EXAMPLES / "scope.toml").read_bytes()
SECOND = FIRST.replace(b"bandwidth_mbps = 100", b"bandwidth_mbps = 200")
ENTERPRISE = "江苏示例科技有限公司"


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000


OCTOBER = instant("2026-10-20T09:15")


class Scopes:
    """The command on one database, at a time that the test says."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.db = f"sqlite:///{folder / 'state' / 'starproof.db'}"
        self.now_ms = OCTOBER
        self._capsys = capsys

    def file(self, data: bytes = FIRST, name: str = "scope.toml") -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def run(self, *arguments: object, code: int = 0) -> str:
        """Run the command to its status; returns what it said: the answer, or the one line of error."""
        clock = lambda: self.now_ms  # noqa: E731 - one line
        status = command.main([*map(str, arguments), "--db", self.db], clock=clock)
        said = self._capsys.readouterr()
        assert status == code, said
        assert (said.err == "") == (code == 0), said
        assert code == 0 or (said.out == "" and len(said.err.splitlines()) == 1)
        return said.err if code else said.out

    def declare(self, data: bytes = FIRST, *, code: int = 0, more: tuple[str, ...] = ()) -> str:
        return self.run("declare", self.file(data), *more, code=code)

    def json(self, *arguments: object) -> dict:
        return json.loads(self.run(*arguments, "--json"))

    def stored(self) -> list[tuple[bytes, bytes]]:
        store = open_engine_for_reading(self.db)
        try:
            return list(StoreArchive(store).scope_versions())
        finally:
            store.close()


@pytest.fixture
def scopes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scopes:
    return Scopes(tmp_path, capsys)


def test_declaring_answers_with_version_hash_time_and_what_to_do_next(scopes: Scopes) -> None:
    text = scopes.declare()
    assert "第 1 版 version 1    声明于 declared 2026-10-20 09:15:00 +0800" in text
    assert f"SHA-256 {hashlib.sha256(FIRST).hexdigest()}" in text
    assert "第一个版本 / the first version" in text
    assert "发给评审部门" in text
    assert "until it has left the applicant's hands, it proves nothing" in text
    assert "统计期已经开始" not in text
    ((record, data),) = scopes.stored()
    assert (data, parse(record).declared_ms, parse(record).enterprise) == (FIRST, OCTOBER, ENTERPRISE)


@pytest.mark.parametrize(("at", "begun"), [("2026-10-31T23:59:59", False), ("2026-11-01T00:00:00", True)])
def test_a_scope_that_comes_after_the_beginning_of_its_window_is_told(
    scopes: Scopes, at: str, *, begun: bool
) -> None:
    scopes.now_ms = instant(at)
    text = scopes.declare()
    assert ("统计期已经开始：报告会注明本版本在统计期开始之后声明" in text) == begun
    assert ("the window has begun: reports say that" in text) == begun
    assert scopes.json("list")["versions"][0]["declared_before_window"] == ("no" if begun else "yes")


def test_a_change_is_a_new_version_with_date_and_difference(scopes: Scopes) -> None:
    scopes.declare()
    scopes.now_ms = instant("2026-11-05T18:30:05")
    text = scopes.declare(SECOND)
    assert "第 2 版 version 2    声明于 declared 2026-11-05 18:30:05 +0800" in text
    assert "与第 1 版的差别 / differences to version 1：\n    hosts erp-1 bandwidth_mbps: 100 → 200\n" in text
    assert [version.data for version in declared_versions(scopes.stored())] == [FIRST, SECOND]


def test_something_new_and_something_gone_are_shown_as_such(scopes: Scopes) -> None:
    scopes.declare()
    text = scopes.declare(FIRST.replace(b"total = 320", b"").replace(b'"erp-1"', b'"erp-9"'))
    assert "head_counts total: 320 → （无 none）" in text
    assert "hosts erp-9: （无 none） → declared" in text
    assert "hosts erp-1: declared → （无 none）" in text


def test_another_spelling_is_a_version_without_difference(scopes: Scopes) -> None:
    scopes.declare()
    text = scopes.declare(FIRST + b"# a comment\n")
    assert "第 2 版" in text
    assert "内容没有变化，只是写法不同" in text


def test_many_differences_are_cut_on_the_terminal_and_whole_in_json(scopes: Scopes) -> None:
    scopes.declare()
    many = b"".join(b'[[hosts]]\nid = "new-%d"\nbandwidth_mbps = 1\n' % number for number in range(MAX_SHOWN))
    text = scopes.declare(FIRST + many)
    assert f"另有 {MAX_SHOWN} 处，见 --json" in text
    assert len(scopes.json("list")["versions"][1]["differences"]) == 2 * MAX_SHOWN


def test_the_same_file_again_is_refused_and_changes_nothing(scopes: Scopes) -> None:
    scopes.declare()
    before = scopes.stored()
    assert "version 1 is this very file; nothing was declared" in scopes.declare(code=1)
    assert scopes.stored() == before


def test_declaring_in_json_is_one_document(scopes: Scopes) -> None:
    scopes.declare()
    path = scopes.file(SECOND)
    document = scopes.json("declare", path)
    ((first, _), (second, _)) = scopes.stored()
    assert document == {
        "schema": "starproof/scope-declared/1",
        "enterprise": ENTERPRISE,
        "version": 2,
        "sha256": hashlib.sha256(SECOND).hexdigest(),
        "record_sha256": record_sha256(second),
        "declared_ms": OCTOBER,
        "declared_before_window": "yes",
        "timezone": "Asia/Shanghai",
        "window": {"first_day": "2026-11-01", "last_day": "2026-11-30"},
        "edition": "jiangsu-2018-trial",
        "edition_shipped": "yes",
        "edition_sha256": hashlib.sha256(EDITION).hexdigest(),
        "added": "yes",
        "hosts": 2,
        "new_database": "no",
        "differences": [{"place": "hosts erp-1 bandwidth_mbps", "before": "100", "after": "200"}],
    }
    assert parse(second).previous == record_sha256(first)


def test_a_new_database_takes_its_name_and_zone_from_the_scope(scopes: Scopes) -> None:
    text = scopes.declare(FIRST.replace(b"Asia/Shanghai", b"Asia/Urumqi"))
    assert f"a new database, which takes its enterprise and time zone from this file: {scopes.db}" in text
    opened = open_store(scopes.db)
    assert (opened.identity.enterprise, opened.identity.timezone) == (ENTERPRISE, "Asia/Urumqi")
    opened.store.close()
    assert "a new database" not in scopes.declare(SECOND)


def test_another_enterprises_scope_is_refused(scopes: Scopes) -> None:
    open_store(scopes.db, enterprise="乙公司").store.close()
    error = scopes.declare(code=1)
    assert "'江苏示例科技有限公司'" in error
    assert "'乙公司'; correct enterprise in the scope" in error
    assert scopes.stored() == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "not a TOML file in UTF-8"),
        (FIRST.replace(b"[window]", b"[widow]"), "unknown key 'widow' (did you mean window?)"),
        (FIRST.replace(b"total = 320", b"total = 0"), "[head_counts]: total is 0"),
        (FIRST.replace(b"cpu.busy/1", b"cpu.bussy/1"), "cpu.bussy/1"),
        (FIRST.replace(ENTERPRISE.encode(), "企".encode() * 129), "enterprise has 1 to 128 printable"),
    ],
)
def test_a_wrong_scope_is_explained_and_leaves_no_database(scopes: Scopes, data: bytes, message: str) -> None:
    assert message in scopes.declare(data, code=1)
    assert not (scopes.folder / "state").exists()


def test_a_missing_file_is_explained_and_leaves_no_database(scopes: Scopes) -> None:
    assert "cannot read the scope" in scopes.run("declare", scopes.folder / "nothing.toml", code=1)
    assert not (scopes.folder / "state").exists()


def test_an_edition_that_is_not_shipped_may_be_declared_and_is_told(scopes: Scopes) -> None:
    text = scopes.declare(FIRST.replace(b"jiangsu-2018-trial", b"province-2030"))
    assert "评定版本 province-2030 不随软件提供" in text
    assert scopes.json("declare", scopes.file(FIRST))["edition_shipped"] == "yes"


def logged(scopes: Scopes, kind: int) -> list[str]:
    store = open_engine_for_reading(scopes.db)
    try:
        return [entry.hash for _, entry in StoreLog(store).numbered() if entry.kind == kind]
    finally:
        store.close()


def test_the_edition_is_logged_once_beside_the_scope(scopes: Scopes) -> None:
    text = scopes.declare()
    assert hashlib.sha256(EDITION).hexdigest() in text
    scopes.declare(SECOND)
    assert logged(scopes, EDITION_KIND) == [hashlib.sha256(EDITION).hexdigest()]
    assert len(logged(scopes, SCOPE_KIND)) == 2


def test_an_edition_of_one_s_own_is_given_and_may_be_given_later(scopes: Scopes) -> None:
    own = EDITION.replace(b"jiangsu-2018-trial", b"province-2030")
    edition = scopes.file(own, "edition.toml")
    theirs = FIRST.replace(b"jiangsu-2018-trial", b"province-2030")
    assert "--edition FILE" in scopes.declare(theirs)
    assert logged(scopes, EDITION_KIND) == []
    again = scopes.json("declare", scopes.file(theirs), "--edition", edition)
    assert (again["version"], again["added"]) == (1, "no")
    assert logged(scopes, EDITION_KIND) == [again["edition_sha256"]] == [hashlib.sha256(own).hexdigest()]
    assert len(scopes.stored()) == 1
    assert "nothing was declared" in scopes.declare(theirs, code=1, more=("--edition", str(edition)))
    text = scopes.declare(theirs + b"\n", more=("--edition", str(scopes.file(own + b"\n", "changed.toml"))))
    assert "已声明 declared" in text
    changed = scopes.run(
        "declare", scopes.file(theirs + b"\n"), "--edition", scopes.file(own + b"\n\n", "e2.toml")
    )
    assert "此前已声明，现补记评定版本" in changed
    assert "the scope asks for" in scopes.declare(FIRST, code=1, more=("--edition", str(edition)))


def test_a_clock_that_was_set_back_is_refused(scopes: Scopes) -> None:
    scopes.declare()
    scopes.now_ms -= 1
    assert "set the clock right" in scopes.declare(SECOND, code=1)
    assert len(scopes.stored()) == 1


def test_the_list_shows_every_version_with_its_difference(scopes: Scopes) -> None:
    scopes.declare()
    scopes.now_ms = instant("2026-11-05T18:30:05")
    scopes.declare(SECOND)
    text = scopes.run("list")
    assert text.startswith(ENTERPRISE + "\n")
    assert text.index("第 1 版") < text.index("第 2 版") < text.index("统计期已经开始")
    assert "hosts erp-1 bandwidth_mbps: 100 → 200" in text
    document = scopes.json("list")
    assert (document["schema"], document["enterprise"]) == ("starproof/scope-versions/1", ENTERPRISE)
    assert [version["version"] for version in document["versions"]] == [1, 2]
    assert [version["declared_before_window"] for version in document["versions"]] == ["yes", "no"]


def test_lines_for_people_fit_eighty_columns(scopes: Scopes) -> None:
    scopes.now_ms = instant("2026-11-05T18:30:05")
    open_store(scopes.db, enterprise=ENTERPRISE).store.close()
    lines = (scopes.declare() + scopes.run("list")).splitlines()
    wide = [line for line in lines if sum(1 + (ord(character) > 0x2E7F) for character in line) > 80]
    assert wide == []


def test_an_empty_list_says_how_to_begin(scopes: Scopes) -> None:
    open_store(scopes.db, enterprise=ENTERPRISE).store.close()
    assert "starproof scope declare FILE" in scopes.run("list")
    assert scopes.json("list")["versions"] == []
    assert "starproof scope declare FILE" in scopes.run("show", code=1)


def test_a_version_is_shown_and_its_file_comes_out_byte_for_byte(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    windows = FIRST.replace(b"\n", b"\r\n")
    file, db = tmp_path / "scope.toml", f"sqlite:///{tmp_path / 'starproof.db'}"
    for data in (windows, SECOND):
        file.write_bytes(data)
        assert command.main(["declare", str(file), "--db", db], clock=lambda: OCTOBER) == 0
    capsysbinary.readouterr()
    assert command.main(["show", "1", "--file", "--db", db]) == 0
    assert capsysbinary.readouterr().out == windows
    assert command.main(["show", "--file", "--db", db]) == 0
    assert capsysbinary.readouterr().out == SECOND


def test_without_a_number_the_newest_version_is_shown(scopes: Scopes) -> None:
    scopes.declare()
    scopes.declare(SECOND)
    text = scopes.run("show")
    assert "第 2 版" in text
    assert "bandwidth_mbps: 100 → 200" in text
    assert "\nbandwidth_mbps = 200" in text
    assert "\nbandwidth_mbps = 100" in scopes.run("show", 1)
    document = scopes.json("show", 1)
    assert (document["schema"], document["version"]) == ("starproof/scope-version/1", 1)
    assert document["file"].encode() == FIRST


def test_a_version_that_is_not_there_is_an_error(scopes: Scopes) -> None:
    scopes.declare()
    assert "there is no version 2, the newest is 1; see starproof scope list" in scopes.run("show", 2, code=1)


@pytest.mark.parametrize(
    "arguments",
    [(), ("fly",), ("declare",), ("show", "0"), ("show", "-1"), ("show", "two"), ("show", "1" * 10)],
)
def test_wrong_usage_ends_with_status_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("arguments", [("list",), ("show",)])
def test_reading_makes_no_database(scopes: Scopes, arguments: tuple[str, ...]) -> None:
    assert "there is no store at" in scopes.run(*arguments, code=1)
    assert not (scopes.folder / "state").exists()


def test_a_version_changed_in_the_database_is_found(scopes: Scopes) -> None:
    scopes.declare()
    scopes.declare(SECOND)
    with sqlite3.connect(scopes.folder / "state" / "starproof.db") as connection:
        connection.execute("UPDATE scope_version SET file = ? WHERE version = 1", (SECOND,))
    connection.close()
    message = "version 1 of the scope: the file is not the one that was declared"
    for arguments in (("list",), ("show",), ("declare", scopes.file(FIRST))):
        assert message in scopes.run(*arguments, code=1)


def test_what_a_scope_says_cannot_steer_a_terminal(scopes: Scopes) -> None:
    scopes.declare()
    odd = FIRST.replace('"机房搬迁"'.encode(), b'"\\u001b[2J\\u202e"')
    text = scopes.declare(odd) + scopes.run("list") + scopes.run("show") + scopes.run("list", "--json")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J" in text


def test_the_door_knows_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("declare", "list", "show"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["scope", name, "--help"])
        assert ended.value.code == 0
        assert f"example: starproof scope {name}" in capsys.readouterr().out


def test_the_default_database_is_that_of_the_other_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert command.main(["declare", str(EXAMPLES / "scope.toml")], clock=lambda: OCTOBER) == 0
    assert (tmp_path / "starproof" / "collector" / "starproof.db").is_file()
    assert command.main(["list"]) == 0
    assert "第 1 版" in capsys.readouterr().out
