"""Files that carry spools, receipts and offers refuse what is none of them."""

import json

import pytest

from evidence import spool_file
from evidence.errors import MalformedError

OFFER = {
    "schema": spool_file.OFFER_SCHEMA, "token": "t", "enterprise": "e", "host": "h", "source": "agent",
    "previous": "", "log_key": "", "epoch": 0,
}  # fmt: skip


def test_an_offer_comes_back_as_it_was_written():
    assert spool_file.read_offer(json.dumps(OFFER).encode()) == OFFER


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "starproof/other/1"}, "this is no"),
        ({"token": 1}, "token is missing or no text"),
        ({"epoch": -1}, "epoch is missing or no count"),
        ({"epoch": True}, "epoch is missing or no count"),
        ({"epoch": "0"}, "epoch is missing or no count"),
    ],
)
def test_an_offer_that_lacks_something_is_refused(change, message):
    with pytest.raises(MalformedError, match=message):
        spool_file.read_offer(json.dumps({**OFFER, **change}).encode())


def test_what_is_no_document_at_all_is_refused():
    with pytest.raises(MalformedError, match="this is no"):
        spool_file.read_offer(b"{")
    with pytest.raises(MalformedError):
        spool_file.read_receipt_head(b"[]")
    with pytest.raises(MalformedError, match="has no end"):
        spool_file.read_tail(b'{"sha256":"x","chunks":1}')
