"""In which region a machine is: clouds answer for it only there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence


class Places:
    """Remembers where machines were seen and looks for the others.

    ``present(region, ids)`` returns those of ``ids`` that are in ``region``. With one region
    nothing is looked up: a machine that was released may still have its past there.
    """

    def __init__(
        self, regions: Sequence[str], present: Callable[[str, Sequence[str]], Collection[str]]
    ) -> None:
        self._regions = tuple(regions)
        self._present = present
        self._seen: dict[str, str] = {}

    def remember(self, machine: str, region: str) -> None:
        """Keep where a machine was seen."""
        self._seen[machine] = region

    def by_region(self, machines: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the machines of each region in their order; one that is nowhere is in the first region.

        Raises:
            SourceError: as ``present``.
        """
        for region in self._regions if len(self._regions) > 1 else ():
            unknown = [machine for machine in machines if machine not in self._seen]
            for machine in self._present(region, unknown) if unknown else ():
                self._seen[machine] = region
        placed: dict[str, list[str]] = {}
        for machine in machines:
            placed.setdefault(self._seen.get(machine, self._regions[0]), []).append(machine)
        return {region: tuple(found) for region, found in placed.items()}
