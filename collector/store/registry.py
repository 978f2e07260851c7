"""Who may speak: the enterprise, its hosts, their pinned keys, and the one-time tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, bindparam, func, select

from collector.errors import StoreMismatchError
from collector.store import log, schema
from evidence import enrolment as records
from evidence import log_entry
from evidence.calendar import LocalCalendar
from evidence.enrolment import SignedEnrolment
from evidence.keys import PublicKey

DEFAULT_ENTERPRISE = "未命名企业"
DEFAULT_TIMEZONE = "Asia/Shanghai"
AGENT = "agent"
IMPORT = "import"
_ENTERPRISE = "enterprise"
_TIMEZONE = "timezone"
_KEYS_KEPT = 16_384
"""Parsed enrolments in memory, about 1 KB each: more than the agents that one collector serves in a minute."""


@dataclass(frozen=True)
class Identity:
    """Whose store this is, and the zone whose days its day sums are."""

    enterprise: str
    timezone: str

    @property
    def calendar(self) -> LocalCalendar:
        """The days of ``timezone``."""
        return _calendar(self.timezone)


@dataclass(frozen=True)
class PinnedKey:
    """An enrolment as admission needs it."""

    enrolment_id: int
    host_id: int
    host: str
    source: str
    epoch: int
    enrolment: str
    enterprise: str
    public: PublicKey


@dataclass(frozen=True)
class Token:
    """A one-time token at rest: its SHA-256, never itself."""

    sha256: str
    host: str | None
    created_ms: int
    expires_ms: int
    used_ms: int | None
    enrolment_id: int | None


def is_set_up(connection: Connection) -> bool:
    """Return whether the store knows whose it is."""
    return _any(connection, schema.meta)


def identity(connection: Connection) -> Identity:
    """Return whose store this is.

    Raises:
        StoreMismatchError: the store was never set up.
    """
    rows = {row.key: row.value for row in connection.execute(_META)}
    if _ENTERPRISE not in rows or _TIMEZONE not in rows:
        raise StoreMismatchError("the database has no enterprise yet; run: starproof collector serve")
    return Identity(rows[_ENTERPRISE], rows[_TIMEZONE])


def locked_identity(connection: Connection) -> Identity:
    """Return whose store this is; until the transaction ends, others that ask so wait.

    On SQLite every writing transaction has waited already.

    Raises:
        StoreMismatchError: the store was never set up.
    """
    connection.execute(identity_lock())
    return identity(connection)


def identity_lock() -> Select[Any]:
    """Return the query that holds the enterprise's row until the transaction ends."""
    return select(schema.meta.c.value).where(schema.meta.c.key == _ENTERPRISE).with_for_update()


def may_be_named(connection: Connection) -> bool:
    """Return whether the enterprise's name can still be given or corrected: no record carries it."""
    return not _is_named(connection)


def set_up(
    connection: Connection,
    *,
    enterprise: str | None,
    timezone: str | None,
    now_ms: int,
    actor: str = "collector",
) -> Identity:
    """Make or change the store's identity; ``None`` leaves a value or takes the default.

    Raises:
        StoreMismatchError: the change would contradict what is stored already.
        MalformedError: the zone does not exist.
    """
    connection.execute(identity_lock())
    rows = {row.key: row.value for row in connection.execute(select(schema.meta))}
    old_enterprise, old_timezone = rows.get(_ENTERPRISE), rows.get(_TIMEZONE)
    wanted = Identity(
        enterprise or old_enterprise or DEFAULT_ENTERPRISE, timezone or old_timezone or DEFAULT_TIMEZONE
    )
    LocalCalendar(wanted.timezone)
    if old_enterprise not in (None, wanted.enterprise) and _is_named(connection):
        raise StoreMismatchError(
            f"the database belongs to {old_enterprise!r} and its records say so; "
            f"use another database for {wanted.enterprise!r}"
        )
    if old_timezone not in (None, wanted.timezone) and _any(connection, schema.chunk):
        raise StoreMismatchError(
            f"the day sums of this database are days of {old_timezone}; "
            f"use another database for {wanted.timezone}"
        )
    if (old_enterprise, old_timezone) != (wanted.enterprise, wanted.timezone):
        connection.execute(schema.meta.delete().where(schema.meta.c.key.in_((_ENTERPRISE, _TIMEZONE))))
        connection.execute(
            schema.meta.insert(),
            [
                {"key": _ENTERPRISE, "value": wanted.enterprise},
                {"key": _TIMEZONE, "value": wanted.timezone},
            ],
        )
        note(
            connection,
            now_ms=now_ms,
            actor=actor,
            action="IDENTITY",
            detail=f"{wanted.enterprise} {wanted.timezone}",
        )
    return wanted


def lock_hosts(connection: Connection, host_ids: Iterable[int]) -> None:
    """Make others that ask so about one of these hosts wait until the transaction ends.

    In one order, so that two who ask for the same hosts never wait for one another. Rows that refer to a
    host may be added meanwhile.
    """
    connection.execute(_LOCK_HOSTS, {"ids": sorted(set(host_ids))}).all()


def host_id(connection: Connection, name: str) -> int:
    """Return the id of the host, which is added if it is new."""
    found = connection.scalar(select(schema.host.c.id).where(schema.host.c.name == name))
    if found is not None:
        return int(found)
    return inserted(connection.execute(schema.host.insert().values(name=name)).inserted_primary_key)


def enrolments_of(connection: Connection, host: str, source: str) -> list[PinnedKey]:
    """Return the keys pinned for a host and source, oldest first."""
    query = _pinned().where(schema.host.c.name == host, schema.enrolment.c.source == source)
    return [_key(row) for row in connection.execute(query.order_by(schema.enrolment.c.epoch))]


def pinned(connection: Connection, key_id: str, *, sources: Sequence[str]) -> PinnedKey | None:
    """Return the enrolment whose key has this id, ``None`` if none is pinned for one of ``sources``."""
    row = connection.execute(_PINNED, {"key_id": key_id, "sources": list(sources)}).first()
    return None if row is None else _key(row)


def is_pinned(connection: Connection, key_id: str, *, sources: Sequence[str]) -> bool:
    """Return whether a key with this id is pinned for one of ``sources``."""
    return connection.execute(_IS_PINNED, {"key_id": key_id, "sources": list(sources)}).first() is not None


def key_is_known(connection: Connection, key_id: str) -> bool:
    """Return whether any enrolment of any source has this key."""
    query = select(schema.enrolment.c.id).where(schema.enrolment.c.key_id == key_id)
    return connection.execute(query.limit(1)).first() is not None


def has_enrolled(connection: Connection, sources: Sequence[str]) -> bool:
    """Return whether anything was ever enrolled for one of ``sources``."""
    query = select(schema.enrolment.c.id).where(schema.enrolment.c.source.in_(sources))
    return connection.execute(query.limit(1)).first() is not None


def pin(connection: Connection, signed: SignedEnrolment, *, now_ms: int) -> PinnedKey:
    """Store a verified enrolment, log its arrival, and return it as admission needs it."""
    record = signed.enrolment
    host = host_id(connection, record.host)
    result = connection.execute(
        schema.enrolment.insert().values(
            host_id=host,
            source=record.source,
            epoch=record.epoch,
            key_id=signed.public.id,
            record=signed.record,
            signature=signed.signature,
            previous_signature=signed.previous_signature,
            hash=signed.hash,
            received_ms=now_ms,
        )
    )
    log.append(connection, [(log_entry.ENROLMENT, signed.hash)], now_ms=now_ms)
    return PinnedKey(
        enrolment_id=inserted(result.inserted_primary_key),
        host_id=host,
        host=record.host,
        source=record.source,
        epoch=record.epoch,
        enrolment=signed.hash,
        enterprise=record.enterprise,
        public=signed.public,
    )


def signed_enrolment(connection: Connection, enrolment_id: int) -> SignedEnrolment:
    """Return a stored enrolment with its signatures."""
    row = connection.execute(select(schema.enrolment).where(schema.enrolment.c.id == enrolment_id)).one()
    return as_signed(row)


def as_signed(row: Row[Any]) -> SignedEnrolment:
    """Return the enrolment in a row of the table; it was verified when it came in."""
    return SignedEnrolment(records.parse(row.record), row.record, row.signature, row.previous_signature)


def add_token(connection: Connection, token: Token) -> None:
    """Store a new token."""
    connection.execute(schema.token.insert().values(**vars(token)))


def find_token(connection: Connection, sha256: str) -> Token | None:
    """Return the token with this hash."""
    query = select(schema.token).where(schema.token.c.sha256 == sha256)
    row = connection.execute(query).mappings().first()
    return None if row is None else Token(**row)


def use_token(connection: Connection, sha256: str, *, enrolment_id: int, now_ms: int) -> None:
    """Mark a token as used for an enrolment."""
    connection.execute(
        schema.token.update()
        .where(schema.token.c.sha256 == sha256)
        .values(used_ms=now_ms, enrolment_id=enrolment_id)
    )


def note(connection: Connection, *, now_ms: int, actor: str, action: str, detail: str) -> None:
    """Add a row to the audit trail."""
    connection.execute(
        schema.audit_trail.insert().values(time_ms=now_ms, actor=actor, action=action, detail=detail)
    )


@lru_cache(maxsize=8)
def _calendar(zone: str) -> LocalCalendar:
    """Keep the calendar with the days that it has looked up."""
    return LocalCalendar(zone)


def _pinned() -> Select[Any]:
    return select(schema.enrolment, schema.host.c.name.label("host")).join(
        schema.host, schema.host.c.id == schema.enrolment.c.host_id
    )


# Asked for every delivery: built once, so that nothing is built or looked up by its parts each time.
_BY_KEY = (
    schema.enrolment.c.key_id == bindparam("key_id"),
    schema.enrolment.c.source.in_(bindparam("sources", expanding=True)),
)
_PINNED = _pinned().where(*_BY_KEY)
_IS_PINNED = select(schema.enrolment.c.id).where(*_BY_KEY)
_LOCK_HOSTS = (
    select(schema.host.c.id)
    .where(schema.host.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(schema.host.c.id)
    .with_for_update(key_share=True)
)
_META = select(schema.meta.c.key, schema.meta.c.value)


@lru_cache(maxsize=_KEYS_KEPT)
def _named(record: bytes) -> tuple[str, PublicKey]:
    """Return enterprise and key of a record; it never changes, and to look at a key costs more than to keep it."""
    parsed = records.parse(record)
    return parsed.enterprise, PublicKey.from_hex(parsed.key)


def _key(row: Row[Any]) -> PinnedKey:
    enterprise, public = _named(bytes(row.record))
    return PinnedKey(
        enrolment_id=row.id,
        host_id=row.host_id,
        host=row.host,
        source=row.source,
        epoch=row.epoch,
        enrolment=row.hash,
        enterprise=enterprise,
        public=public,
    )


def inserted(key: Row[Any] | None) -> int:
    """Return the number that a new row was given."""
    if key is None:  # pragma: no cover - both dialects report the key of a single insert
        raise StoreMismatchError("the database did not say under which id a row was stored")
    return int(str(key[0]))


def _is_named(connection: Connection) -> bool:
    """Return whether something is kept that names the enterprise: enrolments, declared scopes, marks in the log."""
    named = (schema.enrolment, schema.scope_version, schema.day_mark, schema.month_close)
    return any(_any(connection, table) for table in named)


def _any(connection: Connection, table: Table) -> bool:
    return bool(connection.scalar(select(func.count()).select_from(select(table).limit(1).subquery())))
