"""The agent's command line: sample, enroll, run, status, doctor; logins and database have commands of their own.

Nothing but ``argparse`` is imported before a command is chosen, and a command imports only what it
needs. Exit code 0: done, 1: an error, told in one line on stderr, 2: wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

from agent.errors import AgentError, ConfigError, UsageError

if TYPE_CHECKING:
    from agent.config import Settings
    from agent.pinning import Wanted

TOKEN_VARIABLE = "STARPROOF_TOKEN"  # noqa: S105 - the name of a variable, not a secret
STANDARD_INPUT = "-"
MAX_TOKEN_FILE_BYTES = 4_096


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
        "sample": _sample,
        "enroll": _enroll,
        "run": _run,
        "status": _status,
        "doctor": _doctor,
        "export": _export,
        "import-receipt": _import_receipt,
        "database": _database,
        "logins": _logins,
    }
    try:
        return commands[options.command](options)
    except UsageError as error:
        print(f"{prog}: {_one_line(error)}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    except (AgentError, OSError) as error:
        print(f"{prog}: {_one_line(error)}", file=sys.stderr)  # noqa: T201 - the command's answer
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
    return parser


def command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    prog: str,
    name: str,
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a command with its text and an example, and return its parser."""
    return commands.add_parser(name, help=text, description=text, epilog=f"example: {prog} {example}")


def _sample_options(sample: argparse.ArgumentParser) -> None:
    sample.add_argument("--config", metavar="FILE", help="配置文件 | configuration file (device lists)")
    json_option(sample)


def enroll_options(enroll: argparse.ArgumentParser) -> None:
    """Add the options of an enrolment."""
    enroll.add_argument("--collector", metavar="URL", help="采集中心地址 | the collector's address")
    enroll.add_argument(
        "--token",
        metavar="T",
        help="一次性令牌;命令行可被他人看到 | one-time token; others can see command lines in process "
        f"lists, so prefer --token-file or ${TOKEN_VARIABLE}",
    )
    enroll.add_argument(
        "--token-file", metavar="FILE", help="令牌文件 | file that holds the token, '-' for stdin"
    )
    enroll.add_argument("--name", metavar="HOST", help="主机名 | name of this host (default: its host name)")
    enroll.add_argument(
        "--offer", metavar="FILE", help="离线注册文件 | enrol without a route, by the collector's offer file"
    )
    trust_options(enroll)
    place_options(enroll)


def trust_options(enroll: argparse.ArgumentParser) -> None:
    """Add the options that pin the collector's CA."""
    enroll.add_argument("--ca", metavar="FILE", help="采集端的 CA 证书 | pin the CA certificate in this file")
    enroll.add_argument(
        "--ca-sha256", metavar="F", help="采集端 CA 的指纹 | pin the collector's CA that has this fingerprint"
    )
    enroll.add_argument(
        "--log-key",
        metavar="HEX",
        help="采集端日志公钥(log.pub) | accept no other log than the one with this key: for enrolling by a relay",
    )


def wanted_log_key(options: argparse.Namespace) -> str:
    """Return the log key of the options, empty if none is given.

    Raises:
        ConfigError: it is none.
    """
    text: str = (options.log_key or "").strip().lower()
    if not text:
        return ""
    from evidence.errors import EvidenceError  # noqa: PLC0415 - lazy, see the module
    from evidence.keys import PublicKey  # noqa: PLC0415 - the same

    try:
        return PublicKey.from_hex(text).raw.hex()
    except EvidenceError as error:
        raise ConfigError(f"--log-key cannot be used: {error}; it is the content of log.pub") from None


def wanted_way(options: argparse.Namespace, settings: Any) -> Wanted:
    """Return whom to believe, and by which proxy, from the options and the settings if there are any."""
    from agent.pinning import Wanted  # noqa: PLC0415 - lazy, see the module

    return Wanted(
        options.ca,
        options.ca_sha256,
        settings.delivery_ca_file if settings else None,
        settings.delivery_proxy if settings else None,
    )


def place_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name configuration and state."""
    parser.add_argument("--config", metavar="FILE", help="配置文件 | configuration file")
    parser.add_argument("--state", metavar="DIR", help="状态目录 | state directory")


def interval_options(run: argparse.ArgumentParser) -> None:
    """Add the options of a process that reads and seals."""
    run.add_argument(
        "--interval", type=int, metavar="S", help="采集间隔(秒) | seconds between readings, 1 to 86400"
    )
    run.add_argument(
        "--seal", type=int, metavar="S", help="封存周期(秒) | seconds between chunks, 1 to 86400"
    )


def json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for one JSON document."""
    parser.add_argument("--json", action="store_true", help="只输出一个 JSON | print one JSON document only")


def _sample(options: argparse.Namespace) -> int:
    from agent.config import load  # noqa: PLC0415 - lazy, see the module
    from agent.reading import ReadingError  # noqa: PLC0415 - the same
    from agent.sample import sample_document, sample_text  # noqa: PLC0415 - the same
    from agent.this_host import this_host  # noqa: PLC0415 - the same

    settings = load(options.config)
    try:
        document = sample_document(this_host(interval_ms=settings.interval_s * 1000, **settings.devices()))
    except ReadingError as error:
        raise AgentError(str(error)) from None
    if options.json:
        print_json(document)
    else:
        print_text(sample_text(document))
    return 0


def _enroll(options: argparse.Namespace) -> int:
    from agent.config import load  # noqa: PLC0415 - lazy, see the module
    from evidence.sources import AGENT  # noqa: PLC0415 - the same

    settings = load(options.config, collector=options.collector, state=options.state)
    enroll_source(settings, options, source=AGENT)
    return 0


def enroll_source(settings: Settings, options: argparse.Namespace, *, source: str) -> None:
    """Enrol one source of this host, or rotate its key, and print what was enrolled.

    Raises:
        AgentError: it is not possible; the message says why.
    """
    import socket  # noqa: PLC0415 - lazy, see the module

    from agent.code import running_code  # noqa: PLC0415 - the same
    from agent.enrol import Request, enrol, facts  # noqa: PLC0415 - the same
    from agent.offer import OFFLINE, OfferedCollector  # noqa: PLC0415 - the same
    from agent.pinning import Way, way_to  # noqa: PLC0415 - the same
    from agent.state import State, default_state  # noqa: PLC0415 - the same

    state = State(settings.state or default_state())
    offer = _offer(options)
    token = _token(options) if offer is None else offer["token"]
    with state.lock():
        current = state.enrolled()
        collector = settings.collector or (current.collector if current else None)
        name = options.name or (current.signed.enrolment.host if current else socket.gethostname())
        if offer is not None:
            collector, name = OFFLINE, offer["host"]
            way = Way(OfferedCollector(offer, state, wall_ms=_wall_ms))
        elif collector is None or collector == OFFLINE:
            raise UsageError("no collector is named; give --collector URL, or --offer FILE")
        else:
            wanted = wanted_way(options, settings)
            way = way_to(collector, wanted, state, wall_ms=_wall_ms, mono_s=time.monotonic)
        request = Request(
            host=name,
            token=token,
            collector=collector,
            time_ms=_wall_ms(),
            facts=facts(),
            source=source,
            code=running_code(),
            log_key=wanted_log_key(options),
        )
        with way.pinned(state):
            enrolled = enrol(state, request, way.transport)
    record = enrolled.signed.enrolment
    print_text(
        f"已注册 enrolled: {record.enterprise} / {record.host}, epoch {record.epoch}, "
        f"key {enrolled.key.public.id[:16]}\n"
    )


def _offer(options: argparse.Namespace) -> Optional[Mapping[str, Any]]:
    if options.offer is None:
        return None
    if options.collector or options.name or options.ca or options.ca_sha256 or options.token_file:
        raise UsageError("--offer names host, token and collector itself; give no other option beside it")
    from agent.offer import load_offer  # noqa: PLC0415 - lazy, see the module

    return load_offer(options.offer)


def _run(options: argparse.Namespace) -> int:
    from agent import lean  # noqa: PLC0415 - lazy, see the module
    from agent.config import load  # noqa: PLC0415 - the same

    settings = load(options.config, state=options.state, interval_s=options.interval, seal_s=options.seal)
    if settings.seal_s < settings.interval_s and (options.interval or options.seal):
        raise UsageError(
            f"seal of {settings.seal_s} s is shorter than the interval of {settings.interval_s} s; "
            "make it at least as long"
        )
    lean.one_heap()
    lean.hashes()
    if not settings.metrics_listen:  # the client of Prometheus wants an http.client with TLS
        lean.http()
    from agent.run import run  # noqa: PLC0415 - after lean
    from agent.this_host import this_host  # noqa: PLC0415 - after lean

    interval_ms = settings.interval_s * 1000
    return run(
        settings, lambda: this_host(interval_ms=interval_ms, **settings.devices()), environment=os.environ
    )


def _status(options: argparse.Namespace) -> int:
    from agent.config import load  # noqa: PLC0415 - lazy, see the module

    print_status(load(options.config, state=options.state), options)
    return 0


def doctor_options(doctor: argparse.ArgumentParser) -> None:
    """Add the options of the doctor."""
    place_options(doctor)
    doctor.add_argument("--offline", action="store_true", help="不连接采集端 | leave the collector alone")
    doctor.add_argument(
        "--lang", choices=("zh", "en"), default="zh", help="中文或英文 | Chinese (default) or English"
    )
    json_option(doctor)


def _doctor(options: argparse.Namespace) -> int:
    from agent.doctor.record import is_bad, text  # noqa: PLC0415 - lazy, see the module
    from agent.doctor.run import examine  # noqa: PLC0415 - the same

    found = examine(
        config=options.config,
        state=options.state,
        environment=os.environ,
        offline=options.offline,
        wall_ms=_wall_ms,
    )
    if options.json:
        print_json(found)
    else:
        print_text(text(found, options.lang))
    return 1 if is_bad(found) else 0


def _export(options: argparse.Namespace) -> int:
    from agent.file_cli import export  # noqa: PLC0415 - lazy, see the module

    return export(_folder(options), options, show=print_text)


def _import_receipt(options: argparse.Namespace) -> int:
    from agent.file_cli import import_receipt  # noqa: PLC0415 - lazy, see the module

    return import_receipt(_folder(options), options, show=print_text)


def _folder(options: argparse.Namespace) -> str:
    from agent.config import load  # noqa: PLC0415 - lazy, see the module
    from agent.state import default_state  # noqa: PLC0415 - the same

    return load(options.config, state=options.state).state or default_state()


def print_status(settings: Settings, options: argparse.Namespace) -> None:
    """Print how the process with the state directory of ``settings`` is doing.

    Raises:
        AgentError: the state directory cannot be read.
    """
    from agent.state import State, default_state  # noqa: PLC0415 - lazy, see the module
    from agent.status import report, text  # noqa: PLC0415 - the same

    now_ms = _wall_ms()
    document = report(State.of_any_owner(settings.state or default_state()), now_ms=now_ms)
    if options.json:
        print_json(document)
    else:
        print_text(text(document, now_ms=now_ms))


def _database_options(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    from agent.databases.cli import add_options  # noqa: PLC0415 - it imports this module

    add_options(commands, prog)


def _database(options: argparse.Namespace) -> int:
    from agent.databases.cli import run_command  # noqa: PLC0415 - it imports this module

    return run_command(options)


def _logins(options: argparse.Namespace) -> int:
    from agent.logins.cli import main as logins  # noqa: PLC0415 - lazy, see the module

    return logins(options, token=lambda: _token(options), show=print_text)


def _token(options: argparse.Namespace) -> str:
    """Return the token from the option, the file or the environment."""
    if options.token is not None:
        return str(options.token).strip()
    if options.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise UsageError(f"no token is given; use --token-file FILE, ${TOKEN_VARIABLE} or --token T")
        return token
    if options.token_file == STANDARD_INPUT:
        return sys.stdin.readline(MAX_TOKEN_FILE_BYTES).strip()
    try:
        with open(options.token_file, encoding="utf-8") as file:
            return file.read(MAX_TOKEN_FILE_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {options.token_file} cannot be read: {error}") from None


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def print_json(document: object) -> None:
    """Write one JSON document to stdout."""
    import json  # noqa: PLC0415 - lazy, see the module

    print_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def print_text(text: str) -> None:
    """Write to stdout as UTF-8 whatever the locale says."""
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
    else:
        buffer.write(text.encode("utf-8"))
        buffer.flush()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
