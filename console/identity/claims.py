"""Judges an ID token: bytes, keys and the time in, a person or the reason out. No network, no clock.

In this order (OpenID Connect Core 1.0, section 3.1.3.7):
(1) The size. (2) The algorithm is one of those that were allowed beforehand, never the token's own choice; all
have a public key. (3) The key: of the issuer's set, of the algorithm's type, for signatures, large enough; by its
id, or the only one that fits. (4) The signature. (5) Issuer, audience, authorized party. (6) The times, with the
allowed difference of clocks; it is at most ten minutes old. (7) The nonce of this very sign-in. (8) The subject; then name and roles.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, Key, OKPKey, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from collector.oidc_settings import ROLES, Oidc
from console.identity.errors import AnswerError

MOST_TOKEN_BYTES = 64 * 1024
MOST_AGE_S = 10 * 60
"""Since the token was made; a sign-in takes no longer (``federation.UNDER_WAY_MS``)."""
MOST_KEYS = 100
LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 16_384
"""Checking a signature with a longer one would only keep the processor busy."""
MOST_SUBJECT = 255
MOST_NAME = 64
MOST_ROLE_VALUES = 2_000
_KINDS: Mapping[str, type[Key]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


@dataclass(frozen=True)
class Identity:
    """Somebody for whom the provider has spoken. ``role`` ``None``: no value of the claim gives one."""

    issuer: str
    subject: str
    name: str
    role: str | None


class UnknownKeyError(AnswerError):
    """The token names a key that is not in the set; asking for the set again may help."""


def keys_of(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the public keys for signatures in a key set (RFC 7517); those of other kinds are left out.

    Raises:
        AnswerError: it is not a key set, or has no key that can be used.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise AnswerError(f"the key set is not a list of at most {MOST_KEYS} keys")
    found = [key for key in map(_key, listed) if key is not None]
    if not found:
        raise AnswerError("the key set has no public RSA, EC or Ed25519 key for signatures")
    return tuple(found)


def judged(token: str, *, keys: Sequence[Key], settings: Oidc, nonce: str, now_s: int) -> Identity:
    """Return who the token is about.

    Raises:
        UnknownKeyError: no key of the set has the token's id.
        AnswerError: the token does not hold; the message says at which step.
    """
    if len(token) > MOST_TOKEN_BYTES:  # (1)
        raise AnswerError(f"the ID token has more than {MOST_TOKEN_BYTES} bytes")

    def fitting(signed: GuestProtocol) -> Key:
        return _chosen(keys, signed.headers())

    try:
        claims = jwt.decode(token, fitting, algorithms=list(settings.algorithms)).claims  # (2) (3) (4)
        JWTClaimsRegistry(  # (5) (6)
            now=now_s,
            leeway=settings.skew_s,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        ).validate(claims)
    except JoseError as error:
        raise AnswerError(f"the ID token does not hold: {error.error} {error.description}"[:200]) from None
    except (ValueError, TypeError) as error:  # what the library lets through of malformed parts
        raise AnswerError(f"the ID token is malformed: {type(error).__name__}") from None
    if not claims["iat"] >= now_s - settings.skew_s - MOST_AGE_S:  # so written, what is no number is too old
        raise AnswerError(f"the ID token was made more than {MOST_AGE_S} s ago; its iat is too old")
    _require_party(claims, settings.client_id)
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):  # (7)
        raise AnswerError("the ID token was not made for this sign-in: another nonce")
    subject = claims["sub"]
    if not 0 < len(subject) <= MOST_SUBJECT or not subject.isprintable():  # (8)
        raise AnswerError(f"the ID token's sub is not 1 to {MOST_SUBJECT} printable characters")
    return Identity(settings.issuer, subject, _name(claims, settings), role_of(claims, settings))


def role_of(claims: Mapping[str, Any], settings: Oidc) -> str | None:
    """Return the role that the claim's values give, the one that may most if there are several."""
    found = _at(claims, settings.roles_claim)
    values = found[:MOST_ROLE_VALUES] if isinstance(found, list) else [found]
    given = {value for value in values if isinstance(value, str)}
    return next((role for role in ROLES if not given.isdisjoint(settings.roles.get(role, ()))), None)


def _key(document: object) -> Key | None:
    """Return a key, ``None`` for one that is of no use here: others' kinds may stand beside ours."""
    if not isinstance(document, dict) or document.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    if document.get("use", "sig") != "sig":
        return None
    public = {
        name: value for name, value in document.items() if name in ("kty", "n", "e", "crv", "x", "y", "kid")
    }
    try:
        key = jwk.import_key(public)
        if isinstance(key, RSAKey) and not LEAST_RSA_BITS <= key.public_key.key_size <= MOST_RSA_BITS:
            return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key


def _chosen(keys: Sequence[Key], header: Mapping[str, Any]) -> Key:
    kind = _KINDS[str(header["alg"])[:2]]
    fitting = [key for key in keys if isinstance(key, kind)]
    kid = header.get("kid")
    if kid is not None:
        fitting = [key for key in fitting if key.kid == kid]
    if not fitting:
        raise UnknownKeyError("the ID token is signed with a key that the provider does not publish")
    if len(fitting) > 1:
        raise AnswerError("the ID token does not say with which of the provider's keys it is signed")
    return fitting[0]


def _require_party(claims: Mapping[str, Any], client_id: str) -> None:
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (party is not None or several) and party != client_id:
        raise AnswerError("the ID token was made for another client: azp")


def _name(claims: Mapping[str, Any], settings: Oidc) -> str:
    """Return a name to show; the subject if the provider gives none that can be shown."""
    for found in (_at(claims, settings.name_claim), claims["sub"]):
        if isinstance(found, str):
            shown = "".join(letter for letter in found if letter.isprintable()).strip()[:MOST_NAME].strip()
            if shown:
                return shown
    return "?"


def _at(claims: Mapping[str, Any], path: str) -> object:
    """Return a claim by its name, or by a path of names; a claim may have dots in its own name."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
