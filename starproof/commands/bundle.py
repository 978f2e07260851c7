"""The command ``starproof bundle``: what a host without internet needs, as an archive or a package."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from agent.errors import AgentError
from agent.transport import HttpTransport
from collector import tokens
from collector.errors import CollectorError
from collector.names import is_host_name
from collector.opening import open_store, wall_clock_ms
from collector.settings import Settings, read_settings
from collector.tls.command import ca_document
from collector.tls.settings import OFF
from starproof.bundling import agent_bundle, packages
from starproof.bundling.archive import write
from starproof.bundling.errors import BundleError
from starproof.bundling.fetching import collect
from starproof.bundling.target import DEFAULT_GLIBC, PLATFORMS, Target, parse_glibc, parse_python
from starproof.tables import json_text

EXAMPLE = (
    "starproof bundle agent --platform linux-x86_64 --python 3.9 --python 3.11 "
    "--collector https://10.0.0.5:8440 --ca collector-ca.pem --out bundles"
)
PACKAGE_EXAMPLE = "starproof bundle deb --platform linux-x86_64 --python 3.11 --out dist"
MAX_TOKEN_BYTES = 512
STANDARD_INPUT = "-"
OWN_CA = "this collector's 本采集端的"
SYSTEM_CA, NO_CA = "the system's 系统自带", "none: not https 无，未用 https"


def main(argv: Sequence[str] | None = None, *, prog: str = "starproof bundle") -> int:
    """Make one bundle or package; return the exit status: 0 done, 1 error, 2 wrong usage."""
    options = _parser(prog).parse_args(argv)
    try:
        document = _agent(options) if options.kind == "agent" else _package(options)
    except (BundleError, CollectorError, AgentError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201 - the one line of an error
        return 1
    print(json_text(document) if options.json else _text(document))  # noqa: T201 - the command's answer
    return 0


def _agent(options: argparse.Namespace) -> dict[str, object]:
    settings = read_settings(options.config) if options.config else Settings()
    collector = options.collector or settings.public_url
    if collector is None:
        raise BundleError("no collector is named; give --collector URL, or --config with public_url in it")
    ca = _ca(options, settings, collector)
    # As the agent will read them: a wrong address or certificate is told here, not on every host.
    HttpTransport(
        collector,
        wall_ms=wall_clock_ms,
        mono_s=time.monotonic,
        ca_file=str(options.ca) if options.ca else None,
        ca_pem=ca.decode("ascii") if ca and not options.ca else None,
    )
    targets = _targets(options)
    if options.runtime and targets[0].system == "windows":
        raise BundleError("--runtime is for Linux; on Windows install Python's own installer first")
    runtime = agent_bundle.read_runtime(options.runtime) if options.runtime else None
    with tempfile.TemporaryDirectory(prefix="starproof-bundle-") as work:
        wheels = collect(targets, work=Path(work), given=options.wheels)
        # Last of all: a token that nothing came of would be lost.
        token = _token(options, settings)
        bundle = agent_bundle.make(
            agent_bundle.Ingredients(targets, wheels, collector, ca, options.host, token, runtime)
        )
    path = _place(options.out, bundle.name)
    write(path, bundle.data, secret=bundle.secret)
    return {
        "schema": "starproof/bundle/1",
        "file": str(path),
        "sha256": bundle.sha256,
        "bytes": len(bundle.data),
        "collector": collector,
        "ca": str(options.ca or OWN_CA) if ca else (SYSTEM_CA if collector.startswith("https:") else NO_CA),
        "token": "inside 在包内" if token else "not inside 不在包内",
        "pythons": [target.python_text for target in targets],
        "wheels": [wheel.path.name for wheel in wheels],
    }


def _package(options: argparse.Namespace) -> dict[str, object]:
    targets = _targets(options)
    with tempfile.TemporaryDirectory(prefix="starproof-package-") as work:
        folder = Path(work)
        wheels = collect(targets, work=_made(folder / "wheels"), given=options.wheels, installer=False)
        build = packages.deb if options.kind == "deb" else packages.rpm
        built = build(targets, wheels, work=_made(folder / "build"))
        data = built.read_bytes()
        path = _place(options.out, built.name)
    write(path, data, secret=False)
    return {
        "schema": "starproof/bundle/1",
        "file": str(path),
        "sha256": packages.sha256(data),
        "bytes": len(data),
        "pythons": [target.python_text for target in targets],
        "wheels": [wheel.path.name for wheel in wheels],
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _targets(options: argparse.Namespace) -> tuple[Target, ...]:
    glibc = parse_glibc(options.glibc)
    pythons = sorted({parse_python(text) for text in options.python})
    return tuple(Target(options.platform, python, glibc) for python in pythons)


def _ca(options: argparse.Namespace, settings: Settings, collector: str) -> bytes | None:
    """Return the CA of a file, else the one of the collector whose settings are given, or ``None``."""
    if options.ca:
        return agent_bundle.read_ca(options.ca)
    if options.db:
        settings = replace(settings, db=options.db)
    if settings.tls.mode == OFF or not collector.startswith("https:"):
        return None
    return str(ca_document(settings)["pem"]).encode("ascii")


def _token(options: argparse.Namespace, settings: Settings) -> str | None:
    """Return the token of a file, or one that is made now, or ``None``."""
    if options.token_file:
        return _token_of(options.token_file)
    if not options.issue_token:
        return None
    if options.db:
        settings = replace(settings, db=options.db)
    opened = open_store(settings.database_url, enterprise=settings.enterprise, timezone=settings.timezone)
    try:
        return tokens.issue(
            opened.store, host=options.host, now_ms=wall_clock_ms(), hours=settings.limits.token_hours
        ).text
    finally:
        opened.store.close()


def _token_of(name: str) -> str:
    if name == STANDARD_INPUT:
        text = sys.stdin.readline(MAX_TOKEN_BYTES + 1)
    else:
        with Path(name).open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_TOKEN_BYTES + 1)
    text = text.strip()
    if not text or len(text) > MAX_TOKEN_BYTES or not text.isascii() or not text.isprintable():
        raise BundleError(f"{name} holds no token; make one with: starproof collector token --host NAME")
    return text


def _place(out: Path, name: str) -> Path:
    if out.suffix in {".gz", ".zip", ".deb", ".rpm"}:
        return out
    out.mkdir(parents=True, exist_ok=True)
    return out / name


def _text(document: dict[str, object]) -> str:
    names = {
        "file": "文件 file",
        "sha256": "SHA-256",
        "bytes": "字节 bytes",
        "collector": "采集端 collector",
        "ca": "CA 证书 CA",
        "token": "令牌 token",
        "pythons": "Python",
        "wheels": "组件 wheels",
    }
    lines = []
    for key, name in names.items():
        value = document.get(key)
        if value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{name}: {shown}")
    if str(document.get("token", "")).startswith("inside"):
        lines.append(
            "包内有一次性令牌，请像密码一样保管 / it holds a one-time token: keep it like a password"
        )
    return "\n".join(lines)


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
        description="为无外网的主机制作离线安装包 / bundles and packages for hosts without internet",
        epilog=f"example: {EXAMPLE}",
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    agent = kinds.add_parser(
        "agent",
        help="离线安装包（脚本安装） / archive with an installer script",
        epilog=f"example: {EXAMPLE}",
    )
    agent.add_argument("--collector", metavar="URL", help="采集端地址 / where the host reaches the collector")
    agent.add_argument(
        "--ca",
        metavar="FILE",
        type=Path,
        help="采集端的 CA 证书，缺省取自 --config / the collector's CA (PEM), by default of --config",
    )
    agent.add_argument("--host", metavar="NAME", type=_host, help="主机名 / the host's name in the scope")
    tokens_ = agent.add_mutually_exclusive_group()
    tokens_.add_argument(
        "--token-file", metavar="FILE", help="把该令牌放入包内 / put this token inside; '-' stdin"
    )
    tokens_.add_argument(
        "--issue-token",
        action="store_true",
        help="现在生成令牌 / make a token now, in this collector's store",
    )
    agent.add_argument("--config", metavar="FILE", type=Path, help="采集端配置 / the collector's settings")
    agent.add_argument("--db", metavar="URL", help="数据库 / the collector's database, for --issue-token")
    agent.add_argument(
        "--runtime",
        metavar="FILE",
        type=Path,
        help="随包的 Python / a Python for hosts without a new enough one",
    )
    deb = kinds.add_parser(
        "deb", help="Debian、Ubuntu 软件包 / package", epilog=f"example: {PACKAGE_EXAMPLE}"
    )
    rpm = kinds.add_parser(
        "rpm", help="RHEL、openEuler、麒麟软件包 / package", epilog=f"example: {PACKAGE_EXAMPLE}"
    )
    for command in (agent, deb, rpm):
        platforms = (
            PLATFORMS if command is agent else [name for name in PLATFORMS if name.startswith("linux")]
        )
        command.add_argument(
            "--platform", required=True, choices=tuple(platforms), help="平台 / the hosts' platform"
        )
        command.add_argument(
            "--python",
            required=True,
            action="append",
            metavar="X.Y",
            help="主机的 Python / the hosts' Python; repeatable",
        )
        command.add_argument(
            "--glibc",
            metavar="X.Y",
            default=".".join(map(str, DEFAULT_GLIBC)),
            help="最旧的 C 库 / the oldest C library (default: %(default)s)",
        )
        command.add_argument(
            "--wheels", metavar="DIR", type=Path, help="组件目录，不联网 / wheels; nothing is fetched"
        )
        command.add_argument(
            "--out", metavar="PATH", type=Path, default=Path(), help="文件或目录 / file or folder"
        )
        command.add_argument("--json", action="store_true", help="只输出一个 JSON / print one JSON document")
    return parser
