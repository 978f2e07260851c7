"""Keeping OpenSSL out of an agent that needs no TLS: it costs 4 to 7 of the 20 MB we allow ourselves.

``hashlib`` loads OpenSSL for hashes that the interpreter also has itself; ``http.client`` loads it to
offer HTTPS. A module whose entry in ``sys.modules`` is ``None`` counts as not installed while they
are imported; afterwards the entry is taken away again, so a later ``import ssl`` works as ever.
Where the interpreter was built without its own SHA-256 (some distributions) ``hashlib`` is left alone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from importlib.util import find_spec
from typing import Any

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's mallopt(3)."""
OWN_HASHES = ("_sha256", "_sha2")
"""The interpreter's own SHA-256: before and since Python 3.12."""


def hashes() -> None:
    """Import ``hashlib`` without OpenSSL, if nobody has imported it yet."""
    if any(find_spec(name) for name in OWN_HASHES):
        _import_without("_hashlib", "hashlib")


def http() -> None:
    """Import ``http.client`` without TLS; ``agent.transport`` brings its own where it is needed."""
    _import_without("ssl", "http.client")


def _import_without(absent: str, wanted: str) -> None:
    if wanted in sys.modules or absent in sys.modules:
        return
    sys.modules[absent] = None  # type: ignore[assignment]  # documented: counts as not installed
    try:
        importlib.import_module(wanted)
    finally:
        del sys.modules[absent]


def one_heap() -> None:
    """Have all threads share one heap (glibc: the second one costs half a megabyte)."""
    with contextlib.suppress(AttributeError, OSError, ImportError):
        _libc().mallopt(_ARENA_MAX, 1)


def settle() -> None:
    """Give back what starting up has left behind."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, ImportError):
        _libc().malloc_trim(0)


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - the readers of a host load it anyway, others need not

    return ctypes.CDLL(None)
