"""Attacks on what was measured: edited samples, faked counters, forged files, useless load, replayed days."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attacker import made_busier, of_host, signed_again
from fleet import Agent
from fleet_simulator import (
    DAY_MS,
    EVE,
    FIRST_MS,
    HOUR_MS,
    LAST_DAYS,
    Site,
    Witnesses,
    works,
)
from packs import contents, frames, written
from reviewer import Fork, Twin, attack, audited, expect, figure
from sqlalchemy import select
from table import Way
from witnesses import PostOffice

from collector.importing.run import Order, import_file
from collector.store import schema
from evidence.chunk import read_frame
from verifier.check import CheckReport
from verifier.errors import ArchiveError


def busier_days(site: Site, agent: Agent, day: int) -> None:
    works(agent, day, more=40)
    site.seal(agent)


# Edited sample


@attack("edited-sample", "bytes in the pack")
def test_edited_sample_by_who_has_no_key(way: Way, honest: Twin) -> None:
    entries = contents(honest.pack)
    name = of_host(entries, "web-1")[4]
    entries[name] = entries[name][:-9] + bytes(byte ^ 1 for byte in entries[name][-9:])
    expect(way, honest.site.reviewed(written(entries)), honest)


@attack("edited-sample", "in the collector's database")
def test_edited_sample_in_the_database(way: Way, forked: Fork, honest: Twin) -> None:
    site, table = forked(honest.site), schema.chunk_frame
    with site.opened.store.writing() as connection:
        of_seq = (
            select(schema.chunk.c.id).where(schema.chunk.c.seq == 20).order_by(schema.chunk.c.id).limit(1)
        )
        row = connection.execute(select(table).where(table.c.chunk_id == of_seq.scalar_subquery())).first()
        assert row is not None
        changed = row.frame[:-9] + bytes(byte ^ 1 for byte in row.frame[-9:])
        connection.execute(table.update().where(table.c.chunk_id == row.chunk_id).values(frame=changed))
    assert not audited(honest.site)
    assert way.codes <= audited(site)
    with pytest.raises(ArchiveError):
        site.pack()


@attack("edited-sample", "signed again with the host's key")
def test_edited_sample_signed_again(way: Way, honest: Twin) -> None:
    entries = contents(honest.pack)
    name = of_host(entries, "web-1")[4]
    entries[name] = b"".join(made_busier(frame) for frame in frames(entries[name]))
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


@attack("edited-sample", "everything after it made again")
def test_edited_sample_with_a_new_history(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.month(busier_days, days=LAST_DAYS)
    report = site.reviewed(outside=honest.site.outside)
    expect(way, report, honest)
    assert figure(report, "cpu_utilization")["value"] > figure(honest.report, "cpu_utilization")["value"]


# Root fakes /proc


@attack("faked-proc", "impossible counters")
def test_faked_proc_with_more_ticks_than_time(way: Way, forked: Fork, honest: Twin) -> None:
    def fake(site: Site, agent: Agent, day: int) -> None:
        for _ in range(6):
            agent.counted["user"] += 500_000
            agent.run(hours=4, busy=60)
        site.seal(agent)

    expect(way, forked().month(fake, days=LAST_DAYS).reviewed(), honest)


def hourly(site: Site, agent: Agent, day: int, *, more: int) -> None:
    agent.step_s = 3600
    works(agent, day, more=more)
    site.seal(agent)


def import_averages(site: Site, folder: Path, levels: dict[str, list[int]]) -> None:
    """A provider's file of hourly CPU means of the last days, through the real import."""
    lines = ["host,timestamp,metric,value,period_s"]
    for host, values in levels.items():
        for hour, level in enumerate(values):
            when = datetime.fromtimestamp((FIRST_MS + EVE * DAY_MS + hour * HOUR_MS) / 1000, UTC)
            lines.append(f"{host},{when:%Y-%m-%dT%H:%M:%SZ},cpu.utilization,{level},3600")
    path = folder / "cloud.csv"
    path.write_text("\n".join(lines) + "\n")
    import_file(site.opened, Order(path, "UTC", None), now_ms=site.now_ms)


def levels_of(site: Site, host: str, *, more: int = 0) -> list[int]:
    """The percent that the host's agent measured in each hour of the last days, less ``more``."""
    found = []
    for day in LAST_DAYS:
        for hour in range(24):
            seed = sum(map(ord, host))
            found.append(8 + (seed * 5 + day * 7 + hour * 3) % 11 + (15 if 8 <= hour < 19 else 0) + more)
    return found


@attack("faked-proc", "beside the provider's data")
def test_faked_proc_beside_the_provider(way: Way, forked: Fork, honest: Twin, tmp_path: Path) -> None:
    reports = []
    for number, more in enumerate((0, 40)):
        site = forked()
        site.month(
            lambda site, agent, day, more=more: hourly(site, agent, day, more=more),
            days=LAST_DAYS,
            closes=False,
        )
        (tmp_path / str(number)).mkdir()
        import_averages(site, tmp_path / str(number), {host: levels_of(site, host) for host in site.hosts})
        site.month(days=())
        reports.append(site.reviewed())
    true, faked = reports
    assert "SOURCES_DIFFER" not in {finding.code for finding in true.findings}
    assert true.outcome == "pass"
    expect(way, faked, honest)


@attack("faked-proc", "consistent counters")
def test_faked_proc_that_is_consistent(way: Way, forked: Fork, honest: Twin) -> None:
    report = forked().month(busier_days, days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert figure(report, "cpu_utilization")["value"] > figure(honest.report, "cpu_utilization")["value"]


# The provider's file forged


@attack("forged-provider-file", "agreeing with faked counters")
def test_forged_provider_file(way: Way, forked: Fork, honest: Twin, tmp_path: Path) -> None:
    site = forked()
    site.month(lambda site, agent, day: hourly(site, agent, day, more=40), days=LAST_DAYS, closes=False)
    import_averages(site, tmp_path, {host: levels_of(site, host, more=40) for host in site.hosts})
    report = site.month(days=()).reviewed()
    expect(way, report, honest)
    assert "NOT_ATTESTED" in {finding.code for finding in report.findings}


# Burners and replays: some days in five-minute readings, because questions look at these

FINE_S, SLOTS = 300, 288
WEEK = range(1, 7)
"""Most of the week from Monday, 2 November on."""
GAMES = {"plain": WEEK, "burner": WEEK, "walker": WEEK, "echo": (1, 2), "copier": (2, 6), "noisy": (2, 6)}
PLAYERS = ("plain-1", "burner-1", "walker-1", "echo-1", "echo-2", "copier-1", "noisy-1")


def drawn(*about: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(about).encode()).digest()[:4], "big")


def play(site: Site, agent: Agent, day: int) -> None:
    """Every host plays its own game; ``plain-1`` plays none."""
    name = agent.enrolled.host
    game = name.split("-")[0]
    if day not in GAMES[game]:
        # One reading a day: too far apart for questions, and not longer than a day.
        agent.run(hours=24, busy=30 if game == "burner" else 3)
        site.seal(agent)
        return
    shown = 2 if game in {"copier", "noisy"} else day
    for slot in range(SLOTS):
        busy = 12 + drawn(name, shown, slot) % 30
        rx, tx = 1_000 + drawn(name, day, slot, "rx") % 3_000, 1_000
        if game == "burner":
            busy = 30
        elif game == "walker":
            busy = 26 + drawn(day, slot) % 9 - drawn(day, slot // 12) % 9
        elif game == "noisy" and day == 6:
            busy += drawn(slot, "noise") % 2
        elif game == "echo":
            sent = 200_000 + drawn("echo", day, slot // 12) % 900_000
            rx, tx = (1_000, sent) if name == "echo-1" else (sent, 1_000)
        agent.run(hours=1 / 12, busy=busy, rx=rx, tx=tx)
    site.seal(agent)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, office: PostOffice) -> Iterator[CheckReport]:
    site = Site(tmp_path_factory.mktemp("played"), Witnesses(office), hosts=PLAYERS, step_s=FINE_S).begin()
    yield site.month(play).reviewed()
    site.close()


def asked_of(report: CheckReport, *hosts: str) -> set[str]:
    assert report.report is not None
    asked = report.report["questions"]["asked"]
    return {one["definition"] for one in asked if one["host"] in hosts}


def expect_question(way: Way, report: CheckReport, honest: Twin, *hosts: str) -> None:
    """The question is asked of these hosts and not of the plain one; no verdict changes."""
    assert way.codes <= asked_of(report, *hosts) | asked_of(report, "")
    assert not way.codes & asked_of(report, "plain-1")
    expect(replace(way, codes=frozenset()), report, honest)


@attack("burner", "at a set point")
def test_burner_at_a_set_point(way: Way, played: CheckReport, honest: Twin) -> None:
    expect_question(way, played, honest, "burner-1")


@attack("burner", "traffic from host to host")
def test_self_traffic(way: Way, played: CheckReport, honest: Twin) -> None:
    expect_question(way, played, honest, "echo-1", "echo-2")


@attack("burner", "a random walk")
def test_burner_that_walks_at_random(way: Way, played: CheckReport, honest: Twin) -> None:
    expect_question(way, played, honest, "walker-1")
    assert asked_of(played, "walker-1") == asked_of(played, "plain-1") == set()


@attack("replay", "old bytes under another day")
def test_replayed_bytes(way: Way, honest: Twin) -> None:
    entries = contents(honest.pack)
    early, late = of_host(entries, "web-1")[4], of_host(entries, "web-1")[9]
    entries[late] += entries[early]
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


def test_replayed_bytes_are_stored_once(forked: Fork, honest: Twin) -> None:
    site = forked()
    again = [stored.frame for stored in site.archive.chunks("web-1", 0, 2**62)][3]
    assert site.offer(read_frame(again)) == [("known", "")]
    assert not audited(site)


@attack("replay", "a busy day signed again")
def test_replayed_day(way: Way, played: CheckReport, honest: Twin) -> None:
    expect_question(way, played, honest, "copier-1")


@attack("replay", "with a little noise")
def test_replayed_day_with_noise(way: Way, played: CheckReport, honest: Twin) -> None:
    expect_question(way, played, honest, "noisy-1")
    assert asked_of(played, "noisy-1") == set()
