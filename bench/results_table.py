"""The table: rows as they are measured, printed, kept as JSON, and written into docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

THOUSAND = 1_000
BEGIN, END = "<!-- table: written by make bench -->", "<!-- end of the table -->"


@dataclass(frozen=True)
class Row:
    """One line: what was measured of us and of its peer in the same run.

    ``better`` says which is better, ``less`` or ``more``. ``ratio`` is ours divided by the peer's where less is
    better, else the same: below 1 we use less, above 1 we do more.
    """

    row: str
    what: str
    ours: float | None
    unit: str
    peer: str = "–"
    theirs: float | None = None
    better: str = "less"
    limit: str = "–"
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by theirs."""
        return self.ours / self.theirs if self.ours is not None and self.theirs else None

    @property
    def reached(self) -> str:
        """Whether the aim was reached, and by how much it was missed."""
        if self.aim is None or self.ours is None:
            return "–"
        if not self.aim:
            return "0 ✓" if not self.ours else f"0, missed by {number(self.ours)}"
        factor = self.ours / self.aim if self.better == "less" else self.aim / max(self.ours, 1e-12)
        return f"{number(self.aim)} ✓" if factor <= 1 else f"{number(self.aim)}, missed × {factor:.2g}"


def number(value: float | None) -> str:
    """Return a number with three digits that count."""
    if value is None:
        return "–"
    if value >= THOUSAND:
        return f"{round(value, 3 - len(str(int(value)))):,.0f}"
    return f"{value:.3g}"


HEAD = ("row", "what", "ours", "unit", "peer", "theirs", "ours/theirs", "aim", "limit", "note")


def cells(row: Row) -> tuple[str, ...]:
    """Return what stands in a line."""
    return (
        row.row, row.what, number(row.ours), row.unit, row.peer, number(row.theirs), number(row.ratio), row.reached,
        row.limit, row.note,
    )  # fmt: skip


def machine() -> str:
    """Return what the machine is: processor, cores, memory, system, Python."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    release = platform.release().partition("-")[0]
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (
        f"{cpu}, {os.cpu_count()} processors, {pages / 2**30:.0f} GiB, {platform.system()} "
        f"{release}, Python {platform.python_version()}"
    )


def text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    lines = [HEAD[:8], *(cells(row)[:8] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(8)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    notes = [f"{row.row}: {row.note}" for row in rows if row.note]
    limits = [f"{row.row}: limit {row.limit}" for row in rows if row.limit != "–"]
    return "\n".join([*shown, "", *dict.fromkeys(limits), *dict.fromkeys(notes)])


@dataclass(frozen=True)
class Run:
    """The run in which rows were measured: the load is that of the minute before."""

    command: str
    when: str
    machine: str
    load: float
    seconds: int


@dataclass(frozen=True)
class Kept:
    """The lines of one row as they were measured last."""

    name: str
    run: Run
    lines: tuple[Row, ...]


def remember(path: Path, run: Run, found: Mapping[str, Sequence[Row]]) -> list[Kept]:
    """Write what a run found beside what earlier runs found of other rows; return all of it."""
    kept = {one.name: one for one in recalled(path)} | {
        name: Kept(name, run, tuple(lines)) for name, lines in found.items()
    }
    whole = [asdict(one) for one in kept.values()]
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return list(kept.values())


def recalled(path: Path) -> list[Kept]:
    """Return what earlier runs left in a file, nothing without one."""
    if not path.exists():
        return []
    return [
        Kept(one["name"], Run(**one["run"]), tuple(Row(**line) for line in one["lines"]))
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]


def markdown(kept: Sequence[Kept]) -> str:
    """Return the table as it stands in docs/performance.md."""
    runs = dict.fromkeys(one.run for one in kept)
    told = [
        f"{', '.join(one.name for one in kept if one.run == run)}: `{run.command}`, {run.when}, {run.seconds} s, "
        f"load {run.load} before. {run.machine}."
        for run in runs
    ]
    rows = [row for one in kept for row in one.lines]
    lines = [
        BEGIN,
        "",
        *told,
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in cells(row)) + " |" for row in rows),
        "",
        END,
    ]
    return "\n".join(lines)


def write(pages: Sequence[Path], table: str) -> None:
    """Replace the table between its marks in each of these pages."""
    for page in pages:
        whole = page.read_text(encoding="utf-8")
        pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
        if not pattern.search(whole):
            raise SystemExit(f"{page} has no place for the table: put {BEGIN} and {END} into it")
        page.write_text(pattern.sub(lambda _: table, whole), encoding="utf-8")


def as_json(rows: Sequence[Row]) -> str:
    """Return rows as JSON."""
    return json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1)


def from_json(data: str) -> list[Row]:
    """Return the rows in JSON."""
    return [Row(**fields) for fields in json.loads(data)]
