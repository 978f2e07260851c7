"""Running a command of ours as a process of its own: it has its own memory and can be ended.

The address of the database goes by the environment: it may hold a password, and the arguments of a
process can be read by everybody on the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from collector.settings import DATABASE_VARIABLE
from console.work.jobs import Doing, JobError

PROGRAM = (sys.executable, "-m", "starproof")
ANSWER = "answer.json"
MOST_ANSWER_BYTES = 8 * 1024 * 1024
MOST_LINES = 12
MOST_LINE = 400
LOOK_EVERY_S = 0.5
END_S = 10


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, its JSON document (empty without one), the last lines that it said."""

    status: int
    document: Mapping[str, Any]
    said: Sequence[str]


def run(arguments: Sequence[str], doing: Doing, *, database_url: str) -> Ended:
    """Run ``starproof`` with arguments and ``--json --progress`` until it ends.

    Raises:
        JobError: the service is ending, so the command was ended too.
        OSError: it cannot be started.
    """
    answer = doing.folder / ANSWER
    environment = {
        **os.environ,
        DATABASE_VARIABLE: database_url,
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    with answer.open("wb") as out:
        process = subprocess.Popen(
            [*PROGRAM, *arguments, "--json", "--progress"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    said: deque[str] = deque(maxlen=MOST_LINES)
    reader = threading.Thread(target=_read, args=(process.stderr, said, doing), daemon=True)
    reader.start()
    try:
        while process.poll() is None:
            if doing.stopping.wait(LOOK_EVERY_S):
                raise JobError("the service was stopped in the middle of it")
    finally:
        _end(process)
        reader.join(END_S)
        if process.stderr is not None:
            process.stderr.close()
    data = answer.read_bytes()[: MOST_ANSWER_BYTES + 1]
    answer.unlink()
    return Ended(process.returncode, _document(data), list(said))


def _read(stream: IO[str], said: deque[str], doing: Doing) -> None:
    """Take lines of progress and remember the others."""
    for line in stream:
        text = line.strip()
        if not text:
            continue
        told = _document(text.encode()) if text.startswith('{"progress"') else {}
        if told:
            doing.tell(str(told["progress"]), int(told["done"]), int(told["total"]))
        else:
            said.append(text[:MOST_LINE])


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_ANSWER_BYTES:
        return {}
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
