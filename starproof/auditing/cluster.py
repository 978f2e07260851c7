"""An audit by the workers of a Dask cluster (``docs/audit.md``, ADR 24).

The scheduler is told hosts and a moment of the store; workers read chunks themselves, from PostgreSQL. What a
worker was at when it was lost is done by another one, and results do not depend on who gave them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from collector.store.instant import Moment
from starproof.auditing.errors import AuditError
from starproof.auditing.pieces import Order, Refused, on_worker
from verifier.audit import Run
from verifier.host_audit import HostsAudited, Piece

CONNECT_S = 10
NO_WORKER_S = 60
"""How long an audit waits while the cluster has no worker."""
LOOK_S = 0.05
LOOK_AT_CLUSTER_S = 2
DASK = "distributed"


def require_usable(address: str) -> None:
    """Refuse what cannot be used, before anything is read.

    Raises:
        AuditError: Dask is not installed, or the address is not one, or of a scheduler without TLS elsewhere.
    """
    if find_spec(DASK) is None:
        raise AuditError("--cluster needs the extra 'cluster': pip install 'starproof[cluster]'")
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise AuditError("--cluster takes the address of a Dask scheduler, for example tls://10.0.0.5:8786")
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname):
        raise AuditError(
            f"{address} is without TLS: whoever reaches a scheduler runs programs on its workers, which can read "
            "the database; use tls:// (docs/audit.md)"
        )


def by_cluster(address: str, moment: Moment) -> Run:
    """Return what audits pieces on the workers of the scheduler at ``address``."""

    def run(pieces: Sequence[Piece]) -> Iterator[HostsAudited]:
        with _client(address) as client:
            futures = client.map(on_worker, [Order(piece, moment) for piece in pieces], pure=False)
            for future in _done(client, futures, address):
                found = _result(future)
                if isinstance(found, Refused):
                    raise AuditError(f"the worker on {found.where} {found.why}")
                yield found

    return run


def workers(address: str) -> int:
    """Return how many workers the cluster has.

    Raises:
        AuditError: the scheduler does not answer, or has none.
    """
    with _client(address) as client:
        deadline = time.monotonic() + CONNECT_S
        while not (count := len(client.nthreads())):
            if time.monotonic() > deadline:
                raise AuditError(_no_worker(address))
            time.sleep(LOOK_S)
    return count


def _client(address: str) -> Any:
    from distributed import Client, Security  # noqa: PLC0415 - the extra, asked for above

    security = Security()
    if (
        urlsplit(address).scheme == "tls"
        and security.get_connection_args("client").get("ssl_context") is None
    ):
        raise AuditError(f"no certificates for {address}; name them in Dask's configuration (docs/audit.md)")
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False, security=security)
    except (OSError, TimeoutError) as error:
        raise AuditError(
            f"no scheduler answers at {address}; start one: dask scheduler (docs/audit.md): {error}"
        ) from None


def _done(client: Any, futures: Sequence[Any], address: str) -> Iterator[Any]:
    """Yield futures as they are done; look in between whether anybody is left to do them."""
    from distributed import as_completed  # noqa: PLC0415 - the extra, asked for above

    waiting = as_completed(futures, loop=client.loop)
    look, alive = time.monotonic(), time.monotonic()
    while not waiting.is_empty():
        if waiting.has_ready():
            yield from waiting.next_batch(block=False)
            continue
        time.sleep(LOOK_S)
        now = time.monotonic()
        if now - look < LOOK_AT_CLUSTER_S:
            continue
        look = now
        if client.status != "running":
            raise AuditError(
                f"the scheduler at {address} was lost; start it and its workers, and audit again"
            )
        if client.nthreads():
            alive = now
        elif now - alive > NO_WORKER_S:
            raise AuditError(_no_worker(address))


def _result(future: Any) -> HostsAudited | Refused:
    try:
        found: HostsAudited | Refused = future.result()
    except Exception as error:  # noqa: BLE001 - whatever Dask raises: a lost scheduler, a worker without our package
        raise AuditError(
            f"the cluster could not do a piece ({type(error).__name__}: {error}); every worker needs this version of "
            "starproof with the extras cluster, collector and postgresql"
        ) from None
    return found


def _no_worker(address: str) -> str:
    return f"no worker has joined the scheduler at {address}; start some: dask worker {address}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
