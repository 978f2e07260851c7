"""``starproof report``: the report of a month as PDF, HTML or JSON."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from starproof import session
from starproof.copies import LANGUAGES
from starproof.derived import Source, add_source, read_source, require_source
from starproof.extras import require_documents
from starproof.output import write_new

EXAMPLE = "starproof report --month 2026-11 --profile profile.toml --out 报告.pdf"
ENDINGS = (".pdf", ".html", ".json")


def main(argv: Sequence[str], *, prog: str = "starproof report") -> int:
    """Run the command and return the exit status."""
    parser = session.parser(prog, "The report of one month 生成报告 (PDF/A-3b, HTML, JSON)", EXAMPLE)
    add_source(parser, profile_needed=False)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.pdf|.html|.json")
    parser.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0], help="default zh-CN")
    parser.add_argument("--font", metavar="FILE", help="Chinese font for PDF 中文字体 (default: found)")
    options = parser.parse_args(argv)
    require_source(parser, options)
    if options.out.suffix.lower() not in ENDINGS:
        parser.error(f"--out ends with {', '.join(ENDINGS)}")

    def work() -> int:
        data = _rendered(read_source(options), options)
        write_new(options.out, data)
        session.said(options, file=str(options.out), size=len(data))
        return 0

    return session.guarded(prog, work)


def _rendered(source: Source, options: argparse.Namespace) -> bytes:
    ending = options.out.suffix.lower()
    derived = source.documents
    if ending == ".json":
        return derived.report_bytes
    require_documents()
    # Imported here: rendering needs the extra, JSON does not.
    from documents.fonts import find_font  # noqa: PLC0415
    from documents.report.html import report_html  # noqa: PLC0415
    from documents.report.pdf import report_pdf  # noqa: PLC0415

    if ending == ".html":
        return report_html(derived.report, language=options.language).encode()
    return report_pdf(
        derived.report,
        figures_json=derived.figures_bytes,
        language=options.language,
        font=find_font(options.font, environment=os.environ),
    )
