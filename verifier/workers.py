"""Worker processes for the chains of a pack: hosts are independent of one another.

Workers are started anew (spawned), so they hold nothing but their tasks; each opens the file by its path
and looks that it is the very file that was hashed. Results come in the order of the tasks, whoever was
first, and no more tasks are handed out than ``AHEAD`` for each worker.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from verifier.chain import Result, Run, Task, attempt
from verifier.container import Entry
from verifier.errors import PackError

AHEAD = 2
YOUNG_OBJECTS = 200_000
"""Some MB."""


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


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for objects that hold one another only once in a long while.

    A check makes millions of objects that live for a while, and next to none of that kind; looking at each of them
    again and again is a tenth of its time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


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
        processes = min(count, max(1, len(todo)))
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
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
    with rare_collections(), file.open() as stream:
        return attempt(task, lambda name: places[name].bytes_in(stream))


def _marks(stream: BinaryIO) -> tuple[int, ...]:
    about = os.fstat(stream.fileno())
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns
