"""Attacks on when it was measured and on what was not: forged months, shifted clocks, dropped hours, hidden reboots."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from attacker import relinked
from fleet import Agent, MemoryArchive
from fleet_simulator import (
    DAY_MS,
    DAYS,
    EVE,
    FIRST_MS,
    HOUR_MS,
    LAST_DAYS,
    LOG_KEY,
    MINUTE_MS,
    REVIEWED_MS,
    Site,
    works,
)
from packs import TRUSTED, codes
from reviewer import Fork, Twin, attack, audited, expect, expect_of_both, figure, text_of
from standalone import checked_alone, disagreement
from table import Way

from documents.check_page.page import check_html
from evidence.chunk import parse_header, read_frame
from evidence.stored import StoredChunk
from verifier.anchors.interface import Outside
from verifier.check import CheckReport

Found = Callable[..., Site]
ONE = ("web-1",)
"""Whole months are lived with one host."""


def coverage(report: CheckReport) -> dict[str, int]:
    found: dict[str, int] = figure(report, "cpu_utilization")["coverage"]
    return found


def low(report: CheckReport) -> float:
    return float(figure(report, "cpu_utilization")["low"])


# The month fabricated afterwards


@attack("fabricated-month", "without anchors")
def test_fabricated_month_without_anchors(way: Way, founded: Found, honest: Twin) -> None:
    """In December, with every clock set back to November: only the witnesses are missing."""
    site = founded(stamped=False, mails=False, hosts=ONE).begin().month()
    expect(way, site.reviewed(), honest)


@attack("fabricated-month", "anchored afterwards")
def test_fabricated_month_that_is_anchored_afterwards(way: Way, founded: Found, honest: Twin) -> None:
    site = founded(skew_ms=-35 * DAY_MS, hosts=ONE).begin().month()
    expect(way, site.reviewed(), honest)


@attack("fabricated-month", "delivered afterwards")
def test_fabricated_month_that_is_delivered_afterwards(way: Way, founded: Found, honest: Twin) -> None:
    """The collector ran and its clock is right; the hosts' chunks come when the month is known."""
    site = founded(stamped=False, hosts=ONE).begin()
    for day in range(DAYS):
        for agent in site.agents.values():
            works(agent, day, more=20)
            site.seal(agent)
    site.now_ms = FIRST_MS + DAYS * DAY_MS + MINUTE_MS
    site.deliver()
    expect(way, site.month(days=()).reviewed(), honest)


@attack("fabricated-month", "delivered afterwards, empty days anchored in time")
def test_fabricated_month_whose_empty_days_are_anchored(way: Way, founded: Found, honest: Twin) -> None:
    """Every day's checkpoint is outside in time, but nothing was in it."""
    site = founded(stamped=False, hosts=ONE).begin()
    kept: list[StoredChunk] = []

    def keep_back(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, more=40)
        site.seal(agent)
        kept.extend(site.outbox)
        site.outbox.clear()

    site.month(keep_back, closes=False)
    site.now_ms += HOUR_MS
    site.outbox = kept
    site.deliver()
    data = site.month(days=()).pack()
    expect_of_both(way, site, data, honest)
    report = site.reviewed(data)
    assert report.anchors is not None
    assert [day.on_time for day in report.anchors.days] == [False] * (DAYS - 2) + [True] * 2
    assert [(day.chunks_in_time, day.chunks) for day in report.anchors.days[:2]] == [(0, 1), (0, 1)]
    assert "0/1" in text_of(report)


def told_at_once(agent: Agent, hours: int) -> None:
    """One reading after all these hours, then four of an hour each, as busy as anybody likes."""
    agent.run(hours=hours - 4, busy=60, rx=3_000_000, tx=1_000_000, reads=5, writes=5, seen=False)
    agent.run(hours=4, busy=60, rx=3_000_000, tx=1_000_000, reads=5, writes=5)


def states_of_days(site: Site, data: bytes) -> list[str]:
    anchors = site.reviewed(data).anchors
    assert anchors is not None
    return [day.state for day in anchors.days]


@attack("fabricated-month", "told by one interval, empty days anchored in time")
def test_fabricated_month_that_one_interval_tells(way: Way, founded: Found, honest: Twin) -> None:
    """Four honest hours; the last reading of the month, made up when it is known, tells of all that follows."""

    def made_up(site: Site, agent: Agent, day: int) -> None:
        if day == 0:
            works(agent, 0, hours=range(4))
            site.seal(agent)
        elif day == DAYS - 1:
            told_at_once(agent, (DAYS - 1) * 24 + 16)
            works(agent, day, hours=range(20, 24))
            site.seal(agent)

    site = founded(hosts=ONE).begin().month(made_up)
    data = site.pack()
    expect_of_both(way, site, data, honest)
    assert states_of_days(site, data) == ["in_time"] + ["bridged"] * (DAYS - 2) + ["in_time"]
    page = check_html(site.reviewed(data))
    assert "2 天由外部按时证实" in page
    assert "0/0" not in page + text_of(site.reviewed(data))
    assert "712:00:00" in page
    alone = site_alone(site, data)
    assert [day["state"] for day in alone.anchors.days] == states_of_days(site, data)


def site_alone(site: Site, data: bytes) -> Any:
    """What the second verifier says."""
    return checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, now_ms=REVIEWED_MS, outside=site.outside)


@attack("bridged-weeks", "three intervals for the month")
def test_weeks_that_three_intervals_tell(way: Way, founded: Found, honest: Twin) -> None:
    """Not one of them is late by its own end."""

    def every_ten_days(site: Site, agent: Agent, day: int) -> None:
        if day % 10 == 9:
            told_at_once(agent, 240)
            site.seal(agent)

    site = founded(hosts=ONE).begin().month(every_ten_days)
    expect_of_both(way, site, site.pack(), honest)


def test_late_chunks_of_an_honest_host_are_said_and_small_delays_are_not(forked: Fork) -> None:
    """A host without network for three days makes its days incomplete; one that is minutes late does not."""
    site = forked()
    for day in LAST_DAYS:
        for agent in site.agents.values():
            works(agent, day)
        held = site.agents["web-1"]
        site.seal(site.agents["db-1"])
        site.outbox, waiting = [], site.outbox
        site.night(day)  # the mark is there, and the chunk of db-1 comes minutes after it
        site.now_ms += 5 * MINUTE_MS
        site.outbox = waiting
        site.deliver()
    site.seal(held)
    site.deliver()
    data = site.month(days=()).pack()
    report = site.reviewed(data)
    alone = checked_alone(
        data, key=LOG_KEY.public, editions=TRUSTED, now_ms=REVIEWED_MS, outside=site.outside
    )
    assert disagreement(report, alone) == ""
    [late] = [finding for finding in report.findings if finding.code == "CHUNKS_ANCHORED_LATE"]
    assert (late.severity, late.place) == ("incomplete", "2026-11-28")
    assert report.outcome == "incomplete"


# Data prepared in advance


@attack("prepared-in-advance", "released day by day, with time stamps")
def test_prepared_data_name_no_fresh_time_stamp(way: Way, forked: Fork, honest: Twin) -> None:
    """Sealed on the ninth, with the newest stamp of the ninth; nobody could know a later one."""
    site = forked()
    stamps = [receipt for receipt in site.archive.receipts() if receipt.suffix == "tsr"]
    prepared = sha256(stamps[9].data).hexdigest()

    def release(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, more=40)
        site.seal(agent, anchor=prepared)

    expect(way, site.month(release, days=LAST_DAYS).reviewed(), honest)


@attack("prepared-in-advance", "released day by day, by mail alone")
def test_prepared_data_by_mail_alone(way: Way, founded: Found, honest: Twin) -> None:
    def release(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, more=40)
        site.seal(agent, anchor="")

    expect(way, founded(stamped=False, hosts=ONE).begin().month(release).reviewed(), honest)


@attack("prepared-in-advance", "the later time stamps left out of the pack")
def test_prepared_data_beside_receipts_that_were_left_out(way: Way, founded: Found, honest: Twin) -> None:
    """Made before the window with the only stamp of that time; in the pack it would be the newest."""
    site = founded(hosts=ONE).begin()
    [known] = [receipt for receipt in site.archive.receipts() if receipt.suffix == "tsr"]

    def release(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, more=40)
        site.seal(agent, anchor=sha256(known.data).hexdigest())

    site.month(release)
    data = site.pack(keeps=lambda receipt: receipt.suffix != "tsr" or receipt == known)
    expect_of_both(way, site, data, honest)
    assert codes(site.reviewed(data)) == way.codes
    assert "ANCHOR_LEFT_OUT" not in codes(site.reviewed())


@attack("prepared-in-advance", "beside a small fresh chunk of the same day")
def test_prepared_data_beside_a_fresh_chunk_that_names_the_same_stamp(
    way: Way, forked: Fork, honest: Twin
) -> None:
    """A chunk of four hours; the next one, sealed with it, tells of the days after and is kept back until then."""
    site = forked()
    stamps = [receipt for receipt in site.archive.receipts() if receipt.suffix == "tsr"]
    prepared = sha256(stamps[-3].data).hexdigest()  # two days old, as it may be
    late: list[StoredChunk] = []

    def prepare(site: Site, agent: Agent, day: int) -> None:
        if day == EVE:
            works(agent, day, hours=range(4))
            site.seal(agent, anchor=prepared)
            before = len(site.outbox)
            agent.run(hours=24 * len(LAST_DAYS) - 8, busy=60, seen=False)
            agent.run(hours=4, busy=60)
            site.seal(agent, anchor=prepared)
            late.extend(site.outbox[before:])
            del site.outbox[before:]
        elif day == DAYS - 1:
            site.outbox += late
            late.clear()

    site.month(prepare, days=LAST_DAYS)
    expect_of_both(way, site, site.pack(), honest)


@attack("prepared-in-advance", "under a new key every day")
def test_prepared_data_under_a_new_key_every_day(way: Way, forked: Fork, honest: Twin) -> None:
    """The first chunk of a key names no stamp; no second one shows that its program was there."""

    def release(site: Site, agent: Agent, day: int) -> None:
        begun_ms = FIRST_MS + day * DAY_MS
        renewed = site.enrol(agent.enrolled.host, said_ms=begun_ms, start_ms=begun_ms)
        works(renewed, day, more=40)
        site.seal(renewed, anchor="")

    site = forked().month(release, days=LAST_DAYS)
    expect_of_both(way, site, site.pack(), honest)


def renew(site: Site, agent: Agent, day: int, *, rotated: bool, first: str = "") -> None:
    """A new key, whose first chunk names ``first`` and whose second one names the newest stamp."""
    begun_ms = FIRST_MS + day * DAY_MS
    renewed = site.enrol(agent.enrolled.host, said_ms=begun_ms, start_ms=begun_ms, rotated=rotated)
    works(renewed, day, hours=range(20))
    site.seal(renewed, anchor=first)
    works(renewed, day, hours=range(20, 24))
    site.seal(renewed)


@attack("prepared-in-advance", "under a rotated key every day, its last hours fresh")
def test_prepared_data_under_a_rotated_key_whose_last_hours_are_fresh(
    way: Way, forked: Fork, honest: Twin
) -> None:
    """After a rotation an agent knows of the stamps that it knew before."""
    site = forked().month(lambda *of: renew(*of, rotated=True), days=[EVE], closes=False)
    site.month(days=range(EVE + 1, DAYS))
    expect_of_both(way, site, site.pack(), honest)


@attack("prepared-in-advance", "under a key enrolled anew every day, its last hours fresh")
def test_prepared_data_under_a_key_enrolled_anew_whose_last_hours_are_fresh(
    way: Way, forked: Fork, honest: Twin
) -> None:
    """Three times a machine may be set up; its fourth key is asked like any other."""
    site = forked().month(lambda *of: renew(*of, rotated=False), days=LAST_DAYS)
    expect_of_both(way, site, site.pack(), honest)
    stale = [one for one in site.reviewed().findings if one.code == "ANCHOR_STALE"]
    assert [(one.host, one.slot) for one in sorted(stale)] == [
        ("db-1", "2026-11-30"),
        ("web-1", "2026-11-30"),
    ]


@pytest.mark.parametrize(("rotated", "expected"), [(True, set()), (False, {"KEY_BREAK"})])
def test_an_agent_that_is_set_up_anew_or_rotates_its_key_is_honest(
    forked: Fork, *, rotated: bool, expected: set[str]
) -> None:
    site = forked()
    known = site.anchor if rotated else ""
    site.month(lambda *of: renew(*of, rotated=rotated, first=known), days=[EVE], closes=False)
    assert codes(site.month(days=range(EVE + 1, DAYS)).reviewed()) == expected


# Shifted clocks


@attack("shifted-clock", "a host that is ahead")
def test_shifted_clock_of_a_host_that_is_ahead(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.agents["web-1"].wall_ms += 8 * HOUR_MS
    site.agents["web-1"].forget(hours=0)
    site.month(days=LAST_DAYS)
    assert {code for status, code in site.answers if status == "refused"} == way.codes
    assert low(site.reviewed()) < low(honest.report)
    assert {status for status, _ in honest.site.answers} == {"stored"}


@attack("shifted-clock", "a host that is set back")
def test_shifted_clock_of_a_host_that_is_set_back(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.agents["web-1"].wall_ms -= 8 * HOUR_MS
    site.agents["web-1"].forget(hours=0)
    report = site.month(days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert coverage(report)["observed_s"] < coverage(honest.report)["observed_s"]


@attack("shifted-clock", "the whole site ahead")
def test_shifted_clock_of_the_whole_site_ahead(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.skew_ms = 8 * HOUR_MS
    expect(way, site.month(days=LAST_DAYS).reviewed(), honest)


@attack("shifted-clock", "the whole site behind")
def test_shifted_clock_of_the_whole_site_behind(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.skew_ms = -2 * DAY_MS
    expect(way, site.month(days=LAST_DAYS).reviewed(), honest)


@attack("shifted-clock", "the whole site ahead, no anchors")
def test_shifted_clock_without_anchors(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.skew_ms = 8 * HOUR_MS
    expect(way, site.month(days=LAST_DAYS).reviewed(outside=Outside()), honest)


def test_shifted_clock_of_the_collector_is_a_finding_of_the_audit(forked: Fork, honest: Twin) -> None:
    site = forked()
    site.now_ms -= 8 * HOUR_MS
    site.enrol("late-1")
    assert "COLLECTOR_CLOCK_BACK" in audited(site)
    assert "COLLECTOR_CLOCK_BACK" not in audited(honest.site)


# Dropped hours


def without(number: int, host: str = "web-1") -> Callable[[MemoryArchive], None]:
    def drop(archive: MemoryArchive) -> None:
        archive.stored = [one for one in archive.stored if (one.host, one.seq) != (host, number)]

    return drop


@attack("dropped-hours", "chunks taken out of the pack")
def test_dropped_hours_out_of_the_pack(way: Way, honest: Twin) -> None:
    site = honest.site
    report = site.reviewed(site.pack(archive=site.bent(without(12))))
    expect(way, report, honest)
    assert coverage(report)["missing_s"] == 24 * 3600
    assert low(report) < low(honest.report)


@attack("dropped-hours", "chains numbered and signed again")
def test_dropped_hours_with_a_chain_made_anew(way: Way, honest: Twin) -> None:
    site = honest.site

    def renumber(archive: MemoryArchive) -> None:
        without(12)(archive)
        mine = [one for one in archive.stored if one.host == "web-1"]
        archive.stored = [one for one in archive.stored if one.host != "web-1"]
        for old, frame in zip(mine, relinked([one.frame for one in mine]), strict=True):
            seq = parse_header(read_frame(frame).header).seq
            archive.stored.append(StoredChunk(old.host, old.source, old.epoch, seq, old.enrolment, 0, frame))

    expect(way, site.reviewed(site.pack(archive=site.bent(renumber))), honest)


@attack("dropped-hours", "the agent stopped within a boot")
def test_dropped_hours_within_a_boot_change_nothing(way: Way, forked: Fork, honest: Twin) -> None:
    """The counters go on: the difference of the two ends is what it was."""

    def blind_at_night(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, hours=range(8), seen=False)
        works(agent, day, hours=range(8, 24))
        site.seal(agent)

    report = forked().month(blind_at_night, days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    for name in ("value", "low", "high"):
        assert figure(report, "cpu_utilization")[name] == figure(honest.report, "cpu_utilization")[name]


@attack("dropped-hours", "the agent's state lost")
def test_dropped_hours_count_as_nothing(way: Way, forked: Fork, honest: Twin) -> None:
    def forget_the_night(site: Site, agent: Agent, day: int) -> None:
        site.seal(agent)
        works(agent, day, hours=range(8), seen=False)
        agent.forget(hours=0)
        works(agent, day, hours=range(8, 24))
        site.seal(agent)

    report = forked().month(forget_the_night, days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert coverage(report)["missing_s"] == 2 * len(LAST_DAYS) * 8 * 3600
    assert low(report) < low(honest.report)
    assert float(figure(report, "cpu_utilization")["value"]) > low(honest.report)


# Hidden reboots


def rebooting(hide: Callable[[Agent], None]) -> Callable[[Site, Agent, int], None]:
    """Every night of the last days is hidden by a reboot."""

    def work(site: Site, agent: Agent, day: int) -> None:
        site.seal(agent)
        hide(agent)
        works(agent, day, hours=range(8, 24))
        site.seal(agent)

    return work


def same_boot(agent: Agent) -> None:
    agent.reboot(down_s=8 * 3600)
    agent.boot -= 1
    agent.forget(hours=0)


def too_early(agent: Agent) -> None:
    agent.reboot(down_s=8 * 3600)
    agent.boot_ms = agent.mono_ms = 12 * HOUR_MS
    agent.forget(hours=0)


def unexplained(agent: Agent) -> None:
    agent.reboot(down_s=8 * 3600)
    agent.forget(hours=0)


def invented(agent: Agent) -> None:
    agent.reboot(down_s=8 * 3600)


@attack("hidden-reboot", "under the boot id from before")
def test_hidden_reboot_under_the_same_boot_id(way: Way, forked: Fork, honest: Twin) -> None:
    expect(way, forked().month(rebooting(same_boot), days=LAST_DAYS).reviewed(), honest)


@attack("hidden-reboot", "a boot that began too early")
def test_hidden_reboot_that_began_before_the_last_one_ended(way: Way, forked: Fork, honest: Twin) -> None:
    expect(way, forked().month(rebooting(too_early), days=LAST_DAYS).reviewed(), honest)


@attack("hidden-reboot", "an unexplained gap")
def test_hidden_reboot_counts_as_nothing(way: Way, forked: Fork, honest: Twin) -> None:
    report = forked().month(rebooting(unexplained), days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert coverage(report)["missing_s"] == 2 * len(LAST_DAYS) * 8 * 3600
    assert low(report) < low(honest.report)


@attack("hidden-reboot", "an invented shutdown")
def test_hidden_reboot_by_an_invented_shutdown_is_shown(way: Way, forked: Fork, honest: Twin) -> None:
    report = forked().month(rebooting(invented), days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert coverage(report)["downtime_s"] == 2 * len(LAST_DAYS) * 8 * 3600


def test_the_honest_twin_is_wholly_covered(honest: Twin) -> None:
    assert not codes(honest.report)
    assert coverage(honest.report)["observed_s"] == 2 * DAYS * DAY_MS // 1000
