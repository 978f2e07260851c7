"""What follows from a month's evidence: figures, verdict and report. Store, pack and check derive alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from evidence.calendar import LocalCalendar
from evidence.stored import DaySumRow
from verifier import recompute
from verifier.agreement import require_agreement
from verifier.anchors.held import Held
from verifier.comparison import Comparison, compare_sources, compared_hosts
from verifier.declaration import ScopeVersion
from verifier.document import document, encode_figures
from verifier.edition import Edition
from verifier.facts import SourceFacts
from verifier.figures import longest, measure, windows
from verifier.hearing import deciding, hear_stored
from verifier.measuring import HourReader
from verifier.pack_archive import PackArchive
from verifier.ports import Archive
from verifier.profile import Profile
from verifier.report import Given, report_document
from verifier.result import Figures
from verifier.scope import Scope
from verifier.selection import deciding_chunks
from verifier.stars import star_verdict, verdict_document
from verifier.statement import FORMAT


@dataclass(frozen=True)
class Declared:
    """What the enterprise declared; ``scopes`` are all declared versions of its scope in order."""

    edition: Edition
    scope: Scope | None = None
    scopes: Sequence[ScopeVersion] = ()
    profile: Profile | None = None


@dataclass(frozen=True)
class Documents:
    """The derived documents of one window with their bytes, and what is behind them."""

    figures: Figures
    day_sums: Sequence[DaySumRow]
    comparisons: Sequence[Comparison]
    report: dict[str, Any]
    figures_bytes: bytes
    verdict_bytes: bytes
    report_bytes: bytes


def derive_month(
    archive: Archive,
    *,
    month: str,
    timezone: str | None,
    declared: Declared,
    made_ms: int,
    software: str,
    held: Held | None = None,
) -> Documents:
    """Return what follows from the chunks of a store: what a pack written now would hold.

    Only a pack holds receipts of anchors (``held``); without them the report says nothing of anchors.

    Every chunk that decides about the window is opened and verified, so this takes longer than
    ``measure``, which trusts the stored day sums.

    Raises:
        VerifierError: as ``derive``, or a chunk does not verify.
        EvidenceError: not a month, not a zone.
    """
    require_agreement(declared.profile, declared.scope, archive.enterprise)
    calendar, spans = windows(month, edition=declared.edition, scope=declared.scope, timezone=timezone)
    opener = recompute.strict_opener(archive)
    said = [
        part
        for host, chunks in deciding(archive, longest(spans), declared.scope)
        for part in hear_stored(opener, host, chunks, calendar, longest(spans))
    ]
    gathered = PackArchive(
        ledger=archive.ledger(),
        enterprise=archive.enterprise,
        timezone=calendar.zone,
        enrolments=archive.enrolments(),
        rows=[row for part in said for row in part.rows],
        activity=[row for part in said for row in part.activity],
    )
    return derive(
        gathered,
        month=month,
        timezone=calendar.zone,
        declared=declared,
        facts=[part.facts for part in said],
        hours=partial(recompute.hour_reader, archive),
        made_ms=made_ms,
        software=software,
        held=held,
    )


def derive(
    archive: Archive,
    *,
    month: str,
    timezone: str | None,
    declared: Declared,
    facts: Sequence[SourceFacts],
    hours: HourReader,
    made_ms: int,
    software: str,
    held: Held | None = None,
    pack_format: str = FORMAT,
) -> Documents:
    """Return figures, verdict and report of the window that ends with ``month``.

    Args:
        archive: day sums in the zone of the figures, of the window and of the hosts that count.
        month: ``YYYY-MM``.
        timezone: IANA zone, ``None`` for the scope's or the default.
        declared: edition, scope and profile.
        facts: what the chunks say beside their counters.
        hours: gives their hour sums.
        made_ms: the wall clock: what lies after it has not happened yet.
        software: the program, for the report.
        held: what the pack holds of anchors.
        pack_format: the format of the pack that holds the report.

    Raises:
        VerifierError: figures cannot be computed for this month, edition and scope.
        EvidenceError: not a month, not a zone.
    """
    figures = measure(
        archive,
        month=month,
        edition=declared.edition,
        scope=declared.scope,
        timezone=timezone,
        now_ms=made_ms,
        scopes=declared.scopes,
        hours=hours,
    )
    rows = list(archive.day_sums(figures.window.first_day, figures.window.after_day))
    of_figures, of_verdict = document(figures), verdict_of(figures, declared.profile, made_ms)
    comparisons = compare_sources(figures, facts, hours(LocalCalendar(figures.timezone), figures.window))
    given = Given(
        facts=facts,
        day_sums=rows,
        comparisons=comparisons,
        scopes=declared.scopes,
        profile=declared.profile,
        made_ms=made_ms,
        software=software,
        ledger=archive.ledger(),
        held=held,
        pack_format=pack_format,
    )
    report = report_document(figures, given, of_figures=of_figures, of_verdict=of_verdict)
    return Documents(
        figures=figures,
        day_sums=rows,
        comparisons=comparisons,
        report=report,
        figures_bytes=encode_figures(of_figures),
        verdict_bytes=encode_figures(of_verdict),
        report_bytes=encode_figures(report),
    )


def compare_stored(archive: Archive, figures: Figures) -> tuple[Comparison, ...]:
    """Return the comparisons of a store's sources, as a pack written now would hold them.

    Only the chunks of hosts that have something to compare are opened.

    Raises:
        ArchiveError: one of these chunks does not verify.
    """
    calendar, window = LocalCalendar(figures.timezone), figures.window
    opener = recompute.strict_opener(archive)
    facts = [
        part.facts
        for host in compared_hosts(figures)
        for part in hear_stored(
            opener, host, deciding_chunks(archive, host, window.start_ms, window.end_ms), calendar, window
        )
    ]
    return compare_sources(figures, facts, recompute.hour_reader(archive, calendar, window))


def verdict_of(figures: Figures, profile: Profile | None, now_ms: int) -> dict[str, Any]:
    """Return the verdict document of figures, as of the instant ``now_ms``."""
    today = LocalCalendar(figures.timezone).day_of(now_ms)
    return verdict_document(
        star_verdict(figures=figures, profile=profile, provisional=figures.provisional, now_day=today)
    )
