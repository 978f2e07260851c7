"""Following the files of one log through renaming, copying, truncating and compressing.

One look (``poll``) does this:

1. The names are listed until two lists are the same: a rotation that renames one file after the other is
   over. Files are opened and what was opened is compared with the list.
2. A file that has the device and inode number of a record, and its content, is that record's. So is one that has
   not changed in size and time.
3. A file of a rotated name that is left, with the content of a record that has no file any more, is that record's: it was
   renamed, copied (``copytruncate``) or compressed.
4. A file of a rotated name whose content belongs to a record that has its file is a copy on its way: it waits. So
   does one that begins like a file that nobody has read yet: one of the two is the other's copy.
5. Every other file is new and is read from its begin.
6. A record without a file is kept a day, in case it was read to its end; otherwise, after ``PATIENCE`` looks, it is
   *lost*: lines may have been written to it that nobody read, and the time since the last batch is not vouched for.

``copytruncate`` itself loses what is written between its copy and its truncation; no reader can help that.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Callable, Optional

from agent.logins.blocks import blocks
from agent.logins.content import Content, MovedError, UnfinishedError, opened
from agent.logins.formats.interface import Format, Place
from agent.logins.identity import Marks, Record, by_identity
from agent.logins.stamps import Stamps
from agent.logins.tally import Tally

SETTLE_MS = 60_000
"""A rotated file that did not change for so long is finished: programs write on into it for a while."""
TINY_SETTLE_MS = 5_000
"""The same for a rotated file that is too short to tell whether it is the begin of a copy."""
PATIENCE = 3
KEEP_GONE_MS = 86_400_000
MAX_FILES = 4_096
LIST_TRIES = 8
TINY_BYTES = 64
BEGIN_BYTES = 64 * 1024
_NS_PER_MS = 1_000_000
_STAMP = re.compile(
    rb"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    rb"|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d",
    re.MULTILINE,
)


@dataclass
class Found:
    """What one look found. Messages name files, never their content.

    ``complete``: all that was there has been read; ``problems`` say why not, and what to do; ``lost`` are files
    that went away unread.
    """

    complete: bool = True
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def problem(self, message: str) -> None:
        """Note why the look is not complete."""
        self.complete = False
        self.problems.append(message)


@dataclass(frozen=True)
class _File:
    path: str
    identity: tuple[int, int]
    size: int
    mtime_ns: int
    live: bool


class Follower:
    """The files of one log. ``records`` are what has to be kept."""

    def __init__(
        self,
        *,
        paths: Sequence[str],
        rotated: Sequence[str],
        marks: Marks,
        records: Sequence[Record] = (),
    ) -> None:
        """Follow the files that ``paths`` match, and those of ``rotated`` that they become."""
        self._paths = tuple(paths)
        self._rotated = tuple(rotated)
        self._marks = marks
        self.records = list(records)

    def baseline(self) -> Found:
        """Begin at the ends of the files that are there; what they hold is not read."""
        found = Found()
        for file in self._list(found):
            record = Record(file.path, *file.identity, size=file.size, mtime_ns=file.mtime_ns)
            try:
                with opened(file.path) as content:
                    record.done = not file.live or content.compressed
                    if not content.compressed:
                        record.position = _last_line(content)
                        self._marks.update(record, content)
            except OSError as error:
                found.problem(unreadable(file.path, error))
                continue
            self.records.append(record)
        return found

    def earliest_ms(self, stamps: Stamps) -> Optional[int]:
        """Return the time of the first line that has one, over all files; ``None`` if none is found."""
        times = []
        for file in self._list(Found()):
            try:
                with opened(file.path) as content:
                    begin = content.read_at(0, BEGIN_BYTES)
            except (OSError, UnfinishedError):
                continue
            for match in _STAMP.finditer(begin):
                time_ms = stamps.instant_ms(match[0], file.mtime_ns // _NS_PER_MS)
                if time_ms is not None:
                    times.append(time_ms)
                    break
        return min(times, default=None)

    def poll(self, form: Format, tally: Tally, *, now_ms: int, enough: Callable[[], bool]) -> Found:
        """Read what is new and count it; ``enough`` is asked after every block whether to stop for now."""
        found = Found()
        try:
            pairs = self._matched(found, now_ms)
        except MovedError:
            found.problem(f"the files of {self._paths[0]} are being moved; they are looked at again")
            return found
        for file, record in sorted(pairs, key=lambda pair: pair[0].mtime_ns):
            if enough():
                found.complete = False
                break
            try:
                self._read(file, record, form, tally, now_ms=now_ms, enough=enough)
            except MovedError:
                found.problem(f"{file.path} was moved while it was read; it is looked at again")
            except UnfinishedError:
                found.problem(f"{file.path} is not wholly compressed yet or is damaged; test it with gzip -t")
            except OSError as error:
                found.problem(unreadable(file.path, error))
            found.complete = found.complete and not enough()
        return found

    # Which file is which

    def _matched(self, found: Found, now_ms: int) -> list[tuple[_File, Record]]:
        """Steps 1 to 6: return every file that is to be looked at with its record."""
        files = self._listed(found)
        taken: dict[int, _File] = {}
        left = []
        for file in files:
            record = by_identity(self.records, file.identity)
            if record is not None and id(record) not in taken and self._is_still(file, record):
                taken[id(record)] = file
            else:
                left.append(file)
        for file in left:
            self._place(file, taken, found, now_ms)
        pairs = []
        for record in list(self.records):
            if id(record) in taken:
                file = taken[id(record)]
                record.path, (record.device, record.inode) = file.path, file.identity
                record.gone = record.gone_ms = 0
                pairs.append((file, record))
            else:
                self._missed(record, found, now_ms)
        return pairs

    def _is_still(self, file: _File, record: Record) -> bool:
        if (file.size, file.mtime_ns) == (record.size, record.mtime_ns):
            return True
        with _checked(file) as content:
            if content is None:
                return True  # reading it will say why
            if record.position == 0:
                return True
            try:
                return self._marks.is_same(record, content)
            except (UnfinishedError, OSError):
                return False

    def _place(self, file: _File, taken: dict[int, _File], found: Found, now_ms: int) -> None:
        """Steps 3 to 5 for one file."""
        with _checked(file) as content:
            if content is None:
                found.problem(unreadable(file.path, PermissionError("permission denied")))
                return
            try:
                record = self._of_content(file, content, taken)
                if record is None and not file.live and self._is_copy_of_unread(content, taken):
                    return
            except UnfinishedError:
                found.problem(f"{file.path} is not wholly compressed yet or is damaged; test it with gzip -t")
                return
            if record is not None:
                taken.setdefault(id(record), file)
                return
            if (
                not file.live
                and file.size < TINY_BYTES
                and now_ms - file.mtime_ns // _NS_PER_MS < TINY_SETTLE_MS
            ):
                found.complete = False
                return
        record = Record(file.path, *file.identity)
        self.records.append(record)
        taken[id(record)] = file

    def _of_content(self, file: _File, content: Content, taken: dict[int, _File]) -> Optional[Record]:
        """Return the record whose content this file has, one without a file first; it may have one already."""
        for record in sorted(self.records, key=lambda record: id(record) in taken):
            if id(record) in taken and file.live:
                continue
            if self._marks.is_same(record, content):
                return record
            if not file.live and self._marks.is_shorter_copy(record, content):
                if (
                    id(record) not in taken
                ):  # what was read beyond the copy is not in it: nothing is left to read
                    record.position = _length(content)
                    record.done = True
                    record.size, record.mtime_ns = file.size, file.mtime_ns
                    self._marks.update(record, content)
                return record
        return None

    def _is_copy_of_unread(self, content: Content, taken: dict[int, _File]) -> bool:
        """Return whether one of two contents begins with the other, for a file that was never read."""
        begin = content.read_at(0, BEGIN_BYTES)
        for record in self.records:
            other = taken.get(id(record))
            if other is None or record.position or not other.size:
                continue
            try:
                with _checked(other) as unread:
                    found = b"" if unread is None else unread.read_at(0, BEGIN_BYTES)
            except UnfinishedError:  # reading it will say so
                continue
            count = min(len(found), len(begin))
            if count and found[:count] == begin[:count]:
                return True
        return False

    def _missed(self, record: Record, found: Found, now_ms: int) -> None:
        """Step 6."""
        record.gone += 1
        record.gone_ms = record.gone_ms or now_ms
        if record.done or record.position == 0:
            if now_ms - record.gone_ms > KEEP_GONE_MS or record.position == 0:
                self.records.remove(record)
            return
        if record.gone < PATIENCE:
            found.problem(f"{record.path} is not there for the moment; waiting for its rotated file")
            return
        self.records.remove(record)
        found.lost.append(record.path)

    # Reading

    def _read(
        self,
        file: _File,
        record: Record,
        form: Format,
        tally: Tally,
        *,
        now_ms: int,
        enough: Callable[[], bool],
    ) -> None:
        same = (file.size, file.mtime_ns) == (record.size, record.mtime_ns)
        if same and (record.done or file.live):
            return
        settled = now_ms - file.mtime_ns // _NS_PER_MS > SETTLE_MS
        with opened(file.path) as content:
            if content.identity != file.identity:
                raise MovedError
            final = content.compressed or (not file.live and same and settled)
            place = Place(now_ms if file.live else file.mtime_ns // _NS_PER_MS, record.fields)
            for block in blocks(content, record, tally, marks=self._marks, final=final):
                form.count(block, place, tally)
                record.fields = place.fields
                if enough():
                    final = False
                    break
            record.done = final
            if not enough():
                record.size, record.mtime_ns = content.size, content.mtime_ns

    def _listed(self, found: Found) -> list[_File]:
        """Step 1. Raises MovedError."""
        before: list[_File] = []
        for _ in range(LIST_TRIES):
            listed = self._list(found)
            if [(file.path, file.identity) for file in before] == [(f.path, f.identity) for f in listed]:
                if not listed:
                    found.problem(
                        f"no file is found under {', '.join(self._paths)}; check the path, and whether the "
                        "service's user may enter its folder"
                    )
                return listed
            before = listed
        raise MovedError

    def _list(self, found: Found) -> list[_File]:
        files: dict[tuple[int, int], _File] = {}
        for live, patterns in ((True, self._paths), (False, self._rotated)):
            for path in sorted({path for pattern in patterns for path in glob.iglob(pattern)}):
                try:
                    status = os.stat(path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    found.problem(unreadable(path, error))
                    continue
                identity = (status.st_dev, status.st_ino)
                if stat.S_ISREG(status.st_mode) and status.st_size and len(files) < MAX_FILES:
                    files.setdefault(
                        identity, _File(path, identity, status.st_size, status.st_mtime_ns, live)
                    )
                elif stat.S_ISREG(status.st_mode) and live:
                    files.setdefault(identity, _File(path, identity, 0, status.st_mtime_ns, live))
        return list(files.values())


class _checked:  # noqa: N801 - a context manager
    """Opens a file of the list; gives ``None`` where it may not be read."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._context = opened(file.path)

    def __enter__(self) -> Optional[Content]:
        try:
            content = self._context.__enter__()
        except FileNotFoundError:
            raise MovedError from None
        except OSError:
            self._context = None  # type: ignore[assignment]
            return None
        if content.identity != self._file.identity:
            self._context.__exit__(None, None, None)
            raise MovedError
        return content

    def __exit__(self, *args: object) -> None:
        if self._context is not None:
            self._context.__exit__(None, None, None)


def unreadable(path: str, error: OSError) -> str:
    """Return why a log cannot be read and what to do."""
    reason = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return (
            f"{path} cannot be read: {reason}; add the service's user to the group that may read it "
            "(SupplementaryGroups=adm in the unit), or: setfacl -m g:adm:r FILE"
        )
    return f"{path} cannot be read: {reason}; check the path in logins.toml"


def _last_line(content: Content) -> int:
    """Return where the last line that has no end begins: the end of the file if it has one."""
    position = content.size
    while position > 0:
        count = min(position, 64 * 1024)
        data = content.read_at(position - count, count)
        place = data.rfind(b"\n")
        if place >= 0:
            return position - count + place + 1
        position -= count
    return 0


def _length(content: Content) -> int:
    """Return the length of the content."""
    position = 0
    while True:
        data = content.read_at(position, 1024 * 1024)
        if not data:
            return position
        position += len(data)
