"""The report document ``starproof/report/1``: everything that the pages of a report show.

One object, made of what store and pack alike can say, so a check recomputes it byte for byte. Texts,
integers, lists, objects and nulls only; numbers as ``verifier.document`` prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.sources import SIGNED_BY_HOSTS
from evidence.stored import DaySumRow
from verifier import decimals, layout, programs
from verifier.amounts import HostAmounts
from verifier.anchors.held import Held, anchors_document, rules_anchored
from verifier.comparison import Comparison
from verifier.comparison_document import comparison_notes, comparisons_document
from verifier.declaration import ScopeVersion, declared_as, declared_before
from verifier.document import coverage_share, encode_figures, notes_document, printed_bounds
from verifier.edition import Edition
from verifier.facts import SourceFacts, gaps
from verifier.indicators.capacity import DECLARED, UNKNOWN
from verifier.profile import Profile, profile_document
from verifier.proved import page_one
from verifier.questions.asking import ask
from verifier.questions.document import questions_document
from verifier.result import Figures
from verifier.scope import BITS_PER_MEGABIT, DeclaredHost, Scope
from verifier.scope_difference import differences
from verifier.series import DayFigure, HostDay, calendar, series, worst
from verifier.statement import FIRST_FORMAT, FORMAT
from verifier.window import Window, whole_seconds

SCHEMA = "starproof/report/1"
MAX_GAPS = 10
"""The longest gaps of a host that are listed; all are counted."""


@dataclass(frozen=True)
class Given:
    """What a report is made of beside the figures.

    ``scopes`` are all declared versions of the scope in order, ``day_sums`` the rows that the figures
    rest on, ``comparisons`` those of the hosts' sources, ``made_ms`` the wall clock and ``software`` the program when it was made, ``ledger`` the bytes of the ledger, ``held`` what the pack holds of anchors (``None``: there is no pack, or no log in it),
    ``pack_format`` that of the pack.
    """

    facts: Sequence[SourceFacts]
    day_sums: Sequence[DaySumRow]
    comparisons: Sequence[Comparison]
    scopes: Sequence[ScopeVersion]
    profile: Profile | None
    made_ms: int
    software: str
    ledger: bytes = b""
    held: Held | None = None
    pack_format: str = FORMAT


def report_document(
    figures: Figures, given: Given, *, of_figures: dict[str, Any], of_verdict: dict[str, Any]
) -> dict[str, Any]:
    """Return the report of one window.

    Args:
        figures: what was measured.
        given: what else the report is made of.
        of_figures: their document.
        of_verdict: the verdict's document.
    """
    anchors = _anchors(figures, given)
    runs = {indicator.rule.id: series(figures, indicator) for indicator in figures.indicators}
    return {
        "schema": SCHEMA,
        "software": given.software,
        "made_ms": given.made_ms,
        "enterprise": figures.enterprise,
        "month": figures.month,
        "months": list(figures.months),
        "timezone": figures.timezone,
        "provisional": "yes" if figures.provisional else "no",
        "edition": _edition(figures.edition),
        "scope": None if figures.scope is None else _scope(figures.scope, figures, given.scopes),
        "window": of_figures["window"],
        "exclusions": of_figures["exclusions"],
        "verdict": of_verdict,
        "figures": of_figures,
        "definitions": [
            {
                "id": indicator.definition.id,
                "indicator": indicator.rule.id,
                "zh": indicator.definition.zh,
                "en": indicator.definition.en,
            }
            for indicator in figures.indicators
        ],
        "series": [
            {"indicator": name, "days": [_day(figure) for figure in run], "worst": _days(worst(run))}
            for name, run in runs.items()
            if run
        ],
        "calendar": [
            {"host": host, "days": [_host_day(day) for day in days]}
            for host, days in calendar(figures, runs).items()
        ],
        "hosts": _hosts(figures, given),
        "comparisons": comparisons_document(given.comparisons),
        "comparison_notes": notes_document(comparison_notes(given.comparisons)),
        "questions": questions_document(ask(figures, given.facts, given.comparisons), given.facts),
        "profile": None if given.profile is None else profile_document(given.profile, figures.edition),
        **page_one(
            agents=any(facts.source in SIGNED_BY_HOSTS for facts in given.facts),
            imports=any(facts.source not in SIGNED_BY_HOSTS for facts in given.facts),
            declared=given.profile is not None or bool(given.ledger),
            anchored=None if anchors is None else rules_anchored(anchors),
            provisional=figures.provisional and given.pack_format != FIRST_FORMAT,
        ),
        **({} if anchors is None else {"anchors": anchors}),
        "hashes": {
            "figures": layout.sha256(encode_figures(of_figures)),
            "verdict": layout.sha256(encode_figures(of_verdict)),
            "edition": figures.edition.sha256,
            "scope": None if figures.scope is None else figures.scope.sha256,
            "profile": None if given.profile is None else given.profile.sha256,
            "day_sums": layout.sha256(layout.day_sums_csv(given.day_sums)),
            **({"ledger": layout.sha256(given.ledger)} if given.ledger else {}),
        },
    }


def _anchors(figures: Figures, given: Given) -> dict[str, Any] | None:
    if given.held is None:
        return None
    return anchors_document(
        given.held,
        window=figures.window,
        calendar=LocalCalendar(figures.timezone),
        scope=figures.scope,
        scopes=given.scopes,
        edition=figures.edition.sha256,
        made_ms=given.made_ms,
    )


def _edition(edition: Edition) -> dict[str, Any]:
    texts = ("id", "title_zh", "title_en", "place", "document", "source", "date", "sha256")
    return {
        **{name: getattr(edition, name) for name in (*texts, "applies_to_zh", "applies_to_en")},
        "complete": "yes" if edition.complete else "no",
        "unknown": [asdict(unknown) for unknown in edition.unknown],
    }


def _scope(scope: Scope, figures: Figures, versions: Sequence[ScopeVersion]) -> dict[str, Any]:
    mine = declared_as(scope, versions)
    return {
        "sha256": scope.sha256,
        "version": None if mine is None else mine.version,
        "declared_ms": None if mine is None else mine.declared_ms,
        "declared_before_window": "yes" if declared_before(scope, versions, figures.window) else "no",
        "versions": _versions(versions),
        "hosts": [_declared_host(host) for host in sorted(scope.hosts, key=lambda h: h.id)],
        "head_counts": dict(scope.head_counts),
        "substitution": dict(scope.substitution),
    }


def _versions(versions: Sequence[ScopeVersion]) -> list[dict[str, Any]]:
    found = []
    for number, version in enumerate(versions):
        changed = differences(versions[number - 1].scope, version.scope) if number else []
        found.append(
            {
                "version": version.version,
                "sha256": version.sha256,
                "declared_ms": version.declared_ms,
                "differences": changed,
            }
        )
    return found


def _declared_host(host: DeclaredHost) -> dict[str, Any]:
    return {
        "host": host.id,
        "sources": list(host.sources),
        "capacity": [
            {
                "from": date.fromordinal(capacity.first_day).isoformat(),
                "mbps": decimals.plain(capacity.bps / BITS_PER_MEGABIT),
            }
            for capacity in host.capacities
        ],
        "iops_limit": None if host.iops_limit is None else decimals.plain(host.iops_limit),
    }


def _day(figure: DayFigure) -> dict[str, Any]:
    printed = printed_bounds(figure.bounds)
    return {
        "day": date.fromordinal(figure.day).isoformat(),
        "value": printed["value"],
        "low": printed["low"],
        "high": printed["high"],
        "share": coverage_share(figure.times),
        "excluded": "yes" if figure.excluded else "no",
    }


def _days(ordinals: Sequence[int]) -> list[str]:
    return [date.fromordinal(day).isoformat() for day in ordinals]


def _host_day(day: HostDay) -> dict[str, Any]:
    return {
        "day": date.fromordinal(day.day).isoformat(),
        "share": coverage_share(day.times),
        **whole_seconds(day.times),
        "suspect_s": day.times.suspect_ms // MS_PER_S,
        "restarts": day.restarts,
    }


def _hosts(figures: Figures, given: Given) -> list[dict[str, Any]]:
    said: dict[str, list[SourceFacts]] = {}
    for facts in given.facts:
        said.setdefault(facts.host, []).append(facts)
    capacities: dict[str, tuple[str, Fraction | None]] = {}
    for indicator in figures.indicators:
        for figure in indicator.hosts:
            if figure.capacity_from != UNKNOWN:
                capacities.setdefault(figure.host, (figure.capacity_from, figure.weight))
    nothing = (UNKNOWN, None)
    return [
        _host(host, said.get(host.id, []), capacities.get(host.id, nothing), figures, until_ms=given.made_ms)
        for host in sorted(figures.hosts, key=lambda h: h.id)
    ]


def _host(
    host: DeclaredHost,
    mine: Sequence[SourceFacts],
    capacity: tuple[str, Fraction | None],
    figures: Figures,
    *,
    until_ms: int,
) -> dict[str, Any]:
    offsets = [ms for facts in mine if facts.clock_offsets_ms for ms in facts.clock_offsets_ms]
    return {
        "host": host.id,
        "sources": sorted(facts.source for facts in mine),
        "software": sorted({version for facts in mine for version in facts.software}),
        "programs": programs.document((facts.source, facts.programs) for facts in mine),
        "chunks": sum(facts.chunks for facts in mine),
        "attested": sum(facts.chunks for facts in mine if facts.source in SIGNED_BY_HOSTS),
        "restarts": _restarts(figures.amounts.get(host.id, {})),
        "clock": {
            "states": sorted({state for facts in mine for state in facts.clock_states}),
            "least_ms": min(offsets, default=None),
            "most_ms": max(offsets, default=None),
        },
        "capacity": _capacity(host, *capacity, figures.window),
        "gaps": _gaps(host, mine, figures, until_ms=until_ms),
    }


def _restarts(amounts: HostAmounts) -> int:
    """Every metric of a source counts the same restarts."""
    return max((metric.total.restarts for metric in amounts.values()), default=0)


def _capacity(host: DeclaredHost, origin: str, weight: Fraction | None, window: Window) -> dict[str, Any]:
    """Return the mean capacity over the window: as declared, whatever the traffic says of it; else as read."""
    if host.capacities and window.counted_ms:
        declared = sum(host.capacity_bps(day) * length for day, length in window.lengths.items())
        weight = Fraction(declared) / window.counted_ms
    source = DECLARED if host.capacities else origin
    return {"source": source, "mbps": None if weight is None else decimals.floor(weight / BITS_PER_MEGABIT)}


def _gaps(
    host: DeclaredHost, facts: Sequence[SourceFacts], figures: Figures, *, until_ms: int
) -> dict[str, Any]:
    """Return the time in which the host's first source with chunks says nothing."""
    by_source = {entry.source: entry.spoken for entry in facts if entry.spoken}
    spoken = next((by_source[source] for source in host.preference(by_source) if source in by_source), ())
    found = gaps(spoken, figures.window, until_ms=until_ms)
    longest = sorted(found, key=lambda gap: (gap[0] - gap[1], gap[0]))[:MAX_GAPS]
    return {
        "count": len(found),
        "seconds": sum(end - start for start, end in found) // MS_PER_S,
        "longest": [{"start_ms": start, "end_ms": end} for start, end in longest],
    }
