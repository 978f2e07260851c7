"""``starproof audit``: recompute every day sum from the chunks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict

from collector.settings import default_database_url, key_directory
from collector.store import chunks
from collector.store.archive import StoreArchive
from collector.store.engine import Store
from collector.store.instant import Instant, Moment
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from starproof import session
from starproof.auditing import cluster
from starproof.auditing.errors import AuditError
from starproof.auditing.pieces import audited, split
from starproof.auditing.processes import by_processes
from starproof.keys import read_log_key
from starproof.tables import print_audit, print_recorded
from verifier.audit import AuditReport, Run, audit
from verifier.errors import PackError
from verifier.finding import FAIL, INCOMPLETE

EXAMPLE = "starproof audit --month 2026-11"
STATUS = ((FAIL, 1), (INCOMPLETE, 2))
"""The exit status for the gravest severity that was found, as in ``check``; notes alone are 0."""
MOST_WORKERS = 64
SMALL_CHUNKS = 20_000
"""So many are audited sooner than processes are started: two seconds."""


def main(argv: Sequence[str], *, prog: str = "starproof audit") -> int:
    """Run the command; the exit status is 0 no difference, 1 something differs, 2 something is missing."""
    parser = session.parser(
        prog, "Recompute every day sum from the chunks and report any difference 复算", EXAMPLE
    )
    parser.add_argument(
        "--month", type=session.month, metavar="YYYY-MM", help="only this month's days (default: everything)"
    )
    parser.add_argument(
        "--every-signature",
        action="store_true",
        help="verify the signature of every chunk, also of those that the chain proves 逐一验签",
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help=f"processes of this machine, 1 to {MOST_WORKERS} (default: one for each processor; small stores: one) 进程数",
    )
    who.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="scheduler of a Dask cluster whose workers audit, for example tls://10.0.0.5:8786 (docs/audit.md) 集群",
    )
    session.add_database(parser)
    options = parser.parse_args(argv)

    def work() -> int:
        url = options.db or default_database_url()
        if options.cluster is not None:
            cluster.require_usable(options.cluster)
        with session.instant(url) as (store, moment):
            report = _audit(store, moment, url, options)
            recorded = [asdict(finding) for finding in StoreArchive(store).findings()]
        if options.json:
            session.print_json({**report.document(), "recorded": recorded})
        else:
            print_audit(report)
            print_recorded(recorded)
        found = {finding.severity for finding in report.findings}
        return next((status for severity, status in STATUS if severity in found), 0)

    return session.guarded(prog, work)


def _audit(store: Instant, moment: Moment, url: str, options: argparse.Namespace) -> AuditReport:
    archive = StoreArchive(store, damaged=True)
    workers, run = _who(store, moment, url, options)
    return audit(
        archive,
        month=options.month,
        log=archive.log if options.month is None else None,
        log_key=_log_key(options.db),
        dropped=archive,
        every_signature=options.every_signature,
        pieces=split(archive.hosts(), workers),
        run=run,
    )


def _who(store: Instant, moment: Moment, url: str, options: argparse.Namespace) -> tuple[int, Run]:
    """Return how many audit, and what does it."""
    if options.cluster is not None:
        if not store.is_postgresql:
            raise AuditError(
                "workers of a cluster cannot read an SQLite file; leave --cluster out, or move to PostgreSQL: "
                "starproof db copy"
            )
        return cluster.workers(options.cluster), cluster.by_cluster(options.cluster, moment)
    workers = options.workers or _usual_workers(store)
    if workers == 1:
        return 1, _here(store)
    return workers, by_processes(store, moment, url=url, count=workers)


def _usual_workers(store: Store) -> int:
    with store.reading() as connection:
        small = not chunks.are_more_than(connection, SMALL_CHUNKS)
    return 1 if small else min(MOST_WORKERS, os.cpu_count() or 1)


def _here(store: Instant) -> Run:
    return lambda pieces: (audited(store, piece) for piece in pieces)


def _workers(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_WORKERS}")
    return count


def _log_key(url: str | None) -> PublicKey | None:
    """Return the public log key beside the store; an audit makes no keys."""
    path = key_directory(url or default_database_url()) / "log.pub"
    try:
        return read_log_key(path) if path.is_file() else None
    except EvidenceError:
        raise PackError(
            f"{path} does not hold a public key; delete it, it is made again from log.key"
        ) from None
