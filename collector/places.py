"""Where the collector keeps its files unless told otherwise."""

from __future__ import annotations

import os
from pathlib import Path

STATE_VARIABLE = "STARPROOF_STATE"


def state_directory() -> Path:
    """Return where the collector keeps its database and keys unless told otherwise.

    ``STARPROOF_STATE`` names another directory: on PostgreSQL each store needs one for its keys.
    """
    if os.environ.get(STATE_VARIABLE):
        return Path(os.environ[STATE_VARIABLE])
    if os.geteuid() == 0:
        return Path("/var/lib/starproof/collector")
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "starproof" / "collector"
