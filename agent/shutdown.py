"""Whether the machine went down under the agent's eyes: then the time until boot is downtime, not missing.

When SIGTERM ends the agent because the machine is going down, it takes a last reading, seals it, and
then leaves a *mark*: the boot id and the end of that chunk. The next life believes a mark only if the
boot id is another one by now and the newest chunk of the chain is exactly the one that the mark names.

Orders of writing, each safe at a crash between any two steps:

* Leaving: the chunk is on the disk before the mark is. Without the mark the time is missing.
* Using: the new boot id is written into the mark before anything is read, so that no later boot can
  use it, should this one end before its first chunk. That chunk is on the disk before the mark is
  removed; from then on the newest chunk is another one, so a mark that stays behind is not believed.
* A shutdown that was called off: the boot id is still the same, and the mark is removed at the start,
  before anything is read; otherwise a power cut before the next chunk would pass for a shutdown.

Only imported when a mark is there or SIGTERM has come.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import NamedTuple, Optional

from agent.errors import StateError
from agent.reading import Host, ReadingError
from agent.sealing import LastRow
from agent.shelf import Head
from agent.state import SHUTDOWN, State

ANSWER_S = 1.0
"""How long the service manager may take to answer; it is busy stopping things."""
STOPPING = "stopping"
_UP = ("initializing", "starting", "running", "degraded", "maintenance")
"""The other answers of systemctl(1) is-system-running that speak of this machine."""
_NOTICE = b"going down"
"""What systemd and shutdown(8) write to /run/nologin. Other contents: still booting, or maintenance."""
_MAX_NOTICE_BYTES = 4_096


def going_down(*, run: str = "/run", systemctl: str = "systemctl", platform: str = sys.platform) -> bool:
    """Return whether this machine is shutting down or rebooting; ``False`` if nobody says so.

    The service manager is asked first. Its word counts, because the notice in ``/run/nologin`` is also
    there while a planned shutdown can still be called off. Without a word the notice decides.
    """
    if not platform.startswith("linux"):
        return False
    answer = _manager_state(systemctl)
    if answer == STOPPING or answer in _UP:
        return answer == STOPPING
    try:
        with open(os.path.join(run, "nologin"), "rb") as notice:
            return _NOTICE in notice.read(_MAX_NOTICE_BYTES).lower()
    except OSError:
        return False


def _manager_state(systemctl: str) -> str:
    """Return what systemd says of the system, empty if it says nothing in time."""
    import subprocess  # noqa: PLC0415 - costs memory, and is needed only at the end

    try:
        done = subprocess.run(
            [systemctl, "is-system-running"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_S,
            check=False,
            # In the sandbox of the unit /proc/1 is hidden, which may look like a chroot.
            env={**os.environ, "SYSTEMD_IGNORE_CHROOT": "1"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace").strip()


def leave_mark(state: State, head: Head) -> None:
    """Return when it is on the disk that the machine was seen going down right after ``head``.

    Raises:
        StateError: the disk does not take it.
    """
    _write(state, _Mark(head.boot, head.end_ms))


def was_seen(state: State, last: Optional[LastRow], host: Host) -> bool:
    """Return whether the life before saw the machine go down right after ``last``, its last sealed row.

    A mark that says nothing of the kind is removed. Where the boot id cannot be read nothing is known.

    Raises:
        StateError: the file is not one of the agent's.
        OSError: a stale mark cannot be removed.
    """
    mark = _parse(state.read(SHUTDOWN) or b"")
    if mark is not None and last is not None and mark[:2] == (last.boot_id, last.wall_ms):
        # Neither failure is lost: the first tick and the first chunk meet it again and report it.
        with contextlib.suppress(ReadingError, OSError, StateError):
            here = host.read().boot_id
            if here != mark.boot and mark.used_by in ("", here):
                _write(state, mark._replace(used_by=here))
                return True
    state.remove(SHUTDOWN)
    return False


class _Mark(NamedTuple):
    """The last chunk of a life that ended in a shutdown, and the boot that has begun after it."""

    boot: str
    end_ms: int
    used_by: str = ""


def _write(state: State, mark: _Mark) -> None:
    state.write(SHUTDOWN, json.dumps(mark._asdict()).encode() + b"\n")


def _parse(data: bytes) -> Optional[_Mark]:
    """Return the mark in a file, ``None`` if it is damaged."""
    try:
        fields = json.loads(data)
        return _Mark(str(fields["boot"]), int(fields["end_ms"]), str(fields["used_by"]))
    except (ValueError, KeyError, TypeError):
        return None
