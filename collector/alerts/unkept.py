"""Telling the webhooks while the store takes nothing: its disk is full, or it may only be read.

Alerts lie in the store until they are told; then they cannot. That the store takes nothing is told at once as
``disk``, and everything else that is urgent when it has lasted as long as its code says. Each is told once to every
webhook that asks for it: a file beside the keys holds what, as far as that disk takes it. When the store takes
changes again, what is still there becomes an alert as always, and may be told once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.alerts.damage import RETRY_MS
from collector.alerts.formats import MAX_DOCUMENT_ALERTS
from collector.alerts.matters import BAD, STORE, Matter
from collector.alerts.sending import Messenger
from collector.alerts.settings import Webhook
from collector.errors import CollectorError
from collector.http.log import Log
from collector.store.alerts import Alert

CODE = "disk"
TOLD = "alerts-unkept.json"
MAX_WORDS = 300
_PRIVATE = 0o600


def matter(problem: str) -> Matter:
    """Return what there is to look at."""
    words = problem[:MAX_WORDS]
    return Matter(CODE, STORE, f"数据库无法写入：{words}", f"the store takes nothing: {words}")


def with_problem(matters: Iterable[Matter], problem: str) -> tuple[Matter, ...]:
    """Return the matters with what is wrong with the store, in place of how full its disk is."""
    return (matter(problem), *(one for one in matters if one.code != CODE))


@dataclass
class Unkept:
    """What was told to whom, in the file ``TOLD`` of ``directory``."""

    directory: Path
    log: Log
    _tried_ms: dict[str, int] = field(default_factory=dict)
    _told: dict[str, set[str]] | None = None

    def forget(self) -> None:
        """The store takes changes: what it holds from now on is told from there."""
        if self._known():
            self._told = {}
            (self.directory / TOLD).unlink(missing_ok=True)

    def tell(self, matters: Sequence[Matter], hooks: tuple[Webhook, ...], messenger: Messenger) -> None:
        """Tell what is urgent to who asks for it and was not told; what fails is logged and tried again later."""
        for hook in hooks:
            self._tell(matters, hook, messenger)

    def _tell(self, matters: Sequence[Matter], hook: Webhook, messenger: Messenger) -> None:
        told, clocks = self._known().setdefault(hook.alias, set()), messenger.clocks
        now_ms, mono_ms = clocks.wall_ms(), clocks.monotonic_ms()
        urgent = (one for one in matters if one.kind == BAD and one.code in hook.codes)
        new = [one for one in urgent if _name(one) not in told][:MAX_DOCUMENT_ALERTS]
        tried_ms = self._tried_ms.get(hook.alias)
        if not new or (tried_ms is not None and mono_ms - tried_ms < RETRY_MS):
            return
        try:
            messenger.tell_unkept(
                hook, *(Alert(0, one.code, one.subject, "", one.zh, one.en, now_ms, None) for one in new)
            )
        except CollectorError as error:
            self._tried_ms[hook.alias] = mono_ms
            words = messenger.keys.redacted(" ".join(str(error).split()))
            self.log("alerts_not_told", level="warning", alias=hook.alias, message=words)
            return
        self._tried_ms.pop(hook.alias, None)
        self.log("alerts_told", alias=hook.alias, count=len(new))
        told.update(map(_name, new))
        self._keep()

    def _known(self) -> dict[str, set[str]]:
        if self._told is None:
            try:
                read = json.loads((self.directory / TOLD).read_text("utf-8"))
                self._told = {str(alias): set(map(str, names)) for alias, names in read.items()}
            except (OSError, ValueError, TypeError, AttributeError):
                self._told = {}  # once too often is better than never
        return self._told

    def _keep(self) -> None:
        path = self.directory / TOLD
        text = json.dumps({alias: sorted(names) for alias, names in self._known().items()})
        try:
            path.touch(mode=_PRIVATE)
            path.write_text(text, "utf-8")
        except OSError as error:
            self.log("alerts_not_noted", level="warning", message=f"cannot write {path}: {error.strerror}")


def _name(one: Matter) -> str:
    return f"{one.code} {one.subject}"
