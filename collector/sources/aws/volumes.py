"""Operations of machines that are no Nitro machines: those of their volumes, summed.

A volume counts from the moment it was attached, and only if one machine alone has it: of a volume
that several machines share nobody can say who worked. A volume that was detached since is not
known any more. So the sum is what was surely done, or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any

from collector.sources.answers import Page, pages
from collector.sources.aws.client import EC2, Client, Operation
from collector.sources.aws.series import Question, Read, read
from collector.sources.errors import AnswerError
from collector.sources.interface import Point

OPERATION = Operation(EC2, "DescribeVolumes", "ec2:DescribeVolumes")
MAX_FILTER_VALUES = 200
VOLUMES_A_PAGE = 500
_ADDING = Context(prec=80)
"""Rates have 40 digits at most, so that their sums lose none."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Attached:
    """A volume of one machine alone, since ``since_ms``."""

    volume: str
    machine: str
    since_ms: int


def attached(
    client: Client, region: str, machines: Sequence[str]
) -> tuple[tuple[Attached, ...], tuple[str, ...]]:
    """Return the volumes of these machines, and the ids of the calls that said so.

    Raises:
        SourceError: as ``Client.call``.
    """
    request_ids: list[str] = []
    found: list[Attached] = []
    for first in range(0, len(machines), MAX_FILTER_VALUES):
        wanted = list(machines[first : first + MAX_FILTER_VALUES])
        for volume in _volumes(client, region, wanted, request_ids):
            found.extend(_sole(volume, frozenset(wanted)))
    return tuple(found), tuple(request_ids)


def summed(
    client: Client, region: str, question: Question, machines: Sequence[str]
) -> Iterator[tuple[str, Read]]:
    """Yield each machine with the sum of its volumes; ``question`` asks for the machines' own metric.

    Raises:
        SourceError: as ``Client.call``.
    """
    if question.metric.volumes is None:
        raise ValueError(f"{question.metric.name} has no counterpart of volumes")
    of_volumes = replace(question, metric=question.metric.volumes)
    owned, listing_ids = attached(client, region, machines)
    by_volume = {one.volume: one for one in owned}
    values: dict[str, dict[int, list[Decimal]]] = {machine: {} for machine in machines}
    request_ids: dict[str, dict[str, None]] = {machine: dict.fromkeys(listing_ids) for machine in machines}
    for volume, answered in read(client, region, of_volumes, tuple(by_volume)):
        owner = by_volume[volume]
        request_ids[owner.machine].update(dict.fromkeys(answered.request_ids))
        for point in answered.points:
            if point.start_ms >= owner.since_ms:
                values[owner.machine].setdefault(point.start_ms, []).append(point.value)
    for machine in machines:
        points = tuple(
            Point(start_ms, question.period_ms, _sum(parts))
            for start_ms, parts in sorted(values[machine].items())
        )
        yield machine, Read(points, tuple(request_ids[machine]))


def first(client: Client, region: str) -> None:
    """Ask for a few volumes, to see whether they may be asked for.

    Raises:
        SourceError: as ``Client.call``.
    """
    client.call(OPERATION, region, {"MaxResults": 5})


def _volumes(
    client: Client, region: str, machines: list[str], request_ids: list[str]
) -> Iterator[Mapping[str, Any]]:
    parameters = {
        "Filters": [{"Name": "attachment.instance-id", "Values": machines}],
        "MaxResults": VOLUMES_A_PAGE,
    }

    def fetch(token: str | None) -> Page[Mapping[str, Any]]:
        answer = client.call(OPERATION, region, parameters | ({"NextToken": token} if token else {}))
        request_ids.extend(answer.request_ids)
        return Page(tuple(answer.body.get("Volumes", ())), answer.body.get("NextToken") or None)

    return pages(fetch, where=f"aws {OPERATION.name} in {region}")


def _sole(volume: Mapping[str, Any], wanted: frozenset[str]) -> Iterator[Attached]:
    name, attachments = volume.get("VolumeId"), volume.get("Attachments", ())
    if not name:
        raise AnswerError(f"aws {OPERATION.name}: a volume without VolumeId")
    if len(attachments) != 1 or attachments[0].get("InstanceId") not in wanted:
        return
    since = attachments[0].get("AttachTime")
    if since is None:
        raise AnswerError(f"aws {OPERATION.name}: {name} is attached, but not since when")
    yield Attached(name, attachments[0]["InstanceId"], (since - _EPOCH) // _MS)


def _sum(values: Sequence[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _ADDING.add(total, value)
    return total
