"""Measuring: one figure of the edition from the amounts of all hosts.

(1) The figure of every host, over the whole window and over each of its months. (2) The fleet's.
(3) The verdict for every star, by the bounds; where they leave it open, by the substitution rule in
force. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from evidence.calendar import LocalCalendar
from verifier import decimals
from verifier.amounts import HostAmounts, within
from verifier.bounds import NOTHING_KNOWN, Bounds, least
from verifier.definitions import DEFINITIONS, Definition, require_unit
from verifier.edition import EVERY_MONTH, Rule
from verifier.fleet import aggregate, exact_sum
from verifier.hours import HostHours
from verifier.indicators.enterprise import EnterpriseMonth, Materials
from verifier.indicators.interface import HostFigure, HostMonth, HostRule
from verifier.notes import TEXTS, Mark, Note
from verifier.result import Beside, Indicator, MonthFigure, Substituted
from verifier.scope import DeclaredHost, Scope
from verifier.substitution import settle, substituted_fleet
from verifier.verdict import Verdict, judge
from verifier.window import TimeClasses, Window, total

HourReader = Callable[[LocalCalendar, Window], Callable[[str], HostHours]]
"""Gives, for a window, a function from a host's name to its hour sums."""


@dataclass(frozen=True)
class Measuring:
    """What all figures of one call share.

    ``hours`` gives the hour sums for substitution rules, ``None`` if none may be asked. ``month``,
    ``scope`` and ``materials`` are what figures of the enterprise are computed from.
    """

    calendar: LocalCalendar
    hosts: Sequence[DeclaredHost]
    amounts: Mapping[str, HostAmounts]
    stars: Sequence[str]
    hours: HourReader | None
    month: str = ""
    scope: Scope | None = None
    materials: Materials = field(default_factory=Materials)

    def indicator(
        self,
        rule: Rule,
        definition: Definition,
        *,
        window: Window,
        months: Sequence[tuple[str, Window]],
        substitution: str | None,
    ) -> Indicator:
        """Return one figure; ``substitution`` is the rule in force, if any."""
        if definition.rule is None:
            return self._of_enterprise(rule, definition, window)
        found = self._of_hosts(definition.rule, window)
        alone = [found] if len(months) == 1 else [self._of_hosts(definition.rule, span) for _, span in months]
        fleets = [aggregate(part, definition.aggregation) for part in alone]
        by_month = tuple(
            self._month(rule, name, part, bounds)
            for (name, _), part, bounds in zip(months, alone, fleets, strict=True)
        )
        # What decides: the whole window, or each of its months.
        deciding = list(zip([span for _, span in months], alone, strict=True))
        if rule.combine != EVERY_MONTH:
            deciding = [(window, found)]
            fleets = fleets if alone == [found] else [aggregate(found, definition.aggregation)]
        bounds = least(fleets)
        verdicts, substituted = verdicts_of(rule, bounds, self.stars), None
        if rule.combine == EVERY_MONTH:
            # A month that fails decides, whatever another one lacks.
            failed = {star for part in by_month for star, v in part.verdicts.items() if v is Verdict.FAIL}
            verdicts |= dict.fromkeys(failed, Verdict.FAIL)
        if substitution is not None and self.hours is not None and Verdict.INCONCLUSIVE in verdicts.values():
            filled, marks = self._filled(rule, definition, deciding, self.hours)
            found = tuple(replace(host, marks=(*host.marks, *marks.get(host.host, ()))) for host in found)
            settled = {
                star: settle(bounds, filled, threshold)
                for star, threshold in _known(rule, self.stars)
                if verdicts[star] is Verdict.INCONCLUSIVE
            }
            verdicts |= {star: verdict for star, (verdict, _) in settled.items()}
            rests = tuple(star for star, (_, resting) in settled.items() if resting)
            substituted = Substituted(substitution, filled, rests)
        steals = [figure.steal for figure in found if figure.steal is not None]
        return Indicator(
            rule=rule,
            definition=definition,
            window=window,
            bounds=bounds,
            times=total([figure.times for figure in found]),
            verdicts=verdicts,
            hosts=found,
            months=by_month,
            steal=exact_sum(steals) / len(steals) if steals else None,
            substituted=substituted,
            notes=tuple(host_notes(found)),
            beside=tuple(self._beside(definition, window)),
        )

    def _beside(self, definition: Definition, window: Window) -> Iterable[Beside]:
        """Yield the figures of the indicator's other definitions for which a host has data."""
        for other in DEFINITIONS.values():
            if other.indicator != definition.indicator or other.id == definition.id or other.rule is None:
                continue
            found = self._of_hosts(other.rule, window)
            if any(figure.source is not None for figure in found):
                yield Beside(
                    other, aggregate(found, other.aggregation), total([figure.times for figure in found])
                )

    def _of_enterprise(self, rule: Rule, definition: Definition, window: Window) -> Indicator:
        """Return the figure that the materials give; without any it is the enterprise's to declare."""
        found = None
        if definition.enterprise is not None:
            given = EnterpriseMonth(rule, self.calendar, self.month, window, self.scope, self.materials)
            found = definition.enterprise(given)
        if found is not None:
            # Without materials the figure is declared, in whatever unit the edition wants.
            require_unit(rule, definition, "edition")
        bounds = NOTHING_KNOWN if found is None else found.bounds
        verdicts = verdicts_of(rule, bounds, self.stars)
        if found is not None:
            verdicts |= dict.fromkeys(found.undecided, Verdict.INCONCLUSIVE)
        return Indicator(
            rule=rule,
            definition=definition,
            window=window,
            bounds=bounds,
            times=TimeClasses() if found is None else found.times,
            verdicts=verdicts,
            enterprise=found,
            notes=(Note("NOT_MEASURED"),) if found is None else found.notes,
        )

    def _of_hosts(self, rule: HostRule, window: Window) -> tuple[HostFigure, ...]:
        """Return the figure of every host, sorted by name."""
        ordered = sorted(self.hosts, key=lambda host: host.id)
        return tuple(
            rule(HostMonth(host, window, within(self.amounts.get(host.id, {}), window))) for host in ordered
        )

    def _month(self, rule: Rule, name: str, hosts: Sequence[HostFigure], bounds: Bounds) -> MonthFigure:
        times = total([figure.times for figure in hosts])
        return MonthFigure(name, bounds, times, verdicts_of(rule, bounds, self.stars))

    def _filled(
        self,
        rule: Rule,
        definition: Definition,
        deciding: Sequence[tuple[Window, tuple[HostFigure, ...]]],
        hours: HourReader,
    ) -> tuple[Bounds, dict[str, tuple[Mark, ...]]]:
        """Return the bounds under the substitution rule, and by host the marks that it leaves."""
        bounds, marks = [], defaultdict[str, dict[Mark, None]](dict)
        for window, hosts in deciding:
            filled, marked = substituted_fleet(
                hosts,
                definition,
                declared={host.id: host for host in self.hosts},
                window=window,
                amounts={host.id: within(self.amounts.get(host.id, {}), window) for host in self.hosts},
                hours=hours(self.calendar, window),
                gate=decimals.parse(rule.coverage_gate),
            )
            bounds.append(filled)
            for before, after in zip(hosts, marked, strict=True):
                marks[before.host].update(dict.fromkeys(after.marks[len(before.marks) :]))
        return least(bounds), {host: tuple(found) for host, found in marks.items()}


def _known(rule: Rule, stars: Sequence[str]) -> list[tuple[str, Fraction]]:
    """Return the stars whose threshold the edition knows."""
    return [(star, threshold) for star in stars if (threshold := rule.threshold(star)) is not None]


def verdicts_of(rule: Rule, bounds: Bounds, stars: Sequence[str]) -> dict[str, Verdict]:
    """Return the verdict for every star; without a threshold a figure decides nothing."""
    verdicts = {}
    for star in stars:
        threshold = rule.threshold(star)
        verdicts[star] = Verdict.INCONCLUSIVE if threshold is None else judge(bounds, threshold)
    return verdicts


def host_notes(hosts: Sequence[HostFigure]) -> Iterable[Note]:
    """Gather the marks of all hosts into one note a code, in the order of ``TEXTS``."""
    marked: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for figure in hosts:
        for mark in figure.marks:
            marked.setdefault(mark.code, []).append((figure.host, mark.days))
    return [Note(code, tuple(marked[code])) for code in TEXTS if code in marked]
