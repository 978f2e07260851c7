"""Packs of a small fleet, and what somebody could do to them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from fleet import Enrolled, Fleet, MemoryArchive, instant
from memory_log import MemoryLog, honest_log

from config import EDITIONS
from evidence import checkpoint, columns
from evidence.chunk import Frame, parse_header, write_frame
from evidence.dsse import CHUNK_TYPE, STATEMENT_TYPE
from evidence.errors import EvidenceError, MalformedError
from evidence.keys import PrivateKey
from evidence.log_entry import decode_all
from evidence.stored import PackedReceipt
from verifier import chunk_entry, layout
from verifier.anchors.interface import Outside
from verifier.check import CheckReport, check
from verifier.chunk_group import GroupedFrame
from verifier.container import Container, ContainerError, Writer
from verifier.declaration import declared_versions, next_record
from verifier.declaration import parse as parse_declaration
from verifier.derivation import Declared, Documents
from verifier.edition_file import parse_edition
from verifier.log_entries import read_base
from verifier.pack import Renderer, Rules, no_copies, write_pack
from verifier.ports import Log
from verifier.profile_file import parse_profile
from verifier.statement import Statement, parse

LOG_KEY = PrivateKey.from_seed(b"log key of the test collector!!!")
OTHER = PrivateKey.from_seed(b"a key that belongs to no one!!!!")
MONTH = "2026-11"
SCOPE = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-11-01
to = 2026-11-30
[[hosts]]
id = "web-1"
bandwidth_mbps = 100
[[hosts]]
id = "db-1"
bandwidth_mbps = 10
""".encode()


EDITION = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()
DECLARED_MS = instant("2026-10-20")
RULES = Rules(Declared(parse_edition(EDITION)), EDITION)


def declared_scope(*texts: bytes, before_ms: int = DECLARED_MS) -> Rules:
    """Rules under the last of these scopes, declared one after another, a second apart."""
    records: list[tuple[bytes, bytes]] = []
    for number, text in enumerate(texts):
        record = next_record(records, text, enterprise="示例企业", declared_ms=before_ms + number * 1_000)
        records.append((record, text))
    versions = declared_versions(records)
    return Rules(Declared(parse_edition(EDITION), versions[-1].scope, versions), EDITION, texts[-1], records)


SCOPED = declared_scope(SCOPE)
TRUSTED = {"jiangsu-2018-trial": layout.sha256(EDITION)}


CONTRACT = "示例合同".encode()
PROFILE = f"""
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "3"
region = "苏州"
cloud_form = "public"
it_service_enterprise = false
[applicant]
name = "示例企业"
[[documents]]
id = "contract"
title = "合同"
file = "contract.txt"
sha256 = "{layout.sha256(CONTRACT)}"
attachment = "public_cloud_contract"
[rows.compute]
documents = ["contract"]
[rows.erp]
documents = ["contract"]
[figures.cloud_investment]
value = "6.5"
documents = ["contract"]
""".encode()


def with_profile(rules: Rules, text: bytes = PROFILE) -> Rules:
    """The same rules with a profile and its one document."""
    profile = parse_profile(text, rules.declared.edition)
    return replace(
        rules,
        declared=replace(rules.declared, profile=profile),
        profile_bytes=text,
        documents={layout.sha256(CONTRACT): CONTRACT},
    )


def some_copies(_: Documents) -> dict[str, bytes]:
    """Stands for what is rendered for people."""
    return {layout.FORM: b"form", layout.REPORT_HTML: b"pages"}


def small_fleet() -> Fleet:
    fleet = Fleet()
    web = fleet.agent("web-1", start="2026-11-03")
    web.run(hours=30, busy=30, rx=9_000, tx=400, reads=3, writes=2).seal()
    web.run(hours=5, seen=False).run(hours=2).reboot(down_s=7_200)
    web.run(hours=20, busy=5).seal().run(hours=20, busy=10)
    fleet.agent("db-1", start="2026-10-31").run(hours=60, busy=12, reads=100)
    fleet.agent("idle-1", start="2026-11-05").run(hours=3, busy=1)
    return fleet


def logged(
    archive: MemoryArchive,
    rules: Rules = RULES,
    key: PrivateKey = LOG_KEY,
    *,
    made: str = "2026-12-01",
    names_scopes: bool = True,
) -> MemoryLog:
    """The log that an honest collector would have kept."""
    records = [record for record, _ in rules.scope_records]
    return honest_log(
        archive,
        key=key,
        month=MONTH,
        made_ms=instant(made),
        scopes=[(parse_declaration(record).declared_ms, record) for record in records],
        edition=rules.edition_bytes,
        names_scopes=names_scopes,
    )


def packed(
    archive: MemoryArchive,
    rules: Rules = RULES,
    key: PrivateKey = LOG_KEY,
    *,
    made: str = "2026-12-01",
    render: Renderer = no_copies,
    log: Log | None = None,
    receipts: Iterable[PackedReceipt] = (),
) -> bytes:
    """The pack of an honest collector's store, unless another ``log`` is handed in."""
    stream = io.BytesIO()
    write_pack(
        stream,
        archive,
        month=MONTH,
        rules=rules,
        zone=None,
        log_key=key,
        made_ms=instant(made),
        render=render,
        log=log or logged(archive, rules, key, made=made),
        receipts=receipts,
    )
    return stream.getvalue()


ARCHIVE = small_fleet().archive()
PACK = packed(ARCHIVE)
SCOPED_PACK = packed(ARCHIVE, SCOPED)
FULL = with_profile(SCOPED)
FULL_PACK = packed(ARCHIVE, FULL, render=some_copies)


def checked(
    data: bytes,
    *,
    key: PrivateKey | None = LOG_KEY,
    editions: Mapping[str, str] = TRUSTED,
    outside: Outside | None = None,
) -> CheckReport:
    """The check by a reviewer whose mailbox got every checkpoint that the pack has, unless told otherwise."""
    given = mailbox_of(data) if outside is None else outside
    return check(io.BytesIO(data), log_key=key.public if key else None, editions=editions, outside=given)


def mailbox_of(data: bytes) -> Outside:
    """What the authority got by mail, ten seconds after the last leaf of each checkpoint."""
    try:
        entries = contents(data)
        leaves = decode_all(entries[layout.LOG_LEAVES])
        base = read_base(entries[layout.LOG_BASE]).frontier.size
        notes = checkpoint.separate(entries[layout.LOG_CHECKPOINTS])
        sizes = [int(note.split(b"\n")[1]) for note in notes]
    except (KeyError, ValueError, EvidenceError, ContainerError):  # bent by a test
        return Outside()
    mail = []
    for note, size in zip(notes, sizes, strict=True):
        covered = size - base
        if 0 < covered <= len(leaves):
            when = datetime.fromtimestamp(leaves[covered - 1].arrival_ms / 1_000 + 10, timezone.utc)
            mail.append(("authority", f"Received: by mx; {when:%d %b %Y %H:%M:%S +0000}\n\n".encode() + note))
    return Outside(mail=mail)


def write_mail(folder: Path, data: bytes) -> Path:
    """The same messages as files of a mailbox; returns its folder."""
    folder.mkdir(exist_ok=True)
    for number, (_, raw) in enumerate(mailbox_of(data).mail):
        (folder / f"{layout.sha256(data)[:8]}-{number}.eml").write_bytes(raw)
    return folder


def codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings}


def contents(data: bytes) -> dict[str, bytes]:
    opened = Container(io.BytesIO(data))
    return {name: opened.read(name) for name in opened.entries}


def written(entries: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream)
    for name in sorted(entries):
        writer.add(name, entries[name])
    writer.close()
    return stream.getvalue()


def hashes(entries: Mapping[str, bytes]) -> dict[str, str]:
    return {name: layout.sha256(body) for name, body in entries.items()}


def resigned(
    entries: dict[str, bytes],
    key: PrivateKey = LOG_KEY,
    change: Callable[[Statement], Statement] = lambda s: s,
) -> bytes:
    """What somebody who holds a log key can do: mend every manifest and sign again."""
    entries[layout.MANIFEST] = layout.payload_manifest(hashes(entries))
    statement = change(
        replace(parse(entries[layout.STATEMENT]), manifest=layout.sha256(entries[layout.MANIFEST]))
    )
    entries[layout.STATEMENT] = statement.encode()
    entries[layout.SIGNATURE] = key.sign(STATEMENT_TYPE, statement.encode())
    entries[layout.TAG_MANIFEST] = layout.tag_manifest(hashes(entries))
    return written(entries)


def chunk_names(entries: Mapping[str, bytes]) -> list[str]:
    return [name for name in sorted(entries) if layout.chunks_place(name)]


def frames(data: bytes) -> list[bytes]:
    """The chunks of an entry as their hosts sealed them; those of groups are signed again."""
    return [whole_frame(item) for item in chunk_entry.items(data)]


def whole_frame(item: chunk_entry.Item) -> bytes:
    frame = item.frame
    if frame is None:
        raise MalformedError(item.error)
    if not isinstance(frame, GroupedFrame):
        return write_frame(frame)
    header = parse_header(frame.header)
    signature = frame.signature
    if not signature:
        keys = (Enrolled.key_of(header.host, header.source, epoch) for epoch in range(9))
        signature = next(key for key in keys if key.public.id == header.key).sign(CHUNK_TYPE, frame.header)
    packed = columns.pack(frame.raw, rows=header.rows)
    return write_frame(
        Frame(frame.key, signature, frame.header, frame.manifest, frame.manifest_bytes, packed)
    )
