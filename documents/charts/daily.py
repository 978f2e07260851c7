"""The daily chart: the values of the days with their intervals against the thresholds of all stars.

A day without data is a gap with a mark under it, never a zero. An excluded day is shaded. A high end
far above everything else is cut at the frame; no high end reaches the frame too, drawn fainter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from documents.charts import scale
from documents.charts.drawing import (
    BAND,
    BLUE,
    INK,
    QUIET,
    SHADE,
    SMALL_PX,
    VERMILION,
    Entry,
    Spec,
    chart,
    layer,
    legend,
    shortened,
    texts,
    wide,
)
from documents.charts.thresholds import limits_of, room_for, thresholds
from documents.charts.words import TABLES
from documents.display import legible
from documents.language import picked, words

TOTAL_PX = 760
PLOT_PX = 150
LEFT_PX = 58
"""Room beside the scale, so that charts stand under one another; long numbers take more."""
TOP_PX = 46
BOTTOM_PX = 30
ROW_DAYS = 92
"""Days in one row at most: three months."""
MONTH_DAYS = 31
NAME_PX = 480
"""Room for the name of the figure."""
STRIP_PX = 4
EDGE_PX = 8
AXIS_GAP_PX = 6
"""From the numbers of the scale to the plot."""
TITLE_PX = 12 - TOP_PX
LEGEND_PX = 32 - TOP_PX
"""Places of title and legend: from the left edge, and seen from the plot's upper left corner."""
PERCENT = "%"


def daily_charts(
    series: Mapping[str, Any],
    rule: Mapping[str, Any],
    *,
    stars: Sequence[Mapping[str, Any]] = (),
    language: str = "zh-CN",
) -> list[Spec]:
    """Return the charts of a series: one for up to three months, else a row of three months each.

    All rows have the same vertical scale. The arguments are those of ``daily_chart``.
    """
    days = series["days"]
    top = _top(days, rule)
    return [
        daily_chart({**series, "days": row}, rule, stars=stars, language=language, top=top)
        for row in _rows(days)
    ]


def daily_chart(
    series: Mapping[str, Any],
    rule: Mapping[str, Any],
    *,
    stars: Sequence[Mapping[str, Any]] = (),
    language: str = "zh-CN",
    top: float | None = None,
) -> Spec:
    """Return the Vega-Lite specification of one row of days.

    Args:
        series: an entry of the report's ``series``: days with value, low, high (decimals or ``None``). Hours
            are drawn too: each with the ``name`` that stands under it, and ``period`` says of which day they are.
        rule: the indicator: its names, unit and thresholds by star.
        stars: stars with their names, for the labels of the thresholds.
        language: of titles and labels.
        top: upper end of the vertical scale; by default from the numbers.

    Raises:
        RenderError: the language is not known.
    """
    text = words(TABLES, language)
    days = series["days"]
    top = _top(days, rule) if top is None else top
    limits = limits_of(rule, stars, language)
    right = room_for(limits)
    left = _room_for(scale.ticks(top))
    width = TOTAL_PX - left - right
    edge = EDGE_PX - left
    across = {
        "type": "quantitative",
        "scale": {"domain": [-0.5, len(days) - 0.5], "nice": False, "zero": False},
        "axis": None,
    }
    upward = {
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {
            "title": None,
            "values": scale.ticks(top),
            "format": ",.6~f",
            "labelOverlap": False,
            "domain": False,
            "ticks": False,
            "minExtent": left - EDGE_PX,
            "maxExtent": left - EDGE_PX,
        },
    }
    layers = [
        *_marks(series, days, top=top, across=across, upward=upward),
        *thresholds(limits, top=top, upward=upward, width=width, height=PLOT_PX),
        _day_names(days, across),
        texts(
            [{"x": edge, "y": TITLE_PX, "words": _title(rule, text, series, language), "ink": INK}],
            bold=True,
        ),
        *legend(_entries(series, text), edge, LEGEND_PX),
    ]
    padding = {"left": left, "right": right, "top": TOP_PX, "bottom": BOTTOM_PX}
    return chart(width, PLOT_PX, padding=padding, layers=layers)


def _rows(days: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return whole months together, at most ``ROW_DAYS`` days a row."""
    months: dict[str, list[Mapping[str, Any]]] = {}
    for day in days:
        months.setdefault(day["day"][:7], []).append(day)
    rows: list[list[Mapping[str, Any]]] = []
    for month in months.values():
        if rows and len(rows[-1]) + len(month) <= ROW_DAYS:
            rows[-1].extend(month)
        else:
            rows.append(list(month))
    return rows


def _top(days: Sequence[Mapping[str, Any]], rule: Mapping[str, Any]) -> float:
    def of(name: str) -> list[float]:
        return [float(Decimal(day[name])) for day in days if day[name] is not None]

    return scale.top_of(
        of("value"),
        [float(Decimal(limit)) for limit in rule["thresholds"].values()],
        of("high"),
        most=100.0 if rule["unit"] == PERCENT else None,
    )


def _room_for(ticks: Sequence[float]) -> int:
    """Return how many px the numbers of the scale need beside the plot."""
    return max([LEFT_PX, *(wide(scale.written(tick)) + AXIS_GAP_PX + 2 for tick in ticks)])


def _marks(
    series: Mapping[str, Any],
    days: Sequence[Mapping[str, Any]],
    *,
    top: float,
    across: Spec,
    upward: Spec,
) -> list[Spec]:
    points = _points(days)
    worst = [point for point in points if point["day"] in series["worst"]]
    out = [_box(index) for index, day in enumerate(days) if day["excluded"] == "yes"]
    dark = [_box(index) for index, day in enumerate(days) if _dark(day)]
    boxes = {"x": {"field": "from", **across}, "x2": {"field": "to"}}
    band = {**boxes, "y": {"field": "low", **upward}, "y2": {"field": "high"}}
    place = {"x": {"field": "index", **across}, "y": {"field": "value", **upward}}
    bounded, unbounded = _bands(days, top)
    return [
        layer(out, {"type": "rect", "color": SHADE}, {**boxes, "y": {"value": 0}, "y2": {"value": PLOT_PX}}),
        layer(bounded, {"type": "rect", "color": BAND}, band),
        layer(unbounded, {"type": "rect", "color": BAND, "opacity": 0.45}, band),
        layer(
            points,
            {"type": "line", "color": BLUE, "strokeWidth": 1.6, "interpolate": "linear"},
            {**place, "detail": {"field": "run", "type": "nominal"}},
        ),
        layer(points, {"type": "point", "color": BLUE, "filled": True, "size": 12, "opacity": 1}, place),
        layer(
            worst,
            {
                "type": "point",
                "color": VERMILION,
                "filled": False,
                "size": 70,
                "strokeWidth": 1.6,
                "opacity": 1,
            },
            place,
        ),
        layer(
            dark,
            {"type": "rect", "color": VERMILION},
            {**boxes, "y": {"value": PLOT_PX - STRIP_PX}, "y2": {"value": PLOT_PX}},
        ),
    ]


def _box(index: int) -> Spec:
    return {"from": index - 0.5, "to": index + 0.5}


def _points(days: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the days that have a value; ``run`` changes at every gap, so that no line crosses one."""
    found = []
    run = 0
    for index, day in enumerate(days):
        if day["value"] is None:
            run += 1
        else:
            found.append(
                {"index": index, "day": day["day"], "value": float(Decimal(day["value"])), "run": run}
            )
    return found


def _bands(days: Sequence[Mapping[str, Any]], top: float) -> tuple[list[Spec], list[Spec]]:
    """Return the boxes from low to high, and those of days whose high end is not known."""
    bounded, unbounded = [], []
    for index, day in enumerate(days):
        if day["low"] is None:
            continue
        low = float(Decimal(day["low"]))
        if day["high"] is None:
            unbounded.append({**_box(index), "low": low, "high": top})
        else:
            bounded.append({**_box(index), "low": low, "high": min(top, float(Decimal(day["high"])))})
    return bounded, unbounded


def _day_names(days: Sequence[Mapping[str, Any]], across: Spec) -> Spec:
    """Return the layer of the names below the days: every day of one month, else every tenth."""
    one = len(days) <= MONTH_DAYS
    rows = [
        {"index": index, "words": day.get("name") or (str(int(day["day"][8:])) if one else day["day"][5:])}
        for index, day in enumerate(days)
        if one or day["day"][8:] in ("01", "11", "21")
    ]
    return layer(
        rows,
        {"type": "text", "fontSize": SMALL_PX, "color": QUIET, "baseline": "top"},
        {
            "x": {"field": "index", **across},
            "y": {"value": PLOT_PX + 7},
            "text": {"field": "words", "type": "nominal"},
        },
    )


def _title(rule: Mapping[str, Any], text: Mapping[str, str], series: Mapping[str, Any], language: str) -> str:
    unit = text.get(f"unit_{rule['unit']}", rule["unit"])
    days = series["days"]
    first, last = (days[0]["day"][:7], days[-1]["day"][:7]) if days else ("", "")
    period = series.get("period") or (first if first == last else f"{first} – {last}")
    return f"{shortened(legible(picked(rule, 'name', language)), NAME_PX)} ({unit})  {period}"


def _entries(series: Mapping[str, Any], text: Mapping[str, str]) -> list[Entry]:
    """Return the legend of what this row of days shows."""
    days = series["days"]
    hours = "period" in series
    found = [
        Entry(text["hourly" if hours else "daily"], BLUE, height_px=2),
        Entry(text["hour_bounds" if hours else "bounds"], BAND),
    ]
    if {day["day"] for day in days} & set(series["worst"]):
        found.append(Entry(text["worst"], "#ffffff", VERMILION))
    if any(day["excluded"] == "yes" for day in days):
        found.append(Entry(text["excluded"], SHADE))
    if any(_dark(day) for day in days):
        found.append(Entry(text["no_data"], VERMILION, height_px=STRIP_PX))
    return found


def _dark(day: Mapping[str, Any]) -> bool:
    return day["value"] is None and day["excluded"] != "yes"
