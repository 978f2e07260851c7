"""What an attacker does with bytes: he owns every host's key and the log's key, and signs again what he changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fleet import Enrolled
from fleet_simulator import LOG_KEY
from packs import chunk_names, frames, resigned

from evidence import chunk
from evidence.chunk import Header, open_chunk, read_frame

Values = list[list[int]]


def signed_again(entries: dict[str, bytes]) -> bytes:
    """All manifests mended, the statement signed with the log's key."""
    return resigned(entries, LOG_KEY)


def busier(values: Values, busy: int, idle: int) -> Values:
    """Half of the idle ticks become busy ones, from the first reading on."""
    first, changed = values[idle][0], [list(column) for column in values]
    for row, ticks in enumerate(values[idle]):
        changed[busy][row] += (ticks - first) // 2
        changed[idle][row] -= (ticks - first) // 2
    return changed


def sealed_again(
    frame: bytes,
    *,
    change: Callable[[Values, Sequence[str]], Values] = lambda values, _: values,
    **fields: object,
) -> bytes:
    """The frame with changed values and header fields, sealed with its own host's key."""
    header, key = _key_of(frame)
    opened = open_chunk(read_frame(frame), key.public)
    names = [column.name for column in opened.manifest.columns]
    values = change([list(column) for column in opened.values], names)
    return chunk.seal(replace(header, **fields), manifest=opened.manifest, values=values, key=key)  # type: ignore[arg-type]


def made_busier(frame: bytes) -> bytes:
    """The frame of a busier machine, sealed with its own host's key."""
    return sealed_again(
        frame, change=lambda values, names: busier(values, names.index("cpu.user"), names.index("cpu.idle"))
    )


def of_host(entries: dict[str, bytes], host: str) -> list[str]:
    """The chunk entries of a host, in order."""
    return [name for name in chunk_names(entries) if host_of(frames(entries[name])[0]) == host]


def host_of(frame: bytes) -> str:
    return chunk.parse_header(read_frame(frame).header).host


def relinked(sealed: Sequence[bytes], *, first: int = 0) -> list[bytes]:
    """The frames from number ``first`` on numbered and linked anew, as if there had never been others."""
    made: list[bytes] = []
    for frame in sealed:
        header = chunk.parse_header(read_frame(frame).header)
        if not made:
            made.append(frame if first == header.seq else sealed_again(frame, seq=first))
            continue
        before = chunk.parse_header(read_frame(made[-1]).header)
        made.append(
            sealed_again(frame, seq=before.seq + 1, prev=read_frame(made[-1]).hash, prev_end_ms=before.end_ms)
        )
    return made


def _key_of(frame: bytes) -> tuple[Header, object]:
    header = chunk.parse_header(read_frame(frame).header)
    for epoch in range(3):
        key = Enrolled.key_of(header.host, header.source, epoch)
        if key.public.id == header.key:
            return header, key
    raise AssertionError(f"no key of {header.host}")
