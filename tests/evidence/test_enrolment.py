from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evidence import canonical, enrolment
from evidence.dsse import ENROLMENT_TYPE
from evidence.errors import BadSignatureError, MalformedError, WeakKeyError
from evidence.keys import PrivateKey

OLD, NEW = PrivateKey.from_seed(bytes(32)), PrivateKey.from_seed(bytes([7]) * 32)
RECORD = enrolment.Enrolment(
    enterprise="示例企业",
    host="web-1",
    source="agent",
    key=NEW.public.raw.hex(),
    epoch=0,
    previous="",
    token="a" * 64,
    time_ms=1_780_000_000_000,
    agent="0.1.0",
    facts={"system": "linux", "cpus": 2},
)


def test_an_enrolment_proves_possession_of_its_key() -> None:
    signed = enrolment.sign(RECORD, NEW)
    assert enrolment.verify(signed.record, signed.signature) == signed
    assert signed.public == NEW.public
    assert len(signed.hash) == 64
    with pytest.raises(BadSignatureError):
        enrolment.verify(signed.record, OLD.sign(ENROLMENT_TYPE, signed.record))


def test_a_rotation_is_signed_by_both_keys() -> None:
    record = replace(RECORD, epoch=1, previous=OLD.public.id)
    signed = enrolment.sign(record, NEW, OLD)
    verify = enrolment.verify
    assert verify(signed.record, signed.signature, signed.previous_signature, OLD.public) == signed
    with pytest.raises(BadSignatureError, match="has not signed"):
        verify(signed.record, signed.signature, b"", OLD.public)
    with pytest.raises(BadSignatureError):
        verify(signed.record, signed.signature, signed.signature, OLD.public)
    with pytest.raises(MalformedError, match="does not name"):
        verify(signed.record, signed.signature, signed.previous_signature, NEW.public)
    with pytest.raises(MalformedError, match="not known here"):
        verify(signed.record, signed.signature)


def test_a_signature_of_an_unnamed_key_is_refused() -> None:
    signed = enrolment.sign(RECORD, NEW)
    with pytest.raises(MalformedError, match="not known here"):
        enrolment.verify(signed.record, signed.signature, b"x" * 64)


def test_a_small_order_key_cannot_enrol() -> None:
    weak = replace(RECORD, key="01" + "00" * 31)
    with pytest.raises(WeakKeyError):
        enrolment.verify(weak.encode(), bytes(64))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "starproof/enrolment/2"},
        {"epoch": -1},
        {"previous": "yesterday"},
        {"token": "short"},
        {"facts": []},
        {"facts": {"deep": {"er": 1}}},
        {"source": "log-in"},
        {"extra": 1},
        {"agent": "v" * 129},
    ],
)
def test_records_are_read_strictly(change: dict[str, Any]) -> None:
    document = {**json.loads(RECORD.encode()), **change}
    with pytest.raises(MalformedError):
        enrolment.parse(canonical.encode(document))
