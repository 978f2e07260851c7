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
from datetime import date
from typing import Any, BinaryIO

from evidence.calendar import LocalCalendar
from evidence.dsse import STATEMENT_TYPE
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.stored import DaySumRow
from verifier import layout
from verifier.chain import AGENT, Chain, read_chains
from verifier.container import Container, ContainerError
from verifier.difference import MAX_DIFFERENCES, differing_day_sums, differing_figures
from verifier.document import document, encode_figures
from verifier.edition import Edition, parse_edition
from verifier.enrolled import Enrolled, read_enrolled
from verifier.errors import VerifierError
from verifier.figures import measure
from verifier.finding import FAIL, INCOMPLETE, Finding
from verifier.pack_archive import PackArchive
from verifier.pack_readme import readme
from verifier.scope import Scope, parse_scope
from verifier.statement import Statement, parse
from verifier.window import Window

PASS, FAILED, PARTIAL = "pass", "fail", "incomplete"
EXIT_CODES = {PASS: 0, FAILED: 1, PARTIAL: 2}
MAX_SURPLUS_BYTES = 1024 * 1024
"""A derived file that is longer than it should be by more than this is not compared line by line."""
MADE_TOLERANCE_MS = 600_000
"""Hosts' clocks may be ahead of the collector's by ten minutes (docs/wire.md)."""


@dataclass
class CheckReport:
    """What a check found. ``figures`` is the recomputed document, ``None`` if it could not be made.

    ``attested`` counts the chunks that agents signed; the rest was imported.
    """

    findings: list[Finding] = field(default_factory=list)
    statement: Statement | None = None
    figures: dict[str, Any] | None = None
    chunks: int = 0
    attested: int = 0
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
            "attested_chunks": self.attested,
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
    statement = report.statement = _statement(contents, log_key)
    if statement is None:
        return report
    try:
        calendar = LocalCalendar(statement.timezone)
    except EvidenceError as error:
        report.findings.append(Finding("STATEMENT", layout.STATEMENT, got=str(error)))
        return report
    # (4)
    enrolled = read_enrolled(contents.read(layout.ENROLMENTS), statement.enterprise, report.findings)
    places = _hosts(contents, enrolled)
    # (5)
    chains = read_chains(
        contents.chunk_entries(),
        contents.read,
        places=places,
        enrolled=enrolled,
        calendar=calendar,
        findings=report.findings,
    )
    report.chunks, report.hosts = sum(chain.count for chain in chains), len(places)
    report.attested = sum(chain.count for chain in chains if chain.source == AGENT)
    # (6)-(8)
    _Derived(contents, statement, enrolled, chains, editions).judge(report)
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
        differing = sorted(set(expected.splitlines()) ^ set(got.splitlines())) or [b"the order of its lines"]
        for line in differing[:MAX_DIFFERENCES]:
            place = line.decode("utf-8", "replace")[66:200] or name
            self.findings.append(Finding(code, place, expected=name, got="differs from the manifest"))
        if len(differing) > MAX_DIFFERENCES:
            more = f"{len(differing) - MAX_DIFFERENCES} more differences"
            self.findings.append(Finding(code, name, got=more))


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
        (layout.README, readme(statement.enterprise, statement.month).encode()),
    ):
        if contents.has(name) and contents.read(name) != text:
            findings.append(Finding("TAG_CHANGED", name))
    return statement


def _hosts(contents: _Contents, enrolled: Enrolled) -> dict[str, str]:
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


class _Derived:
    """Steps 6 to 8: what follows from the chunks must be what the pack says."""

    def __init__(
        self,
        contents: _Contents,
        statement: Statement,
        enrolled: Enrolled,
        chains: list[Chain],
        editions: Mapping[str, str],
    ) -> None:
        self._contents = contents
        self._statement = statement
        self._enrolled = enrolled
        self._chains = chains
        self._editions = editions

    def judge(self, report: CheckReport) -> None:
        edition, scope = self._edition(), self._scope()
        if edition is None or (scope is None and self._contents.has(layout.SCOPE)):
            return
        archive = PackArchive(
            enterprise=self._statement.enterprise,
            timezone=self._statement.timezone,
            enrolments=self._enrolled.accepted,
            rows=self._rows(),
        )
        try:
            figures = measure(
                archive,
                month=self._statement.month,
                edition=edition,
                scope=scope,
                timezone=self._statement.timezone,
            )
            report.figures = document(figures)
        except (EvidenceError, VerifierError) as error:
            self._report("FIGURES", layout.FIGURES, got=str(error))
            return
        self._times(figures.window)
        rows = archive.day_sums(figures.window.first_day, figures.window.after_day)
        for name, expected, differ in (
            (layout.DAY_SUMS, layout.day_sums_csv(rows), differing_day_sums),
            (layout.FIGURES, encode_figures(report.figures), differing_figures),
        ):
            got = self._contents.read(name)
            if not self._contents.has(name) or got == expected:
                continue
            if len(got) > len(expected) + MAX_SURPLUS_BYTES:
                code = "DAY_SUMS" if name == layout.DAY_SUMS else "FIGURES"
                self._report(code, name, expected=f"{len(expected)} bytes", got=f"{len(got)} bytes")
            else:
                self._contents.findings.extend(differ(expected, got))

    def _times(self, window: Window) -> None:
        """What the chunks' times, boots and window say about one another."""
        if not self._chains:
            self._report("EMPTY", layout.HOSTS)
        made_ms = self._statement.made_ms
        boots: dict[str, str] = {}
        for chain in self._chains:
            if chain.last_ms > made_ms + MADE_TOLERANCE_MS:
                self._report(
                    "MADE_BEFORE",
                    layout.STATEMENT,
                    host=chain.host,
                    expected=f"{chain.last_ms} ms",
                    got=f"{made_ms} ms",
                )
            if chain.source != AGENT:
                continue
            for place, prev_end_ms in chain.begins:
                if prev_end_ms > window.start_ms:
                    self._report(
                        "SEQ_MISSING",
                        place,
                        host=chain.host,
                        expected="the chunks of the window before it",
                        got="its first packed chunk",
                    )
            for boot in sorted(chain.boots):
                other = boots.setdefault(boot, chain.host)
                if other != chain.host:
                    self._report(
                        "SAME_MACHINE",
                        f"boot {boot}",
                        host=chain.host,
                        expected="a machine of its own",
                        got=other,
                    )
            self._enrolled_before(chain)
        self._window(window)

    def _enrolled_before(self, chain: Chain) -> None:
        times = [s.enrolment.time_ms for s in self._enrolled.accepted if s.enrolment.host == chain.host]
        if times and chain.first_ms < min(times) - MADE_TOLERANCE_MS:
            self._report(
                "ENROLLED_AFTER",
                layout.ENROLMENTS,
                host=chain.host,
                expected=f"{min(times)} ms",
                got=f"{chain.first_ms} ms",
            )

    def _window(self, window: Window) -> None:
        """A shortened window and excluded days are the applicant's choice; the reviewer sees them."""
        calendar = LocalCalendar(self._statement.timezone)
        first, after = calendar.month(self._statement.month)
        if (window.first_day, window.after_day) != (first, after):
            days = f"{date.fromordinal(window.first_day)} to {date.fromordinal(window.after_day - 1)}"
            self._report("WINDOW_SHORT", layout.SCOPE, expected=self._statement.month, got=days)
        excluded = (window.after_day - window.first_day) - len(window.lengths)
        if excluded:
            self._report(
                "DAYS_EXCLUDED", layout.SCOPE, got=f"{excluded} of {window.after_day - window.first_day} days"
            )

    def _rows(self) -> list[DaySumRow]:
        """Notes what only imports say, and returns all day sums of all chains."""
        for chain in self._chains:
            if chain.source == "import":
                self._report("NOT_ATTESTED", f"{chain.count} chunks", host=chain.host)
        return [row for chain in self._chains for row in chain.rows]

    def _edition(self) -> Edition | None:
        """Step 7, the edition: read, and compared with those that the reviewer trusts."""
        raw = self._contents.read(layout.EDITION)
        try:
            edition = parse_edition(raw)
        except (EvidenceError, VerifierError) as error:
            self._report("EDITION", layout.EDITION, got=str(error))
            return None
        if edition.id not in self._editions:
            self._report("EDITION_UNKNOWN", layout.EDITION, got=f"{edition.id} {layout.sha256(raw)}")
        elif self._editions[edition.id] != layout.sha256(raw):
            self._report(
                "EDITION_DIFFERS", layout.EDITION, expected=self._editions[edition.id], got=layout.sha256(raw)
            )
        return edition

    def _scope(self) -> Scope | None:
        """Step 7, the scope: its hosts and no others have chunks in the pack."""
        if not self._contents.has(layout.SCOPE):
            self._report("SCOPE_NOT_DECLARED", layout.SCOPE)
            return None
        try:
            scope = parse_scope(self._contents.read(layout.SCOPE))
        except (EvidenceError, VerifierError) as error:
            self._report("SCOPE", layout.SCOPE, got=str(error))
            return None
        if scope.enterprise != self._statement.enterprise:
            self._report("SCOPE", layout.SCOPE, expected=self._statement.enterprise, got=scope.enterprise)
        declared = {host.id for host in scope.hosts}
        for chain in self._chains:
            if chain.host not in declared:
                self._report(
                    "SCOPE", layout.HOSTS, host=chain.host, got="chunks of a host that is not declared"
                )
        return scope

    def _report(self, code: str, place: str, *, host: str = "", expected: str = "", got: str = "") -> None:
        self._contents.findings.append(Finding(code, place, host, expected, got))
