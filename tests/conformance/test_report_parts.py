"""Every part of data/report.json that is falsified and signed again fails, in both verifiers, at the same places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from packs import LOG_KEY, TRUSTED, checked, chunk_names, contents, mailbox_of, resigned, written
from rich_month import rich_month
from standalone import checked_alone, disagreement

from verifier import layout
from verifier.difference import MAX_DIFFERENCES
from verifier.document import encode_figures

PARTS = {
    "anchors": ("anchors",),
    "calendar": ("calendar",),
    "series": ("series",),
    "comparisons": ("comparisons",),
    "comparison_notes": ("comparison_notes",),
    "profile": ("profile",),
    "questions": ("questions",),
    "hosts": ("hosts",),
    "scope": ("scope", "exclusions"),
    "edition": ("edition", "definitions"),
    "figures": ("figures",),
    "verdict": ("verdict",),
    "page one": ("proved", "not_proved"),
    "hashes": ("hashes",),
    "the rest": ("enterprise", "made_ms", "month", "months", "provisional", "schema", "software", "timezone", "window"),
}  # fmt: skip
"""All of the report's document, in parts that are falsified together."""


@lru_cache(1)
def honest() -> dict[str, bytes]:
    return contents(rich_month())


def telling(document: dict[str, Any]) -> bytes:
    entries = dict(honest())
    entries[layout.REPORT] = encode_figures(document)
    return resigned(entries)


def told() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(honest()[layout.REPORT])
    assert encode_figures(document) == honest()[layout.REPORT]
    return document


def falsified(path: str, value: Any, seen: list[str]) -> Any:
    """The same with another value at every place; ``seen`` are the places."""
    if isinstance(value, dict):
        return {key: falsified(f"{path}.{key}", one, seen) for key, one in value.items()}
    if isinstance(value, list):
        return [falsified(f"{path}[{name_of(one, at)}]", one, seen) for at, one in enumerate(value)]
    seen.append(layout.REPORT + path)
    return value + 1 if isinstance(value, int) else f"{value or ''}x"


def name_of(entry: Any, at: int) -> str:
    keys = ("id", "indicator", "host", "code", "day")
    return str(next((entry[key] for key in keys if key in entry), at) if isinstance(entry, dict) else at)


def places(findings: list[Any]) -> list[str]:
    return sorted(one.place for one in findings if one.code == "REPORT")


def test_every_part_has_something_to_falsify() -> None:
    document = told()
    assert sorted(key for part in PARTS.values() for key in part) == sorted(document)
    assert all(document.values())
    assert {one["within"] for one in document["comparisons"]} == {"yes", "no", "unlike"}
    assert [one["version"] for one in document["scope"]["versions"] if one["differences"]] == [2]
    assert {day["state"] for day in document["anchors"]["days"]} == {"in_time"}
    assert document["questions"]["units"]
    assert any(host["restarts"] for host in document["hosts"])
    assert both(telling(document)) == [[], []]


def both(data: bytes) -> list[list[str]]:
    ours, theirs = (
        checked(data),
        checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, outside=mailbox_of(data)),
    )
    assert disagreement(ours, theirs) == ""
    assert (theirs.figures, theirs.verdict) == (ours.figures, ours.report and ours.report["verdict"])
    found = [places(ours.findings), places(theirs.findings)]
    assert {ours.outcome, theirs.outcome} == {"fail" if found[0] else "pass"}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_both_find_every_value_of_a_part_that_was_falsified(part: str) -> None:
    document = told()
    seen: list[str] = []
    for key in PARTS[part]:
        document[key] = falsified(f".{key}", document[key], seen)
    assert 0 < len(seen) <= MAX_DIFFERENCES
    assert both(telling(document)) == [sorted(seen), sorted(seen)]


def _emptied(document: dict[str, Any], key: str) -> None:
    document[key] = type(document[key])()


def _shortened(document: dict[str, Any], key: str) -> None:
    document[key] = document[key][:-1]


BENT: dict[str, Callable[[dict[str, Any]], None]] = {
    "a question fewer": lambda d: _shortened(d["questions"], "asked"),
    "a day fewer": lambda d: _shortened(d["anchors"], "days"),
    "no comparison": lambda d: _emptied(d, "comparisons"),
    "a gap fewer": lambda d: _shortened(d["hosts"][0]["gaps"], "longest"),
    "no profile": lambda d: d.update(profile=None),
    "a part less": lambda d: d.pop("calendar"),
    "a part more": lambda d: d.update(rating="5"),
}


@pytest.mark.parametrize("bend", BENT)
def test_both_find_what_was_taken_out_or_put_in(bend: str) -> None:
    document = told()
    BENT[bend](document)
    ours, theirs = both(telling(document))
    assert ours == theirs
    assert ours


def _forms() -> Iterator[bytes]:
    document = told()
    yield json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    yield encode_figures(document).rstrip(b"\n")
    yield b"{" + encode_figures(document)


@pytest.mark.parametrize("number", range(3))
def test_both_find_the_same_values_in_another_form(number: int) -> None:
    entries = {**honest(), layout.REPORT: list(_forms())[number]}
    assert both(resigned(entries)) == [[layout.REPORT], [layout.REPORT]]


@pytest.mark.parametrize("sign", [written, resigned])
@pytest.mark.parametrize("source", ["login-log-0", "aliyun-0"])
def test_both_hear_the_same_sources_where_a_chain_cannot_be_read(
    source: str, sign: Callable[..., bytes]
) -> None:
    name = next(name for name in chunk_names(honest()) if source in name)
    damaged = {**honest(), name: bytes([honest()[name][0] ^ 1]) + honest()[name][1:]}
    ours, theirs = both(sign(damaged))
    assert ours == theirs
    assert any("sources" in place for place in ours)


def fields(value: Any) -> set[str]:
    """The names in a document but those under names that are data: stars, heads, indicators, purposes of money."""
    if isinstance(value, list):
        return {name for one in value for name in fields(one)}
    if not isinstance(value, dict):
        return set()
    free = ("thresholds", "verdicts", "answers", "head_counts", "substitution", "detail", "profile", "values")
    return {*value, *(name for key, one in value.items() if key not in free for name in fields(one))}


def test_every_field_of_the_documents_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "report-format.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    names_of_things = {
        "name_zh",
        "name_en",
        "title_zh",
        "title_en",
        "place",
        "document",
        "source",
        "date",
        "applies_to_zh",
        "applies_to_en",
    }
    assert fields(told()) - named - names_of_things == set()
