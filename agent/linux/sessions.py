"""Who is logged in: counts of sessions and of accounts, never names.

Primary source: the session files of systemd-logind (sd-login(3)), of people's classes only and in
state active or online. Second: utmp, which counts terminals. A host with neither has no value:
an empty answer of a source that is not there is not "nobody".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.linux import files
from evidence.columns import MISSING

PEOPLE = frozenset({"user", "user-early", "user-light", "user-early-light"})
"""Classes of logins by people. The variants came with systemd 256 to 258 (root's logins are
``user-early`` there); greeters, lock screens, managers and background jobs are other classes."""
PRESENT = frozenset({"active", "online"})
"""``closing`` sessions have ended and only leave processes behind; ``opening`` ones have not begun."""

Users = Callable[[], Sequence[str]]
"""Returns the account of every utmp session."""


@dataclass(frozen=True)
class Sessions:
    """Counts at one instant. ``reason`` says why there are none when ``source`` is ``none``."""

    source: str
    count: int
    users: int
    reason: str = ""


def psutil_users() -> list[str]:
    """Return the account of every utmp session. Loads psutil: only for hosts without logind."""
    import psutil  # noqa: PLC0415 - a running agent with logind never pays for this module

    return [user.name for user in psutil.users()]


class SessionSource:
    """The sessions below one ``/run`` root."""

    def __init__(self, run: str, *, users: Users = psutil_users) -> None:
        self._systemd = f"{run}/systemd"
        self._utmp = f"{run}/utmp"
        self._users = users

    def read(self) -> Sessions:
        """Return the sessions now."""
        names = files.names(f"{self._systemd}/sessions")
        if names is not None and self._logind_runs(names):
            return self._logind(names)
        if files.size(self._utmp) > 0:
            accounts = self._users()
            return Sessions("utmp", len(accounts), len(set(accounts)))
        return Sessions("none", MISSING, MISSING, "no systemd-logind and no utmp on this host")

    def _logind_runs(self, sessions: list[str]) -> bool:
        """Return whether logind keeps these files.

        Images carry the empty directories along, so they prove nothing. ``system`` is there iff
        systemd is process 1 (sd_booted(3)), and a running logind always keeps a file for seat0.
        """
        return files.is_directory(f"{self._systemd}/system") and bool(
            sessions or files.names(f"{self._systemd}/seats")
        )

    def _logind(self, names: list[str]) -> Sessions:
        accounts = []
        for name in names:
            if name.endswith(".ref"):  # the pipe by which logind sees a session's end
                continue
            try:
                text = files.read_text(f"{self._systemd}/sessions/{name}")
            except FileNotFoundError:  # it ended while we were reading
                continue
            except OSError:
                return Sessions("logind", MISSING, MISSING)
            session = dict(line.partition("=")[::2] for line in text.splitlines())
            if session.get("CLASS") in PEOPLE and session.get("STATE") in PRESENT:
                accounts.append(session.get("UID", ""))
        return Sessions("logind", len(accounts), len(set(accounts)))
