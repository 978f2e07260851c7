"""The offline check of a pack: bytes in, findings and an outcome out.

Steps, the same numbers as in docs/check.md; every step reports all that it finds:

1. Container: the file is in its one form (``verifier.container``). If not, nothing else is looked at.
2. Entries: exactly the entries of ``verifier.layout``; every hash of the manifests holds.
3. Statement: signed by the log key, which comes from outside the pack; names the manifest.
4. Enrolments: every key is sound, possession proved, changes of key signed by the key before.
5. Chunks: every signature, every field, every link; each number once; nothing missing in between.
5a. Log: every checkpoint is signed and its root follows from the leaves; every chunk, enrolment and
   declared scope has its leaf, and so has the ledger; no day of the window without its mark; the month is closed.
5b. Counters: those of one machine do not contradict one another (``verifier.contradictions``).
6. Day sums: recomputed from the chunks, equal byte for byte.
7. Rules: edition and scope can be read, the edition is the one this verifier ships.
8. Figures: recomputed from the day sums and the rules, equal byte for byte.
   The questions to the reviewer (``verifier.questions``) stand in the report and decide nothing.
8a. Anchors: receipts are about this log; what the reviewer brings confirms or contradicts its
   checkpoints, day by day, and the rules before the window (``verifier.anchors.judge``).
9. Outcome: fail if any finding says so, else incomplete if any says so, else pass.

No code, path or address from the pack is used. Every size is bounded by a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.sources import SIGNED_BY_HOSTS
from verifier import layout
from verifier.anchors.interface import NOTHING, AnchorReport, Outside
from verifier.anchors.of_pack import Naming, both, judge_pack, rules_of
from verifier.chain import hour_reader, read_chains
from verifier.container import Container, ContainerError
from verifier.contents import Contents, read_places, read_statement
from verifier.derivation import Declared, Documents
from verifier.derived import MADE_TOLERANCE_MS, Derived
from verifier.enrolled import read_enrolled
from verifier.finding import FAIL, INCOMPLETE, Finding
from verifier.hours import HostHours
from verifier.log_coverage import Coverage, declared_records, ignore
from verifier.log_entries import read_base
from verifier.log_reading import PackedLog, read_log
from verifier.statement import Statement
from verifier.window import Window

PASS, FAILED, PARTIAL = "pass", "fail", "incomplete"
EXIT_CODES = {PASS: 0, FAILED: 1, PARTIAL: 2}


@dataclass
class CheckReport:
    """What a check found. ``declared`` and ``derived`` are ``None`` if nothing could be derived.

    ``attested`` counts the chunks that agents signed; the rest was imported. ``log`` is the pack's log as
    far as it holds, ``None`` if it has none; ``anchors`` what was confirmed of it from outside.
    """

    findings: list[Finding] = field(default_factory=list)
    statement: Statement | None = None
    declared: Declared | None = None
    derived: Documents | None = None
    chunks: int = 0
    attested: int = 0
    hosts: int = 0
    log: PackedLog | None = None
    anchors: AnchorReport | None = None

    @property
    def report(self) -> dict[str, Any] | None:
        """The recomputed report document."""
        return None if self.derived is None else self.derived.report

    @property
    def figures(self) -> dict[str, Any] | None:
        """The recomputed figures document."""
        return None if self.report is None else self.report["figures"]

    @property
    def outcome(self) -> str:
        """Step 9: ``pass``, ``fail`` or ``incomplete``."""
        severities = {finding.severity for finding in self.findings}
        if FAIL in severities or self.derived is None:
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
            "log": None if self.log is None else self.log.document(),
            "anchors": None if self.anchors is None else self.anchors.document(),
            "findings": [finding.document() for finding in sorted(self.findings)],
            "figures": self.figures,
            "questions": None if self.report is None else self.report["questions"],
            "verdict": None if self.report is None else self.report["verdict"],
        }


def check(
    stream: BinaryIO,
    *,
    log_key: PublicKey | None,
    editions: Mapping[str, str],
    now_ms: int | None = None,
    outside: Outside = NOTHING,
) -> CheckReport:
    """Return the report on the pack in ``stream`` (seekable).

    Args:
        stream: the pack's bytes.
        log_key: the collector's log key, known from outside the pack.
        editions: SHA-256 by id of the editions that the reviewer trusts.
        now_ms: the reviewer's clock; ``None``: it is not compared.
        outside: what the reviewer brings to confirm anchors.
    """
    report = CheckReport()
    # (1)
    try:
        container = Container(stream)
        contents = Contents(container, report.findings)
    except ContainerError as error:
        report.findings.append(Finding("CONTAINER", "file", got=str(error)))
        return report
    # (2)
    contents.require_entries()
    # (3)
    statement = report.statement = read_statement(contents, log_key)
    if statement is None:
        return report
    if now_ms is not None and statement.made_ms > now_ms + MADE_TOLERANCE_MS:
        report.findings.append(
            Finding(
                "MADE_IN_FUTURE", layout.STATEMENT, expected=f"{now_ms} ms", got=f"{statement.made_ms} ms"
            )
        )
    try:
        calendar = LocalCalendar(statement.timezone)
    except EvidenceError as error:
        report.findings.append(Finding("STATEMENT", layout.STATEMENT, got=str(error)))
        return report
    # (4)
    enrolled = read_enrolled(contents.read(layout.ENROLMENTS), statement.enterprise, report.findings)
    places = read_places(contents, enrolled)
    # (5)
    log = report.log = read_log(contents, log_key or statement.key)
    coverage = Coverage(log, report.findings) if log else None
    naming = Naming(calendar)
    chains = read_chains(
        contents.chunk_entries(),
        contents.read,
        places=places,
        enrolled=enrolled,
        calendar=calendar,
        findings=report.findings,
        watch=both(coverage.take, naming.take) if coverage else ignore,
    )
    report.chunks, report.hosts = sum(chain.count for chain in chains), len(places)
    report.attested = sum(chain.count for chain in chains if chain.source in SIGNED_BY_HOSTS)

    # (5a)
    if coverage:
        coverage.chunks_done()
        coverage.records(enrolled.accepted, declared_records(contents))
        coverage.ledger(contents.read(layout.LEDGER))

    # (6)-(8)
    def hours(zone: LocalCalendar, window: Window) -> Callable[[str], HostHours]:
        return hour_reader(
            contents.chunk_entries(),
            contents.read,
            places=places,
            enrolled=enrolled,
            calendar=zone,
            window=window,
        )

    found = Derived(
        contents, statement, enrolled=enrolled, chains=chains, editions=editions, hours=hours
    ).judge()
    if found is not None:
        report.declared, report.derived = found
        if coverage:
            coverage.edition(found[0])
            scope = report.declared.scope
            coverage.window(statement, found[1].figures.window, None if scope is None else scope.host_names)
        if log:
            # (8a)
            report.anchors = judge_pack(
                contents,
                log,
                frontier=read_base(contents.read(layout.LOG_BASE)).frontier,
                key=log_key or statement.key,
                outside=outside,
                naming=naming,
                window=found[1].figures.window,
                rules=rules_of(found[0], declared_records(contents), editions),
                until_ms=statement.made_ms,
            )
    return report
