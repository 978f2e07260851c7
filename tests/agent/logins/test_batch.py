"""Batches: what is written comes back, damage is told, and every count stands in exactly one chunk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from login_logs import KEY, NOW_MS

from agent.enrol import AGENT
from agent.errors import StateError
from agent.files import RealFiles
from agent.logins.batch import BATCH, Batch, Piece, divided, load, planned, sealed_of
from agent.logins.sealing import Signer
from agent.logins.tally import Lines, united
from agent.sealing import ClockEstimate, Place
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.keys import PrivateKey

CALENDAR = LocalCalendar("Asia/Shanghai")
TODAY = CALENDAR.day_of(NOW_MS)
COUNTS = st.dictionaries(
    st.tuples(st.integers(TODAY - 40, TODAY), st.binary(min_size=16, max_size=16)),
    st.integers(1, 9),
    max_size=12,
)


def batch(**more) -> Batch:
    return Batch(chain="0" * 64, cursor_ms=NOW_MS, first_day=TODAY, marks="00" * 32, **more)


def signer() -> Signer:
    return Signer(
        enterprise="Example 示例", host="web-1", key=PrivateKey.from_seed(KEY), calendar=CALENDAR,
        account_key="0" * 16, excluded="robot", interval_ms=10_000, logs={"login-success/1": "ssh (auth)"},
    )  # fmt: skip


def test_a_batch_comes_back_as_it_was(tmp_path):
    counts = {(TODAY, bytes(16)): 3, (TODAY - 1, b"\xff" * 16): 2**40}
    written = batch(
        first_seq=7,
        pieces=[Piece("login-success/1", 1, 2, counts), Piece("client-address/1", 2, 2, {})],
        waiting={"login-success/1": {(TODAY + 1, bytes(16)): 1}},
        logs={"ssh": {"files": []}},
        lines={"ssh": Lines(read=3, counted=2)},
    )
    assert load(RealFiles(), str(tmp_path)) is None
    written.save(RealFiles(), str(tmp_path))
    assert load(RealFiles(), str(tmp_path)) == written


def test_a_damaged_batch_is_told_and_not_believed(tmp_path):
    batch(pieces=[Piece("login-success/1", 1, 2, {(TODAY, bytes(16)): 3})]).save(RealFiles(), str(tmp_path))
    path = tmp_path / BATCH
    whole = path.read_bytes()
    for data in (whole[:-28], whole + bytes(28), whole[:20], b"{}\n", whole.replace(b"batch/1", b"batch/9")):
        path.write_bytes(data)
        with pytest.raises(StateError, match="damaged"):
            load(RealFiles(), str(tmp_path))


def test_a_disk_that_takes_no_batch_is_told(tmp_path):
    with pytest.raises(StateError, match="cannot be written"):
        batch().save(RealFiles(), str(tmp_path / "none"))


@settings(deadline=None)
@given(first=COUNTS, second=COUNTS, hours=st.integers(0, 72), vouched=st.booleans())
def test_every_count_stands_in_one_chunk_that_the_format_takes(first, second, hours, vouched):
    slot = (NOW_MS - hours * 3_600_000 - 1, NOW_MS) if vouched else None
    counts = {"authenticated-request/1": first, "login-success/1": second}
    pieces = planned(counts, slot, at_ms=NOW_MS, calendar=CALENDAR)
    for definition, wanted in counts.items():
        assert united(piece.counts for piece in pieces if piece.definition == definition) == wanted
    assert [(piece.start_ms, piece.end_ms) for piece in pieces if piece.start_ms != piece.end_ms] == (
        [slot] if slot else []
    )
    for number, piece in enumerate(pieces):
        frame = signer().frame(piece, Place(number, "0" * 64, 0), ClockEstimate())
        chunk = open_chunk(read_frame(frame), signer().key.public)
        assert chunk.header.source == "login-log"
        assert chunk.header.agent == AGENT
        assert sum(chunk.values[4]) == sum(piece.counts.values())


def test_days_that_have_not_begun_wait():
    counts = {(TODAY, bytes(16)): 1, (TODAY + 1, bytes(16)): 2}
    now, later = divided(counts, NOW_MS, CALENDAR)
    assert (list(now.values()), list(later.values())) == ([1], [2])
    assert divided(now, NOW_MS, CALENDAR) == (now, {})


@pytest.mark.parametrize(("newest", "sealed"), [(-1, 0), (6, 0), (7, 1), (8, 2), (40, 2)])
def test_the_chain_says_how_many_chunks_of_a_batch_it_has(newest, sealed):
    assert (
        sealed_of(batch(first_seq=7, pieces=[Piece("a/1", 1, 1, {}), Piece("a/1", 1, 2, {})]), newest)
        == sealed
    )
