"""A profile as the text of its file: what ``parse_profile`` reads back as the same profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from declaring.profile_template import quoted
from verifier.edition import Edition
from verifier.profile import Profile
from verifier.profile_file import SCHEMA

HEAD = "# 申报资料，由控制台生成 | The profile, written by the console. docs/profile-format.md"
_DATES = ("cloud_start", "filled_on")


def profile_text(profile: Profile, edition: Edition) -> bytes:
    """Return the bytes of the file of a profile; its own hash is not looked at."""
    parts = [list(_facts(profile)), list(_applicant(profile))]
    parts += [["[[documents]]", *_pairs(_filled(asdict(one)))] for one in profile.documents]
    for row in edition.rows:
        if row.id in profile.rows:
            said = profile.rows[row.id]
            parts.append([f"[rows.{row.id}]", *_pairs(_filled({"text": said.text})), _list(said.documents)])
    for rule in edition.rules:
        if rule.id in profile.figures:
            figure = profile.figures[rule.id]
            pairs = _pairs(_filled({"value": figure.value, "basis": figure.basis}))
            parts.append([f"[figures.{rule.id}]", *pairs, _list(figure.documents)])
    return ("\n\n".join("\n".join(part) for part in parts) + "\n").encode()


def _facts(profile: Profile) -> Iterator[str]:
    yield HEAD
    yield f"schema = {quoted(SCHEMA)}"
    yield from _pairs(
        _filled(
            {
                "edition": profile.edition,
                "star": profile.star,
                "cloud_form": profile.cloud_form,
                "region": profile.region,
                "cloud_partner": profile.cloud_partner,
                "industry": profile.industry,
                "planned_evaluation": profile.planned_evaluation,
                "scope_summary": profile.scope_summary,
                "performance_summary": profile.performance_summary,
            }
        )
    )
    yield f"it_service_enterprise = {'true' if profile.it_service else 'false'}"
    for key in _DATES:
        if getattr(profile, key):
            yield f"{key} = {getattr(profile, key)}"


def _applicant(profile: Profile) -> Iterator[str]:
    said = asdict(profile.applicant)
    contact, total, cloud_users = said.pop("contact"), said.pop("total"), said.pop("cloud_users")
    yield "[applicant]"
    yield from _pairs(_filled(said))
    yield ""
    yield "[applicant.contact]"
    yield from _pairs(_filled(contact))
    yield ""
    yield "[applicant.size]"
    for key, count in (("total", total), ("cloud_users", cloud_users)):
        if count is not None:
            yield f"{key} = {count}"


def _filled(said: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in said.items() if text}


def _pairs(said: Mapping[str, str]) -> list[str]:
    return [f"{key} = {quoted(text)}" for key, text in said.items()]


def _list(names: Sequence[str]) -> str:
    return f"documents = [{', '.join(map(quoted, names))}]"
