"""Keys, directory, disk and certificate of a collector: read as they are, nothing is made."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from collector.doctor.record import ATTENTION, BAD, Check, failed, good
from collector.errors import CollectorError
from collector.settings import Settings, key_directory
from collector.store.engine import sqlite_path
from collector.tls import authority
from collector.tls.asking import shown
from collector.tls.opening import source_of
from collector.tls.settings import FILES, OFF, OWN
from collector.tls.sources import CA, CA_KEY, SERVER
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey

MIB = 1024 * 1024
LEAST_FREE_PERCENT = 10
EXPIRES_SOON = timedelta(days=14)
_OTHERS = 0o077
_FROM_BACKUP = ("从备份恢复，见 docs/runbook.zh-CN.md", "restore it from a backup, see docs/runbook.md")


def directory_checks(settings: Settings) -> Iterator[Check]:
    """Yield who may read the directory of store and keys, and the files in it."""
    directory = key_directory(settings.database_url)
    try:
        mode = stat.S_IMODE(directory.stat().st_mode)
        names = sorted(one.name for one in directory.iterdir())
    except OSError as error:
        yield Check(
            "state",
            BAD,
            f"{directory} 不能读取：{error.strerror}",
            f"{directory} cannot be read: {error.strerror}",
            "以 root 或服务的用户运行，并用 --config 与 --db 指明",
            "run it as root or as the service's user, and give --config and --db",
        )
        return
    wrong = [f"chmod 700 {directory}"] if mode & _OTHERS else []
    store = sqlite_path(settings.database_url)
    private = {CA_KEY, SERVER, *(name for name in names if name.endswith(".key"))}
    if store is not None:
        private |= {store.name, f"{store.name}-wal", f"{store.name}-shm"}
    owners = set()
    for name in names:
        found = (directory / name).lstat()
        if name in private:
            owners.add(found.st_uid)
            if stat.S_IMODE(found.st_mode) & _OTHERS:
                wrong.append(f"chmod 600 {directory / name}")
    for command in wrong:
        yield Check("state", BAD, "他人可以读取", "others may read it", command, command)
    if len(owners | {directory.stat().st_uid}) > 1:
        command = f"chown -R --reference={directory} {directory}"
        yield Check(
            "state",
            BAD,
            f"{directory} 中的文件属于不同用户",
            f"files in {directory} belong to different users",
            command,
            command,
        )
    elif not wrong:
        yield good("state", f"{directory}，只有属主可读写", f"{directory}, its owner's alone")


def key_checks(settings: Settings) -> Iterator[Check]:
    """Yield whether every private key is whole and fits its public half."""
    directory = key_directory(settings.database_url)
    whole = []
    for path in sorted(directory.glob("*.key")):
        if path.name == CA_KEY:
            continue
        public = path.with_suffix(".pub")
        try:
            key = PrivateKey.from_seed(bytes.fromhex(path.read_text("ascii").strip()))
            if public.exists() and public.read_text("ascii").strip() != key.public.raw.hex():
                yield Check(
                    "keys",
                    BAD,
                    f"{public.name} 与 {path.name} 不是一对",
                    f"{public.name} is not the half of {path.name}",
                    *_FROM_BACKUP,
                )
                continue
        except (OSError, ValueError, EvidenceError) as error:
            yield Check("keys", BAD, f"{path}：{error}", f"{path}: {error}", *_FROM_BACKUP)
            continue
        whole.append(path.stem)
    if "log" not in whole:
        yield Check("keys", BAD, "没有可用的日志密钥 log.key", "there is no usable log.key", *_FROM_BACKUP)
    if whole:
        names = ", ".join(whole)
        yield good(
            "keys", f"完好：{names}；请确认已离机备份", f"whole: {names}; see that a backup lies elsewhere"
        )


def disk_check(settings: Settings) -> Check:
    """Return how much room the store has."""
    directory = key_directory(settings.database_url)
    try:
        usage = shutil.disk_usage(directory)
    except OSError as error:
        return failed("disk", error)
    said = f"{usage.free // MIB} MiB"
    if usage.free * 100 < LEAST_FREE_PERCENT * usage.total:
        todo = "扩容；不要删除库文件", "make room; never delete files of the store"
        return Check("disk", BAD, f"只剩 {said}", f"only {said} are left", *todo)
    return good("disk", f"剩余 {said}", f"{said} are free")


def certificate_checks(settings: Settings, *, now: datetime) -> Iterator[Check]:
    """Yield until when the certificates hold, and who is believed."""
    tls, directory = settings.tls, key_directory(settings.database_url)
    if tls.mode == OFF:
        yield Check(
            "certificate",
            ATTENTION,
            "没有 TLS",
            "no TLS",
            '在配置中写 [tls] mode = "own"，然后让主机重新注册',
            'write [tls] mode = "own" in the settings, then enrol the hosts again',
        )
        return
    given = tls.certificate if tls.mode == FILES else directory / SERVER
    pinned = (tls.ca or tls.certificate) if tls.mode == FILES else directory / CA
    named = ((given, "服务端证书", "server certificate"), (pinned, "CA", "CA"))
    found = [_certificate(path, zh, en, own=tls.mode == OWN, now=now) for path, zh, en in named if path]
    yield from found
    if tls.mode == FILES and not any(one.state == BAD for one in found):
        yield from _pair(settings)
    if given is not None:
        yield from _in_force(settings, given)


def _pair(settings: Settings) -> Iterator[Check]:
    """Yield what keeps certificate and key in the files from being used."""
    try:
        source = source_of(settings)
        if source is not None:
            source.load()
    except CollectorError as error:
        yield Check(
            "certificate",
            BAD,
            f"证书与私钥不能使用，服务沿用之前的，重启后将无法启动：{error}",
            f"certificate and key cannot be used: the service goes on with those before, and a restart fails: {error}",
            "同时更换证书和私钥，然后 systemctl reload starproof-collector",
            "replace certificate and key together, then systemctl reload starproof-collector",
        )


def _in_force(settings: Settings, given: Path) -> Iterator[Check]:
    """Yield that the service shows another certificate than the file's; nothing if it does not answer."""
    try:
        used, on_disk = shown(settings), x509.load_pem_x509_certificate(given.read_bytes())
    except (CollectorError, OSError, ValueError):
        return  # the lines of the service and of the file say why
    if used is None or used == on_disk:
        return
    until = f"{used.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    reload = "systemctl reload starproof-collector; journalctl -u starproof-collector -n 50"
    yield Check(
        "certificate",
        BAD,
        f"服务使用的不是 {given.name} 中的证书，而是 {until} 到期的一张",
        f"the service does not use the certificate in {given.name}, but one that ends {until}",
        reload,
        reload,
    )


def _certificate(path: Path, zh: str, en: str, *, own: bool, now: datetime) -> Check:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[-1 if zh == "CA" else 0]
    except (OSError, ValueError, IndexError) as error:
        todo = (
            ("首次启动服务时生成：starproof serve", "it is made when the service starts: starproof serve")
            if own
            else ("核对 [tls] 中的路径", "check the paths under [tls]")
        )
        return Check("certificate", BAD, f"{path}：{error}", f"{path}: {error}", *todo)
    if now < found.not_valid_before_utc:
        since = f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return Check(
            "certificate",
            BAD,
            f"{zh} {path.name} {since} 才生效",
            f"{en} {path.name} is valid from {since} only",
            "核对本机时钟；或使用已生效的证书",
            "check this machine's clock; or use one that is valid now",
        )
    left = found.not_valid_after_utc - now
    pin = authority.fingerprint(found)[:16]
    about_zh, about_en = f"{zh} {path.name} {pin}…", f"{en} {path.name} {pin}…"
    if left < timedelta():
        zh, en = f"{about_zh} 已过期 {-left.days} 天", f"{about_en} expired {-left.days} days ago"
    else:
        zh, en = f"{about_zh} 还有 {left.days} 天到期", f"{about_en}: {left.days} days are left"
    if left < EXPIRES_SOON:
        todo = (
            "更换后 systemctl reload starproof-collector；见 docs/runbook.zh-CN.md",
            "replace it, then systemctl reload starproof-collector; see docs/runbook.md",
        )
        return Check("certificate", BAD if left < timedelta() else ATTENTION, zh, en, *todo)
    return good("certificate", zh, en)
