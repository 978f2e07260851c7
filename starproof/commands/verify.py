"""``starproof verify``: the figures of a month and the star that they support."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from collector.errors import DroppedMonthError
from starproof import session
from starproof.comparison_text import print_comparisons
from starproof.rules import add_declared, read_rules
from starproof.star_text import print_verdict
from starproof.tables import print_figures
from verifier.agreement import require_agreement, require_owner
from verifier.comparison_document import comparison_notes, comparisons_document
from verifier.derivation import compare_stored, verdict_of
from verifier.document import document, notes_document
from verifier.figures import measure

if TYPE_CHECKING:
    from collector.store.archive import StoreArchive
    from verifier.comparison import Comparison
    from verifier.result import Figures

EXAMPLE = "starproof verify --month 2026-11 --scope scope.toml --profile profile.toml"


def main(argv: Sequence[str], *, prog: str = "starproof verify") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(
        prog, "Figures, coverage, bounds, verdicts and star of one month 计算指标与星级", EXAMPLE
    )
    session.add_month(parser)
    add_declared(parser, profile=True)
    session.add_database(parser)
    options = parser.parse_args(argv)

    def work() -> int:
        now_ms = time.time_ns() // 1_000_000
        with session.archive(options.db) as archive:
            rules = read_rules(
                archive.scope_versions(),
                scope_file=options.scope,
                edition_file=options.edition,
                profile_file=options.profile,
            )
            declared = rules.declared
            require_owner(declared.scope, archive.enterprise)
            require_agreement(declared.profile, declared.scope, archive.enterprise)
            figures = measure(
                archive,
                month=options.month,
                edition=declared.edition,
                scope=declared.scope,
                timezone=options.timezone,
                now_ms=now_ms,
                scopes=declared.scopes,
            )
            comparisons, without = _compared(archive, figures)
        of_figures, of_verdict = document(figures), verdict_of(figures, declared.profile, now_ms)
        compared = comparisons_document(comparisons)
        notes = notes_document(comparison_notes(comparisons))
        if options.json:
            session.print_json(
                {
                    "schema": "starproof/verify/1",
                    "figures": of_figures,
                    "comparisons": compared,
                    "comparison_notes": notes,
                    "verdict": of_verdict,
                    **({"comparisons_missing": without} if without else {}),
                }
            )
        else:
            print_figures(of_figures)
            print_comparisons(compared, notes, figures.timezone)
            if without:
                sys.stdout.write(f"未比对数据源 sources are not compared: {without}\n")
            print_verdict(of_verdict)
        return 0

    return session.guarded(prog, work)


def _compared(archive: StoreArchive, figures: Figures) -> tuple[Sequence[Comparison], str]:
    """Return the comparisons, or none and why: the figures stand in the day sums, which stay, these in chunks."""
    try:
        return compare_stored(archive, figures), ""
    except DroppedMonthError as error:
        return (), str(error)
