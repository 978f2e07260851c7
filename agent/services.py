"""Processor time of Windows services, through psutil.

A service runs in a process, often several services in one; the process is what has processor time.
So the unit is the process, named by its first service and how many others share it, told from an
earlier one by its number and its instant of creation. Asking for all services takes long (tenths of
a second), so it is done only when units are chosen. The system has no sum over all units.
"""

from __future__ import annotations

from typing import Any

from agent.inventory import printable
from agent.units import Listing, Unit
from evidence.columns import MISSING

US_PER_S = 1_000_000
MAX_NAME = 100
NO_SERVICES = "no service's process can be read; run the agent as a service of the system account"


class Services:
    """The services of a Windows host, through psutil or a stand-in with its functions."""

    kind = "services"
    whole = ""

    def __init__(self, psutil: Any) -> None:
        """Ask ``psutil``."""
        self._psutil = psutil

    def listing(self) -> Listing:
        """Return every process that runs services, with its processor time."""
        by_process: dict[int, list[str]] = {}
        for service in self._psutil.win_service_iter():
            try:
                process, name = service.pid(), service.name()
            except self._psutil.Error:
                continue  # it was removed, or may not be asked: it is no unit that could be read
            if process:
                by_process.setdefault(process, []).append(name)
        found: dict[Unit, int] = {}
        taken: set[str] = set()
        for process, names in sorted(by_process.items()):
            identity, used = self._process(process)
            name = _name(sorted(names))
            if used != MISSING and name not in taken:
                taken.add(name)
                found[Unit(name, identity, str(process))] = used
        return Listing(found, "" if found else NO_SERVICES)

    def used_us(self, native: str, identity: str) -> int:
        """Return the processor time of a process, if it is still the same one."""
        found, used = self._process(int(native))
        return used if found == identity else MISSING

    def _process(self, number: int) -> tuple[str, int]:
        try:
            process = self._psutil.Process(number)
            times, created = process.cpu_times(), process.create_time()
        except self._psutil.Error:
            return "", MISSING
        return f"{number}-{round(created * 1_000)}", round((times.user + times.system) * US_PER_S)


def _name(names: list[str]) -> str:
    shared = f" +{len(names) - 1}" if len(names) > 1 else ""
    return printable(names[0])[: MAX_NAME - len(shared)] + shared
