"""Chunks between two anchors: a chunk that names a receipt was made after it.

That holds where nobody could know the receipt before: a time stamp carries the authority's signature. A
mail, a printed code and an object are the applicant's own bytes and could have been made at any time.
Imported chunks are sealed long after what they tell of, and a reader of logs may find old
ones, so only chunks that are sealed when they are read are asked.

A chunk that names an old receipt though newer ones were there may have been made in advance. An agent hears
of a new one with the next answer, so only one that was cut off for days does so honestly. The first chunk of a
host's first key may name none if the next one of its chain names one. So may those of ``NEW_KEYS`` of its keys that were
enrolled anew; after a rotation the agent knows what it knew before.

What is out of date is told by the receipts in the pack. So none that the log names may be left out of it: without
the later time stamps an old one would be the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evidence.calendar import LocalCalendar
from evidence.enrolment import Enrolment
from verifier import layout, slots
from verifier.anchors.interface import NamedAnchor
from verifier.finding import Finding

SKEW_MS = 600_000
"""Clocks may differ by ten minutes (docs/wire.md)."""
STALE_MS = 72 * 3_600_000
"""A weekend without a line to the collector is no reason to ask."""

NEW_KEYS = 3
"""Of a host and source: enrolled, and set up anew twice. Whoever needs more of them each month explains it."""


def unheard(enrolments: Iterable[Enrolment]) -> frozenset[tuple[str, str, int]]:
    """Return the chains (host, source, epoch) whose first chunk can know of no receipt."""
    anew: dict[tuple[str, str], list[int]] = {}
    for one in enrolments:
        if not one.previous:
            anew.setdefault((one.host, one.source), []).append(one.epoch)
    return frozenset((*name, epoch) for name, epochs in anew.items() for epoch in sorted(epochs)[:NEW_KEYS])


def named_findings(
    named: Sequence[NamedAnchor], *, receipts: set[str], known: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield what is wrong with the receipts that chunks name.

    Args:
        named: which receipts the agents' chunks name (an empty hash: none).
        receipts: hashes of the receipts in the pack.
        known: confirmed time (ms) of those that nobody could foresee.
    """
    for one in named:
        if one.sha256 and one.sha256 not in receipts:
            yield Finding(
                "ANCHOR_UNKNOWN",
                one.place,
                one.host,
                "a receipt in the pack",
                f"{one.sha256}, {one.chunks} chunks",
                slots.day(one.day),
            )
        time_ms = known.get(one.sha256)
        if time_ms is not None and one.earliest_end_ms < time_ms - SKEW_MS:
            yield Finding(
                "ANCHOR_NEWER",
                one.place,
                one.host,
                f"sealed when it was read, before {one.earliest_end_ms + SKEW_MS} ms",
                f"names the anchor of {time_ms} ms",
                slots.day(one.day),
            )
        newer_ms = max((at for at in known.values() if at + STALE_MS <= one.latest_end_ms), default=None)
        if newer_ms is not None and not one.begins and (time_ms is None or time_ms < newer_ms):
            yield Finding(
                "ANCHOR_STALE",
                one.place,
                one.host,
                f"the time stamp of {newer_ms} ms, or a newer one",
                f"names {'none' if time_ms is None else f'that of {time_ms} ms'}, {one.chunks} chunks",
                slots.day(one.day),
            )


def unpacked_findings(
    logged: Mapping[str, int], receipts: set[str], calendar: LocalCalendar
) -> Iterator[Finding]:
    """Yield on which days receipts came that the pack does not hold.

    Args:
        logged: hashes of the receipts that the log names, with their arrivals (ms).
        receipts: hashes of the receipts in the pack.
        calendar: whose days they are.
    """
    days: dict[int, list[str]] = {}
    for sha256, arrival_ms in logged.items():
        if sha256 not in receipts:
            days.setdefault(calendar.day_of(arrival_ms), []).append(sha256)
    for day, hashes in sorted(days.items()):
        expected = "the receipts that the log names"
        got = f"without {len(hashes)} of them: {min(hashes)}"
        yield Finding("ANCHOR_LEFT_OUT", layout.LOG_LEAVES, "", expected, got, slots.day(day))
