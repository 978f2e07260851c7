"""The seal's format and the interface of signers: one form each, and everything else refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from evidence import canonical, signers
from evidence.errors import BadSignatureError, MalformedError, MismatchError, NotCanonicalError, WeakKeyError
from evidence.keys import PrivateKey
from evidence.seal import MAX_CERTIFICATES, Seal, SealStatement, key_id, parse, seal
from evidence.signers import Ed25519Signer, ed25519_private, ed25519_public, encode_ed25519_private

KEY = PrivateKey.from_seed(bytes(32))
SIGNER = Ed25519Signer(KEY)
STATEMENT = SealStatement("", "", "报告.pdf", 3, "aa" * 32, "示例企业", 1_795_000_000_000)
SM2_PUBLIC = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004") + bytes(64)


def opened(data: bytes) -> dict:
    return json.loads(data)


def spoilt(**changes: object) -> bytes:
    return canonical.encode({**opened(seal(STATEMENT, SIGNER)), **changes})


def spoilt_statement(**changes: object) -> bytes:
    body = {**json.loads(parse(seal(STATEMENT, SIGNER)).body), **changes}
    return spoilt(statement=base64.b64encode(canonical.encode(body)).decode())


def test_a_seal_says_who_sealed_what_and_holds_under_its_key_alone():
    read = parse(seal(STATEMENT, SIGNER, (b"certificate",)))
    assert read.statement == replace(STATEMENT, algorithm="ed25519", key=key_id(SIGNER.public))
    assert read.certificates == (b"certificate",)
    read.verify(ed25519_public(read.public))
    with pytest.raises(BadSignatureError):
        read.verify(PrivateKey.from_seed(bytes([1]) * 32).public)
    altered = Seal(read.statement, read.body + b" ", read.public, (), read.signature)
    with pytest.raises(BadSignatureError):
        altered.verify(KEY.public)


def test_the_bytes_of_a_seal_are_frozen():
    assert base64.b64encode(parse(seal(STATEMENT, SIGNER)).signature).decode() == FROZEN


FROZEN = "58ofJ08SKpf4+q6WocpskFFoyHuzgOFHAJ5EdXebUyhn3PF/cpdkmcwGvz7nI/KxTK+OYPPh93pdsDu6d6L8BA=="


def test_keys_are_written_as_openssl_writes_them():
    # RFC 8410, section 10.3 and 10.1: the private key and the public key of its examples.
    private = base64.b64decode("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC")
    public = base64.b64decode("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
    key = ed25519_private(private)
    assert Ed25519Signer(key).public == public
    assert encode_ed25519_private(key) == private
    assert ed25519_public(public) == key.public
    assert signers.algorithm_of(public) == "ed25519"
    assert signers.algorithm_of(SM2_PUBLIC) == "sm2-sm3"


@pytest.mark.parametrize("data", [b"", SM2_PUBLIC[:-1], SIGNER.public + b"\0", b"\x30" + bytes(90)])
def test_a_key_of_no_known_form_is_refused(data):
    with pytest.raises(MalformedError, match="neither of ed25519 nor of sm2-sm3"):
        signers.algorithm_of(data)


def test_a_key_of_another_kind_or_that_binds_nobody_is_refused():
    with pytest.raises(MalformedError, match="not an Ed25519 key"):
        ed25519_public(SM2_PUBLIC)
    with pytest.raises(MalformedError, match="not an Ed25519 private key"):
        ed25519_private(encode_ed25519_private(KEY) + b"\0")
    with pytest.raises(WeakKeyError):
        ed25519_public(SIGNER.public[:12] + b"\x01" + bytes(31))


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (spoilt(schema="starproof/seal/2"), MalformedError, "schema"),
        (spoilt(algorithm="rsa"), MalformedError, "algorithm"),
        (spoilt(algorithm="sm2-sm3"), MalformedError, "not of the algorithm sm2-sm3"),
        (spoilt(certificates="none"), MalformedError, "not a list"),
        (spoilt(certificates=["AA=="] * (MAX_CERTIFICATES + 1)), MalformedError, "at most 8"),
        (spoilt(certificates=[7]), MalformedError, "not a string"),
        (spoilt(signature="A"), MalformedError, "base64 in its one form"),
        (spoilt(signature="AB=="), MalformedError, "base64 in its one form"),
        (spoilt(signature=""), MalformedError, "base64 in its one form"),
        (spoilt(more=1), MalformedError, "unknown more"),
        (spoilt_statement(key="bb" * 32), MismatchError, "another key or algorithm"),
        (spoilt_statement(schema="x"), MalformedError, "schema"),
        (spoilt_statement(sm3="bb" * 32), MalformedError, "do not name it"),
        (spoilt_statement(algorithm="sm2-sm3"), MalformedError, "SM2 signs the SM3"),
        (spoilt_statement(size=-1), MalformedError, "size"),
        (b"{}", MalformedError, "missing"),
        (b" {}", NotCanonicalError, "canonical"),
    ],
)
def test_a_seal_in_any_other_form_is_refused(data, error, words):
    with pytest.raises(error, match=words):
        parse(data)


def test_a_statement_that_could_not_be_read_is_not_sealed():
    with pytest.raises(MalformedError, match="who has 201 characters"):
        seal(replace(STATEMENT, who="x" * 201), SIGNER)
