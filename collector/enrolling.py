"""Enrolment: a host with a one-time token introduces its key, and the key is pinned.

1. A token is used once, by one finished enrolment; the identical request again gets the identical
   answer, even after the token has expired (the first answer may have been lost).
2. A token may be bound to a host name. A name that has a key already can only be enrolled again
   with a token bound to it: whoever holds a free token cannot take over somebody's host.
   This holds for all of a host's sources together: each has keys of its own, and who may speak for
   the host in one way does not thereby speak for it in another.
3. The record must say what the offer said: enterprise, host, epoch, and the token's hash; and it is of
   a source whose keys are made on hosts (``evidence.sources.SIGNED_BY_HOSTS``).
4. It names the newest key of this host and source and carries its signature, or names none. In that case the old
   key is lost: the break is recorded as a finding.
5. A key is pinned once, for one host, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from collector import tokens
from collector.errors import RequestError
from collector.names import is_host_name
from collector.store import findings, registry
from collector.store.engine import Store
from collector.store.findings import Finding
from collector.store.registry import PinnedKey
from evidence import enrolment as records
from evidence.enrolment import Enrolment, SignedEnrolment
from evidence.errors import BadSignatureError, EvidenceError, MalformedError, WeakKeyError
from evidence.sources import AGENT, SIGNED_BY_HOSTS


@dataclass(frozen=True)
class Offer:
    """What the record must say. ``previous`` is the id of the host's newest key, or empty."""

    enterprise: str
    host: str
    epoch: int
    previous: str


@dataclass(frozen=True)
class Request:
    """A finished enrolment as it came in."""

    token: str
    record: bytes
    signature: bytes
    previous_signature: bytes


@dataclass(frozen=True)
class Enrolled:
    """A pinned enrolment; ``again`` when the same request was answered before."""

    signed: SignedEnrolment
    again: bool


def offer(store: Store, *, token: str, host: str, source: str = AGENT, now_ms: int) -> Offer:
    """Return what the record must say. The token is not used up.

    Raises:
        RequestError: the token or the host name cannot be used.
        StoreError: the store cannot be read.
    """
    if not is_host_name(host):
        raise RequestError(400, "BAD_REQUEST", "host is a name of 1 to 128 printable characters")
    if source not in SIGNED_BY_HOSTS:
        raise RequestError(400, "BAD_REQUEST", f"source is one of {', '.join(SIGNED_BY_HOSTS)}")
    with store.reading() as connection:
        found = registry.find_token(connection, tokens.digest(token))
        bound = tokens.require_fresh(found, now_ms=now_ms).host
        return _offer(connection, host, bound, source=source)[0]


def enrol(store: Store, request: Request, *, now_ms: int, late: bool = False) -> Enrolled:
    """Verify a finished enrolment and pin its key.

    ``late`` takes a token that has expired: somebody at the collector vouches for a request that was long on its way.

    Raises:
        RequestError: it breaks one of the module's rules.
        StoreError: nothing was stored.
    """
    sha256 = tokens.digest(request.token)
    with store.writing() as connection:
        token = registry.find_token(connection, sha256)
        if token is not None and token.enrolment_id is not None:
            done = registry.signed_enrolment(connection, token.enrolment_id)
            if _same(done, request):
                return Enrolled(done, again=True)
        token = tokens.require_fresh(token, now_ms=now_ms, late=late)
        registry.locked_identity(connection)  # who names the enterprise meanwhile waits, or was first
        record = _parsed(request.record)
        if not is_host_name(record.host):
            raise _wrong("its host is not a name of 1 to 128 printable characters")
        if record.source not in SIGNED_BY_HOSTS:
            raise _wrong(f"its source is not one of {', '.join(SIGNED_BY_HOSTS)}")
        wanted, newest = _offer(connection, record.host, token.host, source=record.source)
        _require_offered(record, wanted, sha256)
        signed = _verified(request, newest if record.previous else None)
        if registry.key_is_known(connection, signed.public.id):
            raise RequestError(409, "KEY_TAKEN", "this key is pinned already; make a new one")
        key = registry.pin(connection, signed, now_ms=now_ms)
        registry.use_token(connection, sha256, enrolment_id=key.enrolment_id, now_ms=now_ms)
        detail = f"{key.host} epoch {key.epoch} key {key.public.id}"
        registry.note(connection, now_ms=now_ms, actor=key.host, action="ENROLLED", detail=detail)
        if newest is not None and not record.previous:
            _record_break(connection, key, newest, now_ms=now_ms)
    return Enrolled(signed, again=False)


def _offer(
    connection: Connection, host: str, bound: str | None, *, source: str
) -> tuple[Offer, PinnedKey | None]:
    """Rule 2. Return the offer and the newest key of this host and source."""
    if bound not in (None, host):
        raise RequestError(409, "HOST_TAKEN", f"this token is for the host {bound!r}, not {host!r}")
    keys = registry.enrolments_of(connection, host, source)
    newest = keys[-1] if keys else None
    taken = any(registry.enrolments_of(connection, host, other) for other in SIGNED_BY_HOSTS)
    if taken and bound is None:
        raise RequestError(
            409,
            "HOST_TAKEN",
            f"{host!r} is enrolled already; choose another name, or use a token made for it: "
            "starproof collector token --host NAME",
        )
    enterprise = registry.identity(connection).enterprise
    if newest is None:
        return Offer(enterprise, host, 0, ""), None
    return Offer(enterprise, host, newest.epoch + 1, newest.public.id), newest


def _require_offered(record: Enrolment, wanted: Offer, sha256: str) -> None:
    """Rules 3 and 4."""
    for name, said, offered in (
        ("enterprise", record.enterprise, wanted.enterprise),
        ("epoch", record.epoch, wanted.epoch),
        ("token", record.token, sha256),
    ):
        if said != offered:
            raise _wrong(f"its {name} is not {offered!r}")
    if record.previous not in ("", wanted.previous):
        raise _wrong("previous is not the newest key of this host")


def _verified(request: Request, previous: PinnedKey | None) -> SignedEnrolment:
    try:
        return records.verify(
            request.record,
            request.signature,
            request.previous_signature,
            previous.public if previous else None,
        )
    except (BadSignatureError, WeakKeyError) as error:
        raise RequestError(422, error.code, str(error)) from None
    except EvidenceError as error:
        raise _wrong(str(error)) from None


def _parsed(record: bytes) -> Enrolment:
    try:
        return records.parse(record)
    except MalformedError as error:
        raise RequestError(400, "MALFORMED", str(error)) from None


def _record_break(connection: Connection, key: PinnedKey, lost: PinnedKey, *, now_ms: int) -> None:
    detail = f"key {key.public.id} was enrolled without a signature of the key before, {lost.public.id}"
    registry.note(connection, now_ms=now_ms, actor=key.host, action=findings.KEY_BREAK, detail=detail)
    place = (key.host, key.source, key.epoch, 0)
    findings.record(connection, Finding(now_ms, findings.KEY_BREAK, *place, detail))


def _same(done: SignedEnrolment, request: Request) -> bool:
    return (done.record, done.signature, done.previous_signature) == (
        request.record,
        request.signature,
        request.previous_signature,
    )


def _wrong(message: str) -> RequestError:
    return RequestError(422, "WRONG_RECORD", f"the enrolment record does not fit the offer: {message}")
