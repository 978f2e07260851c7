"""The machines of a region. AWS sells no bandwidth, so a machine has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collector.sources.answers import Page, pages
from collector.sources.aws.client import EC2, Client, Operation
from collector.sources.errors import AnswerError
from collector.sources.interface import Instance

OPERATION = Operation(EC2, "DescribeInstances", "ec2:DescribeInstances")
MACHINES_A_PAGE = 1000
MAX_FILTER_VALUES = 200
FEWEST = 5
"""The smallest page that EC2 gives."""

Row = tuple[Mapping[str, Any], tuple[str, ...]]


def machines(client: Client, region: str) -> Iterator[Instance]:
    """Yield the machines of a region.

    Raises:
        SourceError: as ``Client.call``.
    """
    for row, request_ids in _rows(client, region, {}):
        yield _instance(row, region, request_ids)


def present(client: Client, region: str, ids: Sequence[str]) -> frozenset[str]:
    """Return those of ``ids`` that are machines of this region.

    Raises:
        SourceError: as ``Client.call``.
    """
    found: set[str] = set()
    for start in range(0, len(ids), MAX_FILTER_VALUES):
        wanted = list(ids[start : start + MAX_FILTER_VALUES])
        filters = {"Filters": [{"Name": "instance-id", "Values": wanted}]}
        found.update(
            _instance(row, region, request_ids).id for row, request_ids in _rows(client, region, filters)
        )
    return frozenset(found)


def first(client: Client, region: str) -> None:
    """Ask for a few machines, to see whether they may be asked for.

    Raises:
        SourceError: as ``Client.call``.
    """
    client.call(OPERATION, region, {"MaxResults": FEWEST})


def _rows(client: Client, region: str, filters: Mapping[str, Any]) -> Iterator[Row]:
    def fetch(token: str | None) -> Page[Row]:
        parameters = {"MaxResults": MACHINES_A_PAGE, **filters}
        answer = client.call(OPERATION, region, parameters | ({"NextToken": token} if token else {}))
        rows = [
            (row, answer.request_ids)
            for reservation in answer.body.get("Reservations", ())
            for row in reservation.get("Instances", ())
        ]
        return Page(tuple(rows), answer.body.get("NextToken") or None)

    return pages(fetch, where=f"aws {OPERATION.name} in {region}")


def _instance(row: Mapping[str, Any], region: str, request_ids: tuple[str, ...]) -> Instance:
    name = row.get("InstanceId")
    if not name:
        raise AnswerError(f"aws {OPERATION.name} in {region}: a machine without InstanceId")
    tags = {tag.get("Key"): tag.get("Value") for tag in row.get("Tags", ())}
    return Instance(
        id=name,
        name=tags.get("Name") or "",
        region=region,
        state=row.get("State", {}).get("Name") or "",
        addresses=_addresses(row),
        bandwidths=(),
        cpus=_cpus(row.get("CpuOptions", {})),
        request_ids=request_ids,
    )


def _cpus(options: Mapping[str, Any]) -> int | None:
    cores, threads = options.get("CoreCount"), options.get("ThreadsPerCore")
    return cores * threads if cores and threads else None


def _addresses(row: Mapping[str, Any]) -> tuple[str, ...]:
    found = [row.get("PublicIpAddress"), row.get("PrivateIpAddress")]
    for card in row.get("NetworkInterfaces", ()):
        for address in card.get("PrivateIpAddresses", ()):
            found += [address.get("Association", {}).get("PublicIp"), address.get("PrivateIpAddress")]
        found += [address.get("Ipv6Address") for address in card.get("Ipv6Addresses", ())]
    return tuple(dict.fromkeys(address for address in found if address))
