"""Declared scopes: every version of the scope on record, each record naming the one before by its hash.

What ``declared_versions`` verifies, in this order:

(1) there are at most ``MAX_SCOPE_VERSIONS``;
(2) every record is a canonical document of the schema ``starproof/scope-declaration/1``;
(3) the versions are 1, 2, 3 and so on;
(4) ``previous`` is the SHA-256 of the record before, empty in the first;
(5) all records name one enterprise, and no record is older than the one before;
(6) the file beside a record has the hash that the record names, and is a scope of that enterprise.

A record is not signed, and its time is the applicant's own clock: that a scope was there before its
window is proved by nothing but a hash that has left the applicant's hands.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from evidence import canonical, fields
from evidence.calendar import MS_PER_S
from evidence.chunk import LATEST_MS, MAX_NAME
from evidence.errors import EvidenceError, MalformedError
from verifier.errors import DeclarationError, ScopeError
from verifier.scope import Scope, parse_scope
from verifier.toml_text import MAX_FILE_BYTES
from verifier.window import Window

SCHEMA = "starproof/scope-declaration/1"
SCOPES_SCHEMA = "starproof/scopes/1"
MAX_RECORD_BYTES = 4 * 1024
MAX_SCOPE_VERSIONS = 1_000
MAX_SCOPES_BYTES = 64 * 1024 * 1024
"""Longest document of all versions: what a pack carries."""

Declared = tuple[bytes, bytes]
"""One version as it is kept: the record, and the scope file byte for byte."""


@dataclass(frozen=True)
class Declaration:
    """What a record says.

    ``sha256`` is of the scope file, ``previous`` the SHA-256 of the record before (empty: the
    first), ``declared_ms`` the collector's wall clock in ms since 1970.
    """

    enterprise: str
    version: int
    sha256: str
    previous: str
    declared_ms: int

    def encode(self) -> bytes:
        """Return the record: the canonical bytes that the next one names by their hash.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode({"schema": SCHEMA, **asdict(self)})


@dataclass(frozen=True)
class ScopeVersion:
    """One verified version: when it was declared (ms since 1970), its file and what the file says."""

    version: int
    declared_ms: int
    sha256: str
    data: bytes
    scope: Scope


def parse(record: bytes) -> Declaration:
    """Return what a record says; what it names is not looked at.

    Raises:
        MalformedError: the record breaks the format.
    """
    where = "scope declaration"
    document = canonical.decode(record, limit=MAX_RECORD_BYTES)
    fields.require_keys(document, ("schema", *Declaration.__dataclass_fields__), where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    previous = fields.text(document, "previous", where=where, longest=fields.HASH_DIGITS)
    if previous and not fields.is_hash(previous):
        raise MalformedError(f"{where}: previous is neither empty nor 64 lower-case hex digits")
    return Declaration(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        version=fields.integer(document, "version", where=where, least=1, most=MAX_SCOPE_VERSIONS),
        sha256=fields.hex_hash(document, "sha256", where=where),
        previous=previous,
        declared_ms=fields.integer(document, "declared_ms", where=where, most=LATEST_MS),
    )


def record_sha256(record: bytes) -> str:
    """Return the hash by which the next record names this one, 64 hex digits."""
    return hashlib.sha256(record).hexdigest()


def declared_versions(declared: Sequence[Declared]) -> tuple[ScopeVersion, ...]:
    """Return all versions in order, verified as the module's docstring says.

    Raises:
        DeclarationError: a record or file is damaged, missing, or contradicts another.
    """
    _require_count(len(declared))
    before: Declaration | None = None
    previous = ""
    versions = []
    for number, (record, data) in enumerate(declared, 1):
        said = _parsed(record, number)
        _require_successor(said, before, number=number, previous=previous)
        versions.append(_version(said, data))
        before, previous = said, record_sha256(record)
    return tuple(versions)


def next_record(declared: Sequence[Declared], data: bytes, *, enterprise: str, declared_ms: int) -> bytes:
    """Return the record that declares the scope file ``data`` after those declared so far.

    Args:
        declared: all versions so far, in order; they are verified first.
        data: the bytes of the scope file.
        enterprise: whose scopes these are.
        declared_ms: the time of declaring, in ms since 1970.

    Raises:
        ScopeError: ``data`` cannot be used as a scope, or is another enterprise's.
        DeclarationError: the versions so far are damaged, or leave no room for one more; or the
            clock is behind the version before.
        EvidenceError: the enterprise's name or the time has no place in a record.
    """
    scope = parse_scope(data)
    if scope.enterprise != enterprise:
        raise ScopeError(
            f"the scope is declared for {scope.enterprise!r}, and these are the records of {enterprise!r}; "
            "correct enterprise in the scope, or use the other enterprise's database"
        )
    versions = declared_versions(declared)
    if versions and declared_ms < versions[-1].declared_ms:
        raise DeclarationError(
            f"the clock shows {_utc(declared_ms)}, and version {versions[-1].version} was declared at "
            f"{_utc(versions[-1].declared_ms)}; set the clock right and declare again"
        )
    _require_count(len(versions) + 1)
    record = Declaration(
        enterprise=enterprise,
        version=len(versions) + 1,
        sha256=scope.sha256,
        previous=record_sha256(declared[-1][0]) if declared else "",
        declared_ms=declared_ms,
    ).encode()
    parse(record)  # what could not be read again
    scopes_document([*declared, (record, data)])  # or packed is not declared
    return record


def declared_as(scope: Scope, versions: Sequence[ScopeVersion]) -> ScopeVersion | None:
    """Return the newest version that is this very file, ``None`` if it was never declared."""
    return next((version for version in reversed(versions) if version.sha256 == scope.sha256), None)


def declared_before(scope: Scope, versions: Sequence[ScopeVersion], window: Window) -> bool:
    """Return whether the scope was the declared one when the window began.

    A version that another one had replaced by then does not count: whoever declares several in
    advance may not choose among them afterwards.
    """
    in_force = [version for version in versions if version.declared_ms < window.start_ms]
    return bool(in_force) and declared_as(scope, versions) == in_force[-1]


def scopes_document(declared: Sequence[Declared]) -> bytes:
    """Return one canonical document of all versions, records and files in base64.

    Raises:
        DeclarationError: there are too many, or they are too long together.
    """
    _require_count(len(declared))
    records = [{"record": _base64(record), "file": _base64(data)} for record, data in declared]
    document = canonical.encode({"schema": SCOPES_SCHEMA, "records": records})
    if len(document) > MAX_SCOPES_BYTES:
        raise DeclarationError(
            f"all versions of the scope have {len(document)} bytes together, at most {MAX_SCOPES_BYTES} "
            "fit into a pack; begin a new database for the next application"
        )
    return document


def read_scopes(document: bytes) -> list[Declared]:
    """Return record and file of every version in a document; ``declared_versions`` verifies them.

    Raises:
        MalformedError: not such a document.
    """
    where = "declared scopes"
    found = canonical.decode(document, limit=MAX_SCOPES_BYTES)
    fields.require_keys(found, ("schema", "records"), where=where)
    fields.choice(found, "schema", (SCOPES_SCHEMA,), where=where)
    result = []
    for entry in fields.objects(found, "records", where=where, most=MAX_SCOPE_VERSIONS):
        fields.require_keys(entry, ("record", "file"), where=where)
        record = _bytes(entry, "record", where=where, most=MAX_RECORD_BYTES)
        result.append((record, _bytes(entry, "file", where=where, most=MAX_FILE_BYTES)))
    return result


def _parsed(record: bytes, number: int) -> Declaration:
    try:
        return parse(record)
    except EvidenceError as cause:
        raise DeclarationError(f"version {number} of the scope: {cause}") from cause


def _require_successor(said: Declaration, before: Declaration | None, *, number: int, previous: str) -> None:
    place = f"version {number} of the scope"
    if said.version != number:
        raise DeclarationError(f"{place}: the record is of version {said.version}")
    if said.previous != previous:
        raise DeclarationError(f"{place}: the record does not name the one before it")
    if before is not None and said.enterprise != before.enterprise:
        raise DeclarationError(f"{place}: declared for {said.enterprise!r}, before for {before.enterprise!r}")
    if before is not None and said.declared_ms < before.declared_ms:
        raise DeclarationError(
            f"{place}: declared at {_utc(said.declared_ms)}, the version before at {_utc(before.declared_ms)}"
        )


def _version(said: Declaration, data: bytes) -> ScopeVersion:
    place = f"version {said.version} of the scope"
    if hashlib.sha256(data).hexdigest() != said.sha256:
        raise DeclarationError(f"{place}: the file is not the one that was declared")
    try:
        scope = parse_scope(data)
    except ScopeError as cause:
        raise DeclarationError(f"{place}: {cause}") from cause
    if scope.enterprise != said.enterprise:
        raise DeclarationError(f"{place}: the file is for {scope.enterprise!r}, not {said.enterprise!r}")
    return ScopeVersion(said.version, said.declared_ms, said.sha256, data, scope)


def _require_count(count: int) -> None:
    if count > MAX_SCOPE_VERSIONS:
        raise DeclarationError(
            f"{count} versions of the scope, at most {MAX_SCOPE_VERSIONS}; "
            "begin a new database for the next application"
        )


def _utc(instant_ms: int) -> str:
    return f"{datetime.fromtimestamp(instant_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(entry: Mapping[str, Any], key: str, *, where: str, most: int) -> bytes:
    text = fields.text(entry, key, where=where, longest=4 * -(-most // 3))  # base64 with padding
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedError(f"{where}: {key} is not base64") from None
    if _base64(data) != text:
        raise MalformedError(f"{where}: {key} is not base64 in its one form")
    return data
