"""The report document: everything that a report's pages show, from what store and pack alike can say."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

from fleet import Fleet, instant
from packs import ARCHIVE, FULL, RULES, SCOPE, declared_scope

from evidence.calendar import LocalCalendar
from verifier import layout
from verifier.derivation import Declared, derive_month
from verifier.document import encode_figures
from verifier.proved import NOT_PROVED, PROVED
from verifier.series import series, worst

DAY_S = 86_400
MADE = instant("2026-12-01")


def derived(archive, declared: Declared, *, made: int = MADE, zone: str | None = None):
    return derive_month(
        archive, month="2026-11", timezone=zone, declared=declared, made_ms=made, software="starproof test"
    )


def report(archive, declared: Declared = RULES.declared, **changes):
    return derived(archive, declared, **changes).report


def one(entries, **wanted):
    [found] = [entry for entry in entries if all(entry[key] == value for key, value in wanted.items())]
    return found


def _month() -> Fleet:
    """One host: 10 % busy, but 2 % on the 3rd; unseen on the 5th; restarted on the 7th."""
    fleet = Fleet()
    web = fleet.agent("web-1")
    web.run(hours=48, busy=10).run(hours=24, busy=2).run(hours=24, busy=10)
    web.forget(hours=24, busy=10).run(hours=30, busy=10).reboot(down_s=3_600)
    web.run(hours=24 * 30 - 24 * 5 - 31, busy=10)
    return fleet


MONTH = _month().archive()


def test_the_days_of_a_figure_are_those_of_its_window_by_its_own_definition():
    cpu = one(report(MONTH)["series"], indicator="cpu_utilization")
    assert [entry["day"] for entry in cpu["days"]][:2] == ["2026-11-01", "2026-11-02"]
    assert len(cpu["days"]) == 30
    third, fifth = cpu["days"][2], cpu["days"][4]
    assert (Fraction(third["value"]), third["share"]) == (2, "1.00000000000000")
    assert (fifth["value"], fifth["low"], fifth["high"], fifth["share"]) == (
        None,
        None,
        None,
        "0.00000000000000",
    )
    seventh = cpu["days"][6]
    assert seventh["value"] == "9.58333333333333"


def test_days_add_up_to_the_month():
    figures = derived(MONTH, RULES.declared).figures
    cpu = next(i for i in figures.indicators if i.rule.id == "cpu_utilization")
    days = series(figures, cpu)
    assert sum(day.times.observed_ms for day in days) == cpu.times.observed_ms
    known = [day for day in days if day.bounds.value is not None]
    weighted = sum(day.bounds.value * (day.times.covered_ms + day.times.downtime_ms) for day in known)
    assert weighted / sum(day.times.covered_ms + day.times.downtime_ms for day in known) == cpu.bounds.value


def test_the_worst_days_are_those_with_the_lowest_low_end():
    cpu = one(report(MONTH)["series"], indicator="cpu_utilization")
    assert cpu["worst"] == ["2026-11-05", "2026-11-03", "2026-11-07"]


def test_nothing_is_worst_where_nothing_is_known():
    figures = derived(MONTH, RULES.declared).figures
    unmeasured = figures.indicators[0]
    assert series(figures, unmeasured) == ()
    assert worst(()) == []
    assert [entry["indicator"] for entry in report(MONTH)["series"]] == [
        "cpu_utilization",
        "bandwidth_utilization",
        "daily_reads_writes",
    ]


def test_excluded_days_stand_in_the_series_and_count_for_nothing():
    text = SCOPE.replace(b'id = "db-1"', b'id = "gone-1"') + (
        '[[exclusions]]\nfrom = 2026-11-03\nto = 2026-11-03\nreason = "检修"\nperson = "张工"\n'.encode()
    )
    found = report(MONTH, declared_scope(text).declared)
    cpu = one(found["series"], indicator="cpu_utilization")
    third = cpu["days"][2]
    assert (third["excluded"], third["value"], third["share"]) == ("yes", None, None)
    assert cpu["days"][3]["excluded"] == "no"
    assert "2026-11-03" not in cpu["worst"]
    assert found["exclusions"][0]["person"] == "张工"
    days = one(found["calendar"], host="web-1")["days"]
    assert "2026-11-03" not in [entry["day"] for entry in days]
    gone = one(found["calendar"], host="gone-1")["days"][0]
    assert (gone["share"], gone["missing_s"]) == ("0.00000000000000", DAY_S)


def test_the_calendar_divides_every_day_of_every_host():
    days = one(report(MONTH)["calendar"], host="web-1")["days"]
    assert len(days) == 30
    classes = ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s")
    assert all(sum(entry[name] for name in classes) == DAY_S for entry in days)
    assert (days[4]["missing_s"], days[4]["restarts"]) == (DAY_S, 0)
    assert (days[6]["downtime_s"], days[6]["restarts"], days[6]["suspect_s"]) == (3_600, 1, 0)


def test_the_calendar_shows_the_least_covered_figure_that_a_host_has():
    fleet = Fleet()
    start = instant("2026-11-02")
    fleet.averages("old-1", "cpu.utilization", [(start, 3_600_000, 15)])
    fleet.averages("old-1", "disk.reads.rate", [(start, 7_200_000, 1)])
    fleet.averages("old-1", "disk.writes.rate", [(start, 7_200_000, 1)])
    day = one(report(fleet.archive())["calendar"], host="old-1")["days"][1]
    assert day["observed_s"] == 3_600


def test_hosts_say_who_sealed_how_far_the_clock_was_off_and_when_nobody_spoke():
    found = one(report(MONTH)["hosts"], host="web-1")
    assert (found["sources"], found["software"], found["restarts"]) == (["agent"], ["0.1.0"], 1)
    assert found["chunks"] == found["attested"] > 1
    [program] = found["programs"]
    assert (program["software"], program["code"], program["changed"]) == ("0.1.0", None, "no")
    assert (program["first_ms"], program["chunks"]) == (instant("2026-11-01"), found["chunks"])


def test_a_program_that_was_replaced_in_the_window_is_marked_and_named_by_its_code():
    fleet = Fleet()
    web = fleet.agent("web-1").run(hours=5)
    web.seal(code="c0" * 32)
    web.run(hours=5).seal(code="d0" * 32)
    [host] = report(fleet.archive())["hosts"]
    start = instant("2026-11-01")
    told = [(p["code"], p["first_ms"] - start, p["last_ms"] - start, p["changed"]) for p in host["programs"]]
    assert told == [
        ("c0" * 32, 0, 5 * 3_600_000, "yes"),
        ("d0" * 32, 5 * 3_600_000, 10 * 3_600_000, "yes"),
    ]


def test_clocks_capacities_and_gaps_stand_with_their_host():
    found = one(report(MONTH)["hosts"], host="web-1")
    assert found["clock"] == {"states": ["synchronized"], "least_ms": None, "most_ms": None}
    assert found["capacity"] == {"source": "measured", "mbps": "1000.00000000000"}
    start = instant("2026-11-05")
    gap = {"start_ms": start, "end_ms": start + DAY_S * 1_000}
    assert found["gaps"] == {"count": 1, "seconds": DAY_S, "longest": [gap]}


def test_the_measured_offset_of_the_clock_is_shown():
    fleet = Fleet()
    fleet.agent("web-1").run(hours=5).seal(clock_offset_ms=-4, clock_rtt_ms=2)
    clock = one(report(fleet.archive())["hosts"], host="web-1")["clock"]
    assert (clock["least_ms"], clock["most_ms"]) == (-4, -4)


def test_declared_capacities_and_limits_are_shown_as_written():
    text = SCOPE.replace(b"bandwidth_mbps = 100", b"bandwidth_mbps = 2.5\niops_limit = 3000")
    found = report(ARCHIVE, declared_scope(text).declared)
    web = one(found["scope"]["hosts"], host="web-1")
    assert web["capacity"] == [{"from": "2026-11-01", "mbps": "2.5"}]
    assert (web["iops_limit"], web["sources"]) == ("3000", [])
    assert one(found["scope"]["hosts"], host="db-1")["iops_limit"] is None
    capacity = one(found["hosts"], host="web-1")["capacity"]
    assert (capacity["source"], Fraction(capacity["mbps"])) == ("declared", Fraction("2.5"))


def test_a_capacity_that_nobody_knows_is_unknown():
    fleet = Fleet()
    fleet.averages("old-1", "net.rx.rate", [(instant("2026-11-02"), 300_000, 15)])
    assert one(report(fleet.archive())["hosts"], host="old-1")["capacity"] == {
        "source": "unknown",
        "mbps": None,
    }


def test_a_host_without_a_chunk_has_the_whole_window_for_a_gap():
    text = SCOPE.replace(b'id = "db-1"', b'id = "gone-1"')
    found = one(report(ARCHIVE, declared_scope(text).declared)["hosts"], host="gone-1")
    assert (found["chunks"], found["sources"], found["gaps"]["seconds"]) == (0, [], 30 * DAY_S)


def test_only_the_longest_gaps_are_listed_and_all_are_counted():
    fleet = Fleet()
    agent = fleet.agent("web-1")
    for hours in range(1, 13):
        agent.run(hours=2).forget(hours=hours)
    agent.run(hours=2)
    found = one(report(fleet.archive(), made=agent.wall_ms)["hosts"], host="web-1")["gaps"]
    assert (found["count"], found["seconds"]) == (12, sum(range(1, 13)) * 3_600)
    lengths = [(gap["end_ms"] - gap["start_ms"]) // 3_600_000 for gap in found["longest"]]
    assert lengths == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]


def test_a_report_without_a_scope_or_a_profile_says_so():
    found = report(ARCHIVE)
    assert (found["scope"], found["profile"]) == (None, None)
    assert (found["hashes"]["scope"], found["hashes"]["profile"]) == (None, None)


def test_hashes_name_the_documents_of_the_pack():
    answer = derived(ARCHIVE, FULL.declared)
    hashes = answer.report["hashes"]
    assert hashes["figures"] == layout.sha256(answer.figures_bytes)
    assert hashes["verdict"] == layout.sha256(answer.verdict_bytes)
    assert hashes["scope"] == FULL.declared.scope.sha256
    assert hashes["profile"] == FULL.declared.profile.sha256
    assert hashes["edition"] == FULL.declared.edition.sha256
    assert hashes["day_sums"] == layout.sha256(layout.day_sums_csv(answer.day_sums))
    assert answer.report["profile"]["region"] == "苏州"
    assert json.loads(answer.report_bytes) == answer.report
    assert encode_figures(answer.report["figures"]) == answer.figures_bytes


def test_page_one_says_only_what_holds_for_these_readings():
    def said(archive, declared=RULES.declared):
        found = report(archive, declared)
        return (
            {entry["code"] for entry in found["proved"]},
            {entry["code"] for entry in found["not_proved"]},
        )

    assert said(ARCHIVE) == (
        set(PROVED),
        set(NOT_PROVED) - {"IMPORTED", "DECLARED", "RULES_FIXED", "WHOLE_WINDOW"},
    )
    fleet = Fleet()
    fleet.averages("old-1", "cpu.utilization", [(instant("2026-11-02"), 300_000, 15)])
    assert said(fleet.archive()) == (
        set(PROVED) - {"SIGNED_READINGS"},
        set(NOT_PROVED) - {"DECLARED", "RULES_FIXED", "WHOLE_WINDOW"},
    )
    assert "DECLARED" in said(ARCHIVE, FULL.declared)[1]


def test_an_incomplete_edition_is_named_with_what_it_lacks(pytestconfig):
    path = pytestconfig.rootpath / "tests" / "editions" / "yunmeng-2032.toml"
    from verifier.edition_file import parse_edition

    edition = parse_edition(path.read_bytes())
    edition = replace(edition, rules=tuple(replace(rule, months=1) for rule in edition.rules))
    found = report(ARCHIVE, Declared(edition))
    assert found["edition"]["complete"] == "no"
    assert [entry["about"] for entry in found["edition"]["unknown"]] == [
        "business",
        "cpu_utilization",
        "table",
    ]
    assert found["verdict"]["star"] is None


def test_another_zone_is_recomputed_from_the_chunks():
    here, there = report(MONTH), report(MONTH, zone="UTC")
    assert (here["timezone"], there["timezone"]) == ("Asia/Shanghai", "UTC")
    assert there["window"]["start_ms"] - here["window"]["start_ms"] == 8 * 3_600_000
    zone = LocalCalendar("UTC")
    assert there["window"]["start_ms"] == zone.day_start(zone.month("2026-11")[0])
