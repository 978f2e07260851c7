"""Purchased bandwidth: fixed public addresses, elastic addresses, shared bandwidths.

A machine whose traffic is paid by volume has a cap, not a purchase; so has one whose shared
bandwidth is paid by its 95th percentile. An elastic address in a shared bandwidth has no bandwidth
of its own: the shared one is told, under its own id, so that it is counted once for all its machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.sources.aliyun.client import Action, Client
from collector.sources.answers import Numbered, numbered_pages
from collector.sources.errors import AnswerError
from collector.sources.interface import COMMITTED, PUBLIC, TRAFFIC_CAP, Bandwidth
from collector.sources.points import number


@dataclass(frozen=True)
class _Listing:
    """A list that comes in numbered pages: where it stands in the answer, and how long a page may be."""

    action: Action
    path: tuple[str, str]
    page: int


ADDRESSES = Action("vpc", "2016-04-28", "DescribeEipAddresses", "vpc:DescribeEipAddresses")
SHARED = Action("vpc", "2016-04-28", "DescribeCommonBandwidthPackages", "vpc:DescribeCommonBandwidthPackages")
_ADDRESSES = _Listing(ADDRESSES, ("EipAddresses", "EipAddress"), 100)
_SHARED = _Listing(SHARED, ("CommonBandwidthPackages", "CommonBandwidthPackage"), 50)
_BY_BANDWIDTH = "PayByBandwidth"


@dataclass(frozen=True)
class Bought:
    """The bandwidths of one region by what they are bound to, and the calls that said so."""

    by_holder: Mapping[str, tuple[Bandwidth, ...]]
    request_ids: tuple[str, ...]


def bought(client: Client, region: str) -> Bought:
    """Return what elastic addresses and shared bandwidths give to the machines of a region.

    Raises:
        SourceError: as ``Client.call``.
    """
    request_ids: list[str] = []
    addresses = _all(client, region, _ADDRESSES, request_ids)
    shared: dict[str, Bandwidth] = {}
    if any(row.get("BandwidthPackageId") for row in addresses):
        for row in _all(client, region, _SHARED, request_ids):
            name = _text(row, "BandwidthPackageId")
            shared[name] = bandwidth(row.get("Bandwidth"), row.get("InternetChargeType"), name)
    holders: dict[str, tuple[Bandwidth, ...]] = {}
    for row in addresses:
        if not row.get("InstanceId"):
            continue  # bound to nothing: nobody's traffic goes through it
        holder = _text(row, "InstanceId")
        package = _text(row, "BandwidthPackageId") if row.get("BandwidthPackageId") else ""
        if package and package not in shared:
            raise AnswerError(f"aliyun {SHARED.name} in {region}: {package} of an address is not listed")
        found = (
            shared[package]
            if package
            else bandwidth(row.get("Bandwidth"), row.get("InternetChargeType"), _text(row, "AllocationId"))
        )
        if found not in holders.get(holder, ()):
            holders[holder] = (*holders.get(holder, ()), found)
    return Bought(holders, tuple(request_ids))


def bandwidth(mbps: object, charge: object, resource: str) -> Bandwidth:
    """Return a bandwidth as it stands in an answer, in Mbit/s.

    Raises:
        AnswerError: it is no number.
    """
    kind = COMMITTED if charge == _BY_BANDWIDTH else TRAFFIC_CAP
    return Bandwidth(number(mbps, where=f"aliyun: Bandwidth of {resource}"), kind, PUBLIC, resource)


def _all(client: Client, region: str, listing: _Listing, request_ids: list[str]) -> list[Mapping[str, Any]]:
    size = listing.page

    def fetch(before: int) -> Numbered[Mapping[str, Any]]:
        parameters = {"PageNumber": str(before // size + 1), "PageSize": str(size)}
        answer = client.call(listing.action, region, parameters)
        request_ids.extend(answer.request_ids)
        total = answer.body.get("TotalCount")
        if not isinstance(total, int) or isinstance(total, bool):
            raise AnswerError(f"{answer.where}: TotalCount is not a whole number")
        rows = answer.rows(*listing.path)
        if len(rows) != min(size, max(total - before, 0)):
            raise AnswerError(f"{answer.where}: {len(rows)} rows where {total} in all were announced")
        return Numbered(rows, total)

    return list(numbered_pages(fetch, where=f"aliyun {listing.action.name} in {region}"))


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise AnswerError(f"aliyun: {key} of an address or a shared bandwidth is missing")
    return value
