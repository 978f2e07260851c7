"""systemd's notification protocol (sd_notify(3)): one datagram to ``$NOTIFY_SOCKET``."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

_US_PER_S = 1_000_000


class Notifier:
    """Tells systemd how the agent is; does nothing where there is no systemd."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the socket and the watchdog period from the environment."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        period = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        meant = pid in ("", str(os.getpid()))
        self.watchdog_s = int(period) / _US_PER_S if period.isdecimal() and meant else None

    def send(self, **fields: str) -> None:
        """Send ``NAME=value`` lines; a service manager that does not listen is no reason to stop."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        message = "\n".join(f"{name}={value}" for name, value in fields.items()).encode()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, address)
