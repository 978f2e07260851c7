"""The options of ``starproof source``, and the account that they describe."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomllib

from collector.errors import SettingsError
from collector.polling.accounts import MS_PER_S, Account, parse_accounts
from collector.polling.adding import entry
from collector.sources.interface import METRICS
from starproof import session

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_TYPED = re.compile(r"""-?\d+\Z|true\Z|false\Z|\[.*\]\Z|".*"\Z""")
EXAMPLE = "starproof source add aliyun main --region cn-hangzhou --credential file:/etc/starproof/aliyun.key --set key_id=LTAI…"


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    top = session.parser(prog, "云平台与监控系统数据源 / clouds and monitors as sources", EXAMPLE)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    adding = commands.add_parser(
        "add",
        help="添加数据源 / add a source to sources.toml",
        description="密钥本身不写在命令行，只写它在哪里 / the secret itself is not written here, only where it is: "
        "file:/PATH, env:NAME, systemd:NAME",
        epilog=f"example: {EXAMPLE}",
    )
    adding.add_argument("provider", metavar="PROVIDER", help="aliyun, aws, tencent, huawei, prometheus, …")
    adding.add_argument("alias", metavar="ALIAS", help="your name for this account")
    adding.add_argument("--region", action="append", default=[], metavar="ID", help="may be repeated")
    adding.add_argument("--credential", default="", metavar="REFERENCE", help="where the secret is")
    adding.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the provider: text, number, true, false or [list]; may be repeated",
    )
    adding.add_argument(
        "--host", action="append", default=[], metavar="INSTANCE=HOST", help="host name of an instance"
    )
    adding.add_argument("--only-mapped", action="store_true", help="poll only the instances given by --host")
    adding.add_argument("--metric", action="append", default=[], metavar="NAME", help="default: all it has")
    adding.add_argument("--period", type=int, metavar="S", help="seconds of an average, default 300")
    adding.add_argument("--every", type=int, metavar="S", help="seconds between polls, default 3600")
    adding.add_argument("--backfill-days", type=int, metavar="N", help="default: all that is kept")
    adding.add_argument("--no-bills", action="store_true", help="do not read bills")
    testing = commands.add_parser("test", help="检查权限与调用预算 / check permissions and the call budget")
    listing = commands.add_parser("list", help="采集状态 / marks, last polls, budget, expiring history")
    filling = commands.add_parser("backfill", help="补采历史，可续 / read the history, resumable")
    filling.add_argument(
        "--again",
        action="store_true",
        help="全部重新读取，已封存的不重复封存 / ask for everything again; what is sealed is not sealed again",
    )
    filling.add_argument(
        "--metric", action="append", default=[], choices=METRICS, help="with --again: only this metric"
    )
    removing = commands.add_parser(
        "remove", help="移除数据源，已封存的保留 / take a source out of sources.toml; what was sealed stays"
    )
    printing = commands.add_parser("policy", help="最小权限策略 / print the least-privilege policy")
    for one in (testing, filling, removing):
        one.add_argument("alias", metavar="ALIAS")
    for one in (testing, filling):
        session.add_progress(one)
    printing.add_argument("provider", metavar="PROVIDER")
    for one in (adding, testing, listing, filling, removing, printing):
        session.add_database(one)
        one.add_argument("--config", type=Path, metavar="FILE", help="the collector's settings file")
        one.add_argument(
            "--sources", type=Path, metavar="FILE", help="default: sources.toml beside the collector's keys"
        )
    return top


def account_from(options: argparse.Namespace) -> Account:
    """Return the account that the options of ``add`` describe, checked as in a file.

    Raises:
        SettingsError: an option is wrong.
    """
    account = Account(
        alias=options.alias,
        provider=options.provider,
        regions=tuple(options.region),
        credential=options.credential,
        metrics=tuple(options.metric),
        period_ms=None if options.period is None else options.period * MS_PER_S,
        **({} if options.every is None else {"every_ms": options.every * MS_PER_S}),
        backfill_days=options.backfill_days,
        only_mapped=options.only_mapped,
        bills=not options.no_bills,
        hosts=_pairs(options.host, "--host", "INSTANCE=HOST"),
        settings=_settings(options.set),
    )
    return parse_accounts(entry(account), where="the options")[0]


def _settings(texts: Iterable[str]) -> dict[str, Any]:
    pairs = _pairs(texts, "--set", "KEY=VALUE")
    if not all(_KEY.match(key) for key in pairs):
        raise SettingsError("--set takes KEY=VALUE; a key is made of letters, digits and _")
    return {key: _typed(text) for key, text in pairs.items()}


def _pairs(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    """Split at the first ``=``; a key that stands twice is an error."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key or not value:
            # Not repeated: whoever mistypes may have typed a secret.
            raise SettingsError(f"{option} takes {form}")
        if key in pairs:
            raise SettingsError(f"{option} {key} stands twice")
        pairs[key] = value
    return pairs


def _typed(text: str) -> Any:
    """Return a number, truth value, list or quoted text as TOML reads it, anything else as text."""
    if not _TYPED.match(text):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
