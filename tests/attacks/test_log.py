"""Attacks on the log: a second history, a tail cut off, a month left open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from attacker import signed_again
from fleet import Agent, MemoryArchive
from fleet_simulator import (
    DAY_MS,
    DAYS,
    EVE,
    FIRST_MS,
    LAST_DAYS,
    LOG_KEY,
    MINUTE_MS,
    REVIEWED_MS,
    Site,
    honest_work,
    scope_of,
    works,
)
from packs import TRUSTED, contents
from reviewer import Fork, Twin, attack, expect, expect_of_both
from standalone import checked_alone, disagreement
from table import Way

from collector.log import keeping
from collector.store import log
from collector.store.log_archive import StoreLog
from evidence.log_entry import DOCUMENT
from verifier import layout, left_out
from verifier.anchors.interface import Outside

Found = Callable[..., Site]


def better(site: Site, agent: Agent, day: int) -> None:
    works(agent, day, more=30)
    site.seal(agent)


@attack("forked-history", "the authority's mailbox is asked")
def test_forked_history_beside_the_mailbox(way: Way, forked: Fork, honest: Twin) -> None:
    """Both were stamped on time; only the other one was mailed."""
    site = forked().month(better, days=LAST_DAYS)
    expect(way, site.reviewed(outside=honest.site.outside), honest)


@attack("forked-history", "beyond the sizes of the other")
def test_forked_history_that_begins_beyond_the_other(
    way: Way, founded: Found, forked: Fork, honest: Twin
) -> None:
    """Its log was filled before the window, so that no size of the other lies in the packed stretch."""
    site = founded(stamped=False, hosts=("web-1",))
    site.enrol("web-1")
    with site.opened.store.writing() as connection:
        for number in range(400):
            filler = (DOCUMENT, sha256(b"%d" % number).hexdigest())
            log.append(connection, [filler], now_ms=site.now_ms)
    keeping.keep(site.opened.store, key=LOG_KEY, now_ms=site.now_ms)
    site.declare(scope_of(site.hosts))
    keeping.keep(site.opened.store, key=LOG_KEY, now_ms=site.now_ms)
    site.send(of_day=False)
    data = site.month(better).pack()
    both = Outside(mail=[*site.outside.mail, *((f"1-{name}", raw) for name, raw in honest.site.outside.mail)])
    report = site.reviewed(data, outside=both)
    expect(way, report, honest)
    alone = checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, now_ms=REVIEWED_MS, outside=both)
    assert disagreement(report, alone) == ""
    assert {finding.place[:2] for finding in report.findings if finding.code == "ANCHOR_FORK"} == {"1-"}
    assert site.reviewed(data).outcome == "pass"


@attack("forked-history", "time stamps alone")
def test_forked_history_without_a_mailbox(way: Way, forked: Fork, honest: Twin) -> None:
    site = forked().month(better, days=LAST_DAYS)
    stamps_alone = Outside(tsa_roots=site.outside.tsa_roots)
    expect(way, site.reviewed(outside=stamps_alone), honest)


def cut(archive: MemoryArchive) -> None:
    archive.stored = [one for one in archive.stored if one.host != "web-1" or one.seq < DAYS - 2]


@attack("cut-tail", "out of the pack")
def test_cut_tail_of_the_pack(way: Way, honest: Twin) -> None:
    site = honest.site
    data = site.pack(archive=site.bent(cut))
    expect_of_both(way, site, data, honest)
    (finding,) = (one for one in site.reviewed(data).findings if one.code == "LOG_CUT")
    assert (finding.host, finding.place, finding.expected) == ("web-1", "agent/0/28", "to number 29")
    assert finding.slot == "2026-11-28T16Z/2026-11-30T15Z"


@attack("cut-tail", "out of the pack and the headers")
def test_cut_tail_without_the_headers(way: Way, honest: Twin) -> None:
    site = honest.site
    entries = contents(site.pack(archive=site.bent(cut)))
    entries[layout.LOG_LEFT_OUT] = left_out.encode(())
    expect_of_both(way, site, signed_again(entries), honest)


@attack("cut-tail", "out of the log too")
def test_cut_tail_of_the_log(way: Way, forked: Fork, honest: Twin) -> None:
    """The last days of a host never happened, in a log that was made again; the mailbox remembers."""

    def silent(site: Site, agent: Agent, day: int) -> None:
        if agent.enrolled.host != "web-1":
            honest_work(site, agent, day)

    site = forked().month(silent, days=LAST_DAYS)
    expect(way, site.reviewed(outside=honest.site.outside), honest)


class LogWithoutClose(StoreLog):
    """The log of a site that hides that it closed the month."""

    def closes(self) -> Sequence[tuple[int, bytes]]:
        return ()


@attack("missing-close", "never closed")
def test_missing_close(way: Way, forked: Fork, honest: Twin) -> None:
    expect(way, forked().month(days=LAST_DAYS, closes=False).reviewed(), honest)


def open_month(site: Site, *, days_late: int) -> Site:
    """All but the last day as it should be; what was read on that day is busier, and delivered so many days later."""
    site.month(days=range(EVE, DAYS - 1), closes=False)
    for agent in site.agents.values():
        works(agent, DAYS - 1, more=60)
        site.seal(agent)
    site.now_ms = FIRST_MS + (DAYS + days_late) * DAY_MS + MINUTE_MS
    site.deliver()
    return site


@attack("missing-close", "the pack made before the window ended")
def test_missing_close_of_a_pack_that_was_made_early(way: Way, forked: Fork, honest: Twin) -> None:
    site = open_month(forked(), days_late=0)
    expect_of_both(way, site, site.pack(made_ms=FIRST_MS + DAYS * DAY_MS - 1_000), honest)


@attack("missing-close", "the pack dated back before the window ended")
def test_missing_close_of_a_pack_that_is_dated_back(way: Way, forked: Fork, honest: Twin) -> None:
    site = open_month(forked(), days_late=3)
    expect_of_both(way, site, site.pack(made_ms=FIRST_MS + DAYS * DAY_MS - 1_000), honest)


@attack("missing-close", "the close taken out of the pack")
def test_missing_close_that_was_taken_out(way: Way, honest: Twin) -> None:
    site = honest.site
    expect(way, site.reviewed(site.pack(log=LogWithoutClose(site.opened.store))), honest)
