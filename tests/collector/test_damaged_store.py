"""A store that is damaged: nothing is acknowledged any more, and people are told without it."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from scripted_server import scripted_server

from collector import cli
from collector.alerts.damage import RETRY_MS, TOLD, Damage
from collector.alerts.sending import Messenger
from collector.alerts.settings import Webhook
from collector.errors import StoreDamagedError, StoreError
from collector.opening import open_store
from collector.polling.opening import Keys
from collector.sources.calling import Clocks
from collector.sources.secrets import Secret
from collector.store import findings, probing
from collector.store.engine import open_engine_for_reading
from collector.store.faults import is_damage
from collector.store.findings import Finding
from collector.store.probing import Prober

T0 = 1_793_462_400_000
PAGE = 4096


def spoil(url, table):
    """Damage the first page of a table, which nothing of the ordinary work looks at, in the file at rest."""
    path = Path(url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def told(script):
    """Return the codes of each message that the webhook got."""
    return [[one["code"] for one in json.loads(asked.body)["alerts"]] for asked in script.asked]


def test_a_store_found_damaged_at_the_start_takes_nothing_in_and_is_told_once(  # noqa: PLR0917 - fixtures
    api, web, opened, serve, speak, url, tmp_path
):
    assert api.http.get("/healthz").json()["status"] == "ok"
    first, second = web.run(2)
    assert api.outcomes(web.key, first) == [("stored", "")]
    opened.store.engine.dispose()
    spoil(url, "finding")
    with scripted_server(lambda _asked: (200, {}, b"{}")) as script:
        (tmp_path / "hook.url").write_text(script.url)
        (tmp_path / "hook.secret").write_text("0123456789")
        alerts = tmp_path / "alerts.toml"
        alerts.write_text(
            f'[[webhooks]]\nalias = "own"\nkind = "json"\nurl = "file:{tmp_path}/hook.url"\n'
            f'secret = "file:{tmp_path}/hook.secret"\n'
        )
        for name in ("hook.url", "hook.secret"):
            (tmp_path / name).chmod(0o600)
        config = tmp_path / "collector.toml"
        config.write_text(f'alerts = "{alerts}"\n')
        for _ in range(2):  # a collector that is started again tells nobody twice
            running = serve("--config", str(config))
            with httpx.Client(base_url=running.url, timeout=10) as http:
                health = http.get("/healthz")
                assert health.status_code == 503
                assert (health.json()["status"], health.json()["message"][:1]) == ("damaged", "*")
                refused = speak(http).send(web.key, second)
                assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
                assert "damaged" in refused.json()["message"]
                assert speak(http).send(web.key, first).status_code == 503, (
                    "not even known: it may be lost too"
                )
                figures = http.get("/metrics")
                assert figures.status_code == 200
                assert "starproof_store_damaged 1.0" in figures.text
            until = time.monotonic() + 10
            while not script.asked and time.monotonic() < until:
                time.sleep(0.02)
            assert running.stop() == 0
            assert any('"store_damaged"' in line for line in running.lines), running.lines
        assert told(script) == [["store"]]


def test_the_first_sign_of_damage_while_it_is_used_ends_all_writing(opened, url):
    store = opened.store
    with store.writing() as connection:
        findings.record(connection, Finding(T0, "CONFLICT", "web-1", "agent", 0, 1, "x" * 500))
    store.engine.dispose()
    spoil(url, "finding")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE host SET name = name")
    heard = []
    store.health.tell(heard.append)
    with pytest.raises(StoreDamagedError, match="malformed"), store.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM finding").all()
    assert heard == [store.health.problem] == ["database disk image is malformed"]
    for use in (store.writing, store.writing_beside):
        with pytest.raises(StoreDamagedError, match="restore a backup"), use():
            pass
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT * FROM meta").all(), "what can be read can be looked at"
    store.health.note("another sign")
    store.health.tell(heard.append)
    assert heard == ["database disk image is malformed"] * 2, "the first one stays"


def test_a_large_store_is_looked_through_table_by_table(opened, url, monkeypatch):
    monkeypatch.setattr(probing, "_STEPS", 1)
    now, costs, looked = [0.0], {"": 100.0, "chunk_frame": 100.0}, []
    prober = Prober(opened.store, lambda: now[0])
    check = prober._quick_check

    def timed(path, table, until_s):
        looked.append(table)
        now[0] += costs.get(table, 1.0)
        return check(path, table, until_s)

    monkeypatch.setattr(prober, "_quick_check", timed)
    assert not prober.look()
    assert looked == [""]
    for _ in range(20):
        now[0] += 600
        prober.look()
    assert prober.unfinished == {"chunk_frame"}
    assert looked.count("") == 1, "the whole file is not tried again"
    assert set(looked) > {"finding", "chunk", "log_leaf", "chunk_frame"}
    assert looked.index("finding") > looked.index("chunk_frame"), "one large table holds up no other"
    assert opened.store.health.problem == ""
    opened.store.engine.dispose()
    spoil(url, "finding")
    for _ in range(20):
        prober.look()
    assert opened.store.health.problem
    with pytest.raises(StoreDamagedError):
        probing.require_sound(opened.store)


def test_a_look_that_cannot_be_made_is_no_damage_and_is_said(opened, url, events, monkeypatch):
    def unreadable(*_):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(Prober, "_quick_check", unreadable)
    with pytest.raises(StoreError, match="cannot look through"):
        Prober(opened.store).look()
    with probing.probing(opened.store, log=events):
        pass
    assert events.named("store_not_probed")
    assert not opened.store.health.problem
    monkeypatch.undo()
    later = Prober(opened.store, stopping=lambda: True)
    monkeypatch.setattr(probing, "_STEPS", 1)
    assert not later.look(), "the end of the service is not waited for"
    assert not later._by_table


def test_a_store_too_damaged_to_be_opened_is_told_as_well(url, tmp_path, capfd, monkeypatch):
    open_store(url, enterprise="甲公司").store.close()
    spoil(url, "alembic_version")
    with scripted_server(lambda _asked: (200, {}, b"{}")) as script:
        monkeypatch.setenv("HOOK", script.url)
        monkeypatch.setenv("SECRET", "0123456789")
        alerts = Path(url.removeprefix("sqlite:///")).with_name("alerts.toml")
        alerts.write_text(
            '[[webhooks]]\nalias = "own"\nkind = "json"\nurl = "env:HOOK"\nsecret = "env:SECRET"\n'
        )
        for _ in range(2):
            assert cli.main(["serve", "--db", url, "--listen", "127.0.0.1:0"]) == 1
        assert told(script) == [["store"]]
        alerts.write_text("[")
        assert cli.main(["serve", "--db", url, "--listen", "127.0.0.1:0"]) == 1
    assert "malformed" in capfd.readouterr().err


def test_a_webhook_that_fails_is_tried_again_and_those_that_do_not_ask_are_left_alone(opened, events):
    now = [T0]
    clocks = Clocks(lambda: now[0], lambda: now[0], lambda _: None, lambda: 0.0)
    answers = [(500, {}, b""), (200, {}, b"{}")]
    with scripted_server(lambda _asked: answers.pop(0)) as script:
        keys = Keys(lambda reference: Secret({"env:U": script.url, "env:S": "0123456789"}[reference]))
        messenger = Messenger(opened.store, "甲公司", keys, clocks, 95)
        hooks = (
            Webhook("own", "json", "env:U", "env:S"),
            Webhook("other", "json", "env:U", "env:S", codes=("silent",)),
        )
        opened.keyring.log_key()
        place = opened.keyring.directory / TOLD
        damage = Damage(opened.keyring.directory, events)
        for _ in range(3):
            damage.tell("*** in database main ***", hooks, messenger)
        assert len(script.asked) == 1
        now[0] += RETRY_MS
        damage.tell("*** in database main ***", hooks, messenger)
        assert json.loads(place.read_text()) == ["own"]
        damage = Damage(opened.keyring.directory, events)
        damage.tell("*** in database main ***", hooks, messenger)
        assert len(script.asked) == 2
        assert [line["alias"] for line in events.named("alerts_not_told")] == ["own"]
        damage.forget()
        assert not place.exists()
        answers.append((200, {}, b"{}"))
        place.mkdir()  # cannot be written: told all the same
        damage.tell("another one", hooks, messenger)
    assert events.named("alerts_not_noted")


def test_postgresql_says_damage_by_its_states_and_other_errors_are_none():
    class SaidError(Exception):
        sqlstate = "XX001"

    assert is_damage(SaidError())
    SaidError.sqlstate = "57P01"
    assert not is_damage(SaidError())
    with suppress(sqlite3.Error):
        sqlite3.connect("file:/nowhere/at/all?mode=rw", uri=True)
    assert not is_damage(sqlite3.OperationalError("disk I/O error"))
    assert not is_damage("words")


def test_a_file_that_is_no_database_is_damage(tmp_path):
    path = tmp_path / "starproof.db"
    path.write_bytes(b"\xff" * PAGE)
    with pytest.raises(StoreDamagedError, match="not a database"):
        open_engine_for_reading(f"sqlite:///{path}")
