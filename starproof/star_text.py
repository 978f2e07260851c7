"""The verdict for people on a terminal: star, criteria by star, what blocks the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starproof.tables import printable

WORDS = {
    "PASS": "[green]达标[/]",
    "FAIL": "[red]不达标[/]",
    "INCONCLUSIVE": "[yellow]无法判定[/]",
    "NO_DATA": "[dim]无数据[/]",
    "DECLARED": "[cyan]已申报[/]",
}


UNITS_ZH = {"次/day": "次/日"}
FORMS = {"public": "公有云", "private": "私有云", "hybrid": "混合云"}


def print_verdict(verdict: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a verdict document (``starproof/verdict/1``); 80 columns do."""
    out = console or Console(highlight=False)
    out.print(_criteria(verdict))
    out.print(_star(verdict), soft_wrap=True)
    for unknown in verdict["edition"]["unknown"]:
        out.print(f"[yellow]评定版本未载[/] {_plain(unknown['zh'])} [dim]{_plain(unknown['en'])}[/]")
    following = verdict["next"]
    if following is not None:
        names = {star["id"]: star for star in verdict["stars"]}
        star = names[following["star"]]
        out.print(f"距离{star['name_zh']}还缺 what {star['name_en']} still need:")
        for blocker in following["blockers"]:
            out.print(f"  • {_plain(blocker['zh'])}", soft_wrap=True)
            out.print(f"    [dim]{_plain(blocker['en'])}[/]", soft_wrap=True)
    out.print("计算得出的星级不是认定结果。 [dim]A computed star is not an award.[/]")


def _criteria(verdict: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="评定标准 criteria", title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    table.add_column("现值", justify="right")
    for star in verdict["stars"]:
        table.add_column(_plain(star["name_zh"]))
    for criterion in verdict["criteria"]:
        answers = (criterion["answers"][star["id"]] for star in verdict["stars"])
        table.add_row(_plain(criterion["name_zh"]), _plain(_got(criterion)), *map(_word, answers))
    return table


def _got(criterion: Mapping[str, Any]) -> str:
    got = criterion["got"]
    if got is None:
        return "–"
    if criterion["kind"] == "cloud_form":
        return FORMS[got]
    whole, point, rest = got.partition(".")
    unit = UNITS_ZH.get(criterion["unit"], criterion["unit"])
    return f"{int(whole):,}{point}{rest} {unit}"


def _word(answer: Mapping[str, Any]) -> str:
    """Return the verdict's word; a criterion that asks nothing here is not called reached."""
    if answer["reason"] == "NOT_APPLICABLE":
        return "[dim]不适用[/]"
    if answer["verdict"] == "PASS" and answer["needed"] == "0":
        return "[dim]无要求[/]"
    return WORDS[answer["verdict"]]


def _star(verdict: Mapping[str, Any]) -> str:
    provisional = "[yellow]（暂定：统计期未结束 provisional）[/]" if verdict["provisional"] == "yes" else ""
    if verdict["star"] is None:
        return f"[bold]未支持任何星级 no star is supported[/]{provisional}"
    declared = (
        "（含企业申报项 with what the enterprise declares）" if verdict["rests_on_declared"] == "yes" else ""
    )
    return (
        f"[bold green]支持{_plain(verdict['star_name_zh'])} supports {_plain(verdict['star_name_en'])}[/]"
        f"{declared}{provisional}"
    )


def _plain(text: str) -> str:
    return escape(printable(text))
