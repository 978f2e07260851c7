"""Definitions: which formula a definition id names. See docs/definitions.md for each in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.edition import CAPACITY_WEIGHTED, DECLARED, MEAN_OVER_HOSTS, SUM_OVER_HOSTS, Edition, Rule
from verifier.errors import EditionError, ScopeError, VerifierError
from verifier.indicators import bandwidth, cpu, investment, it_cost, reads_writes, users
from verifier.indicators.enterprise import EnterpriseRule
from verifier.indicators.interface import HostRule, MetricNames
from verifier.scope import Scope
from verifier.toml_table import nearest

DECLARED_FIGURE = "declared/1"
"""The definition of any figure that an edition asks for and nothing here measures."""


@dataclass(frozen=True)
class Definition:
    """One definition: the indicator it belongs to, how its hosts become one figure, its function.

    ``rule`` is for figures of hosts, ``enterprise`` for those of the whole enterprise, computed from
    materials where there are any; with neither a figure is only declared. ``zh`` and ``en`` say it in words.
    ``metrics`` are what it reads. ``units`` are the names that an edition may give to what the function returns; empty: any, for
    nothing is returned.
    """

    id: str
    indicator: str
    aggregation: str
    zh: str
    en: str
    rule: HostRule | None = None
    units: tuple[str, ...] = ()
    metrics: MetricNames | None = None
    enterprise: EnterpriseRule | None = None


_DECLARED_WORDS = (
    "本版本不测量：数值由企业申报，以所附材料为据。",
    "Not measured by this version: the enterprise declares the value, with the documents attached.",
)
_ALL = (
    Definition(
        it_cost.ID,
        "it_cost_reduction",
        DECLARED,
        (
            "（上云前月均成本 − 上云后月均成本）/ 上云前月均成本，申报的成本科目前后相同，取自台账；"
            "没有台账时由企业申报。"
        ),
        (
            "(mean monthly cost before - after) / before, over the same declared cost items, from the ledger; "
            "without a ledger the enterprise declares the value."
        ),
        units=("%",),
        enterprise=it_cost.figure,
    ),
    Definition(
        users.ID,
        "monthly_user_rate",
        DECLARED,
        "当月有活动的不同账号数 / 申报的人数；账号以加密哈希跨主机、跨日合并，不重复计数。没有账号数据时由企业申报，以所附材料为据。",
        (
            "Distinct accounts that were active in the month / declared head count; accounts are united over hosts "
            "and days by keyed hash. Without data of accounts the enterprise declares the value, with the documents "
            "attached."
        ),
        units=("%",),
        enterprise=users.figure,
    ),
    Definition(
        cpu.ID,
        "cpu_utilization",
        MEAN_OVER_HOSTS,
        "忙节拍 / 全部节拍（忙 = 全部 − 空闲 − 等待输入输出，虚拟机节拍只计一次）；停机时间按零计入；各主机算术平均。",
        (
            "Busy ticks / all ticks (busy = all - idle - waiting for I/O, guest ticks once); downtime counts as "
            "zero; every host counts once."
        ),
        cpu.figure,
        ("%",),
        cpu.METRICS,
    ),
    Definition(
        bandwidth.ID,
        "bandwidth_utilization",
        CAPACITY_WEIGHTED,
        "收、发两个方向中较大者：比特数 /（容量 × 时间）；各主机以容量加权。",
        "The busier direction: bits / (capacity x time); hosts weigh by their capacity.",
        bandwidth.figure,
        ("%",),
        bandwidth.METRICS,
    ),
    Definition(
        reads_writes.ID,
        "daily_reads_writes",
        SUM_OVER_HOSTS,
        "块设备完成的读与写之和，每24小时；各主机相加。不是数据库语句数。",
        "Completed reads and writes of block devices per 24 hours, hosts added up. Not database statements.",
        reads_writes.figure,
        ("次/day", "次/日"),
        reads_writes.METRICS,
    ),
    Definition(
        reads_writes.DATABASE_ID,
        "daily_reads_writes",
        SUM_OVER_HOSTS,
        "数据库服务器执行的读语句与写语句之和，每24小时；各数据库主机相加。不是块设备的读写次数。",
        (
            "Statements of reading and writing that database servers carried out per 24 hours, database hosts "
            "added up. Not block I/O."
        ),
        reads_writes.statements,
        ("次/day", "次/日"),
        reads_writes.STATEMENTS,
    ),
    Definition(
        investment.ID,
        "cloud_investment",
        DECLARED,
        "统计周期内为上云实际支付的金额（付款减退款），取自台账；没有台账时由企业申报。",
        (
            "What was actually paid for the cloud in the period (payments less refunds), from the ledger; without a "
            "ledger the enterprise declares the value."
        ),
        units=("万元",),
        enterprise=investment.figure,
    ),
)
DEFINITIONS: Mapping[str, Definition] = {definition.id: definition for definition in _ALL}


def chosen(edition: Edition, scope: Scope | None) -> dict[str, Definition]:
    """Return the definition of every indicator: the scope's choice, else the edition's.

    Raises:
        ScopeError: the scope names an indicator that the edition does not ask for, or a definition
            that does not exist, belongs to another indicator or aggregates in another way.
        EditionError: the edition names such a definition, or another unit than the definition's.
    """
    result = {}
    asked = [rule.id for rule in edition.rules]
    named = [*scope.definitions, *scope.substitution] if scope else []
    for key in named:
        if key not in asked:
            table = "definitions" if scope and key in scope.definitions else "substitution"
            raise ScopeError(
                f"scope: [{table}]: edition {edition.id} does not ask for {key!r}{nearest(key, asked)}; "
                f"write some of {', '.join(asked)}"
            )
    for rule in edition.rules:
        declared = scope.definitions.get(rule.id) if scope else None
        error: type[VerifierError] = ScopeError if declared else EditionError
        definition = _definition(declared or rule.definition, rule.id, error)
        if rule.aggregation != definition.aggregation:
            raise error(
                f"edition {edition.id}: {rule.id} cannot be aggregated as {rule.aggregation} under "
                f"{definition.id}; "
                + ("leave it out of [definitions]" if declared else f"write {definition.aggregation}")
            )
        if definition.enterprise is None:
            require_unit(rule, definition, f"edition {edition.id}")
        result[rule.id] = definition
    return result


def require_unit(rule: Rule, definition: Definition, where: str) -> None:
    """Refuse a figure in another unit than its definition gives.

    Raises:
        EditionError: says which unit to write.
    """
    if definition.units and rule.unit not in definition.units:
        raise EditionError(
            f"{where}: {rule.id} is in {rule.unit}, but {definition.id} gives "
            f'{definition.units[0]}; write unit = "{definition.units[0]}"'
        )


def _definition(name: str, indicator: str, error: type[VerifierError]) -> Definition:
    known = [definition.id for definition in _ALL if definition.indicator == indicator]
    if name == DECLARED_FIGURE:
        return Definition(DECLARED_FIGURE, indicator, DECLARED, *_DECLARED_WORDS)
    if name not in known:
        known.append(DECLARED_FIGURE)
        place = "edition: [indicators]" if error is EditionError else "scope: [definitions]"
        raise error(
            f"{place}: definition {name!r} of {indicator} does not exist{nearest(name, known)}; write {', '.join(known)}"
        )
    return DEFINITIONS[name]
