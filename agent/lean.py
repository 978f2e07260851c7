"""Keeping OpenSSL out of an agent that needs no TLS: it costs 4 of the 20 MB we allow ourselves.

``hashlib`` loads OpenSSL for hashes that the interpreter also has itself. A module whose entry in
``sys.modules`` is ``None`` counts as not installed while ``hashlib`` is imported; afterwards the entry is
taken away again, so a later ``import ssl`` works as ever. Where the interpreter was built without its
own SHA-256 (some distributions) nothing is done.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec

OWN_HASHES = ("_sha256", "_sha2")
"""The interpreter's own SHA-256: before and since Python 3.12."""


def begin() -> None:
    """Import ``hashlib`` without OpenSSL, unless it is imported already or could not do without."""
    loaded = "hashlib" in sys.modules or "_hashlib" in sys.modules
    if loaded or not any(find_spec(name) for name in OWN_HASHES):
        return
    sys.modules["_hashlib"] = None  # type: ignore[assignment]  # documented: counts as not installed
    try:
        importlib.import_module("hashlib")
    finally:
        del sys.modules["_hashlib"]
