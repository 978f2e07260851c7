"""Steps 6 to 8 of the check: what follows from the chunks must be what the pack says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.stored import DaySumRow
from verifier import layout
from verifier.chain import AGENT, Chain
from verifier.contents import MAX_SURPLUS_BYTES, Contents
from verifier.difference import differing_day_sums, differing_figures
from verifier.document import document, encode_figures
from verifier.edition import Edition
from verifier.edition_file import parse_edition
from verifier.enrolled import Enrolled
from verifier.errors import VerifierError
from verifier.figures import measure
from verifier.finding import Finding
from verifier.pack_archive import PackArchive
from verifier.scope import Scope, parse_scope
from verifier.statement import Statement
from verifier.window import Window

MADE_TOLERANCE_MS = 600_000
"""Hosts' clocks may be ahead of the collector's by ten minutes (docs/wire.md)."""


class Derived:
    """Steps 6 to 8: what follows from the chunks must be what the pack says."""

    def __init__(
        self,
        contents: Contents,
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

    def judge(self) -> dict[str, Any] | None:
        """Return the recomputed figures document, ``None`` if it cannot be made; report what differs."""
        edition, scope = self._edition(), self._scope()
        if edition is None or (scope is None and self._contents.has(layout.SCOPE)):
            return None
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
            found = document(figures)
        except (EvidenceError, VerifierError) as error:
            self._report("FIGURES", layout.FIGURES, got=str(error))
            return None
        self._times(figures.window)
        rows = archive.day_sums(figures.window.first_day, figures.window.after_day)
        for name, expected, differ in (
            (layout.DAY_SUMS, layout.day_sums_csv(rows), differing_day_sums),
            (layout.FIGURES, encode_figures(found), differing_figures),
        ):
            got = self._contents.read(name)
            if not self._contents.has(name) or got == expected:
                continue
            if len(got) > len(expected) + MAX_SURPLUS_BYTES:
                code = "DAY_SUMS" if name == layout.DAY_SUMS else "FIGURES"
                self._report(code, name, expected=f"{len(expected)} bytes", got=f"{len(got)} bytes")
            else:
                self._contents.findings.extend(differ(expected, got))
        return found

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
