"""Everything from the cluster into the database again, for a store that is to do without it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from collector.errors import ClusterError
from collector.store import day_sums, dropped, frames, months, registry, schema
from collector.store.chunks import Line
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_dropping, far_sums
from collector.store.engine import Store
from evidence.chunk import read_frame
from evidence.errors import EvidenceError

LINES_AT_ONCE = 50


@dataclass(frozen=True)
class Fetched:
    """How many frames and sums came back; how many sums were lost and derived again; chunks without their frame."""

    frames: int
    sums: int
    derived: int
    lost: tuple[str, ...]


def fetch(store: Store) -> Fetched:
    """Fetch all frames and sums, a few in a transaction, and forget the cluster if nothing was lost.

    Raises:
        ClusterError: it cannot be asked, or has lost sums of a month whose chunks were dropped; what came back stays.
        StoreError: the database cannot be used.
    """
    fetched, lost = 0, list[str]()
    with store.reading() as connection:
        present = set(connection.scalars(select(schema.chunk.c.month).distinct()))
        wanted = sorted(present - dropped.numbers(connection))
    for month in wanted:
        with store.reading() as connection:
            numbers = sorted(far_dropping.lacking(connection, month))
        for at in range(0, len(numbers), frames.AT_ONCE):
            with store.writing() as connection:
                missing = _fetch(connection, month, numbers[at : at + frames.AT_ONCE])
            lost += missing
            fetched += len(numbers[at : at + frames.AT_ONCE]) - len(missing)
    sums, derived = _sums(store)
    if not lost:
        with store.writing() as connection:
            bindings.forget(connection)
    return Fetched(fetched, sums, derived, tuple(lost))


def _fetch(connection: Connection, month: int, numbers: list[int]) -> list[str]:
    """Fetch frames; return the hashes of those that the cluster does not have as they were."""
    table = schema.chunk.c
    known = connection.execute(select(table.id, table.hash).where(table.id.in_(numbers)))
    hashes = {row.id: row.hash for row in known}
    found = frames.read(connection, [(month, number) for number in numbers])
    right = {number: frame for number, frame in found.items() if _hash(frame) == hashes[number]}
    for number, frame in right.items():
        frames.add(connection, month, number, frame)
    return [hashes[number] for number in numbers if number not in right]


def _hash(frame: bytes) -> str:
    try:
        return read_frame(frame).hash
    except EvidenceError:
        return ""


def _sums(store: Store) -> tuple[int, int]:
    """Fetch all sums; return how many came back, and how many were derived from chunks instead."""
    fetched = derived = 0
    while True:
        with store.writing() as connection:
            lines = connection.execute(select(schema.moved_sum).limit(LINES_AT_ONCE)).all()
            for line in lines:
                try:
                    far_sums.fetch_back(
                        connection, line.host_id, line.source, (months.first_day(line.month),)
                    )
                    fetched += line.rows
                except ClusterError as error:
                    if error.unreachable or line.month in dropped.numbers(connection):
                        raise
                    _derive(connection, line)
                    derived += line.rows
        if not lines:
            return fetched, derived


def _derive(connection: Connection, line: Row[tuple[int, ...]]) -> None:
    far_sums.forget(connection, line.host_id, line.source, line.month)
    days = (months.first_day(line.month), months.first_day(months.after(line.month)))
    calendar = registry.identity(connection).calendar
    day_sums.rederive(
        connection, Line(line.host_id, line.source), calendar, days, dropped=dropped.numbers(connection)
    )
