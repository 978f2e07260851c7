"""``starproof source``: add, test, list and back-fill clouds and monitors, and print their policies."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from collector.errors import SettingsError
from collector.opening import open_store, placeholder_warning
from collector.polling.accounts import Account, find, read_accounts
from collector.polling.adding import add, remove
from collector.polling.budget import Budget
from collector.polling.opening import Keys, redacted_logging
from collector.polling.plan import rungs_of
from collector.polling.policies import policy_of
from collector.polling.poller import Poller
from collector.polling.standing import AT_ONCE, standing
from collector.polling.trial import try_out
from collector.polling.world import World
from collector.settings import Settings, read_settings
from collector.sources.calling import Clocks, real_clocks
from collector.sources.errors import PluginError, RangeError, SourceError
from collector.sources.registry import Plugins, Tools, load
from collector.sources.secrets import read_secret
from starproof import session
from starproof.source_options import account_from, parser
from starproof.source_text import (
    backfill_document,
    backfill_lines,
    budget_lines,
    standing_document,
    standing_lines,
    tried_document,
    tried_lines,
)
from starproof.tables import printable

AFTER_ADDING = """\
下一步 / next:
  starproof source policy {provider}{where}    打印最小权限策略 / print the least-privilege policy to paste
  starproof source test {alias}{where}    检查权限，显示调用预算 / check permissions, show the call budget
  starproof source backfill {alias}{where}    补采历史 / read the history
此后 `starproof collector serve` 自动采集（改动后需重启）/ from then on the collector polls it (restart it after a change)"""
TOLD_PAUSE_S = 5
"""A pause that people notice."""
NONE_YET = "还没有配置数据源；运行 / no source is configured yet; run: starproof source add --help"


@dataclass(frozen=True)
class Place:
    """Where the store and the file of sources are, and whose store it is if the settings say so."""

    database_url: str
    sources: Path
    enterprise: str | None
    timezone: str | None


def main(argv: Sequence[str], *, prog: str = "starproof source", plugins: Plugins | None = None) -> int:
    """Run the command and return the exit status; ``plugins`` replaces what is installed."""
    options = parser(prog).parse_args(argv)
    found = plugins or load()
    work: dict[str, Callable[[], int]] = {
        "add": lambda: _add(options, found),
        "test": lambda: _test(options, found),
        "list": lambda: _list(options, found),
        "backfill": lambda: _backfill(options, found),
        "remove": lambda: _remove(options),
        "policy": lambda: _policy(options, found),
    }
    return session.guarded(prog, work[options.command])


def _add(options: argparse.Namespace, plugins: Plugins) -> int:
    place = _place(options)
    account = account_from(options)
    if account.provider not in plugins.factories:
        reasons = [
            f"{bad.distribution}: {bad.reason}" for bad in plugins.broken if bad.name == account.provider
        ]
        known = ", ".join(sorted(plugins.factories)) or "none"
        raise PluginError("; ".join(reasons) or f"there is no source {account.provider!r}; there are {known}")
    _require_openable(account, plugins)
    add(place.sources, account)
    if options.json:
        session.print_json(
            {"schema": "starproof/source-added/1", "alias": account.alias, "file": str(place.sources)}
        )
        return 0
    sys.stdout.write(f"已添加 added: {account.alias} → {place.sources}\n")
    sys.stdout.write(
        AFTER_ADDING.format(alias=account.alias, provider=account.provider, where=_repeated(options)) + "\n"
    )
    return 0


def _require_openable(account: Account, plugins: Plugins) -> None:
    """Refuse settings that the source refuses; its credential may still be missing on this machine.

    Raises:
        SettingsError: what the source says of its settings.
    """
    keys = Keys(read_secret)
    try:
        source = plugins.open(account.provider, account.opened_with, Tools(real_clocks(), keys.read, AT_ONCE))
        if account.period_ms is not None:
            rungs_of(account, source)
    except (SettingsError, RangeError) as error:
        raise SettingsError(keys.redacted(str(error))) from None
    except SourceError:
        return  # ``source test`` tells what it is, as often as it is run


def _test(options: argparse.Namespace, plugins: Plugins) -> int:
    place = _place(options)
    accounts = read_accounts(place.sources)
    account = find(accounts, options.alias)
    keys = Keys(read_secret)
    with redacted_logging(keys, logging.StreamHandler()):
        tried = try_out(account, plugins, clocks=_clocks(), keys=keys)
    if options.json:
        session.print_json(tried_document(tried))
    else:
        sys.stdout.write("\n".join(tried_lines(tried)) + "\n")
    return 0 if tried.ok else 1


def _list(options: argparse.Namespace, plugins: Plugins) -> int:
    place = _place(options)
    accounts = read_accounts(place.sources)
    with _world(place, plugins) as world:
        found = [standing(world, account, accounts) for account in accounts]
        now_ms = world.clocks.wall_ms()
    if options.json:
        documents = [standing_document(one) for one in found]
        session.print_json(
            {"schema": "starproof/sources/1", "file": str(place.sources), "sources": documents}
        )
        return 0
    lines = [line for one in found for line in standing_lines(one, now_ms=now_ms)]
    sys.stdout.write("\n".join(lines or [NONE_YET]) + "\n")
    return 0


def _backfill(options: argparse.Namespace, plugins: Plugins) -> int:
    place = _place(options)
    accounts = read_accounts(place.sources)
    account = find(accounts, options.alias)
    if options.metric and not options.again:
        raise SettingsError("--metric says what to ask for again; write --again with it")
    with _world(place, plugins) as world, _bar(options) as progress:

        def announce(budget: Budget) -> None:
            if not options.json:
                sys.stderr.write("\n".join(budget_lines(budget)) + "\n")

        try:
            # Bills are the service's to read; this command is about averages.
            poller = Poller(world, accounts)
            report = poller.run(
                replace(account, bills=False),
                only_due=False,
                again=options.metric if options.again else None,
                progress=progress,
                announce=announce,
            )
        except KeyboardInterrupt:
            sys.stderr.write("已中断；再次运行会接着补采 / stopped; run it again to go on from here\n")
            return 1
    if options.json:
        session.print_json(backfill_document(report))
    else:
        sys.stdout.write("\n".join(backfill_lines(report)) + "\n")
    return 1 if report.failed or report.elsewhere or report.refused else 0


def _remove(options: argparse.Namespace) -> int:
    place = _place(options)
    remove(place.sources, options.alias)
    if options.json:
        session.print_json(
            {"schema": "starproof/source-removed/1", "alias": options.alias, "file": str(place.sources)}
        )
        return 0
    sys.stdout.write(
        f"已移除 removed: {options.alias} ← {place.sources}\n"
        "已封存的数据保留；重启采集端后停止采集 / what was sealed stays; restart the collector to stop polling\n"
    )
    return 0


def _clocks() -> Clocks:
    """Return the machine's clocks; who waits for a provider is told so."""
    real = real_clocks()

    def sleep(seconds: float) -> None:
        if seconds >= TOLD_PAUSE_S:
            sys.stderr.write(
                f"等待 {seconds:.0f} 秒后重试（对方要求或暂无应答）/ waiting {seconds:.0f} s before asking again, "
                "as the source wishes or because it did not answer\n"
            )
        real.sleep(seconds)

    return replace(real, sleep=sleep)


def _policy(options: argparse.Namespace, plugins: Plugins) -> int:
    accounts = read_accounts(_place(options).sources)
    policy = policy_of(options.provider, accounts, plugins, clocks=real_clocks())
    if policy:
        sys.stdout.write(policy.rstrip("\n") + "\n")
    else:
        sys.stderr.write(
            f"{printable(options.provider)}：没有可粘贴的策略，只读账号即可 / has no policy to paste; "
            "an account that may read is enough\n"
        )
    return 0


def _place(options: argparse.Namespace) -> Place:
    settings = read_settings(options.config) if options.config else Settings()
    if options.db:
        settings = replace(settings, db=options.db)
    return Place(
        settings.database_url,
        options.sources or settings.sources_file,
        settings.enterprise,
        settings.timezone,
    )


def _repeated(options: argparse.Namespace) -> str:
    """Return the options that say where everything is, for the next command."""
    given = (("--db", options.db), ("--config", options.config), ("--sources", options.sources))
    return "".join(f" {name} {shlex.quote(str(value))}" for name, value in given if value)


@contextmanager
def _world(place: Place, plugins: Plugins) -> Iterator[World]:
    opened = open_store(place.database_url, enterprise=place.enterprise, timezone=place.timezone)
    if opened.is_new and place.enterprise is None:
        remedy = "before that, set enterprise in a settings file and give it to every command: --config FILE"
        sys.stderr.write(f"starproof source: {placeholder_warning(remedy)}\n")
    keys = Keys(read_secret)
    try:
        with redacted_logging(keys, logging.StreamHandler()):
            yield World(
                opened=opened,
                plugins=plugins,
                keys=keys,
                clocks=_clocks(),
                log=_silent,
                lock_directory=opened.keyring.directory,
            )
    finally:
        opened.store.close()


def _silent(event: str, **details: str | float) -> None:
    """The command's answer says it all."""


@contextmanager
def _bar(options: argparse.Namespace) -> Iterator[Callable[[int, int], None]]:
    """Give what to call with done and total; a bar is shown on terminals only."""
    if options.progress:
        tell = session.progress(options)
        yield lambda done, total: tell("averages", done, total)
        return
    if options.json or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is somebody to look
    from rich.progress import Progress  # noqa: PLC0415 - the same

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("补采 / back-filling", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
