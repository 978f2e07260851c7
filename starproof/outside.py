"""What the reviewer brings to a check from outside the pack: files and codes of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import ClassVar

from evidence.errors import EvidenceError
from evidence.short_code import read_code
from verifier.anchors.interface import FetchedObject, Outside, TypedCode
from verifier.anchors.mailbox import MAX_MESSAGE_BYTES, holds_several
from verifier.anchors.objects import MAX_OBJECT_BYTES
from verifier.anchors.timestamp import MAX_ROOTS_BYTES, read_roots
from verifier.errors import VerifierError

MAX_MESSAGES = 100_000
_MAX_LINE_BYTES = 64 * 1024
"""Longer lines are looked at in pieces."""
_SIZE = re.compile(r"[0-9]{1,16}\Z")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}\Z")
"""One way to write it, of the years that packs are of."""


class OutsideError(VerifierError):
    """What was brought from outside cannot be used."""

    code: ClassVar[str] = "OUTSIDE"


def add_outside(parser: argparse.ArgumentParser, *, one_log: bool = True) -> None:
    """Add the options by which a reviewer confirms anchors.

    Args:
        parser: gets the options.
        one_log: whether one pack is looked at; codes and objects do not say which log they are of, roots
            and mail serve for the packs of any.
    """
    group = parser.add_argument_group(
        "锚定 anchors",
        "what you hold yourself, never taken from the pack or from the applicant (docs/anchors.md)",
    )
    group.add_argument(
        "--tsa-root",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="root certificate of a time-stamping authority 时间戳机构根证书; may be repeated",
    )
    group.add_argument(
        "--mailbox",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a message (.eml) from your own mailbox, or a folder of them (Maildir too) 评审方邮箱; may be repeated",
    )
    parser.set_defaults(code=[], object=[])
    if not one_log:
        return
    group.add_argument(
        "--code",
        type=typed_code,
        action="append",
        default=[],
        metavar="SIZE=CODE@DATE",
        help="what stands in the log book, and the date beside it 记录簿短码; may be repeated",
    )
    group.add_argument(
        "--object",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an object that you fetched; FILE.json beside it: what the store printed 对象存储; may be repeated",
    )


def typed_code(text: str) -> tuple[int, str, int | None]:
    """Return size, code and day (an ordinal, ``None``: not given) of ``SIZE=CODE[@DATE]``; for argparse.

    Raises:
        ArgumentTypeError: it is not that; a mistyped code names the group that is wrong.
    """
    size, _, rest = text.partition("=")
    code, at, day = rest.partition("@")
    if not code or not _SIZE.match(size):
        raise argparse.ArgumentTypeError("write SIZE=CODE or SIZE=CODE@YYYY-MM-DD")
    try:
        return int(size), read_code(code), _ordinal(day) if at else None
    except EvidenceError as error:
        raise argparse.ArgumentTypeError(f"{size}: {error}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{day!r} is no date; write SIZE=CODE@YYYY-MM-DD") from None


def _ordinal(day: str) -> int:
    if not _DAY.match(day):
        raise ValueError("not written YYYY-MM-DD")
    return date.fromisoformat(day).toordinal()


def named_outside(options: argparse.Namespace) -> bool:
    """Return whether the options name anything from outside."""
    return any((options.tsa_root, options.mailbox, options.code, options.object))


def read_outside(options: argparse.Namespace) -> Outside:
    """Return what the options name.

    Raises:
        OutsideError: a file is not what it should be.
        TimestampError: a root certificate cannot be read.
        OSError: a file cannot be read.
    """
    roots = [_limited(path, MAX_ROOTS_BYTES) for path in options.tsa_root]
    for data in roots:
        read_roots(data)
    codes = [TypedCode(*typed) for typed in options.code]
    return Outside(
        tsa_roots=roots,
        mail=_messages(_message_files(options.mailbox)),
        codes=codes,
        objects=[_object(path) for path in options.object],
    )


def _messages(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Read one message at a time."""
    for path in files:
        with path.open("rb") as file:
            yield path.name, file.read(MAX_MESSAGE_BYTES)


def _message_files(places: Sequence[Path]) -> list[Path]:
    """Return the files of messages, each looked at before the check begins.

    Raises:
        OutsideError: there are too many, or one holds several messages.
        OSError: there is no such file or folder.
    """
    files = [
        path
        for place in places
        for path in (sorted(place.rglob("*")) if place.is_dir() else [place])
        if not path.is_dir()
    ]
    if len(files) > MAX_MESSAGES:
        raise OutsideError(f"more than {MAX_MESSAGES} messages; export only those of StarProof")
    for path in files:
        with path.open("rb") as file:
            if holds_several(iter(partial(file.readline, _MAX_LINE_BYTES), b"")):
                raise OutsideError(
                    f"{path} holds several messages (mbox), and text of one can pose as another; export each message "
                    "as a file of its own (.eml), or give the folder of a Maildir"
                )
    return files


def _object(path: Path) -> FetchedObject:
    about = path.with_name(path.name + ".json")
    said = _limited(about, MAX_OBJECT_BYTES) if about.is_file() else None
    return FetchedObject(path.name, _limited(path, MAX_OBJECT_BYTES), said)


def _limited(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OutsideError(f"{path} has more than {limit} bytes; it is not what this option takes")
    return data
