"""What looks for a Python 3.9: that nothing else passes for one, and that its absence is no success."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = Path(__file__).parents[2] / ".ci" / "python39"


def look(tmp_path, **environment):
    """Run it where only a shell is found."""
    path = tmp_path / "bin"
    path.mkdir(exist_ok=True)
    for tool in ("bash", "cat"):
        if not (path / tool).exists():
            (path / tool).symlink_to(f"/bin/{tool}")
    return subprocess.run(
        ["/bin/bash", LOOK],
        env={"PATH": str(path), "HOME": str(tmp_path), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def old(tmp_path):
    """A stand-in: all that is asked of a Python is which one it is."""
    path = tmp_path / "versions" / "3.9.18" / "bin" / "python3.9"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/bash\necho 3.9\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_where_there_is_none_the_look_fails_and_says_what_was_not_checked(tmp_path):
    done = look(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "was NOT checked" in done.stderr
    assert "make old PYTHON39=" in done.stderr


def test_one_that_is_named_must_be_one(tmp_path, old):
    done = look(tmp_path, PYTHON39=str(old))
    assert (done.returncode, done.stdout) == (0, f"{old}\n")
    if sys.version_info[:2] == (3, 9):
        pytest.skip("this is a Python 3.9")
    done = look(tmp_path, PYTHON39=sys.executable)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_shim_that_does_not_run_is_passed_over(tmp_path, old):
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "python3.9"
    shim.write_text("#!/bin/bash\necho 'command not found' >&2; exit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    assert look(tmp_path).returncode == 1
    done = look(tmp_path, PYENV_ROOT=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{old}\n")


def test_the_make_target_ends_with_what_the_look_ends(tmp_path):
    make = "/usr/bin/make"
    if not os.access(make, os.X_OK):
        pytest.skip("make is not installed")
    (tmp_path / "bin").mkdir()
    for name in (".installed", ".dev", "bin/vermin"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [make, "-C", LOOK.parents[1], "old", "-o", tmp_path / ".installed", "-o", tmp_path / ".dev",
         f"VENV={tmp_path}", "PYTHON39=/bin/false"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "/bin/false is no Python 3.9 that runs" in done.stderr
