"""Figures: from an archive, a month, an edition and a scope to figures, bounds and verdicts.

Steps: (1) zone and window, (2) hosts and definitions, (3) day sums: those stored when the zone is
the store's, else recomputed from the chunks, (4) the figure of every host, (5) of the fleet,
(6) the verdict for every star. Pure but for what the archive reads; no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evidence.calendar import LocalCalendar
from evidence.stored import DaySumRow
from verifier import recompute
from verifier.amounts import HostAmounts, collect
from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.definitions import Definition, chosen
from verifier.document import document, encode_figures
from verifier.edition import Edition, Rule
from verifier.errors import ScopeError
from verifier.fleet import aggregate, exact_sum
from verifier.indicators.interface import HostFigure, HostMonth, HostRule
from verifier.notes import TEXTS, Note
from verifier.ports import Archive
from verifier.result import Figures, Indicator
from verifier.scope import DeclaredHost, Scope
from verifier.verdict import Verdict, judge
from verifier.window import TimeClasses, Window, month_window, total

__all__ = ["DEFAULT_TIMEZONE", "encode_figures", "figures", "measure"]

DEFAULT_TIMEZONE = "Asia/Shanghai"


def figures(
    archive: Archive,
    *,
    month: str,
    edition: Edition,
    scope: Scope | None = None,
    timezone: str | None = None,
) -> dict[str, Any]:
    """Return the figures document (schema ``starproof/figures/1``); see ``measure``."""
    return document(measure(archive, month=month, edition=edition, scope=scope, timezone=timezone))


def measure(
    archive: Archive,
    *,
    month: str,
    edition: Edition,
    scope: Scope | None = None,
    timezone: str | None = None,
) -> Figures:
    """Return the figures of a month that the edition asks for.

    Args:
        archive: the evidence of one enterprise.
        month: local month ``YYYY-MM``.
        edition: thresholds, definitions and aggregation.
        scope: what was declared; without one all hosts of the archive count.
        timezone: IANA zone; by default the scope's, else Asia/Shanghai.

    Raises:
        ScopeError: the scope names another edition or zone than the caller.
        EditionError: the edition names what this version does not know.
        WindowError: the month lies outside the scope's window.
        ArchiveError: the stored evidence is impossible or does not verify; run the audit.
        MalformedError: not a month, not a zone.
    """
    # (1)
    zone = _zone(scope, timezone)
    calendar = LocalCalendar(zone)
    days = (scope.first_day, scope.last_day) if scope else None
    window = month_window(calendar, month, days=days, exclusions=scope.exclusions if scope else ())
    # (2)
    if scope and scope.edition != edition.id:
        raise ScopeError(f"the scope declares the edition {scope.edition!r}, not {edition.id!r}")
    definitions = chosen(edition, scope)
    present = archive.hosts()
    hosts = scope.hosts if scope else tuple(DeclaredHost(name) for name in present)
    # (3)
    amounts = collect(_day_sums(archive, calendar, window, hosts), window)
    # (4) to (6)
    indicators = tuple(
        _indicator(rule, definitions[rule.id], hosts, stars=edition.star_ids, amounts=amounts, window=window)
        for rule in edition.rules
    )
    return Figures(
        enterprise=scope.enterprise if scope else archive.enterprise,
        month=month,
        timezone=zone,
        edition=edition,
        scope=scope,
        window=window,
        indicators=indicators,
        notes=tuple(_document_notes(archive.enterprise, present, scope)),
    )


def _zone(scope: Scope | None, timezone: str | None) -> str:
    if scope is None:
        return timezone or DEFAULT_TIMEZONE
    if timezone not in (None, scope.timezone):
        raise ScopeError(f"the scope declares the time zone {scope.timezone}; leave {timezone} out")
    return scope.timezone


def _day_sums(
    archive: Archive, calendar: LocalCalendar, window: Window, hosts: Sequence[DeclaredHost]
) -> Iterable[DaySumRow]:
    if calendar.zone == archive.timezone:
        return archive.day_sums(window.first_day, window.after_day)
    names = [host.id for host in hosts]
    return recompute.day_sums(archive, calendar, (window.first_day, window.after_day), names)


def _indicator(
    rule: Rule,
    definition: Definition,
    hosts: Sequence[DeclaredHost],
    *,
    stars: Sequence[str],
    amounts: Mapping[str, HostAmounts],
    window: Window,
) -> Indicator:
    if definition.rule is None:
        return Indicator(
            rule=rule,
            definition=definition,
            bounds=NOTHING_KNOWN,
            times=TimeClasses(),
            verdicts=_verdicts(rule, NOTHING_KNOWN, stars),
            notes=(Note("NOT_MEASURED"),),
        )
    found = _host_figures(definition.rule, hosts, amounts=amounts, window=window)
    bounds = aggregate(found, definition.aggregation)
    steals = [figure.steal for figure in found if figure.steal is not None]
    return Indicator(
        rule=rule,
        definition=definition,
        bounds=bounds,
        times=total([figure.times for figure in found]),
        verdicts=_verdicts(rule, bounds, stars),
        hosts=found,
        steal=exact_sum(steals) / len(steals) if steals else None,
        notes=tuple(_host_notes(found)),
    )


def _verdicts(rule: Rule, bounds: Bounds, stars: Sequence[str]) -> dict[str, Verdict]:
    """Return the verdict for every star; without a threshold a figure decides nothing."""
    verdicts = {}
    for star in stars:
        threshold = rule.threshold(star)
        verdicts[star] = Verdict.INCONCLUSIVE if threshold is None else judge(bounds, threshold)
    return verdicts


def _host_figures(
    rule: HostRule,
    hosts: Sequence[DeclaredHost],
    *,
    amounts: Mapping[str, HostAmounts],
    window: Window,
) -> tuple[HostFigure, ...]:
    """Return the figure of every host, sorted by name."""
    ordered = sorted(hosts, key=lambda host: host.id)
    return tuple(rule(HostMonth(host, window, amounts.get(host.id, {}))) for host in ordered)


def _host_notes(hosts: Sequence[HostFigure]) -> Iterable[Note]:
    """Gather the marks of all hosts into one note a code, in the order of ``TEXTS``."""
    marked: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for figure in hosts:
        for mark in figure.marks:
            marked.setdefault(mark.code, []).append((figure.host, mark.days))
    return [Note(code, tuple(marked[code])) for code in TEXTS if code in marked]


def _document_notes(enterprise: str, present: Sequence[str], scope: Scope | None) -> Iterable[Note]:
    if scope is None:
        yield Note("NO_SCOPE")
    else:
        if scope.enterprise != enterprise:
            yield Note("ENTERPRISE_DIFFERS")
        outside = sorted(set(present) - {host.id for host in scope.hosts})
        if outside:
            yield Note("HOSTS_OUTSIDE_SCOPE", tuple((name, ()) for name in outside))
