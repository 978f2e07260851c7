"""Attacks by what is in the file: other thresholds, hostile packs, personal data."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from attacker import signed_again
from drafts import activity_manifest
from fleet_simulator import DAY_MS, EVE, FIRST_MS, LAST_DAYS, Site, scope_of
from packs import EDITION, contents
from reviewer import Fork, Twin, attack, expect, figure, text_of
from table import Way

import agent
from evidence import canonical
from evidence.accounts import account_hash, key_id
from evidence.activity import rows
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from verifier import layout

Found = Callable[..., Site]
EASY = EDITION.replace(b'id = "jiangsu-2018-trial"', b'id = "jiangsu-2018-easy"')


def lowered(edition: bytes) -> bytes:
    """The same edition, whose five stars need a fifth of the processors, not a quarter."""
    changed = edition.replace(
        b'thresholds = { 3 = "5", 4 = "10", 5 = "25" }', b'thresholds = { 3 = "5", 4 = "10", 5 = "20" }'
    )
    assert changed != edition
    return changed


# Changed thresholds


@attack("changed-threshold", "in the edition")
def test_changed_threshold_in_the_edition(way: Way, honest: Twin) -> None:
    """The pack is consistent: its figures and verdict follow from the edition that it holds."""
    report = honest.site.reviewed(honest.site.pack(edition=lowered(EDITION)))
    expect(way, report, honest)
    assert figure(report, "cpu_utilization")["verdicts"]["5"] == "PASS"
    assert figure(honest.report, "cpu_utilization")["verdicts"]["5"] == "FAIL"


@attack("changed-threshold", "in an edition of another name")
def test_changed_threshold_under_another_name(way: Way, founded: Found, honest: Twin) -> None:
    scope = scope_of(["web-1", "db-1"]).replace(b"jiangsu-2018-trial", b"jiangsu-2018-easy")
    site = founded(stamped=False, scope=scope).begin().month(days=range(-2, 2))
    expect(way, site.reviewed(site.pack(edition=lowered(EASY))), honest)


@attack("changed-threshold", "in the figures")
def test_changed_averaging_in_the_figures(way: Way, honest: Twin) -> None:
    """The mean over the busiest host alone."""
    entries = contents(honest.pack)
    document = json.loads(entries[layout.FIGURES])
    cpu = next(one for one in document["indicators"] if one["id"] == "cpu_utilization")
    cpu["value"] = cpu["low"] = cpu["high"] = "31.0000000000000"
    entries[layout.FIGURES] = json.dumps(document, ensure_ascii=False).encode()
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


# Hostile packs


def zipped(build: Callable[[zipfile.ZipFile], object], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        build(archive)
    return stream.getvalue()


def link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("data/link")
    entry.external_attr = 0o120777 << 16
    archive.writestr(entry, "/etc/passwd")


def doubled(archive: zipfile.ZipFile) -> None:
    archive.writestr("bagit.txt", "one")
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("bagit.txt", "two")


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "a path that climbs out": lambda _: zipped(lambda z: z.writestr("../../home/.profile", "x")),
    "an absolute path": lambda _: zipped(lambda z: z.writestr("/etc/cron.d/x", "x")),
    "a link": lambda _: zipped(link),
    "a name twice": lambda _: zipped(doubled),
    "a bomb": lambda _: zipped(
        lambda z: z.writestr("data/zeros", bytes(64 * 1024 * 1024)), compression=zipfile.ZIP_DEFLATED
    ),
    "bytes behind the end": lambda pack: pack + b"#!/bin/sh\n",
    "bytes before the beginning": lambda pack: b"#!/bin/sh\n" + pack,
    "cut in the middle": lambda pack: pack[: len(pack) // 2],
    "another length than it says": lambda pack: pack[:22] + b"\xff\xff\xff\x7f" + pack[26:],
    "nothing": lambda _: b"",
}


@attack("hostile-pack", "another container")
@pytest.mark.parametrize("bend", CONTAINERS.values(), ids=CONTAINERS)
def test_hostile_pack_in_another_container(way: Way, bend: Callable[[bytes], bytes], honest: Twin) -> None:
    expect(way, honest.site.reviewed(bend(honest.pack)), honest)


@attack("hostile-pack", "a file too many")
@pytest.mark.parametrize("name", ["setup.py", "data/init.py", "data/chunks/0001/agent-0/run.sh"])
def test_hostile_pack_with_a_program(way: Way, name: str, honest: Twin) -> None:
    entries = contents(honest.pack)
    entries[name] = b"raise SystemExit"
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


DEEP = b'{"schema":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
CONTENT = {
    "nested without end": DEEP,
    "a number without end": b'{"schema":' + b"9" * 100_000 + b"}",
    "a name twice": b'{"schema":"a","schema":"b"}',
    "no text": b"\xff\xfe\x00",
    "not a number": b'{"schema":NaN}',
}


@attack("hostile-pack", "hostile content")
@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT)
def test_hostile_pack_with_hostile_content(way: Way, content: bytes, honest: Twin) -> None:
    entries = contents(honest.pack)
    entries[layout.ENROLMENTS] = entries[layout.SCOPES] = content
    expect(way, honest.site.reviewed(signed_again(entries)), honest)


@attack("hostile-pack", "escape sequences")
def test_hostile_pack_that_writes_to_the_terminal(way: Way, honest: Twin) -> None:
    entries = contents(honest.pack)
    document = json.loads(entries[layout.ENROLMENTS])
    entry = document["enrolments"][0]
    record = json.loads(base64.b64decode(entry["record"]))
    record["host"] = "\x1b[2J\x1b]0;PASS\x07[bold green]通过 PASS[/]\u202e"
    entry["record"] = base64.b64encode(json.dumps(record, ensure_ascii=False).encode()).decode()
    entries[layout.ENROLMENTS] = canonical.encode(document)
    report = honest.site.reviewed(signed_again(entries))
    expect(way, report, honest)
    assert not {"\x1b", "\x07", "\u202e"} & set(text_of(report))


# Personal data

PEOPLE = ("zhang.wei", "李娜", "wang.fang@example.com")
ACCOUNT_KEY = bytes(range(32))


@attack("personal-data", "account names")
def test_personal_data_of_accounts_stay_at_the_enterprise(
    way: Way, forked: Fork, honest: Twin, tmp_path: Path
) -> None:
    """Accounts are counted by keyed hashes; neither names nor the key reach the pack or the store."""
    site = forked()
    chain = site.enrol_source("web-1", "login-log")
    day = LocalCalendar("Asia/Shanghai").day_of(FIRST_MS + EVE * DAY_MS)
    counts = {(day, account_hash(ACCOUNT_KEY, name)): 1 for name in PEOPLE}
    (values,) = rows(counts, LocalCalendar("Asia/Shanghai"))
    made = activity_manifest(account_key=key_id(ACCOUNT_KEY))
    begin = FIRST_MS + EVE * DAY_MS
    chain.seal(made, values, start_ms=begin, end_ms=begin + DAY_MS, anchor=site.anchor)
    site.outbox += chain.stored
    site.month(days=LAST_DAYS)
    assert {status for status, _ in site.answers} == {"stored"}
    data = site.pack()
    report = site.reviewed(data)
    expect(way, report, honest)
    opened = open_chunk(read_frame(chain.stored[0].frame), chain.key.public)
    kept = [data, repr(opened).encode(), (site.folder / "store.db").read_bytes()]
    kept += [path.read_bytes() for path in site.folder.glob("store.db-wal")]
    users = figure(report, "monthly_user_rate")
    assert len(opened.values[0]) == len(PEOPLE)
    assert users["definition"]
    for secret in (*(name.encode() for name in PEOPLE), ACCOUNT_KEY, ACCOUNT_KEY.hex().encode()):
        assert not any(secret in place for place in kept)
    assert account_hash(ACCOUNT_KEY, PEOPLE[0]) != account_hash(bytes(32), PEOPLE[0])


@attack("personal-data", "command lines")
def test_personal_data_of_command_lines_are_never_read(way: Way) -> None:
    """The agent names units; it opens no file that holds what a program was started with or what somebody typed."""
    assert not way.codes
    sources = [path for path in Path(agent.__file__).parent.rglob("*.py") if path.name != "__init__.py"]
    assert len(sources) > 20
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("cmdline", "_history")), path
