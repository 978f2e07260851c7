"""The program ``openssl``, which does what our libraries do not: SM2, SM3 and certificates.

Every call is a list of arguments with a limit of time; nothing is asked on the terminal. Before SM2 is
used, a signature that is known to hold and one that is known not to are verified: a program that cannot
do it, or says yes to everything, is found out.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starproof.seals.errors import ToolError

Arguments = list[str | Path]

NAME = "openssl"
LEAST = (3, 0)
"""The first version that takes ``-rawin`` with SM2."""
TIMEOUT_S = 60
MAX_REASON = 300
DISTINGUISHED_ID = "1234567812345678"
"""The signer's identity where none was agreed (GM/T 0009); a part of what SM2 signs."""
SM2_OPTIONS = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{DISTINGUISHED_ID}")
VERIFIED = b"Signature Verified Successfully"
KNOWN_PUBLIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEcmPe4AFFO+A6Jx5l/B1qbuK9cMb9
SBQ5WZP8swT+rHrY3E/vKjHK1Ur9g8gKJMtLdGXkUpqz/uBywot63lRxdg==
-----END PUBLIC KEY-----
"""
KNOWN_MESSAGE = b"starproof self-test"
KNOWN_SIGNATURE = base64.b64decode(
    "MEUCICI3NBaMQcYCY028faYRVEShfSWifvkaTYxvbkGFF0RlAiEAolxja332o5Y/Hj9Lzetho6HCKwCnS0IDv6MG7wwBT38="
)
"""Made once with OpenSSL 3.0 and a key that was thrown away."""


@dataclass(frozen=True)
class OpenSSL:
    """The program at ``path``. Get one from ``find``."""

    path: str

    def run(self, arguments: Arguments, *, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Return what a call answered, whatever its exit status.

        Raises:
            ToolError: it cannot be started, or does not end.
        """
        command = [self.path, *(str(argument) for argument in arguments)]
        try:
            return subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"{self.path} does not run: {error}; install OpenSSL 3.0 or later") from None

    def answer(self, arguments: Arguments, *, data: bytes = b"") -> bytes:
        """Return what a call that must succeed wrote.

        Raises:
            ToolError: it failed; the message holds its own words.
        """
        done = self.run(arguments, data=data)
        if done.returncode:
            raise ToolError(f"openssl {arguments[0]} failed: {reason(done)}")
        return done.stdout

    def sm2_verifies(self, public: Path, message: Path, signature: Path) -> bool:
        """Return whether an SM2 signature holds. Whatever is no clear yes is a no."""
        done = self.run(
            [
                "pkeyutl",
                "-verify",
                *SM2_OPTIONS,
                "-pubin",
                "-inkey",
                public,
                "-in",
                message,
                "-sigfile",
                signature,
            ]
        )
        return done.returncode == 0 and VERIFIED in done.stdout

    def sm3(self, file: Path) -> str:
        """Return the SM3 hash of a file, 64 hex digits.

        Raises:
            ToolError: it has no SM3.
        """
        digest = self.answer(["dgst", "-sm3", "-binary", file])
        if len(digest) != 32:  # noqa: PLR2004 - SM3 has 256 bits
            raise ToolError(
                "openssl dgst -sm3 did not answer a hash of 32 bytes; install OpenSSL 3.0 or later"
            )
        return digest.hex()


def find(environment: Mapping[str, str] = os.environ) -> OpenSSL:
    """Return the program on the path, fit for SM2.

    Raises:
        ToolError: there is none, or it does not verify what it must, and only that.
    """
    path = shutil.which(NAME, path=environment.get("PATH", ""))
    if path is None:
        raise ToolError(
            "需要 openssl 程序（3.0 或更高版本） the program openssl is needed for SM2 and certificates and is not "
            "installed; install OpenSSL 3.0 or later"
        )
    tool = OpenSSL(path)
    told = tool.answer(["version"]).decode("utf-8", "replace").strip()
    version = re.match(r"OpenSSL (\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < LEAST:
        raise ToolError(f"{path} is {told[:60]!r}; OpenSSL 3.0 or later is needed")
    _self_test(tool)
    return tool


def _self_test(tool: OpenSSL) -> None:
    files = {"public": KNOWN_PUBLIC.encode(), "signature": KNOWN_SIGNATURE}
    with written({**files, "message": KNOWN_MESSAGE, "other": KNOWN_MESSAGE + b"!"}) as place:
        answers = [
            tool.sm2_verifies(place["public"], place[name], place["signature"])
            for name in ("message", "other")
        ]
    if answers != [True, False]:
        raise ToolError(f"{tool.path} does not verify SM2 as it must; install an OpenSSL with SM2 and SM3")


@contextmanager
def written(contents: Mapping[str, bytes]) -> Iterator[dict[str, Path]]:
    """Write contents to files that only this user can read, while the block runs."""
    with tempfile.TemporaryDirectory(prefix="starproof-seal-") as folder:
        paths = {name: Path(folder, name) for name in contents}
        for name, content in contents.items():
            paths[name].write_bytes(content)
        yield paths


def reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the program's own words on one line."""
    return " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())[:MAX_REASON]
