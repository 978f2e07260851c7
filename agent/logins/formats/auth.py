"""auth.log and secure: successful logins by sshd, login, su and graphical sessions.

One login is one line: sshd says ``Accepted …`` (its session lines are not counted again), the others say
through PAM that a session was opened. Sessions of cron, sudo and systemd's user manager are no logins.
What users type (``Invalid user …``) stands behind sshd's own words and cannot pass for them.
"""

from __future__ import annotations

import re

from agent.logins.formats.interface import Place, misunderstood
from agent.logins.stamps import Stamps
from agent.logins.tally import Tally

_LINE = re.compile(
    rb"^(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.,]+(?:Z|[+-]\d\d:?\d\d)?) "
    rb"[^ \n]+ ([^\[: \n]+)(?:\[\d+\])?: ([^\n]*)\n",
    re.MULTILINE,
)
_SSH = re.compile(rb"Accepted [^ ]+ for (.+) from [^ ]+ port \d+")
_PAM = re.compile(
    rb"pam_unix\(([^:()]+):session\): session opened for user ([^ (]+)(?:\(uid=\d+\))?(?: by |\Z)"
)
_SSH_PROGRAMS = (b"sshd", b"sshd-session", b"dropbear")
_SERVICES = frozenset(
    (
        b"login",
        b"su",
        b"su-l",
        b"gdm-password",
        b"gdm-autologin",
        b"lightdm",
        b"sddm",
        b"xrdp-sesman",
        b"cockpit",
    )
)


class Auth:
    """Lines of syslog, counted by the account that was logged in to."""

    def __init__(self, stamps: Stamps) -> None:
        """Read the stamps with ``stamps``."""
        self._stamps = stamps

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block."""
        found = _LINE.findall(block)
        misunderstood(block, tally, block.count(b"\n"), len(found))
        for stamp, program, message in found:
            account = account_of(program, message)
            if account:
                tally.add(account, self._stamps.day_of(stamp, place.reference_ms))
            else:
                tally.lines.other += 1


def account_of(program: bytes, message: bytes) -> bytes:
    """Return who logged in, empty if the message tells of no login."""
    if program in _SSH_PROGRAMS:
        match = _SSH.match(message)
        return match[1] if match else b""
    match = _PAM.match(message)
    return match[2] if match and match[1] in _SERVICES else b""
