"""Chunks that an audit opens many at a time are found good or bad as one that opens each alone finds them."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace

import pytest
from drafts import counters_manifest
from fleet import Enrolled, Fleet

from evidence import chunk, columns
from evidence.chunk import open_chunk, parse_header, read_frame, write_frame
from evidence.dsse import CHUNK_TYPE
from evidence.errors import EvidenceError
from evidence.manifest import MAX_MANIFEST_BYTES
from verifier import stored_chunks
from verifier.audit import audit
from verifier.batched import BatchedChunk
from verifier.recompute import require_place
from verifier.stored_chunks import StoredChunks
from verifier.whole_frames import whole_frame

CHUNKS = 12
"""Of six hours each, the first of five from 16:00 UTC; a chunk is of the UTC day in which it begins."""
LAST_OF_DAYS = [1, 5, 9, 11]
FLIPS = 300


@pytest.fixture(scope="module")
def sealed():
    """One host with chunks of one shape, and what opens them."""
    fleet = Fleet()
    agent = fleet.agent("web-1", start="2026-11-01T00:00")
    for seq in range(CHUNKS):
        agent.run(hours=6 if seq else 5, busy=seq, rx=7).seal()
    agent.run(hours=5, busy=1)
    archive = fleet.archive()
    archive.stored = archive.stored[:CHUNKS]
    return archive


def opened(archive, stored, *, every_signature=False):
    """Return of every chunk its values or what is wrong with it."""
    pins = {signed.hash: signed for signed in archive.enrolments()}
    reader = StoredChunks(pins, archive.enterprise, every_signature=every_signature)
    return [told(found) for _, found in reader.opened(reader.proved(stored))]


def alone(archive, stored, *, trusted=False):
    """Return what opening them one by one says; ``trusted``: whatever their signature."""
    pins = {signed.hash: signed for signed in archive.enrolments()}
    found = []
    for one in stored:
        try:
            frame, signed = read_frame(one.frame), pins[one.enrolment]
            one_chunk = (
                chunk.read_chunk(frame, signed.public) if trusted else open_chunk(frame, signed.public)
            )
            require_place(one_chunk.header, one, signed, archive.enterprise)
        except EvidenceError as error:
            found.append(told(error))
        else:
            found.append(told(one_chunk))
    return found


def told(found):
    if isinstance(found, EvidenceError):
        return found.code, str(found)
    return found.header, [list(column) for column in found.values], found.manifest.hash


def bent(stored, seq, **parts):
    """Return the chunks with parts of one frame replaced, with a CRC that fits."""
    frame = replace(read_frame(stored[seq].frame), **parts)
    return [*stored[:seq], replace(stored[seq], frame=write_frame(frame)), *stored[seq + 1 :]]


def signed_anew(archive, at, values=None, manifest=None, **changes):
    """Return the chunks with one whose header is bent and signed by the host's key all the same."""
    frame = read_frame(archive.stored[at].frame)
    parts = {}
    if values is not None:
        parts["packed"] = columns.pack(values, rows=parse_header(frame.header).rows)
        changes["digest"] = columns.digest(values)
    if manifest is not None:
        parts |= {"manifest": zlib.compress(manifest.raw), "manifest_bytes": len(manifest.raw)}
        changes["manifest"] = manifest.hash
    body = replace(parse_header(frame.header), **changes).encode()
    key = Enrolled.key_of("web-1", "agent", 0)
    return bent(archive.stored, at, header=body, signature=key.sign(CHUNK_TYPE, body), **parts)


def test_untouched_chunks_are_what_each_alone_is_and_are_decoded_together(sealed):
    assert opened(sealed, []) == []
    assert opened(sealed, sealed.stored) == alone(sealed, sealed.stored)
    pins = {signed.hash: signed for signed in sealed.enrolments()}
    reader = StoredChunks(pins, sealed.enterprise, every_signature=False)
    kinds = [type(found) for _, found in reader.opened(reader.proved(sealed.stored))]
    assert kinds.count(BatchedChunk) >= CHUNKS - 2


def test_one_signature_a_day_and_chain_is_looked_at_and_every_one_on_demand(sealed):
    """A signature of zeros is seen on the last chunk of a UTC day, elsewhere only by --every-signature."""
    usual, every = [], []
    for seq in range(CHUNKS):
        stored = bent(sealed.stored, seq, signature=bytes(64))
        usual += [seq] if opened(sealed, stored) != alone(sealed, sealed.stored) else []
        every += [seq] if opened(sealed, stored, every_signature=True) == alone(sealed, stored) else []
    assert usual == LAST_OF_DAYS
    assert every == list(range(CHUNKS))


def test_a_header_that_the_next_one_does_not_name_needs_a_signature_of_its_own(sealed):
    """In the middle of a day: what is bent is found, and the chunks before it prove themselves."""
    frame = read_frame(sealed.stored[4].frame)
    stored = bent(sealed.stored, 4, header=frame.header.replace(b'"agent":"0.1.0"', b'"agent":"0.1.1"'))
    found = opened(sealed, stored)
    assert found == alone(sealed, stored)
    assert [seq for seq, one in enumerate(found) if one[0] == "BAD_SIGNATURE"] == [4]


def test_without_the_bent_chunk_after_it_a_chunk_without_a_signature_is_not_believed(sealed):
    """Two neighbours without signatures: the later one is not proved, so it proves nothing."""
    stored = bent(bent(sealed.stored, 4, signature=bytes(64)), 5, signature=bytes(64))
    assert [one[0] for one in opened(sealed, stored)[4:6]] == ["BAD_SIGNATURE"] * 2


def test_a_day_of_many_bytes_is_proved_in_parts(sealed, monkeypatch):
    monkeypatch.setattr(stored_chunks, "DAY_BYTES", len(sealed.stored[3].frame) + 1)
    stored = bent(sealed.stored, 3, signature=bytes(64))
    found = opened(sealed, stored)
    assert found == alone(sealed, stored)
    assert found[3][0] == "BAD_SIGNATURE"


def other(manifest):
    return counters_manifest(interval_ms=manifest.interval_ms, cpus=3)


def bends(archive):
    """Yield a name and chunks that are signed, or proved by the chain, and wrong all the same."""
    frame = read_frame(archive.stored[4].frame)
    raw = frame.columns_of(7, 17)
    manifest = open_chunk(frame, archive.enrolments()[0].public).manifest
    yield "a stream of nothing", bent(archive.stored, 4, packed=b"")
    yield "a stream that is none", bent(archive.stored, 4, packed=b"\xff" + frame.packed[1:])
    yield "a stream cut off", bent(archive.stored, 4, packed=frame.packed[:-5])
    yield "a stream with more behind it", bent(archive.stored, 4, packed=frame.packed + b"\0")
    yield "other columns", bent(archive.stored, 4, packed=columns.pack(bytes(len(raw)), rows=7))
    yield "another manifest", bent(archive.stored, 4, manifest=zlib.compress(other(manifest).raw))
    yield "a manifest that is none", bent(archive.stored, 1, manifest=b"{}")
    yield "a manifest of another length", bent(archive.stored, 1, manifest_bytes=3)
    yield "a key that the frame does not name", bent(archive.stored, 4, key="0" * 64)
    late = bytearray(raw)
    late[8:16] = raw[:8]
    yield "a clock that stands still", signed_anew(archive, 4, values=bytes(late))
    yield (
        "other times than the header's",
        signed_anew(archive, 4, end_ms=parse_header(frame.header).end_ms + 1),
    )
    yield "a chunk of another host", signed_anew(archive, 4, host="web-2")
    yield "a chunk of another place", signed_anew(archive, 4, seq=40)
    yield "a header that names another key", signed_anew(archive, 4, key="0" * 64)
    yield "a source that carries something else", signed_anew(archive, 4, source="import")
    yield (
        "columns that the manifest has not",
        signed_anew(archive, 4, manifest=counters_manifest(interval_ms=manifest.interval_ms, devices=())),
    )


@pytest.mark.parametrize("place", range(16))
def test_what_is_wrong_in_a_batch_is_named_as_if_it_were_opened_alone(sealed, place):
    name, stored = list(bends(sealed))[place]
    good, expected = alone(sealed, sealed.stored), alone(sealed, stored, trusted=True)
    assert expected != good, name
    assert opened(sealed, stored) == expected, name


def test_a_flipped_byte_is_told_as_the_strict_reader_tells_it(sealed):
    """Anywhere in a frame, with a CRC that fits and without; every signature is looked at."""
    chance = random.Random(20_261_124)
    stored = sealed.stored[3:6]
    for _ in range(FLIPS):
        data = bytearray(stored[1].frame)
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        if chance.random() < 0.8:
            data[-4:] = zlib.crc32(bytes(data[:-4])).to_bytes(4, "little")
        flipped = [stored[0], replace(stored[1], frame=bytes(data)), stored[2]]
        assert opened(sealed, flipped, every_signature=True) == alone(sealed, flipped), at


def test_frames_are_split_as_the_strict_reader_splits_them(sealed):
    data = sealed.stored[0].frame
    assert vars(read_frame(data)).items() <= vars(whole_frame(data)).items()
    assert whole_frame(data).hash == read_frame(data).hash
    frame = read_frame(data)
    long = write_frame(replace(frame, manifest=bytes(MAX_MANIFEST_BYTES + 1)))
    assert whole_frame(long) == read_frame(long)
    for wrong in (b"", data[:-1], data + b"\0", b"SPC2" + data[4:], data[:40]):
        with pytest.raises(EvidenceError) as strict:
            read_frame(wrong)
        with pytest.raises(EvidenceError) as quick:
            whole_frame(wrong)
        assert (quick.value.code, str(quick.value)) == (strict.value.code, str(strict.value))


def test_chunks_without_a_place_to_be_opened_at_are_named(sealed):
    """No enrolment: of another enterprise, or of the very host."""
    lost = [replace(one, enrolment="0" * 64) for one in sealed.stored[:2]]
    assert {text for _, text in opened(sealed, lost)} == {
        "no enrolment is kept for this chunk, or it is signed with the key of another host"
    }
    lost = [replace(one, host="web-9") for one in lost]
    assert {text for _, text in opened(sealed, lost)} == {
        "the chunk belongs to another enterprise, host, source or place"
    }


def test_averages_and_accounts_are_opened_one_by_one():
    fleet = Fleet()
    for day in ("2026-11-01T00:00", "2026-11-01T05:00"):
        start = 1_793_462_400_000 + (18_000_000 if "05" in day else 0)
        fleet.averages(
            "db-1", "cpu.utilization", [(start + at * 3_600_000, 3_600_000, at) for at in range(3)]
        )
    archive = fleet.archive()
    assert opened(archive, archive.stored) == alone(archive, archive.stored)
    assert audit(archive).findings == ()
