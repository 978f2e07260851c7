"""A check's report as the parts of its page: plain texts in two languages, nothing laid out yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from documents import display
from documents.check_page.words import Pair, known, pair
from documents.display import Rounding, legible
from evidence import __version__
from evidence.calendar import MS_PER_S
from verifier.anchors.interface import CONFIRMED, AnchoredDay, AnchorReport
from verifier.check import FAILED, CheckReport
from verifier.finding import FAIL, INCOMPLETE, NOTE, Finding
from verifier.proved import PROVED
from verifier.steps import NOT_RUN, PASSED, STEPS, step_of

FINDINGS_SHOWN = 500
"""Of one step."""
QUESTIONS_SHOWN = 200
ANCHORS_SHOWN = 200
_INSTANT = re.compile(r"\b([12]\d{12}) ms\b", re.ASCII)
"""Ms since 1970 from 2001 to 2065, as findings write instants."""
HASHES = ("figures", "verdict", "edition", "scope", "profile", "ledger", "day_sums")
CONTRADICTED: Mapping[str, frozenset[str]] = {
    "UNALTERED": frozenset({"LOG_KEY_NOT_GIVEN"}),
    "SIGNED_READINGS": frozenset({"LOG_KEY_NOT_GIVEN", "SEQ_MISSING", "LOG_CUT"}),
    "FIGURES_FOLLOW": frozenset({"EDITION_UNKNOWN"}),
}
"""Sentences of what is proved, and the findings under which they do not hold."""


@dataclass(frozen=True)
class StepLine:
    """A step of the check: its number and name, how it ended, and how many findings it has."""

    number: str
    name: Pair
    state: str
    word: Pair
    count: int


@dataclass(frozen=True)
class FoundLine:
    """A finding, ready to print."""

    severity: str
    word: Pair
    sentence: Pair
    code: str
    host: str
    slot: str
    place: str
    expected: str
    got: str


@dataclass(frozen=True)
class Group:
    """The findings of one step; ``cut`` says how many are left out."""

    step: StepLine
    lines: tuple[FoundLine, ...]
    cut: Pair | None


@dataclass(frozen=True)
class DayLine:
    """A day of the window and what confirms it."""

    day: str
    state: str
    word: Pair
    confirmed: str
    by: Pair
    made_after: str


@dataclass(frozen=True)
class Page:
    """The whole page. ``facts`` and ``versions`` are labels with values; a value is both languages or one."""

    outcome: str
    headline: Pair
    means: Pair
    enterprise: str
    facts: tuple[tuple[Pair, Pair], ...]
    steps: tuple[StepLine, ...]
    groups: tuple[Group, ...]
    proved: tuple[Pair, ...]
    not_proved: tuple[Pair, ...]
    rules: Pair | None
    days: tuple[DayLine, ...]
    unconfirmed: tuple[tuple[Pair, str, Pair, str, str], ...]
    star: Pair | None
    figures: tuple[tuple[Pair, Pair, str, str], ...]
    questions: tuple[tuple[Pair, str, str, Pair], ...]
    questions_cut: Pair | None
    versions: tuple[tuple[Pair, str, Pair], ...]


def view(report: CheckReport) -> Page:
    """Return the parts of the page of a check's report."""
    steps = tuple(_steps(report))
    failed = report.outcome == FAILED
    asked, cut = _questions(report)
    return Page(
        outcome=report.outcome,
        headline=known("outcome", report.outcome),
        means=_means(report),
        enterprise="" if report.statement is None else legible(report.statement.enterprise),
        facts=tuple(_facts(report)),
        steps=steps,
        groups=tuple(_groups(report, steps)),
        proved=() if failed else tuple(_proved(report)),
        not_proved=tuple(_not_proved(report)),
        rules=None if report.anchors is None else _rules(report.anchors),
        days=() if report.anchors is None else tuple(map(_day, report.anchors.days)),
        unconfirmed=() if report.anchors is None else tuple(_unconfirmed(report.anchors)),
        star=None if failed or report.report is None else _star(report.report["verdict"]),
        figures=() if failed or report.figures is None else tuple(map(_figure, report.figures["indicators"])),
        questions=asked,
        questions_cut=cut,
        versions=tuple(_versions(report)),
    )


def _means(report: CheckReport) -> Pair:
    chinese, english = known("means", report.outcome)
    if report.derived is not None:
        return chinese, english
    more = pair("means_nothing")
    return chinese + more[0], f"{english} {more[1]}"


def _facts(report: CheckReport) -> Iterator[tuple[Pair, Pair]]:
    statement = report.statement
    if statement is not None:
        yield pair("month"), _one(statement.month)
        yield pair("made"), _one(f"{_utc(statement.made_ms)} UTC")
    amount = {"hosts": report.hosts, "chunks": f"{report.chunks:,}", "attested": f"{report.attested:,}"}
    yield pair("amount"), pair("amount_of", **amount)


def _steps(report: CheckReport) -> Iterator[StepLine]:
    """Yield every step; one without findings passed only if there was something that it could judge."""
    for step in STEPS:
        severities = [finding.severity for finding in report.findings if step_of(finding.code) == step.number]
        worst = next((one for one in (FAIL, INCOMPLETE, NOTE) if one in severities), None)
        state = worst or (PASSED if _ran(step.number, report) else NOT_RUN)
        if step is STEPS[-1]:  # the outcome itself
            state = report.outcome
        yield StepLine(str(step.number), (step.zh, step.en), state, known("state", state), len(severities))


def _ran(number: int, report: CheckReport) -> bool:
    """Return whether a step had something to judge: the first always has, the log's and the anchors' need a log."""
    if number == STEPS[0].number:
        return True
    if number in {step_of("LOG_ROOT"), step_of("ANCHOR_FORK")} and report.log is None:
        return False
    return report.derived is not None


def _groups(report: CheckReport, steps: Sequence[StepLine]) -> Iterator[Group]:
    ordered = sorted(report.findings, key=_order)
    for line in steps:
        mine = [finding for finding in ordered if str(step_of(finding.code)) == line.number]
        if mine:
            shown = mine[:FINDINGS_SHOWN]
            cut = pair("findings_cut", count=len(mine), shown=len(shown)) if len(mine) > len(shown) else None
            yield Group(line, tuple(map(_found, shown)), cut)


def _order(finding: Finding) -> tuple[int, str, str, str, str, str]:
    rank = (FAIL, INCOMPLETE, NOTE).index(finding.severity)
    return rank, finding.host, finding.code, finding.place, finding.expected, finding.got


def _found(finding: Finding) -> FoundLine:
    said = finding.document()
    return FoundLine(
        severity=finding.severity,
        word=known("state", finding.severity),
        sentence=(said["zh"], said["en"]),
        code=finding.code,
        host=legible(finding.host),
        slot=legible(said.get("slot", "")),
        place=legible(finding.place),
        expected=_dated(legible(finding.expected)),
        got=_dated(legible(finding.got)),
    )


def _dated(text: str) -> str:
    """Return a text with the date beside every instant that it writes as ms since 1970."""
    return _INSTANT.sub(lambda found: f"{found[0]} ({_utc(int(found[1]))} UTC)", text)


def _proved(report: CheckReport) -> Iterator[Pair]:
    codes = {finding.code for finding in report.findings}
    for point in () if report.report is None else report.report["proved"]:
        if not codes & CONTRADICTED.get(point["code"], frozenset()):
            yield legible(point["zh"]), legible(point["en"])
    anchors = report.anchors
    if anchors is not None and anchors.rules_fixed_ms is not None:
        yield pair("rules_fixed", time=f"{_utc(anchors.rules_fixed_ms)} UTC")
    confirmed = 0 if anchors is None else sum(day.on_time for day in anchors.days)
    if confirmed:
        yield pair("days_confirmed", count=confirmed)


def _not_proved(report: CheckReport) -> Iterator[Pair]:
    codes = {finding.code for finding in report.findings}
    if report.outcome != FAILED:
        for code, sentence in PROVED.items():
            if codes & CONTRADICTED.get(code, frozenset()):
                yield sentence
    fixed = report.anchors is not None and report.anchors.rules_fixed_ms is not None
    for point in () if report.report is None else report.report["not_proved"]:
        if not (fixed and point["code"] == "RULES_FIXED"):
            yield legible(point["zh"]), legible(point["en"])


def _rules(anchors: AnchorReport) -> Pair:
    if anchors.rules_fixed_ms is None:
        return pair("rules_not_fixed")
    chinese, english = pair("confirmed")
    time = f"{_utc(anchors.rules_fixed_ms)}"
    return f"{chinese} {time}", f"{english} {time}"


def _day(day: AnchoredDay) -> DayLine:
    state = "none" if day.confirmed_ms is None else "in_time" if day.on_time else "late"
    kinds = _kinds(day.by or day.named)
    chinese, english = pair("named") if day.named and not day.by else ("", "")
    return DayLine(
        day=date.fromordinal(day.day).isoformat(),
        state=state,
        word=known("day", state),
        confirmed=_utc(day.confirmed_ms),
        by=(chinese + kinds[0], english + kinds[1]),
        made_after=_utc(day.made_after_ms),
    )


def _kinds(kinds: Sequence[str]) -> Pair:
    words = [known("anchor", kind) for kind in kinds]
    return ("、".join(one[0] for one in words) or "–", ", ".join(one[1] for one in words) or "–")


def _unconfirmed(anchors: AnchorReport) -> Iterator[tuple[Pair, str, Pair, str, str]]:
    open_ones = [anchor for anchor in anchors.anchors if anchor.state != CONFIRMED]
    for anchor in open_ones[:ANCHORS_SHOWN]:
        yield (
            known("anchor", anchor.kind),
            f"{anchor.size:,}",
            known("state", anchor.state),
            legible(anchor.place),
            legible(anchor.why),
        )


def _star(verdict: Mapping[str, Any]) -> Pair:
    chinese, english = pair("star_none")
    if verdict["star"] is not None:
        chinese, english = pair(
            "star_some", zh=legible(verdict["star_name_zh"]), en=legible(verdict["star_name_en"])
        )
    for name, yes in (("star_declared", "rests_on_declared"), ("star_provisional", "provisional")):
        if verdict[yes] == "yes" and (verdict["star"] is not None or yes == "provisional"):
            more = pair(name)
            chinese, english = chinese + more[0], english + more[1]
    return chinese, english


def _figure(indicator: Mapping[str, Any]) -> tuple[Pair, Pair, str, str]:
    name = (legible(indicator["name_zh"]), legible(indicator["name_en"]))
    unit = known("unit", legible(indicator["unit"]))
    value = display.number(indicator["value"], rounding=Rounding.DOWN)
    if value is None:
        return name, ("", ""), "", ""
    low = display.number(indicator["low"], rounding=Rounding.DOWN) or "–"
    high = display.number(indicator["high"], rounding=Rounding.UP) or "∞"
    share = display.percent(indicator["coverage"]["share"]) if indicator["coverage"] else None
    return name, (f"{value} {unit[0]}", f"{value} {unit[1]}"), f"{low} – {high}", share or "–"


def _questions(report: CheckReport) -> tuple[tuple[tuple[Pair, str, str, Pair], ...], Pair | None]:
    if report.report is None:
        return (), None
    found = report.report["questions"]
    by_id = {definition["id"]: definition for definition in found["definitions"]}
    shown = found["asked"][:QUESTIONS_SHOWN]
    lines = []
    for question in shown:
        said = by_id[question["definition"]]
        where = " · ".join(legible(question[name]) for name in ("source", "about") if question[name])
        sentence = (legible(said["zh"]), legible(said["en"]))
        lines.append(
            (sentence, legible(question["host"]), where, (legible(said["ask_zh"]), legible(said["ask_en"])))
        )
    cut = (
        pair("questions_cut", count=found["count"], shown=len(shown)) if found["count"] > len(shown) else None
    )
    return tuple(lines), cut


def _versions(report: CheckReport) -> Iterator[tuple[Pair, str, Pair]]:
    """Yield label, value and remark."""
    nothing = ("", "")
    yield pair("verifier"), f"starproof {__version__}", nothing
    if report.statement is not None:
        given = not {"LOG_KEY_NOT_GIVEN", "LOG_KEY"} & {finding.code for finding in report.findings}
        yield pair("software"), legible(report.statement.software), nothing
        yield pair("log_key"), legible(report.statement.log_key), pair("key_given" if given else "key_packed")
        yield pair("manifest"), legible(report.statement.manifest), nothing
    if report.log is not None:
        yield pair("log_size"), f"{report.log.size:,}", nothing
    if report.report is not None:
        edition = report.report["edition"]
        yield (
            pair("edition"),
            legible(edition["id"]),
            (legible(edition["title_zh"]), legible(edition["title_en"])),
        )
        hashes = report.report["hashes"]
        for name in HASHES:
            if hashes.get(name):
                yield pair(f"hash_{name}"), hashes[name], nothing


def _one(text: str) -> Pair:
    """Return a value that both languages write alike."""
    shown = legible(text)
    return shown, shown


def _utc(time_ms: int | None) -> str:
    return "–" if time_ms is None else f"{datetime.fromtimestamp(time_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M}"
