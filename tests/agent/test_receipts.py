"""What the agent believes of the collector's log, what it remembers, and what it says of a bent one."""

from __future__ import annotations

import base64
import json
import os

import pytest

from agent.answers import Sent
from agent.receipts import FORKED, NO_RECEIPT, SHRANK, WRONG_RECEIPT, Receipts
from agent.state import RECEIPT, State
from evidence import checkpoint, merkle
from evidence.keys import PrivateKey
from evidence.log_entry import CHUNK, LogEntry
from evidence.merkle import Frontier

KEY = PrivateKey.from_seed(b"\x05" * 32)
OTHER = PrivateKey.from_seed(b"\x06" * 32)


def some(number: int) -> str:
    return f"{number:064x}"


class Log:
    """A log that answers as a collector does."""

    def __init__(self, key: PrivateKey = KEY):
        self.key, self.frontier, self.nodes, self.entries = key, Frontier(), {}, []

    def add(self, *hashes: str) -> None:
        for hash_ in hashes:
            entry = LogEntry(CHUNK, hash_, 1_000 + len(self.entries))
            index = self.frontier.size
            self.frontier, completed = self.frontier.append(entry.leaf)
            self.nodes.update({(level, index >> level): node for level, node in enumerate(completed)})
            self.entries.append(entry)

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def answer(self, sent: list, headers: dict, anchor: str = "") -> dict:
        size = self.frontier.size
        document = {
            "results": [self.result(one) for one in sent],
            "checkpoint": checkpoint.sign(size, self.frontier.root, key=self.key).decode(),
            "anchor": anchor,
        }
        known = int(headers.get("X-StarProof-Log-Size", -1))
        if 0 <= known <= size:
            document["consistency"] = encoded(merkle.consistency_proof(known, size, self.node))
        return document

    def result(self, sent: Sent) -> dict:
        index = [entry.hash for entry in self.entries].index(sent.hash)
        return {
            "key": sent.key,
            "seq": sent.seq,
            "hash": sent.hash,
            "status": "stored",
            "leaf": index,
            "arrival_ms": self.entries[index].arrival_ms,
            "proof": encoded(merkle.inclusion_proof(index, self.frontier.size, self.node)),
        }


def encoded(hashes) -> list[str]:
    return [base64.b64encode(hash_).decode() for hash_ in hashes]


def sent(number: int) -> list[Sent]:
    return [Sent(number, some(99), some(number))]


@pytest.fixture
def state(tmp_path):
    made = State(str(tmp_path / "state"))
    made.create()
    return made


def grown(count: int, key: PrivateKey = KEY) -> Log:
    log = Log(key)
    log.add(*(some(number) for number in range(count)))
    return log


def receive(receipts: Receipts, log: Log, number: int, **changes):
    answer = log.answer(sent(number), receipts.headers(), anchor=changes.pop("anchor", ""))
    return receipts.take({**answer, **changes}, sent(number))


def test_a_sound_receipt_is_kept_and_survives_a_restart(state):
    log, receipts = grown(3), Receipts(state, KEY.public)
    assert receipts.headers() == {}
    assert receive(receipts, log, 1, anchor=some(7)) is None
    assert (receipts.headers(), receipts.anchor) == ({"X-StarProof-Log-Size": "3"}, some(7))
    again = Receipts(state, KEY.public)
    assert (again.headers(), again.anchor) == ({"X-StarProof-Log-Size": "3"}, some(7))
    log.add(some(50), some(51))
    assert receive(again, log, 51) is None
    assert again.headers() == {"X-StarProof-Log-Size": "5"}
    assert again.anchor == some(7)  # an answer without one takes nothing away
    assert receive(again, log, 51) is None


def test_an_agent_without_a_pinned_key_keeps_the_anchor_only(state):
    receipts = Receipts(state, None)
    assert receipts.take({"results": [], "anchor": some(7)}, sent(1)) is None
    assert (receipts.headers(), Receipts(state, None).anchor) == ({}, some(7))
    assert receipts.take({"results": [], "anchor": "x"}, sent(1)) is None
    assert receipts.take({"results": [], "anchor": 5}, sent(1)) is None
    assert receipts.anchor == some(7)


def test_a_log_that_shrank_is_told_and_the_kept_one_stays(state):
    receipts = Receipts(state, KEY.public)
    receive(receipts, grown(5), 1)
    problem = receive(receipts, grown(3), 1)
    assert (problem.code, problem.is_new) == (SHRANK, True)
    assert receive(receipts, grown(3), 1).is_new is False
    assert receipts.headers() == {"X-StarProof-Log-Size": "5"}
    assert receive(receipts, grown(5), 1) is None
    assert receive(receipts, grown(3), 1).is_new


@pytest.mark.parametrize("more", [0, 4])
def test_a_log_that_forked_is_told(state, more):
    receipts = Receipts(state, KEY.public)
    receive(receipts, grown(5), 1)
    forked = Log()
    forked.add(some(60), *(some(number) for number in range(1, 5 + more)))
    problem = receive(receipts, forked, 1)
    assert problem.code == FORKED
    assert receipts.headers() == {"X-StarProof-Log-Size": "5"}


def test_a_longer_log_without_a_proof_is_not_believed(state):
    receipts = Receipts(state, KEY.public)
    receive(receipts, grown(5), 1)
    assert receive(receipts, grown(6), 1, consistency=None).code == FORKED


def test_a_collector_that_gives_no_receipt_is_told(state):
    receipts = Receipts(state, KEY.public)
    assert receipts.take({"results": []}, sent(1)).code == NO_RECEIPT


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": 2},
        {"leaf": "1"},
        {"arrival_ms": 5},
        {"arrival_ms": None},
        {"arrival_ms": -1},
        {"proof": None},
        {"proof": []},
        {"proof": ["?"]},
        {"proof": [1]},
        {"proof": [""] * 200},
    ],
)
def test_a_chunk_that_is_not_in_the_log_is_told(state, change):
    log, receipts = grown(3), Receipts(state, KEY.public)
    result = {**log.result(sent(1)[0]), **change}
    problem = receive(receipts, log, 1, results=[{"key": []}, "odd", result])
    assert problem.code == WRONG_RECEIPT
    assert receipts.headers() == {}


def test_a_checkpoint_of_another_key_or_of_odd_characters_is_told(state):
    receipts = Receipts(state, KEY.public)
    assert receive(receipts, grown(3, OTHER), 1).code == WRONG_RECEIPT
    assert receive(receipts, grown(3), 1, checkpoint="\ud800").code == WRONG_RECEIPT


@pytest.mark.parametrize("data", [b"\xff", b"{", b"[]", b'{"checkpoint": "x"}', b'{"anchor": 7}'])
def test_a_damaged_receipt_is_as_good_as_none(state, data):
    state.write(RECEIPT, data)
    receipts = Receipts(state, KEY.public)
    assert (receipts.headers(), receipts.anchor) == ({}, "")


def test_a_receipt_of_another_collector_is_not_gone_on_from(state):
    receive(Receipts(state, KEY.public), grown(3), 1)
    assert Receipts(state, OTHER.public).headers() == {}


def test_a_receipt_that_the_disk_does_not_take_is_told(state):
    receipts = Receipts(state, KEY.public)
    os.mkdir(state.path(RECEIPT))
    assert receive(receipts, grown(3), 1).code == "RECEIPT_NOT_KEPT"


def test_what_is_kept_is_readable(state):
    receive(Receipts(state, KEY.public), grown(3), 1)
    document = json.loads(state.read(RECEIPT))
    assert checkpoint.verify(document["checkpoint"].encode(), KEY.public).size == 3
