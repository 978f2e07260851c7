"""Small rules of the console that a stranger's trial found broken: each would be easy to break again."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace

import pytest
from console_examples import MONTH
from console_world import ENTERPRISE, NOW, PASSWORD, Browser

from collector.errors import StoreMismatchError
from collector.opening import open_store
from collector.settings import Settings
from collector.store import registry, schema
from collector.tokens import issue
from console.access import senders
from console.access.passwords import Weakness, weakness
from console.access.roles import Role
from console.access.senders import sender_of
from console.app import application, create_console
from console.pages.overview import days, months
from console.reading import snapshots
from starproof.cli import main as starproof

WEAK = ("qwerty123456", "Password1234!", "123456789abc", "abcdefg12345", "Aa123456789.", "p@ssw0rd2026!", "9876543210qwe")  # fmt: skip
STRONG = ("sail boats on tai lake", "太湖上的帆船今天很多呀吧", "correct horse battery", "v8Kq-71xz-Lm0p")


@pytest.fixture
def nameless(url, clock, events, passwords):
    """A console over a store that nobody has named."""
    opened = open_store(url, now_ms=NOW)
    made = create_console(
        opened, settings=Settings(), url="http://console.test", clock=clock, log=events, passwords=passwords
    )
    yield made
    made.jobs.close()
    made.snapshots.close()
    opened.store.close()


def _name(console):
    with console.store.reading() as connection:
        return registry.identity(connection).enterprise


def _set_up(console, **fields):
    browser = Browser(application(console))
    link = console.accounts.offer_setup(now_ms=NOW)
    form = {"link": link, "name": "wang", "password": PASSWORD, "again": PASSWORD, **fields}
    return browser, browser.post("/setup", page=f"/setup?link={link}", **form)


@pytest.mark.both_stores
def test_the_setup_asks_for_the_enterprises_name_and_the_whole_console_carries_it(nameless):
    browser, refused = _set_up(nameless, enterprise=" ")
    assert (refused.status_code, nameless.accounts.people()) == (422, [])
    assert "未命名企业 创建" not in refused.text
    _, refused = _set_up(nameless, enterprise="未命名企业")
    assert "真实名称" in refused.text
    browser, made = _set_up(nameless, enterprise=f" {ENTERPRISE} ")
    assert made.status_code == 303
    assert _name(nameless) == nameless.enterprise == ENTERPRISE
    assert ENTERPRISE in browser.get("/hosts").text
    with nameless.store.reading() as connection:
        trail = connection.exec_driver_sql("SELECT actor, detail FROM audit_trail WHERE action = 'IDENTITY'")
        assert ("wang", f"{ENTERPRISE} Asia/Shanghai") in [tuple(row) for row in trail]


def test_an_unnamed_enterprise_is_said_on_every_page_and_named_before_a_host_gets_a_token(nameless):
    """As after a first start of an earlier version, which asked nobody."""
    nameless.accounts.set_up(
        nameless.accounts.offer_setup(now_ms=NOW), name="li", password=PASSWORD, now_ms=NOW
    )
    browser = Browser(application(nameless))
    browser.sign_in("li")
    assert "还没有填写企业名称" in browser.get("/evidence").text
    refused = browser.post("/settings/tokens", page="/settings")
    assert (refused.status_code, "star-" in refused.text) == (422, False)
    assert "先填写名称" in refused.text
    page = "/settings/enterprise"
    assert browser.post(page, page=page, enterprise="\x07").status_code == 422
    assert browser.post(page, page=page, enterprise=ENTERPRISE).status_code == 303
    assert "企业名称已确定" in browser.get(page).text
    assert "还没有填写企业名称" not in browser.get("/evidence").text
    assert browser.post("/settings/tokens", page="/settings").status_code == 200


def test_a_slip_in_the_name_is_corrected_on_the_page_until_a_record_carries_it(nameless):
    browser, _ = _set_up(nameless, enterprise="江苏示列公司")
    page = "/settings/enterprise"
    assert 'value="江苏示列公司"' in browser.get(page).text
    assert browser.post(page, page=page, enterprise=ENTERPRISE).status_code == 303
    assert _name(nameless) == nameless.enterprise == ENTERPRISE
    with nameless.store.writing() as connection:
        connection.execute(schema.day_mark.insert().values(day=1, leaf=0, record=b""))
    shown = browser.get(page).text
    assert "名称已写进记录" in shown
    assert 'name="enterprise"' not in shown
    refused = browser.post(page, page="/settings", enterprise="另一家公司")
    assert (refused.status_code, _name(nameless)) == (422, ENTERPRISE)


def test_a_name_of_the_settings_file_is_changed_there_alone(nameless):
    """Else the next start would put it back, or not come about."""
    named = replace(nameless, settings=replace(nameless.settings, enterprise=ENTERPRISE))
    browser, made = _set_up(named)
    assert made.status_code == 303
    page = browser.get("/settings/enterprise").text
    assert "--enterprise" in page
    assert 'name="enterprise"' not in page
    assert browser.post("/settings/enterprise", page="/settings", enterprise="另一家").status_code == 422


def test_a_name_that_records_carry_does_not_change_and_the_page_says_what_to_do(nameless):
    nameless.accounts.set_up(
        nameless.accounts.offer_setup(now_ms=NOW), name="li", password=PASSWORD, now_ms=NOW
    )
    with nameless.store.writing() as connection:
        connection.execute(schema.day_mark.insert().values(day=1, leaf=0, record=b""))
    browser = Browser(application(nameless))
    browser.sign_in("li")
    page = browser.get("/settings/enterprise").text
    assert "换一个空数据库" in page
    assert 'name="enterprise"' not in page
    assert browser.post("/settings/enterprise", page="/settings", enterprise=ENTERPRISE).status_code == 422
    assert _name(nameless) == "未命名企业"


@pytest.mark.parametrize(
    "row",
    [
        schema.scope_version.insert().values(version=1, declared_ms=1, record=b"", file=b""),
        schema.day_mark.insert().values(day=1, leaf=0, record=b""),
        schema.month_close.insert().values(month=MONTH, leaf=0, record=b""),
    ],
    ids=lambda row: row.table.name,
)
def test_scopes_and_marks_of_the_log_carry_the_name(nameless, row):
    with nameless.store.writing() as connection:
        assert registry.may_be_named(connection)
        connection.execute(row)
        assert not registry.may_be_named(connection)
        with pytest.raises(StoreMismatchError):
            registry.set_up(connection, enterprise="x", timezone=None, now_ms=NOW)


def test_the_audit_trail_is_read_page_by_page_and_filtered(console, administrator):
    with console.store.writing() as connection:
        for number in range(120):
            registry.note(
                connection,
                now_ms=NOW - (119 - number) * 86_400_000,
                actor=f"p{number}",
                action="TOKEN",
                detail="100%_",
            )
    first = administrator.get("/settings/trail").text
    assert first.count('<th scope="row" class="num">') == 50
    assert "第 1 / 3 页" in first
    assert "首次设置" in administrator.get("/settings/trail?page=3").text + first
    assert administrator.get("/settings/trail?q=p77").text.count('<th scope="row" class="num">') == 1
    assert "没有符合条件的记录" in administrator.get("/settings/trail?q=100_").text, "no wildcards"
    found = administrator.get("/settings/trail?action=TOKEN&from=2026-11-10&to=2026-11-12").text
    assert re.findall(r'<th scope="row" class="num">(\S+)', found) == [
        "2026-11-12",
        "2026-11-11",
        "2026-11-10",
    ]
    for odd in ("page=x", "page=999999", "from=x&to=9999-12-31", "action=%3Cb%3E"):
        assert administrator.get(f"/settings/trail?{odd}").status_code == 200


def test_the_audit_trail_is_read_on_the_server_too(console, administrator, url, capsys):
    issue(console.store, host="web-1", now_ms=NOW, hours=1, actor="admin")
    assert starproof(["trail", "--db", url, "--json", "--action", "TOKEN", "--since", "2026-11-18"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema"], shown["count"], shown["entries"][0]["actor"]) == (
        "starproof/trail/1",
        1,
        "admin",
    )
    assert shown["entries"][0]["time"].endswith("+08:00")
    assert starproof(["trail", "--db", url, "--last", "1"]) == 0
    lines = capsys.readouterr()
    assert "TOKEN" in lines.out
    assert "显示最新 1 条" in lines.err
    assert starproof(["trail", "--db", url, "--until", "2000-01-01"]) == 0
    for wrong in (["--since", "x"], ["--last", "0"]):
        with pytest.raises(SystemExit):
            starproof(["trail", *wrong])


@pytest.mark.parametrize("password", WEAK)
def test_passwords_of_runs_and_common_words_are_not_taken(password):
    assert weakness(password, name="wang") is Weakness.COMMON


@pytest.mark.parametrize("password", STRONG)
def test_passwords_of_ones_own_are_taken(password):
    assert weakness(password, name="wang") is None


def test_no_link_makes_a_page_say_that_something_was_done(signed_in):
    browser = signed_in(Role.ADMINISTRATOR)
    assert "已声明" not in browser.get("/apply?said=scope.declared_done").text
    browser.post("/people/2/role", page="/people", role="operator")
    assert "已修改" in browser.get("/people").text
    assert "已修改" not in browser.get("/people").text, "once"


def test_a_check_that_does_not_exist_is_not_said_to_be_removed(signed_in):
    assert signed_in(Role.REVIEWER).post("/evidence/checks/none/remove", page="/evidence").status_code == 404


@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/v1/figures", "GET, HEAD"), ("/people", "GET, HEAD, POST")]
)
def test_a_method_that_an_address_has_not_is_refused_with_those_that_it_has(signed_in, path, allowed):
    answer = signed_in(Role.ADMINISTRATOR).http.request("TRACE", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["content-type"].startswith("application/json" if "api" in path else "text/html")


@pytest.mark.parametrize(
    "path", ["/hosts/", "/static/x/console.css", "/api/v1/openapi.json", "/login", "/no"]
)
def test_every_answer_is_hardened_redirects_files_and_the_api_too(secure_console, path):
    answer = Browser(application(secure_console), "https://star.example").get(path)
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_who_tries_to_sign_in_too_often_hears_when_to_come_again(visitor):
    answers = [visitor.post("/login", name=f"n{n}", password="x") for n in range(31)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


class _Request:
    def __init__(self, peer, forwarded):
        from starlette.datastructures import Headers

        self.client = type("Client", (), {"host": peer})() if peer else None
        self.headers = Headers(raw=[(b"x-forwarded-for", line.encode()) for line in forwarded])


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxied", "sender"),
    [
        ("127.0.0.1", ["6.6.6.6, 9.9.9.9"], True, "9.9.9.9"),
        ("10.0.0.2", ["6.6.6.6", "[2001:db8::1]"], True, "2001:db8::1"),
        ("127.0.0.1", ["9.9.9.9"], False, "127.0.0.1"),
        ("8.8.8.8", ["9.9.9.9"], True, "8.8.8.8"),
        ("127.0.0.1", ["nonsense"], True, "127.0.0.1"),
        ("testclient", ["9.9.9.9"], True, "testclient"),
        ("", [], True, ""),
    ],
)
def test_a_proxys_word_counts_where_one_is_said_to_be_and_only_its_own(peer, forwarded, proxied, sender):
    assert sender_of(_Request(peer, forwarded), proxied=proxied) == sender


def test_one_who_tries_behind_the_proxy_does_not_keep_others_out(secure_console, monkeypatch):
    monkeypatch.setattr(senders, "_is_near", lambda _peer: True)
    browser = Browser(application(secure_console), "https://star.example")

    def status(address):
        headers = {"x-forwarded-for": address, "origin": "https://star.example"}
        return browser.post("/login", headers=headers, name="a", password="b").status_code

    assert [status("9.9.9.9") for _ in range(31)][-1] == 429
    assert status("9.9.9.8") == 422


def test_a_viewer_sees_the_scope_and_its_file_without_what_would_declare_it(signed_in):
    browser = signed_in(Role.VIEWER)
    form, file = browser.get("/apply/scope"), browser.get("/apply/scope/text")
    assert (form.status_code, file.status_code) == (200, 200)
    assert '<fieldset class="whole" disabled>' in form.text
    for page in (form, file):
        assert not re.search(r"<button>(下一步|声明)", page.text)
        assert "您的角色只能查看" in page.text


def test_the_draft_of_the_next_version_says_that_the_one_before_holds(signed_in):
    text = signed_in(Role.ADMINISTRATOR).get("/apply/scope/text").text
    assert "第 1 版已声明并有效" in text
    assert "还没有声明。" not in text


def test_imported_hosts_are_not_said_to_report(signed_in):
    text = signed_in(Role.VIEWER).get(f"/?month={MONTH}").text
    assert "0 台正常上报" in text
    assert "台的数据来自导入" in text


def test_the_menu_and_the_tile_stay_with_the_month(signed_in):
    text = signed_in(Role.VIEWER).get(f"/?month={MONTH}").text
    for path in ("/hosts", "/coverage", "/figures", "/evidence", "/users"):
        assert f'<li><a href="{path}?month={MONTH}"' in text, path
    assert f'tile" href="/hosts?month={MONTH}"' in text
    assert '<li><a href="/sources"' in text
    assert (
        f'href="/hosts?sort=name&amp;month={MONTH}" rel="prev"' in signed_in(Role.VIEWER).get("/hosts").text
    )
    assert 'href="/hosts?month=x' not in signed_in(Role.VIEWER).get("/evidence/verify?month=x").text


def test_empty_pages_lead_to_the_page_that_helps(administrator):
    for path in ("/", "/hosts"):
        text = administrator.get(path).text
        assert '<a class="button" href="/settings">' in text, path
        assert "starproof collector token" not in text


def test_readings_that_make_no_figure_are_not_denied(signed_in):
    browser = signed_in(Role.VIEWER)
    found = re.search(r'href="/hosts/(\d+)[^"]*">&lt;script', browser.get(f"/hosts?month={MONTH}").text)
    text = browser.get(f"/hosts/{found[1]}?month={MONTH}").text
    assert "这个月没有数据" not in text
    assert "net.rx" in text


def test_a_month_before_the_log_has_no_days_without_a_witness_to_count(signed_in):
    text = signed_in(Role.VIEWER).get(f"/evidence?month={MONTH}").text
    tile = re.search(r'没有外部凭据的日子</span><span class="big">([^<]*)', text)
    assert tile[1] == "–"


def test_a_page_with_a_secret_has_no_switch_that_would_lose_it(administrator):
    for made in (
        administrator.post("/settings/tokens", page="/settings"),
        administrator.post("/tokens", page="/tokens", name="n", scope="figures", days="30"),
    ):
        assert made.status_code == 200
        assert 'action="/language"' not in made.text
    assert 'action="/language"' in administrator.get("/settings").text


def test_the_settings_offer_a_bundle_for_each_system_that_they_offer_a_command_for(administrator):
    text = administrator.get("/settings").text
    assert "--platform linux-x86_64" in text
    assert "--platform windows-x86_64" in text
    assert "ca.key" in administrator.get("/settings/backup").text


def test_the_help_of_serve_says_its_name_once(capsys):
    with pytest.raises(SystemExit):
        starproof(["serve", "--help"])
    shown = capsys.readouterr().out
    assert "usage: starproof serve [" in shown
    assert "serve serve" not in shown


def test_every_page_of_a_large_fleet_answers_at_once_and_is_there_when_it_is_computed(
    console, administrator, monkeypatch
):
    """Nobody waits for a computation, and none of it is an error: the page says so and asks again by itself."""
    done = threading.Event()
    for module, name in ((months, "read_figures"), (days, "read_days")):
        made = getattr(module, name)

        def slow(*given, made=made, **more):
            assert done.wait(60)
            return made(*given, **more)

        monkeypatch.setattr(module, name, slow)
    paths = ("/", "/figures", "/hosts", "/figures/cpu_utilization", "/coverage", "/coverage/2026-11-02")
    monkeypatch.setattr(snapshots, "PATIENCE_S", 0.01)
    for path in paths:
        answer = administrator.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (202, "5"), path
        assert "data-again" in answer.text
    done.set()
    monkeypatch.setattr(snapshots, "PATIENCE_S", 60.0)
    assert [administrator.get(path).status_code for path in paths] == [200] * len(paths)
