"""Journeys in a real browser with real programs: from the setup link to a pack that passes its check, and a ledger."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import date

import pytest
from console_world import PASSWORD
from processes import ROOT, environment, starproof

APPEARS_MS = 20_000
MADE_MS = 60_000


class Watched:
    """A page whose errors are kept."""

    def __init__(self, context):
        self.page = context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            # A form that is refused answers with 422, which browsers note.
            lambda said: (
                said.type == "error" and "status of 422" not in said.text and self.errors.append(said.text)
            ),
        )
        self.page.on("dialog", lambda dialog: dialog.accept())


@pytest.fixture
def shell(tmp_path):
    """Run what was copied from a page, as somebody would in a shell where starproof is installed."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, words in (("starproof", "-m starproof"), ("starproof-agent", "-m starproof agent")):
        program = place / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        program.chmod(0o755)
    more = {"PATH": f"{place}:{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(command):
        return subprocess.run(
            ["sh", "-c", command],
            env=environment(**more),
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=30,
        )

    return run


def test_from_the_setup_link_to_a_pack_that_passes_its_check(  # noqa: PLR0915 - one journey, step by step
    chromium, fresh_service, shell, tmp_path
):
    url, month = fresh_service.url, f"{date.today():%Y-%m}"  # noqa: DTZ011 - a month as the page's list has it
    context = chromium.new_context(accept_downloads=True)
    watched = Watched(context)
    page = watched.page
    page.goto(fresh_service.setup)
    for field, text in (("name", "owner"), ("password", PASSWORD), ("again", PASSWORD)):
        page.fill(f"#f-{field}", text)
    page.click("main button.wide")
    page.wait_for_url(url + "/")
    # A token, one command, and the host appears on the page that shows it.
    page.goto(f"{url}/settings")
    page.fill("#f-host", "web-1")
    page.click("main form[action='/settings/tokens'] button")
    command = page.inner_text("#command-2")
    state = f"--state {tmp_path / 'agent'}"
    shell(f"{command} {state}")
    page.locator("#arrivals", has_text="web-1").wait_for(timeout=APPEARS_MS)
    assert page.inner_text("#command-2") == command  # what is to be copied stays while the list follows
    # Its first figures appear on pages that are open already, long before the first seal period is over.
    overview, host = context.new_page(), context.new_page()
    overview.goto(url + "/")
    host.goto(f"{url}/hosts/1")
    agent = subprocess.Popen(
        [sys.executable, "-m", "starproof", "agent", "run", *state.split(), "--interval", "1"],
        env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        page.locator("#arrivals", has_text="已有数据").wait_for(timeout=APPEARS_MS)
        measured = overview.locator("article", has_text="cpu.busy/1").locator(".value")
        measured.wait_for(timeout=APPEARS_MS)
        host.locator("tr", has_text="业务主机平均CPU利用率").first.wait_for(timeout=APPEARS_MS)
        assert "含今天到目前为止" in host.inner_text("#host")
    finally:
        agent.terminate()
        agent.wait(timeout=30)
    page.goto(f"{url}/apply/scope")
    assert page.input_value("#f-hosts") == "web-1"
    page.fill("#f-hosts", "web-1, 100, 3000")
    page.fill("#f-first_month", month)
    page.fill("#f-last_month", month)
    page.click("text=下一步：核对")
    page.click("button:has-text('声明')")
    page.wait_for_url("**/apply")
    assert "已声明" in page.inner_text("p.said")
    page.reload()
    assert page.locator("p.said").count() == 0
    assert "没有申报资料" in page.inner_text("main")
    page.select_option("#f-month", month)
    page.click("button:has-text('生成')")
    page.locator("#jobs .chip", has_text="完成").wait_for(timeout=MADE_MS)
    pack, key = _saved(page, f"证据包-{month}.zip", tmp_path), _saved(page, "log.pub", tmp_path)
    with zipfile.ZipFile(pack) as inside:
        report = json.loads(inside.read("data/report.json"))
    figures = {one["id"]: one for one in report["figures"]["indicators"]}
    assert figures["cpu_utilization"]["value"] is not None
    done = starproof("check", pack, "--log-key", key, code=None)
    assert done.returncode in (0, 2), (
        done.stdout + done.stderr
    )  # incomplete: no month was closed, nothing anchored
    assert watched.errors == []
    context.close()


def _saved(page, name, folder):
    with page.expect_download() as waiting:
        page.click(f"main a:has-text('{name}')")
    path = folder / name
    waiting.value.save_as(path)
    return path


def test_a_ledger_with_errors_is_shown_fixed_and_imported(chromium, service, owner, tmp_path):
    heads = "日期,类型,金额（元）,收款方,合同编号,发票号码,用途\n"
    wrong, right = tmp_path / "错.csv", tmp_path / "对.csv"
    wrong.write_text(heads + "2026-09-01,合同,壹万元,旅程云,J-1,,云服务\n", encoding="utf-8")
    right.write_text(heads + "2026-09-01,合同,10000,旅程云,J-1,,云服务\n", encoding="utf-8")
    context = chromium.new_context(storage_state=owner)
    watched = Watched(context)
    page = watched.page
    page.goto(f"{service.url}/ledger")
    before = page.inner_text("#entries tbody tr:first-child th")
    page.set_input_files("#f-table", wrong)
    page.click("button:has-text('预览')")
    assert "'壹万元' 不是金额" in page.inner_text("td.wrong")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_input_files("#f-table", right)
    page.click("button:has-text('预览')")
    page.click("button:has-text('确认登记 1 条')")
    page.wait_for_url("**/ledger")
    number = page.inner_text("#entries tbody tr:first-child th")
    assert int(number) == int(before) + 1
    assert re.search("10,000.00", page.inner_text("#entries tbody tr:first-child"))
    page.click(f"button[popovertarget='cancel-{number}']")
    page.fill(f"#f-n{number}", "旅程结束")
    page.click(f"button:has-text('冲销第 {number} 条')")
    page.locator("tr.gone").first.wait_for()
    assert page.locator("tr.gone").count() == 1
    assert watched.errors == []
    context.close()
