"""Signing in at an identity provider that signs with real keys, and every way of cheating at it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from console_world import NOW, PASSWORD, Browser

pytest.importorskip("joserfc", reason="the extra oidc is not installed")

from console_world import ENTERPRISE
from identity_provider import CLIENT, SECRET, IdentityProvider, generated_keys, serving
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from collector.http.buckets import Buckets
from collector.opening import open_store
from collector.settings import parse_settings
from collector.store import people
from console.access.accounts import AccountError
from console.access.roles import Role
from console.app import application, create_console
from console.identity.errors import REASONS
from console.identity.federation import UNDER_WAY_MS

BASE = "https://star.example"
KEYS = generated_keys()
ROLES = {"administrator": ["cloud-admins"], "operator": ["it"], "viewer": ["staff"], "reviewer": ["audit"]}


@pytest.fixture
def provider(clock):
    with serving(IdentityProvider(lambda: clock.now_ms // 1000, *KEYS)) as running:
        yield running


@pytest.fixture
def settled(tmp_path, provider, clock, events, passwords):
    """Return a function that opens a console whose settings name the provider, with one local administrator."""
    opened_ones = []

    def open_one(**more):
        secret = tmp_path / "secret"
        secret.write_text(SECRET, encoding="utf-8")
        secret.chmod(0o600)
        table = {
            "issuer": provider.url, "client_id": CLIENT, "client_secret": f"file:{secret}", "name": "企业门户",
            "roles": ROLES, **more,
        }  # fmt: skip
        settings = parse_settings({"public_url": BASE, "oidc": table}, where="test")
        opened = open_store(f"sqlite:///{tmp_path / 'starproof.db'}", enterprise=ENTERPRISE, now_ms=NOW)
        made = create_console(
            opened, settings=settings, url="http://127.0.0.1:1", clock=clock, log=events, passwords=passwords
        )
        made = replace(made, attempts=Buckets(10_000, time.monotonic))  # the rate has tests of its own
        opened_ones.append((opened, made))
        link = made.accounts.offer_setup(now_ms=NOW)
        made.accounts.set_up(link, name="admin", password=PASSWORD, now_ms=NOW)
        return made

    yield open_one
    for opened, made in opened_ones:
        made.jobs.close()
        made.snapshots.close()
        opened.store.close()


@pytest.fixture
def here(settled):
    return settled()


@pytest.fixture
def browser(here):
    return Browser(application(here), base_url=BASE)


def _sent_off(browser, onward="/"):
    """Return where the provider sends the browser back to."""
    begun = browser.get("/login/oidc", params={"next": onward})
    assert begun.status_code == 303
    back = httpx.get(begun.headers["location"], follow_redirects=False).headers["location"]
    assert back.startswith(f"{BASE}/login/oidc/back?")
    return back.removeprefix(BASE)


def _came_back(browser, onward="/"):
    return browser.get(_sent_off(browser, onward))


def _refused(answer):
    """Return the reason with which somebody was led back to the door."""
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    assert parts.path == "/login"
    assert set(parse_qs(parts.query)) == {"refused", "next"}
    return parse_qs(parts.query)["refused"][0]


def _who(console, browser):
    token = browser.http.cookies.get("__Host-starproof", "")
    return console.sessions.who(token, now_ms=console.clock())


def _trail(console):
    with console.store.reading() as connection:
        return connection.exec_driver_sql(
            "select actor, action, detail from audit_trail order by id"
        ).fetchall()


def test_a_person_of_the_provider_signs_in_and_has_the_role_of_the_group(here, browser, provider):
    door = browser.get("/login?next=/hosts").text
    assert "用企业门户登录" in door
    assert f'href="{BASE}/login/oidc?next=/hosts"' in door
    before = browser.http.cookies["__Host-starproof"]
    answer = _came_back(browser, "/hosts?state=silent")
    assert (answer.status_code, answer.headers["location"]) == (303, "/hosts?state=silent")
    assert browser.http.cookies["__Host-starproof"] != before
    known = _who(here, browser)
    assert (known.name, known.role) == ("张工", Role.OPERATOR)
    assert browser.get("/hosts").status_code == 200
    assert browser.get("/people").status_code == 403
    assert "统一身份认证登录" in browser.get("/account").text
    said = [tuple(row) for row in _trail(here)][-2:]
    assert said[0][:2] == ("oidc", "PERSON_ADDED")
    assert said[1] == ("张工", "SIGN_IN", "oidc")
    assert provider.asked == ["discovery", "token", "keys"]
    assert browser.post("/logout", page="/account").status_code == 303
    assert _who(here, browser) is None


def test_the_same_person_is_the_same_account_whatever_the_name_and_the_role_follows_the_group(
    here, browser, provider
):
    _came_back(browser)
    number = _who(here, browser).id
    provider.person |= {"preferred_username": "another name", "groups": ["cloud-admins", "staff"]}
    _came_back(browser)
    assert (_who(here, browser).id, _who(here, browser).role) == (number, Role.ADMINISTRATOR)
    assert ("oidc", "PERSON_ROLE", "张工 operator -> administrator") in [tuple(row) for row in _trail(here)]
    page = browser.get("/people").text
    assert "统一身份认证给定" in page
    assert f'action="/people/{number}/password"' not in page
    for path, fields in (("role", {"role": "viewer"}), ("password", {"password": "another long sentence"})):
        answer = browser.post(f"/people/{number}/{path}", page="/people", **fields)
        assert answer.status_code == 422
        assert "此账户由统一身份认证登录" in answer.text


def test_a_name_that_somebody_here_has_gives_nobody_that_account(here, browser, provider):
    provider.person |= {"preferred_username": "admin", "groups": ["staff"]}
    _came_back(browser)
    known = _who(here, browser)
    assert (known.name, known.role) == ("admin (2)", Role.VIEWER)
    provider.person["sub"] = "another"
    _came_back(browser)
    assert _who(here, browser).name == "admin (3)"


def test_local_accounts_go_on_working_and_those_of_the_provider_have_no_password(here, browser, provider):
    _came_back(browser)
    other = Browser(application(here), base_url=BASE)
    for guess in ("", PASSWORD):
        assert other.sign_in("张工", guess).status_code == 422
    assert other.sign_in("admin").status_code == 303
    assert _who(here, other).role is Role.ADMINISTRATOR
    with here.store.reading() as connection:
        number = people.by_name(connection, "张工").id
    assert other.post(f"/people/{number}/remove", page="/people").status_code == 303
    assert _who(here, browser) is None
    _came_back(browser)
    assert _who(here, browser).name == "张工"


def test_who_has_no_group_of_ours_is_refused_and_gets_no_account(here, browser, provider):
    provider.person["groups"] = ["canteen"]
    assert _refused(_came_back(browser)) == "no-role"
    assert "没有角色" in browser.get("/login?refused=no-role").text
    assert [one.name for one in here.accounts.people()] == ["admin"]
    assert _trail(here)[-1][1] == "SIGN_IN_REFUSED"
    assert _who(here, browser) is None


def test_who_loses_the_last_group_is_out_everywhere_at_the_next_try(here, browser, provider):
    _came_back(browser)
    other = Browser(application(here), base_url=BASE)
    _came_back(other)
    provider.person["groups"] = []
    other.http.cookies.clear()
    assert _refused(_came_back(other)) == "no-role"
    assert _who(here, browser) is None


def test_a_claim_of_another_shape_gives_no_role(browser, provider):
    for groups in (None, 7, {}, [["it"]], {"it": True}, "it "):
        provider.person["groups"] = groups
        assert _refused(_came_back(browser)) == "no-role", groups


HMAC_HEADER = b'{"alg":"HS256","kid":"rsa-1"}'
NONE_HEADER = b'{"alg":"none"}'


def _part(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _hmac_with_public_key(claims):
    """By hand: the library itself refuses to take a public key for a secret."""
    signed = f"{_part(HMAC_HEADER)}.{_part(json.dumps(claims).encode())}"
    made = hmac.new(KEYS[0].as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_part(made)}"


def _unsigned(claims):
    return f"{_part(NONE_HEADER)}.{_part(json.dumps(claims).encode())}."


def _by_another_key(claims):
    return jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, OTHER_KEY, ["RS256"])


def _by_a_key_in_its_header(claims):
    header = {"alg": "ES256", "jwk": OWN_KEY.as_dict(private=False), "kid": "mine"}
    return jws.serialize_compact(header, json.dumps(claims).encode(), OWN_KEY, ["ES256"])


def _changed_after_signing(claims):
    parts = jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, KEYS[0], ["RS256"]).split(".")
    more = jwt.encode({"alg": "RS256"}, claims | {"groups": ["cloud-admins"]}, KEYS[0], ["RS256"]).split(".")
    return ".".join((parts[0], more[1], parts[2]))


OTHER_KEY = RSAKey.generate_key(2048)
OWN_KEY = ECKey.generate_key("P-256")
FORGERIES = [
    _hmac_with_public_key, _unsigned, _by_another_key, _by_a_key_in_its_header, _changed_after_signing,
    lambda _claims: "", lambda _claims: "a.b.c", lambda _claims: "x" * 70_000, lambda _claims: 7,
]  # fmt: skip
LIES = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another client's": {"aud": "other"},
    "another client's beside ours": {"aud": [CLIENT, "other"]},
    "handed on by another client": {"azp": "other"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": NOW // 1000 - 61},
    "never ends": {"exp": None},
    "ends in words": {"exp": "tomorrow"},
    "made in the future": {"iat": NOW // 1000 + 61},
    "made long ago": {"iat": 1},
    "made eleven minutes and a second ago": {"iat": NOW // 1000 - 661},
    "made at no time": {"iat": float("nan")},
    "not yet": {"nbf": NOW // 1000 + 61},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a subject too long": {"sub": "x" * 256},
}


def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(here, browser, provider):
    for forge in FORGERIES:
        provider.sign = forge
        assert _refused(_came_back(browser)) == "answer", forge
        assert _who(here, browser) is None, forge
    assert len(here.accounts.people()) == 1


def test_a_signed_token_that_is_not_for_this_sign_in_lets_nobody_in(here, browser, provider):
    for name, lie in LIES.items():
        provider.bend = lambda claims, lie=lie: {
            claim: value for claim, value in (claims | lie).items() if value is not None
        }
        assert _refused(_came_back(browser)) == "answer", name
        assert _who(here, browser) is None, name


def test_clocks_may_differ_by_a_minute(here, browser, provider, clock):
    provider.bend = lambda claims: claims | {"exp": NOW // 1000 - 59, "iat": NOW // 1000 + 59}
    _came_back(browser)
    assert _who(here, browser) is not None


def test_an_answer_serves_once_in_the_browser_that_asked_and_for_ten_minutes(here, browser, provider, clock):
    back = _sent_off(browser)
    thief = Browser(application(here), base_url=BASE)
    thief.get("/login")
    assert _refused(thief.get(back)) == "stale"
    kept = browser.http.cookies["__Host-starproof"]
    assert browser.get(back).headers["location"] == "/"
    browser.http.cookies.set("__Host-starproof", kept)  # the browser as it was, with the same answer again
    assert _refused(browser.get(back)) == "stale"
    late = _sent_off(browser)
    clock.now_ms += UNDER_WAY_MS
    assert _refused(browser.get(late)) == "stale"
    for made_up in ("", "state=x&code=y", f"state={'x' * 500}&code=y", "code=y"):
        assert _refused(browser.get(f"/login/oidc/back?{made_up}")) == "stale"


def test_a_state_is_used_up_by_an_answer_that_failed(here, browser, provider):
    back = _sent_off(browser)
    provider.status["token"] = 500
    assert _refused(browser.get(back)) == "unreachable"
    provider.status.clear()
    assert _refused(browser.get(back)) == "stale"


def test_an_answer_of_another_provider_is_not_taken_to_this_one(browser, provider):
    """Mix-up (RFC 9207): the code is not shown to anybody."""
    for issuer in ("https://evil.example", ""):
        provider.more = {"iss": issuer}
        assert _refused(_came_back(browser)) == "answer"
    assert "token" not in provider.asked


def test_a_code_of_another_sign_in_is_of_no_use(here, browser, provider):
    """Somebody's code injected into one's own answer: PKCE holds it to the browser that began."""
    other = Browser(application(here), base_url=BASE)
    stolen = parse_qs(urlsplit(_sent_off(other)).query)["code"][0]
    mine = parse_qs(urlsplit(_sent_off(browser)).query)
    answer = browser.get(
        "/login/oidc/back", params={"state": mine["state"][0], "iss": mine["iss"][0], "code": stolen}
    )
    assert _refused(answer) == "answer"


def test_nobody_is_sent_to_another_site_after_signing_in_there(browser):
    for onward in ("//evil.example", "https://evil.example/", "/\\evil.example", "/a\nb"):
        assert _came_back(browser, onward).headers["location"] == "/"
        browser.http.cookies.clear()


def test_a_reviewer_of_the_provider_lands_on_the_evidence(browser, provider):
    provider.person["groups"] = "audit"
    assert _came_back(browser).headers["location"] == "/evidence"


def test_a_person_who_cancels_there_is_told_so(browser, provider):
    provider.more = {"error": "access_denied"}
    assert _refused(_came_back(browser)) == "denied"


def test_a_provider_that_changes_its_keys_is_asked_again_but_not_for_every_token(here, browser, provider):
    _came_back(browser)
    fresh = ECKey.generate_key("P-256", parameters={"kid": "ec-2"})
    provider.published, provider.key, provider.alg = [fresh], fresh, "ES256"
    kept = here.federation._provider
    first_s = kept._monotonic()
    kept._monotonic = lambda: first_s + 61
    _came_back(browser)
    assert _who(here, browser).name == "张工"
    provider.key = ECKey.generate_key("P-256", parameters={"kid": "unknown"})
    before = provider.asked.count("keys")
    for _ in range(3):
        assert _refused(_came_back(browser)) == "answer"
    assert provider.asked.count("keys") == before


def test_a_discovery_document_that_cannot_be_believed_stops_at_the_door(here, browser, provider):
    for lie, reason in (
        ({"metadata": {"issuer": "https://evil.example"}}, "answer"),
        ({"metadata": {"token_endpoint": "ftp://x/"}}, "answer"),
        ({"metadata": {"jwks_uri": None}}, "answer"),
        ({"padding": 300_000}, "unreachable"),
        ({"status": {"discovery": 302}}, "answer"),
        ({"status": {"discovery": 503}}, "unreachable"),
    ):
        usual = {name: vars(provider)[name] for name in lie}
        vars(provider).update(lie)
        assert _refused(browser.get("/login/oidc")) == reason, lie
        vars(provider).update(usual)
        last = here.log.lines[-1]
        assert (last["event"], last["reason"]) == ("oidc_refused", reason)
        assert here.pages.say(REASONS[reason], "zh") in browser.get(f"/login?refused={reason}").text


def test_a_key_that_cannot_be_trusted_is_none(browser, provider):
    """Small RSA keys, secrets and keys for other uses in the provider's set are passed over."""
    provider.key_set = lambda: {
        "keys": [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa-1"},
            {**KEYS[0].as_dict(private=False), "use": "enc"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa-1"},
            "no key",
        ]
    }
    assert _refused(_came_back(browser)) == "answer"


def test_two_keys_and_a_token_that_does_not_say_which(browser, provider):
    second = RSAKey.generate_key(2048, parameters={"kid": "rsa-2"})
    provider.published = [KEYS[0], second]
    provider.sign = lambda claims: jwt.encode({"alg": "RS256"}, claims, KEYS[0], ["RS256"])
    assert _refused(_came_back(browser)) == "answer"


def test_before_the_console_is_set_up_nobody_comes_in_from_elsewhere(here, browser, provider):
    with here.store.writing() as connection:
        people.remove(connection, people.by_name(connection, "admin").id)
    assert _refused(browser.get("/login/oidc")) == "no-account"


def test_a_role_deep_in_the_token_and_the_secret_in_the_form(settled, provider):
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.person = {"sub": "1", "realm_access": {"roles": ["it"]}, "name": "\u202e李 \t工"}
    console = settled(roles_claim="realm_access.roles", name_claim="name")
    browser = Browser(application(console), base_url=BASE)
    _came_back(browser)
    assert (_who(console, browser).name, _who(console, browser).role) == ("李 工", Role.OPERATOR)


def test_without_a_provider_in_the_settings_there_is_no_button_and_no_way(visitor):
    assert "/login/oidc" not in visitor.get("/login").text
    assert visitor.get("/login/oidc").status_code == 404
    assert visitor.get("/login/oidc/back?state=x&code=y").status_code == 404


def test_the_last_local_administrator_stays_although_the_provider_has_one(here, browser, provider):
    provider.person["groups"] = ["cloud-admins"]
    _came_back(browser)
    assert _who(here, browser).role is Role.ADMINISTRATOR
    local = next(one for one in here.accounts.people() if one.password)
    for path, fields in (
        (f"/people/{local.id}/role", {"role": "viewer"}),
        (f"/people/{local.id}/remove", {}),
    ):
        answer = browser.post(path, page="/people", **fields)
        assert (answer.status_code, "至少要留一位本系统的管理员" in answer.text) == (422, True)
    assert here.accounts.offer_setup(now_ms=NOW) is None
    here.accounts.add(name="deputy", role="administrator", password=PASSWORD, actor="admin", now_ms=NOW)
    assert browser.post(f"/people/{local.id}/remove", page="/people").status_code == 303


def test_a_door_without_a_local_administrator_offers_setup_again_and_lets_the_others_in(
    here, browser, provider
):
    _came_back(browser)
    with here.store.writing() as connection:
        for one in here.accounts.people():
            if one.password:
                people.remove(connection, one.id)
    assert "没有本系统的管理员账户" in Browser(application(here), base_url=BASE).get("/login").text
    again = Browser(application(here), base_url=BASE)
    _came_back(again)
    assert _who(here, again) is not None
    link = here.accounts.offer_setup(now_ms=NOW)
    with pytest.raises(AccountError, match=r"person\.taken"):
        here.accounts.set_up(link, name=_who(here, again).name, password=PASSWORD, now_ms=NOW)
    here.accounts.set_up(link, name="owner", password=PASSWORD, now_ms=NOW)
    assert here.sessions.sign_in("owner", PASSWORD, now_ms=NOW) is not None


def test_somebody_whom_the_provider_calls_as_a_program_is_called_otherwise(here, browser, provider):
    provider.person["preferred_username"] = "Collector"
    _came_back(browser)
    assert _who(here, browser).name == "Collector (2)"
