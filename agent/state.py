"""The state directory: the key, the enrolment, and the lock that keeps a second agent out.

::

    key              seed of the enrolled key, 64 hex digits and a newline, mode 0600
    key.next         seed of a key that is not enrolled yet
    enrolment.json   the record with its signatures and the collector; its rename is the moment of enrolment
    pending.json     a request whose answer is not known yet
    receipt.json     the newest checkpoint of the collector's log that was proved (``agent.receipts``)
    request.json     an enrolment that was made by file and that no receipt has confirmed
    receipts/        receipts that came as files and are not taken yet
    export.lock      held while the spool is exported or thinned
    ca.pem           the CA of the collector, pinned at enrolment
    relay            chunks are let go only on the log's proof (``agent.relaying``)
    shutdown         boot id and end of the last chunk, if the machine was seen going down after it
    client.pem       what is shown in TLS, where the collector wants it (``agent.client_certificate``)
    lock, status.json, spool/

After an enrolment ``key.next`` becomes ``key``. A crash between the two leaves an enrolment that
names ``key.next``; loading finishes the renaming.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable, Optional

from agent.errors import LockedError, NotEnrolledError, StateError
from agent.files import FILE_MODE, FOLDER_MODE, RealFiles, replace
from evidence import enrolment as records
from evidence.dsse import ENROLMENT_TYPE
from evidence.errors import EvidenceError
from evidence.keys import SEED_BYTES, PrivateKey, PublicKey

KEY, NEXT_KEY = "key", "key.next"
ENROLMENT, PENDING = "enrolment.json", "pending.json"
LOCK, SPOOL, STATUS, SHUTDOWN = "lock", "spool", "status.json", "shutdown"
RECEIPT = "receipt.json"
CA = "ca.pem"
RELAY = "relay"
CLIENT = "client.pem"
REQUEST, INBOX, EXPORT_LOCK = "request.json", "receipts", "export.lock"
MAX_FILE_BYTES = 256 * 1024
LOCK_TRIES, LOCK_PAUSE_S = 5, 0.05
"""``agent status`` looks whether the lock is held by taking it for a moment."""
_FILES = RealFiles()


@dataclass(frozen=True)
class Enrolled:
    """An enrolment of this host, and where it was made. ``key`` signs."""

    signed: records.SignedEnrolment
    collector: str
    key: PrivateKey
    log_key: Optional[PublicKey] = None
    """Whose log the collector keeps; ``None``: enrolled before collectors kept one."""


def default_state(process: str = "agent") -> str:
    """Return the state directory for this user and system; ``process`` is whose it is."""
    if sys.platform == "win32":  # pragma: no cover - no Windows machine in CI
        return os.path.join(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "starproof", process)
    if os.geteuid() == 0:
        return f"/var/lib/starproof/{process}"
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "starproof", process)


class State:
    """One state directory."""

    def __init__(self, folder: str, *, owner: Optional[int] = None) -> None:
        """Use ``folder``, whose files belong to ``owner`` (this user if not given); nothing is created.

        The folder itself may be reached through a link, as systemd lays one for a DynamicUser; what
        counts is whose it is. Inside it no link is followed.
        """
        self.folder = os.path.realpath(folder)
        self._owner = owner

    @classmethod
    def of_any_owner(cls, folder: str) -> State:
        """Return the directory for looking only: the administrator may look into everybody's."""
        if os.name != "nt" and os.geteuid() == 0 and os.path.isdir(folder):
            return cls(folder, owner=os.stat(folder).st_uid)
        return cls(folder)

    def is_others(self) -> bool:
        """Return whether this directory is only to be looked at: it belongs to another user than this."""
        return self._owner is not None and self._owner != os.geteuid()

    def path(self, name: str) -> str:
        """Return the path of a file in the state directory."""
        return os.path.join(self.folder, name)

    def create(self) -> None:
        """Create the directory for its owner only, or check the one that is there.

        Raises:
            StateError: it belongs to somebody else, is a link, or cannot be made.
        """
        try:
            os.makedirs(self.folder, mode=FOLDER_MODE, exist_ok=True)
            self._require_own(self.folder, stat.S_ISDIR)
            if os.name != "nt":
                os.chmod(self.folder, FOLDER_MODE)
        except OSError as error:
            raise StateError(f"the state directory {self.folder} cannot be used: {error}") from None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the state directory for this process alone.

        Raises:
            LockedError: another agent holds it.
            StateError: the directory cannot be used.
        """
        self.create()
        path = self.path(LOCK)
        self._require_plain(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), FILE_MODE)
        try:
            _lock(descriptor, self.folder)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> Optional[bytes]:
        """Return a file of the state directory, ``None`` if it is not there.

        Raises:
            StateError: it is a link, belongs to somebody else, or is too long.
        """
        path = self.path(name)
        if not self._require_plain(path):
            return None
        try:
            data = _FILES.read(path)
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error}") from None
        if len(data) > MAX_FILE_BYTES:
            raise StateError(f"{path} has {len(data)} bytes; it is not a file of the agent")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the state directory; returns when it is on the disk.

        Raises:
            StateError: the disk does not take it.
        """
        self._require_plain(self.path(name))
        try:
            replace(_FILES, self.path(name), data)
        except OSError as error:
            raise StateError(f"{self.path(name)} cannot be written: {error}") from None

    def remove(self, name: str) -> None:
        """Remove a file of the state directory if it is there; returns when it is gone for good.

        Raises:
            OSError: it cannot be removed.
        """
        try:
            _FILES.remove(self.path(name))
        except FileNotFoundError:
            return
        _FILES.sync_folder(self.folder)

    def ca_pem(self) -> Optional[str]:
        """Return the pinned CA, ``None`` if none was pinned.

        Raises:
            StateError: the file cannot be used.
        """
        data = self.read(CA)
        return None if data is None else data.decode("ascii", "replace")

    # Keys

    def key(self, name: str = KEY) -> Optional[PrivateKey]:
        """Return the private key in a file, ``None`` if there is none.

        Raises:
            StateError: the file is not a key file, or others can read it.
        """
        data = self.read(name)
        if data is None:
            return None
        path = self.path(name)
        if os.name != "nt" and stat.S_IMODE(os.lstat(path).st_mode) & 0o077:
            raise StateError(f"{path} can be read by others; run chmod 600 on it")
        try:
            seed = bytes.fromhex(data.decode("ascii").strip())
        except ValueError:
            seed = b""
        if len(seed) != SEED_BYTES:
            raise StateError(f"{path} is not a key file: 64 hex digits are expected; enrol this host anew")
        return PrivateKey.from_seed(seed)

    def make_key(self) -> PrivateKey:
        """Create a key that is not enrolled yet and return it when it is on the disk.

        Raises:
            StateError: the disk does not take it.
        """
        key, path = PrivateKey.generate(), self.path(NEXT_KEY)
        self.remove(NEXT_KEY)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(path, flags, FILE_MODE), "wb") as file:
                file.write(key.seed.hex().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _FILES.sync_folder(self.folder)
        except OSError as error:
            raise StateError(f"{path} cannot be written: {error}") from None
        return key

    # The enrolment

    def enrolled(self) -> Optional[Enrolled]:
        """Return the enrolment of this host, ``None`` before the first.

        Raises:
            StateError: a file is damaged, or the key of the enrolment is gone.
        """
        data = self.read(ENROLMENT)
        if data is None:
            return None
        signed, collector, log_key = _parse(data, self.path(ENROLMENT))
        for name in (KEY, NEXT_KEY):
            key = self.key(name)
            if key is not None and key.public == signed.public:
                if name == NEXT_KEY:
                    self._settle()
                return Enrolled(signed, collector, key, log_key)
        raise StateError(f"the key of the enrolment is not in {self.folder}; enrol this host anew")

    def require_enrolled(self) -> Enrolled:
        """Return the enrolment of this host.

        Raises:
            NotEnrolledError: there is none.
            StateError: a file is damaged.
        """
        enrolled = self.enrolled()
        if enrolled is None:
            raise NotEnrolledError(
                f"this host is not enrolled ({self.folder}); "
                "run: starproof-agent enroll --collector URL --token-file FILE"
            )
        return enrolled

    def enrol(self, signed: records.SignedEnrolment, collector: str, log_key: str = "") -> None:
        """Make this the enrolment of the host; its key is in ``key.next``.

        ``log_key`` is the key of the collector's log in hex, empty if it keeps none.

        Raises:
            StateError: the disk does not take it.
        """
        self.write(ENROLMENT, document(signed, collector, log_key))
        self._settle()
        self.remove(PENDING)

    def _settle(self) -> None:
        try:
            _FILES.rename(self.path(NEXT_KEY), self.path(KEY))
            _FILES.sync_folder(self.folder)
        except OSError as error:
            raise StateError(f"the new key cannot be put in place: {error}") from None

    # Owners

    def _require_plain(self, path: str) -> bool:
        """Return whether a file is there; refuse links and other people's files."""
        try:
            self._require_own(path, stat.S_ISREG)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StateError(f"{path} cannot be used: {error}") from None
        return True

    def _require_own(self, path: str, kind: Callable[[int], bool]) -> None:
        found = os.lstat(path)
        if not kind(found.st_mode):
            raise StateError(f"{path} is a link or not what the agent made; remove it")
        if os.name == "nt":  # pragma: no cover - no Windows machine in CI
            return
        if found.st_uid != (os.geteuid() if self._owner is None else self._owner):
            raise StateError(
                f"{path} belongs to user {found.st_uid}; run the agent as that user or remove it"
            )


def document(signed: records.SignedEnrolment, collector: str, log_key: str = "") -> bytes:
    """Return the content of ``enrolment.json``."""
    fields = {
        **({"log_key": log_key} if log_key else {}),
        "collector": collector,
        "hash": signed.hash,
        "record": base64.b64encode(signed.record).decode(),
        "signature": base64.b64encode(signed.signature).decode(),
        "previous_signature": base64.b64encode(signed.previous_signature).decode(),
    }
    return json.dumps(fields, indent=1).encode() + b"\n"


def _parse(data: bytes, path: str) -> tuple[records.SignedEnrolment, str, Optional[PublicKey]]:
    try:
        fields = json.loads(data)
        record, signature, previous = (
            base64.b64decode(fields[name], validate=True)
            for name in ("record", "signature", "previous_signature")
        )
        signed = records.SignedEnrolment(records.parse(record), record, signature, previous)
        PublicKey.from_hex(signed.enrolment.key).verify(ENROLMENT_TYPE, record, signature)
        log_key = PublicKey.from_hex(fields["log_key"]) if "log_key" in fields else None
        return signed, str(fields["collector"]), log_key
    except (ValueError, KeyError, TypeError, binascii.Error, EvidenceError) as error:
        raise StateError(f"{path} is damaged ({error}); enrol this host anew") from None


def is_locked(path: str) -> bool:
    """Return whether somebody holds the lock file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: str) -> None:
    for _ in range(LOCK_TRIES):
        if try_lock(descriptor):
            return
        time.sleep(LOCK_PAUSE_S)
    raise LockedError(f"another agent works on {folder}; stop it first, or give --state")


def try_lock(descriptor: int) -> bool:
    """Return whether the lock on an open file was free; it is held from now on."""
    try:
        if sys.platform == "win32":  # pragma: no cover - no Windows machine in CI
            import msvcrt  # noqa: PLC0415 - only there

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
