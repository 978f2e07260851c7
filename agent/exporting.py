"""Writing the spool to a file, for a host without a route. The agent may run meanwhile.

1. While an export runs no tail is thinned, and while one is being thinned nothing is exported: both hold
   ``export.lock``.
2. The mark ``exported`` in the spool is on the disk before the file has its name: what may have left by file is
   never replaced by something else with the same number.
3. Chunks stay until a receipt proves that they are stored. The next export holds them again, unless only
   new ones are asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Optional

from agent import state as states
from agent.errors import AgentError, SpoolBusyError, StateError
from agent.files import FILE_MODE, TEMPORARY, RealFiles
from agent.shelf import CHUNK, THIN, seq_of
from agent.state import EXPORT_LOCK, RECEIPT, REQUEST, SPOOL, Enrolled, State
from evidence import checkpoint
from evidence.chunk import read_frame
from evidence.dsse import CHUNK_TYPE
from evidence.errors import EvidenceError
from evidence.spool_file import UNKNOWN_SIZE, SpoolHead, write_head, write_tail

EXPORTED = "exported"
LOCK_WAIT_S = 5.0
_PAUSE_S = 0.05
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Exported:
    """What was written. ``damaged`` chunks were left out; ``enrolment``: the request went along."""

    chunks: int
    bytes: int
    first: int
    last: int
    damaged: int
    enrolment: bool


class ExportMark:
    """The greatest number that may have left by file, and the lock around exporting and thinning."""

    def __init__(self, state: State) -> None:
        """Use the spool of ``state``."""
        self._state = state
        self._path = os.path.join(state.path(SPOOL), EXPORTED)

    @contextlib.contextmanager
    def held(self, *, wait_s: float = 0.0) -> Iterator[bool]:
        """Give whether the lock is held; nobody else exports or thins meanwhile if it is.

        Raises:
            OSError: the lock file cannot be used.
        """
        path = self._state.path(EXPORT_LOCK)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _PLAIN, FILE_MODE)
        try:
            give_to_owner(descriptor, self._state.folder)
            end_s = time.monotonic() + wait_s
            got = states.try_lock(descriptor)
            while not got and time.monotonic() < end_s:
                time.sleep(_PAUSE_S)
                got = states.try_lock(descriptor)
            yield got
        finally:
            os.close(descriptor)

    def read(self) -> int:
        """Return the mark, -1 for none. A damaged one counts as everything."""
        try:
            with open(self._path, "rb") as file:
                text = file.read(32).strip()
        except FileNotFoundError:
            return -1
        return int(text) if text.isdigit() else 10**12 - 1

    def write(self, seq: int) -> None:
        """Raise the mark; returns when it is on the disk. Raises OSError."""
        if seq <= self.read():
            return
        write_whole(self._path, b"%d\n" % seq, like=self._state.folder)


def export(state: State, out: str, *, now_ms: int, only_new: bool = False) -> Exported:
    """Write the chunks that are not confirmed to ``out``; nothing changes in the spool but its mark.

    Raises:
        AgentError: there is nothing to export, or the file cannot be written.
    """
    enrolled = state.require_enrolled()
    mark = ExportMark(state)
    try:
        with mark.held(wait_s=LOCK_WAIT_S) as got:
            if not got or os.path.exists(os.path.join(state.path(SPOOL), THIN)):
                raise SpoolBusyError("the spool is being thinned or exported; try again in a minute")
            return _export(state, enrolled, mark, out, now_ms=now_ms, only_new=only_new)
    except OSError as error:
        raise AgentError(f"{out} cannot be written: {error}; nothing is lost, try another place") from None


def _export(
    state: State, enrolled: Enrolled, mark: ExportMark, out: str, *, now_ms: int, only_new: bool
) -> Exported:
    after = mark.read() if only_new else -1
    seqs = [seq for seq in _pending(state.path(SPOOL)) if seq > after]
    request = request_of(state, enrolled)
    if not seqs and request is None:
        raise AgentError("there is nothing to export: every chunk is confirmed, or none is sealed yet")
    if seqs:
        mark.write(max(seqs))
    record = enrolled.signed.enrolment
    head = SpoolHead(
        enterprise=record.enterprise,
        host=record.host,
        source=record.source,
        key=enrolled.key.public.id,
        enrolment=enrolled.signed.hash,
        made_ms=now_ms,
        log_size=_known_size(state, enrolled),
        request=request,
    )
    written, damaged = [], 0
    digest = hashlib.sha256()
    with _finished(out) as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        put(write_head(head))
        for seq in seqs:
            data = _whole(os.path.join(state.path(SPOOL), f"{seq:012d}.{CHUNK}"), enrolled)
            if data is None:
                damaged += 1
            elif data:
                put(data)
                written.append(seq)
        file.write(write_tail(len(written), digest.hexdigest()))
        size = file.tell()
    return Exported(
        len(written),
        size,
        min(written, default=-1),
        max(written, default=-1),
        damaged,
        enrolment=request is not None,
    )


def request_of(state: State, enrolled: Enrolled) -> Optional[Mapping[str, str]]:
    """Return the enrolment request that no receipt has confirmed yet, ``None`` if there is none.

    Raises:
        StateError: the file cannot be used.
    """
    data = state.read(REQUEST)
    if data is None:
        return None
    try:
        fields = json.loads(data)
        request = {name: str(fields[name]) for name in ("token", "record", "signature", "previous_signature")}
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{state.path(REQUEST)} is damaged ({error}); enrol this host anew") from None
    signed = json.loads(states.document(enrolled.signed, enrolled.collector))
    return request if request["record"] == signed["record"] else None


def give_to_owner(descriptor: int, like: str) -> None:
    """Give a file that the administrator made to whom the folder ``like`` belongs. Raises OSError."""
    if os.name == "nt" or os.geteuid() != 0:
        return
    owner = os.stat(like)
    if owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def write_whole(path: str, data: bytes, *, like: str) -> None:
    """Put ``data`` under ``path``, whole or not at all, for the owner of ``like``. Raises OSError."""
    descriptor = os.open(path + TEMPORARY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _PLAIN, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner(descriptor, like)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.replace(path + TEMPORARY, path)
    RealFiles().sync_folder(os.path.dirname(path))


@contextlib.contextmanager
def _finished(path: str) -> Iterator[BinaryIO]:
    """Give a file that gets its name when everything is on the disk, and is removed otherwise."""
    temporary = path + TEMPORARY
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _PLAIN, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _pending(folder: str) -> list[int]:
    return sorted(seq_of(name) for name in os.listdir(folder) if seq_of(name) >= 0 and name.endswith(CHUNK))


def _whole(path: str, enrolled: Enrolled) -> Optional[bytes]:
    """Return a chunk's frame, empty if it was confirmed meanwhile, ``None`` if it is damaged."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        frame = read_frame(data)
        enrolled.key.public.verify(CHUNK_TYPE, frame.header, frame.signature)
    except FileNotFoundError:
        return b""
    except EvidenceError:  # the agent moves it aside when it meets it
        return None
    return data


def _known_size(state: State, enrolled: Enrolled) -> int:
    """Return the size of the log that this host can prove to have seen."""
    try:
        note = json.loads(state.read(RECEIPT) or b"{}").get("checkpoint", "")
        return checkpoint.verify(note.encode(), enrolled.log_key).size if enrolled.log_key else UNKNOWN_SIZE
    except (ValueError, AttributeError, EvidenceError):
        return UNKNOWN_SIZE
