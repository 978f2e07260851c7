"""From a real MariaDB to the figure of a checked pack: reader, collector, pack, check."""

import json
import re
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from processes import Running, collector, starproof, starproof_json
from servers import PASSWORD

from evidence.chunk import open_chunk, read_frame
from evidence.keys import PublicKey

pytestmark = pytest.mark.slow
STATEMENTS = 300


def configured(folder: Path, mariadb) -> Path:
    password = folder / "orders.password"
    password.write_text(PASSWORD + "\n", encoding="utf-8")
    password.chmod(0o600)
    config = folder / "database.toml"
    config.write_text(
        f'interval_s = 1\nseal_s = 2\nstate = "{folder / "state"}"\n[[databases]]\nname = "orders"\n'
        f'product = "mysql"\nport = {mariadb.port}\nuser = "starproof"\npassword_file = "{password}"\n'
        "timeout_s = 5\n",
        encoding="utf-8",
    )
    return config


def load(mariadb, number: int) -> None:
    import pymysql

    with pymysql.connect(
        host="127.0.0.1", port=mariadb.port, user="shop", password=PASSWORD.encode(), database="shop",
        autocommit=True,
    ) as connection:  # fmt: skip
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS j (id INT AUTO_INCREMENT PRIMARY KEY, n INT)")
        for part in range(number):
            cursor.execute(f"INSERT INTO j (n) VALUES ({part})")
            cursor.execute("SELECT count(*) FROM j")


def amount(db: Path) -> dict[str, int]:
    import sqlite3

    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as store:
        rows = store.execute(
            "select metric, sum(amount_lo), sum(observed_ms) + sum(bridged_ms) from day_sum "
            "where source = 'database' group by metric"
        ).fetchall()
    store.close()
    return {metric: number for metric, number, _ in rows}


def until(what, seconds=40):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def test_statements_of_a_real_server_are_counted_into_a_pack_that_checks(mariadb, tmp_path):
    with collector(tmp_path) as (_, url, db):
        config = configured(tmp_path, mariadb)
        said = json.loads(starproof("agent", "database", "check", "--config", config, "--json").stdout)
        assert said["databases"][0]["definition"] == "mysql.statements/1"
        token = starproof_json("collector", "token", "--db", db)["token"]
        starproof(
            "agent", "database", "enroll", "--collector", url, "--name", "db-1", "--config", config,
            STARPROOF_TOKEN=token,
        )  # fmt: skip
        reader = Running(tmp_path / "reader.log", "agent", "database", "run", "--config", config)
        reader.start()
        store = tmp_path / "starproof.db"
        until(lambda: amount(store))
        load(mariadb, STATEMENTS)
        wanted = {"db.reads": STATEMENTS, "db.writes": STATEMENTS}
        until(lambda: amount(store) == wanted)
        # The reader is away for a while: the counters go on, and the next reading bridges.
        assert reader.stop() == 0
        load(mariadb, 50)
        reader.start()
        wanted = {name: number + 50 for name, number in wanted.items()}
        until(lambda: amount(store) == wanted)
        # So they do while the server cannot be reached; a server that starts anew loses the interval.
        mariadb.stop()
        reader.wait_for("reading_failed")
        mariadb.start()
        mark = len(reader.text())
        reader.wait_for("event=sealed", start=mark)
        assert reader.alive()
        time.sleep(3)
        assert reader.stop() == 0
        assert amount(store) == wanted
        assert PASSWORD not in reader.text()
        assert "correct horse" not in reader.text()

        month = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
        scope = tmp_path / "scope.toml"
        scope.write_text(
            'schema = "starproof/scope/1"\nenterprise = "示例企业"\ntimezone = "Asia/Shanghai"\n'
            f'edition = "jiangsu-2018-trial"\n[window]\nfrom = {month}-01\nto = {month[:4]}-12-31\n'
            '[definitions]\ndaily_reads_writes = "reads_writes.database/1"\n'
            '[[hosts]]\nid = "db-1"\nsources = ["database"]\n[[hosts]]\nid = "web-1"\nsources = ["agent"]\n',
            encoding="utf-8",
        )
        pack = tmp_path / "month.zip"
        starproof("pack", "--month", month, "--db", db, "--scope", scope, "--out", pack)
        report = starproof_json("check", pack, "--log-key", tmp_path / "log.pub", code=None)
        codes = {finding["code"] for finding in report["findings"]}
        assert report["verdict"] != "fail" or codes <= {"SCOPE_UNDECLARED"}, report["findings"]
        assert "NOT_ATTESTED" not in codes
        [found] = [one for one in report["figures"]["indicators"] if one["id"] == "daily_reads_writes"]
        assert found["definition"] == "reads_writes.database/1"
        assert [(host["host"], host["source"]) for host in found["hosts"]] == [
            ("db-1", "database"),
            ("web-1", None),
        ]
        # Over the month so far: 700 statements in low x 30 days, cut to 15 digits.
        counted = found["coverage"]
        days = (counted["observed_s"] + counted["bridged_s"] + counted["missing_s"]) // 86_400
        assert abs(float(found["low"]) * days - 2 * (STATEMENTS + 50)) < 1e-6
        assert found["high"] is None


def test_the_chunks_name_the_database_and_why_it_was_not_read(mariadb, tmp_path):
    config = configured(tmp_path, mariadb)
    with collector(tmp_path) as (_, url, db):
        token = starproof_json("collector", "token", "--db", db)["token"]
        starproof(
            "agent", "database", "enroll", "--collector", url, "--name", "db-1", "--config", config,
            STARPROOF_TOKEN=token,
        )  # fmt: skip
    # The collector is away from here on: the chunks stay in the spool.
    reader = Running(tmp_path / "reader.log", "agent", "database", "run", "--config", config)
    reader.start()
    reader.wait_for("event=sealed")
    mariadb.stop()
    reader.wait_for("reading_failed")
    mariadb.start()
    reader.wait_for("event=sealed", start=len(reader.text()))
    time.sleep(3)
    assert reader.stop() == 0
    key = PublicKey.from_hex(json.loads(_record(tmp_path))["key"])
    chunks = [
        open_chunk(read_frame(path.read_bytes()), key)
        for path in sorted((tmp_path / "state" / "spool").glob("*.chunk"))
    ]
    assert {chunk.header.source for chunk in chunks} == {"database"}
    first, last = chunks[0].manifest, chunks[-1].manifest
    assert first.devices[0].kind == "database"
    assert first.devices[0].identity != last.devices[0].identity
    assert first.absent == ()
    [(name, reason)] = last.absent
    assert name == "database orders"
    assert re.search(
        r"not read from \S+Z until before \S+Z, \d+ tries: database orders: OperationalError", reason
    )


def _record(folder: Path) -> bytes:
    import base64

    return base64.b64decode(json.loads((folder / "state" / "enrolment.json").read_text())["record"])
