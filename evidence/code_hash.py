"""One hash for a running program: SHA-256 over its files, in a form that ``sha256sum`` prints too.

The hashed text has one line ``<SHA-256 of the file>  <path>`` for every ``.py`` file of the packages,
sorted by the bytes of the path; paths begin with the package and use ``/``. Where the files lie does
not matter, so a wheel, an installation and a checkout of the same commit have the same hash. With
coreutils, beside the packages: ``find agent evidence -name '*.py' | LC_ALL=C sort | xargs sha256sum |
sha256sum``.

A program tells its own hash; one that lies about its readings can lie about this too. It finds
honest mistakes (another version, an edited file), and binds a dishonest one to a claim.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from evidence.errors import MalformedError

SUFFIX = ".py"
AGENT_PACKAGES = ("agent", "evidence")
"""What runs on a host: the agent and the readers of logins and databases."""
COLLECTOR_PACKAGES = ("collector", "config", "evidence")
"""What seals imports, answers of clouds and account lists."""
UNKNOWN = ""
"""The code is not known: a chunk of before the field, or a program whose files cannot be read."""


def code_hash(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the hash (64 hex digits) of a program's files, ``UNKNOWN`` if there are none.

    Args:
        files: path from the package on, with ``/``, and content; in any order. Files that are not
            ``.py`` are passed over.

    Raises:
        MalformedError: a path stands twice, or has a line break and could be read as two.
    """
    digests: dict[bytes, str] = {}
    for path, content in files:
        if not path.endswith(SUFFIX):
            continue
        name = path.encode("utf-8", "surrogateescape")
        if name in digests or b"\n" in name:
            raise MalformedError(f"the path {path!r} stands twice or has a line break; remove that file")
        digests[name] = hashlib.sha256(content).hexdigest()
    if not digests:
        return UNKNOWN
    total = hashlib.sha256()
    for name in sorted(digests):
        total.update(digests[name].encode() + b"  " + name + b"\n")
    return total.hexdigest()
