"""What lies outside of the store: the running service, clouds and monitors, anchors, webhooks, accounts."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from collector.accounts.counting import count
from collector.accounts.settings import read_settings as read_account_sources
from collector.alerts.matters import HISTORY_DAYS
from collector.alerts.settings import read_alerts
from collector.alerts.situation import History, Situation
from collector.anchors.settings import read_anchors
from collector.doctor.record import ATTENTION, BAD, GOOD, Check, failed, good
from collector.errors import CollectorError
from collector.opening import OpenStore
from collector.polling.accounts import usable_accounts
from collector.polling.opening import Keys
from collector.polling.trial import try_out
from collector.settings import Settings, key_directory
from collector.sources.calling import Clocks
from collector.sources.registry import Plugins
from collector.store import alerts
from collector.tls.asking import here
from collector.tls.settings import OFF
from evidence.errors import EvidenceError

TIMEOUT_S = 10
MAX_ANSWER_BYTES = 64 * 1024
MS_PER_HOUR = 3_600_000
FAR_BEHIND_MS = 1_000
_START = ("systemctl start starproof-collector; journalctl -u starproof-collector -n 50",) * 2
_OK = 200


def service_check(settings: Settings, *, now_ms: int) -> Check:
    """Return whether the service answers on this machine, and its store is available."""
    try:
        host, port = here(settings)
    except CollectorError as error:
        return failed("service", error)
    where = f"{host}:{port}"
    if settings.tls.mode == OFF:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    else:
        # On this machine, and nothing secret is said: whom hosts believe is another line's matter.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES)
        server_ms = json.loads(body).get("server_ms")
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        return Check(
            "service", BAD, f"{where} 没有应答：{error}", f"{where} does not answer: {error}", *_START
        )
    finally:
        connection.close()
    if response.status != _OK:
        return Check(
            "service",
            BAD,
            f"{where} 应答 HTTP {response.status}",
            f"{where} answers HTTP {response.status}",
            *_START,
        )
    if isinstance(server_ms, int) and abs(server_ms - now_ms) > FAR_BEHIND_MS + TIMEOUT_S * 1000:
        return Check(
            "service",
            ATTENTION,
            f"{where} 的时钟与本命令不同，可能不是本机的服务",
            f"{where} has another clock: is it this service?",
        )
    return good(
        "service", f"{where} 应答正常（{socket.gethostname()}）", f"{where} answers ({socket.gethostname()})"
    )


def source_checks(
    settings: Settings, plugins: Plugins, *, keys: Keys, clocks: Clocks, histories: tuple[History, ...]
) -> Iterator[Check]:
    """Ask every account what it permits, and yield that and what its provider will forget."""
    try:
        accounts, broken = usable_accounts(settings.sources_file)
    except CollectorError as error:
        yield failed("sources", error)
        return
    for text in broken:
        said = keys.redacted(text)
        yield Check("sources", BAD, said, said, "改正 sources.toml", "correct sources.toml")
    if not accounts and not broken:
        yield good("sources", "没有配置云账号或监控系统", "no cloud or monitor is configured")
    for account in accounts:
        policy = f"starproof source policy {account.provider}"
        try:
            tried = try_out(account, plugins, clocks=clocks, keys=keys)
        except CollectorError as error:
            said = keys.redacted(str(error))
            yield Check(
                "sources",
                BAD,
                said,
                said,
                f"starproof source test {account.alias}",
                f"starproof source test {account.alias}",
            )
            continue
        if tried.missing:
            names = ", ".join(tried.missing)
            yield Check(
                "sources",
                BAD,
                f"{account.alias} 缺少权限：{names}",
                f"{account.alias} lacks {names}",
                policy,
                policy,
            )
        elif not tried.ok:
            wrong = next(probe.detail for probe in tried.probes if not probe.ok)
            yield Check(
                "sources",
                BAD,
                f"{account.alias}：{wrong}",
                f"{account.alias}: {wrong}",
                f"starproof source test {account.alias}",
                f"starproof source test {account.alias}",
            )
        else:
            yield good(
                "sources",
                f"{account.alias}（{account.provider}）权限齐全",
                f"{account.alias} ({account.provider}) may all that is needed",
            )
    yield from history_checks(histories)


def history_checks(histories: tuple[History, ...]) -> Iterator[Check]:
    """Yield whose history will soon be forgotten."""
    for one in histories:
        if one.left_days is not None and one.left_days < HISTORY_DAYS:
            todo = f"starproof source backfill {one.alias}"
            yield Check(
                "sources",
                BAD,
                f"{one.alias} 的 {one.metric} 还有 {one.left_days} 天就会被平台删除",
                f"{one.alias}: {one.left_days} days until the provider forgets {one.metric}",
                todo,
                todo,
            )


def account_checks(file: Path | None, *, today: date) -> Iterator[Check]:
    """Read today's accounts of every source in ``file``, keep nothing, and yield what became of it."""
    if file is None:
        return
    try:
        found = read_account_sources(file)
    except (CollectorError, EvidenceError) as error:
        yield failed("users", error)
        return
    for alias, one in found.items():
        try:
            count(one.source, one.hashing, today, today)
        except (CollectorError, EvidenceError) as error:
            yield Check(
                "users",
                BAD,
                f"{alias}：{error}",
                f"{alias}: {error}",
                "核对查询、地址与权限",
                "check query, address and permissions",
            )
        else:
            yield good("users", f"{alias} 可读", f"{alias} can be read")


def anchor_checks(settings: Settings, situation: Situation) -> Iterator[Check]:
    """Yield which anchors there are, what waits for them, and whether every day has its mark."""
    try:
        configured = read_anchors(settings.anchors_file)
    except CollectorError as error:
        yield failed("anchors", error)
        return
    if not configured:
        todo = (
            "见 docs/anchors.zh-CN.md，或打印：starproof anchor print",
            "see docs/anchors.md, or print: starproof anchor print",
        )
        yield Check("anchors", ATTENTION, "没有配置外部锚定", "no anchor is configured", *todo)
    states = {one.alias: one for one in situation.anchors}
    for anchor in configured:
        one = states.get(anchor.alias)
        if one is None:
            said = f"{anchor.alias} 还没有收到过检查点", f"{anchor.alias} was never handed anything"
            yield Check(
                "anchors",
                ATTENTION,
                *said,
                f"starproof anchor test {anchor.alias}",
                f"starproof anchor test {anchor.alias}",
            )
        elif one.waiting_since_ms is not None:
            hours = (situation.made_ms - one.waiting_since_ms) // MS_PER_HOUR
            zh, en = (
                f"{anchor.alias} 有 {one.waiting} 个检查点未送达，{hours} 小时",
                f"{anchor.alias}: {one.waiting} checkpoints wait, for {hours} h",
            )
            yield Check("anchors", BAD, zh, en, "starproof anchor list", "starproof anchor list")
        else:
            when = (
                "-"
                if one.taken_ms is None
                else f"{datetime.fromtimestamp(one.taken_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
            )
            yield good(
                "anchors", f"{anchor.alias} 最近送达 {when}", f"{anchor.alias} took the last one {when}"
            )
    if situation.days_unmarked:
        days = situation.days_unmarked
        todo = "启动服务，并核对时钟", "start the service, and check its clock"
        yield Check(
            "log", BAD, f"{days} 天没有日终检查点", f"{days} days are over without a checkpoint", *todo
        )


def alert_checks(settings: Settings, opened: OpenStore, *, keys: Keys) -> Iterator[Check]:
    """Yield whether webhooks can be told: their secrets are readable, and nothing waits in vain."""
    try:
        wanted = read_alerts(settings.alerts_file)
    except CollectorError as error:
        yield failed("alerts", error, "见 docs/alerts.md", "see docs/alerts.md")
        return
    if not wanted.webhooks:
        file = key_directory(settings.database_url) / "alerts.toml"
        yield Check(
            "alerts",
            GOOD,
            "没有配置机器人消息",
            "no webhook is configured",
            f"可选：{file}",
            f"optional: {file}",
        )
    with opened.store.reading() as connection:
        failing = alerts.failing(connection)
    for hook in wanted.webhooks:
        try:
            for reference in filter(None, (hook.url, hook.secret)):
                keys.read(reference)
        except CollectorError as error:
            said = f"{hook.alias}: {error}"
            yield Check("alerts", BAD, said, said, "", "")
            continue
        count_, attempts, error_ = failing.get(hook.alias, (0, 0, ""))
        if attempts:
            todo = f"starproof alerts test {hook.alias}"
            yield Check(
                "alerts",
                BAD,
                f"{hook.alias} 有 {count_} 条未送达：{error_}",
                f"{hook.alias}: {count_} wait: {error_}",
                todo,
                todo,
            )
        else:
            yield good("alerts", f"{hook.alias}（{hook.kind}）", f"{hook.alias} ({hook.kind})")
