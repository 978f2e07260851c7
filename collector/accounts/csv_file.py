"""A CSV file ``account,day[,count]`` as a source of accounts: UTF-8, a head, ISO days."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from collector.accounts.errors import AccountsError
from collector.accounts.interface import Active

COLUMNS = ("account", "day")
COUNT = "count"
MOST_COUNT = 10**12


class CsvFile:
    """A file of active accounts. Its rows are of the days that are asked for, and each names its account.

    Args:
        path: the file. Its name may tell of somebody and is not kept.
    """

    origin = "CSV"

    def __init__(self, path: Path) -> None:
        """Remember the file; nothing is read yet."""
        self._path = path

    def active(self, first: date, last: date) -> Iterator[Active]:
        """Yield all rows of the file. One without rows vouches for nothing and is refused.

        Raises:
            AccountsError: names the line and the column, never what stands there.
        """
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                names = tuple(reader.fieldnames or ())
                if names not in (COLUMNS, (*COLUMNS, COUNT)):
                    raise AccountsError("the file's first line must be account,day or account,day,count")
                line = 0
                for row in reader:
                    line = reader.line_num
                    active = _active(row, line)
                    if not first <= active.day <= last:
                        raise AccountsError(
                            f"line {line}, day: it is not one from {first} to {last}; take the line out, or "
                            "name the days of the file with --from and --to"
                        )
                    yield active
                if not line:
                    raise AccountsError("the file has no rows below the first line; nothing is vouched for")
        except OSError as error:
            raise AccountsError(f"cannot read the file: {error.strerror}") from None
        except UnicodeDecodeError:
            raise AccountsError("the file is not UTF-8; save it as UTF-8") from None
        except csv.Error:
            raise AccountsError("the file is not CSV: a quote or a line end is wrong") from None


def _active(row: dict[str, str], line: int) -> Active:
    if None in row or None in row.values():
        raise AccountsError(f"line {line}: it has more or fewer fields than the first line")
    try:
        day = date.fromisoformat(row["day"].strip())
    except ValueError:
        raise AccountsError(f"line {line}, day: write it as 2026-11-01") from None
    if not row["account"].strip():
        raise AccountsError(f"line {line}, account: it is empty; write who was active, or take the line out")
    text = row.get(COUNT, "1").strip()
    if not text:
        raise AccountsError(
            f"line {line}, count: it is empty; write how often on that day (1 or more), or leave the column "
            "out of the whole file"
        )
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= MOST_COUNT:
        raise AccountsError(f"line {line}, count: write an integer from 1 to {MOST_COUNT}")
    return Active(row["account"], day, int(text))
