"""Steps 8 and 9 of the check: what follows from the chunks must be what the pack says."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.manifest import COUNTERS
from evidence.sources import DATABASE, SIGNED_BY_HOSTS, carried_kind, carries_averages
from verifier import decimals, layout, slots
from verifier.anchors.held import read_held
from verifier.chain import Chain
from verifier.comparison import DIFFER
from verifier.contents import MAX_SURPLUS_BYTES, Contents
from verifier.declaration import declared_as
from verifier.derivation import Declared, Documents, derive
from verifier.difference import differing_day_sums, differing_document
from verifier.enrolled import Enrolled
from verifier.errors import VerifierError
from verifier.finding import Finding
from verifier.measuring import HourReader
from verifier.pack_archive import PackArchive
from verifier.result import Figures
from verifier.statement import Statement
from verifier.window import Window

MOST_LEFT_OUT = Fraction(1, 10)
"""Of the days of the months, those that a scope may take out without leaving the pack incomplete
(data capture of 90 %: Directive 2008/50/EC, Annex I)."""
MADE_TOLERANCE_MS = 600_000
"""Hosts' clocks may be ahead of the collector's by ten minutes (docs/wire.md)."""


class Derived:
    """Steps 8 and 9, and what the window of the figures says about the steps before."""

    def __init__(
        self,
        contents: Contents,
        statement: Statement,
        *,
        enrolled: Enrolled,
        chains: list[Chain],
    ) -> None:
        self._contents = contents
        self._statement = statement
        self._enrolled = enrolled
        self._chains = chains

    def documents(self, declared: Declared, hours: HourReader) -> Documents | None:
        """Step 8: return the recomputed documents, ``None`` if they cannot be made, which is reported."""
        archive = PackArchive(
            enterprise=self._statement.enterprise,
            timezone=self._statement.timezone,
            enrolments=self._enrolled.accepted,
            rows=[row for chain in self._chains for row in chain.rows],
            ledger=self._contents.read(layout.LEDGER),
            activity=[row for chain in self._chains for row in chain.activity],
        )
        try:
            return derive(
                archive,
                month=self._statement.month,
                timezone=self._statement.timezone,
                declared=declared,
                facts=[facts for chain in self._chains for facts in chain.facts],
                hours=hours,
                made_ms=self._statement.made_ms,
                software=self._statement.software,
                held=read_held(self._contents.names(), self._contents.read),
                pack_format=self._statement.format,
            )
        except (EvidenceError, VerifierError) as error:
            self._report("FIGURES", layout.FIGURES, got=str(error))
            return None

    def compare(self, found: Documents) -> None:
        """Step 8: the derived entries are what was recomputed, byte for byte."""
        self._same(
            ("DAY_SUMS", layout.DAY_SUMS, layout.day_sums_csv(found.day_sums)),
            ("FIGURES", layout.FIGURES, found.figures_bytes),
            ("VERDICT", layout.VERDICT, found.verdict_bytes),
        )

    def report(self, found: Documents) -> None:
        """Step 9: the report is what was recomputed; the copies for reading are not recomputed."""
        self._same(("REPORT", layout.REPORT, found.report_bytes))
        for name in layout.READING_COPIES:
            if self._contents.has(name):
                self._report("READING_COPY", name)

    def _same(self, *entries: tuple[str, str, bytes]) -> None:
        for code, name, expected in entries:
            got = self._contents.read(name)
            if not self._contents.has(name) or got == expected:
                continue
            if len(got) > len(expected) + MAX_SURPLUS_BYTES:
                self._report(code, name, expected=f"{len(expected)} bytes", got=f"{len(got)} bytes")
            elif name == layout.DAY_SUMS:
                self._contents.findings.extend(differing_day_sums(expected, got))
            else:
                self._contents.findings.extend(differing_document(code, name, expected=expected, got=got))

    def sources(self, found: Documents) -> None:
        """Sources that contradict one another are a question to the reviewer."""
        for comparison in found.comparisons:
            if comparison.within == DIFFER and comparison.statistics is not None:
                statistics = comparison.statistics
                numbers = (statistics.median, statistics.mean_difference, statistics.p95)
                median, mean, p95 = (decimals.outward(number) for number in numbers)
                self._report(
                    "SOURCES_DIFFER",
                    f"{comparison.metric} {comparison.primary} {comparison.other}",
                    host=comparison.host,
                    expected=f"{comparison.tolerance.typical} {comparison.difference_in}",
                    got=f"median {median}, mean {mean}, 95th percentile {p95}",
                )

    def declared_when(self, declared: Declared, window: Window) -> None:
        """Dates beside the window: the collector's own clock, shown and not believed."""
        mine = None if declared.scope is None else declared_as(declared.scope, declared.scopes)
        if mine is not None and mine.declared_ms >= window.start_ms:
            self._report(
                "SCOPE_DECLARED_AFTER",
                layout.SCOPE,
                expected=f"before {window.start_ms} ms",
                got=f"{mine.declared_ms} ms",
            )
        if window.end_ms > self._statement.made_ms:
            self._report(
                "PROVISIONAL",
                layout.STATEMENT,
                expected=f"{window.end_ms} ms or later",
                got=f"{self._statement.made_ms} ms",
            )

    def times(self, window: Window) -> None:
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
                    slot=slots.hour(chain.last_ms),
                )
            if carries_averages(chain.source):
                continue
            for place, prev_end_ms, begins_ms in chain.begins:
                if prev_end_ms > window.start_ms:
                    self._report(
                        "SEQ_MISSING",
                        place,
                        host=chain.host,
                        expected="the chunks of the window before it",
                        got="its first packed chunk",
                        slot=slots.hours(prev_end_ms, max(prev_end_ms, begins_ms - 1)),
                    )
            # A database may be read from any machine, also for a host of another name.
            for boot in sorted(chain.boots - {""} if chain.source != DATABASE else ()):
                other = boots.setdefault(boot, chain.host)
                if other != chain.host:
                    self._report(
                        "SAME_MACHINE",
                        f"boot {boot}",
                        host=chain.host,
                        expected="a machine of its own",
                        got=other,
                    )
            # Logs and databases remember what was before their reader came; counters do not.
            if carried_kind(chain.source) == COUNTERS:
                self._enrolled_before(chain)

    def _enrolled_before(self, chain: Chain) -> None:
        times = [s.enrolment.time_ms for s in self._enrolled.accepted if s.enrolment.host == chain.host]
        if times and chain.first_ms < min(times) - MADE_TOLERANCE_MS:
            self._report(
                "ENROLLED_AFTER",
                layout.ENROLMENTS,
                host=chain.host,
                expected=f"{min(times)} ms",
                got=f"{chain.first_ms} ms",
                slot=slots.hour(chain.first_ms),
            )

    def window(self, figures: Figures) -> None:
        """A shortened window and excluded days are the applicant's choice; the reviewer sees them."""
        window, calendar = figures.window, LocalCalendar(figures.timezone)
        first, after = calendar.month(figures.months[0])[0], calendar.month(figures.months[-1])[1]
        whole = window.after_day - window.first_day
        if (window.first_day, window.after_day) != (first, after):
            days = f"{date.fromordinal(window.first_day)} to {date.fromordinal(window.after_day - 1)}"
            asked = f"{date.fromordinal(first)} to {date.fromordinal(after - 1)}"
            self._report("WINDOW_SHORT", layout.SCOPE, expected=asked, got=days)
        excluded = whole - len(window.lengths)
        if excluded:
            self._report("DAYS_EXCLUDED", layout.SCOPE, got=f"{excluded} of {whole} days")
        left_out = (after - first) - len(window.lengths)
        if left_out > MOST_LEFT_OUT * (after - first):
            got = f"{left_out} of {after - first} days do not count"
            self._report("MOSTLY_LEFT_OUT", layout.SCOPE, got=got)

    def attested(self) -> None:
        """Step 4: what no host has signed."""
        for chain in self._chains:
            if chain.source not in SIGNED_BY_HOSTS:
                self._report("NOT_ATTESTED", f"{chain.count} chunks", host=chain.host)

    def _report(
        self, code: str, place: str, *, host: str = "", expected: str = "", got: str = "", slot: str = ""
    ) -> None:
        self._contents.findings.append(Finding(code, place, host, expected, got, slot))
