"""Pieces of an audit, and what whoever audits one is told: hosts and a moment, no address and no secret.

A worker of a cluster knows the store from its own environment (``STARPROOF_DB``).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from collector.errors import StoreMovedError
from collector.settings import DATABASE_VARIABLE
from collector.store.archive import StoreArchive
from collector.store.engine import Store, open_engine_for_reading
from collector.store.instant import Moment, at_moment
from evidence import __version__
from starproof.session import EXPECTED_ERRORS
from verifier.host_audit import HostsAudited, Piece, audit_hosts

MOST_HOSTS = 32
"""Of a piece: what is lost with a worker, and what is held in memory of day sums."""
PIECES_A_WORKER = 4
"""So that no worker waits long for the last one."""


@dataclass(frozen=True)
class Order:
    """A piece, the moment of the store that is audited, and the version of this software."""

    piece: Piece
    moment: Moment
    version: str = __version__


@dataclass(frozen=True)
class Refused:
    """Why a worker did not audit a piece. ``where`` names the worker."""

    where: str
    why: str


def split(hosts: Sequence[str], workers: int) -> list[tuple[str, ...]]:
    """Return the hosts in pieces for so many workers, in order."""
    size = min(MOST_HOSTS, -(-len(hosts) // (PIECES_A_WORKER * workers)) or 1)
    return [tuple(hosts[at : at + size]) for at in range(0, len(hosts), size)]


def audited(store: Store, piece: Piece) -> HostsAudited:
    """Return what came of a piece, read from a store at one instant."""
    archive = StoreArchive(store, damaged=True, hosts=piece.hosts)
    return audit_hosts(archive, piece, dropped=archive)


def carried_out(order: Order, url: str) -> HostsAudited:
    """Return what came of an order, from the store at an URL.

    Raises:
        StoreMovedError: the store went on since the order's moment, or is another one.
        StoreError: it cannot be read.
    """
    store = open_engine_for_reading(url)
    try:
        with at_moment(store, order.moment) as instant:
            return audited(instant, order.piece)
    finally:
        store.close()


def on_worker(order: Order) -> HostsAudited | Refused:
    """Return what came of an order on a worker of a cluster, or why it was refused."""
    where = f"{platform.node()}, process {os.getpid()}"
    if order.version != __version__:
        return Refused(where, f"has starproof {__version__}; install {order.version} there")
    url = os.environ.get(DATABASE_VARIABLE)
    if not url:
        return Refused(
            where, f"does not know the store; set {DATABASE_VARIABLE} there before dask worker is started"
        )
    try:
        return carried_out(order, url)
    except StoreMovedError as error:
        return Refused(where, f"{error}; give {DATABASE_VARIABLE} there the very server and database of --db")
    except EXPECTED_ERRORS as error:
        return Refused(
            where, f"{error}; look at {DATABASE_VARIABLE} there, and whether the database answers it"
        )
