"""Writes what a check says of the golden and hostile packs: ``python -m tests.golden.make [--packs]``.

With ``--packs`` the golden packs too are written anew. They are frozen with the format, so that is for a new
format only.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from golden import judging  # noqa: E402 - the tests' modules are on the path only now


def main() -> None:
    """Write what was asked for."""
    if "--packs" in sys.argv:
        for name, build in judging.BUILDERS.items():
            judging.put(name, build())
    judging.FINDINGS.write_bytes(judging.findings())


if __name__ == "__main__":
    main()
