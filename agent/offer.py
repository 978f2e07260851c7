"""Enrolling without a route: an offer that came as a file stands for the collector.

The host takes up its enrolment at once and measures; the request goes out with the first exported chunks, and
again with each until a receipt shows that the collector has pinned the key.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Callable

from agent.enrol import ENROL_PATH, OFFER_PATH
from agent.errors import ConfigError, EnrolError
from agent.state import REQUEST, State
from agent.transport import Answer
from evidence import enrolment as records
from evidence import spool_file
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError

OFFLINE = "file:"
"""The collector's address of a host that was enrolled by file and sends nothing by itself."""
MAX_OFFER_BYTES = 64 * 1024
_OK, _CREATED, _NOT_FOUND = 200, 201, 404


def load_offer(path: str) -> Mapping[str, Any]:
    """Return the offer in a file.

    Raises:
        ConfigError: the file cannot be read, or is no offer.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_OFFER_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the offer {path} cannot be read: {error.strerror}") from None
    try:
        return spool_file.read_offer(data)
    except EvidenceError as error:
        raise ConfigError(
            f"{path} is no offer ({error}); make one with: starproof collector token --host NAME --offer-file FILE"
        ) from None


class OfferedCollector:
    """Answers an enrolment from the offer, and keeps the request for the collector."""

    def __init__(self, offer: Mapping[str, Any], state: State, *, wall_ms: Callable[[], int]) -> None:
        """Answer for the collector that wrote ``offer``."""
        self._offer = offer
        self._state = state
        self._wall_ms = wall_ms

    def post(self, path: str, body: bytes, _headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """Return what the collector would answer; ``timeout_s`` does not matter.

        Raises:
            EnrolError: the offer is for another kind of process.
        """
        del timeout_s
        request = json.loads(body)
        if path == OFFER_PATH:
            return self._answer(_OK, self._offered(request))
        if path == ENROL_PATH:
            return self._answer(_CREATED, self._taken(body, request))
        return self._answer(_NOT_FOUND, {})

    def _offered(self, request: Mapping[str, str]) -> Mapping[str, Any]:
        source = request.get("source", "agent")
        if source != self._offer["source"]:
            raise EnrolError(f"the offer is for {self._offer['source']}, not for {source}; make another one")
        return {name: self._offer[name] for name in ("enterprise", "host", "epoch", "previous")}

    def _taken(self, body: bytes, request: Mapping[str, str]) -> Mapping[str, Any]:
        record, signature, previous = (
            base64.b64decode(request[name]) for name in ("record", "signature", "previous_signature")
        )
        self._state.write(REQUEST, body + b"\n")
        signed = SignedEnrolment(records.parse(record), record, signature, previous)
        return {"enrolment": signed.hash, "log_key": self._offer["log_key"]}

    def _answer(self, status: int, document: Mapping[str, Any]) -> Answer:
        return Answer(status, json.dumps(document).encode(), "", self._wall_ms(), 0)
