"""A planted secret is looked for in every log, error, database row, file and answer."""

from __future__ import annotations

import logging
import sqlite3
import zipfile
from urllib.parse import quote

import pytest
from polling_bench import SECRET
from sources.fake import DAY, HOUR, MINUTE, Fake

from collector.http.log import LineLog, ServerMessages
from collector.polling.opening import redacted_logging
from collector.sources.errors import AnswerError, AuthError, PluginError, UnreachableError
from collector.sources.interface import Probe, Retention
from collector.store import polls
from starproof.commands import pack

JUNE_2025 = 1_750_000_000_000
FORMS = (SECRET, quote(SECRET, safe=""), SECRET.encode().hex(), "pLaNtEd")


def assert_clean(text, where):
    for form in FORMS:
        assert form not in text, where


def leaky(kind, **more):
    url = f"https://fake.example/?AccessKeyId=LTAI&Signature={quote(SECRET, safe='')}"
    return kind(f"GET {url} with {SECRET} failed: Authorization: Bearer {SECRET}", **more)


@pytest.fixture
def leaking(bench):
    """A cloud whose every failure repeats the secret."""
    bench.fake.keeps = (Retention(5 * MINUTE, DAY),)
    bench.fake.faults = [leaky(ValueError), leaky(AnswerError), leaky(UnreachableError, request_id=SECRET)]
    bench.fake.inventory_faults = [leaky(KeyError), leaky(AuthError)]
    bench.fake.bill_faults = [leaky(AnswerError)]
    return bench


def test_no_secret_is_in_any_log_error_row_file_or_pack(leaking, tmp_path):
    bench = leaking
    bench.clock.now_ms = JUNE_2025  # a month that is over, so that it can be packed
    account = bench.account(bills=True, hosts={"i-web-1": "web-1"})
    written = []
    for _ in range(12):
        report = bench.poll(account)
        written += [*report.problems, *report.refused]
        bench.clock.now_ms += 7 * HOUR
    assert bench.fake.faults == bench.fake.inventory_faults == bench.fake.bill_faults == []
    assert bench.chunks(), "in the end it was polled"
    written += [str(line) for line in bench.log.lines]
    assert sum("***" in text for text in written) >= 6, "the failures are told"
    for text in written:
        assert_clean(text, text)
    for row in bench.rows(polls.schema.poll):
        assert_clean(str(row), row)
    bench.opened.store.close()
    packed = tmp_path / "pack.zip"
    url = str(bench.opened.store.engine.url)
    assert pack.main(["--month", "2025-06", "--db", url, "--out", str(packed)]) == 0
    with zipfile.ZipFile(packed) as archive:
        assert any(name.startswith("chunks/") or "fake" in name for name in archive.namelist())
        for name in archive.namelist():
            assert_clean(archive.read(name).decode("latin-1"), name)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert_clean(path.read_bytes().decode("latin-1"), path)
    with sqlite3.connect(tmp_path / "state" / "starproof.db") as database:
        assert_clean("\n".join(database.iterdump()), "the database as text")
    database.close()


def test_what_libraries_log_is_redacted(bench, capsys):
    bench.keys.read("env:FAKE_KEY")
    library = logging.getLogger("somebody.sdk")
    with redacted_logging(bench.keys, ServerMessages(LineLog(lambda: 1))):
        library.warning("request %s", f"Signature={SECRET}")
        try:
            raise leaky(ValueError)
        except ValueError:
            library.exception("it failed with %s", SECRET)
    told = capsys.readouterr().err
    assert told.count("***") >= 2
    assert_clean(told, "the log")
    assert library.handlers == []
    library.warning("afterwards")
    assert "***" not in capsys.readouterr().err


def test_whatever_reaches_the_service_log_is_redacted_before_it_is_cut(bench, capsys):
    """Also what the web server's own logger says, and a secret that the cut would leave half of."""
    log = LineLog(lambda: 1, redact=bench.keys.redacted)
    bench.keys.read("env:FAKE_KEY")
    log("polling_failed", message="x" * 490 + SECRET)
    handler = ServerMessages(log)
    for name in ("uvicorn", "apscheduler.executors"):
        record = logging.LogRecord(name, logging.ERROR, __file__, 1, "with %s", (SECRET,), None)
        handler.handle(record)
    told = capsys.readouterr().err
    assert told.count("***") == 3
    assert_clean(told, "the log")


def test_what_a_plugin_says_when_it_is_opened_is_redacted(bench):
    def opening(settings, tools):
        tools.secret(settings["secret"])
        raise leaky(RuntimeError)

    plugins = type(bench.world().plugins)({"fake": opening}, ())
    report = bench.poller(plugins=plugins).run(bench.account())
    assert_clean(report.problems[0], "the report")
    assert "RuntimeError" in report.problems[0]
    assert bench.questions(polls.ACCOUNT)[0].outcome == PluginError.code


def test_what_a_probe_says_is_redacted(bench):
    from collector.polling.trial import try_out

    bench.fake.probes = [
        Probe("averages", ok=False, detail=f"refused {SECRET}", permission_missing="fake:Read")
    ]
    world = bench.world()
    tried = try_out(bench.account(), world.plugins, clocks=world.clocks, keys=world.keys)
    assert_clean(str(tried), "the probes")
    assert (tried.ok, tried.missing, tried.policy) == (False, ("fake:Read",), Fake().policy())
