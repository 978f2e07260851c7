"""The list of hosts: states, search, filter, sort, pages; and a host whose name is a script."""

from __future__ import annotations

from dataclasses import replace

import pytest
from console_examples import MONTH
from console_world import NOW

from collector.store.standing import Newest, Standing
from console.access.roles import Role
from console.reading.fleet import (
    BEHIND_MS,
    PAGE_ROWS,
    QUIET_SOURCE_MS,
    SILENT_AFTER_MS,
    HostRow,
    State,
    Wanted,
    listed,
    state_of,
)

ROW = HostRow(1, "web-1", State.REPORTING, ("agent",), "0.1.0", NOW, "8.5", "0.99", 0, declared=True)
MINUTE = 60_000


def _host(sources=("agent",), *, ended=MINUTE, received=MINUTE, length=10 * MINUTE):
    newest = Newest(sources[0], NOW - ended - length, NOW - ended, NOW - received, None)
    return Standing(1, "web-1", dict.fromkeys(sources, "0.1.0"), newest)


@pytest.mark.parametrize(
    ("host", "state"),
    [
        (_host(), State.REPORTING),
        (_host(received=SILENT_AFTER_MS + 1), State.SILENT),
        (_host(received=SILENT_AFTER_MS + 1, length=60 * MINUTE), State.REPORTING),
        (_host(ended=BEHIND_MS + 1), State.BEHIND),
        (_host(("import",), ended=90 * 86_400_000, received=90 * 86_400_000), State.IMPORTED),
        (_host(("aliyun",), ended=QUIET_SOURCE_MS), State.REPORTING),
        (_host(("aliyun",), ended=QUIET_SOURCE_MS + 1), State.SILENT),
        (replace(_host(), newest=None), State.NEVER),
    ],
)
def test_a_hosts_state_follows_from_its_newest_chunk(host, state):
    assert state_of(host, NOW) is state


def test_hosts_without_a_value_come_last_whichever_way_is_sorted():
    rows = [replace(ROW, name=name, cpu=cpu) for name, cpu in (("a", "9"), ("b", None), ("c", "10"))]
    up = listed(rows, Wanted(sort="cpu"))
    down = listed(rows, Wanted(sort="cpu", descending=True))
    assert [row.name for row in up.rows] == ["a", "c", "b"]
    assert [row.name for row in down.rows] == ["c", "a", "b"]


def test_the_list_is_searched_filtered_and_cut_into_pages():
    rows = [replace(ROW, name=f"Web-{number:05}") for number in range(10_000)]
    rows.append(replace(ROW, name="db-1", state=State.SILENT, sources=("import",)))
    assert listed(rows, Wanted(text="wEB-0999")).count == 10
    assert [row.name for row in listed(rows, Wanted(state="silent")).rows] == ["db-1"]
    assert listed(rows, Wanted(source="import")).count == 1
    last = listed(rows, Wanted(page=999_999))
    assert (last.page, last.pages, len(last.rows)) == (201, 201, 1)
    assert len(listed(rows, Wanted(page=2)).rows) == PAGE_ROWS
    assert listed(rows, Wanted()).states[State.SILENT] == 1


def test_a_host_whose_name_is_a_script_is_shown_and_never_run(signed_in):
    browser = signed_in(Role.VIEWER)
    for path in (f"/hosts?month={MONTH}", f"/hosts?month={MONTH}&q=%3Cscript%3E", f"/?month={MONTH}"):
        text = browser.get(path).text
        assert "<script>alert" not in text
    listing = browser.get(f"/hosts?month={MONTH}&q=%3Cscript%3Ealert").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in listing
    page = listing.partition('href="/hosts/')[2].partition('"')[0]
    assert "&lt;script&gt;alert(1)" in browser.get(f"/hosts/{page}").text


def test_what_stands_in_the_query_is_escaped_and_bounded(signed_in):
    text = (
        signed_in(Role.VIEWER)
        .get(
            "/hosts",
            params={"q": '"><script>1</script>' + "x" * 5_000, "state": "<b>", "sort": "<i>", "page": "-1"},
        )
        .text
    )
    assert "<script>1" not in text
    assert "<b>" not in text.partition("<main")[2].partition("星证")[0]
    assert "x" * 200 not in text


def test_a_hosts_page_shows_its_figures_days_and_charts(signed_in):
    browser = signed_in(Role.VIEWER)
    listing = browser.get(f"/hosts?month={MONTH}&q=web-1").text
    number = listing.partition('href="/hosts/')[2].partition("?")[0]
    text = browser.get(f"/hosts/{number}?month={MONTH}").text
    assert "10.39 %" in text
    assert text.count('<th scope="row" class="day">') == 31
    assert text.count('<svg class="drawn"') == 3
    assert text.count("<polyline") >= 3


def test_hosts_outside_the_scope_are_told_apart_and_declared_ones_without_data_are_listed(signed_in):
    text = signed_in(Role.VIEWER).get(f"/hosts?month={MONTH}").text
    assert text.count("不在申报范围") == 1
