"""The courier: puts every day's checkpoint into the outbox of every anchor, and hands over what is due.

Nothing is given up: an anchor that was down for a week gets every day's checkpoint of that week, late.
A hand-over happens outside of any transaction; if the process dies between it and its record, the
checkpoint is handed over once more, which does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.anchors.interface import TIMESTAMP, Anchor, Head
from collector.errors import AnchorError, CollectorError
from collector.polling.backoff import pause_ms
from collector.store import anchors
from collector.store.anchors import StoredCheckpoint, Waiting
from collector.store.engine import Store

MAX_ERROR = 500


@dataclass(frozen=True)
class OpenAnchor:
    """A configured anchor, ready."""

    alias: str
    kind: str
    anchor: Anchor


@dataclass(frozen=True)
class HandedOver:
    """What became of one hand-over: the receipt's hash, or the error."""

    alias: str
    kind: str
    size: int
    day: str
    sha256: str = ""
    claimed_ms: int = 0
    error: str = ""


@dataclass(frozen=True)
class Courier:
    """Serves the anchors of one store.

    Args:
        store: where outbox and receipts are.
        enterprise: tells its owner, who may get a name while it is served.
        opened: the anchors.
        wall_ms: the clock.
        chance: a number in [0, 1), for the jitter.
        redacted: takes secrets out of a text before it is kept.
        stopping: whether to end before the next hand-over.
    """

    store: Store
    enterprise: Callable[[], str]
    opened: Sequence[OpenAnchor]
    wall_ms: Callable[[], int]
    chance: Callable[[], float]
    redacted: Callable[[str], str] = str
    stopping: Callable[[], bool] = lambda: False

    def queue(self, *, of_day: bool = True, alias: str | None = None) -> StoredCheckpoint | None:
        """Put the newest checkpoint into the outboxes and return it, ``None`` if there is none.

        Args:
            of_day: only one that closes a local day.
            alias: only for this anchor.

        Raises:
            StoreError: the store cannot be used.
        """
        aliases = [one.alias for one in self.opened if alias in (None, one.alias)]
        with self.store.reading() as connection:
            head = anchors.newest_checkpoint(connection, of_day=of_day)
        if head is not None and aliases:
            with self.store.writing() as connection:
                for one in aliases:
                    anchors.queue(connection, one, head, now_ms=self.wall_ms())
        return head

    def hand_over(self, *, only_due: bool = True, alias: str | None = None) -> list[HandedOver]:
        """Hand over what waits, and return what became of it.

        After a failure the anchor's other checkpoints wait for the next time.

        Raises:
            StoreError: the store cannot be used.
        """
        by_alias = {one.alias: one for one in self.opened if alias in (None, one.alias)}
        with self.store.reading() as connection:
            due_ms = self.wall_ms() if only_due else None
            waiting = anchors.waiting(connection, list(by_alias), due_ms=due_ms)
        done: list[HandedOver] = []
        failed: set[str] = set()
        # Time stamps last: what chunks name then is the newest receipt that nobody could foresee.
        for one in sorted(waiting, key=lambda w: (by_alias[w.alias].kind == TIMESTAMP, w.checkpoint.size)):
            if one.alias in failed or self.stopping():
                continue
            result = self._one(one, by_alias)
            done.append(result)
            if result.error:
                failed.add(one.alias)
        return done

    def _one(self, one: Waiting, by_alias: Mapping[str, OpenAnchor]) -> HandedOver:
        opened, head = by_alias[one.alias], one.checkpoint
        about = (one.alias, opened.kind, head.size, head.day)
        try:
            got = opened.anchor.send(Head(self.enterprise(), head.size, head.day, head.note))
        except CollectorError as error:
            return self._failed(one, about, error)
        except Exception as error:  # noqa: BLE001 - an anchor's library may raise anything; the others go on
            return self._failed(one, about, AnchorError(f"{type(error).__name__}: {error}"))
        with self.store.writing() as connection:
            sha256 = anchors.take(
                connection,
                one,
                kind=opened.kind,
                receipt=got.receipt,
                claimed_ms=got.claimed_ms,
                now_ms=self.wall_ms(),
            )
        return HandedOver(*about, sha256=sha256, claimed_ms=got.claimed_ms)

    def _failed(self, one: Waiting, about: tuple[str, str, int, str], error: CollectorError) -> HandedOver:
        text = self.redacted(" ".join(str(error).split()))[:MAX_ERROR]
        next_ms = self.wall_ms() + pause_ms(error, one.attempts, self.chance)
        with self.store.writing() as connection:
            anchors.postpone(connection, one, next_ms=next_ms, error=text)
        return HandedOver(*about, error=text)
