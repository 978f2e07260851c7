"""Templates and words: from a visit and what a page read to HTML. Everything is escaped unless marked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from console.language import CHINESE, Words
from documents.display import Rounding, legible, local_time, number, percent, written

if TYPE_CHECKING:
    from console.page import Page
    from console.visit import Visit

HERE = Path(str(files("console")))
STATIC = HERE / "static"
ASSETS = ("console.css", "console.js", "icon.svg")
VERSION_DIGITS = 12
MS_PER_S = 1_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


class Pages:
    """Renders pages.

    Args:
        words: of all pages.
        table: all pages, for the navigation.
        zone: IANA zone in which times are shown.
    """

    def __init__(self, words: Words, table: Sequence[Page], *, zone: str) -> None:
        self._words = words
        self._entries = sorted(
            (page for page in table if page.entry), key=lambda p: p.entry.order if p.entry else 0
        )
        self._zone = zone
        self._versions = {name: _version(STATIC / name) for name in ASSETS}
        self._environment = Environment(
            loader=FileSystemLoader([HERE / "templates", HERE / "pages"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            low=lambda text: number(text, rounding=Rounding.DOWN),
            high=lambda text: number(text, rounding=Rounding.UP),
            written=written,
            percent=lambda share, places=1: percent(share, places=places),
            legible=legible,
            moment=self._moment,
            day=lambda ordinal: date.fromordinal(ordinal).isoformat(),
            ago=_ago,
            span=_span,
            unit=_unit,
        )

    def say(self, key: str, language: str, **values: object) -> str:
        """Return words of a key in a language, ``values`` in place of their names in braces.

        Raises:
            KeyError: no page has words for this key.
        """
        chinese, english = self._words[key]
        text = chinese if language == CHINESE else english
        return text.format(**values) if values else text

    def knows(self, key: str) -> bool:
        """Return whether there are words for a key (one that came in with a request)."""
        return key in self._words

    def asset(self, name: str) -> str:
        """Return the address of a file that browsers may keep for ever: it changes with its bytes."""
        return f"/static/{self._versions[name]}/{name}"

    def render(self, template: str, visit: Visit, context: Mapping[str, Any]) -> str:
        """Return the HTML of a template."""
        return self._environment.get_template(template).render(
            visit=visit,
            t=visit.t,
            asset=self.asset,
            entries=[page for page in self._entries if visit.may(page.needs)],
            said=visit.said(),
            zone=self._zone,
            **context,
        )

    def _moment(self, instant_ms: int | None) -> str | None:
        shown = local_time(instant_ms, self._zone)
        return None if shown is None else shown[: len("2026-11-07 03:10")]


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:VERSION_DIGITS]


@pass_context
def _ago(context: Context, instant_ms: int) -> str:
    """Return how long ago an instant was, in one unit, cut."""
    visit: Visit = context["visit"]
    return visit.t("time.ago", span=_length(max(0, visit.now_ms - instant_ms) // MS_PER_S, visit))


@pass_context
def _span(context: Context, length_ms: int) -> str:
    """Return a length of time in one unit, cut."""
    return _length(abs(length_ms) // MS_PER_S, context["visit"])


def _length(seconds: int, visit: Visit) -> str:
    for unit_s, key in ((_DAY_S, "time.days"), (_HOUR_S, "time.hours"), (_MINUTE_S, "time.minutes")):
        if seconds >= unit_s:
            return visit.t(key, count=seconds // unit_s)
    return visit.t("time.seconds", count=seconds)


@pass_context
def _unit(context: Context, unit: str) -> str:
    """Return an edition's unit in the visit's language, as it stands there if there are no words for it."""
    visit: Visit = context["visit"]
    return visit.t(f"unit.{unit}") if visit.console.pages.knows(f"unit.{unit}") else unit
