"""Wheels in a folder: which one a target takes for each requirement, and what is missing.

pip evaluates the markers of requirements for the machine that it runs on. A bundle is for another
one, so the choice is made here: by name, specifier, ``Requires-Python`` and tags, going on to what
the chosen wheels require themselves.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from starproof.bundling.errors import BundleError
from starproof.bundling.target import Target

MAX_METADATA_BYTES = 4 * 1024 * 1024
MAX_ROUNDS = 100
"""Far more than the agent's handful of wheels need; a circle of requirements ends here."""


@dataclass(frozen=True)
class Wheel:
    """One wheel: what its name and its metadata say."""

    path: Path
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    requires_python: SpecifierSet

    def rank(self, target: Target) -> int | None:
        """Return how well it fits a target, 0 being best, ``None`` if it does not run there."""
        if not self.requires_python.contains(f"{target.python_text}.99"):
            return None
        ranks = [target.ranks[tag] for tag in self.tags if tag in target.ranks]
        return min(ranks) if ranks else None


@dataclass(frozen=True)
class Missing:
    """A requirement that no wheel in the folder meets. ``because`` is the wheel that asks for it."""

    name: NormalizedName
    specifier: str
    because: str

    @property
    def requirement(self) -> str:
        """The requirement as pip takes it, without its marker."""
        return f"{self.name}{self.specifier}"


@dataclass(frozen=True)
class Resolution:
    """What a target takes from a folder, by name, and what it lacks."""

    wheels: tuple[Wheel, ...]
    missing: tuple[Missing, ...]


def read_wheels(folder: Path) -> tuple[Wheel, ...]:
    """Return the wheels in a folder, by file name.

    Raises:
        BundleError: there is no such folder, or one of the files is not a wheel.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; give the folder that holds the wheels")
    return tuple(read_wheel(path) for path in sorted(folder.glob("*.whl")))


def read_wheel(path: Path) -> Wheel:
    """Return what a wheel says about itself.

    Raises:
        BundleError: the file is not a wheel.
    """
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            entry = next(
                info
                for info in archive.infolist()
                if info.filename.endswith(".dist-info/METADATA") and info.filename.count("/") == 1
            )
            if entry.file_size > MAX_METADATA_BYTES:
                raise BundleError(f"{path}: its metadata are longer than {MAX_METADATA_BYTES} bytes")
            headers = HeaderParser().parsestr(archive.read(entry).decode("utf-8"))
        requires = tuple(Requirement(text) for text in headers.get_all("Requires-Dist", []))
        needs = SpecifierSet(headers.get("Requires-Python", ""))
    except (
        InvalidWheelFilename, InvalidRequirement, InvalidSpecifier,
        zipfile.BadZipFile, StopIteration, UnicodeDecodeError, OSError,
    ) as error:  # fmt: skip
        reason = str(error) or "it has no metadata"
        raise BundleError(f"{path} is not a wheel: {reason}; fetch or build it anew") from None
    return Wheel(path, name, version, tags, requires, needs)


def resolve(available: Sequence[Wheel], roots: Iterable[str], target: Target) -> Resolution:
    """Return the wheels that ``roots`` and all they require take from ``available`` on a target.

    Of several that fit, the newest is taken, and of these the one whose tags fit best.
    """
    wanted: dict[NormalizedName, tuple[SpecifierSet, str]] = {}
    for text in roots:
        root = Requirement(text)
        name = canonicalize_name(root.name)
        before = wanted[name][0] if name in wanted else SpecifierSet()
        wanted[name] = (before & root.specifier, "the agent")
    for _ in range(MAX_ROUNDS):
        chosen = {name: _best(available, name, specifier, target) for name, (specifier, _) in wanted.items()}
        added = False
        for wheel in filter(None, chosen.values()):
            for requirement in _required(wheel, target):
                added |= _want(wanted, requirement, wheel)
        if not added:
            break
    else:
        raise BundleError("the wheels' requirements do not come to an end; give a folder with fewer wheels")
    missing = tuple(
        Missing(name, str(specifier), because)
        for name, (specifier, because) in sorted(wanted.items())
        if chosen[name] is None
    )
    return Resolution(tuple(wheel for _, wheel in sorted(chosen.items()) if wheel is not None), missing)


def missing_text(missing: Mapping[Target, Sequence[Missing]]) -> str:
    """Return one line that names every missing wheel, for which target, and who asks for it."""
    parts = [
        f"{lack.requirement} (for Python {target.python_text} on {target.platform}, needed by {lack.because})"
        for target, lacks in missing.items()
        for lack in lacks
    ]
    return "; ".join(parts)


def _want(
    wanted: dict[NormalizedName, tuple[SpecifierSet, str]], requirement: Requirement, wheel: Wheel
) -> bool:
    """Add a requirement; return whether it says something new."""
    name = canonicalize_name(requirement.name)
    before, because = wanted.get(name, (None, f"{wheel.name} {wheel.version}"))
    together = requirement.specifier if before is None else before & requirement.specifier
    wanted[name] = (together, because)
    return together != before


def _required(wheel: Wheel, target: Target) -> list[Requirement]:
    environment = target.environment
    return [
        requirement
        for requirement in wheel.requires
        if requirement.marker is None or requirement.marker.evaluate(dict(environment))
    ]


def _best(
    available: Sequence[Wheel], name: NormalizedName, specifier: SpecifierSet, target: Target
) -> Wheel | None:
    fitting = [
        (wheel.version, -rank, wheel.path.name, wheel)
        for wheel in available
        if wheel.name == name and specifier.contains(wheel.version, prereleases=True)
        for rank in [wheel.rank(target)]
        if rank is not None
    ]
    return max(fitting, key=lambda one: one[:3])[3] if fitting else None
