"""``collector import-spool`` and the offer that ``collector token`` writes: hosts without a route."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from collector import enrolling
from collector.errors import ImportFileError, SettingsError
from collector.ingest import Clock
from collector.opening import OpenStore
from collector.spool_files import SpoolImport, import_spool
from collector.store.probing import require_sound
from evidence.spool_file import OFFER_SCHEMA, line_of

OFFER_HOURS = 30 * 24
"""A file is longer on its way than a command that is pasted."""
_PRIVATE = 0o600


def write_offer(opened: OpenStore, path: Path, *, token: str, host: str, source: str, now_ms: int) -> None:
    """Write what a host without a route needs to enrol; the file holds the token.

    Raises:
        CollectorError: the host cannot be enrolled with this token, or the file cannot be written.
    """
    offered = enrolling.offer(opened.store, token=token, host=host, source=source, now_ms=now_ms)
    document = {
        "schema": OFFER_SCHEMA,
        "token": token,
        "source": source,
        **vars(offered),
        "log_key": opened.keyring.log_key().public.raw.hex(),
    }
    try:
        with _finished(path) as file:
            file.write(line_of(document))
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None


def import_file(
    opened: OpenStore, path: Path, receipt: Path | None, *, clock: Clock, late: bool
) -> tuple[SpoolImport, Path]:
    """Take in the spool file at ``path``; return what became of it, and where its receipt is.

    Raises:
        CollectorError: as ``import_spool``, or a file cannot be read or written.
    """
    require_sound(opened.store)  # for what the receipt names is deleted on the host
    place = receipt or path.with_name(f"{path.name}.receipt")
    try:
        with path.open("rb") as file, _finished(place) as out:
            return import_spool(opened, file, out, clock=clock, late=late), place
    except OSError as error:
        raise ImportFileError(
            f"cannot use {error.filename or place}: {error.strerror}; import it again, nothing is doubled"
        ) from None


def document_of(done: SpoolImport, receipt: Path) -> dict[str, Any]:
    """Return the result for programs."""
    return {
        "schema": "starproof/spool-import/1",
        "host": done.host,
        "source": done.source,
        "enrolled": done.enrolled,
        "chunks": dict(done.chunks),
        "refused": dict(done.refused),
        "problem": done.problem,
        "receipt": str(receipt),
    }


def text_of(done: SpoolImport, receipt: Path) -> str:
    """Return the result for a person."""
    lines = [
        f"主机 host     {done.host} ({done.source})" + (" 新注册 newly enrolled" if done.enrolled else "")
    ]
    names = {"stored": "新入库 stored", "known": "已有 known", "refused": "拒收 refused"}
    lines += [f"{names.get(name, name)}   {count}" for name, count in sorted(done.chunks.items())]
    lines += [f"  {code}: {count}" for code, count in sorted(done.refused.items())]
    if done.problem:
        lines.append(f"文件不完整 not whole: {done.problem}")
    lines.append(f"回执 receipt  {receipt}")
    lines.append("带回主机 take it back to the host: starproof-agent import-receipt FILE")
    return "\n".join(lines)


def shown(done: SpoolImport, receipt: Path, *, as_json: bool) -> str:
    """Return the result as it is printed."""
    document = document_of(done, receipt)
    return json.dumps(document, ensure_ascii=False) if as_json else text_of(done, receipt)


@contextmanager
def _finished(path: Path) -> Iterator[BinaryIO]:
    """Give a file, readable by its owner alone, that gets its name when everything is on the disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
