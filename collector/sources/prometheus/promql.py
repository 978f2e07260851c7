"""The expressions that are asked. Pure: texts from texts.

Counters are read with ``increase`` over aligned windows, each series by itself before anything is
added up, so that a counter that begins anew loses nothing. Busy time is one minus the idle part of
the time that was *counted*: a host that is off counts neither, and its downtime is not busy time.
(One minus the rate of idle over the calendar takes downtime for work.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.sources.interface import CPU
from collector.sources.prometheus.profiles import BusyGauges, Profile

_SPECIAL = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True)
class View:
    """Which series are looked at.

    ``instance_label`` names the host. ``matchers`` narrow everything (such as ``job`` = ``node``).
    ``nics`` and ``disks`` are patterns of whole device names that count, instead of the profile's.
    """

    instance_label: str = "instance"
    matchers: Mapping[str, str] = field(default_factory=dict)
    nics: str = ""
    disks: str = ""

    def every(self) -> str:
        """Return the matchers of everything that has a host."""
        return ",".join([f'{self.instance_label}!=""', *self._narrow()])

    def of(self, instances: Iterable[str]) -> str:
        """Return the matchers of these hosts."""
        names = "|".join(map(literal, sorted(instances)))
        return ",".join([f"{self.instance_label}=~{text(names)}", *self._narrow()])

    def _narrow(self) -> list[str]:
        return [f"{label}={text(value)}" for label, value in sorted(self.matchers.items())]


@dataclass(frozen=True)
class Question:
    """One metric of some hosts in one exporter's words."""

    profile: Profile
    metric: str
    view: View
    hosts: str
    """Matchers of the hosts: ``View.every()`` or ``View.of(...)``."""

    @property
    def is_sum(self) -> bool:
        """Whether ``value`` is a sum over the window, to be divided by its length."""
        return self.metric != CPU

    def value(self, window_ms: int) -> str:
        """Return the expression of the windows' values: percent, or bytes or operations in the window."""
        by = f"by({self.view.instance_label})"
        if self.is_sum:
            return f"sum {by}(increase({self._series()}[{window_ms}ms]))"
        busy = self.profile.busy
        if isinstance(busy, BusyGauges):
            # A sample at the window's left edge speaks of the time before it.
            over = f"{{{busy.witness},{self.hosts}}}[{window_ms - 1}ms]"
            idle, waiting = (f"sum {by}(avg_over_time({name}{over}))" for name in (busy.idle, busy.waiting))
            return f"(100 - {idle} - {waiting}) or (100 - {idle})"
        idle = f"{busy.metric}{{{busy.idle},{self.hosts}}}[{window_ms}ms]"
        counted = ",".join(part for part in (busy.all, self.hosts) if part)
        whole = f"{busy.metric}{{{counted}}}[{window_ms}ms]"
        return f"100 * (1 - sum {by}(increase({idle})) / sum {by}(increase({whole})))"

    def presence(self, window_ms: int, sample_ms: int) -> str:
        """Return the expression of how often the host was observed in a window.

        Looked at every ``sample_ms`` from the window's start to its end, both included: was there a
        sample within the last two? Where all ``full_presence`` looks say yes, the window has no gap
        and nothing in it was carried over from before one.
        """
        recent = f"max by({self.view.instance_label})(count_over_time({self._witness()}[{2 * sample_ms}ms]))"
        return f"count_over_time({recent}[{window_ms + sample_ms // 2}ms:{sample_ms}ms])"

    def samples(self, window_ms: int) -> str:
        """Return the expression of how many samples each host has in a window."""
        return f"max by({self.view.instance_label})(count_over_time({self._witness()}[{window_ms - 1}ms]))"

    def seen(self, which: str, window_ms: int, sample_ms: int) -> str:
        """Return the expression of when each host's first (``min``) or last (``max``) sample was, in s."""
        times = f"timestamp({self._witness()})[{window_ms - 1}ms:{sample_ms}ms]"
        return f"{which} by({self.view.instance_label})({which}_over_time({times}))"

    def rivals(self) -> str:
        """Return the expression of how many series claim to be the same device of the same host."""
        label = self.view.instance_label
        if self.is_sum:
            device = self.profile.devices[self.metric].label
            return f"max by({label})(count by({label},{device})({self._series()}))"
        return f"count by({label})({self._witness()})"

    def _witness(self) -> str:
        if self.is_sum:
            return self._series()
        busy = self.profile.busy
        name = busy.idle if isinstance(busy, BusyGauges) else busy.metric
        return f"{name}{{{busy.witness},{self.hosts}}}"

    def _series(self) -> str:
        counter = self.profile.devices[self.metric]
        wanted = self.view.nics if self.metric.startswith("net.") else self.view.disks
        devices = f"=~{text(wanted)}" if wanted else f"!~{text(counter.excluded)}"
        return f"{counter.metric}{{{counter.label}{devices},{self.hosts}}}"


def full_presence(window_ms: int, sample_ms: int) -> int:
    """Return what ``Question.presence`` is in a window without a gap."""
    return window_ms // sample_ms + 1


def literal(name: str) -> str:
    """Return the RE2 pattern that matches exactly ``name``."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in name)


def text(content: str) -> str:
    """Return ``content`` as a quoted PromQL string."""
    escaped = content.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
