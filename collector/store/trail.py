"""Reading the audit trail: who did what and when, the newest first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from collector.store import schema

PERSON, HOST, PROGRAM = "person", "host", "program"
PROGRAMS = frozenset({"collector", "operator", "oidc"})
"""Actors that are no account: the service, who runs commands on the server, the identity provider."""
OF_HOSTS = frozenset({"ENROLLED", "KEY_BREAK"})
"""Actions under which a host stands as the actor, and nobody else ever does."""


def is_reserved(name: str) -> bool:
    """Return whether an account of this name would look like a program; case and width of letters do not matter."""
    return unicodedata.normalize("NFKC", name).casefold().strip() in PROGRAMS


@dataclass(frozen=True)
class Entry:
    """One row of the trail. ``actor`` is an account, a host, or the part of the collector that did it."""

    id: int
    time_ms: int
    actor: str
    action: str
    detail: str

    @property
    def kind(self) -> str:
        """Whether the actor is a person, a host or a program: accounts may be called as hosts are."""
        if self.action in OF_HOSTS:
            return HOST
        return PROGRAM if self.actor in PROGRAMS else PERSON


@dataclass(frozen=True)
class Sought:
    """Which rows are asked for; what is empty or ``None`` leaves none out. ``before_ms`` is exclusive."""

    action: str = ""
    actor: str = ""
    text: str = ""
    since_ms: int | None = None
    before_ms: int | None = None


def count(connection: Connection, sought: Sought) -> int:
    """Return how many rows fit."""
    query = select(func.count()).select_from(schema.audit_trail).where(*_fitting(sought))
    return int(connection.scalar(query) or 0)


def entries(connection: Connection, sought: Sought, *, most: int, skipped: int = 0) -> Sequence[Entry]:
    """Return ``most`` of the rows that fit, the newest first, without the first ``skipped``."""
    query = (
        select(schema.audit_trail)
        .where(*_fitting(sought))
        .order_by(schema.audit_trail.c.id.desc())
        .limit(most)
        .offset(skipped)
    )
    return [Entry(**row) for row in connection.execute(query).mappings()]


def actions(connection: Connection) -> Sequence[str]:
    """Return every action that the trail holds, by name."""
    action = schema.audit_trail.c.action
    return list(connection.scalars(select(action).distinct().order_by(action)))


def _fitting(sought: Sought) -> list[ColumnElement[bool]]:
    table = schema.audit_trail.c
    found: list[ColumnElement[bool]] = []
    if sought.action:
        found.append(table.action == sought.action)
    if sought.actor:
        found.append(table.actor == sought.actor)
    if sought.text:
        found.append(
            table.detail.icontains(sought.text, autoescape=True)
            | table.actor.icontains(sought.text, autoescape=True)
        )
    if sought.since_ms is not None:
        found.append(table.time_ms >= sought.since_ms)
    if sought.before_ms is not None:
        found.append(table.time_ms < sought.before_ms)
    return found
