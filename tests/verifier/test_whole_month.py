"""A month with all that there is: counters, accounts, statements, ledger, log and anchors in one pack."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from packs import LOG_KEY, checked, codes, contents, resigned
from whole_month import whole_month

from evidence import checkpoint
from verifier import layout
from verifier.check import FAILED, PASS

PACK = whole_month()


def test_a_month_with_everything_passes() -> None:
    report = checked(PACK)
    assert (report.outcome, codes(report)) == (PASS, set())
    assert report.figures is not None
    known = {one["id"]: one["value"] for one in report.figures["indicators"] if one["value"] is not None}
    assert {"monthly_user_rate", "cpu_utilization", "cloud_investment"} <= known.keys()
    assert known["monthly_user_rate"] == "35.0000000000000"
    assert {"agent", "login-log", "database"} == {
        place[1] for name in contents(PACK) if (place := layout.chunks_place(name)) is not None
    }


def without(part: str) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        del entries[next(name for name in sorted(entries) if part in name)]

    return change


def with_other_leaf(entries: dict[str, bytes]) -> None:
    leaves = bytearray(entries[layout.LOG_LEAVES])
    leaves[20] ^= 1
    entries[layout.LOG_LEAVES] = bytes(leaves)


def with_more_paid(entries: dict[str, bytes]) -> None:
    entries[layout.LEDGER] = entries[layout.LEDGER].replace(b'"amount":6000000', b'"amount":6100000')


def with_other_receipt(entries: dict[str, bytes]) -> None:
    name = next(name for name in sorted(entries) if name.endswith(".eml"))
    entries[name] = b"Subject: checkpoint\n\n" + checkpoint.sign(1, bytes(32), key=LOG_KEY)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("/login-log-"), {"FIGURES"}),
        (without("/database-"), {"DAY_SUMS", "LOG_UNACCOUNTED"}),
        (without("/agent-"), {"FIGURES", "DAY_SUMS"}),
        (with_more_paid, {"FIGURES", "LOG_LEAF_MISSING"}),
        (with_other_leaf, {"LOG_ROOT"}),
        (with_other_receipt, {"ANCHOR_RECEIPT"}),
    ],
)
def test_whatever_of_it_is_changed_by_the_holder_of_the_log_key_is_found(
    change: Callable[[dict[str, bytes]], None], expected: set[str]
) -> None:
    entries = contents(PACK)
    change(entries)
    report = checked(resigned(entries))
    assert report.outcome == FAILED
    assert expected <= codes(report)
