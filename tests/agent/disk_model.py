"""A disk that can lose everything POSIX lets it lose.

Content is safe after ``write`` returned (it syncs the file). A change of names is safe after
``sync_folder`` of one of the folders it touched; at a crash any subset of the unsafe changes has
happened. A ``write`` that a crash interrupts leaves any prefix of the data, or zeros of its length.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable


class CrashError(BaseException):
    """The power went off."""


class Content:
    """A file apart from its names."""

    def __init__(self) -> None:
        self.data = b""


class DiskModel:
    """Implements ``agent.files.Files``."""

    def __init__(self) -> None:
        self.names_now: dict[str, Content | None] = {}
        self.safe: dict[str, Content | None] = {}
        self.unsafe: list[tuple[frozenset[str], Callable[[dict[str, Content | None]], None]]] = []
        self.fuse = -1
        self.torn: Callable[[bytes], bytes] = lambda data: data
        self.capacity: int | None = None
        self.calls = 0

    # Faults

    def _call(self) -> None:
        self.calls += 1
        if self.fuse == 0:
            raise CrashError
        self.fuse -= 1

    def crash(self, keep: Callable[[int], bool]) -> None:
        """Power off and on again: of the unsafe changes those happened that ``keep`` chooses."""
        for number, (_, change) in enumerate(self.unsafe):
            if keep(number):
                change(self.safe)
        self.names_now = dict(self.safe)
        self.unsafe = []
        self.fuse = -1
        self.torn = lambda data: data

    def _change(self, folders: Iterable[str], change) -> None:
        change(self.names_now)
        self.unsafe.append((frozenset(folders), change))

    # agent.files.Files

    def names(self, folder: str) -> list[str]:
        if folder not in self.names_now:
            raise FileNotFoundError(folder)
        return [os.path.basename(path) for path in self.names_now if os.path.dirname(path) == folder]

    def read(self, path: str) -> bytes:
        return self._content(path).data

    def size(self, path: str) -> int:
        return len(self._content(path).data)

    def _content(self, path: str) -> Content:
        content = self.names_now.get(path)
        if content is None:
            raise FileNotFoundError(path)
        return content

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        self._call()
        content = self.names_now.get(path)
        if content is None:
            content = Content()
            new = content
            self._change([os.path.dirname(path)], lambda names: names.__setitem__(path, new))
        content.data = b""
        data = b"".join(parts)
        if self.capacity is not None and self.used() + len(data) > self.capacity:
            content.data = data[: max(0, self.capacity - self.used())]
            raise OSError(28, "No space left on device")
        content.data = self.torn(data)
        self._call()
        content.data = data

    def used(self) -> int:
        return sum(len(content.data) for content in self.names_now.values() if content)

    def rename(self, old: str, new: str) -> None:
        self._call()
        content = self._content(old)

        def change(names):
            if names.get(old) is content:
                del names[old]
            names[new] = content

        self._change([os.path.dirname(old), os.path.dirname(new)], change)

    def remove(self, path: str) -> None:
        self._call()
        content = self._content(path)

        def change(names):
            if names.get(path) is content:
                del names[path]

        self._change([os.path.dirname(path)], change)

    def make_folder(self, path: str) -> None:
        self._call()
        if path not in self.names_now:
            self._change([os.path.dirname(path)], lambda names: names.__setitem__(path, None))

    def sync_folder(self, folder: str) -> None:
        self._call()
        rest = []
        for folders, change in self.unsafe:
            if folder in folders:
                change(self.safe)
            else:
                rest.append((folders, change))
        self.unsafe = rest
