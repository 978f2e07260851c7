"""``starproof serve``: the collector with its console, short for ``starproof collector serve``."""

from __future__ import annotations

from collections.abc import Sequence

from starproof.commands import collector


def main(argv: Sequence[str], *, prog: str = "starproof serve") -> int:
    """Run the service and return the exit status."""
    # The collector's own command of that name: its parser adds the word to what stands before it.
    return collector.main(["serve", *argv], prog=prog.removesuffix(" serve"))
