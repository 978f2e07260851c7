"""Calls of the four services, repeated by the shared layer and checked before they are believed.

A failure may come with HTTP 200: an answer counts only if its ``Code`` and ``Success``, where they
stand, say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aliyunsdkcms.request.v20190101.DescribeMetricListRequest import DescribeMetricListRequest
from aliyunsdkcore.request import AcsRequest, CommonRequest

from collector.sources.aliyun.connection import MAX_ANSWER_BYTES, Connection, Endpoint
from collector.sources.aliyun.faults import Fault, source_error
from collector.sources.answers import decode
from collector.sources.calling import Caller
from collector.sources.errors import AnswerError

METRIC_LIST = "DescribeMetricList"
_GOOD_CODES = ("200", "Success", "OK")


@dataclass(frozen=True)
class Action:
    """One action of one service, and the RAM permission it needs."""

    service: str
    version: str
    name: str
    permission: str


@dataclass(frozen=True)
class Answer:
    """A checked answer. ``request_ids`` has the provider's id of this call."""

    body: Mapping[str, Any]
    request_ids: tuple[str, ...]
    where: str

    def rows(self, *path: str) -> tuple[Mapping[str, Any], ...]:
        """Return the list of objects at ``path``.

        Raises:
            AnswerError: there is none.
        """
        found: Any = self.body
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            raise AnswerError(f"{self.where}: {'.'.join(path)} is not a list of objects")
        return tuple(found)


class Client:
    """The account's calls. ``endpoints`` maps (service, region) to where it answers."""

    def __init__(
        self, connection: Connection, caller: Caller, endpoints: Mapping[tuple[str, str], Endpoint]
    ) -> None:
        self._connection = connection
        self._caller = caller
        self._endpoints = endpoints

    def call(self, action: Action, region: str, parameters: Mapping[str, str]) -> Answer:
        """Return the answer of one action.

        Raises:
            SourceError: the provider refuses, or the answer is not what was documented.
        """
        return self._caller.call(lambda: self._once(action, region, parameters))

    def _once(self, action: Action, region: str, parameters: Mapping[str, str]) -> Answer:
        where = f"aliyun {action.name} in {region}"
        endpoint = self._endpoints[action.service, region]
        try:
            raw = self._connection.send(
                _request(action, region, parameters), endpoint=endpoint, region=region
            )
            body = decode(raw, where=where, most=MAX_ANSWER_BYTES)
            if not isinstance(body, Mapping):
                raise AnswerError(f"{where}: the answer is not an object")
            _refuse_failure(body)
        except Fault as fault:
            raise source_error(
                fault,
                where=where,
                permission=action.permission,
                wall_ms=self._caller.clocks.wall_ms(),
            ) from None
        request_id = body.get("RequestId")
        return Answer(body, (request_id,) if isinstance(request_id, str) and request_id else (), where)


def _request(action: Action, region: str, parameters: Mapping[str, str]) -> AcsRequest:
    # A request is made anew for every attempt: the time and the nonce in it are signed.
    if action.name == METRIC_LIST:
        request: AcsRequest = DescribeMetricListRequest()
    else:
        request = CommonRequest(version=action.version, action_name=action.name)
        request.set_method("POST")
        request.add_query_param("RegionId", region)
    for name, value in parameters.items():
        request.add_query_param(name, value)
    return request


def _refuse_failure(body: Mapping[str, Any]) -> None:
    code = str(body.get("Code", _GOOD_CODES[0]))
    if code in _GOOD_CODES and body.get("Success", True) in (True, "true"):
        return
    message = body.get("Message")
    raise Fault(
        code if code not in _GOOD_CODES else "NoSuccess",
        message if isinstance(message, str) else "no reason given",
        request_id=str(body.get("RequestId") or ""),
    )
