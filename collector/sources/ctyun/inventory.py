"""Machines and elastic addresses of a 天翼云 account, region by region (资源池)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from collector.sources import reading
from collector.sources.answers import Numbered, numbered_pages
from collector.sources.ctyun.client import CtyunClient
from collector.sources.interface import COMMITTED, PUBLIC, TRAFFIC_CAP, Bandwidth, Instance
from collector.sources.points import number
from collector.sources.reading import Row, once

MACHINES = "/v4/ecs/list-instances"
ADDRESSES = "/v4/eip/new-list"
PAGE_ROWS = 50
_OWN_BANDWIDTH = "standalone"


def instances(client: CtyunClient, region: str) -> Iterator[Instance]:
    """Yield the machines of a region with their bandwidths."""
    bound: dict[str, list[Row]] = {}
    for row, request_id in addresses(client, region):
        owner = reading.text_or_empty(row, "associationID", where="ctyun addresses")
        bound.setdefault(owner, []).append((row, request_id))
    for row, request_id in machines(client, region):
        yield _instance(row, request_id, region, bound.get(str(row.get("instanceID")), []))


def machines(client: CtyunClient, region: str) -> Iterator[Row]:
    """Yield the rows of the region's machines."""
    return once(_paged(client, "ecs", MACHINES, "results", {"regionID": region}), key="instanceID")


def addresses(client: CtyunClient, region: str) -> Iterator[Row]:
    """Yield the rows of the region's elastic addresses."""
    asked = {"regionID": region, "clientToken": str(uuid.uuid4())}
    return once(_paged(client, "vpc", ADDRESSES, "eips", asked), key="ID")


def identifiers(client: CtyunClient, region: str) -> Iterator[str]:
    """Yield the identifiers of a region's machines."""
    for row, _ in machines(client, region):
        yield reading.text(row, "instanceID", where="ctyun machines")


def _paged(client: CtyunClient, service: str, path: str, key: str, asked: Mapping[str, Any]) -> Iterator[Row]:
    numbers = count(1)

    def fetch(_before: int) -> Numbered[Row]:
        answer = client.post(service, path, {**asked, "pageNo": next(numbers), "pageSize": PAGE_ROWS})
        rows = reading.rows(answer.fields, key, where=answer.where)
        total = reading.whole(answer.fields.get("totalCount"), where=f"{answer.where}: totalCount")
        return Numbered(tuple((row, answer.request_id) for row in rows), total)

    return numbered_pages(fetch, where=f"ctyun {key}")


def _instance(row: Mapping[str, Any], request_id: str, region: str, bound: Sequence[Row]) -> Instance:
    where = "ctyun machines"
    flavor = reading.mapping(row.get("flavor") or {}, where=f"{where}: flavor")
    public = (reading.text_or_empty(address, "eipAddress", where=where) for address, _ in bound)
    own = (reading.text_or_empty(row, key, where=where) for key in ("floatingIp", "privateIP", "privateIPv6"))
    name = reading.text_or_empty(row, "displayName", where=where)
    return Instance(
        id=reading.text(row, "instanceID", where=where),
        name=name or reading.text_or_empty(row, "instanceName", where=where),
        region=region,
        state=reading.text_or_empty(row, "instanceStatus", where=where),
        addresses=tuple(dict.fromkeys(address for address in (*public, *own) if address)),
        bandwidths=tuple(_bandwidth(address) for address, _ in bound if address.get("bandwidth") is not None),
        cpus=None
        if flavor.get("flavorCPU") is None
        else reading.whole(flavor["flavorCPU"], where=f"{where}: flavorCPU"),
        request_ids=tuple(dict.fromkeys((request_id, *(other for _, other in bound)))),
    )


def _bandwidth(row: Mapping[str, Any]) -> Bandwidth:
    where = "ctyun addresses"
    shared = reading.text_or_empty(row, "bandwidthID", where=where)
    # Of a shared bandwidth the address only has a part, which nobody bought for it.
    kind = COMMITTED if row.get("bandwidthType") == _OWN_BANDWIDTH and not shared else TRAFFIC_CAP
    resource = shared or reading.text(row, "ID", where=where)
    return Bandwidth(number(row["bandwidth"], where=f"{where}: bandwidth"), kind, PUBLIC, resource)
