"""Which chunks a pack holds, and whose log it carries."""

from __future__ import annotations

import io

from packs import ARCHIVE, LOG_KEY, OTHER, PACK, checked, contents, logged, packed, resigned, small_fleet

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
    log = logged(ARCHIVE)
    assert begins(report.log, log)
    assert not begins(report.log, logged(small_fleet().archive()))
    other = small_fleet()
    other.agent("web-9", start="2026-10-31").run(hours=60)
    longer = checked(packed(other.archive(), key=OTHER), key=OTHER.public)
    assert longer.log is not None
    assert not begins(longer.log, log)
