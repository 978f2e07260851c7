"""What a check expected and got, in Chinese; the verifier says it in English, as on the command line."""

from __future__ import annotations

from console.translation import patterns

KNOWN = patterns(
    (r"(\d+) days have no mark: (.*)", r"\1 天没有日标记：\2"),
    (r"(\d+) days have no checkpoint after the mark: (.*)", r"\1 天的日标记之后没有检查点：\2"),
    (r"(\d+) days late", r"迟 \1 天"),
    (r"only named: none", "没有任何凭证"),
    (r"only named: (.*)", r"仅列名：\1"),
    (r"confirmed until (.*)", r"最迟证实于 \1"),
    (r"an anchor within a day after it", "该日之后一天内的外部锚定"),
)
