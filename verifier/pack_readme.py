"""The text that lies in every pack, for the reader who has nothing but the file.

What is proved and what is not stands there in the sentences of page one (``verifier.proved``), word for word.
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier.proved import NOT_PROVED, PROVED

OF_THE_REPORT = frozenset({"RULES_FIXED", "WHOLE_WINDOW"})
"""True of some packs only: the report of the pack says it where it is."""
_HEAD_ZH = """\
星证 StarProof 证据包   {enterprise}   {month}

如何核验（不需要网络）
  pip install 'starproof[verifier]'
  starproof check 本文件.zip --log-key log.pub
  log.pub 是企业在申报期开始前登记的日志公钥，必须来自本文件之外。
  申请表和报告文件只供阅读；自行打印：starproof report --pack 本文件.zip --out 报告.pdf
"""
_HEAD_EN = """\
How to check (no network needed)
  pip install 'starproof[verifier]'
  starproof check THIS_FILE.zip --log-key log.pub
  log.pub is the log key that was registered before the window; it must not come from this file.
  Form and report files are copies for reading; print your own:
  starproof report --pack THIS_FILE.zip --out report.pdf
"""
_PROVED = "通过核验证明：", "A passing check proves:"
_NOT_PROVED = "不能证明（就本包适用者而言）：", "It does not prove, as far as this applies to the pack:"
_FOOT = "Layout: BagIt (RFC 8493); chunks as in docs/chunk-format.md of StarProof.\n"


def readme(enterprise: str, month: str) -> str:
    """Return the text for one pack."""
    parts = [_HEAD_ZH.format(enterprise=enterprise, month=month), *_told(0), _HEAD_EN, *_told(1), _FOOT]
    return "\n".join(parts)


def _told(language: int) -> list[str]:
    """Return both lists of sentences in Chinese (0) or English (1)."""
    return [
        _listed(_PROVED[language], PROVED, language),
        _listed(_NOT_PROVED[language], NOT_PROVED, language),
    ]


def _listed(heading: str, sentences: Mapping[str, tuple[str, str]], language: int) -> str:
    told = (text[language] for code, text in sentences.items() if code not in OF_THE_REPORT)
    return "".join(f"{line}\n" for line in (heading, *(f"  - {sentence}" for sentence in told)))
