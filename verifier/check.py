"""The offline check of a pack: bytes in, findings and an outcome out.

Steps, the same numbers as in docs/check.md and ``verifier.steps``; every step reports all that it finds:

0. The file is in its one form (``verifier.container``; if not, nothing else is looked at), holds exactly
   the entries of ``verifier.layout``, and every hash of the manifests holds.
1. Statement: signed by the log key, which comes from outside the pack; names the manifest.
2. What is declared can be read and fits: edition, scope, profile, ledger, documents.
3. Enrolments: every key is sound, possession proved, changes of key signed by the key before.
4. Chunks: every field, every link, every signature that is needed; each number once, none missing.
5. Log: every checkpoint is signed and its root follows from the leaves; every chunk, enrolment and
   declared scope has its leaf, and so has the ledger; no day of the window without its mark; closed.
6. Anchors: receipts are about this log; what the reviewer brings confirms or contradicts its
   checkpoints, day by day, and the rules before the window (``verifier.anchors.judge``).
7. Contradictions: the counters of one machine do not contradict one another.
8. Day sums, figures and verdict: recomputed from the chunks, equal byte for byte.
9. Report: the same.
10. Questions to the reviewer stand in the report and decide nothing. Outcome: fail if any finding says
    so, else incomplete if any says so, else pass.

The order of work differs from that of the numbers, because what is declared is compared with the
chunks; findings are sorted by step. A step that breaks off is a finding, ``INTERNAL``, and the others go
on. No code, path or address from the pack is used. Every size is bounded by a constant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.sources import SIGNED_BY_HOSTS
from verifier import layout
from verifier.anchors.interface import NOTHING, AnchorReport, Outside
from verifier.anchors.logged import Logged
from verifier.anchors.of_pack import Naming, judge_pack, rules_of
from verifier.anchors.sandwich import unheard
from verifier.bridging import Bridging, logged_when
from verifier.chain import Chain, Run, Task, hour_reader, read_here, tasks
from verifier.container import Container, ContainerError
from verifier.contents import Contents, read_places, read_statement
from verifier.declaration import record_sha256
from verifier.declared import read_declared
from verifier.derivation import Declared, Documents
from verifier.derived import MADE_TOLERANCE_MS, Derived
from verifier.difference import MAX_SHOWN
from verifier.enrolled import Enrolled, read_enrolled
from verifier.finding import FAIL, INCOMPLETE, NOTE, Finding
from verifier.hours import HostHours
from verifier.log_accounts import Asked
from verifier.log_coverage import Coverage, declared_records
from verifier.log_entries import read_base
from verifier.log_reading import PackedLog, read_log
from verifier.seen import Watch, both, ignore
from verifier.statement import Statement
from verifier.steps import NOT_RUN, PASSED, STEPS
from verifier.window import Window
from verifier.workers import PackFile, read_with

R = TypeVar("R")

PASS, FAILED, PARTIAL = "pass", "fail", "incomplete"
EXIT_CODES = {PASS: 0, FAILED: 1, PARTIAL: 2}


@dataclass
class CheckReport:
    """What a check found. ``declared`` and ``derived`` are ``None`` if nothing could be derived.

    ``attested`` counts the chunks that agents signed; the rest was imported. ``log`` is the pack's log as
    far as it holds, ``None`` if it has none; ``anchors`` what was confirmed of it from outside. ``ran`` are
    the steps that had something to judge, ``broken`` those that broke off.
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
    ran: set[int] = field(default_factory=lambda: {STEPS[-1].number})
    broken: set[int] = field(default_factory=set)

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
        """Step 10: ``pass``, ``fail`` or ``incomplete``."""
        severities = {finding.severity for finding in self.findings}
        if FAIL in severities or self.derived is None:
            return FAILED
        return PARTIAL if INCOMPLETE in severities else PASS

    def steps(self) -> list[dict[str, Any]]:
        """Return what became of every step: ``fail``, ``incomplete``, ``note``, ``pass`` or ``not_run``; of the last the outcome."""
        found: dict[int, set[str]] = {step.number: set() for step in STEPS}
        counts = Counter(finding.step for finding in self.findings)
        for finding in self.findings:
            found[finding.step].add(finding.severity)
        for number in self.broken:
            found[number].add(FAIL)
        return [
            {
                "number": step.number,
                "zh": step.zh,
                "en": step.en,
                "state": self.outcome  # the last step is the outcome
                if step is STEPS[-1]
                else _state(found[step.number], ran=step.number in self.ran),
                "findings": counts[step.number],
            }
            for step in STEPS
        ]

    def document(self) -> dict[str, Any]:
        """Return the report as it stands in JSON output."""
        statement = self.statement
        return {
            "schema": "starproof/check/2",
            "verdict": self.outcome,
            "steps": self.steps(),
            "findings": [finding.document() for finding in sorted(self.findings)],
            "enterprise": statement.enterprise if statement else None,
            "month": statement.month if statement else None,
            "log_key": statement.log_key if statement else None,
            "hosts": self.hosts,
            "chunks": self.chunks,
            "attested_chunks": self.attested,
            "log": None if self.log is None else self.log.document(),
            "anchors": None if self.anchors is None else self.anchors.document(),
            "figures": self.figures,
            "questions": None if self.report is None else self.report["questions"],
            "stars": None if self.report is None else self.report["verdict"],
        }


def _state(severities: set[str], *, ran: bool) -> str:
    worst = [severity for severity in (FAIL, INCOMPLETE, NOTE) if severity in severities]
    return worst[0] if worst else PASSED if ran else NOT_RUN


@dataclass(frozen=True)
class How:
    """How a check is done.

    ``every_signature``: also those signatures of chunks are verified that the chain makes superfluous.
    ``workers``: processes for the chunks; more than one needs ``path``, the file that is checked. ``progress``
    is told how many chains of how many are done, and the host of the last.
    """

    every_signature: bool = False
    workers: int = 1
    path: Path | None = None
    progress: Callable[[int, int, str], None] = lambda _done, _whole, _host: None


def check(
    stream: BinaryIO,
    *,
    log_key: PublicKey | None,
    editions: Mapping[str, str],
    now_ms: int | None = None,
    outside: Outside = NOTHING,
    how: How = How(),
) -> CheckReport:
    """Return the report on the pack in ``stream`` (seekable).

    Args:
        stream: the pack's bytes.
        log_key: the collector's log key, known from outside the pack.
        editions: SHA-256 by id of the editions that the reviewer trusts.
        now_ms: the reviewer's clock; ``None``: it is not compared.
        outside: what the reviewer brings to confirm anchors.
        how: how the work is done; nothing of it changes the outcome of an honest pack.
    """
    report = CheckReport()
    contents = guarded(report, 0, lambda: _open(stream, report))
    if contents is None:
        return report
    guarded(report, 0, contents.require_entries)
    statement = report.statement = guarded(report, 1, lambda: read_statement(contents, log_key))
    if statement is None:
        return report
    calendar = guarded(report, 1, lambda: _calendar(statement, now_ms, report.findings))
    if calendar is not None:
        run = read_here(contents.chunks)
        if how.workers > 1 and how.path is not None:
            entries = [contents.entries[name] for name in contents.chunk_entries()]
            run = read_with(PackFile.of(how.path, stream), entries, how.workers)
        key = log_key or statement.key
        _Check(report, contents, statement, calendar, key, editions, run, how).run_all(outside)
    return report


def guarded(report: CheckReport, step: int, action: Callable[[], R]) -> R | None:
    """Return what ``action`` returns; if it breaks off, that is a finding, and ``None`` is returned."""
    report.ran.add(step)
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - fails closed: whatever broke off is a finding, the other steps go on
        report.broken.add(step)
        got = f"{type(error).__name__}: {error}"[:MAX_SHOWN]
        report.findings.append(Finding("INTERNAL", f"step {step}", expected="the step ends", got=got))
        return None


def _open(stream: BinaryIO, report: CheckReport) -> Contents | None:
    try:
        return Contents(Container(stream), report.findings)
    except ContainerError as error:
        report.findings.append(Finding("CONTAINER", "file", got=str(error)))
        return None


def _calendar(statement: Statement, now_ms: int | None, findings: list[Finding]) -> LocalCalendar | None:
    """Return the calendar of the statement's zone; report a zone that is none and a time to come."""
    made_ms = statement.made_ms
    if now_ms is not None and made_ms > now_ms + MADE_TOLERANCE_MS:
        findings.append(
            Finding(
                # Without the clock's value: the same pack gives the same words on every day that finds it.
                "MADE_IN_FUTURE",
                layout.STATEMENT,
                expected="made before it is checked",
                got=f"{made_ms} ms",
            )
        )
    try:
        return LocalCalendar(statement.timezone)
    except EvidenceError as error:
        findings.append(Finding("STATEMENT", layout.STATEMENT, got=str(error)))
        return None


@dataclass
class _Check:
    """Steps 2 to 9 of one pack whose statement could be read."""

    report: CheckReport
    contents: Contents
    statement: Statement
    calendar: LocalCalendar
    key: PublicKey
    editions: Mapping[str, str]
    run: Run
    how: How

    def run_all(self, outside: Outside) -> None:
        """Judge every step, whatever the others found."""
        report, contents = self.report, self.contents
        enrolled = self._step(3, self._enrolled) or Enrolled()
        places = self._step(3, lambda: read_places(contents, enrolled)) or {}
        log = report.log = self._step(5, lambda: read_log(contents, self.key))
        coverage = Coverage(log, report.findings) if log else None
        naming = Naming(self.calendar, unheard(signed.enrolment for signed in enrolled.accepted))
        logged = Logged(self.calendar, log) if log else None
        bridging = Bridging(self.calendar, logged_when(log, enrolled.accepted))
        watch = both(coverage.take, both(naming.take, logged.take)) if coverage and logged else ignore
        watch = both(bridging.take, watch)
        todo = tasks(
            contents.chunk_entries(),
            places=places,
            enrolled=enrolled,
            enterprise=self.statement.enterprise,
            zone=self.statement.timezone,
            every_signature=self.how.every_signature,
        )
        chains = self._chains(todo, watch)
        report.hosts = len(places)
        declared = report.declared = self._step(
            2, lambda: read_declared(contents, self.statement, chains, self.editions)
        )
        records = declared_records(contents)
        if coverage:
            self._step(5, coverage.chunks_done)
            self._step(5, lambda: coverage.records(enrolled.accepted, records))
            self._step(5, lambda: coverage.ledger(contents.read(layout.LEDGER)))
        if declared is None:
            return
        found = self._derived(enrolled, todo, chains, declared)
        if found is None:
            return
        window = found.figures.window
        hosts = None if declared.scope is None else declared.scope.host_names
        self._step(4, lambda: report.findings.extend(bridging.findings(window, hosts)))
        if coverage and log and logged:
            self._step(5, lambda: coverage.edition(declared))
            self._step(5, lambda: coverage.window(self.statement, window))
            self._step(5, lambda: coverage.scopes(declared, records, window))
            scopes = {record_sha256(record) for record in records}
            asked = Asked(self.statement.enterprise, window, hosts, enrolled.accepted, scopes)
            self._step(5, lambda: coverage.account(contents.read(layout.LOG_LEFT_OUT), asked))
            seen = naming, logged.by_day(hosts)
            anchors = self._step(6, lambda: self._anchors(log, seen, outside, declared, window))
            report.anchors = anchors and anchors.bridged(bridging.days(window, hosts))

    def _step(self, number: int, action: Callable[[], R]) -> R | None:
        return guarded(self.report, number, action)

    def _enrolled(self) -> Enrolled:
        enrolments = self.contents.read(layout.ENROLMENTS)
        return read_enrolled(enrolments, self.statement.enterprise, self.report.findings)

    def _chains(self, todo: Sequence[Task], watch: Watch) -> list[Chain]:
        """Steps 4 and 7."""
        report = self.report
        report.ran.add(7)
        chains: list[Chain] = []

        def read() -> None:
            for done, result in enumerate(self.run(todo), 1):
                report.findings.extend(result.findings)
                for seen in result.seen:
                    watch(seen)
                if result.chain is None:
                    report.broken.add(4)
                else:
                    chains.append(result.chain)
                self.how.progress(done, len(todo), todo[done - 1].host)

        self._step(4, read)
        report.chunks = sum(chain.count for chain in chains)
        report.attested = sum(chain.count for chain in chains if chain.source in SIGNED_BY_HOSTS)
        return chains

    def _derived(
        self, enrolled: Enrolled, todo: Sequence[Task], chains: list[Chain], declared: Declared
    ) -> Documents | None:
        """Steps 8 and 9, and what the window says about the steps before."""
        contents = self.contents

        def hours(zone: LocalCalendar, window: Window) -> Callable[[str], HostHours]:
            return hour_reader(todo, contents.chunks, zone, window)

        derived = Derived(contents, self.statement, enrolled=enrolled, chains=chains)
        self._step(4, derived.attested)
        found = self.report.derived = self._step(8, lambda: derived.documents(declared, hours))
        if found is not None:
            self._step(2, lambda: derived.declared_when(declared, found.figures.window))
            self._step(4, lambda: derived.times(found.figures.window))
            self._step(8, lambda: derived.window(found.figures))
            self._step(8, lambda: derived.compare(found))
            self._step(8, lambda: derived.sources(found))
            self._step(9, lambda: derived.report(found))
        return found

    def _anchors(
        self,
        log: PackedLog,
        seen: tuple[Naming, Mapping[int, Sequence[int]]],
        outside: Outside,
        declared: Declared,
        window: Window,
    ) -> AnchorReport:
        contents, (naming, logged) = self.contents, seen
        return judge_pack(
            contents,
            log,
            frontier=read_base(contents.read(layout.LOG_BASE)).frontier,
            key=self.key,
            outside=outside,
            naming=naming,
            logged=logged,
            window=window,
            rules=rules_of(declared, declared_records(contents), self.editions),
            until_ms=self.statement.made_ms,
        )
