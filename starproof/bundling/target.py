"""For which machine a bundle is made: system, architecture, Python, and which wheels fit it.

The lists of tags and the names of markers are those of the packaging standards (PEP 425, 508, 600),
worked out by the library ``packaging`` for a machine that is not this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.tags import Tag, compatible_tags, cpython_tags

from starproof.bundling.errors import BundleError

PLATFORMS: Mapping[str, tuple[str, str]] = {
    "linux-x86_64": ("linux", "x86_64"),
    "linux-aarch64": ("linux", "aarch64"),
    "linux-loongarch64": ("linux", "loongarch64"),
    "windows-x86_64": ("windows", "AMD64"),
}
"""Name on the command line → system, and the machine as that system names it."""
LEAST_PYTHON, MOST_PYTHON = (3, 9), (3, 14)
DEFAULT_GLIBC = (2, 17)
"""CentOS 7, and everything after it."""
OLDEST_GLIBC_MINOR = 5
LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_VERSION = re.compile(r"(\d)\.(\d{1,2})\Z", re.ASCII)


@dataclass(frozen=True)
class Target:
    """One platform and one Python. ``glibc`` is the oldest C library that must do (Linux only)."""

    platform: str
    python: tuple[int, int]
    glibc: tuple[int, int] = DEFAULT_GLIBC

    @property
    def system(self) -> str:
        """``linux`` or ``windows``."""
        return PLATFORMS[self.platform][0]

    @property
    def machine(self) -> str:
        """The architecture, as the system itself names it."""
        return PLATFORMS[self.platform][1]

    @property
    def python_text(self) -> str:
        """The Python's version, such as ``3.9``."""
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def platform_tags(self) -> tuple[str, ...]:
        """Return the platform tags of wheels that run there, the newest first."""
        if self.system == "windows":
            return ("win_amd64",)
        return (*_manylinux(self.machine, self.glibc), f"linux_{self.machine}")

    @cached_property
    def ranks(self) -> Mapping[Tag, int]:
        """Return tag → rank, 0 fitting best."""
        abi = f"cp{self.python[0]}{self.python[1]}"
        platforms = self.platform_tags
        tags = (
            *cpython_tags(self.python, abis=[abi], platforms=platforms),
            *compatible_tags(self.python, interpreter=abi, platforms=platforms),
        )
        return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}

    @property
    def environment(self) -> dict[str, str]:
        """Return what the markers of requirements see there."""
        windows = self.system == "windows"
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python_text}.0",
            "os_name": "nt" if windows else "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Windows" if windows else "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python_text}.0",
            "python_version": self.python_text,
            "sys_platform": "win32" if windows else "linux",
            "extra": "",
        }


def parse_python(text: str) -> tuple[int, int]:
    """Return a Python version such as ``3.9``.

    Raises:
        BundleError: it is no version, or the agent does not run on it.
    """
    version = _pair(text, "--python", "3.9")
    if not LEAST_PYTHON <= version <= MOST_PYTHON:
        least, most = (".".join(map(str, end)) for end in (LEAST_PYTHON, MOST_PYTHON))
        raise BundleError(
            f"--python {text}: the agent runs on Python {least} to {most}; for an older system bring one along "
            "with --runtime"
        )
    return version


def parse_glibc(text: str) -> tuple[int, int]:
    """Return a version of the C library such as ``2.17``.

    Raises:
        BundleError: it is no such version.
    """
    return _pair(text, "--glibc", "2.17 (CentOS 7) or 2.28 (RHEL 8, openEuler, Kylin V10)")


def _pair(text: str, option: str, example: str) -> tuple[int, int]:
    match = _VERSION.match(text)
    if match is None:
        raise BundleError(f"{option} {text!r} is no version; write {example}")
    return int(match[1]), int(match[2])


def _manylinux(machine: str, glibc: tuple[int, int]) -> Iterator[str]:
    for minor in range(glibc[1], OLDEST_GLIBC_MINOR - 1, -1):
        yield f"manylinux_{glibc[0]}_{minor}_{machine}"
        legacy = LEGACY.get((glibc[0], minor))
        if legacy:
            yield f"{legacy}_{machine}"
