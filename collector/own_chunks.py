"""Chunks that the collector seals with keys of its own: imports, averages of sources, accounts.

Such a chunk proves what this collector was told and when, not that it is true; its enrolment record says
so (``attested`` = ``no``). No token was given out for it: what it is about stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.code import running_code
from collector.importing.samples import Sample
from evidence import __version__, enrolment
from evidence.chunk import MAX_NAME, Header, seal
from evidence.enrolment import Enrolment, SignedEnrolment
from evidence.keys import PrivateKey
from evidence.manifest import MAX_SCALE, Manifest

INT64_MOST = 2**63 - 1
SOFTWARE = f"starproof-collector {__version__}"[:MAX_NAME]
ATTESTED = {"attested": "no"}

Columns = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Place:
    """Where in its chain the next chunk of a host stands."""

    seq: int
    prev: str
    prev_end_ms: int


def enrolled(
    *,
    enterprise: str,
    host: str,
    source: str,
    epoch: int,
    stands_for: str,
    facts: Mapping[str, str],
    now_ms: int,
    key: PrivateKey,
) -> SignedEnrolment:
    """Return the record under which a host's chunks are stored; ``stands_for`` is a SHA-256 in a token's place."""
    record = Enrolment(
        enterprise=enterprise,
        host=host,
        source=source,
        key=key.public.raw.hex(),
        epoch=epoch,
        previous="",
        token=stands_for,
        time_ms=now_ms,
        agent=SOFTWARE,
        facts=dict(facts),
        code=running_code(),
    )
    return enrolment.sign(record, key)


def sealed(
    values: Columns,
    built: Manifest,
    *,
    record: SignedEnrolment,
    place: Place,
    span: tuple[int, int],
    key: PrivateKey,
) -> bytes:
    """Return the frame of a chunk over ``span``, from its first ms to the one after its last."""
    header = Header(
        enterprise=record.enrolment.enterprise,
        source=record.enrolment.source,
        host=record.enrolment.host,
        key="",
        seq=place.seq,
        prev=place.prev,
        boot="",
        first="reading",
        start_ms=span[0],
        end_ms=span[1],
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
    return seal(header, manifest=built, values=values, key=key)


def sealed_averages(
    samples: Sequence[Sample],
    manifest_of: Callable[[int], Manifest],
    *,
    record: SignedEnrolment,
    place: Place,
    key: PrivateKey,
) -> bytes:
    """Return the frame of a chunk of samples, in order; ``manifest_of`` is given the scale of their values."""
    scale = scale_for(sample.value for sample in samples)
    last = samples[-1]
    values = (
        [sample.start_ms for sample in samples],
        [sample.length_ms for sample in samples],
        [rescale(sample.value, scale) for sample in samples],
    )
    span = (samples[0].start_ms, last.start_ms + last.length_ms)
    return sealed(values, manifest_of(scale), record=record, place=place, span=span, key=key)


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
