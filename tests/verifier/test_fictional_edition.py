"""Another province is one more file: nothing in the code knows Jiangsu's stars, rows or figures."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from fleet import Fleet

from verifier.definitions import chosen
from verifier.edition_file import parse_edition
from verifier.errors import EditionError, ScopeError
from verifier.figures import encode_figures, figures, measure
from verifier.scope import parse_scope
from verifier.verdict import Verdict

FOLDER = Path(__file__).parents[1] / "editions"
YUNMENG = parse_edition((FOLDER / "yunmeng-2031.toml").read_bytes())
INCOMPLETE = parse_edition((FOLDER / "yunmeng-2032.toml").read_bytes())
SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "yunmeng-2031"
window = {{ from = 2026-11-01, to = 2026-11-30 }}
hosts = [{{ id = "web-1" }}]
[definitions]
{definitions}
"""


def archive(*, busy=20):
    fleet = Fleet()
    fleet.agent("web-1", start="2026-09-01").run(hours=(30 + 31 + 30) * 24, busy=busy)
    return fleet.archive()


def scope_with(definitions):
    return parse_scope(SCOPE.format(definitions=definitions).encode())


def test_it_has_its_own_levels_rows_and_counting_rules():
    assert YUNMENG.star_ids == ("1", "2")
    assert YUNMENG.star("2").cloud_forms == ("private",)
    assert [row.kind for row in YUNMENG.rows] == ["tick"] * 5 + ["text"] + ["figure"] * 2
    assert [YUNMENG.countable(criterion) for criterion in YUNMENG.criteria] == [2, 2]
    assert (YUNMENG.rule("cpu_utilization").months, YUNMENG.rule("cpu_utilization").combine) == (
        3,
        "every_month",
    )


def test_its_figures_are_computed_with_its_thresholds_and_its_levels():
    devices, cpu = measure(archive(busy=20), month="2026-11", edition=YUNMENG).indicators
    assert (devices.rule.unit, devices.definition.id, devices.bounds.value) == ("台", "declared/1", None)
    assert devices.verdicts == {"1": Verdict.NO_DATA, "2": Verdict.NO_DATA}
    assert [note.code for note in devices.notes] == ["NOT_MEASURED"]
    assert cpu.bounds.value == 20
    assert cpu.rule.threshold("1") == Fraction(25, 2)
    assert cpu.verdicts == {"1": Verdict.PASS, "2": Verdict.FAIL}


def test_its_document_names_its_levels_in_its_order():
    document = figures(archive(), month="2026-11", edition=YUNMENG)
    assert [list(entry["verdicts"]) for entry in document["indicators"]] == [["1", "2"], ["1", "2"]]
    assert document["edition"] == {"id": "yunmeng-2031", "sha256": YUNMENG.sha256}
    assert "设备上云数".encode() in encode_figures(document)


def test_a_figure_without_thresholds_decides_nothing():
    devices, cpu = measure(archive(), month="2026-11", edition=INCOMPLETE).indicators
    assert cpu.bounds.value == 20
    assert cpu.verdicts == {"1": Verdict.INCONCLUSIVE, "2": Verdict.INCONCLUSIVE}
    assert devices.verdicts == {"1": Verdict.NO_DATA, "2": Verdict.NO_DATA}
    [entry] = [
        entry
        for entry in figures(archive(), month="2026-11", edition=INCOMPLETE)["indicators"]
        if entry["id"] == "cpu_utilization"
    ]
    assert entry["thresholds"] == {}


def test_an_incomplete_edition_says_what_it_lacks():
    assert not INCOMPLETE.complete
    assert [unknown.about for unknown in INCOMPLETE.unknown] == ["business", "cpu_utilization", "table"]
    assert INCOMPLETE.criteria[1].needed == {}


def test_a_scope_may_name_the_definition_of_a_figure_of_the_edition():
    definitions = chosen(YUNMENG, scope_with('connected_devices = "declared/1"'))
    assert {name: definition.id for name, definition in definitions.items()} == {
        "connected_devices": "declared/1",
        "cpu_utilization": "cpu.busy/1",
    }


def test_a_scope_that_chooses_for_a_figure_the_edition_does_not_ask_for_is_refused():
    with pytest.raises(
        ScopeError,
        match=r"\[definitions\]: edition yunmeng-2031 does not ask for 'cpu_utilisation' \(did you mean cpu_utilization\?\); "
        "write some of connected_devices, cpu_utilization",
    ):
        chosen(YUNMENG, scope_with('cpu_utilisation = "cpu.busy/1"'))
    with pytest.raises(ScopeError, match="does not ask for 'bandwidth_utilization'"):
        chosen(YUNMENG, scope_with('bandwidth_utilization = "bandwidth.max_direction/1"'))


def test_a_rule_for_missing_time_of_a_figure_the_edition_does_not_ask_for_is_refused():
    scope = parse_scope(
        SCOPE.format(definitions="").encode()
        + b"\n[substitution]\nbandwidth_utilization = 'extreme_hour/1'\n"
    )
    with pytest.raises(
        ScopeError, match=r"\[substitution\]: edition yunmeng-2031 does not ask for 'bandwidth"
    ):
        chosen(YUNMENG, scope)


def test_a_measured_figure_cannot_be_made_a_declared_one():
    with pytest.raises(
        ScopeError, match=r"mean_over_hosts under declared/1; leave it out of \[definitions\]"
    ):
        chosen(YUNMENG, scope_with('cpu_utilization = "declared/1"'))


@pytest.mark.parametrize(
    ("number", "changes", "message"),
    [
        (
            0,
            {"definition": "declared/2"},
            r"'declared/2' of connected_devices does not exist \(did you mean decl",
        ),
        (0, {"definition": "cpu.busy/1"}, "of connected_devices does not exist; write declared/1"),
        (0, {"aggregation": "sum_over_hosts"}, "as sum_over_hosts under declared/1; write declared"),
        (1, {"unit": "万元"}, 'is in 万元, but cpu.busy/1 gives %; write unit = "%"'),
    ],
)
def test_an_edition_that_this_version_cannot_compute_is_refused(number, changes, message):
    rules = list(YUNMENG.rules)
    rules[number] = replace(rules[number], **changes)
    with pytest.raises(EditionError, match=message):
        chosen(replace(YUNMENG, rules=tuple(rules)), None)
