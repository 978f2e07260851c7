"""The reading thread's work: look, count, cut a batch, seal its chunks. One ``step`` for each tick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Optional

from agent.board import Board, write_status
from agent.delivery import Delivery
from agent.errors import SpoolError, StateError
from agent.events import Events
from agent.files import Files
from agent.logins.batch import Batch, sealed_of
from agent.logins.reader import Reader
from agent.logins.sealing import Signer
from agent.schedule import Schedule
from agent.sealing import Place
from agent.shelf import Head
from agent.spool import Spool
from evidence.errors import EvidenceError


class LoginSpool(Spool):
    """A spool whose chunks are not thinned: rows of accounts cannot stand for one another."""

    def wants_thinning(self) -> bool:
        """Return that it does not: at the limit reading waits, and goes on where it stopped."""
        return False


class Worker:
    """Reads and seals. Everything it works with is passed in."""

    def __init__(
        self,
        *,
        reader: Reader,
        batch: Batch,
        files: Files,
        folder: str,
        spool: Spool,
        signer: Signer,
        delivery: Delivery,
        schedule: Schedule,
        board: Board,
        events: Events,
        status_path: str,
        wall_ms: Callable[[], int],
        stopped: Callable[[], bool],
    ) -> None:
        """Go on from ``batch``, whose chunks may be sealed in part."""
        self._reader = reader
        self.batch = batch
        self._files = files
        self._folder = folder
        self._spool = spool
        self._signer = signer
        self._delivery = delivery
        self._schedule = schedule
        self._board = board
        self._events = events
        self._status_path = status_path
        self._wall_ms = wall_ms
        self._stopped = stopped
        self._sealed = sealed_of(batch, newest(spool.head))
        self._last_cut_ms = wall_ms()
        self._unsaved: Optional[Batch] = None
        self._told: frozenset[str] = frozenset()

    def step(self) -> None:
        """Look at the logs, and cut and seal if the time has come or memory is full."""
        if not (self._save() and self._seal()):
            self.write_status()
            return
        now_ms = self._wall_ms()
        look = self._reader.poll(now_ms, self._stopped)
        self._tell(look.problems, look.lost)
        self._board.read(now_ms, "unknown")
        if look.full or self._schedule.seals_between(self._last_cut_ms, now_ms):
            self._cut(now_ms)
        self.write_status()

    def finish(self) -> None:
        """Seal what was read. Not what was not: a backlog is gone on with in the next life."""
        if self._save() and self._seal():
            self._cut(self._wall_ms())
        self.write_status()

    def _cut(self, now_ms: int) -> None:
        self._unsaved = self._reader.cut(self.batch, now_ms, next_seq=newest(self._spool.head) + 1)
        self._last_cut_ms = now_ms
        if self._save():
            self._seal()

    def _save(self) -> bool:
        """Write the batch that was cut last; return whether none is left that is not on the disk."""
        if self._unsaved is None:
            return True
        try:
            self._unsaved.save(self._files, self._folder)
        except StateError as error:
            self._board.seal_failed(str(error))
            self._events.error("batch_not_written", reason=str(error))
            return False
        self.batch, self._sealed, self._unsaved = self._unsaved, 0, None
        return True

    def _seal(self) -> bool:
        """Seal what is left of the batch; return whether nothing is left."""
        while self._sealed < len(self.batch.pieces):
            piece = self.batch.pieces[self._sealed]

            def build(place: Place) -> Optional[bytes]:
                first = place.seq - self._sealed
                if self.batch.first_seq != first:
                    self.batch.first_seq = first
                    self.batch.save(self._files, self._folder)
                delivery = self._delivery
                piece = self.batch.pieces[self._sealed]
                return self._signer.frame(piece, place, delivery.clock, delivery.anchor)

            try:
                head = self._spool.seal(build)
            except EvidenceError as error:
                self._give_up(len(piece.counts), str(error))
                continue
            except (SpoolError, StateError) as error:
                self._board.seal_failed(str(error))
                self._events.error("seal_failed", reason=str(error), waiting_rows=len(piece.counts))
                self._delivery.notify()
                return False
            self._sealed += 1
            self._board.sealed()
            self._delivery.notify()
            if head is not None:
                self._events.info("sealed", seq=head.seq, end_ms=head.end_ms, rows=len(piece.counts))
        return True

    def _give_up(self, rows: int, reason: str) -> None:
        """Take a piece that makes no chunk out of the batch, so that the others follow."""
        del self.batch.pieces[self._sealed]
        self.batch.save(self._files, self._folder)
        self._board.rows_lost(rows, reason)
        self._events.error("rows_lost", rows=rows, reason=reason)

    def _tell(self, problems: list[str], lost: list[str]) -> None:
        """Log what is new of the problems; a problem that stays is not told at every look."""
        now = frozenset((*problems, *lost))
        for message in sorted(now - self._told):
            self._events.error("log_problem", reason=message)
            self._board.reading_failed(message)
        self._told = now

    def snapshot(self) -> Mapping[str, Any]:
        """Return all figures of this moment, for metrics and status."""
        figures = self._board.snapshot()
        oldest_ms = self._spool.oldest_ms()
        totals = self._reader.lines(self.batch)
        figures.update(
            chunks_pending=self._spool.count,
            spool_bytes=self._spool.size_bytes,
            chunks_damaged=self._spool.damaged,
            chunks_refused=self._spool.refused,
            waiting_rows=self._reader.pairs,
            oldest_pending_ms=None if oldest_ms is None else max(0, self._wall_ms() - oldest_ms),
            complete_until_ms=self.batch.cursor_ms,
            problems=sorted(self._told),
            logs={name: vars(lines) for name, lines in totals.items()},
        )
        return figures

    def write_status(self) -> None:
        """Write ``status.json`` for ``logins show``."""
        try:
            write_status(self._status_path, self.snapshot())
        except OSError as error:
            self._events.warning("status_not_written", reason=str(error))


def newest(head: Optional[Head]) -> int:
    """Return the number of the newest chunk of a chain, -1 if it has none."""
    return -1 if head is None else head.seq
