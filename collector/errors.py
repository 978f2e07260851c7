"""Errors of the collector. The class docstring says what the class of fault is.

    CollectorError
    ├── SettingsError         a setting or option cannot be used
    ├── KeyFileError          a key file is missing a half, damaged or readable by others
    ├── StoreError            the database cannot be opened or used
    │   ├── StoreBusyError        another process holds the database; trying again helps
    │   ├── StoreMismatchError    the database belongs to other settings or another version
    │   ├── StoreDamagedError     the database says that its file is damaged; nothing is written any more
    │   ├── DamagedSumError       a stored day sum is not made of integers
    │   ├── ClusterError          the ClickHouse cluster that holds frames or sums cannot be used
    │   └── DroppedMonthError     the chunks of this month were dropped; its pack holds them
    ├── DroppingError         a month's chunks cannot be dropped now; the message says why
    ├── LogError              the log cannot do this now; the message says when or how
    ├── SumLimitError         a chunk would take a day sum beyond what the store can hold
    ├── UnchangedScopeError   the scope is the one that was declared last; nothing was added
    ├── ImportFileError       a file cannot be imported; nothing of it was
    ├── SourceError           a cloud or monitor cannot be asked; see collector/sources/errors.py
    ├── AnchorError           a checkpoint could not be anchored
    │   ├── AnchorUnreachableError  no answer, or not now; trying again helps
    │   ├── AnchorRefusedError    the witness does not take it; somebody must change something
    │   └── AnchorAnswerError     the witness answered something else than a receipt for these bytes
    └── RequestError          a request cannot be answered as asked; carries its HTTP status

The command line prints the message as one line and exits 1.
"""

from __future__ import annotations

from typing import ClassVar


class CollectorError(Exception):
    """The collector cannot do what it was asked to do."""

    code: ClassVar[str] = "COLLECTOR"


class SettingsError(CollectorError):
    """A setting or option cannot be used."""

    code: ClassVar[str] = "SETTINGS"


class KeyFileError(CollectorError):
    """A key file cannot be used."""

    code: ClassVar[str] = "KEY_FILE"


class StoreError(CollectorError):
    """The database cannot be opened or used."""

    code: ClassVar[str] = "STORE"


class StoreBusyError(StoreError):
    """Another process is writing to the database."""

    code: ClassVar[str] = "STORE_BUSY"


class StoreMovedError(StoreError):
    """A moment of the store cannot be looked at from here: the store went on since, or it is another one."""

    code: ClassVar[str] = "STORE_MOVED"


class StoreMismatchError(StoreError):
    """The database was made for other settings or by a newer version."""

    code: ClassVar[str] = "STORE_MISMATCH"


class StoreDamagedError(StoreError):
    """The database is damaged: what is written into it may be lost with it."""

    code: ClassVar[str] = "STORE_DAMAGED"

    def __init__(self, message: str, reason: str = "") -> None:
        """``reason`` is what the database itself says, without the place of the store."""
        super().__init__(message)
        self.reason = reason or message


class DamagedSumError(StoreError):
    """A stored day sum is not made of integers."""

    code: ClassVar[str] = "STORE_DAMAGED"


class ClusterError(StoreError):
    """The ClickHouse cluster that holds a store's frames or day sums cannot be used."""

    code: ClassVar[str] = "CLUSTER"
    unreachable = False
    """Whether the server cannot do it now; another replica may."""


class DroppedMonthError(StoreError):
    """The chunks of this month were dropped from the store; its pack holds them."""

    code: ClassVar[str] = "MONTH_DROPPED"


class DroppingError(CollectorError):
    """A month's chunks cannot be dropped: something of them would be nowhere else."""

    code: ClassVar[str] = "DROPPING"


class LogError(CollectorError):
    """The log cannot be continued, closed or proved as asked."""

    code: ClassVar[str] = "LOG"


class SumLimitError(CollectorError):
    """A chunk would take a day sum beyond what the store can hold; nothing was added."""

    code: ClassVar[str] = "SUM_LIMIT"


class UnchangedScopeError(CollectorError):
    """The scope is the one that was declared last; nothing was added."""

    code: ClassVar[str] = "SCOPE_UNCHANGED"


class ImportFileError(CollectorError):
    """A file cannot be imported, and nothing of it was."""

    code: ClassVar[str] = "IMPORT"


class AnchorError(CollectorError):
    """A checkpoint could not be anchored. It stays in the outbox."""

    code: ClassVar[str] = "ANCHOR"


class AnchorUnreachableError(AnchorError):
    """A witness does not answer, or not now."""

    code: ClassVar[str] = "ANCHOR_UNREACHABLE"


class AnchorRefusedError(AnchorError):
    """A witness does not take the checkpoint; somebody must change something."""

    code: ClassVar[str] = "ANCHOR_REFUSED"


class AnchorAnswerError(AnchorError):
    """A witness answered something else than a receipt for these bytes."""

    code: ClassVar[str] = "ANCHOR_ANSWER"


class RequestError(CollectorError):
    """A request is refused. ``status`` is the HTTP status, ``reason`` the code of ``docs/wire.md``."""

    code: ClassVar[str] = "REQUEST"

    def __init__(self, status: int, reason: str, message: str, *, retry_after_s: int = 0) -> None:
        """Keep what the answer will say; ``retry_after_s`` 0 means that waiting does not help."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
