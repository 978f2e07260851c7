"""What the agent says about itself, in words."""

import pytest

from agent.state import State
from agent.status import attention, report, text

NOW_MS = 1_767_600_000_000
FINE = {
    "enrolled": True,
    "enterprise": "E",
    "host": "web-1",
    "epoch": 0,
    "key": "ab" * 32,
    "collector": "http://c",
    "state": "/s",
    "running": True,
    "chunks_pending": 1,
    "spool_bytes": 1000,
    "oldest_pending_ms": 5_000,
    "chunks_damaged": 0,
    "chunks_refused": 0,
    "rows_lost_total": 0,
    "seal_failures_total": 0,
    "last_reading_ms": NOW_MS - 30_000,
    "started_ms": NOW_MS - 90_000,
    "interval_ms": 60_000,
    "last_delivery": "OK",
    "last_delivery_ms": NOW_MS - 7_000,
    "last_delivery_message": "",
    "clock_offset_ms": 12,
    "clock_rtt_ms": 3,
    "agent": "starproof-agent 9.9",
    "code": "cd" * 32,
}


def test_an_agent_that_is_well_needs_no_attention():
    assert attention(FINE, now_ms=NOW_MS) == []
    shown = text({**FINE, "attention": []}, now_ms=NOW_MS)
    assert "30 秒前" in shown
    assert "12 ms ± 3 ms" in shown
    assert f"starproof-agent 9.9, 代码 code {'cd' * 32}" in shown
    assert "!" not in shown
    assert "代码 code 未知 unknown" in text({**FINE, "code": None, "attention": []}, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enrolled": False}, "未注册"),
        ({"running": False}, "未运行"),
        ({"last_reading_ms": NOW_MS - 3_600_000}, "没有读数"),
        ({"last_reading_ms": None, "started_ms": NOW_MS - 3_600_000}, "没有读数"),
        ({"chunks_damaged": 2}, "2 个数据块损坏"),
        ({"chunks_refused": 1}, "refused by the collector"),
        ({"rows_lost_total": 9}, "9 个读数丢失"),
        ({"seal_failures_total": 4}, "check the disk"),
        ({"oldest_pending_ms": 90_000_000}, "25 hours"),
        ({"last_delivery": "UNKNOWN_KEY", "last_delivery_message": "enrol"}, "UNKNOWN_KEY enrol"),
        ({"clock_offset_ms": -61_000}, "set up NTP"),
    ],
)
def test_what_needs_attention_is_said_in_words(change, words):
    found = attention({**FINE, **change}, now_ms=NOW_MS)
    assert len(found) == 1
    assert words in found[0]
    assert "!" in text({**FINE, **change, "attention": found}, now_ms=NOW_MS)


def test_what_is_not_known_is_not_judged():
    unknown = {
        **FINE,
        "last_reading_ms": None,
        "started_ms": None,
        "oldest_pending_ms": None,
        "last_delivery": None,
        "last_delivery_ms": None,
        "clock_offset_ms": None,
    }
    assert attention(unknown, now_ms=NOW_MS) == []
    assert "时钟偏差 clock offset: -" in text({**unknown, "attention": []}, now_ms=NOW_MS)


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_a_status_file_that_is_half_written_is_ignored(tmp_path, content):
    state = State(str(tmp_path / "state"))
    state.create()
    state.write("status.json", content)
    assert report(state, now_ms=NOW_MS)["last_reading_ms"] is None


def test_damaged_files_in_the_spool_do_not_disturb_the_report(tmp_path):
    state = State(str(tmp_path / "state"))
    state.create()
    spool = tmp_path / "state" / "spool"
    spool.mkdir()
    (spool / "000000000000.chunk").write_bytes(b"damaged")
    (spool / "note.chunk").write_bytes(b"not ours")
    document = report(state, now_ms=NOW_MS)
    assert (document["chunks_pending"], document["spool_bytes"], document["oldest_pending_ms"]) == (
        1,
        7,
        None,
    )
