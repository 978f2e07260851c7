"""Time stamps of a real authority, judged at their own time, bent in every named way."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from pathlib import Path

import pytest
from authority import Authority, make_authority
from cryptography.hazmat.primitives import serialization
from standalone import alone

from verifier.anchors import timestamp
from verifier.anchors.timestamp import (
    MAX_ROOTS_BYTES,
    MAX_TOKEN_BYTES,
    MissingReaderError,
    OtherBytesError,
    TimestampError,
    read_roots,
    read_token,
    verify_token,
)

NOTE = "starproof/0123456789abcdef\n42\n…\n".encode()


def judged(token: bytes, authority: Authority, message: bytes = NOTE) -> int:
    return verify_token(token, message, read_roots(authority.root))


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_time_stamp_holds_under_its_authoritys_root(tsa: Authority, digest: str) -> None:
    before_ms = int(time.time()) * 1000
    found = judged(tsa.stamp(NOTE, digest=digest), tsa)
    assert before_ms <= found <= time.time() * 1000


def test_a_certificate_that_expired_since_takes_nothing_back(tmp_path: Path) -> None:
    soon_over = make_authority(
        tmp_path, valid_from=timedelta(days=-1), valid_for=timedelta(days=1, seconds=2)
    )
    token = soon_over.stamp(NOTE)
    time.sleep(3)
    assert judged(token, soon_over) < (time.time() - 1) * 1000


@pytest.mark.parametrize(
    ("valid_from", "valid_for"),
    [(timedelta(days=-2), timedelta(days=1)), (timedelta(days=1), timedelta(days=1))],
)
def test_a_certificate_that_was_not_valid_at_the_stamps_time_is_refused(
    tmp_path: Path, valid_from: timedelta, valid_for: timedelta
) -> None:
    not_now = make_authority(tmp_path, valid_from=valid_from, valid_for=valid_for)
    with pytest.raises(TimestampError, match="not valid at its time"):
        judged(not_now.stamp(NOTE), not_now)


def test_the_stamp_of_another_authority_is_refused(tsa: Authority, other_tsa: Authority) -> None:
    with pytest.raises(TimestampError, match="not signed under the roots"):
        judged(other_tsa.stamp(NOTE), tsa)


def test_one_of_several_roots_is_enough(tsa: Authority, other_tsa: Authority) -> None:
    roots = read_roots(other_tsa.root + tsa.root)
    assert len(roots) == 2
    assert verify_token(tsa.stamp(NOTE), NOTE, roots) > 0


def test_a_certificate_that_is_not_made_for_stamping_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    wrong = make_authority(folder, for_stamping=False)
    with pytest.raises(Exception, match="openssl"):  # not even openssl stamps with it
        wrong.stamp(NOTE)


def test_a_replayed_stamp_of_another_checkpoint_is_refused(tsa: Authority) -> None:
    with pytest.raises(OtherBytesError, match="other bytes"):
        judged(tsa.stamp(b"the checkpoint of yesterday"), tsa)


def test_a_stamp_cut_at_any_byte_is_refused(tsa: Authority) -> None:
    token = tsa.stamp(NOTE)
    for end in range(len(token)):
        with pytest.raises(TimestampError):
            judged(token[:end], tsa)


def test_no_flipped_bit_moves_the_time_or_breaks_the_reader(tsa: Authority) -> None:
    token = tsa.stamp(NOTE)
    genuine = judged(token, tsa)
    for place in range(0, len(token), 3):
        bent = bytearray(token)
        bent[place] ^= 1 << place % 8
        try:
            assert judged(bytes(bent), tsa) == genuine  # outside of what is signed
        except TimestampError:
            continue


def test_bytes_after_the_stamp_are_refused(tsa: Authority) -> None:
    with pytest.raises(TimestampError):
        judged(tsa.stamp(NOTE) + b"\0", tsa)


def test_a_refusal_of_the_authority_is_no_stamp(tsa: Authority) -> None:
    refused = tsa.answer(b"this is no query")
    with pytest.raises(TimestampError, match="did not grant"):
        judged(refused, tsa)


def test_a_weak_hash_is_refused(tsa: Authority) -> None:
    sha1_oid, sha256_oid = bytes.fromhex("06052b0e03021a"), bytes.fromhex("0609608648016503040201")
    bent = tsa.stamp(NOTE).replace(sha256_oid, bytes.fromhex("0609608648016503040204"))
    with pytest.raises(TimestampError):
        read_token(bent, NOTE)
    assert sha1_oid not in bent


def test_a_token_beyond_the_limit_is_not_looked_at(tsa: Authority) -> None:
    with pytest.raises(TimestampError, match="at most"):
        judged(b"\0" * (MAX_TOKEN_BYTES + 1), tsa)


def test_roots_are_read_from_pem_and_der(tsa: Authority) -> None:
    pem = (
        tsa.root.decode().replace("-----BEGIN CERTIFICATE-----", "").replace("-----END CERTIFICATE-----", "")
    )
    der = base64.b64decode("".join(pem.split()))
    assert read_roots(der) == read_roots(tsa.root)


def test_a_certificate_of_no_version_is_refused_by_both(tsa: Authority) -> None:
    [root] = read_roots(tsa.root)
    der = root.public_bytes(serialization.Encoding.DER).replace(
        b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1
    )
    with pytest.raises(TimestampError, match="no certificate"):
        read_roots(der)
    with pytest.raises(alone.Bad, match="no version"):
        alone.read_roots(der)


@pytest.mark.parametrize("data", [b"", b"-----BEGIN nothing", b"0" * (MAX_ROOTS_BYTES + 1)])
def test_a_file_without_certificates_is_refused(data: bytes) -> None:
    with pytest.raises(TimestampError):
        read_roots(data)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rfc3161_client", None)
    with pytest.raises(MissingReaderError, match=timestamp.EXTRA):
        read_token(b"", NOTE)


@pytest.mark.parametrize(("name", "raised"), [("PanicException", TimestampError), ("Stopped", None)])
def test_what_the_library_panics_at_is_refused_and_a_stop_is_a_stop(tsa, monkeypatch, name, raised) -> None:
    """Its panic is no ``Exception``: a root that a reviewer brings must not end the check without a word."""
    panic = type(name, (BaseException,), {})
    token = tsa.stamp(NOTE)

    def fails(*_arguments: object) -> None:
        raise panic("bad tag")

    monkeypatch.setattr(timestamp._client().VerifierBuilder, "build", fails)
    with pytest.raises(raised or panic, match="bad tag"):
        judged(token, tsa)
