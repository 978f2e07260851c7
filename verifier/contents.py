"""Steps 2 and 3 of the check: the entries of a pack, its signed statement, and its table of hosts."""

from __future__ import annotations

from evidence.dsse import STATEMENT_TYPE
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from verifier import layout
from verifier.anchors.interface import note_size, parse_name
from verifier.container import Container, ContainerError
from verifier.difference import MAX_DIFFERENCES
from verifier.enrolled import Enrolled
from verifier.errors import VerifierError
from verifier.finding import Finding
from verifier.pack_readme import readme
from verifier.statement import Statement, parse

EMPTY = layout.sha256(b"")
MAX_SURPLUS_BYTES = 1024 * 1024
"""A derived file that is longer than it should be by more than this is not compared line by line."""


class Contents:
    """The entries of a pack, read through the manifest."""

    def __init__(self, container: Container, findings: list[Finding]) -> None:
        self._container = container
        self.findings = findings

    def read(self, name: str) -> bytes:
        """Return an entry; a missing or damaged one is reported by step 2 and empty here."""
        try:
            return self._container.read(name)
        except ContainerError:
            return b""

    def names(self) -> list[str]:
        """Return the names of all entries, in order."""
        return list(self._container.entries)

    def has(self, name: str) -> bool:
        """Return whether there is such an entry."""
        return name in self._container.entries

    def chunk_entries(self) -> list[str]:
        """Return the names of the entries that hold chunks, in order."""
        return [name for name in self._container.entries if layout.chunks_place(name)]

    def document_hashes(self) -> set[str]:
        """Return the hashes that the entries under data/documents/ are named by."""
        return {found for name in self._container.entries if (found := layout.document_hash(name))}

    def require_entries(self) -> None:
        """Step 2."""
        names = set(self._container.entries)
        for name in sorted(layout.FIXED - names):
            self.findings.append(Finding("ENTRY_MISSING", name))
        for name in sorted(names - layout.FIXED - layout.OPTIONAL):
            known = layout.chunks_place(name) or layout.document_hash(name) or parse_name(name)
            if not known and note_size(name) is None:
                self.findings.append(Finding("ENTRY_UNKNOWN", name))
        hashes = {name: layout.sha256(self.read(name)) for name in names}
        for name, got in sorted(hashes.items()):
            expected = layout.document_hash(name)
            if expected not in (None, got):
                self.findings.append(Finding("DOCUMENT", name, expected=str(expected), got=got))
            elif expected == EMPTY:
                self.findings.append(Finding("DOCUMENT_EMPTY", name))
        self._compare(layout.MANIFEST, layout.payload_manifest(hashes))
        self._compare(layout.TAG_MANIFEST, layout.tag_manifest(hashes))
        self._compare(layout.BAGIT_TXT, layout.BAGIT)
        for name in sorted(names):
            try:
                self._container.read(name)
            except ContainerError as error:
                self.findings.append(Finding("ENTRY_CHANGED", name, got=str(error)))

    def _compare(self, name: str, expected: bytes) -> None:
        """Report the lines of a manifest that differ from what the entries give."""
        got = self.read(name)
        if got == expected or not self.has(name):
            return
        code = "TAG_CHANGED" if name == layout.BAGIT_TXT else "ENTRY_CHANGED"
        if len(got) > len(expected) + MAX_SURPLUS_BYTES:
            self.findings.append(
                Finding(code, name, expected=f"{len(expected)} bytes", got=f"{len(got)} bytes")
            )
            return
        lines = set(expected.splitlines()) ^ set(got.splitlines())
        # A changed entry has a line on each side; it is one difference.
        differing = sorted({line.decode("utf-8", "replace")[66:200] or name for line in lines}) or [name]
        for place in differing[:MAX_DIFFERENCES]:
            self.findings.append(Finding(code, place, expected=name, got="differs from the manifest"))
        if len(differing) > MAX_DIFFERENCES:
            more = f"{len(differing) - MAX_DIFFERENCES} more differences"
            self.findings.append(Finding(code, name, got=more))


def read_statement(contents: Contents, log_key: PublicKey | None) -> Statement | None:
    """Step 3. The signature is verified before the statement is believed."""
    findings = contents.findings
    raw = contents.read(layout.STATEMENT)
    try:
        statement = parse(raw)
        named = statement.key
    except EvidenceError as error:
        findings.append(Finding("STATEMENT", layout.STATEMENT, got=str(error)))
        return None
    if log_key is None:
        findings.append(Finding("LOG_KEY_NOT_GIVEN", layout.LOG_KEY, got=named.raw.hex()))
    elif log_key != named:
        findings.append(Finding("LOG_KEY", layout.STATEMENT, expected=log_key.raw.hex(), got=named.raw.hex()))
    try:
        (log_key or named).verify(STATEMENT_TYPE, raw, contents.read(layout.SIGNATURE))
    except EvidenceError as error:
        findings.append(Finding("STATEMENT_SIGNATURE", layout.SIGNATURE, got=str(error)))
    for name, expected in (
        (layout.MANIFEST, statement.manifest),
        (layout.BAGIT_TXT, statement.bagit),
        (layout.BAG_INFO, statement.bag_info),
    ):
        got = layout.sha256(contents.read(name))
        if got != expected:
            findings.append(Finding("STATEMENT", name, expected=expected, got=got))
    for name, text in (
        (layout.BAG_INFO, layout.bag_info(statement.enterprise, statement.month)),
        (layout.LOG_KEY, (statement.log_key + "\n").encode()),
        (layout.README, readme(statement.enterprise, statement.month).encode()),
    ):
        if contents.has(name) and contents.read(name) != text:
            findings.append(Finding("TAG_CHANGED", name))
    return statement


def read_places(contents: Contents, enrolled: Enrolled) -> dict[str, str]:
    """Host by place; every host in the table is enrolled and has chunks."""
    try:
        places = layout.read_hosts(contents.read(layout.HOSTS))
    except (EvidenceError, VerifierError) as error:
        contents.findings.append(Finding("HOSTS", layout.HOSTS, got=str(error)))
        return {}
    used = {place[0] for place in map(layout.chunks_place, contents.chunk_entries()) if place}
    for place in sorted(used - places.keys()):
        contents.findings.append(Finding("HOSTS", f"data/chunks/{place}", got="a place without a host"))
    for place in sorted(places):
        if place not in used:
            contents.findings.append(
                Finding("HOSTS", layout.HOSTS, host=places[place], got="without any chunk")
            )
        elif places[place] not in enrolled.hosts:
            contents.findings.append(Finding("HOSTS", layout.HOSTS, host=places[place], got="not enrolled"))
    return places
