"""What is fuzzed of the network: every reader of bytes that somebody else sends, at the collector, relay, agent, console.

A target takes any bytes. It fails if a reader raises anything but its own errors, or takes what contradicts itself.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h11
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from agent.answers import Sent, decide
from agent.answers import parse as parse_answer
from agent.receipts import Receipts
from agent.relaying import again_s
from agent.state import State
from agent.transport import Answer as AgentAnswer
from collector import admission, ingest
from collector.errors import CollectorError, ImportFileError, RequestError
from collector.http.bodies import from_base64, json_texts
from collector.http.heads import END, head_problem
from collector.importing.rows import Reader
from collector.relay.app import _kept
from collector.relay.outcome import outcome
from collector.relay.queue import Kept
from collector.relay.upstream import Answer
from collector.sources.answers import decode
from collector.sources.prometheus.client import _row
from collector.spool_files import _Reader
from collector.store.registry import PinnedKey
from declaring.ledger_table import table_of
from evidence import enrolment, spool_file
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey
from verifier.errors import VerifierError

KEY = PrivateKey.from_seed(b"host key of the wire's fuzzing!!")
LOG_KEY = PrivateKey.from_seed(b"log key of the test collector!!!").public
PINNED = PinnedKey(1, 1, "web-1", "agent", 0, "0" * 64, "甲公司", KEY.public)
NAMES = ("token", "record", "signature", "previous_signature")
_FOLDER = tempfile.TemporaryDirectory(prefix="starproof-fuzz-")
_STATE = State(_FOLDER.name + "/agent")
_STATE.create()
_RECEIPTS = Receipts(_STATE, LOG_KEY)
_CSV = Path(_FOLDER.name) / "rows.csv"


def head(data: bytes) -> None:
    """A request's head that passes must be read by the library with the length that stands in it."""
    found = END.search(data)
    raw = data[: found.start()] if found else data
    if head_problem(raw):
        return
    connection = h11.Connection(h11.SERVER, 32 * 1024)
    connection.receive_data(raw + b"\r\n\r\n")
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return
    if not isinstance(event, h11.Request):
        return
    names = [name for name, _ in event.headers]
    if names.count(b"content-length") + names.count(b"transfer-encoding") > 1 or b"\n " in raw:
        raise AssertionError(f"two lengths pass: {raw!r}")


def enrol(data: bytes) -> None:
    """The body of an enrolment, down to its record."""
    with suppress(RequestError):
        texts = json_texts(data, NAMES, longest=64 * 1024)
        parts = [from_base64(texts[name], name) for name in NAMES[1:]]
        with suppress(EvidenceError):
            enrolment.parse(parts[0])
            enrolment.verify(parts[0], parts[1], parts[2], None)
    with suppress(RequestError):
        json_texts(data, ("token", "host"), ("source",), longest=512)
    with suppress(EvidenceError):
        enrolment.parse(data)


def batch(data: bytes) -> None:
    """A batch of frames, through the gates that need no store; at a relay, too."""
    with suppress(RequestError):
        for frame in ingest.split(data):
            judged = admission.head(frame, PINNED)
            if not isinstance(judged, admission.Verdict) and judged.rows * judged.columns < 100_000:
                admission.examine(frame, PINNED)
            admission.result(frame, admission.ACCEPTED)
    with suppress(RequestError):
        _kept(data, KEY.public.id, KEY.public.raw)


def answer(data: bytes) -> None:
    """What an agent reads of an answer: verdicts, clock, receipts. Nothing unproved may be kept."""
    said = AgentAnswer(200, data, "5", 1_793_462_400_000, 3)
    document = parse_answer(said)
    sent = [Sent(seq, KEY.public.id, f"{seq:064x}") for seq in range(3)]
    decision = decide(said, sent)
    if set(decision.stored) & (set(decision.refused) | set(decision.held) | set(decision.relayed)):
        raise AssertionError("a chunk has two fates")
    again_s(document)
    stored = [one for one in sent if one.seq in decision.stored]
    if stored and _RECEIPTS.take(document, stored) is None:
        raise AssertionError("an answer proves what no log holds")
    for status in (400, 413, 429, 503, 302):
        decide(AgentAnswer(status, data, data[:9].decode("latin-1"), 1, 1), sent)


def files(data: bytes) -> None:
    """Spool files, receipts and offers that come on a stick."""
    with suppress(ImportFileError, EvidenceError):
        reader = _Reader(io.BytesIO(data))
        reader.head()
        list(reader.batches())
    for read in (
        spool_file.read_offer,
        spool_file.read_receipt_head,
        spool_file.read_tail,
        spool_file.read_head,
    ):
        with suppress(EvidenceError):
            read(data)


def upstream(data: bytes) -> None:
    """What a relay reads of the collector's answer."""
    document = parse_answer(AgentAnswer(200, data, "", 1, 1))
    kept = [Kept(seq, f"{seq:064x}", b"", f"n{seq}") for seq in range(3)]
    for status in (200, 400, 403, 413, 429, 503, 500):
        found = outcome(
            Answer(status, document, data[:9].decode("latin-1")), KEY.public.id, kept, known_size=-1
        )
        if found.answered is not None:
            json.dumps(found.answered.head)
            if not set(found.answered.results) <= {"n0", "n1", "n2"}:
                raise AssertionError("an answer about chunks that were not sent")


def source(data: bytes) -> None:
    """What a monitor or a cloud answers."""
    with suppress(CollectorError):
        document = decode(data, where="fuzz")
        for key in ("value", "values"):
            _row(document, key, "fuzz")


def imported(data: bytes) -> None:
    """A CSV file of averages."""
    _CSV.write_bytes(data[:65_536])
    with suppress(CollectorError):
        reader = Reader(
            _CSV,
            zone="Asia/Shanghai",
            period_ms=60_000,
            now_ms=1_793_462_400_000,
            progress=lambda _done: None,
        )
        for _ in reader.rows():
            continue


def ledger_csv(data: bytes) -> None:
    """A ledger's table as CSV, uploaded by a form."""
    with suppress(VerifierError):
        _ = table_of(data, "l.csv").faults


def ledger_xlsx(data: bytes) -> None:
    """A ledger's table as a workbook, uploaded by a form."""
    with suppress(VerifierError):
        _ = table_of(data, "l.xlsx").faults


def form(data: bytes) -> None:
    """A form: the first line is its type, the rest its body, within the console's kind of bounds."""
    kind, _, body = data.partition(b"\n")
    headers = [(b"content-type", kind.replace(b"\r", b""))]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def read() -> None:
        request = Request({"type": "http", "method": "POST", "headers": headers, "app": object()}, receive)
        with suppress(HTTPException, MultiPartException):
            async with request.form(max_files=2, max_fields=50, max_part_size=65_536):
                pass

    # By hand and without a loop of its own: everything it waits for is there, and whoever drives a
    # browser in the same process has a loop running on this thread.
    reading = read()
    with suppress(StopIteration):
        reading.send(None)
        reading.close()
        raise AssertionError("the form waits for something that never comes")


WIRE_TARGETS: dict[str, Callable[[bytes], None]] = {
    "head": head,
    "enrol": enrol,
    "batch": batch,
    "answer": answer,
    "files": files,
    "upstream": upstream,
    "source": source,
    "imported": imported,
    "ledger_csv": ledger_csv,
    "ledger_xlsx": ledger_xlsx,
    "form": form,
}
