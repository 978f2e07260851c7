"""The verdict of a month from day sums: all indicators of 10,000 hosts x 6 metrics, beside a peer's CPU figure alone.

Ours: ``verifier.figures.measure`` over a store with every host's day sums of the month (processor time, reading the
database included). The peers hold the same month's minutes of a smaller fleet, for which a query asks the busy share
of processor time of every host; their processor time is scaled to the number of hosts, which favours them.
"""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import filled_store
import load
import measuring
import numpy as np
import peers
from peers import Peer
from results_table import Row

from collector.opening import open_store
from collector.store.archive import StoreArchive
from evidence.calendar import LocalCalendar
from verifier.editions import load_edition
from verifier.figures import measure as figures_of

HOSTS, TIMES = 10_000, 3
SMALLER = (100, 1_000)
LARGER = 100_000
EDITION = "jiangsu-2018-trial"
AIM_S = 0.5
DAYS, MINUTES = 30, 30 * 1_440
PEER_HOSTS = {"VictoriaMetrics": 200, "Prometheus": 20}
READINGS_AT_ONCE = 1_440
QUERY = "sum(increase(cpu_busy[30d])) by (host) / sum(increase(cpu_all[30d])) by (host)"


def measure(options: Namespace) -> list[Row]:
    """Return the lines."""
    with measuring.temporary() as folder:
        ours, scanned = verdict_s(folder / "starproof.db", HOSTS, times=1 + options.full)
        small = {hosts: verdict_s(folder / f"{hosts}.db", hosts, times=TIMES)[0] for hosts in SMALLER}
        asked = [
            _asked(folder, "VictoriaMetrics", peers.victoria_metrics, _imported),
            _asked(folder, "Prometheus", peers.prometheus, _written),
        ]
    rows = []
    for name, seconds in zip(PEER_HOSTS, asked, strict=True):
        note = (
            f"the peer: CPU alone of {PEER_HOSTS[name]} hosts, scaled"
            if seconds
            else f"{name} is not installed"
        )
        rows.append(
            Row(
                "verdict", f"month of {HOSTS:,} hosts x 6 metrics, all indicators", ours, "s", name,
                None if seconds is None else seconds * HOSTS / PEER_HOSTS[name], aim=AIM_S,
                limit=f"the database adds up the same rows in {scanned:.2f} s", note=note,
            )
        )  # fmt: skip
    grown = measuring.grown(
        "growth", "month verdict, processor time", "s", {**small, HOSTS: ours}, next_size=LARGER
    )
    return [*rows, grown]


def verdict_s(path: Path, hosts: int, *, times: int) -> tuple[float, float]:
    """Return the processor time of a month's figures and of the sums of all its rows in SQL, in seconds."""
    calendar = LocalCalendar(load.ZONE)
    first, after = calendar.month(load.MONTH)
    now_ms = calendar.day_start(after)
    opened = open_store(f"sqlite:///{path}", enterprise=load.ENTERPRISE, now_ms=now_ms)
    filled_store.fill(opened, hosts=hosts, days=range(first, after), month=202611, now_ms=now_ms)
    archive, edition = StoreArchive(opened.store), load_edition(EDITION)

    def figures() -> None:
        found = figures_of(archive, month=load.MONTH, edition=edition)
        if len(found.hosts) != hosts or found.indicators[0] is None:
            raise SystemExit("hosts are missing")

    def sums() -> None:
        with opened.store.reading() as connection:
            fields = ", ".join(f"sum({name})" for name in ("amount_hi", "amount_lo", "whole", "observed_ms"))
            connection.exec_driver_sql(
                f"select host_id, {fields} from day_sum group by host_id, source, metric"
            ).all()

    taken = measuring.processor_median_s(figures, times), measuring.processor_median_s(sums, TIMES)
    opened.store.close()
    return taken


def _asked(folder: Path, name: str, start: Callable, fill: Callable[[Peer, int], None]) -> float | None:
    """Return the median processor time of the peer's answers, in seconds."""
    with start(folder) as peer:
        if peer is None:
            return None
        fill(peer, PEER_HOSTS[name])
        end_s = load.START_MS // 1_000 + MINUTES * 60
        url = f"{peer.url}/api/v1/query?" + urllib.parse.urlencode({"query": QUERY, "time": end_s})
        taken = []
        for _ in range(TIMES):
            before = measuring.processor_s(peer.process.pid)
            with urllib.request.urlopen(url, timeout=120) as answer:
                found = json.loads(answer.read())["data"]["result"]
            if len(found) != PEER_HOSTS[name]:
                raise SystemExit(f"{name} answers {len(found)} hosts")
            taken.append(measuring.processor_s(peer.process.pid) - before)
        return sorted(taken)[TIMES // 2]


def _series(hosts: int, count: int):  # noqa: ANN202 - an iterator of what the two writers below take
    instants = load.START_MS + np.arange(count, dtype=np.int64) * load.MINUTE_MS
    for number in range(hosts):
        chance = np.random.default_rng(number)
        for name, most in (("cpu_busy", 6_000), ("cpu_all", 12_000)):
            steps = chance.integers(most // 10, most, count) if name == "cpu_busy" else np.full(count, most)
            yield (
                {"__name__": name, "host": f"host-{number:06}"},
                instants.tolist(),
                np.cumsum(steps).tolist(),
            )


def _imported(peer: Peer, hosts: int) -> None:
    for labels, instants, values in _series(hosts, MINUTES + 1):
        line = json.dumps({"metric": labels, "values": values, "timestamps": instants})
        peers.post(f"{peer.url}/api/v1/import", line.encode(), Content_Type="application/json")
    time.sleep(2)
    with urllib.request.urlopen(f"{peer.url}/internal/force_flush", timeout=60) as answer:
        answer.read()


def _written(peer: Peer, hosts: int) -> None:
    """Prometheus takes what is in order: a day of all series after the other."""
    every = list(_series(hosts, MINUTES + 1))
    for at in range(0, MINUTES + 1, READINGS_AT_ONCE):
        part = slice(at, at + READINGS_AT_ONCE)
        peers.write(
            peer,
            peers.remote_write((labels, instants[part], values[part]) for labels, instants, values in every),
        )


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
