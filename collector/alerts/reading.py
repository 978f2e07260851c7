"""Reading the situation from a store. Nothing is written, and nobody is asked but the database."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from collector.alerts.coverage import Coverage, Month, better, month_of, of_agent, of_averages
from collector.alerts.declared import Declared, declared
from collector.alerts.hosts import QUIET_SOURCE_MS, State, is_quiet, state_of
from collector.alerts.situation import DEFAULT_COVERAGE_PERCENT, AnchorFacts, Disk, HostFacts, Situation
from collector.opening import OpenStore
from collector.store import coverage as measuring
from collector.store import findings, log_standing, schema, scopes, standing
from collector.store.coverage import Measured, Reach
from collector.store.standing import Beside, Standing
from evidence.calendar import LocalCalendar
from evidence.sources import AGENT, IMPORT, carries_averages

DAY_PATIENCE_MS = 2 * 3_600_000
"""A day's mark is made within a minute of midnight; a busy store may take longer."""
MOST_WALKS = 200
"""Hosts whose chunks are looked through for holes in one reading; the others wait for the next."""
WALK_AGAIN_MS = 3_600_000


@dataclass
class Holes:
    """What was found when a host's chunks were looked through, and when; kept between readings."""

    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, connection: Connection, host: str, reach: Reach, month: Month, now_ms: int) -> int:
        """Return how much of a month lies in holes between a host's chunks, in ms."""
        found = sum(
            month.within_ms(start, end)
            for start, end in measuring.holes(connection, reach.host_id, month.start_ms)
        )
        self.known[host] = (now_ms, found)
        return found

    def fresh(self, host: str, now_ms: int) -> int | None:
        """Return what was found less than an hour ago."""
        at_ms, found = self.known.get(host, (0, 0))
        return found if 0 <= now_ms - at_ms < WALK_AGAIN_MS else None


def read(
    opened: OpenStore,
    *,
    now_ms: int,
    holes: Holes,
    percent: int = DEFAULT_COVERAGE_PERCENT,
    anchors_configured: int | None = 0,
) -> Situation:
    """Return how the store stands; the accounts' histories are somebody else's to add.

    Args:
        opened: the store.
        now_ms: the time.
        holes: kept from one reading to the next.
        percent: the coverage that is wanted of a month.
        anchors_configured: how many there are, ``None`` if that cannot be read.

    Raises:
        StoreError: the store cannot be read.
    """
    calendar = opened.identity.calendar
    with opened.store.reading() as connection:
        scope = _scope(connection, calendar, now_ms)
        days = None if scope is None else (scope.first_day, scope.last_day)
        month = month_of(
            calendar, now_ms, days=days, excluded=frozenset() if scope is None else scope.excluded
        )
        standings = standing.standings(connection, now_ms=now_ms)
        coverages = _coverages(
            connection, standings, scope, month, holes=holes, percent=percent, now_ms=now_ms
        )
        began_ms = log_standing.first_arrival(connection)
        return Situation(
            made_ms=now_ms,
            month=month.name,
            percent=percent,
            hosts=_hosts(
                standings, scope, coverages, now_ms, beside=standing.beside_agents(connection, now_ms)
            ),
            anchors=_anchors(connection),
            anchors_configured=anchors_configured,
            began_ms=began_ms,
            days_unmarked=_unmarked(connection, calendar, began_ms, now_ms),
            findings=_findings(connection),
            disk=_disk(opened.keyring.directory),
        )


def _scope(connection: Connection, calendar: LocalCalendar, now_ms: int) -> Declared | None:
    """Return the newest declared scope if it is about this month."""
    versions = scopes.versions(connection)
    found = declared(versions[-1][1]) if versions else None
    if found is None:
        return None
    whole = month_of(calendar, now_ms)
    inside = found.first_day < whole.after_day and found.last_day >= whole.first_day
    return found if inside else None


def _coverages(
    connection: Connection,
    standings: Sequence[Standing],
    scope: Declared | None,
    month: Month,
    *,
    holes: Holes,
    percent: int,
    now_ms: int,
) -> Mapping[str, Coverage]:
    measured: dict[str, list[Measured]] = {}
    for one in measuring.measured(connection, month.first_day, month.after_day, month.excluded):
        measured.setdefault(one.host, []).append(one)
    reaches = measuring.agents(connection)
    by_name = {one.name: one for one in standings}
    names = by_name if scope is None else scope.hosts
    found: dict[str, Coverage] = {}
    walks = 0
    for name in names:
        counting = _counting(by_name.get(name), scope)
        if not counting:
            continue
        sums = {one.source: one for one in measured.get(name, ())}
        best: Coverage | None = None
        for source in counting:
            mine = sums.get(source, Measured(name, source, 0, 0))
            if source != AGENT:
                best = better(
                    best,
                    of_averages(month, covered_ms=mine.covered_ms, now_ms=now_ms, behind_ms=QUIET_SOURCE_MS),
                )
                continue
            reach = reaches.get(name)
            in_holes = 0
            if reach is not None and not _agent(month, mine, reach, 0, now_ms).can_reach(percent):
                # Only now it matters what may still come; until somebody has looked, all of it may.
                known = holes.fresh(name, now_ms)
                if known is None and walks < MOST_WALKS:
                    walks += 1
                    known = holes.of(connection, name, reach, month, now_ms)
                in_holes = month.counted_ms if known is None else known
            best = better(best, _agent(month, mine, reach, in_holes, now_ms))
        if best is not None:
            found[name] = best
    for gone in holes.known.keys() - found.keys():
        del holes.known[gone]
    return found


def _agent(month: Month, mine: Measured, reach: Reach | None, holes_ms: int, now_ms: int) -> Coverage:
    return of_agent(
        month,
        covered_ms=mine.covered_ms,
        downtime_ms=mine.downtime_ms,
        newest_ms=None if reach is None else reach.end_ms,
        holes_ms=holes_ms,
        now_ms=now_ms,
    )


def _counting(one: Standing | None, scope: Declared | None) -> Sequence[str]:
    """Return the sources whose readings count; none where nobody expects any before the month's end."""
    wanted: Sequence[str] = () if scope is None or one is None else scope.hosts[one.name]
    if one is None:
        return (AGENT,)  # declared and never seen: all of its time is outstanding
    mine = [source for source in one.sources if not wanted or source in wanted]
    return [source for source in mine if source == AGENT or (carries_averages(source) and source != IMPORT)]


def _clock_offset_ms(one: Standing) -> int | None:
    header = one.newest.header if one.newest else None
    return header.clock_offset_ms if header is not None and header.clock_rtt_ms >= 0 else None


def _hosts(
    standings: Sequence[Standing],
    scope: Declared | None,
    coverages: Mapping[str, Coverage],
    now_ms: int,
    *,
    beside: Sequence[Beside],
) -> tuple[HostFacts, ...]:
    quiet: dict[str, list[tuple[str, int]]] = {}
    for other in beside:
        if is_quiet(other, now_ms):
            quiet.setdefault(other.host, []).append((other.source, other.received_ms))
    facts = [
        HostFacts(
            name=one.name,
            state=state_of(one, now_ms),
            arrived_ms=one.newest.received_ms if one.newest else None,
            read_ms=one.newest.end_ms if one.newest else None,
            lag_ms=one.newest.lag_ms if one.newest else None,
            clock_offset_ms=_clock_offset_ms(one),
            coverage=coverages.get(one.name),
            quiet=tuple(quiet.get(one.name, ())),
        )
        for one in standings
    ]
    unseen = () if scope is None else sorted(scope.hosts.keys() - {one.name for one in standings})
    facts += [HostFacts(name, State.UNKNOWN, coverage=coverages.get(name)) for name in unseen]
    return tuple(facts)


def _anchors(connection: Connection) -> tuple[AnchorFacts, ...]:
    outbox = schema.anchor_outbox.c
    query = (
        select(outbox.alias, func.min(outbox.queued_ms))
        .where(outbox.done_ms.is_(None), outbox.attempts > 0)
        .group_by(outbox.alias)
    )
    since = {alias: int(queued) for alias, queued in connection.execute(query)}
    return tuple(
        AnchorFacts(one.alias, one.waiting, one.attempts, since.get(one.alias), one.last_ms)
        for one in log_standing.anchor_states(connection)
    )


def _unmarked(connection: Connection, calendar: LocalCalendar, began_ms: int | None, now_ms: int) -> int:
    if began_ms is None:
        return 0
    last = connection.scalar(select(func.max(schema.day_mark.c.day)))
    before = calendar.day_of(began_ms) - 1 if last is None else int(last)
    return max(0, calendar.day_of(now_ms - DAY_PATIENCE_MS) - 1 - before)


def _findings(connection: Connection) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in findings.recorded(connection):
        found[one.code] = found.get(one.code, 0) + 1
    return found


def _disk(directory: Path) -> Disk | None:
    try:
        usage = shutil.disk_usage(directory)
    except OSError:
        return None  # what cannot be asked is not known; the doctor says why
    return Disk(usage.free, usage.total)
