"""Draws the charts' specifications for pages: plain SVG from Python alone, themed by the page's style sheet.

``render`` draws with Vega, whose engine makes code while it runs: that takes hundreds of milliseconds, and a
service that may not do so (systemd's MemoryDenyWriteExecute) would be ended by it. The specifications here use
a small part of Vega-Lite: rectangles, rules, lines, points and texts at given places or on linear scales. What
is not of that part is refused, so a chart cannot silently lack something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from documents.charts.drawing import FAINT, QUIET, SMALL_PX, TEXT_PX, Spec
from documents.charts.scale import written
from documents.display import legible
from documents.errors import RenderError

LABEL_GAP_PX = 6
POINT_AREA = 3.141592653589793
ANCHORS: Mapping[str, str] = {"left": "start", "center": "middle", "right": "end"}
BASELINES: Mapping[str, str] = {"middle": "central", "top": "hanging", "bottom": "auto"}

Row = Mapping[str, Any]


def draw(spec: Spec, *, label: str) -> str:
    """Return the SVG element of a chart's specification, without any style inside.

    Args:
        spec: what ``daily_chart`` or ``coverage_calendar`` returned.
        label: what a screen reader says instead of the picture.

    Raises:
        RenderError: the specification has something that is not drawn here.
    """
    padding = spec["padding"]
    width = spec["width"] + padding["left"] + padding["right"]
    height = spec["height"] + padding["top"] + padding["bottom"]
    inside = "".join([*_axis(spec), *(part for layer in spec["layer"] for part in _layer(layer, spec))])
    return (
        f'<svg class="drawn" role="img" aria-label="{_safe(label)}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><g transform="translate({padding["left"]} {padding["top"]})">'
        f"{inside}</g></svg>"
    )


def _axis(spec: Spec) -> Iterator[str]:
    """Yield the lines and labels of the vertical scale, if there is one."""
    channels = [layer["encoding"].get("y", {}) for layer in spec["layer"]]
    axis = next((one for one in channels if one.get("axis")), None)
    if axis is None:
        return
    place = _scale(axis, spec["height"], 0)
    for tick in axis["axis"]["values"]:
        at = _px(place(tick))
        yield f'<line x1="0" x2="{spec["width"]}" y1="{at}" y2="{at}" stroke="{FAINT}"/>'
        yield (
            f'<text x="-{LABEL_GAP_PX}" y="{at}" font-size="{SMALL_PX}" fill="{QUIET}" text-anchor="end" '
            f'dominant-baseline="central">{written(tick)}</text>'
        )


def _layer(layer: Spec, spec: Spec) -> Iterator[str]:
    mark, encoding, rows = layer["mark"], layer["encoding"], layer["data"]["values"]
    kind = mark["type"]
    if kind == "line":
        yield from _lines(rows, mark, encoding, spec)
        return
    if kind not in _MARKS:
        raise RenderError(f"a mark of the kind {kind!r} is not drawn here; draw it with render")
    for row in rows:
        yield _MARKS[kind](row, mark, encoding, spec)


def _rect(row: Row, mark: Spec, encoding: Spec, spec: Spec) -> str:
    left, right = sorted((_at("x", row, encoding, spec), _at("x2", row, encoding, spec)))
    top, bottom = sorted((_at("y", row, encoding, spec), _at("y2", row, encoding, spec)))
    fill = _color("fill", row, mark, encoding)
    stroke = row.get(encoding["stroke"]["field"]) if "stroke" in encoding else None
    edge = (
        f' stroke="{stroke}" stroke-width="{mark["strokeWidth"]}"'
        if stroke not in (None, "transparent")
        else ""
    )
    return (
        f'<rect x="{_px(left)}" y="{_px(top)}" width="{_px(right - left)}" height="{_px(bottom - top)}" '
        f'fill="{fill}"{edge}{_opacity(mark)}/>'
    )


def _rule(row: Row, mark: Spec, encoding: Spec, spec: Spec) -> str:
    y = _at("y", row, encoding, spec)
    y2 = _at("y2", row, encoding, spec) if "y2" in encoding else y
    dash = f' stroke-dasharray="{" ".join(map(str, mark["strokeDash"]))}"' if "strokeDash" in mark else ""
    return (
        f'<line x1="{_px(_at("x", row, encoding, spec))}" x2="{_px(_at("x2", row, encoding, spec))}" '
        f'y1="{_px(y)}" y2="{_px(y2)}" stroke="{mark["color"]}" stroke-width="{mark["strokeWidth"]}"{dash}/>'
    )


def _point(row: Row, mark: Spec, encoding: Spec, spec: Spec) -> str:
    x, y = _at("x", row, encoding, spec), _at("y", row, encoding, spec)
    radius = (mark["size"] / POINT_AREA) ** 0.5
    if mark["filled"]:
        paint = f'fill="{mark["color"]}"'
    else:
        paint = f'fill="none" stroke="{mark["color"]}" stroke-width="{mark["strokeWidth"]}"'
    return f'<circle cx="{_px(x)}" cy="{_px(y)}" r="{_px(radius)}" {paint}/>'


def _text(row: Row, mark: Spec, encoding: Spec, spec: Spec) -> str:
    x, y = _at("x", row, encoding, spec), _at("y", row, encoding, spec)
    weight = ' font-weight="bold"' if mark.get("fontWeight") == "bold" else ""
    return (
        f'<text x="{_px(x)}" y="{_px(y)}" font-size="{mark.get("fontSize", TEXT_PX)}"{weight} '
        f'fill="{_color("color", row, mark, encoding)}" text-anchor="{ANCHORS[mark.get("align", "center")]}" '
        f'dominant-baseline="{BASELINES[mark["baseline"]]}">{_safe(str(row[encoding["text"]["field"]]))}</text>'
    )


_MARKS: Mapping[str, Callable[[Row, Spec, Spec, Spec], str]] = {
    "rect": _rect,
    "rule": _rule,
    "point": _point,
    "text": _text,
}


def _lines(rows: Sequence[Row], mark: Spec, encoding: Spec, spec: Spec) -> Iterator[str]:
    """Yield one line a run: none crosses a gap."""
    runs: dict[object, list[str]] = {}
    for row in rows:
        place = f"{_px(_at('x', row, encoding, spec))},{_px(_at('y', row, encoding, spec))}"
        runs.setdefault(row[encoding["detail"]["field"]], []).append(place)
    for places in runs.values():
        yield (
            f'<polyline points="{" ".join(places)}" fill="none" stroke="{mark["color"]}" '
            f'stroke-width="{mark["strokeWidth"]}"/>'
        )


def _at(name: str, row: Row, encoding: Spec, spec: Spec) -> float:
    """Return the place of a channel in px; ``x2`` and ``y2`` are on the scale of ``x`` and ``y``."""
    channel = encoding[name]
    if "value" in channel:
        return float(channel["value"])
    main = encoding[name[0]]
    ends = (0, spec["width"]) if name[0] == "x" else (spec["height"], 0)
    if "scale" not in main:
        raise RenderError(f"the channel {name} has no scale; draw it with render")
    return _scale(main, *ends)(row[channel["field"]])


def _scale(channel: Spec, start_px: float, end_px: float) -> Callable[[float], float]:
    """Return the linear scale of a channel; without one a field is a place in px."""
    if channel["scale"] is None:
        return float
    low, high = channel["scale"]["domain"]
    return lambda value: start_px + (float(value) - low) / (high - low) * (end_px - start_px)


def _color(name: str, row: Row, mark: Spec, encoding: Spec) -> str:
    return _safe(str(row[encoding[name]["field"]] if name in encoding else mark["color"]))


def _opacity(mark: Spec) -> str:
    return f' opacity="{mark["opacity"]}"' if mark.get("opacity", 1) != 1 else ""


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _safe(text: str) -> str:
    return escape(legible(text))
