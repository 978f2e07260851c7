"""An audit by several processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from collector.errors import StoreMovedError
from collector.store.instant import Instant, Moment
from starproof.auditing.errors import AuditError
from starproof.auditing.pieces import Order, audited, carried_out
from verifier.audit import Run
from verifier.host_audit import HostsAudited, Piece

AHEAD = 2
"""Pieces handed out for each process beside the one that it is at."""


def by_processes(store: Instant, moment: Moment, *, url: str, count: int) -> Run:
    """Return what audits pieces in ``count`` processes.

    SQLite shows a moment to one connection only. What a process finds there to have gone on is audited here,
    as it was, so the report is of one instant all the same.

    Args:
        store: at the moment.
        moment: what is audited.
        url: of the store; processes are given it in memory, not as an argument.
        count: of processes.
    """

    def run(pieces: Sequence[Piece]) -> Iterator[HostsAudited]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(count, max(1, len(pieces))), mp_context=context) as pool:
            waiting: deque[tuple[Piece, Future[HostsAudited | None]]] = deque()
            try:
                for piece in pieces:
                    waiting.append((piece, pool.submit(_work, Order(piece, moment), url)))
                    if len(waiting) > (1 + AHEAD) * count:
                        yield _result(store, *waiting.popleft())
                while waiting:
                    yield _result(store, *waiting.popleft())
            except BrokenProcessPool:
                raise AuditError(
                    "a process of the audit was ended from outside, perhaps for want of memory; "
                    "start it again with fewer: --workers 1"
                ) from None
            finally:
                for _, future in waiting:
                    future.cancel()

    return run


def _result(store: Instant, piece: Piece, future: Future[HostsAudited | None]) -> HostsAudited:
    found = future.result()
    return audited(store, piece) if found is None else found


def _work(order: Order, url: str) -> HostsAudited | None:
    """Return what came of an order, ``None`` if the store has gone on."""
    try:
        return carried_out(order, url)
    except StoreMovedError:
        return None
