"""Which devices the configuration adds to the count or takes out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from evidence.manifest import Device


@dataclass(frozen=True)
class Selection:
    """Shell patterns of the names of one kind of devices.

    What ``exclude`` names does not count, whatever else holds.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def names(self, name: str) -> bool:
        """Return whether any pattern speaks about the device ``name``."""
        return any(fnmatchcase(name, pattern) for pattern in (*self.include, *self.exclude))

    def apply(self, device: Device) -> Device:
        """Return ``device`` as the configuration wants it, with that in its reason."""
        for pattern in self.exclude:
            if fnmatchcase(device.name, pattern):
                reason = f"excluded by configuration: {pattern}; without it: {device.reason}"
                return replace(device, counts=False, reason=reason)
        for pattern in self.include:
            if fnmatchcase(device.name, pattern):
                reason = f"included by configuration: {pattern}; without it: {device.reason}"
                return replace(device, counts=True, reason=reason)
        return device

    def unmatched(self, names: Iterable[str], *, kind: str) -> list[tuple[str, str]]:
        """Return (setting and pattern, reason) for every pattern that none of ``names`` matches.

        ``kind`` is ``nic`` or ``disk``.
        """
        present = list(names)
        return [
            (f"devices.{kind}s_{verb}:{pattern}", f"the settings name it, but this host has no such {kind}")
            for verb, patterns in (("include", self.include), ("exclude", self.exclude))
            for pattern in patterns
            if not any(fnmatchcase(name, pattern) for name in present)
        ]


EVERYTHING = Selection()
"""No wishes: the rules alone decide."""
