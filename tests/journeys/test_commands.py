"""The command line as a contract: real processes, exit statuses, one JSON document, one line of error."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from packs import ARCHIVE, LOG_KEY, SCOPED, packed, write_mail
from processes import ROOT, collector, enrolled_agent, environment, starproof, starproof_json

COVERAGE = {"observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s", "share"}
SIX = [
    "it_cost_reduction", "monthly_user_rate", "cpu_utilization", "bandwidth_utilization", "daily_reads_writes",
    "cloud_investment",
]  # fmt: skip


def db_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'starproof.db'}"


def write_csv(
    path: Path, rows: list[tuple[object, ...]], header: str = "host,timestamp,metric,value"
) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(rows)
    return path


def october(folder: Path, *, busy: str = "12.5") -> str:
    """A store with every five minutes of October 2026 (UTC) of one host; returns its URL."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        ("web-1", (start + timedelta(minutes=5 * n)).isoformat(), "cpu.utilization", busy)
        for n in range(31 * 288)
    ]
    file = write_csv(folder / "october.csv", rows)
    starproof("import", "csv", file, "--db", db_in(folder), "--period", "300")
    return db_in(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return october(tmp_path_factory.mktemp("october"))


def test_verify_prints_one_document_of_the_agreed_shape(store: str) -> None:
    answer = starproof_json("verify", "--month", "2026-10", "--timezone", "UTC", "--db", store)
    parts = {"schema", "figures", "comparisons", "comparison_notes", "verdict"}
    assert (answer["schema"], set(answer)) == ("starproof/verify/1", parts)
    assert (answer["comparisons"], answer["comparison_notes"]) == ([], [])
    document, verdict = answer["figures"], answer["verdict"]
    assert (verdict["schema"], verdict["star"]) == ("starproof/verdict/1", None)
    assert document["schema"] == "starproof/figures/1"
    assert (document["month"], document["timezone"]) == ("2026-10", "UTC")
    assert set(document["edition"]) == {"id", "sha256"}
    assert (document["scope_sha256"], document["scope_given"]) == (None, "no")
    assert [indicator["id"] for indicator in document["indicators"]] == SIX
    for indicator in document["indicators"]:
        assert {"definition", "unit", "value", "low", "high"} <= indicator.keys()
        assert set(indicator["coverage"]) == COVERAGE
        assert set(indicator["verdicts"]) == {"3", "4", "5"}
    cpu = document["indicators"][2]
    assert Fraction(cpu["value"]) == Fraction(cpu["low"]) == Fraction(cpu["high"]) == Fraction("12.5")
    assert cpu["verdicts"] == {"3": "PASS", "4": "PASS", "5": "FAIL"}
    [host] = cpu["hosts"]
    assert {"host", "value", "low", "high", "coverage"} <= host.keys()
    assert host["coverage"]["observed_s"] == 31 * 86_400
    assert sum(host["coverage"][name] for name in COVERAGE - {"share"}) == 31 * 86_400


def test_without_a_zone_the_month_is_shanghais(store: str) -> None:
    document = starproof_json("verify", "--month", "2026-10", "--db", store)["figures"]
    assert document["timezone"] == "Asia/Shanghai"
    seconds = document["indicators"][2]["hosts"][0]["coverage"]
    assert (seconds["observed_s"], seconds["missing_s"]) == (31 * 86_400 - 8 * 3600, 8 * 3600)


def test_the_table_for_people_fits_eighty_columns(store: str) -> None:
    text = starproof("verify", "--month", "2026-10", "--db", store, COLUMNS="80").stdout
    assert "业务主机平均CPU利用率" in text
    assert "达标 PASS" in text


def test_audit_finds_a_changed_day_sum(tmp_path: Path) -> None:
    db = october(tmp_path)
    report = starproof_json("audit", "--db", db)
    assert (report["findings"], report["chunks"] > 0) == ([], True)
    assert starproof_json("audit", "--month", "2026-10", "--db", db)["findings"] == []
    with sqlite3.connect(tmp_path / "starproof.db") as connection:
        connection.execute(
            "UPDATE day_sum SET amount_lo = amount_lo + 1 WHERE day = (SELECT min(day) FROM day_sum)"
        )
    connection.close()
    [finding] = starproof_json("audit", "--db", db, code=1)["findings"]
    assert (finding["code"], finding["host"]) == ("DAY_SUM_DIFFERS", "web-1")
    starproof("pack", "--month", "2026-10", "--db", db, "--out", tmp_path / "x.zip", code=1)
    assert not (tmp_path / "x.zip").exists()


def test_a_day_sum_that_is_no_integer_stops_the_figures_and_is_named_by_the_audit(tmp_path: Path) -> None:
    db = october(tmp_path)
    with sqlite3.connect(tmp_path / "starproof.db") as connection:
        connection.execute("UPDATE day_sum SET whole = 1e19 WHERE day = (SELECT min(day) FROM day_sum)")
    connection.close()
    for command in (("verify",), ("pack", "--out", tmp_path / "x.zip")):
        failed = starproof(*command, "--month", "2026-10", "--db", db, code=1)
        assert "is no integer" in failed.stderr
        assert "cpu.utilization" in failed.stderr
        assert "run: starproof audit" in failed.stderr
    [finding] = starproof_json("audit", "--db", db, code=1)["findings"]
    assert (finding["code"], finding["got"]) == ("DAY_SUM_DIFFERS", "whole=-1")


def test_a_pack_of_an_imported_month_is_incomplete_and_a_changed_one_fails(
    store: str, tmp_path: Path
) -> None:
    pack = tmp_path / "october.zip"
    answer = starproof_json("pack", "--month", "2026-10", "--timezone", "UTC", "--db", store, "--out", pack)
    assert (answer["hosts"], answer["bytes"]) == (1, pack.stat().st_size)
    log_key = Path(store.removeprefix("sqlite:///")).parent / "log.pub"
    report = starproof_json("check", pack, "--log-key", log_key, code=2)
    assert report["log_key"] == answer["log_key"]
    # The month was imported afterwards, without a scope, and is not closed: that alone is missing.
    incomplete = {f["code"] for f in report["findings"] if f["severity"] != "note"}
    never = {"LOG_DAY_MISSING", "DAY_NOT_ANCHORED", "SCOPE_NOT_ANCHORED"}
    assert incomplete == {"LOG_NOT_CLOSED", *never}
    starproof("log", "close", "--month", "2026-10", "--db", store)
    starproof(
        "pack", "--month", "2026-10", "--timezone", "UTC", "--db", store, "--out", tmp_path / "closed.zip"
    )
    closed = starproof_json("check", tmp_path / "closed.zip", "--log-key", log_key, code=2)
    assert {f["code"] for f in closed["findings"] if f["severity"] != "note"} == never
    assert report["figures"]["indicators"][2]["hosts"][0]["host"] == "web-1"
    assert starproof_json("check", pack, code=2)["verdict"] == "incomplete"
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(bytes(data))
    assert starproof_json("check", pack, "--log-key", log_key, code=1)["verdict"] == "fail"
    assert "不通过 FAIL" in starproof("check", pack, "--log-key", log_key, code=1).stdout


def test_check_needs_no_store_and_ordinary_tools_can_open_the_pack(tmp_path: Path) -> None:
    pack = tmp_path / "fleet.zip"
    pack.write_bytes(packed(ARCHIVE, SCOPED, made="2026-11-15"))  # before today, wherever this runs
    (tmp_path / "log.pub").write_text(LOG_KEY.public.raw.hex() + "\n")
    mail = write_mail(tmp_path / "mail", pack.read_bytes())
    starproof("check", pack, "--log-key", tmp_path / "log.pub", "--mailbox", mail)
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "open")
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run(["sha256sum", "--check", "--quiet", manifest], cwd=tmp_path / "open", check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("verify", "--month"),
        ("pack", "--month", "2026-10"),
        ("audit", "--what"),
        ("nonsense",),
        ("verify", "--month", "2026-13"),
        ("pack", "--month", "October", "--out", "x.zip"),
        ("verify", "--month", "2026-10", "--timezone", "Mars/Olympus"),
        (),
        ("demo", "--seconds", "0"),
        ("agent",),
        ("agent", "fly"),
        ("collector",),
        ("import",),
        ("scope",),
        ("scope", "declare"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    starproof(*arguments, code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--month", "2026-10", "--scope", "no-such-file.toml"),
        ("pack", "--month", "2026-10", "--out", "no/such/folder/x.zip"),
        ("verify", "--month", "2026-10", "--db", "sqlite:////no/such/folder/x.db"),
        ("verify", "--month", "2026-10", "--db", "nonsense"),
        ("import", "csv", "no-such-file.csv"),
        ("scope", "declare", "no-such-file.toml"),
        ("scope", "show", "3"),
        ("agent", "run", "--state", "/no/such/state"),
    ],
)
def test_an_error_is_one_clear_line_and_status_1(arguments: tuple[str, ...], store: str) -> None:
    takes_db = arguments[0] in ("verify", "pack", "scope") and "--db" not in arguments
    done = starproof(*arguments, *(("--db", store) if takes_db else ()), code=1)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_check_that_judged_nothing_is_one_clear_line_and_status_3() -> None:
    done = starproof("check", "no-such-file.zip", code=3)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--month", "2026-10"),
        ("audit",),
        ("pack", "--month", "2026-10", "--out", "x.zip"),
        ("scope", "list"),
        ("scope", "show"),
    ],
)
def test_reading_commands_neither_make_nor_change_a_database(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = starproof(*arguments, "--db", db_in(tmp_path / "new"), code=1)
    assert "there is no store at" in done.stderr
    assert list(tmp_path.iterdir()) == []
    foreign = tmp_path / "starproof.db"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE notes (x)")
    database.close()
    before = foreign.read_bytes()
    done = starproof(*arguments, "--db", db_in(tmp_path), code=1)
    assert "is not a store of the collector" in done.stderr
    assert foreign.read_bytes() == before
    assert list(tmp_path.iterdir()) == [foreign]


@pytest.mark.parametrize(
    "command",
    ["demo", "verify", "audit", "pack", "check", "import csv", "collector serve", "collector token",
     "scope declare", "scope list", "scope show", "agent sample", "agent enroll", "agent run", "agent status"],
)  # fmt: skip
def test_help_shows_an_example(command: str) -> None:
    text = starproof(*command.split(), "--help").stdout
    assert "example" in text
    assert f"starproof {command}" in text


def test_the_agent_alias_imports_nothing_of_the_rest() -> None:
    code = (
        "import sys, agent.cli; agent.cli.main(['sample', '--json']); "
        "bad = {m.split('.')[0] for m in sys.modules} & "
        "{'collector', 'verifier', 'starproof', 'config', 'sqlalchemy', 'starlette', 'rich', 'numpy', 'psutil'}; "
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout)["values"]


@pytest.mark.slow
def test_the_demonstration_is_checked_and_shows_the_tampered_copy_failing(tmp_path: Path) -> None:
    text = starproof("demo", "--dir", tmp_path / "demo", "--seconds", "8").stdout
    first = min(text.find(word) % len(text) for word in ("通过 PASS", "不完整 INCOMPLETE"))
    assert first < text.index("不通过 FAIL")
    assert "CHUNK" in text
    again = starproof("demo", "--dir", tmp_path / "demo", "--seconds", "8", code=1)
    assert "not empty" in again.stderr


@pytest.mark.slow
def test_a_stopped_agent_bridges_and_a_conflicting_copy_is_refused(tmp_path: Path) -> None:
    """An agent that was stopped for a while loses nothing of the boot; the collector knows what it has."""
    with collector(tmp_path) as (_, url, db):
        agent = enrolled_agent(tmp_path, url, db, "bridge-1", interval=1, seal=2)
        agent.start()
        agent.wait_for(r"event=sealed seq=1")
        assert agent.stop() == 0
        time.sleep(6)
        mark = len(agent.text())
        agent.start()
        agent.wait_for(r"event=sealed", start=mark)
        assert agent.stop() == 0
        month = (datetime.now(UTC) + timedelta(hours=8)).strftime("%Y-%m")
        document = starproof_json("verify", "--month", month, "--db", db)["figures"]
        [host] = document["indicators"][2]["hosts"]
        assert host["coverage"]["bridged_s"] >= 5
        assert host["coverage"]["downtime_s"] == 0
        status = starproof_json("agent", "status", "--state", tmp_path / "bridge-1")
        assert isinstance(status, dict)
