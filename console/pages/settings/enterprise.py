"""The enterprise: its name, which can be given and corrected until a record carries it."""

from __future__ import annotations

from starlette.responses import Response

from collector.store import registry
from collector.store.registry import DEFAULT_ENTERPRISE
from console.naming import NamingError, may_be_named, name_enterprise
from console.visit import REFUSED, Visit


def enterprise(visit: Visit) -> Response:
    """Show the name, with a form as long as it can be given."""
    return _page(visit)


def give_name(visit: Visit) -> Response:
    """Take the name."""
    name = visit.form.get("enterprise", "")
    try:
        name_enterprise(
            visit.console.store, visit.console.settings, name, actor=visit.actor, now_ms=visit.now_ms
        )
    except NamingError as error:
        return _page(visit, problem=error.words, name=name)
    return visit.back_to("/settings/enterprise", said="enterprise.named_done")


def _page(visit: Visit, *, problem: str = "", name: str = "") -> Response:
    return visit.render(
        "settings/enterprise.html",
        status=REFUSED if problem else 200,
        problem=problem,
        name=name or ("" if visit.console.enterprise == DEFAULT_ENTERPRISE else visit.console.enterprise),
        nameless=visit.console.enterprise == DEFAULT_ENTERPRISE,
        may=may_be_named(visit.console.store, visit.console.settings),
        fixed=_fixed(visit),
    )


def _fixed(visit: Visit) -> str:
    """Return the key of the words that say why the name is not changed here."""
    with visit.console.store.reading() as connection:
        if registry.may_be_named(connection):
            return "enterprise.in_settings"
    return "enterprise.too_late" if visit.console.enterprise == DEFAULT_ENTERPRISE else "enterprise.stays"
