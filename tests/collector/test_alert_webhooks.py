"""Webhooks: robots that check what they get as the real ones do, and a collector that tells them once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import event

from collector.alerts import sending, serving
from collector.alerts.desk import CLEAR_MS, HOLD_MS, Desk
from collector.alerts.formats import EXAMPLES, MAX_TEXT_BYTES, Bulletin, document, text
from collector.alerts.matters import CODES, URGENT_FIRST
from collector.alerts.sending import Messenger, NotToldError
from collector.alerts.serving import LOCK, Watch, alerting, turn
from collector.alerts.settings import Webhook, parse_alerts
from collector.alerts.situation import History
from collector.alerts.words import LANGUAGES, said
from collector.errors import SettingsError, StoreError
from collector.polling.opening import Keys
from collector.settings import Settings
from collector.sources.calling import Clocks
from collector.sources.secrets import Secret
from collector.store import alerts
from collector.store.alerts import Alert
from collector.store.locks import alone

T0 = 1_793_462_400_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WECOM_KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
DINGTALK_TOKEN = "566cc69da782ec"
SECRET = "SEC000000000000000000000"


@dataclass
class Robots:
    """Stands in for WeCom, DingTalk and a program of the enterprise; refuses what they refuse."""

    address: str = ""
    got: list = field(default_factory=list)
    broken: list = field(default_factory=list)

    def answer(self, path, headers, body):
        """Return (status, document)."""
        if self.broken:
            return self.broken.pop(0)
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        said = json.loads(body)
        if parts.path == "/cgi-bin/webhook/send":
            refused = self._wecom(query, said)
        elif parts.path == "/robot/send":
            refused = self._dingtalk(query, said)
        else:
            refused = self._program(headers, body, said)
        if refused:
            return 200, refused
        self.got.append(said)
        return 200, {"errcode": 0, "errmsg": "ok"}

    def _wecom(self, query, said):
        if query != {"key": WECOM_KEY}:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        content = said["markdown"]["content"]
        if said["msgtype"] != "markdown" or set(said) != {"msgtype", "markdown"}:
            return {"errcode": 40008, "errmsg": "invalid message type"}
        return {"errcode": 40058, "errmsg": "too long"} if len(content.encode()) > 4096 else None

    def _dingtalk(self, query, said):
        if query.get("access_token") != DINGTALK_TOKEN:
            return {"errcode": 300001, "errmsg": "token is not exist"}
        wanted = base64.b64encode(
            hmac.new(SECRET.encode(), f"{query['timestamp']}\n{SECRET}".encode(), hashlib.sha256).digest()
        ).decode()
        if abs(int(query["timestamp"]) - T0) > 3_600_000 or query["sign"] != wanted:
            return {"errcode": 310000, "errmsg": "sign not match"}
        markdown = said["markdown"]
        return None if markdown["title"] and markdown["text"] else {"errcode": 40035, "errmsg": "no text"}

    def _program(self, headers, body, said):
        wanted = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-StarProof-Signature"] == wanted
        assert said["schema"] == "starproof/alerts/1"


@pytest.fixture(scope="module")
def listening():
    robots = Robots()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = robots.answer(self.path, self.headers, body)
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    robots.address = f"http://127.0.0.1:{server.server_port}"
    yield robots
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def robots(listening):
    listening.got.clear()
    listening.broken.clear()
    return listening


@dataclass
class Time:
    now_ms: int = T0

    def clocks(self):
        return Clocks(lambda: self.now_ms, lambda: self.now_ms, lambda _: None, lambda: 0.0)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def keys(robots):
    places = {
        "env:WECOM": f"{robots.address}/cgi-bin/webhook/send?key={WECOM_KEY}",
        "env:DING": f"{robots.address}/robot/send?access_token={DINGTALK_TOKEN}",
        "env:OWN": f"{robots.address}/hook",
        "env:SECRET": SECRET,
        "env:FAR": "http://robots.example/hook",
        "env:WRONG": f"{robots.address}/robot/send?access_token=other-token-1234",
    }
    return Keys(lambda reference: Secret(places[reference]))


@pytest.fixture
def messenger(store, keys, time):
    return Messenger(store, "甲公司", keys, time.clocks(), 95)


WECOM = Webhook("wecom", "wecom", "env:WECOM")
DINGTALK = Webhook("ding", "dingtalk", "env:DING", "env:SECRET")
OWN = Webhook("own", "json", "env:OWN", "env:SECRET")


def _alert(number=1, code="silent", subject="web-1", closed_ms=None):
    return Alert(number, code, subject, "2026-11", "最近一次上报在 2 小时 0 分前", "2 h ago", T0, closed_ms)


def _bulletin(began=(), ended=()):
    return Bulletin("甲公司", T0, began, ended, 95)


def _open(store, *subjects, hooks=(OWN,)):
    with store.writing() as connection:
        for subject in subjects:
            alerts.open_new(connection, "silent", subject, month="2026-11", zh="久", en="long", now_ms=T0)
        for hook in hooks:
            alerts.queue_opened(connection, hook.alias, hook.codes, now_ms=T0)


@pytest.mark.parametrize("hook", [WECOM, DINGTALK, OWN], ids=lambda hook: hook.kind)
def test_each_robot_takes_what_it_is_told(robots, messenger, hook):
    messenger.test(hook)
    (said,) = robots.got
    assert "测试" in json.dumps(said, ensure_ascii=False) or said["test"] is True


def test_a_robot_that_refuses_is_told_again_later_and_once(robots, store, messenger, time):
    _open(store, "web-1", "web-2", hooks=(DINGTALK,))
    robots.broken += [(200, {"errcode": 130101, "errmsg": "send too fast"}), (500, {}), (200, b"<html>")]
    errors = []
    for _ in range(3):
        (told,) = messenger.tell((DINGTALK,))
        errors.append(told.error)
        assert messenger.tell((DINGTALK,)) == [], "not before its pause is over"
        time.now_ms += 5 * MINUTE
    assert "130101 send too fast" in errors[0]
    assert "HTTP 500" in errors[1]
    assert "something else than a robot" in errors[2]
    (told,) = messenger.tell((DINGTALK,))
    assert (told.count, told.error) == (2, "")
    time.now_ms += DAY
    assert messenger.tell((DINGTALK,)) == []
    assert len(robots.got) == 1, "both in one message"


def test_while_a_webhook_rests_new_alerts_wait_with_the_old_ones(robots, store, messenger, time):
    _open(store, "web-1")
    robots.broken.append((503, {}))
    messenger.tell((OWN,))
    _open(store, "web-2")
    assert messenger.tell((OWN,)) == []
    time.now_ms += MINUTE
    messenger.tell((OWN,))
    assert [one["subject"] for one in robots.got[0]["alerts"]] == ["web-1", "web-2"]


def test_what_lasts_is_told_however_long_nobody_took_it_and_its_end_is_given_up(
    robots, store, messenger, time, monkeypatch
):
    monkeypatch.setattr(sending, "MAX_TRIALS", 4)
    _open(store, "web-1")
    for _ in range(6):
        robots.broken.append((503, {}))
        messenger.tell((OWN,))
        time.now_ms += HOUR
    time.now_ms += 40 * DAY
    messenger.tell((OWN,))
    assert [one["state"] for one in robots.got[0]["alerts"]] == ["open"]
    with store.writing() as connection:
        (alert,) = alerts.opened(connection).values()
        alerts.close(connection, alert, now_ms=time.now_ms, telling=True)
    time.now_ms += 40 * DAY  # the collector was off: that is no trial
    for _ in range(4):
        robots.broken.append((503, {}))
        assert messenger.tell((OWN,))[0].error
        time.now_ms += HOUR
    assert messenger.tell((OWN,)) == []
    with store.reading() as connection:
        assert alerts.waiting(connection, "own") == []


def test_a_clock_that_was_ahead_for_a_while_silences_no_webhook(robots, store, messenger, time):
    time.now_ms += 365 * DAY
    _open(store, "web-1")
    robots.broken.append((503, {}))
    messenger.tell((OWN,))
    time.now_ms -= 365 * DAY
    (told,) = messenger.tell((OWN,))
    assert (told.count, told.error) == (1, "")


def test_a_document_tells_the_urgent_first_and_what_it_cannot_hold_with_the_next(
    robots, store, messenger, monkeypatch
):
    monkeypatch.setattr(sending, "MAX_DOCUMENT_ALERTS", 2)
    with store.writing() as connection:
        for code, subject in (("never", "a"), ("never", "b"), ("disk", "store")):
            alerts.open_new(connection, code, subject, month="2026-11", zh="", en="", now_ms=T0)
        alerts.queue_opened(connection, "own", CODES, now_ms=T0)
    while messenger.tell((OWN,)):
        pass
    assert [([one["subject"] for one in said["alerts"]], said["more"]) for said in robots.got] == [
        (["store", "a"], 1),
        (["b"], 0),
    ]


def test_secrets_are_in_no_error_and_travel_in_the_clear_nowhere(robots, store, messenger):
    with pytest.raises(SettingsError, match="https://"):
        messenger.test(replace(OWN, url="env:FAR"))
    with pytest.raises(NotToldError, match="token is not exist") as refused:
        messenger.test(replace(DINGTALK, url="env:WRONG"))
    assert "other-token" not in str(refused.value)
    _open(store, "web-1", hooks=(WECOM,))
    robots.broken.append(
        (200, {"errcode": 1, "errmsg": f"bad key {robots.address}/cgi-bin/webhook/send?key={WECOM_KEY}"})
    )
    (told,) = messenger.tell((WECOM,))
    assert WECOM_KEY not in told.error


def test_a_message_for_people_is_short_names_few_and_lets_no_name_speak():
    many = [_alert(number, subject=f"web-{number}") for number in range(40)]
    told = text(_bulletin(many, [_alert(99, "behind", "db-1", T0)]), "zh")
    assert "**主机没有上报**（40）" in told
    assert f"另有 {40 - EXAMPLES} 项" in told
    assert "**已恢复：数据积压，正在补传**（1）" in told
    assert "starproof doctor" in told
    nasty = text(_bulletin([_alert(subject="<@all>[x](http://e)\n#")]), "en")
    assert not set("<@[") & set(nasty.split("Hosts are silent")[1].split("> Do")[0])
    named = "苏州工厂二号车间-MES应用服务器-{:03}"
    full = _bulletin(
        [_alert(subject=named.format(number), code=code) for code in CODES for number in range(7)],
        [
            _alert(subject=named.format(number), code=code, closed_ms=T0)
            for code in CODES
            for number in range(7)
        ],
    )
    for language in LANGUAGES:
        told = text(full, language)
        titles = [f"**{said(code, language, percent=95).title}**（7）" for code in URGENT_FIRST]
        places = [told.find(title) for title in titles]
        assert -1 not in places
        assert places == sorted(places), "the urgent first"
        assert told.count("（7）") == 2 * len(CODES)
        assert len(told.encode()) <= MAX_TEXT_BYTES
        silent = told[: places[1]]
        assert (
            silent.count(named.format("")[:8]) + int(silent.split(("另有 ", "and ")["en" in language])[1][0])
            == 7
        )
    huge = text(
        _bulletin([_alert(code=code, subject="名" * 128) for code in ("silent", "clock", "never")] * 9), "zh"
    )
    assert len(huge.encode()) <= MAX_TEXT_BYTES


def test_a_document_says_how_many_more_there_are():
    found = document(replace(_bulletin([_alert(number) for number in range(3)]), more=7))
    assert (len(found["alerts"]), found["more"]) == (3, 7)
    assert found["alerts"][0]["title_zh"] == "主机没有上报"


def test_a_silent_host_is_told_once_through_restarts_and_a_wrong_file_is_told_once(  # noqa: PLR0917 - fixtures
    robots, opened, web, take, keys, time, events, tmp_path
):
    file = tmp_path / "alerts.toml"
    good = '[[webhooks]]\nalias = "own"\nkind = "json"\nurl = "env:OWN"\nsecret = "env:SECRET"\ncodes = ["silent"]\n'
    file.write_text(good)
    settings = Settings(db=str(opened.store.engine.url), alerts=str(file))
    take(web.next(T0, 61))  # stored at a later hour, by the collector's clock of this test
    time.now_ms = T0 + 60 * DAY

    def life(minutes):
        watch, desk = Watch(opened, settings, keys, time.clocks(), events), Desk(opened.store)
        for _ in range(minutes):
            turn(watch, desk)
            time.now_ms += MINUTE
        return watch

    hold = HOLD_MS["silent"] // MINUTE
    assert life(hold).seen[1][0].code == "silent"
    assert robots.got == []
    life(hold + 2)
    life(hold + 2)
    assert [[(one["subject"], one["state"]) for one in said["alerts"]] for said in robots.got] == [
        [("web-1", "open")]
    ]
    file.write_text("webhooks = 3")
    watch, desk = Watch(opened, settings, keys, time.clocks(), events), Desk(opened.store)
    file.write_text(good)
    turn(watch, desk)
    file.write_text("webhooks = 3")
    for _ in range(CLEAR_MS // MINUTE + 2):
        time.now_ms += MINUTE
        turn(watch, desk)
    life(2)
    with opened.store.reading() as connection:
        assert alerts.opened(connection), "a wrong file ends no alert"
    assert len(events.named("alerts_unreadable")) == 2
    assert not events.named("alerting_failed")


def test_serving_looks_at_once_and_ends_when_it_is_told_to(opened, keys, time, events):
    settings = Settings(db=str(opened.store.engine.url))
    with alerting(opened, settings, keys=keys, log=events, clocks=time.clocks(), look_every_s=0.01) as watch:
        for _ in range(500):
            if watch.seen:
                break
            threading.Event().wait(0.01)
    assert watch.seen[0].month == "2026-11"
    assert not events.named("alerting_failed")


def test_the_documented_file_is_one(tmp_path):
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    found = parse_alerts((root / "config/examples/alerts.toml").read_text("utf-8"), where="")
    assert {hook.kind for hook in found.webhooks} == {"json", "wecom", "dingtalk"}


def test_a_turn_tells_nothing_when_it_ends_or_another_process_tells(opened, keys, time, events, tmp_path):
    file = tmp_path / "alerts.toml"
    file.write_text('[[webhooks]]\nalias = "own"\nkind = "json"\nurl = "env:FAR"\n')
    (tmp_path / "anchors.toml").write_text("x = 1")
    settings = Settings(
        db=str(opened.store.engine.url), alerts=str(file), anchors=str(tmp_path / "anchors.toml")
    )
    watch, desk = Watch(opened, settings, keys, time.clocks(), events), Desk(opened.store)
    with opened.store.writing() as connection:
        alerts.open_new(connection, "silent", "a", month="2026-11", zh="", en="", now_ms=T0)

    def queued():
        with opened.store.reading() as connection:
            return len(alerts.waiting(connection, "own"))

    turn(watch, desk, stopping=lambda: True)
    assert watch.seen[0].anchors_configured is None
    with alone(opened.store, LOCK, directory=opened.keyring.directory) as held:
        assert held is not None
        turn(watch, desk)
    assert queued() == 0
    turn(watch, desk)
    assert queued() == 1
    assert events.named("alerts_not_told")[0]["alias"] == "own"


def test_who_mends_a_source_sees_it_soon_and_a_source_that_is_well_is_asked_once_an_hour(  # noqa: PLR0917 - fixtures
    opened, keys, time, events, tmp_path, monkeypatch
):
    file = tmp_path / "sources.toml"
    watch = Watch(
        opened, Settings(db=str(opened.store.engine.url), sources=str(file)), keys, time.clocks(), events
    )
    asked, given = [], [()]
    monkeypatch.setattr(serving, "read_histories", lambda *_, **__: asked.append(time.now_ms) or given[0])

    def minutes(count):
        asked.clear()
        for _ in range(count):
            time.now_ms += MINUTE
            watch.look()
        return len(asked)

    assert minutes(60) == 1
    file.write_text("")
    given[0] = (History("ali", 3, "cpu"),)
    assert minutes(1) == 1, "the file has changed"
    assert minutes(10) == 2, "something is wrong"
    given[0] = ()
    assert minutes(5) == 1
    assert minutes(59) == 0


@pytest.mark.parametrize("error", [StoreError("gone"), ZeroDivisionError("ours")])
def test_whatever_a_look_meets_is_logged_and_there_is_a_next_one(opened, keys, time, events, error):
    watch = Watch(opened, Settings(db=str(opened.store.engine.url)), keys, time.clocks(), events)

    def broken():
        raise error

    watch.look = broken
    turn(watch, Desk(opened.store))
    assert str(error) in events.named("alerting_failed")[0]["message"]


def test_a_store_that_takes_nothing_is_told_without_it_once_and_healthz_says_so(  # noqa: PLR0917 - fixtures
    opened, api, web, keys, time, events, robots, tmp_path
):
    file = tmp_path / "alerts.toml"
    file.write_text('[[webhooks]]\nalias = "own"\nkind = "json"\nurl = "env:OWN"\nsecret = "env:SECRET"\n')
    settings = Settings(db=str(opened.store.engine.url), alerts=str(file))
    engine, frame = opened.store.engine, web.next(T0)
    told = lambda: [[one["code"] for one in said["alerts"]] for said in robots.got]  # noqa: E731 - one line

    def only_read(connection, _record):
        connection.execute("PRAGMA query_only=ON").close()

    def life(minutes):
        watch, desk = Watch(opened, settings, keys, time.clocks(), events), Desk(opened.store)
        for _ in range(minutes):
            turn(watch, desk)
            time.now_ms += MINUTE
        return watch

    event.listen(engine, "connect", only_read)
    engine.dispose()
    assert api.send(web.key, frame).status_code == 503
    health = api.http.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "unwritable")
    assert "readonly" in health.json()["message"]
    robots.broken += [(500, {})]
    watch = life(10)
    assert "disk" in told()[-1]
    assert len(events.named("alerts_not_told")) == 1, "the first was refused"
    assert sum("disk" in codes for codes in told()) == 1
    assert watch.seen[1][0].code == "disk"
    life(3)
    assert sum("disk" in codes for codes in told()) == 1, "a restart tells nobody twice"
    event.remove(engine, "connect", only_read)
    engine.dispose()
    life(1)
    assert api.http.get("/healthz").json()["status"] == "ok"
    assert not (opened.keyring.directory / "alerts-unkept.json").exists()
    assert api.outcomes(web.key, frame) == [("stored", "")]
