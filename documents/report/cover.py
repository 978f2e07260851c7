"""The first page: who, when, the verdict, what is proved and what is not, what is in the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents.display import legible
from documents.report import anchors
from documents.report.blocks import Cell, Cover, Facts, Rung, Tone
from documents.report.phrases import Phrases

Report = Mapping[str, Any]


def cover(report: Report, say: Phrases) -> Cover:
    """Return the first page of a report."""
    verdict = report["verdict"]
    headline, tone = _headline(verdict, say)
    return Cover(
        kicker=say("kicker"),
        enterprise=legible(report["enterprise"]),
        period=_period(report, say),
        banners=tuple(_banners(report, say)),
        headline=headline,
        tone=tone,
        under=_under(verdict, say),
        rungs=tuple(
            Rung(say.of(star, "name"), say.standing(star["standing"]), say.of(star, "decided_by"))
            for star in verdict["stars"]
        ),
        caution=say("caution"),
        proved_title=say("proved"),
        proved=tuple(say.of(point) for point in report["proved"]),
        not_proved_title=say("not_proved"),
        not_proved=tuple(say.of(point) for point in report["not_proved"]),
        blockers_title=_blockers_title(verdict, say),
        blockers=tuple(_blockers(verdict, say)),
        facts=_facts(report, say),
    )


def star_name(verdict: Mapping[str, Any], star: str | None, say: Phrases) -> str:
    """Return the name of a star, or the word for none."""
    for entry in verdict["stars"]:
        if entry["id"] == star:
            return say.of(entry, "name")
    return legible(star) if star else say("none")


def _headline(verdict: Mapping[str, Any], say: Phrases) -> tuple[str, Tone]:
    tone: Tone = "pass"
    if verdict["edition"]["complete"] != "yes":
        headline, tone = say("supports_unknown"), "unsure"
    elif verdict["star"] is None:
        headline, tone = say("supports_none"), "none"
    else:
        declared = verdict["rests_on_declared"] == "yes"
        headline = say("supports_declared" if declared else "supports", star=say.of(verdict, "star_name"))
    if verdict["provisional"] == "yes":
        return say("provisional_headline", headline=headline), "unsure"
    return headline, tone


def _under(verdict: Mapping[str, Any], say: Phrases) -> str:
    if verdict["star"] is None:
        return say("under_none")
    return say("under_declared" if verdict["rests_on_declared"] == "yes" else "under_measured")


def _period(report: Report, say: Phrases) -> str:
    window = report["window"]
    days = {"first": window["first_day"], "last": window["last_day"], "zone": report["timezone"]}
    if len(report["months"]) > 1:
        return say("period_many", months=len(report["months"]), **days)
    return say("period_one", month=report["month"], **days)


def _banners(report: Report, say: Phrases) -> list[str]:
    found = []
    if report["provisional"] == "yes":
        found.append(say("banner_provisional"))
    if report["edition"]["complete"] != "yes":
        found.append(say("banner_incomplete", title=say.of(report["edition"], "title")))
    scope = report["scope"]
    if scope is None:
        found.append(say("banner_no_scope"))
    elif scope["version"] is None:
        found.append(say("banner_undeclared_scope"))
    elif scope["declared_before_window"] != "yes":
        found.append(say("banner_late_scope"))
    return found


def _blockers_title(verdict: Mapping[str, Any], say: Phrases) -> str:
    if verdict["next"] is None:
        return say("blockers_none")
    return say("blockers", star=star_name(verdict, verdict["next"]["star"], say))


def _blockers(verdict: Mapping[str, Any], say: Phrases) -> list[tuple[Cell, str]]:
    if verdict["next"] is None:
        return []
    return [(say.verdict(entry["verdict"]), say.of(entry)) for entry in verdict["next"]["blockers"]]


def _facts(report: Report, say: Phrases) -> Facts:
    verdict = report["verdict"]
    pairs = [(say("edition"), say.text(say.of(report["edition"], "title")))]
    if verdict["applied_for"] is not None:
        pairs.append((say("applied_for"), Cell(star_name(verdict, verdict["applied_for"], say))))
    if verdict["application"] is not None:
        opened = say(f"application_{'yes' if verdict['application']['open'] == 'yes' else 'no'}")
        text = say.of(verdict["application"], "text")
        pairs.append((say("application"), Cell(text, sub=opened)))
    pairs.append((say("anchors_rules"), anchors.rules(report, say)))
    return Facts(tuple(pairs))
