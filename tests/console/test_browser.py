"""Every page in a real Chromium: both languages, both widths, dark and light; no error, no overflow, axe."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from console_examples import LATER, MONTH, STREAMS, address
from console_world import PASSWORD, axe_script
from packs import LOG_KEY, SCOPED_PACK
from processes import ROOT, environment, starproof_json

from console.pages import TABLE

WIDTHS = (1440, 390, 320)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE_AT = {"light": 1440, "dark": 390}
SHOWN = sorted(
    {
        address(page)
        for page in TABLE
        if page.methods == ("GET",) and page.path not in (*STREAMS, *LATER) and page.is_page
    }
)
PAGES = [path for path in SHOWN if not path.endswith(".svg") and path not in ("/login", "/setup")]
APPEARS_MS = 15_000


@pytest.fixture(scope="module")
def axe():
    return axe_script()


BEYOND = """width => [...document.querySelectorAll('main *, header *')].filter(one =>
  one.getBoundingClientRect().right > width && !one.closest('.scroll, .chart')).slice(-3).map(one => one.outerHTML.slice(0, 160))"""
"""The innermost elements that end beyond a width."""


class Watched:
    """A page whose errors are kept."""

    def __init__(self, context):
        self.page = context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type in ("error", "warning") and self.errors.append(message.text),
        )


def _context(chromium, service, owner, language, **more):
    host = re.sub(r"^http://|:\d+$", "", service.url)
    context = chromium.new_context(storage_state=owner, **more)
    context.add_cookies([{"name": "language", "value": language, "domain": host, "path": "/"}])
    return context


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("zh", "dark"), ("en", "light")])
def test_every_page_fits_both_widths_without_an_error_and_satisfies_axe(
    chromium, service, owner, language, scheme
):
    """Axe looks at the wide page in light and at the narrow one in dark; WCAG 2.2 A and AA, and good practice."""
    axe = axe_script()
    context = _context(chromium, service, owner, language, color_scheme=scheme)
    watched = Watched(context)
    page, wrong = watched.page, []
    for path in PAGES:
        page.goto(f"{service.url}{path}?month={MONTH}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append((path, width, f"{wide} px wide", page.evaluate(BEYOND, width)))
            if width != AXE_AT[scheme]:
                continue
            page.evaluate(axe)
            found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
            wrong += [
                (path, width, v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]
            ]
    assert wrong == [], json.dumps(wrong, ensure_ascii=False, indent=1)
    assert watched.errors == []
    context.close()


BOXES = """selector => [...document.querySelectorAll(selector)].map(one => {
  const box = one.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; })"""


def _fits(page, width):
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_lies_where_on_the_pages(chromium, service, owner):
    """Places, not counts: the calendar's columns, long names, questions before the page, tables on paper."""
    context = _context(chromium, service, owner, "zh", viewport={"width": 1440, "height": 900})
    watched = Watched(context)
    page = watched.page
    page.goto(f"{service.url}/coverage?month={MONTH}")
    heads = page.evaluate(BOXES, ".calendar thead tr:first-child th:not(:first-child, :last-child)")
    rows = page.locator(".calendar tbody tr").count()
    for number in range(1, rows + 1):
        cells = page.evaluate(BOXES, f".calendar tbody tr:nth-child({number}) td.box")
        assert len(cells) == len(heads) == 31
        for cell, head in zip(cells, heads, strict=True):
            assert (cell[0], cell[2]) == pytest.approx((head[0], head[2]), abs=1), "under its day"
        assert len({cell[1] for cell in cells}) == 1, "one row"
    assert page.evaluate("document.documentElement.scrollHeight") < 1_200

    long = "x" * 128
    page.goto(f"{service.url}/settings")
    page.fill("#f-host", long)
    page.click("form[action='/settings/tokens'] button")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        _fits(page, width)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{service.url}/hosts?month={MONTH}")
    page.evaluate("name => document.querySelector('#list tbody th a').textContent = name", long)
    _fits(page, 1440)
    table = page.evaluate(BOXES, "#list .scroll")[0]
    assert page.evaluate(BOXES, "#list tbody tr:first-child td:last-child")[0][2] <= table[2]

    page.goto(f"{service.url}/people")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 700})
        page.click("[popovertarget]")
        left, top, right, bottom = page.evaluate(BOXES, ":popover-open")[0]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= 700
        page.keyboard.press("Escape")
        assert page.locator(":popover-open").count() == 0

    page.set_viewport_size(
        {"width": 720, "height": 1000}
    )  # the width of A4 at 96 dots an inch, without margins
    page.emulate_media(media="print")
    for path in ("/hosts", "/coverage", "/apply/rows"):
        page.goto(f"{service.url}{path}?month={MONTH}")
        cards = page.evaluate(
            "[...document.querySelectorAll('.card')].map(c => getComputedStyle(c).breakInside)"
        )
        assert set(cards) == {"auto"}, path
        _fits(page, 720)
    page.goto(f"{service.url}/hosts?month={MONTH}")
    assert page.evaluate("getComputedStyle(document.querySelector('#list tbody tr')).display") == "table-row"
    assert watched.errors == []
    context.close()


def test_who_is_not_signed_in_sees_the_door_without_an_error(chromium, service, axe):
    context = chromium.new_context()
    watched = Watched(context)
    watched.page.goto(f"{service.url}/hosts")
    assert "/login?next=" in watched.page.url
    for width in WIDTHS:
        watched.page.set_viewport_size({"width": width, "height": 900})
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    watched.page.evaluate(axe)
    assert watched.page.evaluate("axe.run().then(found => found.violations.map(v => v.id))") == []
    assert watched.errors == []
    context.close()


def test_a_person_signs_in_searches_and_signs_out_with_the_keyboard(chromium, service, owner):
    context = chromium.new_context()
    watched = Watched(context)
    page = watched.page
    page.goto(f"{service.url}/hosts?month={MONTH}")
    page.keyboard.type("owner")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/hosts?month=*")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.fill("#q", "web")
    page.locator("#list caption", has_text="共 2 台").wait_for()
    assert "q=web" in page.url
    assert page.evaluate("document.activeElement.id") == "q"
    page.click("text=web-1")
    page.wait_for_url("**/hosts/*")
    assert page.locator("svg.drawn").count() == 3
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login")
    assert watched.errors == []
    context.close()


def test_a_host_with_a_script_for_a_name_does_nothing(chromium, service, owner):
    context = _context(chromium, service, owner, "zh")
    watched = Watched(context)
    asked = []
    watched.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    watched.page.goto(f"{service.url}/hosts?month={MONTH}&q=alert")
    watched.page.click("text=<script>alert(1)</script>")
    watched.page.wait_for_url("**/hosts/*")
    assert watched.page.inner_text("h1").startswith("<script>alert(1)</script>")
    assert (asked, watched.errors) == ([], [])
    context.close()


def test_a_host_that_enrols_and_reports_appears_while_the_page_is_open(chromium, service, owner, tmp_path):
    """One command copied, one host that appears: with a real agent, and nobody reloads the page."""
    context = _context(chromium, service, owner, "zh")
    watched = Watched(context)
    watched.page.goto(f"{service.url}/hosts")
    assert watched.page.locator("text=fresh-host").count() == 0
    token = starproof_json("collector", "token", "--db", service.db)["token"]
    agent = [sys.executable, "-m", "starproof", "agent"]
    state = ["--state", str(tmp_path / "agent")]
    subprocess.run(
        [*agent, "enroll", "--collector", service.url, "--name", "fresh-host", *state],
        env=environment(STARPROOF_TOKEN=token), cwd=ROOT, check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    watched.page.locator("text=fresh-host").wait_for(timeout=APPEARS_MS)
    running = subprocess.Popen(
        [*agent, "run", *state, "--interval", "1", "--seal", "2"],
        env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        row = watched.page.locator("tr", has_text="fresh-host")
        row.locator("text=正常").wait_for(timeout=APPEARS_MS)
    finally:
        running.terminate()
        running.wait(timeout=30)
    assert watched.errors == []
    context.close()


def test_the_menu_of_a_phone_opens_and_leads_on(chromium, service, owner):
    context = _context(chromium, service, owner, "zh", viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{service.url}/")
    assert not page.is_visible("nav a[href='/hosts']")
    page.click("#menu summary")
    page.click("nav a[href='/hosts']")
    page.wait_for_url("**/hosts")
    context.close()


def test_first_paint_comes_within_a_second(chromium, service, owner):
    context = _context(chromium, service, owner, "zh")
    page = context.new_page()
    page.goto(f"{service.url}/?month={MONTH}")
    paints = []
    for _ in range(3):
        page.reload()
        page.wait_for_timeout(100)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(paints) < 1_000
    context.close()


def test_a_pack_is_checked_on_the_reviewers_page_and_its_page_is_drawn(
    chromium, service, owner, tmp_path, axe
):
    """Upload, progress that follows by itself, the outcome, and the page of the check under its own strict policy."""
    pack = tmp_path / "2026-11.zip"
    pack.write_bytes(SCOPED_PACK)
    context = _context(chromium, service, owner, "zh")
    watched = Watched(context)
    page = watched.page
    page.goto(f"{service.url}/evidence/verify")
    page.set_input_files("#f-pack", str(pack))
    page.fill("#f-log_key", LOG_KEY.public.raw.hex())
    page.click("form[enctype] button")
    page.wait_for_url("**/evidence/checks/*")
    page.locator(".outcome .headline").wait_for(timeout=APPEARS_MS)
    assert page.inner_text("h1") == "核验结果"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(found => found.violations.map(v => v.id))") == []
    with context.expect_page() as opened:
        page.click("text=打开完整的核验页")
    whole = opened.value
    whole.wait_for_load_state()
    # The page's own style is the only one that its policy lets through.
    assert whole.evaluate("getComputedStyle(document.querySelector('.banner')).borderTopWidth") == "5px"
    assert watched.errors == []
    context.close()


def test_the_days_of_a_host_stand_beside_each_other_in_the_calendar(chromium, service, owner):
    context = _context(chromium, service, owner, "zh", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{service.url}/coverage?month={MONTH}")
    tops = page.evaluate(
        "[...document.querySelectorAll('.calendar tbody tr')].map(row =>"
        " new Set([...row.querySelectorAll('td.box')].map(cell => Math.round(cell.getBoundingClientRect().top))).size)"
    )
    assert tops == [1] * 6
    context.close()
