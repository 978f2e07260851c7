"""Adding, changing and removing accounts. Administrators only."""

from __future__ import annotations

from starlette.responses import Response

from console.access.accounts import AccountError
from console.access.roles import Need, Role
from console.page import Entry, Page
from console.visit import REFUSED, Visit


def people(visit: Visit) -> Response:
    """Show all accounts."""
    return _shown(visit)


def add(visit: Visit) -> Response:
    """Add an account."""
    name = visit.form.get("name", "").strip()
    try:
        visit.console.accounts.add(
            name=name,
            role=visit.form.get("role", ""),
            password=visit.form.get("password", ""),
            actor=visit.actor,
            now_ms=visit.now_ms,
        )
    except AccountError as error:
        return _shown(visit, problem=error.words, name=name, role=visit.form.get("role", ""))
    return visit.back_to("/people", said="people.added_done")


def give_role(visit: Visit) -> Response:
    """Give an account another role."""
    try:
        visit.console.accounts.give_role(
            visit.number("person"), role=visit.form.get("role", ""), actor=visit.actor, now_ms=visit.now_ms
        )
    except AccountError as error:
        return _shown(visit, problem=error.words)
    return visit.back_to("/people", said="people.changed_done")


def set_password(visit: Visit) -> Response:
    """Give an account another password, which also unlocks it."""
    try:
        visit.console.accounts.set_password(
            visit.number("person"),
            password=visit.form.get("password", ""),
            actor=visit.actor,
            now_ms=visit.now_ms,
        )
    except AccountError as error:
        return _shown(visit, problem=error.words)
    return visit.back_to("/people", said="people.changed_done")


def remove(visit: Visit) -> Response:
    """Remove an account."""
    try:
        visit.console.accounts.remove(visit.number("person"), actor=visit.actor, now_ms=visit.now_ms)
    except AccountError as error:
        return _shown(visit, problem=error.words)
    return visit.back_to("/people", said="people.removed_done")


def _shown(visit: Visit, *, problem: str = "", name: str = "", role: str = Role.VIEWER.value) -> Response:
    return visit.render(
        "people/people.html",
        status=REFUSED if problem else 200,
        people=visit.console.accounts.people(),
        roles=[one.value for one in Role],
        problem=problem,
        name=name,
        role=role,
    )


PAGES = (
    Page("/people", people, needs=Need.ADMINISTER, entry=Entry("people.title", 95)),
    Page("/people", add, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/people/{person}/role", give_role, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/people/{person}/password", set_password, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/people/{person}/remove", remove, needs=Need.ADMINISTER, methods=("POST",)),
)
