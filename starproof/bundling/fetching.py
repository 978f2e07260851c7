"""The wheels of a bundle: from a folder that is given, or fetched by pip.

Each missing wheel is asked for by itself, for the target's tags; what it requires is read from the
wheel and asked for in the next round. No source is ever built for another machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.version import Version

from starproof.bundling.errors import BundleError
from starproof.bundling.own_wheel import OURS, own_wheel, run_pip
from starproof.bundling.target import Target
from starproof.bundling.wheels import Missing, Resolution, Wheel, missing_text, read_wheels, resolve

MAX_FETCHES = 10
"""Rounds of asking; the agent's wheels are three deep."""


def collect(
    targets: Sequence[Target], *, work: Path, given: Path | None, installer: bool = True
) -> tuple[Wheel, ...]:
    """Return the wheels that the agent takes on all targets, by file name; one version of each.

    Args:
        targets: one platform, one or more Pythons.
        work: an empty folder for wheels that are made or fetched.
        given: a folder of wheels; then nothing is fetched.
        installer: pip's own wheel too, for hosts that have no pip.

    Raises:
        BundleError: a wheel is missing; all missing ones are named.
    """
    available = read_wheels(given) if given else ()
    if not any(wheel.name == OURS for wheel in available):
        own_wheel(work)
    roots = [OURS, "pip"] if installer else [OURS]
    for _ in range(MAX_FETCHES):
        available = (*(read_wheels(given) if given else ()), *read_wheels(work))
        found = {target: resolve(available, roots, target) for target in targets}
        missing = {target: one.missing for target, one in found.items() if one.missing}
        pins = [] if missing else _pins(found.values())
        if pins:
            roots += pins
        elif not missing:
            chosen = {wheel.path.name: wheel for one in found.values() for wheel in one.wheels}
            return tuple(wheel for _, wheel in sorted(chosen.items()))
        if given and missing:
            raise BundleError(
                f"{given} lacks {missing_text(missing)}. Put these wheels there, or leave --wheels out to "
                f"have them fetched{_useless(available, missing.values())}"
            )
        for target, lacks in missing.items():
            _fetch(target, lacks, work)
    raise BundleError(f"still missing after {MAX_FETCHES} rounds: {missing_text(missing)}")


def _useless(available: Iterable[Wheel], missing: Iterable[Sequence[Missing]]) -> str:
    """Return which wheels of a missing name are there all the same, and why they cannot be taken."""
    names = {lack.name for lacks in missing for lack in lacks}
    there = sorted(wheel.path.name for wheel in available if wheel.name in names)
    if not there:
        return ""
    return (
        f". There, but of another version or for another system: {', '.join(there)} "
        "(a newer C library of all the hosts is told by --glibc)"
    )


def _pins(found: Iterable[Resolution]) -> list[str]:
    """Return, for each name of which targets chose different versions, the oldest of them as a requirement."""
    versions: dict[str, set[Version]] = {}
    for wheel in (wheel for one in found for wheel in one.wheels):
        versions.setdefault(wheel.name, set()).add(wheel.version)
    return [f"{name}=={min(several)}" for name, several in sorted(versions.items()) if len(several) > 1]


def _fetch(target: Target, lacks: Sequence[Missing], folder: Path) -> None:
    abi = f"cp{target.python[0]}{target.python[1]}"
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", target.python_text,
        *(word for tag in (abi, "abi3", "none") for word in ("--abi", tag)),
        *(word for tag in target.platform_tags for word in ("--platform", tag)),
        "--dest", str(folder), *(lack.requirement for lack in lacks),
    ]  # fmt: skip
    what = f"{missing_text({target: lacks})} cannot be fetched"
    try:
        run_pip(command, what=what)
    except BundleError as error:
        raise BundleError(f"{error}. Without a network give the wheels in a folder: --wheels DIR") from None
