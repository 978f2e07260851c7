"""Traffic from host to host of one fleet: what one sends and another receives in the same hours.

Packets carry no witness of where they went, so the hours are compared: if nearly every busy hour's
sent bytes of one host are the received bytes of another, the two most likely talk to each other. A
line that serves users receives requests and sends answers, and no second host receives the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from verifier.questions.bins import BIN_MS, NANO, Bins
from verifier.questions.patterns import HOUR_BINS

UNSEEN = -1
LEAST_BYTES = 10_000 * 3_600
"""An hour at 10 kB/s; below, heartbeats look alike."""
LEAST_HOURS = 24
ALIKE_PERCENT = 5
"""Of the greater: what retransmissions and the edges of an hour may take away."""
ALIKE_HOURS_PERCENT = 90
FULL_PERCENT = 100


class Hourly(NamedTuple):
    """Bytes by hour from hour ``first`` (since 1970) on, ``UNSEEN`` for an hour with a hole."""

    first: int
    values: array[int]


class Pair(NamedTuple):
    """What ``sender`` sends is what ``receiver`` receives, in ``alike`` of ``hours`` busy hours."""

    sender: str
    receiver: str
    hours: int
    alike: int


def hourly(bins: Bins) -> Hourly:
    """Return the hours of bins of bytes a second (10^-9); there is at least one bin."""
    first, last = min(bins) // HOUR_BINS, max(bins) // HOUR_BINS
    counts, sums = array("q", [0]) * (last - first + 1), [0] * (last - first + 1)
    for number, value in bins.items():
        counts[number // HOUR_BINS - first] += 1
        sums[number // HOUR_BINS - first] += value
    seconds = BIN_MS // 1_000
    hours = (
        total * seconds // NANO if count == HOUR_BINS else UNSEEN
        for count, total in zip(counts, sums, strict=True)
    )
    return Hourly(first, array("q", hours))


def pairs(sent: Mapping[str, Hourly], received: Mapping[str, Hourly]) -> Iterator[Pair]:
    """Yield the hosts of which one most likely receives what the other sends, in order."""
    for sender, out in sorted(sent.items()):
        for receiver, into in sorted(received.items()):
            if sender != receiver:
                hours, alike = _compared(out, into)
                if hours >= LEAST_HOURS and alike * FULL_PERCENT >= hours * ALIKE_HOURS_PERCENT:
                    yield Pair(sender, receiver, hours, alike)


def _compared(out: Hourly, into: Hourly) -> tuple[int, int]:
    """Return how many hours are busy on either side, and in how many of these the two are alike."""
    begin = max(out.first, into.first)
    end = min(out.first + len(out.values), into.first + len(into.values))
    hours = alike = 0
    for left, right in zip(
        out.values[begin - out.first : end - out.first],
        into.values[begin - into.first : end - into.first],
        strict=True,
    ):
        if UNSEEN in (left, right):
            continue
        most = max(left, right)
        if most >= LEAST_BYTES:
            hours += 1
            alike += abs(left - right) * FULL_PERCENT <= most * ALIKE_PERCENT
        if hours - alike > len(out.values) * (FULL_PERCENT - ALIKE_HOURS_PERCENT) // FULL_PERCENT:
            break  # too many hours differ already, however the others are
    return hours, alike
