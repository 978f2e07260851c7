"""Time stamps by integers alone: what openssl's authority stamps is taken, what the library refuses is refused."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("rfc3161_client", reason="reading time stamps needs the extra tsa")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "anchors"))

from authority import Authority, make_authority
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standalone import alone

from verifier.anchors.timestamp import TimestampError, read_roots, verify_token

MESSAGE = b"a checkpoint\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def both(token: bytes, message: bytes, root: bytes) -> tuple[int | str, int | str]:
    """What either verifier says of a token: its time, or refused."""
    try:
        ours: int | str = verify_token(token, message, read_roots(root))
    except TimestampError:
        ours = "refused"
    try:
        theirs: int | str = alone.verify_token(token, message, alone.read_roots(root))
    except (alone.Bad, alone.NotHere):
        theirs = "refused"
    return ours, theirs


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_an_honest_token_has_one_time_for_both(authority: Authority, digest: str) -> None:
    ours, theirs = both(authority.stamp(MESSAGE, digest=digest), MESSAGE, authority.root)
    assert ours == theirs
    assert isinstance(ours, int)


def test_both_refuse_other_bytes_another_root_and_a_bent_token(authority: Authority, tmp_path: Path) -> None:
    token = authority.stamp(MESSAGE)
    stranger = make_authority(tmp_path)
    assert both(token, b"other bytes", authority.root) == ("refused", "refused")
    assert both(token, MESSAGE, stranger.root) == ("refused", "refused")
    for at in range(60, len(token), 97):
        bent = token[:at] + bytes([token[at] ^ 4]) + token[at + 1 :]
        ours, theirs = both(bent, MESSAGE, authority.root)
        assert theirs in ("refused", ours), at


@pytest.mark.parametrize(
    "how",
    [{"for_stamping": False}, {"valid_from": timedelta(days=-9), "valid_for": timedelta(days=1)}],
    ids=["certificate for something else", "expired when it stamped"],
)
def test_both_refuse_a_certificate_that_may_not_stamp(tmp_path: Path, how: dict[str, object]) -> None:
    made = make_authority(tmp_path, **how)  # type: ignore[arg-type]
    try:
        token = made.stamp(MESSAGE)
    except Exception:  # noqa: BLE001 - openssl itself may refuse to stamp with it
        pytest.skip("this openssl does not stamp with such a certificate")
    assert both(token, MESSAGE, made.root) == ("refused", "refused")


@pytest.mark.parametrize(
    ("curve", "algorithm", "digest"),
    [
        (ec.SECP256R1(), "1.2.840.10045.4.3.2", hashes.SHA256()),
        (ec.SECP384R1(), "1.2.840.10045.4.3.3", hashes.SHA384()),
        (ec.SECP256R1(), "1.2.840.10045.4.3.4", hashes.SHA512()),
    ],
    ids=["P-256", "P-384", "P-256 with SHA-512"],
)
def test_signatures_of_elliptic_curves_hold_and_bent_ones_do_not(
    curve: ec.EllipticCurve, algorithm: str, digest: hashes.HashAlgorithm
) -> None:
    key = ec.generate_private_key(curve)
    info = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public = alone.PublicKey(alone.der_one(info)[0])
    signature = key.sign(MESSAGE, ec.ECDSA(digest))
    assert public.signed(MESSAGE, signature, algorithm, "")
    assert not public.signed(MESSAGE + b"x", signature, algorithm, "")
    assert not public.signed(MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1]), algorithm, "")
