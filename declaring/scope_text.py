"""A simple scope as the text of its file: what the console's form asks for, in the words of docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from declaring.profile_template import quoted
from evidence.calendar import LocalCalendar
from verifier.errors import ScopeError
from verifier.scope import SCHEMA

MOST_COLUMNS = 4
LEAST_EXCLUSION = 4
_NUMBER = "0123456789."


@dataclass(frozen=True)
class HostLine:
    """One host of the form: its name, bandwidth in Mbit/s and disk limit in operations a second, or empty.

    ``sources`` are in order of preference; empty: the usual order.
    """

    name: str
    mbps: str = ""
    iops: str = ""
    sources: Sequence[str] = ()


@dataclass(frozen=True)
class ExclusionLine:
    """Days that do not count, both included (``YYYY-MM-DD``), why, and who approved it."""

    first: str
    last: str
    reason: str
    person: str


@dataclass(frozen=True)
class ScopeDraft:
    """What the form asks for. Months are ``YYYY-MM``; empty texts and 0 are left out.

    ``user_sources`` are written ``host/source``; ``items`` are the cost items that are compared.
    """

    enterprise: str
    timezone: str
    edition: str
    first_month: str
    last_month: str
    hosts: Sequence[HostLine]
    total: int = 0
    cloud_users: int = 0
    head_count: str = ""
    user_sources: Sequence[str] = ()
    items: Sequence[str] = ()
    cost_before: tuple[str, str] = ("", "")
    cost_after: tuple[str, str] = ("", "")
    counts: Sequence[str] = ()
    exclusions: Sequence[ExclusionLine] = ()


def host_lines(text: str) -> list[HostLine]:
    """Return the hosts of a text with one a line: name, Mbit/s, operations a second, sources, divided by commas.

    Sources are divided by blanks, the preferred one first.

    Raises:
        ScopeError: a line has more than that, or something that is no number.
    """
    found = []
    for number, line in enumerate(text.replace("，", ",").splitlines(), 1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells):
            continue
        if len(cells) > MOST_COLUMNS or not cells[0]:
            raise ScopeError(f"hosts, line {number}: write name, Mbit/s, operations a second, sources")
        if any(set(cell) - set(_NUMBER) for cell in cells[1:3]):
            raise ScopeError(
                f"hosts, line {number}: Mbit/s and operations a second are plain numbers, such as 20"
            )
        found.append(HostLine(*cells[:3], *(cell.split() for cell in cells[3:])))
    return found


def exclusion_lines(text: str) -> list[ExclusionLine]:
    """Return the excluded days of a text with one stretch a line: first day, last day, reason, person.

    Raises:
        ScopeError: a line has fewer parts, or no day where one belongs.
    """
    found = []
    for number, line in enumerate(text.replace("，", ",").splitlines(), 1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells):
            continue
        example = "2026-11-07, 2026-11-08, 机房搬迁, 张三"
        if len(cells) < LEAST_EXCLUSION or not all(cells):
            raise ScopeError(
                f"excluded days, line {number}: write first day, last day, reason, person: {example}"
            )
        try:
            first, last = (date.fromisoformat(cell).isoformat() for cell in cells[:2])
        except ValueError:
            raise ScopeError(f"excluded days, line {number}: a day is written so: {example}") from None
        found.append(ExclusionLine(first, last, "，".join(cells[2:-1]), cells[-1]))
    return found


def scope_text(draft: ScopeDraft) -> str:
    """Return the text of a scope's file; ``parse_scope`` judges it.

    Raises:
        EvidenceError: a month is none.
    """
    parts = [list(_head(draft)), list(_window("window", draft.first_month, draft.last_month))]
    people = [("total", draft.total), ("cloud_users", draft.cloud_users)]
    if any(count for _, count in people):
        parts.append(["[head_counts]", *(f"{name} = {count}" for name, count in people if count)])
    if draft.head_count:
        sources = [_list("sources", draft.user_sources)] if draft.user_sources else []
        parts.append(["[users]", f"head_count = {quoted(draft.head_count)}", *sources])
    if draft.items:
        parts.append(["[it_cost]", _list("items", draft.items)])
        parts += [
            list(_window(f"it_cost.{name}", *months))
            for name, months in (("before", draft.cost_before), ("after", draft.cost_after))
            if all(months)
        ]
    if draft.counts:
        parts.append(["[investment]", _list("counts", draft.counts)])
    parts += [list(_host(host)) for host in draft.hosts]
    parts += [list(_exclusion(one)) for one in draft.exclusions]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(draft: ScopeDraft) -> Iterator[str]:
    yield "# 申报范围，由控制台生成 | The scope, written by the console. docs/definitions.md"
    yield f"schema = {quoted(SCHEMA)}"
    yield f"enterprise = {quoted(draft.enterprise)}"
    yield f"timezone = {quoted(draft.timezone)}"
    yield f"edition = {quoted(draft.edition)}"


def _window(table: str, first_month: str, last_month: str) -> Iterator[str]:
    calendar = LocalCalendar("UTC")  # days of a month are the same everywhere
    first, (_, after) = calendar.month(first_month)[0], calendar.month(last_month)
    yield f"[{table}]"
    yield f"from = {date.fromordinal(first)}"
    yield f"to = {date.fromordinal(after - 1)}"


def _host(host: HostLine) -> Iterator[str]:
    yield "[[hosts]]"
    yield f"id = {quoted(host.name)}"
    if host.mbps:
        yield f"bandwidth_mbps = {host.mbps}"
    if host.iops:
        yield f"iops_limit = {host.iops}"
    if host.sources:
        yield _list("sources", host.sources)


def _exclusion(one: ExclusionLine) -> Iterator[str]:
    yield "[[exclusions]]"
    yield f"from = {one.first}"
    yield f"to = {one.last}"
    yield f"reason = {quoted(one.reason)}"
    yield f"person = {quoted(one.person)}"


def _list(key: str, texts: Sequence[str]) -> str:
    return f"{key} = [{', '.join(map(quoted, texts))}]"
