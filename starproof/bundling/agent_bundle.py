"""The archive that makes a host without internet a measured one: what is in it, for Linux and Windows."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starproof.bundling.archive import PROGRAM, SECRET, Entry, tar_gz, with_sums, zip_file
from starproof.bundling.errors import BundleError
from starproof.bundling.files import UNIT, agent_settings, agent_unit, deploy_file, example, reader_unit
from starproof.bundling.own_wheel import OURS
from starproof.bundling.target import Target
from starproof.bundling.wheels import Wheel

PREFIX = "/opt/starproof-agent"
AGENT_PROGRAM = f"{PREFIX}/current/bin/starproof-agent"
READERS = ("logins", "database")
"""Other processes that the same program runs, for hosts that have logs or databases to read."""
LINUX_CA = "/etc/starproof/agent-ca.pem"
WINDOWS_CA = r"C:\ProgramData\StarProof\agent-ca.pem"
SETTINGS, CA, TOKEN, FACTS, RUNTIME = "agent.toml", "agent-ca.pem", "token", "bundle.txt", "runtime.tar.gz"
LINUX_SCRIPTS = ("install.sh", "uninstall.sh")
WINDOWS_SCRIPTS = ("install.ps1", "uninstall.ps1")
MAX_CA_BYTES = 1024 * 1024
BEGIN_CERTIFICATE, PRIVATE_KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY"


@dataclass(frozen=True)
class Ingredients:
    """What goes into one bundle. ``token`` is for one host; ``runtime`` is a Python of one's own."""

    targets: Sequence[Target]
    wheels: Sequence[Wheel]
    collector: str
    ca: bytes | None = None
    host: str | None = None
    token: str | None = None
    runtime: bytes | None = None

    @property
    def windows(self) -> bool:
        """Whether the bundle is for Windows."""
        return self.targets[0].system == "windows"

    @property
    def version(self) -> str:
        """The version of StarProof inside."""
        return next(str(wheel.version) for wheel in self.wheels if wheel.name == OURS)


@dataclass(frozen=True)
class Bundle:
    """A finished archive."""

    name: str
    data: bytes
    secret: bool
    files: Sequence[str]

    @property
    def sha256(self) -> str:
        """The archive's SHA-256, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()


def make(parts: Ingredients) -> Bundle:
    """Return the archive: tar.gz for Linux, ZIP for Windows.

    Raises:
        BundleError: a file of this installation is missing.
    """
    top = f"starproof-agent-{parts.version}-{parts.targets[0].platform}"
    entries = with_sums(_entries(parts))
    data = zip_file(entries, top=top) if parts.windows else tar_gz(entries, top=top)
    name = top + (".zip" if parts.windows else ".tar.gz")
    return Bundle(name, data, parts.token is not None, tuple(sorted(entries)))


def read_ca(path: Path) -> bytes:
    """Return the collector's CA certificates.

    Raises:
        BundleError: the file cannot be read, holds no certificate, or holds a private key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CA_BYTES + 1)
    except OSError as error:
        raise BundleError(f"--ca {path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_CA_BYTES or BEGIN_CERTIFICATE not in data:
        raise BundleError(
            f"--ca {path} is no certificate in PEM form; it begins with -----BEGIN CERTIFICATE-----"
        )
    if PRIVATE_KEY in data:
        raise BundleError(f"--ca {path} holds a private key; give the certificate alone, never the key")
    return data


def read_runtime(path: Path) -> bytes:
    """Return a Python to bring along: a tar.gz whose folder ``python/`` holds ``bin/python3``.

    Raises:
        BundleError: it is not such an archive.
    """
    advice = "give a relocatable build as .tar.gz with python/bin/python3 inside"
    try:
        data = path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            archive.getmember("python/bin/python3")
    except OSError as error:
        raise BundleError(f"--runtime {path} cannot be read: {error}; {advice}") from None
    except (tarfile.TarError, EOFError, KeyError):
        raise BundleError(f"--runtime {path} is no Python that can be carried along; {advice}") from None
    return data


def _entries(parts: Ingredients) -> dict[str, Entry]:
    scripts = WINDOWS_SCRIPTS if parts.windows else LINUX_SCRIPTS
    found = {name: Entry(_script(name), PROGRAM) for name in scripts}
    found["README.txt"] = Entry(_script("README.windows.txt" if parts.windows else "README.linux.txt"))
    found[FACTS] = Entry(_facts(parts).encode())
    ca_file = (WINDOWS_CA if parts.windows else LINUX_CA) if parts.ca else None
    found[SETTINGS] = Entry(_lines(parts, agent_settings(collector=parts.collector, ca_file=ca_file)))
    if not parts.windows:
        found[UNIT] = Entry(agent_unit(AGENT_PROGRAM).encode())
        for reader in READERS:
            found[f"readers/starproof-{reader}.service"] = Entry(reader_unit(reader, AGENT_PROGRAM).encode())
            found[f"readers/{reader}.toml"] = Entry(example(f"{reader}.toml").encode())
    if parts.ca:
        found[CA] = Entry(parts.ca)
    if parts.token:
        found[TOKEN] = Entry(f"{parts.token}\n".encode(), SECRET)
    if parts.runtime:
        found[RUNTIME] = Entry(parts.runtime)
    for wheel in parts.wheels:
        found[f"wheels/{wheel.path.name}"] = Entry(wheel.path.read_bytes())
    return found


def _facts(parts: Ingredients) -> str:
    """Return what the scripts want to know, a line each; values may hold anything but line ends."""
    facts = {
        "version": parts.version,
        "platform": parts.targets[0].platform,
        "machine": parts.targets[0].machine,
        "pythons": " ".join(target.python_text for target in parts.targets),
        "collector": parts.collector,
        "host": parts.host or "",
    }
    return "".join(f"{name}={value}\n" for name, value in facts.items())


def _script(name: str) -> bytes:
    """Return a script as its system wants it: PowerShell 5 reads UTF-8 only behind a byte order mark."""
    text = deploy_file("agent", name)
    if not name.endswith((".ps1", ".windows.txt")):
        return text.encode()
    return text.replace("\n", "\r\n").encode("utf-8-sig")


def _lines(parts: Ingredients, text: str) -> bytes:
    return (text.replace("\n", "\r\n") if parts.windows else text).encode()
