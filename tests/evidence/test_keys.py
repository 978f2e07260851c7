from __future__ import annotations

import pytest

from evidence.dsse import pae, pae_hash
from evidence.errors import BadSignatureError, MalformedError, WeakKeyError
from evidence.keys import PrivateKey, PublicKey

SMALL_ORDER = [
    # The eight points of small order and their non-canonical encodings (RFC 8032, section 5.1.3;
    # the list is reproduced by `test_the_listed_points_have_small_order`).
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Edwards addition (RFC 8032, 5.1.4), affine: slow and obvious."""
    mixed = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + mixed, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - mixed, -1, P)
    return x % P, y % P


def decompress(raw: bytes) -> tuple[int, int]:
    number = int.from_bytes(raw, "little")
    y, sign = (number & (2**255 - 1)) % P, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "not on the curve"
    return (P - x if x and x & 1 != sign else x), y


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_the_listed_points_have_small_order(text: str) -> None:
    point = decompress(bytes.fromhex(text))
    for _ in range(3):
        point = add(point, point)
    assert point == (0, 1)


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_small_order_keys_are_refused(text: str) -> None:
    with pytest.raises(WeakKeyError, match="make a new key"):
        PublicKey.from_hex(text)


def test_a_point_of_mixed_order_is_refused() -> None:
    good = PrivateKey.from_seed(bytes(32)).public.raw
    x, y = add(decompress(good), decompress(bytes.fromhex(SMALL_ORDER[4])))
    mixed = (y | (x & 1) << 255).to_bytes(32, "little")
    with pytest.raises(WeakKeyError):
        PublicKey(mixed)


@pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "ZZ" * 32, "AB" * 32, " " * 64, "0_" * 32])
def test_keys_are_written_in_one_way(text: str) -> None:
    with pytest.raises(MalformedError):
        PublicKey.from_hex(text)


def test_a_public_key_has_32_bytes() -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        PublicKey(bytes(31))


def test_a_seed_has_32_bytes() -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        PrivateKey.from_seed(b"short")


def test_rfc_8032_test_1_keys_match() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = PrivateKey.from_seed(seed)
    assert key.public.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.seed == seed
    assert key.seed.hex() not in repr(key)


def test_a_signature_binds_type_and_body() -> None:
    key = PrivateKey.generate()
    signature = key.sign("a/b", b"body")
    key.public.verify("a/b", b"body", signature)
    for kind, body, made in [
        ("a/c", b"body", signature),
        ("a/b", b"bodY", signature),
        ("a/b", b"body", signature[:-1]),
        ("a/b", b"body", signature[:32] + bytes(32)),
    ]:
        with pytest.raises(BadSignatureError):
            key.public.verify(kind, body, made)


def test_a_signature_with_s_beyond_the_group_order_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    key = PrivateKey.from_seed(bytes(range(32)))
    signature = key.sign("t", b"x")
    s = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(BadSignatureError):
        key.public.verify("t", b"x", signature[:32] + s.to_bytes(32, "little"))


def test_the_encoding_is_the_one_of_the_dsse_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert len(pae_hash("t", b"")) == 64


def test_keys_of_one_seed_are_equal_and_others_are_not() -> None:
    one, same, other = (PrivateKey.from_seed(bytes([number]) * 32) for number in (1, 1, 2))
    assert (one == same, hash(one) == hash(same)) == (True, True)
    assert one != other
    assert one != one.seed
