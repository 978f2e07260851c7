"""Attacks on the log: a second history, a tail cut off, a month left open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fleet import Agent, MemoryArchive
from fleet_simulator import DAYS, LAST_DAYS, Site, honest_work, works
from reviewer import Fork, Twin, attack, expect
from table import Way

from collector.store.log_archive import StoreLog
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
    expect(way, site.reviewed(site.pack(archive=site.bent(cut))), honest)


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


@attack("missing-close", "the close taken out of the pack")
def test_missing_close_that_was_taken_out(way: Way, honest: Twin) -> None:
    site = honest.site
    expect(way, site.reviewed(site.pack(log=LogWithoutClose(site.opened.store))), honest)
