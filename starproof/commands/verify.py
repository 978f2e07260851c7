"""``starproof verify``: the figures of a month."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starproof import session
from starproof.rules import read_rules
from starproof.tables import print_figures
from verifier.figures import figures

EXAMPLE = "starproof verify --month 2026-11 --scope scope.toml"


def main(argv: Sequence[str], *, prog: str = "starproof verify") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(
        prog, "Figures, coverage, bounds and verdicts of one month 计算一个月的指标", EXAMPLE
    )
    parser.add_argument(
        "--month", required=True, type=session.month, metavar="YYYY-MM", help="local calendar month"
    )
    parser.add_argument("--scope", type=Path, metavar="FILE", help="declared scope 申报范围 (TOML)")
    parser.add_argument(
        "--timezone",
        type=session.zone,
        metavar="TZ",
        help="IANA zone (default: the scope's, else Asia/Shanghai)",
    )
    session.add_database(parser)
    options = parser.parse_args(argv)

    def work() -> int:
        rules = read_rules(options.scope)
        with session.archive(options.db) as archive:
            document = figures(
                archive,
                month=options.month,
                edition=rules.edition,
                scope=rules.scope,
                timezone=options.timezone,
            )
        if options.json:
            session.print_json(document)
        else:
            print_figures(document)
        return 0

    return session.guarded(prog, work)
