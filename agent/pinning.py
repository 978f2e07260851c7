"""Pinning the collector's CA when a host enrols.

1. ``--ca FILE``: the authority in the file. ``--ca-sha256 F``: the one with this fingerprint, asked of the
   collector itself over a connection on which nothing else is said, and taken only if it fits.
2. From then on it lies in the state directory, and this host believes nobody else; ``delivery.ca_file``
   in the settings comes before it, and must not say anything else.
3. Without either the one that is pinned already holds, else the system's authorities.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Optional

from agent.answers import parse
from agent.errors import ConfigError, EnrolError
from agent.state import CA, State
from agent.transport import DEFAULT_TIMEOUT_S, HttpTransport, Transport

CA_PATH = "/v1/ca"
_OK = 200


@dataclass(frozen=True)
class Wanted:
    """What was asked for: a CA by file or by fingerprint, and what the settings say of the way."""

    ca: Optional[str] = None
    ca_sha256: Optional[str] = None
    ca_file: Optional[str] = None
    proxy: Optional[str] = None


@dataclass(frozen=True)
class Way:
    """The way to the collector; ``pem`` is a CA to be pinned anew, ``None`` for no change."""

    transport: Transport
    pem: Optional[str] = None

    @contextlib.contextmanager
    def pinned(self, state: State) -> Iterator[None]:
        """Keep the new CA in ``state``; put the one before back if what is done within fails.

        Raises:
            StateError: the disk does not take it.
        """
        if self.pem is None:
            yield
            return
        before = state.read(CA)
        state.write(CA, self.pem.encode("ascii"))
        try:
            yield
        except BaseException:
            if before is None:
                state.remove(CA)
            else:
                state.write(CA, before)
            raise


def way_to(
    collector: str, wanted: Wanted, state: State, *, wall_ms: Callable[[], int], mono_s: Callable[[], float]
) -> Way:
    """Return the way to ``collector``.

    Raises:
        ConfigError: an address, a file or a fingerprint cannot be used, or two say different things.
        EnrolError: the collector has another CA than the one with the fingerprint.
        TransportError: it cannot be asked.
    """
    clocks: dict[str, Any] = {"wall_ms": wall_ms, "mono_s": mono_s, "proxy": wanted.proxy}
    if wanted.ca is None and wanted.ca_sha256 is None:
        kept = None if wanted.ca_file else state.ca_pem()
        return Way(HttpTransport(collector, ca_file=wanted.ca_file, ca_pem=kept, **clocks))
    from agent.trust import fingerprint_of, read_pem, require_pinned  # noqa: PLC0415 - loads TLS

    if not collector.startswith("https:"):
        raise ConfigError(f"a CA is of no use with {collector}; the address must begin with https:")
    fingerprint = fingerprint_of(wanted.ca_sha256) if wanted.ca_sha256 is not None else None
    found = read_pem(wanted.ca) if wanted.ca is not None else None
    if wanted.ca_file:
        settled = read_pem(wanted.ca_file)
        if found is not None and found.strip() != settled.strip():
            raise ConfigError(f"--ca {wanted.ca} and delivery.ca_file {wanted.ca_file} differ; remove one")
        found = settled
    if found is None:
        found = _asked(HttpTransport(collector, **clocks))
    if fingerprint is not None:
        require_pinned(found, fingerprint)
    pem = None if wanted.ca_file else found
    return Way(HttpTransport(collector, ca_pem=found, **clocks), pem)


def _asked(transport: HttpTransport) -> str:
    answer = transport.get_unverified(CA_PATH, timeout_s=DEFAULT_TIMEOUT_S)
    pem = parse(answer).get("pem")
    if answer.status != _OK or not isinstance(pem, str) or not pem.isascii():
        raise EnrolError(
            f"the collector does not tell its CA (HTTP {answer.status}); bring the file over and give --ca FILE"
        )
    return pem
