"""Writing a pack: everything a reviewer needs to recompute a month, in one file.

The figures in a pack are those of ``verify``; before anything is signed they are recomputed from the
very chunks that go in, and a difference stops the packing (the store's day sums must be audited).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import BinaryIO

from evidence import __version__
from evidence.activity import ActivityRow
from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.chunk import parse_header, read_frame
from evidence.dsse import STATEMENT_TYPE
from evidence.keys import PrivateKey
from evidence.stored import DaySumRow, StoredChunk
from verifier import layout, recompute
from verifier.agreement import require_agreement, require_owner
from verifier.anchors.held import read_held
from verifier.anchors.interface import note_name, receipt_name
from verifier.container import Writer
from verifier.declaration import Declared as ScopeRecord
from verifier.declaration import ScopeVersion, record_sha256, scopes_document
from verifier.derivation import Declared, Documents, derive
from verifier.document import document, encode_figures
from verifier.errors import PackError
from verifier.facts import SourceFacts
from verifier.figures import measure
from verifier.hearing import deciding, hear_stored
from verifier.ledger import decode, logged_sha256
from verifier.ledger_rules import read_ledger
from verifier.log_entries import Needs, log_entries
from verifier.pack_archive import PackArchive
from verifier.pack_readme import readme
from verifier.ports import Archive, Log, PackedReceipt
from verifier.result import Figures
from verifier.selection import span_of
from verifier.statement import Statement

SECONDS_PER_DAY = 86_400
SOFTWARE = f"starproof {__version__}"


@dataclass(frozen=True)
class Rules:
    """What the enterprise declared, with the bytes it was read from.

    ``scope_records`` are all declared versions of the scope, ``documents`` those of the profile by
    SHA-256.
    """

    declared: Declared
    edition_bytes: bytes
    scope_bytes: bytes = b""
    scope_records: Sequence[ScopeRecord] = ()
    profile_bytes: bytes = b""
    documents: Mapping[str, bytes] = field(default_factory=dict)


Renderer = Callable[[Documents], Mapping[str, bytes]]
"""Returns copies for reading by the entries they become (``layout.READING_COPIES``)."""


def no_copies(_: Documents) -> Mapping[str, bytes]:
    """Return nothing: a pack without copies for reading."""
    return {}


@dataclass(frozen=True)
class PackSummary:
    """What went into a pack."""

    hosts: int
    chunks: int
    derived: Documents
    statement: Statement


def write_pack(
    stream: BinaryIO,
    archive: Archive,
    *,
    month: str,
    rules: Rules,
    zone: str | None,
    log_key: PrivateKey,
    made_ms: int,
    render: Renderer = no_copies,
    log: Log | None = None,
    receipts: Iterable[PackedReceipt] = (),
) -> PackSummary:
    """Write the pack of ``month`` to ``stream`` and return what went in.

    Args:
        stream: an empty file, open for writing bytes.
        archive: the store.
        month: ``YYYY-MM``.
        rules: edition and scope.
        zone: IANA time zone, ``None`` for the scope's or the default.
        log_key: the collector's key that signs the statement.
        made_ms: the wall clock now.
        render: makes the copies for reading.
        log: the collector's log; a pack without one is incomplete.
        receipts: what anchors gave back; those that the pack's log and chunks ask for go in.

    Raises:
        PackError: too large, or the store's day sums are not those of its chunks.
        VerifierError: figures cannot be computed for this month, edition and scope.
        EvidenceError: a chunk does not verify.
    """
    declared = rules.declared
    figures = measure(
        archive,
        month=month,
        edition=declared.edition,
        scope=declared.scope,
        timezone=zone,
        now_ms=made_ms,
        scopes=declared.scopes,
    )
    _require_enterprise(archive, declared)
    ledger = archive.ledger()
    packing = _Packing(stream, archive, figures)
    packing.add(layout.BAG_INFO, layout.bag_info(archive.enterprise, month))
    packing.add(layout.BAGIT_TXT, layout.BAGIT)
    anchored = _anchor_entries(packing, list(receipts), figures, declared.scopes)
    for name, data in anchored:
        packing.add(name, data)
    packing.add_chunks()
    given = {
        **_declared_entries(rules),
        **({} if log is None else log_entries(log, packing.needs(rules, ledger), key=log_key)),
    }
    held = {**dict(anchored), **given}
    derived = derive(
        PackArchive(
            enterprise=archive.enterprise,
            ledger=ledger,
            timezone=figures.timezone,
            enrolments=archive.enrolments(),
            rows=packing.rows,
            activity=packing.activity,
        ),
        month=month,
        timezone=figures.timezone,
        declared=declared,
        facts=packing.facts,
        hours=partial(recompute.hour_reader, archive),
        made_ms=made_ms,
        software=SOFTWARE,
        held=read_held(held, held.__getitem__),
    )
    _require_same(archive, figures, derived)
    entries = {
        layout.DAY_SUMS: layout.day_sums_csv(derived.day_sums),
        layout.EDITION: rules.edition_bytes,
        layout.ENROLMENTS: layout.enrolments_document(archive.enrolments()),
        layout.FIGURES: derived.figures_bytes,
        layout.HOSTS: layout.hosts_document(packing.places),
        layout.LOG_KEY: (log_key.public.raw.hex() + "\n").encode(),
        layout.README: readme(archive.enterprise, month).encode(),
        layout.REPORT: derived.report_bytes,
        layout.VERDICT: derived.verdict_bytes,
        **_ledger_entries(archive, ledger),
        **given,
        **render(derived),
    }
    for name in sorted(entries):
        packing.add(name, entries[name])
    statement = packing.close(month, log_key, made_ms)
    return PackSummary(len(packing.places), packing.chunks, derived, statement)


def _ledger_entries(archive: Archive, ledger: bytes) -> dict[str, bytes]:
    """Return the ledger and those of its documents that are kept."""
    entries = {layout.LEDGER: ledger} if ledger else {}
    for sha256 in sorted({entry.document for entry in read_ledger(ledger).entries if entry.document}):
        data = archive.ledger_document(sha256)
        if data is not None:
            entries[layout.document_name(sha256)] = data
    return entries


def _anchor_entries(
    packing: _Packing, receipts: list[PackedReceipt], figures: Figures, scopes: Sequence[ScopeVersion]
) -> list[tuple[str, bytes]]:
    """Return the receipts since the rules were declared, and older ones that chunks name.

    Each brings its checkpoint's note: the log in the pack need not reach so far.
    """
    if not receipts:
        return []
    versions = [version.declared_ms for version in scopes]
    since_ms = min([figures.window.start_ms - MS_PER_S * SECONDS_PER_DAY, *versions])
    named = packing.named_anchors()
    entries: dict[str, bytes] = {}
    for one in receipts:
        if one.got_ms >= since_ms or layout.sha256(one.data) in named:
            entries[receipt_name(one.size, one.alias, one.suffix)] = one.data
            entries[note_name(one.size)] = one.note
    return sorted(entries.items())


def _declared_entries(rules: Rules) -> dict[str, bytes]:
    declared = rules.declared
    entries = {layout.document_name(name): data for name, data in rules.documents.items()}
    if declared.scope is not None:
        entries[layout.SCOPE] = rules.scope_bytes
    if rules.scope_records:
        entries[layout.SCOPES] = scopes_document(rules.scope_records)
    if declared.profile is not None:
        entries[layout.PROFILE] = rules.profile_bytes
    return entries


def _require_enterprise(archive: Archive, declared: Declared) -> None:
    """Refuse what the check would refuse: a scope or a profile of somebody else, or that disagree."""
    require_owner(declared.scope, archive.enterprise)
    require_agreement(declared.profile, declared.scope, archive.enterprise)


class _Packing:
    """A pack being written; remembers the hashes of what went in."""

    def __init__(self, stream: BinaryIO, archive: Archive, figures: Figures) -> None:
        self._writer = Writer(stream)
        self._archive = archive
        self._figures = figures
        self._hashes: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.rows: list[DaySumRow] = []
        self.activity: list[ActivityRow] = []
        self.facts: list[SourceFacts] = []
        self.chunks = 0
        self._logged: list[str] = []

    def needs(self, rules: Rules, ledger: bytes) -> Needs:
        """Return what of the log the pack needs."""
        window, entries = self._figures.window, decode(ledger)
        return Needs(
            chunks=self._logged,
            enrolments=[signed.hash for signed in self._archive.enrolments()],
            scopes=[record_sha256(record) for record, _ in rules.scope_records],
            documents=[logged_sha256(entries)] if entries.entries else [],
            month=self._figures.month,
            window_ms=(window.start_ms, window.end_ms),
            editions=[rules.declared.edition.sha256],
        )

    def add(self, name: str, data: bytes) -> None:
        self._writer.add(name, data)
        self._hashes[name] = layout.sha256(data)

    def add_chunks(self) -> None:
        """Add the deciding chunks of every host of the figures, and derive their day sums."""
        window = self._figures.window
        calendar, opener = LocalCalendar(self._figures.timezone), recompute.strict_opener(self._archive)
        for host, chunks in deciding(self._archive, window, self._figures.scope):
            if len(self.places) >= layout.MAX_HOSTS:
                raise PackError(f"more than {layout.MAX_HOSTS} hosts; declare smaller scopes")
            self.places[host] = f"{len(self.places) + 1:04}"
            for part in hear_stored(opener, host, chunks, calendar, window):
                self.rows += part.rows
                self.activity += part.activity
                self.facts.append(part.facts)
            self.chunks += len(chunks)
            self._logged += [read_frame(stored.frame).hash for stored in chunks]
            for name, data in _entries(self.places[host], chunks):
                self.add(name, data)

    def named_anchors(self) -> set[str]:
        """Return the hashes of receipts that the chunks of the figures name."""
        return {
            parse_header(read_frame(stored.frame).header).anchor
            for _, chunks in deciding(self._archive, self._figures.window, self._figures.scope)
            for stored in chunks
        }

    def close(self, month: str, log_key: PrivateKey, made_ms: int) -> Statement:
        """Add the manifests and the signed statement, and finish the container."""
        self.add(layout.MANIFEST, layout.payload_manifest(self._hashes))
        statement = Statement(
            enterprise=self._archive.enterprise,
            month=month,
            timezone=self._figures.timezone,
            made_ms=made_ms,
            software=SOFTWARE,
            log_key=log_key.public.raw.hex(),
            manifest=self._hashes[layout.MANIFEST],
            bagit=self._hashes[layout.BAGIT_TXT],
            bag_info=self._hashes[layout.BAG_INFO],
        )
        self.add(layout.STATEMENT, statement.encode())
        self.add(layout.SIGNATURE, log_key.sign(STATEMENT_TYPE, statement.encode()))
        self.add(layout.TAG_MANIFEST, layout.tag_manifest(self._hashes))
        self._writer.close()
        return statement


def _entries(place: str, chunks: list[StoredChunk]) -> Iterator[tuple[str, bytes]]:
    """Group frames by enrolment and UTC day, in the order of the container."""
    grouped: dict[str, list[bytes]] = {}
    for stored in chunks:
        start_ms, _ = span_of(stored)
        day = datetime.fromtimestamp(start_ms // MS_PER_S, timezone.utc).toordinal()
        name = layout.chunks_name(place, stored.source, stored.epoch, day)
        grouped.setdefault(name, []).append(stored.frame)
    for name in sorted(grouped):
        yield name, b"".join(grouped[name])


def _require_same(archive: Archive, figures: Figures, derived: Documents) -> None:
    """Refuse to sign figures that rest on day sums which the chunks do not give."""
    same = encode_figures(document(figures)) == derived.figures_bytes
    if archive.timezone == figures.timezone:
        declared = None if figures.scope is None else figures.scope.host_names
        days = (figures.window.first_day, figures.window.after_day)
        stored = [row for row in archive.day_sums(*days) if declared is None or row.host in declared]
        same = same and layout.day_sums_csv(stored) == layout.day_sums_csv(derived.day_sums)
    if not same:
        raise PackError("the stored day sums are not those of the chunks; run: starproof audit")
