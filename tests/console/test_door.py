"""The door: setting up, signing in and out, locks, sessions, forms from elsewhere."""

from __future__ import annotations

import pytest
from console_world import NOW, PASSWORD, Browser

from collector.store import people
from console.access import sessions
from console.access.passwords import Passwords, Weakness, weakness
from console.access.roles import Role
from console.access.sessions import IDLE_MS, LOCK_MS, MOST_FAILURES, SESSION_MS
from console.app import application
from console.visit import local

pytestmark = pytest.mark.both_stores


def _role_of(console, name):
    with console.store.reading() as connection:
        return people.by_name(connection, name).role


def test_the_setup_link_makes_one_administrator_and_is_used_up(console, visitor):
    secret = console.accounts.offer_setup(now_ms=NOW)
    page = f"/setup?link={secret}"
    form = {"link": secret, "name": "wang", "password": PASSWORD, "again": PASSWORD}
    assert visitor.get(page).status_code == 200
    made = visitor.post("/setup", page=page, **form)
    assert (made.status_code, made.headers["location"]) == (303, "/")
    assert _role_of(console, "wang") == "administrator"
    assert visitor.get("/people").status_code == 200
    other = Browser(application(console))
    assert other.get(page).status_code == 404
    assert other.post("/setup", **{**form, "name": "li"}).status_code == 404
    assert console.accounts.offer_setup(now_ms=NOW) is None


@pytest.mark.parametrize(
    "link", ["", "x", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]
)
def test_a_made_up_setup_link_opens_nothing(console, visitor, link):
    console.accounts.offer_setup(now_ms=NOW)
    assert visitor.get("/setup", params={"link": link}).status_code == 404


def test_a_setup_link_ends_after_a_day_and_with_the_next_one(console, clock, visitor):
    first = console.accounts.offer_setup(now_ms=NOW)
    second = console.accounts.offer_setup(now_ms=NOW)
    assert visitor.get(f"/setup?link={first}").status_code == 404
    clock.now_ms += 24 * 3_600_000
    assert visitor.get(f"/setup?link={second}").status_code == 404


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", Weakness.SHORT),
        ("x" * 257, Weakness.LONG),
        ("Password12345", Weakness.COMMON),
        ("ababababababab", Weakness.SAME),
        ("my name is WANG and", Weakness.NAME),
        ("sail boats on tai lake", None),
        ("太湖上的帆船今天很多呀吧", None),
    ],
)
def test_passwords_that_everybody_would_try_are_not_taken(password, why):
    assert weakness(password, name="wang") is why


def test_a_weak_password_is_said_to_be_weak_and_makes_no_account(console, visitor):
    secret = console.accounts.offer_setup(now_ms=NOW)
    answer = visitor.post(
        "/setup",
        page=f"/setup?link={secret}",
        link=secret,
        name="wang",
        password="password1234",
        again="password1234",
    )
    assert answer.status_code == 422
    assert "太常见" in answer.text
    assert console.accounts.people() == []


def test_ten_wrong_passwords_lock_the_account_for_minutes_even_for_the_right_one(
    console, administrator, clock
):
    other = Browser(application(console))
    for _ in range(MOST_FAILURES):
        answer = other.sign_in("admin", "wrong wrong wrong")
        assert answer.status_code == 422
    locked = other.sign_in("admin")
    assert locked.status_code == 422
    # What is said does not tell whether the password was right, or whether there is such an account.
    assert (
        locked.text.count("账户名或密码不对") == other.sign_in("nobody").text.count("账户名或密码不对") == 1
    )
    clock.now_ms += LOCK_MS
    assert other.sign_in("admin").status_code == 303
    with console.store.reading() as connection:
        trail = connection.exec_driver_sql("select action from audit_trail order by id").scalars().all()
    assert trail.count("LOCKED") == 1


def test_a_lock_from_a_clock_that_was_ahead_keeps_nobody_out_for_a_year(console, administrator):
    ahead = NOW + 365 * 86_400_000
    for _ in range(MOST_FAILURES):
        assert console.sessions.sign_in("admin", "wrong", now_ms=ahead) is None
    assert console.sessions.sign_in("admin", PASSWORD, now_ms=ahead) is None
    assert console.sessions.sign_in("admin", PASSWORD, now_ms=NOW) is not None


def test_a_right_password_forgives_the_wrong_ones_before_it(console, administrator):
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            assert console.sessions.sign_in("admin", "wrong", now_ms=NOW) is None
        assert console.sessions.sign_in("admin", PASSWORD, now_ms=NOW) is not None


def test_an_unknown_name_costs_a_comparison_like_a_known_one(console, administrator, monkeypatch):
    compared = []
    agrees = Passwords.agrees
    monkeypatch.setattr(
        Passwords, "agrees", lambda self, kept, text: compared.append(kept) or agrees(self, kept, text)
    )
    console.sessions.sign_in("nobody", PASSWORD, now_ms=NOW)
    console.sessions.sign_in("admin", "wrong", now_ms=NOW)
    assert len(compared) == 2
    assert compared[0] is None


def test_too_many_attempts_from_one_address_must_wait(visitor):
    statuses = {visitor.sign_in(f"name-{number}").status_code for number in range(40)}
    assert statuses == {422, 429}


def test_a_session_ends_when_idle_when_old_and_when_signed_out(console, administrator, clock):
    assert administrator.get("/").status_code == 200
    begun = clock.now_ms
    while clock.now_ms + IDLE_MS < begun + SESSION_MS:
        clock.now_ms += IDLE_MS
        assert administrator.get("/").status_code == 200
    clock.now_ms = begun + SESSION_MS
    assert administrator.get("/").status_code == 303
    administrator.sign_in("admin")
    assert administrator.get("/").status_code == 200
    clock.now_ms += IDLE_MS + 1
    assert administrator.get("/").status_code == 303
    administrator.sign_in("admin")
    kept = dict(administrator.http.cookies)
    assert administrator.post("/logout", page="/account").status_code == 303
    administrator.http.cookies.update(kept)
    assert administrator.get("/").status_code == 303


@pytest.mark.sqlite_only("reads its file")
def test_the_store_keeps_no_token_and_no_password(console, administrator, tmp_path):
    administrator.get("/")
    token = administrator.http.cookies["starproof"]
    with console.store.reading() as connection:
        kept = connection.exec_driver_sql("select sha256 from session").scalars().all()
        assert kept == [sessions.digest(token)]
    raw = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert sessions.digest(token).encode() in raw
    assert token.encode() not in raw
    assert PASSWORD.encode() not in raw


def test_signing_in_gives_another_token_than_the_browser_had(console, visitor):
    secret = console.accounts.offer_setup(now_ms=NOW)
    console.accounts.set_up(secret, name="admin", password=PASSWORD, now_ms=NOW)
    visitor.get("/login")
    before = visitor.http.cookies["starproof"]
    visitor.sign_in("admin")
    assert visitor.http.cookies["starproof"] != before
    visitor.http.cookies.set("starproof", before)
    assert visitor.get("/").status_code == 303


def test_cookies_are_bound_to_tls_and_this_host_where_there_is_tls(secure_console):
    browser = Browser(application(secure_console), base_url="https://star.example")
    answer = browser.get("/login")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-starproof=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {
        part.strip().lower() for part in cookie.split(";")
    }
    assert "domain" not in cookie.lower()
    assert "strict-transport-security" in answer.headers
    assert "未加密" not in answer.text
    plain = Browser(application(secure_console), base_url="http://127.0.0.1:8440").get("/login")
    assert plain.headers["set-cookie"].startswith("starproof=")
    assert "未加密" in plain.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://console.test.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(administrator, headers):
    answer = administrator.post("/logout", page="/account", headers=headers)
    assert answer.status_code == 403
    assert "别的网站" in answer.text
    assert administrator.get("/").status_code == 200


def test_a_form_without_the_browsers_token_is_refused(console, administrator):
    for token in ("", "0" * 64, Browser(application(console)).token()):
        answer = administrator.http.post("/logout", data={"csrf": token})
        assert answer.status_code == 403
        assert "已过期" in answer.text
    assert administrator.get("/").status_code == 200
    assert (
        administrator.http.post("/logout", headers={"x-csrf": administrator.token("/account")}).status_code
        == 303
    )


def test_a_form_larger_than_its_page_allows_is_refused_also_when_it_lies_about_its_size(administrator):
    token = administrator.token("/account")
    big = b"csrf=" + token.encode() + b"&x=" + b"a" * 200_000
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert administrator.http.post("/logout", content=big, headers=kind).status_code == 413
    assert administrator.http.post("/logout", content=iter([big]), headers=kind).status_code == 413
    files = {"file": ("x", b"a")}
    assert administrator.http.post("/logout", data={"csrf": token}, files=files).status_code == 400


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil",
        "/a\nb",
        "http:evil",
        "",
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(administrator, console, elsewhere):
    assert local(elsewhere) == "/"
    other = Browser(application(console))
    assert other.sign_in("admin", next=elsewhere).headers["location"] == "/"
    assert other.get("/login", params={"next": elsewhere}).headers["location"] == "/"
    assert other.post("/language", page="/account", language="en", next=elsewhere).headers["location"] == "/"


def test_somebody_who_was_sent_to_sign_in_comes_back(console, administrator):
    other = Browser(application(console))
    asked = other.get("/hosts?state=silent").headers["location"]
    assert asked == "/login?next=%2Fhosts%3Fstate%3Dsilent"
    assert other.sign_in("admin", next="/hosts?state=silent").headers["location"] == "/hosts?state=silent"


def test_pages_speak_chinese_until_another_language_is_chosen(visitor):
    assert '<html lang="zh-CN">' in visitor.get("/login", headers={"accept-language": "en"}).text
    visitor.post("/language", language="en", next="/login")
    assert '<html lang="en">' in visitor.get("/login").text
    visitor.post("/language", language="xx", next="/login")
    assert '<html lang="zh-CN">' in visitor.get("/login").text


def test_changing_ones_password_asks_for_the_old_one_and_ends_all_sessions(console, administrator):
    new = "another long sentence"
    wrong = administrator.post("/account/password", page="/account", old="wrong", password=new, again=new)
    assert wrong.status_code == 422
    differ = administrator.post(
        "/account/password", page="/account", old=PASSWORD, password=new, again="else"
    )
    assert differ.status_code == 422
    done = administrator.post("/account/password", page="/account", old=PASSWORD, password=new, again=new)
    assert done.status_code == 303
    assert administrator.get("/").status_code == 303
    assert console.sessions.sign_in("admin", PASSWORD, now_ms=NOW) is None
    assert console.sessions.sign_in("admin", new, now_ms=NOW) is not None


def test_somebody_must_stay_administrator(console, administrator):
    number = console.accounts.people()[0].id
    for path, fields in ((f"/people/{number}/role", {"role": "viewer"}), (f"/people/{number}/remove", {})):
        answer = administrator.post(path, page="/people", **fields)
        assert answer.status_code == 422
        assert "至少要留一位本系统的管理员" in answer.text
    assert _role_of(console, "admin") == "administrator"


def test_an_administrator_adds_changes_unlocks_and_removes_people(console, administrator):
    def send(path, **fields):
        return administrator.post(path, page="/people", **fields).status_code

    assert send("/people", name="li", role="viewer", password=PASSWORD) == 303
    assert send("/people", name="li", role="viewer", password=PASSWORD) == 422
    assert send("/people", name="zhao", role="god", password=PASSWORD) == 422
    assert send("/people", name=" ", role="viewer", password=PASSWORD) == 422
    number = next(one.id for one in console.accounts.people() if one.name == "li")
    assert send(f"/people/{number}/role", role="operator") == 303
    assert _role_of(console, "li") == "operator"
    for _ in range(MOST_FAILURES):
        console.sessions.sign_in("li", "wrong", now_ms=NOW)
    assert "锁定至" in administrator.get("/people").text
    assert send(f"/people/{number}/password", password="yet another sentence") == 303
    token = console.sessions.sign_in("li", "yet another sentence", now_ms=NOW)
    assert console.sessions.who(token, now_ms=NOW).role is Role.OPERATOR
    assert send(f"/people/{number}/remove") == 303
    assert console.sessions.who(token, now_ms=NOW) is None
    assert send(f"/people/{number}/remove") == 422
    with console.store.reading() as connection:
        trail = connection.exec_driver_sql("select actor, action from audit_trail order by id").fetchall()
    assert [action for actor, action in trail if actor == "admin"][-4:] == [
        "PERSON_ADDED",
        "PERSON_ROLE",
        "PERSON_PASSWORD",
        "PERSON_REMOVED",
    ]
