"""Machines, addresses and disks of a Tencent Cloud account.

Bandwidth: an elastic address with a bandwidth of its own counts by itself. The machine's own
InternetAccessible counts where it has a public address that is not elastic, or where the account's
elastic addresses have no bandwidth (traditional accounts). Billing by bandwidth is a commitment,
by traffic or through a shared package only a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from collector.sources import reading
from collector.sources.answers import Numbered, numbered_pages
from collector.sources.interface import COMMITTED, PUBLIC, TRAFFIC_CAP, Bandwidth, Instance
from collector.sources.parts import Part
from collector.sources.points import number
from collector.sources.reading import Row, once
from collector.sources.tencent.client import TencentClient

PAGE_ROWS = 100
_COMMITTED = ("BANDWIDTH_PREPAID", "BANDWIDTH_PREPAID_BY_MONTH", "BANDWIDTH_POSTPAID_BY_HOUR")
_IDENTIFIERS = {"InstanceSet": "InstanceId", "AddressSet": "AddressId", "DiskSet": "DiskId"}
_LOCAL_DISK = "LOCAL_"
_BEIJING = timedelta(hours=8)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - compared with times that are written without a zone
_MS = timedelta(milliseconds=1)


def instances(client: TencentClient, region: str) -> Iterator[Instance]:
    """Yield the machines of a region with their bandwidths."""
    addresses: dict[str, list[Row]] = {}
    for row, request_id in _rows(client, region, "vpc", "DescribeAddresses", "AddressSet"):
        bound = reading.text_or_empty(row, "InstanceId", where="tencent vpc DescribeAddresses")
        addresses.setdefault(bound, []).append((row, request_id))
    for row, request_id in machines(client, region):
        yield _instance(row, request_id, region, addresses.get(str(row.get("InstanceId")), []))


def machines(client: TencentClient, region: str) -> Iterator[Row]:
    """Yield the rows of DescribeInstances."""
    return _rows(client, region, "cvm", "DescribeInstances", "InstanceSet")


def identifiers(client: TencentClient, region: str) -> Iterator[str]:
    """Yield the identifiers of a region's machines."""
    for row, _ in machines(client, region):
        yield reading.text(row, "InstanceId", where="tencent cvm DescribeInstances")


def disks(client: TencentClient, region: str, wanted: Sequence[str]) -> dict[str, tuple[Part, ...]]:
    """Return the disks of each wanted machine; none for a machine with local disks.

    What a local disk reads and writes is not in the monitor: a sum without it would be too small.
    A shared disk is nobody's: its operations cannot be told apart.
    """
    attached: dict[str, list[Part]] = {name: [] for name in wanted}
    partial = {
        reading.text(row, "InstanceId", where="tencent cvm DescribeInstances")
        for row, _ in machines(client, region)
        if _has_local_disk(row)
    }
    where = "tencent cbs DescribeDisks"
    for row, _ in _rows(client, region, "cbs", "DescribeDisks", "DiskSet"):
        if row.get("Shareable") is True:
            partial.update(str(name) for name in reading.values(row, "InstanceIdList", where=where))
            continue
        owner = reading.text_or_empty(row, "InstanceId", where=where)
        if owner in attached:
            disk = Part(reading.text(row, "DiskId", where=where), _created_ms(row.get("CreateTime")))
            attached[owner].append(disk)
    return {name: () if name in partial else tuple(found) for name, found in attached.items()}


def _rows(client: TencentClient, region: str, service: str, action: str, key: str) -> Iterator[Row]:
    where = f"tencent {service} {action} {region}"

    def fetch(first: int) -> Numbered[Row]:
        answer = client.call(service, action, {"Offset": first, "Limit": PAGE_ROWS}, region=region)
        rows = reading.rows(answer.fields, key, where=answer.where)
        total = reading.whole(answer.fields.get("TotalCount"), where=f"{answer.where}: TotalCount")
        return Numbered(tuple((row, answer.request_id) for row in rows), total)

    return once(numbered_pages(fetch, where=where), key=_IDENTIFIERS[key])


def _instance(row: Mapping[str, Any], request_id: str, region: str, elastic: Sequence[Row]) -> Instance:
    where = "tencent cvm DescribeInstances"
    name = reading.text(row, "InstanceId", where=where)
    public = _texts(row, "PublicIpAddresses", where)
    cpus = row.get("CPU")
    request_ids = dict.fromkeys((request_id, *(other for _, other in elastic)))
    return Instance(
        id=name,
        name=reading.text_or_empty(row, "InstanceName", where=where),
        region=region,
        state=reading.text_or_empty(row, "InstanceState", where=where),
        addresses=tuple(dict.fromkeys((*public, *_texts(row, "PrivateIpAddresses", where)))),
        bandwidths=_bandwidths(row, name, public, [address for address, _ in elastic]),
        cpus=None if cpus is None else reading.whole(cpus, where=f"{where}: CPU"),
        request_ids=tuple(request_ids),
    )


def _bandwidths(
    row: Mapping[str, Any], name: str, public: Sequence[str], elastic: Sequence[Mapping[str, Any]]
) -> tuple[Bandwidth, ...]:
    where = "tencent vpc DescribeAddresses"
    stated = [address for address in elastic if address.get("Bandwidth") is not None]
    found = [
        _bandwidth(address, "Bandwidth", reading.text(address, "AddressId", where=where), where)
        for address in stated
    ]
    known = {address.get("AddressIp") for address in elastic}
    if not stated or any(address not in known for address in public):
        own = reading.mapping(row.get("InternetAccessible") or {}, where=f"{name}: InternetAccessible")
        if own.get("InternetMaxBandwidthOut") is not None:
            found.append(_bandwidth(own, "InternetMaxBandwidthOut", name, where))
    return tuple(bandwidth for bandwidth in found if bandwidth.mbps > 0)


def _bandwidth(row: Mapping[str, Any], key: str, resource: str, where: str) -> Bandwidth:
    kind = COMMITTED if row.get("InternetChargeType") in _COMMITTED else TRAFFIC_CAP
    return Bandwidth(number(row[key], where=f"{where}: {key}"), kind, PUBLIC, resource)


def _texts(row: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    found = reading.values(row, key, where=where) if key in row else []
    return tuple(str(value) for value in found)


def _has_local_disk(row: Mapping[str, Any]) -> bool:
    where = "tencent cvm DescribeInstances"
    data = reading.rows(row, "DataDisks", where=where) if "DataDisks" in row else ()
    system = reading.mapping(row.get("SystemDisk") or {}, where=f"{where}: SystemDisk")
    return any(str(disk.get("DiskType", "")).startswith(_LOCAL_DISK) for disk in (system, *data))


def _created_ms(text: object) -> int | None:
    """Read "2026-01-31 12:00:00"; the zone is not documented, Beijing's is the earlier instant."""
    try:
        local = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the zone is added below
    except ValueError:
        return None
    return (local - _BEIJING - _EPOCH) // _MS
