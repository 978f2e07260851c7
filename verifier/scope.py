"""The scope: what an enterprise declares before the window, as a TOML file named by its hash.

Hosts, their capacities and sources, the window, excluded days with reason and person, edition and
definitions. A host declared here stays in every table and bound, with data or without.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from evidence.calendar import LocalCalendar
from evidence.chunk import MAX_NAME
from evidence.errors import MalformedError
from evidence.sources import ACCOUNTS, LOGIN_LOG, NAME_RULE, is_source, usual_order
from verifier import toml_table
from verifier.errors import ScopeError
from verifier.ledger import INVESTMENT
from verifier.toml_table import Table
from verifier.toml_text import shown

SCHEMA = "starproof/scope/1"
MAX_MBPS = 100_000_000
"""100 Tbit/s."""
MAX_IOPS = 1_000_000_000
MAX_PEOPLE = 100_000_000
MAX_SOURCES = 16
MAX_USER_SOURCES = 1_000
HEAD_COUNTS = ("total", "cloud_users")
"""总人数 and 使用云服务人员数量."""
ACTIVITY_SOURCES = (LOGIN_LOG, ACCOUNTS)
MAX_ITEMS = 100
BITS_PER_MEGABIT = 1_000_000
"""Purchased bandwidth is decimal: 1 Mbit/s = 10^6 bit/s."""
EXTREME_HOUR = "extreme_hour/1"
SUBSTITUTIONS = (EXTREME_HOUR,)
"""The substitution rules that exist (``verifier.substitution``)."""


@dataclass(frozen=True)
class Capacity:
    """Declared capacity in bit/s, from the local day with ordinal ``first_day`` on."""

    first_day: int
    bps: Fraction


@dataclass(frozen=True)
class DeclaredHost:
    """One host of the scope.

    ``sources`` are in order of preference; empty: not declared, and the usual order holds
    (``evidence.sources``). ``capacities`` are in order of time, the first holds from the window's first day; empty: not
    declared. ``iops_limit`` is the most operations per second its disks can do, if declared.
    """

    id: str
    sources: tuple[str, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    iops_limit: Fraction | None = None

    def preference(self, present: Iterable[str]) -> tuple[str, ...]:
        """Return the order in which the host's sources are asked; ``present`` are those with data."""
        return self.sources or usual_order(present)

    def capacity_bps(self, day: int) -> Fraction:
        """Return the declared capacity on a day of the window, in bit/s."""
        return self.capacities[bisect_right(self.capacities, day, key=lambda c: c.first_day) - 1].bps


@dataclass(frozen=True)
class Exclusion:
    """Local days, both ends inclusive, that count for nothing, with who approved it and why."""

    first_day: int
    last_day: int
    reason: str
    person: str


@dataclass(frozen=True)
class DeclaredUsers:
    """What the monthly user rate is made of.

    ``head_count`` names one of ``head_counts``. ``sources`` are (host, source) of all that must be read for
    the figure to be complete; empty: those that have data.
    """

    head_count: str
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CostScope:
    """What IT operating costs are compared: ``items``, and the first and last month of either side.

    Months are ``YYYY-MM``. Without ``after``: as many months as before, ending with the month asked for.
    """

    items: tuple[str, ...]
    before: tuple[str, str]
    after: tuple[str, str] | None = None


@dataclass(frozen=True)
class InvestmentScope:
    """Which payments are the investment in the cloud: first and last day (ordinals), and purposes.

    ``None`` and empty: as the definition says.
    """

    days: tuple[int, int] | None = None
    counts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """A declared scope. Days are ordinals, ``last_day`` is inclusive; ``sha256`` is of the file.

    ``substitution`` names by indicator the rule for missing time; it is off for the others.
    """

    enterprise: str
    timezone: str
    edition: str
    first_day: int
    last_day: int
    definitions: Mapping[str, str]
    head_counts: Mapping[str, int]
    hosts: tuple[DeclaredHost, ...]
    exclusions: tuple[Exclusion, ...]
    sha256: str
    substitution: Mapping[str, str] = field(default_factory=dict)
    users: DeclaredUsers | None = None
    it_cost: CostScope | None = None
    investment: InvestmentScope | None = None

    @property
    def host_names(self) -> set[str]:
        """The hosts whose chunks decide: those declared, and those under whose name accounts are told."""
        told = self.users.sources if self.users else ()
        return {host.id for host in self.hosts} | {host for host, _ in told}


def parse_scope(data: bytes) -> Scope:
    """Return the scope that the TOML file ``data`` declares.

    Raises:
        ScopeError: not TOML, an unknown or missing key, a wrong type, two entries for one host; the
            message names the place and what to write.
    """
    top = toml_table.load(data, what="scope", error=ScopeError)
    top.allow(
        ("schema", "enterprise", "timezone", "edition", "window", "hosts"),
        ("definitions", "head_counts", "exclusions", "substitution", "users", "it_cost", "investment"),
    )
    top.choice("schema", (SCHEMA,))
    first, last = _days(top.table("window"))
    hosts = tuple(_host(table, (first, last)) for table in top.tables("hosts"))
    _require_hosts(top, hosts)
    head_counts = _head_counts(top.table("head_counts")) if "head_counts" in top else {}
    return Scope(
        enterprise=top.text("enterprise"),
        timezone=_zone(top),
        edition=top.text("edition"),
        first_day=first,
        last_day=last,
        definitions=_definitions(top.table("definitions")) if "definitions" in top else {},
        head_counts=head_counts,
        hosts=hosts,
        exclusions=tuple(_exclusions(top, (first, last))),
        sha256=hashlib.sha256(data).hexdigest(),
        substitution=_substitution(top.table("substitution")) if "substitution" in top else {},
        users=_users(top.table("users"), head_counts) if "users" in top else None,
        it_cost=_it_cost(top.table("it_cost")) if "it_cost" in top else None,
        investment=_investment(top.table("investment")) if "investment" in top else None,
    )


def _users(table: Table, head_counts: Mapping[str, int]) -> DeclaredUsers:
    table.allow(("head_count",), ("sources",))
    which = table.choice("head_count", HEAD_COUNTS)
    if which not in head_counts:
        raise table.wrong(
            f"head_count is {which}, but [head_counts] does not say how many; write {which} = …"
        )
    sources = table.texts("sources") if "sources" in table else ()
    if len(sources) > MAX_USER_SOURCES or len(set(sources)) != len(sources):
        raise table.wrong(f"sources names a source twice, or more than {MAX_USER_SOURCES}")
    found = []
    for text in sources:
        host, slash, source = text.rpartition("/")
        if not slash or not host or len(host) > MAX_NAME or source not in ACTIVITY_SOURCES:
            raise table.wrong(
                f'sources holds {shown(text)}; write host and source, such as "web-1/login-log" or "oa/accounts"'
            )
        found.append((host, source))
    return DeclaredUsers(which, tuple(found))


def _zone(top: Table) -> str:
    zone = top.text("timezone")
    try:
        LocalCalendar(zone)
    except MalformedError as cause:
        raise top.wrong(str(cause)) from None
    return zone


def _days(table: Table, more: tuple[str, ...] = ()) -> tuple[int, int]:
    table.allow(("from", "to", *more))
    first, last = table.day("from"), table.day("to")
    if last < first:
        raise table.wrong(f"it ends on {last}, before it begins on {first}; both days are included")
    return first.toordinal(), last.toordinal()


def _definitions(table: Table) -> dict[str, str]:
    """Return what is chosen; which figures there are to choose for, the edition says."""
    return {key: table.text(key) for key in table}


def _substitution(table: Table) -> dict[str, str]:
    return {key: table.choice(key, SUBSTITUTIONS) for key in table}


def _it_cost(table: Table) -> CostScope:
    table.allow(("items", "before"), ("after",))
    items = table.texts("items")
    if not 0 < len(items) <= MAX_ITEMS:
        raise table.wrong(f'items must name 1 to {MAX_ITEMS} cost items, such as ["电费", "运维人员"]')
    if len(set(items)) != len(items):
        raise table.wrong("items names one cost item twice")
    return CostScope(
        items=items,
        before=_whole_months(table.table("before")),
        after=_whole_months(table.table("after")) if "after" in table else None,
    )


def _whole_months(table: Table) -> tuple[str, str]:
    """Return the first and the last month of a period that is made of whole months."""
    first, last = (date.fromordinal(day) for day in _days(table))
    if first.day != 1 or (last + timedelta(days=1)).day != 1:
        raise table.wrong(
            "costs are compared by whole months; from is the first day of one, such as 2025-01-01, and to the "
            "last of one, such as 2025-12-31"
        )
    return f"{first:%Y-%m}", f"{last:%Y-%m}"


def _investment(table: Table) -> InvestmentScope:
    table.allow((), ("from", "to", "counts"))
    days = None
    if "from" in table or "to" in table:
        table.allow(("from", "to"), ("counts",))
        days = _days(table, ("counts",) if "counts" in table else ())
    return InvestmentScope(days, table.choices("counts", INVESTMENT) if "counts" in table else ())


def _head_counts(table: Table) -> dict[str, int]:
    table.allow((), HEAD_COUNTS)
    counts = {key: table.integer(key, most=MAX_PEOPLE) for key in table}
    for key, count in counts.items():
        if count == 0:
            raise table.wrong(
                f"{key} is 0, and a share of nobody is no figure; write how many people there are"
            )
    if counts.get("cloud_users", 0) > counts.get("total", MAX_PEOPLE):
        raise table.wrong("cloud_users is above total; people who use cloud services are among all people")
    return counts


def _host(table: Table, window: tuple[int, int]) -> DeclaredHost:
    table.allow(("id",), ("sources", "bandwidth_mbps", "capacity", "iops_limit"))
    name = table.text("id")
    if len(name) > MAX_NAME:
        raise table.wrong(f"id has {len(name)} characters, at most {MAX_NAME}")
    if "bandwidth_mbps" in table and "capacity" in table:
        raise table.wrong("write either bandwidth_mbps or [[hosts.capacity]], not both")
    capacities: tuple[Capacity, ...] = ()
    if "bandwidth_mbps" in table:
        capacities = (Capacity(window[0], _bps(table, "bandwidth_mbps")),)
    if "capacity" in table:
        capacities = _capacities(table, window)
    return DeclaredHost(
        id=name,
        sources=_sources(table) if "sources" in table else (),
        capacities=capacities,
        iops_limit=table.positive("iops_limit", most=MAX_IOPS) if "iops_limit" in table else None,
    )


def _sources(table: Table) -> tuple[str, ...]:
    names = table.texts("sources")
    if not 0 < len(names) <= MAX_SOURCES:
        raise table.wrong(
            f'sources must name 1 to {MAX_SOURCES} sources, in order of preference, such as ["agent", "aliyun"]'
        )
    for name in names:
        if not is_source(name):
            raise table.wrong(f"sources holds {name!r}; a source is named by {NAME_RULE}")
    if len(set(names)) != len(names):
        raise table.wrong("sources names one source twice")
    return names


def _capacities(table: Table, window: tuple[int, int]) -> tuple[Capacity, ...]:
    window_first, window_last = window
    found = []
    for entry in table.tables("capacity"):
        entry.allow(("from", "mbps"))
        found.append(Capacity(entry.day("from").toordinal(), _bps(entry, "mbps")))
    if not found or found[0].first_day > window_first:
        raise table.wrong(
            f"the first [[hosts.capacity]] must hold on the window's first day: "
            f"from = {date.fromordinal(window_first)} or earlier"
        )
    if any(later.first_day <= earlier.first_day for earlier, later in zip(found, found[1:])):
        raise table.wrong("the entries of [[hosts.capacity]] must be in order of their day, each day once")
    if found[-1].first_day > window_last:
        raise table.wrong(
            f"the [[hosts.capacity]] from {date.fromordinal(found[-1].first_day)} begins after the window, "
            f"which ends on {date.fromordinal(window_last)}; correct the day, or leave it out"
        )
    return tuple(found)


def _bps(table: Table, key: str) -> Fraction:
    return table.positive(key, most=MAX_MBPS) * BITS_PER_MEGABIT


def _require_hosts(top: Table, hosts: tuple[DeclaredHost, ...]) -> None:
    if not hosts:
        raise top.wrong("declare at least one host, each written [[hosts]]")
    seen: set[str] = set()
    for host in hosts:
        if host.id in seen:
            raise top.wrong(f"the host {host.id!r} is declared twice")
        seen.add(host.id)


def _exclusions(top: Table, window: tuple[int, int]) -> Iterator[Exclusion]:
    for table in top.tables("exclusions") if "exclusions" in top else []:
        first, last = _days(table, ("reason", "person"))
        if last < window[0] or first > window[1]:
            raise table.wrong(
                f"no day of it lies in the window, {date.fromordinal(window[0])} to "
                f"{date.fromordinal(window[1])}; correct the days, or leave it out"
            )
        yield Exclusion(first, last, reason=table.text("reason"), person=table.text("person"))
