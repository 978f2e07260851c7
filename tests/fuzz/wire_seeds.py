"""Where the fuzzing of the wire begins: honest requests, answers and files."""

from __future__ import annotations

import base64
import io
import json

from drafts import steady
from wire_targets import KEY, LOG_KEY

from evidence import enrolment, spool_file


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def wire_seeds() -> dict[str, list[bytes]]:
    """Return honest inputs by the name of the target."""
    record = enrolment.Enrolment(
        enterprise="甲公司", host="web-1", source="agent", key=KEY.public.raw.hex(), epoch=0, previous="",
        token="0" * 64, time_ms=1_793_462_400_000, agent="test", facts={"cpus": 2},
    )  # fmt: skip
    signed = enrolment.sign(record, KEY)
    encode = lambda raw: base64.b64encode(raw).decode()  # noqa: E731 - one use, one line
    body = {
        "token": "t" * 43,
        "record": encode(signed.record),
        "signature": encode(signed.signature),
        "previous_signature": "",
    }
    frame = steady(3).seal(KEY)
    result = {
        "key": KEY.public.id,
        "seq": 0,
        "hash": f"{0:064x}",
        "status": "stored",
        "code": "",
        "message": "",
    }
    proof = {"leaf": 0, "arrival_ms": 1, "proof": [encode(bytes(32))]}
    note = (
        "starproof.example/log\n1\n"
        + encode(bytes(32))
        + "\n\n\u2014 starproof.example/log "
        + encode(bytes(68))
        + "\n"
    )
    answers = [
        {
            "server_ms": 1,
            "results": [{**result, **proof}],
            "checkpoint": note,
            "anchor": "0" * 64,
            "consistency": [],
        },
        {"results": [{**result, "status": "relayed"}], "relay": True, "again_s": 5},
        {"results": [{**result, "status": "refused", "code": "CONFLICT", "message": "no"}]},
        {"code": "SLOW_DOWN", "message": "wait"},
    ]
    whose = {
        "enterprise": "甲公司",
        "host": "web-1",
        "source": "agent",
        "key": KEY.public.id,
        "enrolment": signed.hash,
    }
    spool = spool_file.write_head(spool_file.SpoolHead(**whose, made_ms=5, request=body)) + frame
    offer = {
        "schema": spool_file.OFFER_SCHEMA, "token": "t", "enterprise": "e", "host": "h", "source": "agent",
        "previous": "", "log_key": LOG_KEY.raw.hex(), "epoch": 0,
    }  # fmt: skip
    post = (
        b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.starproof.chunks\r\n"
        b"X-StarProof-Key: " + b"0" * 64 + b"\r\nContent-Length: 5"
    )
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
    prometheus = {
        "metric": {"instance": "a:9100"},
        "value": [1793462400.5, "0.25"],
        "values": [[1, "2"], [3, "4"]],
    }
    csv = b"host,timestamp,metric,value,period_s\nweb-1,2026-10-01T00:00:00,cpu.utilization,12.5,300\n"
    ledger = "类别,日期,金额,说明\n云资源,2026-01-05,1000.50,x\n"
    multipart = (
        b'multipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\nhost\r\n--x--\r\n"
    )
    return {
        "head": [post, chunked, b"GET / HTTP/1.1\r\nHost: x\r\nAccept: */*"],
        "enrol": [_json(body), _json({"token": "t", "host": "web-1", "source": "agent"}), signed.record],
        "batch": [frame, frame + frame],
        "answer": [_json(document) for document in answers],
        "files": [
            spool + spool_file.write_tail(1, "0" * 64),
            spool_file.write_receipt_head(spool_file.ReceiptHead(**whose)),
            _json(offer),
        ],
        "upstream": [_json(document) for document in answers],
        "source": [_json(prometheus), b"[1.5, 2e3, null]"],
        "imported": [csv],
        "ledger_csv": [ledger.encode(), ledger.encode("gb18030")],
        "ledger_xlsx": [_workbook()],
        "form": [multipart, b"application/x-www-form-urlencoded\na=1&b=%E4%B8%AD&csrf=x"],
    }


def _workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["类别", "日期", "金额"])
    book.active.append(["云资源", "2026-01-05", 1000.5])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
