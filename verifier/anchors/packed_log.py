"""The log of a pack as the check of anchors reads it; it was verified before (steps of the log)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evidence import checkpoint
from evidence.checkpoint import Checkpoint
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.log_entry import LogEntry
from evidence.merkle import Frontier
from verifier.leaves import leaf_hashes

_STRIDE = 1024
"""Leaves between two kept frontiers: a root costs at most so many hashes, however often it is asked for."""


class LogOfPack:
    """Leaves from a base size on, the signed notes over them, and the marks of days.

    Args:
        base: the frontier of all leaves before the packed ones.
        entries: the packed leaves in order.
        notes: the verified note of every packed checkpoint, by its size.
        day_marks: index of the leaf that marks a local day, by the day's ordinal.
        key: the log's key.
    """

    def __init__(
        self,
        base: Frontier,
        entries: Sequence[LogEntry],
        *,
        notes: Mapping[int, bytes],
        day_marks: Mapping[int, int],
        key: PublicKey,
    ) -> None:
        self.notes = notes
        self.day_marks = day_marks
        self._base = base
        self._entries = entries
        self._key = key
        self._frontiers = [base]
        for start in range(0, len(entries) - _STRIDE + 1, _STRIDE):
            self._frontiers.append(self._frontiers[-1].extend(leaf_hashes(entries, start, start + _STRIDE)))

    @property
    def size(self) -> int:
        """Leaves that the pack accounts for."""
        return self._base.size + len(self._entries)

    def arrival_ms(self, size: int) -> int | None:
        """Return when the last of ``size`` leaves arrived (ms since 1970), ``None`` if not in the pack."""
        place = size - 1 - self._base.size
        return self._entries[place].arrival_ms if 0 <= place < len(self._entries) else None

    def root(self, size: int) -> bytes | None:
        """Return the root over the first ``size`` leaves, ``None`` if the pack cannot tell."""
        count = size - self._base.size
        if not 0 <= count <= len(self._entries):
            return None
        whole = count // _STRIDE
        rest = leaf_hashes(self._entries, whole * _STRIDE, count)
        return self._frontiers[whole].extend(rest).root

    def read_note(self, note: bytes) -> Checkpoint | None:
        """Return the checkpoint in a note that the log's key signed, ``None`` for anything else."""
        try:
            return checkpoint.verify(note, self._key)
        except EvidenceError:
            return None
