from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from collector import admission, ingest
from collector.importing import sealing
from collector.importing.samples import Sample
from collector.own_chunks import Place
from collector.store import dialects, registry, schema
from collector.store.archive import StoreArchive
from evidence import chunk as chunks
from evidence.chunk import open_chunk, read_frame, write_frame
from evidence.crediting import credited

pytestmark = pytest.mark.both_stores

T0 = 1_793_462_400_000
NOW = T0 + 40 * 86_400_000
MINUTE = 60_000


def sample(start_ms, length_ms, value):
    return Sample(1, start_ms, length_ms, value * 10**9, length_ms)


@pytest.fixture
def enrolled(store, opened):
    """The import key, enrolled for one host; admits batches of samples."""
    key = opened.keyring.import_key()
    signed = sealing.enrol(
        enterprise="甲公司", host="w", epoch=0, file_name="f", sha256="0" * 64, now_ms=NOW, key=key
    )
    with store.writing() as connection:
        pinned = registry.pin(connection, signed, now_ms=NOW)

    def seal(batch, place, metric="net.rx"):
        frame = sealing.seal_batch(batch, metric=metric, record=signed, place=place, key=key)
        return open_chunk(read_frame(frame), key.public)

    def admit(chunk):
        with store.writing() as connection:
            return ingest.admit(
                connection, chunk, pinned, calendar=opened.identity.calendar, now_ms=NOW
            ).status

    return signed, seal, admit


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_averages_that_overlap_are_credited_to_the_earlier_chunk_in_any_order(store, opened, enrolled, order):
    signed, seal, admit = enrolled
    holed = [sample(T0, MINUTE, 1), sample(T0 + 5 * MINUTE, MINUTE, 1)]
    first = seal(holed, Place(0, signed.hash, 0))
    filling = [sample(T0 + n * MINUTE, MINUTE, 10) for n in range(7)]
    second = seal(filling, Place(1, first.hash, first.header.end_ms))
    for number in order:
        assert admit((first, second)[number]) == "stored"
    (row,) = StoreArchive(store).day_sums(0, 10**6)
    assert row.sums.amount == (2 * 1 + 5 * 10) * MINUTE * 10**9
    assert row.sums == credited([first, second], opened.identity.calendar)["net.rx.rate", row.day]


def test_agents_may_not_send_averages(web, opened):
    pinned_key = web.key
    signed = sealing.enrol(
        enterprise=web.enterprise,
        host="web-1",
        epoch=0,
        file_name="f",
        sha256="0" * 64,
        now_ms=NOW,
        key=pinned_key,
    )
    frame = sealing.seal_batch(
        [sample(T0, MINUTE, 1)],
        metric="net.rx",
        record=signed,
        place=Place(0, web.enrolment, 0),
        key=pinned_key,
    )
    with opened.store.reading() as connection:
        key = registry.pinned(connection, pinned_key.public.id, sources=("agent",))
    verdict = admission.examine(read_frame(frame), key)
    assert (verdict.status, verdict.code) == ("refused", "MALFORMED")


def test_a_frame_whose_header_cannot_be_read_has_no_seq(api, web):
    frame = replace(read_frame(web.frame(T0)), key="1" * 64, header=b"{}")
    (result,) = api.send(web.key, write_frame(frame)).json()["results"]
    assert (result["seq"], result["code"], result["hash"]) == (-1, "UNKNOWN_KEY", frame.hash)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rows": 90_000, "columns": 14}, "MALFORMED"),
        ({"seq": -1}, "MALFORMED"),
        ({"key": "0" * 64}, "MISMATCH"),
    ],
)
def test_a_signed_header_that_is_wrong_is_refused_with_its_code(web, opened, changes, code):
    frame = read_frame(web.frame(T0))
    body = replace(chunks.parse_header(frame.header), **changes).encode()
    frame = replace(frame, header=body, signature=web.key.sign(chunks.CHUNK_TYPE, body))
    with opened.store.reading() as connection:
        key = registry.pinned(connection, web.key.public.id, sources=("agent",))
    assert admission.examine(frame, key).code == code


def test_a_limit_keeps_its_own_code(web, opened):
    frame = read_frame(web.frame(T0))
    body = b" " * (chunks.MAX_HEADER_BYTES + 1)
    frame = replace(frame, header=body, signature=web.key.sign(chunks.CHUNK_TYPE, body))
    with opened.store.reading() as connection:
        key = registry.pinned(connection, web.key.public.id, sources=("agent",))
    assert admission.examine(frame, key).code == "LIMIT_EXCEEDED"


def test_the_schema_and_the_upsert_are_valid_for_postgresql():
    class Connection:
        dialect = postgresql.dialect()

    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
    statement = dialects.insert(Connection(), schema.finding).values(code="x").on_conflict_do_nothing()
    assert "ON CONFLICT DO NOTHING" in str(statement.compile(dialect=postgresql.dialect()))
