"""The console's overview: the first time it is computed, and every time after, with so many hosts.

Day sums of 22 days of the running month (``filled_store``). Processor time of the process; the pages come from the
same application as over HTTP. There is no peer that draws one: a dashboard asks its store for each curve.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from pathlib import Path

import filled_store
import load
import measuring
from results_table import Row

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/console"))

from console_world import Browser, Clock, Events

from collector.opening import open_store
from collector.settings import Settings
from console.app import application, create_console
from console.guard import COMPUTING
from evidence.calendar import LocalCalendar

HOSTS, DAYS, TIMES = 10_000, 22, 5
SMALLER = (100, 1_000)
LARGER = 100_000
PASSWORD = "sail boats on tai lake"


def measure(_options: Namespace) -> list[Row]:
    """Return the lines."""
    with measuring.temporary() as folder:
        small = {hosts: overview_s(folder / f"{hosts}.db", hosts) for hosts in SMALLER}
        first, after, memory = overview_s(folder / "starproof.db", HOSTS)
    return [
        Row("console", f"overview of {HOSTS:,} hosts, {DAYS} days, first computed", first, "s",
            note=f"in the background, the page says so; most memory of the process {memory:.0f} MB, store included"),
        Row("console", f"overview of {HOSTS:,} hosts, asked again", after * 1_000, "ms"),
        measuring.grown("growth", "overview first computed", "s", {**{n: s[0] for n, s in small.items()}, HOSTS: first},
                        next_size=LARGER),
        measuring.grown("growth", "overview asked again", "s", {**{n: s[1] for n, s in small.items()}, HOSTS: after},
                        next_size=LARGER),
    ]  # fmt: skip


def overview_s(path: Path, hosts: int) -> tuple[float, float, float]:
    """Return the processor time of the first overview and the median of those after, in seconds, and the memory in MB."""
    calendar = LocalCalendar(load.ZONE)
    first, _ = calendar.month(load.MONTH)
    clock = Clock(calendar.day_start(first + DAYS) + 1_800_000)
    opened = open_store(f"sqlite:///{path}", enterprise=load.ENTERPRISE, now_ms=clock())
    filled_store.fill(opened, hosts=hosts, days=range(first, first + DAYS), month=202611, now_ms=clock())
    console = create_console(
        opened, settings=Settings(), url="http://console.test", clock=clock, log=Events()
    )
    secret = console.accounts.offer_setup(now_ms=clock())
    if secret is None:
        raise SystemExit("the console is set up already")
    console.accounts.set_up(secret, name="admin", password=PASSWORD, now_ms=clock())
    browser = Browser(application(console))
    browser.sign_in("admin", PASSWORD)
    begun = time.process_time()
    while browser.get("/").status_code == COMPUTING:
        time.sleep(0.5)
    computed = time.process_time() - begun
    again = measuring.processor_median_s(lambda: browser.get("/"), TIMES)
    memory = measuring.resident_mb(os.getpid(), "VmHWM")
    console.snapshots.close()
    opened.store.close()
    return computed, again, memory


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
