"""``starproof collector`` and ``starproof serve``: the collector, with the console where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from collector import cli
from starproof.commands import doctor

if TYPE_CHECKING:
    from collector.http.console import ConsoleOpener

OURS = (
    "agent",
    "collector",
    "config",
    "console",
    "declaring",
    "documents",
    "evidence",
    "starproof",
    "verifier",
)


def main(argv: Sequence[str], *, prog: str = "starproof collector") -> int:
    """Run the command and return the exit status."""
    if argv[:1] == ["doctor"]:
        return doctor.main(["--role", doctor.COLLECTOR, *argv[1:]], prog=f"{prog} doctor")
    serving = "serve" in argv[:1] and not {"-h", "--help"} & set(argv)
    return cli.main(argv, prog=prog, console=_console() if serving else None)


def _console() -> ConsoleOpener | None:
    """Return what opens the console; without its extra the collector serves the wire alone and says so."""
    try:
        from console.app import open_console  # noqa: PLC0415 - needs the extra, and takes a while to import
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OURS:
            raise
        print(  # noqa: T201 - one line for whoever starts the service
            f"没有控制台 without the console ({error.name} is missing): pip install 'starproof[console]'",
            file=sys.stderr,
        )
        return None
    return open_console
