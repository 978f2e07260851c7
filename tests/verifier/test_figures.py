from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from fleet import Fleet, instant

from verifier.bounds import Bounds
from verifier.editions import load_edition
from verifier.errors import ArchiveError, EditionError, ScopeError, VerifierError, WindowError
from verifier.figures import encode_figures, figures, measure
from verifier.scope import parse_scope

EDITION = load_edition()
MONTH = "2026-11"
HOURS = 30 * 24
TOP = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
window = {{ from = 2026-11-01, to = {to} }}
"""


def scope_of(*hosts, to="2026-11-30", more=""):
    text = TOP.format(to=to) + more + "".join(f'[[hosts]]\nid = "{name}"\n{rest}\n' for name, rest in hosts)
    return parse_scope(text.encode())


def full_month(fleet, host="web-1", **rates):
    return fleet.agent(host).run(hours=HOURS, **rates)


@pytest.fixture
def fleet():
    return Fleet()


def indicator(document, name):
    return next(entry for entry in document["indicators"] if entry["id"] == name)


def measured(archive, name="cpu_utilization", **options):
    return indicator(figures(archive, month=MONTH, edition=EDITION, **options), name)


def test_the_document_has_the_shape_of_the_contract(fleet):
    full_month(fleet, busy=25)
    document = figures(fleet.archive(), month=MONTH, edition=EDITION)
    assert document["schema"] == "starproof/figures/1"
    assert (document["enterprise"], document["month"]) == ("示例企业", MONTH)
    assert document["timezone"] == "Asia/Shanghai"
    assert document["edition"] == {"id": EDITION.id, "sha256": EDITION.sha256}
    assert (document["scope_given"], document["scope_sha256"]) == ("no", None)
    assert "star" not in document
    assert document["window"] == {
        "start_ms": instant("2026-11-01"),
        "end_ms": instant("2026-12-01"),
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
    }
    assert [entry["id"] for entry in document["indicators"]] == [rule.id for rule in EDITION.rules]
    for entry in document["indicators"]:
        assert {"id", "definition", "unit", "value", "low", "high", "coverage", "verdicts", "hosts"} <= set(
            entry
        )
        assert list(entry["verdicts"]) == ["3", "4", "5"]
        assert {"observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s", "share"} == set(
            entry["coverage"]
        )


def test_a_month_without_gaps_is_decided(fleet):
    full_month(fleet, busy=24, steal=1)
    cpu = measured(fleet.archive())
    assert (cpu["value"], cpu["low"], cpu["high"]) == ("25.0000000000000",) * 3
    assert cpu["verdicts"] == {"3": "PASS", "4": "PASS", "5": "PASS"}
    assert cpu["steal"] == "1.00000000000000"
    assert cpu["coverage"]["share"] == "1.00000000000000"
    assert cpu["hosts"][0]["source"] == "agent"


@pytest.mark.parametrize(
    ("busy", "expected"),
    [(24, {"3": "PASS", "4": "PASS", "5": "FAIL"}), (4, {"3": "FAIL", "4": "FAIL", "5": "FAIL"})],
)
def test_a_complete_month_below_a_threshold_fails(fleet, busy, expected):
    full_month(fleet, busy=busy)
    assert measured(fleet.archive())["verdicts"] == expected


def test_every_class_of_time_is_told_apart(fleet):
    web = fleet.agent("web-1").run(hours=100, busy=20)
    web.run(hours=5, busy=20, seen=False).run(hours=1, busy=20)
    web.reboot(down_s=2 * 3600).run(hours=50, busy=20)
    web.run(hours=3, suspended=True).run(hours=1, busy=20)
    web.forget(hours=7).run(hours=10, busy=20).lose().run(hours=HOURS - 179, busy=20)
    cpu = measured(fleet.archive())
    assert cpu["coverage"] == {
        "observed_s": (HOURS - 7 - 5 - 17) * 3600,
        "bridged_s": 7 * 3600,
        "downtime_s": 5 * 3600,
        "excluded_s": 0,
        "missing_s": 17 * 3600,
        "share": "0.976223776223776",
    }
    assert cpu["running"] == "20.0000000000000"
    assert cpu["low"] == cpu["hosts"][0]["low"]
    # 17 hours are missing, with up to a quarter more ticks each; 5 hours the host was off.
    ticks, up = HOURS - 22 + 17 * Fraction(5, 4), Fraction(HOURS - 5, HOURS)
    low, high = 20 * (HOURS - 22) / ticks * up, (20 * (HOURS - 22) + 1700 * Fraction(5, 4)) / ticks * up
    assert 0 <= low - Fraction(cpu["low"]) < Fraction(1, 10**12)
    assert 0 <= Fraction(cpu["high"]) - high < Fraction(1, 10**12)


def test_suspect_time_is_missing_and_counted_beside(fleet):
    web = fleet.agent("web-1").run(hours=10, busy=20)
    web.counted["idle"] -= 1_000_000
    web.run(hours=1, busy=20).run(hours=HOURS - 11, busy=20)
    cpu = measured(fleet.archive())
    assert cpu["suspect_s"] == cpu["hosts"][0]["suspect_s"] == 3600
    assert cpu["coverage"]["missing_s"] == 3600
    assert [note["code"] for note in cpu["notes"]] == ["SUSPECT_TIME"]


def test_fleet_coverage_is_in_host_seconds(fleet):
    full_month(fleet, "a")
    fleet.agent("b").run(hours=24)
    cpu = measured(fleet.archive())
    assert cpu["coverage"]["observed_s"] == (HOURS + 24) * 3600
    assert cpu["coverage"]["missing_s"] == (HOURS - 24) * 3600
    assert sum(host["coverage"]["observed_s"] for host in cpu["hosts"]) == cpu["coverage"]["observed_s"]


def test_a_declared_host_without_data_stays_in_table_and_bounds(fleet):
    full_month(fleet, "a", busy=30)
    cpu = measured(fleet.archive(), scope=scope_of(("a", ""), ("silent", "")))
    assert [host["host"] for host in cpu["hosts"]] == ["a", "silent"]
    assert (cpu["low"], cpu["value"], cpu["high"]) == (
        "15.0000000000000",
        "15.0000000000000",
        "65.0000000000000",
    )
    assert cpu["hosts"][1]["value"] is cpu["hosts"][1]["low"] is cpu["hosts"][1]["source"] is None
    assert cpu["hosts"][1]["coverage"]["share"] == "0.00000000000000"
    assert cpu["verdicts"] == {"3": "PASS", "4": "PASS", "5": "INCONCLUSIVE"}
    assert cpu["notes"][0]["hosts"] == [{"host": "silent", "days": []}]


def test_hosts_outside_the_scope_do_not_count_and_are_named(fleet):
    full_month(fleet, "a", busy=30)
    full_month(fleet, "b", busy=90)
    document = figures(fleet.archive(), month=MONTH, edition=EDITION, scope=scope_of(("a", "")))
    assert indicator(document, "cpu_utilization")["value"] == "30.0000000000000"
    outside = next(note for note in document["notes"] if note["code"] == "HOSTS_OUTSIDE_SCOPE")
    assert outside["hosts"] == [{"host": "b", "days": []}]


def test_a_scope_of_another_enterprise_is_named(fleet):
    full_month(fleet, "a")
    scope = replace(scope_of(("a", "")), enterprise="另一企业")
    document = figures(fleet.archive(), month=MONTH, edition=EDITION, scope=scope)
    assert document["enterprise"] == "另一企业"
    assert [note["code"] for note in document["notes"]] == ["ENTERPRISE_DIFFERS"]


def test_excluded_days_leave_figure_and_denominator(fleet):
    fleet.agent("a").run(hours=24, busy=90).run(hours=HOURS - 24, busy=30)
    out = '[[exclusions]]\nfrom = 2026-11-01\nto = 2026-11-01\nreason = "搬迁"\nperson = "张三"\n'
    document = figures(fleet.archive(), month=MONTH, edition=EDITION, scope=scope_of(("a", ""), more=out))
    cpu = indicator(document, "cpu_utilization")
    assert (cpu["low"], cpu["high"]) == ("30.0000000000000",) * 2
    assert cpu["coverage"]["excluded_s"] == 86_400
    assert cpu["coverage"]["share"] == "1.00000000000000"
    assert document["exclusions"] == [
        {"from": "2026-11-01", "to": "2026-11-01", "reason": "搬迁", "person": "张三"}
    ]


def test_a_window_that_is_excluded_as_a_whole_has_no_data(fleet):
    full_month(fleet, "a")
    out = '[[exclusions]]\nfrom = 2026-10-01\nto = 2026-12-01\nreason = "x"\nperson = "y"\n'
    for name in ("cpu_utilization", "bandwidth_utilization", "daily_reads_writes"):
        found = measured(fleet.archive(), name, scope=scope_of(("a", "bandwidth_mbps = 1"), more=out))
        assert found["verdicts"]["3"] == "NO_DATA"
        assert found["value"] is found["low"] is found["coverage"]["share"] is None
        assert found["coverage"]["missing_s"] == 0


def test_a_scope_cuts_the_month_to_its_days(fleet):
    fleet.agent("a").run(hours=48, busy=30).run(hours=HOURS - 48, busy=90)
    cpu = measured(fleet.archive(), scope=scope_of(("a", ""), to="2026-11-02"))
    assert cpu["value"] == "30.0000000000000"
    assert cpu["coverage"]["observed_s"] == 2 * 86_400


def test_bandwidth_follows_the_declared_capacity(fleet):
    full_month(fleet, "a", rx=500_000, tx=250_000)
    found = measured(fleet.archive(), "bandwidth_utilization", scope=scope_of(("a", "bandwidth_mbps = 10")))
    assert (found["value"], found["verdicts"]["4"], found["verdicts"]["5"]) == (
        "40.0000000000000",
        "PASS",
        "FAIL",
    )
    assert found["hosts"][0]["capacity_bps"] == "10000000.0000000"


def test_an_exceeded_capacity_names_host_and_day(fleet):
    fleet.agent("a").run(hours=24, rx=5_000_000).run(hours=HOURS - 24)
    found = measured(fleet.archive(), "bandwidth_utilization", scope=scope_of(("a", "bandwidth_mbps = 10")))
    assert [(note["code"], note["hosts"]) for note in found["notes"]] == [
        ("CAPACITY_EXCEEDED", [{"host": "a", "days": ["2026-11-01"]}])
    ]


def test_without_a_known_capacity_the_fleet_has_no_bandwidth_figure(fleet):
    full_month(fleet, "a", rx=5)
    fleet.averages("b", "net.rx.rate", [(instant("2026-11-01"), 300_000, 5)])
    found = measured(fleet.archive(), "bandwidth_utilization")
    assert found["verdicts"] == dict.fromkeys("345", "NO_DATA")
    unknown = next(note for note in found["notes"] if note["code"] == "CAPACITY_UNKNOWN")
    assert unknown["hosts"] == [{"host": "b", "days": []}]


def test_reads_and_writes_are_added_over_the_hosts(fleet):
    full_month(fleet, "a", reads=1)
    full_month(fleet, "b", writes=2)
    found = measured(fleet.archive(), "daily_reads_writes")
    assert found["value"] == "259200.000000000"
    assert found["verdicts"]["5"] == "PASS"


def test_reads_and_writes_cannot_fail_while_time_is_missing(fleet):
    fleet.agent("a").run(hours=HOURS - 1)
    found = measured(fleet.archive(), "daily_reads_writes")
    assert (found["low"], found["high"]) == ("0.00000000000000", None)
    assert found["verdicts"]["3"] == "INCONCLUSIVE"


def test_what_is_not_measured_stands_in_the_table_without_data(fleet):
    full_month(fleet)
    for name in ("it_cost_reduction", "monthly_user_rate", "cloud_investment"):
        found = measured(fleet.archive(), name)
        assert (found["value"], found["low"], found["high"], found["hosts"]) == (None, None, None, [])
        assert found["verdicts"] == dict.fromkeys("345", "NO_DATA")
        assert [note["code"] for note in found["notes"]] == ["NOT_MEASURED"]
        assert found["coverage"]["share"] is None


def test_an_empty_store_has_no_data(fleet):
    document = figures(fleet.archive(), month=MONTH, edition=EDITION)
    assert {entry["verdicts"]["3"] for entry in document["indicators"]} == {"NO_DATA"}


def test_imported_data_are_marked_as_not_attested(fleet):
    fleet.averages("db", "cpu.utilization", [(instant("2026-11-01"), 300_000, 5)])
    assert [note["code"] for note in measured(fleet.archive())["notes"]] == ["NOT_ATTESTED"]


def test_another_zone_is_recomputed_from_the_chunks(fleet):
    fleet.agent("a").run(hours=8, busy=80).run(hours=HOURS - 8, busy=20)
    fleet.averages("b", "cpu.utilization", [(instant("2026-11-01T06:00"), 4 * 3_600_000, 50)])
    archive = fleet.archive()
    utc = measured(archive, timezone="UTC")["hosts"]
    # UTC's November begins at 8:00 in Shanghai.
    assert utc[0]["running"] == "20.0000000000000"
    assert utc[0]["coverage"]["observed_s"] == (HOURS - 8) * 3600
    assert utc[1]["coverage"]["observed_s"] == 2 * 3600


def test_stored_and_recomputed_day_sums_give_the_same_document(fleet):
    fleet.agent("a").run(hours=50, busy=80).reboot().run(hours=30, rx=7, reads=3)
    archive = fleet.archive()
    stored = figures(archive, month=MONTH, edition=EDITION)
    archive.timezone = "UTC"
    recomputed = figures(archive, month=MONTH, edition=EDITION)
    assert encode_figures(stored) == encode_figures(recomputed)


def test_only_the_hosts_of_the_scope_are_recomputed(fleet):
    full_month(fleet, "a", busy=30)
    full_month(fleet, "b", busy=90)
    archive = fleet.archive()
    archive.timezone = "UTC"
    assert measured(archive, scope=scope_of(("a", "")))["value"] == "30.0000000000000"


def test_a_chunk_that_does_not_verify_stops_a_recomputation(fleet):
    full_month(fleet, "a")
    archive = fleet.archive()
    archive.timezone = "UTC"
    archive.stored[0] = replace(archive.stored[0], seq=5)
    with pytest.raises(ArchiveError, match=r"chunk a agent 0/5: .*run starproof audit"):
        figures(archive, month=MONTH, edition=EDITION)


def test_the_scope_decides_the_zone(fleet):
    full_month(fleet, "a")
    archive, scope = fleet.archive(), scope_of(("a", ""))
    assert measured(archive, scope=scope) == measured(archive, scope=scope, timezone="Asia/Shanghai")
    with pytest.raises(ScopeError, match="declares the time zone Asia/Shanghai; leave UTC out"):
        measured(archive, scope=scope, timezone="UTC")


def test_a_scope_of_another_edition_is_refused(fleet):
    scope = replace(scope_of(("a", "")), edition="jiangsu-2024")
    with pytest.raises(ScopeError, match="'jiangsu-2024', not 'jiangsu-2018-trial'"):
        measured(fleet.archive(), scope=scope)


def test_a_month_outside_the_scope_is_refused(fleet):
    with pytest.raises(WindowError):
        figures(fleet.archive(), month="2026-12", edition=EDITION, scope=scope_of(("a", "")))


def test_a_definition_of_the_scope_replaces_that_of_the_edition(fleet):
    full_month(fleet, "a", busy=30)
    wrong = replace(EDITION.rules[2], definition="cpu.busy/9")
    edition = replace(EDITION, rules=(*EDITION.rules[:2], wrong, *EDITION.rules[3:]))
    chosen = '[definitions]\ncpu_utilization = "cpu.busy/1"\n'
    document = figures(fleet.archive(), month=MONTH, edition=edition, scope=scope_of(("a", ""), more=chosen))
    assert indicator(document, "cpu_utilization")["definition"] == "cpu.busy/1"
    with pytest.raises(
        EditionError, match=r"'cpu\.busy/9' of cpu_utilization does not exist \(did you mean cpu\.busy/1"
    ):
        figures(fleet.archive(), month=MONTH, edition=edition)


def test_a_definition_of_another_indicator_is_refused(fleet):
    chosen = '[definitions]\ncpu_utilization = "reads_writes.block_io/1"\n'
    with pytest.raises(ScopeError, match=r"write cpu\.busy/1"):
        measured(fleet.archive(), scope=scope_of(("a", ""), more=chosen))


def test_an_aggregation_that_the_definition_does_not_allow_is_refused(fleet):
    wrong = replace(EDITION.rules[2], aggregation="sum_over_hosts")
    with pytest.raises(EditionError, match="write mean_over_hosts"):
        figures(fleet.archive(), month=MONTH, edition=replace(EDITION, rules=(wrong,)))


def test_the_typed_figures_are_exact(fleet):
    full_month(fleet, "a", busy=10)
    full_month(fleet, "b", busy=20)
    full_month(fleet, "c", busy=10)
    cpu = measure(fleet.archive(), month=MONTH, edition=EDITION).indicators[2]
    assert cpu.bounds == Bounds(*[Fraction(40, 3)] * 4)


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [("12.999999999999999999999", "PASS"), ("13", "PASS"), ("13.000000000000000000001", "FAIL")],
)
@pytest.mark.parametrize("name", ["cpu_utilization", "bandwidth_utilization", "daily_reads_writes"])
@pytest.mark.parametrize("star", ["3", "4", "5"])
def test_figures_just_below_at_and_above_a_threshold(fleet, name, star, threshold, verdict):
    full_month(fleet, "a", busy=13, rx=1_300_000, reads=13)
    scaled = threshold
    if name == "daily_reads_writes":
        places = len(threshold.partition(".")[2])
        digits = str(Fraction(threshold) * 86_400 * 10**places)
        scaled = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    rules = tuple(
        replace(rule, thresholds={**rule.thresholds, star: scaled}) if rule.id == name else rule
        for rule in EDITION.rules
    )
    document = figures(
        fleet.archive(),
        month=MONTH,
        edition=replace(EDITION, rules=rules),
        scope=scope_of(("a", "bandwidth_mbps = 80")),
    )
    assert indicator(document, name)["verdicts"][star] == verdict


def test_the_same_evidence_gives_the_same_bytes(fleet):
    full_month(fleet, "b")
    full_month(fleet, "a")
    archive = fleet.archive()
    first = encode_figures(figures(archive, month=MONTH, edition=EDITION))
    archive.rows.reverse()
    archive.enrolled.reverse()
    assert encode_figures(figures(archive, month=MONTH, edition=EDITION)) == first
    assert first.endswith(b"}\n")
    assert "示例企业".encode() in first


@pytest.mark.parametrize("value", [1.5, True, (1,), {"a": [0.5]}, {5: "x"}, [{"x": b""}]])
def test_what_is_not_plain_is_refused_in_a_document(value):
    with pytest.raises(VerifierError, match="figures document"):
        encode_figures({"x": value})


def test_a_plain_document_is_encoded_with_sorted_keys():
    assert encode_figures({"b": [1, None], "a": "星"}) == '{"a":"星","b":[1,null]}\n'.encode()
