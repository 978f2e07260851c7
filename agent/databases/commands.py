"""The commands of ``starproof-agent database``: check, show, enroll, run, status.

What there is to enrol, to run and to look at is the agent's own work; here it is given another state
directory, another source, and databases in place of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional

from agent.databases.host import READS, WRITES, DatabaseHost
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.machine import facts, this_machine
from agent.databases.registry import open_database
from agent.databases.settings import DatabaseSettings, ReaderSettings, load
from agent.errors import ConfigError
from agent.schedule import MS_PER_S
from agent.state import State

SCHEMA = "starproof/database-check/1"


def databases_of(
    settings: ReaderSettings, environment: Mapping[str, str], state: Optional[State] = None
) -> dict[str, Database]:
    """Return the readers of all databases by name.

    Raises:
        ConfigError: none is named, or a driver is not installed.
    """
    if not settings.databases:
        raise ConfigError("no database is named; write [[databases]] into the file that --config names")
    return {one.name: open_database(one, environment, state) for one in settings.databases}


def host_of(settings: ReaderSettings, environment: Mapping[str, str], state: State) -> DatabaseHost:
    """Return what the agent's loop reads.

    Raises:
        ConfigError: none is named, or a driver is not installed.
    """
    return DatabaseHost(
        databases_of(settings, environment, state),
        machine=this_machine(),
        facts=facts(),
        interval_ms=settings.agent.interval_s * MS_PER_S,
    )


def check(config: Optional[str], environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Ask every database once; return what each told, or why it did not. Nothing is stored.

    Raises:
        ConfigError: the file cannot be used.
    """
    settings = load(config)
    readers = databases_of(settings, environment)
    return {
        "schema": SCHEMA,
        "databases": [_checked(one, readers[one.name]) for one in settings.databases],
    }


def check_text(document: Mapping[str, Any]) -> str:
    """Return the document of ``check`` as lines for a terminal."""
    lines: list[str] = []
    for one in document["databases"]:
        lines.append(f"{one['name']}  {one['product']}  {one['place']}")
        if one["problem"]:
            lines.append(f"  ✗ {one['problem']}")
            continue
        lines += [
            f"  {one['version']}",
            f"  读 reads {_number(one['reads'])}  写 writes {_number(one['writes'])}",
            f"  口径 definition {one['definition']}: {one['reason']}",
            f"  身份 identity {one['identity']}",
        ]
    return "\n".join(lines) + "\n"


def show(settings: ReaderSettings) -> dict[str, Any]:
    """Return the settings in force. Where a password is, they say; what it is, they do not know."""
    return {
        "state": settings.agent.state,
        "interval_s": settings.agent.interval_s,
        "seal_s": settings.agent.seal_s,
        "databases": [vars(one) for one in settings.databases],
    }


def show_text(document: Mapping[str, Any]) -> str:
    """Return the document of ``show`` as lines for a terminal."""
    lines = [f"{key} = {value}" for key, value in document.items() if key != "databases"]
    for one in document["databases"]:
        lines += ["", *(f"{key} = {value}" for key, value in one.items() if value not in (None, ""))]
    return "\n".join(lines) + "\n"


def _checked(one: DatabaseSettings, reader: Database) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": one.name,
        "product": one.product,
        "place": one.host if one.host.startswith("/") else f"{one.host}:{one.port}",
        "problem": "",
    }
    try:
        return {**about, **_told(reader.count())}
    except DatabaseError as error:
        return {**about, "problem": str(error)}
    finally:
        reader.close()


def _told(counted: Counted) -> dict[str, Any]:
    return {
        READS.partition(".")[2]: counted.reads,
        WRITES.partition(".")[2]: counted.writes,
        "definition": counted.definition,
        "reason": counted.reason,
        "identity": counted.identity,
        "version": counted.version,
    }


def _number(value: Optional[int]) -> str:
    return "不区分 not told" if value is None else f"{value:,}"
