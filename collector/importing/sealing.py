"""Samples become chunks, sealed with the collector's own import key.

Such a chunk proves that this collector was given the file, not that its numbers are true; the
enrolment record of every imported host says so (``attested`` = ``no``) and names the file's hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from collector.code import running_code
from collector.importing.metrics import COLUMNS
from collector.importing.samples import Sample
from collector.store.registry import IMPORT
from evidence import __version__, enrolment, manifest
from evidence.calendar import LocalCalendar
from evidence.chunk import MAX_NAME, Header, seal
from evidence.enrolment import Enrolment, SignedEnrolment
from evidence.keys import PrivateKey
from evidence.manifest import MAX_SCALE, Column, Manifest

MAX_SAMPLES = 10_000
"""In one chunk: about 35 days of five-minute averages."""
INT64_MOST = 2**63 - 1
SOFTWARE = f"starproof-collector {__version__}"[:MAX_NAME]
ATTESTED = {"attested": "no"}


@dataclass(frozen=True)
class Place:
    """Where in its chain the next chunk of a host stands."""

    seq: int
    prev: str
    prev_end_ms: int


def enrol(
    *, enterprise: str, host: str, epoch: int, file_name: str, sha256: str, now_ms: int, key: PrivateKey
) -> SignedEnrolment:
    """Return the record under which a host's samples of one file are stored."""
    record = Enrolment(
        enterprise=enterprise,
        host=host,
        source=IMPORT,
        key=key.public.raw.hex(),
        epoch=epoch,
        previous="",
        token=sha256,  # no token was given out; the file's hash makes the record unique
        time_ms=now_ms,
        agent=SOFTWARE,
        facts={**ATTESTED, "file": file_name, "sha256": sha256},
        code=running_code(),
    )
    return enrolment.sign(record, key)


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
    scale = scale_for(sample.value for sample in samples)
    last = samples[-1]
    header = Header(
        enterprise=record.enrolment.enterprise,
        source=IMPORT,
        host=record.enrolment.host,
        key="",
        seq=place.seq,
        prev=place.prev,
        boot="",
        first="reading",
        start_ms=samples[0].start_ms,
        end_ms=last.start_ms + last.length_ms,
        prev_end_ms=place.prev_end_ms,
        anchor="",
        rows=0,
        columns=0,
        digest="",
        manifest="",
        agent=SOFTWARE,
        clock_state="unknown",
        clock_offset_ms=0,
        clock_rtt_ms=-1,
        code=running_code(),
    )
    values = (
        [sample.start_ms for sample in samples],
        [sample.length_ms for sample in samples],
        [rescale(sample.value, scale) for sample in samples],
    )
    period_ms = max(sample.period_ms for sample in samples)
    return seal(header, manifest=_manifest(metric, scale, period_ms), values=values, key=key)


def scale_for(values: Iterable[int]) -> int:
    """Return the most decimal digits (at most 9) at which all values fit 64 bits."""
    most = max(values)
    scale = MAX_SCALE
    while scale and rescale(most, scale) > INT64_MOST:
        scale -= 1
    return scale


def rescale(value: int, scale: int) -> int:
    """Return a value in units of 10^-9 in units of 10^-``scale``, rounded half to even."""
    unit: int = 10 ** (MAX_SCALE - scale)
    whole, rest = divmod(value, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))


def _manifest(metric: str, scale: int, period_ms: int) -> Manifest:
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
