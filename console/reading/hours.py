"""One day of one host, hour by hour: the host's figures of every hour by the definitions of the month.

Computed from the day's chunks, opened once more (``verifier.hours``); it decides nothing. An hour is given to a
definition as if it were a day of that length, so a figure per day is the hour's rate for 24 hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from collector.errors import DroppedMonthError
from collector.store.archive import StoreArchive
from collector.store.engine import Store
from console.reading.archives import EnterpriseAlone
from console.reading.rules import rules_of
from evidence.calendar import LocalCalendar
from verifier.amounts import HostAmounts, MetricMonth
from verifier.definitions import chosen
from verifier.document import coverage_share, printed_bounds
from verifier.facts import INVENTORY
from verifier.hours import HOUR_MS, HostHours, day_and_number, hour_lengths
from verifier.indicators.interface import HostFigure, HostMonth, HostRule
from verifier.recompute import hour_reader
from verifier.scope import DeclaredHost
from verifier.window import Window, month_window


@dataclass(frozen=True)
class HostHoursOfDay:
    """The hours of a day. ``series`` by indicator, as the charts take it: each hour with value, low, high, share.

    ``dropped``: the chunks went with their month, so only the day's own figures are left.
    """

    day: str
    series: Mapping[str, Mapping[str, Any]]
    dropped: bool = False


def read_hours(store: Store, name: str, day: int, sources: Mapping[str, str]) -> HostHoursOfDay:
    """Return the hours of one host on a day (an ordinal).

    Args:
        store: to read from.
        name: of the host.
        day: the local day.
        sources: where the host's figure of the month comes from, by indicator; others are left out.

    Raises:
        VerifierError: the evidence or the declared rules are impossible; run the audit.
        StoreError: the store cannot be read.
    """
    written = date.fromordinal(day).isoformat()
    rules = rules_of(EnterpriseAlone(store), written[:7])
    declared = next((one for one in rules.scope.hosts if one.id == name), None) if rules.scope else None
    archive = StoreArchive(store)
    calendar = LocalCalendar(archive.timezone)
    window = month_window(calendar, written[:7], days=(day, day))
    try:
        hours = hour_reader(archive, calendar, window)(name)
    except DroppedMonthError:
        return HostHoursOfDay(written, {}, dropped=True)
    host = declared or DeclaredHost(name)
    rules_by_name = {
        name: (definition.rule, replace(host, sources=(sources[name],)))
        for name, definition in chosen(rules.edition, rules.scope).items()
        if definition.rule is not None and name in sources
    }
    return HostHoursOfDay(
        written,
        {
            name: _series(written, [_hour(rule, one, window, at, hours) for at in hour_lengths(window)])
            for name, (rule, one) in rules_by_name.items()
        },
    )


def _hour(
    rule: HostRule, host: DeclaredHost, window: Window, at: tuple[int, int], hours: HostHours
) -> HostFigure:
    """Return the figure of one hour: of a day that is as long."""
    (day, number), length = day_and_number(at[0]), at[1]
    start = window.start_ms + number * HOUR_MS
    short = replace(window, start_ms=start, end_ms=start + length, lengths={day: length}, starts={day: start})
    return rule(HostMonth(host, short, _amounts(day, at[0], hours)))


def _amounts(day: int, hour: int, hours: HostHours) -> HostAmounts:
    """Return the amounts of one hour; what the line could carry stays known from the hours around it."""
    found = {}
    for key, by_hour in hours.items():
        if key[1] in INVENTORY:
            found[key] = MetricMonth({day + one - hour: sums for one, sums in by_hour.items()})
        elif hour in by_hour:
            found[key] = MetricMonth({day: by_hour[hour]})
    return found


def _series(day: str, figures: Sequence[HostFigure]) -> Mapping[str, Any]:
    return {
        "days": [
            {
                "day": day,
                "name": str(number),
                **{end: printed_bounds(figure.bounds)[end] for end in ("value", "low", "high")},
                "share": coverage_share(figure.times),
                "excluded": "no",
            }
            for number, figure in enumerate(figures)
        ],
        "worst": [],
        "period": day,
    }
