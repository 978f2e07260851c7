"""Step 2 of the check: what the enterprise declared, as the pack holds it.

Edition, scope with its declared versions, profile with its documents: read, compared with one another
and with what the reviewer trusts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evidence.errors import EvidenceError
from verifier import layout
from verifier.agreement import disagreements
from verifier.chain import Chain
from verifier.contents import Contents
from verifier.declaration import ScopeVersion, declared_as, declared_versions, read_scopes
from verifier.derivation import Declared
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.errors import VerifierError
from verifier.finding import Finding
from verifier.ledger import Ledger
from verifier.ledger_rules import read_ledger
from verifier.profile import Profile
from verifier.profile_file import parse_profile
from verifier.scope import Scope, parse_scope
from verifier.statement import Statement

UNREADABLE = (EvidenceError, VerifierError)


def read_declared(
    contents: Contents, statement: Statement, chains: Sequence[Chain], editions: Mapping[str, str]
) -> Declared | None:
    """Return what the pack declares, ``None`` if a part cannot be read; report what does not fit.

    Args:
        contents: the entries of the pack.
        statement: the signed statement.
        chains: the chunks that were read, by host and source.
        editions: SHA-256 by id of the editions that the reviewer trusts.
    """
    reader = _Reader(contents, statement)
    edition = reader.edition(editions)
    scope = reader.scope(chains)
    scopes = reader.scopes(scope)
    profile = None if edition is None else reader.profile(edition, scope)
    ledger = reader.ledger()
    unread = profile is None and contents.has(layout.PROFILE)
    if ledger is not None and not unread:
        reader.documents(profile, ledger)
    lost = ledger is None or unread or (scope is None and contents.has(layout.SCOPE))
    if edition is None or scopes is None or lost:
        return None
    return Declared(edition, scope, scopes, profile)


class _Reader:
    def __init__(self, contents: Contents, statement: Statement) -> None:
        self._contents = contents
        self._statement = statement

    def edition(self, trusted: Mapping[str, str]) -> Edition | None:
        raw = self._contents.read(layout.EDITION)
        try:
            edition = parse_edition(raw)
        except UNREADABLE as error:
            self._report("EDITION", layout.EDITION, got=str(error))
            return None
        got = layout.sha256(raw)
        if edition.id not in trusted:
            self._report("EDITION_UNKNOWN", layout.EDITION, got=f"{edition.id} {got}")
        elif trusted[edition.id] != got:
            self._report("EDITION_DIFFERS", layout.EDITION, expected=trusted[edition.id], got=got)
        return edition

    def scope(self, chains: Sequence[Chain]) -> Scope | None:
        """Its hosts and no others have chunks in the pack."""
        if not self._contents.has(layout.SCOPE):
            self._report("SCOPE_NOT_DECLARED", layout.SCOPE)
            return None
        try:
            scope = parse_scope(self._contents.read(layout.SCOPE))
        except UNREADABLE as error:
            self._report("SCOPE", layout.SCOPE, got=str(error))
            return None
        self._same_enterprise("SCOPE", layout.SCOPE, scope.enterprise)
        declared = scope.host_names
        for chain in chains:
            if chain.host not in declared:
                self._report(
                    "SCOPE", layout.HOSTS, host=chain.host, got="chunks of a host that is not declared"
                )
        return scope

    def scopes(self, scope: Scope | None) -> Sequence[ScopeVersion] | None:
        """The declared versions are a chain, and the scope in use is the last of them."""
        found: Sequence[ScopeVersion] = ()
        if self._contents.has(layout.SCOPES):
            try:
                found = declared_versions(read_scopes(self._contents.read(layout.SCOPES)))
            except UNREADABLE as error:
                self._report("SCOPES", layout.SCOPES, got=str(error))
                return None
        if found:
            self._same_enterprise("SCOPES", layout.SCOPES, found[-1].scope.enterprise)
        if len(found) > 1:
            self._report("SCOPE_CHANGED", layout.SCOPES, got=f"{len(found)} versions")
        if scope is None:
            return found
        mine = declared_as(scope, found)
        if mine is None:
            self._report("SCOPE_UNDECLARED", layout.SCOPE, got=scope.sha256)
        elif mine is not found[-1]:
            got = f"version {mine.version} of {len(found)}"
            self._report("SCOPE_CHANGED", layout.SCOPE, expected="the last version", got=got)
        return found

    def profile(self, edition: Edition, scope: Scope | None) -> Profile | None:
        """It fits scope and statement."""
        if not self._contents.has(layout.PROFILE):
            return None
        try:
            profile = parse_profile(self._contents.read(layout.PROFILE), edition)
        except UNREADABLE as error:
            self._report("PROFILE", layout.PROFILE, got=str(error))
            return None
        for found in disagreements(profile, scope, self._statement.enterprise):
            self._report("PROFILE", f"{layout.PROFILE} {found.place}", expected=found.expected, got=found.got)
        return profile

    def ledger(self) -> Ledger | None:
        """Every rule of the ledger holds; ``None`` if not."""
        if self._contents.has(layout.LEDGER) and not self._contents.read(layout.LEDGER):
            self._report("LEDGER", layout.LEDGER, got="it is empty")
            return None
        try:
            return read_ledger(self._contents.read(layout.LEDGER))
        except UNREADABLE as error:
            self._report("LEDGER", layout.LEDGER, got=str(error))
            return None

    def documents(self, profile: Profile | None, ledger: Ledger) -> None:
        """The documents that profile and ledger name, and no others, are in the pack."""
        packed = self._contents.document_hashes()
        named = {document.sha256 for document in profile.documents} if profile else set()
        named |= {entry.document for entry in ledger.entries if entry.document}
        for missing in sorted(named - packed):
            self._report("DOCUMENT_MISSING", layout.document_name(missing))
        for unnamed in sorted(packed - named):
            self._report("DOCUMENT", layout.document_name(unnamed), got="neither profile nor ledger names it")

    def _same_enterprise(self, code: str, place: str, name: str) -> None:
        if name != self._statement.enterprise:
            self._report(code, place, expected=self._statement.enterprise, got=name)

    def _report(self, code: str, place: str, *, host: str = "", expected: str = "", got: str = "") -> None:
        self._contents.findings.append(Finding(code, place, host, expected, got))
