"""The coverage calendar: hosts down, days across, one box a day. Readable without colour.

Darker is better covered; a day without data is an empty box with a dash; what does not count is grey
with a sign. 31 days and 25 hosts a picture; longer windows and larger fleets take several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from documents.charts.drawing import (
    INK,
    SHADE,
    SMALL_PX,
    VERMILION,
    Entry,
    Spec,
    boxes,
    chart,
    legend,
    shortened,
    texts,
)
from documents.charts.words import TABLES
from documents.display import legible
from documents.language import words

HOSTS_PER_PAGE = 25
TOTAL_PX = 760
LEFT_PX = 150
RIGHT_PX = 8
TOP_PX = 62
BOTTOM_PX = 8
EDGE_PX = 8 - LEFT_PX
TITLE_PX = 12 - TOP_PX
LEGEND_PX = 32 - TOP_PX
"""Places of title and legend, seen from the grid's upper left corner."""
ROW_PX = 17
MOST_DAYS = 31
NAME_PX = 132
"""Room for the name of a host."""
ALMOST_ALL = Decimal("0.99")
MOST = Decimal("0.9")
FILLS: Mapping[str, str] = {
    "complete": "#2c6aa0",
    "most": "#7db0d9",
    "part": "#cfe2f2",
    "none": "#ffffff",
    "downtime": "#f1f2f4",
    "out": SHADE,
}
STROKES: Mapping[str, str] = {"none": VERMILION, "downtime": "#b4bcc5", "out": "#b4bcc5"}
SIGNS: Mapping[str, str] = {"none": "–", "downtime": "○", "out": "×"}


def coverage_calendars(
    calendar: Sequence[Mapping[str, Any]], *, language: str = "zh-CN", hosts_per_page: int = HOSTS_PER_PAGE
) -> list[Spec]:
    """Return the calendars of a report: month by month, ``hosts_per_page`` hosts each."""
    months = sorted({day["day"][:7] for host in calendar for day in host["days"]})
    return [
        coverage_calendar(
            [_within(host, month) for host in calendar[start : start + hosts_per_page]],
            language=language,
            first_host=start + 1,
            all_hosts=len(calendar),
        )
        for month in months
        for start in range(0, len(calendar), hosts_per_page)
    ]


def coverage_calendar(
    calendar: Sequence[Mapping[str, Any]],
    *,
    language: str = "zh-CN",
    first_host: int = 1,
    all_hosts: int | None = None,
) -> Spec:
    """Return the Vega-Lite specification of one calendar: the given hosts, the days of one month.

    Args:
        calendar: entries of the report's ``calendar``, each with the same days, 31 at most.
        language: of title and legend.
        first_host: number of the first host among ``all_hosts``, for the title.
        all_hosts: hosts of the whole calendar; by default those given.

    Raises:
        RenderError: the language is not known.
    """
    text = words(TABLES, language)
    days = [day["day"] for day in calendar[0]["days"]] if calendar else []
    width = TOTAL_PX - LEFT_PX - RIGHT_PX
    column = width / MOST_DAYS
    height = ROW_PX * max(1, len(calendar))
    cells = [
        {
            "left": index * column + 1,
            "right": (index + 1) * column - 1,
            "top": row * ROW_PX + 1,
            "bottom": (row + 1) * ROW_PX - 1,
            **_look(day),
        }
        for row, host in enumerate(calendar)
        for index, day in enumerate(host["days"])
    ]
    last = first_host + len(calendar) - 1
    counted = f"{text['hosts']} {first_host}–{last} / {all_hosts or len(calendar)}"
    title = f"{text['calendar']}  {days[0][:7] if days else ''}  {counted}"
    layers = [
        boxes(cells),
        texts([_sign(cell) for cell in cells if cell["sign"]], align="center", size_px=SMALL_PX),
        texts(_names(calendar), align="right"),
        texts(_day_numbers(days, column), align="center", baseline="bottom", size_px=SMALL_PX),
        texts([{"x": EDGE_PX, "y": TITLE_PX, "words": title, "ink": INK}], bold=True),
        *legend(_entries(text), EDGE_PX, LEGEND_PX),
    ]
    padding = {"left": LEFT_PX, "right": RIGHT_PX, "top": TOP_PX, "bottom": BOTTOM_PX}
    return chart(width, height, padding=padding, layers=layers)


def kind_of(day: Mapping[str, Any]) -> str:
    """Return the class of a host's day: out, downtime, none, part, most or complete."""
    length = sum(day[name] for name in ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s"))
    if day["excluded_s"]:
        return "out"
    if day["downtime_s"] * 2 > length:
        return "downtime"
    share = Decimal(0) if day["share"] is None else Decimal(day["share"])
    if share == 0:
        return "none"
    return "complete" if share >= ALMOST_ALL else "most" if share >= MOST else "part"


def _look(day: Mapping[str, Any]) -> Spec:
    """Return fill, stroke, sign and the sign's ink of a day's box."""
    kind = kind_of(day)
    sign = SIGNS.get(kind) or ("?" if day["suspect_s"] else "•" if day["restarts"] else "")
    ink = "#ffffff" if kind == "complete" else VERMILION if kind == "none" else INK
    return {"fill": FILLS[kind], "stroke": STROKES.get(kind, "transparent"), "sign": sign, "ink": ink}


def _sign(cell: Spec) -> Spec:
    return {
        "x": (cell["left"] + cell["right"]) / 2,
        "y": (cell["top"] + cell["bottom"]) / 2,
        "words": cell["sign"],
        "ink": cell["ink"],
    }


def _within(host: Mapping[str, Any], month: str) -> Mapping[str, Any]:
    return {**host, "days": [day for day in host["days"] if day["day"].startswith(month)]}


def _names(calendar: Sequence[Mapping[str, Any]]) -> list[Spec]:
    return [
        {"x": -8, "y": (row + 0.5) * ROW_PX, "words": shortened(legible(host["host"]), NAME_PX), "ink": INK}
        for row, host in enumerate(calendar)
    ]


def _day_numbers(days: Sequence[str], column: float) -> list[Spec]:
    return [
        {"x": (index + 0.5) * column, "y": -4, "words": str(int(day[8:]))} for index, day in enumerate(days)
    ]


def _entries(text: Mapping[str, str]) -> list[Entry]:
    kinds = [
        Entry(
            f"{SIGNS[kind]} {text[kind]}" if kind in SIGNS else text[kind],
            fill,
            STROKES.get(kind, "transparent"),
        )
        for kind, fill in FILLS.items()
    ]
    return [*kinds, Entry(f"• {text['restart']}"), Entry(f"? {text['suspect']}")]
