"""The evidence of a month; and the reviewer's page: upload a pack, watch its check, read what it found."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from datetime import date
from typing import BinaryIO

from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, Response

from console.access.roles import Need
from console.checking.checks import KEPT_MS, BusyError, Check, State
from console.checking.order import MOST_CHECK_S, MOST_PACK_BYTES, SHOWN_FINDINGS, Order
from console.page import MOST_FORM_BYTES, Entry, Page
from console.pages.evidence.said import KNOWN
from console.pages.overview.months import month_asked, month_links
from console.reading.evidence import DayState, Evidence, read_evidence
from console.reading.month import Span
from console.services import Console
from console.translation import translated
from console.visit import REFUSED, NotFoundError, Visit
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.short_code import read_code
from verifier.anchors.mailbox import holds_several
from verifier.anchors.timestamp import MAX_ROOTS_BYTES, read_roots
from verifier.errors import VerifierError

MOST_MAIL_BYTES = 4 * 1024 * 1024
MOST_CODES = 100
MOST_MESSAGES = 400
"""A year of checkpoints, one message each."""
FILES = 2 + MOST_MESSAGES
UPLOAD_S = 3_600
"""A gigabyte over a line of 3 Mbit/s."""
LOCAL_HEADER = b"PK\x03\x04"
METHOD = slice(8, 10)
"""Where a local header says how its entry is packed (APPNOTE.TXT 4.3.7); packs only store."""
STORED = b"\x00\x00"
HEADER_BYTES = 30
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_MB = 1024 * 1024


class UploadError(Exception):
    """What was uploaded cannot be checked; ``words`` is the key of the reason, ``detail`` what to add."""

    def __init__(self, words: str, detail: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.detail = detail


def evidence(visit: Visit) -> Response:
    """Show the evidence of the month that is asked for."""
    span = month_asked(visit)
    return visit.render(
        "evidence/evidence.html",
        span=span,
        found=evidence_of(visit.console, span, now_ms=visit.now_ms),
        key=visit.console.opened.keyring.log_key().public.raw.hex(),
        links=month_links(visit, span),
        bare=(DayState.ALONE, DayState.UNMARKED),
    )


def evidence_of(console: Console, span: Span, *, now_ms: int) -> Evidence:
    """Return the evidence of a month, read now or shortly before.

    Raises:
        StoreError: the store cannot be read.
    """
    calendar = console.opened.identity.calendar
    return console.snapshots.get(
        ("evidence", span), lambda: read_evidence(console.store, span, calendar, now_ms=now_ms)
    )


def verifying(visit: Visit) -> Response:
    """Show the form for a pack, and the checks that one has begun."""
    return _form(visit)


def verify(visit: Visit) -> Response:
    """Take a pack and begin its check."""
    try:
        check = visit.console.checks.begin(
            _pack(visit.files.get("pack")),
            _order(visit),
            owner=visit.person.id if visit.person else 0,
            name=(visit.files["pack"].filename or "").rpartition("/")[2].rpartition("\\")[2],
        )
    except BusyError:
        return _form(visit, problem="evidence.busy")
    except UploadError as error:
        return _form(visit, problem=error.words, detail=error.detail)
    return visit.back_to(f"/evidence/checks/{check.id}")


def watched(visit: Visit) -> Response:
    """Show a check: how far it is, or what it found."""
    check = _check(visit)
    return visit.render(
        "evidence/check.html",
        check=check,
        running=check.state is State.RUNNING,
        result=check.result,
        megabytes=check.size / _MB,
        read=min(check.size, check.read) / _MB,
        minutes=MOST_CHECK_S // 60,
        shown=SHOWN_FINDINGS,
        in_words=lambda words: translated(words, visit.language, KNOWN),
    )


def page(visit: Visit) -> Response:
    """Show the page of a check as it stands alone, for reading and printing; it may run and fetch nothing."""
    result = _check(visit).result
    if result is None:
        raise NotFoundError
    text = result.pages[visit.language]
    style = _STYLE.search(text)
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'; sandbox"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


def document(visit: Visit) -> Response:
    """Hand out the JSON document of a check."""
    check = _check(visit)
    if check.result is None:
        raise NotFoundError
    return Response(
        check.result.document,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="check-{check.id}.json"'},
    )


def removed(visit: Visit) -> Response:
    """End and forget a check."""
    name = str(visit.request.path_params["check"])
    if not visit.console.checks.remove(name, owner=visit.person.id if visit.person else 0):
        raise NotFoundError
    return visit.back_to("/evidence/verify", said="evidence.removed_done")


def _form(visit: Visit, *, problem: str = "", detail: str = "") -> Response:
    return visit.render(
        "evidence/verify.html",
        status=REFUSED if problem else 200,
        problem=problem,
        detail=detail,
        form=visit.form,
        most_mb=MOST_PACK_BYTES // _MB,
        hours=KEPT_MS // 3_600_000,
        checks=visit.console.checks.of(visit.person.id if visit.person else 0),
    )


def _check(visit: Visit) -> Check:
    found = visit.console.checks.find(
        str(visit.request.path_params["check"]), owner=visit.person.id if visit.person else 0
    )
    if found is None:
        raise NotFoundError
    return found


def _pack(upload: UploadFile | None) -> BinaryIO:
    """Return the uploaded pack as a file of the system's.

    Raises:
        UploadError: there is none, or it is certainly no pack.
    """
    if upload is None or not upload.filename:
        raise UploadError("evidence.no_file")
    file = upload.file
    file.seek(0)
    head = file.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES or not head.startswith(LOCAL_HEADER):
        raise UploadError("evidence.no_pack")
    if head[METHOD] != STORED:
        raise UploadError("evidence.compressed")
    rollover = getattr(file, "rollover", None)
    if rollover is not None:  # small ones are kept in memory, where no other process can read them
        rollover()
    file.seek(0)
    return file


def _order(visit: Visit) -> Order:
    """Return what came with the pack.

    Raises:
        UploadError: it cannot be used.
    """
    key = "".join(visit.form.get("log_key", "").split()).lower()
    if key:
        try:
            PublicKey.from_hex(key)
        except EvidenceError:
            raise UploadError("evidence.no_key") from None
    roots = _small(visit.files.get("roots"), MAX_ROOTS_BYTES)
    try:
        if roots:
            read_roots(roots)
    except VerifierError as error:
        raise UploadError("evidence.no_roots", str(error)) from None
    return Order(
        log_key=key,
        codes=_codes(visit.form.get("codes", "")),
        roots=[roots] if roots else [],
        mail=_mail(visit.uploads.get("mail", ())),
        now_ms=visit.now_ms,
    )


def _small(upload: UploadFile | None, most: int) -> bytes:
    if upload is None or not upload.filename:
        return b""
    upload.file.seek(0)
    data = upload.file.read(most + 1)
    if len(data) > most:
        raise UploadError("evidence.large_beside", f"{upload.filename}: > {most // 1024} KiB")
    return data


def _mail(uploads: Sequence[UploadFile]) -> list[bytes]:
    """Return the messages, one of each file.

    Raises:
        UploadError: they are too large together, or a file holds several (``holds_several`` says why).
    """
    mail: list[bytes] = []
    for upload in uploads:
        raw = _small(upload, MOST_MAIL_BYTES - sum(map(len, mail)))
        if holds_several(io.BytesIO(raw)):
            raise UploadError("evidence.mbox", upload.filename or "")
        mail.append(raw)
    return mail


def _codes(text: str) -> Sequence[tuple[int, str, int | None]]:
    """Return the codes of the log book: a line each, ``SIZE=CODE`` or ``SIZE=CODE@DATE``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_CODES:
        raise UploadError("evidence.many_codes")
    return [_code(line) for line in lines]


def _code(line: str) -> tuple[int, str, int | None]:
    size, equals, rest = line.partition("=")
    code, at, day = rest.partition("@")
    size = size.strip()
    try:
        if not equals or not size.isascii() or not size.isdigit() or len(size) > 15:  # noqa: PLR2004 - below 2^53
            raise UploadError("evidence.no_code", line)
        return int(size), read_code(code), date.fromisoformat(day.strip()).toordinal() if at else None
    except (EvidenceError, ValueError) as error:
        raise UploadError("evidence.no_code", f"{line}: {error}") from None


PAGES = (
    Page("/evidence", evidence, needs=Need.EVIDENCE, entry=Entry("evidence.title", 70, monthly=True)),
    Page("/evidence/verify", verifying, needs=Need.EVIDENCE),
    Page(
        "/evidence/verify",
        verify,
        needs=Need.EVIDENCE,
        methods=("POST",),
        # Heads of the parts, fields, and the small files stand beside the pack.
        most_bytes=MOST_PACK_BYTES + MOST_MAIL_BYTES + MAX_ROOTS_BYTES + MOST_FORM_BYTES,
        files=FILES,
        within_s=UPLOAD_S,
    ),
    Page("/evidence/checks/{check}", watched, needs=Need.EVIDENCE),
    Page("/evidence/checks/{check}/page", page, needs=Need.EVIDENCE),
    Page("/evidence/checks/{check}/document", document, needs=Need.EVIDENCE),
    Page("/evidence/checks/{check}/remove", removed, needs=Need.EVIDENCE, methods=("POST",)),
)
