"""Samples become chunks, sealed with the collector's own import key.

Such a chunk proves that this collector was given the file, not that its numbers are true; the
enrolment record of every imported host says so (``attested`` = ``no``) and names the file's hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial

from collector.importing.metrics import COLUMNS
from collector.importing.samples import Sample
from collector.own_chunks import ATTESTED, Place, enrolled, sealed_averages
from collector.store.registry import IMPORT
from evidence import manifest
from evidence.calendar import LocalCalendar
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey
from evidence.manifest import Column, Manifest

MAX_SAMPLES = 10_000
"""In one chunk: about 35 days of five-minute averages."""


def enrol(
    *, enterprise: str, host: str, epoch: int, file_name: str, sha256: str, now_ms: int, key: PrivateKey
) -> SignedEnrolment:
    """Return the record under which a host's samples of one file are stored."""
    return enrolled(
        enterprise=enterprise,
        host=host,
        source=IMPORT,
        epoch=epoch,
        stands_for=sha256,  # the file's hash makes the record unique
        facts={**ATTESTED, "file": file_name, "sha256": sha256},
        now_ms=now_ms,
        key=key,
    )


def batches(samples: Iterable[Sample], calendar: LocalCalendar) -> Iterator[list[Sample]]:
    """Yield runs of samples that begin in one local month, at most ``MAX_SAMPLES`` long."""
    batch: list[Sample] = []
    month_end_ms = 0
    for sample in samples:
        if batch and (sample.start_ms >= month_end_ms or len(batch) == MAX_SAMPLES):
            yield batch
            batch = []
        if not batch:
            month_end_ms = _month_end(sample.start_ms, calendar)
        batch.append(sample)
    if batch:
        yield batch


def seal_batch(
    samples: Sequence[Sample], *, metric: str, record: SignedEnrolment, place: Place, key: PrivateKey
) -> bytes:
    """Return the frame of a chunk of samples of one metric, in order."""
    period_ms = max(sample.period_ms for sample in samples)
    built = partial(_manifest, metric, period_ms)
    return sealed_averages(samples, built, record=record, place=place, key=key)


def _manifest(metric: str, period_ms: int, scale: int) -> Manifest:
    return manifest.build(
        kind=manifest.AVERAGES,
        interval_ms=period_ms,
        columns=(
            *(Column(name) for name in manifest.AVERAGES_CLOCKS),
            Column(COLUMNS[metric], scale=scale, statistic="average"),
        ),
        host=ATTESTED,
    )


def _month_end(instant_ms: int, calendar: LocalCalendar) -> int:
    day = date.fromordinal(calendar.day_of(instant_ms))
    after = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return calendar.day_start(after.toordinal())
