"""Enrolling hosts: a one-time token, the command to paste, and who has arrived."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from starlette.responses import Response

from collector import tokens
from collector.names import is_host_name
from collector.store import one_time_tokens, registry
from collector.store.one_time_tokens import Arrival
from collector.tls.command import pin_of
from collector.tokens import IssuedToken
from console.naming import may_be_named
from console.pages.overview.months import fleet_of
from console.visit import REFUSED, NotFoundError, Visit
from evidence.fields import is_hash
from evidence.sources import SIGNED_BY_HOSTS

MOST_ARRIVALS = 8
NEW_MS = 30 * 60_000
"""An arrival is pointed out for so long."""
_PLACE = re.compile(r"(\[[0-9a-f:]{2,45}\]|[A-Za-z0-9.-]{1,253})(:\d{1,5})?\Z", re.ASCII)
_HERE = re.compile(r"//(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|/|\Z)")


@dataclass(frozen=True)
class Command:
    """One way to enrol: the key of its words, and what to paste."""

    words: str
    text: str


@dataclass(frozen=True)
class Shown:
    """A host that arrived, and whether it has sent data."""

    arrival: Arrival
    is_new: bool
    reports: bool


def hosts(visit: Visit) -> Response:
    """Show the form for a token, tokens that still work, and who arrived last."""
    return _page(visit)


def issue(visit: Visit) -> Response:
    """Give out a token and show it, this once, in the commands."""
    host = visit.form.get("host", "").strip()
    unnamed = visit.console.enterprise == registry.DEFAULT_ENTERPRISE
    if unnamed and may_be_named(visit.console.store, visit.console.settings):
        return _page(visit, problem="settings.nameless", host=host)
    if host and not is_host_name(host):
        return _page(visit, problem="settings.host_rule", host=host)
    issued = tokens.issue(
        visit.console.store,
        host=host or None,
        now_ms=visit.now_ms,
        hours=visit.console.settings.limits.token_hours,
        actor=visit.actor,
    )
    return _page(visit, issued=issued)


def end(visit: Visit) -> Response:
    """Let a token that was not used expire."""
    sha256 = str(visit.request.path_params["token"])
    if not is_hash(sha256):
        raise NotFoundError
    with visit.console.store.writing() as connection:
        if not one_time_tokens.end(connection, sha256, now_ms=visit.now_ms):
            raise NotFoundError
        visit.note(connection, "TOKEN_ENDED", sha256[:16])
    return visit.back_to("/settings", said="settings.ended_done")


def address(visit: Visit) -> str:
    """Return where hosts reach the collector: as it is configured, else as this browser does."""
    place = visit.request.headers.get("host", "")
    configured = visit.console.settings.public_url
    if configured or not _PLACE.match(place):
        return visit.console.url.rstrip("/")
    return f"{'https' if visit.secure else 'http'}://{place}"


def commands(issued: IssuedToken, url: str, pin: str) -> list[Command]:
    """Return the ways to enrol a host with a token, each to be pasted as it is."""
    name = "" if issued.host is None else f" --name {shlex.quote(issued.host)}"
    windows_name = "" if issued.host is None else f" -Name {_powershell(issued.host)}"
    return [
        Command(
            "settings.by_bundle", f"printf '%s\\n' {issued.text} | sudo sh install.sh{name} --token-file -"
        ),
        Command("settings.by_agent", tokens.enroll_command(issued.text, url=url, host=issued.host, pin=pin)),
        Command(
            "settings.by_windows",
            f"Set-Content token.txt {_powershell(issued.text)}; "
            f"powershell -ExecutionPolicy Bypass -File install.ps1{windows_name} -TokenFile token.txt; "
            "Remove-Item token.txt",
        ),
    ]


def _powershell(text: str) -> str:
    """Return a text as PowerShell reads it without looking inside."""
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def _page(visit: Visit, *, problem: str = "", host: str = "", issued: IssuedToken | None = None) -> Response:
    with visit.console.store.reading() as connection:
        unused = one_time_tokens.unused(connection, now_ms=visit.now_ms)
        arrived = one_time_tokens.arrivals(connection, SIGNED_BY_HOSTS, most=MOST_ARRIVALS)
    reporting = {one.id for one in fleet_of(visit).standings if one.newest is not None} if arrived else set()
    url = address(visit)
    visit.once = issued is not None
    return visit.render(
        "settings/hosts.html",
        status=REFUSED if problem else 200,
        problem=problem,
        host=host,
        issued=issued,
        commands=commands(issued, url, pin_of(visit.console.settings)) if issued else [],
        url=url,
        only_here=bool(_HERE.search(url)),
        unused=unused,
        arrivals=[
            Shown(one, visit.now_ms - one.received_ms < NEW_MS, one.host_id in reporting) for one in arrived
        ],
    )
