"""Figures of the ledger in report, form and terminal: every number of the document, in both languages."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from ledgers import bought, entry, given, ledger, scope
from packs import EDITION
from rich.text import Text as RichText

from documents.form.figures import FormFigure
from documents.form.summary import summary_text
from documents.report import money
from documents.report.blocks import Block, Cell, Facts, Subhead, Table, Text
from documents.report.phrases import Phrases
from starproof.money_text import MAX_GAPS, money_lines
from verifier.edition_file import parse_edition
from verifier.indicators import investment, it_cost, users
from verifier.ledger import Billed
from verifier.scope import CostScope

LANGUAGES = ("zh-CN", "en")
PARSED = parse_edition(EDITION)
COST = CostScope(("电费[/]", "人员"), ("2024-01", "2024-03"))


def of_investment(*entries: Any, bills: tuple[Billed, ...] = ()) -> dict[str, Any]:
    found = investment.figure(given("cloud_investment", ledger(*entries, bills=bills)))
    assert found is not None
    return {"id": "cloud_investment", "detail": found.detail}


def of_costs(*entries: Any, declared: bool = True) -> dict[str, Any]:
    found = it_cost.figure(
        given("it_cost_reduction", ledger(*entries), scope(it_cost=COST) if declared else None)
    )
    assert found is not None
    return {"id": "it_cost_reduction", "detail": found.detail}


def cost(side: str, item: str, yuan: float, first: str, last: str) -> Any:
    return entry(
        yuan=yuan, payee="甲", purpose=f"operations_{side}", item=item, service_from=first, service_to=last
    )


FULL = tuple(
    cost(side, item, 90_000, *span)
    for side, span in (("before", ("2024-01", "2024-03")), ("after", ("2026-08", "2026-10")))
    for item in COST.items
)
BILL = Billed("aliyun", "2026-03", "ecs", "60.25", "CNY", "charge", "cash", "no")


def shown(blocks: list[Block]) -> str:
    """All words of the blocks, a line for each cell."""
    lines = []
    for block in blocks:
        cells: list[Cell] = []
        if isinstance(block, Facts):
            cells = [cell for label, cell in block.pairs]
            lines += [label for label, _ in block.pairs]
        elif isinstance(block, Table):
            cells = [cell for row in block.rows for cell in row]
            assert {len(row) for row in block.rows} == {len(block.columns)}
        elif isinstance(block, (Subhead, Text)):
            lines.append(block.text)
        lines += [f"{cell.text} {cell.sub}".strip() for cell in cells]
    return "\n".join(lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_figure_of_hosts_has_no_money(language: str) -> None:
    say = Phrases(language)
    assert money.blocks({"id": "cpu_utilization"}, say) == []
    assert not money.of_ledger({"id": "cpu_utilization"})
    assert money_lines({"id": "cpu_utilization"}) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_payments_gaps_and_bills_are_tables(language: str) -> None:
    foreign = {"currency": "USD", "rate": "7.1234", "rate_source": "中国人民银行", "rate_day": "2026-03-01"}
    abroad = (replace(one, **foreign) for one in bought(10, invoice="F-2", contract="C-2"))
    unsure = entry(yuan=500, payee="云", purpose="cloud_service", document="")
    part = bought(12_345.5, provider="aliyun")
    indicator = of_investment(*part[:2], replace(part[2], amount=1_000_000), *abroad, unsure, bills=(BILL,))
    text = shown(money.blocks(indicator, Phrases(language)))
    for expected in (
        "10,571.23",
        "500.00",
        "12,345.50 CNY",
        "60.25 CNY",
        "9,939.75 CNY",
        "7.1234",
        "C-2\nF-2",
    ):
        assert expected in text, expected
    assert ("付款没有凭证文件" in text, "the payment has no document" in text) == (
        language == "zh-CN", language == "en",
    )  # fmt: skip


def test_amounts_below_zero_keep_their_sign_and_thousands() -> None:
    refund = entry("refund", -1_234_567, payee="云", contract="C-1", invoice="F-1", purpose="cloud_service")
    assert "-1,234,567.00 元" in shown(money.blocks(of_investment(*bought(1), refund), Phrases("zh-CN")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_tables_are_cut_and_say_so(language: str) -> None:
    many = [entry(yuan=1, payee="云", purpose="cloud_service", note=str(number)) for number in range(150)]
    blocks = money.blocks(of_investment(*many), Phrases(language))
    assert max(len(block.rows) for block in blocks if isinstance(block, Table)) == money.ROWS_SHOWN
    assert "150" in shown(blocks)
    assert "300" in shown(blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cost_item_has_its_row_and_the_sum(language: str) -> None:
    text = shown(money.blocks(of_costs(*FULL), Phrases(language)))
    assert text.count("30,000.00") == 4
    assert text.count("60,000.00") == 2
    assert "电费[/]" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_leaves_the_cost_open_stands_in_the_report(language: str) -> None:
    indicator = of_costs(
        *FULL[:3], cost("before", "机房", 5, "2024-02", "2024-02"), cost("after", "人员", 5, "2024-01", "2024-01"),
        cost("after", "人员", 5, "2026-08", "2026-09"),
    )  # fmt: skip
    text = shown(money.blocks(indicator, Phrases(language)))
    for expected in ("机房", "2026-10", "5"):
        assert expected in text.splitlines() or expected in text
    assert ("缺 1 个月 2026-10" in text) == (language == "zh-CN")
    nothing = of_costs(*FULL[:2])
    assert "2026-08 … 2026-10" in shown(money.blocks(nothing, Phrases(language)))
    assert money.blocks(of_costs(*FULL, declared=False), Phrases(language)) == []


def test_the_terminal_says_the_same_and_cannot_be_steered() -> None:
    unsure = [entry(yuan=1, payee="云", purpose="cloud_service", note=str(n), document="") for n in range(5)]
    bill = replace(BILL, provider="[red]x\u202e")
    lines = money_lines(of_investment(*bought(9), *unsure, bills=(bill,)))
    text = "\n".join(RichText.from_markup(line).plain for line in lines)
    assert "已付 paid 14.00 元" in text
    # Each of the five lacks contract, invoice and document.
    assert f"另有 {5 * 3 - MAX_GAPS} 处" in text
    assert "[red]x\\u202e 2026-03  60.25 CNY" in text


def test_the_terminal_shows_items_and_what_is_missing() -> None:
    text = "\n".join(RichText.from_markup(line).plain for line in money_lines(of_costs(*FULL[:3])))
    assert "电费[/]: 30000.00 → 30000.00" in text
    assert "缺 missing 2026-08, 2026-09, 2026-10" in text
    more = money_lines(of_costs(*FULL, cost("before", "机房", 5, "2024-02", "2024-02")))
    assert more[-1].endswith("机房")
    assert money_lines(of_costs(*FULL, declared=False)) == []
    long = of_costs(*FULL[:3])
    long["detail"]["items"][1]["after_missing"] = [f"2026-0{month}" for month in range(1, 10)]
    assert "2026-01, 2026-02, 2026-03 … 另有 6 个月 (+6)" in "\n".join(money_lines(long))


def form_figure(name: str, detail: dict[str, Any], value: str | None) -> FormFigure:
    definition = {"cloud_investment": investment.ID, "it_cost_reduction": it_cost.ID}[name]
    return FormFigure(PARSED.rule(name), definition, value, None, None, provisional=False, detail=detail)


def test_the_form_prints_the_figure_and_its_periods() -> None:
    paid = form_figure("cloud_investment", of_investment(*bought(1))["detail"], "62.5678")
    costs = form_figure("it_cost_reduction", of_costs(*FULL)["detail"], "-3.001")
    open_costs = form_figure("it_cost_reduction", of_costs(*FULL, declared=False)["detail"], None)
    assert (paid.text, costs.text, open_costs.text) == ("62.56 万元", "-3.01 %", "无法判定")
    figures = {"month": "2026-10", "months": ["2026-10"], "exclusions": [],
               "window": {"first_day": "2026-10-01", "last_day": "2026-10-31"}}  # fmt: skip
    text = summary_text(PARSED, [paid, costs, open_costs], figures, provisional=False)
    assert "付款日期：2025年11月1日至2026年10月31日，取自台账" in text
    assert "上云前：2024年1月至2024年3月；上云后：2026年8月至2026年10月" in text
    assert "申报范围未写明基准期" in text
    assert "不按零计" not in text


def test_the_form_prints_accounts_and_both_head_counts_and_that_addresses_are_no_people() -> None:
    detail = {
        "kind": "users",
        "accounts": 7,
        "head_count": "cloud_users",
        "head_counts": [{"name": "total", "people": 20}, {"name": "cloud_users", "people": 10}],
        "sources": [{"definitions": ["authenticated-request/1"]}],
    }
    figures = {"month": "2026-10", "months": ["2026-10"], "exclusions": [],
               "window": {"first_day": "2026-10-01", "last_day": "2026-10-31"}}  # fmt: skip
    rule = PARSED.rule("monthly_user_rate")
    rate = FormFigure(rule, users.ID, "70", "1", None, provisional=False, detail=detail)
    text = summary_text(PARSED, [rate], figures, provisional=False)
    assert "当月活动账号7个，总人数20人、使用云服务人员数量10人（分母）；口径" in text
    detail["sources"][0]["definitions"].append("client-address/1")
    unknown = FormFigure(
        rule, users.ID, None, None, None, provisional=False, detail={**detail, "head_counts": []}
    )
    text = summary_text(PARSED, [unknown], figures, provisional=False)
    assert (
        "无法判定。当月活动账号7个，未申报人数；其中以访问地址计数（client-address/1），地址不是人；" in text
    )


def test_an_indicator_without_fractions_stays_exact() -> None:
    assert Fraction(of_investment(*bought(0.01))["detail"]["paid_yuan"]) == Fraction(1, 100)
