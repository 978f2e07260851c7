"""Enrolment: this host introduces its key to the collector with a one-time token.

1. If a request for this token was sent before and its answer was lost, the same request is sent again:
   the collector answers it as it did before.
2. Otherwise ask for an offer: what the record must say.
3. A key is made and is on the disk before anything is signed with it; the request too, before it is sent.
4. The record is signed, for a rotation by the key before as well, posted, and the answer compared.
5. The log's key must be the one that somebody told us, if he did; by a relay there must be one. Either way
   chunks are let go only on the log's proof from then on (``agent.relaying``).
6. The enrolment is put in place; from now on the new key signs, and a new chain begins.

A rotation waits until every chunk of the old chain is delivered: the old key could still send them,
but the agent does not keep two chains.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from agent.answers import MAX_MESSAGE, parse
from agent.errors import EnrolError
from agent.relaying import says_relay
from agent.shelf import CHUNK, seq_of
from agent.state import KEY, NEXT_KEY, PENDING, RELAY, SPOOL, Enrolled, State
from agent.transport import DEFAULT_TIMEOUT_S, Answer, Transport
from evidence import __version__ as version
from evidence import enrolment as records
from evidence.code_hash import UNKNOWN
from evidence.enrolment import Enrolment, SignedEnrolment
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey, PublicKey
from evidence.sources import AGENT as SOURCE

AGENT = f"starproof-agent {version}"
OFFER_PATH, ENROL_PATH = "/v1/enrolments/offer", "/v1/enrolments"
JSON_TYPE = {"Content-Type": "application/json"}
MAX_TOKEN = 512
_OK, _CREATED = 200, 201


@dataclass(frozen=True)
class Request:
    """Who wants to enrol: the host's name, the token, flat facts about the machine, and what will be sent."""

    host: str
    token: str
    collector: str
    time_ms: int
    facts: Mapping[str, Any]
    source: str = SOURCE
    code: str = UNKNOWN
    log_key: str = ""
    """The collector's log key in hex as somebody who knows it told us, empty if nobody did."""


def enrol(state: State, request: Request, transport: Transport) -> Enrolled:
    """Enrol this host, or rotate its key; return the enrolment when it is on the disk.

    The caller holds the lock of ``state``.

    Raises:
        EnrolError: chunks are pending, or the collector says no; the message says why.
        TransportError: the collector cannot be reached; call again with the same token.
        StateError: the state directory cannot be used.
    """
    if not request.token or len(request.token) > MAX_TOKEN:
        raise EnrolError("the token is empty or too long; make one with: starproof collector token")
    current = state.enrolled()
    _require_delivered(state, current)
    signed = _unanswered(state, request)
    if signed is None:
        signed = _fresh(state, request, transport, current)
        state.write(PENDING, _pending(signed, request))
    body = {
        "token": request.token,
        "record": base64.b64encode(signed.record).decode(),
        "signature": base64.b64encode(signed.signature).decode(),
        "previous_signature": base64.b64encode(signed.previous_signature).decode(),
    }
    answer = _ask(transport, ENROL_PATH, body)
    if answer.get("enrolment") != signed.hash:
        raise EnrolError("the collector confirmed another enrolment than this one; check its address")
    log_key = _log_key(answer)
    if request.log_key and log_key != request.log_key:
        raise EnrolError(
            "the collector's log has another key than --log-key says: somebody else may be answering, or the key "
            "is of another collector. Compare with log.pub on the collector"
        )
    if says_relay(answer) and not log_key:
        raise EnrolError("a relay answers, and tells no log key; enrol at the collector or by file")
    if request.log_key or says_relay(answer):
        state.write(RELAY, b"1\n")
    else:
        state.remove(RELAY)
    state.enrol(signed, request.collector, log_key)
    return state.require_enrolled()


def facts() -> dict[str, Any]:
    """Return flat facts about this machine for the record."""
    found: dict[str, Any] = {
        "system": sys.platform,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "cpus": os.cpu_count() or 0,
    }
    if hasattr(os, "uname"):
        name = os.uname()
        found.update(system=name.sysname, kernel=name.release, machine=name.machine)
    return found


def _log_key(answer: Mapping[str, Any]) -> str:
    """Return the key of the collector's log in hex, empty if the collector keeps none."""
    text = answer.get("log_key", "")
    try:
        return PublicKey.from_hex(text).raw.hex() if text else ""
    except (EvidenceError, TypeError) as error:
        raise EnrolError(f"the collector's log key cannot be used: {error}; check its address") from None


def _require_delivered(state: State, current: Optional[Enrolled]) -> None:
    try:
        names = os.listdir(state.path(SPOOL)) if current else []
    except FileNotFoundError:
        names = []
    waiting = [name for name in names if seq_of(name) >= 0 and name.endswith("." + CHUNK)]
    if waiting:
        raise EnrolError(
            f"{len(waiting)} chunks are not delivered yet; run the agent until "
            "'starproof-agent status' shows none pending, then enrol again"
        )


def _fresh(
    state: State, request: Request, transport: Transport, current: Optional[Enrolled]
) -> SignedEnrolment:
    """Steps 2 to 4: return a record for what the collector offers, signed by a key that is on the disk."""
    question = {"token": request.token, "host": request.host}
    # The agent itself is what a collector assumes; older ones know nothing else.
    offer = _ask(
        transport,
        OFFER_PATH,
        question if request.source == SOURCE else {**question, "source": request.source},
    )
    key = state.key(NEXT_KEY)
    if key is None or key.public.id == offer.get("previous"):
        key = state.make_key()
    before = state.key(KEY) if current is None else current.key
    previous = before if before is not None and before.public.id == offer.get("previous") else None
    try:
        return records.sign(_record(request, offer, key, previous), key, previous)
    except (EvidenceError, KeyError, TypeError) as error:
        raise EnrolError(
            f"the collector's offer cannot be used: {error}; check its address and version"
        ) from None


def _record(
    request: Request, offer: Mapping[str, Any], key: PrivateKey, previous: Optional[PrivateKey]
) -> Enrolment:
    return Enrolment(
        enterprise=offer["enterprise"],
        host=offer["host"],
        source=request.source,
        key=key.public.raw.hex(),
        epoch=offer["epoch"],
        previous=previous.public.id if previous else "",
        token=_token_hash(request.token),
        time_ms=request.time_ms,
        agent=AGENT,
        facts=dict(request.facts),
        code=request.code,
    )


def _ask(transport: Transport, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
    answer = transport.post(path, json.dumps(body).encode(), JSON_TYPE, timeout_s=DEFAULT_TIMEOUT_S)
    document = parse(answer)
    if answer.status not in (_OK, _CREATED) or not document:
        raise EnrolError(_refusal(answer, document))
    return document


def _refusal(answer: Answer, document: Mapping[str, Any]) -> str:
    code = document.get("code", f"HTTP_{answer.status}")
    message = document.get("message") or "is this a StarProof collector?"
    return f"the collector refused the enrolment: {code}: {str(message)[:MAX_MESSAGE]}"


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _pending(signed: SignedEnrolment, request: Request) -> bytes:
    fields = {
        "collector": request.collector,
        "host": request.host,
        "record": base64.b64encode(signed.record).decode(),
        "signature": base64.b64encode(signed.signature).decode(),
        "previous_signature": base64.b64encode(signed.previous_signature).decode(),
    }
    return json.dumps(fields).encode() + b"\n"


def _unanswered(state: State, request: Request) -> Optional[SignedEnrolment]:
    """Step 1: return the request of before if it was for this token, collector and host."""
    data = state.read(PENDING)
    key = state.key(NEXT_KEY)
    if data is None or key is None:
        return None
    try:
        fields = json.loads(data)
        record = base64.b64decode(fields["record"])
        signed = SignedEnrolment(
            records.parse(record),
            record,
            base64.b64decode(fields["signature"]),
            base64.b64decode(fields["previous_signature"]),
        )
        same = (fields["collector"], fields["host"]) == (request.collector, request.host)
        same = same and signed.enrolment.source == request.source
    except (ValueError, KeyError, TypeError, EvidenceError):
        return None
    ours = signed.enrolment.token == _token_hash(request.token) and signed.public == key.public
    return signed if same and ours else None
