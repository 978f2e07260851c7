"""The least that a user must be allowed: reading, and nothing else."""

from __future__ import annotations

import json

METHODS = (
    "history.get",
    "host.get",
    "hostgroup.get",
    "housekeeping.get",
    "item.get",
    "template.get",
    "trend.get",
    "usermacro.get",
)
GROUP_RIGHT = "read permission on the host groups (and on the groups of their templates)"
_USER = 1
_ALLOWED_ONLY = 1


def policy() -> str:
    """Return the parameters of ``role.create``: a role that may call these methods only.

    The user also needs a user group with read permission on the host groups.
    """
    role = {
        "name": "StarProof",
        "type": _USER,
        "rules": {
            "ui.default_access": 0,
            "modules.default_access": 0,
            "actions.default_access": 0,
            "api.access": 1,
            "api.mode": _ALLOWED_ONLY,
            "api": list(METHODS),
        },
    }
    return json.dumps(role, indent=2, ensure_ascii=False)
