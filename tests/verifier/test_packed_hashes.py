"""Which chunks a pack holds, and whose log it carries."""

from __future__ import annotations

import io

from fleet import Fleet, instant
from memory_log import honest_log
from packs import ARCHIVE, LOG_KEY, MONTH, PACK, checked, contents, logged, resigned, small_fleet

from evidence.chunk import read_frame
from verifier.packed_hashes import begins, packed_hashes


def test_every_chunk_of_a_pack_is_named_by_its_hash() -> None:
    stored = {bytes.fromhex(read_frame(entry.frame).hash) for entry in ARCHIVE.stored}
    held = list(packed_hashes(io.BytesIO(PACK)))
    assert len(held) == len(set(held))
    assert set(held) <= stored
    assert len(held) == checked(PACK).chunks


def test_a_damaged_chunk_is_not_held() -> None:
    entries = contents(PACK)
    name = next(name for name in entries if name.endswith(".chunks"))
    whole = len(list(packed_hashes(io.BytesIO(PACK))))
    entries[name] = b"SPC1" + bytes(40) + entries[name]
    assert len(list(packed_hashes(io.BytesIO(resigned(entries))))) <= whole


def test_a_log_that_grew_since_is_the_packs_and_another_or_a_shorter_one_is_not() -> None:
    report = checked(PACK)
    assert report.log is not None
    assert begins(report.log, logged(ARCHIVE))
    other = small_fleet()
    other.agent("web-9", start="2026-10-31").run(hours=60)
    assert not begins(report.log, logged(other.archive()))
    empty = honest_log(Fleet().archive(), key=LOG_KEY, month=MONTH, made_ms=instant("2026-12-01"))
    assert empty.size < report.log.size
    assert not begins(report.log, empty)
