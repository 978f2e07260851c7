"""The wheel of an installed distribution, made from its installed files.

A collector without internet has no wheel of StarProof, but it has StarProof: its record (PEP 376)
names every file that the wheel put there. The same files give a wheel again, byte for byte the same
each time. An editable installation has no such files: there the source folder is built by pip.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from starproof.bundling.errors import BundleError

OURS = "starproof"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP file can hold; a wheel's times say nothing."""
FILE_MODE = 0o100_644
LEFT_BEHIND = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Files of the installation, not of the wheel."""
BUILD_TIMEOUT_S = 300


def own_wheel(folder: Path) -> Path:
    """Write the wheel of this StarProof into ``folder`` and return its path.

    Raises:
        BundleError: it is not installed from files, and cannot be built from source.
    """
    try:
        installed = distribution(OURS)
    except PackageNotFoundError:
        installed = None
    if installed is not None and any(str(file).startswith(f"{OURS}/") for file in installed.files or ()):
        return repack(installed, folder)
    source = Path(__file__).resolve().parents[2]
    if not (source / "pyproject.toml").is_file():
        raise BundleError("the wheel of StarProof is missing; put it into the folder of --wheels")
    return _build(source, folder)


def repack(installed: Distribution, folder: Path) -> Path:
    """Write the wheel of an installed distribution into ``folder`` and return its path.

    Raises:
        BundleError: it was not installed from a wheel, or files of it are gone.
    """
    name = installed.metadata["Name"]
    tags = [
        line.partition(":")[2].strip()
        for line in (installed.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag:")
    ]
    if not tags:
        raise BundleError(f"{name} was not installed from a wheel; put its wheel into the folder of --wheels")
    files = _files(installed)
    info = next(path.split("/")[0] for path in files if path.split("/")[0].endswith(".dist-info"))
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in sorted(files.items()))
    path = folder / f"{info.removesuffix('.dist-info')}-{_compressed(tags)}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, data in (
            *sorted(files.items()),
            (f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode()),
        ):
            entry = zipfile.ZipInfo(inside, ZIP_EPOCH)
            entry.external_attr = FILE_MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def _files(installed: Distribution) -> dict[str, bytes]:
    """Return what the wheel held: neither scripts that pip made, nor compiled code, nor pip's notes."""
    found: dict[str, bytes] = {}
    for file in installed.files or ():
        parts = file.parts
        made = parts[0] == ".." or "__pycache__" in parts or file.name in LEFT_BEHIND
        if made:
            continue
        try:
            found["/".join(parts)] = Path(str(installed.locate_file(file))).read_bytes()
        except OSError as error:
            raise BundleError(f"{file} is gone ({error.strerror}); install StarProof anew") from None
    return found


def _compressed(tags: list[str]) -> str:
    """Return the tags as a file name has them: every part once, joined by full stops."""
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(column)) for column in columns)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")


def _build(source: Path, folder: Path) -> Path:
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps",
        "--wheel-dir", str(folder), str(source),
    ]  # fmt: skip
    if find_spec("hatchling") is not None:  # then it need not be fetched
        command.insert(-1, "--no-build-isolation")
    run_pip(command, what=f"the wheel of {source}")
    return next(iter(sorted(folder.glob(f"{OURS}-*.whl"))))


def run_pip(command: list[str], *, what: str, environment: Mapping[str, str] | None = None) -> None:
    """Run pip to its end.

    Raises:
        BundleError: it fails; the message holds the last line that pip said.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"{what}: pip takes longer than {BUILD_TIMEOUT_S} s; give --wheels DIR") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise BundleError(f"{what}: {said[-1] if said else 'pip fails and says nothing'}")
