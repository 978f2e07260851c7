"""Sources: where readings come from, and which of them count.

The agent of a host reads counters. Every other source, an imported file, a cloud, a monitor or
somebody's plug-in, hands over averages that the collector seals: no host signs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

AGENT = "agent"
IMPORT = "import"
NAME_PATTERN = "[a-z][a-z0-9]{1,15}"
NAME_RULE = "a lower-case letter, then 1 to 15 lower-case letters or digits"
_RANK = {AGENT: 0, IMPORT: 1}
_NAME = re.compile(NAME_PATTERN + r"\Z", re.ASCII)


def is_source(name: str) -> bool:
    """Return whether ``name`` is the name of a source: ``agent``, ``import``, ``aliyun``, a plug-in's."""
    return _NAME.match(name) is not None


def carries_averages(source: str) -> bool:
    """Return whether the chunks of ``source`` carry averages: those of all but the agent do."""
    return source != AGENT


def usual_order(sources: Iterable[str]) -> tuple[str, ...]:
    """Return ``sources`` in the order in which they are used where nobody declared one.

    The agent, which the host signs, first; imported files; then all others by name.
    """
    found = set(sources)
    if found == {AGENT}:  # most hosts, and this is asked for every figure of every host
        return (AGENT,)
    return tuple(sorted(found, key=lambda name: (_RANK.get(name, len(_RANK)), name)))
