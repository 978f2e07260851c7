"""All logs of one configuration: what was read since the last batch, and what time it vouches for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Union

from agent.logins.batch import AHEAD_MS, Batch, Piece, divided, planned
from agent.logins.config import Log, Settings
from agent.logins.follower import Follower, Found
from agent.logins.formats.auth import Auth
from agent.logins.formats.combined import Combined
from agent.logins.formats.interface import Format
from agent.logins.formats.records import JsonLines, Pattern
from agent.logins.formats.w3c import W3c
from agent.logins.identity import Marks, Record
from agent.logins.journal import Journal
from agent.logins.stamps import MS_PER_S, Stamps
from agent.logins.tally import MAX_PAIRS, Accounts, Counts, Lines, Tally, united
from evidence.calendar import LocalCalendar

MARKS_BYTES = 32
DAYS_AHEAD = 2
"""Lines of later days are no lines of today: their clock is wrong."""
MAX_STRETCH_MS = 30 * 86_400_000
"""One chunk vouches for at most so long: longer ones are not credited (``evidence.day_sum``)."""


@dataclass
class Source:
    """One log: where its lines come from, how they are understood, what was counted since the last batch."""

    log: Log
    tally: Tally
    stamps: Stamps
    files: Union[Follower, Journal]
    form: Format


@dataclass
class Look:
    """What the looks since the last batch found, by log."""

    complete: bool = False
    full: bool = False
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Reader:
    """Reads all logs. Positions live in ``Batch``; ``cut`` makes the next one."""

    def __init__(self, settings: Settings, accounts: Sequence[Accounts]) -> None:
        """Read what ``settings`` name; ``accounts`` are one for each log, with its encoding."""
        self._settings = settings
        self._accounts = tuple(accounts)
        self.calendar = LocalCalendar(settings.timezone)
        self.look = Look()
        self._sources: tuple[Source, ...] = ()

    # Beginning

    def begin(self, chain: str, now_ms: int) -> Batch:
        """Return the first batch of all: nothing counted, positions at the end of what is there or at ``since``."""
        day = self._settings.since_day
        first_day = self.calendar.day_of(now_ms) if day is None else day
        batch = begun_at_day(self.calendar, first_day, chain=chain)
        batch.cursor_ms = now_ms
        self.resume(batch, now_ms)
        if day is None:
            for source in self._sources:
                if isinstance(source.files, Follower):
                    self.look.problems.extend(source.files.baseline().problems)
        else:
            batch.cursor_ms = self._complete_since(self.calendar.day_start(day), now_ms)
        batch.logs = self._positions()
        return batch

    def resume(self, batch: Batch, now_ms: int) -> None:
        """Go on from the positions of a batch; a log that it does not know begins at the end of its files."""
        self._sources = tuple(
            self._source(log, accounts, batch, now_ms)
            for log, accounts in zip(self._settings.logs, self._accounts)
        )
        for source in self._sources:
            if batch.logs and source.log.name not in batch.logs and isinstance(source.files, Follower):
                self.look.problems.extend(source.files.baseline().problems)

    def _complete_since(self, since_ms: int, now_ms: int) -> int:
        """Return from when on every log reaches back; a log without any time in it reaches back to now only."""
        start_ms = since_ms
        for source in self._sources:
            if isinstance(source.files, Journal):
                first_ms = source.files.earliest_ms()
            else:
                first_ms = source.files.earliest_ms(source.stamps)
            start_ms = max(start_ms, now_ms if first_ms is None else first_ms)
        return min(start_ms, now_ms)

    def _source(self, log: Log, accounts: Accounts, batch: Batch, now_ms: int) -> Source:
        zone = "UTC" if log.format == "w3c" else log.timezone or None
        stamps = Stamps(self.calendar, stamp_zone=zone, written=log.time_format or None)
        tally = Tally(accounts, first_day=batch.first_day, last_day=self.calendar.day_of(now_ms) + DAYS_AHEAD)
        state: Mapping[str, Any] = batch.logs.get(log.name) or {}
        files: Union[Follower, Journal]
        if log.format == "journal":
            begin = now_ms if self._settings.since_day is None else self.calendar.day_start(batch.first_day)
            files = Journal(
                command=journal_command(log),
                state=state or {"since_ms": begin},
                stamps_day=self.calendar.day_of,
            )
        else:
            files = Follower(
                paths=log.paths,
                rotated=log.rotated,
                marks=Marks(bytes.fromhex(batch.marks)),
                records=[Record.parse(record) for record in state.get("files", ())],
            )
        return Source(log, tally, stamps, files, form_of(log, stamps))

    # Reading

    @property
    def pairs(self) -> int:
        """Pairs of day and account in memory."""
        return sum(len(source.tally.counts) for source in self._sources)

    def poll(self, now_ms: int, stopped: Callable[[], bool], *, most_pairs: int = MAX_PAIRS) -> Look:
        """Read what is new; ``stopped`` is asked after every block whether to stop. Returns the look so far."""
        look = self.look
        look.complete, look.problems = True, []
        last_day = self.calendar.day_of(now_ms) + DAYS_AHEAD

        def enough() -> bool:
            look.full = look.full or self.pairs >= most_pairs
            return stopped() or look.full

        for source in self._sources:
            source.tally.last_day = last_day
            found = self._poll(source, now_ms, enough)
            look.complete = look.complete and found.complete
            look.problems.extend(f"{source.log.name}: {problem}" for problem in found.problems)
            look.lost.extend(f"{source.log.name}: {path}" for path in found.lost)
        return look

    def _poll(self, source: Source, now_ms: int, enough: Callable[[], bool]) -> Found:
        if isinstance(source.files, Journal):
            return source.files.poll(source.tally)
        return source.files.poll(source.form, source.tally, now_ms=now_ms, enough=enough)

    # Cutting

    def cut(self, before: Batch, now_ms: int, *, next_seq: int) -> Batch:
        """Return the batch that follows ``before``; the counts begin anew."""
        counts: dict[str, list[Counts]] = {name: [counts] for name, counts in before.waiting.items()}
        lines = dict(before.lines)
        for source in self._sources:
            counted, seen = source.tally.take()
            counts.setdefault(source.log.definition, []).append(counted)
            total = Lines()
            total.add(lines.get(source.log.name, Lines()))
            total.add(seen)
            lines[source.log.name] = total
        ready, waiting = {}, {}
        for name, parts in counts.items():
            ready[name], later = divided(united(parts), now_ms + AHEAD_MS, self.calendar)
            if later:
                waiting[name] = later
        slots, cursor_ms = self._slots(before.cursor_ms, now_ms)
        pieces = planned(ready, slots[-1] if slots else None, at_ms=cursor_ms, calendar=self.calendar)
        self.look = Look()
        return Batch(
            chain=before.chain,
            cursor_ms=cursor_ms,
            first_day=before.first_day,
            marks=before.marks,
            first_seq=next_seq,
            pieces=[
                *pieces[: len(pieces) - bool(slots)],
                *(Piece(max(ready), *slot, {}) for slot in slots[:-1]),
                *(pieces[-1:] if slots else []),
            ],
            waiting=waiting,
            logs=self._positions(),
            lines=lines,
        )

    def summary(self) -> list[dict[str, Any]]:
        """Return what was counted in each log since the last cut, in numbers."""
        return [
            {
                "name": source.log.name,
                "format": source.log.format,
                "definition": source.log.definition,
                "files": len(source.files.records) if isinstance(source.files, Follower) else 0,
                "accounts": len({digest for _, digest in source.tally.counts}),
                "lines": asdict(source.tally.lines),
            }
            for source in self._sources
        ]

    def lines(self, batch: Batch) -> dict[str, Lines]:
        """Return what became of the lines of each log since the first start, with those not cut yet."""
        totals = {}
        for source in self._sources:
            totals[source.log.name] = total = Lines()
            total.add(batch.lines.get(source.log.name, Lines()))
            total.add(source.tally.lines)
        return totals

    def _slots(self, cursor_ms: int, now_ms: int) -> tuple[list[tuple[int, int]], int]:
        """Return the stretches of time that were read completely, and from where the next one begins."""
        if self.look.lost:
            return [], max(cursor_ms, now_ms)
        end_ms = now_ms - self._settings.lag_s * MS_PER_S
        if not self.look.complete or end_ms <= cursor_ms:
            return [], cursor_ms
        bounds = [*range(cursor_ms, end_ms, MAX_STRETCH_MS), end_ms]
        return list(zip(bounds, bounds[1:])), end_ms

    def _positions(self) -> dict[str, Any]:
        return {
            source.log.name: source.files.document()
            if isinstance(source.files, Journal)
            else {"files": [record.document() for record in source.files.records]}
            for source in self._sources
        }


def begun_at_day(calendar: LocalCalendar, first_day: int, *, chain: str = "") -> Batch:
    """Return a batch that nothing was read for, with new marks."""
    marks = os.urandom(MARKS_BYTES).hex()
    return Batch(chain=chain, cursor_ms=calendar.day_start(first_day), first_day=first_day, marks=marks)


def form_of(log: Log, stamps: Stamps) -> Format:
    """Return what understands the lines of a log."""
    success = [status.encode() for status in log.success]
    if log.format == "w3c":
        return W3c(log.definition, stamps)
    if log.format == "json":
        return JsonLines(
            account=log.account, time=log.time, status=log.status, success=success, stamps=stamps
        )
    if log.format == "pattern":
        return Pattern(re.compile(log.pattern.encode()), stamps, success=success)
    return Auth(stamps) if log.format in ("auth", "journal") else Combined(log.definition, stamps)


def journal_command(log: Log) -> tuple[str, ...]:
    """Return what asks the journal of a log."""
    return ("journalctl", f"--directory={log.directory}") if log.directory else ("journalctl",)
