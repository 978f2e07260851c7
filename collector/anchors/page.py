"""The page about a checkpoint: words, the short code, and the note itself."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from collector.anchors.interface import Head
from collector.errors import AnchorError
from evidence.short_code import short_code

EXTRA = "anchors"


class MissingPackageError(AnchorError):
    """A package that an anchor needs is not installed."""

    code: ClassVar[str] = "ANCHOR_EXTRA"


def page_text(head: Head) -> str:
    """Return the page: what mail says and what goes into the log book. It ends with the note."""
    day = f"{head.day} 日终" if head.day else "日间"
    day_en = f"end of {head.day}" if head.day else "made during the day"
    return (
        "星证 StarProof：日志检查点 log checkpoint\n"
        f"企业 enterprise: {head.enterprise}\n"
        f"时点 moment: {day} / {day_en}\n"
        f"记录数 size: {head.size}\n"
        f"短码 short code: {short_code(head.note)}\n"
        "\n"
        "请原样保存，不要修改。评审时用它核对企业提交的证据包。\n"
        "Keep this as it is. At the review the enterprise's evidence pack is compared with it.\n"
        "\n" + head.note.decode("utf-8")
    )


def qr_svg(head: Head) -> bytes:
    """Return the QR code of the whole note as SVG.

    Raises:
        MissingPackageError: the extra ``anchors`` is not installed.
    """
    out = io.BytesIO()
    qr_symbol(head).save(out, kind="svg", scale=4, border=4, xmldecl=False)
    return out.getvalue()


def qr_symbol(head: Head) -> Any:
    """Return the QR code of the whole note.

    Raises:
        MissingPackageError: the extra ``anchors`` is not installed.
    """
    try:
        import segno  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"QR codes need the extra {EXTRA!r}: pip install 'starproof[{EXTRA}]'"
        ) from None
    # Binary, without a header that names the encoding: every reader gives back the note's own bytes.
    return segno.make(head.note, mode="byte", error="m", boost_error=False, micro=False)
