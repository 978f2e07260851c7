"""The metrics that a file may hold, and the columns of a chunk that they become."""

from __future__ import annotations

CPU = "cpu.utilization"
COLUMNS = {
    CPU: "cpu.utilization",
    "net.rx": "net.rx.rate",
    "net.tx": "net.tx.rate",
    "disk.reads": "disk.reads.rate",
    "disk.writes": "disk.writes.rate",
}
"""Name in the file → column name. Units: percent, bytes/s, operations/s; averages over a period."""

METRICS = tuple(COLUMNS)
