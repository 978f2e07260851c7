"""Attacks on who was measured: hosts left out, joined late, keys enrolled anew, cloned, or odd."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import cast

import pytest
from attacker import made_busier, of_host, signed_again
from fleet import Agent, MemoryArchive
from fleet_simulator import BEGUN_MS, DAY_MS, EVE, FIRST_MS, LAST_DAYS, LOG_KEY, Site, scope_of, works
from memory_log import BehindScopes
from packs import contents, frames
from reviewer import Fork, Twin, attack, audited, expect, expect_of_both, figure
from table import Way

from collector import enrolling
from collector.errors import RequestError
from collector.log import keeping
from evidence import canonical, log_records
from evidence.chunk import read_frame, write_frame
from verifier import layout
from verifier.ports import Log

Found = Callable[..., Site]
EVE_MS = FIRST_MS + EVE * DAY_MS
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point of edwards25519 (RFC 8032, 5.1)."""
IDENTITY = bytes([1, *bytes(31)])
"""The neutral element as a public key; with S = 0 and itself as R it "signs" everything."""


def dropped(host: str, *, epoch: int = 0) -> Callable[[MemoryArchive], None]:
    def drop(archive: MemoryArchive) -> None:
        archive.stored = [one for one in archive.stored if (one.host, one.epoch) != (host, epoch)]

    return drop


# Cherry-picked hosts


@attack("cherry-picked-hosts", "a declared host taken out of the pack")
def test_cherry_picked_by_taking_chunks_out(way: Way, honest: Twin) -> None:
    site = honest.site
    report = site.reviewed(site.pack(archive=site.bent(dropped("db-1"))))
    expect(way, report, honest)
    mine, theirs = figure(report, "cpu_utilization"), figure(honest.report, "cpu_utilization")
    assert float(mine["low"]) < float(theirs["low"])


@attack("cherry-picked-hosts", "out of a later scope")
def test_cherry_picked_by_a_later_scope(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.month(days=LAST_DAYS, closes=False)
    site.declare(scope_of(["web-1"]))
    expect(way, site.month(days=()).reviewed(), honest)


@attack("cherry-picked-hosts", "out of a scope dated back")
def test_cherry_picked_by_a_scope_dated_back(way: Way, founded: Found, honest: Twin) -> None:
    """A second log from the beginning, with another scope; the authority got the first one's checkpoints."""
    site = founded(stamped=False, mails=False, scope=scope_of(["web-1"])).begin().month(days=range(-2, 3))
    expect(way, site.reviewed(outside=honest.site.outside), honest)


def two_scopes(founded: Found) -> Site:
    """A site that declared two scopes before the window, each in a checkpoint that was mailed, and lived two days of it."""
    site = founded(stamped=False)
    for host in site.hosts:
        site.enrol(host)
    site.declare(scope_of(["db-1"]))
    site.declare(scope_of(site.hosts))
    keeping.keep(site.opened.store, key=LOG_KEY, now_ms=site.now_ms)
    site.send(of_day=False)
    return site.month(days=range(-2, 2))


@pytest.fixture
def hesitant(founded: Found) -> Site:
    return two_scopes(founded)


def first_scope_only(archive: MemoryArchive) -> None:
    archive.scopes = archive.scopes[:1]
    dropped("web-1")(archive)


@attack("cherry-picked-hosts", "by the older of two declared scopes, the newer one left out")
def test_cherry_picked_by_a_scope_that_was_replaced(way: Way, hesitant: Site, honest: Twin) -> None:
    data = hesitant.pack(archive=hesitant.bent(first_scope_only))
    expect_of_both(way, hesitant, data, honest)
    (finding,) = (one for one in hesitant.reviewed(data).findings if one.code == "SCOPE_OTHER")
    assert finding.slot == "2026-10-30/2026-11-30"


@attack("cherry-picked-hosts", "by the older of two declared scopes")
def test_cherry_picked_by_the_older_scope_in_the_pack(way: Way, hesitant: Site, honest: Twin) -> None:
    data = hesitant.pack(archive=hesitant.bent(dropped("web-1")), version=1)
    expect_of_both(way, hesitant, data, honest)


@attack("cherry-picked-hosts", "by the older of two declared scopes, under marks of before")
def test_cherry_picked_under_marks_that_name_no_scope(
    way: Way, founded: Found, honest: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His collector marks as older versions did, and the packed leaves begin behind both scopes."""
    monkeypatch.setattr(keeping, "DayMark", lambda *said: log_records.DayMark(*said[:4], scope=None))
    site = two_scopes(founded)
    data = site.pack(archive=site.bent(first_scope_only), log=cast("Log", BehindScopes(site.archive.log)))
    expect_of_both(way, site, data, honest)


@attack("cherry-picked-hosts", "by a scope of the window that is left out of the pack")
def test_cherry_picked_by_hiding_a_scope_of_the_window(way: Way, forked: Fork, honest: Twin) -> None:
    """Of a change within the window the pack tells nothing, and goes on as before."""
    site = forked()
    site.declare(scope_of(["db-1"]))

    def hide(archive: MemoryArchive) -> None:
        archive.scopes = archive.scopes[:1]

    site.month(days=LAST_DAYS)
    expect_of_both(way, site, site.pack(archive=site.bent(hide)), honest)


@attack("cherry-picked-hosts", "never declared")
def test_cherry_picked_before_anybody_looked(way: Way, founded: Found, honest: Twin) -> None:
    expect(way, founded(stamped=False, hosts=("web-1",)).begin().month().reviewed(), honest)


# Late enrolment


@attack("late-enrolment", "declared when it is busy")
def test_late_enrolment_of_a_busy_host(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    site.enrol("busy-1", said_ms=site.now_ms, start_ms=EVE_MS)
    site.declare(scope_of([*site.hosts, "busy-1"]))
    site.month(lambda site, agent, day: (works(agent, day, more=30), site.seal(agent))[1], days=LAST_DAYS)
    report = site.reviewed()
    expect(way, report, honest)
    (host,) = (h for h in figure(report, "cpu_utilization")["hosts"] if h["host"] == "busy-1")
    assert host["coverage"]["missing_s"] == EVE * DAY_MS // 1000


def joined_late(site: Site, *, said_ms: int) -> Site:
    """A busy host that brings readings of the whole month with it."""
    agent = site.enrol("busy-1", said_ms=said_ms)
    for day in range(EVE):
        works(agent, day, more=30)
        site.seal(agent, anchor="")
    site.declare(scope_of([*site.hosts, "busy-1"]))
    return site.month(days=LAST_DAYS)


@attack("late-enrolment", "with readings from before")
def test_late_enrolment_with_readings_from_before(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    expect(way, joined_late(site, said_ms=site.now_ms).reviewed(), honest)


@attack("late-enrolment", "with readings from before, dated back")
def test_late_enrolment_that_dates_itself_back(way: Way, forked: Fork, honest: Twin) -> None:
    expect(way, joined_late(forked(), said_ms=BEGUN_MS).reviewed(), honest)


@attack("late-enrolment", "dated back, with one interval for the time before")
def test_late_enrolment_whose_one_interval_tells_the_month(way: Way, forked: Fork, honest: Twin) -> None:
    """Its readings are not late: they end when it joins."""
    site = forked()
    site.declare(scope_of([*site.hosts, "busy-1"]))
    agent = site.enrol("busy-1", said_ms=BEGUN_MS)
    agent.run(hours=24 * EVE, busy=60, rx=3_000_000, tx=1_000_000, reads=5, writes=5, seen=False)
    agent.run(hours=4, busy=60, rx=3_000_000, tx=1_000_000, reads=5, writes=5)
    site.seal(agent)

    def rest(site: Site, agent: Agent, day: int) -> None:
        joined = agent.enrolled.host == "busy-1" and day == EVE
        works(agent, day, hours=range(4 if joined else 0, 24))
        site.seal(agent)

    site.month(rest, days=LAST_DAYS)
    data = site.pack()
    report = site.reviewed(data)
    told = {(one.host, one.place) for one in report.findings if one.code == "BRIDGED_LONG"}
    assert told == {("busy-1", "agent"), ("busy-1", "agent/0")}
    expect_of_both(way, site, data, honest)


# Keys enrolled anew


def enrolled_anew(site: Site, *, rotated: bool) -> Site:
    site.enrol("web-1", said_ms=site.now_ms, rotated=rotated, start_ms=EVE_MS)
    return site.month(days=LAST_DAYS)


@attack("re-enrolled-key", "without the key before")
def test_re_enrolled_key_without_the_old_one(way: Way, forked: Fork, honest: Twin) -> None:
    site = enrolled_anew(forked(), rotated=False)
    report = site.reviewed()
    expect(way, report, honest)
    assert figure(report, "cpu_utilization")["value"] == figure(honest.report, "cpu_utilization")["value"]


@attack("re-enrolled-key", "the old epoch's chunks left out")
def test_re_enrolled_key_without_the_old_chunks(way: Way, forked: Fork, honest: Twin) -> None:
    site = enrolled_anew(forked(), rotated=True)
    expect(way, site.reviewed(site.pack(archive=site.bent(dropped("web-1")))), honest)


@attack("re-enrolled-key", "the new key and its chunks left out")
def test_re_enrolled_key_that_nothing_names(way: Way, forked: Fork, honest: Twin) -> None:
    """The last key of a host turned out badly: neither its record nor its chunks are in the pack."""

    def hide(archive: MemoryArchive) -> None:
        archive.stored = [one for one in archive.stored if not one.epoch]
        archive.enrolled = [one for one in archive.enrolled if not one.enrolment.epoch]

    site = enrolled_anew(forked(), rotated=True)
    data = site.pack(archive=site.bent(hide))
    expect_of_both(way, site, data, honest)
    found = [one for one in site.reviewed(data).findings if one.code == "LOG_UNACCOUNTED"]
    assert {one.host for one in found} == {"", "web-1"}


@attack("re-enrolled-key", "the old enrolment left out")
@pytest.mark.parametrize("rotated", [True, False])
def test_re_enrolled_key_without_the_old_enrolment(
    way: Way, forked: Fork, honest: Twin, *, rotated: bool
) -> None:
    def hide(archive: MemoryArchive) -> None:
        dropped("web-1")(archive)
        archive.enrolled = [
            one for one in archive.enrolled if (one.enrolment.host, one.enrolment.epoch) != ("web-1", 0)
        ]

    site = enrolled_anew(forked(), rotated=rotated)
    expect(way, site.reviewed(site.pack(archive=site.bent(hide))), honest)


# Cloned keys


@attack("cloned-key", "both machines deliver")
def test_cloned_key_of_two_machines(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked()
    clone = deepcopy(site.agents["web-1"])
    clone.machine = "busy-1"
    site.agents["clone"] = clone
    site.month(days=LAST_DAYS)
    assert {code for status, code in site.answers if status == "refused"} >= way.codes
    assert way.codes <= audited(site)
    assert not way.codes & audited(honest.site)


@attack("cloned-key", "both in the pack")
def test_cloned_key_twice_in_the_pack(way: Way, honest: Twin) -> None:
    entries = contents(honest.pack)
    name = of_host(entries, "web-1")[12]
    entries[name] += made_busier(frames(entries[name])[0])
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


@attack("cloned-key", "one machine under two names")
def test_cloned_machine_under_two_names(way: Way, founded: Found, honest: Twin) -> None:
    site = founded(stamped=False).begin()
    site.agents["db-1"].machine = site.agents["web-1"].machine
    expect(way, site.month().reviewed(), honest)


@attack("cloned-key", "moved there")
def test_cloned_key_moved_to_a_busier_machine(way: Way, forked: Fork, honest: Twin) -> None:
    """The key, the chain and the agent's state move on; to the collector the host was restarted."""
    site = forked()
    web = site.agents["web-1"]
    web.machine = "busy-1"
    web.reboot(down_s=0)

    def busier(site: Site, agent: Agent, day: int) -> None:
        works(agent, day, more=40 if agent is web else 0)
        site.seal(agent)

    report = site.month(busier, days=LAST_DAYS).reviewed()
    expect(way, report, honest)
    assert figure(report, "cpu_utilization")["value"] > figure(honest.report, "cpu_utilization")["value"]


# Odd keys


@attack("odd-keys", "a key of small order")
def test_odd_key_of_small_order(way: Way, forked: Fork, honest: Twin) -> None:
    entries = contents(honest.pack)
    document = json.loads(entries[layout.ENROLMENTS])
    entry = document["enrolments"][0]
    record = json.loads(base64.b64decode(entry["record"]))
    record["key"] = IDENTITY.hex()
    entry["record"] = base64.b64encode(canonical.encode(record)).decode()
    entry["signature"] = base64.b64encode(IDENTITY + bytes(32)).decode()
    entries[layout.ENROLMENTS] = canonical.encode(document)
    expect(way, honest.site.reviewed(signed_again(entries)), honest)
    site = forked()
    request = enrolling.Request("token", canonical.encode(record), IDENTITY + bytes(32), b"")
    with pytest.raises(RequestError):
        enrolling.enrol(site.opened.store, request, now_ms=site.now_ms)


@attack("odd-keys", "a signature whose S is not reduced")
def test_odd_signature_that_is_not_reduced(way: Way, honest: Twin) -> None:
    """Accepted by some libraries and refused by others, which would let its maker choose later."""
    entries = contents(honest.pack)
    name = of_host(entries, "web-1")[-1]
    frame = read_frame(frames(entries[name])[-1])
    number = int.from_bytes(frame.signature[32:], "little") + ORDER
    odd = frame.signature[:32] + number.to_bytes(32, "little")
    entries[name] = write_frame(replace(frame, signature=odd))
    expect(way, honest.site.reviewed(signed_again(entries)), honest)
