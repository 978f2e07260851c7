"""The pages of one figure and of coverage over the example month."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from console_examples import MONTH

from console.access.roles import Role
from console.reading.shares import host_parts, page_of
from verifier.errors import VerifierError

COVER = {"coverage": {"share": "1"}, "source": "agent", "low": "1", "high": "1"}


def _hosts(*values, capacities=None):
    capacities = capacities or [None] * len(values)
    return [
        {"host": f"h{n}", "value": value, "capacity_bps": capacity, **COVER}
        for n, (value, capacity) in enumerate(zip(values, capacities, strict=True))
    ]


def _exact(part):
    return None if part.part is None else Fraction(part.part)


def test_parts_add_up_to_the_whole_and_a_host_without_a_value_has_none():
    parts = host_parts({"aggregation": "mean_over_hosts", "hosts": _hosts("10", "30", None)}, {"h0": 7})
    assert [_exact(part) for part in parts] == [Fraction(1, 4), Fraction(3, 4), None]
    assert [part.id for part in parts] == [7, None, None]
    weighted = {
        "aggregation": "capacity_weighted",
        "hosts": _hosts("10", "10", "5", capacities=["1", "3", None]),
    }
    assert [_exact(part) for part in host_parts(weighted, {})] == [Fraction(1, 4), Fraction(3, 4), None]


def test_no_part_is_made_of_nothing():
    parts = host_parts({"aggregation": "sum_over_hosts", "hosts": _hosts("0", "0")}, {})
    assert [part.part for part in parts] == [None, None]


def test_ten_thousand_hosts_are_cut_into_pages_those_without_a_number_last():
    parts = host_parts(
        {"aggregation": "sum_over_hosts", "hosts": _hosts(*map(str, range(1, 10_001)), None)}, {}
    )
    first = page_of(parts)
    assert (first.pages, first.count, first.rows[0].value) == (201, 10_001, "10000")
    last = page_of(parts, page=999_999)
    assert [row.value for row in last.rows] == [None]
    assert page_of(parts, text="H99", sort="name").rows[0].host == "h99"
    assert sum(Fraction(part.part) for part in parts if part.part) <= 1


@pytest.mark.parametrize(
    ("figure", "charts", "words"),
    [
        ("cpu_utilization", 1, ("cpu.busy/1", "20.60", "全部申报主机的算术平均", "观测")),
        ("bandwidth_utilization", 1, ("按带宽容量加权平均", "Mbit/s")),
        ("cloud_investment", 0, ("不按天计量", "取自台账")),
    ],
)
def test_a_figures_page_says_what_it_is_and_shows_its_days_and_hosts(signed_in, figure, charts, words):
    text = signed_in(Role.VIEWER).get(f"/figures/{figure}?month={MONTH}").text
    assert text.count('<svg class="drawn"') == charts
    for word in words:
        assert word in text
    if charts:
        assert text.count('<th scope="row" class="day"><a href="/coverage/') == 3
        hosts = re.findall(r'<th scope="row"><span><a href="/hosts/\d+\?month=', text)
        assert len(hosts) == 6


def test_the_hosts_of_a_figure_are_searched_and_sorted(signed_in):
    browser = signed_in(Role.VIEWER)
    text = browser.get(f"/figures/cpu_utilization?month={MONTH}&q=web&sort=name").text
    assert text.index(">web-1<") < text.index(">web-2<")
    assert ">erp-1<" not in text
    assert "没有符合的主机" in browser.get(f"/figures/cpu_utilization?month={MONTH}&q=nobody").text


def test_what_is_no_figure_day_or_month_is_not_found(signed_in):
    browser = signed_in(Role.VIEWER)
    for path in (
        "/figures/unknown",
        "/figures/%3Cscript%3E",
        "/coverage/2026-13-01",
        "/coverage/2999-01-01",
        "/coverage/nonsense",
        f"/coverage?month={MONTH}-",
        "/figures?month=2000-06",
        "/coverage/2000-06-01",
    ):
        assert browser.get(path).status_code == 404, path


def test_the_calendar_says_in_numbers_and_signs_what_it_says_in_colours(signed_in):
    """Without any colour: a number where something was seen, a sign where nothing was."""
    text = signed_in(Role.VIEWER).get(f"/coverage?month={MONTH}").text
    cells = re.findall(r'<td class="box (\w+)"[^>]*>(?:<a href="/hosts/\d+/2026-10-\d\d">)?([^<]*)', text)
    assert len(cells) == 6 * 31
    for kind, said in cells:
        assert said.rstrip("•").isdigit() if kind in ("complete", "most", "part") else said[0] in "–○×"
    assert text.count('href="/coverage/2026-10-') == 31


def test_a_days_page_lists_all_hosts_and_leads_to_the_day_of_each(signed_in):
    browser = signed_in(Role.VIEWER)
    text = browser.get(f"/coverage/{MONTH}-04").text
    assert len(re.findall(r'href="/hosts/\d+/2026-10-04"', text)) == 6
    assert f"/coverage/{MONTH}-03" in text
    number = re.search(r'href="/hosts/(\d+)/', text)[1]
    assert '<tr id="d04">' in browser.get(f"/hosts/{number}?month={MONTH}").text
    assert "没有符合的主机" in browser.get(f"/coverage/{MONTH}-04?q=nobody").text


def test_the_calendar_is_light(signed_in):
    """25 hosts a page, so that a fleet of any size stays far under the weight of a page."""
    text = signed_in(Role.VIEWER).get(f"/coverage?month={MONTH}").text
    assert len(text) / 6 * 25 < 200_000


def test_an_empty_console_says_what_to_do(administrator):
    assert "还没有主机" in administrator.get("/coverage").text
    assert "日志还是空的" in administrator.get("/evidence").text
    assert administrator.get("/figures").status_code == 200
    assert administrator.get("/figures/cpu_utilization").status_code == 200


@pytest.mark.parametrize("path", ["/figures", "/figures/cpu_utilization", "/coverage"])
def test_evidence_that_contradicts_itself_is_told_and_not_a_fault(console, administrator, monkeypatch, path):
    def broken(*_args, **_more):
        raise VerifierError("the sum of 2026-11-01 <is> impossible")

    monkeypatch.setattr(console.snapshots, "get", broken)
    answer = administrator.get(path)
    assert answer.status_code == 200
    assert "starproof audit" in answer.text
    assert "&lt;is&gt; impossible" in answer.text
    assert administrator.get("/coverage/2026-11-01").status_code == 404
