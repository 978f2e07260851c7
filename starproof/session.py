"""What all commands on a store share: arguments, opening the store, one-line errors."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from collector.errors import CollectorError
from documents.errors import DocumentsError
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from starproof.extras import require_collector
from starproof.tables import json_text
from verifier.errors import VerifierError

if TYPE_CHECKING:
    from collector.store.archive import StoreArchive
    from collector.store.instant import Instant, Moment

EXPECTED_ERRORS = (CollectorError, DocumentsError, EvidenceError, VerifierError, OSError)


def parser(prog: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return a parser whose help ends with an example."""
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def month(text: str) -> str:
    """Return ``text`` if it is a month; for argparse, which makes a wrong one wrong usage."""
    try:
        LocalCalendar("UTC").month(text)
    except EvidenceError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def zone(text: str) -> str:
    """Return ``text`` if it is a time zone; for argparse, as ``month``."""
    try:
        return LocalCalendar(text).zone
    except EvidenceError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_month(arguments: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--month`` and ``--timezone``."""
    arguments.add_argument(
        "--month", required=required, type=month, metavar="YYYY-MM", help="local calendar month"
    )
    arguments.add_argument(
        "--timezone",
        type=zone,
        metavar="TZ",
        help="IANA zone (default: the scope's, else Asia/Shanghai)",
    )


def add_database(arguments: argparse.ArgumentParser) -> None:
    """Add ``--db`` and ``--json``."""
    arguments.add_argument(
        "--db",
        metavar="URL",
        default=None,
        help="SQLAlchemy URL of the store (default: SQLite in the state directory)",
    )
    arguments.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def add_progress(arguments: argparse.ArgumentParser) -> None:
    """Add ``--progress``, for programs that run the command and show how far it is."""
    arguments.add_argument(
        "--progress", action="store_true", help="say how far it is, on standard error, as lines of JSON"
    )


def progress(options: argparse.Namespace) -> Callable[[str, int, int], None]:
    """Return what to call with a stage, and how much of it is done and is to do; silent unless asked for."""

    def tell(stage: str, done: int, total: int) -> None:
        sys.stderr.write(json.dumps({"progress": stage, "done": done, "total": total}) + "\n")
        sys.stderr.flush()

    return tell if options.progress else lambda _stage, _done, _total: None


@contextmanager
def archive(url: str | None, *, damaged: bool = False) -> Iterator[StoreArchive]:
    """Open the store for reading: nothing is created or changed; ``damaged`` is what an audit asks for.

    Raises:
        MissingExtraError: the extra ``collector`` is not installed; a reviewer has packs, no store.
    """
    require_collector()
    from collector.settings import default_database_url  # noqa: PLC0415 - needs the extra
    from collector.store.archive import StoreArchive  # noqa: PLC0415 - the same
    from collector.store.engine import open_engine_for_reading  # noqa: PLC0415 - the same

    store = open_engine_for_reading(url or default_database_url())
    try:
        yield StoreArchive(store, damaged=damaged)
    finally:
        store.close()


@contextmanager
def instant(url: str) -> Iterator[tuple[Instant, Moment]]:
    """Open the store for reading as ``archive`` does, as it is at one instant.

    Raises:
        MissingExtraError: as ``archive``.
    """
    require_collector()
    from collector.store.engine import open_engine_for_reading  # noqa: PLC0415 - needs the extra
    from collector.store.instant import at_one_instant  # noqa: PLC0415 - the same

    store = open_engine_for_reading(url)
    try:
        with at_one_instant(store) as found:
            yield found
    finally:
        store.close()


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json_text(document))


def said(options: argparse.Namespace, *, file: str, size: int) -> None:
    """Say what was written."""
    if options.json:
        print_json({"schema": "starproof/written/1", "file": file, "bytes": size})
    else:
        sys.stdout.write(f"{file}: {size} bytes\n")


def guarded(prog: str, work: Callable[[], int]) -> int:
    """Run ``work``; an expected error becomes one line on standard error and the status 1."""
    try:
        return work()
    except BrokenPipeError:
        return 1
    except EXPECTED_ERRORS as error:
        line = " ".join(str(error).split())
        sys.stderr.write(f"{prog}: {line}\n")
        return 1
