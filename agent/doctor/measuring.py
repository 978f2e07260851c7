"""What is measured: the devices that count, and the logs from which users are counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from agent.config import Settings
from agent.doctor.record import ATTENTION, BAD, GOOD, Check
from agent.errors import AgentError
from agent.reading import ReadingError
from evidence.errors import EvidenceError

_LISTED = 8
_SAMPLE = "starproof-agent sample"


def device_checks(settings: Settings) -> Iterator[Check]:
    """Yield which network cards and disks count, and why the others do not."""
    from agent.this_host import this_host  # noqa: PLC0415 - imports psutil

    try:
        reading = this_host(interval_ms=settings.interval_s * 1000, **settings.devices()).read()
    except (ReadingError, AgentError, OSError) as error:
        yield Check("devices", BAD, f"读不到计数器：{error}", f"the counters cannot be read: {error}")
        return
    manifest = reading.manifest
    for kind, zh, en in (("nic", "网卡", "network cards"), ("disk", "磁盘", "disks")):
        devices = [one for one in manifest.devices if one.kind == kind]
        counted = [f"{one.name} ({one.reason})" for one in devices if one.counts]
        left = [f"{one.name} ({one.reason})" for one in devices if not one.counts]
        told, others = ", ".join(counted[:_LISTED]), ", ".join(left[:_LISTED])
        rest_zh, rest_en = (f"；不计：{others}", f"; not counted: {others}") if left else ("", "")
        if counted:
            yield Check(
                "devices",
                GOOD,
                f"{zh} {len(counted)}：{told}{rest_zh}",
                f"{en} {len(counted)}: {told}{rest_en}",
            )
        else:
            yield Check(
                "devices",
                ATTENTION,
                f"没有计入的{zh}{rest_zh}",
                f"no {en} count{rest_en}",
                f"看原因：{_SAMPLE}；必要时在 [devices] 写明",
                f"see why: {_SAMPLE}; if need be name it under [devices]",
            )
    if reading.clock_state == "unsynchronized":
        todo = "systemctl enable --now chronyd"
        yield Check(
            "clock", ATTENTION, "系统时钟未同步", "this system's clock is not synchronised", todo, todo
        )


def user_checks(path: str, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yield whether the logs that ``logins.toml`` names can be read; nothing if there is no such file."""
    if not os.path.exists(path):
        return
    from agent.logins.config import load  # noqa: PLC0415 - only where logs are read
    from agent.logins.run import account_key  # noqa: PLC0415 - the same

    try:
        settings = load(path)
    except (AgentError, OSError) as error:
        yield Check("users", BAD, str(error), str(error))
        return
    if settings.account_key is not None:  # systemd's credential is the service's alone
        try:
            account_key(settings, environment)
        except (AgentError, EvidenceError, OSError) as error:
            yield Check("users", BAD, str(error), str(error))
    for log in settings.logs:
        unreadable = [path for path in log.paths if not _is_readable(path)]
        if unreadable:
            names = ", ".join(unreadable[:_LISTED])
            todo = (
                "让运行日志读取的用户可读（组 adm），见 docs/logins.zh-CN.md",
                "let the reader's user read it (group adm), see docs/logins.md",
            )
            yield Check(
                "users", BAD, f"{log.name}：读不到 {names}", f"{log.name}: cannot read {names}", *todo
            )
        else:
            yield Check("users", GOOD, f"{log.name}：可读", f"{log.name}: can be read")


def _is_readable(path: str) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False
