"""Hearing: what the chunks of a host say, source by source: their day sums and their facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from evidence.activity import ActivityRow
from evidence.calendar import LocalCalendar
from evidence.stored import DaySumRow, StoredChunk
from verifier.activity import Uniting
from verifier.facts import Gathering, SourceFacts
from verifier.ports import Archive
from verifier.recompute import Opened, Opener, host_day_sums
from verifier.scope import Scope
from verifier.selection import deciding_chunks
from verifier.window import Window


@dataclass(frozen=True)
class Said:
    """What one source of one host says. ``activity`` are its sets of accounts, empty for most sources."""

    rows: tuple[DaySumRow, ...]
    facts: SourceFacts
    activity: tuple[ActivityRow, ...] = ()


def hear(
    host: str, chunks: Iterable[Opened], calendar: LocalCalendar, days: tuple[int, int]
) -> Iterator[Said]:
    """Yield what every source of ``host`` says about the days [first, after).

    Args:
        host: its name.
        chunks: verified chunks in the order of crediting; each is looked at once.
        calendar: the zone of the day sums.
        days: ordinals.
    """
    for source, run in groupby(chunks, key=lambda pair: pair[0].source):
        gathering, people = Gathering(host, source), Uniting(host, calendar, days)
        watched = people.watching(gathering.watching(run))
        rows = tuple(host_day_sums(host, watched, calendar, days))
        yield Said(rows, gathering.facts(), people.rows())


def deciding(
    archive: Archive, window: Window, scope: Scope | None
) -> Iterator[tuple[str, list[StoredChunk]]]:
    """Yield the hosts that count and have chunks that decide about the window, sorted, with these."""
    wanted = set(archive.hosts())
    if scope is not None:
        wanted &= scope.host_names
    for host in sorted(wanted):
        chunks = deciding_chunks(archive, host, window.start_ms, window.end_ms)
        if chunks:
            yield host, chunks


def hear_stored(
    opener: Opener, host: str, chunks: Sequence[StoredChunk], calendar: LocalCalendar, window: Window
) -> Iterator[Said]:
    """Yield what chunks at rest say; ``opener`` verifies them.

    Raises:
        ArchiveError: a chunk does not verify.
    """
    pairs = ((stored, chunk) for stored in chunks if (chunk := opener(stored)) is not None)
    yield from hear(host, pairs, calendar, (window.first_day, window.after_day))
