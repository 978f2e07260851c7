"""What a host does behind a relay, over real HTTP: nothing is let go on its word."""

import pytest
from collector_double import CollectorDouble
from machine_double import CHAIN, make_key
from test_delivery import SERVER_MS, Scene

from agent.receipts import Receipts
from agent.relaying import MOST_AGAIN_S, Relay, again_s
from agent.state import State

KEY = make_key()


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=lambda: SERVER_MS)
    double.pinned["web-1"] = [(KEY.public, CHAIN)]
    yield double
    double.close()


def behind(folder, collector):
    state = State(str(folder / "state"))
    state.create()
    log_key = make_key().public
    return Scene(folder, collector, receipts=Receipts(state, log_key), relay=Relay(state)), state


def test_a_relay_that_says_stored_without_the_logs_proof_gets_nothing_let_go(tmp_path, collector):
    scene, state = behind(tmp_path, collector)
    scene.writer.seal(2)

    def lying(path, body):
        return 200, {**collector._chunks(body)[1], "relay": True}, {}

    collector.fault = lying
    assert scene.cycle() > 0
    assert scene.writer.spool.pending() == [0, 1]
    assert scene.result == "NO_RECEIPT"
    assert state.read("relay") == b"1\n"
    # It forgets to say that it is a relay: the host does not.
    collector.fault = lambda path, body: None
    scene.now_s = 1_000.0
    scene.cycle()
    assert scene.writer.spool.pending() == [0, 1]
    assert Relay(state).is_between


def test_what_is_relayed_stays_and_is_asked_about_later_while_new_chunks_go_out(tmp_path, collector):
    scene, _ = behind(tmp_path, collector)
    sent = []

    def relaying(path, body):
        results = [{**one, "status": "relayed"} for one in collector._chunks(body)[1]["results"]]
        sent.append([one["seq"] for one in results])
        return 200, {"relay": True, "again_s": 30, "results": results}, {}

    collector.fault = relaying
    scene.writer.seal(2)
    assert scene.cycle() == 0.0
    assert scene.result == "RELAYED"
    assert scene.cycle() is None
    scene.writer.seal(1)
    scene.now_s = 20.0
    scene.cycle()
    assert scene.cycle() is None
    scene.now_s = 31.0
    scene.cycle()
    assert sent == [[0, 1], [2], [0, 1, 2]]
    assert scene.writer.spool.pending() == [0, 1, 2]


def test_a_relay_asks_for_a_bounded_wait():
    assert [again_s({"again_s": value}) for value in (5, 0, 10**9, "x", True, float("nan"))] == [
        5.0, 1.0, MOST_AGAIN_S, 60.0, 60.0, 60.0,
    ]  # fmt: skip
