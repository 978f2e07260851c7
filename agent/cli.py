"""The agent's command line: sample, enroll, run, status, doctor, held; logins and database have commands of their own.

Nothing but ``argparse`` is imported before a command is chosen, and a command imports only what it
needs. Exit code 0: done, 1: an error, told in one line on stderr, 2: wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Optional

from agent import commands as doing
from agent.errors import AgentError, UsageError
from agent.options import (
    command,
    doctor_options,
    enroll_options,
    interval_options,
    json_option,
    place_options,
)
from agent.printing import one_line


def main(argv: Optional[Sequence[str]] = None, *, prog: str = "starproof-agent") -> int:
    """Run one command and return the exit code.

    Args:
        argv: the arguments without the program's name; the process's own if not given.
        prog: how the program is called in usage texts.
    """
    try:
        options = _parser(prog).parse_args(argv)
    except SystemExit as end:  # argparse has printed usage or help
        return end.code if isinstance(end.code, int) else 2
    commands = {
        "sample": doing.sample,
        "enroll": doing.enroll,
        "run": doing.run,
        "status": doing.status,
        "doctor": doing.doctor,
        "export": doing.export,
        "import-receipt": doing.import_receipt,
        "held": doing.held,
        "database": doing.database,
        "logins": doing.logins,
    }
    try:
        return commands[options.command](options)
    except UsageError as error:
        print(f"{prog}: {one_line(error)}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    except (AgentError, OSError) as error:
        print(f"{prog}: {one_line(error)}", file=sys.stderr)  # noqa: T201 - the command's answer
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)  # noqa: T201 - the command's answer
    return 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="读取本机计数器,封存并上报 | reads this host's counters, seals and delivers them",
        epilog=f"example: {prog} enroll --collector https://collector.example:8440 --token-file token.txt",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=prog)
    _sample_options(command(commands, prog, "sample", "一次读数 | take one reading", "sample --json"))
    enroll = command(
        commands,
        prog,
        "enroll",
        "注册本机或更换密钥 | enrol this host, or rotate its key",
        "enroll --collector https://collector.example:8440 --token-file token.txt",
    )
    enroll_options(enroll)
    run = command(
        commands, prog, "run", "持续采集上报 | read, seal and deliver", "run --interval 60 --seal 600"
    )
    place_options(run)
    interval_options(run)
    _database_options(commands, prog)
    logins = command(
        commands,
        prog,
        "logins",
        "读取登录与访问日志 | read login and access logs",
        "logins run --config /etc/starproof/logins.toml",
    )
    from agent.logins.cli import add_options  # noqa: PLC0415 - imports nothing but argparse

    add_options(logins, prog)
    show = command(commands, prog, "status", "运行状况 | how the agent is doing", "status --json")
    place_options(show)
    json_option(show)
    doctor = command(
        commands,
        prog,
        "doctor",
        "检查问题并给出办法,不改动任何东西 | find what is wrong; changes nothing",
        "doctor",
    )
    doctor_options(doctor)
    from agent.file_cli import export_options, receipt_options  # noqa: PLC0415 - the same

    export = command(
        commands,
        prog,
        "export",
        "导出未确认的数据 | write unconfirmed chunks to a file",
        "export --out web-1.spool",
    )
    export_options(export)
    place_options(export)
    receipt = command(
        commands, prog, "import-receipt", "读入回执 | take a receipt", "import-receipt web-1.spool.receipt"
    )
    receipt_options(receipt)
    place_options(receipt)
    from agent.held_cli import held_options  # noqa: PLC0415 - the same

    held = command(
        commands,
        prog,
        "held",
        "时间尚未到来的数据块 | chunks of a time that has not come",
        "held --set-aside",
    )
    held_options(held)
    place_options(held)
    return parser


def _sample_options(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("--config", metavar="FILE", help="配置文件 | configuration file (device lists)")
    json_option(sample)


def _database_options(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    from agent.databases.cli import add_options  # noqa: PLC0415 - it imports this module

    add_options(commands, prog)
