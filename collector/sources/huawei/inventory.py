"""Machines and elastic addresses of a Huawei Cloud account.

An address belongs to the machine that has its port. A shared bandwidth appears at each machine that
uses it, with the same ``resource``: it is there once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from collector.sources import reading
from collector.sources.answers import Numbered, Page, numbered_pages, pages
from collector.sources.huawei.client import HuaweiClient, Request
from collector.sources.interface import COMMITTED, PUBLIC, TRAFFIC_CAP, Bandwidth, Instance
from collector.sources.parts import Part
from collector.sources.points import number
from collector.sources.reading import Row, once

SERVERS = "ecs:cloudServers:list"
ADDRESSES = "vpc:publicIps:list"
BANDWIDTHS = "vpc:bandwidths:list"
PAGE_SERVERS = 1_000
PAGE_ADDRESSES = 1_000
_PORT = "OS-EXT-IPS:port_id"
_BY_BANDWIDTH = (None, "", "bandwidth")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def instances(client: HuaweiClient, region: str) -> Iterator[Instance]:
    """Yield the machines of a region with their bandwidths."""
    addresses = _by_port(client, region)
    charged = {str(row.get("id")): row.get("charge_mode") for row, _ in _bandwidths(client, region)}
    for row, request_id in machines(client, region):
        yield _instance(row, request_id, region, addresses, charged)


def machines(client: HuaweiClient, region: str) -> Iterator[Row]:
    """Yield the rows of the region's servers."""
    path = "/v1/{project}/cloudservers/detail"
    numbers = count(1)

    def fetch(_before: int) -> Numbered[Row]:
        query = (("limit", str(PAGE_SERVERS)), ("offset", str(next(numbers))))  # the number of a page
        answer = client.in_region(region, Request("ecs", "GET", path, SERVERS, query))
        rows = reading.rows(answer.fields, "servers", where=answer.where)
        total = reading.whole(answer.fields.get("count"), where=f"{answer.where}: count")
        return Numbered(tuple((row, answer.request_id) for row in rows), total)

    return once(numbered_pages(fetch, where=f"huawei servers {region}"), key="id")


def identifiers(client: HuaweiClient, region: str) -> Iterator[str]:
    """Yield the identifiers of a region's machines."""
    for row, _ in machines(client, region):
        yield reading.text(row, "id", where="huawei servers")


def addresses(client: HuaweiClient, region: str, wanted: Sequence[str]) -> dict[str, tuple[Part, ...]]:
    """Return the elastic addresses of each wanted machine."""
    by_port = _by_port(client, region)
    found: dict[str, tuple[Part, ...]] = dict.fromkeys(wanted, ())
    for row, _ in machines(client, region):
        name = reading.text(row, "id", where="huawei servers")
        if name in found:
            found[name] = tuple(
                Part(
                    reading.text(address, "id", where="huawei addresses"),
                    _created_ms(address.get("create_time")),
                )
                for address, _ in _bound(row, by_port)
            )
    return found


def _by_port(client: HuaweiClient, region: str) -> dict[str, Row]:
    path = "/v1/{project}/publicips"
    rows = _marked(client, region, path, "publicips", ADDRESSES)
    return {str(row["port_id"]): (row, request_id) for row, request_id in rows if row.get("port_id")}


def _bandwidths(client: HuaweiClient, region: str) -> Iterator[Row]:
    return _marked(client, region, "/v1/{project}/bandwidths", "bandwidths", BANDWIDTHS)


def _marked(client: HuaweiClient, region: str, path: str, key: str, permission: str) -> Iterator[Row]:
    def fetch(marker: str | None) -> Page[Row]:
        query = (("limit", str(PAGE_ADDRESSES)), *((("marker", marker),) if marker else ()))
        answer = client.in_region(region, Request("vpc", "GET", path, permission, query))
        rows = reading.rows(answer.fields, key, where=answer.where)
        # The answer does not say whether it is the last one: an empty page does.
        following = reading.text(rows[-1], "id", where=answer.where) if rows else None
        return Page(tuple((row, answer.request_id) for row in rows), following)

    return once(pages(fetch, where=f"huawei {key} {region}"), key="id")


def _bound(row: Mapping[str, Any], by_port: Mapping[str, Row]) -> list[Row]:
    ports = dict.fromkeys(str(address.get(_PORT)) for address in _interfaces(row))
    return [by_port[port] for port in ports if port in by_port]


def _interfaces(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    networks = reading.mapping(row.get("addresses") or {}, where="huawei servers: addresses")
    for network in networks:
        yield from reading.rows(networks, network, where="huawei servers: addresses")


def _instance(
    row: Mapping[str, Any],
    request_id: str,
    region: str,
    by_port: Mapping[str, Row],
    charged: Mapping[str, object],
) -> Instance:
    where = "huawei servers"
    flavor = reading.mapping(row.get("flavor") or {}, where=f"{where}: flavor")
    bound = _bound(row, by_port)
    seen = (reading.text_or_empty(address, "addr", where=where) for address in _interfaces(row))
    public = (reading.text_or_empty(address, "public_ip_address", where=where) for address, _ in bound)
    return Instance(
        id=reading.text(row, "id", where=where),
        name=reading.text_or_empty(row, "name", where=where),
        region=region,
        state=reading.text_or_empty(row, "status", where=where),
        addresses=tuple(dict.fromkeys(address for address in (*seen, *public) if address)),
        bandwidths=tuple(_bandwidth(address, charged) for address, _ in bound),
        cpus=None
        if flavor.get("vcpus") is None
        else reading.whole(flavor["vcpus"], where=f"{where}: flavor.vcpus"),
        request_ids=tuple(dict.fromkeys(id_ for id_ in (request_id, *(other for _, other in bound)) if id_)),
    )


def _bandwidth(address: Mapping[str, Any], charged: Mapping[str, object]) -> Bandwidth:
    where = "huawei addresses"
    resource = reading.text(address, "bandwidth_id", where=where)
    # A bandwidth that is not in the list may be charged in any way: the weaker word.
    kind = COMMITTED if resource in charged and charged[resource] in _BY_BANDWIDTH else TRAFFIC_CAP
    return Bandwidth(
        number(address.get("bandwidth_size"), where=f"{where}: bandwidth_size"), kind, PUBLIC, resource
    )


def _created_ms(text: object) -> int | None:
    """Read "2026-01-31 12:00:00", which is UTC."""
    try:
        found = datetime.strptime(str(text).replace("T", " ")[:19], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - UTC, added below
    except ValueError:
        return None
    return (found.replace(tzinfo=UTC) - _EPOCH) // _MS
