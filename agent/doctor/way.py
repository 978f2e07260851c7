"""The way to the collector: whether it answers, what its clock says, and until when its certificate holds."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Iterator
from typing import Any, Callable, Optional

from agent.answers import clock_estimate, parse
from agent.config import Settings
from agent.doctor.record import ATTENTION, BAD, GOOD, Check
from agent.errors import AgentError
from agent.offer import OFFLINE
from agent.state import CA, Enrolled, State
from agent.transport import Answer, HttpTransport

PATH = "/healthz"
TIMEOUT_S = 15.0
CLOCK_ATTENTION_MS = 1_000
CLOCK_BAD_MS = 60_000
"""Above a minute the midnight of the host is not the midnight of the collector."""
EXPIRES_SOON_S = 14 * 86_400
_DAY_S = 86_400
_OK, _UNAVAILABLE = 200, 503
_NTP = (
    "在本机启用时间同步：systemctl enable --now chronyd",
    "turn time synchronisation on: systemctl enable --now chronyd",
)


class LookingTransport(HttpTransport):
    """Asks once, and remembers the certificate that answered."""

    certificate: Optional[dict[str, Any]] = None

    def get(self, path: str) -> Answer:
        """Return the answer to a question that changes nothing.

        Raises:
            TransportError: there is none.
        """
        return self._exchange(self._context, ("GET", path, None, {}), timeout_s=TIMEOUT_S)

    def _connect(self, connection: http.client.HTTPConnection, context: Any, deadline_s: float) -> None:
        super()._connect(connection, context, deadline_s)
        if isinstance(connection.sock, ssl.SSLSocket):
            self.certificate = connection.sock.getpeercert()


def way_checks(
    state: State,
    settings: Settings,
    enrolled: Enrolled,
    *,
    wall_ms: Callable[[], int],
    mono_s: Callable[[], float],
) -> Iterator[Check]:
    """Ask the collector once and yield what that tells of route, certificate and time."""
    url = settings.collector or enrolled.collector
    if url == OFFLINE:
        said = "本机按文件上报，没有网络路径", "this host delivers by file"
        yield Check("route", GOOD, *said)
        return
    try:
        pinned = None if settings.delivery_ca_file else state.ca_pem()
        transport = LookingTransport(
            url,
            wall_ms=wall_ms,
            mono_s=mono_s,
            ca_file=settings.delivery_ca_file,
            ca_pem=pinned,
            proxy=settings.delivery_proxy,
        )
        answer = transport.get(PATH)
    except (AgentError, OSError) as error:
        todo = (
            "核对地址、端口、防火墙与代理；数据保留在本机",
            "check address, port, firewall and proxy; the data stay here",
        )
        yield Check("route", BAD, f"{url}：{error}", f"{url}: {error}", *todo)
        if url.startswith("https:"):
            yield from _pin(state, settings, pinned=None, wall_ms=wall_ms)
        return
    yield _route(url, answer)
    if url.startswith("https:"):
        yield _certificate(transport.certificate, wall_ms())
        yield from _pin(state, settings, pinned=pinned, wall_ms=wall_ms)
    else:
        todo = "在采集端启用 TLS 后重新注册", "turn TLS on at the collector, then enrol again"
        yield Check(
            "certificate",
            ATTENTION,
            "没有 TLS，任何人都能冒充采集端",
            "no TLS: anybody can pose as the collector",
            *todo,
        )
    yield _clock(answer)


def _route(url: str, answer: Answer) -> Check:
    if answer.status == _OK:
        return Check(
            "route", GOOD, f"{url} 应答，{answer.elapsed_ms} ms", f"{url} answers in {answer.elapsed_ms} ms"
        )
    if answer.status == _UNAVAILABLE:
        todo = "在采集端运行 starproof doctor", "run starproof doctor on the collector"
        return Check("route", BAD, f"{url} 的数据库不可用", f"{url}: its store is not available", *todo)
    todo = "地址后面可能不是采集端，或代理拦截", "something else may answer there, or a proxy"
    return Check(
        "route", BAD, f"{url} 应答 HTTP {answer.status}", f"{url} answers HTTP {answer.status}", *todo
    )


def _clock(answer: Answer) -> Check:
    estimate = clock_estimate(answer, parse(answer))
    if estimate is None:
        words = "采集端没有报出时间", "the collector told no time"
        return Check("clock", ATTENTION, *words)
    off = abs(estimate.offset_ms) - estimate.rtt_ms // 2
    said = f"与采集端相差 {estimate.offset_ms} ± {estimate.rtt_ms // 2} ms"
    english = f"{estimate.offset_ms} ± {estimate.rtt_ms // 2} ms from the collector's"
    if off > CLOCK_BAD_MS:
        return Check("clock", BAD, said, english, *_NTP)
    if off > CLOCK_ATTENTION_MS:
        return Check("clock", ATTENTION, said, english, *_NTP)
    return Check("clock", GOOD, said, english)


def _certificate(found: Optional[dict[str, Any]], now_ms: int) -> Check:
    until_s = _until_s(found)
    if until_s is None:
        return Check(
            "certificate", ATTENTION, "采集端的证书没有期限", "the collector's certificate tells no end"
        )
    days = (until_s - now_ms // 1000) // _DAY_S
    zh, en = (
        f"采集端证书可信，还有 {days} 天到期",
        f"the collector's certificate is believed, {days} days are left",
    )
    if until_s - now_ms // 1000 < EXPIRES_SOON_S:
        todo = (
            "在采集端更换证书（自建 CA 会自动更换）",
            "replace it at the collector (its own CA does so by itself)",
        )
        return Check("certificate", ATTENTION, zh, en, *todo)
    return Check("certificate", GOOD, zh, en)


def _pin(
    state: State, settings: Settings, *, pinned: Optional[str], wall_ms: Callable[[], int]
) -> Iterator[Check]:
    """Yield what this host believes, and until when."""
    from agent.trust import context_of  # noqa: PLC0415 - loads TLS

    try:
        path = settings.delivery_ca_file or state.path(CA)
        pem = pinned if pinned is not None else None
        if pem is None and os.path.exists(path):
            with open(path, encoding="ascii") as file:
                pem = file.read()
        if pem is None:
            words = (
                "没有固定 CA，信任系统的证书机构",
                "no CA is pinned: the system's authorities are believed",
            )
            yield Check("certificate", GOOD, *words)
            return
        ends = [_until_s(one) for one in context_of(ca_pem=pem).get_ca_certs()]
    except (AgentError, OSError, ValueError) as error:
        todo = "重新注册：enroll --ca FILE", "enrol again: enroll --ca FILE"
        yield Check(
            "certificate", BAD, f"固定的 CA 不能用：{error}", f"the pinned CA cannot be used: {error}", *todo
        )
        return
    known = [end for end in ends if end is not None]
    if not known:
        yield Check("certificate", GOOD, f"已固定 {path}", f"pinned: {path}")
        return
    days = (min(known) - wall_ms() // 1000) // _DAY_S
    said = f"已固定 CA {path}，还有 {days} 天到期", f"pinned CA {path}, {days} days are left"
    if days < 0:
        said = f"已固定的 CA {path} 已过期 {-days} 天", f"the pinned CA {path} expired {-days} days ago"
    if days * _DAY_S < EXPIRES_SOON_S:
        todo = (
            "向采集端索取新 CA，重新注册：enroll --ca FILE",
            "get the new CA and enrol again: enroll --ca FILE",
        )
        yield Check("certificate", BAD if days < 0 else ATTENTION, *said, *todo)
    else:
        yield Check("certificate", GOOD, *said)


def _until_s(certificate: Optional[Any]) -> Optional[int]:
    text = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return int(ssl.cert_time_to_seconds(text)) if isinstance(text, str) else None
