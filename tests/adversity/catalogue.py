"""All faults by name: what runs it, how often by default, and what it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from stores import postgres

from adversity import absence, clocks, disks, kills, machines, power
from adversity.accounts import Outcome
from adversity.nursery import Nursery
from adversity.scene import Scene, scene


class NotHereError(Exception):
    """This machine cannot make the fault; the message says what it takes."""


@dataclass(frozen=True)
class Fault:
    """``run(scene, trials)`` makes the fault; ``trials`` is what a trial is; ``unavoidable`` what cannot be helped."""

    name: str
    run: Callable[[Scene, int], Outcome]
    trials: int
    trial: str
    unavoidable: str
    on_postgresql: bool = False


FAULTS = (
    Fault("away", absence.away, 1, "host, 7 days", "nothing"),
    Fault(
        "full-spool",
        disks.full_below_the_spool,
        10,
        "times full",
        "nothing, while 8 MiB of memory hold the readings",
    ),
    Fault("full-store", disks.full_below_the_store, 10, "times full", "nothing"),
    Fault("damaged-spool", disks.damaged_spool, 25, "damaged files", "the damaged chunk"),
    Fault("damaged-store", disks.damaged_store, 50, "damaged pages", "see the note on pages"),
    Fault("kill", kills.storm, 1000, "kills, as many on each side", "nothing: counters go on over it"),
    Fault("power", power.power_cuts, 1200, "cuts, half of each side", "readings not yet sealed"),
    Fault("reboot", kills.reboot_while_sealing, 40, "restarts", "readings not yet sealed"),
    Fault("clock", clocks.jumps, 1, "time, each case", "the interval of each jump"),
    Fault("zones", clocks.zones, 3, "zones", "nothing"),
    Fault("stopped", clocks.stopped, 5, "stops", "nothing: counters go on over it"),
    Fault("clone", machines.cloned, 5, "copies", "the copy's own readings"),
    Fault("hotplug", machines.hotplug, 50, "changes", "the first interval of a new device"),
    Fault("veth", machines.veth, 4, "changes", "the first interval of a new device"),
    Fault("lossy", absence.slow_and_lossy, 150, "connections", "nothing"),
    Fault("restarts", absence.restarts, 15, "restarts", "nothing"),
    Fault("one-of-two", absence.one_of_two, 20, "kills", "nothing", on_postgresql=True),
    Fault("soak", machines.soak, 20_000, "readings", "nothing"),
)
BY_NAME = {fault.name: fault for fault in FAULTS}
_NOT_HERE = (disks.NoSmallDiskError, machines.NoLinksError, power.NoRecorderError)


def make(fault: Fault, trials: int, folder: Path | None = None, *, nursery: Nursery | None = None) -> Outcome:
    """Make a fault in a folder, or in one of its own that is gone afterwards.

    Raises:
        NotHereError: not on this machine, or not as this user.
    """
    with tempfile.TemporaryDirectory(prefix="starproof-fault-", ignore_cleanup_errors=True) as own:
        place = folder or Path(own)
        try:
            if not fault.on_postgresql:
                with scene(place, nursery=nursery) as one:
                    return fault.run(one, trials)
            with (
                postgres() as server,
                server.database() as url,
                scene(place, url=url, nursery=nursery) as one,
            ):
                return fault.run(one, trials)
        except _NOT_HERE as error:
            raise NotHereError(f"{type(error).__doc__} ({error})") from None
        except pytest.skip.Exception as skipped:
            raise NotHereError(str(skipped)) from None
