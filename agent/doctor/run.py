"""All checks of this host's agent, in the order in which somebody would look."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Callable, Optional

from agent.config import DEFAULT_PATH, Settings, load
from agent.doctor import folder, measuring, way
from agent.doctor.record import BAD, GOOD, Check, document
from agent.enrol import AGENT
from agent.errors import AgentError
from agent.state import default_state

ROLE = "agent"
SERVICE_STATE = "/var/lib/starproof-agent"
"""What the unit and the installer use."""
LOGINS_PATH = "/etc/starproof/logins.toml"


def examine(
    *,
    config: Optional[str],
    state: Optional[str],
    environment: Mapping[str, str],
    offline: bool = False,
    logins: str = LOGINS_PATH,
    wall_ms: Callable[[], int],
    mono_s: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Return what was found.

    Args:
        config: the settings; ``None``: the usual file if it is there.
        state: the state directory; ``None``: the one of the settings, or the usual one.
        environment: of this process.
        offline: whether to leave the collector alone.
        logins: the settings of the reader of logs; looked at if they are there.
        wall_ms: wall clock in ms since 1970.
        mono_s: seconds that never go back.
    """
    checks = [Check("program", GOOD, AGENT, AGENT)]
    try:
        settings = load(config, state=state)
    except (AgentError, OSError) as error:
        checks.append(Check("config", BAD, str(error), str(error), "改正这个文件", "correct this file"))
        return document(checks, role=ROLE)
    checks.append(_config(config, settings))
    place = folder.state_of(settings.state or usual_state())
    checks += folder.folder_checks(place)
    found, enrolled = folder.enrolment_check(place)
    checks.append(found)
    checks.append(folder.disk_check(place))
    if enrolled is not None:
        checks += folder.life_checks(place, settings, now_ms=wall_ms())
        if not offline:
            checks += way.way_checks(place, settings, enrolled, wall_ms=wall_ms, mono_s=mono_s)
    checks += measuring.device_checks(settings)
    checks += measuring.user_checks(logins, environment)
    return document(checks, role=ROLE)


def usual_state() -> str:
    """Return where the state is if nobody says: the service's directory if there is one, else the user's."""
    usual = default_state()
    return SERVICE_STATE if os.path.exists(SERVICE_STATE) and not os.path.exists(usual) else usual


def _config(config: Optional[str], settings: Settings) -> Check:
    file = config or (DEFAULT_PATH if os.path.exists(DEFAULT_PATH) else None)
    return Check(
        "config",
        GOOD,
        f"{file or '缺省值'}，每 {settings.interval_s} 秒读数，每 {settings.seal_s} 秒封存",
        f"{file or 'defaults'}: a reading every {settings.interval_s} s, a chunk every {settings.seal_s} s",
    )
