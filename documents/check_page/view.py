"""A check's report as the parts of its page: plain texts in two languages, nothing laid out yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from documents import display
from documents.check_page.words import Pair, known, pair
from documents.display import Rounding, legible
from evidence import __version__
from verifier import instants
from verifier.anchors.interface import CONFIRMED, AnchoredDay, AnchorReport
from verifier.check import FAILED, CheckReport
from verifier.finding import FAIL, INCOMPLETE, NOTE, Finding
from verifier.proved import PROVED

FINDINGS_SHOWN = 500
"""Of one step."""
QUESTIONS_SHOWN = 200
ANCHORS_SHOWN = 200
HASHES = ("figures", "verdict", "edition", "scope", "profile", "ledger", "day_sums")
CONTRADICTED: Mapping[str, frozenset[str]] = {
    "UNALTERED": frozenset({"LOG_KEY_NOT_GIVEN"}),
    "SIGNED_READINGS": frozenset({"LOG_KEY_NOT_GIVEN", "SEQ_MISSING", "LOG_CUT", "LOG_UNACCOUNTED"}),
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
    chunks: Pair
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
    figures: tuple[tuple[Pair, Pair, str, str, str], ...]
    questions: tuple[tuple[Pair, str, str, Pair], ...]
    questions_cut: Pair | None
    versions: tuple[tuple[Pair, str, Pair], ...]


def view(report: CheckReport) -> Page:
    """Return the parts of the page of a check's report."""
    steps, zone = tuple(_steps(report)), _zone(report)
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
        rules=None if report.anchors is None else _rules(report.anchors, zone),
        days=() if report.anchors is None else tuple(_day(day, zone) for day in report.anchors.days),
        unconfirmed=() if report.anchors is None else tuple(_unconfirmed(report.anchors, zone)),
        star=None if failed or report.report is None else _star(report.report["verdict"]),
        figures=() if failed or report.figures is None else tuple(map(_figure, report.figures["indicators"])),
        questions=asked,
        questions_cut=cut,
        versions=tuple(_versions(report)),
    )


def _zone(report: CheckReport) -> tzinfo:
    return instants.zone_of(None if report.statement is None else report.statement.timezone)


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
        yield pair("made"), _one(instants.to_the_second(statement.made_ms, _zone(report)))
    amount = {"hosts": report.hosts, "chunks": f"{report.chunks:,}", "attested": f"{report.attested:,}"}
    yield pair("amount"), pair("amount_of", **amount)


def _steps(report: CheckReport) -> Iterator[StepLine]:
    """Yield every step as the check's own text and JSON have it."""
    for step in report.steps():
        state = step["state"]
        yield StepLine(
            str(step["number"]), (step["zh"], step["en"]), state, known("state", state), step["findings"]
        )


def _groups(report: CheckReport, steps: Sequence[StepLine]) -> Iterator[Group]:
    ordered, zone = sorted(report.findings, key=_order), _zone(report)
    for line in steps:
        mine = [finding for finding in ordered if str(finding.step) == line.number]
        if mine:
            shown = mine[:FINDINGS_SHOWN]
            cut = pair("findings_cut", count=len(mine), shown=len(shown)) if len(mine) > len(shown) else None
            yield Group(line, tuple(_found(finding, zone) for finding in shown), cut)


def _order(finding: Finding) -> tuple[int, str, str, str, str, str]:
    rank = (FAIL, INCOMPLETE, NOTE).index(finding.severity)
    return rank, finding.host, finding.code, finding.place, finding.expected, finding.got


def _found(finding: Finding, zone: tzinfo) -> FoundLine:
    said = finding.document()
    return FoundLine(
        severity=finding.severity,
        word=known("state", finding.severity),
        sentence=(said["zh"], said["en"]),
        code=finding.code,
        host=legible(finding.host),
        slot=legible(said.get("slot", "")),
        place=legible(finding.place),
        expected=instants.legible(legible(finding.expected), zone),
        got=instants.legible(legible(finding.got), zone),
    )


def _proved(report: CheckReport) -> Iterator[Pair]:
    codes = {finding.code for finding in report.findings}
    for point in () if report.report is None else report.report["proved"]:
        if not codes & CONTRADICTED.get(point["code"], frozenset()):
            yield legible(point["zh"]), legible(point["en"])
    anchors = report.anchors
    if anchors is not None and anchors.rules_fixed_ms is not None:
        yield pair("rules_fixed", time=instants.to_the_second(anchors.rules_fixed_ms, _zone(report)))
    confirmed = 0 if anchors is None else sum(day.state == "in_time" for day in anchors.days)
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


def _rules(anchors: AnchorReport, zone: tzinfo) -> Pair:
    if anchors.rules_fixed_ms is None:
        return pair("rules_not_fixed")
    chinese, english = pair("confirmed")
    time = instants.to_the_second(anchors.rules_fixed_ms, zone)
    return f"{chinese} {time}", f"{english} {time}"


def _day(day: AnchoredDay, zone: tzinfo) -> DayLine:
    kinds = _kinds(day.by or day.named)
    chinese, english = pair("named") if day.named and not day.by else ("", "")
    return DayLine(
        day=date.fromordinal(day.day).isoformat(),
        state=day.state,
        word=known("day", day.state),
        confirmed=instants.to_the_minute(day.confirmed_ms, zone),
        by=(chinese + kinds[0], english + kinds[1]),
        chunks=_chunks(day, zone),
        made_after=instants.to_the_minute(day.made_after_ms, zone),
    )


def _chunks(day: AnchoredDay, zone: tzinfo) -> Pair:
    """Return how many chunks of a day were outside in time, and since when all of them are."""
    amount = f"{day.chunks_in_time:,}/{day.chunks:,}" if day.chunks else "–"
    if day.chunks_in_time == day.chunks:
        return amount, amount
    if day.whole_ms is None:
        chinese, english = pair("chunks_never")
    else:
        chinese, english = pair("chunks_later", time=instants.to_the_minute(day.whole_ms, zone))
    return amount + chinese, amount + english


def _kinds(kinds: Sequence[str]) -> Pair:
    words = [known("anchor", kind) for kind in kinds]
    return ("、".join(one[0] for one in words) or "–", ", ".join(one[1] for one in words) or "–")


def _unconfirmed(anchors: AnchorReport, zone: tzinfo) -> Iterator[tuple[Pair, str, Pair, str, str]]:
    open_ones = [anchor for anchor in anchors.anchors if anchor.state != CONFIRMED]
    for anchor in open_ones[:ANCHORS_SHOWN]:
        yield (
            known("anchor", anchor.kind),
            f"{anchor.size:,}",
            known("state", anchor.state),
            legible(anchor.place),
            instants.legible(legible(anchor.why), zone),
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


def _figure(indicator: Mapping[str, Any]) -> tuple[Pair, Pair, str, str, str]:
    name = (legible(indicator["name_zh"]), legible(indicator["name_en"]))
    unit = known("unit", legible(indicator["unit"]))
    value = display.number(indicator["value"], rounding=Rounding.DOWN)
    if value is None:
        return name, ("", ""), "", "", ""
    low = display.number(indicator["low"], rounding=Rounding.DOWN) or "–"
    high = display.number(indicator["high"], rounding=Rounding.UP) or "∞"
    coverage = indicator["coverage"]
    share = display.percent(coverage["share"]) if coverage else None
    shown = f"{value} {unit[0]}", f"{value} {unit[1]}"
    return name, shown, f"{low} – {high}", share or "–", _bridged(coverage)


def _bridged(coverage: Mapping[str, Any] | None) -> str:
    """Return how much of the covered time is bridged, to the second, as the text of a check has it."""
    if not coverage or coverage["share"] is None:
        return "–"
    hours, rest = divmod(coverage["bridged_s"], 3_600)
    return f"{hours:,}:{rest // 60:02}:{rest % 60:02}"


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
