"""The fleet: one figure from the figures of all hosts, as the edition aggregates them.

Every host stays, with data or without. A host without data adds nothing to value and low end, and
its limit to the high end; without a limit the fleet has no high end. The weights of hosts do not
depend on how much of them was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.edition import CAPACITY_WEIGHTED, SUM_OVER_HOSTS
from verifier.indicators.interface import HostFigure


def aggregate(hosts: Sequence[HostFigure], aggregation: str) -> Bounds:
    """Return the fleet's bounds.

    ``mean_over_hosts``: every host counts once. ``sum_over_hosts``: hosts are added up.
    ``capacity_weighted``: hosts count with their mean capacity; if the capacity of one host is not
    known nothing is, because that host might outweigh all others.
    """
    if all(host.bounds.value is None for host in hosts):
        return NOTHING_KNOWN
    if aggregation == CAPACITY_WEIGHTED:
        weights = [host.weight for host in hosts if host.weight is not None]
        if len(weights) < len(hosts):
            return NOTHING_KNOWN
        return _weighted(hosts, weights)
    if aggregation == SUM_OVER_HOSTS:
        return _combined(hosts, exact_sum)
    return _combined(hosts, lambda numbers: exact_sum(numbers) / len(hosts))


def _weighted(hosts: Sequence[HostFigure], weights: Sequence[Fraction]) -> Bounds:
    whole = exact_sum(weights)
    return _combined(
        hosts, lambda numbers: exact_sum([w * n for w, n in zip(weights, numbers, strict=True)]) / whole
    )


def _combined(hosts: Sequence[HostFigure], join: Callable[[Sequence[Fraction]], Fraction]) -> Bounds:
    parts = [host.bounds for host in hosts]
    highs = [part.high for part in parts if part.high is not None]
    running = any(part.running is not None for part in parts)
    values = [part.value or Fraction(0) for part in parts]
    value = join(values)

    def joined(numbers: Sequence[Fraction]) -> Fraction:
        # Where all was seen they are the value's own: adding up thousands of fractions is dear.
        return value if numbers == values else join(numbers)

    return Bounds(
        low=joined([part.low or Fraction(0) for part in parts]),
        value=value,
        high=joined(highs) if len(highs) == len(parts) else None,
        running=joined([part.running or Fraction(0) for part in parts]) if running else None,
    )


def exact_sum(numbers: Sequence[Fraction]) -> Fraction:
    """Return the exact sum, in lowest terms.

    Hosts have unrelated denominators, so a plain running sum of thousands reduces ever longer
    fractions; here neighbours are added pairwise and the result is reduced once.
    """
    terms = [(number.numerator, number.denominator) for number in numbers] or [(0, 1)]
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)  # an odd last term is added below
        added = [_pair_sum(first, second) for first, second in pairs]
        terms = added + (terms[-1:] if len(terms) % 2 else [])
    return Fraction(*terms[0])


def _pair_sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    if first[1] == second[1]:
        return first[0] + second[0], first[1]
    return first[0] * second[1] + second[0] * first[1], first[1] * second[1]
