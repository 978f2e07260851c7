"""Bytes against the speed of the link, in each direction, for every interval.

The speed of a real card is a limit. That of a virtual one, or of a virtual function, is a name: data
that stay inside the machine below it pass faster. So only a card whose driver is named and is of no
such kind can contradict itself; of others it is worth knowing.

Cards hand their counters over in pieces, up to two seconds late (PAUSE_MS), and frames on the line are longer than
what is counted, so a twentieth (``COUNT_SHARE``) above the line rate is more than any card does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evidence.columns import MISSING
from verifier.contradictions.interface import PAUSE_MS, Broken, Stretch

COUNT_SHARE = 20
BITS_MS = 8 * 1_000
"""Bytes over bit/s x ms."""
DRIVER = re.compile(r"\(driver ([\w-]+)\)")
NOMINAL = (
    "virtio",
    "vmxnet",
    "xen",
    "hv_",
    "veth",
    "ena",
    "gve",
    "mana",
    "mlx",
    "iavf",
    "i40evf",
    "ixgbevf",
    "igbvf",
)
"""Beginnings of drivers of virtual cards, and of cards whose virtual functions use the same driver."""
UNKNOWN = "unknown"


def bytes_within_speed(stretch: Stretch) -> Iterator[Broken]:
    """Yield ``LINK_EXCEEDED`` or ``LINK_NAME_EXCEEDED`` for the worst interval of every card and direction."""
    nics = {d.name: d for d in stretch.chunk.manifest.devices if d.kind == "nic" and d.counts and d.speed_bps}
    mono = stretch.chunk.values[2][stretch.first :]
    for name in ("net.rx", "net.tx"):
        for device, values in stretch.columns(name):
            if device not in nics:
                continue
            speed = nics[device].speed_bps or 0
            if MISSING not in values and (max(values) - min(values)) * BITS_MS <= speed * PAUSE_MS:
                continue  # so little in the whole chunk that no interval can be too much
            worst = (0, 0, 0)
            for row in range(len(values) - 1):
                before, after = values[row], values[row + 1]
                if MISSING in (before, after):
                    continue
                most = speed * (mono[row + 1] - mono[row] + PAUSE_MS) // BITS_MS
                most += most // COUNT_SHARE
                worst = max(worst, (after - before - most, most, after - before))
            if worst[0] > 0:
                code = "LINK_EXCEEDED" if _is_card(nics[device].reason) else "LINK_NAME_EXCEEDED"
                expected = f"at most {worst[1]} bytes at {speed} bit/s"
                yield Broken(code, f"{name} {device}", worst[0], expected, f"{worst[2]} bytes")


def _is_card(reason: str) -> bool:
    found = DRIVER.search(reason)
    return found is not None and found[1] != UNKNOWN and not found[1].startswith(NOMINAL)
