"""How far a check is: one line on standard error that writes over itself, if somebody watches."""

from __future__ import annotations

from typing import TextIO

from starproof.tables import printable

WIDTH = 78


class Progress:
    """Shows progress on a terminal, or on any stream if asked (``always``: a line each)."""

    def __init__(self, stream: TextIO, *, always: bool) -> None:
        """Write to ``stream``, or nothing if it is no terminal and nobody asked."""
        self._stream = stream
        self._terminal = stream.isatty()
        self._shows = self._terminal or always

    def show(self, done: int, whole: int, host: str) -> None:
        """Show that ``done`` of ``whole`` chains were read, ``host`` the last."""
        if not self._shows:
            return
        line = f"核验 checking {done}/{whole} {100 * done // whole} % {printable(host)}"[:WIDTH]
        if not self._terminal:
            self._stream.write(line + "\n")
        else:
            # clears the line; after the last one nothing stays
            self._stream.write("\r\x1b[2K" + (line if done < whole else ""))
        self._stream.flush()
