"""The commands of an application: verify, form, report and pack with a profile, and what a pack gives back."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packs import CONTRACT, FULL_PACK, LOG_KEY, PACK, PROFILE, SCOPE, write_mail
from rich.cells import cell_len
from rich.console import Console

from documents.errors import FontError
from starproof import cli, copies, extras
from starproof.output import new_file, write_new
from starproof.star_text import print_verdict
from verifier import layout
from verifier.errors import OutputError

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "examples" / "month"
ROOT = EXAMPLE.parents[2]
NAME = "江苏示例精密机械有限公司"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that holds the processor figures of the example month."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'starproof.db'}"
    arguments = ["import", "csv", EXAMPLE / "cpu.csv", "--period", "300", "--db", url, "--enterprise", NAME]
    assert cli.main([*map(str, arguments)]) == 0
    return url


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def starproof(*arguments: object) -> tuple[int, str, str]:
        status = cli.main([*map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return starproof


def example(db: str) -> list[object]:
    return [
        "--month", "2026-10", "--db", db,
        "--scope", EXAMPLE / "scope.toml", "--profile", EXAMPLE / "profile.toml",
    ]  # fmt: skip


def packed_file(folder: Path, data: bytes) -> tuple[Path, Path]:
    pack, key = folder / "pack.zip", folder / "log.pub"
    pack.write_bytes(data)
    key.write_text(LOG_KEY.public.raw.hex() + "\n")
    return pack, key


def test_verify_says_which_star_is_supported_and_what_blocks_the_next(db, run):
    status, out, _ = run("verify", *example(db))
    assert status == 0
    assert "未支持任何星级" in out  # bandwidth and operations were not imported here
    assert "业务主机宽带使用率" in out
    answer = json.loads(run("verify", *example(db), "--json")[1])
    verdicts = {entry["id"]: entry["answers"]["3"]["verdict"] for entry in answer["verdict"]["criteria"]}
    assert (verdicts["cpu_utilization"], verdicts["bandwidth_utilization"]) == ("PASS", "NO_DATA")
    assert answer["figures"]["provisional"] == "no"


def test_a_month_in_the_future_is_refused(db, run):
    status, _, err = run("verify", "--month", "2098-01", "--db", db)
    assert (status, "2098-01 has not begun" in err) == (1, True)


def test_the_form_is_a_word_file_and_nothing_is_overwritten(db, run, tmp_path):
    out = tmp_path / "申请表.docx"
    assert run("form", *example(db), "--out", out)[0] == 0
    with zipfile.ZipFile(out) as file:
        assert NAME in file.read("word/document.xml").decode()
    status, _, err = run("form", *example(db), "--out", out)
    assert (status, "is there already and is not overwritten" in err) == (1, True)


def test_reports_are_rendered_by_their_ending(db, run, tmp_path):
    for name, beginning in (("r.html", b"<!DOCTYPE html>"), ("r.json", b'{"calendar"')):
        status, out, _ = run("report", *example(db), "--out", tmp_path / name, "--json")
        assert (status, json.loads(out)["schema"]) == (0, "starproof/written/1")
        assert (tmp_path / name).read_bytes().lower().startswith(beginning.lower())
    english = tmp_path / "en.html"
    run("report", *example(db), "--out", english, "--language", "en")
    assert 'lang="en"' in english.read_text("utf-8")


def test_a_pdf_needs_a_font_and_says_so(db, run, tmp_path):
    status, _, err = run("report", *example(db), "--out", tmp_path / "r.pdf", "--font", tmp_path / "none.ttf")
    assert (status, "does not exist" in err, "HTML report needs no font" in err) == (1, True, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "--out", "r.txt", "--month", "2026-10"], "--out ends with .pdf, .html, .json"),
        (["report", "--out", "r.html"], "give --month YYYY-MM, or --pack FILE.zip"),
        (["report", "--out", "r.html", "--pack", "p.zip", "--month", "2026-10"], "leave out --month"),
        (["form", "--out", "f.docx", "--month", "2026-10"], "give --profile FILE"),
        (["form", "--out", "f.pdf", "--month", "2026-10", "--profile", "p.toml"], "--out ends with .docx"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_pack_holds_form_pages_profile_and_documents(db, run, tmp_path):
    out = tmp_path / "p.zip"
    status, said, _ = run("pack", *example(db), "--out", out, "--json")
    answer = json.loads(said)
    assert (status, answer["star"]) == (0, None)
    with zipfile.ZipFile(out) as pack:
        names = set(pack.namelist())
        shipped = (EXAMPLE / "profile.toml").read_bytes()
        assert pack.read(layout.PROFILE) == shipped
    assert {layout.FORM, layout.REPORT_HTML, layout.VERDICT, layout.REPORT} <= names
    assert len([name for name in names if layout.document_hash(name)]) == shipped.count(b"[[documents]]")
    assert set(answer["copies"]) <= names
    key = Path(db.removeprefix("sqlite:///")).parent / "log.pub"
    status, said, _ = run("check", out, "--log-key", key)
    # Imported after the month: nothing was logged on its days.
    assert (status, "LOG_DAY_MISSING" in said, "LOG_NOT_CLOSED" in said) == (2, True, True)
    assert ("已申报" in said, "What is declared" in said) == (True, True)
    again = tmp_path / "again.html"
    assert run("report", "--pack", out, "--log-key", key, "--out", again)[0] == 0
    with zipfile.ZipFile(out) as pack:
        assert again.read_bytes() == pack.read(layout.REPORT_HTML)
        form = tmp_path / "again.docx"
        assert run("form", "--pack", out, "--log-key", key, "--out", form)[0] == 0
        assert form.read_bytes() == pack.read(layout.FORM)


def test_nothing_is_rendered_from_a_pack_that_fails(run, tmp_path):
    pack, _ = packed_file(tmp_path, FULL_PACK)
    pack.write_bytes(FULL_PACK[:-5] + b"xxxxx")
    status, _, err = run("report", "--pack", pack, "--out", tmp_path / "r.html")
    assert (status, "does not pass its check (CONTAINER)" in err) == (1, True)
    assert not (tmp_path / "r.html").exists()


def test_a_pack_is_rendered_without_a_key_though_who_signed_is_not_proved(run, tmp_path):
    pack, _ = packed_file(tmp_path, FULL_PACK)
    assert run("report", "--pack", pack, "--out", tmp_path / "r.json")[0] == 0
    assert json.loads((tmp_path / "r.json").read_bytes())["profile"]["region"] == "苏州"


def test_what_is_not_proved_is_said_when_pages_are_drawn_from_a_pack(run, tmp_path):
    pack, key = packed_file(tmp_path, FULL_PACK)
    _, _, err = run("report", "--pack", pack, "--out", tmp_path / "r.html")
    assert "the check is incomplete: DAY_NOT_ANCHORED, LOG_KEY_NOT_GIVEN, SCOPE_NOT_ANCHORED" in err
    held = ["--log-key", key, "--mailbox", write_mail(tmp_path / "mail", FULL_PACK)]
    assert run("report", "--pack", pack, *held, "--out", tmp_path / "again.html")[2] == ""


@pytest.mark.parametrize("option", ["--mailbox", "--tsa-root", "--object"])
def test_what_confirms_a_pack_is_refused_where_there_is_none(db, run, tmp_path, option, capsys):
    with pytest.raises(SystemExit) as stop:
        run("report", "--month", "2026-10", "--db", db, option, tmp_path, "--out", tmp_path / "r.html")
    assert stop.value.code == 2
    assert "confirm the anchors of a pack" in capsys.readouterr().err


def test_a_profile_that_disagrees_with_the_store_is_refused_before_anything_is_drawn(db, run, tmp_path):
    other = tmp_path / "profile.toml"
    other.write_text((EXAMPLE / "profile.toml").read_text("utf-8").replace(NAME, "别的企业"), "utf-8")
    arguments = ["--month", "2026-10", "--db", db, "--scope", EXAMPLE / "scope.toml", "--profile", other]
    for command in (
        ["verify"],
        ["report", "--out", tmp_path / "r.html"],
        ["form", "--out", tmp_path / "f.docx"],
    ):
        status, _, err = run(*command, *arguments)
        assert (status, "applicant.name is 别的企业" in err) == (1, True)


def test_the_form_of_a_pack_needs_a_profile_in_it(run, tmp_path):
    pack, key = packed_file(tmp_path, PACK)
    status, _, err = run("form", "--pack", pack, "--log-key", key, "--out", tmp_path / "f.docx")
    assert (status, "holds no profile" in err) == (1, True)


def test_a_key_that_is_none_is_refused_without_its_words(run, tmp_path):
    pack, key = packed_file(tmp_path, FULL_PACK)
    key.write_text("not a key: secret")
    status, _, err = run("report", "--pack", pack, "--log-key", key, "--out", tmp_path / "r.html")
    assert (status, "does not hold a public log key" in err, "secret" in err) == (1, True, False)


def test_a_pack_that_is_not_there_is_named(run, tmp_path):
    status, _, err = run("report", "--pack", tmp_path / "none.zip", "--out", tmp_path / "r.html")
    assert (status, "cannot read" in err, "none.zip" in err) == (1, True, True)


def test_the_last_declared_scope_is_used_when_none_is_named(run, tmp_path):
    url = f"sqlite:///{tmp_path / 'starproof.db'}"
    scope, profile = tmp_path / "scope.toml", tmp_path / "profile.toml"
    scope.write_bytes(SCOPE)
    profile.write_bytes(PROFILE)
    (tmp_path / "contract.txt").write_bytes(CONTRACT)
    assert run("scope", "declare", scope, "--db", url)[0] == 0
    answer = json.loads(run("verify", "--month", "2026-11", "--profile", profile, "--db", url, "--json")[1])
    assert answer["figures"]["scope_given"] == "yes"
    assert [host["host"] for host in answer["figures"]["indicators"][2]["hosts"]] == ["db-1", "web-1"]


def test_an_edition_that_does_not_ship_is_used_and_trusted_when_it_is_given(db, run, tmp_path):
    edition = ROOT / "tests" / "editions" / "yunmeng-2031.toml"
    text = edition.read_text("utf-8").replace("months = 3", "months = 1")
    mine = tmp_path / "mine.toml"
    mine.write_text(text, "utf-8")
    out = tmp_path / "p.zip"
    assert run("pack", "--month", "2026-10", "--edition", mine, "--db", db, "--out", out)[0] == 0
    key = Path(db.removeprefix("sqlite:///")).parent / "log.pub"
    status, said, _ = run("check", out, "--log-key", key)
    assert (status, "EDITION_UNKNOWN" in said) == (2, True)
    status, said, _ = run("check", out, "--log-key", key, "--edition", mine)
    assert (status, "EDITION_UNKNOWN" in said) == (2, False)
    status, _, err = run("check", out, "--log-key", key, "--edition", tmp_path / "none.toml")
    assert (status, "cannot read the edition" in err) == (1, True)
    assert run("report", "--pack", out, "--edition", mine, "--out", tmp_path / "r.json")[0] == 0


def test_a_pack_is_made_without_copies_where_the_extra_is_missing(db, run, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "DOCUMENTS", ("a_package_that_nobody_has",))
    status, _, err = run("pack", *example(db), "--out", tmp_path / "p.zip")
    assert (status, "no form and no pages" in err, "starproof[documents]" in err) == (0, True, True)
    status, _, err = run("form", *example(db), "--out", tmp_path / "f.docx")
    assert (status, "needs the extra 'documents'" in err) == (1, True)


def test_a_pack_is_made_without_a_pdf_where_no_font_is_found(db, run, tmp_path):
    status, out, _ = run(
        "pack", *example(db), "--out", tmp_path / "p.zip", "--font", tmp_path / "none.ttf", "--json"
    )
    answer = json.loads(out)
    assert (status, layout.REPORT_PDF in answer["copies"]) == (0, False)
    assert "the pack has no PDF" in answer["without"][0]
    assert issubclass(FontError, Exception)


def test_a_reviewer_without_a_store_renders_from_a_pack(tmp_path):
    """The extra collector is for those who collect; nothing of it is imported for a pack."""
    pack, key = packed_file(tmp_path, FULL_PACK)
    script = (
        "import sys\n"
        "for name in ('sqlalchemy', 'alembic', 'starlette', 'uvicorn'): sys.modules[name] = None\n"
        "from starproof.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["report", "--pack", pack, "--log-key", key, "--out", tmp_path / "r.html"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_a_store_needs_its_extra(run, tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "COLLECTOR", ("a_package_that_nobody_has",))
    status, _, err = run("report", "--month", "2026-10", "--out", tmp_path / "r.html")
    assert (status, "needs the extra 'collector'" in err) == (1, True)


def test_what_was_not_written_whole_is_not_there(tmp_path):
    target = tmp_path / "out.bin"

    def interrupted() -> None:
        with new_file(target) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    write_new(target, b"whole")
    assert target.read_bytes() == b"whole"
    with pytest.raises(OutputError, match="cannot write"):
        write_new(tmp_path / "no" / "folder.bin", b"")


def terminal(verdict: dict[str, object]) -> str:
    out = io.StringIO()
    print_verdict(verdict, Console(file=out, width=80, color_system=None))
    return out.getvalue()


def verdict_of(data: bytes) -> dict:
    with zipfile.ZipFile(io.BytesIO(data)) as pack:
        return json.loads(pack.read(layout.VERDICT))


def test_the_terminal_fits_eighty_columns_and_names_what_is_not_asked():
    verdict = verdict_of(FULL_PACK)
    text = terminal(verdict)
    assert "公有云" in text
    assert "不适用" in text  # IT services
    assert "无要求" in text  # deep application at three stars
    table = text.split("未支持任何星级")[0]
    assert max(cell_len(line) for line in table.splitlines()) <= 80


def test_the_terminal_says_provisional_unknown_and_the_highest_star():
    verdict = verdict_of(FULL_PACK)
    verdict |= {
        "star": "5", "star_name_zh": "五星", "star_name_en": "five stars", "next": None,
        "provisional": "yes", "rests_on_declared": "no",
    }  # fmt: skip
    verdict["edition"]["unknown"] = [{"about": "table", "zh": "阈值未载", "en": "not stated"}]
    text = terminal(verdict)
    assert "支持五星" in text
    assert "暂定" in text
    assert "阈值未载" in text
    assert "还缺" not in text
    assert copies.LANGUAGES == ("zh-CN", "en")


def test_a_check_writes_its_page_beside_what_it_says_and_never_over_a_file(run, tmp_path):
    pack, key = packed_file(tmp_path, FULL_PACK)
    page = tmp_path / "check.html"
    status, said, _ = run("check", pack, "--log-key", key, "--html", page, "--json")
    assert (status, json.loads(said)["outcome"]) == (2, "incomplete")
    text = page.read_text()
    assert ("不完整" in text, "INCOMPLETE" in text) == (True, True)
    status, said, err = run("check", pack, "--log-key", key, "--html", page)
    assert (status, said, "is there already" in err) == (1, "", True)
    assert run("check", pack, "--log-key", key, "--html", tmp_path / "en.html", "--lang", "en")[0] == 2
    assert "不完整" not in (tmp_path / "en.html").read_text()
