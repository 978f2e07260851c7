"""What every host contributes to one figure, from the printed figures of the fleet and its hosts.

For looking at: the parts are made of printed numbers and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from verifier import decimals
from verifier.edition import CAPACITY_WEIGHTED

PAGE_ROWS = 50
SORTS = ("part", "name", "value", "share")
_NOTHING = Fraction(0)


@dataclass(frozen=True)
class HostPart:
    """One host of a figure. ``part`` is its share of the fleet's figure (0 to 1), ``None`` without one."""

    host: str
    id: int | None
    source: str | None
    value: str | None
    low: str | None
    high: str | None
    capacity_bps: str | None
    share: str | None
    part: str | None


@dataclass(frozen=True)
class Parts:
    """One page of hosts; ``count`` of all that fit."""

    rows: Sequence[HostPart]
    count: int
    page: int
    pages: int


def host_parts(indicator: Mapping[str, Any], ids: Mapping[str, int | None]) -> list[HostPart]:
    """Return the hosts of an entry of the figures document, with the numbers by which the store knows them."""
    weighted = indicator["aggregation"] == CAPACITY_WEIGHTED
    weights = [_amount(host, weighted=weighted) for host in indicator["hosts"]]
    whole = sum((weight for weight in weights if weight is not None), _NOTHING)
    return [
        HostPart(
            host=host["host"],
            id=ids.get(host["host"]),
            source=host["source"],
            value=host["value"],
            low=host["low"],
            high=host["high"],
            capacity_bps=host["capacity_bps"],
            share=host["coverage"]["share"],
            part=None if weight is None or not whole else decimals.floor(weight / whole),
        )
        for host, weight in zip(indicator["hosts"], weights, strict=True)
    ]


def _amount(host: Mapping[str, Any], *, weighted: bool) -> Fraction | None:
    if host["value"] is None or (weighted and host["capacity_bps"] is None):
        return None
    value = Fraction(Decimal(host["value"]))
    return value * Fraction(Decimal(host["capacity_bps"])) if weighted else value


def page_of(
    parts: Sequence[HostPart], *, text: str = "", sort: str = "part", page: int = 1, rows: int = PAGE_ROWS
) -> Parts:
    """Return one page: hosts whose name has the text; by name, or the greatest number first, without one last."""
    wanted = text.casefold()
    fitting = sorted(
        (one for one in parts if wanted in one.host.casefold()), key=lambda one: one.host.casefold()
    )
    if sort in SORTS and sort != "name":
        known = [one for one in fitting if getattr(one, sort) is not None]
        known.sort(key=lambda one: Decimal(getattr(one, sort)), reverse=sort != "share")
        fitting = [*known, *(one for one in fitting if getattr(one, sort) is None)]
    pages = max(1, -(-len(fitting) // rows))
    page = min(max(1, page), pages)
    return Parts(fitting[(page - 1) * rows : page * rows], len(fitting), page, pages)
