"""Frozen chunks: their bytes never change, and today's code must read and make them alike.

The deflated parts may differ between zlib builds; what is signed may not. A new format gets a new
schema name and new golden files; these stay.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from drafts import KEY, START_MS, Draft, averages_manifest, steady

from evidence import chunk

GOLDEN = Path(__file__).parent / "golden"


def averages() -> Draft:
    rows = [[START_MS, START_MS + 300_000], [300_000, 300_000], [37_322_320_000, -(2**63)]]
    return Draft(manifest=averages_manifest(), values=rows).with_header(source="import", boot="")


CHUNKS = {
    "counters-1.chunk": steady(11),
    "averages-1.chunk": averages(),
}


@pytest.mark.parametrize("name", sorted(CHUNKS))
def test_a_golden_chunk_still_opens(name: str) -> None:
    frozen = chunk.read_frame((GOLDEN / name).read_bytes())
    opened = chunk.open_chunk(frozen, KEY.public)
    assert [list(values) for values in opened.values] == CHUNKS[name].values


@pytest.mark.parametrize("name", sorted(CHUNKS))
def test_sealing_again_gives_the_same_signed_bytes(name: str) -> None:
    frozen = chunk.read_frame((GOLDEN / name).read_bytes())
    made = chunk.read_frame(CHUNKS[name].seal())
    assert (made.header, made.signature, made.key) == (frozen.header, frozen.signature, frozen.key)
    assert made.hash == (GOLDEN / name).with_suffix(".hash").read_text().strip()
