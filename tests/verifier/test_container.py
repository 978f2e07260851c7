from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import container
from verifier.container import Container, ContainerError, Writer

CONTENTS = {"a.txt": b"one", "b/c.bin": bytes(range(256)), "b/d": b"", "z-9_x.json": b"{}"}


def written(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream)
    for name in sorted(contents):
        writer.add(name, contents[name])
    writer.close()
    return stream.getvalue()


PACK = written(CONTENTS)


def read(data: bytes) -> dict[str, bytes]:
    opened = Container(io.BytesIO(data))
    return {name: opened.read(name) for name in opened.entries}


def zipped(build: object) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        build(archive)  # type: ignore[operator]
    return stream.getvalue()


def test_what_is_written_is_read() -> None:
    assert read(PACK) == CONTENTS
    assert read(written({})) == {}


def test_any_zip_tool_can_read_it() -> None:
    with zipfile.ZipFile(io.BytesIO(PACK)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS


@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,5}(/[a-z]{1,3})?", fullmatch=True), st.binary(max_size=50)))
def test_any_contents_survive(contents: dict[str, bytes]) -> None:
    assert read(written(contents)) == contents


def test_every_flipped_bit_is_refused() -> None:
    for position in range(len(PACK)):
        for bit in range(8):
            with pytest.raises(ContainerError):
                read(PACK[:position] + bytes([PACK[position] ^ 1 << bit]) + PACK[position + 1 :])


@given(st.integers(0, len(PACK)), st.binary(min_size=1, max_size=8))
def test_inserted_bytes_are_refused(position: int, extra: bytes) -> None:
    with pytest.raises(ContainerError):
        read(PACK[:position] + extra + PACK[position:])


@given(st.integers(0, len(PACK) - 1), st.integers(1, 64))
def test_removed_bytes_are_refused(position: int, count: int) -> None:
    with pytest.raises(ContainerError):
        read(PACK[:position] + PACK[position + count :])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ContainerError):
        read(data)


@pytest.mark.parametrize(
    "build",
    [
        lambda archive: archive.writestr("a.txt", b"one"),
        lambda archive: archive.writestr(zipfile.ZipInfo("a.txt"), b"one"),
        lambda archive: archive.writestr(zipfile.ZipInfo("../a.txt"), b"one"),
        lambda archive: setattr(archive, "comment", b"hello"),
    ],
)
def test_zip_files_of_other_writers_are_refused(build: object) -> None:
    with pytest.raises(ContainerError):
        read(zipped(build))


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "a/", "A", "ä", "a b", "a\\b", ".a", "", "a/../b", "x" * 161, "a\n"]
)
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ContainerError, match="not permitted"):
        Writer(io.BytesIO()).add(name, b"")


def test_hostile_names_are_refused_by_the_reader_too() -> None:
    with pytest.raises(ContainerError, match="not permitted"):
        read(PACK.replace(b"b/c.bin", b"../.bin"))
    with pytest.raises(ContainerError, match="a name or a size"):
        read(PACK[:26] + struct.pack("<H", 161) + PACK[28:])


def test_names_come_in_order_and_once() -> None:
    writer = Writer(io.BytesIO())
    writer.add("b", b"")
    for name in ("b", "a"):
        with pytest.raises(ContainerError, match="out of order"):
            writer.add(name, b"")
    with pytest.raises(ContainerError, match="out of order"):
        read(PACK.replace(b"z-9_x.json", b"a-9_x.json"))


def test_sizes_and_counts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_ENTRY_BYTES", 10)
    with pytest.raises(ContainerError, match="at most 10"):
        Writer(io.BytesIO()).add("a", bytes(11))
    with pytest.raises(ContainerError, match="a name or a size"):
        read(PACK)
    monkeypatch.undo()
    monkeypatch.setattr(container, "MAX_ENTRIES", 2)
    with pytest.raises(ContainerError, match="pack fewer hosts"):
        read(PACK)
    with pytest.raises(ContainerError, match="pack fewer hosts"):
        written(CONTENTS)
    monkeypatch.undo()
    monkeypatch.setattr(container, "MAX_CONTAINER_BYTES", 100)
    with pytest.raises(ContainerError, match="at most 100"):
        read(PACK)


def test_an_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(ContainerError, match=r"entry b\.txt is missing"):
        Container(io.BytesIO(PACK)).read("b.txt")


@pytest.mark.parametrize(("limit", "value"), [("WIDE_BYTES", 60), ("WIDE_ENTRIES", 2)])
def test_what_is_too_large_for_plain_zip_is_written_as_zip64(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, limit, value)
    stream = io.BytesIO()
    writer = Writer(stream)
    for name in ("a.txt", "b.txt", "c.txt"):
        writer.add(name, name.encode() * 10)
    writer.close()
    opened = Container(stream)
    with zipfile.ZipFile(stream) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: opened.read(name) for name in opened.entries
        }
    assert b"PK\x06\x06" in stream.getvalue()
    monkeypatch.undo()
    with pytest.raises(ContainerError, match="is not the directory"):
        Container(stream)
