"""Counted hashes become chunks, sealed with the collector's own key, and are stored at once or not at all.

Such a chunk proves what the collector was told and when, not that it is true: its enrolment says
``attested`` = ``no``. It vouches for whole days, up to the moment of reading.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from collector import admission, ingest
from collector.accounts.counting import Counted, Hashing
from collector.accounts.errors import AccountsError
from collector.names import is_host_name
from collector.opening import OpenStore
from collector.own_chunks import ATTESTED, Place, enrolled, sealed
from collector.store import registry, schema
from collector.store.registry import Identity, PinnedKey
from evidence import activity, canonical, manifest
from evidence.accounts import excluded_fact, key_id
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey
from evidence.manifest import ACTIVITY, ACTIVITY_COLUMNS, Column, Manifest
from evidence.sources import ACCOUNTS

DAY_MS = 86_400_000
MS_PER_S = 1_000


@dataclass(frozen=True)
class Telling:
    """Under which name accounts are stored, where they are from, and which events count."""

    alias: str
    origin: str
    definition: str


@dataclass(frozen=True)
class Stored:
    """In how many chunks accounts were stored, and until when they are vouched for (ISO 8601, local time)."""

    chunks: int
    until: str


def store(
    opened: OpenStore,
    counted: Counted,
    telling: Telling,
    hashing: Hashing,
    *,
    days: tuple[date, date],
    now_ms: int,
) -> Stored:
    """Store what was counted for the days from ``days[0]`` to ``days[1]``, up to now at most.

    Raises:
        AccountsError: the days have not begun, the name cannot be used, or the store's rules refuse a chunk.
        StoreError: nothing was stored.
    """
    if not is_host_name(telling.alias) or "/" in telling.alias:
        raise AccountsError("the alias is a name of 1 to 128 printable characters without /")
    with opened.store.writing() as connection:
        identity = registry.identity(connection)
        calendar = identity.calendar
        start = calendar.day_start(days[0].toordinal())
        end = min(now_ms, calendar.day_start(days[1].toordinal() + 1))
        today = calendar.day_of(now_ms)
        if end <= start or any(day > today for day, _ in counted.counts):
            raise AccountsError(
                "there are days that have not begun; nothing can have been read of them: correct the days, or "
                "this computer's clock"
            )
        key = opened.keyring.source_key(ACCOUNTS)
        signed, pinned = _enrolment(connection, telling, identity=identity, key=key, now_ms=now_ms)
        place = _place(connection, pinned)
        first = place.seq
        built = _manifest(telling, hashing, calendar)
        for values in list(activity.rows(counted.counts, calendar)) or [activity.empty_columns()]:
            place = _admitted(
                connection,
                sealed(values, built, record=signed, place=place, span=(start, end), key=key),
                pinned,
                place,
                calendar=calendar,
                now_ms=now_ms,
            )
    until = datetime.fromtimestamp(end // MS_PER_S, ZoneInfo(calendar.zone))
    return Stored(place.seq - first, until.isoformat())


def _enrolment(
    connection: Connection, telling: Telling, *, identity: Identity, key: PrivateKey, now_ms: int
) -> tuple[SignedEnrolment, PinnedKey]:
    """The newest record under this name if it is about the same origin and key, else a new one."""
    facts = {**ATTESTED, "alias": telling.alias, "origin": telling.origin}
    earlier = registry.enrolments_of(connection, telling.alias, ACCOUNTS)
    if earlier:
        signed = registry.signed_enrolment(connection, earlier[-1].enrolment_id)
        if earlier[-1].public == key.public and dict(signed.enrolment.facts) == facts:
            return signed, earlier[-1]
    signed = enrolled(
        enterprise=identity.enterprise,
        host=telling.alias,
        source=ACCOUNTS,
        epoch=earlier[-1].epoch + 1 if earlier else 0,
        stands_for=hashlib.sha256(canonical.encode(facts)).hexdigest(),
        facts=facts,
        now_ms=now_ms,
        key=key,
    )
    return signed, registry.pin(connection, signed, now_ms=now_ms)


def _place(connection: Connection, pinned: PinnedKey) -> Place:
    table = schema.chunk.c
    query = select(table.seq, table.hash, table.end_ms).where(table.enrolment_id == pinned.enrolment_id)
    last = connection.execute(query.order_by(table.seq.desc()).limit(1)).first()
    return Place(0, pinned.enrolment, 0) if last is None else Place(last.seq + 1, last.hash, last.end_ms)


def _manifest(telling: Telling, hashing: Hashing, calendar: LocalCalendar) -> Manifest:
    return manifest.build(
        kind=ACTIVITY,
        interval_ms=DAY_MS,
        columns=tuple(Column(name) for name in ACTIVITY_COLUMNS),
        host={
            **ATTESTED,
            "timezone": calendar.zone,
            "account_key": key_id(hashing.key),
            "definition": telling.definition,
            "excluded": excluded_fact(hashing.excluded),
            "origin": telling.origin,
        },
    )


def _admitted(
    connection: Connection,
    frame: bytes,
    pinned: PinnedKey,
    place: Place,
    *,
    calendar: LocalCalendar,
    now_ms: int,
) -> Place:
    chunk = open_chunk(read_frame(frame), pinned.public)
    verdict = ingest.admit(connection, chunk, pinned, calendar=calendar, now_ms=now_ms)
    if verdict.status != admission.STORED:
        raise AccountsError(f"the store refuses it: {verdict.message}")
    return Place(place.seq + 1, chunk.hash, chunk.header.end_ms)
