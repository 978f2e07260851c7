"""Samples of a source become chunks, sealed with the collector's own key for that source.

Such a chunk proves what the source answered this collector and when, not that the source is right.
The enrolment record of every host says so (``attested`` = ``no``) and names provider, account,
region and instance; another instance, account or key begins another enrolment. The manifest names
statistic, scope of networks, period, and the hash over the request ids (``collector.store.polls``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from collector.importing.samples import Sample
from collector.own_chunks import ATTESTED, Place, enrolled, sealed_averages
from evidence import canonical, manifest
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey
from evidence.manifest import Column, Manifest

MAX_FACT = 512


@dataclass(frozen=True)
class Origin:
    """Where a host's samples come from, as its enrolment says it."""

    provider: str
    alias: str
    region: str
    instance: str

    @property
    def facts(self) -> dict[str, str]:
        """The facts of the enrolment record."""
        named = {name: value[:MAX_FACT] for name, value in vars(self).items()}
        return {**ATTESTED, **named}


@dataclass(frozen=True)
class Answered:
    """How a series was answered. ``request_ids`` is their hash, "" where a source has none."""

    metric: str
    statistic: str
    scope: str
    period_ms: int
    request_ids: str

    @property
    def facts(self) -> dict[str, str]:
        """The facts of the manifest."""
        named = {"statistic": self.statistic, "scope": self.scope, "request_ids": self.request_ids}
        return {**ATTESTED, **{name: value for name, value in named.items() if value}}


def enrol(
    origin: Origin, *, source: str, enterprise: str, host: str, epoch: int, now_ms: int, key: PrivateKey
) -> SignedEnrolment:
    """Return the record under which a host's samples of one instance are stored."""
    facts = origin.facts
    return enrolled(
        enterprise=enterprise,
        host=host,
        source=source,
        epoch=epoch,
        stands_for=hashlib.sha256(canonical.encode(facts)).hexdigest(),
        facts=facts,
        now_ms=now_ms,
        key=key,
    )


def seal(
    samples: Sequence[Sample], answered: Answered, *, record: SignedEnrolment, place: Place, key: PrivateKey
) -> bytes:
    """Return the frame of a chunk of samples, in order."""
    return sealed_averages(samples, partial(_manifest, answered), record=record, place=place, key=key)


def _manifest(answered: Answered, scale: int) -> Manifest:
    return manifest.build(
        kind=manifest.AVERAGES,
        interval_ms=answered.period_ms,
        columns=(
            *(Column(name) for name in manifest.AVERAGES_CLOCKS),
            Column(answered.metric, scale=scale, statistic="average"),
        ),
        host=answered.facts,
    )
