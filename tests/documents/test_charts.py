"""The specifications of the charts, and that what is drawn says what they say."""

from __future__ import annotations

import re
import socket

import pytest
from lxml import etree
from report_sample import DARK_DAY, large, report

from documents.charts import coverage_calendar, coverage_calendars, daily_chart, daily_charts, render, scale
from documents.charts.coverage import kind_of
from documents.charts.daily import AXIS_GAP_PX, LEFT_PX, PLOT_PX, TOTAL_PX
from documents.charts.drawing import BAND, BLUE, SHADE, VERMILION, shortened, wide
from documents.charts.words import TABLES
from documents.errors import RenderError

STARS = [
    {"id": "3", "name_zh": "三星", "name_en": "three stars"},
    {"id": "4", "name_zh": "四星", "name_en": "four stars"},
    {"id": "5", "name_zh": "五星", "name_en": "five stars"},
]
RULE = {"name_zh": "CPU", "name_en": "cpu", "unit": "%", "thresholds": {"3": "5", "4": "10", "5": "25"}}


def day(number: int, value: str | None = None, *, low=None, high=None, excluded="no"):
    return {
        "day": f"2026-11-{number:02}",
        "value": value,
        "low": low or value,
        "high": high,
        "share": None,
        "excluded": excluded,
    }


def rows(spec, mark: str, color: str | None = None):
    return [
        row
        for layer in spec["layer"]
        if layer["mark"]["type"] == mark and (color is None or layer["mark"].get("color") == color)
        for row in layer["data"]["values"]
    ]


def words(svg: str) -> list[str]:
    return etree.fromstring(svg.encode()).xpath("//*[local-name()='text']/text()")


def test_a_day_without_data_is_a_gap_and_never_zero():
    series = {"days": [day(1, "8"), day(2), day(3, "9", high="9")], "worst": []}
    spec = daily_chart(series, RULE, stars=STARS)
    points = rows(spec, "line")
    assert [(point["index"], point["value"]) for point in points] == [(0, 8.0), (2, 9.0)]
    assert points[0]["run"] != points[1]["run"], "the line would cross the gap"
    assert rows(spec, "rect", VERMILION) == [{"from": 0.5, "to": 1.5}]


def test_an_excluded_day_is_shaded_and_is_not_called_without_data():
    series = {"days": [day(1, "8"), day(2, excluded="yes")], "worst": []}
    spec = daily_chart(series, RULE, stars=STARS)
    assert rows(spec, "rect", SHADE) == [{"from": 0.5, "to": 1.5}]
    assert rows(spec, "rect", VERMILION) == []


def test_every_threshold_has_a_line_and_a_name():
    series = {"days": [day(1, "8", high="9")], "worst": []}
    spec = daily_chart(series, RULE, stars=STARS)
    limits = [row["limit"] for row in rows(spec, "rule") if "limit" in row]
    assert limits == [5.0, 10.0, 25.0]
    assert {"三星 5", "四星 10", "五星 25"} <= set(words(render(spec)))


def test_stars_with_the_same_threshold_share_a_name():
    rule = {**RULE, "thresholds": {"3": "30", "4": "30", "5": "30.0"}}
    series = {"days": [day(1, "8")], "worst": []}
    assert "三星、四星、五星 30" in words(render(daily_chart(series, rule, stars=STARS)))
    assert "3/4/5 stars 30" in words(render(daily_chart(series, rule, stars=STARS, language="en")))


def test_a_star_without_a_name_is_called_by_its_number():
    series = {"days": [day(1, "8")], "worst": []}
    assert "4★ 10" in words(render(daily_chart(series, {**RULE, "thresholds": {"4": "10"}})))


def test_an_unbounded_day_reaches_the_frame_fainter_than_a_bounded_one():
    series = {"days": [day(1, "8", low="6"), day(2, "8", low="7", high="9")], "worst": []}
    spec = daily_chart(series, RULE, stars=STARS, top=40)
    boxes = rows(spec, "rect", BAND)
    assert {(box["low"], box["high"]) for box in boxes} == {(6.0, 40), (7.0, 9.0)}
    opacities = [
        layer["mark"].get("opacity", 1) for layer in spec["layer"] if layer["mark"].get("color") == BAND
    ]
    assert opacities == [1, 0.45]


def test_a_high_end_far_above_all_else_is_cut_at_the_frame():
    series = {"days": [day(1, "8", low="7", high="100")], "worst": []}
    spec = daily_chart(series, {**RULE, "thresholds": {"3": "5"}}, stars=STARS)
    (box,) = rows(spec, "rect", BAND)
    assert box["high"] < 20


def test_the_worst_days_are_ringed():
    series = {"days": [day(1, "8"), day(2, "4")], "worst": ["2026-11-02"]}
    ringed = [
        row
        for layer in daily_chart(series, RULE, stars=STARS)["layer"]
        if layer["mark"].get("filled") is False
        for row in layer["data"]["values"]
    ]
    assert [row["day"] for row in ringed] == ["2026-11-02"]


def test_a_chart_of_nothing_is_drawn_empty():
    spec = daily_chart({"days": [], "worst": []}, {**RULE, "thresholds": {}})
    assert rows(spec, "line") == []
    etree.fromstring(render(spec).encode())


def test_up_to_three_months_are_one_row_and_a_year_is_four():
    document = large(2)
    rule = document["figures"]["indicators"][2]
    specs = daily_charts(document["series"][0], rule, stars=STARS)
    assert len(specs) == 4
    tops = {
        layer["encoding"]["y"]["scale"]["domain"][1]
        for spec in specs
        for layer in spec["layer"]
        if layer["mark"].get("color") == BLUE
    }
    assert len(tops) == 1, "all rows must have the same scale"
    drawn = [len(rows(spec, "line")) for spec in specs]
    assert sum(drawn) == sum(day["value"] is not None for day in document["series"][0]["days"])
    first = words(render(specs[0]))
    assert "01-01" in first
    assert "03-21" in first
    one = report(months=("2026-09", "2026-10", "2026-11"))
    assert len(daily_charts(one["series"][0], rule)) == 1


def test_all_charts_have_the_same_width():
    document = report()
    rule = document["figures"]["indicators"][4]
    for spec in (
        daily_chart(document["series"][2], rule, stars=STARS),
        coverage_calendar(document["calendar"]),
    ):
        assert spec["width"] + spec["padding"]["left"] + spec["padding"]["right"] == TOTAL_PX


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_chart_speaks_one_language(language):
    document = report()
    rule = document["figures"]["indicators"][2]
    drawn = words(render(daily_chart(document["series"][0], rule, stars=STARS, language=language)))
    assert any(TABLES[language]["daily"] == text for text in drawn)
    title = rule["name_zh" if language == "zh-CN" else "name_en"]
    assert any(text.startswith(title) for text in drawn)
    if language == "en":
        assert not any(re.search(r"[\u4e00-\u9fff]", text) for text in drawn)


def test_an_unknown_language_is_refused():
    with pytest.raises(RenderError, match="write zh-CN or en"):
        coverage_calendar([], language="fr")


def test_the_languages_of_the_charts_have_the_same_words():
    assert set(TABLES["zh-CN"]) == set(TABLES["en"])


def parts(**seconds):
    base = {
        "day": "2026-11-01",
        "observed_s": 0,
        "bridged_s": 0,
        "downtime_s": 0,
        "excluded_s": 0,
        "missing_s": 0,
    }
    return {**base, "share": None, "suspect_s": 0, "restarts": 0, **seconds}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (parts(observed_s=86_400, share="1"), "complete"),
        (parts(observed_s=85_536, missing_s=864, share="0.99"), "complete"),
        (parts(observed_s=80_000, missing_s=6_400, share="0.9259"), "most"),
        (parts(observed_s=40_000, missing_s=46_400, share="0.46"), "part"),
        (parts(missing_s=86_400, share="0"), "none"),
        (parts(), "none"),
        (parts(downtime_s=86_400), "downtime"),
        (parts(downtime_s=60_000, observed_s=26_400, share="1"), "downtime"),
        (parts(downtime_s=43_200, observed_s=43_200, share="1"), "complete"),
        (parts(excluded_s=86_400), "out"),
    ],
)
def test_a_day_of_a_host_falls_in_one_class(given, kind):
    assert kind_of(given) == kind


def test_the_calendar_draws_every_day_of_every_host():
    document = report()
    spec = coverage_calendar(document["calendar"])
    boxes = spec["layer"][0]["data"]["values"]
    assert len(boxes) == 4 * 30
    assert len({(box["left"], box["top"]) for box in boxes}) == 4 * 30
    drawn = words(render(spec))
    for host in document["calendar"]:
        assert host["host"] in drawn
    assert drawn.count("–") == 2 + 1 + 28, "three hosts on the dark day, the silent one on all that count"
    assert drawn.count("×") == 4 * 2
    assert drawn.count("?") == 1


def test_a_restart_is_marked_on_a_day_that_is_otherwise_complete():
    calendar = [{"host": "a", "days": [parts(observed_s=86_400, share="1", restarts=2)]}]
    assert words(render(coverage_calendar(calendar))).count("•") == 1


def test_fifty_hosts_take_two_pages_a_month_and_every_host_stands_on_one():
    specs = coverage_calendars(large()["calendar"])
    assert len(specs) == 12 * 2
    assert max(spec["height"] for spec in specs) < 500
    named = [row["words"] for spec in specs[:2] for row in spec["layer"][2]["data"]["values"]]
    assert len(set(named)) == 50
    assert "主机 26–50 / 50" in specs[1]["layer"][4]["data"]["values"][0]["words"]


def test_the_dark_day_has_no_value_anywhere_in_the_sample():
    document = report()
    assert all(
        row["value"] is None
        for series in document["series"]
        for row in series["days"]
        if row["day"] == DARK_DAY
    )


def test_a_long_name_is_shortened_and_a_short_one_is_not():
    assert shortened("web-1", 132) == "web-1"
    cut = shortened("w" * 100, 132)
    assert cut.endswith("…")
    assert wide(cut) <= 132
    assert wide(shortened("主" * 100, 132)) <= 132


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a\x07\x00b", "\ufffe\uffff", '" onload="x', "datum.x]]>"]
)
def test_a_hostile_name_is_drawn_as_text(name):
    calendar = [{"host": name, "days": [parts(observed_s=86_400, share="1")]}]
    root = etree.fromstring(render(coverage_calendar(calendar)).encode())
    assert not root.xpath("//*[local-name()='script']")
    assert not root.xpath("//@onload")


def test_the_same_figures_give_the_same_picture():
    document = report()
    rule = document["figures"]["indicators"][2]
    spec = daily_chart(document["series"][0], rule, stars=STARS)
    assert render(spec) == render(daily_chart(report()["series"][0], rule, stars=STARS))


def test_what_cannot_be_drawn_is_an_error_of_ours():
    with pytest.raises(RenderError, match="cannot be drawn"):
        render({"mark": "no such mark"})


def test_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    spec = {"data": {"url": "https://example.org/data.json"}, "mark": "point", "encoding": {}}
    try:
        svg = render(spec)
    except RenderError:
        return
    assert "example.org" not in svg


@pytest.mark.parametrize(
    ("values", "top"),
    [([8.0, 25.0], 30.0), ([0.04], 0.05), ([50_000.0], 60_000.0), ([], 1.0), ([0.0], 1.0), ([100.0], 125.0)],
)
def test_the_scale_ends_above_the_tallest_at_a_round_number(values, top):
    assert scale.top_of(values, [], []) == pytest.approx(top)
    marks = scale.ticks(top)
    assert marks[0] == 0
    assert marks[-1] == pytest.approx(top)
    assert 3 <= len(marks) <= 7


def test_high_ends_stretch_the_scale_only_within_reach():
    assert scale.top_of([10.0], [], [18.0]) >= 18
    assert scale.top_of([10.0], [], [100.0]) < 20


def test_labels_are_kept_apart_and_above_the_floor():
    placed = scale.spread([149.9, 149.0, 60.0], gap_px=13, lowest_px=PLOT_PX - 2)
    assert placed == [148, 135, 60.0]


def test_the_plot_begins_where_the_longest_number_of_the_scale_ends():
    few, many = (_daily_top(top) for top in ("50", "10000000"))
    assert few["padding"]["left"] == LEFT_PX
    assert many["padding"]["left"] >= wide("10,000,000") + AXIS_GAP_PX
    assert few["width"] + few["padding"]["left"] == many["width"] + many["padding"]["left"]


def _daily_top(value):
    day = {"day": "2026-11-01", "value": value, "low": value, "high": value, "excluded": "no"}
    rule = {"unit": "次/day", "thresholds": {}, "name_zh": "读写", "name_en": "reads"}
    return daily_chart({"days": [day], "worst": []}, rule)


def test_a_scale_of_percent_ends_at_a_hundred_unless_something_lies_above():
    assert scale.top_of([97.0], [20.0], [100.0], most=100.0) == 100.0
    assert scale.top_of([97.0], [20.0], [100.0]) > 100.0
    assert scale.top_of([130.0], [20.0], [], most=100.0) > 130.0
    assert scale.top_of([30.0], [20.0], [], most=100.0) < 100.0
