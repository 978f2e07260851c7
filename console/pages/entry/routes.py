"""Endpoints of the door. Those that need nothing are all here."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from collector.store import people
from collector.store.registry import DEFAULT_ENTERPRISE
from console.access.accounts import AccountError
from console.access.passwords import MOST_CHARACTERS
from console.access.roles import Need, Role
from console.access.senders import sender_of
from console.guard import Refusal
from console.identity.errors import REASONS, IdentityError
from console.identity.interface import BACK, Returned, SigningInElsewhere
from console.language import COOKIE, chosen
from console.naming import NamingError, checked, may_be_named, name_enterprise
from console.page import Page
from console.pages.entry.live import stream
from console.visit import REFUSED, SEE_OTHER, NotFoundError, Visit, local

LANDING = {Role.REVIEWER: "/evidence"}
"""Where people land who may not open the overview."""


def signing_in(visit: Visit) -> Response:
    """Show the form for signing in; who is signed in goes on."""
    onward = local(visit.query.get("next"))
    if visit.person is not None:
        return visit.back_to(onward)
    with visit.console.store.reading() as connection:
        closed = not people.local_administrators(connection)
        words = "entry.no_local" if people.anybody(connection) else "entry.no_people"
    problem = words if closed else REASONS.get(visit.query.get("refused", ""), "")
    return _door(visit, onward=onward, problem=problem, status=200)


def sign_in(visit: Visit) -> Response:
    """Take name and password; begin a session under a new token."""
    peer = _require_rate(visit)
    name, password = visit.form.get("name", "").strip(), visit.form.get("password", "")
    onward = local(visit.form.get("next"))
    token = visit.console.sessions.sign_in(name, password, now_ms=visit.now_ms)
    if token is None:
        visit.console.log("sign_in_refused", peer=peer)
        return _door(visit, onward=onward, problem="entry.wrong", name=name)
    return _inside(visit, token, onward)


def go_to_provider(visit: Visit) -> Response:
    """Send somebody to the identity provider; by a link, because a form may not lead to another site."""
    federation = _federation(visit)
    _require_rate(visit)
    onward = local(visit.query.get("next"))
    _ = visit.csrf  # a browser without a token gets one: the sign-in is tied to it
    try:
        return RedirectResponse(federation.begin(visit.token, onward=onward, now_ms=visit.now_ms), SEE_OTHER)
    except IdentityError as error:
        return _not_let_in(visit, error, onward=onward)


def back_from_provider(visit: Visit) -> Response:
    """Take what somebody brings back from the identity provider; begin a session under a new token."""
    federation = _federation(visit)
    _require_rate(visit)
    given = {name: visit.query.get(name, "") for name in ("state", "code", "error", "iss")}
    returned = Returned(given["state"], given["code"], given["error"], given["iss"])
    try:
        token, onward = federation.finish(visit.token, returned, now_ms=visit.now_ms)
    except IdentityError as error:
        return _not_let_in(visit, error, onward="/")
    return _inside(visit, token, local(onward))


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.console.sessions.sign_out(visit.token)
    visit.cookies[visit.console.session_cookie(secure=visit.secure)] = None
    return visit.back_to("/login")


def setting_up(visit: Visit) -> Response:
    """Show the form for the first account, to who has the link."""
    link = visit.query.get("link", "")
    if not visit.console.accounts.setup_is_open(link, now_ms=visit.now_ms):
        return visit.render("entry/setup_over.html", status=404)
    return _setup(visit, link)


def set_up(visit: Visit) -> Response:
    """Make the first account and sign it in."""
    link, name, password = (visit.form.get(field, "") for field in ("link", "name", "password"))
    if not visit.console.accounts.setup_is_open(link, now_ms=visit.now_ms):
        return visit.render("entry/setup_over.html", status=404)
    nameless = may_be_named(visit.console.store, visit.console.settings)
    try:
        enterprise = _named(visit) if nameless else ""
        _require_twice(visit)
        visit.console.accounts.set_up(link, name=name.strip(), password=password, now_ms=visit.now_ms)
    except (AccountError, NamingError) as error:
        return _setup(visit, link, problem=error.words)
    if enterprise:
        with suppress(
            NamingError
        ):  # a host that enrols at this instant is first; the page of settings says so
            name_enterprise(
                visit.console.store,
                visit.console.settings,
                enterprise,
                actor=name.strip(),
                now_ms=visit.now_ms,
            )
    token = visit.console.sessions.sign_in(name.strip(), password, now_ms=visit.now_ms)
    return visit.back_to("/login") if token is None else _inside(visit, token, "/")


def _named(visit: Visit) -> str:
    """Return the name that was given; empty keeps the one that there is."""
    said = visit.form.get("enterprise", "").strip()
    return checked(said) if said or visit.console.enterprise == DEFAULT_ENTERPRISE else ""


def _setup(visit: Visit, link: str, *, problem: str = "") -> Response:
    known = visit.console.enterprise
    return visit.render(
        "entry/setup.html",
        status=REFUSED if problem else 200,
        link=link,
        name=visit.form.get("name", ""),
        enterprise=visit.form.get("enterprise", "" if known == DEFAULT_ENTERPRISE else known),
        nameless=may_be_named(visit.console.store, visit.console.settings),
        problem=problem,
    )


def account(visit: Visit) -> Response:
    """Show one's own account."""
    return _account(visit, problem="", status=200)


def change_password(visit: Visit) -> Response:
    """Change one's own password, which ends all of one's sessions."""
    if visit.person is None:  # the guard lets nobody through; for the type
        raise NotFoundError
    try:
        _require_twice(visit)
        _require_known(visit, visit.person.id)
        visit.console.accounts.set_password(
            visit.person.id, password=visit.form.get("password", ""), actor=visit.actor, now_ms=visit.now_ms
        )
    except AccountError as error:
        return _account(visit, problem=error.words)
    return visit.back_to("/login", said="account.password_done")


def choose_language(visit: Visit) -> Response:
    """Remember the language."""
    visit.cookies[COOKIE] = chosen(visit.form.get("language"))
    return visit.back_to(local(visit.form.get("next")))


def _door(visit: Visit, *, onward: str, problem: str, name: str = "", status: int = REFUSED) -> Response:
    federation = visit.console.federation
    return visit.render(
        "entry/login.html", status=status, onward=onward, name=name, problem=problem, federation=federation
    )


def _account(visit: Visit, *, problem: str, status: int = REFUSED) -> Response:
    elsewhere = visit.person is not None and visit.person.id in visit.console.accounts.elsewhere()
    return visit.render("entry/account.html", status=status, problem=problem, elsewhere=elsewhere)


def _federation(visit: Visit) -> SigningInElsewhere:
    if visit.console.federation is None:
        raise NotFoundError
    return visit.console.federation


def _not_let_in(visit: Visit, error: IdentityError, *, onward: str) -> Response:
    """Lead back to the door, so that neither state nor code stays in the address."""
    reason = next(reason for reason, words in REASONS.items() if words == error.words)
    visit.console.log("oidc_refused", reason=reason, message=str(error), peer=_peer(visit))
    return visit.back_to(f"/login?refused={reason}&next={quote(onward, safe='')}")


def _peer(visit: Visit) -> str:
    return sender_of(visit.request, proxied=visit.console.proxied)


def _require_rate(visit: Visit) -> str:
    """Return who asks, if not too often."""
    peer = _peer(visit)
    wait_s = visit.console.attempts.wait_s(peer)
    if wait_s:
        raise Refusal(429, "error.attempts", again_s=wait_s)
    return peer


def _require_twice(visit: Visit) -> None:
    if visit.form.get("password") != visit.form.get("again"):
        raise AccountError("setup.differ")


def _require_known(visit: Visit, person: int) -> None:
    old = visit.form.get("old", "")[: MOST_CHARACTERS + 1]
    if not visit.console.sessions.confirm(person, old, now_ms=visit.now_ms):
        raise AccountError("account.wrong")


def _inside(visit: Visit, token: str, onward: str) -> Response:
    visit.cookies[visit.console.session_cookie(secure=visit.secure)] = token
    known = visit.console.sessions.who(token, now_ms=visit.now_ms)
    if known is not None and onward == "/":
        onward = LANDING.get(known.role, "/")
    return visit.back_to(onward)


PAGES = (
    Page("/login", signing_in, needs=Need.NOTHING),
    Page("/login", sign_in, needs=Need.NOTHING, methods=("POST",)),
    Page("/login/oidc", go_to_provider, needs=Need.NOTHING, is_page=False),
    Page(BACK, back_from_provider, needs=Need.NOTHING, is_page=False),
    Page("/setup", setting_up, needs=Need.NOTHING),
    Page("/setup", set_up, needs=Need.NOTHING, methods=("POST",)),
    Page("/language", choose_language, needs=Need.NOTHING, methods=("POST",)),
    Page("/logout", sign_out, needs=Need.SIGNED_IN, methods=("POST",)),
    Page("/account", account, needs=Need.SIGNED_IN),
    Page("/account/password", change_password, needs=Need.SIGNED_IN, methods=("POST",)),
    Page("/live", stream, needs=Need.SIGNED_IN),
)
