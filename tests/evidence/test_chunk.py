from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict, replace

import pytest
from drafts import KEY, START_MS, Draft, averages_manifest, steady
from hypothesis import given
from hypothesis import strategies as st

from evidence import canonical, chunk, columns
from evidence.dsse import CHUNK_TYPE
from evidence.errors import (
    BadSignatureError,
    EvidenceError,
    LimitExceededError,
    MalformedError,
    MismatchError,
    OutOfRangeError,
)
from evidence.keys import PrivateKey

FRAME = steady(5).seal()
OTHER = PrivateKey.from_seed(bytes(32))


def signed(header: dict[str, object], *, key: PrivateKey = KEY, base: bytes = FRAME) -> chunk.Frame:
    body = canonical.encode(header)
    return replace(
        chunk.read_frame(base), key=key.public.id, header=body, signature=key.sign(CHUNK_TYPE, body)
    )


def header_of(frame: bytes = FRAME) -> dict[str, object]:
    return json.loads(chunk.read_frame(frame).header)


def averages(rows: list[tuple[int, int, int]], scale: int = 9) -> Draft:
    draft = Draft(manifest=averages_manifest(scale=scale), values=[list(column) for column in zip(*rows)])
    return draft.with_header(source="import")


def test_a_sealed_chunk_opens_with_everything_it_held(draft: Draft) -> None:
    opened = draft.open()
    assert [list(values) for values in opened.values] == draft.values
    assert opened.manifest == draft.manifest
    assert opened.header.rows == 11
    assert opened.header.key == KEY.public.id
    assert opened.hash == chunk.read_frame(draft.seal()).hash


def test_frames_follow_one_another() -> None:
    first, offset = chunk.take_frame(FRAME + FRAME, 0)
    second, end = chunk.take_frame(FRAME + FRAME, offset)
    assert (first, end) == (second, 2 * len(FRAME))
    with pytest.raises(MalformedError, match="bytes follow"):
        chunk.read_frame(FRAME + b"\0")


def test_the_header_of_a_frame_is_found_whatever_has_become_of_its_rest() -> None:
    whole = chunk.read_frame(FRAME)
    end = FRAME.index(whole.header) + len(whole.header)
    assert chunk.take_header(b"12345" + FRAME[:end] + b"torn", 5) == (whole.signature, whole.header)
    for torn in (FRAME[: end - 1], FRAME[:100], b""):
        with pytest.raises(MalformedError):
            chunk.take_header(torn, 0)
    with pytest.raises(LimitExceededError):
        chunk.take_header(FRAME[:100] + b"\xff" * 9_000, 0)


def refuse(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        chunk.open_chunk(chunk.read_frame(data), KEY.public)


def test_every_flipped_bit_is_refused() -> None:
    for position in range(len(FRAME)):
        for bit in range(8):
            refuse(FRAME[:position] + bytes([FRAME[position] ^ 1 << bit]) + FRAME[position + 1 :])


def test_every_removed_byte_is_refused() -> None:
    for position in range(len(FRAME)):
        refuse(FRAME[:position] + FRAME[position + 1 :])


@given(st.integers(0, len(FRAME)), st.integers(0, 255))
def test_every_inserted_byte_is_refused(position: int, value: int) -> None:
    refuse(FRAME[:position] + bytes([value]) + FRAME[position:])


@given(st.integers(0, len(FRAME) - 5), st.integers(0, 255))
def test_a_changed_byte_with_its_checksum_mended_changes_nothing_that_is_signed(
    position: int, value: int
) -> None:
    body = FRAME[:position] + bytes([value]) + FRAME[position + 1 : -4]
    try:
        opened = chunk.open_chunk(chunk.read_frame(body + struct.pack("<I", zlib.crc32(body))), KEY.public)
    except EvidenceError:
        return
    assert asdict(opened.header) == asdict(chunk.open_chunk(chunk.read_frame(FRAME), KEY.public).header)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_with_a_typed_error(data: bytes) -> None:
    with pytest.raises(MalformedError):
        chunk.read_frame(data)


@pytest.mark.parametrize("cut", range(1, len(FRAME), 37))
def test_a_cut_frame_is_refused(cut: int) -> None:
    with pytest.raises(MalformedError):
        chunk.read_frame(FRAME[:cut])


def test_lengths_are_bounded_before_anything_is_read() -> None:
    place = struct.calcsize("<4s32s64s")
    with pytest.raises(LimitExceededError, match="header of"):
        chunk.read_frame(FRAME[:place] + struct.pack("<I", chunk.MAX_HEADER_BYTES + 1) + FRAME[place + 4 :])


def test_another_key_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        chunk.open_chunk(chunk.read_frame(FRAME), OTHER.public)


def test_the_header_names_the_key_that_signed() -> None:
    with pytest.raises(MismatchError, match="another key"):
        chunk.open_chunk(replace(signed(header_of(), key=OTHER), key=OTHER.public.id), OTHER.public)
    with pytest.raises(MismatchError, match="another key"):
        chunk.open_chunk(replace(chunk.read_frame(FRAME), key=OTHER.public.id), KEY.public)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "starproof/chunk/2"},
        {"surprise": 1},
        {"seq": -1},
        {"seq": "1"},
        {"seq": 2**53 - 1, "rows": 0},
        {"rows": 2**52},
        {"source": "Rumour"},
        {"first": "second"},
        {"start_ms": 0},
        {"end_ms": chunk.LATEST_MS + 1},
        {"prev": "A" * 64},
        {"prev": "0" * 63},
        {"anchor": "tomorrow"},
        {"digest": 5},
        {"host": "x" * 129},
        {"clock_state": "fine"},
        {"clock_rtt_ms": -2},
    ],
)
def test_headers_are_read_strictly(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        chunk.open_chunk(signed({**header_of(), **change}), KEY.public)


def test_a_missing_field_is_refused() -> None:
    header = header_of()
    del header["boot"]
    with pytest.raises(MalformedError, match="missing boot"):
        chunk.open_chunk(signed(header), KEY.public)


def test_an_anchor_is_a_hash() -> None:
    assert steady(2).with_header(anchor="a" * 64).open().header.anchor == "a" * 64


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"manifest": "1" * 64}, "manifest is not"),
        ({"columns": 3}, "3 columns"),
        ({"digest": "1" * 64}, "columns are not"),
        ({"start_ms": START_MS + 1}, "start and end"),
        ({"end_ms": START_MS + 1}, "start and end"),
    ],
)
def test_the_parts_are_those_the_header_names(change: dict[str, object], problem: str) -> None:
    with pytest.raises(MismatchError, match=problem):
        chunk.open_chunk(signed({**header_of(), **change}), KEY.public)


@pytest.mark.parametrize("column", [0, 1])
def test_clocks_go_forward(draft: Draft, column: int) -> None:
    draft.values[column][4] = draft.values[column][3]
    with pytest.raises(MalformedError, match="do not go forward"):
        draft.seal()


def test_the_monotonic_clock_does_not_go_back(draft: Draft) -> None:
    draft.values[2][4] = draft.values[2][3]
    draft.open()
    draft.values[2][4] = draft.values[2][3] - 1
    with pytest.raises(MalformedError, match="goes back"):
        draft.seal()


@pytest.mark.parametrize("source", ["import", "aliyun", "zabbix", "mymonitor2"])
def test_the_agent_counts_and_every_other_source_carries_averages(draft: Draft, source: str) -> None:
    with pytest.raises(MalformedError, match=f"a chunk of counters cannot come from {source}"):
        draft.with_header(source=source).seal()
    assert averages([(START_MS, 300_000, 5)]).with_header(source=source).open().header.source == source


@pytest.mark.parametrize("clock", [1, 2])
def test_clocks_since_boot_are_not_negative(draft: Draft, clock: int) -> None:
    draft.values[clock] = [value - 10_000_000 for value in draft.values[clock]]
    with pytest.raises(MalformedError, match="counters with a negative clock"):
        draft.seal()


def test_an_agent_carries_no_averages() -> None:
    with pytest.raises(MalformedError, match="a chunk of averages cannot come from agent"):
        averages([(START_MS, 300_000, 5)]).with_header(source="agent").seal()


@pytest.mark.parametrize("name", ["", "a", "Aliyun", "1cloud", "log-in", "a" * 17, "云"])
def test_a_name_that_no_source_can_have_is_refused(draft: Draft, name: str) -> None:
    with pytest.raises(MalformedError, match="a source is named by"):
        draft.with_header(source=name).seal()


def test_averages_have_periods_that_do_not_overlap() -> None:
    good = averages([(START_MS, 300_000, 5), (START_MS + 300_000, 60_000, columns.MISSING)])
    assert good.open().header.end_ms == START_MS + 360_000
    for rows in (
        [(START_MS, 0, 5)],
        [(START_MS, 300_001, 5), (START_MS + 300_000, 60_000, 5)],
        [(START_MS + 300_000, 60_000, 5), (START_MS, 300_000, 5)],
    ):
        with pytest.raises(MalformedError, match="empty or overlap"):
            averages(rows).seal()
    with pytest.raises(MalformedError, match="below zero"):
        averages([(START_MS, 300_000, 0), (START_MS + 300_000, 60_000, -1)]).seal()


def test_names_are_text_without_control_characters(draft: Draft) -> None:
    with pytest.raises(OutOfRangeError):
        draft.with_header(host="web\n1").seal()


def test_names_without_end_are_refused(draft: Draft) -> None:
    with pytest.raises(MalformedError, match="at most 128"):
        draft.with_header(enterprise="长" * 129).seal()
