"""A delivery put together from settings: the same for readings, logins and databases."""

from __future__ import annotations

import os
import time
from typing import Optional, Protocol

from agent.board import Board
from agent.delivery import ByFile, Delivery, Surroundings
from agent.events import Events
from agent.exporting import ExportMark
from agent.inbox import Inbox
from agent.offer import OFFLINE
from agent.receipts import Receipts
from agent.relaying import Relay
from agent.runner import wall_ms
from agent.schedule import MS_PER_S, Schedule
from agent.spool import Spool
from agent.state import Enrolled, State
from agent.transport import HttpTransport

SPREAD_S = 10.0
SPREAD_SHARE = 20
"""Sending waits up to a twentieth of the seal period, at most 10 s: all agents seal at once."""


class DeliverySettings(Protocol):
    """What settings say of the delivery, whatever else they are about."""

    @property
    def collector(self) -> Optional[str]:
        """Where to, if not where this host was enrolled."""

    @property
    def delivery_ca_file(self) -> Optional[str]:
        """Certificates to verify the collector with, if not the system's."""

    @property
    def delivery_proxy(self) -> Optional[str]:
        """An HTTP proxy, "" for none, ``None`` for what the environment says."""

    @property
    def delivery_timeout_s(self) -> int:
        """Seconds for one answer."""

    @property
    def delivery_max_chunks(self) -> int:
        """Chunks in one request."""


def chance() -> float:
    """Return a random number in [0, 1) for jitter; the module ``random`` costs 0.4 MB."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def delivery_of(
    settings: DeliverySettings,
    schedule: Schedule,
    spool: Spool,
    enrolled: Enrolled,
    receipts: Receipts,
    *,
    board: Board,
    events: Events,
    state: State,
) -> Delivery:
    """Return what delivers the chunks of ``spool`` to the collector of the settings, else of the enrolment.

    A CA file in the settings comes before the one that was pinned at enrolment. A host that was enrolled by file
    sends nothing unless the settings name a collector.

    Raises:
        ConfigError: the address or the certificates cannot be used.
    """
    collector = settings.collector or enrolled.collector

    def opened() -> HttpTransport:
        return HttpTransport(
            collector,
            wall_ms=wall_ms,
            mono_s=time.monotonic,
            ca_file=settings.delivery_ca_file,
            ca_pem=state.ca_pem(),
            proxy=settings.delivery_proxy,
        )

    transport = None if collector == OFFLINE else opened()
    shown = None
    if transport is not None and transport.is_secure:
        from agent.client_certificate import ClientCertificate  # noqa: PLC0415 - only for https

        shown = ClientCertificate(
            state, enrolled.key, transport, plain=opened, wall_ms=wall_ms, events=events
        )
    return Delivery(
        spool=spool,
        key=enrolled.key,
        transport=transport,
        around=Surroundings(mono_s=time.monotonic, random=chance),
        board=board,
        events=events,
        timeout_s=float(settings.delivery_timeout_s),
        max_chunks=settings.delivery_max_chunks,
        receipts=receipts,
        by_file=ByFile(Inbox(state, enrolled, receipts), ExportMark(state)),
        relay=Relay(state),
        shown=shown,
        spread_s=min(SPREAD_S, schedule.seal_ms / MS_PER_S / SPREAD_SHARE),
    )
