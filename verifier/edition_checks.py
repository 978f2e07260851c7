"""What the parts of an edition must be to one another. Each check names the place and what to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from verifier.edition import CLOUD_FORM, FIGURE, TICK, WHOLE_TABLE, CountRule, Edition
from verifier.toml_table import Table, nearest


def require_stars(top: Table, ids: Sequence[str]) -> None:
    """Require at least one star, each once, from low to high."""
    if not ids:
        raise top.wrong("stars is empty; write at least one [[stars]]")
    if list(ids) != sorted(set(ids)):
        raise top.wrong(f"the stars are {', '.join(ids)}; write each once, from low to high")


def require_sound(top: Table, edition: Edition) -> None:
    """Require that ids are used once, that references hold, and that what is unknown is said.

    Raises:
        VerifierError: the class that ``top`` raises; the first fault found.
    """
    _once(top, "[[rows]]", (row.id for row in edition.rows))
    _once(top, "[[criteria]] and [indicators]", _criterion_ids(edition))
    _once(top, "[[attachments]]", (attachment.id for attachment in edition.attachments))
    _once(top, "regions", edition.regions)
    _figures(top, edition)
    for rule in edition.rules:
        _rising(
            top, f"[indicators.{rule.id}] thresholds", [rule.threshold(star) for star in edition.star_ids]
        )
    for criterion in edition.criteria:
        _rising(
            top,
            f"[[criteria]] {criterion.id} needed",
            [criterion.needed.get(star) for star in edition.star_ids],
        )
    for criterion in edition.criteria:
        _counted(top, criterion, edition)
    _footnotes(top, edition)
    _unknown(top, edition)


def _criterion_ids(edition: Edition) -> list[str]:
    """Return every id that a verdict may be about. Two words are taken."""
    return [WHOLE_TABLE, CLOUD_FORM, *(c.id for c in edition.criteria), *(r.id for r in edition.rules)]


def _rising(top: Table, where: str, numbers: Sequence[Fraction | int | None]) -> None:
    """A higher star asks for as much as a lower one, or more."""
    known = [number for number in numbers if number is not None]
    if known != sorted(known):
        raise top.wrong(f"{where} fall from a lower star to a higher one; write them so that none falls")


def _once(top: Table, where: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise top.wrong(f"{where}: {name!r} is used twice or taken; give each its own")
        seen.add(name)


def _figures(top: Table, edition: Edition) -> None:
    """Every figure of the table has its rule, every rule its one row."""
    known = [rule.id for rule in edition.rules]
    shown = [row.indicator for row in edition.rows if row.kind == FIGURE]
    for row in edition.rows:
        if row.kind == FIGURE and row.indicator not in known:
            raise top.wrong(
                f"[[rows]] {row.id}: there is no figure {row.indicator!r}{nearest(row.indicator, known)}; "
                f"write [indicators.{row.indicator}]"
            )
    for name in known:
        if shown.count(name) != 1:
            raise top.wrong(
                f"[indicators.{name}] has {shown.count(name)} rows; write one [[rows]] with "
                f'kind = "{FIGURE}" and indicator = "{name}"'
            )


def _counted(top: Table, criterion: CountRule, edition: Edition) -> None:
    """Only tick rows are counted, each once, and no star asks for more than there are."""
    place = f"[[criteria]] {criterion.id}"
    rows = {row.id: row for row in edition.rows}
    ticks = [row.id for row in edition.rows if row.kind == TICK]
    for name in criterion.rows:
        if name not in rows:
            raise top.wrong(f"{place}: there is no row {name!r}{nearest(name, ticks)}; write ids of [[rows]]")
        if name not in ticks:
            raise top.wrong(
                f'{place}: the row {name!r} is a {rows[name].kind}; only rows with kind = "{TICK}" count'
            )
    _once(top, f"{place}: rows", criterion.rows)
    countable = edition.countable(criterion)
    for star, needed in criterion.needed.items():
        if needed > countable:
            raise top.wrong(
                f"{place}: needed {star} = {needed}, but only {countable} {criterion.count} can count"
            )


def _footnotes(top: Table, edition: Edition) -> None:
    known = [str(number) for number in range(1, 1 + len(edition.form.footnotes if edition.form else ()))]
    for row in edition.rows:
        if row.footnote and row.footnote not in known:
            raise top.wrong(
                f"[[rows]] {row.id}: there is no footnote {row.footnote!r}; write its number among the "
                f"{len(known)} footnotes of [form]"
            )


def _unknown(top: Table, edition: Edition) -> None:
    about = [unknown.about for unknown in edition.unknown]
    known = _criterion_ids(edition)
    for name in about:
        if name not in known:
            raise top.wrong(
                f"[[unknown]] about {name!r}: no criterion and no figure has this id{nearest(name, known)}; "
                f'write such an id, or "{WHOLE_TABLE}"'
            )
    if edition.complete and about:
        raise top.wrong("complete is true, yet there is [[unknown]]; write complete = false or remove it")
    if not edition.complete and not about:
        raise top.wrong("complete is false; say in at least one [[unknown]] what is not known")
    for place, name, stated in _numbers(edition):
        if not stated and name not in about:
            raise top.wrong(
                f"{place} is empty; write a number for every star, or about = {name!r} in an [[unknown]]"
            )


def _numbers(edition: Edition) -> Iterable[tuple[str, str, bool]]:
    yield from ((f"[[criteria]] {c.id}: needed", c.id, bool(c.needed)) for c in edition.criteria)
    yield from ((f"[indicators.{r.id}]: thresholds", r.id, bool(r.thresholds)) for r in edition.rules)
