"""The layout of a pack: which entries there are and how their small text files look.

BagIt (RFC 8493) names and manifests, so that ``sha256sum -c manifest-sha256.txt`` works in the
unpacked folder. What BagIt leaves open is closed here: exactly these entries, nothing else.

    bag-info.txt  bagit.txt                 fixed text, and what the bag is about
    data/anchors/<size>/<alias>.<suffix>    receipts of anchors (``verifier.anchors``)
    data/chunks/<place>/<source>-<epoch>/<day>.chunks   frames, one after another; ``place`` numbers the host
    data/day-sums.csv                       derived, recomputed by every check
    data/documents/<SHA-256>                what proves the profile, named by its hash
    data/edition.toml  data/scope.toml      the rules, byte for byte as they were used
    data/enrolments.json                    who may sign for which host
    data/figures.json  data/verdict.json  data/report.json   derived, recomputed by every check
    data/form.docx  data/report.html  data/report.pdf        copies for reading
    data/ledger.json                        payments and costs, from which figures are recomputed
    data/hosts.json                         which host has which place
    data/log-key.txt                        for orientation; check takes the key from elsewhere
    data/log/…                              leaves, checkpoints, marks and closes (``verifier.log_entries``)
    data/profile.toml                       what the enterprise declares about itself
    data/readme.txt                         for the reader who has only the file
    data/scopes.json                        every declared version of the scope, with its date
    manifest-sha256.txt                     every file under data/
    statement.json  statement.sig           what the collector's log key signs
    tagmanifest-sha256.txt                  every file that is not under data/
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from evidence import canonical, fields
from evidence.enrolment import MAX_RECORD_BYTES, SignedEnrolment
from evidence.sources import NAME_PATTERN
from evidence.stored import DaySumRow
from verifier.errors import PackError

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD = "data/"
BAG_INFO = "bag-info.txt"
BAGIT_TXT = "bagit.txt"
DAY_SUMS = "data/day-sums.csv"
EDITION = "data/edition.toml"
ENROLMENTS = "data/enrolments.json"
FIGURES = "data/figures.json"
HOSTS = "data/hosts.json"
LEDGER = "data/ledger.json"
LOG_KEY = "data/log-key.txt"
LOG_BASE = "data/log/base.json"
LOG_CHECKPOINTS = "data/log/checkpoints.txt"
LOG_CLOSE = "data/log/close.json"
LOG_DAY_MARKS = "data/log/day-marks.json"
LOG_LEAVES = "data/log/leaves.bin"
LOG_LEFT_OUT = "data/log/left-out.zlib"
PROFILE = "data/profile.toml"
README = "data/readme.txt"
REPORT = "data/report.json"
SCOPE = "data/scope.toml"
SCOPES = "data/scopes.json"
VERDICT = "data/verdict.json"
FORM = "data/form.docx"
REPORT_HTML = "data/report.html"
REPORT_PDF = "data/report.pdf"
MANIFEST = "manifest-sha256.txt"
STATEMENT = "statement.json"
SIGNATURE = "statement.sig"
TAG_MANIFEST = "tagmanifest-sha256.txt"

FIXED = frozenset(
    {BAG_INFO, BAGIT_TXT, DAY_SUMS, EDITION, ENROLMENTS, FIGURES, HOSTS, LOG_KEY, README}
    | {MANIFEST, REPORT, STATEMENT, SIGNATURE, TAG_MANIFEST, VERDICT}
)
READING_COPIES = (FORM, REPORT_HTML, REPORT_PDF)
"""Rendered for people; they depend on fonts and libraries, so a check does not recompute them."""
LOG = (LOG_BASE, LOG_CHECKPOINTS, LOG_CLOSE, LOG_DAY_MARKS, LOG_LEAVES, LOG_LEFT_OUT)
"""All of them or none: packs made before there was a log have none."""
OPTIONAL = frozenset({LEDGER, PROFILE, SCOPE, SCOPES, *LOG, *READING_COPIES})
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_HOSTS = 9_999
"""Places have four digits."""
MAX_ENROLMENTS = 100_000
DAY_SUM_FIELDS = (
    "amount", "whole", "observed_ms", "bridged_ms", "downtime_ms", "suspect_ms", "intervals", "restarts",
)  # fmt: skip

_CHUNKS = re.compile(
    rf"data/chunks/(\d{{4}})/({NAME_PATTERN})-(0|[1-9]\d{{0,5}})/(\d{{4}}-\d\d-\d\d)\.chunks\Z", re.ASCII
)
_DOCUMENT = re.compile(r"data/documents/([0-9a-f]{64})\Z", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z", re.ASCII)


def chunks_name(place: str, source: str, epoch: int, day: int) -> str:
    """Return the entry for the chunks whose claims begin on this UTC day (an ordinal)."""
    return f"data/chunks/{place}/{source}-{epoch}/{date.fromordinal(day).isoformat()}.chunks"


def chunks_place(name: str) -> tuple[str, str, int, str] | None:
    """Return (place, source, epoch, ISO day) of a chunk entry's name, ``None`` for other names."""
    match = _CHUNKS.match(name)
    return (match[1], match[2], int(match[3]), match[4]) if match else None


def document_name(sha256_hex: str) -> str:
    """Return the entry for a document of the profile, named by its hash."""
    return f"data/documents/{sha256_hex}"


def document_hash(name: str) -> str | None:
    """Return the hash that an entry under data/documents/ is named by, ``None`` for other names."""
    match = _DOCUMENT.match(name)
    return match[1] if match else None


def bag_info(enterprise: str, month: str) -> bytes:
    """Return the bag's description."""
    return (
        f"Source-Organization: {enterprise}\n"
        f"External-Description: StarProof evidence pack for {month}\n"
        "Bag-Software-Agent: StarProof\n"
    ).encode()


def payload_manifest(hashes: Mapping[str, str]) -> bytes:
    """Return the BagIt manifest of what lies under data/: SHA-256 by name, as ``sha256sum`` reads it."""
    return _manifest({name: value for name, value in hashes.items() if name.startswith(PAYLOAD)})


def tag_manifest(hashes: Mapping[str, str]) -> bytes:
    """Return the BagIt manifest of everything else but itself."""
    outside = {name: value for name, value in hashes.items() if not name.startswith(PAYLOAD)}
    return _manifest({name: value for name, value in outside.items() if name != TAG_MANIFEST})


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data``, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def hosts_document(places: Mapping[str, str]) -> bytes:
    """Return the entry that says which host has which place."""
    hosts = [{"host": host, "place": place} for host, place in sorted(places.items())]
    return canonical.encode({"schema": "starproof/hosts/1", "hosts": hosts})


def read_hosts(data: bytes) -> dict[str, str]:
    """Return host by place.

    Raises:
        EvidenceError: not such a document.
        PackError: a host or a place stands twice.
    """
    document = canonical.decode(data, limit=MAX_JSON_BYTES)
    fields.require_keys(document, ("schema", "hosts"), where=HOSTS)
    fields.choice(document, "schema", ("starproof/hosts/1",), where=HOSTS)
    places: dict[str, str] = {}
    for entry in fields.objects(document, "hosts", where=HOSTS, most=MAX_HOSTS):
        fields.require_keys(entry, ("host", "place"), where=HOSTS)
        host, place = fields.text(entry, "host", where=HOSTS), fields.text(entry, "place", where=HOSTS)
        places[place] = host
    if data != hosts_document({host: place for place, host in places.items()}):
        raise PackError(f"{HOSTS}: a host or a place stands twice")
    if sorted(places) != [f"{number:04}" for number in range(1, len(places) + 1)]:
        raise PackError(f"{HOSTS}: the places are not 0001, 0002, …")
    return places


def enrolments_document(enrolments: Sequence[SignedEnrolment]) -> bytes:
    """Return the entry with all enrolment records and their signatures."""
    entries = [
        {
            "record": base64.b64encode(signed.record).decode(),
            "signature": base64.b64encode(signed.signature).decode(),
            "previous_signature": base64.b64encode(signed.previous_signature).decode(),
        }
        for signed in enrolments
    ]
    return canonical.encode({"schema": "starproof/enrolments/1", "enrolments": entries})


def read_enrolments(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return (record, signature, signature by the key before) of every enrolment; nothing is verified.

    Raises:
        EvidenceError: not such a document.
        PackError: a field is not base64.
    """
    document = canonical.decode(data, limit=MAX_JSON_BYTES)
    fields.require_keys(document, ("schema", "enrolments"), where=ENROLMENTS)
    fields.choice(document, "schema", ("starproof/enrolments/1",), where=ENROLMENTS)
    keys = ("record", "signature", "previous_signature")
    result = []
    for entry in fields.objects(document, "enrolments", where=ENROLMENTS, most=MAX_ENROLMENTS):
        fields.require_keys(entry, keys, where=ENROLMENTS)
        record, signature, previous = (_base64(entry, key) for key in keys)
        result.append((record, signature, previous))
    return result


def day_sums_csv(rows: Iterable[DaySumRow]) -> bytes:
    """Return day sums as CSV, sorted by host, source, metric and day: one form for one content."""
    lines = [",".join(("host", "source", "metric", "day", *DAY_SUM_FIELDS))]
    for row in sorted(rows, key=lambda r: (r.host, r.source, r.metric, r.day)):
        numbers = (str(getattr(row.sums, name)) for name in DAY_SUM_FIELDS)
        day = date.fromordinal(row.day).isoformat()
        lines.append(",".join((_quoted(row.host), row.source, row.metric, day, *numbers)))
    return ("\n".join(lines) + "\n").encode()


def _manifest(hashes: Mapping[str, str]) -> bytes:
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode("ascii")


def _quoted(host: str) -> str:
    """RFC 4180: a field with a comma or a quote is quoted, its quotes doubled."""
    return '"' + host.replace('"', '""') + '"' if set(host) & {",", '"'} else host


def _base64(entry: Mapping[str, Any], key: str) -> bytes:
    text = fields.text(entry, key, where=ENROLMENTS, longest=2 * MAX_RECORD_BYTES)
    if not _BASE64.match(text) or len(text) % 4:
        raise PackError(f"{ENROLMENTS}: {key} is not base64")
    data = base64.b64decode(text)
    if base64.b64encode(data).decode() != text:
        raise PackError(f"{ENROLMENTS}: {key} is not base64 in its one form")
    return data
