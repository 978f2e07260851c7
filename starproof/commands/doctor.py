"""``starproof doctor``: on a host, on a collector, or on a machine that is both. Changes nothing.

The agent's part runs on every Python that the agent runs on; the collector's is imported only where
there is a collector. Exit status: 0 nothing is bad, 1 something is, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, Optional

from agent.doctor import record
from agent.doctor.run import ROLE as AGENT
from agent.doctor.run import examine, usual_state

COLLECTOR = "collector"
ROLES = (AGENT, COLLECTOR)
COLLECTORS_PYTHON = (3, 11)
COLLECTOR_CONFIG = "/etc/starproof/collector.toml"
SERVICE_STORE = "/var/lib/starproof-collector/starproof.db"
"""What the unit uses."""


def main(argv: Sequence[str], *, prog: str = "starproof doctor") -> int:
    """Run the command and return the exit status."""
    options = _parser(prog).parse_args(argv)
    roles = [options.role] if options.role else _roles(options)
    if COLLECTOR in roles and sys.version_info < COLLECTORS_PYTHON:
        print(f"{prog}: a collector needs Python 3.11 or later; only the agent runs here", file=sys.stderr)  # noqa: T201 - the one line of an error
        return 1
    documents = [_of_agent(options) if role == AGENT else _of_collector(options) for role in roles]
    if options.json:
        print(json.dumps(documents[0] if len(documents) == 1 else documents, ensure_ascii=False))  # noqa: T201 - the answer
    else:
        sys.stdout.write("\n".join(record.text(one, options.lang) for one in documents))
    return 1 if any(record.is_bad(one) for one in documents) else 0


def _roles(options: argparse.Namespace) -> list[str]:
    """Return what this machine is: what is named decides, else what lies on it; a bare machine is a host."""
    if options.state:
        return [AGENT]
    if options.db or options.accounts:
        return [COLLECTOR]
    found = [AGENT] if os.path.exists(usual_state()) else []  # noqa: PTH110 - also on Python 3.9 as the agent does
    if _store(options) is not None:
        found.append(COLLECTOR)
    return found or [AGENT]


def _of_agent(options: argparse.Namespace) -> dict[str, Any]:
    return examine(
        config=options.config,
        state=options.state,
        environment=os.environ,
        offline=options.offline,
        wall_ms=lambda: time.time_ns() // 1_000_000,
    )


def _store(options: argparse.Namespace) -> Optional[str]:
    """Return the URL of the store of this machine, ``None`` if there is none where one usually lies."""
    if options.db:
        return str(options.db)
    if os.path.exists(SERVICE_STORE):  # noqa: PTH110 - as above
        return f"sqlite:///{SERVICE_STORE}"
    if sys.version_info < COLLECTORS_PYTHON:
        return None
    try:
        from collector.settings import default_database_url  # noqa: PLC0415 - only where a collector can be
        from collector.store.engine import sqlite_path  # noqa: PLC0415 - the same
    except ModuleNotFoundError:  # a bare agent, without the collector's libraries
        return None
    url = default_database_url()
    path = sqlite_path(url)
    return url if path is None or path.exists() else None


def _of_collector(options: argparse.Namespace) -> dict[str, Any]:
    # Only where there is a collector: the agent's Python need not have any of this.
    from dataclasses import replace  # noqa: PLC0415 - see above
    from pathlib import Path  # noqa: PLC0415 - see above

    from collector.doctor.record import failed  # noqa: PLC0415 - see above
    from collector.doctor.run import Examination  # noqa: PLC0415 - see above
    from collector.errors import CollectorError  # noqa: PLC0415 - see above
    from collector.http.log import LineLog  # noqa: PLC0415 - see above
    from collector.opening import wall_clock_ms  # noqa: PLC0415 - see above
    from collector.polling.opening import Keys  # noqa: PLC0415 - see above
    from collector.settings import Settings, read_settings  # noqa: PLC0415 - see above
    from collector.sources.calling import real_clocks  # noqa: PLC0415 - see above
    from collector.sources.registry import load  # noqa: PLC0415 - see above
    from collector.sources.secrets import read_secret  # noqa: PLC0415 - see above

    config = options.config or (COLLECTOR_CONFIG if Path(COLLECTOR_CONFIG).exists() else None)
    try:
        settings = read_settings(Path(config)) if config else Settings()
        url = settings.db if settings.db and not options.db else _store(options)
        settings = replace(settings, db=url or settings.db)
        keys = Keys(read_secret)
        examination = Examination(
            settings,
            load(),
            keys,
            real_clocks(),
            LineLog(wall_clock_ms, redact=keys.redacted),
            offline=options.offline,
            accounts=options.accounts,
        )
        found = list(examination.checks())
    except CollectorError as error:
        found = [failed("config", error)]
    shared = [record.Check(**vars(one)) for one in found]
    return record.document(shared, role=COLLECTOR)


def _parser(prog: str) -> argparse.ArgumentParser:
    from pathlib import Path  # noqa: PLC0415 - as the options want it

    parser = argparse.ArgumentParser(
        prog=prog,
        description="检查问题并给出办法，不改动任何东西 / find what is wrong and what to do; changes nothing",
        epilog=f"example: {prog}",
    )
    parser.add_argument(
        "--role", choices=ROLES, help="看哪一个；缺省自行判断 / which one; found out if not given"
    )
    parser.add_argument("--config", metavar="FILE", help="agent.toml, or collector.toml")
    parser.add_argument("--state", metavar="DIR", help="采集代理的状态目录 / the agent's state directory")
    parser.add_argument("--db", metavar="URL", help="采集端的数据库 / the collector's store")
    parser.add_argument(
        "--accounts",
        metavar="FILE",
        type=Path,
        help="试读账号来源 / try the sources of accounts in this file",
    )
    parser.add_argument(
        "--offline", action="store_true", help="不访问网络上的任何系统 / ask nobody over the network"
    )
    parser.add_argument("--lang", choices=record.LANGUAGES, default=record.CHINESE, help="default zh")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser
