"""Verdicts from figures and profiles that tests write down: the bounds are given, the judging is real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction

from fleet import Fleet

from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.edition import DECLARED, Edition
from verifier.editions import load_edition
from verifier.figures import measure
from verifier.profile import Applicant, DeclaredFigure, DeclaredRow, Document, Profile
from verifier.result import Figures
from verifier.stars import StarVerdict, star_verdict
from verifier.verdict import judge

EDITION = load_edition()
PROOF = Document("proof", "合同", "documents/proof.pdf", "ab" * 32)
CONTRACTS = (
    Document("public", "公有云合同", "documents/public.pdf", "bc" * 32, "public_cloud_contract"),
    Document("private", "私有云合同", "documents/private.pdf", "cd" * 32, "private_platform_contract"),
)
"""What proves the form of cloud."""
FIVE_STAR_FIGURES = {
    "it_cost_reduction": "30",
    "monthly_user_rate": "80",
    "cpu_utilization": "25",
    "bandwidth_utilization": "50",
    "daily_reads_writes": "50000",
    "cloud_investment": "400",
}
INFRASTRUCTURE = (
    "compute",
    "storage",
    "database",
    "content_security",
    "business_security",
    "network_security",
)
BASIC = (
    "recruitment",
    "performance",
    "training",
    "payroll",
    "tax",
    "expenses",
    "portal",
    "office",
    "site_security",
)
IT_SERVICES = ("it_development", "it_testing", "it_operations")
CORE = ("design_applications", "production_scheduling", "mes", "erp", "purchasing", "customers", "customer_service",
        "e_commerce", "production_data")  # fmt: skip
"""One row of each of the nine 子类."""
DEEP = ("market_analysis", "fault_diagnosis", "quality_control", "customization")
"""One row of each of the four 子类."""
FIVE_STAR_ROWS = (*INFRASTRUCTURE, *BASIC[:5], *IT_SERVICES, *CORE[:5], *DEEP[:2])
TODAY = date(2019, 4, 15).toordinal()


def exactly(value: str | Fraction) -> Bounds:
    """Everything was seen."""
    number = Fraction(value)
    return Bounds(low=number, value=number, high=number, running=number)


def between(low: str, value: str, high: str | None) -> Bounds:
    number = Fraction(value)
    return Bounds(
        low=Fraction(low), value=number, high=None if high is None else Fraction(high), running=number
    )


def figures_of(bounds: Mapping[str, Bounds], edition: Edition = EDITION) -> Figures:
    """Figures whose measured indicators have these bounds; the others have no data."""
    empty = measure(Fleet().archive(), month="2026-11", edition=edition)
    indicators = []
    for indicator in empty.indicators:
        given = bounds.get(indicator.rule.id, NOTHING_KNOWN)
        verdicts = {star: judge(given, Fraction(least)) for star, least in indicator.rule.thresholds.items()}
        indicators.append(replace(indicator, bounds=given, verdicts=verdicts))
    return replace(empty, indicators=tuple(indicators))


def profile_of(
    *,
    rows: Iterable[str] = FIVE_STAR_ROWS,
    undocumented: Iterable[str] = (),
    figures: Mapping[str, str] | None = None,
    proved: bool = True,
    cloud_form: str = "public",
    it_service: bool = True,
    star: str = "5",
    edition: Edition = EDITION,
    documents: tuple[Document, ...] = (PROOF, *CONTRACTS),
) -> Profile:
    """A profile: ``rows`` are documented unless they are ``undocumented``; ``proved``: so are figures."""
    bare = set(undocumented)
    declared = {name: value for name, value in FIVE_STAR_FIGURES.items() if name in declared_ids(edition)}
    if figures is not None:
        declared.update(figures)
    return Profile(
        edition=edition.id,
        applicant=Applicant("示例企业"),
        star=star,
        region="苏州",
        cloud_form=cloud_form,
        it_service=it_service,
        cloud_partner="",
        cloud_start="",
        industry="",
        planned_evaluation="",
        filled_on="",
        scope_summary="",
        performance_summary="",
        documents=documents,
        rows={name: DeclaredRow(name, "", () if name in bare else ("proof",)) for name in rows},
        figures={
            name: DeclaredFigure(name, value, "", ("proof",) if proved else ())
            for name, value in declared.items()
        },
        sha256="cd" * 32,
    )


def declared_ids(edition: Edition) -> list[str]:
    return [rule.id for rule in edition.rules if rule.aggregation == DECLARED]


def verdict_of(
    profile: Profile | None,
    bounds: Mapping[str, Bounds] | None = None,
    *,
    edition: Edition = EDITION,
    now_day: int | None = TODAY,
    provisional: bool = False,
) -> StarVerdict:
    """The verdict with these measured figures, by default those of five stars."""
    given = {name: exactly(value) for name, value in FIVE_STAR_FIGURES.items()} if bounds is None else bounds
    measured = {name: found for name, found in given.items() if name not in declared_ids(edition)}
    return star_verdict(
        figures=figures_of(measured, edition), profile=profile, provisional=provisional, now_day=now_day
    )


def answer(verdict: StarVerdict, criterion: str, star: str) -> tuple[str, str | None]:
    """Verdict and shortfall of one criterion at one star."""
    found = next(entry for entry in verdict.criteria if entry.id == criterion).answers[star]
    return found.verdict.name, found.short


def star_of(verdict: StarVerdict) -> str | None:
    return verdict.star.id if verdict.star else None
