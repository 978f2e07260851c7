"""The options that several commands of the agent share. Imports nothing but ``argparse``."""

from __future__ import annotations

import argparse

TOKEN_VARIABLE = "STARPROOF_TOKEN"  # noqa: S105 - the name of a variable, not a secret


def command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    prog: str,
    name: str,
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a command with its text and an example, and return its parser."""
    return commands.add_parser(name, help=text, description=text, epilog=f"example: {prog} {example}")


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


def doctor_options(doctor: argparse.ArgumentParser) -> None:
    """Add the options of the doctor."""
    place_options(doctor)
    doctor.add_argument("--offline", action="store_true", help="不连接采集端 | leave the collector alone")
    doctor.add_argument(
        "--lang", choices=("zh", "en"), default="zh", help="中文或英文 | Chinese (default) or English"
    )
    json_option(doctor)
