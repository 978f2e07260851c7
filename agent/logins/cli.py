"""``starproof-agent logins``: enroll, run, check, show. Imports nothing but argparse until one is chosen."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from typing import Any, Callable

_EXAMPLE = "--config /etc/starproof/logins.toml"


def add_options(parser: argparse.ArgumentParser, prog: str) -> None:
    """Add the commands under ``logins`` to its parser."""
    commands = parser.add_subparsers(
        dest="logins_command", required=True, metavar="COMMAND", prog=f"{prog} logins"
    )
    for name, text in (
        ("enroll", "注册日志读取 | enrol the reader (source login-log)"),
        ("run", "持续读取、封存、上报 | read, seal and deliver"),
        ("check", "试读各日志,不写任何文件 | try the logs; writes nothing"),
        ("show", "读取进度 | how far the reading is"),
    ):
        command = commands.add_parser(
            name, help=text, description=text, epilog=f"example: {prog} logins {name} {_EXAMPLE}"
        )
        command.add_argument("--config", metavar="FILE", help="配置文件 | configuration file")
        command.add_argument("--state", metavar="DIR", help="状态目录 | state directory")
        if name == "enroll":
            command.add_argument("--collector", metavar="URL", help="采集中心地址 | the collector's address")
            command.add_argument("--name", metavar="HOST", help="主机名 | name of this host")
            command.add_argument(
                "--token", metavar="T", help="一次性令牌 | one-time token; prefer --token-file"
            )
            command.add_argument("--token-file", metavar="FILE", help="令牌文件 | '-' for stdin")
            command.add_argument("--ca", metavar="FILE", help="采集端的 CA 证书 | pin the CA in this file")
            command.add_argument(
                "--ca-sha256", metavar="F", help="采集端 CA 的指纹 | pin the CA by fingerprint"
            )
            command.add_argument(
                "--log-key", metavar="HEX", help="采集端日志公钥(log.pub) | accept no log with another key"
            )
        if name in ("check", "show"):
            command.add_argument("--json", action="store_true", help="只输出一个 JSON | one JSON document")


def main(options: argparse.Namespace, *, token: Callable[[], str], show: Callable[[str], None]) -> int:
    """Run one command; ``token`` gives the token of the options, ``show`` writes to stdout.

    Raises:
        AgentError: what went wrong, in words.
    """
    from agent import lean  # noqa: PLC0415 - lazy, see the module
    from agent.logins.config import load  # noqa: PLC0415 - the same

    name = options.logins_command
    if name == "enroll":
        return _enroll(options, token(), show)
    settings = load(options.config, state=options.state)
    if name == "run":
        lean.one_heap()
        from agent.logins.run import run  # noqa: PLC0415 - the same

        return run(settings, environment=os.environ)
    from agent.logins import report  # noqa: PLC0415 - the same

    document: Mapping[str, Any]
    if name == "check":
        document = report.checked(settings, os.environ, now_ms=_wall_ms())
        text = report.checked_text(document)
    else:
        document = report.progress(settings, now_ms=_wall_ms())
        text = report.progress_text(document)
    if options.json:
        import json  # noqa: PLC0415 - the same

        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    show(text)
    return 1 if name == "check" and document["problems"] else 0


def _enroll(options: argparse.Namespace, token: str, show: Callable[[str], None]) -> int:
    import socket  # noqa: PLC0415 - lazy, see the module

    from agent.enrol import Request, enrol, facts  # noqa: PLC0415 - the same
    from agent.enrolling import wanted_log_key, wanted_way  # noqa: PLC0415 - lazy, see the module
    from agent.errors import UsageError  # noqa: PLC0415 - the same
    from agent.logins.config import load  # noqa: PLC0415 - the same
    from agent.logins.run import state_folder  # noqa: PLC0415 - the same
    from agent.pinning import way_to  # noqa: PLC0415 - the same
    from agent.state import State  # noqa: PLC0415 - the same
    from evidence.sources import LOGIN_LOG  # noqa: PLC0415 - the same

    settings = load(options.config) if options.config else None
    state = State(options.state or (settings.state if settings else None) or state_folder())
    with state.lock():
        current = state.enrolled()
        collector = options.collector or (settings.collector if settings else None)
        collector = collector or (current.collector if current else None)
        if collector is None:
            raise UsageError("no collector is named; give --collector URL")
        wanted = wanted_way(options, settings)
        way = way_to(collector, wanted, state, wall_ms=_wall_ms, mono_s=time.monotonic)
        request = Request(
            host=options.name or (current.signed.enrolment.host if current else socket.gethostname()),
            token=token,
            collector=collector,
            time_ms=_wall_ms(),
            facts=facts(),
            source=LOGIN_LOG,
            log_key=wanted_log_key(options),
        )
        with way.pinned(state):
            record = enrol(state, request, way.transport).signed.enrolment
    show(f"已注册 enrolled: {record.enterprise} / {record.host} / {record.source}, epoch {record.epoch}\n")
    return 0


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
