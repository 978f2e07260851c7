"""Writing a pack: everything a reviewer needs to recompute a month, in one file.

The figures in a pack are those of ``verify``; before anything is signed they are recomputed from the
very chunks that go in, and a difference stops the packing (the store's day sums must be audited).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from evidence import __version__
from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.dsse import STATEMENT_TYPE
from evidence.keys import PrivateKey
from evidence.stored import DaySumRow, StoredChunk
from verifier import layout
from verifier.container import Writer
from verifier.document import document, encode_figures
from verifier.edition import Edition
from verifier.errors import PackError
from verifier.figures import measure
from verifier.pack_archive import PackArchive
from verifier.pack_readme import readme
from verifier.ports import Archive
from verifier.recompute import host_day_sums, strict_opener
from verifier.result import Figures
from verifier.scope import Scope
from verifier.selection import deciding_chunks, span_of
from verifier.statement import Statement


@dataclass(frozen=True)
class Rules:
    """Edition and scope with the bytes they were read from."""

    edition: Edition
    edition_bytes: bytes
    scope: Scope | None = None
    scope_bytes: bytes = b""


@dataclass(frozen=True)
class PackSummary:
    """What went into a pack."""

    hosts: int
    chunks: int
    figures: bytes
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

    Raises:
        PackError: too large, or the store's day sums are not those of its chunks.
        VerifierError: figures cannot be computed for this month, edition and scope.
        EvidenceError: a chunk does not verify.
    """
    figures = measure(archive, month=month, edition=rules.edition, scope=rules.scope, timezone=zone)
    if rules.scope is not None and rules.scope.enterprise != archive.enterprise:
        raise PackError(
            f"the scope is of {rules.scope.enterprise!r}, the store of {archive.enterprise!r}; use the right store"
        )
    encoded = encode_figures(document(figures))
    packing = _Packing(stream, archive, figures)
    packing.add(layout.BAG_INFO, layout.bag_info(archive.enterprise, month))
    packing.add(layout.BAGIT_TXT, layout.BAGIT)
    packing.add_chunks()
    _require_same(archive, packing.rows, rules, figures, encoded)
    packing.add(layout.DAY_SUMS, layout.day_sums_csv(packing.rows))
    packing.add(layout.EDITION, rules.edition_bytes)
    packing.add(layout.ENROLMENTS, layout.enrolments_document(archive.enrolments()))
    packing.add(layout.FIGURES, encoded)
    packing.add(layout.HOSTS, layout.hosts_document(packing.places))
    packing.add(layout.LOG_KEY, (log_key.public.raw.hex() + "\n").encode())
    packing.add(layout.README, readme(archive.enterprise, month).encode())
    if rules.scope is not None:
        packing.add(layout.SCOPE, rules.scope_bytes)
    statement = packing.close(month, log_key, made_ms)
    return PackSummary(len(packing.places), packing.chunks, encoded, statement)


class _Packing:
    """A pack being written; remembers the hashes of what went in."""

    def __init__(self, stream: BinaryIO, archive: Archive, figures: Figures) -> None:
        self._writer = Writer(stream)
        self._archive = archive
        self._figures = figures
        self._hashes: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.rows: list[DaySumRow] = []
        self.chunks = 0

    def add(self, name: str, data: bytes) -> None:
        self._writer.add(name, data)
        self._hashes[name] = layout.sha256(data)

    def add_chunks(self) -> None:
        """Add the deciding chunks of every host of the figures, and derive their day sums."""
        window, scope = self._figures.window, self._figures.scope
        calendar = LocalCalendar(self._figures.timezone)
        opened = strict_opener(self._archive)
        wanted = set(self._archive.hosts())
        if scope is not None:
            wanted &= {host.id for host in scope.hosts}
        for host in sorted(wanted):
            chunks = deciding_chunks(self._archive, host, window.start_ms, window.end_ms)
            if not chunks:
                continue
            if len(self.places) >= layout.MAX_HOSTS:
                raise PackError(f"more than {layout.MAX_HOSTS} hosts; declare smaller scopes")
            self.places[host] = f"{len(self.places) + 1:04}"
            pairs = ((stored, chunk) for stored in chunks if (chunk := opened(stored)) is not None)
            self.rows += host_day_sums(host, pairs, calendar, (window.first_day, window.after_day))
            self.chunks += len(chunks)
            for name, data in _entries(self.places[host], chunks):
                self.add(name, data)

    def close(self, month: str, log_key: PrivateKey, made_ms: int) -> Statement:
        """Add the manifests and the signed statement, and finish the container."""
        self.add(layout.MANIFEST, layout.payload_manifest(self._hashes))
        statement = Statement(
            enterprise=self._archive.enterprise,
            month=month,
            timezone=self._figures.timezone,
            made_ms=made_ms,
            software=f"starproof {__version__}",
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


def _require_same(
    archive: Archive, rows: list[DaySumRow], rules: Rules, figures: Figures, encoded: bytes
) -> None:
    """Refuse to sign figures that rest on day sums which the chunks do not give."""
    derived = PackArchive(
        enterprise=archive.enterprise, timezone=figures.timezone, enrolments=archive.enrolments(), rows=rows
    )
    again = measure(
        derived, month=figures.month, edition=rules.edition, scope=rules.scope, timezone=figures.timezone
    )
    same = encode_figures(document(again)) == encoded
    if archive.timezone == figures.timezone:
        declared = None if rules.scope is None else {host.id for host in rules.scope.hosts}
        days = (figures.window.first_day, figures.window.after_day)
        stored = [row for row in archive.day_sums(*days) if declared is None or row.host in declared]
        same = same and layout.day_sums_csv(stored) == layout.day_sums_csv(rows)
    if not same:
        raise PackError("the stored day sums are not those of the chunks; run: starproof audit")
