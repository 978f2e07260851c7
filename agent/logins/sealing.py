"""From a piece of a batch to a sealed chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.enrol import AGENT
from agent.logins.batch import Piece
from agent.sealing import ClockEstimate, Place
from evidence.activity import empty_columns, rows
from evidence.calendar import LocalCalendar
from evidence.chunk import Header, seal
from evidence.code_hash import UNKNOWN
from evidence.keys import PrivateKey
from evidence.manifest import ACTIVITY, ACTIVITY_COLUMNS, Column, Manifest, build
from evidence.sources import LOGIN_LOG


@dataclass(frozen=True)
class Signer:
    """Who seals, and what stands in every manifest. ``logs`` names the logs of each definition."""

    enterprise: str
    host: str
    key: PrivateKey
    calendar: LocalCalendar
    account_key: str
    excluded: str
    interval_ms: int
    logs: Mapping[str, str]
    code: str = UNKNOWN

    def manifest(self, definition: str) -> Manifest:
        """Return the manifest of chunks that count by a definition."""
        return build(
            kind=ACTIVITY,
            interval_ms=self.interval_ms,
            columns=tuple(Column(name) for name in ACTIVITY_COLUMNS),
            host={
                "timezone": self.calendar.zone,
                "account_key": self.account_key,
                "definition": definition,
                "excluded": self.excluded,
                "log": self.logs.get(definition, ""),
                "origin": LOGIN_LOG,
            },
        )

    def frame(self, piece: Piece, place: Place, clock: ClockEstimate, anchor: str = "") -> bytes:
        """Return the chunk of a piece at its place of the chain.

        ``anchor`` is the hash of the newest anchor receipt that the collector has told, or empty. Old logs
        may be read, so it says when the chunk was sealed, not when what it counts happened.

        Raises:
            EvidenceError: the piece does not make a chunk.
        """
        values = next(rows(piece.counts, self.calendar), None) or empty_columns()
        header = Header(
            enterprise=self.enterprise,
            source=LOGIN_LOG,
            host=self.host,
            key="",
            seq=place.seq,
            prev=place.prev,
            boot="",
            first="reading",
            start_ms=piece.start_ms,
            end_ms=piece.end_ms,
            prev_end_ms=place.prev_end_ms,
            anchor=anchor,
            rows=0,
            columns=0,
            digest="",
            manifest="",
            agent=AGENT,
            clock_state="unknown",
            clock_offset_ms=clock.offset_ms,
            clock_rtt_ms=clock.rtt_ms,
            code=self.code,
        )
        return seal(header, manifest=self.manifest(piece.definition), values=values, key=self.key)
