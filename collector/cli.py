"""The command line ``starproof collector``: serve, token, ca, import-spool."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from collector import tokens
from collector.errors import CollectorError, SettingsError, StoreDamagedError
from collector.names import is_host_name
from collector.opening import OpenStore, open_store, placeholder_warning, wall_clock_ms
from collector.settings import Settings, enterprise_name, key_directory, parse_listen, read_settings
from collector.store import registry
from collector.tls.settings import OFF, is_loopback
from evidence.errors import EvidenceError
from evidence.sources import AGENT, SIGNED_BY_HOSTS

if TYPE_CHECKING:
    from collector.http.console import ConsoleOpener
    from collector.http.log import Log
    from collector.tls.serving import Certificates

NO_TLS = (
    '警告：没有启用 TLS，令牌和数据以明文传输，任何人都能冒充采集端；请在配置中写 [tls] mode = "own" / '
    "no TLS on an address that others reach: tokens travel in the clear and anybody can pose as this "
    'collector; write [tls] mode = "own" in its settings'
)
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
        if options.command == "doctor":
            raise SettingsError("run starproof doctor --role collector; it is not a part of this program")
        settings = read_settings(options.config) if options.config else Settings()
        if options.db:
            settings = replace(settings, db=options.db)
        if options.command == "token":
            return _token(settings, options)
        if options.command == "import-spool":
            return _import_spool(settings, options)
        if options.command == "client-certificate":
            return _client_certificate(settings, options.name, options.out)
        if options.command == "ca":
            return _ca(settings, as_json=options.json)
        if options.listen:
            settings = replace(settings, listen=options.listen)
        if options.enterprise:
            settings = replace(settings, enterprise=options.enterprise)
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
    from collector.alerts.damage import tell_unopened  # noqa: PLC0415 - see above
    from collector.alerts.metrics import AlertMetrics  # noqa: PLC0415 - see above
    from collector.alerts.serving import alerting  # noqa: PLC0415 - see above
    from collector.anchors.serving import anchoring  # noqa: PLC0415 - see above
    from collector.http.app import create_app  # noqa: PLC0415 - see above
    from collector.http.log import LineLog  # noqa: PLC0415 - see above
    from collector.http.server import listening_socket, run, url_of  # noqa: PLC0415 - see above
    from collector.log.keeping import require_key  # noqa: PLC0415 - see above
    from collector.log.serving import day_marks  # noqa: PLC0415 - see above
    from collector.polling.opening import Keys  # noqa: PLC0415 - see above
    from collector.polling.serving import polling  # noqa: PLC0415 - see above
    from collector.sources.secrets import read_secret  # noqa: PLC0415 - see above
    from collector.store.clickhouse.serving import moving_frames  # noqa: PLC0415 - see above
    from collector.store.probing import probing  # noqa: PLC0415 - see above
    from collector.tls.opening import clients_of  # noqa: PLC0415 - see above

    keys = Keys(read_secret)
    # Everything that is written passes the redactor: events, and what servers and SDKs say.
    log = LineLog(wall_clock_ms, redact=keys.redacted)
    try:
        opened = _open(settings)
    except StoreDamagedError as error:
        tell_unopened(settings, error.reason, keys=keys, log=log)
        raise
    try:
        require_key(opened.store, opened.keyring.log_key())
        with listening_socket(settings.listen) as bound, _secured(settings, log) as certificates:
            scheme = "http" if certificates is None else "https"
            stopping = threading.Event()
            with (
                probing(opened.store, log=log),  # before anybody is answered
                day_marks(opened, clock=wall_clock_ms, log=log),
                moving_frames(
                    opened.store,
                    directory=key_directory(settings.database_url),
                    clock=wall_clock_ms,
                    log=log,
                ),
                polling(opened, settings.sources_file, log=log, keys=keys),
                anchoring(opened, settings.anchors_file, log=log),
                alerting(
                    opened,
                    settings,
                    keys=keys,
                    log=log,
                    served=certificates.served if certificates else None,
                ) as watch,
                (
                    nullcontext()
                    if console is None
                    else console(
                        opened,
                        settings=settings,
                        url=url_of(bound, scheme=scheme),
                        clock=wall_clock_ms,
                        log=log,
                        stopping=stopping,
                        seen=lambda: watch.seen,
                    )
                ) as pages,
            ):
                app = create_app(
                    opened,
                    limits=settings.limits,
                    clock=wall_clock_ms,
                    log=log,
                    console=pages,
                    ca_pem=certificates.ca_pem if certificates else None,
                    figures=AlertMetrics(lambda: watch.seen),
                    clients=clients_of(settings),
                )
                run(app, bound, limits=settings.limits, log=log, stopping=stopping, certificates=certificates)
    except StoreDamagedError as error:  # found by what starts before the alerts do
        tell_unopened(settings, error.reason, keys=keys, log=log)
        raise
    finally:
        opened.store.close()
    return 0


@contextmanager
def _secured(settings: Settings, log: Log) -> Iterator[Certificates | None]:
    """Give the certificate in force, kept up to date; ``None`` without TLS."""
    if settings.tls.mode == OFF:
        if not is_loopback(parse_listen(settings.listen)[0]):
            log("no_tls", level="warning", message=NO_TLS)
        yield None
        return
    from collector.tls.opening import source_of  # noqa: PLC0415 - the library for certificates is heavy
    from collector.tls.serving import Certificates  # noqa: PLC0415 - the same
    from collector.tls.sources import utc_now  # noqa: PLC0415 - the same

    source = source_of(settings)
    if source is None:
        raise SettingsError(f"tls.mode {settings.tls.mode!r} names no certificate")
    certificates = Certificates(source, now=utc_now, log=log)
    with certificates.watched():
        yield certificates


def _ca(settings: Settings, *, as_json: bool) -> int:
    from collector.tls.command import ca_document, ca_text  # noqa: PLC0415 - see ``serve``

    document = ca_document(settings)
    if as_json:
        print(json.dumps(document))  # noqa: T201 - the command's answer
        return 0
    print(ca_text(document))  # noqa: T201 - the command's answer
    # Beside the answer, so that it can be sent into a file.
    print(f"指纹 / SHA-256   {document['sha256']}", file=sys.stderr)  # noqa: T201 - see above
    return 0


def _client_certificate(settings: Settings, name: str, out: Path) -> int:
    from collector.tls.opening import gate_certificate  # noqa: PLC0415 - see ``serve``

    pem = gate_certificate(settings, name)
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise SettingsError(f"cannot write {out}: {error.strerror}") from None
    print(f"{out}：含私钥，请保密 / holds a private key, keep it safe")  # noqa: T201 - the command's answer
    return 0


def _pin(settings: Settings) -> str:
    if settings.tls.mode == OFF:
        return ""
    from collector.tls.command import pin_of  # noqa: PLC0415 - see ``serve``

    return pin_of(settings)


def _import_spool(settings: Settings, options: argparse.Namespace) -> int:
    from collector.file_command import import_file, shown  # noqa: PLC0415 - see ``serve``

    opened = _open(settings)
    try:
        done, receipt = import_file(
            opened, options.file, options.receipt, clock=wall_clock_ms, late=options.late
        )
    finally:
        opened.store.close()
    print(shown(done, receipt, as_json=options.json))  # noqa: T201 - the command's answer
    return 0 if done.is_good else 1


def _offer(settings: Settings, opened: OpenStore, options: argparse.Namespace) -> int:
    """Write a new token into an offer, for a host that is enrolled by file."""
    from collector.file_command import OFFER_HOURS, write_offer  # noqa: PLC0415 - see ``serve``

    if options.host is None:
        raise SettingsError("--offer-file is for one host; name it with --host NAME")
    hours = max(settings.limits.token_hours, OFFER_HOURS)
    now_ms = wall_clock_ms()
    issued = tokens.issue(opened.store, host=options.host, now_ms=now_ms, hours=hours)
    place = options.offer_file
    write_offer(opened, place, token=issued.text, host=options.host, source=options.source, now_ms=now_ms)
    expires = datetime.fromtimestamp(issued.expires_ms / MS_PER_S, UTC)
    document = {"schema": "starproof/offer-file/1", "file": str(place), "expires_ms": issued.expires_ms}
    text = (
        f"离线注册文件 / offer   {place}\n"
        f"有效至 / until {expires:%Y-%m-%d %H:%M} UTC，含令牌，请保密 / it holds a token, keep it safe\n"
        "在主机上运行 / run on the host:\n"
        f"  starproof-agent enroll --offer {shlex.quote(place.name)}"
    )
    print(json.dumps(document, ensure_ascii=False) if options.json else text)  # noqa: T201 - the command's answer
    return 0


def _is_nameless(opened: OpenStore) -> bool:
    with opened.store.reading() as connection:
        unnamed = registry.identity(connection).enterprise == registry.DEFAULT_ENTERPRISE
        return unnamed and registry.may_be_named(connection)


def _token(settings: Settings, options: argparse.Namespace) -> int:
    host, url, as_json = options.host, options.collector, options.json
    opened = _open(settings)
    pin = _pin(settings)
    if settings.enterprise is None and _is_nameless(opened):
        remedy = (
            "before that, set enterprise in a settings file and give it to serve and token: --config FILE"
        )
        print(f"starproof: {placeholder_warning(remedy)}", file=sys.stderr)  # noqa: T201 - stdout is the answer's
    try:
        if options.offer_file is not None:
            return _offer(settings, opened, options)
        issued = tokens.issue(
            opened.store, host=host, now_ms=wall_clock_ms(), hours=settings.limits.token_hours
        )
    finally:
        opened.store.close()
    known_url = url or settings.public_url
    example_url = EXAMPLE_URL if settings.tls.mode == OFF else EXAMPLE_URL.replace("http:", "https:")
    command = tokens.enroll_command(issued.text, url=known_url or example_url, host=host, pin=pin)
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
        "在主机上，在解开的安装包目录中 / on the host, in the folder of the unpacked bundle:",
        f"  {tokens.install_command(issued.text, host=host)}",
        "或者，已装好采集代理 / or, where the agent is installed:",
        f"  {command}",
    ]
    if known_url is None:
        lines.append(
            f"（把 {example_url} 换成主机能访问的采集端地址 / replace it by the address at which the host "
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


def _enterprise(text: str) -> str:
    try:
        return enterprise_name(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
    # Answered by who plugs this in, for it looks at more than the collector; here so that --help lists it.
    commands.add_parser(
        "doctor", help="检查问题并给出办法 / find what is wrong and what to do", add_help=False
    )
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
    serving.add_argument(
        "--enterprise",
        metavar="NAME",
        type=_enterprise,
        help="企业名称，写进记录之后不能再改 / the enterprise's full name; it stays once a record carries it",
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
    token.add_argument(
        "--offer-file",
        metavar="FILE",
        type=Path,
        help="离线注册 / write a file by which a host without a route enrols; valid for 30 days",
    )
    token.add_argument(
        "--source", choices=SIGNED_BY_HOSTS, default=AGENT, help="what the offer file is for, default agent"
    )
    token.add_argument("--json", action="store_true", help="print one JSON document")
    ca = commands.add_parser(
        "ca",
        help="显示主机要信任的 CA 证书及指纹 / print the CA that hosts pin, and its fingerprint",
        epilog=f"example: {prog} ca --config /etc/starproof/collector.toml > collector-ca.pem",
    )
    ca.add_argument("--json", action="store_true", help="print one JSON document")
    client = commands.add_parser(
        "client-certificate",
        help="为中继签发客户端证书 / make a client certificate for a relay (hosts get theirs by themselves)",
        epilog=f"example: {prog} client-certificate --name relay-1 --out relay-1.pem",
    )
    client.add_argument("--name", metavar="NAME", required=True, help="what the certificate is called")
    client.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="key and certificate, mode 0600"
    )
    spool = commands.add_parser(
        "import-spool",
        help="导入主机离线导出的数据 / take in what a host without a route has exported",
        epilog=f"example: {prog} import-spool web-1.spool --config /etc/starproof/collector.toml",
    )
    spool.add_argument("file", metavar="FILE", type=Path, help="what starproof-agent export wrote")
    spool.add_argument("--receipt", metavar="FILE", type=Path, help="the receipt, default FILE.receipt")
    spool.add_argument(
        "--late", action="store_true", help="accept the enrolment although its token has expired"
    )
    spool.add_argument("--json", action="store_true", help="print one JSON document")
    for command in (serving, token, ca, client, spool):
        command.add_argument(
            "--db", metavar="URL", help="database URL, default an SQLite file in the state directory"
        )
        command.add_argument(
            "--config", metavar="FILE", type=Path, help="TOML file, see docs/collector-config.md"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
