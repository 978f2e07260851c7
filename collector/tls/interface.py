"""What serves a certificate needs to know of where it comes from. Nothing here needs a library."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Now = Callable[[], datetime]
"""Returns the wall clock, with its zone."""


@dataclass(frozen=True)
class Loaded:
    """A certificate that is ready to serve, from ``since`` to ``until``. ``pin`` is what hosts pin."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    since: datetime
    until: datetime
    pin: str


@dataclass(frozen=True)
class Served:
    """What is served: from when until when the certificate holds, and why a newer one could not be taken."""

    since: datetime
    until: datetime
    problem: str = ""


class Source(Protocol):
    """Something that has a server certificate."""

    def version(self) -> object:
        """Return something that is different when ``load`` would return something else."""
        ...

    def load(self) -> Loaded:
        """Return the certificate as it is now.

        Raises:
            CollectorError: it cannot be used.
        """
        ...

    def ca_pem(self) -> bytes:
        """Return the certificate that hosts pin, as PEM. Raises as ``load``."""
        ...
