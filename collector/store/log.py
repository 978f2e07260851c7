"""The log at rest: an RFC 6962 tree over everything that arrived, grown in the arrival's transaction.

A leaf costs one row, one row for each subtree of two leaves and more that it completes (on average
one), and the head row, whose frontier is all that appending reads: nothing is ever rebuilt. The head
is locked by who appends until the transaction ends, so leaves are numbered without a hole also when
several processes write to PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, tuple_

from collector.errors import StoreMismatchError
from collector.store import findings, schema
from collector.store.findings import Finding
from evidence import log_entry, merkle
from evidence.log_entry import LogEntry
from evidence.merkle import Frontier, NodeAt

CLOCK_BACK_MS = 10 * 60 * 1000
"""How far the clock may stand behind the last arrival without a finding: jobs wait for their turn."""
IN_ORDER_MS = 60_000
"""How far the clock may have stood behind the last arrival for its stamp to be believed against a host."""
CLOCK_BACK = "COLLECTOR_CLOCK_BACK"
_ROWS_AT_ONCE = 10_000
_QUERY_AT_ONCE = 400

_LEAF_AT = select(
    schema.log_leaf.c.index, schema.log_leaf.c.kind, schema.log_leaf.c.hash, schema.log_leaf.c.arrival_ms
).where(schema.log_leaf.c.index == bindparam("index"))
_LEAVES_OF = (
    select(
        schema.log_leaf.c.index, schema.log_leaf.c.kind, schema.log_leaf.c.hash, schema.log_leaf.c.arrival_ms
    )
    .where(
        schema.log_leaf.c.hash.in_(bindparam("hashes", expanding=True)),
        schema.log_leaf.c.kind == bindparam("kind"),
    )
    .order_by(schema.log_leaf.c.index.desc())
)
_NODE = select(schema.log_node.c.hash).where(
    schema.log_node.c.level == bindparam("level"), schema.log_node.c.index == bindparam("index")
)

Thing = tuple[int, str]
"""Kind and hash of something that arrived (``evidence.log_entry``)."""


@dataclass(frozen=True)
class Head:
    """The right edge of the log, its last arrival (ms since 1970), and the newest anchor receipt's hash."""

    frontier: Frontier
    arrival_ms: int
    anchor: str


@dataclass(frozen=True)
class Leaf:
    """A leaf with its place."""

    index: int
    entry: LogEntry


def append(connection: Connection, things: Sequence[Thing], *, now_ms: int) -> int:
    """Append things in order and return the index of the first leaf.

    Must run inside the transaction that stores them.

    Raises:
        StoreMismatchError: the store has no log.
    """
    head = _head(connection, lock=True)
    arrival_ms = log_entry.next_arrival(head.arrival_ms, now_ms)
    if arrival_ms - now_ms > CLOCK_BACK_MS:
        _note_clock(connection, arrival_ms, now_ms)
    frontier, first = head.frontier, head.frontier.size
    leaves, nodes = [], []
    anchors = [hash_ for kind, hash_ in things if kind == log_entry.ANCHOR]
    for index, (kind, hash_) in enumerate(things, first):
        frontier, completed = frontier.append(LogEntry(kind, hash_, arrival_ms).leaf)
        leaves.append({"index": index, "kind": kind, "hash": hash_, "arrival_ms": arrival_ms})
        nodes += [
            {"level": level, "index": index >> level, "hash": completed[level]}
            for level in range(1, len(completed))
        ]
    connection.execute(schema.log_leaf.insert(), leaves)
    if nodes:
        connection.execute(schema.log_node.insert(), nodes)
    connection.execute(
        schema.log_head.update().values(
            frontier=frontier.to_bytes(),
            arrival_ms=arrival_ms,
            anchor=anchors[-1] if anchors else head.anchor,
        )
    )
    return first


def head(connection: Connection) -> Head:
    """Return the log's right edge.

    Raises:
        StoreMismatchError: the store has no log.
    """
    return _head(connection, lock=False)


def locked_head(connection: Connection) -> Head:
    """Return the log's right edge; until the transaction ends nobody else appends.

    Raises:
        StoreMismatchError: the store has no log.
    """
    return _head(connection, lock=True)


def leaves(connection: Connection, first: int = 0, after: int = merkle.MAX_SIZE) -> Iterator[Leaf]:
    """Yield the leaves with first <= index < after, in order."""
    table = schema.log_leaf.c
    query = select(table.index, table.kind, table.hash, table.arrival_ms).order_by(table.index)
    query = query.where(table.index >= first, table.index < after)
    # Closed also when the caller has seen enough: PostgreSQL keeps a cursor for it.
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            yield _leaf(*row)


def leaf_at(connection: Connection, index: int) -> Leaf | None:
    """Return the leaf with this index, ``None`` if the log is not that long."""
    row = connection.execute(_LEAF_AT, {"index": index}).first()
    return None if row is None else _leaf(*row)


def is_in_order(connection: Connection, kind: int, hash_: str, *, stamped_ms: int) -> bool:
    """Return whether the clock that stamped an arrival did not stand behind the arrivals before it.

    The log's arrivals never go back: where the leaf names a later time than the clock did, the clock was behind.
    """
    leaf = find(connection, hash_, kind=kind)
    return leaf is not None and leaf.entry.arrival_ms - stamped_ms <= IN_ORDER_MS


def nodes(connection: Connection) -> Iterator[tuple[int, int, bytes]]:
    """Yield level, index and hash of all stored subtrees, by index within level."""
    table = schema.log_node.c
    query = select(table.level, table.index, table.hash).order_by(table.level, table.index)
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for level, index, hash_ in rows:
            yield level, index, bytes(hash_)


def find(connection: Connection, hash_: str, *, kind: int | None = None) -> Leaf | None:
    """Return the first leaf that holds this hash, of this kind if one is named."""
    table = schema.log_leaf.c
    query = select(table.index, table.kind, table.hash, table.arrival_ms).where(table.hash == hash_)
    if kind is not None:
        query = query.where(table.kind == kind)
    row = connection.execute(query.order_by(table.index).limit(1)).first()
    return None if row is None else _leaf(*row)


def find_all(connection: Connection, hashes: Sequence[str], *, kind: int) -> dict[str, Leaf]:
    """Return the first leaf of a kind that holds each of these hashes."""
    found: dict[str, Leaf] = {}
    for at in range(0, len(hashes), _QUERY_AT_ONCE):
        part = hashes[at : at + _QUERY_AT_ONCE]
        for row in connection.execute(_LEAVES_OF, {"hashes": list(part), "kind": kind}):
            found[row.hash] = _leaf(*row)
    return found


def first_at(connection: Connection, arrival_ms: int) -> int:
    """Return the index of the first leaf that arrived then or later; the log's size if there is none.

    Arrivals never go back, so the place is found by halving.
    """
    low, high = 0, head(connection).frontier.size
    arrival = schema.log_leaf.c.arrival_ms
    while low < high:
        middle = (low + high) // 2
        found = connection.scalar(select(arrival).where(schema.log_leaf.c.index == middle))
        if found is None or found >= arrival_ms:
            high = middle
        else:
            low = middle + 1
    return low


def node_reader(connection: Connection, frontier: Frontier = Frontier()) -> NodeAt:  # noqa: B008 - a frozen record
    """Return a function from level and index to the hash of a complete subtree of the log.

    It knows those of ``frontier`` and remembers what it read, so proofs for neighbours cost little.

    Raises (when called):
        StoreMismatchError: there is no such subtree; audit the store.
    """
    known = dict(zip(merkle.subtrees(frontier.size), frontier.hashes, strict=True))

    def node(level: int, index: int) -> bytes:
        place = (level, index)
        if place not in known:
            known[place] = _node(connection, level, index)
        return known[place]

    return node


def frontier_at(connection: Connection, size: int) -> Frontier:
    """Return the frontier of the log's first ``size`` leaves.

    Raises:
        StoreMismatchError: the log is not that long, or damaged.
        OutOfRangeError: no such size.
    """
    places = [place for place in merkle.subtrees(max(size, 0)) if place[0]]
    table = schema.log_node.c
    query = select(table.level, table.index, table.hash).where(tuple_(table.level, table.index).in_(places))
    rows = connection.execute(query).all() if places else []
    known = {(level, index): bytes(hash_) for level, index, hash_ in rows}

    def node(level: int, index: int) -> bytes:
        found = known.get((level, index))
        return _node(connection, level, index) if found is None else found

    return merkle.frontier_at(size, node)


def _leaf(index: int, kind: int, hash_: str, arrival_ms: int) -> Leaf:
    return Leaf(index, LogEntry(kind, hash_, arrival_ms))


def _node(connection: Connection, level: int, index: int) -> bytes:
    if level == 0:
        leaf = leaf_at(connection, index)
        if leaf is not None:
            return leaf.entry.leaf
    else:
        found = connection.scalar(_NODE, {"level": level, "index": index})
        if found is not None:
            return bytes(found)
    raise StoreMismatchError(f"the log lacks node {level}/{index}; run: starproof audit")


_HEAD = select(schema.log_head.c.frontier, schema.log_head.c.arrival_ms, schema.log_head.c.anchor)
_LOCKED_HEAD = _HEAD.with_for_update()


def _head(connection: Connection, *, lock: bool) -> Head:
    row = connection.execute(_LOCKED_HEAD if lock else _HEAD).first()
    if row is None:
        raise StoreMismatchError("the database has no log; restore it from a backup")
    return Head(Frontier.from_bytes(bytes(row.frontier)), row.arrival_ms, row.anchor)


def _note_clock(connection: Connection, arrival_ms: int, now_ms: int) -> None:
    detail = f"the collector's clock stands behind the last arrival in the log, {arrival_ms} ms since 1970"
    place = ("", "", schema.NO_PLACE, schema.NO_PLACE)
    findings.record(connection, Finding(now_ms, CLOCK_BACK, *place, detail))
