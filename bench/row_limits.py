"""What the machine allows: SHA-256, Ed25519, a durable write, memory bandwidth. Everything else stands beside these."""

from __future__ import annotations

import hashlib
import os
import time
from argparse import Namespace
from pathlib import Path

import measuring
import numpy as np
from results_table import Row

from evidence.keys import PrivateKey

MESSAGE = bytes(600)
"""About a chunk's header."""
PAGE = bytes(4096)
SYNC_S = 2.0
BLOCK = 1 << 24


def measure(_options: Namespace) -> list[Row]:
    """Return the lines."""
    key = PrivateKey.generate()
    signature = key.sign("bench", MESSAGE)
    sign_s = measuring.processor_median_s(lambda: [key.sign("bench", MESSAGE) for _ in range(500)], 5) / 500
    verify_s = (
        measuring.processor_median_s(
            lambda: [key.public.verify("bench", MESSAGE, signature) for _ in range(500)], 5
        )
        / 500
    )
    data = bytes(BLOCK)
    hash_s = measuring.processor_median_s(lambda: hashlib.sha256(data).digest(), 7)
    array = np.zeros(BLOCK, np.int64)
    copy_s = measuring.processor_median_s(array.copy, 7)
    with measuring.temporary() as folder:
        synced = _synced(folder / "x")
    return [
        Row("limits", "SHA-256, one processor", BLOCK / hash_s / 1e6, "MB/s", better="more"),
        Row("limits", "Ed25519 checks (libsodium)", 1 / verify_s, "1/s", better="more"),
        Row("limits", "Ed25519 signatures (libsodium)", 1 / sign_s, "1/s", better="more"),
        Row("limits", "durable writes of 4 KiB, one after another", synced, "1/s", better="more"),
        Row("limits", "memory: read and written while copying", 2 * 8 * BLOCK / copy_s / 1e9, "GB/s", better="more"),
    ]  # fmt: skip


def _synced(path: Path) -> float:
    """Return durable writes a second, by the clock: the disk does not work on our time."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < SYNC_S:
        os.pwrite(handle, PAGE, 0)
        os.fdatasync(handle)
        count += 1
    took = time.perf_counter() - begun
    os.close(handle)
    return count / took


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
