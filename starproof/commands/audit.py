"""``starproof audit``: recompute every day sum from the chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from collector.settings import default_database_url, key_directory
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from starproof import session
from starproof.keys import read_log_key
from starproof.tables import print_audit, print_recorded
from verifier.audit import audit
from verifier.errors import PackError
from verifier.finding import FAIL, INCOMPLETE

EXAMPLE = "starproof audit --month 2026-11"
STATUS = ((FAIL, 1), (INCOMPLETE, 2))
"""The exit status for the gravest severity that was found, as in ``check``; notes alone are 0."""


def main(argv: Sequence[str], *, prog: str = "starproof audit") -> int:
    """Run the command; the exit status is 0 no difference, 1 something differs, 2 something is missing."""
    parser = session.parser(
        prog, "Recompute every day sum from the chunks and report any difference 复算", EXAMPLE
    )
    parser.add_argument(
        "--month", type=session.month, metavar="YYYY-MM", help="only this month's days (default: everything)"
    )
    session.add_database(parser)
    options = parser.parse_args(argv)

    def work() -> int:
        with session.archive(options.db, damaged=True) as archive:
            log = archive.log if options.month is None else None
            report = audit(
                archive, month=options.month, log=log, log_key=_log_key(options.db), dropped=archive
            )
            recorded = [asdict(finding) for finding in archive.findings()]
        if options.json:
            session.print_json({**report.document(), "recorded": recorded})
        else:
            print_audit(report)
            print_recorded(recorded)
        found = {finding.severity for finding in report.findings}
        return next((status for severity, status in STATUS if severity in found), 0)

    return session.guarded(prog, work)


def _log_key(url: str | None) -> PublicKey | None:
    """Return the public log key beside the store; an audit makes no keys."""
    path = key_directory(url or default_database_url()) / "log.pub"
    try:
        return read_log_key(path) if path.is_file() else None
    except EvidenceError:
        raise PackError(
            f"{path} does not hold a public key; delete it, it is made again from log.key"
        ) from None
