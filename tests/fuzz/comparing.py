"""Both verifiers on one bent pack: neither breaks off, both say the same, and nothing passes unnoticed."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from packs import LOG_KEY, TRUSTED, contents, mailbox_of, resigned
from standalone import alone, checked_alone, disagreement

from evidence import checkpoint, chunk
from evidence.keys import PublicKey
from verifier import declared as declared_module
from verifier import layout
from verifier.anchors.interface import note_size
from verifier.check import FAILED, CheckReport, How, check

SLOWEST_S = 20.0
"""A case that takes longer hangs."""
KEPT = 4_096


class Comparing:
    """Compares the verifiers on packs bent out of one."""

    def __init__(self, pack: bytes) -> None:
        self.outside = mailbox_of(pack)
        self.pack = pack
        self.usual = self._told(self._ours(pack))
        self.executions = 0
        self.slowest_s = 0.0

    def _ours(self, data: bytes, *, every: bool = False) -> CheckReport:
        return check(
            io.BytesIO(data),
            log_key=LOG_KEY.public,
            editions=TRUSTED,
            outside=self.outside,
            how=How(every_signature=every),
        )

    def _theirs(self, data: bytes, *, every: bool = False) -> Any:
        return checked_alone(
            data, key=LOG_KEY.public, editions=TRUSTED, outside=self.outside, every_signature=every
        )

    @staticmethod
    def _told(report: CheckReport) -> tuple[str, Counter[tuple[str, ...]]]:
        return report.outcome, Counter((f.code, f.host, f.slot, f.place, f.got) for f in report.findings)

    def _says_the_same(self, data: bytes) -> bool:
        """Whether the log key signed what differs only in what no check reads.

        These are the copies for reading, which a check tells are not read; the messages that the pack holds and no
        chunk names (those from outside prove something); and the note of a receipt, which the log has too.
        """
        entries, bent = contents(self.pack), contents(data)
        if resigned(dict(bent)) != data:
            return False
        logged = set(checkpoint.separate(entries[layout.LOG_CHECKPOINTS]))
        notes = {name for name, body in entries.items() if note_size(name) is not None and body in logged}
        mails = {name for name in entries if name.endswith(".eml")}
        copies = {*layout.READING_COPIES} & bent.keys() & entries.keys()
        unread = (notes - bent.keys()) | mails | copies
        return resigned({**bent, **{name: entries[name] for name in unread}}) == self.pack

    def fault(self, data: bytes, *, signed: bool = True) -> str:
        """Return what is wrong about how a bent pack is judged, empty if nothing is.

        Args:
            data: the pack.
            signed: the log key may have signed it; if not, it must fail.
        """
        if data == self.pack:
            return ""
        self.executions += 1
        begin = time.perf_counter()
        try:
            ours, theirs = self._ours(data), self._theirs(data)
        except Exception as error:  # noqa: BLE001 - whatever gets out of a verifier is what is looked for
            return f"crash: {type(error).__name__}: {error}"
        taken_s = time.perf_counter() - begin
        self.slowest_s = max(self.slowest_s, taken_s)
        if taken_s > SLOWEST_S:
            return f"hang: {taken_s:.1f} s"
        return self._fault_of(data, ours, theirs, signed=signed)

    def _fault_of(self, data: bytes, ours: CheckReport, theirs: Any, *, signed: bool) -> str:
        for name, report in (("check", ours), ("alone", theirs)):
            broken = [finding for finding in report.findings if finding.code == "INTERNAL"]
            if broken:
                return f"{name} broke off: {broken[0].place} {broken[0].got}"
        if not signed and {ours.outcome, theirs.outcome} != {FAILED}:
            return f"false pass without the log key: {ours.outcome}, {theirs.outcome}"
        if self._told(ours) == self.usual:
            # a signature that the chain makes superfluous is looked at only when all are
            ours, theirs = self._ours(data, every=True), self._theirs(data, every=True)
            if self._told(ours) == self.usual and not self._says_the_same(data):
                return "false pass: judged as the honest pack"
        return disagreement(ours, theirs)


def remember_pure_work(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Make the fuzzing quicker: signatures and rules files that hardly ever change are judged once each.

    Args:
        put: replaces an attribute of a module.
    """
    from_hex = alone.Key.from_hex
    put(alone.Key, "signed", lru_cache(KEPT)(alone.Key.signed))
    put(alone.Key, "from_hex", staticmethod(lru_cache(KEPT)(from_hex)))
    put(alone, "read_edition", lru_cache(64)(alone.read_edition))
    put(alone, "read_scope", lru_cache(64)(alone.read_scope))
    put(declared_module, "parse_edition", lru_cache(64)(declared_module.parse_edition))
    put(chunk, "parse_manifest", lru_cache(64)(chunk.parse_manifest))
    put(alone, "read_manifest", lru_cache(64)(alone.read_manifest))
    put(PublicKey, "_verify", lru_cache(KEPT)(PublicKey._verify))
