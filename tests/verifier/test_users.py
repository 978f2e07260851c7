"""The monthly user rate: counted again by hand, with what is missing, and from a pack alone."""

from __future__ import annotations

import hashlib
import random
from fractions import Fraction

import pytest
from fleet import Fleet, MemoryArchive
from packs import EDITION, SCOPE, checked, codes, contents, declared_scope, frames, logged, packed, resigned

from evidence import chunk
from evidence.activity import ActivityKey, ActivityRow, to_blob
from verifier.audit import audit
from verifier.check import FAILED, PASS
from verifier.edition_file import parse_edition
from verifier.errors import ScopeError, VerifierError
from verifier.figures import figures, measure
from verifier.indicators import distinct as counting
from verifier.scope import parse_scope
from verifier.scope_difference import differences
from verifier.verdict import Verdict

MONTH = "2026-11"
USERS = SCOPE.replace(
    b"[[hosts]]",
    b'[head_counts]\ntotal = 20\ncloud_users = 10\n[users]\nhead_count = "cloud_users"\n'
    b'sources = ["web-1/login-log", "oa/accounts"]\n[[hosts]]',
    1,
)
WHOLE = ("2026-11-01", "2026-12-01")


def person(number: int) -> bytes:
    return hashlib.sha256(f"person {number}".encode()).digest()[:16]


def people(*numbers: int) -> list[bytes]:
    return [person(number) for number in numbers]


def fleet(*, key_of_oa: str = "0123456789abcdef", until: str = "2026-12-01") -> Fleet:
    """Five people on web-1, four on oa, two of them the same: seven."""
    made = Fleet()
    made.agent("web-1", start="2026-11-01").run(hours=24, busy=20)
    made.activity(
        "web-1", "2026-11-01", "2026-11-10", {"2026-11-02": people(1, 2, 3), "2026-11-03": people(1, 4)}
    )
    made.activity("web-1", "2026-11-10", until, {"2026-11-12": people(5, 1)})
    made.activity(
        "oa", *WHOLE, {"2026-11-20": people(4, 5), "2026-11-21": people(6, 7)}, source="accounts",
        account_key=key_of_oa, excluded="backup|probe", origin="sql: logins",
    )  # fmt: skip
    return made


def of(made: Fleet, scope: bytes | None = USERS, month: str = MONTH):
    found = measure(
        made.archive(),
        month=month,
        edition=parse_edition(EDITION),
        scope=None if scope is None else parse_scope(scope),
    )
    return next(i for i in found.indicators if i.rule.id == "monthly_user_rate")


def notes(indicator) -> set[str]:
    return {note.code for note in indicator.notes}


def test_accounts_are_united_over_hosts_and_days() -> None:
    indicator = of(fleet())
    detail = indicator.enterprise.detail
    assert (detail["accounts"], detail["people"], detail["counted"]) == (7, 10, "exact")
    assert (indicator.bounds.low, indicator.bounds.value, indicator.bounds.high) == (70, 70, 70)
    assert indicator.verdicts == {"3": Verdict.PASS, "4": Verdict.PASS, "5": Verdict.FAIL}
    assert notes(indicator) == {"USERS_NOT_ATTESTED"}
    assert detail["complete_days"] == detail["counted_days"] == 30
    assert detail["head_counts"] == [
        {"name": "total", "people": 20, "rate": "35.0000000000000"},
        {"name": "cloud_users", "people": 10, "rate": "70.0000000000000"},
    ]
    by_day = {entry["day"]: entry["accounts"] for entry in detail["days"] if entry["accounts"]}
    assert by_day == {"2026-11-02": 3, "2026-11-03": 2, "2026-11-12": 2, "2026-11-20": 2, "2026-11-21": 2}
    web, oa = detail["sources"]
    assert (web["accounts"], web["attested"], web["excluded"]) == (5, "yes", [])
    assert (oa["accounts"], oa["attested"], oa["excluded"]) == (4, "no", ["backup", "probe"])
    assert oa["origins"] == ["sql: logins"]


def test_the_count_is_that_of_an_independent_recount() -> None:
    luck = random.Random(7)
    made, seen = Fleet(), set()
    made.agent("web-1", start="2026-11-01").run(hours=2)
    for number in range(1, 31):
        today = luck.sample(range(500), 60)
        seen.update(today)
        until = f"2026-11-{number + 1:02}" if number < 30 else "2026-12-01"
        made.activity("web-1", f"2026-11-{number:02}", until, {f"2026-11-{number:02}": people(*today)})
    scope = (
        USERS.replace(b', "oa/accounts"', b"")
        .replace(b"total = 20", b"total = 999")
        .replace(b"= 10", b"= 900", 1)
    )
    assert of(made, scope).enterprise.detail["accounts"] == len(seen)


def test_a_source_missing_for_days_leaves_the_observed_and_everybody() -> None:
    indicator = of(fleet(until="2026-11-25"))
    assert (indicator.bounds.low, indicator.bounds.high) == (70, 100)
    assert indicator.verdicts["5"] is Verdict.INCONCLUSIVE
    (gap,) = [note for note in indicator.notes if note.code == "USERS_NOT_READ"]
    assert gap.hosts[0][0] == "web-1"
    assert len(gap.hosts[0][1]) == 6
    assert indicator.times.missing_ms == 6 * 86_400_000


def test_a_declared_source_without_any_data_is_no_data_and_not_nobody() -> None:
    made = Fleet()
    made.agent("web-1", start="2026-11-01").run(hours=2)
    indicator = of(made)
    assert (indicator.bounds.low, indicator.bounds.value, indicator.bounds.high) == (None, None, None)
    assert indicator.verdicts["3"] is Verdict.NO_DATA
    assert "USERS_NOT_READ" in notes(indicator)


def test_hashes_under_different_keys_are_never_added_up() -> None:
    indicator = of(fleet(key_of_oa="f" * 16))
    assert indicator.enterprise.detail["accounts"] == 5
    assert (indicator.bounds.low, indicator.bounds.high) == (50, 100)
    assert "ACCOUNT_KEYS_DIFFER" in notes(indicator)
    assert indicator.enterprise.detail["account_keys"] == ["0123456789abcdef", "f" * 16]


def test_addresses_that_stand_for_accounts_are_said_not_to_be_people() -> None:
    made = fleet()
    assert "USERS_ARE_ADDRESSES" not in notes(of(made))
    made.activity("web-1", *WHOLE, {"2026-11-02": people(8)}, definition="client-address/1")
    [note] = [note for note in of(made).notes if note.code == "USERS_ARE_ADDRESSES"]
    assert note.hosts == (("web-1", ()),)


def test_more_accounts_than_people_are_printed_and_the_rate_ends_at_all() -> None:
    indicator = of(fleet(), USERS.replace(b"cloud_users = 10", b"cloud_users = 4"))
    assert indicator.enterprise.detail["accounts"] == 7
    assert (indicator.bounds.low, indicator.bounds.high) == (100, 100)
    assert "USERS_ABOVE_HEAD_COUNT" in notes(indicator)


def test_sources_that_the_scope_does_not_name_do_not_count() -> None:
    indicator = of(fleet(), USERS.replace(b', "oa/accounts"', b""))
    assert indicator.enterprise.detail["accounts"] == 5
    assert [source["host"] for source in indicator.enterprise.detail["sources"]] == ["web-1"]


def test_without_a_choice_all_sources_count_and_the_greatest_head_count() -> None:
    scope = USERS.split(b"[users]")[0] + b'[[hosts]]\nid = "web-1"\n[[hosts]]\nid = "oa"\n'
    indicator = of(fleet(), scope)
    assert indicator.bounds.value == 35
    assert indicator.enterprise.detail["head_count"] == "total"
    assert "HEAD_COUNT_NOT_CHOSEN" in notes(indicator)


def test_without_a_head_count_there_is_a_number_and_no_rate() -> None:
    indicator = of(fleet(), None)
    assert indicator.enterprise.detail["accounts"] == 7
    assert indicator.bounds.value is None
    assert set(indicator.verdicts.values()) == {Verdict.NO_DATA}
    assert "HEAD_COUNT_UNKNOWN" in notes(indicator)


def test_a_name_that_only_tells_of_accounts_is_no_business_host() -> None:
    found = measure(fleet().archive(), month=MONTH, edition=parse_edition(EDITION))
    assert [host.id for host in found.hosts] == ["web-1"]
    scoped = figures(fleet().archive(), month=MONTH, edition=parse_edition(EDITION), scope=parse_scope(USERS))
    assert "HOSTS_OUTSIDE_SCOPE" not in {note["code"] for note in scoped["notes"]}


def test_nothing_about_accounts_leaves_the_figure_to_the_enterprise() -> None:
    made = Fleet()
    made.agent("web-1", start="2026-11-01").run(hours=2)
    indicator = of(made, SCOPE)
    assert indicator.enterprise is None
    assert notes(indicator) == {"NOT_MEASURED"}


def test_days_that_do_not_count_have_no_users() -> None:
    out = b'[[exclusions]]\nfrom = 2026-11-20\nto = 2026-11-21\nreason = "x"\nperson = "y"\n'
    assert of(fleet(), USERS + out).enterprise.detail["accounts"] == 5


def test_days_of_another_zone_decide_nothing() -> None:
    made = fleet()
    made.activity("web-1", *WHOLE, {}, timezone="UTC")
    indicator = of(made)
    assert notes(indicator) == {"USERS_OTHER_ZONE"}
    assert set(indicator.verdicts.values()) == {Verdict.INCONCLUSIVE}


# The sketch


def test_beyond_the_limit_a_sketch_counts_and_says_how_wrong_it_may_be() -> None:
    pytest.importorskip("datasketches", reason="Apache DataSketches is not installed (extra: sketch)")
    count = 200_000
    blobs = [to_blob(person(number) for number in range(start, count, 3)) for start in range(3)]
    few = counting.distinct(blobs, most_exact=1_000)
    again = counting.distinct(reversed(blobs), most_exact=150_000)
    assert few == again  # neither the order nor where it began makes a difference
    assert few.low < count < few.high
    assert few.low < few.count < few.high
    assert few.high - few.low < count * 6 / 2 ** (counting.LOG_KEPT / 2) * 1.1
    assert "theta" in few.sketch
    assert counting.distinct(blobs).count == count


def test_without_the_library_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(counting, "import_module", _absent)
    with pytest.raises(VerifierError, match=r"starproof\[sketch\]"):
        counting.distinct([to_blob(people(1, 2))], most_exact=1)


def _absent(name: str) -> None:
    raise ImportError(name)


def test_a_sketched_number_widens_both_ends(monkeypatch) -> None:
    monkeypatch.setattr(
        "verifier.indicators.users.distinct", lambda blobs: counting.Distinct(6, 7, 8, sketch="a sketch")
    )
    indicator = of(fleet())
    assert (indicator.bounds.low, indicator.bounds.value, indicator.bounds.high) == (60, 70, 80)
    assert "USERS_SKETCHED" in notes(indicator)


# The scope


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'head_count = "people"', "write one of cloud_users, total"),
        (b'head_count = "cloud_users"\nsources = ["web-1"]', "write host and source"),
        (b'head_count = "cloud_users"\nsources = ["web-1/agent"]', "write host and source"),
        (b'head_count = "cloud_users"\nsources = ["a/accounts", "a/accounts"]', "twice"),
        (b'head_count = "cloud_users"\nhosts = []', "unknown key"),
        (b"sources = []", "head_count"),
    ],
)
def test_a_faulty_choice_of_users_is_refused(text: bytes, message: str) -> None:
    before, after = USERS.split(b"[users]\n")
    with pytest.raises(ScopeError, match=message):
        parse_scope(before + b"[users]\n" + text + b"\n[[hosts]]" + after.split(b"[[hosts]]", 1)[1])


def test_the_chosen_head_count_must_be_declared() -> None:
    with pytest.raises(ScopeError, match="does not say how many"):
        parse_scope(USERS.replace(b"cloud_users = 10\n", b""))


def test_a_changed_choice_is_a_difference() -> None:
    before, after = parse_scope(USERS), parse_scope(USERS.replace(b', "oa/accounts"', b""))
    assert differences(before, after) == [
        {"place": "users sources", "before": "web-1/login-log, oa/accounts", "after": "web-1/login-log"}
    ]


def test_a_choice_without_sources_is_a_difference_of_one_place() -> None:
    without = USERS.replace(b'sources = ["web-1/login-log", "oa/accounts"]\n', b"")
    (only,) = differences(parse_scope(USERS), parse_scope(without))
    assert (only["place"], only["after"]) == ("users sources", "")


# Pack and check


def test_a_chunk_that_reaches_into_the_month_tells_its_days_only() -> None:
    made = Fleet()
    made.agent("web-1", start="2026-11-01").run(hours=2)
    made.activity("web-1", "2026-10-30", "2026-12-01", {"2026-10-31": people(1, 2), "2026-11-01": people(3)})
    scope = USERS.replace(b', "oa/accounts"', b"")
    assert of(made, scope).enterprise.detail["accounts"] == 1
    report = checked(packed(made.archive(), declared_scope(scope)))
    assert report.outcome == PASS
    assert audit(made.archive(), month=MONTH).findings == ()


def test_a_pack_recounts_the_users_without_names() -> None:
    made = fleet()
    report = checked(packed(made.archive(), declared_scope(USERS)))
    assert (report.outcome, codes(report)) == (PASS, {"NOT_ATTESTED"})
    assert report.figures is not None
    rate = next(i for i in report.figures["indicators"] if i["id"] == "monthly_user_rate")
    assert (rate["value"], rate["low"], rate["high"], rate["detail"]["accounts"]) == (
        *["70.0000000000000"] * 3,
        7,
    )


def test_a_pack_by_days_of_another_zone_than_the_stores_is_written_and_undecided() -> None:
    report = checked(
        packed(fleet().archive(), declared_scope(USERS.replace(b"Asia/Shanghai", b"Asia/Tokyo")))
    )
    assert report.outcome != FAILED
    assert report.figures is not None
    rate = next(i for i in report.figures["indicators"] if i["id"] == "monthly_user_rate")
    assert [note["code"] for note in rate["notes"]] == ["USERS_OTHER_ZONE"]


def test_a_tampered_chunk_of_activity_is_found() -> None:
    entries = contents(packed(fleet().archive(), declared_scope(USERS)))
    name = next(n for n in entries if "/login-log-" in n)
    first = chunk.read_frame(frames(entries[name])[0])
    bent = chunk.write_frame(chunk.Frame(**{**vars(first), "packed": first.packed[:-1] + b"\x00"}))
    entries[name] = entries[name].replace(chunk.write_frame(first), bent)
    report = checked(resigned(entries))
    assert report.outcome == FAILED
    assert {"CHUNK", "FIGURES"} <= codes(report)


def test_an_omitted_chunk_of_activity_is_found() -> None:
    entries = contents(packed(fleet().archive(), declared_scope(USERS)))
    names = sorted(n for n in entries if "/login-log-" in n)
    for gone in names:
        report = checked(resigned({name: data for name, data in entries.items() if name != gone}))
        assert report.outcome == FAILED
        assert "FIGURES" in codes(report)


@pytest.mark.parametrize(("source", "host"), [("login-log", "web-1"), ("accounts", "oa")])
def test_the_tail_of_a_chain_of_activity_that_the_log_holds_is_missed(source: str, host: str) -> None:
    def made(*, cut: bool) -> MemoryArchive:
        found = Fleet()
        found.agent("web-1", start="2026-11-01").run(hours=24, busy=20)
        for name, kind in (("web-1", "login-log"), ("oa", "accounts")):
            found.activity(name, "2026-11-01", "2026-11-20", {"2026-11-02": people(1)}, source=kind)
            found.activity(name, "2026-11-20", "2026-12-01", {}, source=kind)
        if cut:
            found.sources[host, source, 0].stored.pop()
        return found.archive()

    rules, whole = declared_scope(USERS), made(cut=False)
    assert "LOG_CUT" not in codes(checked(packed(whole, rules)))
    report = checked(packed(made(cut=True), rules, log=logged(whole, rules)))
    (finding,) = (one for one in report.findings if one.code == "LOG_CUT")
    assert (finding.host, finding.expected) == (host, "to number 1")
    assert finding.place == f"{source}/0/1"


def test_an_omitted_chunk_in_the_middle_is_named() -> None:
    made = fleet(until="2026-11-25")
    made.activity("web-1", "2026-11-25", "2026-12-01", {})
    del made.sources["web-1", "login-log", 0].stored[1]
    report = checked(packed(made.archive(), declared_scope(USERS)))
    assert "SEQ_MISSING" in codes(report)


# The audit


def test_an_audit_compares_the_stored_sets() -> None:
    archive = fleet().archive()
    assert audit(archive).findings == ()
    first = archive.people[0]
    archive.people[0] = ActivityRow(first.host, first.source, first.key, to_blob(people(99)))
    removed = archive.people.pop()
    extra = ActivityKey(removed.key.day + 1, *list(vars(removed.key).values())[1:])
    archive.people.append(ActivityRow("web-1", "login-log", extra, b""))
    found = audit(archive, month=MONTH)
    assert {finding.code for finding in found.findings} == {
        "ACTIVITY_DIFFERS",
        "ACTIVITY_MISSING",
        "ACTIVITY_EXTRA",
    }
    assert not any(person(99).hex() in str(finding) for finding in found.findings)


def test_a_rate_is_exact() -> None:
    scope = USERS.replace(b"total = 20\ncloud_users = 10", b"total = 20\ncloud_users = 9")
    assert of(fleet(), scope).bounds.low == Fraction(700, 9)
