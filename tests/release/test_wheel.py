"""The wheel of a commit: the same bytes wherever it is built, with the code that an installation tells."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from evidence.code_hash import AGENT_PACKAGES
from starproof.code_files import code_of

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "deploy" / "release" / "build-wheel"


def reason_to_skip() -> str:
    if find_spec("hatchling") is None:
        return "hatchling is not installed (dev group), and building without it needs the network"
    if which("bash") is None or which("git") is None:
        return "bash or git is not installed"
    asked = ["git", "-C", str(ROOT), "rev-parse", "--verify", "HEAD"]
    return (
        ""
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0
        else "this is no checkout"
    )


pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip())


def built(out: Path, *, umask: int, **environment: str) -> Path:
    temporary = out.parent / f"{out.name}-temporary"
    temporary.mkdir()
    subprocess.run(
        [str(BUILD), str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, "TMPDIR": str(temporary), **environment},
        umask=umask,
        capture_output=True,
        check=True,
    )
    assert list(temporary.iterdir()) == []
    [wheel] = out.iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    ours = built(folder / "here", umask=0o022, TZ="UTC", PYTHONHASHSEED="1")
    # Another place, time, mask, zone and order of sets; the clock that make and zip would ask is left out.
    theirs = built(
        folder / "a longer place", umask=0o077, TZ="Asia/Shanghai", PYTHONHASHSEED="2", SOURCE_DATE_EPOCH="1"
    )
    return ours, theirs


def test_two_builds_of_one_commit_are_equal_byte_for_byte(wheels):
    ours, theirs = wheels
    assert ours.name == theirs.name
    assert hashlib.sha256(ours.read_bytes()).hexdigest() == hashlib.sha256(theirs.read_bytes()).hexdigest()


def test_files_are_stamped_with_the_commits_time_and_have_fixed_modes(wheels):
    with zipfile.ZipFile(wheels[0]) as wheel:
        entries = wheel.infolist()
    assert len({entry.date_time for entry in entries}) == 1
    assert {entry.external_attr >> 16 & 0o777 for entry in entries} <= {0o644, 0o755}
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d %H:%M"]
    told = subprocess.run(asked, env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True, check=True)
    year, month, day, hour, minute, _ = entries[0].date_time
    assert told.stdout.strip() == f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"


def test_the_installed_wheel_tells_the_code_of_the_wheel_and_of_its_record(wheels, tmp_path):
    site = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", site, wheels[0]], check=True
    )
    of_wheel = code_of(wheels[0], AGENT_PACKAGES)
    asked = [sys.executable, "-c", "from agent.code import running_code; print(running_code())"]
    told = subprocess.run(
        asked,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == of_wheel == code_of(site, AGENT_PACKAGES)
    assert of_wheel == _of_record(wheels[0])
    with (site / "agent" / "run.py").open("a") as file:
        file.write("\n")
    assert code_of(site, AGENT_PACKAGES) != of_wheel


def _of_record(path: Path) -> str:
    """What anybody can compute from RECORD with a few lines, whatever the wheel's ZIP is like."""
    with zipfile.ZipFile(path) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/RECORD")]
        rows = csv.reader(io.StringIO(wheel.read(name).decode()))
    lines = []
    for file, digest, _ in rows:
        if file.endswith(".py") and file.split("/")[0] in AGENT_PACKAGES:
            raw = base64.urlsafe_b64decode(digest.removeprefix("sha256=") + "=")
            lines.append(f"{raw.hex()}  {file}\n")
    ordered = sorted(lines, key=lambda line: line[66:-1].encode())
    return hashlib.sha256("".join(ordered).encode()).hexdigest()
