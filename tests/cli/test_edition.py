"""``starproof edition``: list, show, validate."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from config import EDITIONS
from starproof import cli, rules
from starproof.commands import edition as command
from starproof.edition_text import print_edition, print_editions
from starproof.rules import read_edition, read_rules
from verifier.editions import load_edition
from verifier.errors import EditionError, ScopeError

SHIPPED = EDITIONS / "jiangsu-2018-trial.toml"
FOLDER = Path(__file__).parents[1] / "editions"
YUNMENG, INCOMPLETE = FOLDER / "yunmeng-2031.toml", FOLDER / "yunmeng-2032.toml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def starproof(*arguments: object) -> tuple[int, str, str]:
        status = cli.main(["edition", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return starproof


def changed(folder: Path, old: str, new: str, *, file: Path = YUNMENG) -> Path:
    text = file.read_text(encoding="utf-8")
    assert old in text
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def shown(path: Path | None = None) -> str:
    out = Console(file=io.StringIO(), width=80, highlight=False)
    print_edition(read_edition(path, "jiangsu-2018-trial")[0], out)
    return out.file.getvalue()


def test_list_names_what_ships_with_its_hash(run) -> None:
    status, out, _ = run("list")
    edition = load_edition()
    assert status == 0
    for text in (edition.id, edition.title_zh, "完整 complete", edition.sha256):
        assert text in out
    status, out, _ = run("list", "--json")
    assert (status, json.loads(out)) == (
        0,
        {
            "editions": [
                {
                    "id": edition.id,
                    "title_zh": edition.title_zh,
                    "title_en": edition.title_en,
                    "complete": "yes",
                    "sha256": edition.sha256,
                }
            ]
        },
    )


def test_show_prints_the_edition_that_ships_unless_told_otherwise(run) -> None:
    assert run("show") == run("show", "jiangsu-2018-trial")
    status, out, _ = run("show", "--file", YUNMENG)
    assert status == 0
    assert "云梦省上云企业分级办法（虚构）" in out


def test_show_prints_everything_in_80_columns() -> None:
    text = shown()
    edition = load_edition()
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 80
    flat = "".join(text.split())
    for row in edition.rows:
        assert f"{row.item or row.domain}{'（注1）' if row.footnote else ''}" in flat
        assert row.id in flat
    for part in (*edition.stars, *edition.criteria, *edition.rules, *edition.attachments):
        assert part.name_zh.replace(" ", "") in flat
    for star in edition.stars:
        assert star.decided_by_zh in flat
    for rule in edition.rules:
        assert rule.definition in flat
        assert rule.note_zh in flat
    for words in (
        "三星年度≥5万元四星年度≥50万元五星≥400万元",
        "三星月≥30%四星月≥50%五星月≥80%",
        "统计1个月pooled缺失bounds/1覆盖率≥0.9替代scope",
        "核心业务（信息技术服务以外的子类）9子类135",
        "只适用于信息技术服务企业",
        "2018-2020年，每年4月和9月各组织一批",
        "、".join(edition.regions),
        "《星级上云企业评定申请表》（试行）江苏省经信委编制",
    ):
        assert words in flat


def test_show_says_what_an_incomplete_edition_lacks() -> None:
    text = shown(INCOMPLETE)
    assert "不完整 incomplete" in text
    assert "未知 unknown business：业务需实现的项数未公开" in text
    assert "标准级 未知 unknown  标杆级 未知 unknown" in text
    assert "2 子类    未知    未知" in text
    for absent in ("配套证明材料", "申报批次", "地区 regions", "申请表"):
        assert absent not in text


def test_an_edition_without_criteria_and_figures_has_no_empty_headings(tmp_path: Path) -> None:
    text = YUNMENG.read_text(encoding="utf-8")
    start, end = text.index("[[criteria]]"), text.index("[indicators.connected_devices]")
    rows = [line for line in text[:start].splitlines() if 'kind = "figure"' not in line]
    path = tmp_path / "bare.toml"
    path.write_text("criteria = []\nindicators = {}\n" + "\n".join(rows), encoding="utf-8")
    assert end > start
    assert "评定标准" not in shown(path)
    assert "综合绩效" not in shown(path)


def test_json_holds_the_whole_edition(run) -> None:
    status, out, _ = run("show", "--file", INCOMPLETE, "--json")
    document = json.loads(out)
    assert status == 0
    assert document["complete"] == "no"
    assert [star["id"] for star in document["stars"]] == ["1", "2"]
    assert document["rules"][1]["thresholds"] == {}
    assert document["application"] is None
    assert len(document["rows"]) == 8


def test_an_edition_that_does_not_ship_is_answered_in_one_line(run) -> None:
    status, out, err = run("show", "jiangsu-2018")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "did you mean jiangsu-2018-trial?" in err


@pytest.mark.parametrize("path", [SHIPPED, YUNMENG, INCOMPLETE])
def test_validate_answers_a_sound_file_with_its_hash(run, path: Path) -> None:
    edition, _ = read_edition(Path(str(path)), "")
    status, out, err = run("validate", path)
    assert (status, err) == (0, "")
    assert edition.sha256 in out
    assert json.loads(run("validate", path, "--json")[1])["sha256"] == edition.sha256


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('unit = "台"\n', "", "edition: [indicators]: [connected_devices]: the key 'unit' is missing"),
        ('1 = "20"', '1 = "twenty"', "[thresholds]: 1: 'twenty' is not a plain decimal such as 30 or 2.5"),
        ('"cpu.busy/1"', '"cpu.busy/2"', "does not exist (did you mean cpu.busy/1?); write cpu.busy/1"),
        ('unit = "%"', 'unit = "台"', 'write unit = "%"'),
    ],
)
def test_validate_says_the_place_and_what_to_write(
    run, tmp_path: Path, old: str, new: str, line: str
) -> None:
    status, out, err = run("validate", changed(tmp_path, old, new))
    assert (status, out) == (1, "")
    assert err.startswith("starproof edition: ")
    assert err.count("\n") == 1
    assert line in err


def test_a_changed_copy_must_not_keep_the_id_of_an_edition_that_ships(run, tmp_path: Path) -> None:
    path = changed(tmp_path, '5 = "25"', '5 = "12.5"', file=Path(str(SHIPPED)))
    status, _, err = run("validate", path)
    assert status == 1
    assert "give the changed one another id" in err
    renamed = changed(tmp_path, '"jiangsu-2018-trial"', '"jiangsu-2018-mine"', file=path)
    assert run("validate", renamed)[0] == 0


def test_what_a_file_says_cannot_steer_the_terminal(run, tmp_path: Path) -> None:
    path = changed(tmp_path, 'zh = "标准级"', 'zh = "\\u001b[2J标准级[red]"')
    for arguments in (["show", "--file", path], ["validate", path], ["show", "--file", path, "--json"]):
        status, out, _ = run(*arguments)
        assert status == 0
        assert "\x1b[2J" not in out
    assert "[red]" in run("show", "--file", path)[1]
    hostile = changed(tmp_path, 'id = "yunmeng-2031"', 'id = "\\u001b[2J"')
    status, _, err = run("validate", hostile)
    assert status == 1
    assert "\x1b" not in err


def test_a_file_that_is_not_there_or_too_long_is_refused(run, tmp_path: Path, monkeypatch) -> None:
    assert "cannot read the edition" in run("validate", tmp_path / "none.toml")[2]
    assert "cannot read the edition" in run("validate", tmp_path)[2]
    monkeypatch.setattr(rules, "MAX_EDITION_BYTES", 100)
    assert "is larger than 100 bytes" in run("validate", YUNMENG)[2]


def test_wrong_usage_is_answered_by_the_parser(run) -> None:
    for arguments in ([], ["fly"], ["show", "jiangsu-2018-trial", "--file", YUNMENG], ["validate"]):
        with pytest.raises(SystemExit) as stopped:
            run(*arguments)
        assert stopped.value.code == 2


def test_a_reader_who_leaves_early_is_no_fault(monkeypatch) -> None:
    def leave(*_arguments: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(command, "print_editions", leave)
    assert command.main(["list"]) == 1


def test_the_rules_of_a_scope_name_an_edition_that_ships(tmp_path: Path) -> None:
    assert read_rules().declared.edition.id == "jiangsu-2018-trial"
    path = tmp_path / "scope.toml"
    path.write_text(
        'schema = "starproof/scope/1"\nenterprise = "x"\ntimezone = "Asia/Shanghai"\nedition = "yunmeng-2031"\n'
        'window = { from = 2026-11-01, to = 2026-11-30 }\nhosts = [{ id = "web-1" }]\n',
        encoding="utf-8",
    )
    with pytest.raises(EditionError, match="'yunmeng-2031' does not ship"):
        read_rules(scope_file=path)
    with pytest.raises(ScopeError, match="cannot read the scope"):
        read_rules(scope_file=tmp_path / "none.toml")


def test_print_editions_writes_to_the_terminal_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    print_editions([load_edition()])
    assert "jiangsu-2018-trial" in capsys.readouterr().out
