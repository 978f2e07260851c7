"""``starproof alerts``: what must be looked at now, and trying a webhook."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from collector.alerts.certificate import certificate_of
from collector.alerts.histories import read_histories
from collector.alerts.matters import BAD, decide
from collector.alerts.reading import Holes, read
from collector.alerts.sending import Messenger
from collector.alerts.settings import Webhook, read_alerts
from collector.alerts.words import LANGUAGES, said
from collector.anchors.settings import read_anchors
from collector.errors import SettingsError
from collector.http.log import LineLog
from collector.names import nearest
from collector.opening import open_store_for_reading, wall_clock_ms
from collector.polling.opening import Keys
from collector.settings import Settings, read_settings
from collector.sources.calling import real_clocks
from collector.sources.secrets import read_secret
from collector.tls.asking import shown
from collector.tls.interface import Served
from starproof import session
from starproof.tables import printable

EXAMPLE = "starproof alerts test ops-wecom --config /etc/starproof/collector.toml"
NOTHING = {"zh": "没有需要处理的事", "en": "nothing to look at"}
STATES = {BAD: {"zh": "坏", "en": "BAD"}}
LOOK = {"zh": "注意", "en": "look"}


def main(argv: Sequence[str], *, prog: str = "starproof alerts") -> int:
    """Run the command; the exit status of ``list`` is 1 if something urgent must be looked at."""
    options = _parser(prog).parse_args(argv)
    return session.guarded(prog, lambda: _list(options) if options.command == "list" else _test(options))


def _list(options: argparse.Namespace) -> int:
    settings = _settings(options)
    percent = read_alerts(settings.alerts_file).coverage_percent
    opened = open_store_for_reading(settings.database_url)
    try:
        keys = Keys(read_secret)
        histories = read_histories(
            opened,
            settings.sources_file,
            keys=keys,
            clocks=real_clocks(),
            log=LineLog(wall_clock_ms, redact=keys.redacted),
        )
        situation = read(
            opened,
            now_ms=wall_clock_ms(),
            holes=Holes(),
            percent=percent,
            anchors_configured=len(read_anchors(settings.anchors_file)),
        )
        certificate = certificate_of(settings, _served(settings))
        situation = replace(
            situation,
            histories=histories,
            certificate_begins_ms=certificate.begins_ms,
            certificate_ends_ms=certificate.ends_ms,
            certificate_problem=certificate.problem,
        )
    finally:
        opened.store.close()
    matters = decide(situation)
    if options.json:
        entries = [{"kind": one.kind, **asdict(one)} for one in matters]
        session.print_json({"schema": "starproof/attention/1", "month": situation.month, "matters": entries})
    else:
        lines = []
        for one in matters:
            state = STATES.get(one.kind, LOOK)[options.lang]
            title = said(one.code, options.lang, percent=percent).title
            detail = one.zh if options.lang == "zh" else one.en
            lines.append(f"{state}  {title}  {printable(one.subject)}  {printable(detail)}")
        sys.stdout.write("\n".join(lines or [NOTHING[options.lang]]) + "\n")
    return int(any(one.kind == BAD for one in matters))


def _served(settings: Settings) -> Callable[[], Served] | None:
    """Return what the service on this machine serves, ``None`` if it does not answer over TLS."""
    found = shown(settings)
    return None if found is None else lambda: Served(found.not_valid_before_utc, found.not_valid_after_utc)


def _test(options: argparse.Namespace) -> int:
    settings = _settings(options)
    wanted = read_alerts(settings.alerts_file)
    hook = _find(wanted.webhooks, options.alias)
    opened = open_store_for_reading(settings.database_url)
    try:
        Messenger(
            opened.store,
            opened.identity.enterprise,
            Keys(read_secret),
            real_clocks(),
            wanted.coverage_percent,
        ).test(hook)
    finally:
        opened.store.close()
    if options.json:
        session.print_json({"schema": "starproof/alert-test/1", "alias": hook.alias, "told": True})
    else:
        sys.stdout.write(f"已送达 told: {hook.alias}\n")
    return 0


def _find(hooks: Sequence[Webhook], alias: str) -> Webhook:
    for hook in hooks:
        if hook.alias == alias:
            return hook
    hint = (
        nearest(alias, [one.alias for one in hooks]) if hooks else "; none is configured, see docs/alerts.md"
    )
    raise SettingsError(f"there is no webhook {alias!r}{hint}")


def _settings(options: argparse.Namespace) -> Settings:
    settings = read_settings(options.config) if options.config else Settings()
    return replace(settings, db=options.db) if options.db else settings


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = session.parser(prog, "What must be looked at now, and trying a webhook 告警", EXAMPLE)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="现在需要处理的事 / what must be looked at now")
    listing.add_argument("--lang", choices=LANGUAGES, default=LANGUAGES[0], help="default zh")
    test = commands.add_parser("test", help="给一个机器人发测试消息 / send a test to a webhook")
    test.add_argument("alias", help="a webhook of alerts.toml")
    for command in (listing, test):
        command.add_argument("--config", metavar="FILE", type=Path, help="the collector's settings")
        session.add_database(command)
    return parser
