"""Archives that come out the same from the same content: sorted names, one time, nobody's files."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starproof.bundling.errors import BundleError

SUMS = "SHA256SUMS"
FILE, PROGRAM, SECRET = 0o644, 0o755, 0o600
EARLIEST_S = 315_532_800
"""1980-01-01 00:00 UTC, the first instant that a ZIP file can name."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive: its content, and who may read or run it."""

    data: bytes
    mode: int = FILE


def source_time_s() -> int:
    """Return the time that all files of an archive carry: ``$SOURCE_DATE_EPOCH``, else 1980.

    Raises:
        BundleError: the variable holds no time.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return EARLIEST_S
    if not (text.isascii() and text.isdecimal()):
        raise BundleError(f"SOURCE_DATE_EPOCH is {text!r}; write whole seconds since 1970")
    return max(int(text), EARLIEST_S)


def with_sums(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries and one more: the SHA-256 of each, as ``sha256sum --check`` reads them."""
    lines = [f"{hashlib.sha256(entry.data).hexdigest()}  {name}\n" for name, entry in sorted(entries.items())]
    return {**entries, SUMS: Entry("".join(lines).encode())}


def tar_gz(entries: Mapping[str, Entry], *, top: str) -> bytes:
    """Return a compressed tar archive with everything in the folder ``top``."""
    time_s = source_time_s()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, entry in sorted(entries.items()):
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode, info.mtime = len(entry.data), entry.mode, time_s
            info.uname = info.gname = "root"
            archive.addfile(info, io.BytesIO(entry.data))
    return gzip.compress(raw.getvalue(), mtime=0)


def zip_file(entries: Mapping[str, Entry], *, top: str) -> bytes:
    """Return a ZIP archive with everything in the folder ``top``."""
    time = datetime.fromtimestamp(source_time_s(), UTC).timetuple()[:6]
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, entry in sorted(entries.items()):
            info = zipfile.ZipInfo(f"{top}/{name}", time)
            info.external_attr = (0o100_000 | entry.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.data)
    return raw.getvalue()


def write(path: Path, data: bytes, *, secret: bool) -> None:
    """Write an archive whole, or leave what was there; ``secret``: for its owner's eyes only.

    Raises:
        BundleError: the disk does not take it.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET if secret else FILE)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise BundleError(
            f"{path} cannot be written: {error.strerror}; give another place with --out"
        ) from None
