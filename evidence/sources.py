"""Sources: where readings come from, and which of them count.

The agent of a host reads counters; its readers of databases (``database``) and of logs (``login-log``)
sign with keys of their own what they read there: counters, and the activity of accounts. Activity that
a database, a directory or a file told the collector (``accounts``) is sealed by the collector. Every
other source, an imported file, a cloud, a monitor or somebody's plug-in, hands over averages that the
collector seals too: no host signs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from evidence.manifest import ACTIVITY, AVERAGES, COUNTERS

AGENT = "agent"
IMPORT = "import"
LOGIN_LOG = "login-log"
ACCOUNTS = "accounts"
DATABASE = "database"
SIGNED_BY_HOSTS = (AGENT, LOGIN_LOG, DATABASE)
"""The sources whose keys are made on a host and never leave it."""
SEALED_WHEN_READ = (AGENT, DATABASE)
"""A reader of logs may find old ones: what it counts is older than its chunk, and than what that names."""
NAME_PATTERN = f"(?:{LOGIN_LOG}|[a-z][a-z0-9]{{1,15}})"
NAME_RULE = "a lower-case letter, then 1 to 15 lower-case letters or digits"
_RANK = {AGENT: 0, IMPORT: 1}
_CARRIED = {AGENT: COUNTERS, DATABASE: COUNTERS, LOGIN_LOG: ACTIVITY, ACCOUNTS: ACTIVITY}
_NAME = re.compile(NAME_PATTERN + r"\Z", re.ASCII)


def is_source(name: str) -> bool:
    """Return whether ``name`` is the name of a source: ``agent``, ``import``, ``aliyun``, a plug-in's."""
    return _NAME.match(name) is not None


def carried_kind(source: str) -> str:
    """Return the kind of manifest that the chunks of ``source`` have (``evidence.manifest``)."""
    return _CARRIED.get(source, AVERAGES)


def carries_averages(source: str) -> bool:
    """Return whether the chunks of ``source`` carry averages: those of clouds, monitors and files do."""
    return carried_kind(source) == AVERAGES


def usual_order(sources: Iterable[str]) -> tuple[str, ...]:
    """Return ``sources`` in the order in which they are used where nobody declared one.

    The agent, which the host signs, first; imported files; then all others by name.
    """
    found = set(sources)
    if found == {AGENT}:  # most hosts, and this is asked for every figure of every host
        return (AGENT,)
    return tuple(sorted(found, key=lambda name: (_RANK.get(name, len(_RANK)), name)))
