"""The SVG of a chart for documents: drawn with Vega where this process may make code, else from Python alone.

A service under systemd's MemoryDenyWriteExecute, and what it starts, may not: Vega's engine would end the process.
"""

from __future__ import annotations

import mmap
from functools import cache

from documents.charts.drawing import FONT, Spec, render
from documents.charts.plain import draw


def picture(spec: Spec, *, label: str) -> str:
    """Return the SVG of a chart, asking for the documents' fonts.

    Args:
        spec: what ``daily_chart`` or ``coverage_calendar`` returned.
        label: what a screen reader says instead of the picture.

    Raises:
        RenderError: the specification cannot be drawn.
    """
    if may_make_code():
        return render(spec)
    drawn = draw(spec, label=label)
    return drawn.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" font-family="{FONT}" ', 1)


@cache
def may_make_code() -> bool:
    """Return whether this process may have memory that is both written and run."""
    if not hasattr(mmap, "PROT_EXEC"):  # not on Windows, which has no such rule for services
        return True
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError:
        return False
    return True
