"""Charts for pages: the same specifications as for paper, drawn without Vega, at the same places."""

from __future__ import annotations

import re

import pytest

from documents.charts import coverage_calendar, daily_chart, draw, render
from documents.errors import RenderError

RULE = {"name_zh": "平均CPU利用率", "name_en": "CPU", "unit": "%", "thresholds": {"3": "5", "4": "10"}}
STARS = [
    {"id": "3", "name_zh": "三星", "name_en": "three"},
    {"id": "4", "name_zh": "四星", "name_en": "four"},
]
DAYS = [
    {
        "day": f"2026-10-{day:02}",
        "value": None if day == 5 else str(day),
        "low": None if day == 5 else f"{day - 1}.5",
        "high": None if day in (5, 9) else str(day + 1),
        "excluded": "yes" if day == 7 else "no",
    }
    for day in range(1, 12)
]
SPEC = daily_chart({"days": DAYS, "worst": ["2026-10-03"]}, RULE, stars=STARS)
HOST = {
    "host": "web-1",
    "days": [
        {"day": f"2026-10-{d:02}", "observed_s": 86_400 - d, "bridged_s": 0, "downtime_s": 0, "excluded_s": 0,
         "missing_s": d, "share": "0.9", "suspect_s": 0, "restarts": 1}
        for d in range(1, 4)
    ],
}  # fmt: skip


def _places(svg, kind):
    return sorted(round(float(x), 1) for x in re.findall(kind, svg))


def test_the_line_runs_where_vega_draws_it_and_crosses_no_gap():
    ours, theirs = draw(SPEC, label="CPU"), render(SPEC)
    mine = [re.findall(r"([\d.]+),([\d.]+)", run) for run in re.findall(r'<polyline points="([^"]+)"', ours)]
    paths = re.findall(r'd="(M[\d.,ML-]+)" stroke="#0b4f8a" stroke-width="1.6"', theirs)
    vega = [re.findall(r"([\d.]+),([\d.]+)", path) for path in paths]
    assert len(mine) == len(vega) == 2
    for run, other in zip(mine, vega, strict=True):
        for place, expected in zip(run, other, strict=True):
            assert [float(p) for p in place] == pytest.approx([float(p) for p in expected], abs=0.05)


def test_every_text_of_the_chart_is_there_and_its_scale():
    ours, theirs = draw(SPEC, label="CPU"), render(SPEC)
    texts = lambda svg: sorted(re.findall(r"<text[^>]*>([^<]+)</text>", svg))  # noqa: E731 - one use
    assert texts(ours) == texts(theirs)


def test_a_calendar_is_drawn_too():
    svg = draw(coverage_calendar([HOST]), label="覆盖率")
    assert svg.count("<rect") >= 3
    assert ">web-1</text>" in svg


def test_names_are_escaped_and_no_style_is_inside():
    rule = {**RULE, "name_zh": "<script>\u202e"}
    svg = draw(daily_chart({"days": DAYS, "worst": []}, rule, stars=STARS), label='"><script>')
    assert "<script>" not in svg
    assert "\u202e" not in svg
    assert "style" not in svg


def test_what_is_not_drawn_here_is_refused():
    layer = SPEC["layer"][0]
    for broken in (
        {**layer, "mark": {"type": "arc"}},
        {**layer, "encoding": {**layer["encoding"], "x": {"field": "from"}}},
    ):
        with pytest.raises(RenderError, match="draw it with render"):
            draw({**SPEC, "layer": [broken]}, label="")
