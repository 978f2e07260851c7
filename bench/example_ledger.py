"""The ledger of the example month: a fictional enterprise's contracts, invoices, payments and costs.

Before the cloud 2,000,000 yuan in twelve months, after it 1,075,000 in ten: 35.5 % less a month. For the
cloud itself 625,000 yuan are paid, which are among the costs after.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

HEADS = (
    "日期", "类型", "金额（元）", "收款方", "合同编号", "发票号码", "用途", "成本科目", "服务起月", "服务止月", "凭证", "备注",
)  # fmt: skip
ITEMS = ("服务器与机房", "运维人员", "电费")
CLOUD, SOFTWARE, OWN = "示例云服务有限公司", "示例软件有限公司", "江苏示例精密机械有限公司"
HALVES = (("2026-02-10", "2026-01", "2026-05"), ("2026-07-10", "2026-06", "2026-10"))
"""Day of payment, first and last month that is paid for."""
QUARTERS = (
    ("2023-03-20", "2023-03", "2023-05"), ("2023-06-20", "2023-06", "2023-08"),
    ("2023-09-20", "2023-09", "2023-11"), ("2023-12-20", "2023-12", "2024-02"),
)  # fmt: skip
BOUGHT = (
    ("云服务器与存储", CLOUD, "SAMPLE-YUN-2026", "155000.00"),
    ("云数据库与安全", CLOUD, "SAMPLE-YUN-2026", "67500.00"),
    ("云化业务系统", SOFTWARE, "SAMPLE-SAAS-2026", "90000.00"),
)
CONTRACTS = (
    ("2026-01-04", CLOUD, "SAMPLE-YUN-2026", "445000.00", "cloud_contract.txt"),
    ("2026-01-05", SOFTWARE, "SAMPLE-SAAS-2026", "180000.00", "saas_contract.txt"),
)

Row = tuple[str, ...]


def ledger_text() -> str:
    """Return the table as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADS)
    writer.writerows(_costs_before())
    writer.writerows(_cloud())
    writer.writerows(_costs_after())
    return text.getvalue()


def _cost(day: str, amount: str, payee: str, what: tuple[str, str], span: tuple[str, str]) -> Row:
    return (day, "付款", amount, payee, "", "", *what, *span, "documents/it_costs.txt", "")


def _costs_before() -> Iterator[Row]:
    for day, *span in QUARTERS:
        months = (span[0], span[1])
        yield _cost(day, "300000.00", "示例机房服务有限公司", ("上云前运维", ITEMS[0]), months)
        yield _cost(day, "150000.00", OWN, ("上云前运维", ITEMS[1]), months)
        yield _cost(day, "50000.00", "示例供电公司", ("上云前运维", ITEMS[2]), months)


def _cloud() -> Iterator[Row]:
    for day, payee, contract, amount, file in CONTRACTS:
        yield (
            day,
            "合同",
            amount,
            payee,
            contract,
            "",
            "云服务",
            "",
            "",
            "",
            f"documents/{file}",
            "示例 SAMPLE",
        )
    for half, (day, *span) in enumerate(HALVES, 1):
        for number, (what, payee, contract, amount) in enumerate(BOUGHT, 1):
            invoice = f"SAMPLE{half:02}{number:012}"
            paper = ("", *span, "documents/invoices.txt", what)
            yield (f"{day[:8]}01", "发票", amount, payee, contract, invoice, "云服务", *paper)
            paid = (ITEMS[0], *span, "documents/payments.txt", what)
            yield (day, "付款", amount, payee, contract, invoice, "云服务", *paid)


def _costs_after() -> Iterator[Row]:
    for day, *span in HALVES:
        months = (span[0], span[1])
        yield _cost(day, "175000.00", OWN, ("上云后运维", ITEMS[1]), months)
        yield _cost(day, "50000.00", "示例供电公司", ("上云后运维", ITEMS[2]), months)
