"""What is wrong with the form of a scope, or with the file of an edition, in Chinese."""

from __future__ import annotations

from console.language import CHINESE
from console.pages.apply.file_faults import FAULTS, placed
from console.translation import patterns, translated

_KNOWN = patterns(
    (r"hosts, line (\d+): write name, .*", r"主机第 \1 行：请依次写名称、带宽（Mbit/s）、磁盘上限（次/秒）、数据源，用逗号分隔"),
    (r"hosts, line (\d+): Mbit/s and operations a second .*", r"主机第 \1 行：带宽（Mbit/s）和磁盘上限（次/秒）只写数字，如 20"),
    (r"excluded days, line (\d+): write first day, .*person: (.*)", r"排除日第 \1 行：请写起日、止日、原因、批准人，如 \2"),
    (r"excluded days, line (\d+): a day is written so: (.*)", r"排除日第 \1 行：日期写法如 \2"),
    (r"choose the edition's TOML file, at most (\d+) bytes", r"请选择评定版本的 TOML 文件，不超过 \1 字节"),
    (r"(\S+) ships with this software; give yours another id", r"\1 是软件自带的版本；请给您的版本换一个 id"),
    (r"another file is kept as (\S+) already; .*", r"已有另一个文件以 \1 保存；请给这一个换一个 id"),
    (r"edition ('.*') does not ship with StarProof.*", r"没有评定版本 \1；请先在本页添加它的文件"),
)  # fmt: skip


def said_in(message: str, language: str) -> str:
    """Return what is wrong in a language; as it is where there are no words for it."""
    said = translated(message, language, _KNOWN)
    if language != CHINESE or said != message:
        return said
    return translated(placed(message), language, FAULTS)
