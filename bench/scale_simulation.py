"""The arithmetic of docs/scale.md: what places of different size need, from unit costs that were measured.

    python bench/scale_simulation.py            # prints the tables
    python bench/scale_simulation.py --write    # puts them into docs/scale.md and docs/scale.zh-CN.md

Waiting is simulated, not computed: every delivery of a stretch of time arrives at its own second (as
``agent.delivery`` spreads them) and waits for the first process that is free. Everything else is units times numbers.
``UNITS`` and ``GROWN`` say where each was measured; prices are assumptions and say so.
"""

from __future__ import annotations

import argparse
import heapq
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from results_table import number

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"en": ROOT / "docs/scale.md", "zh": ROOT / "docs/scale.zh-CN.md"}
BEGIN, END = "<!-- numbers: written by bench/scale_simulation.py -->", "<!-- end of the numbers -->"
MARKED = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
HOUR_S, DAY_S, MONTH_S, YEAR_MONTHS = 3_600, 86_400, 30 * 86_400, 12
BUSY = 0.7
"""Of a processor that is planned for work; the rest is for what comes all at once."""
SERIES, READINGS_A_MONTH = 16, 43_200
STRETCH_S, SEED = 120, 8
ENTERPRISES, HOSTS_EACH = 100_000, 10


@dataclass(frozen=True)
class Units:
    """What one of each costs."""

    delivery_s: float = 0.0058  # fleet: processor time of a delivery, TLS handshake and commit included
    chunk_s: float = 0.0010  # growth: processor time of a chunk that comes with others
    flushes_per_s: float = 494  # limits: the fewest seen; a shared disk gave up to 1,530
    chunk_bytes_ten: float = 2_770  # growth: an SQLite store, ten readings a chunk
    chunk_bytes_hour: float = 4_890  # disk: an SQLite store, sixty readings a chunk
    postgresql_bytes_hour: float = 4_390  # bench/postgresql_bytes.py
    frame_bytes_hour: float = (
        2_460  # bench/postgresql_bytes.py: what crosses the network and lies in ClickHouse
    )
    frame_bytes_ten: float = 1_430  # the same
    row_bytes: float = 250  # docs/database.md: what stays of a chunk for ever
    leaf_bytes: float = 250  # docs/log.md
    pack_mb: float = 9.3  # docs/check.md: ten hosts, a month, a chunk each ten minutes
    pack_check_s: float = 7.0  # docs/check.md: the same, processor time
    audit_values_per_s: float = 10_000_000  # audit: of one processor
    collector_mb: float = 165  # fleet: the least that a collector with TLS had


@dataclass(frozen=True)
class Prices:
    """Assumptions in yuan a month, not measured: put your own in."""

    core: float = 100
    gigabyte: float = 0.35


@dataclass(frozen=True)
class Place:
    """A store: so many hosts that deliver a chunk each ``seal_s``; ``kept`` months stay in the database."""

    en: str
    zh: str
    hosts: int
    seal_s: int
    engine: str
    kept: int = 2


UNITS, PRICES = Units(), Prices()
PLACES = (
    Place("factory", "工厂", 5, 600, "SQLite"),
    Place("group", "集团", 10_000, 600, "SQLite"),
    Place("service", "托管服务", 100_000, 3_600, "PostgreSQL"),
    Place("all in one store", "全省一库", ENTERPRISES * HOSTS_EACH, 3_600, "PostgreSQL + ClickHouse"),
)
GROWN = (
    ("ingest, a chunk", "接收一个数据块", "ms", {100: 0.873, 1_000: 0.922, 10_000: 0.959}),
    ("bytes of a chunk", "一个数据块的字节数", "byte", {100: 2_600.0, 1_000: 2_680.0, 10_000: 2_770.0}),
    ("month verdict", "月度结论", "s", {100: 0.0696, 1_000: 0.712, 10_000: 7.89}),
    ("overview, first time", "总览首次计算", "s", {100: 0.201, 1_000: 2.02, 10_000: 20.0}),
    ("overview, again", "总览再次打开", "s", {100: 0.00782, 1_000: 0.0227, 10_000: 0.146}),
)
"""docs/performance.md, rows growth."""


def fitted(sizes: dict[int, float], size: int) -> tuple[float, float]:
    """Return the exponent of a power law through measured sizes, and its value at another size."""
    exponent, begin = np.polyfit(np.log(list(sizes)), np.log(list(sizes.values())), 1)
    return float(exponent), float(np.exp(begin + exponent * np.log(size)))


def processors(place: Place) -> int:
    """Return how many processors of collectors a place needs."""
    return max(1, math.ceil(place.hosts / place.seal_s * UNITS.delivery_s / BUSY))


def wait_s(place: Place, *, share: float = 0.99) -> float:
    """Return how long a delivery waits and is worked on at most, of a share of all, simulated; the commit included."""
    chance = np.random.default_rng(SEED)
    count = chance.poisson(place.hosts / place.seal_s * STRETCH_S)
    if not count:
        return UNITS.delivery_s + 1 / UNITS.flushes_per_s
    free = [0.0] * processors(place)
    taken = np.empty(count)
    for at, due in enumerate(np.sort(chance.uniform(0, STRETCH_S, count)).tolist()):
        end = max(due, heapq.heappop(free)) + UNITS.delivery_s
        heapq.heappush(free, end)
        taken[at] = end - due
    return float(np.quantile(taken, share)) + 1 / UNITS.flushes_per_s


def caught_up_s(place: Place, away_s: float) -> float:
    """Return how long after an interruption everything is delivered; what waited comes many chunks a delivery."""
    waiting, step, took = place.hosts * away_s / place.seal_s, 1.0, 0.0
    while waiting > 0:
        new_s = place.hosts / place.seal_s * step * UNITS.delivery_s
        waiting -= (processors(place) * step - new_s) / UNITS.chunk_s
        took += step
    return took


def chunks_a_month(place: Place) -> float:
    """Return how many chunks a place has in a month."""
    return place.hosts * MONTH_S / place.seal_s


def stored_gb(place: Place) -> float:
    """Return what is in the store when the kept months are full, in GB."""
    hourly = UNITS.chunk_bytes_hour if place.engine == "SQLite" else UNITS.postgresql_bytes_hour
    each = hourly if place.seal_s >= HOUR_S else UNITS.chunk_bytes_ten
    return chunks_a_month(place) * each * place.kept / 1e9


def network_mb_per_s(place: Place) -> float:
    """Return what frames come in, in MB a second."""
    each = UNITS.frame_bytes_hour if place.seal_s >= HOUR_S else UNITS.frame_bytes_ten
    return place.hosts / place.seal_s * each / 1e6


def audit_core_h(place: Place) -> float:
    """Return the processor time of the audit of a month, in hours."""
    return place.hosts * SERIES * READINGS_A_MONTH / UNITS.audit_values_per_s / HOUR_S


def yuan(place: Place) -> float:
    """Return what processors and disk cost a month, at assumed prices; the audit spread over the month."""
    cores = processors(place) + audit_core_h(place) * HOUR_S / MONTH_S
    return cores * PRICES.core + stored_gb(place) * PRICES.gigabyte


def places(zh: bool) -> list[str]:  # noqa: FBT001 - a language
    """Return the table of places."""
    verdict = {name: sizes for name, _, _, sizes in GROWN}["month verdict"]
    rows = [
        ("hosts", "主机", [f"{one.hosts:,}" for one in PLACES]),
        ("engine", "引擎", [one.engine for one in PLACES]),
        ("a chunk each, s", "封存周期，秒", [f"{one.seal_s:,}" for one in PLACES]),
        ("deliveries a second", "每秒交付", [number(one.hosts / one.seal_s) for one in PLACES]),
        ("processors of collectors", "采集端处理器", [str(processors(one)) for one in PLACES]),
        ("p99 of a delivery, simulated, ms", "交付耗时 p99（仿真），毫秒", [number(1e3 * wait_s(one)) for one in PLACES]),
        ("caught up after a day away, h", "中断一天后补齐，小时", [number(caught_up_s(one, DAY_S) / HOUR_S) for one in PLACES]),
        ("network in, MB/s", "入网流量，MB/s", [number(network_mb_per_s(one)) for one in PLACES]),
        ("disk, two months kept, GB", "磁盘（保留两个月），GB", [number(stored_gb(one)) for one in PLACES]),
        ("stays for ever, GB a year", "永久保留，GB/年", [
            number(chunks_a_month(one) * YEAR_MONTHS * (UNITS.row_bytes + UNITS.leaf_bytes) / 1e9) for one in PLACES
        ]),
        ("audit of a month, processor hours", "月度审计，处理器小时", [number(audit_core_h(one)) for one in PLACES]),
        ("month verdict, processor s", "月度结论，处理器秒", [number(fitted(verdict, one.hosts)[1]) for one in PLACES]),
        ("yuan a month, assumed prices", "每月费用（假定价格），元", [number(yuan(one)) for one in PLACES]),
    ]  # fmt: skip
    head = ["", *(one.zh if zh else one.en for one in PLACES)]
    return _table(head, [[row[1] if zh else row[0], *row[2]] for row in rows])


def province(zh: bool) -> list[str]:  # noqa: FBT001 - a language
    """Return the table of the province where each enterprise has its own store."""
    own = Place("", "", HOSTS_EACH, 600, "SQLite")
    pack_tb = ENTERPRISES * UNITS.pack_mb / 1e6
    check_h = ENTERPRISES * UNITS.pack_check_s / HOUR_S
    rows = [
        ("an enterprise: disk, two months kept, GB", "每家企业：磁盘（保留两个月），GB", stored_gb(own)),
        ("an enterprise: deliveries a second", "每家企业：每秒交付", HOSTS_EACH / own.seal_s),
        ("an enterprise: pack of a month, MB", "每家企业：每月证据包，MB", UNITS.pack_mb),
        ("the province: packs of a month, TB", "全省：每月证据包，TB", pack_tb),
        ("the province: packs of a year, TB", "全省：每年证据包，TB", pack_tb * YEAR_MONTHS),
        ("packs received within three days, MB/s", "三天内收齐，MB/s", pack_tb * 1e6 / (3 * DAY_S)),
        ("checking all of a month, processor hours", "核验一个月的全部证据包，处理器小时", check_h),
        ("machines of 8 processors to check them in a day", "一天内核验完所需的 8 核机器", math.ceil(check_h / (8 * 24 * BUSY))),
        ("yuan a month: a year's packs and those machines all month", "每月费用：存放一年的证据包，加上述机器整月租用，元",
         pack_tb * YEAR_MONTHS * 1e3 * PRICES.gigabyte + math.ceil(check_h / (8 * 24 * BUSY)) * 8 * PRICES.core),
        ("instead a collector process for each enterprise in one place: memory, TB", "若集中托管、每家企业一个采集端进程：内存，TB",
         ENTERPRISES * UNITS.collector_mb / 1e6),
    ]  # fmt: skip
    head = ["全省" if zh else "the province", "数值" if zh else "number"]
    return _table(head, [[row[1] if zh else row[0], number(row[2])] for row in rows])


def engines(zh: bool) -> list[str]:  # noqa: FBT001 - a language
    """Return where one engine ends: hosts at a chunk each ten minutes, and each hour."""
    rows = []
    for en, zh_name, limit in (
        ("one process is full (one processor at 70 %)", "一个进程占满（一个处理器的 70%）",
         lambda seal, _bytes: BUSY / UNITS.delivery_s * seal),
        ("two months are 1 TB in SQLite", "SQLite 两个月达 1 TB",
         lambda seal, each: 1e12 / (2 * MONTH_S / seal * each)),
        ("one log: a flush for each chunk, nothing shared", "单一日志：每块一次落盘，完全不合并",
         lambda seal, _bytes: UNITS.flushes_per_s * seal),
        ("one log: 64 chunks a flush", "单一日志：每次落盘 64 块",
         lambda seal, _bytes: 64 * UNITS.flushes_per_s * seal),
        ("two months are 10 TB in PostgreSQL", "PostgreSQL 两个月达 10 TB",
         lambda seal, _bytes: 1e13 / (2 * MONTH_S / seal * UNITS.postgresql_bytes_hour)),
    ):  # fmt: skip
        found = [limit(600, UNITS.chunk_bytes_ten), limit(HOUR_S, UNITS.chunk_bytes_hour)]
        rows.append([zh_name if zh else en, *map(number, found)])
    head = (
        ["界限", "主机，每十分钟一块", "主机，每小时一块"]
        if zh
        else ["limit", "hosts, a chunk each ten minutes", "hosts, a chunk each hour"]
    )
    return _table(head, rows)


def growth(zh: bool) -> list[str]:  # noqa: FBT001 - a language
    """Return the table of growth: three sizes measured, the fitted exponent, the next size from the fit."""
    rows = []
    for en, zh_name, unit, sizes in GROWN:
        exponent, expected = fitted(sizes, 100_000)
        rows.append(
            [
                f"{zh_name if zh else en}, {unit}",
                *map(number, sizes.values()),
                f"{exponent:.2f}",
                number(expected),
            ]
        )
    head = (
        ["项目", "100 台", "1,000 台", "10,000 台", "指数", "100,000 台（推算）"]
        if zh
        else ["what", "100 hosts", "1,000", "10,000", "exponent", "100,000 (by the fit)"]
    )
    return _table(head, rows)


def numbers(language: str) -> str:
    """Return all tables, between their marks."""
    zh = language == "zh"
    titles = (
        ("每家企业各自一套（方案）", "一个库需要什么", "哪个引擎到哪里为止", "增长")
        if zh
        else (
            "Each enterprise by itself (the plan)",
            "What one store needs",
            "Where an engine ends",
            "Growth",
        )
    )
    parts = [BEGIN]
    for title, table in zip(titles, (province, places, engines, growth), strict=True):
        parts += ["", f"## {title}", "", *table(zh)]
    return "\n".join([*parts, "", END])


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)]


def main() -> None:
    """Print the tables, or put them into the documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for language, page in PAGES.items():
        if not options.write:
            print(numbers(language))
            continue
        whole = page.read_text(encoding="utf-8")
        page.write_text(MARKED.sub(numbers(language), whole), encoding="utf-8")


if __name__ == "__main__":
    main()
