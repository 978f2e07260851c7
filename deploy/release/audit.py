"""The audit of dependencies: ``audit.py [ACCEPTED.toml]``, which asks pip-audit about what is installed here.

Exit 0: no known vulnerability, or the advisories could not be asked, which is said in large letters: a build must not
depend on somebody's server, and must not pass off silence for an answer. Exit 1: a vulnerability that is not accepted
with a reason and a date, or an acceptance that is over or of no use.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomllib

ACCEPTED = Path(__file__).with_name("audit.toml")
COMMAND = (
    sys.executable,
    *(
        "-m",
        "pip_audit",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--skip-editable",
        "--timeout",
        "15",
    ),
)
TIMEOUT_S = 180
LEAST_REASON = 20
OURS = "starproof"


class AuditError(Exception):
    """The list of what is accepted cannot be used; the message says which entry and why."""


@dataclass(frozen=True)
class Acceptance:
    """A vulnerability that we live with: why, and until when."""

    id: str
    package: str
    reason: str
    until: date


def acceptances(text: str) -> tuple[Acceptance, ...]:
    """Return what a list of accepted vulnerabilities says.

    Raises:
        AuditError: an entry lacks something, or its reason is no sentence.
    """
    found = []
    for entry in tomllib.loads(text).get("accepted", []):
        if set(entry) != {"id", "package", "reason", "until"} or type(entry["until"]) is not date:
            raise AuditError(f"{entry}: an acceptance has id, package, reason, until (a date)")
        if len(entry["reason"]) < LEAST_REASON:
            raise AuditError(f"{entry['id']}: write in words why it does not concern us")
        found.append(Acceptance(**entry))
    return tuple(found)


def problems(document: Mapping[str, Any], accepted: Sequence[Acceptance], *, today: date) -> list[str]:
    """Return what is wrong with what pip-audit found, in words."""
    used, wrong = set(), []
    for package in document["dependencies"]:
        for vulnerability in package.get("vulns", ()):
            names = {vulnerability["id"], *vulnerability.get("aliases", ())}
            known = [one for one in accepted if one.id in names and one.package == package["name"]]
            used.update(known)
            if not any(one.until >= today for one in known):
                over = " (its acceptance is over)" if known else ""
                fixed = ", ".join(vulnerability.get("fix_versions", ())) or "nothing yet"
                wrong.append(
                    f"{package['name']} {package['version']}: {vulnerability['id']}{over}; fixed by {fixed}"
                )
    wrong += [
        f"{one.package}: {one.id} is accepted and no longer found; remove it"
        for one in accepted
        if one not in used
    ]
    return wrong


def asked(command: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> tuple[Mapping[str, Any] | None, str]:
    """Return what pip-audit found, ``None`` with its reason if it could not ask."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    try:
        document = json.loads(done.stdout)
        document["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"exit status {done.returncode} without a word"
    return document, ""


def main(argv: Sequence[str], *, command: Sequence[str] = COMMAND, timeout_s: float = TIMEOUT_S) -> int:
    """Audit and say what was found; return the exit status."""
    try:
        accepted = acceptances(Path(argv[0] if argv else ACCEPTED).read_text(encoding="utf-8"))
    except (AuditError, OSError, tomllib.TOMLDecodeError) as error:
        sys.stderr.write(f"audit: {error}\n")
        return 1
    if "pip_audit" in command and find_spec("pip_audit") is None:
        sys.stderr.write("audit: pip-audit is not installed; install with: make .venv/.dev\n")
        return 1
    document, reason = asked(command, timeout_s=timeout_s)
    if document is None:
        sys.stderr.write(f"audit: *** NOT AUDITED *** the advisories could not be asked: {reason}\n")
        return 0
    wrong = problems(document, accepted, today=datetime.now(UTC).date())
    for line in wrong:
        sys.stderr.write(f"audit: {line}\n")
    skipped = {one["name"]: one["skip_reason"] for one in document["dependencies"] if "skip_reason" in one}
    unasked = {name: reason for name, reason in skipped.items() if name != OURS}
    if unasked:
        sys.stderr.write(
            f"audit: *** NOT AUDITED *** {len(unasked)} packages, {next(iter(unasked))} first: "
            f"{next(iter(unasked.values()))}\n"
        )
    count = len(document["dependencies"]) - len(skipped)
    sys.stdout.write(f"audit: {count} packages asked about, {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
