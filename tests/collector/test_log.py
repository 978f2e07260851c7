"""The log in the store: what is appended, kept, proved, told to agents, and what damage is found."""

from __future__ import annotations

import base64
from datetime import date

import pytest
import stores
from sqlalchemy import select, update

from collector.errors import KeyFileError, LogError, StoreMismatchError
from collector.log import keeping, serving
from collector.log.proving import compare, prove
from collector.log.receipts import give
from collector.opening import open_store
from collector.store import checkpoints, findings, ledger, log, schema, scopes
from collector.store.archive import StoreArchive
from collector.store.log_archive import StoreLog
from evidence import checkpoint as notes
from evidence import log_entry, log_records, merkle
from evidence.chunk import read_frame
from evidence.keys import PrivateKey
from evidence.log_entry import ANCHOR, CHUNK, DAY_MARK, ENROLMENT, LogEntry
from verifier.audit import audit
from verifier.ledger import decode, logged_sha256

pytestmark = pytest.mark.both_stores

KEY = PrivateKey.from_seed(b"\x05" * 32)
DAY = 86_400_000


@pytest.fixture
def enrolled(api, token):
    return lambda name: api.enrol(token(), name)


def deliver(api, host, frames, **headers):
    if "log_size" in headers:
        headers = {"X_StarProof_Log_Size": headers["log_size"]}
    answer = api.send(host.key, *frames, **headers)
    assert answer.status_code == 200, answer.text
    return answer


def leaves(store):
    with store.reading() as connection:
        return [leaf.entry for leaf in log.leaves(connection)]


def head(store):
    with store.reading() as connection:
        return log.head(connection)


def append(store, *things, now_ms):
    with store.writing() as connection:
        return log.append(connection, things, now_ms=now_ms)


def some(number: int) -> str:
    return f"{number:064x}"


def codes(store, **options):
    archive = StoreArchive(store, damaged=True)
    return {finding.code for finding in audit(archive, log=StoreLog(store), **options).findings}


def test_enrolments_and_chunks_are_logged_with_their_arrival(enrolled, api, store, clock):
    web = enrolled("web-1")
    frames = web.run(3)
    deliver(api, web, frames)
    entries = leaves(store)
    assert [entry.kind for entry in entries] == [ENROLMENT, CHUNK, CHUNK, CHUNK]
    assert {entry.arrival_ms for entry in entries} == {clock.now_ms}
    assert entries[0].hash == web.enrolment
    assert head(store).frontier == merkle.Frontier().extend(entry.leaf for entry in entries)
    assert codes(store, log_key=KEY.public) == set()


def test_the_header_of_a_stored_chunk_is_found_by_the_hash_of_its_leaf(enrolled, api, store):
    web = enrolled("web-1")
    sealed, log = web.run(3), StoreLog(store)
    deliver(api, web, sealed)
    frames = [read_frame(frame) for frame in sealed]
    assert log.headers([frames[1].hash]) == {frames[1].hash: frames[1].header}
    assert log.headers([one.hash for one in frames]) == {one.hash: one.header for one in frames}
    assert log.headers(["ab" * 32, frames[0].hash]) == {frames[0].hash: frames[0].header}
    assert log.headers([]) == {}


def test_a_chunk_that_is_known_or_refused_is_not_logged_again(enrolled, api, store):
    web = enrolled("web-1")
    frames = web.run(2)
    deliver(api, web, frames)
    deliver(api, web, frames)
    assert [entry.kind for entry in leaves(store)] == [ENROLMENT, CHUNK, CHUNK]


def test_a_declared_scope_is_logged(store, clock):
    scopes.declare(store, b"a scope", record=lambda *_: b"its record", clock=clock)
    (entry,) = leaves(store)
    assert (entry.kind, entry.hash) == (log_entry.SCOPE, log_records.sha256(b"its record"))


def test_appending_grows_the_tree_that_the_rfc_defines(store):
    for first in range(0, 21, 3):
        assert append(store, *((CHUNK, some(first + n)) for n in range(3)), now_ms=first) == first
    hashes = [entry.leaf for entry in leaves(store)]
    for size in range(22):
        with store.reading() as connection:
            assert log.frontier_at(connection, size).root == merkle.root_of(hashes[:size])
    with store.reading() as connection:
        node = log.node_reader(connection)
        for index in range(21):
            proof = merkle.inclusion_proof(index, 21, node)
            merkle.verify_inclusion(hashes[index], index, 21, proof, merkle.root_of(hashes))
        for size in range(22):
            proof = merkle.consistency_proof(size, 21, node)
            merkle.verify_consistency(size, merkle.root_of(hashes[:size]), 21, merkle.root_of(hashes), proof)
        assert [log.first_at(connection, at) for at in (0, 3, 4, 18, 19)] == [0, 3, 6, 18, 21]


def test_a_clock_that_is_set_back_repeats_the_last_arrival_and_is_a_finding(store):
    append(store, (CHUNK, some(1)), now_ms=DAY)
    append(store, (CHUNK, some(2)), now_ms=DAY - log.CLOCK_BACK_MS)
    with store.reading() as connection:
        assert findings.recorded(connection) == []
    append(store, (CHUNK, some(3)), now_ms=0)
    append(store, (CHUNK, some(4)), now_ms=1)
    assert [entry.arrival_ms for entry in leaves(store)] == [DAY] * 4
    with store.reading() as connection:
        (finding,) = findings.recorded(connection)
    assert finding.code == log.CLOCK_BACK


def test_what_a_failed_transaction_appended_is_gone(store):
    append(store, (CHUNK, some(1)), now_ms=1)

    def fail():
        with store.writing() as connection:
            log.append(connection, [(CHUNK, some(2))], now_ms=2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert append(store, (CHUNK, some(3)), now_ms=3) == 1
    assert codes(store) == {"LOG_RECORD"}  # no such chunks are stored


def test_every_day_that_is_over_gets_one_mark_and_one_checkpoint(enrolled, api, store, clock):
    enrolled("web-1")
    began = clock.now_ms
    assert keeping.keep_days(store, key=KEY, now_ms=began) == ()
    days = keeping.keep_days(store, key=KEY, now_ms=began + 3 * DAY)
    assert len(days) == 3
    assert keeping.keep_days(store, key=KEY, now_ms=began + 3 * DAY) == ()
    with store.reading() as connection:
        marks = [log_records.parse_day_mark(mark.record) for mark in checkpoints.day_marks(connection)]
        made = checkpoints.between(connection, 0, 100)
    assert [mark.day for mark in marks] == list(days)
    assert [mark.date for mark in marks] == [date.fromordinal(day).isoformat() for day in days]
    assert [c.size for c in made] == [2, 3, 4]
    for c in made:
        said = notes.verify(c.note, KEY.public)
        assert (said.size, said.root) == (c.size, c.root)
    arrivals = [entry.arrival_ms for entry in leaves(store) if entry.kind == DAY_MARK]
    assert arrivals == [began + 3 * DAY] * 3  # made up late, and it shows


def test_a_day_mark_names_the_anchors_since_the_one_before(enrolled, api, store, clock):
    enrolled("web-1")
    append(store, (ANCHOR, some(1)), (ANCHOR, some(2)), now_ms=clock.now_ms)
    keeping.keep(store, key=KEY, now_ms=clock.now_ms + DAY)
    append(store, (ANCHOR, some(3)), now_ms=clock.now_ms + DAY)
    keeping.keep(store, key=KEY, now_ms=clock.now_ms + 2 * DAY)
    keeping.keep(store, key=KEY, now_ms=clock.now_ms + 3 * DAY)
    with store.reading() as connection:
        marks = [log_records.parse_day_mark(mark.record) for mark in checkpoints.day_marks(connection)]
    assert [mark.anchors for mark in marks] == [(some(1), some(2)), (some(3),), ()]
    assert head(store).anchor == some(3)


def test_more_anchors_than_a_mark_can_name_wait_for_the_next(enrolled, api, store, clock):
    enrolled("web-1")
    append(store, *((ANCHOR, some(n)) for n in range(300)), now_ms=clock.now_ms)
    for day in (1, 2, 3):
        keeping.keep(store, key=KEY, now_ms=clock.now_ms + day * DAY)
    with store.reading() as connection:
        marks = [log_records.parse_day_mark(mark.record) for mark in checkpoints.day_marks(connection)]
    assert [len(mark.anchors) for mark in marks] == [256, 44, 0]


def test_an_empty_log_has_no_days_and_a_checkpoint_of_nothing(enrolled, api, store, clock):
    kept = keeping.keep(store, key=KEY, now_ms=clock.now_ms)
    assert (kept.days, kept.checkpoint.size, kept.checkpoint.root) == ((), 0, merkle.EMPTY_ROOT)
    assert keeping.keep(store, key=KEY, now_ms=clock.now_ms + DAY).checkpoint == kept.checkpoint


def test_a_clock_years_ahead_marks_nothing(enrolled, api, store, clock):
    enrolled("web-1")
    with pytest.raises(LogError, match="set the collector's clock"):
        keeping.keep_days(store, key=KEY, now_ms=clock.now_ms + 5_000 * DAY)
    assert [entry.kind for entry in leaves(store)] == [ENROLMENT]


def test_a_month_is_closed_when_it_is_over_and_again_when_chunks_came_later(enrolled, api, store, clock):
    web = enrolled("web-1")
    deliver(api, web, web.run(3))
    closed = keeping.close_month(store, "2026-11", key=KEY, now_ms=clock.now_ms)
    assert (closed.close.size, closed.checkpoint.size) == (closed.leaf, closed.leaf + 1)
    deliver(api, web, [web.next(web.prev_end_ms)])
    again = keeping.close_month(store, "2026-11", key=KEY, now_ms=clock.now_ms)
    assert again.leaf == closed.leaf + 2
    assert codes(store, log_key=KEY.public) == set()
    with pytest.raises(LogError, match="is not over"):
        keeping.close_month(store, "2027-11", key=KEY, now_ms=clock.now_ms)


def test_the_service_marks_days_and_tells_what_it_cannot(enrolled, opened, clock, events):
    enrolled("web-1")
    serving.look(opened, now_ms=clock.now_ms + DAY, log=events)
    assert len(events.named("day_marked")) == 1
    serving.look(opened, now_ms=clock.now_ms + 5_000 * DAY, log=events)
    (told,) = events.named("days_not_marked")
    assert told["level"] == "error"
    with serving.day_marks(opened, clock=lambda: clock.now_ms + 2 * DAY, log=events, look_every_s=0.01):
        for _ in range(500):
            if len(events.named("day_marked")) == 2:
                break
            serving.threading.Event().wait(0.01)
    assert len(events.named("day_marked")) == 2


# Receipts


def hashes(values):
    return [base64.b64decode(value) for value in values]


def test_the_answer_to_chunks_proves_that_they_are_logged(enrolled, api, opened, store):
    web = enrolled("web-1")
    first = deliver(api, web, web.run(2)).json()
    key = opened.keyring.log_key().public
    said = notes.verify(first["checkpoint"].encode(), key)
    assert (said.size, first["anchor"]) == (3, "")
    assert "consistency" not in first
    for result in first["results"]:
        leaf = LogEntry(CHUNK, result["hash"], result["arrival_ms"]).leaf
        merkle.verify_inclusion(leaf, result["leaf"], said.size, hashes(result["proof"]), said.root)
    append(store, (ANCHOR, some(7)), now_ms=0)
    more = web.run(1, start_ms=web.prev_end_ms)
    second = deliver(api, web, more, log_size="3").json()
    grown = notes.verify(second["checkpoint"].encode(), key)
    merkle.verify_consistency(3, said.root, grown.size, grown.root, hashes(second["consistency"]))
    assert second["anchor"] == some(7)


def test_a_known_chunk_gets_its_receipt_again_and_a_refused_one_none(enrolled, api):
    web = enrolled("web-1")
    frames = web.run(1)
    deliver(api, web, frames)
    broken = web.frame(web.prev_end_ms, prev="ab" * 32)
    known, refused = deliver(api, web, [*frames, broken]).json()["results"]
    assert (known["status"], known["leaf"]) == ("known", 1)
    assert refused["status"] == "refused"
    assert "leaf" not in refused


@pytest.mark.parametrize("size", ["4", "-1", "many", "9" * 30, ""])
def test_a_size_that_the_log_does_not_have_gets_no_proof(enrolled, api, size):
    web = enrolled("web-1")
    answer = deliver(api, web, web.run(1), log_size=size).json()
    assert "consistency" not in answer
    assert answer["results"][0]["status"] == "stored"


def test_chunks_are_stored_also_when_the_log_cannot_give_receipts(enrolled, api, store, events):
    web = enrolled("web-1")
    frames = web.run(3)
    deliver(api, web, frames[:2])
    with store.writing() as connection:
        connection.execute(schema.log_node.delete())
        connection.execute(schema.log_leaf.delete().where(schema.log_leaf.c.index == 0))
    answer = deliver(api, web, frames[2:]).json()
    assert answer["results"][0]["status"] == "stored"
    deliver(api, web, frames[1:2])
    assert "checkpoint" not in deliver(api, web, frames[:1]).json()
    assert "run: starproof audit" in events.named("no_receipts")[0]["message"]


def test_the_enrolment_tells_whose_log_it_is(api, opened, token):
    answer = api.finish(api.request(token(), "web-1", PrivateKey.generate())).json()
    assert answer["log_key"] == opened.keyring.log_key().public.raw.hex()


# Proofs on demand


def test_a_proof_stands_alone(enrolled, api, store):
    web = enrolled("web-1")
    deliver(api, web, web.run(3))
    document = prove(store, web.prev, key=KEY).document()
    said = notes.verify(document["checkpoint"].encode(), KEY.public)
    entry = log_entry.decode(bytes.fromhex(document["entry"]))
    assert (entry.kind, entry.hash) == (CHUNK, web.prev)
    path = [bytes.fromhex(hash_) for hash_ in document["proof"]]
    merkle.verify_inclusion(entry.leaf, document["index"], said.size, path, said.root)
    with pytest.raises(LogError, match="nothing was logged"):
        prove(store, some(1), key=KEY)
    with pytest.raises(LogError, match="64 lower-case"):
        prove(store, "abc", key=KEY)


def test_notes_kept_elsewhere_are_compared_with_the_log(store):
    append(store, *((CHUNK, some(n)) for n in range(5)), now_ms=1)
    hashes_ = [entry.leaf for entry in leaves(store)]
    good = notes.sign(3, merkle.root_of(hashes_[:3]), key=KEY)
    forked = notes.sign(3, bytes(32), key=KEY)
    longer = notes.sign(6, bytes(32), key=KEY)
    foreign = notes.sign(3, merkle.root_of(hashes_[:3]), key=PrivateKey.generate())
    found = compare(store, notes.join([good, forked, longer, foreign]), key=KEY.public)
    assert [one.size for one in found] == [3, 3, 6, None]
    assert found[0].problem == ""
    for one, words in zip(found[1:], ("was changed", "was cut", "not signed"), strict=True):
        assert words in one.problem
    with pytest.raises(LogError, match="no notes"):
        compare(store, b"anything", key=KEY.public)


def test_receipts_of_nothing_say_the_size(store):
    receipts = give(store, [], key=KEY, known_size=0)
    assert (receipts.leaves, receipts.consistency) == ({}, ())


# Damage


def damage(table, **values):
    return lambda connection: connection.execute(update(table).values(**values))


@pytest.mark.parametrize(
    "bent",
    [
        (lambda c: c.execute(update(schema.log_leaf).where(schema.log_leaf.c.index == 1).values(hash=some(9))), "LOG_LEAF_MISSING"),
        (lambda c: c.execute(update(schema.log_leaf).where(schema.log_leaf.c.index == 1).values(arrival_ms=1)), "LOG_ARRIVAL"),
        (lambda c: c.execute(schema.log_leaf.delete().where(schema.log_leaf.c.index == 1)), "LOG_ROOT"),
        (damage(schema.log_node, hash=bytes(32)), "LOG_ROOT"),
        (lambda c: c.execute(schema.log_node.delete()), "LOG_ROOT"),
        (lambda c: c.execute(schema.chunk.delete().where(schema.chunk.c.seq == 2)), "LOG_RECORD"),
        (damage(schema.chunk_frame, frame=b"none"), "CHUNK"),
        (lambda c: c.execute(schema.chunk_frame.delete()), "CHUNK"),
        (damage(schema.checkpoint, note=b"none"), "LOG_SIGNATURE"),
        (damage(schema.checkpoint, size=1), "LOG_ROOT"),
        (damage(schema.checkpoint, size=99), "LOG_ROOT"),
        (damage(schema.day_mark, record=b"{}"), "LOG_RECORD"),
        (damage(schema.day_mark, leaf=0), "LOG_RECORD"),
        (damage(schema.log_head, frontier=merkle.Frontier().to_bytes()), "LOG_ROOT"),
        (lambda c: log.append(c, [(CHUNK, c.scalar(select(schema.chunk.c.hash)))], now_ms=0), "LOG_RECORD"),
    ],
)  # fmt: skip
def test_an_audit_finds_a_log_that_was_bent(enrolled, api, store, clock, bent):
    change, code = bent
    web = enrolled("web-1")
    deliver(api, web, web.run(3))
    keeping.keep(store, key=KEY, now_ms=clock.now_ms + DAY)
    assert codes(store, log_key=KEY.public) == set()
    with store.writing() as connection:
        change(connection)
    assert code in codes(store, log_key=KEY.public)


ENTRY = {
    "number": 1, "day": "2026-11-01", "kind": "payment", "amount": 100, "currency": "CNY", "rate": "", "rate_source": "",
    "rate_day": "", "payee": "", "contract": "", "invoice": "", "purpose": "", "item": "", "service_from": "",
    "service_to": "", "provider": "", "document": "", "cancels": 0, "note": "",
}  # fmt: skip


def keep_ledger(store, clock, *numbers):
    made = [{**ENTRY, "number": number} for number in numbers]
    ledger.add(store, lambda _: made, documents={}, file="", file_sha256="", clock=clock)


def test_the_ledger_is_logged_whenever_it_grows(store, clock):
    keep_ledger(store, clock, 1)
    keep_ledger(store, clock)
    keep_ledger(store, clock, 2, 3)
    logged = leaves(store)
    assert [(entry.kind, entry.arrival_ms) for entry in logged] == [(log_entry.DOCUMENT, clock.now_ms)] * 2
    assert logged[1].hash == logged_sha256(decode(StoreArchive(store).ledger()))
    assert codes(store) == set()
    with store.writing() as connection:
        connection.execute(update(schema.ledger_entry).values(amount=200))
    assert codes(store) == {"LOG_LEAF_MISSING"}
    with store.writing() as connection:
        connection.execute(update(schema.ledger_entry).values(kind="gift"))
    assert codes(store) == {"LEDGER"}


def test_an_audit_says_how_many_more_there_are(store):
    append(store, *((CHUNK, some(n)) for n in range(130)), now_ms=1)
    report = audit(StoreArchive(store), log=StoreLog(store))
    assert len(report.findings) == 101
    assert "30 more" in {finding.got for finding in report.findings}


def test_a_store_without_a_head_or_a_node_is_named_as_damaged(store):
    append(store, *((CHUNK, some(n)) for n in range(4)), now_ms=1)
    with store.writing() as connection:
        connection.execute(schema.log_node.delete())
    with store.reading() as connection, pytest.raises(StoreMismatchError, match="lacks node 2/0"):
        log.frontier_at(connection, 4)
    with store.reading() as connection, pytest.raises(StoreMismatchError, match="lacks node 0/9"):
        log.node_reader(connection)(0, 9)
    with store.writing() as connection:
        connection.execute(schema.log_head.delete())
    with pytest.raises(StoreMismatchError, match="has no log"):
        append(store, (CHUNK, some(9)), now_ms=1)


def test_an_old_store_is_migrated_and_its_log_is_what_it_held(enrolled, api, opened, url, clock):
    web = enrolled("web-1")
    deliver(api, web, web.run(2))
    scopes.declare(opened.store, b"a scope", record=lambda *_: b"its record", clock=clock)
    keep_ledger(opened.store, clock, 1)
    before = leaves(opened.store)
    with opened.store.writing() as connection:
        stores.as_before_months(connection)
        for table in (
            "anchor_receipt",
            "anchor_outbox",
            "log_leaf",
            "log_node",
            "log_head",
            "checkpoint",
            "day_mark",
            "month_close",
            "session",
            "person",
            "api_token",
            "setup_link",
            "profile_version",
            "profile_document",
        ):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
    again = open_store(url)
    after = leaves(again.store)
    # Of one millisecond, so the kinds decide the order: enrolment, scope, chunks, the ledger.
    assert sorted(after, key=lambda e: e.hash) == sorted(before, key=lambda e: e.hash)
    assert [entry.kind for entry in after] == [ENROLMENT, log_entry.SCOPE, CHUNK, CHUNK, log_entry.DOCUMENT]
    assert codes(again.store) == set()
    again.store.close()


@pytest.mark.parametrize("signed", [True, False])
def test_a_log_whose_key_is_gone_gets_no_new_one(opened, enrolled, url, clock, signed):
    key = opened.keyring.log_key()
    if signed:
        keeping.keep(opened.store, key=key, now_ms=clock())
    else:
        enrolled("web-1")
    for name in ("log.key", "log.pub"):
        (opened.keyring.directory / name).unlink()
    again = open_store(url)
    with pytest.raises(KeyFileError, match="put it back from the backup"):
        again.keyring.log_key()
    again.store.close()
    assert not (opened.keyring.directory / "log.key").exists()


def test_a_log_is_not_continued_with_another_key(opened, clock):
    key = opened.keyring.log_key()
    keeping.require_key(opened.store, PrivateKey.generate())  # nothing is signed yet
    with opened.store.writing() as connection:
        log.append(connection, [(CHUNK, some(1))], now_ms=clock())
    keeping.keep(opened.store, key=key, now_ms=clock())
    keeping.require_key(opened.store, key)
    with pytest.raises(LogError, match="signed by another key"):
        keeping.require_key(opened.store, PrivateKey.generate())
