"""The scope: a form for the usual, its file to look at and to edit, and the declaration that cannot be undone."""

from __future__ import annotations

import hashlib
from datetime import date
from fractions import Fraction

from starlette.responses import Response

from collector.errors import UnchangedScopeError
from collector.store import editions, standing
from console.access.roles import Need
from console.pages.apply.faults import said_in
from console.reading.applying import edition_of, versions_of
from console.reading.editions import edition_named, ids_of
from console.visit import REFUSED, Visit
from declaring.scope_declaration import declare_scope, require_definitions
from declaring.scope_text import ExclusionLine, HostLine, ScopeDraft, exclusion_lines, host_lines, scope_text
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind
from verifier import decimals
from verifier.edition_file import parse_edition
from verifier.editions import edition_ids
from verifier.errors import EditionError, VerifierError
from verifier.ledger import INVESTMENT
from verifier.scope import BITS_PER_MEGABIT, HEAD_COUNTS, Scope, parse_scope
from verifier.scope_difference import differences
from verifier.toml_text import MAX_FILE_BYTES

MOST_DIFFERENCES = 40
MOST_DIGITS = 9
MOST_EDITION_BYTES = MAX_FILE_BYTES
"""What `starproof edition validate` and the offline check read, too."""


def scope(visit: Visit) -> Response:
    """Show the form, filled from the newest version or from the hosts that there are."""
    return _form(visit, _drafted(visit))


def text(visit: Visit) -> Response:
    """Show the newest version's file for editing."""
    versions = versions_of(visit.console.store)
    return _look(visit, versions[-1].data.decode() if versions else scope_text(_drafted(visit)))


def look(visit: Visit) -> Response:
    """Show the file that the form says, and what it would change."""
    try:
        draft = _read(visit)
        return _look(visit, scope_text(draft))
    except (VerifierError, EvidenceError) as error:
        return _form(visit, _drafted(visit), reason=str(error))


def declare(visit: Visit) -> Response:
    """Declare the file that was shown."""
    said = visit.form.get("text", "").replace("\r\n", "\n")
    data = said.encode()
    try:
        parsed = parse_scope(data)
        edition = edition_named(visit.console.store, parsed.edition)
        if edition is not None:
            require_definitions(parsed, edition)
        declare_scope(
            visit.console.store, data, edition=edition, clock=visit.console.clock, actor=visit.actor
        )
    except (VerifierError, EvidenceError, UnchangedScopeError) as error:
        return _look(visit, said, refusal=str(error))
    return visit.back_to("/apply", said="scope.declared_done")


def add_edition(visit: Visit) -> Response:
    """Keep the file of an edition that does not ship, so that a scope can name it."""
    file = visit.files.get("file")
    data = b"" if file is None else file.file.read(MOST_EDITION_BYTES + 1)
    try:
        if not 0 < len(data) <= MOST_EDITION_BYTES:
            raise EditionError(f"choose the edition's TOML file, at most {MOST_EDITION_BYTES} bytes")
        found = parse_edition(data)
        if found.id in edition_ids():
            raise EditionError(f"{found.id} ships with this software; give yours another id")
        with visit.console.store.writing() as connection:
            kept = editions.keep(connection, found.id, data, by=visit.actor, now_ms=visit.now_ms)
        if not kept:
            raise EditionError(f"another file is kept as {found.id} already; give this one another id")
    except VerifierError as error:
        return _form(visit, _drafted(visit), reason=str(error), refused="scope.edition_refused")
    return visit.back_to("/apply/scope", said="scope.edition_done")


def _look(visit: Visit, said: str, *, refusal: str = "") -> Response:
    versions = versions_of(visit.console.store)
    parsed: Scope | None = None
    reason = refusal
    try:
        parsed = parse_scope(said.encode())
        edition = edition_named(visit.console.store, parsed.edition)
        if edition is not None:
            require_definitions(parsed, edition)
    except VerifierError as error:
        reason = reason or str(error)
    begun = False
    if parsed is not None:
        begun = LocalCalendar(parsed.timezone).day_start(parsed.first_day) <= visit.now_ms
    changes = differences(versions[-1].scope, parsed) if versions and parsed else []
    return visit.render(
        "apply/scope_text.html",
        status=REFUSED if reason else 200,
        text=said,
        parsed=parsed,
        reason=said_in(reason, visit.language),
        begun=begun,
        sha256=hashlib.sha256(said.encode()).hexdigest(),
        number=len(versions) + 1,
        changes=changes[:MOST_DIFFERENCES],
        more=max(0, len(changes) - MOST_DIFFERENCES),
        operate=Need.OPERATE,
        first=_iso(parsed.first_day) if parsed else "",
        last=_iso(parsed.last_day) if parsed else "",
    )


def _form(visit: Visit, draft: ScopeDraft, *, reason: str = "", refused: str = "scope.refused") -> Response:
    said = visit.form if reason else {}
    many = visit.many if reason else {}
    return visit.render(
        "apply/scope.html",
        status=REFUSED if reason else 200,
        draft=draft,
        reason=said_in(reason, visit.language),
        refused=refused,
        form=said,
        many=many,
        lines="\n".join(map(_host_line, draft.hosts)),
        excluded="\n".join(
            f"{one.first}, {one.last}, {one.reason}, {one.person}" for one in draft.exclusions
        ),
        tellers=_tellers(visit),
        head_counts=HEAD_COUNTS,
        editions=ids_of(visit.console.store),
        purposes=INVESTMENT,
        operate=Need.OPERATE,
        declared=len(versions_of(visit.console.store)),
    )


def _read(visit: Visit) -> ScopeDraft:
    form = visit.form
    items = [item.strip() for item in form.get("items", "").replace("，", ",").replace("、", ",").split(",")]
    return ScopeDraft(
        enterprise=visit.console.enterprise,
        timezone=visit.console.zone,
        edition=form.get("edition", "") or edition_of(visit.console.store).id,
        first_month=form.get("first_month", ""),
        last_month=form.get("last_month", ""),
        hosts=host_lines(form.get("hosts", "").replace("\r\n", "\n")),
        total=_whole(form.get("total", "")),
        cloud_users=_whole(form.get("cloud_users", "")),
        head_count=form.get("head_count", "") if form.get("head_count") in HEAD_COUNTS else "",
        user_sources=tuple(visit.many.get("source", ())),
        items=[item for item in items if item],
        cost_before=(form.get("before_first", ""), form.get("before_last", "")),
        cost_after=(form.get("after_first", ""), form.get("after_last", "")),
        counts=[one for one in visit.many.get("counts", ()) if one in INVESTMENT],
        exclusions=exclusion_lines(form.get("exclusions", "").replace("\r\n", "\n")),
    )


def _host_line(host: HostLine) -> str:
    """Return the line of the form that says this host; what is left out before something else stays empty."""
    cells = [host.name, host.mbps, host.iops, " ".join(host.sources)]
    while not cells[-1]:
        cells.pop()
    return ", ".join(cells)


def _whole(said: str) -> int:
    said = said.strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) <= MOST_DIGITS else 0


def _tellers(visit: Visit) -> list[str]:
    """Return the sources that tell of accounts, as a scope writes them."""
    with visit.console.store.reading() as connection:
        sources = standing.sources(connection)
    return sorted(
        f"{host}/{source}"
        for host, mine in sources.items()
        for source in mine
        if carried_kind(source) == ACTIVITY
    )


def _drafted(visit: Visit) -> ScopeDraft:
    """Return the form's first contents."""
    console = visit.console
    versions = versions_of(console.store)
    edition = edition_of(console.store)
    today = date.fromordinal(LocalCalendar(console.zone).day_of(visit.now_ms))
    month = f"{_next(today):%Y-%m}"
    if not versions:
        with console.store.reading() as connection:
            sources = standing.sources(connection)
        names = [
            name for name, mine in sources.items() if any(carried_kind(source) != ACTIVITY for source in mine)
        ]
        return ScopeDraft(
            console.enterprise,
            console.zone,
            edition.id,
            month,
            month,
            [HostLine(name) for name in sorted(names)],
        )
    last = versions[-1].scope
    runs = last.last_day >= today.toordinal()
    return ScopeDraft(
        enterprise=console.enterprise,
        timezone=console.zone,
        edition=edition.id,
        first_month=_iso(last.first_day)[:7] if runs else month,
        last_month=_iso(last.last_day)[:7] if runs else month,
        hosts=[
            HostLine(
                h.id, _mbps(h.capacities[-1].bps) if h.capacities else "", _plain(h.iops_limit), h.sources
            )
            for h in last.hosts
        ],
        total=last.head_counts.get("total", 0),
        cloud_users=last.head_counts.get("cloud_users", 0),
        head_count=last.users.head_count if last.users else "",
        user_sources=[f"{host}/{source}" for host, source in last.users.sources] if last.users else [],
        items=last.it_cost.items if last.it_cost else (),
        cost_before=last.it_cost.before if last.it_cost else ("", ""),
        cost_after=(last.it_cost.after or ("", "")) if last.it_cost else ("", ""),
        counts=last.investment.counts if last.investment else (),
        exclusions=[
            ExclusionLine(_iso(one.first_day), _iso(one.last_day), one.reason, one.person)
            for one in last.exclusions
            if runs  # in another window they lie in no month of it
        ],
    )


def _next(day: date) -> date:
    """Return the first day of the month after."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _mbps(bps: Fraction) -> str:
    return _plain(bps / BITS_PER_MEGABIT)


def _plain(value: Fraction | None) -> str:
    """Return a number as a person would write it."""
    return "" if value is None else decimals.plain(value)


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
