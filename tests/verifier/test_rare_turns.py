"""Turns of a check that honest packs and plain damage never take."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from golden.judging import GOOD, stored
from packs import LOG_KEY, PACK, TRUSTED, checked, codes, contents, written

import verifier.chain as chain_module
from evidence import canonical
from evidence.errors import MalformedError, MismatchError
from verifier import contents as contents_module
from verifier import difference, layout, statement, workers
from verifier.batches import LEAST_ROWS, Batches
from verifier.chain import Result, Task
from verifier.check import How, check


def test_more_changed_entries_than_are_listed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents_module, "MAX_DIFFERENCES", 1)
    entries = contents(PACK)
    for name in (layout.FIGURES, layout.DAY_SUMS, layout.ENROLMENTS):
        entries[name] += b" "
    found = [f for f in checked(written(entries)).findings if f.code == "ENTRY_CHANGED"]
    assert "2 more differences" in {f.got for f in found}


def test_a_day_sum_of_a_host_with_a_comma_names_the_host() -> None:
    key = '"a,""b""",agent,cpu.busy,2026-11-10'
    found = difference._day_sum(key, expected="1", got="2")
    assert (found.host, found.slot) == ('a,"b"', "2026-11-10")


def test_a_statement_of_before_says_what_to_do() -> None:
    with pytest.raises(MalformedError, match="pack the month again"):
        statement.parse(canonical.encode({"schema": statement.BEFORE[0]}))


def test_a_chain_that_breaks_off_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(task: Task, _read: object) -> Result:
        raise LookupError(task.host)

    monkeypatch.setattr(chain_module, "read_chain", broken)
    report = checked(PACK)
    found = {finding.got for finding in report.findings if finding.code == "INTERNAL"}
    assert (report.outcome, "agent: LookupError: web-1" in found) == ("fail", True)


class _Gone:
    """Chunks whose file changed while it was read."""

    def frame(self, _claim: object) -> object:
        raise MismatchError("the file was changed while it was checked; check it again")

    def open_each(self, run: Sequence[object]) -> Sequence[object]:
        return [("alone", claim) for claim in run]


def test_a_batch_that_cannot_be_read_again_is_left_to_each_chunk() -> None:
    header = SimpleNamespace(rows=LEAST_ROWS, columns=5, source="agent", manifest="m")
    claims = [SimpleNamespace(header=header, name=name) for name in "ab"]
    opened = list(Batches(_Gone()).open_all(claims))  # type: ignore[arg-type]
    assert opened == [("alone", claim) for claim in claims]


def test_workers_are_asked_for_a_few_tasks_ahead_and_no_more_once_nobody_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "AHEAD", 0)
    path = tmp_path / "pack.zip"
    path.write_bytes(stored(GOOD))
    with path.open("rb") as stream:
        how = How(workers=2, path=path)
        assert (
            check(stream, log_key=LOG_KEY.public, editions=TRUSTED, how=how).outcome
            == check(io.BytesIO(stored(GOOD)), log_key=LOG_KEY.public, editions=TRUSTED).outcome
        )


def test_what_nobody_waits_for_any_more_is_not_begun(tmp_path: Path) -> None:
    def interrupt(_done: int, _whole: int, _host: str) -> None:
        raise RuntimeError("nobody watches")

    path = tmp_path / "pack.zip"
    path.write_bytes(stored(GOOD))
    with path.open("rb") as stream:
        how = How(workers=2, path=path, progress=interrupt)
        report = check(stream, log_key=LOG_KEY.public, editions=TRUSTED, how=how)
    assert (report.outcome, "INTERNAL" in codes(report)) == ("fail", True)


class _Damaged(_Gone):
    """Chunks of one shape whose manifest is none."""

    def frame(self, _claim: object) -> object:
        return SimpleNamespace(manifest=b"none", manifest_bytes=9)


def test_a_batch_whose_manifest_is_none_is_left_to_each_chunk() -> None:
    header = SimpleNamespace(rows=LEAST_ROWS, columns=5, source="agent", manifest="m")
    claims = [SimpleNamespace(header=header, name=name) for name in "ab"]
    opened = list(Batches(_Damaged()).open_all(claims))  # type: ignore[arg-type]
    assert opened == [("alone", claim) for claim in claims]
