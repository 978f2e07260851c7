"""Jobs: begun by a form, run one after another beside the service, watched on a page, their files kept.

A job is a folder with ``job.json`` and what the job made. So a page can show it after a restart too; what
was running when the service ended is told as interrupted, never as done. The oldest go when there are
more than ``MOST_KEPT``.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from collector.errors import CollectorError
from collector.http.log import Log
from collector.ingest import Clock
from documents.errors import DocumentsError
from evidence.errors import EvidenceError
from verifier.errors import VerifierError

WAITING, RUNNING, DONE, FAILED, INTERRUPTED = "waiting", "running", "done", "failed", "interrupted"
OPEN = (WAITING, RUNNING)
"""States of jobs that are not over."""
MOST_KEPT = 24
MOST_WAITING = 8
MOST_MESSAGE = 2_000
RECORD = "job.json"
_DIGITS = 8
_PRIVATE = 0o700


class TooManyJobsError(Exception):
    """More wait already than anybody can want at once."""


class JobError(Exception):
    """A job failed; the argument is what to tell, without secrets."""


@dataclass(frozen=True)
class Made:
    """A file that a job made: its name in the folder and for who downloads it, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Job:
    """One job as it stands. Times in ms since 1970, 0: not yet.

    ``kind`` names what is done, ``about`` what it is done with (a month, an account). ``facts`` are what
    the job wants to tell beside its files.
    """

    number: int
    kind: str
    about: str
    actor: str
    asked_ms: int
    begun_ms: int = 0
    ended_ms: int = 0
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    files: tuple[Made, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN

    @property
    def percent(self) -> int:
        """How much of the present stage is done, 0 to 100."""
        return 100 * min(self.done, self.total) // self.total if self.total > 0 else 0


class Doing:
    """What a task works with: its folder, who wants to know how far it is, and whether it must end."""

    def __init__(
        self, folder: Path, stopping: threading.Event, tell: Callable[[str, int, int], None]
    ) -> None:
        self.folder = folder
        self.stopping = stopping
        self.tell = tell


Task = Callable[[Doing], tuple[Sequence[str], Mapping[str, Any]]]
"""Does the work; returns the names of the files that it made, and facts. Raises ``JobError`` if it cannot."""


class Jobs:
    """Runs jobs and remembers them; threads may share it.

    Args:
        folder: where jobs are kept; made when the first begins.
        clock: the wall clock.
        log: takes events.
    """

    def __init__(self, folder: Path, *, clock: Clock, log: Log) -> None:
        self._folder = folder
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="console-job")
        self._mark = 0
        self._jobs: dict[int, Job] = {}
        for job in _recorded(folder):
            # What an earlier process did not finish, nobody does any more.
            state = INTERRUPTED if job.open else job.state
            self._jobs[job.number] = replace(job, state=state)

    def close(self) -> None:
        """Tell what runs to end, and wait for it."""
        self._stopping.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def mark(self) -> int:
        """Return a number that differs whenever a job stands differently."""
        return self._mark

    def of(self, *kinds: str) -> list[Job]:
        """Return the jobs of these kinds, the newest first."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.kind in kinds]
        return sorted(found, key=lambda job: job.number, reverse=True)

    def get(self, number: int) -> Job | None:
        """Return a job, ``None`` if there is none of this number."""
        with self._lock:
            return self._jobs.get(number)

    def file(self, number: int, name: str) -> Path | None:
        """Return the path of a file that a job made, ``None`` if it made none of this name."""
        job = self.get(number)
        if job is None or name not in {made.name for made in job.files}:
            return None
        path = self._place(number) / name
        return path if path.is_file() else None

    def begin(self, kind: str, about: str, *, actor: str, task: Task) -> Job:
        """Let ``task`` be done as soon as those before it are; return its job.

        Raises:
            TooManyJobsError: ``MOST_WAITING`` are waiting.
        """
        with self._lock:
            if sum(job.open for job in self._jobs.values()) >= MOST_WAITING:
                raise TooManyJobsError
            number = max(self._jobs, default=0) + 1
            job = Job(number, kind, about, actor, self._clock())
            self._jobs[number] = job
            self._forget()
        place = self._place(number)
        place.mkdir(parents=True, mode=_PRIVATE)
        self._keep(job)
        self._executor.submit(self._run, number, task)
        return job

    def _run(self, number: int, task: Task) -> None:
        self._change(number, state=RUNNING, begun_ms=self._clock())

        def tell(stage: str, done: int, total: int) -> None:
            self._change(number, stage=stage, done=done, total=total)

        place = self._place(number)
        try:
            names, facts = task(Doing(place, self._stopping, tell))
        except (JobError, CollectorError, DocumentsError, EvidenceError, VerifierError, OSError) as error:
            state = INTERRUPTED if self._stopping.is_set() else FAILED
            self._end(number, state=state, message=str(error)[:MOST_MESSAGE])
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this job, not the service
            self._log("job_fault", level="error", job=number, message=f"{type(error).__name__}: {error}")
            self._end(number, state=FAILED, message="")
        else:
            files = tuple(Made(name, (place / name).stat().st_size) for name in names)
            self._end(number, state=DONE, files=files, facts=dict(facts))

    def _end(self, number: int, **changes: Any) -> None:
        job = self._change(number, ended_ms=self._clock(), **changes)
        self._keep(job)
        self._log("job_ended", job=number, kind=job.kind, state=job.state)

    def _change(self, number: int, **changes: Any) -> Job:
        with self._lock:
            job = self._jobs[number] = replace(self._jobs[number], **changes)
            self._mark += 1
            return job

    def _keep(self, job: Job) -> None:
        path = self._place(job.number) / RECORD
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(asdict(job), ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)

    def _forget(self) -> None:
        """Let the oldest go that are over, with their files; the caller holds the lock."""
        over = sorted(number for number, job in self._jobs.items() if not job.open)
        for number in over[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[number]
            shutil.rmtree(self._place(number), ignore_errors=True)

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:0{_DIGITS}}"


def _recorded(folder: Path) -> list[Job]:
    """Return the jobs that are kept; what is no record of a job is passed over."""
    found = []
    for path in sorted(folder.glob(f"*/{RECORD}")) if folder.is_dir() else []:
        try:
            raw = json.loads(path.read_text("utf-8"))
            job = Job(**{**raw, "files": tuple(Made(**one) for one in raw["files"])})
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if path.parent.name == f"{job.number:0{_DIGITS}}":
            found.append(job)
    return found


def private_file(path: Path, data: bytes) -> None:
    """Write a new file that its owner alone can read.

    Raises:
        OSError: it cannot be written.
    """
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
