"""What a chunk of an hour (1,020 values) weighs in PostgreSQL, table by table, indexes included, and as a frame.

Run: python bench/postgresql_bytes.py
"""

from __future__ import annotations

import os
import tempfile

import load
from sqlalchemy import text
from stores import postgres

from collector import ingest
from collector.opening import OpenStore, open_store
from collector.store.engine import Store
from evidence.chunk import read_frame

HOSTS, HOURS, READINGS, HOUR_MS = 4, 120, 60, 3_600_000
SIZES = text(
    "select relname, pg_total_relation_size(oid) from pg_class "
    "where relkind = 'r' and relnamespace = 'public'::regnamespace"
)


def main() -> None:
    """Fill a real server and print bytes a chunk."""
    with tempfile.TemporaryDirectory() as folder, postgres() as server, server.database() as url:
        os.environ["STARPROOF_STATE"] = folder
        opened = open_store(url, enterprise=load.ENTERPRISE, now_ms=load.START_MS)
        opened.keyring.log_key()
        before = sizes(opened.store)
        frames = fill(opened)
        after = sizes(opened.store)
        opened.store.close()
    each = {
        name: (after[name] - before.get(name, 0)) / len(frames)
        for name in after
        if after[name] > before.get(name, 0)
    }
    print(
        f"{sum(each.values()):.0f} bytes a chunk in the database, {sum(frames) / len(frames):.0f} as a frame"
    )
    for name, weight in sorted(each.items(), key=lambda one: -one[1]):
        print(f"  {weight:7.0f}  {name}")


def fill(opened: OpenStore) -> list[int]:
    """Take hours of hosts in; return the bytes of each frame."""
    sealing, fleet, taken = load.Sealing(), load.hosts(HOSTS), []
    sealing.enrol(opened, [host.name for host in fleet])
    for hour in range(HOURS):
        frames = [sealing.frame(host.name, host.block(READINGS)) for host in fleet]
        now_ms = load.START_MS + (hour + 1) * HOUR_MS
        found = ingest.take(
            opened.store, [read_frame(raw) for raw in frames], clock=lambda now_ms=now_ms: now_ms
        )
        if any(result.verdict.status != "stored" for result in found.results):
            raise SystemExit(f"not stored: {found.results[0].verdict}")
        taken += map(len, frames)
    return taken


def sizes(store: Store) -> dict[str, int]:
    """Return the bytes of every table with its indexes."""
    with store.reading() as connection:
        return {name: int(size) for name, size in connection.execute(SIZES)}


if __name__ == "__main__":
    main()
