"""The second verifier by itself: its arithmetic, its copies of tables, its command line, old Pythons."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nacl.bindings
import nacl.exceptions
import pytest
from fleet import instant
from packs import (
    ARCHIVE,
    CONTRACT,
    LOG_KEY,
    PACK,
    SCOPED,
    SCOPED_PACK,
    TRUSTED,
    checked,
    mailbox_of,
    packed,
    with_profile,
    write_mail,
)
from standalone import FILE, alone, checked_alone, disagreement

from config import EDITIONS
from evidence import manifest
from starproof.cli import NOT_RUN
from starproof.commands import check as command
from verifier import definitions, layout, margins, notes, reconciliation, toml_text
from verifier.anchors import mailbox
from verifier.anchors.mailbox import notes_of
from verifier.check import EXIT_CODES, check
from verifier.contradictions import link
from verifier.derivation import Declared
from verifier.edition import Star
from verifier.edition_file import parse_edition
from verifier.finding import CATALOGUE
from verifier.instants import legible, to_the_minute, zone_of
from verifier.pack import Rules
from verifier.pack_readme import readme
from verifier.questions.catalogue import DEFINITIONS as QUESTIONS
from verifier.steps import AUDIT_ONLY, step_of

SOURCE = FILE.read_text("utf-8")
FORM = """
schema = "starproof/profile/1"
edition = "jiangsu-2018-trial"
star = "4"
region = "苏州"
cloud_form = "public"
it_service_enterprise = true
applicant = { name = "示例企业" }
"""
DOCUMENT = f"""
[[documents]]
id = "contract"
title = "合同"
file = "contract.txt"
sha256 = "{layout.sha256(CONTRACT)}"
"""
ORDER = 2**252 + 27742317777372353535851937790883648493

# Its copies of our tables


def test_its_codes_steps_severities_and_sentences_are_those_of_check() -> None:
    ours = {code: (step_of(code), *told) for code, told in CATALOGUE.items() if code not in AUDIT_ONLY}
    assert ours == alone.CATALOGUE


def test_it_trusts_the_editions_that_ship() -> None:
    shipped = {
        entry.name.removesuffix(".toml"): hashlib.sha256(entry.read_bytes()).hexdigest()
        for entry in EDITIONS.iterdir()
        if entry.name.endswith(".toml")
    }
    assert shipped == alone.TRUSTED_EDITIONS


def test_its_units_and_its_readme_are_ours() -> None:
    assert manifest.UNITS == alone.UNITS
    assert alone.README.format(enterprise="示例 {month}", month="2026-11") == readme(
        "示例 {month}", "2026-11"
    )


def test_its_words_are_ours() -> None:
    known = {one.id: (one.zh, one.en) for one in definitions.DEFINITIONS.values()}
    declared = {definitions.DECLARED_FIGURE: definitions._DECLARED_WORDS}
    assert {**known, **declared} == alone.DEFINITION_WORDS
    assert (notes.TEXTS, reconciliation.TEXTS) == (alone.NOTE_WORDS, alone.GAP_WORDS)
    assert {
        one.id: (one.zh, one.en, one.ask_zh, one.ask_en, one.innocent_zh, one.innocent_en)
        for one in QUESTIONS
    } == alone.QUESTION_WORDS
    assert {
        one.id: tuple((rate.data, rate.asked, rate.of) for rate in one.rates) for one in QUESTIONS
    } == alone._RATES
    assert margins.FORMS == alone.FORM_WORDS


STAR = Star("4", "四星{x}", "four stars", ("public", "hybrid"), "市", "the city")
NAMES = ("名", "name {0}")


@pytest.mark.parametrize("unit", ["%", "次/day", "万元", "台", "人", "项", "kg"])
def test_its_sentences_of_numbers_are_ours(unit: str) -> None:
    by, name = margins.scale(unit, None, ()), margins.Sentence(*NAMES)
    of, short = alone.of_unit, alone.short_by("1.5", unit)
    needed, value, low, high = of("30", unit), of("2", unit), of("1", unit), of("9", unit)
    most = (f"至多 {high[0]}", f"at most {high[1]}")
    no_most = ("上限未知", "no upper bound is known")
    ours = [
        margins.measured_below(name, STAR, "30", value="2", short="1.5", by=by),
        margins.measured_open(name, STAR, "30", value="2", low="1", high="9", short="1.5", by=by),
        margins.measured_open(name, STAR, "30", value="2", low="1", high=None, short="1.5", by=by),
        margins.not_measured(name, STAR, "30", by=by),
        margins.undecided(name, STAR, "30", by=by),
        margins.not_declared(name, STAR, "30", by=by),
        margins.undocumented_figure(name, STAR, "30", value="2", by=by),
    ]
    theirs = [
        ("below", {"value": value, "needed": needed, "short": short}),
        ("open", {"value": value, "low": low, "high": most, "needed": needed, "short": short}),
        ("open", {"value": value, "low": low, "high": no_most, "needed": needed, "short": short}),
        ("no data", {"needed": needed}),
        ("undecided", {"needed": needed}),
        ("not declared", {"needed": needed}),
        ("unproved figure", {"value": value, "needed": needed}),
    ]
    star = (STAR.name_zh, STAR.name_en)
    assert [alone.sentence(kind, NAMES, star, **said) for kind, said in theirs] == [
        (one.zh, one.en) for one in ours
    ]


PROFILES = {
    "nothing declared": None,
    "another form of cloud": FORM.replace('"public"', '"private"'),
    "no contract": FORM,
    "one tick, no document": FORM + "[rows.erp]\n[rows.compute]\n",
    "ticks with some documents": FORM
    + DOCUMENT
    + "[rows.erp]\ndocuments = ['contract']\n[rows.compute]\n[rows.storage]\n",
    "a figure without a document": FORM + "[figures.cloud_investment]\nvalue = '60'\n",
    "a figure that is too low": FORM + "[figures.cloud_investment]\nvalue = '0.00001'\n",
}


@pytest.mark.parametrize("said", PROFILES)
def test_its_verdict_is_ours_word_for_word(said: str) -> None:
    text = PROFILES[said]
    data = packed(ARCHIVE, with_profile(SCOPED, text.encode()) if text else SCOPED)
    ours, theirs = (
        checked(data),
        checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, outside=mailbox_of(data)),
    )
    assert theirs.verdict == ours.report["verdict"]
    assert theirs.figures == ours.figures
    assert disagreement(ours, theirs) == ""


@pytest.mark.parametrize("name", ["yunmeng-2031", "yunmeng-2032"])
def test_its_verdict_under_an_edition_of_somebody_else_is_ours_word_for_word(name: str) -> None:
    text = (Path(__file__).parents[1] / "editions" / f"{name}.toml").read_bytes()
    data = packed(ARCHIVE, Rules(Declared(parse_edition(text)), text))
    ours, theirs = (
        checked(data),
        checked_alone(data, key=LOG_KEY.public, editions=TRUSTED, outside=mailbox_of(data)),
    )
    assert theirs.verdict == ours.report["verdict"]
    assert theirs.figures == ours.figures
    assert disagreement(ours, theirs) == ""


def bent(kind: str, number: int) -> str:
    """A text near to what a pattern takes, bent at some places; always the same for one number."""
    pick = random.Random(number)
    rare = [
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        ".",
        "é",
        "²",
        "_",
        '"',
        "-",
        ")",
        "=",
        "—",
        "0",
        "x" * pick.choice((1, 997, 998, 1_000)),
    ]
    sixteen, root = "0123456789abcdef", "A" * 42 + pick.choice("/+z") + "="
    signatures = [f"— name {'s' * pick.choice((1, 9, 992, 993))}"] * pick.choice((1, 2, 16, 17))
    text = {
        "notes": lambda: "\n".join([f"> starproof/{sixteen}", "17", root, "", *signatures, "", f"starproof/{sixteen}", "1", root, "", "— a b", ""]),
        "containers": lambda: "Content-Type: multipart/mixed; x\r\nCONTENT-TYPE:\r\n\tmessage/rfc822\ncontent-type:message/",
        "dotted": lambda: f"a b{' . '.join(['k-1', chr(34) + 'é_' + chr(34)] * pick.choice((24, 25, 26)))}. = 1",
        "driver": lambda: "(driver x (driver e1000-e_2) (driver é)",
    }[kind]()  # fmt: skip
    for _ in range(pick.choice((0, 1, 1, 2, 3))):
        at = pick.randrange(len(text))
        text = text[:at] + pick.choice(rare) + text[at + pick.choice((0, 1, 1, 5)) :]
    return text


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        ("notes", lambda text: notes_of(text.encode()), lambda text: alone.notes_of(text.encode())),
        ("containers", lambda t: len(mailbox._CONTAINER.findall(t.encode())), lambda t: alone._mail_containers(t.encode())),
        ("dotted", lambda text: bool(toml_text._DOTTED.search(text)), alone._is_deeply_dotted),
        ("driver", lambda text: (link.DRIVER.findall(text) or [""])[0], alone._driver),
    ],
)  # fmt: skip
def test_what_it_reads_by_hand_is_what_our_patterns_take(kind: str, ours: Any, theirs: Any) -> None:
    said = []
    for text in (bent(kind, number) for number in range(2_000)):
        said.append(ours(text))
        assert theirs(text) == said[-1], text
    assert any(one != said[0] for one in said)


# Its file


def test_it_imports_nothing_but_the_standard_library() -> None:
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= sys.stdlib_module_names
    assert not {"fcntl", "pwd", "resource", "subprocess", "socket", "urllib"} & names


def test_its_grammar_is_that_of_python_3_8() -> None:
    ast.parse(SOURCE, feature_version=(3, 8))
    young = {"removeprefix", "removesuffix", "bit_count", "randbytes", "pairwise", "cache", "is_relative_to"}
    used = {node.attr for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Attribute)}
    assert not young & used
    strict = [
        node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.keyword) and node.arg == "strict"
    ]
    assert strict == []


# Its arithmetic


def test_it_tests_itself_and_refuses_to_work_with_wrong_arithmetic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    alone.self_test()
    (tmp_path / "pack.zip").write_bytes(PACK)
    monkeypatch.setattr(alone, "ORDER", alone.ORDER + 2)
    assert alone.main([str(tmp_path / "pack.zip")]) == command.NOT_CHECKED
    assert "starproof_check: " in capsys.readouterr().err


def libsodium_says(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def test_signatures_are_judged_as_libsodium_judges_them() -> None:
    for number in range(6):
        public, secret = nacl.bindings.crypto_sign_seed_keypair(hashlib.sha256(bytes([number])).digest())
        message = bytes(range(number * 9))
        good = nacl.bindings.crypto_sign(message, secret)[:64]
        scalar = int.from_bytes(good[32:], "little")
        cases = [
            good,
            *(good[:at] + bytes([good[at] ^ 1 << number]) + good[at + 1 :] for at in (0, 31, 32, 63)),
            good[:32] + (scalar + ORDER).to_bytes(32, "little"),
            bytes(32) + good[32:],
            bytes([1]) + bytes(31) + good[32:],
            bytes([0xEE]) + b"\xff" * 30 + b"\x7f" + bytes(32),
        ]
        key = alone.Key(public)
        assert [key.signed(message, s) for s in cases] == [libsodium_says(public, message, s) for s in cases]


def test_keys_are_refused_as_libsodium_refuses_them() -> None:
    keys = [hashlib.sha256(bytes([number])).digest() for number in range(40)]
    keys += [bytes([1]) + bytes(31), bytes(32), bytes([0xEC]) + b"\xff" * 30 + b"\x7f", b"\xff" * 32]
    keys += [nacl.bindings.crypto_sign_seed_keypair(key)[0] for key in keys[:5]]
    for raw in keys:
        try:
            taken = bool(alone.Key(raw))
        except alone.Bad:
            taken = False
        assert taken == nacl.bindings.crypto_core_ed25519_is_valid_point(raw), raw.hex()


# Its command line


def run(*arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COVERAGE_PROCESS_START": ""}
    return subprocess.run(
        [python, "-I", str(FILE), *map(str, arguments)], capture_output=True, check=False, env=environment
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    (folder / "pack.zip").write_bytes(SCOPED_PACK)
    (folder / "log.pub").write_text(LOG_KEY.public.raw.hex() + "\n")
    write_mail(folder / "mail", SCOPED_PACK)
    return folder


def test_the_command_line_prints_both_languages_and_ends_with_the_status_of_check(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(alone.time, "time", lambda: instant("2027-01-01") / 1_000)
    monkeypatch.setattr(alone, "_use_utf8", lambda stream: stream)
    arguments = ["--log-key", str(files / "log.pub"), "--mailbox", str(files / "mail")]
    assert alone.main([str(files / "pack.zip"), *arguments]) == EXIT_CODES["pass"]
    text = capsys.readouterr().out
    assert "结论 outcome: 通过 PASS" in text
    assert "此处不判断 not judged here" in text
    assert alone.main([str(files / "pack.zip")]) == EXIT_CODES["incomplete"]
    (files / "cut.zip").write_bytes(SCOPED_PACK[:-1])
    assert alone.main([str(files / "cut.zip")]) == EXIT_CODES["fail"]
    assert "CONTAINER" in capsys.readouterr().out


def test_a_console_of_another_encoding_is_no_obstacle(files: Path) -> None:
    done = run(files / "pack.zip")
    assert done.returncode == EXIT_CODES["incomplete"], done.stderr
    assert "结论" in done.stdout.decode("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing.zip",),
        ("pack.zip", "--colour"),
        ("pack.zip", "--code", "1"),
        ("pack.zip", "--code", "1=MISTYPED@2026-11-01"),
        ("pack.zip", "--tsa-root", "pack.zip"),
        ("pack.zip", "--object", "pack.zip"),
        ("pack.zip", "--log-key", "pack.zip"),
        ("pack.zip", "--log-key", "public.key"),
        (),
    ],
)
def test_what_was_not_checked_has_a_status_that_no_outcome_has(
    files: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "public.key").write_text(LOG_KEY.public.raw.hex())
    given = [str(files / one) if one.endswith((".zip", ".key")) else one for one in arguments]
    for main in (alone.main, command.main):
        try:
            status = main(given)
        except SystemExit as ended:
            status = ended.code
        assert status == command.NOT_CHECKED
        assert capsys.readouterr().err
    assert command.NOT_CHECKED not in EXIT_CODES.values()
    assert NOT_RUN["check"] == command.NOT_CHECKED


@pytest.mark.parametrize("main", [alone.main, command.main], ids=["alone", "check"])
def test_a_key_that_is_refused_for_its_name_is_told_so(
    files: Path, main: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "public.key").write_text(LOG_KEY.public.raw.hex())
    assert main([str(files / "pack.zip"), "--log-key", str(files / "public.key")]) == command.NOT_CHECKED
    told = capsys.readouterr().err
    assert "is named .key, as private keys are" in told
    assert "does not hold" not in told


def test_both_read_the_key_as_editors_and_people_write_it(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = files / "log-of-an-editor.pub"
    key.write_text(f"\ufeff{LOG_KEY.public.raw.hex().upper()}\r\n")
    given = [str(files / "pack.zip"), "--log-key", str(key), "--json"]
    said = [
        (main(given), json.loads(capsys.readouterr().out)["verdict"]) for main in (alone.main, command.main)
    ]
    assert said[0] == said[1]
    assert said[0][0] != command.NOT_CHECKED


def test_its_json_has_the_findings_in_the_order_of_steps(files: Path) -> None:
    document = json.loads(run(files / "pack.zip", "--json").stdout)
    assert (document["verdict"], document["stars"]["schema"]) == ("incomplete", "starproof/verdict/1")
    steps = [finding["step"] for finding in document["findings"]]
    assert steps == sorted(steps)
    assert {"code", "host", "slot", "place", "expected", "got", "zh", "en"} <= document["findings"][0].keys()
    assert document["figures"]["indicators"]


def python_3_8() -> str | None:
    """An interpreter of the oldest version, if this machine has one."""
    for found in (
        shutil.which("python3.8"),
        *map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8")),
    ):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


def test_python_3_8_says_the_same(files: Path) -> None:
    python = python_3_8()
    if python is None:
        pytest.skip("there is no Python 3.8 on this machine")
    arguments = (files / "pack.zip", "--log-key", files / "log.pub", "--mailbox", files / "mail", "--json")
    told = []
    for interpreter in (python, sys.executable):
        document = json.loads(run(*arguments, python=interpreter).stdout)
        # whether this is found depends on the clock
        document["findings"] = [one for one in document["findings"] if one["code"] != "MADE_IN_FUTURE"]
        told.append(document)
    assert told[0] == told[1]
    assert told[0]["findings"] == []


INSTANTS = {
    "before 1793462400000 ms": "before 2026-11-01T00:00:00+08:00",
    "1793462400007 ms or later": "2026-11-01T00:00:00.007+08:00 or later",
    "says 1793462400000 ms; give the root, 5 ms": "says 2026-11-01T00:00:00+08:00; give the root, 5 ms",
    "a1793462400000 ms, 179346240000 ms, 1793462400000 msec": None,
}


def test_both_verifiers_show_people_instants_in_the_packs_zone() -> None:
    said = alone.check_pack(io.BytesIO(PACK), log_key=None).statement
    zone = zone_of(said.timezone)
    for text, shown in INSTANTS.items():
        assert legible(text, zone) == alone._dated(text, said) == (shown or text)
    assert legible("1793462400000 ms", zone_of("Nowhere/At_All")) == "2026-10-31T16:00:00+00:00"
    assert alone._dated("1793462400000 ms", None) == "2026-10-31T16:00:00+00:00"
    assert [to_the_minute(time_ms, zone) for time_ms in (None, 1793462400000)] == ["–", "2026-11-01 00:00"]


def test_a_pack_of_the_future_is_told_in_words_that_do_not_depend_on_the_clock() -> None:
    made_ms, told = instant("2026-12-01"), set()
    for before_ms in (3_600_000, 7_200_001):
        ours = check(io.BytesIO(PACK), log_key=None, editions=TRUSTED, now_ms=made_ms - before_ms).findings
        theirs = alone.check_pack(io.BytesIO(PACK), log_key=None, now_ms=made_ms - before_ms).findings
        told |= {(f.expected, f.got) for f in [*ours, *theirs] if f.code == "MADE_IN_FUTURE"}
    assert told == {("made before it is checked", f"{made_ms} ms")}


def test_a_zone_that_needs_a_database_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alone.Calendar("Asia/Shanghai").day_start(739_000) == alone.Calendar("PRC").day_start(739_000)
    with pytest.raises(alone.Bad):
        alone.Calendar("Asia/Nowhere")
    monkeypatch.setitem(sys.modules, "zoneinfo", None)
    with pytest.raises(alone.NotHere, match=r"3\.9"):
        alone.Calendar("Europe/London")


def test_fixed_zones_are_those_of_the_database() -> None:
    from evidence.calendar import LocalCalendar

    for zone in alone._FIXED_ZONES:
        ours, theirs = LocalCalendar(zone), alone.Calendar(zone)
        for day in range(730_120, 767_000, 97):
            assert ours.day_start(day) == theirs.day_start(day), zone
            assert theirs.day_of(ours.day_start(day) - 1) == day - 1


def test_every_signature_is_verified_when_that_is_asked() -> None:
    report = checked_alone(
        SCOPED_PACK,
        key=LOG_KEY.public,
        editions=TRUSTED,
        outside=mailbox_of(SCOPED_PACK),
        every_signature=True,
    )
    assert report.outcome == "pass"
