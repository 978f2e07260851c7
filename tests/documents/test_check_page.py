"""The page of a check: everything that was found, nothing that could run, the same bytes again."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from packs import FULL_PACK, PACK, SCOPED_PACK, checked, chunk_names, contents, resigned

from documents.check_page import LANGUAGES, check_html
from documents.check_page import view as view_module
from documents.check_page.view import view
from documents.check_page.words import WORDS
from documents.errors import RenderError
from verifier import layout
from verifier.anchors.interface import NOTHING, Anchor, AnchoredDay, AnchorReport
from verifier.check import CheckReport
from verifier.finding import CATALOGUE, Finding
from verifier.steps import AUDIT_ONLY, STEPS

HOSTILE = "<script>alert('x')</script>\u202e\x1b[31m"


class Reader(HTMLParser):
    """Which elements there are, their attributes, and the text outside of styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._inside = tag

    def handle_data(self, data: str) -> None:
        self.text += "" if self._inside == "style" else data


def bad() -> CheckReport:
    entries = contents(SCOPED_PACK)
    name = chunk_names(entries)[0]
    entries[name] = entries[name][:-5] + b"xxxxx"
    return checked(resigned(entries))


def with_findings(*findings: Finding) -> CheckReport:
    report = checked(SCOPED_PACK)
    report.findings.extend(findings)
    return report


PASSED = checked(SCOPED_PACK)
OPEN = checked(SCOPED_PACK, key=None, outside=NOTHING)


@pytest.mark.parametrize(
    ("report", "chinese", "english"),
    [
        (PASSED, "通过", "PASS"),
        (OPEN, "不完整", "INCOMPLETE"),
        (bad(), "不通过", "FAIL"),
        (checked(b"no pack"), "不通过", "FAIL"),
    ],
)
def test_the_banner_is_the_outcome_in_each_language(report, chinese, english):
    for language in LANGUAGES:
        shown = re.search(r'class="headline">(.*?)</p>', check_html(report, language=language), re.DOTALL)
        assert shown is not None
        assert (chinese in shown[1]) == (language != "en")
        assert (english in shown[1]) == (language != "zh")


def test_every_step_stands_with_its_number_and_how_it_ended():
    page = view(OPEN)
    assert [(line.number, line.name) for line in page.steps] == [
        (str(step.number), (step.zh, step.en)) for step in STEPS
    ]
    states = {line.number: line.state for line in page.steps}
    assert (states["0"], states["1"], states["6"], states["10"]) == (
        "pass",
        "incomplete",
        "incomplete",
        "incomplete",
    )
    assert {line.state for line in view(PASSED).steps} == {"pass"}


def test_steps_that_had_nothing_to_judge_are_said_not_to_have_run():
    states = {line.number: line.state for line in view(checked(b"no pack")).steps}
    assert states == {"0": "fail", **{str(number): "not_run" for number in range(1, 10)}, "10": "fail"}
    entries = contents(SCOPED_PACK)
    for name in layout.LOG:
        del entries[name]
    without = {line.number: line.state for line in view(checked(resigned(entries))).steps}
    assert (without["5"], without["6"], without["4"]) == ("incomplete", "not_run", "pass")


def with_entry(name: str, body: bytes) -> CheckReport:
    return checked(resigned({**contents(SCOPED_PACK), name: body}))


@pytest.mark.parametrize(
    "report",
    [
        PASSED,
        OPEN,
        bad(),
        checked(b"no pack"),
        with_entry(layout.SCOPE, b"a = 5"),
        with_entry(layout.LOG_LEAVES, b""),
    ],
    ids=["passed", "open", "bad", "no pack", "no scope", "no leaves"],
)
def test_the_steps_are_those_of_the_text_and_of_json(report):
    told = [(str(one["number"]), one["state"], one["findings"]) for one in report.document()["steps"]]
    assert [(line.number, line.state, line.count) for line in view(report).steps] == told


def test_every_code_of_the_check_belongs_to_a_step():
    codes = {code for step in STEPS for code in step.codes}
    assert set(CATALOGUE) - AUDIT_ONLY - codes == set()


def test_findings_stand_under_their_step_worst_first_with_all_that_they_say():
    report = with_findings(
        Finding("TICKS_SHORT", "agent/0/2 cpu", "a"),
        Finding("TICKS_EXCEED", "agent/0/1 cpu", "z", "before 1793462400000 ms", "5 ticks"),
    )
    [group] = view(report).groups
    assert [(line.code, line.host) for line in group.lines] == [("TICKS_EXCEED", "z"), ("TICKS_SHORT", "a")]
    page = check_html(report)
    for text in ("TICKS_EXCEED", "agent/0/1 cpu", "before 2026-11-01T00:00:00+08:00", "5 ticks"):
        assert text in page
    assert all(sentence in page for sentence in CATALOGUE["TICKS_EXCEED"][1:])


def test_names_from_the_pack_are_text_and_everything_hidden_shows():
    report = with_findings(Finding("CHUNK", HOSTILE, HOSTILE, HOSTILE, HOSTILE))
    assert report.statement is not None
    report.statement = replace(report.statement, enterprise=HOSTILE, software=HOSTILE)
    for language in LANGUAGES:
        page = check_html(report, language=language)
        read = Reader(page)
        assert not {"script", "img", "iframe", "object", "form", "link"} & set(read.tags)
        assert not [name for name, _ in read.attributes if name.startswith("on")]
        assert [
            value for name, value in read.attributes if name in {"href", "src"} and value[:1] != "#"
        ] == []
        assert "<script>alert('x')</script>" in read.text
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert "default-src 'none'" in page


def test_the_same_check_gives_the_same_bytes_and_another_language_is_refused():
    assert check_html(checked(FULL_PACK)) == check_html(checked(FULL_PACK))
    with pytest.raises(RenderError, match="write both or zh or en"):
        check_html(PASSED, language="fr")


def test_one_language_holds_no_word_of_the_other():
    english = Reader(check_html(PASSED, language="en")).text.replace("示例企业", "")
    assert re.findall(r"[\u4e00-\u9fff]", english) == []
    chinese = Reader(check_html(PASSED, language="zh")).text
    assert not any(words[1] in chinese for name, words in WORDS.items() if len(words[1]) > 12)


def test_what_is_proved_shrinks_with_what_was_found():
    proved = [zh for zh, _ in view(PASSED).proved]
    assert any("自日志密钥持有人签名以来未被改动" in text for text in proved)
    assert any("统计期之前已经确定：外部证实于" in text for text in proved)
    assert "3 天由外部按时证实" in proved[-1]
    assert not any("没有统计期之前的锚定回执" in zh for zh, _ in view(PASSED).not_proved)
    opened = view(OPEN)
    assert not any("未被改动" in zh for zh, _ in opened.proved)
    assert any("未被改动" in zh for zh, _ in opened.not_proved)
    cut = view(with_findings(Finding("LOG_CUT", "agent/0/9", "web-1")))
    assert not any("不缺数据块" in zh for zh, _ in cut.proved)
    failed = view(bad())
    assert failed.proved == ()
    assert "不证明任何事项" in check_html(bad())
    assert any("计数器" in zh for zh, _ in failed.not_proved)


def test_anchors_stand_day_by_day_with_what_confirms_them():
    first, second, third = (739_556 + number for number in range(3))
    anchors = AnchorReport(
        anchors=(
            Anchor(9, "mail", "named", HOSTILE, None, "ask the mailbox"),
            Anchor(9, "rfc3161", "confirmed", "token", 1_793_555_000_000),
            Anchor(9, "print", "refused", "log book 9", None, "another checkpoint's code"),
        ),
        days=(
            AnchoredDay(
                first, 9, 1_793_555_000_000, True, ("rfc3161", "mail"), ("print",), 1_793_000_000_000, 2, 2
            ),
            AnchoredDay(second, 9, 1_793_999_000_000, False, ("mail",), (), None),
            AnchoredDay(third, 9, None, False, (), ("mail",), None),
            AnchoredDay(third + 1, 9, 1_793_999_000_000, True, ("mail",), (), None),
            AnchoredDay(third + 2, 9, 1_793_999_000_000, True, ("mail",), (), None, 3, 3, bridged=True),
        ),
    )
    report = checked(SCOPED_PACK)
    report.anchors = anchors
    page = view(report)
    assert [(day.state, day.by[0]) for day in page.days] == [
        ("in_time", "时间戳、邮件"),
        ("late", "邮件"),
        ("none", "仅列名：邮件"),
        ("empty", "邮件"),
        ("bridged", "邮件"),
    ]
    assert [day.chunks[0] for day in page.days] == ["2/2", "–", "–", "–", "3/3"]
    assert "1 天由外部按时证实" in check_html(report)
    assert [(line[0][0], line[2][0]) for line in page.unconfirmed] == [("邮件", "仅列名"), ("记录簿", "不符")]
    assert page.rules == ("未证实", "not confirmed")
    text = Reader(check_html(report)).text
    for part in ("2026-11-02 01:43", "2025-11-02", "another checkpoint's code"):
        assert part in text
    assert "没有可用的日志" in check_html(replace(report, anchors=None))


def test_figures_star_and_hashes_are_those_that_were_recomputed():
    report = checked(FULL_PACK)
    page = view(report)
    assert report.report is not None
    assert page.star == ("未支持任何星级", "No star is supported")
    by_name = {name[1]: (value, interval) for name, value, interval, _, _ in page.figures}
    assert by_name["Mean CPU utilization of the business hosts"] == (("14.70 %", "14.70 %"), "1.02 – 94.50")
    bridged = {name[1]: last for name, _, _, _, last in page.figures}
    assert bridged["Mean CPU utilization of the business hosts"] == "6:00:00"
    versions = {label[1]: value for label, value, _ in page.versions}
    assert versions["Figures"] == report.report["hashes"]["figures"]
    assert versions["Edition file"] == report.report["hashes"]["edition"]
    assert ("Log key", "given by you") in [(label[1], remark[1]) for label, _, remark in page.versions]
    assert ("Log key", "taken from the pack, not confirmed") in [
        (label[1], remark[1]) for label, _, remark in view(OPEN).versions
    ]
    verdict = {**report.report["verdict"], "star": "3", "star_name_zh": "三星", "star_name_en": "three stars"}
    assert view_module._star({**verdict, "rests_on_declared": "yes", "provisional": "yes"}) == (
        "计算支持三星（含企业申报项）（暂定）",
        "The figures support three stars (resting on declared items too) (provisional)",
    )


def test_questions_stand_apart_and_a_long_list_says_that_it_was_cut(monkeypatch):
    report = checked(PACK)
    assert report.report is not None
    definition = report.report["questions"]["definitions"][1]
    one = {
        "definition": definition["id"], "host": HOSTILE, "source": "agent", "about": "cpu.utilization", "count": 3,
        "start_ms": None, "end_ms": None, "values": {},
    }  # fmt: skip
    report.report["questions"].update(asked=[one, {**one, "about": ""}], count=2)
    monkeypatch.setattr(view_module, "QUESTIONS_SHOWN", 1)
    page = view(report)
    [(sentence, host, where, ask)] = page.questions
    assert (sentence[0], where, ask[0]) == (definition["zh"], "agent · cpu.utilization", definition["ask_zh"])
    assert "\\u202e" in host
    assert page.questions_cut == ("共 2 个，列出前 1 个。", "2, the first 1 are listed.")
    assert report.outcome == checked(PACK).outcome
    assert definition["zh"] in check_html(report)


def test_more_findings_than_fit_say_how_many_there_are(monkeypatch):
    monkeypatch.setattr(view_module, "FINDINGS_SHOWN", 2)
    report = with_findings(*(Finding("CHUNK", f"agent/0/{number}") for number in range(3)))
    [group] = view(report).groups
    assert (len(group.lines), group.cut and group.cut[0][:7]) == (2, "此步骤共 3 ")
    assert "--json" in check_html(report)


def test_nothing_found_is_said():
    assert "没有发现任何问题。" in check_html(PASSED)
