"""Statements of databases in figures, report and check: chosen in the scope, shown beside otherwise."""

from __future__ import annotations

import pytest
from drafts import counters_manifest
from fleet import Fleet, instant

from evidence.manifest import COUNTERS_CLOCKS, Column, Device, build
from verifier.comparison import compare_sources
from verifier.document import document
from verifier.editions import load_edition
from verifier.figures import measure
from verifier.scope import parse_scope

HOUR_MS = 3_600_000
DAYS = 30


def database_manifest(identity: str = "server 1", name: str = "orders"):
    base = counters_manifest(interval_ms=HOUR_MS, cpus=2)
    return build(
        kind="counters",
        interval_ms=HOUR_MS,
        columns=(
            *(Column(clock) for clock in COUNTERS_CLOCKS),
            Column("db.reads", device=name),
            Column("db.writes", device=name),
        ),
        host=base.host,
        devices=(Device("database", name, identity, True, "mysql.statements/1"),),
    )


def statements(fleet: Fleet, host: str, *, a_day: int, source: str = "database", hours: int = DAYS * 24):
    """A server that carries out as many reads as writes, evenly, read once an hour."""
    start = instant("2026-11-01")
    each = [a_day * hour // 48 for hour in range(hours + 1)]
    walls = [start + hour * HOUR_MS for hour in range(hours + 1)]
    clocks = [HOUR_MS * (hour + 1) for hour in range(hours + 1)]
    return fleet.enrol(host, source).seal(
        database_manifest(), [walls, clocks, clocks, each, each], start_ms=walls[0], end_ms=walls[-1],
        boot="boot-1",
    )  # fmt: skip


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def scope(*hosts: str, chosen: bool = True):
    text = (
        'schema = "starproof/scope/1"\nenterprise = "示例企业"\ntimezone = "Asia/Shanghai"\n'
        'edition = "jiangsu-2018-trial"\n[window]\nfrom = 2026-11-01\nto = 2026-11-30\n'
    )
    if chosen:
        text += '[definitions]\ndaily_reads_writes = "reads_writes.database/1"\n'
    return parse_scope((text + "".join(hosts)).encode())


WEB = '[[hosts]]\nid = "web-1"\nsources = ["agent"]\n'
DATABASE = '[[hosts]]\nid = "db-1"\nsources = ["agent", "database"]\n'


def measured(archive, declared=None):
    figures = measure(archive, month="2026-11", edition=load_edition("jiangsu-2018-trial"), scope=declared)
    [found] = [one for one in document(figures)["indicators"] if one["id"] == "daily_reads_writes"]
    return found, figures


def test_the_scope_chooses_statements_and_block_operations_stand_beside(fleet):
    fleet.agent("web-1").run(hours=DAYS * 24, reads=1)
    fleet.agent("db-1").run(hours=DAYS * 24, reads=1)
    statements(fleet, "db-1", a_day=2400)
    found, _ = measured(fleet.archive(), scope(WEB, DATABASE))
    assert found["definition"] == "reads_writes.database/1"
    assert (found["value"], found["low"], found["high"]) == ("2400.00000000000",) * 3
    assert found["verdicts"] == {"3": "PASS", "4": "FAIL", "5": "FAIL"}
    assert found["coverage"]["share"] == "1.00000000000000"
    [beside] = found["beside"]
    assert (beside["definition"], beside["value"]) == ("reads_writes.block_io/1", "172800.000000000")


def test_without_a_choice_block_operations_decide_and_statements_stand_beside(fleet):
    fleet.agent("db-1").run(hours=DAYS * 24, reads=1)
    statements(fleet, "db-1", a_day=2400)
    found, _ = measured(fleet.archive(), scope(DATABASE, chosen=False))
    assert (found["definition"], found["value"]) == ("reads_writes.block_io/1", "86400.0000000000")
    [beside] = found["beside"]
    assert (beside["definition"], beside["value"], beside["share"]) == (
        "reads_writes.database/1", "2400.00000000000", "1.00000000000000",
    )  # fmt: skip


def test_without_any_database_nothing_stands_beside(fleet):
    fleet.agent("web-1").run(hours=24)
    found, _ = measured(fleet.archive())
    assert "beside" not in found


def test_a_database_that_was_not_read_for_half_the_month_is_inconclusive_and_never_fails(fleet):
    statements(fleet, "db-1", a_day=2400, hours=15 * 24)
    found, _ = measured(fleet.archive(), scope(WEB, DATABASE))
    assert (found["value"], found["low"], found["high"]) == ("2400.00000000000", "1200.00000000000", None)
    assert found["verdicts"] == {"3": "PASS", "4": "INCONCLUSIVE", "5": "INCONCLUSIVE"}


def test_statements_that_two_sources_claim_are_compared_like_any_other(fleet):
    """Nobody writes such chunks today; a pack that holds them must not stop the check."""
    statements(fleet, "db-1", a_day=2400)
    statements(fleet, "db-1", a_day=2400, source="agent")
    archive = fleet.archive()
    _, figures = measured(archive, scope(DATABASE))
    from functools import partial

    from evidence.calendar import LocalCalendar
    from verifier import recompute

    hours = partial(recompute.hour_reader, archive)(LocalCalendar("Asia/Shanghai"), figures.window)
    found = [one for one in compare_sources(figures, (), hours) if one.metric.startswith("db.")]
    assert {(one.metric, one.within) for one in found} == {
        ("db.reads.rate", "yes"),
        ("db.writes.rate", "yes"),
    }
