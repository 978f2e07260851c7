"""Outbox, receipts and log: what is due is handed over, what fails waits, nothing is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fleet import instant

from collector.anchors.courier import Courier, OpenAnchor
from collector.anchors.interface import Got, Head
from collector.errors import AnchorUnreachableError
from collector.log import keeping, receipts
from collector.opening import OpenStore, open_store
from collector.store import anchors, log, log_standing
from evidence.log_entry import ANCHOR, CHUNK

pytestmark = pytest.mark.both_stores

MINUTE_MS = 60_000
DAY_MS = 86_400_000
START_MS = instant("2026-11-01T08:00")


@dataclass
class Witness:
    """Takes checkpoints, or fails while ``down``."""

    down: bool = False
    fault: Exception | None = None
    taken: list[Head] = field(default_factory=list)

    def send(self, head: Head) -> Got:
        if self.down:
            raise self.fault or AnchorUnreachableError("no answer from password=right-horse")
        self.taken.append(head)
        return Got(f"receipt {len(self.taken)} of {id(self)} for {head.sha256}".encode(), 1_234)

    def probe(self) -> str:
        return "there"


class Clock:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def opened(url: str) -> Iterator[OpenStore]:
    found = open_store(url, enterprise="示例企业", now_ms=START_MS)
    with found.store.writing() as connection:
        log.append(connection, [(CHUNK, "0" * 64)], now_ms=START_MS)
    yield found
    found.store.close()


def courier(opened: OpenStore, clock: Clock, **witnesses: Witness) -> Courier:
    kinds = {"mail": "mail", "tsa": "rfc3161"}
    ready = [OpenAnchor(alias, kinds.get(alias, "print"), one) for alias, one in witnesses.items()]
    return Courier(
        opened.store,
        lambda: "示例企业",
        ready,
        clock,
        lambda: 0.5,
        redacted=lambda text: text.replace("right-horse", "***"),
    )


def end_day(opened: OpenStore, clock: Clock) -> None:
    clock.now_ms += DAY_MS
    keeping.keep_days(opened.store, key=opened.keyring.log_key(), now_ms=clock.now_ms)


def stored(opened: OpenStore) -> list[anchors.StoredReceipt]:
    with opened.store.reading() as connection:
        return anchors.receipts(connection)


def waiting(opened: OpenStore, *aliases: str) -> list[anchors.Waiting]:
    with opened.store.reading() as connection:
        return anchors.waiting(connection, aliases)


def test_every_days_checkpoint_reaches_every_anchor_once(opened: OpenStore) -> None:
    clock, mail, tsa = Clock(), Witness(), Witness()
    service = courier(opened, clock, mail=mail, tsa=tsa)
    for _ in range(3):
        end_day(opened, clock)
        service.queue()
        service.queue()
        service.hand_over()
        assert service.hand_over() == []
    assert [head.day for head in mail.taken] == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert [head.note for head in mail.taken] == [head.note for head in tsa.taken]
    assert all(head.enterprise == "示例企业" for head in mail.taken)


def test_nothing_is_due_before_a_day_is_over(opened: OpenStore) -> None:
    witness = Witness()
    service = courier(opened, Clock(), mail=witness)
    keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=START_MS)
    assert service.queue() is None
    assert service.queue(of_day=False) is not None
    assert [one.day for one in service.hand_over()] == [""]


def test_a_receipt_becomes_a_leaf_in_the_same_transaction(opened: OpenStore) -> None:
    clock = Clock()
    end_day(opened, clock)
    service = courier(opened, clock, mail=Witness())
    service.queue()
    [done] = service.hand_over()
    [receipt] = stored(opened)
    assert receipt.sha256 == done.sha256 == hashlib.sha256(receipt.data).hexdigest()
    assert (receipt.alias, receipt.kind, receipt.day, receipt.claimed_ms) == (
        "mail",
        "mail",
        "2026-11-01",
        1_234,
    )
    with opened.store.reading() as connection:
        leaf = log.find(connection, receipt.sha256, kind=ANCHOR)
    assert leaf is not None
    assert leaf.index >= receipt.size


def test_an_anchor_that_is_down_for_a_week_gets_every_day_of_it(opened: OpenStore) -> None:
    clock, mail, tsa = Clock(), Witness(down=True), Witness()
    service = courier(opened, clock, mail=mail, tsa=tsa)
    for _ in range(7):
        end_day(opened, clock)
        service.queue()
        service.hand_over()
    assert (len(mail.taken), len(tsa.taken)) == (0, 7)
    mail.down = False
    clock.now_ms += DAY_MS // 2
    while service.hand_over():
        clock.now_ms += MINUTE_MS
    assert [head.day for head in mail.taken] == [head.day for head in tsa.taken]
    assert waiting(opened, "mail", "tsa") == []


def test_the_pause_grows_and_its_reason_is_kept_without_secrets(opened: OpenStore) -> None:
    clock, witness = Clock(), Witness(down=True)
    end_day(opened, clock)
    service = courier(opened, clock, mail=witness)
    service.queue()
    pauses = []
    for attempt in range(1, 13):
        [failed] = service.hand_over()
        assert service.hand_over() == []
        [one] = waiting(opened, "mail")
        assert (one.attempts, one.error) == (attempt, failed.error)
        pauses.append(one.next_ms - clock.now_ms)
        clock.now_ms = one.next_ms
    assert pauses[0] < 2 * MINUTE_MS
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 6 * 60 * MINUTE_MS
    assert "right-horse" not in failed.error
    assert "***" in failed.error


def test_a_clock_that_was_ahead_puts_no_anchor_off(opened: OpenStore) -> None:
    clock, mail = Clock(), Witness()
    service = courier(opened, clock, mail=mail)
    end_day(opened, clock)
    service.queue()
    clock.now_ms += 365 * DAY_MS
    assert [one.error for one in service.hand_over()] == [""]
    clock.now_ms -= 365 * DAY_MS
    end_day(opened, clock)
    service.queue()
    mail.down = True
    clock.now_ms += 365 * DAY_MS
    service.hand_over()
    clock.now_ms -= 365 * DAY_MS
    mail.down = False
    assert [one.error for one in service.hand_over()] == [""]
    with opened.store.reading() as connection:
        (state,) = log_standing.anchor_states(connection)
    assert (state.taken, state.last_ms) == (2, clock.now_ms), "the last that it took, not the latest time"


def test_by_hand_it_does_not_wait_for_the_pause(opened: OpenStore) -> None:
    clock, witness = Clock(), Witness(down=True)
    end_day(opened, clock)
    service = courier(opened, clock, mail=witness, other=Witness())
    service.queue()
    service.hand_over()
    witness.down = False
    assert service.hand_over() == []
    assert [one.sha256 != "" for one in service.hand_over(only_due=False, alias="mail")] == [True]


def test_a_fault_of_a_library_is_kept_like_any_other(opened: OpenStore) -> None:
    clock = Clock()
    end_day(opened, clock)
    service = courier(opened, clock, mail=Witness(down=True, fault=RuntimeError("odd")), tsa=Witness())
    service.queue()
    assert sorted((one.alias, one.error) for one in service.hand_over()) == [
        ("mail", "RuntimeError: odd"),
        ("tsa", ""),
    ]


def test_stopping_ends_before_the_next_hand_over(opened: OpenStore) -> None:
    clock, witness = Clock(), Witness()
    end_day(opened, clock)
    service = courier(opened, clock, mail=witness)
    service.queue()
    stopped = Courier(
        service.store, service.enterprise, service.opened, clock, service.chance, stopping=lambda: True
    )
    assert stopped.hand_over() == []
    assert len(waiting(opened, "mail")) == 1


def test_chunks_are_told_to_name_the_newest_time_stamp(opened: OpenStore) -> None:
    clock = Clock()
    mail, tsa = Witness(), Witness(down=True)
    service = courier(opened, clock, mail=mail, tsa=tsa)
    assert _named(opened) == ""
    end_day(opened, clock)
    service.queue()
    service.hand_over()
    assert _named(opened) == stored(opened)[0].sha256
    tsa.down = False
    service.hand_over(only_due=False)
    stamp = next(one for one in stored(opened) if one.kind == "rfc3161")
    assert _named(opened) == stamp.sha256
    end_day(opened, clock)
    service.queue()
    tsa.down = True
    service.hand_over()
    assert _named(opened) == stamp.sha256


def test_the_next_day_mark_names_the_receipts(opened: OpenStore) -> None:
    clock = Clock()
    end_day(opened, clock)
    service = courier(opened, clock, mail=Witness())
    service.queue()
    service.hand_over()
    end_day(opened, clock)
    from collector.store import checkpoints
    from evidence.log_records import parse_day_mark

    with opened.store.reading() as connection:
        marks = [parse_day_mark(one.record) for one in checkpoints.day_marks(connection)]
    assert [mark.anchors for mark in marks] == [(), (stored(opened)[0].sha256,)]


def test_the_close_of_a_month_is_anchored_like_a_day(opened: OpenStore) -> None:
    clock, witness = Clock(), Witness()
    clock.now_ms = instant("2026-12-01T00:10")
    keeping.close_month(opened.store, "2026-11", key=opened.keyring.log_key(), now_ms=clock.now_ms)
    service = courier(opened, clock, mail=witness)
    service.queue()
    service.hand_over()
    assert [head.day for head in witness.taken] == ["2026-11"]


def test_receipts_are_found_by_size_and_by_name(opened: OpenStore) -> None:
    clock = Clock()
    service = courier(opened, clock, mail=Witness())
    for _ in range(2):
        end_day(opened, clock)
        service.queue()
        service.hand_over()
    first, second = stored(opened)
    with opened.store.reading() as connection:
        assert anchors.receipts(connection, from_size=second.size) == [second]
        assert anchors.receipts_named(connection, [first.sha256, "f" * 64]) == [first]
        assert anchors.newest_of(connection, "mail") == second
        assert anchors.newest_of(connection, "tsa") is None
        assert anchors.checkpoint_of(connection, first.size) is not None
        assert anchors.checkpoint_of(connection, 10**6) is None
        assert anchors.waiting_count(connection, "mail") == 0


def _named(opened: OpenStore) -> Any:
    return receipts.give(opened.store, [], key=opened.keyring.log_key()).anchor
