"""Sessions in systemd's journal: ``journalctl -o json`` from a cursor on.

logind writes one entry when a session begins (its message id is below). Whose session is asked for by name.
The cursor of the last entry is the position. That it is still in the journal is asked too: where the journal
was cut by its size limit, entries may have gone unread, and the time is not vouched for.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from agent.logins.follower import Found
from agent.logins.stamps import MS_PER_S
from agent.logins.tally import Tally

SESSION_BEGINS = "8d45620c1a4348dbb17410da57c60c66"
"""SD_MESSAGE_SESSION_START of systemd's sd-messages.h."""
TIMEOUT_S = 120.0
MAX_LINE_BYTES = 1024 * 1024
MAX_BYTES = 256 * 1024 * 1024
_ANSWER_LINES = 2
_US_PER_MS = 1_000
_NO_PROGRAM = "journalctl is not found; install systemd or take this log out of logins.toml"


class Journal:
    """The journal as a log. ``state`` is what has to be kept: the cursor, or the time to begin at."""

    def __init__(
        self, *, command: Sequence[str], state: Mapping[str, Any], stamps_day: Callable[[int], int]
    ) -> None:
        """Ask ``command`` (``journalctl`` with what chooses a journal); days come from ``stamps_day``."""
        self._command = tuple(command)
        self._day = stamps_day
        self.cursor = str(state.get("cursor", ""))
        self.since_ms = int(state.get("since_ms", 0))

    def document(self) -> dict[str, Any]:
        """Return what has to be kept."""
        return {"cursor": self.cursor, "since_ms": self.since_ms}

    def poll(self, tally: Tally) -> Found:
        """Read what is new and count it."""
        found = Found()
        try:
            if self.cursor and not self._is_there(self.cursor):
                found.lost.append("the journal: entries were removed before they were read")
                self.cursor, self.since_ms = "", self.since_ms + 1
            entries = self._entries()
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            found.problem(_reason(error))
            return found
        for account, day in entries:
            tally.lines.read += 1
            if account is None:
                tally.lines.not_understood += 1
            else:
                tally.add(account, day)
        return found

    def earliest_ms(self) -> Optional[int]:
        """Return the time of the oldest entry of any kind, ``None`` if that cannot be told."""
        command = [*self._command, "--quiet", "--no-pager", "--output=json", "--output-fields=PRIORITY"]
        try:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as asked:
                line = asked.stdout.readline(MAX_LINE_BYTES) if asked.stdout else b""
                asked.kill()
            return int(json.loads(line)["__REALTIME_TIMESTAMP"]) // _US_PER_MS
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _entries(self) -> list[tuple[Optional[bytes], int]]:
        options = (
            [f"--after-cursor={self.cursor}"] if self.cursor else [f"--since=@{self.since_ms // MS_PER_S}"]
        )
        entries: list[tuple[Optional[bytes], int]] = []
        cursor, latest_ms = self.cursor, self.since_ms
        for line in self._ask(*options, "--output-fields=USER_ID,SESSION_ID").splitlines():
            entry = json.loads(line)
            cursor = str(entry["__CURSOR"])
            instant_ms = int(entry["__REALTIME_TIMESTAMP"]) // _US_PER_MS
            if not self.cursor and instant_ms < self.since_ms:
                continue
            latest_ms = max(latest_ms, instant_ms)
            user = entry.get("USER_ID")
            account = user.encode("utf-8", "surrogatepass") if isinstance(user, str) else None
            entries.append((account, self._day(instant_ms)))
        self.cursor, self.since_ms = cursor, latest_ms
        return entries

    def _is_there(self, cursor: str) -> bool:
        answer = self._ask(f"--cursor={cursor}", "--lines=1", "--output-fields=SESSION_ID").splitlines()
        return bool(answer) and json.loads(answer[0])["__CURSOR"] == cursor

    def _ask(self, *options: str) -> bytes:
        done = subprocess.run(
            [
                *self._command,
                "--quiet",
                "--no-pager",
                "--output=json",
                *options,
                f"MESSAGE_ID={SESSION_BEGINS}",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode and done.stderr:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ValueError(f"journalctl says: {' '.join(lines[:_ANSWER_LINES])}")
        if len(done.stdout) > MAX_BYTES:
            raise ValueError("the journal's answer is too long; name a later day as since")
        return done.stdout


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return _NO_PROGRAM
    if isinstance(error, (ValueError, KeyError)) and not str(error).startswith("journalctl says"):
        return "journalctl answered something that is no journal entry; see: journalctl -o json -n 1"
    return (
        f"the journal cannot be read: {error}; add the service's user to the group systemd-journal "
        "(SupplementaryGroups= in the unit)"
    )
