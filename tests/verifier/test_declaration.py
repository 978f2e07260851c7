from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest
from fleet import MemoryArchive, instant

from config import EXAMPLES
from evidence import canonical
from evidence.calendar import LocalCalendar
from evidence.errors import LimitExceededError, MalformedError, OutOfRangeError
from verifier import declaration
from verifier.declaration import (
    Declaration,
    ScopeVersion,
    declared_as,
    declared_before,
    declared_versions,
    next_record,
    parse,
    read_scopes,
    record_sha256,
    scopes_document,
)
from verifier.errors import DeclarationError, ScopeError
from verifier.pack_archive import PackArchive
from verifier.scope import parse_scope
from verifier.window import month_window

ENTERPRISE = "江苏示例科技有限公司"
FIRST = (EXAMPLES / "scope.toml").read_bytes()
SECOND = FIRST.replace(b"bandwidth_mbps = 100", b"bandwidth_mbps = 200")
THIRD = FIRST.replace(b"iops_limit = 3000", b"iops_limit = 4000")
OCTOBER = instant("2026-10-20T09:15")
WINDOW = month_window(LocalCalendar("Asia/Shanghai"), "2026-11")


def declare(*files, start=OCTOBER, times=None):
    """Declare the files one after another, a minute apart."""
    declared = []
    for number, data in enumerate(files):
        now = times[number] if times else start + number * 60_000
        declared.append((next_record(declared, data, enterprise=ENTERPRISE, declared_ms=now), data))
    return declared


def bent(record, **changes):
    return replace(parse(record), **changes).encode()


def test_a_record_has_one_form():
    ((record, _),) = declare(FIRST)
    sha256 = hashlib.sha256(FIRST).hexdigest()
    assert record.decode() == (
        f'{{"declared_ms":{OCTOBER},"enterprise":"{ENTERPRISE}","previous":"",'
        f'"schema":"starproof/scope-declaration/1","sha256":"{sha256}","version":1}}'
    )
    assert parse(record) == Declaration(ENTERPRISE, 1, sha256, "", OCTOBER)


def test_every_record_names_the_one_before():
    declared = declare(FIRST, SECOND, FIRST)
    records = [parse(record) for record, _ in declared]
    assert [said.version for said in records] == [1, 2, 3]
    assert [said.previous for said in records] == ["", *(record_sha256(record) for record, _ in declared[:2])]


def test_versions_are_what_was_declared():
    versions = declared_versions(declare(FIRST, SECOND))
    assert versions == (
        ScopeVersion(1, OCTOBER, hashlib.sha256(FIRST).hexdigest(), FIRST, parse_scope(FIRST)),
        ScopeVersion(2, OCTOBER + 60_000, hashlib.sha256(SECOND).hexdigest(), SECOND, parse_scope(SECOND)),
    )
    assert declared_versions([]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "starproof/scope-declaration/2"}, "schema is"),
        ({"version": 0}, "version is 0, allowed are 1 to 1000"),
        ({"version": 1001}, "version is 1001"),
        ({"sha256": "0" * 63}, "sha256 is not 64"),
        ({"previous": "X" * 64}, "previous is neither empty nor 64"),
        ({"enterprise": "x" * 129}, "enterprise has 129 characters"),
        ({"declared_ms": -1}, "declared_ms is -1"),
        ({"declared_ms": 4_102_444_800_001}, "declared_ms is"),
        ({"note": "x"}, "unknown note"),
    ],
)
def test_a_record_that_breaks_the_format_is_refused(change, message):
    ((record, data),) = declare(FIRST)
    wrong = canonical.encode({**json.loads(record), **change})
    with pytest.raises(MalformedError, match=message):
        parse(wrong)
    with pytest.raises(DeclarationError, match="version 1 of the scope: "):
        declared_versions([(wrong, data)])


def test_a_long_record_is_refused_unread():
    with pytest.raises(LimitExceededError):
        parse(b" " * (declaration.MAX_RECORD_BYTES + 1))


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (lambda d: d[1:], "version 1 of the scope: the record is of version 2"),
        (lambda d: [d[0], d[2]], "version 2 of the scope: the record is of version 3"),
        (lambda d: [d[1], d[0], d[2]], "version 1 of the scope: the record is of version 2"),
        (lambda d: [d[0], d[0]], "version 2 of the scope: the record is of version 1"),
        (
            lambda d: [(bent(d[0][0], previous="0" * 64), FIRST)],
            "version 1 of the scope: the record does not name the one before",
        ),
        (
            lambda d: [(bent(d[0][0], declared_ms=OCTOBER - 1), FIRST), *d[1:]],
            "version 2 of the scope: the record does not name the one before",
        ),
        (
            lambda d: [*d[:2], (bent(d[2][0], previous=""), THIRD)],
            "version 3 of the scope: the record does not name the one before",
        ),
        (
            lambda d: [*d[:2], (bent(d[2][0], enterprise="乙公司"), THIRD)],
            "version 3 of the scope: declared for '乙公司', before for",
        ),
        (
            lambda d: [*d[:2], (bent(d[2][0], declared_ms=OCTOBER + 59_999), THIRD)],
            "version 3 of the scope: declared at 2026-10-20 01:15:59 UTC, the version before at",
        ),
        (lambda d: [d[0], (d[1][0], THIRD)], "version 2 of the scope: the file is not the one"),
        (lambda d: [(d[0][0], FIRST + b"\n"), *d[1:]], "version 1 of the scope: the file is not the one"),
        (
            lambda d: [(bent(d[0][0], sha256=hashlib.sha256(b"x").hexdigest()), b"x")],
            "version 1 of the scope: scope: not a TOML file",
        ),
        (
            lambda d: [(bent(d[0][0], enterprise="乙公司"), FIRST)],
            "version 1 of the scope: the file is for '江苏示例科技有限公司', not '乙公司'",
        ),
    ],
)
def test_a_history_that_was_tampered_with_is_refused(bend, message):
    with pytest.raises(DeclarationError, match=message):
        declared_versions(bend(declare(FIRST, SECOND, THIRD)))


def test_two_versions_may_have_the_same_time():
    versions = declared_versions(declare(FIRST, SECOND, times=(OCTOBER, OCTOBER)))
    assert [version.declared_ms for version in versions] == [OCTOBER, OCTOBER]


def test_a_clock_behind_the_last_version_declares_nothing():
    declared = declare(FIRST)
    with pytest.raises(
        DeclarationError,
        match="the clock shows 2026-10-20 01:14:59 UTC, and version 1 was declared at 2026-10-20 01:15:00",
    ):
        next_record(declared, SECOND, enterprise=ENTERPRISE, declared_ms=OCTOBER - 1)


def test_another_enterprises_scope_is_refused():
    with pytest.raises(ScopeError, match=r"declared for '江苏示例科技有限公司', and these are .* '乙公司'"):
        next_record([], FIRST, enterprise="乙公司", declared_ms=OCTOBER)


def test_what_is_no_scope_is_not_declared():
    with pytest.raises(ScopeError, match="the key 'hosts' is missing"):
        next_record([], FIRST.split(b"[[hosts]]")[0], enterprise=ENTERPRISE, declared_ms=OCTOBER)


def test_nothing_is_added_to_a_damaged_history():
    declared = declare(FIRST, SECOND)
    with pytest.raises(DeclarationError, match="version 1 of the scope"):
        next_record(declared[1:], THIRD, enterprise=ENTERPRISE, declared_ms=OCTOBER + 999_999)


@pytest.mark.parametrize(
    ("enterprise", "now", "error"),
    [
        ("x" * 129, OCTOBER, MalformedError),
        ("a\tb", OCTOBER, OutOfRangeError),
        (ENTERPRISE, 4_102_444_800_001, MalformedError),
    ],
)
def test_what_no_record_can_hold_is_refused(enterprise, now, error):
    text = FIRST.decode().replace(ENTERPRISE, enterprise.replace("\t", "\\t"))
    with pytest.raises(error):
        next_record([], text.encode(), enterprise=enterprise, declared_ms=now)


def test_versions_are_bounded(monkeypatch):
    monkeypatch.setattr(declaration, "MAX_SCOPE_VERSIONS", 2)
    declared = declare(FIRST, SECOND)
    assert len(declared_versions(declared)) == 2
    with pytest.raises(DeclarationError, match="3 versions of the scope, at most 2"):
        next_record(declared, THIRD, enterprise=ENTERPRISE, declared_ms=OCTOBER + 999_999)
    for reads in (declared_versions, scopes_document):
        with pytest.raises(DeclarationError, match="3 versions of the scope, at most 2"):
            reads([*declared, declared[0]])


def test_what_would_not_fit_into_a_pack_is_not_declared(monkeypatch):
    declared = declare(FIRST)
    monkeypatch.setattr(declaration, "MAX_SCOPES_BYTES", 2 * len(scopes_document(declared)) - 100)
    assert read_scopes(scopes_document(declared)) == declared
    with pytest.raises(DeclarationError, match="bytes together, at most"):
        next_record(declared, SECOND, enterprise=ENTERPRISE, declared_ms=OCTOBER + 1)


def test_all_versions_travel_in_one_canonical_document():
    declared = declare(FIRST, SECOND, THIRD)
    document = scopes_document(declared)
    assert json.loads(document)["schema"] == "starproof/scopes/1"
    assert read_scopes(document) == declared
    assert declared_versions(read_scopes(document)) == declared_versions(declared)
    assert scopes_document([]) == b'{"records":[],"schema":"starproof/scopes/1"}'
    assert read_scopes(scopes_document([])) == []


GOOD = {"record": base64.b64encode(b"{}").decode(), "file": base64.b64encode(b"x").decode()}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"schema": "starproof/scopes/2", "records": []}, "schema is"),
        ({"schema": "starproof/scopes/1"}, "missing records"),
        ({"schema": "starproof/scopes/1", "records": [{"record": "e30="}]}, "missing file"),
        ({"schema": "starproof/scopes/1", "records": [{**GOOD, "more": 1}]}, "unknown more"),
        ({"schema": "starproof/scopes/1", "records": [{**GOOD, "file": 1}]}, "file is not a string"),
        ({"schema": "starproof/scopes/1", "records": [{**GOOD, "file": "e30"}]}, "file is not base64"),
        ({"schema": "starproof/scopes/1", "records": [{**GOOD, "file": "e3 0="}]}, "file is not base64"),
        ({"schema": "starproof/scopes/1", "records": [{**GOOD, "file": "星星"}]}, "file is not base64"),
        (
            {"schema": "starproof/scopes/1", "records": [{**GOOD, "file": "e31="}]},
            "not base64 in its one form",
        ),
        (
            {"schema": "starproof/scopes/1", "records": [{**GOOD, "record": "A" * 5465}]},
            "record has 5465 characters, at most 5464",
        ),
        (
            {"schema": "starproof/scopes/1", "records": [GOOD] * 1001},
            "records has 1001 entries, at most 1000",
        ),
    ],
)
def test_a_faulty_document_of_versions_is_refused(document, message):
    with pytest.raises(MalformedError, match=message):
        read_scopes(canonical.encode(document))


def test_a_scope_is_known_by_the_newest_version_of_its_file():
    versions = declared_versions(declare(FIRST, SECOND, FIRST))
    assert declared_as(parse_scope(FIRST), versions) == versions[2]
    assert declared_as(parse_scope(SECOND), versions) == versions[1]
    assert declared_as(parse_scope(THIRD), versions) is None


def before(data, *declared):
    files, times = zip(*declared, strict=True)
    versions = declared_versions(declare(*files, times=times))
    return declared_before(parse_scope(data), versions, WINDOW)


def test_declared_before_the_window_means_before_its_first_millisecond():
    assert WINDOW.first_day == date(2026, 11, 1).toordinal()
    assert before(FIRST, (FIRST, WINDOW.start_ms - 1))
    assert not before(FIRST, (FIRST, WINDOW.start_ms))
    assert not declared_before(parse_scope(FIRST), (), WINDOW)
    assert not before(SECOND, (FIRST, OCTOBER))


def test_of_several_declared_in_advance_only_the_last_one_holds():
    both = ((FIRST, OCTOBER), (SECOND, OCTOBER + 1))
    assert not before(FIRST, *both)
    assert before(SECOND, *both)


def test_a_change_during_the_window_leaves_the_version_before_it_declared():
    both = ((FIRST, OCTOBER), (SECOND, WINDOW.start_ms + 1))
    assert before(FIRST, *both)
    assert not before(SECOND, *both)


def test_a_file_declared_again_during_the_window_was_not_declared_before():
    assert not before(FIRST, (FIRST, OCTOBER), (SECOND, WINDOW.start_ms + 1), (FIRST, WINDOW.start_ms + 2))


def test_the_archives_of_a_pack_and_of_the_tests_hand_on_what_was_declared():
    declared = declare(FIRST, SECOND)
    about = {"enterprise": ENTERPRISE, "timezone": "Asia/Shanghai"}
    pack = PackArchive(**about, enrolments=[], rows=[], scope_versions=declared)
    memory = MemoryArchive(**about, enrolled=[], stored=[], rows=[], scopes=declared)
    assert list(pack.scope_versions()) == list(memory.scope_versions()) == declared
    assert list(PackArchive(**about, enrolments=[], rows=[]).scope_versions()) == []
