"""The rows of a CSV file, one after another, each checked; errors name line and column.

Lines are read as bytes and decoded one by one, so that a wrong encoding is blamed on its line and a
file without line ends cannot fill the memory. The file's SHA-256 is computed on the way.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from collector.errors import ImportFileError
from collector.importing import numbers
from collector.importing.metrics import METRICS
from collector.names import is_host_name, nearest, shown

REQUIRED = ("host", "timestamp", "metric", "value")
PERIOD = "period_s"
MAX_LINE_BYTES = 64 * 1024
MAX_HOSTS = 100_000
_BOM = b"\xef\xbb\xbf"
_READ_BYTES = 1024 * 1024

Progress = Callable[[int], object]
"""Told how many bytes or rows were done since the last call."""


class _CsvReader(Protocol):
    """What ``csv.reader`` returns: records, and how many lines were read for them."""

    @property
    def line_num(self) -> int: ...

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class Row(NamedTuple):
    """One checked row. ``value`` is in units of 10^-9, ``None`` if it is refused."""

    line: int
    host: str
    metric: str
    start_ms: int
    period_ms: int
    value: int | None


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits.

    Raises:
        ImportFileError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if not path.is_file():
                raise ImportFileError(f"{path} is not a regular file; save the data in a file first")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImportFileError(f"cannot read {path}: {error.strerror}") from None


class Reader:
    """Reads one file once.

    Args:
        path: the file.
        zone: of timestamps without an offset.
        period_ms: of rows without ``period_s``; ``None`` if the caller has none.
        now_ms: no sample may begin at or after it.
        progress: told of bytes read.

    Raises:
        ZoneInfoNotFoundError: there is no such zone.
    """

    def __init__(
        self, path: Path, *, zone: str, period_ms: int | None, now_ms: int, progress: Progress
    ) -> None:
        self._path = path
        self._instants = numbers.Instants(zone)
        self._period_ms = period_ms
        self._now_ms = now_ms
        self._progress = progress
        self._digest = hashlib.sha256()
        self._hosts: set[str] = set()

    @property
    def sha256(self) -> str:
        """SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    @property
    def unsure(self) -> int:
        """Local times that the zone skips or has twice."""
        return self._instants.unsure

    def rows(self) -> Iterator[Row]:
        """Yield all rows in the file's order.

        Raises:
            ImportFileError: names the line and column that is wrong.
        """
        try:
            with self._path.open("rb", buffering=_READ_BYTES) as file:
                yield from self._rows(file)
        except OSError as error:
            raise ImportFileError(f"cannot read {self._path}: {error.strerror}") from None

    def _rows(self, file: IO[bytes]) -> Iterator[Row]:
        records = self._records(csv.reader(self._lines(file), strict=True))
        first = next(records, None)
        if first is None:
            raise ImportFileError(
                f"{self._path} is empty; its first line names the columns {', '.join(REQUIRED)}"
            )
        header_line, header = first[0], [name.strip() for name in first[1]]
        places = self._places(header, header_line)
        for line, record in records:
            if len(record) != len(header):
                raise self._wrong_count(line, record, header)
            yield self._row(line, [record[place].strip() if place >= 0 else "" for place in places])

    def _records(self, reader: _CsvReader) -> Iterator[tuple[int, list[str]]]:
        """Yield records with the line on which each begins; a quoted field may hold line breaks."""
        while True:
            line = reader.line_num + 1
            try:
                record = next(reader, None)
            except csv.Error as error:
                raise self._wrong(line, f"not a row of a CSV file ({error})") from None
            if record is None:
                return
            if record:  # blank lines are no rows
                yield line, record

    def _lines(self, file: IO[bytes]) -> Iterator[str]:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES):
            number += 1
            self._digest.update(raw)
            self._progress(len(raw))
            if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
                raise self._wrong(number, f"longer than {MAX_LINE_BYTES} bytes; this is not a CSV file")
            if number == 1:
                raw = raw.removeprefix(_BOM)
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise self._wrong(
                    number, f"byte {error.start + 1} is not UTF-8; save the file as UTF-8 and import it again"
                ) from None

    def _places(self, header: list[str], line: int) -> list[int]:
        known = (*REQUIRED, PERIOD)
        for name in header:
            if name not in known:
                raise self._wrong(line, f"unknown column {name!r}{nearest(name, known)}")
            if header.count(name) > 1:
                raise self._wrong(line, f"column {name!r} stands twice")
        for name in REQUIRED:
            if name not in header:
                raise self._wrong(line, f"column {name!r} is missing; the columns are {', '.join(known)}")
        if PERIOD not in header and self._period_ms is None:
            raise self._wrong(
                line, "there is no column 'period_s'; say how long a sample lasts: --period SECONDS"
            )
        return [header.index(name) if name in header else -1 for name in known]

    def _row(self, line: int, texts: list[str]) -> Row:
        host, timestamp, metric, value, period = texts
        column = "timestamp"
        try:
            start_ms = self._instants.read(timestamp)
            column = "value"
            nano = numbers.value(value)
            column = PERIOD
            length_ms = numbers.period_ms(period) if period else self._period_ms
        except ValueError as error:
            raise self._wrong(line, str(error), column) from None
        if start_ms >= self._now_ms:
            raise self._wrong(line, f"{timestamp!r} lies in the future", "timestamp")
        if length_ms is None:
            raise self._wrong(line, "empty; say how long a sample lasts: --period SECONDS", column)
        if host not in self._hosts:
            self._require_host(line, host)
        if metric not in METRICS:
            raise self._wrong(line, f"unknown metric {metric!r}{nearest(metric, METRICS)}", "metric")
        return Row(line, host, metric, start_ms, length_ms, nano)

    def _require_host(self, line: int, host: str) -> None:
        if not is_host_name(host):
            raise self._wrong(line, "a host name has 1 to 128 printable characters", "host")
        if len(self._hosts) == MAX_HOSTS:
            raise self._wrong(line, f"more than {MAX_HOSTS} hosts in one file; split it", "host")
        self._hosts.add(host)

    def _wrong_count(self, line: int, record: list[str], header: list[str]) -> ImportFileError:
        count = f"{len(record)} fields, the header has {len(header)}"
        if len(record) < len(header):
            return self._wrong(line, f"missing; {count}", header[len(record)])
        return self._wrong(
            line, f"no such column; {count}; put a value with a comma between quotes", str(len(header) + 1)
        )

    def _wrong(self, line: int, message: str, column: str = "") -> ImportFileError:
        place = f"line {line}, column {column}" if column else f"line {line}"
        return ImportFileError(shown(f"{self._path}: {place}: {message}; nothing was imported"))
