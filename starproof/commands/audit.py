"""``starproof audit``: recompute every day sum from the chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from starproof import session
from starproof.tables import print_audit, print_recorded
from verifier.audit import audit

EXAMPLE = "starproof audit --month 2026-11"


def main(argv: Sequence[str], *, prog: str = "starproof audit") -> int:
    """Run the command and return the exit status."""
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
            report = audit(archive, month=options.month)
            recorded = [asdict(finding) for finding in archive.findings()]
        if options.json:
            session.print_json({**report.document(), "recorded": recorded})
        else:
            print_audit(report)
            print_recorded(recorded)
        return 0

    return session.guarded(prog, work)
