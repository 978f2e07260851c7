"""``starproof region``: packs that are really checked, keys of enterprises, files that are written once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook
from packs import (
    ARCHIVE,
    EDITION,
    FULL_PACK,
    LOG_KEY,
    OTHER,
    SCOPE,
    SCOPED_PACK,
    contents,
    declared_scope,
    packed,
    resigned,
    write_mail,
)

import starproof.commands.region as command
from documents.region import CheckedPack, checked_pack
from evidence.keys import PrivateKey
from starproof.commands.region import main
from verifier.check import CheckReport
from verifier.finding import CATALOGUE

ENTERPRISE = "示例企业"
SHORT_SCOPE = SCOPE.replace(b"to = 2026-11-30", b"to = 2026-11-28")
REPORT = {
    "verdict": {
        "edition": {"id": "jiangsu-2018-trial"}, "star": "4", "provisional": "no",
        "stars": [{"id": "4", "standing": "SUPPORTED"}],
    },
    "profile": {"region": "苏州"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.zip").write_bytes(SCOPED_PACK)
    write_mail(tmp_path / "mail", SCOPED_PACK)
    (tmp_path / "keys").mkdir()
    write_key(tmp_path / "keys" / f"{ENTERPRISE}.pub", LOG_KEY)
    (tmp_path / "keys" / "README.txt").write_text("no key")
    return tmp_path


@pytest.fixture
def with_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every check that made figures the report of a four-star enterprise in 苏州."""

    def made(report: CheckReport, document: object, *, sha256: str, file: str) -> CheckedPack:
        return checked_pack(report, REPORT if report.figures else None, sha256=sha256, file=file)

    monkeypatch.setattr(command, "checked_pack", made)


def write_key(path: Path, key: PrivateKey) -> Path:
    path.write_text(key.public.raw.hex() + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    """Run the command for a reviewer who has a mailbox beside the packs, if there is one."""
    mail = Path(str(arguments[0])).parent / "mail"
    brought = ("--mailbox", mail) if mail.is_dir() else ()
    assert main([str(argument) for argument in (*arguments, *brought)]) == code
    out, err = capsys.readouterr()
    assert bool(err) == bool(code)
    return err if code else out


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    return json.loads(run(capsys, *arguments, "--json"))


def reasons(document: dict) -> list[str]:
    return [pack["reason"] for pack in document["packs"]]


@pytest.mark.usefixtures("with_report")
def test_a_pack_checked_with_its_enterprises_key_counts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "附件3.csv"
    document = answer(capsys, folder / "a.zip", "--log-keys", folder / "keys", "--out", out)
    [pack] = document["packs"]
    assert (pack["enterprise"], pack["outcome"], pack["reason"]) == (ENTERPRISE, "pass", "COUNTED")
    assert pack["sha256"] == hashlib.sha256(SCOPED_PACK).hexdigest()
    counts = {row["region"]: row["stars"] for row in document["regions"]}
    assert counts["苏州"] == {"3": 0, "4": 1, "5": 0}
    assert sum(sum(stars.values()) for stars in counts.values()) == 1
    assert {row["new"] for row in document["regions"]} == {None}
    rows = list(csv.reader(io.StringIO(out.read_bytes().decode("utf-8-sig"))))
    assert rows[1] == ["2026年度“企业上云”目标任务情况表"]
    assert ["苏州", "", "0", "1", "0"] in rows


@pytest.mark.usefixtures("with_report")
def test_a_key_of_another_enterprise_does_not_count_for_this_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = folder / "others"
    keys.mkdir()
    write_key(keys / "别家企业.pub", LOG_KEY)
    document = answer(capsys, folder / "a.zip", "--log-keys", keys, "--out", folder / "x.csv")
    assert reasons(document) == ["INCOMPLETE"]
    assert document["packs"][0]["codes"] == ["LOG_KEY_NOT_GIVEN"]


@pytest.mark.usefixtures("with_report")
def test_keys_for_anybody_are_found_by_what_the_pack_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, right = write_key(folder / "wrong.pub", OTHER), folder / "keys" / f"{ENTERPRISE}.pub"
    both = ("--log-key", wrong, "--log-key", right)
    assert reasons(answer(capsys, folder / "a.zip", *both, "--out", folder / "1.csv")) == ["COUNTED"]
    document = answer(
        capsys, folder / "a.zip", "--log-key", wrong, "--year", "2026", "--out", folder / "2.csv"
    )
    assert reasons(document) == ["FAILED"]
    assert "LOG_KEY" in document["packs"][0]["codes"]


@pytest.mark.usefixtures("with_report")
def test_without_a_key_a_pack_counts_only_where_incomplete_ones_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = folder / "a.zip"
    assert reasons(answer(capsys, pack, "--out", folder / "1.csv")) == ["INCOMPLETE"]
    assert reasons(answer(capsys, pack, "--count-incomplete", "--out", folder / "2.csv")) == ["COUNTED"]


@pytest.mark.usefixtures("with_report")
def test_what_fails_is_listed_with_its_codes_and_the_rest_is_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.zip").write_bytes(b"no pack at all")
    forged = resigned(contents(SCOPED_PACK), OTHER)
    (folder / "c.zip").write_bytes(forged)
    (folder / "d.zip").write_bytes(SCOPED_PACK)
    packs = [folder / f"{name}.zip" for name in "abcd"]
    document = answer(capsys, *packs, "--log-keys", folder / "keys", "--out", folder / "x.xlsx")
    assert reasons(document) == ["COUNTED", "FAILED", "FAILED", "SAME_FILE"]
    assert [pack["codes"] for pack in document["packs"][1:3]] == [["CONTAINER"], ["STATEMENT_SIGNATURE"]]
    book = load_workbook(folder / "x.xlsx")
    assert [row[9].value for row in book["证据包清单"].iter_rows(min_row=2)][1].endswith("CONTAINER")


@pytest.mark.usefixtures("with_report")
def test_what_to_read_beside_a_pass_is_told_everywhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = packed(ARCHIVE, declared_scope(SHORT_SCOPE))
    (folder / "short.zip").write_bytes(short)
    (folder / "mail").rename(folder / "mail of the other log")
    write_mail(folder / "mail", short)
    known = ("--log-keys", folder / "keys")
    [pack] = answer(capsys, folder / "short.zip", *known, "--out", folder / "1.csv")["packs"]
    assert (pack["reason"], pack["notes"]) == ("COUNTED", ["WINDOW_SHORT"])
    said = run(capsys, folder / "short.zip", *known, "--out", folder / "2.csv")
    assert f"提示 note WINDOW_SHORT: {'  '.join(CATALOGUE['WINDOW_SHORT'][1:])}" in said


@pytest.mark.usefixtures("with_report")
def test_a_pack_whose_days_nothing_from_outside_confirms_is_incomplete(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mail").rename(folder / "other mail")
    document = answer(capsys, folder / "a.zip", "--log-keys", folder / "keys", "--out", folder / "x.csv")
    assert reasons(document) == ["INCOMPLETE"]
    assert document["packs"][0]["codes"] == ["DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"]


def test_a_pack_without_a_profile_is_listed_not_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "x.docx"
    text = run(capsys, folder / "a.zip", "--log-keys", folder / "keys", "--out", out)
    assert "证据包 packs 1, 计入企业 enterprises counted 0" in text
    assert f"a.zip  {ENTERPRISE} 2026-11: 申报资料未写地区" in text
    assert Document(str(out)).tables[0].rows[0].cells[0].text == "地区"


def test_region_and_standing_come_from_the_recomputed_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "full.zip").write_bytes(FULL_PACK)
    write_mail(folder / "mail", FULL_PACK)
    document = answer(capsys, folder / "full.zip", "--log-keys", folder / "keys", "--out", folder / "x.csv")
    [pack] = document["packs"]
    assert (pack["region"], pack["star"], pack["reason"]) == ("苏州", "", "NO_STAR")
    assert set(pack["standings"]) == {"3", "4", "5"}


def test_a_file_that_cannot_be_read_is_listed_and_the_rest_is_counted(
    folder: Path, with_report: None, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = [folder / "a.zip", folder / "missing.zip"]
    document = answer(capsys, *packs, "--log-keys", folder / "keys", "--out", folder / "x.csv")
    assert reasons(document) == ["COUNTED", "FAILED"]
    assert document["packs"][1]["codes"] == ["UNREADABLE"]


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "x.csv"
    out.write_text("mine")
    assert "is there already" in run(capsys, folder / "a.zip", "--out", out, code=1)
    assert out.read_text() == "mine"
    assert "is there already" in run(capsys, folder / "a.zip", "--out", out, code=1)


@pytest.mark.usefixtures("with_report")
def test_the_year_can_be_asked_for_and_must_be_where_no_pack_says_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("--log-keys", folder / "keys")
    document = answer(capsys, folder / "a.zip", *keys, "--year", "2025", "--out", folder / "1.csv")
    assert (document["year"], reasons(document)) == (2025, ["OTHER_YEAR"])
    (folder / "b.zip").write_bytes(b"no pack")
    assert "--year YYYY" in run(capsys, folder / "b.zip", "--out", folder / "2.csv", code=1)
    assert not (folder / "2.csv").exists()
    assert answer(capsys, folder / "b.zip", "--year", "2026", "--out", folder / "3.csv")["year"] == 2026


@pytest.mark.usefixtures("with_report")
def test_an_edition_that_the_reviewer_trusts_gives_regions_and_stars(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = EDITION.replace(b'id = "jiangsu-2018-trial"', b'id = "mine"', 1)
    (folder / "mine.toml").write_bytes(other)
    options = ("--log-keys", folder / "keys", "--edition", folder / "mine.toml")
    document = answer(capsys, folder / "a.zip", *options, "--out", folder / "1.csv")
    assert (document["edition"], reasons(document)) == ("mine", ["OTHER_EDITION"])
    bare = other[: other.index(b"regions = [")] + other[other.index(b"]", other.index(b"regions = [")) + 1 :]
    (folder / "mine.toml").write_bytes(bare)
    assert "lists no regions" in run(capsys, folder / "a.zip", *options, "--out", folder / "2.csv", code=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such.zip", "--out", "x.csv"), "no pack says a month"),
        (("a.zip", "--out", "x.csv", "--log-key", "a.zip"), "does not hold a public log key"),
        (("a.zip", "--out", "x.csv", "--log-key", "no-such.pub"), "no-such.pub"),
        (("a.zip", "--out", "x.csv", "--log-keys", "empty"), "holds no key"),
        (("a.zip", "--out", "x.csv", "--log-keys", "twice"), "two keys of this enterprise"),
        (("a.zip", "--out", "no/such/folder/x.csv"), "No such file"),
        (("a.zip", "--out", "x.csv", "--edition", "no-such.toml"), "no-such.toml"),
    ],
)
def test_an_error_is_one_line(
    arguments: tuple[str, ...], says: str, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    (folder / "twice").mkdir()
    write_key(folder / "twice" / "甲（一）.pub", LOG_KEY)
    write_key(folder / "twice" / "甲(一).pub", OTHER)
    error = run(capsys, *arguments, code=1)
    assert says in error
    assert len(error.splitlines()) == 1
    assert not (folder / "x.csv").exists()


def test_a_private_key_is_refused_and_not_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = folder / "log.key"
    secret.write_text("7" * 64)
    error = run(capsys, folder / "a.zip", "--out", folder / "x.csv", "--log-key", secret, code=1)
    assert "7777" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("a.zip",), ("a.zip", "--out", "x.pdf"), ("a.zip", "--out", "x.csv", "--year", "26"),
        ("a.zip", "--out", "x.csv", "--log-key", "k", "--log-keys", "d"),
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_on_a_terminal_every_pack_is_announced(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main([str(folder / "a.zip"), "--out", str(folder / "x.csv")]) == 0
    assert capsys.readouterr().err == "核验 checking 1/1 a.zip\n"
