"""Time and memory to back-fill 90 days of five-minute averages of 100 hosts from a cloud that answers at once.

The cloud is that of the tests; what is measured is ours: planning, comparing, sealing, storing, fsync.
Run with the repository and its folder tests on PYTHONPATH.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sources.fake import DAY, MINUTE, Fake, machine, plugins

from collector.opening import open_store, wall_clock_ms
from collector.polling.accounts import Account
from collector.polling.opening import Keys
from collector.polling.poller import Poller
from collector.polling.world import World
from collector.sources.calling import real_clocks
from collector.sources.interface import Retention, Series
from collector.sources.secrets import read_secret
from collector.store.engine import stored_bytes

HOSTS = 100
DAYS = 90


def main() -> None:
    fake = Fake([machine(f"host-{number}") for number in range(HOSTS)], clock=wall_clock_ms)
    fake.keeps = (Retention(5 * MINUTE, DAYS * DAY),)
    spent = [0.0]
    answer = fake.averages

    def averages(*asked: Any) -> Iterator[Series]:
        begun = time.monotonic()
        series = list(answer(*asked))
        spent[0] += time.monotonic() - begun
        return iter(series)

    fake.averages = averages
    with tempfile.TemporaryDirectory() as directory:
        opened = open_store(f"sqlite:///{directory}/s.db", enterprise="bench")
        world = World(
            opened, plugins(fake), Keys(read_secret), real_clocks(), lambda *_a, **_d: None, Path(directory)
        )
        account = Account("bench", "fake", bills=False)
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.monotonic()
        report = Poller(world, (account,)).run(account)
        took = time.monotonic() - begun
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"{HOSTS} hosts x {DAYS} days: {report.counts.sealed:,} points in {report.counts.chunks} chunks"
        )
        print(f"{took:.1f} s, of these {spent[0]:.1f} s the double's own; {report.questions} questions")
        print(f"memory {before_kib // 1024} MiB before, {peak_kib // 1024} MiB at most")
        print(f"store {(stored_bytes(opened.store) or 0) / report.counts.sealed:.2f} bytes a point")
        opened.store.close()


if __name__ == "__main__":
    main()
