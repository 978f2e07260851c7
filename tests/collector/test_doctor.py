"""The collector's doctor: what is wrong is found and named with what to do, and looking changes nothing."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from argparse import Namespace
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from scripted_server import scripted_server

from collector import cli as collector_cli
from collector.alerts.hosts import State
from collector.alerts.situation import AnchorFacts, History, HostFacts, Situation
from collector.doctor import files, outside, store
from collector.doctor.record import ATTENTION, BAD, GOOD
from collector.doctor.run import Examination
from collector.errors import StoreError, StoreMismatchError
from collector.log import keeping
from collector.polling.opening import Keys
from collector.settings import Settings
from collector.sources.calling import real_clocks
from collector.sources.interface import Probe
from collector.sources.registry import Plugins
from collector.sources.secrets import read_secret
from collector.store import alerts
from collector.tls import authority
from collector.tls.settings import Tls
from collector.tls.sources import OwnAuthority, utc_now
from starproof.cli import main
from starproof.commands import doctor
from starproof.commands.alerts import _served

T0 = 1_793_462_400_000
DAY = 86_400_000
BASE = Situation(made_ms=T0 + 5 * DAY, month="2026-11")


@pytest.fixture
def settings(opened, url):
    opened.keyring.log_key()
    return Settings(db=url, listen="127.0.0.1:9")


def _states(checks):
    return [one.state for one in checks]


def _keys():
    return Keys(read_secret)


def _examine(settings, events, **more):
    plugins = Plugins({}, ())
    clocks = replace(real_clocks(), wall_ms=lambda: T0 + 50 * DAY)
    found = list(
        Examination(settings, plugins, _keys(), clocks, events, **{"offline": True, **more}).checks()
    )
    by_topic = {}
    for one in found:
        by_topic.setdefault(one.topic, []).append(one)
    return by_topic


def _tree(folder):
    return {
        str(one): one.read_bytes()
        for one in sorted(Path(folder).rglob("*"))
        if one.is_file() and not one.name.endswith("-shm")
    }


def test_a_collector_that_is_well_but_stopped_is_told_so_and_nothing_is_changed(
    settings, opened, web, take, events
):
    take(web.next(T0, 61))
    keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=T0 + 2 * DAY)
    settings = replace(settings, tls=Tls(mode="own"))
    OwnAuthority(opened.keyring.directory, ["localhost"], now=utc_now).load()
    before = _tree(opened.keyring.directory)
    found = _examine(settings, events)
    assert _tree(opened.keyring.directory) == before
    for topic in ("state", "keys", "disk", "store", "log"):
        assert _states(found[topic])[0] == GOOD, found[topic]
    assert _states(found["certificate"]) == [GOOD, GOOD]
    assert _states(found["service"]) == [BAD]
    assert "签名有效" in found["log"][0].zh
    assert any("没有上报" in one.zh for one in found["hosts"])


def test_files_that_others_read_and_keys_that_are_gone_or_halved_are_named(settings, opened):
    directory = opened.keyring.directory
    directory.chmod(0o750)
    (directory / "log.key").chmod(0o640)
    todo = " ".join(one.todo_en for one in files.directory_checks(settings))
    assert f"chmod 700 {directory}" in todo
    assert "chmod 600" in todo
    (directory / "log.pub").write_text("00" * 32)
    assert _states(files.key_checks(settings)) == [BAD, BAD]
    (directory / "log.key").write_text("nonsense")
    assert _states(files.key_checks(settings)) == [BAD, BAD]
    assert _states(files.directory_checks(Settings(db="sqlite:////nonexistent/x.db"))) == [BAD]


@pytest.mark.parametrize(("days", "state"), [(300, GOOD), (10, ATTENTION), (-1, BAD)])
def test_certificates_are_told_with_the_days_that_are_left(settings, tmp_path, days, state):
    pem = authority.authority_pem(authority.new_key(), now=utc_now())
    path = tmp_path / "chain.pem"
    path.write_bytes(pem)
    until = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    given = replace(settings, tls=Tls(mode="files", certificate=path, key=path))
    found = list(files.certificate_checks(given, now=until - timedelta(days=days, hours=1)))
    assert _states(found)[:2] == [state, state]
    (early, _) = files.certificate_checks(given, now=until - timedelta(days=4000))
    assert (early.state, "is valid from" in early.en) == (BAD, True)
    missing = replace(given, tls=Tls(mode="files", certificate=tmp_path / "gone.pem", key=path))
    assert _states(files.certificate_checks(missing, now=utc_now())) == [BAD, BAD]
    assert _states(files.certificate_checks(replace(settings, tls=Tls(mode="off")), now=utc_now())) == [
        ATTENTION
    ]


def test_a_renewed_certificate_without_its_key_and_another_in_force_are_told(settings, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        OwnAuthority(tmp_path / name, ["localhost"], now=utc_now).load()
    used, renewed = ((tmp_path / name / "server.pem").read_bytes() for name in ("one", "two"))
    chain = b"".join(re.findall(rb"-----BEGIN CERTIFICATE.*?END CERTIFICATE-----\n", renewed, re.DOTALL))
    key = re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY.*?PRIVATE KEY-----\n", used, re.DOTALL)[0]
    with scripted_server(lambda _: (200, {}, b""), certificate=tmp_path / "one" / "server.pem") as script:
        pem = tmp_path / "given.pem"
        tls = Tls(mode="files", certificate=pem, key=pem)
        given = replace(settings, listen=urlsplit(script.url).netloc, tls=tls)
        pem.write_bytes(used)
        assert set(_states(files.certificate_checks(given, now=utc_now()))) == {GOOD}
        pem.write_bytes(key + chain)
        bad = [one for one in files.certificate_checks(given, now=utc_now()) if one.state == BAD]
        assert "do not belong together" in bad[0].en
        assert "the service does not use the certificate in given.pem, but one that ends" in bad[1].en
        until = x509.load_pem_x509_certificates(used)[0].not_valid_after_utc
        assert _served(given)().until == until
    assert _served(replace(given, listen="127.0.0.1:9")) is None
    assert _served(replace(given, tls=Tls(mode="off"))) is None


def test_damaged_pages_are_found_and_a_large_store_is_not_waited_for(settings, opened, url):
    path = Path(url.removeprefix("sqlite:///"))
    assert store.page_check(url).state == GOOD
    # The clock jumps beyond the deadline at its second look, as with a store of many gigabytes.
    with opened.store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE many (x)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO many SELECT i FROM n"
        )
    ticks = iter([0.0, *[100.0] * 10_000])
    assert store.page_check(url, most_s=1, mono_s=lambda: next(ticks)).state == ATTENTION
    opened.store.close()
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    path.write_bytes(data)
    assert store.page_check(url).state == BAD
    assert store.page_check("postgresql+psycopg://h/d").state == GOOD


def test_a_log_that_was_cut_or_is_of_another_key_is_bad(settings, opened, web, take):
    take(web.next(T0, 61))
    keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=T0 + 2 * DAY)
    public = opened.keyring.directory / "log.pub"
    mine = public.read_text()
    public.write_text("11" * 32)
    assert _states(store.log_checks(opened)) == [BAD]
    public.write_text(mine)
    with opened.store.writing() as connection:
        connection.exec_driver_sql('DELETE FROM log_leaf WHERE "index" = (SELECT max("index") FROM log_leaf)')
    (found,) = store.log_checks(opened)
    assert (found.state, "应有" in found.zh) == (BAD, True)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        ((200, {}, b'{"server_ms": %d}' % T0), GOOD),
        ((200, {}, b'{"server_ms": 1}'), ATTENTION),
        ((503, {}, b"{}"), BAD),
        ((200, {}, b"<html>"), BAD),
    ],
)
def test_the_service_is_asked_on_this_machine(settings, reply, state):
    with scripted_server(lambda _asked: reply) as script:
        listen = script.url.removeprefix("http://").replace("127.0.0.1", "0.0.0.0")
        there = replace(settings, listen=listen, tls=Tls(mode="off"))
        assert outside.service_check(there, now_ms=T0).state == state


def test_permissions_of_clouds_are_asked_and_what_is_missing_is_named(settings, tmp_path):
    class Cloud:
        name = "fake"
        experimental = False

        def __init__(self, probes):
            self.probes = probes

        def probe(self):
            return self.probes

        def policy(self):
            return "policy"

        def inventory(self):
            return ()

        def metrics(self):
            return ("cpu.utilization",)

        def retention(self):
            return ()

        def averages(self, *_asked):
            return ()

        def bills(self, *_asked):
            return ()

        def calls_for(self, *_asked):
            return 1

    file = tmp_path / "sources.toml"
    file.write_text('[[sources]]\nalias = "one"\nprovider = "fake"\n')
    for probes, state, words in (
        ([Probe("list", True, "", "")], GOOD, "权限齐全"),
        ([Probe("list", False, "no", "cms:Query")], BAD, "缺少权限：cms:Query"),
        ([Probe("list", False, "broken", "")], BAD, "broken"),
    ):
        plugins = Plugins({"fake": lambda *_, probes=probes: Cloud(probes)}, ())
        there = replace(settings, sources=str(file))
        found = list(outside.source_checks(there, plugins, keys=_keys(), clocks=real_clocks(), histories=()))
        assert found[0].state == state, found
        assert words in found[0].zh
    gone = Plugins({}, ())
    assert _states(outside.source_checks(there, gone, keys=_keys(), clocks=real_clocks(), histories=())) == [
        BAD
    ]
    assert _states(
        outside.history_checks((History("a", 6, "cpu"), History("b", 7, "cpu"), History("c")))
    ) == [BAD]


def test_anchors_alerts_and_accounts_are_told(settings, opened, tmp_path):
    situation = replace(BASE, days_unmarked=1)
    assert _states(outside.anchor_checks(settings, situation)) == [ATTENTION, BAD]
    anchors = tmp_path / "anchors.toml"
    anchors.write_text(
        "".join(f'[[anchors]]\nalias = "{one}"\nkind = "mail"\n' for one in ("new", "late", "fine"))
    )
    facts = (AnchorFacts("late", 1, 2, T0, None), AnchorFacts("fine", 0, 0, None, T0))
    found = list(outside.anchor_checks(replace(settings, anchors=str(anchors)), replace(BASE, anchors=facts)))
    assert _states(found) == [ATTENTION, BAD, GOOD]
    assert _states(outside.alert_checks(settings, opened, keys=_keys())) == [GOOD]
    file = tmp_path / "alerts.toml"
    secret = tmp_path / "url"
    secret.write_text("https://robot.example/x")
    secret.chmod(0o600)
    file.write_text(
        f'[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "file:{secret}"\n'
        '[[webhooks]]\nalias = "b"\nkind = "json"\nurl = "file:/nonexistent"\n'
        f'[[webhooks]]\nalias = "c"\nkind = "json"\nurl = "file:{secret}"\n'
    )
    with opened.store.writing() as connection:
        alerts.open_new(connection, "disk", "store", month="2026-11", zh="", en="", now_ms=T0)
        alerts.queue_opened(connection, "c", ["disk"], now_ms=T0)
        (one,) = alerts.waiting(connection, "c")
        alerts.postpone(connection, [one.id], next_ms=T0, error="HTTP 500")
    there = replace(settings, alerts=str(file))
    assert _states(outside.alert_checks(there, opened, keys=_keys())) == [GOOD, BAD, BAD]
    file.write_text("x = 1")
    assert _states(outside.alert_checks(there, opened, keys=_keys())) == [BAD]
    assert list(outside.account_checks(None, today=date(2026, 11, 6))) == []
    assert _states(outside.account_checks(tmp_path / "gone", today=date(2026, 11, 6))) == [BAD]


@pytest.mark.parametrize(
    ("offsets", "state"), [((9_000, 9_500, 8_000, 10), BAD), ((9_000, 10, -10), GOOD), ((9_000,), GOOD)]
)
def test_if_most_clocks_differ_it_is_the_collectors_that_is_wrong(offsets, state):
    hosts = tuple(HostFacts(str(n), State.REPORTING, clock_offset_ms=ms) for n, ms in enumerate(offsets))
    assert store.clock_check(replace(BASE, hosts=hosts)).state == state


def test_the_command_knows_what_it_looks_at_and_its_exit_status_says_how_it_is(
    settings, opened, url, tmp_path, capsys
):
    opened.store.close()
    assert main(["doctor", "--db", url, "--offline", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["role"], found["schema"]) == ("collector", "starproof/doctor/1")
    assert main(["collector", "doctor", "--db", url, "--offline", "--lang", "en"]) == 1
    assert "The collector" in capsys.readouterr().out
    assert main(["doctor", "--state", str(tmp_path / "none"), "--offline"]) == 1
    assert "主机 · 采集代理" in capsys.readouterr().out
    assert main(["doctor", "--role", "collector", "--db", f"sqlite:///{tmp_path}/gone.db", "--offline"]) == 1
    assert "there is no store" in capsys.readouterr().out
    assert main(["doctor", "--role", "collector", "--config", str(tmp_path / "gone.toml")]) == 1
    assert "cannot read" in capsys.readouterr().out


def test_the_matters_are_listed_by_the_command_and_a_webhook_is_tried(  # noqa: PLR0917 - fixtures
    settings, opened, url, web, take, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("starproof.commands.alerts.wall_clock_ms", lambda: T0 + 50 * DAY)
    take(web.next(T0, 61))
    assert main(["alerts", "list", "--db", url]) == 1
    told = capsys.readouterr().out
    assert "主机没有上报  web-1" in told
    assert main(["alerts", "list", "--db", url, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["matters"][0]["code"] == "silent"
    assert main(["alerts", "test", "duty", "--db", url]) == 1
    assert "none is configured" in capsys.readouterr().err
    with scripted_server(lambda _asked: (204, {}, b"")) as script:
        place = tmp_path / "url"
        place.write_text(f"{script.url}/hook")
        place.chmod(0o600)
        (opened.keyring.directory / "alerts.toml").write_text(
            f'[[webhooks]]\nalias = "duty"\nkind = "json"\nurl = "file:{place}"\n'
        )
        assert main(["alerts", "test", "duty", "--db", url]) == 0
        assert json.loads(script.asked[0].body)["test"] is True
        assert main(["alerts", "test", "dutty", "--db", url]) == 1
    assert "did you mean 'duty'" in capsys.readouterr().err


def test_a_store_of_another_version_is_told_with_what_brings_it_up_to_date(settings, opened, events):
    with opened.store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008'")
    found = _examine(settings, events)["store"]
    assert _states(found) == [BAD]
    assert "restart" in found[0].todo_en


def test_what_cannot_be_read_is_a_line_and_the_others_follow(settings, opened, events, tmp_path, monkeypatch):
    names = {name: str(tmp_path / f"{name}.toml") for name in ("sources", "anchors", "alerts")}
    for name in names.values():
        Path(name).write_text("x = 1\n")
    found = _examine(replace(settings, **names, listen="nowhere"), events, offline=False)
    for topic in ("sources", "anchors", "alerts", "service"):
        assert _states(found[topic]) == [BAD], topic
    assert "hosts" in found
    Path(names["sources"]).write_text('[[sources]]\nalias = "a"\nprovider = "ctyun"\nx = 1\n')
    checks = outside.source_checks(
        replace(settings, **names), Plugins({}, ()), keys=_keys(), clocks=real_clocks(), histories=()
    )
    assert _states(checks) == [BAD]
    for broken in (StoreError("gone"), StoreMismatchError("older")):

        def fail(*_args, broken=broken, **_more):
            raise broken

        monkeypatch.setattr("collector.doctor.run.open_store_for_reading", fail)
        assert _states(_examine(settings, events)["store"]) == [BAD]
    monkeypatch.undo()
    monkeypatch.setattr(store, "page_check", fail)
    assert _states(_examine(settings, events)["store"]) == [BAD]


def test_sources_of_accounts_are_read_and_nothing_is_kept(monkeypatch, tmp_path):
    there = {"hr": Namespace(source=1, hashing=2), "erp": Namespace(source=3, hashing=4)}
    monkeypatch.setattr(outside, "read_account_sources", lambda _file: there)

    def count(source, *_more):
        if source == 3:
            raise StoreError("no such table")

    monkeypatch.setattr(outside, "count", count)
    found = list(outside.account_checks(tmp_path, today=date(2026, 11, 6)))
    assert [(one.topic, one.state) for one in found] == [("users", GOOD), ("users", BAD)]
    assert "no such table" in found[1].en


def test_the_command_finds_out_what_this_machine_is(url, opened, tmp_path, monkeypatch, capsys):
    given = _options()
    monkeypatch.setattr(doctor, "usual_state", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(doctor, "SERVICE_STORE", str(tmp_path / "none.db"))
    monkeypatch.setattr("collector.settings.default_database_url", lambda: f"sqlite:///{tmp_path}/no.db")
    assert doctor._roles(given) == ["agent"], "a bare machine is a host"
    assert doctor._store(_options("--db", url)) == url
    monkeypatch.setattr("collector.settings.default_database_url", lambda: url)
    monkeypatch.setattr(doctor, "usual_state", lambda: str(tmp_path))
    assert doctor._roles(given) == ["agent", "collector"]
    assert doctor._roles(_options("--state", "x")) == ["agent"]
    assert doctor._roles(_options("--accounts", "x")) == ["collector"]
    (tmp_path / "service.db").write_bytes(b"")
    monkeypatch.setattr(doctor, "SERVICE_STORE", str(tmp_path / "service.db"))
    assert doctor._store(given) == f"sqlite:///{tmp_path}/service.db"
    monkeypatch.setattr(doctor, "SERVICE_STORE", str(tmp_path / "none.db"))
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "collector.store.engine", None)
        assert doctor._store(given) is None, "a bare agent lacks the collector's libraries"
    with monkeypatch.context() as old:
        old.setattr(doctor, "COLLECTORS_PYTHON", (99, 0))
        assert doctor._store(given) is None
        assert doctor.main(["--role", "collector"]) == 1
    assert "Python 3.11" in capsys.readouterr().err


def _options(*argv):
    return doctor._parser("starproof doctor").parse_args(argv)


def test_the_collectors_help_lists_its_doctor(capsys):
    with pytest.raises(SystemExit):
        main(["collector", "--help"])
    assert "find what is wrong and what to do" in capsys.readouterr().out
    assert collector_cli.main(["doctor"]) == 1
    assert "starproof doctor --role collector" in capsys.readouterr().err
