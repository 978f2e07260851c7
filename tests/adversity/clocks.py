"""Clocks that jump, creep and smear, zones and month edges, machines that sleep.

Every case is a script of a simulated machine whose true running time is known. What its chunks cover
is compared with that: at most the interval in which a clock jumped may be missing.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from adversity.accounts import HostAccount, Outcome, StoreAccount, aside, columns_of, pending
from adversity.scene import DAY_MS, Scene, minute_ago, scene, surroundings

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
YEAR_MS = 365 * DAY_MS
DAYS_AGO = 3.0
Script = Sequence[Sequence[object]]


@dataclass(frozen=True)
class Case:
    """``jumps``: how many intervals hold a jump, each of which may be missing. ``held``: chunks that the
    collector does not take because they lie in its future.
    """

    name: str
    script: Script
    jumps: int = 0
    held: bool = False


def jump(name: str, ms: int) -> Case:
    """The clock goes wrong and is put right two hours later; the steps lie inside an interval."""
    script = [["tick", 60], ["step", ms], ["tick", 120], ["step", -ms], ["tick", 60]]
    return Case(name, script, jumps=0 if abs(ms) < 40 else 2, held=ms > YEAR_MS // 2)


CASES = (
    jump("+1 s", 1_000),
    jump("-1 s", -1_000),
    jump("+1 h", HOUR_MS),
    jump("-1 h", -HOUR_MS),
    jump("+1 year", YEAR_MS),
    jump("-1 year", -YEAR_MS),
    jump("+20 ms", 20),
    Case("slew of +500 ppm", [["tick", 30], ["slew", 240, 500], ["tick", 30]]),
    Case("slew of -500 ppm", [["tick", 30], ["slew", 240, -500], ["tick", 30]]),
    Case("leap second smeared over a day", [["slew", 1440, -12], ["tick", 30]]),
    Case("leap second stepped", [["tick", 60], ["step", -1_000], ["tick", 60]], jumps=1),
    Case("asleep for 8 h", [["tick", 60], ["suspend", 8 * HOUR_MS], ["tick", 60]]),
    Case("asleep for 8 h, the clock 1 h wrong afterwards",
         [["tick", 60], ["suspend", 8 * HOUR_MS], ["step", HOUR_MS], ["tick", 60]], jumps=1),
    Case("asleep 50 times for a minute", [["tick", 5], *[["suspend", MINUTE_MS], ["tick", 3]] * 50]),
)  # fmt: skip


def jumps(scene_: Scene, trials: int, *, cases: Sequence[Case] = CASES) -> Outcome:
    """Every case on ``trials`` hosts, each at another place between two sealings."""
    server = scene_.serve(scene_.server())
    lost = doubled = 0
    unseen, problems, ahead = 0, [], 0
    longest = {}
    hosts: dict[str, tuple[Case, int]] = {}
    for number, case in enumerate(cases):
        for trial in range(trials):
            host = f"host-{number}-{trial}"
            hosts[host] = (case, _ran_ms(case.script) + trial * 3 * MINUTE_MS)
            scene_.enrol(host)
            run_script(scene_, host, [["tick", 1 + trial * 3], *case.script], patient=not case.held)
    server.stop()
    account = scene_.account()
    for host, (case, ran_ms) in hosts.items():
        found = account.hosts[host]
        waiting = len(pending(scene_.state(host)))
        set_aside = {int(name.partition(".")[0]) for name in aside(scene_.state(host))}
        lost += len(scene_.lost(account, host) - (set_aside if case.held else set()))
        doubled += found.overlaps()
        ahead += waiting
        missing_ms = ran_ms - covered_ms(found)
        if case.held:
            if not waiting + len(set_aside):  # set aside: a later chunk has shown that their time is wrong
                problems.append(f"{case.name}: nothing is held back")
            continue
        if waiting:
            problems.append(f"{case.name}: {waiting} chunks are not delivered")
        if missing_ms > case.jumps * MINUTE_MS:
            problems.append(f"{case.name}: {missing_ms} ms are missing, {case.jumps} jumps")
        longest[case.name] = max(longest.get(case.name, 0), missing_ms)
        unseen = max(unseen, found.unseen_ms())
    problems += _unexpected(account, hosts)
    return Outcome(
        trials=len(hosts),
        lost=lost,
        doubled=doubled,
        unseen_ms=unseen,
        unavoidable_ms=MINUTE_MS,
        figures={"cases": len(cases), "notes of the audit": _codes(account.notes), "findings": _codes(account.findings), "held because they lie in the future": ahead,
                 "missing by case": "; ".join(f"{name} {ms / 1000:g} s" for name, ms in longest.items() if ms)},
        problems=tuple(problems),
    )  # fmt: skip


def _unexpected(account: StoreAccount, hosts: dict[str, tuple[Case, int]]) -> list[str]:
    """Return what is wrong beside the gaps that chunks from the future leave in the numbers."""
    held = [host for host, (case, _) in hosts.items() if case.held]
    return [text for text in account.wrong if not any(host in text for host in held)]


def _codes(texts: Sequence[str]) -> str:
    counts = Counter(text.split()[0] for text in texts)
    return ", ".join(f"{code} {count}" for code, count in sorted(counts.items())) or "none"


def run_script(scene_: Scene, host: str, script: Script, *, patient: bool = True, seal_s: int = 600) -> None:
    ending = [["delivered"]] if patient else [["delivered", 20]]
    agent = scene_.simulated(
        host, begin=minute_ago(DAYS_AGO), seal_s=seal_s, script=json.dumps([*script, *ending])
    )
    agent.start()
    agent.wait(300)


def _ran_ms(script: Script) -> int:
    """Return how long the machine ran between its first and its last reading."""
    return sum(int(words[1]) for words in script if words[0] in {"tick", "slew"}) * MINUTE_MS  # type: ignore[call-overload]


def covered_ms(host: HostAccount) -> int:
    return sum(end - start for spans in host.spans.values() for start, end in spans)


# Zones and month edges


def zones(scene_: Scene, trials: int) -> Outcome:
    """The same chunks at collectors and agents of other zones, over a change of summer time and a month's edge."""
    wanted = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC")[: max(2, trials)]
    found = []
    lost = doubled = 0
    problems: list[str] = []
    for number, zone in enumerate(wanted):
        with (
            surroundings(TZ=zone),
            scene(scene_.folder / f"zone-{number}", nursery=scene_.nursery) as there,
        ):
            server = there.serve(there.server())
            there.enrol("host-0")
            # over the month's edge in Shanghai and New York and the end of summer time in New York
            agent = there.simulated(
                "host-0",
                begin=OCTOBER_31_MS,
                seal_s=600,
                script=json.dumps([["tick", ZONE_READINGS], ["delivered"]]),
            )
            agent.start()
            agent.wait(300)
            server.stop()
            account = there.account()
            one, two = there.lost_and_doubled(account)
            lost, doubled = lost + one, doubled + two
            problems += account.wrong
            if covered_ms(account.hosts["host-0"]) != (ZONE_READINGS - 1) * MINUTE_MS:
                problems.append(f"{zone}: not all time is covered")
            found.append(columns_of(there.folder / "db" / "starproof.db", "day_sum"))
    if any(sums != found[0] for sums in found):
        problems.append("the day sums depend on the zone of the process")
    days = len(next(iter(found[0].values())))
    return Outcome(trials=len(wanted), lost=lost, doubled=doubled, figures={"zones": len(wanted), "day sums": days},
                   problems=tuple(problems))  # fmt: skip


OCTOBER_31_MS = 1_793_458_800_000
"""2026-10-31T15:00Z: an hour before the month ends in Shanghai."""
ZONE_READINGS = 1020
"""Until 2 hours after summer time ends in New York (1 November, 06:00 UTC)."""


# A real process that is stopped and goes on


def stopped(scene_: Scene, trials: int) -> Outcome:
    """A real agent is stopped (SIGSTOP) for seconds and goes on: time passed and it read nothing."""
    server = scene_.serve(scene_.server())
    scene_.enrol("host-0")
    agent = scene_.agent("host-0", interval=1, seal=1)
    agent.start()
    agent.wait_for("event=sealed")
    for _ in range(trials):
        agent.signal(signal.SIGSTOP)
        time.sleep(2.5)
        start = len(agent.text())
        agent.signal(signal.SIGCONT)
        agent.wait_for("event=sealed", start=start)
    agent.stop()
    server.stop()
    account = scene_.account()
    lost, doubled = scene_.lost_and_doubled(account)
    return Outcome(
        trials=trials,
        lost=lost,
        doubled=doubled,
        unseen_ms=account.hosts["host-0"].unseen_ms(),
        unavoidable_ms=1_000,
        figures={"chunks": len(account.seqs("host-0"))},
        problems=account.wrong,
    )
