"""The machines of a region, with their addresses and purchased bandwidth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collector.sources.aliyun.bandwidth import Bought, bandwidth
from collector.sources.aliyun.client import Action, Answer, Client
from collector.sources.answers import Page, pages
from collector.sources.errors import AnswerError
from collector.sources.interface import Bandwidth, Instance

ACTION = Action("ecs", "2014-05-26", "DescribeInstances", "ecs:DescribeInstances")
INSTANCES_A_PAGE = 100

Row = tuple[Mapping[str, Any], tuple[str, ...]]
"""A machine as it stands in an answer, and the ids of the call."""


def machines(client: Client, region: str, bought: Bought) -> Iterator[Instance]:
    """Yield the machines of a region.

    Raises:
        SourceError: as ``Client.call``.
    """
    for row, request_ids in _rows(client, region, {}):
        yield _instance(row, region, bought, (*request_ids, *bought.request_ids))


def present(client: Client, region: str, ids: Sequence[str]) -> frozenset[str]:
    """Return those of ``ids`` that are machines of this region.

    Raises:
        SourceError: as ``Client.call``.
    """
    found: set[str] = set()
    for first in range(0, len(ids), INSTANCES_A_PAGE):
        wanted = json.dumps(list(ids[first : first + INSTANCES_A_PAGE]))
        found.update(str(row.get("InstanceId")) for row, _ in _rows(client, region, {"InstanceIds": wanted}))
    return frozenset(found)


def first(client: Client, region: str) -> None:
    """Ask for one machine, to see whether it may be asked.

    Raises:
        SourceError: as ``Client.call``.
    """
    client.call(ACTION, region, {"MaxResults": "1"}).rows("Instances", "Instance")


def _rows(client: Client, region: str, filters: Mapping[str, str]) -> Iterator[Row]:
    def fetch(token: str | None) -> Page[Row]:
        parameters = {"MaxResults": str(INSTANCES_A_PAGE), **filters}
        answer = client.call(ACTION, region, parameters | ({"NextToken": token} if token else {}))
        rows = answer.rows("Instances", "Instance")
        return Page(tuple((row, answer.request_ids) for row in rows), _next_token(answer))

    return pages(fetch, where=f"aliyun {ACTION.name} in {region}")


def _next_token(answer: Answer) -> str | None:
    token = answer.body.get("NextToken")
    if token is not None and not isinstance(token, str):
        raise AnswerError(f"{answer.where}: NextToken is not a text")
    return token or None


def _instance(row: Mapping[str, Any], region: str, bought: Bought, request_ids: tuple[str, ...]) -> Instance:
    instance = row.get("InstanceId")
    if not isinstance(instance, str) or not instance:
        raise AnswerError(f"aliyun {ACTION.name} in {region}: a machine without InstanceId")
    cards = _objects(row, "NetworkInterfaces", "NetworkInterface")
    holders = (instance, *(str(card.get("NetworkInterfaceId")) for card in cards))
    fixed = _texts(row, "PublicIpAddress", "IpAddress")
    bandwidths = list(_fixed(row, instance)) if fixed else []
    for holder in holders:
        bandwidths += [found for found in bought.by_holder.get(holder, ()) if found not in bandwidths]
    cpus = row.get("Cpu")
    return Instance(
        id=instance,
        name=str(row.get("InstanceName") or ""),
        region=region,
        state=str(row.get("Status") or ""),
        addresses=_addresses(row, fixed),
        bandwidths=tuple(bandwidths),
        cpus=cpus if isinstance(cpus, int) and not isinstance(cpus, bool) and cpus > 0 else None,
        request_ids=request_ids,
    )


def _fixed(row: Mapping[str, Any], instance: str) -> Iterator[Bandwidth]:
    mbps = row.get("InternetMaxBandwidthOut")
    if mbps:
        yield bandwidth(mbps, row.get("InternetChargeType"), instance)


def _addresses(row: Mapping[str, Any], fixed: tuple[str, ...]) -> tuple[str, ...]:
    elastic = row.get("EipAddress")
    found = [
        *fixed,
        *([elastic.get("IpAddress")] if isinstance(elastic, Mapping) else []),
        *_texts(row, "VpcAttributes", "PrivateIpAddress", "IpAddress"),
        *_texts(row, "InnerIpAddress", "IpAddress"),
    ]
    return tuple(dict.fromkeys(address for address in found if isinstance(address, str) and address))


def _objects(row: Mapping[str, Any], *path: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(found for found in _list(row, *path) if isinstance(found, Mapping))


def _texts(row: Mapping[str, Any], *path: str) -> tuple[str, ...]:
    return tuple(found for found in _list(row, *path) if isinstance(found, str))


def _list(row: Mapping[str, Any], *path: str) -> Sequence[Any]:
    # Optional parts of a machine: absent means that it has none.
    found: Any = row
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else ()
