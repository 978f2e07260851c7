r"""Accounts as keyed hashes: the same person is the same number everywhere, and nobody reads the name.

The hash is HMAC-SHA256 under a key that only the enterprise has, cut to 128 bits: among a hundred
million accounts two of them share a hash with a probability below 2^-75. Without the key the names
cannot be tried out; with it they can, so the key stays on the enterprise's machines and is in no store,
chunk or pack. Under another key the same account has another hash: sets under different keys cannot be
compared.

Spellings are made equal first: NFKC, case folded, blanks around it removed. ``CORP\user`` and
``user@corp`` stay what they are unless ``corp`` is named as a domain of the enterprise.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import unicodedata
from collections.abc import Iterable

from evidence.errors import MalformedError
from evidence.manifest import KEY_ID_DIGITS

KEY_BYTES = 32
HASH_BYTES = 16
MAX_ACCOUNT = 1_024
"""Characters of a name. What is longer is no name."""
BETWEEN_NAMES = "|"
"""Stands between the names of an exclusion list: facts of a manifest have no line breaks."""
_ACCOUNT = b"starproof/account/1\n"
_KEY_ID = b"starproof/account-key/1"
_HALVES = struct.Struct(">qq")
_KEY_TEXT = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


def parse_key(text: str) -> bytes:
    """Return the key that a key file holds: 64 lower-case hex digits, a line feed behind them or not.

    Raises:
        MalformedError: anything else. The message does not repeat what stood there.
    """
    digits = text.strip()
    if not _KEY_TEXT.match(digits):
        raise MalformedError(
            f"the account key is not {2 * KEY_BYTES} lower-case hex digits; make one with: "
            "starproof account-key --out FILE"
        )
    return bytes.fromhex(digits)


CLIENT_ADDRESS = "client-address/1"
"""The definition under which the account is the client's address, which is no person."""


def key_id(key: bytes) -> str:
    """Return the name of a key, 16 hex digits: it tells keys apart and gives nothing away."""
    return hmac.new(key, _KEY_ID, hashlib.sha256).hexdigest()[:KEY_ID_DIGITS]


def normalised(account: str, *, domains: Iterable[str] = ()) -> str:
    r"""Return the one spelling of an account's name; empty if nothing is left of it.

    ``domains`` are the enterprise's own: ``CORP\user`` and ``user@corp`` of one of them are ``user``.
    """
    name = _folded(account)
    for domain in domains:
        own = _folded(domain)
        if name.startswith(own + "\\"):
            return name[len(own) + 1 :].strip()
        if name.endswith("@" + own):
            return name[: -len(own) - 1].strip()
    return name


def account_hash(key: bytes, account: str, *, domains: Iterable[str] = ()) -> bytes:
    """Return the 16 bytes that stand for an account.

    Raises:
        MalformedError: no name is left, or it is too long. The message does not repeat the name.
    """
    name = normalised(account, domains=domains)
    if not name or len(account) > MAX_ACCOUNT:
        raise MalformedError(f"an account's name has 1 to {MAX_ACCOUNT} characters; this one has {len(name)}")
    # A log may hold bytes that are no text; they came in as lone surrogates and are hashed as they are.
    message = _ACCOUNT + name.encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).digest()[:HASH_BYTES]


def halves(digest: bytes) -> tuple[int, int]:
    """Return a hash as the two signed 64-bit integers of a chunk's row; they sort as the bytes do not."""
    high, low = _HALVES.unpack(digest)
    return high, low


def joined(high: int, low: int) -> bytes:
    """Return the hash whose ``halves`` these are."""
    return _HALVES.pack(high, low)


def excluded_fact(names: Iterable[str]) -> str:
    """Return the exclusion list as it stands in a manifest: the names' one spellings, sorted.

    Raises:
        MalformedError: a name has a ``|`` or a control character, or nothing is left of it.
    """
    spelled = sorted({normalised(name) for name in names})
    for name in spelled:
        if not name or BETWEEN_NAMES in name or not name.isprintable():
            raise MalformedError(
                f"the excluded name {name!r} is empty or has a {BETWEEN_NAMES!r} or a line break"
            )
    return BETWEEN_NAMES.join(spelled)


def excluded_names(fact: str) -> tuple[str, ...]:
    """Return the names in the fact ``excluded`` of a manifest."""
    return tuple(fact.split(BETWEEN_NAMES)) if fact else ()


def _folded(text: str) -> str:
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once).strip()
