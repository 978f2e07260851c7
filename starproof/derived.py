"""The derived documents for a command: from the store, or from a pack that passed its check."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import EvidenceError
from starproof import session
from starproof.keys import read_log_key
from starproof.outside import add_outside, named_outside, read_outside
from starproof.rules import add_declared, read_rules, trusted_editions
from verifier.check import FAILED, check
from verifier.derivation import Declared, Documents, derive_month
from verifier.errors import PackError
from verifier.finding import INCOMPLETE
from verifier.pack import SOFTWARE


@dataclass(frozen=True)
class Source:
    """What a document is rendered from."""

    declared: Declared
    documents: Documents


def add_source(parser: argparse.ArgumentParser, *, profile_needed: bool) -> None:
    """Add what says where the documents come from: a month of the store, or a pack."""
    session.add_month(parser, required=False)
    add_declared(parser, profile=True)
    parser.add_argument(
        "--pack", type=Path, metavar="FILE.zip", help="render from a pack instead of the store 由证据包生成"
    )
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE", help="with --pack: the log key registered before the window"
    )
    add_outside(parser)
    parser.set_defaults(profile_needed=profile_needed)
    session.add_database(parser)


def require_source(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse, as wrong usage, options that do not go together."""
    if options.pack is not None:
        given = [
            name
            for name in ("month", "timezone", "scope", "profile", "db")
            if getattr(options, name) is not None
        ]
        if given:
            parser.error(f"--pack holds everything already; leave out --{', --'.join(given)}")
        return
    if named_outside(options):
        parser.error("--tsa-root, --mailbox, --code and --object confirm the anchors of a pack; give --pack")
    if options.month is None:
        parser.error("give --month YYYY-MM, or --pack FILE.zip")
    if options.profile_needed and options.profile is None:
        parser.error("give --profile FILE: the form is filled from it (starproof profile template makes one)")


def read_source(options: argparse.Namespace) -> Source:
    """Return the documents that ``options`` ask for.

    Raises:
        PackError: the pack does not pass its check.
        VerifierError: scope, edition, profile or store cannot be used.
        CollectorError: the store cannot be read.
    """
    if options.pack is not None:
        return _from_pack(options)
    with session.archive(options.db) as archive:
        rules = read_rules(
            archive.scope_versions(),
            scope_file=options.scope,
            edition_file=options.edition,
            profile_file=options.profile,
        )
        documents = derive_month(
            archive,
            month=options.month,
            timezone=options.timezone,
            declared=rules.declared,
            made_ms=time.time_ns() // 1_000_000,
            software=SOFTWARE,
        )
    return Source(rules.declared, documents)


def _from_pack(options: argparse.Namespace) -> Source:
    try:
        key = read_log_key(options.log_key) if options.log_key else None
    except EvidenceError:
        raise PackError(f"{options.log_key} does not hold a public log key; give the file log.pub") from None
    try:
        stream = options.pack.open("rb")
    except OSError as error:
        raise PackError(f"cannot read {options.pack}: {error.strerror}") from None
    with stream:
        report = check(
            stream,
            log_key=key,
            editions=trusted_editions(options.edition),
            now_ms=time.time_ns() // 1_000_000,
            outside=read_outside(options),
        )
    if report.outcome == FAILED or report.declared is None or report.derived is None:
        codes = sorted({finding.code for finding in report.findings if finding.severity == "fail"})
        raise PackError(
            f"{options.pack} does not pass its check ({', '.join(codes)}); nothing is rendered from it: "
            f"starproof check {options.pack}"
        )
    missing = sorted({finding.code for finding in report.findings if finding.severity == INCOMPLETE})
    if missing:
        sys.stderr.write(f"{options.pack}: 核验不完整 the check is incomplete: {', '.join(missing)}\n")
    return Source(report.declared, report.derived)
