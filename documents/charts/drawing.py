"""What all charts share: colours, type, and the one function that draws.

The colours keep apart in print without colour and for colour-blind readers: blue in three lightnesses
for what was seen, vermilion only for what was not (Okabe and Ito's set), grey for what does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from documents.display import legible
from documents.errors import RenderError

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
VERSION = "5.20"
"""Version of Vega-Lite that draws: fixed, so that the same figures give the same picture."""
INK = "#1d2733"
QUIET = "#5c6a78"
FAINT = "#d9dfe5"
BLUE = "#0b4f8a"
BAND = "#a9cbe8"
VERMILION = "#b8430a"
SHADE = "#e4e6e9"
FONT = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, sans-serif"
"""Families that a drawing asks for, the first that the reader has."""
TEXT_PX = 11
SMALL_PX = 10

SWATCH_PX = 12

Spec = dict[str, Any]
FREE: Spec = {"type": "quantitative", "scale": None, "axis": None}
"""How a field is placed that already is a place in px."""


@dataclass(frozen=True)
class Entry:
    """One entry of a legend: words with or without a swatch of so many px in height."""

    words: str
    fill: str = ""
    stroke: str = "transparent"
    height_px: int = 10


def chart(width: int, height: int, *, padding: dict[str, int], layers: list[Spec]) -> Spec:
    """Return a specification of layers over one plot of exactly this size in px.

    The padding is given, not measured: the layout does not depend on the fonts of the machine.
    """
    return {
        "$schema": SCHEMA,
        "width": width,
        "height": height,
        "padding": padding,
        "autosize": {"type": "none"},
        "background": "white",
        "layer": layers,
    }


def layer(rows: Sequence[Mapping[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    """Return one layer: its rows, the mark that draws them, and where their fields go."""
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}


def texts(
    rows: Sequence[Spec],
    *,
    align: str = "left",
    baseline: str = "middle",
    bold: bool = False,
    size_px: int = TEXT_PX,
) -> Spec:
    """Return a layer of texts at fixed places in px: rows of x, y, words and, if not ``QUIET``, ink.

    The words are data, never an expression.
    """
    return {
        "data": {"values": [{"ink": QUIET, **row} for row in rows]},
        "mark": {
            "type": "text",
            "align": align,
            "baseline": baseline,
            "fontSize": size_px,
            "fontWeight": "bold" if bold else "normal",
        },
        "encoding": {
            "x": {"field": "x", **FREE},
            "y": {"field": "y", **FREE},
            "text": {"field": "words", "type": "nominal"},
            "color": {"field": "ink", "type": "nominal", "scale": None},
        },
    }


def boxes(rows: Sequence[Spec]) -> Spec:
    """Return a layer of boxes at fixed places in px: rows of left, right, top, bottom, fill, stroke."""
    return {
        "data": {"values": [{"stroke": "transparent", **row} for row in rows]},
        "mark": {"type": "rect", "strokeWidth": 0.8},
        "encoding": {
            "x": {"field": "left", **FREE},
            "x2": {"field": "right"},
            "y": {"field": "top", **FREE},
            "y2": {"field": "bottom"},
            "fill": {"field": "fill", "type": "nominal", "scale": None},
            "stroke": {"field": "stroke", "type": "nominal", "scale": None},
        },
    }


def legend(entries: Sequence[Entry], x_px: int, y_px: int) -> list[Spec]:
    """Return the layers of a legend in one line: swatches with their words."""
    swatches, names = [], []
    x = x_px
    for entry in entries:
        if entry.fill:
            half = entry.height_px // 2
            box = {
                "left": x,
                "right": x + SWATCH_PX,
                "top": y_px - half,
                "bottom": y_px - half + entry.height_px,
            }
            swatches.append({**box, "fill": entry.fill, "stroke": entry.stroke})
            x += SWATCH_PX + 5
        names.append({"x": x, "y": y_px, "words": entry.words})
        x += wide(entry.words) + TEXT_PX + 5
    return [boxes(swatches), texts(names)]


def wide(words: str) -> int:
    """Return about how many px a text needs at ``TEXT_PX``: a full square for a Chinese character."""
    return sum(TEXT_PX if ord(character) > 0x2E80 else 6 for character in words)  # noqa: PLR2004 - first CJK


def shortened(words: str, room_px: int) -> str:
    """Return a text that fits, its end cut off where it does not; the tables have all of it."""
    if wide(words) <= room_px:
        return words
    kept = words
    while kept and wide(kept) > room_px - TEXT_PX:
        kept = kept[:-1]
    return f"{kept}…"


def render(spec: Spec) -> str:
    """Return the SVG of a Vega-Lite specification whose data stand inside it; no network, no browser.

    Raises:
        RenderError: the specification cannot be drawn.
    """
    style = {
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": SMALL_PX,
            "labelColor": QUIET,
            "domainColor": QUIET,
            "tickColor": QUIET,
            "gridColor": FAINT,
        },
    }
    # Its engine starts threads and takes memory, which who only makes specifications does without.
    import vl_convert  # noqa: PLC0415 - see above

    try:
        svg = vl_convert.vegalite_to_svg(
            json.dumps(_legible(spec), ensure_ascii=False),
            vl_version=VERSION,
            config=style,
            allowed_base_urls=[],
        )
    except ValueError as error:
        raise RenderError(f"a chart cannot be drawn: {error}") from error
    return str(svg)


def _legible(value: Any) -> Any:
    """Return a specification whose texts are fit for XML: the renderer ends the process on others."""
    if isinstance(value, dict):
        return {name: _legible(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_legible(item) for item in value]
    return legible(value) if isinstance(value, str) else value
