"""Counting distinct accounts: exactly up to a million, beyond with a sketch whose error is stated.

The sketch is a theta sketch of Apache DataSketches (Dasgupta, Lang, Rhodes, Thaler: A Framework for
Estimating Stream Property Cardinality, 2015): it keeps the ``KEPT`` smallest of all hashes, so it does not
depend on the order, and two of the same sets are the same bytes. Its bounds are those of
``DEVIATIONS`` standard deviations, 99.7 %; relative error of one: 1 / sqrt(KEPT).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from math import ceil, floor

from evidence.activity import split_blob
from verifier.errors import VerifierError

MOST_EXACT = 1_000_000
"""Accounts that are counted one by one: 16 bytes each, and what Python adds."""
LOG_KEPT = 16
KEPT = 2**LOG_KEPT
DEVIATIONS = 3
SKETCH = f"theta sketch, {KEPT} hashes, {DEVIATIONS} standard deviations"


@dataclass(frozen=True)
class Distinct:
    """How many there are: between ``low`` and ``high``, most likely ``count``. ``sketch`` is empty if exact."""

    low: int
    count: int
    high: int
    sketch: str = ""


def distinct(blobs: Iterable[bytes], *, most_exact: int = MOST_EXACT) -> Distinct:
    """Return the number of distinct hashes in ``blobs`` (``evidence.activity.to_blob``).

    Args:
        blobs: sets of hashes of one key.
        most_exact: beyond so many the sketch counts.

    Raises:
        VerifierError: the sketch is needed and not installed.
    """
    seen: set[bytes] = set()
    rest = iter(blobs)
    for blob in rest:
        seen.update(split_blob(blob))
        if len(seen) > most_exact:
            return _sketched(chain([b"".join(seen)], rest))
    return Distinct(len(seen), len(seen), len(seen))


def _sketched(blobs: Iterable[bytes]) -> Distinct:
    try:
        library = import_module("datasketches")
    except ImportError:
        raise VerifierError(
            f"more than {MOST_EXACT} accounts: they are counted with a sketch; install: pip install 'starproof[sketch]'"
        ) from None
    sketch = library.update_theta_sketch(LOG_KEPT)
    for blob in blobs:
        for digest in split_blob(blob):
            # Bytes would be hashed as text: 16 bytes as hex digits stand for themselves.
            sketch.update(digest.hex())
    sketch.trim()
    return Distinct(
        low=floor(sketch.get_lower_bound(DEVIATIONS)),
        count=round(sketch.get_estimate()),
        high=ceil(sketch.get_upper_bound(DEVIATIONS)),
        sketch=SKETCH,
    )
