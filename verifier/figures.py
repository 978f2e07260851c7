"""Figures: from an archive, a month, an edition and a scope to figures, bounds and verdicts.

Steps: (1) zone and windows, (2) hosts and definitions, (3) day sums: those stored when the zone is
the store's, else recomputed from the chunks, (4) every figure (``verifier.measuring``). Pure but for
what the archive reads; no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from evidence.calendar import LocalCalendar
from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind
from verifier import recompute
from verifier.amounts import HostAmounts, collect, collect_lines
from verifier.declaration import ScopeVersion, declared_before
from verifier.definitions import chosen
from verifier.document import document, encode_figures
from verifier.edition import DECLARED, Edition, Rule
from verifier.errors import ScopeError, WindowError
from verifier.indicators.enterprise import Materials
from verifier.measuring import HourReader, Measuring
from verifier.notes import Note
from verifier.ports import Archive, Lines
from verifier.result import Figures
from verifier.scope import DeclaredHost, Scope
from verifier.substitution import in_force
from verifier.window import Window, month_window, months_until

__all__ = ["DEFAULT_TIMEZONE", "encode_figures", "figures", "measure"]

DEFAULT_TIMEZONE = "Asia/Shanghai"


def figures(
    archive: Archive,
    *,
    month: str,
    edition: Edition,
    scope: Scope | None = None,
    timezone: str | None = None,
    now_ms: int | None = None,
) -> dict[str, Any]:
    """Return the figures document (schema ``starproof/figures/1``); see ``measure``."""
    return document(
        measure(archive, month=month, edition=edition, scope=scope, timezone=timezone, now_ms=now_ms)
    )


def measure(
    archive: Archive,
    *,
    month: str,
    edition: Edition,
    scope: Scope | None = None,
    timezone: str | None = None,
    now_ms: int | None = None,
    scopes: Sequence[ScopeVersion] = (),
    hours: HourReader | None = None,
) -> Figures:
    """Return the figures of the window that ends with ``month``.

    Args:
        archive: the evidence of one enterprise.
        month: local month ``YYYY-MM``.
        edition: thresholds, definitions, windows and aggregation.
        scope: what was declared; without one all hosts of the archive count.
        timezone: IANA zone; by default the scope's, else Asia/Shanghai.
        now_ms: the wall clock; figures of a window that is not over by then are provisional.
            ``None``: the window is over.
        scopes: the declared versions of the scope: a substitution rule counts only if it was
            declared before the window.
        hours: gives hour sums to substitution rules; by default read from the archive's chunks.

    Raises:
        ScopeError: the scope names another edition or zone than the caller.
        EditionError: the edition names what this version does not know.
        WindowError: a month lies outside the scope's window, or has not begun.
        ArchiveError: the stored evidence is impossible or does not verify; run the audit.
        MalformedError: not a month, not a zone.
    """
    # (1)
    calendar, spans = windows(month, edition=edition, scope=scope, timezone=timezone)
    window = longest(spans)
    if now_ms is not None and now_ms <= window.start_ms:
        raise WindowError(f"{month} has not begun: nothing can have been measured; choose an earlier month")
    # (2)
    if scope and scope.edition != edition.id:
        raise ScopeError(f"the scope declares the edition {scope.edition!r}, not {edition.id!r}")
    definitions = chosen(edition, scope)
    present = archive.hosts()
    working = _working(archive, present)
    hosts = scope.hosts if scope else tuple(DeclaredHost(name) for name in working)
    # (3)
    active = scope.host_names if scope else set(present)
    amounts = _amounts(archive, calendar, window, active)
    # (4)
    measuring = Measuring(
        calendar=calendar,
        hosts=hosts,
        amounts=amounts,
        stars=edition.star_ids,
        hours=hours or partial(recompute.hour_reader, archive),
        month=month,
        scope=scope,
        materials=Materials(
            ledger=archive.ledger(),
            activity=tuple(
                row for row in archive.activity(window.first_day, window.after_day) if row.host in active
            ),
            read={host: found for host, found in amounts.items() if host in active},
            today=None if now_ms is None else calendar.day_of(now_ms),
        ),
    )
    indicators = tuple(
        measuring.indicator(
            rule,
            definitions[rule.id],
            window=spans.get(rule.months, spans[1]),
            months=_months(month, rule, calendar, scope),
            substitution=_substitution(rule, scope, scopes, window),
        )
        for rule in edition.rules
    )
    return Figures(
        enterprise=scope.enterprise if scope else archive.enterprise,
        month=month,
        months=months_until(month, max(spans)),
        timezone=calendar.zone,
        edition=edition,
        scope=scope,
        window=window,
        provisional=now_ms is not None and now_ms < window.end_ms,
        indicators=indicators,
        notes=tuple(_document_notes(archive.enterprise, present, scope)),
        hosts=hosts,
        amounts=amounts,
    )


def _substitution(
    rule: Rule, scope: Scope | None, scopes: Sequence[ScopeVersion], window: Window
) -> str | None:
    if scope is None:
        return None
    return in_force(
        rule.substitution,
        scope.substitution.get(rule.id),
        declared_before_window=declared_before(scope, scopes, window),
    )


def windows(
    month: str, *, edition: Edition, scope: Scope | None, timezone: str | None
) -> tuple[LocalCalendar, dict[int, Window]]:
    """Return the calendar, and by number of months the windows that the edition's figures ask for.

    Raises:
        ScopeError: the scope names another zone than the caller.
        WindowError: a month lies outside the scope's window.
        MalformedError: not a month, not a zone.
    """
    calendar = LocalCalendar(_zone(scope, timezone))
    counts = {rule.months for rule in edition.rules if rule.aggregation != DECLARED} or {1}
    return calendar, {count: _window(calendar, month, scope, count) for count in sorted({1, *counts})}


def longest(spans: Mapping[int, Window]) -> Window:
    """Return the window that holds all others: they end together."""
    return spans[max(spans)]


def _window(calendar: LocalCalendar, month: str, scope: Scope | None, count: int = 1) -> Window:
    days = (scope.first_day, scope.last_day) if scope else None
    exclusions = scope.exclusions if scope else ()
    return month_window(calendar, month, count=count, days=days, exclusions=exclusions)


def _months(
    month: str, rule: Rule, calendar: LocalCalendar, scope: Scope | None
) -> tuple[tuple[str, Window], ...]:
    if rule.aggregation == DECLARED:
        return ()
    return tuple((name, _window(calendar, name, scope)) for name in months_until(month, rule.months))


def _zone(scope: Scope | None, timezone: str | None) -> str:
    if scope is None:
        return timezone or DEFAULT_TIMEZONE
    if timezone not in (None, scope.timezone):
        raise ScopeError(f"the scope declares the time zone {scope.timezone}; leave {timezone} out")
    return scope.timezone


def _amounts(
    archive: Archive, calendar: LocalCalendar, window: Window, names: Iterable[str]
) -> dict[str, HostAmounts]:
    days = (window.first_day, window.after_day)
    if calendar.zone != archive.timezone:
        return collect(recompute.day_sums(archive, calendar, days, sorted(names)), window)
    lines = archive.day_sum_lines(*days) if isinstance(archive, Lines) else None
    return collect(archive.day_sums(*days), window) if lines is None else collect_lines(lines, window)


def _working(archive: Archive, present: Sequence[str]) -> Sequence[str]:
    """Return the hosts that are more than the name under which somebody tells of accounts."""
    sources: dict[str, set[str]] = {}
    for signed in archive.enrolments():
        sources.setdefault(signed.enrolment.host, set()).add(signed.enrolment.source)
    telling = {
        host for host, names in sources.items() if all(carried_kind(name) == ACTIVITY for name in names)
    }
    return [name for name in present if name not in telling]


def _document_notes(enterprise: str, present: Sequence[str], scope: Scope | None) -> Iterable[Note]:
    if scope is None:
        yield Note("NO_SCOPE")
    else:
        if scope.enterprise != enterprise:
            yield Note("ENTERPRISE_DIFFERS")
        outside = sorted(set(present) - scope.host_names)
        if outside:
            yield Note("HOSTS_OUTSIDE_SCOPE", tuple((name, ()) for name in outside))
