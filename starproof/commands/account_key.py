"""The command ``starproof account-key``: make the key under which accounts are hashed."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from evidence.accounts import KEY_BYTES, key_id

PRIVATE = 0o600


def main(argv: Sequence[str] | None = None, *, prog: str = "starproof account-key") -> int:
    """Write a new key; return the exit status: 0 done, 1 error, 2 wrong usage."""
    options = _parser(prog).parse_args(argv)
    key = secrets.token_bytes(KEY_BYTES)
    try:
        # Never over a key that exists: hashes under it could not be compared with new ones.
        handle = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        print(f"{prog}: cannot make {options.out}: {error.strerror}", file=sys.stderr)  # noqa: T201 - one line
        return 1
    lines = (
        f"账号密钥已生成 / account key made: {options.out}",
        f"密钥编号 / key id: {key_id(key)}",
        "请由管理员复制到每台读取账号的主机，权限 600；不要放进证据包或发给他人。",
        "Copy it to every host that reads accounts, mode 600; it belongs in no pack and to nobody else.",
    )
    print("\n".join(lines))  # noqa: T201 - the command's answer
    return 0


class _Parser(argparse.ArgumentParser):
    """Ends with one line and status 2 on wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="生成账号哈希密钥 / make the key under which accounts are hashed, once an enterprise",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="a new file, mode 600")
    return parser
