"""What is known of a store's damage: once it is damaged nothing more is written into it.

A damaged store may go on answering for a long time. What it acknowledged would be lost with it, for a backup is
what helps, and senders keep only what was not acknowledged. So the first sign counts until the process ends:
what the database itself says of its file, at whatever question (``collector.store.faults``), or what a look
through its pages finds (``collector.store.probing``).

That it takes nothing (its disk is full, it may only be read) is something else: it counts until a commit succeeds.
"""

from __future__ import annotations

from collections.abc import Callable

from collector.errors import StoreDamagedError

REMEDY = "stop the collector and restore a backup, see docs/runbook.md"


class Health:
    """The health of one open store. Threads may share it."""

    def __init__(self) -> None:
        """Begin with nothing known to be wrong."""
        self._problem = ""
        self._unwritten = ""
        self._told: Callable[[str], None] | None = None

    @property
    def problem(self) -> str:
        """What is wrong, in the database's words; empty if nothing is known."""
        return self._problem

    @property
    def unwritten(self) -> str:
        """Why the last change was not written, in the database's words; empty if it was."""
        return self._unwritten

    def wrote(self, problem: str = "") -> None:
        """Remember that a change was committed, or why the database did not take it."""
        self._unwritten = " ".join(problem.split())

    def tell(self, told: Callable[[str], None]) -> None:
        """Call ``told`` with the first sign of damage, at once if there was one."""
        self._told = told
        if self._problem:
            told(self._problem)

    def note(self, problem: str) -> None:
        """Remember a sign of damage; the first one stays."""
        if self._problem:
            return
        self._problem = " ".join(problem.split())
        if self._told is not None:
            self._told(self._problem)

    def require(self) -> None:
        """Go on only with a store of which no damage is known.

        Raises:
            StoreDamagedError: it is damaged.
        """
        if self._problem:
            raise StoreDamagedError(f"the store is damaged: {self._problem}; {REMEDY}", self._problem)
