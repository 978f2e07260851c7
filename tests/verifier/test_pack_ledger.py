"""The ledger in a pack: recomputed by the check, and what somebody could do to it."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from ledgers import PAPER, bought, entry, ledger
from packs import (
    EDITION,
    LOG_KEY,
    MONTH,
    PROFILE,
    RULES,
    SCOPE,
    TRUSTED,
    declared_scope,
    small_fleet,
    with_profile,
)

from evidence.dsse import STATEMENT_TYPE
from evidence.keys import PrivateKey
from verifier import layout
from verifier.check import CheckReport, check
from verifier.container import Container, Writer
from verifier.edition_file import parse_edition
from verifier.errors import EditionError, PackError
from verifier.figures import figures
from verifier.pack import Rules, write_pack
from verifier.statement import parse

RECEIPT = "付款回单".encode()
RECEIPT_HASH = layout.sha256(RECEIPT)
COST_SCOPE = (
    SCOPE
    + """
[it_cost]
items = ["电费"]
[it_cost.before]
from = 2025-01-01
to = 2025-01-31
""".encode()
)
ENTRIES = (
    *(replace(one, document=RECEIPT_HASH) for one in bought(60_000)),
    entry(yuan=100, day="2025-01-10", payee="电力", purpose="operations_before", item="电费", document=RECEIPT_HASH),
    entry(yuan=60, day="2026-11-10", payee="电力", purpose="operations_after", item="电费", document=RECEIPT_HASH),
)  # fmt: skip
LEDGER = ledger(*ENTRIES)


def packed(
    data: bytes = LEDGER, rules: Rules | None = None, documents: dict[str, bytes] | None = None
) -> bytes:
    archive = small_fleet().archive()
    archive.ledger_bytes = data
    archive.ledger_documents = {RECEIPT_HASH: RECEIPT} if documents is None else documents
    stream = io.BytesIO()
    write_pack(
        stream, archive, month=MONTH, rules=rules or declared_scope(COST_SCOPE), zone=None, log_key=LOG_KEY,
        made_ms=1_796_000_000_000,
    )  # fmt: skip
    return stream.getvalue()


def checked(data: bytes) -> CheckReport:
    return check(io.BytesIO(data), log_key=LOG_KEY.public, editions=TRUSTED)


def bent(data: bytes, change: dict[str, bytes | None], *, key: PrivateKey | None = LOG_KEY) -> bytes:
    """Change entries and write all hashes anew; with ``key`` sign the statement anew, too."""
    container = Container(io.BytesIO(data))
    entries: dict[str, bytes] = {name: container.read(name) for name in container.entries}
    for name, new in change.items():
        entries.pop(name, None)
        if new is not None:
            entries[name] = new
    hashes = {name: layout.sha256(raw) for name, raw in entries.items()}
    entries[layout.MANIFEST] = layout.payload_manifest(hashes)
    if key is not None:
        statement = replace(
            parse(entries[layout.STATEMENT]), manifest=layout.sha256(entries[layout.MANIFEST])
        )
        entries[layout.STATEMENT] = statement.encode()
        entries[layout.SIGNATURE] = key.sign(STATEMENT_TYPE, statement.encode())
    hashes = {name: layout.sha256(raw) for name, raw in entries.items()}
    entries[layout.TAG_MANIFEST] = layout.tag_manifest(hashes)
    stream = io.BytesIO()
    writer = Writer(stream)
    for name in sorted(
        name
        for name in entries
        if name not in (layout.TAG_MANIFEST, layout.STATEMENT, layout.SIGNATURE, layout.MANIFEST)
    ):
        writer.add(name, entries[name])
    for name in (layout.MANIFEST, layout.STATEMENT, layout.SIGNATURE, layout.TAG_MANIFEST):
        writer.add(name, entries[name])
    writer.close()
    return stream.getvalue()


WHOLE = packed()


def codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "note"}


def indicator(report: CheckReport, name: str) -> dict[str, object]:
    assert report.figures is not None
    return next(one for one in report.figures["indicators"] if one["id"] == name)  # type: ignore[no-any-return]


def test_check_recomputes_the_figures_of_the_ledger_from_the_pack_alone() -> None:
    report = checked(WHOLE)
    assert codes(report) == codes(checked(packed(b"")))
    paid = indicator(report, "cloud_investment")
    assert (paid["value"], paid["low"], paid["high"]) == ("6.00000000000000",) * 3
    assert paid["verdicts"] == {"3": "PASS", "4": "FAIL", "5": "FAIL"}
    assert indicator(report, "it_cost_reduction")["value"] == "40.0000000000000"
    assert report.report is not None
    assert report.report["hashes"]["ledger"] == layout.sha256(LEDGER)
    assert "DECLARED" in {line["code"] for line in report.report["not_proved"]}


def test_without_a_ledger_the_figure_is_the_enterprises_to_declare() -> None:
    report = checked(packed(b"", with_profile(declared_scope(SCOPE))))
    paid = indicator(report, "cloud_investment")
    assert "detail" not in paid
    assert [note["code"] for note in paid["notes"]] == ["NOT_MEASURED"]  # type: ignore[attr-defined,union-attr]
    assert report.report is not None
    criterion = next(one for one in report.report["verdict"]["criteria"] if one["id"] == "cloud_investment")
    assert criterion["answers"]["3"]["verdict"] == "DECLARED"
    assert "ledger" not in report.report["hashes"]


def test_a_declared_value_does_not_replace_what_the_ledger_says() -> None:
    report = checked(packed(LEDGER, with_profile(declared_scope(COST_SCOPE), PROFILE)))
    assert report.report is not None
    criterion = next(one for one in report.report["verdict"]["criteria"] if one["id"] == "cloud_investment")
    assert (criterion["got"], criterion["answers"]["3"]["verdict"]) == ("6", "PASS")


def test_the_scope_may_choose_declaration_although_there_is_a_ledger() -> None:
    rules = declared_scope(COST_SCOPE + b'[definitions]\ncloud_investment = "declared/1"\n')
    assert "detail" not in indicator(checked(packed(rules=rules)), "cloud_investment")


def test_a_figure_that_the_ledger_leaves_open_says_so_in_the_verdict() -> None:
    report = checked(packed(rules=declared_scope(SCOPE)))
    assert report.report is not None
    costs = indicator(report, "it_cost_reduction")
    assert (costs["value"], costs["verdicts"]) == (None, dict.fromkeys("345", "INCONCLUSIVE"))
    blockers = {one["criterion"]: one["zh"] for one in report.report["verdict"]["next"]["blockers"]}
    assert "无法判定（原因见该指标的说明）" in blockers["it_cost_reduction"]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"amount":6000000', b'"amount":9000000'), ('"payee":"云"'.encode(), '"payee":"雨"'.encode()),
     (b'"day":"2026-03-01"', b'"day":"2024-03-01"')],
    ids=["amount", "payee", "day"],
)  # fmt: skip
def test_a_ledger_that_was_changed_is_found(old: bytes, new: bytes) -> None:
    assert old in LEDGER
    other = LEDGER.replace(old, new)
    as_it_is = checked(bent(WHOLE, {layout.LEDGER: other}, key=None))
    assert "STATEMENT" in codes(as_it_is)
    # Even who holds the log key must change the figures too.
    assert {"FIGURES", "REPORT"} <= codes(checked(bent(WHOLE, {layout.LEDGER: other})))


def test_a_ledger_that_was_taken_out_or_put_in_is_found() -> None:
    assert {"FIGURES", "VERDICT"} <= codes(checked(bent(WHOLE, {layout.LEDGER: None})))
    assert "FIGURES" in codes(checked(bent(packed(b""), {layout.LEDGER: LEDGER})))


@pytest.mark.parametrize(
    "data", [b"", b"{}", LEDGER.replace(b'"number":2', b'"number":3')], ids=["empty", "{}", "hole"]
)
def test_a_ledger_that_is_none_fails_and_nothing_is_derived(data: bytes) -> None:
    report = checked(bent(WHOLE, {layout.LEDGER: data}))
    assert "LEDGER" in codes(report)
    assert report.derived is None


def test_documents_of_the_ledger_are_in_the_pack_and_their_lack_is_found() -> None:
    name = layout.document_name(RECEIPT_HASH)
    assert name in Container(io.BytesIO(WHOLE)).entries
    assert "DOCUMENT_MISSING" in codes(checked(bent(WHOLE, {name: None})))
    assert "DOCUMENT_MISSING" in codes(checked(packed(documents={})))
    assert "DOCUMENT" in codes(checked(bent(WHOLE, {name: b"another"})))


def test_a_document_of_nobody_is_found_with_a_ledger_and_no_profile() -> None:
    assert "DOCUMENT" in codes(checked(bent(WHOLE, {layout.document_name(layout.sha256(b"x")): b"x"})))


def test_documents_that_are_known_by_hash_alone_leave_the_pack_incomplete() -> None:
    report = checked(packed(ledger(*bought(1))))
    assert [f.place for f in report.findings if f.code == "DOCUMENT_MISSING"] == [layout.document_name(PAPER)]


def test_a_changed_store_stops_the_packing() -> None:
    class Shifting(type(small_fleet().archive())):  # type: ignore[misc]
        asked = 0

        def ledger(self) -> bytes:
            self.asked += 1
            return LEDGER if self.asked == 1 else b""

    archive = small_fleet().archive()
    archive.__class__ = Shifting
    with pytest.raises(PackError):
        write_pack(
            io.BytesIO(),
            archive,
            month=MONTH,
            rules=RULES,
            zone=None,
            log_key=LOG_KEY,
            made_ms=1_796_000_000_000,
        )


def test_an_edition_in_another_unit_is_refused_where_there_is_a_ledger() -> None:
    edition = parse_edition(EDITION)
    rules = tuple(
        replace(rule, unit="元") if rule.id == "cloud_investment" else rule for rule in edition.rules
    )
    archive = small_fleet().archive()
    assert figures(archive, month=MONTH, edition=replace(edition, rules=rules))
    archive.ledger_bytes = LEDGER
    with pytest.raises(EditionError, match="万元"):
        figures(archive, month=MONTH, edition=replace(edition, rules=rules))


def test_money_that_came_back_is_printed_below_zero() -> None:
    refund = entry("refund", -70_000, payee="云", contract="C-1", invoice="F-1", purpose="cloud_service")
    report = checked(packed(ledger(*bought(60_000), refund), documents={}))
    assert indicator(report, "cloud_investment")["value"] == "-1.00000000000000"
    assert json.dumps(report.report)
