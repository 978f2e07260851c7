"""The command line ``starproof relay``: serve, ca."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import CollectorError, SettingsError
from collector.opening import wall_clock_ms
from collector.relay.settings import RelaySettings, relay_settings
from collector.settings import parse_listen
from collector.tls.settings import OFF, is_loopback

if TYPE_CHECKING:
    from collector.http.log import Log
    from collector.tls.serving import Certificates

NO_TLS = (
    '警告：没有启用 TLS，令牌以明文传输；请在配置中写 [tls] mode = "own" / no TLS on an address that others reach: '
    'tokens travel in the clear; write [tls] mode = "own" in the settings'
)


def main(argv: Sequence[str] | None = None, *, prog: str = "starproof relay") -> int:
    """Run the command; return the exit status: 0 done, 1 error, 2 wrong usage."""
    options = _parser(prog).parse_args(argv)
    try:
        settings = relay_settings(
            options.config, to=options.to, ca=options.ca, state=options.state, listen=options.listen
        )
        if options.command == "ca":
            return _ca(settings)
        return serve(settings)
    except CollectorError as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201 - the one line an error has
        return 1


def serve(settings: RelaySettings) -> int:
    """Run the relay until SIGTERM or SIGINT; return 0.

    Raises:
        CollectorError: it cannot start.
    """
    from collector.http.log import LineLog  # noqa: PLC0415 - the libraries take a while to import
    from collector.http.server import listening_socket, run  # noqa: PLC0415 - the same
    from collector.relay.app import create_relay  # noqa: PLC0415 - the same
    from collector.relay.queue import Queue  # noqa: PLC0415 - the same
    from collector.relay.upstream import Upstream  # noqa: PLC0415 - the same

    log = LineLog(wall_clock_ms)
    serving = settings.serving
    queue = Queue(settings.database, max_bytes=settings.max_bytes, host_bytes=settings.host_bytes)
    try:
        upstream = Upstream(settings.to, ca=settings.ca, certificate=settings.certificate)
        try:
            with listening_socket(serving.listen) as bound, _secured(settings, log) as certificates:
                app = create_relay(
                    queue,
                    upstream,
                    clock=wall_clock_ms,
                    log=log,
                    limits=serving.limits,
                    ca_pem=certificates.ca_pem if certificates else None,
                )
                run(app, bound, limits=serving.limits, log=log, certificates=certificates)
        finally:
            upstream.close()
    finally:
        queue.close()
    return 0


@contextmanager
def _secured(settings: RelaySettings, log: Log) -> Iterator[Certificates | None]:
    """Give the certificate in force, kept up to date; ``None`` without TLS."""
    from collector.tls.opening import source_of  # noqa: PLC0415 - the library for certificates is heavy
    from collector.tls.serving import Certificates  # noqa: PLC0415 - the same
    from collector.tls.sources import utc_now  # noqa: PLC0415 - the same

    source = source_of(settings.serving)
    if source is None:
        if not is_loopback(parse_listen(settings.serving.listen)[0]):
            log("no_tls", level="warning", message=NO_TLS)
        yield None
        return
    certificates = Certificates(source, now=utc_now, log=log)
    with certificates.watched():
        yield certificates


def _ca(settings: RelaySettings) -> int:
    from collector.tls.command import ca_document, ca_text  # noqa: PLC0415 - see ``serve``

    if settings.serving.tls.mode == OFF:
        raise SettingsError('tls.mode is "off": this relay has no certificate; write [tls] mode = "own"')
    document = ca_document(settings.serving)
    print(ca_text(document))  # noqa: T201 - the command's answer
    # Beside the answer, so that it can be sent into a file.
    print(f"指纹 / SHA-256   {document['sha256']}", file=sys.stderr)  # noqa: T201 - see above
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="中继：在没有通路的网络里接收、暂存并转发数据块 / "
        "takes chunks where there is no route to the collector, keeps them and passes them on",
        epilog=f"example: {prog} serve --to https://collector.example:8440 --ca collector-ca.pem",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser(
        "serve",
        help="运行中继 / run the relay",
        epilog=f"example: {prog} serve --config /etc/starproof/relay.toml",
    )
    ca = commands.add_parser(
        "ca",
        help="显示主机要信任的中继 CA 证书及指纹 / print the CA of this relay, which hosts pin, and its fingerprint",
        epilog=f"example: {prog} ca --config /etc/starproof/relay.toml > relay-ca.pem",
    )
    for command in (serving, ca):
        command.add_argument("--to", metavar="URL", help="采集端地址 / the collector's address")
        command.add_argument(
            "--ca", metavar="FILE", type=Path, help="采集端 CA / the collector's CA, from collector ca"
        )
        command.add_argument("--listen", metavar="ADDR:PORT", help="where to listen, default 127.0.0.1:8440")
        command.add_argument("--state", metavar="DIR", type=Path, help="状态目录 / where chunks are kept")
        command.add_argument("--config", metavar="FILE", type=Path, help="TOML file, see docs/relay.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
