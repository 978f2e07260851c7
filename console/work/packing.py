"""Form, report and pack of a month, made by ``starproof pack`` and taken apart for who wants one of them."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.work import program
from console.work.jobs import Doing, JobError, private_file
from verifier import layout

KIND = "pack"
COPIES: Mapping[str, str] = {
    layout.FORM: "申请表-{month}.docx",
    layout.REPORT_PDF: "报告-{month}.pdf",
    layout.REPORT_HTML: "报告-{month}.html",
}
"""Entries of the pack that are also offered by themselves, and what they are called then."""
_PROFILE = "profile"


@dataclass(frozen=True)
class Wanted:
    """What to make.

    ``profile`` is the file of the saved profile, empty without one; ``documents`` its documents: path from
    the profile's folder, and what reads the bytes (``None``: they are not kept).
    """

    month: str
    language: str
    profile: bytes
    documents: Sequence[tuple[str, Callable[[], bytes | None]]]
    database_url: str
    edition: bytes = b""
    """The file of an edition that does not ship."""


def make(wanted: Wanted, doing: Doing) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Make the pack in the job's folder; return the names of the files, and what to tell of them.

    Raises:
        JobError: it cannot be made; the message says why.
        OSError: a file cannot be written.
    """
    folder = doing.folder / _PROFILE
    name = f"证据包-{wanted.month}.zip"
    arguments = [
        "pack",
        "--month",
        wanted.month,
        "--language",
        wanted.language,
        "--out",
        str(doing.folder / name),
    ]
    try:
        folder.mkdir(mode=0o700)
        if wanted.edition:
            private_file(folder / "edition.toml", wanted.edition)
            arguments += ["--edition", str(folder / "edition.toml")]
        if wanted.profile:
            _lay_out(folder, wanted)
            arguments += ["--profile", str(folder / "profile.toml")]
        ended = program.run(arguments, doing, database_url=wanted.database_url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if ended.status != 0:
        raise JobError("\n".join(ended.said) or f"starproof pack ended with status {ended.status}")
    said = ended.document
    facts = {
        "sha256": _sha256(doing.folder / name),
        "star": str(said.get("star", "")),
        "hosts": int(said.get("hosts", 0)),
        "chunks": int(said.get("chunks", 0)),
        "log_key": str(said.get("log_key", "")),
        "without": [str(one) for one in said.get("without", [])],
    }
    return (*_copies(doing.folder, name, wanted.month), name), facts


def _lay_out(folder: Path, wanted: Wanted) -> None:
    """Write the profile with its documents as the command line reads them."""
    private_file(folder / "profile.toml", wanted.profile)
    for place, read in wanted.documents:
        data = read()
        if data is None:
            raise JobError(f"the document {place} is not kept here; upload it again")
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            private_file(path, data)


def _copies(folder: Path, name: str, month: str) -> list[str]:
    made = []
    with zipfile.ZipFile(folder / name) as pack:
        for entry in sorted(set(pack.namelist()) & COPIES.keys()):
            copy = COPIES[entry].format(month=month)
            with pack.open(entry) as source, (folder / copy).open("xb") as target:
                shutil.copyfileobj(source, target)
            made.append(copy)
    return made


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
