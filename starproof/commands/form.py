"""``starproof form``: the application form, filled from what the system knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starproof import session
from starproof.derived import add_source, read_source, require_source
from starproof.extras import require_documents
from starproof.output import write_new
from verifier.errors import EditionError, ProfileError

EXAMPLE = "starproof form --month 2026-11 --profile profile.toml --out 申请表.docx"
ENDING = ".docx"


def main(argv: Sequence[str], *, prog: str = "starproof form") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(prog, "The application form 生成评定申请表 (Word)", EXAMPLE)
    add_source(parser, profile_needed=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.docx")
    options = parser.parse_args(argv)
    require_source(parser, options)
    if options.out.suffix.lower() != ENDING:
        parser.error(f"--out ends with {ENDING}")

    def work() -> int:
        require_documents()
        from documents.form.write import form_docx  # noqa: PLC0415 - needs the extra

        source = read_source(options)
        if source.declared.profile is None:
            raise ProfileError(f"{options.pack} holds no profile, so there is nothing to fill the form with")
        if source.declared.edition.form is None:
            raise EditionError(f"the edition {source.declared.edition.id} has no form")
        report = source.documents.report
        data = form_docx(
            edition=source.declared.edition,
            profile=source.declared.profile,
            figures=report["figures"],
            verdict=report["verdict"],
        )
        write_new(options.out, data)
        session.said(options, file=str(options.out), size=len(data))
        return 0

    return session.guarded(prog, work)
