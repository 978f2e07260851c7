"""Worker processes for the chains of a pack: hosts are independent of one another.

Workers are started anew (spawned), so they hold nothing but their tasks; each opens the file by its path
and looks that it is the very file that was hashed. Results come in the order of the tasks, whoever was
first, and no more tasks are handed out than ``AHEAD`` for each worker.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from verifier.chain import Result, Run, Task, attempt
from verifier.container import Entry
from verifier.errors import PackError

AHEAD = 2


@dataclass(frozen=True)
class PackFile:
    """A file and what tells it from another one under the same name."""

    path: Path
    marks: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, stream: BinaryIO) -> PackFile:
        """Return the file that ``stream`` reads from ``path``."""
        return cls(path, _marks(stream))

    def open(self) -> BinaryIO:
        """Return the file, opened once more.

        Raises:
            PackError: another file stands there now.
        """
        stream = self.path.open("rb")
        if _marks(stream) != self.marks:
            stream.close()
            raise PackError(f"{self.path.name} was changed while it was checked; check it again")
        return stream


def read_with(file: PackFile, entries: Sequence[Entry], count: int) -> Run:
    """Return what does tasks in ``count`` processes.

    Args:
        file: the pack.
        entries: where its entries of chunks stand.
        count: of processes.
    """
    places = {entry.name: entry for entry in entries}

    def run(todo: Sequence[Task]) -> Iterator[Result]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(count, max(1, len(todo))), mp_context=context) as pool:
            waiting: deque[Future[Result]] = deque()
            try:
                for task in todo:
                    waiting.append(pool.submit(_work, file, task, [places[name] for name in task.names]))
                    if len(waiting) > AHEAD * count:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    return run


def _work(file: PackFile, task: Task, entries: Sequence[Entry]) -> Result:
    places = {entry.name: entry for entry in entries}
    with file.open() as stream:
        return attempt(task, lambda name: places[name].bytes_in(stream))


def _marks(stream: BinaryIO) -> tuple[int, ...]:
    about = os.fstat(stream.fileno())
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns
