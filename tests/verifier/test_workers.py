"""Worker processes read chains as one process does."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden.judging import GOOD, stored
from packs import LOG_KEY, TRUSTED

from verifier.check import How, check
from verifier.errors import PackError
from verifier.workers import PackFile


def test_workers_find_what_one_process_finds_in_the_same_order(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    pack = bytearray(stored(GOOD))
    pack[3_000] ^= 1
    path.write_bytes(pack)
    told: list[tuple[int, int, str]] = []

    def note(done: int, whole: int, host: str) -> None:
        told.append((done, whole, host))

    documents = []
    for workers in (1, 2):
        with path.open("rb") as stream:
            how = How(workers=workers, path=path, progress=note)
            documents.append(check(stream, log_key=LOG_KEY.public, editions=TRUSTED, how=how).document())
    assert documents[0] == documents[1]
    assert documents[0]["verdict"] == "fail"
    assert told == [(1, 2, "db-1"), (2, 2, "web-1")] * 2


def test_a_worker_refuses_another_file_under_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(b"one")
    with path.open("rb") as stream:
        file = PackFile.of(path, stream)
    with file.open() as stream:
        assert stream.read() == b"one"
    path.unlink()
    path.write_bytes(b"two!")
    with pytest.raises(PackError, match="was changed while it was checked"):
        file.open()
