"""What the tests of the log reader share: a reader over a folder, its answers as plain numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

from agent.logins.batch import Batch
from agent.logins.config import Settings, parse
from agent.logins.reader import Reader
from agent.logins.tally import Accounts
from evidence.accounts import account_hash, halves, joined

KEY = bytes(range(32))
NOW_MS = round(datetime(2026, 11, 23, 12, tzinfo=timezone.utc).timestamp() * 1000)


def settings(text: str) -> Settings:
    return parse(text, where="logins.toml")


def combined(path, *, definition="authenticated-request/1", head="", more="") -> Settings:
    return settings(
        f'{head}\nlag_s = 0\n[[logs]]\nname = "web"\nformat = "combined"\n'
        f'definition = "{definition}"\npaths = ["{path}"]\n{more}'
    )


def reader_of(chosen: Settings) -> Reader:
    accounts = [
        Accounts(KEY, excluded=chosen.exclude, domains=chosen.domains, encoding=log.encoding)
        for log in chosen.logs
    ]
    return Reader(chosen, accounts)


class Life:
    """A reader without a process: polls and cuts, adding up what its batches would seal."""

    def __init__(self, chosen: Settings, *, now_ms: int = NOW_MS) -> None:
        self.chosen = chosen
        self.now_ms = now_ms
        self.total: Counter = Counter()
        self.slots: list[tuple[int, int]] = []
        self.reader = reader_of(chosen)
        self.batch: Batch = self.reader.begin("0" * 64, now_ms)

    def look(self, *, forward_ms: int = 1000):
        self.now_ms += forward_ms
        return self.reader.poll(self.now_ms, lambda: False)

    def cut(self) -> None:
        self.batch = self.reader.cut(self.batch, self.now_ms, next_seq=0)
        for piece in self.batch.pieces:
            self.total.update(piece.counts)
            if piece.start_ms != piece.end_ms:
                self.slots.append((piece.start_ms, piece.end_ms))

    def crash(self) -> None:
        """Forget everything that was not cut."""
        self.reader = reader_of(self.chosen)
        self.reader.resume(self.batch, self.now_ms)

    def read(self) -> Counter:
        """Look as often as patience asks for, cut, and return the counts by account's hash."""
        for _ in range(4):
            self.look()
        self.cut()
        return self.by_hash()

    def by_hash(self) -> Counter:
        found: Counter = Counter()
        for (_, digest), count in self.total.items():
            found[digest] += count
        return found


def hashed(counts: dict[str, int]) -> Counter:
    return Counter({account_hash(KEY, name): count for name, count in counts.items()})


def chunk_rows(chunk):
    return [(start, joined(high, low), count) for start, _, high, low, count in zip(*chunk.values)]


__all__ = ["KEY", "NOW_MS", "Life", "chunk_rows", "combined", "halves", "hashed", "reader_of", "settings"]
