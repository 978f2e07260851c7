"""From the report's values to printed cells, in one language: the words every section needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from documents import display
from documents.display import Rounding
from documents.language import picked, words
from documents.report.blocks import Cell, Tone
from documents.report.words import TABLES

TONES: Mapping[str, Tone] = {
    "PASS": "pass",
    "SUPPORTED": "pass",
    "FAIL": "fail",
    "NOT_REACHED": "fail",
    "INCONCLUSIVE": "unsure",
    "UNDECIDED": "unsure",
    "NO_DATA": "none",
    "DECLARED": "declared",
}


class Phrases:
    """The words of one language and what they make of values. Foreign text is made legible here.

    Raises:
        RenderError: the language is not known.
    """

    def __init__(self, language: str) -> None:
        """Choose the language: ``zh-CN`` or ``en``."""
        self.language = language
        self._words = words(TABLES, language)

    def __call__(self, name: str, /, **values: object) -> str:
        """Return the word or sentence ``name`` with its values filled in."""
        filled = {key: display.legible(str(value)) for key, value in values.items()}
        return self._words[name].format(**filled) if filled else self._words[name]

    def known(self, prefix: str, name: str) -> str:
        """Return the word for a code of the report, or the code itself where there is no word."""
        return self._words.get(f"{prefix}_{name}") or display.legible(name)

    def of(self, entry: Mapping[str, Any], name: str = "") -> str:
        """Return the text of an entry that holds both languages."""
        return display.legible(picked(entry, name, self.language))

    def unit(self, unit: str) -> str:
        """Return a unit as it is printed."""
        return self.known("unit", unit)

    def amount(self, text: str, unit: str) -> str:
        """Return a printed number with its unit, which may have a form of its own for one."""
        one = self._words.get(f"unit_one_{unit}") if text == "1" else None
        return f"{text} {one or self.unit(unit)}".rstrip()

    def verdict(self, verdict: str, *, reason: str = "", sub: str = "") -> Cell:
        """Return a verdict as a cell, its reason below it."""
        below = " · ".join(part for part in (self.known("reason", reason) if reason else "", sub) if part)
        return Cell(self.known("verdict", verdict), TONES.get(verdict, "unsure"), below)

    def standing(self, standing: str) -> Cell:
        """Return how a star stands, as a cell."""
        return Cell(self.known("standing", standing), TONES.get(standing, "unsure"))

    def absent(self) -> Cell:
        """Return the cell of what has no data."""
        return Cell(self("no_data"), "none")

    def value(self, text: str | None, unit: str = "") -> Cell:
        """Return a value cut down, with its unit; no data is a word."""
        return self._number(text, unit, Rounding.DOWN)

    def high(self, text: str | None, unit: str = "") -> Cell:
        """Return a high end, cut up."""
        return self._number(text, unit, Rounding.UP)

    def _number(self, text: str | None, unit: str, rounding: Rounding) -> Cell:
        shown = display.number(text, rounding=rounding)
        if shown is None:
            return self.absent()
        return Cell(self.amount(shown, unit) if unit else shown)

    def interval(self, bounds: Mapping[str, Any]) -> Cell:
        """Return low to high, one number where they are the same; without a value there is none."""
        if bounds["value"] is None or bounds["low"] is None:
            return self.absent()
        low = self.value(bounds["low"]).text
        if display.same(bounds["low"], bounds["high"]):
            return Cell(low)
        high = self("unbounded") if bounds["high"] is None else self.high(bounds["high"]).text
        return Cell(f"{low} – {high}")

    def share(self, share: str | None) -> Cell:
        """Return a share in percent, cut down."""
        shown = display.percent(share)
        return self.absent() if shown is None else Cell(shown)

    def span(self, seconds: int) -> str:
        """Return a length of time."""
        return display.span(seconds, hour=self("hour"), minute=self("minute"), second=self("second"))

    def text(self, text: str | None) -> Cell:
        """Return foreign text, or the word for none."""
        return Cell(display.legible(text)) if text else Cell(self("none"), "quiet")

    def hash(self, text: str | None) -> Cell:
        """Return a hash, or the word for none."""
        return Cell(display.legible(text), mono=True) if text else Cell(self("none"), "quiet")

    def name(self, text: str) -> Cell:
        """Return the name of a machine or file."""
        return Cell(display.legible(text), mono=True)

    def joined(self, texts: Sequence[str]) -> str:
        """Return texts in a row, or the word for none."""
        return self("joiner").join(display.legible(text) for text in texts) if texts else self("none")
