"""Testimony: what the chunks of one host say, source by source: their day sums and their facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from evidence.calendar import LocalCalendar
from evidence.stored import DaySumRow
from verifier.facts import Gathering, SourceFacts
from verifier.recompute import Opened, host_day_sums


@dataclass(frozen=True)
class Testimony:
    """What one source of one host says."""

    rows: tuple[DaySumRow, ...]
    facts: SourceFacts


def testimonies(
    host: str, chunks: Iterable[Opened], calendar: LocalCalendar, days: tuple[int, int]
) -> Iterator[Testimony]:
    """Yield what every source of ``host`` says about the days [first, after).

    Args:
        host: its name.
        chunks: verified chunks in the order of crediting; each is looked at once.
        calendar: the zone of the day sums.
        days: ordinals.
    """
    for source, run in groupby(chunks, key=lambda pair: pair[0].source):
        gathering = Gathering(host, source)
        rows = tuple(host_day_sums(host, gathering.watching(run), calendar, days))
        yield Testimony(rows, gathering.facts())
