from __future__ import annotations

import hashlib
import hmac

import pytest

from evidence import accounts
from evidence.errors import MalformedError

KEY = bytes(range(32))


def test_the_hash_is_the_documented_one() -> None:
    whole = hmac.new(KEY, b"starproof/account/1\nzhang.san", hashlib.sha256).digest()
    assert accounts.account_hash(KEY, "zhang.san") == whole[:16]
    assert accounts.key_id(KEY) == hmac.new(KEY, b"starproof/account-key/1", hashlib.sha256).hexdigest()[:16]


@pytest.mark.parametrize("spelling", ["Zhang.San", " zhang.san\t", "ｚｈａｎｇ．ｓａｎ", "ZHANG.SAN"])
def test_spellings_of_one_account_are_one_account(spelling: str) -> None:
    assert accounts.account_hash(KEY, spelling) == accounts.account_hash(KEY, "zhang.san")


def test_another_key_or_another_account_is_another_hash() -> None:
    one = accounts.account_hash(KEY, "zhang.san")
    assert accounts.account_hash(bytes(32), "zhang.san") != one
    assert accounts.account_hash(KEY, "zhang.si") != one
    assert accounts.key_id(bytes(32)) != accounts.key_id(KEY)


def test_domains_are_merged_only_when_they_are_named() -> None:
    assert accounts.normalised("CORP\\User") == "corp\\user"
    assert accounts.normalised("User@Corp.example") == "user@corp.example"
    own = ("Corp", "corp.example")
    assert {
        accounts.normalised(name, domains=own) for name in ("CORP\\User", "User@Corp.example", "user")
    } == {"user"}
    assert accounts.normalised("user@other.example", domains=own) == "user@other.example"


@pytest.mark.parametrize("name", ["", "  ", "\u3000", "x" * 1025])
def test_what_is_no_name_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(MalformedError, match="1 to 1024 characters") as caught:
        accounts.account_hash(KEY, name)
    assert "xxx" not in str(caught.value)


def test_a_name_that_is_only_a_domain_is_refused() -> None:
    with pytest.raises(MalformedError):
        accounts.account_hash(KEY, "corp\\", domains=("corp",))


def test_bytes_that_are_no_text_have_a_hash() -> None:
    assert accounts.account_hash(KEY, "a\udcff") != accounts.account_hash(KEY, "a\udcfe")


def test_a_hash_is_two_integers_and_back() -> None:
    digest = bytes.fromhex("ff" * 8 + "7f" + "00" * 7)
    assert accounts.halves(digest) == (-1, 0x7F << 56)
    assert accounts.joined(*accounts.halves(digest)) == digest


def test_a_key_file_holds_64_hex_digits() -> None:
    assert accounts.parse_key(KEY.hex() + "\n") == KEY


@pytest.mark.parametrize("text", ["", "secret", "A" * 64, "0" * 63, "0" * 65])
def test_another_key_file_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(MalformedError, match="starproof account-key") as caught:
        accounts.parse_key(text)
    assert "secret" not in str(caught.value)


def test_an_exclusion_list_stands_in_a_manifest_and_is_read_back() -> None:
    fact = accounts.excluded_fact(["Probe", "backup", "probe "])
    assert fact == "backup|probe"
    assert accounts.excluded_names(fact) == ("backup", "probe")
    assert accounts.excluded_names(accounts.excluded_fact([])) == ()


@pytest.mark.parametrize("name", ["", "a|b", "a\nb"])
def test_a_name_that_no_list_can_hold_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match="excluded name"):
        accounts.excluded_fact([name])
