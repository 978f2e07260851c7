"""The HTTP API: questions out, checked answers in.

Asked with POST forms, so that no address grows long or is logged. An answer that says of itself that
it is partial is an error: what is missing in it would look like hosts that were off.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from collector.errors import SettingsError
from collector.sources.answers import decode
from collector.sources.calling import Caller, quoted, status_error
from collector.sources.errors import AnswerError, RangeError, SourceError
from collector.sources.points import number
from collector.sources.secrets import Secret
from collector.sources.web import Reply, Web

MAX_STEPS = 10_000
"""Prometheus refuses more than 11,000 steps a question."""
MAX_SERIES = 20_000
_ACCEPTED = 200
_FIRST_ERROR = 300
_FORM = "application/x-www-form-urlencoded"
# Each is understood by one system and ignored by the others.
_WHOLE = {
    "partial_response": "false",  # Thanos: fail rather than leave a store out
    "dedup": "true",  # Thanos: replicas are one
    "deny_partial_response": "1",  # VictoriaMetrics cluster
    "nocache": "1",  # VictoriaMetrics: do not move the ends of the range
}


@dataclass(frozen=True)
class Login:
    """How we say who we are: a bearer token, a user with a password, or a header of a proxy's own."""

    secret: Secret
    user: str = ""
    header: str = ""

    def headers(self) -> dict[str, str]:
        """Return the header to send.

        Raises:
            SettingsError: the secret cannot stand in a header.
        """
        if self.user:
            pair = base64.b64encode(f"{self.user}:{self.secret.reveal()}".encode()).decode("ascii")
            return {"Authorization": f"Basic {pair}"}
        if not self.secret.reveal().isascii():
            raise SettingsError("a token is made of ASCII characters; this one is not")
        if self.header:
            return {self.header: self.secret.reveal()}
        return {"Authorization": f"Bearer {self.secret.reveal()}"}


@dataclass(frozen=True)
class Sample:
    """One value of one series; ``None`` where the system says NaN (it could not compute one)."""

    time_ms: int
    value: Decimal | None


@dataclass(frozen=True)
class Row:
    """One series of an answer."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


class Client:
    """Asks one system."""

    def __init__(self, url: str, *, web: Web, caller: Caller, login: Login | None = None) -> None:
        self._url = url.rstrip("/")
        self._web = web
        self._caller = caller
        self._headers = login.headers() if login else {}

    def over(self, expression: str, first_ms: int, last_ms: int, step_ms: int, *, where: str) -> list[Row]:
        """Return the values at ``first_ms``, a step later, and so on up to ``last_ms`` included.

        Raises:
            AnswerError: it is partial, too large, not what is documented, or speaks of an instant
                that was not asked for.
            SourceError: the system refused, or cannot be reached.
        """
        where = f"{self._url}: {where}"
        if (last_ms - first_ms) // step_ms >= MAX_STEPS:
            raise RangeError(f"{where}: more than {MAX_STEPS} steps in one question")
        asked = {"start": seconds(first_ms), "end": seconds(last_ms), "step": seconds(step_ms)}
        rows = list(self._rows("query_range", {"query": expression, **asked}, "matrix", where))
        for row in rows:
            times = [sample.time_ms for sample in row.samples]
            off = [t for t in times if (t - first_ms) % step_ms or not first_ms <= t <= last_ms]
            if off or times != sorted(set(times)):
                raise AnswerError(f"{where}: answered other instants than were asked for, or one twice")
        return rows

    def at(self, expression: str, time_ms: int, *, where: str) -> list[Row]:
        """Return the values at one instant. Raises as ``over``."""
        where = f"{self._url}: {where}"
        return list(self._rows("query", {"query": expression, "time": seconds(time_ms)}, "vector", where))

    def status(self, name: str) -> Any:
        """Return ``data`` of ``/api/v1/status/<name>``. Raises as ``over``."""
        return self._data("GET", f"status/{name}", b"", f"{self._url}: status/{name}")

    def _rows(self, path: str, form: Mapping[str, str], kind: str, where: str) -> Iterator[Row]:
        data = self._data("POST", path, urlencode({**form, **_WHOLE}).encode("ascii"), where)
        if not isinstance(data, dict) or data.get("resultType") != kind:
            raise AnswerError(f"{where}: data.resultType is not {kind}")
        result = data.get("result")
        if not isinstance(result, list) or len(result) > MAX_SERIES:
            raise AnswerError(f"{where}: data.result is not a list of at most {MAX_SERIES} series")
        for entry in result:
            yield _row(entry, "values" if kind == "matrix" else "value", where)

    def _data(self, method: str, path: str, content: bytes, where: str) -> Any:
        def ask() -> Any:
            headers = {**self._headers, **({"Content-Type": _FORM} if content else {})}
            reply = self._web.send(
                method, f"{self._url}/api/v1/{path}", headers=headers, content=content, where=where
            )
            return _checked(reply, where, self._caller.clocks.wall_ms())

        return self._caller.call(ask)


def seconds(time_ms: int) -> str:
    """Return ms as decimal seconds, exactly."""
    return f"{time_ms // 1000}.{time_ms % 1000:03d}"


def _checked(reply: Reply, where: str, wall_ms: int) -> Any:
    if reply.status != _ACCEPTED:
        raise _refusal(reply, where, wall_ms)
    document = decode(reply.body, where=where)
    if not isinstance(document, dict) or document.get("status") != "success":
        said = document.get("error", "") if isinstance(document, dict) else ""
        raise AnswerError(f"{where}: the answer does not say success: {quoted(str(said))}")
    if document.get("warnings") or document.get("isPartial"):
        said = "; ".join(map(str, document.get("warnings") or ["isPartial"]))
        raise AnswerError(f"{where}: the answer is partial, nothing of it is used: {quoted(said)}")
    return document.get("data")


def _refusal(reply: Reply, where: str, wall_ms: int) -> SourceError:
    """Return the error of a reply that is not 200; the system's own words are quoted."""
    message = reply.text
    try:
        document = decode(reply.body, where=where)
        if isinstance(document, dict) and isinstance(document.get("error"), str):
            message = document["error"]
    except AnswerError:  # a proxy's page; its text is quoted as it is
        pass
    if reply.status < _FIRST_ERROR:
        return AnswerError(f"{where}: HTTP {reply.status} is not an answer to a question")
    return status_error(reply.status, reply.headers, message, where=where, wall_ms=wall_ms)


def _row(entry: Any, key: str, where: str) -> Row:
    labels = entry.get("metric") if isinstance(entry, dict) else None
    values = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(labels, dict) or not isinstance(values, list):
        raise AnswerError(f"{where}: a series has no labels or values (histograms are not read)")
    pairs = values if key == "values" else [values]
    return Row({str(k): str(v) for k, v in labels.items()}, tuple(_sample(pair, where) for pair in pairs))


def _sample(pair: Any, where: str) -> Sample:
    if not isinstance(pair, list) or len(pair) != len(("time", "value")) or not isinstance(pair[1], str):
        raise AnswerError(f"{where}: a sample is not a time and a text")
    time_ms = number(pair[0], where=f"{where}: time of a sample") * 1000
    if time_ms != int(time_ms):
        raise AnswerError(f"{where}: a time is finer than a millisecond")
    value = None if pair[1] == "NaN" else number(pair[1], where=f"{where}: value of a sample")
    return Sample(int(time_ms), value)
