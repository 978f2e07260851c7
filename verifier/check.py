"""The offline check of a pack: bytes in, findings and an outcome out.

Steps, the same numbers as in docs/check.md; every step reports all that it finds:

1. Container: the file is in its one form (``verifier.container``). If not, nothing else is looked at.
2. Entries: exactly the entries of ``verifier.layout``; every hash of the manifests holds.
3. Statement: signed by the log key, which comes from outside the pack; names the manifest.
4. Enrolments: every key is sound, possession proved, changes of key signed by the key before.
5. Chunks: every signature, every field, every link; each number once; nothing missing in between.
6. Day sums: recomputed from the chunks, equal byte for byte.
7. Rules: edition and scope can be read, the edition is the one this verifier ships.
8. Figures: recomputed from the day sums and the rules, equal byte for byte.
9. Outcome: fail if any finding says so, else incomplete if any says so, else pass.

No code, path or address from the pack is used. Every size is bounded by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from evidence.errors import EvidenceError
from evidence.dsse import STATEMENT_TYPE
from evidence.keys import PublicKey
from verifier import layout
from verifier.chain import Chain, read_chains
from verifier.container import Container, ContainerError
from verifier.edition import Edition, parse_edition
from verifier.enrolled import Enrolled, read_enrolled
from verifier.errors import VerifierError
from verifier.figures import encode_figures, figures
from verifier.finding import FAIL, INCOMPLETE, Finding
from verifier.pack_archive import PackArchive
from verifier.scope import Scope, parse_scope
from verifier.statement import Statement, parse

PASS, FAILED, PARTIAL = "pass", "fail", "incomplete"
EXIT_CODES = {PASS: 0, FAILED: 1, PARTIAL: 2}


@dataclass
class CheckReport:
    """What a check found. ``figures`` is the recomputed document, ``None`` if it could not be made."""

    findings: list[Finding] = field(default_factory=list)
    statement: Statement | None = None
    figures: dict[str, Any] | None = None
    chunks: int = 0
    hosts: int = 0

    @property
    def outcome(self) -> str:
        """Step 9: ``pass``, ``fail`` or ``incomplete``."""
        severities = {finding.severity for finding in self.findings}
        if FAIL in severities or self.figures is None:
            return FAILED
        return PARTIAL if INCOMPLETE in severities else PASS

    def document(self) -> dict[str, Any]:
        """Return the report as it stands in JSON output."""
        statement = self.statement
        return {
            "schema": "starproof/check/1",
            "outcome": self.outcome,
            "enterprise": statement.enterprise if statement else None,
            "month": statement.month if statement else None,
            "log_key": statement.log_key if statement else None,
            "hosts": self.hosts,
            "chunks": self.chunks,
            "findings": [finding.document() for finding in sorted(self.findings)],
            "figures": self.figures,
        }


def check(stream: BinaryIO, *, log_key: PublicKey | None, editions: Mapping[str, str]) -> CheckReport:
    """Return the report on the pack in ``stream`` (seekable).

    Args:
        stream: the pack's bytes.
        log_key: the collector's log key, known from outside the pack.
        editions: SHA-256 by id of the editions that the reviewer trusts.
    """
    report = CheckReport()
    # (1)
    try:
        container = Container(stream)
        contents = _Contents(container, report.findings)
    except ContainerError as error:
        report.findings.append(Finding("CONTAINER", "file", got=str(error)))
        return report
    # (2)
    contents.require_entries()
    # (3)
    report.statement = _statement(contents, log_key)
    if report.statement is None:
        return report
    # (4)
    enrolled = read_enrolled(contents.read(layout.ENROLMENTS), report.statement.enterprise, report.findings)
    places = _hosts(contents, enrolled)
    # (5)
    chains = read_chains(contents.chunk_entries(), contents.read, places, enrolled, report.findings)
    report.chunks, report.hosts = sum(chain.count for chain in chains), len(places)
    # (6)-(8)
    _recompute(contents, report, sorted(places.values()), enrolled, chains)
    return report


class _Contents:
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

    def has(self, name: str) -> bool:
        return name in self._container.entries

    def chunk_entries(self) -> list[str]:
        return [name for name in self._container.entries if layout.chunks_place(name)]

    def require_entries(self) -> None:
        """Step 2."""
        names = set(self._container.entries)
        for name in sorted(layout.FIXED - names):
            self.findings.append(Finding("ENTRY_MISSING", name))
        for name in sorted(names - layout.FIXED - {layout.SCOPE}):
            if not layout.chunks_place(name):
                self.findings.append(Finding("ENTRY_UNKNOWN", name))
        payload = {name: layout.sha256(self.read(name)) for name in sorted(names) if name.startswith("data/")}
        tags = {
            name: layout.sha256(self.read(name))
            for name in names
            if not name.startswith("data/") and name != layout.TAG_MANIFEST
        }
        self._compare(layout.MANIFEST, layout.manifest(payload))
        self._compare(layout.TAG_MANIFEST, layout.manifest(tags))
        self._compare(layout.BAGIT_TXT, layout.BAGIT)
        for name in sorted(names):
            try:
                self._container.read(name)
            except ContainerError as error:
                self.findings.append(Finding("ENTRY_CHANGED", name, got=str(error)))

    def _compare(self, name: str, expected: bytes) -> None:
        """Report every line of a manifest that differs from what the entries give."""
        got = self.read(name)
        if got == expected or not self.has(name):
            return
        want, have = set(expected.splitlines()), set(got.splitlines())
        code = "TAG_CHANGED" if name == layout.BAGIT_TXT else "ENTRY_CHANGED"
        for line in sorted(want ^ have) or [b"the order of its lines"]:
            place = line.decode("utf-8", "replace")[66:200] or name
            self.findings.append(Finding(code, place, expected=name, got="differs from the manifest"))


def _statement(contents: _Contents, log_key: PublicKey | None) -> Statement | None:
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
    ):
        if contents.has(name) and contents.read(name) != text:
            findings.append(Finding("TAG_CHANGED", name))
    return statement


def _hosts(contents: _Contents, enrolled: Enrolled) -> dict[str, str]:
    """Host by place; every host in the table is enrolled or without any chunk."""
    try:
        places = layout.read_hosts(contents.read(layout.HOSTS))
    except (EvidenceError, VerifierError) as error:
        contents.findings.append(Finding("HOSTS", layout.HOSTS, got=str(error)))
        return {}
    used = {place[0] for place in map(layout.chunks_place, contents.chunk_entries()) if place}
    for place in sorted(used - places.keys()):
        contents.findings.append(Finding("HOSTS", f"data/chunks/{place}", got="a place without a host"))
    for place in sorted(used & places.keys()):
        if places[place] not in enrolled.hosts:
            contents.findings.append(Finding("HOSTS", layout.HOSTS, host=places[place], got="not enrolled"))
    return places


def _recompute(
    contents: _Contents, report: CheckReport, hosts: list[str], enrolled: Enrolled, chains: list[Chain]
) -> None:
    """Steps 6 to 8."""
    findings, statement = report.findings, report.statement
    assert statement is not None  # noqa: S101 - check() has returned otherwise
    edition, scope = _rules(contents, statement)
    if edition is None or (scope is None and contents.has(layout.SCOPE)):
        return
    try:
        archive = PackArchive(
            enterprise=statement.enterprise,
            timezone=statement.timezone,
            hosts=hosts,
            enrolments=enrolled.accepted,
            chains=chains,
        )
        document = figures(
            archive, month=statement.month, edition=edition, scope=scope, timezone=statement.timezone
        )
    except (EvidenceError, VerifierError) as error:
        findings.append(Finding("FIGURES", layout.FIGURES, got=str(error)))
        return
    raise NotImplementedError(document, encode_figures, Scope, parse_edition, parse_scope, Edition)
