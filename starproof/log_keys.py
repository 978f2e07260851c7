"""Log keys: public keys that a reviewer got from elsewhere than from the packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from documents.region import enterprise_key
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from starproof.keys import read_log_key
from verifier.errors import PackError
from verifier.statement import Statement

SUFFIX = ".pub"


@dataclass(frozen=True)
class LogKeys:
    """Keys for many packs: those of named enterprises, or some that may sign for anybody."""

    of_enterprise: Mapping[str, PublicKey]
    of_anybody: tuple[PublicKey, ...] = ()

    def for_pack(self, statement: Statement | None) -> PublicKey | None:
        """Return the key to check a pack with; ``None``: no key is registered for it.

        Where keys are of anybody and none is the pack's, the first is returned, so that the check fails.
        """
        if statement is None:
            return None
        if not self.of_anybody:
            return self.of_enterprise.get(enterprise_key(statement.enterprise))
        named = (key for key in self.of_anybody if key.raw.hex() == statement.log_key)
        return next(named, self.of_anybody[0])


def keys_in_files(paths: Iterable[Path]) -> LogKeys:
    """Return keys that may sign for anybody.

    Raises:
        PackError: a file holds no public key.
        OSError: a file cannot be read.
    """
    return LogKeys({}, tuple(_read(path) for path in paths))


def keys_in_folder(folder: Path) -> LogKeys:
    """Return the keys in files ``<enterprise>.pub`` of a folder: each signs for its enterprise only.

    Raises:
        PackError: no such file is there, one holds no public key, or two are of one enterprise.
        OSError: the folder or a file cannot be read.
    """
    found: dict[str, PublicKey] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix != SUFFIX:
            continue
        name = enterprise_key(path.stem)
        if name in found:
            raise PackError(f"{path}: there are two keys of this enterprise; keep the registered one")
        found[name] = _read(path)
    if not found:
        raise PackError(f"{folder} holds no key; put each log.pub there under the name ENTERPRISE.pub")
    return LogKeys(found)


def _read(path: Path) -> PublicKey:
    try:
        return read_log_key(path)
    except EvidenceError:
        raise PackError(f"{path} does not hold a public log key; give the file log.pub") from None
