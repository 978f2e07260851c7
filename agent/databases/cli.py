"""The command line of the reader of databases: ``starproof-agent database COMMAND``."""

from __future__ import annotations

import argparse
import os

from agent import options as choices
from agent.commands import print_status
from agent.enrolling import enroll_source
from agent.errors import UsageError
from agent.printing import print_json, print_text

CHECK_FAILED = 1


def add_options(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Add ``database`` and its commands."""
    database = choices.command(
        commands,
        prog,
        "database",
        "读取数据库语句计数 | read the statement counters of databases",
        "database check",
    )
    prog = f"{prog} database"
    actions = database.add_subparsers(dest="action", required=True, metavar="COMMAND", prog=prog)
    check = choices.command(
        actions, prog, "check", "逐个询问一次,不保存 | ask every database once, keep nothing", "check"
    )
    check.add_argument("--config", metavar="FILE", help="配置文件 | configuration file")
    choices.json_option(check)
    show = choices.command(actions, prog, "show", "生效的配置 | the settings in force", "show --json")
    choices.place_options(show)
    choices.json_option(show)
    example = "enroll --collector https://collector.example:8440 --token-file token.txt"
    choices.enroll_options(
        choices.command(actions, prog, "enroll", "注册或更换密钥 | enrol, or rotate the key", example)
    )
    run = choices.command(actions, prog, "run", "持续采集上报 | read, seal and deliver", "run --interval 60")
    choices.place_options(run)
    choices.interval_options(run)
    status = choices.command(actions, prog, "status", "运行状况 | how the reader is doing", "status --json")
    choices.place_options(status)
    choices.json_option(status)


def run_command(options: argparse.Namespace) -> int:
    """Run one of the commands and return the exit code.

    Raises:
        AgentError: it is not possible; the message says why.
    """
    commands = {"check": _check, "show": _show, "enroll": _enroll, "run": _run, "status": _status}
    return commands[options.action](options)


def _check(options: argparse.Namespace) -> int:
    from agent.databases import commands  # noqa: PLC0415 - a command imports only what it needs

    document = commands.check(options.config)
    if options.json:
        print_json(document)
    else:
        print_text(commands.check_text(document))
    return CHECK_FAILED if any(one["problem"] for one in document["databases"]) else 0


def _show(options: argparse.Namespace) -> int:
    from agent.databases import commands  # noqa: PLC0415 - as above
    from agent.databases.settings import load  # noqa: PLC0415 - as above

    document = commands.show(load(options.config, state=options.state))
    if options.json:
        print_json(document)
    else:
        print_text(commands.show_text(document))
    return 0


def _enroll(options: argparse.Namespace) -> int:
    from agent.databases.settings import load  # noqa: PLC0415 - as above
    from evidence.sources import DATABASE  # noqa: PLC0415 - as above

    settings = load(options.config, collector=options.collector, state=options.state)
    enroll_source(settings.agent, options, source=DATABASE)
    return 0


def _run(options: argparse.Namespace) -> int:
    from agent.databases.commands import host_of  # noqa: PLC0415 - as above
    from agent.databases.settings import load  # noqa: PLC0415 - as above
    from agent.run import run  # noqa: PLC0415 - as above
    from agent.state import State, default_state  # noqa: PLC0415 - as above
    from evidence.sources import DATABASE  # noqa: PLC0415 - as above

    settings = load(options.config, state=options.state, interval_s=options.interval, seal_s=options.seal)
    if settings.agent.seal_s < settings.agent.interval_s and (options.interval or options.seal):
        raise UsageError(
            f"seal of {settings.agent.seal_s} s is shorter than the interval of {settings.agent.interval_s} s; "
            "make it at least as long"
        )
    state = State(settings.agent.state or default_state(DATABASE))
    # A server that goes on counting while this machine is off was not down: no shutdown is marked.
    return run(
        settings.agent,
        lambda: host_of(settings, os.environ, state),
        environment=os.environ,
        goes_down=lambda: False,
        source=DATABASE,
    )


def _status(options: argparse.Namespace) -> int:
    from agent.databases.settings import load  # noqa: PLC0415 - as above

    print_status(load(options.config, state=options.state).agent, options)
    return 0
