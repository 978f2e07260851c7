"""The command line ``starproof collector``: serve, token."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from collector import tokens
from collector.errors import CollectorError, SettingsError
from collector.names import is_host_name
from collector.opening import OpenStore, open_store, placeholder_warning, wall_clock_ms
from collector.settings import Settings, parse_listen, read_settings
from evidence.errors import EvidenceError

if TYPE_CHECKING:
    from collector.http.console import ConsoleOpener

EXAMPLE_URL = "http://COLLECTOR:8440"
MS_PER_S = 1000


def main(
    argv: Sequence[str] | None = None,
    *,
    prog: str = "starproof collector",
    console: ConsoleOpener | None = None,
) -> int:
    """Run the command; return the exit status: 0 done, 1 error, 2 wrong usage.

    ``console`` is served beside the wire, if one is handed over (``collector.http.console``).
    """
    options = _parser(prog).parse_args(argv)
    try:
        settings = read_settings(options.config) if options.config else Settings()
        if options.db:
            settings = replace(settings, db=options.db)
        if options.command == "token":
            return _token(settings, host=options.host, url=options.collector, as_json=options.json)
        if options.listen:
            settings = replace(settings, listen=options.listen)
        return serve(settings, console=console)
    except (CollectorError, EvidenceError) as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201 - the one line an error has
        return 1


def serve(settings: Settings, *, console: ConsoleOpener | None = None) -> int:
    """Run the service until SIGTERM or SIGINT; return 0.

    Raises:
        CollectorError: it cannot start.
    """
    # The service's libraries take a while to import; ``token`` does without them.
    from collector.anchors.serving import anchoring  # noqa: PLC0415 - see above
    from collector.http.app import create_app  # noqa: PLC0415 - see above
    from collector.http.log import LineLog  # noqa: PLC0415 - see above
    from collector.http.server import listening_socket, run, url_of  # noqa: PLC0415 - see above
    from collector.log.keeping import require_key  # noqa: PLC0415 - see above
    from collector.log.serving import day_marks  # noqa: PLC0415 - see above
    from collector.polling.opening import Keys  # noqa: PLC0415 - see above
    from collector.polling.serving import polling  # noqa: PLC0415 - see above
    from collector.sources.secrets import read_secret  # noqa: PLC0415 - see above

    keys = Keys(read_secret)
    # Everything that is written passes the redactor: events, and what servers and SDKs say.
    log = LineLog(wall_clock_ms, redact=keys.redacted)
    opened = _open(settings)
    try:
        require_key(opened.store, opened.keyring.log_key())
        with listening_socket(settings.listen) as bound:
            stopping = threading.Event()
            shown = (
                nullcontext()
                if console is None
                else console(
                    opened,
                    settings=settings,
                    url=url_of(bound),
                    clock=wall_clock_ms,
                    log=log,
                    stopping=stopping,
                )
            )
            with (
                day_marks(opened, clock=wall_clock_ms, log=log),
                polling(opened, settings.sources_file, log=log, keys=keys),
                anchoring(opened, settings.anchors_file, log=log),
                shown as pages,
            ):
                app = create_app(opened, limits=settings.limits, clock=wall_clock_ms, log=log, console=pages)
                run(app, bound, limits=settings.limits, log=log, stopping=stopping)
    finally:
        opened.store.close()
    return 0


def _token(settings: Settings, *, host: str | None, url: str | None, as_json: bool) -> int:
    opened = _open(settings)
    if opened.is_new and settings.enterprise is None:
        remedy = (
            "before that, set enterprise in a settings file and give it to serve and token: --config FILE"
        )
        print(f"starproof: {placeholder_warning(remedy)}", file=sys.stderr)  # noqa: T201 - stdout is the answer's
    try:
        issued = tokens.issue(
            opened.store, host=host, now_ms=wall_clock_ms(), hours=settings.limits.token_hours
        )
    finally:
        opened.store.close()
    known_url = url or settings.public_url
    # By standard input: the token then shows in no list of processes.
    enroll = f"starproof agent enroll --collector {known_url or EXAMPLE_URL} --token-file -"
    command = f"echo {issued.text} | {enroll}"
    if host is not None:
        command += f" --name {shlex.quote(host)}"
    expires = datetime.fromtimestamp(issued.expires_ms / MS_PER_S, UTC)
    if as_json:
        document = {
            "schema": "starproof/token/1",
            "token": issued.text,
            "host": host,
            "expires_ms": issued.expires_ms,
            "command": command,
        }
        print(json.dumps(document, ensure_ascii=False))  # noqa: T201 - the command's answer
        return 0
    lines = [
        f"令牌 / token   {issued.text}",
        f"有效至 / until {expires:%Y-%m-%d %H:%M} UTC，只能使用一次 / usable once",
        "在主机上运行 / run on the host:",
        f"  {command}",
    ]
    if known_url is None:
        lines.append(
            f"（把 {EXAMPLE_URL} 换成主机能访问的采集端地址 / replace it by the address at which the host "
            "reaches this collector; set public_url in its configuration to have it filled in）"
        )
    print("\n".join(lines))  # noqa: T201 - the command's answer
    return 0


def _open(settings: Settings) -> OpenStore:
    return open_store(settings.database_url, enterprise=settings.enterprise, timezone=settings.timezone)


def _listen(text: str) -> str:
    try:
        parse_listen(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _host(text: str) -> str:
    if not is_host_name(text):
        raise argparse.ArgumentTypeError(f"{text!r}: a host name has 1 to 128 printable characters")
    return text


class _Parser(argparse.ArgumentParser):
    """Ends with one line and status 2 on wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="采集端：接收、保存主机的数据块 / the collector: admits and stores what the agents send",
        epilog=f"example: {prog} serve --listen 0.0.0.0:8440 --config /etc/starproof/collector.toml",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser(
        "serve",
        help="运行服务 / run the service",
        epilog=f"example: {prog} serve --db sqlite:////var/lib/starproof/collector/starproof.db",
    )
    serving.add_argument(
        "--listen",
        metavar="ADDR:PORT",
        type=_listen,
        help="where to listen, default 127.0.0.1:8440; port 0: any",
    )
    token = commands.add_parser(
        "token",
        help="生成一次性注册令牌 / make a one-time token for enrolling a host",
        epilog=f"example: {prog} token --host web-1",
    )
    token.add_argument(
        "--host",
        metavar="NAME",
        type=_host,
        help="bind the token to this host name; needed to enrol it again",
    )
    token.add_argument("--collector", metavar="URL", help="the address to show in the command for the host")
    token.add_argument("--json", action="store_true", help="print one JSON document")
    for command in (serving, token):
        command.add_argument(
            "--db", metavar="URL", help="database URL, default an SQLite file in the state directory"
        )
        command.add_argument(
            "--config", metavar="FILE", type=Path, help="TOML file, see docs/collector-config.md"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
