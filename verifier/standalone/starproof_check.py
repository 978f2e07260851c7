#!/usr/bin/env python3
"""A second opinion on a StarProof evidence pack: one file, nothing but Python's standard library.

    python starproof_check.py PACK.zip --log-key log.pub

It was written from the documents of the format (docs/chunk-format.md, docs/log.md, docs/anchors.md,
docs/definitions.md, docs/pack-format.md), shares no code with ``starproof check`` and must come to the same
findings. Python 3.8 or later, Linux, Windows, macOS; no network, nothing is written, nothing from the
pack is run. Exit status: 0 pass, 1 fail, 2 incomplete.

Before anything else it tests its own arithmetic with the vectors of RFC 8032 and refuses to work when
one of them fails.

Where to find what (the steps have the numbers of docs/check.md; steps 2 and 6 are late, as in the order of work):

    A  limits, words, findings          0   the file and its entries
    B  Ed25519 (RFC 8032)               1   the statement and the log key
    C  canonical JSON and its fields    3   enrolments
    D  TOML                             4   chunks and chains
    E  days, months, decimals           5   the log
    F  Merkle trees, signed notes       7   contradictions between counters
    G  time stamps (RFC 3161)           2   what is declared
                                        8   day sums, figures and verdict;  9  the report
                                        6   anchors;  10  outcome, printing, command line

Not judged here, and said so at the end of every check: the words of notes and sentences, the report
document beside the figures and the verdict in it, the questions to the reviewer, copies for reading,
and more than a million distinct accounts (counted with a sketch elsewhere).
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import struct
import sys
import time
import unicodedata
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from fractions import Fraction
from itertools import accumulate, groupby
from operator import add, lt, sub
from pathlib import Path, PurePosixPath
from typing import (
    Any,
    BinaryIO,
    Callable,
    Container,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    NoReturn,
    Optional,
    Sequence,
    Tuple,
)

VERSION = "1.0"

# ======================================================================================================
# A  Limits, words, findings
# ======================================================================================================

MAX_ENTRIES = 200_000
MAX_CONTAINER_BYTES = 2**36
MAX_ENTRY_BYTES = 1024 * 1024 * 1024
MAX_NAME_BYTES = 160
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_STATEMENT_BYTES = 16 * 1024
MAX_RECORD_BYTES = 16 * 1024
MAX_HEADER_BYTES = 8 * 1024
MAX_MANIFEST_BYTES = 512 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 4_096
MAX_VALUES = 4 * 1024 * 1024
MAX_DEFLATED_BYTES = MAX_VALUES * 8 + 1024 * 1024
MAX_HOSTS = 9_999
MAX_ENROLMENTS = 100_000
MAX_NAME = 128
MAX_SIZE = 2**53 - 1
MAX_PROOF = 2 * 53
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01."""
MISSING = -(2**63)
S_MS, HOUR_MS, DAY_MS = 1_000, 3_600_000, 86_400_000
CLOCK_SKEW_MS = 600_000
"""Hosts, collector and reviewer may differ by ten minutes."""
NANO = 10**9
MAX_SHOWN = 200
MAX_DIFFERENCES = 1_000
MAX_SURPLUS_BYTES = 1024 * 1024
MAX_MANIFESTS_KEPT = 256
MOST_ACCOUNTS = 1_000_000

TRUSTED_EDITIONS = {
    "jiangsu-2018-trial": "cda1808d8c5c751f623fd2647d97cfdaeddc8e4a5cafe1a54d331cdab921d437",
}
"""SHA-256 of the editions that this program knows; ``--edition`` adds the reviewer's own."""

FAIL, INCOMPLETE, NOTE = "fail", "incomplete", "note"
CATALOGUE: Dict[str, Tuple[int, str, str, str]] = {
    "CONTAINER": (0, FAIL, "文件不是星证证据包的唯一格式", "the file is not in the one form of a StarProof pack"),
    "ENTRY_MISSING": (0, FAIL, "缺少文件", "an entry is missing"),
    "ENTRY_UNKNOWN": (0, FAIL, "出现不应有的文件", "an entry does not belong here"),
    "ENTRY_CHANGED": (0, FAIL, "文件内容与清单不符", "an entry differs from its hash in the manifest"),
    "TAG_CHANGED": (0, FAIL, "说明文件与应有内容不符", "a tag file differs from what it must be"),
    "STATEMENT": (1, FAIL, "声明不可读或与内容不符", "the statement cannot be read or differs from the content"),
    "STATEMENT_SIGNATURE": (1, FAIL, "声明的签名无效", "the signature of the statement is not valid"),
    "LOG_KEY": (1, FAIL, "签名密钥不是您提供的日志密钥", "the pack is signed by another key than the log key you gave"),
    "LOG_KEY_NOT_GIVEN": (1, INCOMPLETE, "未提供日志密钥：无法证明由谁签名，请用 --log-key 提供向评审部门登记的密钥", "no log key was given, so it is not proved who signed; give the key registered with the authority (--log-key)"),
    "MADE_IN_FUTURE": (1, INCOMPLETE, "证据包的生成时间晚于本机时钟：请核对时钟", "the pack was made later than this computer's clock says: compare the clocks"),
    "EDITION": (2, FAIL, "评定版本文件不可读", "the edition file cannot be read"),
    "EDITION_DIFFERS": (2, FAIL, "评定版本与本程序所带的同名版本不同", "the edition differs from the one of the same name shipped here"),
    "EDITION_UNKNOWN": (2, INCOMPLETE, "本程序不认识该评定版本，请自行核对", "this verifier does not know the edition; compare it yourself"),
    "SCOPE": (2, FAIL, "申报范围文件不可读或与内容不符", "the scope file cannot be read or contradicts the content"),
    "SCOPE_NOT_DECLARED": (2, NOTE, "没有声明申报范围", "no scope was declared"),
    "SCOPES": (2, FAIL, "申报范围的声明记录不可读或互相矛盾", "the declared versions of the scope cannot be read or contradict one another"),
    "SCOPE_UNDECLARED": (2, NOTE, "所用的申报范围没有声明记录", "the scope in use was not declared: there is no record of its date"),
    "SCOPE_DECLARED_AFTER": (2, NOTE, "申报范围在统计期开始之后声明", "the scope was declared after the window had begun"),
    "SCOPE_CHANGED": (2, NOTE, "申报范围有过多个版本", "the scope was declared more than once"),
    "PROFILE": (2, FAIL, "申报资料文件不可读或与内容不符", "the profile cannot be read or contradicts the content"),
    "DOCUMENT": (2, FAIL, "证明材料与其哈希不符，或申报资料和台账都没有提到它", "a document differs from its hash, or neither profile nor ledger names it"),
    "DOCUMENT_MISSING": (2, INCOMPLETE, "缺少申报资料或台账所列的证明材料", "a document that profile or ledger names is not in the pack"),
    "LEDGER": (2, FAIL, "台账不可读或违反其规则", "the ledger cannot be read or breaks its rules"),
    "DOCUMENT_EMPTY": (2, INCOMPLETE, "证明材料是空文件", "a document is empty and proves nothing"),
    "ENROLMENT": (3, FAIL, "登记记录无效", "an enrolment record is not valid"),
    "KEY_TWICE": (3, FAIL, "同一密钥登记了两次", "one key is enrolled twice"),
    "KEY_BREAK": (3, NOTE, "主机更换密钥时没有旧密钥的签名", "a host changed its key without the signature of the key before"),
    "HOSTS": (3, FAIL, "主机表不可读或与登记不符", "the table of hosts cannot be read or contradicts the enrolments"),
    "CHUNK": (4, FAIL, "数据块损坏或不合格式", "a chunk is damaged or breaks the format"),
    "CHUNK_SIGNATURE": (4, FAIL, "数据块的签名无效", "the signature of a chunk is not valid"),
    "CHUNK_MISPLACED": (4, FAIL, "数据块放错了位置", "a chunk stands in the wrong place"),
    "CHAIN": (4, FAIL, "数据块与前一块不衔接", "a chunk does not continue the one before"),
    "SEQ_MISSING": (4, INCOMPLETE, "缺少若干数据块", "chunks are missing from the chain"),
    "EMPTY": (4, INCOMPLETE, "证据包中没有任何数据块", "the pack holds no chunk at all"),
    "SAME_MACHINE": (4, INCOMPLETE, "不同主机的数据块来自同一台机器的同一次开机", "chunks of different hosts come from one boot of one machine"),
    "MADE_BEFORE": (4, FAIL, "数据块晚于证据包的生成时间", "a chunk is later than the making of the pack"),
    "ENROLLED_AFTER": (4, NOTE, "读数早于该主机密钥的登记", "readings are older than the enrolment of their key"),
    "BRIDGED_LONG": (4, INCOMPLETE, "两次读数相隔一天以上，或读数早于密钥入日志一天以上：这段时间的用量是事后一次写成的，不能证明当时已有记录", "readings are more than a day apart, or more than a day older than the leaf of their key: that time was told afterwards, all at once"),
    "CLOCK_BACK": (4, NOTE, "主机时钟曾被拨回", "the clock of the host was set back"),
    "NOT_ATTESTED": (4, NOTE, "含未经主机签名的数据（导入文件、云平台或监控系统）", "holds data that no host has signed (imported files, a cloud or a monitor)"),
    "CONFLICT": (4, FAIL, "同一序号收到过不同的数据块", "different chunks with one number were received"),
    "LOG_ABSENT": (5, INCOMPLETE, "证据包中没有日志：无法证明数据块何时到达、有没有被删去", "the pack holds no log: it is not proved when chunks arrived, nor that none was taken out"),
    "LOG_FORMAT": (5, FAIL, "日志文件缺失或不可读", "a file of the log is missing or cannot be read"),
    "LOG_SIGNATURE": (5, FAIL, "检查点的签名无效", "a checkpoint is not signed by the log key"),
    "LOG_ROOT": (5, FAIL, "检查点与日志内容不符", "a checkpoint or proof is not that of the leaves"),
    "LOG_ARRIVAL": (5, FAIL, "到达时间自相矛盾", "an arrival contradicts another time"),
    "LOG_RECORD": (5, FAIL, "日志中的记录与叶子不符", "a record of the log is not the one that its leaf names, or is of somebody else"),
    "LOG_LEAF_MISSING": (5, FAIL, "日志中没有该记录的叶子", "something in the pack was never logged"),
    "LOG_DAY_MISSING": (5, INCOMPLETE, "统计期内有些日子没有日终标记或检查点", "days of the window have no mark, or no checkpoint after it"),
    "LOG_DAY_LATE": (5, NOTE, "日终标记迟于一天以上", "the mark of a day was made more than a day late"),
    "EDITION_NOT_LOGGED": (5, INCOMPLETE, "日志中没有所用评定版本的叶子：请用新版程序再次声明申报范围", "the log has no leaf of the edition in use: declare the scope again with this version"),
    "LOG_NOT_CLOSED": (5, INCOMPLETE, "该月没有关账：请运行 starproof log close 后重新打包", "the month was not closed: run starproof log close, then pack again"),
    "LOG_AFTER_CLOSE": (5, INCOMPLETE, "关账之后又收到数据块：请再次关账后重新打包", "chunks arrived after the month was closed: close it again, then pack again"),
    "SCOPE_OTHER": (5, FAIL, "统计期内的日终标记所记的申报范围不是证据包所用的那一个", "the day marks name another declared scope than the one that the pack rests on"),
    "SCOPE_NOT_BOUND": (5, INCOMPLETE, "所用申报范围在日志中的叶子早于证据包所含部分，日终标记又未记载申报范围：不能排除有更新的申报范围", "the leaf of the scope in use is older than the packed leaves and day marks name no scope: a newer one cannot be ruled out"),
    "MARKS_WITHOUT_SCOPE": (5, NOTE, "旧版程序的日终标记不记载申报范围：这些日子的范围不由标记约束，只由证据包所含的日志叶子约束", "day marks of an earlier version name no scope: the scope of those days is not bound by marks, only by the packed leaves"),
    "LOG_CUT": (5, FAIL, "日志中有申报主机在统计期内的数据块，证据包中却没有", "the log holds chunks of a declared host and of the window that are not in the pack"),
    "LOG_UNACCOUNTED": (5, FAIL, "日志中有些内容证据包没有交代：既没有数据块或登记，也没有能说明它与统计无关的数据块头", "the pack does not account for something in its log: neither the thing itself nor a header that tells what it was"),
    "CHUNK_LATE": (5, NOTE, "数据块在结束一天以后才到达", "chunks arrived more than a day after their end"),
    "ANCHOR_RECEIPT": (6, FAIL, "锚定回执与日志的检查点不符", "the receipt of an anchor is not about a checkpoint of this log"),
    "ANCHOR_NOT_JUDGED": (6, INCOMPLETE, "此处无法判断该时间戳，因此不予采信：请按提示安装后重新核验", "a time stamp cannot be judged here and so confirms nothing: install what is named and check again"),
    "ANCHOR_REFUSED": (6, INCOMPLETE, "时间戳不能由您提供的根证书证实", "a time stamp does not hold under the root certificates that you gave"),
    "ANCHOR_FORK": (6, FAIL, "外部保存的检查点与证据包中的日志矛盾：存在另一份历史", "a checkpoint kept outside contradicts the log of the pack: there is another history"),
    "ANCHOR_TIME": (6, FAIL, "外部时间早于日志所载的到达时间", "an anchor is older than what it anchors claims to be"),
    "ANCHOR_CODE": (6, FAIL, "记录簿上的短码不是该检查点的短码", "the code in the log book is not that of the checkpoint"),
    "ANCHOR_CODE_MISTYPED": (6, INCOMPLETE, "短码输入有误，请重新核对", "a code was mistyped; read the log book again"),
    "ANCHOR_OBJECT": (6, INCOMPLETE, "取回的对象不能证实任何检查点", "an object that was fetched confirms no checkpoint"),
    "ANCHOR_UNKNOWN": (6, INCOMPLETE, "数据块所指的锚定回执不在证据包中", "chunks name the receipt of an anchor that is not in the pack"),
    "ANCHOR_LEFT_OUT": (6, INCOMPLETE, "日志所记的锚定回执不在证据包中：请用完整的数据库重新打包；缺少的时间戳可能说明数据块是事先做好的", "the log names receipts of anchors that are not in the pack: pack again from the whole store; the time stamps that are missing may show that chunks were made before"),
    "ANCHOR_NEWER": (6, INCOMPLETE, "数据块所指的锚定晚于其读数时间：封存晚于读数", "a chunk names an anchor that is newer than its readings: it was sealed later than it was read"),
    "ANCHOR_STALE": (6, INCOMPLETE, "数据块所指的时间戳早于当时已有的时间戳三天以上：不能证明不是事先做好的", "chunks name a time stamp (or none) that was out of date by more than three days: they may have been made before"),
    "DAY_NOT_ANCHORED": (6, INCOMPLETE, "没有任何外部凭证证实这些日子的检查点", "nothing from outside confirms a checkpoint of these days"),
    "CHUNKS_ANCHORED_LATE": (6, INCOMPLETE, "这些日子的部分数据块在次日的锚定之后才进入有外部凭证的日志：当日的锚定不包含它们", "chunks of these days came into the log only after the anchor of the next day: no anchor of the time covers them"),
    "DAY_ANCHORED_LATE": (6, INCOMPLETE, "这些日子的检查点迟于次日才有外部凭证", "the checkpoints of these days were outside only later than a day after"),
    "SCOPE_NOT_ANCHORED": (6, INCOMPLETE, "没有外部凭证证实申报范围、评定版本和日志密钥在统计期之前已确定", "nothing from outside confirms that scope, edition and log key were fixed before the window"),
    "TICKS_EXCEED": (7, FAIL, "处理器计数多于处理器数×时间：不可能", "the processors counted more ticks than there was time for: impossible"),
    "TICKS_SHORT": (7, NOTE, "处理器计数少于处理器数×时间：主机可能曾被虚拟化平台暂停，这段时间不计入", "the processors counted fewer ticks than there was time for: the host may have been stopped by its hypervisor; that time does not count"),
    "LINK_EXCEEDED": (7, FAIL, "流量超过物理网卡的速率：不可能", "more bytes than a physical card's speed allows: impossible"),
    "LINK_NAME_EXCEEDED": (7, NOTE, "流量超过虚拟网卡的标称速率：宿主机内部的流量可以如此，请核对带宽", "more bytes than the nominal speed of a virtual card: traffic inside the machine below it may be faster; compare the bandwidth"),
    "SECTORS_SHORT": (7, FAIL, "磁盘完成的读次数多于读出的扇区数：不可能", "a disk completed more reads than it moved sectors: impossible"),
    "SECTORS_EXCEED": (7, FAIL, "磁盘读出的扇区数多于其读次数所能读出的：不可能", "a disk moved more sectors than its reads can have moved: impossible"),
    "UNITS_EXCEED": (7, FAIL, "各单元的处理器时间之和超过处理器的时间：不可能", "units used more processor time than the processors had: impossible"),
    "UNITS_UNLIKE": (7, FAIL, "处理器的忙碌时间不属于任何单元：两种计数互相矛盾", "busy time of the processors is of no unit: the two counters contradict one another"),
    "UPTIME_BACK": (7, FAIL, "同一次开机内，开机时长变小：不可能", "the clock since boot went back within one boot: impossible"),
    "BOOTS_OVERLAP": (7, FAIL, "时钟已同步，而开机时刻早于上一次开机的读数：不可能", "a boot began before the boot before it ended, with synchronized clocks: impossible"),
    "BOOTS_OVERLAP_CLOCK": (7, NOTE, "开机时刻早于上一次开机的读数，但时钟未同步", "a boot began before the boot before it ended, but the clocks were not synchronized"),
    "WINDOW_SHORT": (8, NOTE, "申报的统计期不是整月", "the declared window is not the whole month"),
    "DAYS_EXCLUDED": (8, NOTE, "申报范围排除了若干天", "the scope excludes days"),
    "MOSTLY_LEFT_OUT": (8, INCOMPLETE, "申报范围去掉了超过十分之一的日子：结论只说明余下的日子", "the scope leaves out more than a tenth of the days: the verdict speaks of the rest only"),
    "DAY_SUMS": (8, FAIL, "日合计与数据块重算结果不符", "the day sums differ from those recomputed from the chunks"),
    "SOURCES_DIFFER": (8, NOTE, "同一主机的两个数据源逐小时比对，差异超出容许范围：请查明原因", "two sources of one host differ by more than the tolerance, hour by hour: ask why"),
    "PROVISIONAL": (8, NOTE, "生成时统计期尚未结束：结论是暂定的", "the window was not over when the pack was made: the verdict is provisional"),
    "FIGURES": (8, FAIL, "指标与重算结果不符", "the figures differ from those recomputed"),
    "VERDICT": (8, FAIL, "结论与重算结果不符", "the verdict differs from the one recomputed"),
    "READING_COPY": (9, NOTE, "申请表和报告的文件供阅读，核验不重算其版面；请用 starproof report --pack 自行打印", "form and report files are copies for reading and are not recomputed; print your own: starproof report --pack"),
    "REPORT": (9, FAIL, "报告数据与重算结果不符", "the report differs from the one recomputed"),
    "INTERNAL": (10, FAIL, "核验程序在某一步中断：该步视为未通过，请保留证据包并报告此错误", "the check broke off in a step, which counts as failed; keep the pack and report this error"),
}  # fmt: skip
"""Code: step, severity, sentence in Chinese, sentence in English."""


class Bad(Exception):
    """Bytes that break a rule of the format."""

    at = 0  # of a damaged item: where in its entry it begins


class NotHere(Exception):
    """Something that this program cannot judge on this machine; says what to do."""


class Finding(NamedTuple):
    """One thing that was found: what, where, of which host, and what was expected there."""

    code: str
    place: str
    host: str = ""
    expected: str = ""
    got: str = ""
    slot: str = ""

    @property
    def severity(self) -> str:
        """``fail``, ``incomplete`` or ``note``."""
        return CATALOGUE[self.code][1]

    @property
    def order(self) -> Tuple[int, str, str, str, str, str]:
        """By step, host, slot, code."""
        return CATALOGUE[self.code][0], self.host, self.slot, self.code, self.place, self.got

    def document(self) -> Dict[str, Any]:
        """Return the finding as it stands in JSON output."""
        step, severity, zh, en = CATALOGUE[self.code]
        return {
            "step": step, "code": self.code, "severity": severity, "host": self.host, "slot": self.slot,
            "place": self.place, "expected": self.expected, "got": self.got, "zh": zh, "en": en,
        }  # fmt: skip


class Findings(List[Finding]):
    """All findings of one check."""

    def add(
        self, code: str, place: str, host: str = "", expected: object = "", got: object = "", slot: str = ""
    ) -> None:
        """Note one thing."""
        self.append(Finding(code, place, host, str(expected), str(got), slot))


def hour_slot(instant_ms: int) -> str:
    """Return the hour of UTC that holds an instant, as findings name it."""
    when = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=instant_ms // S_MS)
    return when.strftime("%Y-%m-%dT%HZ")


def from_to(first: str, last: str) -> str:
    """Return a stretch of hours or days as findings name it."""
    return first if first == last else "%s/%s" % (first, last)


def hours_slot(first_ms: int, last_ms: int) -> str:
    """Return the hours from one instant to another."""
    return from_to(hour_slot(first_ms), hour_slot(last_ms))


def sha256(data: bytes) -> str:
    """Return the SHA-256 as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


_HASH = re.compile(r"[0-9a-f]{64}\Z")


def is_hash(text: object) -> bool:
    """Return whether this is a SHA-256 as 64 lower-case hex digits."""
    return isinstance(text, str) and _HASH.match(text) is not None


# ======================================================================================================
# B  Ed25519 (RFC 8032), verification only, by libsodium's rule
#    cofactorless; S < L; the key a canonical point of the prime-order group; R not of small order
# ======================================================================================================

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_D2 = 2 * _D % P
_ROOT = pow(2, (P - 1) // 4, P)
"""A square root of -1."""
Point = Tuple[int, int, int, int]
"""X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z."""
Near = Tuple[int, int, int]
"""A point with Z = 1, made ready to be added: y + x, y - x, 2dxy."""
_NEUTRAL: Point = (0, 1, 1, 0)
_TABLE_AFTER = 3
"""Signatures of one key after which a table of it is worth its time."""


def _plus(p: Point, q: Near) -> Point:
    x, y, z, t = p
    a, b, c, d = (y - x) * q[1], (y + x) * q[0], t * q[2], z + z
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = p[3] * q[3] * _D2, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p: Point) -> Point:
    x, y, z, _ = p
    a, b, s = x * x, y * y, x + y
    h, g = a + b, a - b
    e, f = h - s * s, 2 * z * z + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _near(points: Sequence[Point]) -> List[Near]:
    """Return the points made ready; one inversion serves all (Montgomery)."""
    products = list(accumulate((p[2] for p in points), lambda a, b: a * b % P))
    inverse = pow(products[-1], -1, P)
    found: List[Near] = []
    for number in range(len(points) - 1, -1, -1):
        x, y, z, _ = points[number]
        mine = inverse * products[number - 1] % P if number else inverse
        inverse = inverse * z % P
        x, y = x * mine % P, y * mine % P
        found.append(((y + x) % P, (y - x) % P, x * y * _D2 % P))
    found.reverse()
    return found


def _table(point: Point, width: int) -> List[List[Near]]:
    """Return the multiples 1 to 2^width - 1 of the point times 2^(width·i), for every window i."""
    size = (1 << width) - 1
    windows = -(-256 // width)
    points: List[Point] = []
    for _ in range(windows):
        row = [point]
        for _ in range(size - 1):
            row.append(_add(row[-1], point))
        points.extend(row)
        point = _add(row[-1], point)
    ready = _near(points)
    return [ready[i * size : (i + 1) * size] for i in range(windows)]


def _by_table(total: Point, scalar: int, table: List[List[Near]], width: int) -> Point:
    mask = (1 << width) - 1
    for row in table:
        digit = scalar & mask
        if digit:
            total = _plus(total, row[digit - 1])
        scalar >>= width
    return total


def _times(scalar: int, point: Point) -> Point:
    """Return a multiple without a table: windows of four bits from the top."""
    row = [point]
    for _ in range(14):
        row.append(_add(row[-1], point))
    ready = _near(row)
    total = _NEUTRAL
    for place in range((scalar.bit_length() + 3) // 4 * 4 - 4, -1, -4):
        total = _double(_double(_double(_double(total))))
        digit = scalar >> place & 15
        if digit:
            total = _plus(total, ready[digit - 1])
    return total


def _point(raw: bytes) -> Point:
    """Return the point of a canonical encoding (RFC 8032, 5.1.3)."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        raise Bad("not a canonical point")
    u, v = (y * y - 1) % P, (_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * _ROOT % P
    if (v * x * x - u) % P or (x == 0 and sign):
        raise Bad("not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _is_neutral(p: Point) -> bool:
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


def _encoded(p: Point) -> bytes:
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_WIDTH, _KEY_WIDTH = 6, 4
_base_table: List[List[Near]] = []
_small_y: List[int] = []


def _base() -> List[List[Near]]:
    if not _base_table:
        y = 4 * pow(5, -1, P) % P
        _base_table.extend(_table(_point(y.to_bytes(32, "little")), _BASE_WIDTH))
    return _base_table


def _small_order() -> List[int]:
    """Return the y of the points whose order divides 8, found from the curve itself."""
    y = 2
    while not _small_y:
        y += 1
        try:
            torsion = _times(ORDER, _point(y.to_bytes(32, "little")))
        except Bad:
            continue
        if not _is_neutral(_double(_double(torsion))):
            point = torsion
            for _ in range(8):
                _small_y.append(point[1] * pow(point[2], -1, P) % P)
                point = _add(point, torsion)
    return _small_y


class Key:
    """An Ed25519 public key that is safe to believe; ``Bad`` for every other."""

    def __init__(self, raw: bytes) -> None:
        """Refuse what is no canonical point of the prime-order group."""
        if len(raw) != 32:
            raise Bad("a public key has 32 bytes, not %d" % len(raw))
        point = _point(raw)
        if _is_neutral(point) or not _is_neutral(_times(ORDER, point)):
            raise Bad("the public key is not of the prime-order group")
        self.raw = raw
        self.id = sha256(raw)
        self._minus: Point = (P - point[0], point[1], 1, P - point[3])
        self._uses = 0
        self._rows: List[List[Near]] = []

    @classmethod
    def from_hex(cls, text: str) -> Key:
        """Return the key of 64 lower-case hex digits."""
        if not is_hash(text):
            raise Bad("a public key is written as 64 lower-case hex digits")
        return cls(bytes.fromhex(text))

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature over these bytes is this key's."""
        if len(signature) != 64:
            return False
        scalar = int.from_bytes(signature[32:], "little")
        y = (int.from_bytes(signature[:32], "little") & (1 << 255) - 1) % P
        if scalar >= ORDER or y in _small_order():
            return False
        hashed = hashlib.sha512(signature[:32] + self.raw + message).digest()
        factor = int.from_bytes(hashed, "little") % ORDER
        self._uses += 1
        if self._uses > _TABLE_AFTER and not self._rows:
            self._rows = _table(self._minus, _KEY_WIDTH)
        part = (
            _by_table(_NEUTRAL, factor, self._rows, _KEY_WIDTH) if self._rows else _times(factor, self._minus)
        )
        return _encoded(_by_table(part, scalar, _base(), _BASE_WIDTH)) == signature[:32]


_VECTORS = (  # RFC 8032, 7.1: public key, message, signature
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     hashlib.sha512(b"abc").hexdigest(),
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
)  # fmt: skip
_WEAK_KEYS = (
    "0100000000000000000000000000000000000000000000000000000000000000",  # neutral
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # order 2
    "0000000000000000000000000000000000000000000000000000000000000000",  # order 4
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # order 8
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # 1, not canonical
    "0200000000000000000000000000000000000000000000000000000000000000",  # not on the curve
)


def self_test() -> None:
    """Raise ``Bad`` if the arithmetic of this program is not that of RFC 8032."""
    for key, message, signature in _VECTORS:
        known, body, right = Key.from_hex(key), bytes.fromhex(message), bytes.fromhex(signature)
        for _ in range(_TABLE_AFTER + 2):  # with and without a table
            if not known.signed(body, right):
                raise Bad("self-test: a good signature of RFC 8032 was refused")
        higher = (int.from_bytes(right[32:], "little") + ORDER).to_bytes(32, "little")
        wrong = (
            bytes([right[0] ^ 1]) + right[1:],
            right[:32] + bytes([right[32] ^ 1]) + right[33:],
            right[:32] + higher,
            bytes.fromhex(_WEAK_KEYS[0]) + right[32:],
            right[:63],
        )
        if any(known.signed(body, bent) for bent in wrong) or known.signed(body + b"\0", right):
            raise Bad("self-test: a bad signature was accepted")
    for weak in _WEAK_KEYS:
        try:
            Key.from_hex(weak)
        except Bad:
            continue
        raise Bad("self-test: a weak key was accepted")


CHUNK_TYPE = b"application/vnd.starproof.chunk+json"
ENROLMENT_TYPE = b"application/vnd.starproof.enrolment+json"
STATEMENT_TYPE = b"application/vnd.starproof.statement+json"


def pae(kind: bytes, body: bytes) -> bytes:
    """Return what is signed and hashed of a record: the DSSE pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


# ======================================================================================================
# C  Canonical JSON: one document has one sequence of bytes
# ======================================================================================================

_JSON_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_JSON_BAD = re.compile("[\x00-\x1f\ud800-\udfff]")
_JSON_DEPTH = 8
_JSON_DIGITS = 17
_JSON_LIMIT = 2**53


def _json_number(text: str) -> int:
    if len(text) > _JSON_DIGITS:
        raise Bad("an integer of %d digits" % len(text))
    return int(text)


def _json_refused(text: str) -> Any:
    raise Bad("%r is no integer" % text[:40])


def _json_object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Bad("a key stands twice in one object")
    return found


def _require_plain(value: Any, depth: int) -> None:
    if depth > _JSON_DEPTH:
        raise Bad("nested deeper than %d" % _JSON_DEPTH)
    if isinstance(value, str):
        if _JSON_BAD.search(value):
            raise Bad("a control character or a lone surrogate")
    elif isinstance(value, bool) or value is None:
        raise Bad("neither text, integer, list nor object")
    elif isinstance(value, int):
        if not -_JSON_LIMIT < value < _JSON_LIMIT:
            raise Bad("an integer outside (-2^53, 2^53)")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not _JSON_KEY.match(key):
                raise Bad("the key %r is not permitted" % key)
            _require_plain(item, depth + 1)
    else:
        for item in value:
            _require_plain(item, depth + 1)


def canonical(document: Dict[str, Any]) -> bytes:
    """Return the one encoding of a document."""
    _require_plain(document, 1)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def read_json(data: bytes, limit: int) -> Dict[str, Any]:
    """Return the object in ``data``; ``Bad`` unless these are its canonical bytes."""
    if len(data) > limit:
        raise Bad("%d bytes of JSON, at most %d" % (len(data), limit))
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_json_object, parse_float=_json_refused,
            parse_int=_json_number, parse_constant=_json_refused,
        )  # fmt: skip
    except (UnicodeDecodeError, ValueError) as error:
        raise Bad("not JSON: %s" % error) from None
    except RecursionError:
        raise Bad("nested too deep") from None
    if not isinstance(document, dict):
        raise Bad("not a JSON object")
    if canonical(document) != data:
        raise Bad("not in canonical form")
    return document


def keys(document: Dict[str, Any], required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Refuse other keys than the required and some of the optional ones."""
    needed = set(required)
    if needed - document.keys():
        raise Bad("missing %s" % ", ".join(sorted(needed - document.keys())))
    if document.keys() - needed - set(optional):
        raise Bad("unknown %s" % ", ".join(sorted(document.keys() - needed - set(optional))))


def text_of(document: Dict[str, Any], key: str, longest: int = 512) -> str:
    """Return the text under a key."""
    value = document[key]
    if not isinstance(value, str) or len(value) > longest:
        raise Bad("%s is not a text of at most %d characters" % (key, longest))
    return value


def integer_of(document: Dict[str, Any], key: str, least: int = 0, most: int = 2**53 - 1) -> int:
    """Return the integer under a key."""
    value = document[key]
    if not isinstance(value, int) or not least <= value <= most:
        raise Bad("%s is not an integer from %d to %d" % (key, least, most))
    return value


def choice_of(document: Dict[str, Any], key: str, allowed: Iterable[str]) -> str:
    """Return the word under a key."""
    value = text_of(document, key)
    if value not in allowed:
        raise Bad("%s is %r" % (key, value))
    return value


def hash_of(document: Dict[str, Any], key: str) -> str:
    """Return the hash under a key."""
    if not is_hash(document[key]):
        raise Bad("%s is not 64 lower-case hex digits" % key)
    return str(document[key])


def objects_of(document: Dict[str, Any], key: str, most: int) -> List[Dict[str, Any]]:
    """Return the list of objects under a key."""
    value = document[key]
    if not isinstance(value, list) or len(value) > most or not all(isinstance(item, dict) for item in value):
        raise Bad("%s is not a list of at most %d objects" % (key, most))
    return value


def facts_of(document: Dict[str, Any], key: str) -> Dict[str, Any]:
    """Return the flat object under a key."""
    value = document[key]
    if not isinstance(value, dict) or not all(isinstance(item, (str, int)) for item in value.values()):
        raise Bad("%s is not a flat object" % key)
    return value


def one_base64(text: str, *, what: str = "base64") -> bytes:
    """Return the bytes of standard base64 with padding, in its one form."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Bad("%s is not base64" % what) from None
    if base64.b64encode(data).decode() != text:
        raise Bad("%s is not base64 in its one form" % what)
    return data


_SOURCE = r"(?:login-log|[a-z][a-z0-9]{1,15})"
_SOURCE_NAME = re.compile(_SOURCE + r"\Z")
SIGNED_BY_HOSTS = ("agent", "login-log", "database")
SEALED_WHEN_READ = ("agent", "database")
_CARRIED = {"agent": "counters", "database": "counters", "login-log": "activity", "accounts": "activity"}


def source_of(document: Dict[str, Any]) -> str:
    """Return the name of a source under ``source``."""
    name = text_of(document, "source")
    if not _SOURCE_NAME.match(name):
        raise Bad("%r is no source" % name)
    return name


def carried(source: str) -> str:
    """Return what kind of chunks a source has."""
    return _CARRIED.get(source, "averages")


def averaged(source: Optional[str]) -> bool:
    """Return whether the amounts of a source rest on averages."""
    return source is not None and carried(source) == "averages"


def usual_order(sources: Iterable[str]) -> Tuple[str, ...]:
    """Return sources as they are asked where nobody declared an order: agent, import, the rest by name."""
    rank = {"agent": 0, "import": 1}
    return tuple(sorted(set(sources), key=lambda name: (rank.get(name, 2), name)))


# ======================================================================================================
# D  TOML 1.0, strictly read: every key known, every type right
# ======================================================================================================

MAX_TOML_BYTES = 4 * 1024 * 1024
MAX_TOML_DEPTH = 60
MAX_TEXT = 2_000
MAX_LIST = 100_000
MAX_TOML_PARTS = 50
_TOML_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOML_BLANK = re.compile(r"[ \t]*")
_TOML_COMMENT = re.compile("#[^\x00-\x08\x0a-\x1f\x7f]*")
_TOML_NUMBER = re.compile(
    r"0x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*|0b[01](?:_?[01])*|0o[0-7](?:_?[0-7])*"
    r"|[+-]?(?:0|[1-9](?:_?[0-9])*)((?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?)"
)
_TOML_DAY = r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TOML_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_TOML_DATE = re.compile(
    _TOML_DAY + r"([Tt ]" + _TOML_TIME + r"(?:Z|z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?)?"
)
_TOML_CLOCK = re.compile(_TOML_TIME)
_TOML_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_TOML_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_MAX_DIGITS = 4_300


class Moment:
    """A date with a time, or a time: nothing here has one."""


class _TomlTable(Dict[str, Any]):
    """A table while the file is read: whether a header defined it, and whether it may still grow."""

    defined = False
    dotted = False
    closed = False
    repeated = False


def _repeats(value: Any) -> bool:
    return isinstance(value, _TomlTable) and value.repeated


class _Toml:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.depth = 0

    def wrong(self, why: str) -> Bad:
        return Bad("not TOML: line %d: %s" % (self.text.count("\n", 0, self.at) + 1, why))

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def blank(self) -> None:
        found = _TOML_BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def comment(self) -> None:
        if self.peek() == "#":
            found = _TOML_COMMENT.match(self.text, self.at)
            self.at = found.end() if found else self.at

    def blank_lines(self) -> None:
        while True:
            self.blank()
            self.comment()
            if self.peek() != "\n":
                return
            self.at += 1

    def expect(self, text: str) -> None:
        if not self.text.startswith(text, self.at):
            raise self.wrong("%r is missing" % text)
        self.at += len(text)

    def document(self) -> Dict[str, Any]:
        top = _TomlTable()
        top.defined = True
        table = top
        while True:
            self.blank_lines()
            if self.at >= len(self.text):
                return top
            if self.peek() == "[":
                table = self.header(top)
            else:
                self.pair(table)
            self.blank()
            self.comment()
            if self.at < len(self.text):
                self.expect("\n")

    def header(self, top: _TomlTable) -> _TomlTable:
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        self.blank()
        parts = self.key()
        self.expect("]]" if repeated else "]")
        table: Any = top
        for part in parts[:-1]:
            table = table.setdefault(part, _TomlTable())
            if isinstance(table, list) and table and _repeats(table[-1]):
                table = table[-1]
            if not isinstance(table, _TomlTable) or table.closed:
                raise self.wrong("%s is no table" % part)
        last = parts[-1]
        mine = _TomlTable()
        mine.defined = True
        if repeated:
            entries = table.get(last)
            if last in table and not (isinstance(entries, list) and entries and _repeats(entries[-1])):
                raise self.wrong("%s stands twice" % last)
            mine.repeated = True
            table.setdefault(last, []).append(mine)
            return mine
        before = table.get(last)
        if before is None:
            table[last] = mine
            return mine
        if not isinstance(before, _TomlTable) or before.defined or before.closed:
            raise self.wrong("%s stands twice" % last)
        before.defined = True
        return before

    def key(self) -> List[str]:
        parts = []
        while True:
            self.blank()
            character = self.peek()
            if character == '"':
                parts.append(self.basic())
            elif character == "'":
                parts.append(self.literal())
            else:
                found = _TOML_KEY.match(self.text, self.at)
                if not found:
                    raise self.wrong("a key is missing")
                parts.append(found[0])
                self.at = found.end()
            self.blank()
            if self.peek() != ".":
                return parts
            self.at += 1

    def pair(self, table: _TomlTable) -> None:
        parts = self.key()
        self.expect("=")
        self.blank()
        value = self.value()
        for part in parts[:-1]:
            inner = table.get(part)
            if inner is None:
                inner = table[part] = _TomlTable()
            if not isinstance(inner, _TomlTable) or inner.closed or (inner.defined and not inner.dotted):
                raise self.wrong("%s cannot be written again" % part)
            inner.defined = True
            inner.dotted = True
            table = inner
        if parts[-1] in table:
            raise self.wrong("%s stands twice" % parts[-1])
        table[parts[-1]] = value

    def value(self) -> Any:
        text, at = self.text, self.at
        character = self.peek()
        if character == '"':
            return self.lines('"""', raw=False) if text.startswith('"""', at) else self.basic()
        if character == "'":
            return self.lines("'''", raw=True) if text.startswith("'''", at) else self.literal()
        for word, meaning in (("true", True), ("false", False)):
            if text.startswith(word, at):
                self.at += len(word)
                return meaning
        if character in ("[", "{"):
            self.depth += 1
            if self.depth > MAX_TOML_DEPTH:
                raise self.wrong("nested too deep")
            found = self.listed() if character == "[" else self.inline()
            self.depth -= 1
            return found
        return self.simple()

    def simple(self) -> Any:
        found = _TOML_DATE.match(self.text, self.at)
        if found:
            self.at = found.end()
            try:
                day = date(int(found[1]), int(found[2]), int(found[3]))
            except ValueError:
                raise self.wrong("no such day") from None
            return Moment() if found[4] else day
        found = _TOML_CLOCK.match(self.text, self.at)
        if found:
            self.at = found.end()
            return Moment()
        found = _TOML_NUMBER.match(self.text, self.at)
        if found:
            self.at = found.end()
            plain = found[0].replace("_", "")
            if found[1]:
                if len(found[0]) > 60:
                    raise self.wrong("a number of %d characters" % len(found[0]))
                try:
                    return Decimal(plain)
                except InvalidOperation:
                    raise self.wrong("no number") from None
            if len(plain) > _MAX_DIGITS:
                raise self.wrong("a number of %d digits" % len(plain))
            return int(plain, 0) if plain[:2] in ("0x", "0b", "0o") else int(plain)
        for word in ("inf", "nan", "+inf", "-inf", "+nan", "-nan"):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return Decimal(word)
        raise self.wrong("a value is missing")

    def listed(self) -> List[Any]:
        self.at += 1
        found: List[Any] = []
        while True:
            self.blank_lines()
            if self.peek() == "]":
                break
            found.append(self.value())
            self.blank_lines()
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != "]":
                raise self.wrong("a list is not closed")
        self.at += 1
        return found

    def inline(self) -> _TomlTable:
        self.at += 1
        found = _TomlTable()
        self.blank()
        if self.peek() != "}":
            while True:
                self.pair(found)
                self.blank()
                if self.peek() != ",":
                    break
                self.at += 1
                self.blank()
        self.expect("}")
        self.close(found)
        return found

    def close(self, table: _TomlTable) -> None:
        table.closed = True
        for value in table.values():
            if isinstance(value, _TomlTable):
                self.close(value)

    def unicode(self, digits: int) -> str:
        text = self.text[self.at : self.at + digits]
        if len(text) != digits or not re.match(r"[0-9A-Fa-f]+\Z", text):
            raise self.wrong("no character")
        self.at += digits
        number = int(text, 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise self.wrong("no character")
        return chr(number)

    def escape(self) -> str:
        character = self.peek()
        self.at += 1
        if character in _TOML_ESCAPES:
            return _TOML_ESCAPES[character]
        if character in ("u", "U"):
            return self.unicode(4 if character == "u" else 8)
        raise self.wrong("no such escape")

    def basic(self) -> str:
        self.at += 1
        found: List[str] = []
        while True:
            character = self.peek()
            if not character or character == "\n" or _TOML_CONTROL.match(character):
                raise self.wrong("a text is not closed, or holds a control character")
            self.at += 1
            if character == '"':
                return "".join(found)
            found.append(self.escape() if character == "\\" else character)

    def literal(self) -> str:
        end = self.text.find("'", self.at + 1)
        body = self.text[self.at + 1 : end]
        if end < 0 or "\n" in body or _TOML_CONTROL.search(body):
            raise self.wrong("a text is not closed, or holds a control character")
        self.at = end + 1
        return body

    def lines(self, quotes: str, *, raw: bool) -> str:
        self.at += 3
        if self.peek() == "\n":
            self.at += 1
        found: List[str] = []
        while not self.text.startswith(quotes, self.at):
            character = self.peek()
            if not character or _TOML_CONTROL.match(character):
                raise self.wrong("a text is not closed, or holds a control character")
            self.at += 1
            if character != "\\" or raw:
                found.append(character)
                continue
            rest = re.compile(r"[ \t]*\n[ \t\n]*").match(self.text, self.at)
            if rest:
                self.at = rest.end()
            else:
                found.append(self.escape())
        self.at += 3
        for _ in range(2):
            if self.peek() == quotes[0]:
                found.append(quotes[0])
                self.at += 1
        return "".join(found)


def _is_bare(text: str) -> bool:
    """Return whether a text has letters, digits and what else may stand in a key, and nothing else."""
    return "".join("a" if character in "_-\"'" else character for character in text).isalnum()


def _is_deeply_dotted(text: str) -> bool:
    """Return whether ``MAX_TOML_PARTS`` words follow one another, each with a dot behind it, in a key or elsewhere."""
    parts = 0
    for piece in text.split(".")[:-1]:
        word = piece.strip(" \t")
        parts = parts + 1 if _is_bare(word) else int(_is_bare(word[-1:]))
        if parts == MAX_TOML_PARTS:
            return True
    return False


def read_toml(data: bytes) -> Dict[str, Any]:
    """Return the top table of a TOML file; numbers with a point are ``Decimal``."""
    if len(data) > MAX_TOML_BYTES:
        raise Bad("%d bytes of TOML, at most %d" % (len(data), MAX_TOML_BYTES))
    try:
        text = (data[3:] if data.startswith(b"\xef\xbb\xbf") else data).decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("not UTF-8") from None
    if _is_deeply_dotted(text):
        raise Bad("a key of too many parts")
    return _Toml(text).document()


class Table:
    """One TOML table: typed, strict access; every method raises ``Bad``."""

    def __init__(self, entries: Dict[str, Any], place: str) -> None:
        """Read ``entries``; ``place`` is for messages."""
        self.entries = entries
        self.place = place

    def __contains__(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self.entries

    def __iter__(self) -> Iterator[str]:
        """Return the keys in the order of the file."""
        return iter(self.entries)

    def wrong(self, why: str) -> Bad:
        """Return the error."""
        return Bad("%s: %s" % (self.place, why))

    def allow(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse unknown and missing keys."""
        required = tuple(required)
        for key in self.entries:
            if key not in required and key not in tuple(optional):
                raise self.wrong("unknown key %s" % ascii(key)[:60])
        for key in required:
            if key not in self.entries:
                raise self.wrong("the key %s is missing" % key)

    def text(self, key: str) -> str:
        """Return a text that is not blank."""
        value = self.entries[key]
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
            raise self.wrong("%s is not a text of 1 to %d characters" % (key, MAX_TEXT))
        return value

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        """Return one of the words allowed."""
        value = self.entries[key]
        if not isinstance(value, str) or value not in tuple(allowed):
            raise self.wrong("%s is not one of %s" % (key, ", ".join(allowed)))
        return value

    def choices(self, key: str, allowed: Sequence[str]) -> Tuple[str, ...]:
        """Return some of the words allowed, each once."""
        value = self.entries[key]
        if not isinstance(value, list) or not 0 < len(value) <= len(allowed):
            raise self.wrong("%s is not a list of words" % key)
        if any(not isinstance(item, str) or item not in allowed for item in value) or len(set(value)) < len(
            value
        ):
            raise self.wrong("%s holds another word, or one twice" % key)
        return tuple(value)

    def texts(self, key: str) -> Tuple[str, ...]:
        """Return a list of texts."""
        value = self.entries[key]
        if not isinstance(value, list) or len(value) > MAX_LIST:
            raise self.wrong("%s is not a list of texts" % key)
        if any(not isinstance(item, str) or not item.strip() or len(item) > MAX_TEXT for item in value):
            raise self.wrong("%s holds what is no text" % key)
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self.entries[key]
        if not isinstance(value, bool):
            raise self.wrong("%s is not true or false" % key)
        return value

    def _whole(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def integer(self, key: str, most: int, least: int = 0) -> int:
        """Return an integer from ``least`` to ``most``."""
        value = self.entries[key]
        if not self._whole(value) or not least <= value <= most:
            raise self.wrong("%s is not an integer from %d to %d" % (key, least, most))
        return int(value)

    def integers(self, key: str, most: int, least: int) -> Tuple[int, ...]:
        """Return integers in order, each once."""
        value = self.entries[key]
        if not isinstance(value, list) or not value or not all(self._whole(item) for item in value):
            raise self.wrong("%s is not a list of integers" % key)
        if value != sorted(set(value)) or not least <= value[0] <= value[-1] <= most:
            raise self.wrong("%s is out of order or range" % key)
        return tuple(value)

    def positive(self, key: str, most: int) -> Fraction:
        """Return a number above 0, exactly."""
        value = self.entries[key]
        number = self._whole(value) or (isinstance(value, Decimal) and value.is_finite())
        if (
            not number
            or not Decimal("0.000001") <= value <= most
            or len(Decimal(value).as_tuple().digits) > 40
        ):
            raise self.wrong("%s is not a number above 0 and at most %d" % (key, most))
        return Fraction(value)

    def decimal(self, key: str) -> str:
        """Return a decimal in quotes."""
        value = self.entries[key]
        if not isinstance(value, str):
            raise self.wrong("%s is not a decimal in quotes" % key)
        number(value)
        return value

    def day(self, key: str) -> date:
        """Return a day."""
        value = self.entries[key]
        if not isinstance(value, date) or not date(2000, 1, 1) <= value <= date(2099, 12, 31):
            raise self.wrong("%s is not a day from 2000 to 2099" % key)
        return value

    def table(self, key: str) -> Table:
        """Return the table under a key."""
        value = self.entries[key]
        if not isinstance(value, dict):
            raise self.wrong("%s is not a table" % key)
        return Table(value, "%s.%s" % (self.place, key))

    def tables(self, key: str) -> List[Table]:
        """Return the list of tables under a key; none if there is no such key."""
        value = self.entries.get(key, [])
        if (
            not isinstance(value, list)
            or len(value) > MAX_LIST
            or not all(isinstance(v, dict) for v in value)
        ):
            raise self.wrong("%s is not a list of tables" % key)
        return [Table(item, "%s.%s[%d]" % (self.place, key, n)) for n, item in enumerate(value, 1)]

    def optional_text(self, key: str) -> str:
        """Return a text, empty if there is no such key."""
        return self.text(key) if key in self else ""


# ======================================================================================================
# E  Days, months, decimals
# ======================================================================================================

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIXED_ZONES = {
    "Asia/Shanghai": 8, "Asia/Chongqing": 8, "Asia/Harbin": 8, "Asia/Hong_Kong": 8, "Asia/Macau": 8,
    "Asia/Taipei": 8, "PRC": 8, "Asia/Urumqi": 6, "UTC": 0, "Etc/UTC": 0,
}  # fmt: skip
"""Hours east of Greenwich of zones that have not changed since 1992; all other zones need ``zoneinfo``."""
_MONTH_NAME = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])\Z")


class Calendar:
    """The local days of one zone; a day is named by its ordinal (``date.toordinal``)."""

    def __init__(self, zone: str) -> None:
        """Raise ``Bad`` for no zone, ``NotHere`` if this machine has no time zone database."""
        self.zone = zone
        self._hours = _FIXED_ZONES.get(zone)
        self._starts: Dict[int, int] = {}
        if self._hours is not None:
            return
        try:
            from zoneinfo import ZoneInfo  # noqa: PLC0415 - Python 3.8 has none, and most zones need none
        except ImportError:
            raise NotHere("the time zone %s needs Python 3.9 or later" % zone) from None
        try:
            self._zone = ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            try:
                ZoneInfo("Europe/London")
            except (KeyError, ValueError, OSError):
                raise NotHere("no time zone database on this machine; run: pip install tzdata") from None
            raise Bad("no such time zone: %r" % zone) from None

    def day_of(self, instant_ms: int) -> int:
        """Return the day that holds an instant."""
        if self._hours is not None:
            return (instant_ms // S_MS + self._hours * 3600) // 86_400 + _EPOCH_DAY
        return datetime.fromtimestamp(instant_ms // S_MS, self._zone).toordinal()

    def day_start(self, day: int) -> int:
        """Return the instant at which a day begins."""
        found = self._starts.get(day)
        if found is None:
            if self._hours is not None:
                found = ((day - _EPOCH_DAY) * 24 - self._hours) * HOUR_MS
            else:
                local = date.fromordinal(day)
                midnight = datetime(local.year, local.month, local.day, tzinfo=self._zone)
                found = round(midnight.timestamp()) * S_MS
            self._starts[day] = found
        return found

    def told(self, instant_ms: int) -> str:
        """Return an instant for people: ISO 8601 with its offset, to the second unless it has a part of one."""
        zone = self._zone if self._hours is None else timezone(timedelta(hours=self._hours))
        local = datetime.fromtimestamp(instant_ms // S_MS, zone)
        if not instant_ms % S_MS:
            return local.isoformat()
        return local.replace(microsecond=instant_ms % S_MS * 1000).isoformat(timespec="milliseconds")

    def split(self, start: int, end: int) -> List[Tuple[int, int]]:
        """Return (day, ms) for every day that [start, end) touches."""
        pieces = []
        day = self.day_of(start)
        while start < end:
            stop = min(end, self.day_start(day + 1))
            if stop > start:
                pieces.append((day, stop - start))
                start = stop
            day += 1
        return pieces

    def whole(self, start: int, end: int) -> Optional[int]:
        """Return the one day that holds all of [start, end), ``None`` if there is none."""
        day = self.day_of(start)
        return day if end <= self.day_start(day + 1) else None

    def same_month(self, first: int, second: int) -> bool:
        """Return whether two days lie in one month."""
        one, other = date.fromordinal(first), date.fromordinal(second)
        return (one.year, one.month) == (other.year, other.month)

    @staticmethod
    def month(name: str) -> Tuple[int, int]:
        """Return the first day of a month and the first day after it."""
        if not _MONTH_NAME.match(name):
            raise Bad("%r is no month" % name)
        first = date(int(name[:4]), int(name[5:]), 1)
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        return first.toordinal(), after.toordinal()


def iso(day: int) -> str:
    """Return a day as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()


def months_until(month: str, count: int) -> Tuple[str, ...]:
    """Return the names of the ``count`` months that end with ``month``."""
    last = int(month[:4]) * 12 + int(month[5:]) - 1
    return tuple("%04d-%02d" % (n // 12, n % 12 + 1) for n in range(last - count + 1, last + 1))


def months_between(first: str, last: str) -> Tuple[str, ...]:
    """Return the names of the months from ``first`` to ``last``."""
    low, high = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (first, last))
    return months_until(last, high - low + 1)


_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z")
_DECIMAL_LENGTH = 40
_DIGITS = 15


def number(text: str) -> Fraction:
    """Return the number that a plain decimal names."""
    if len(text) > _DECIMAL_LENGTH or not _DECIMAL.match(text):
        raise Bad("%r is no plain decimal" % text[:_DECIMAL_LENGTH])
    return Fraction(text)


def _rounded(value: Fraction, *, up: bool) -> str:
    """Return a number of 15 significant digits, not negative, rounded down or up."""
    exponent = 0
    if value:
        exponent = (value.numerator.bit_length() - value.denominator.bit_length() - 1) * 30_103 // 100_000 - 1
        while value >= Fraction(10) ** (exponent + 1):
            exponent += 1
    places = max(0, _DIGITS - 1 - exponent)
    scaled = value * 10**places
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    text = str(whole).rjust(places + 1, "0")
    return text[:-places] + "." + text[-places:] if places else text


def rounded_down(value: Optional[Fraction]) -> Optional[str]:
    """Return a number as it is printed where less is safer; ``None`` stays."""
    if value is None:
        return None
    return "-" + _rounded(-value, up=True) if value < 0 else _rounded(value, up=False)


def rounded_up(value: Optional[Fraction]) -> Optional[str]:
    """Return a number as it is printed where more is safer; ``None`` stays."""
    if value is None:
        return None
    return "-" + _rounded(-value, up=False) if value < 0 else _rounded(value, up=True)


def exact_sum(numbers: Sequence[Fraction]) -> Fraction:
    """Return the sum of many fractions; neighbours are added in pairs, which keeps them short."""
    terms = list(numbers) or [Fraction(0)]
    while len(terms) > 1:
        terms = [sum(terms[at : at + 2], Fraction(0)) for at in range(0, len(terms), 2)]
    return terms[0]


# ======================================================================================================
# F  Merkle trees (RFC 6962) and signed notes (C2SP)
# ======================================================================================================


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: how many leaves, and the roots of its whole subtrees, largest first."""

    def __init__(self, size: int, hashes: Sequence[bytes]) -> None:
        """Refuse other than one hash for each bit of the size."""
        if (
            not 0 <= size <= MAX_SIZE
            or len(hashes) != bin(size).count("1")
            or any(len(h) != 32 for h in hashes)
        ):
            raise Bad("no tree has this frontier")
        self.size = size
        self.hashes = list(hashes)

    def grow(self, leaves: Iterable[bytes]) -> None:
        """Append leaves (hashes)."""
        for leaf in leaves:
            bits, node = self.size, leaf
            while bits & 1:
                node = node_hash(self.hashes.pop(), node)
                bits >>= 1
            self.hashes.append(node)
            self.size += 1

    @property
    def root(self) -> bytes:
        """The root."""
        if not self.hashes:
            return hashlib.sha256(b"").digest()
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether the proof leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and node == root


MAX_NOTE_BYTES = 128 * 1024
MAX_NOTE_SIGNATURES = 16
_NOTE_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "
_CHECKPOINT_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")


class Checkpoint(NamedTuple):
    """What a checkpoint says: the log's size and root."""

    size: int
    root: bytes


class NotSigned(Bad):
    """A note that can be read and is not signed by the key."""


def origin_of(key: Key) -> str:
    """Return the name of the log of a key."""
    return "starproof/" + key.id[:16]


def read_note(note: bytes, key: Key) -> Checkpoint:
    """Return the checkpoint in a note that the key has signed."""
    if len(note) > MAX_NOTE_BYTES:
        raise Bad("a note of %d bytes" % len(note))
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("a note is UTF-8") from None
    if _NOTE_CONTROL.search(whole) or not whole.endswith("\n"):
        raise Bad("a note is lines of printable text")
    text, empty, lines = whole[:-1].rpartition("\n\n")
    if not empty or text.startswith("DSSEv1 "):
        raise Bad("a note is a text, an empty line and signatures")
    text += "\n"
    if len(lines.split("\n")) > MAX_NOTE_SIGNATURES:
        raise Bad("too many signatures")
    origin, found = origin_of(key), False
    tag = hashlib.sha256(origin.encode() + b"\n\x01" + key.raw).digest()[:4]
    for line in lines.split("\n"):
        name, blank, encoded = line[len(_DASH) :].partition(" ")
        if (
            not line.startswith(_DASH)
            or not blank
            or not name
            or "+" in name
            or any(c.isspace() for c in name)
        ):
            raise Bad("a signature line is: dash, name, base64")
        signature = one_base64(encoded)
        if len(signature) <= 4:
            raise Bad("a signature line holds no signature")
        if (name, signature[:4]) == (origin, tag):
            if not key.signed(text.encode(), signature[4:]):
                raise NotSigned("the signature is not the log key's")
            found = True
    if not found:
        raise NotSigned("not signed by %s" % origin)
    parts = text.split("\n")
    if len(parts) != 4 or not _CHECKPOINT_SIZE.match(parts[1]) or parts[0] != origin:
        raise Bad("not a checkpoint of %s" % origin)
    root = one_base64(parts[2])
    if len(root) != 32 or int(parts[1]) > MAX_SIZE:
        raise Bad("a root has 32 bytes")
    return Checkpoint(int(parts[1]), root)


def separate_notes(data: bytes) -> List[bytes]:
    """Return the notes in a file: texts and signatures alternate, an empty line between."""
    if not data:
        return []
    if not data.endswith(b"\n"):
        raise Bad("the last note does not end")
    parts = data[:-1].split(b"\n\n")
    if len(parts) % 2:
        raise Bad("the last note has no signatures")
    return [a + b"\n\n" + b + b"\n" for a, b in zip(parts[::2], parts[1::2])]


_CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _code_check(place: int, values: Sequence[int]) -> int:
    """Horner's rule over GF(32) with x^5 + x^2 + 1, begun with the number of the group."""

    def step(value: int) -> int:
        value <<= 1
        return value ^ 0b100101 if value >> 5 else value

    check = place + 1
    for value in values:
        check = step(check) ^ value
    return step(check)


def short_code(note: bytes) -> str:
    """Return the code of a signed note, as it stands in a log book."""
    bits = int.from_bytes(hashlib.sha256(b"starproof short code 1\n" + note).digest(), "big") >> 136
    values = [bits >> 5 * place & 31 for place in range(23, -1, -1)]
    groups = [values[at : at + 4] for at in range(0, 24, 4)]
    return "-".join(
        "".join(_CODE_LETTERS[v] for v in (*group, _code_check(place, group)))
        for place, group in enumerate(groups)
    )


def typed_code(text: str) -> str:
    """Return a code that somebody typed, in its one form."""
    plain = "".join(c for c in text if c not in "-\u2013\u2014 \t\u3000").upper()
    plain = plain.replace("O", "0").replace("I", "1").replace("L", "1")
    if len(plain) != 30 or set(plain) - set(_CODE_LETTERS):
        raise Bad("a code has six groups of five characters")
    groups = [plain[at : at + 5] for at in range(0, 30, 5)]
    for place, group in enumerate(groups):
        values = [_CODE_LETTERS.index(c) for c in group]
        if _code_check(place, values[:4]) != values[4]:
            raise Bad("mistyped: group %d" % (place + 1))
    return "-".join(groups)


# ======================================================================================================
# Step 0  The file: a ZIP of stored entries in its one form; exactly the known entries; every hash
# ======================================================================================================

_ENTRY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*\Z")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_WIDE_OFFSET = struct.Struct("<2HQ")
_WIDE_END = struct.Struct("<4sQ2H2I4Q")
_WIDE_LOCATOR = struct.Struct("<4sIQI")
_WIDE_BYTES, _WIDE_ENTRIES = 2**32 - 1, 2**16 - 1
"""From here on numbers stand in the fields of ZIP64, and in the usual ones all bits are set."""
_DATE_1980 = 0x21
_MODE_644 = 0o100644 << 16


class Entry(NamedTuple):
    """One stored entry of the container."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def head(self) -> bytes:
        """The local header that this entry must have."""
        name = self.name.encode("ascii")
        fixed = (b"PK\x03\x04", 20, 0, 0, 0, _DATE_1980, self.crc, self.size, self.size, len(name), 0)
        return _LOCAL.pack(*fixed) + name

    @property
    def line(self) -> bytes:
        """The line of the directory that this entry must have."""
        name, at = self.name.encode("ascii"), self.offset - _LOCAL.size - len(self.name)
        version, extra = 20, b""
        if at >= _WIDE_BYTES:
            version, extra, at = 45, _WIDE_OFFSET.pack(1, 8, at), _WIDE_BYTES
        return (
            _CENTRAL.pack(
                b"PK\x01\x02", 3 << 8 | 20, version, 0, 0, 0, _DATE_1980, self.crc, self.size, self.size,
                len(name), len(extra), 0, 0, 0, _MODE_644, at,
            )
            + name
            + extra
        )  # fmt: skip


def directory_of(entries: Sequence[Entry], at: int) -> bytes:
    """Return what must stand from ``at``, where the last of these entries ends, to the end of the file."""
    directory = b"".join(entry.line for entry in entries)
    count, size = len(entries), len(directory)
    wide = b""
    if count >= _WIDE_ENTRIES or max(size, at) >= _WIDE_BYTES:
        wide = _WIDE_END.pack(b"PK\x06\x06", 44, 3 << 8 | 20, 45, 0, 0, count, count, size, at)
        wide += _WIDE_LOCATOR.pack(b"PK\x06\x07", 0, at + size, 1)
    few = min(count, _WIDE_ENTRIES)
    end = _END.pack(b"PK\x05\x06", 0, 0, few, few, min(size, _WIDE_BYTES), min(at, _WIDE_BYTES), 0)
    return directory + wide + end


class Pack:
    """The entries of a pack; ``Bad`` unless the file is in its one form. Entries are read when asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        """Walk through the local headers, then require the directory that follows from them."""
        self._stream = stream
        self.entries: Dict[str, Entry] = {}
        whole = stream.seek(0, os.SEEK_END)
        if whole > MAX_CONTAINER_BYTES:
            raise Bad("the file has %d bytes, at most %d" % (whole, MAX_CONTAINER_BYTES))
        at, before = 0, ""
        while True:
            stream.seek(at)
            head = stream.read(_LOCAL.size)
            if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
                break
            fields = _LOCAL.unpack(head)
            crc, size, length = fields[6], fields[7], fields[9]
            if not 0 < length <= MAX_NAME_BYTES or size > MAX_ENTRY_BYTES:
                raise Bad("byte %d: a name or a size that is not permitted" % at)
            raw = stream.read(length)
            name = raw.decode("ascii", "replace")
            if not _ENTRY_NAME.match(name):
                raise Bad("byte %d: the name %s is not permitted" % (at, ascii(name)))
            entry = Entry(name, at + _LOCAL.size + length, size, crc)
            if entry.head != head + raw or entry.offset + size > whole:
                raise Bad("%s: a header that StarProof does not write" % name)
            if name <= before:
                raise Bad("%s is doubled or out of order" % name)
            self.entries[name], before = entry, name
            if len(self.entries) > MAX_ENTRIES:
                raise Bad("more than %d entries" % MAX_ENTRIES)
            at = entry.offset + size
        stream.seek(at)
        end = directory_of(list(self.entries.values()), at)
        if whole - at != len(end) or stream.read() != end:
            raise Bad("what follows byte %d is not the directory of the entries before" % at)

    def raw(self, name: str) -> bytes:
        """Return an entry as it stands."""
        entry = self.entries[name]
        self._stream.seek(entry.offset)
        return self._stream.read(entry.size)

    def read(self, name: str) -> bytes:
        """Return an entry, empty if it is missing or its CRC-32 differs (``check_entries`` reports that)."""
        data = self.raw(name) if name in self.entries else b""
        return data if not data or zlib.crc32(data) == self.entries[name].crc else b""

    def __contains__(self, name: str) -> bool:
        """Return whether there is such an entry."""
        return name in self.entries


BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
FIXED = frozenset(
    [
        "bag-info.txt",
        "bagit.txt",
        "data/day-sums.csv",
        "data/edition.toml",
        "data/enrolments.json",
        "data/figures.json",
        "data/hosts.json",
        "data/log-key.txt",
        "data/readme.txt",
        "data/report.json",
        "data/verdict.json",
        "manifest-sha256.txt",
        "statement.json",
        "statement.sig",
        "tagmanifest-sha256.txt",
    ]
)
COPIES = ("data/form.docx", "data/report.html", "data/report.pdf")
LOG_FILES = (
    "data/log/base.json", "data/log/checkpoints.txt", "data/log/close.json", "data/log/day-marks.json",
    "data/log/leaves.bin", "data/log/left-out.zlib",
)  # fmt: skip
OPTIONAL = frozenset(
    ("data/ledger.json", "data/profile.toml", "data/scope.toml", "data/scopes.json", *LOG_FILES, *COPIES)
)
_CHUNKS_NAME = re.compile(
    r"data/chunks/([0-9]{4})/(" + _SOURCE + r")-(0|[1-9][0-9]{0,5})/([0-9]{4}-[0-9]{2}-[0-9]{2})\.chunks\Z"
)
_DOCUMENT_NAME = re.compile(r"data/documents/([0-9a-f]{64})\Z")
_RECEIPT_NAME = re.compile(r"data/anchors/([1-9][0-9]{0,14})/([a-z0-9][a-z0-9-]{0,31})\.(eml|tsr|txt|json)\Z")
_NOTE_NAME = re.compile(r"data/anchors/([1-9][0-9]{0,14})/note\Z")


class ChunkFile(NamedTuple):
    """What the name of an entry with chunks says."""

    name: str
    place: str
    source: str
    epoch: int
    day: str


def chunk_files(pack: Pack) -> List[ChunkFile]:
    """Return the entries that hold chunks, in order."""
    found = ((name, _CHUNKS_NAME.match(name)) for name in pack.entries)
    return [ChunkFile(name, m[1], m[2], int(m[3]), m[4]) for name, m in found if m]


def check_entries(pack: Pack, findings: Findings) -> None:
    """Step 0: entries and manifests."""
    names = set(pack.entries)
    for name in FIXED - names:
        findings.add("ENTRY_MISSING", name)
    for name in names - FIXED - OPTIONAL:
        if not any(rule.match(name) for rule in (_CHUNKS_NAME, _DOCUMENT_NAME, _RECEIPT_NAME, _NOTE_NAME)):
            findings.add("ENTRY_UNKNOWN", name)
    hashes = {}
    for name in sorted(names):
        data = pack.raw(name)
        if zlib.crc32(data) != pack.entries[name].crc:
            findings.add("ENTRY_CHANGED", name, got="damaged: its CRC-32 differs")
        hashes[name] = sha256(data)
        named = _DOCUMENT_NAME.match(name)
        if named and named[1] != hashes[name]:
            findings.add("DOCUMENT", name, expected=named[1], got=hashes[name])
        elif named and named[1] == sha256(b""):
            findings.add("DOCUMENT_EMPTY", name)
    inside = [name for name in sorted(names) if name.startswith("data/")]
    outside = [name for name in sorted(names) if name not in inside and name != "tagmanifest-sha256.txt"]
    for listing, listed in (("manifest-sha256.txt", inside), ("tagmanifest-sha256.txt", outside)):
        _compare_listing(
            pack, listing, "".join("%s  %s\n" % (hashes[n], n) for n in listed).encode(), findings
        )
    _compare_listing(pack, "bagit.txt", BAGIT_TXT, findings)


def _compare_listing(pack: Pack, name: str, expected: bytes, findings: Findings) -> None:
    got = pack.read(name)
    if name not in pack or got == expected:
        return
    code = "TAG_CHANGED" if name == "bagit.txt" else "ENTRY_CHANGED"
    if len(got) > len(expected) + MAX_SURPLUS_BYTES:
        findings.add(code, name, expected="%d bytes" % len(expected), got="%d bytes" % len(got))
        return
    lines = set(expected.splitlines()) ^ set(got.splitlines())
    # An entry that changed has a line in either listing; it is told once.
    places = sorted({line.decode("utf-8", "replace")[66:200] or name for line in lines}) or [name]
    for place in places[:MAX_DIFFERENCES]:
        findings.add(code, place, expected=name, got="differs from the manifest")
    if len(places) > MAX_DIFFERENCES:
        findings.add(code, name, got="%d more differences" % (len(places) - MAX_DIFFERENCES))


# ======================================================================================================
# Step 1  The statement, signed by the log key
# ======================================================================================================


class Statement(NamedTuple):
    """What the log key signed about the pack."""

    enterprise: str
    month: str
    timezone: str
    made_ms: int
    software: str
    log_key: str
    manifest: str
    bagit: str
    bag_info: str
    format: str


README = """\
星证 StarProof 证据包   {enterprise}   {month}

如何核验（不需要网络）
  pip install 'starproof[verifier]'
  starproof check 本文件.zip --log-key log.pub
  log.pub 是企业在申报期开始前登记的日志公钥，必须来自本文件之外。
  申请表和报告文件只供阅读；自行打印：starproof report --pack 本文件.zip --out 报告.pdf

通过核验证明：
  - 证据包自日志密钥持有人签名以来未被改动。
  - 代理程序的每条读数都由该持有人登记的主机密钥签名；每条链首尾之间不缺数据块。
  - 指标、结论和本报告可以由读数、评定版本、申报范围和申报资料精确复算。
  - 没有观测到的时间不会帮助达标：判定“达标”时按零计。

不能证明（就本包适用者而言）：
  - 主机上的计数器是真实的；负载是有用的工作。
  - 测量和声明发生在何时：日期来自采集服务自己的时钟；外部锚定只证实“不晚于”，数据块写有时间戳的日子才另有“不早于”。
  - 这是唯一的一份历史：只有与评审部门自己的邮箱核对才能证明。
  - 主机真实存在，密钥没有离开所登记的主机：持有日志密钥的人可以登记虚构的主机，密钥可以复制。
  - 没有漏报主机：主机清单由企业申报，请与云平台的实例清单核对。
  - 标为“未经证明”的数据：来自导入文件、云平台或监控系统，由采集服务封存，企业可以改动；请向平台查询。
  - “已申报”的各项：材料以哈希保存，其内容须由评审人员审阅。
  - 星级本身：计算得出的星级不是认定结果。

How to check (no network needed)
  pip install 'starproof[verifier]'
  starproof check THIS_FILE.zip --log-key log.pub
  log.pub is the log key that was registered before the window; it must not come from this file.
  Form and report files are copies for reading; print your own:
  starproof report --pack THIS_FILE.zip --out report.pdf

A passing check proves:
  - The pack is unaltered since the holder of the log key signed it.
  - Every reading of an agent is signed by a host key that this holder enrolled; no chunk is missing between the first and the last of a chain.
  - Figures, verdict and this report follow exactly from the readings, the edition, the scope and the profile.
  - Time that was not seen never helps: for PASS it counts as nothing.

It does not prove, as far as this applies to the pack:
  - That the counters of the hosts were true, and that the load was useful work.
  - When it was measured and declared: dates are of the collector's clock. Anchors confirm "not later than", and "not earlier than" only where chunks name a time stamp.
  - That there is no second history of the month: only the authority's own mailbox shows it.
  - That the hosts exist and no key left its host: the log key's holder can enrol invented ones and copy keys.
  - That no host was left out: compare the declared list with the cloud's own.
  - Data marked as not attested (files, clouds, monitors): the enterprise could change them; ask the provider.
  - What is declared: documents are kept by hash; whether they show what they should is for the reviewer to read.
  - The rating itself: a computed star is not an award.

Layout: BagIt (RFC 8493); chunks as in docs/chunk-format.md of StarProof.
"""
"""What data/readme.txt of a pack says."""
STATEMENT_SCHEMA = "starproof.pack/1"
FIRST_FORMAT = "1.0"
FORMATS = (FIRST_FORMAT, "1.1")


def read_statement(data: bytes) -> Statement:
    """Return the statement; its signature is verified by the caller."""
    said = read_json(data, MAX_STATEMENT_BYTES)
    keys(said, ("schema", *Statement._fields))
    choice_of(said, "schema", (STATEMENT_SCHEMA,))
    return Statement(
        enterprise=text_of(said, "enterprise", MAX_NAME),
        month=text_of(said, "month"),
        timezone=text_of(said, "timezone"),
        made_ms=integer_of(said, "made_ms", most=LATEST_MS),
        software=text_of(said, "software", MAX_NAME),
        log_key=hash_of(said, "log_key"),
        manifest=hash_of(said, "manifest"),
        bagit=hash_of(said, "bagit"),
        bag_info=hash_of(said, "bag_info"),
        format=choice_of(said, "format", FORMATS),
    )


def check_statement(
    pack: Pack, log_key: Optional[Key], now_ms: Optional[int], findings: Findings
) -> Optional[Tuple[Statement, Key, Calendar]]:
    """Step 1: return the statement, the key that the log must have, and the calendar of the figures."""
    raw = pack.read("statement.json")
    try:
        said = read_statement(raw)
        named = Key.from_hex(said.log_key)
    except Bad as error:
        findings.add("STATEMENT", "statement.json", got=error)
        return None
    key = log_key or named
    if log_key is None:
        findings.add("LOG_KEY_NOT_GIVEN", "data/log-key.txt", got=said.log_key)
    elif log_key.raw != named.raw:
        findings.add("LOG_KEY", "statement.json", expected=log_key.raw.hex(), got=said.log_key)
    if not key.signed(pae(STATEMENT_TYPE, raw), pack.read("statement.sig")):
        findings.add("STATEMENT_SIGNATURE", "statement.sig", got="the signature is not the log key's")
    for name, expected in (
        ("manifest-sha256.txt", said.manifest), ("bagit.txt", said.bagit), ("bag-info.txt", said.bag_info),
    ):  # fmt: skip
        got = sha256(pack.read(name))
        if got != expected:
            findings.add("STATEMENT", name, expected=expected, got=got)
    info = (
        "Source-Organization: %s\nExternal-Description: StarProof evidence pack for %s\n"
        "Bag-Software-Agent: StarProof\n" % (said.enterprise, said.month)
    )
    readme = README.format(enterprise=said.enterprise, month=said.month)
    for name, text in (
        ("bag-info.txt", info), ("data/log-key.txt", said.log_key + "\n"), ("data/readme.txt", readme),
    ):  # fmt: skip
        if name in pack and pack.read(name) != text.encode():
            findings.add("TAG_CHANGED", name)
    if now_ms is not None and said.made_ms > now_ms + CLOCK_SKEW_MS:
        findings.add(
            "MADE_IN_FUTURE",
            "statement.json",
            expected="made before it is checked",
            got="%d ms" % said.made_ms,
        )
    try:
        return said, key, Calendar(said.timezone)
    except Bad as error:
        findings.add("STATEMENT", "statement.json", got=error)
        return None


# ======================================================================================================
# Step 3  Enrolments: who may sign for which host
# ======================================================================================================


class Enrolment(NamedTuple):
    """An accepted enrolment."""

    enterprise: str
    host: str
    source: str
    epoch: int
    time_ms: int
    previous: str
    key: Key
    hash: str


_ENROLMENT_KEYS = (
    "schema", "enterprise", "host", "source", "key", "epoch", "previous", "token", "time_ms", "agent", "facts",
)  # fmt: skip


def _enrolment(record: bytes, signature: bytes, by_previous: bytes, known: Dict[Any, Enrolment]) -> Enrolment:
    said = read_json(record, MAX_RECORD_BYTES)
    keys(said, _ENROLMENT_KEYS, ("code",))
    choice_of(said, "schema", ("starproof/enrolment/1",))
    previous = text_of(said, "previous", 64)
    if previous and not is_hash(previous):
        raise Bad("previous is no hash")
    enterprise, host = text_of(said, "enterprise", MAX_NAME), text_of(said, "host", MAX_NAME)
    source, named = source_of(said), hash_of(said, "key")
    epoch = integer_of(said, "epoch")
    hash_of(said, "token")
    time_ms = integer_of(said, "time_ms", most=LATEST_MS)
    text_of(said, "agent", MAX_NAME)
    facts_of(said, "facts")
    if "code" in said:
        hash_of(said, "code")
    key = Key.from_hex(named)
    message = pae(ENROLMENT_TYPE, record)
    if not key.signed(message, signature):
        raise Bad("the key has not signed its enrolment")
    before = known.get((host, source, epoch - 1)) if previous else None
    if before is None:
        if previous or by_previous:
            raise Bad("the key before is not known")
    elif before.key.id != previous or not before.key.signed(message, by_previous):
        raise Bad("the key before has not signed")
    return Enrolment(enterprise, host, source, epoch, time_ms, previous, key, sha256(message))


def check_enrolments(
    data: bytes, enterprise: str, findings: Findings
) -> Dict[Tuple[str, str, int], Enrolment]:
    """Step 3: return the enrolments that hold, by host, source and epoch, in the order of the pack."""
    where = "data/enrolments.json"
    known: Dict[Tuple[str, str, int], Enrolment] = {}
    records = []
    try:
        document = read_json(data, MAX_JSON_BYTES)
        keys(document, ("schema", "enrolments"))
        choice_of(document, "schema", ("starproof/enrolments/1",))
        parts = ("record", "signature", "previous_signature")
        for entry in objects_of(document, "enrolments", MAX_ENROLMENTS):
            keys(entry, parts)
            records.append(
                [one_base64(text_of(entry, part, 2 * MAX_RECORD_BYTES), what=part) for part in parts]
            )
    except Bad as error:
        findings.add("ENROLMENT", where, got=error)
        return known
    agents = set()
    for at, (record, signature, by_previous) in enumerate(records):
        place = "%s[%d]" % (where, at)
        try:
            one = _enrolment(record, signature, by_previous, known)
        except Bad as error:
            findings.add("ENROLMENT", place, got=error)
            continue
        if one.enterprise != enterprise:
            findings.add("ENROLMENT", place, one.host, enterprise, one.enterprise)
        elif (one.host, one.source, one.epoch) in known:
            findings.add("ENROLMENT", place, one.host, got="epoch %d stands twice" % one.epoch)
        elif one.source == "agent" and one.key.id in agents:
            findings.add("KEY_TWICE", place, one.host, got=one.key.id)
        elif one.epoch and (one.host, one.source, one.epoch - 1) not in known:
            findings.add("ENROLMENT", place, one.host, "epoch %d before it" % (one.epoch - 1), "none")
        else:
            if one.epoch and not one.previous:
                findings.add("KEY_BREAK", place, one.host, got="epoch %d" % one.epoch)
            known[one.host, one.source, one.epoch] = one
            agents.add(one.key.id)
    return known


def check_hosts(
    pack: Pack, files: Sequence[ChunkFile], hosts: Iterable[str], findings: Findings
) -> Dict[str, str]:
    """Step 3: return host by place; every one is enrolled and has chunks."""
    where = "data/hosts.json"
    places: Dict[str, str] = {}
    try:
        document = read_json(pack.read(where), MAX_JSON_BYTES)
        keys(document, ("schema", "hosts"))
        choice_of(document, "schema", ("starproof/hosts/1",))
        listed = []
        for entry in objects_of(document, "hosts", MAX_HOSTS):
            keys(entry, ("host", "place"))
            listed.append((text_of(entry, "host"), text_of(entry, "place")))
        if listed != sorted(listed) or len({h for h, _ in listed}) < len(listed):
            raise Bad("a host or a place stands twice, or they are not sorted")
        places = {place: host for host, place in listed}
        if sorted(p for _, p in listed) != ["%04d" % n for n in range(1, len(listed) + 1)]:
            raise Bad("the places are not 0001, 0002, ...")
    except Bad as error:
        findings.add("HOSTS", where, got=error)
        return {}
    used = {one.place for one in files}
    for place in used - places.keys():
        findings.add("HOSTS", "data/chunks/%s" % place, got="a place without a host")
    for place, host in places.items():
        if place not in used:
            findings.add("HOSTS", where, host, got="without any chunk")
        elif host not in hosts:
            findings.add("HOSTS", where, host, got="not enrolled")
    return places


# ======================================================================================================
# Step 4  Chunks: frame, header, manifest, columns; signatures and links
# ======================================================================================================

UNITS: Dict[str, Tuple[str, str]] = dict.fromkeys(
    ("time.wall_ms", "time.boot_ms", "time.mono_ms", "time.start_ms", "time.len_ms"), ("clock", "ms")
)
CPU_STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
UNITS.update({"cpu." + state: ("counter", "tick") for state in CPU_STATES})
UNITS.update({
    "net.rx": ("counter", "byte"), "net.tx": ("counter", "byte"),
    "disk.reads": ("counter", "operation"), "disk.writes": ("counter", "operation"),
    "db.reads": ("counter", "statement"), "db.writes": ("counter", "statement"),
    "disk.read_sectors": ("counter", "sector"), "unit.cpu": ("counter", "us"),
    "sessions.count": ("gauge", "session"), "sessions.users": ("gauge", "account"),
    "cpu.utilization": ("average", "percent"),
    "net.rx.rate": ("average", "byte/s"), "net.tx.rate": ("average", "byte/s"),
    "net.capacity.committed": ("average", "bit/s"), "net.capacity.cap": ("average", "bit/s"),
    "disk.reads.rate": ("average", "operation/s"), "disk.writes.rate": ("average", "operation/s"),
    "account.high": ("hash", "bit64"), "account.low": ("hash", "bit64"), "activity.count": ("count", "event"),
})  # fmt: skip
DEVICE_KINDS = {"net": "nic", "disk": "disk", "db": "database", "unit": "unit"}
WITNESSES = ("disk.read_sectors",)
"""Columns that only bear witness to others: they have no day sums."""
PER_DEVICE = (
    *WITNESSES,
    "net.rx",
    "net.tx",
    "disk.reads",
    "disk.writes",
    "db.reads",
    "db.writes",
    "unit.cpu",
)
CLOCKS = {
    "counters": ("time.wall_ms", "time.boot_ms", "time.mono_ms"),
    "averages": ("time.start_ms", "time.len_ms"),
    "activity": ("time.start_ms", "time.len_ms", "account.high", "account.low", "activity.count"),
}
CARRIES = {"counters": ("counter", "gauge"), "averages": ("average",), "activity": ()}
BOOTS = ("boot", "boot_after_shutdown")
_ACTIVITY_DEFINITION = re.compile(r"[a-z][a-z0-9_.-]{0,31}/[1-9][0-9]{0,3}\Z")
_ACCOUNT_KEY = re.compile(r"[0-9a-f]{16}\Z")


class Device(NamedTuple):
    """A device of a manifest."""

    kind: str
    name: str
    counts: bool
    reason: str
    speed_bps: Optional[int]


class Manifest(NamedTuple):
    """What the columns of a chunk mean: name, device and scale of each."""

    kind: str
    interval_ms: int
    columns: Tuple[Tuple[str, str, int], ...]
    host: Dict[str, Any]
    devices: Tuple[Device, ...]
    hash: str


def read_manifest(raw: bytes) -> Manifest:
    """Return the manifest in ``raw``."""
    said = read_json(raw, MAX_MANIFEST_BYTES)
    keys(said, ("schema", "kind", "interval_ms", "columns", "host", "devices", "absent"))
    choice_of(said, "schema", ("starproof/manifest/1",))
    kind = choice_of(said, "kind", CLOCKS)
    columns = tuple(_column(entry) for entry in objects_of(said, "columns", MAX_COLUMNS))
    devices = tuple(_device(entry) for entry in objects_of(said, "devices", 4_096))
    host = facts_of(said, "host")
    names, clocks = [name for name, _, _ in columns], CLOCKS[kind]
    if tuple(names[: len(clocks)]) != clocks:
        raise Bad("the columns of %s begin otherwise" % kind)
    if any(UNITS[name][0] not in CARRIES[kind] for name in names[len(clocks) :]):
        raise Bad("columns that %s do not have" % kind)
    if len({column[:2] for column in columns}) < len(columns):
        raise Bad("one column stands twice")
    states = sum(kind == "counters" and name.startswith("cpu.") for name in names)
    if states not in (0, len(CPU_STATES)):
        raise Bad("the ten processor states come together")
    counted = {(DEVICE_KINDS[name.partition(".")[0]], device) for name, device, _ in columns if device}
    if counted != {(device.kind, device.name) for device in devices if device.counts}:
        raise Bad("the counted devices are not those with columns")
    if kind == "counters":
        keys(host, ("cpus", "ticks_per_s"), host)
        integer_of(host, "cpus", 1, 65_536)
        integer_of(host, "ticks_per_s", 1, 10_000_000)
    if kind == "activity":
        keys(host, ("timezone", "account_key", "definition", "excluded"), host)
        text_of(host, "timezone")
        text_of(host, "excluded", MAX_MANIFEST_BYTES)
        if not _ACCOUNT_KEY.match(text_of(host, "account_key")):
            raise Bad("account_key is not 16 hex digits")
        if not _ACTIVITY_DEFINITION.match(text_of(host, "definition")):
            raise Bad("no definition of activity")
    interval = integer_of(said, "interval_ms", 1, 31 * DAY_MS)
    for entry in objects_of(said, "absent", 256):
        keys(entry, ("name", "reason"))
        text_of(entry, "name")
        text_of(entry, "reason")
    return Manifest(kind, interval, columns, host, devices, sha256(raw))


def _column(entry: Dict[str, Any]) -> Tuple[str, str, int]:
    keys(entry, ("name", "kind", "unit"), ("device", "scale", "statistic"))
    name = choice_of(entry, "name", UNITS)
    kind, unit = UNITS[name]
    wanted = ["name", "kind", "unit"] + (["device"] if name in PER_DEVICE else [])
    keys(entry, wanted + (["scale", "statistic"] if kind == "average" else []))
    if (entry["kind"], entry["unit"]) != (kind, unit):
        raise Bad("%s is a %s in %s" % (name, kind, unit))
    if kind == "average":
        choice_of(entry, "statistic", ("average",))
        return name, "", integer_of(entry, "scale", most=9)
    return name, text_of(entry, "device") if name in PER_DEVICE else "", 0


def _device(entry: Dict[str, Any]) -> Device:
    keys(entry, ("kind", "name", "identity", "counts", "reason"), ("speed_bps",))
    text_of(entry, "identity")
    return Device(
        choice_of(entry, "kind", tuple(DEVICE_KINDS.values())),
        text_of(entry, "name"),
        choice_of(entry, "counts", ("yes", "no")) == "yes",
        text_of(entry, "reason"),
        integer_of(entry, "speed_bps") if "speed_bps" in entry else None,
    )


class Header(NamedTuple):
    """The signed header of a chunk, in the order of docs/chunk-format.md."""

    enterprise: str
    host: str
    source: str
    key: str
    seq: int
    prev: str
    boot: str
    first: str
    start_ms: int
    end_ms: int
    prev_end_ms: int
    anchor: str
    rows: int
    columns: int
    digest: str
    manifest: str
    agent: str
    clock_state: str
    clock_offset_ms: int
    clock_rtt_ms: int
    code: str = ""

    @property
    def span(self) -> Tuple[int, int]:
        """The time that the chunk speaks for; after a shutdown also the time before it."""
        if self.first == "boot_after_shutdown" and 0 < self.prev_end_ms < self.start_ms:
            return self.prev_end_ms, self.end_ms
        return self.start_ms, self.end_ms


def read_header(data: bytes) -> Header:
    """Return the header in ``data``."""
    said = read_json(data, MAX_HEADER_BYTES)
    keys(said, {"schema", *Header._fields} - {"code"}, ("code",))
    choice_of(said, "schema", ("starproof/chunk/1",))
    anchor = text_of(said, "anchor", 64)
    if anchor and not is_hash(anchor):
        raise Bad("anchor is no hash")
    return Header(
        enterprise=text_of(said, "enterprise", MAX_NAME),
        host=text_of(said, "host", MAX_NAME),
        source=source_of(said),
        key=hash_of(said, "key"),
        seq=integer_of(said, "seq"),
        prev=hash_of(said, "prev"),
        boot=text_of(said, "boot", MAX_NAME),
        first=choice_of(said, "first", ("reading", "repeat", *BOOTS)),
        start_ms=integer_of(said, "start_ms", EARLIEST_MS, LATEST_MS),
        end_ms=integer_of(said, "end_ms", EARLIEST_MS, LATEST_MS),
        prev_end_ms=integer_of(said, "prev_end_ms", most=LATEST_MS),
        anchor=anchor,
        rows=integer_of(said, "rows", most=MAX_ROWS),
        columns=integer_of(said, "columns", 1, MAX_COLUMNS),
        digest=hash_of(said, "digest"),
        manifest=hash_of(said, "manifest"),
        agent=text_of(said, "agent", MAX_NAME),
        clock_state=choice_of(said, "clock_state", ("synchronized", "unsynchronized", "unknown")),
        clock_offset_ms=integer_of(said, "clock_offset_ms", -LATEST_MS),
        clock_rtt_ms=integer_of(said, "clock_rtt_ms", -1),
        code=hash_of(said, "code") if "code" in said else "",
    )


class Frame(NamedTuple):
    """A frame, split; nothing is verified but bounds and CRC-32. ``raw``: columns of a group, as they are hashed."""

    key: str
    signature: bytes
    header: bytes
    manifest: bytes
    manifest_bytes: int
    packed: bytes
    raw: Optional[bytes] = None


_FRAME_HEAD = struct.Struct("<4s32s64sI")
_FRAME_LEAST = _FRAME_HEAD.size + 16


def take_frame(data: bytes, at: int) -> Tuple[Frame, int]:
    """Return the frame at an offset, and the offset behind it."""
    begin = at

    def take(count: int, most: int) -> bytes:
        nonlocal at
        if count > most:
            raise Bad("a length of %d bytes" % count)
        part = data[at : at + count]
        if len(part) < count:
            raise Bad("the frame is cut off")
        at += count
        return part

    if len(data) - at < _FRAME_LEAST:
        raise Bad("too few bytes for a frame")
    magic, key, signature, length = _FRAME_HEAD.unpack(take(_FRAME_HEAD.size, _FRAME_HEAD.size))
    if magic != b"SPC1":
        raise Bad("not a frame")
    header = take(length, MAX_HEADER_BYTES)
    deflated, inflated = struct.unpack("<II", take(8, 8))
    if inflated > MAX_MANIFEST_BYTES:
        raise Bad("a manifest of %d bytes" % inflated)
    manifest = take(deflated, 2 * MAX_MANIFEST_BYTES)
    (length,) = struct.unpack("<I", take(4, 4))
    packed = take(length, MAX_DEFLATED_BYTES)
    crc = zlib.crc32(data[begin:at])
    if struct.unpack("<I", take(4, 4))[0] != crc:
        raise Bad("the CRC-32 of the frame differs")
    return Frame(key.hex(), signature, header, manifest, inflated, packed), at


def inflate(packed: bytes, length: int) -> bytes:
    """Return exactly so many inflated bytes."""
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, length + 1)
    except zlib.error as error:
        raise Bad("deflate: %s" % error) from None
    if len(data) != length or not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise Bad("the deflate stream does not hold exactly %d bytes" % length)
    return data


_NATIVE = sys.byteorder == "little"


def unpack_columns(packed: bytes, rows: int, columns: int) -> Tuple[bytes, List[Sequence[int]]]:
    """Return the raw bytes that are hashed, and the columns."""
    count = rows * columns
    if not 0 <= rows <= MAX_ROWS or not 0 < columns <= MAX_COLUMNS or count > MAX_VALUES:
        raise Bad("%d rows of %d columns" % (rows, columns))
    planes = inflate(packed, count * 8)
    mixed = bytearray(len(planes))
    for plane in range(8):
        mixed[plane::8] = planes[plane * count : (plane + 1) * count]
    zigzag = array("Q", bytes(mixed))
    if not _NATIVE:
        zigzag.byteswap()
    steps = [(value >> 1) ^ -(value & 1) for value in zigzag]
    found: List[Sequence[int]] = []
    raw = []
    for at in range(0, count, rows or 1):
        column = list(accumulate(steps[at : at + rows]))
        try:
            stored = array("q", column)
        except OverflowError:  # sums are modulo 2^64
            column = [(value + 2**63) % 2**64 - 2**63 for value in column]
            stored = array("q", column)
        if not _NATIVE:
            stored.byteswap()
        raw.append(stored.tobytes())
        found.append(column)
    return b"".join(raw), found or [[] for _ in range(columns)]


def columns_in(raw: bytes, rows: int, columns: int) -> List[Sequence[int]]:
    """Return the columns in the raw bytes that are hashed."""
    stored = array("q", raw)
    if not _NATIVE:
        stored.byteswap()
    values = stored.tolist()
    return (
        [values[at : at + rows] for at in range(0, rows * columns, rows)]
        if rows
        else [[] for _ in range(columns)]
    )


class Chunk(NamedTuple):
    """A chunk that holds: proved, and of the place where it stands."""

    header: Header
    manifest: Manifest
    values: List[Sequence[int]]
    epoch: int
    hash: str

    @property
    def place(self) -> str:
        """Source, epoch and number, as findings name a chunk."""
        return "%s/%d/%d" % (self.header.source, self.epoch, self.header.seq)


def _goes_back(column: Sequence[int]) -> bool:
    return any(map(lt, column[1:], column))


GROUP = b"SPG1"
_GROUP_HEAD = struct.Struct("<4sII64s32s")
GROUP_VALUES = 2**20
GROUP_CHUNKS = 1_000
GROUP_BYTES = GROUP_VALUES * 8 + 2**20
MAX_CHUNKS_BYTES = 128 * 1024 * 1024
MAX_ENTRY_CHUNKS = 100_000
MAX_ENTRY_RAW_BYTES = 512 * 1024 * 1024
MAX_DAMAGED = 1_000
_NEVER_LISTED = ("schema", "enterprise", "host", "source", "key", "columns", "digest", "manifest", "prev")


def chunk_items(data: bytes) -> Iterator[Any]:
    """Yield the frames of an entry, or for a damaged place the ``Bad`` that says why; then go on.

    An item is a frame, or a group of chunks that goes on from the frame before it.
    """
    if len(data) > MAX_CHUNKS_BYTES:
        yield Bad("%d bytes of chunks in one entry" % len(data))
        return
    before: Optional[Frame] = None
    at = damaged = count = size = crc = 0
    while at < len(data):
        begin = at
        try:
            if data[at : at + 4] == GROUP:
                found, at = _group(data, at, before, crc)
            else:
                before, at = take_frame(data, at)
                found, crc = [before], int.from_bytes(data[at - 4 : at], "little")
        except Bad as error:
            error.at = begin
            yield error
            damaged, count = damaged + 1, count + 1
            if damaged == MAX_DAMAGED:
                return
            beginnings = (data.find(b"SPC1", begin + 1), data.find(GROUP, begin + 1))
            at = min((found_at for found_at in beginnings if found_at >= 0), default=len(data))
            continue
        count += len(found)
        size += sum(len(frame.raw or b"") for frame in found)
        if count > MAX_ENTRY_CHUNKS or size > MAX_ENTRY_RAW_BYTES:
            yield Bad("more chunks or columns than one entry may hold")
            return
        yield from found


def _group(data: bytes, at: int, before: Optional[Frame], crc: int) -> Tuple[List[Frame], int]:
    """Return the chunks of a group as frames whose columns are unpacked, and the offset behind it."""
    if len(data) - at < _GROUP_HEAD.size:
        raise Bad("a group without its head")
    _, goes_on_from, length, signature, prev = _GROUP_HEAD.unpack_from(data, at)
    begin, at = at, at + _GROUP_HEAD.size
    end = at + length
    if end + 4 > len(data):
        raise Bad("a group that does not fit")
    if int.from_bytes(data[end : end + 4], "little") != zlib.crc32(data[begin:end]):
        raise Bad("the CRC-32 of the group differs")
    if before is None or goes_on_from != crc:
        raise Bad("a group without its frame")
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data[at:end], GROUP_BYTES)
    except zlib.error as error:
        raise Bad("deflate: %s" % error) from None
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise Bad("a group that is not one whole stream")
    lines, at = _group_lines(content)
    known = read_json(before.header, MAX_HEADER_BYTES)
    width = read_header(before.header).columns
    manifest = _manifest_of(before)
    if manifest.hash != known["manifest"] or len(manifest.columns) != width:
        raise Bad("a group goes on from a frame with another manifest")
    shapes = []
    rows = known["rows"]
    for number, line in enumerate(lines):
        rows = line.get("rows", rows)
        if not isinstance(rows, int) or not 0 <= rows <= MAX_ROWS:
            raise Bad("a chunk of no known length")
        shapes.append((rows, int(number > 0 and rows > 0 and line.get("first", "repeat") == "repeat")))
    if sum(rows for rows, _ in shapes) * width > GROUP_VALUES:
        raise Bad("a group of too many values")
    columns = _group_columns(content, at, sum(rows - shared for rows, shared in shapes), manifest)
    frames: List[Frame] = []
    stop = 0
    link = prev.hex()
    for number, (line, (rows, shared)) in enumerate(zip(lines, shapes)):
        start, stop = stop - shared, stop - shared + rows
        if start < 0:
            raise Bad("a chunk repeats a row that is not there")
        raw = b"".join([_stored(column[start:stop]) for column in columns])
        times = (columns[0][start], columns[0][stop - 1]) if rows else (0, 0)
        header = _group_header(known, line, number, link, sha256(raw), times)
        link = sha256(pae(CHUNK_TYPE, header))
        own = signature if number == len(lines) - 1 else b""
        frames.append(Frame(before.key, own, header, before.manifest, before.manifest_bytes, b"", raw))
    return frames, end + 4


def _stored(column: Sequence[int]) -> bytes:
    stored = array("q", column)
    if not _NATIVE:
        stored.byteswap()
    return stored.tobytes()


def _group_lines(content: bytes) -> Tuple[List[Dict[str, Any]], int]:
    """Return what the lines of a group list, and where its columns begin."""
    found: List[Dict[str, Any]] = []
    at = 0
    while True:
        end = content.find(b"\n", at, at + MAX_HEADER_BYTES + 1)
        if end == at:
            break
        if end < 0 or len(found) == GROUP_CHUNKS:
            raise Bad("a group of too many lines, or one that has no end")
        line = content[at:end]
        found.append({} if line == b"{}" else read_json(line, MAX_HEADER_BYTES))
        at = end + 1
    if not found:
        raise Bad("a group without a chunk")
    return found, at + 1


def _group_header(
    known: Dict[str, Any], line: Dict[str, Any], number: int, prev: str, digest: str, times: Tuple[int, int]
) -> bytes:
    """Return the header of a chunk of a group; ``known`` is that of the one before, and becomes this one."""
    predicted = {
        "digest": digest, "end_ms": times[1], "first": "repeat", "prev": prev,
        "prev_end_ms": known["end_ms"] if number else times[0], "seq": known["seq"] + 1, "start_ms": times[0],
    }  # fmt: skip
    for name, value in line.items():
        plain = isinstance(value, (int, str)) and name in known and name not in _NEVER_LISTED
        if not plain or predicted.get(name, known[name]) == value:
            raise Bad("a group lists what it may not, or what is predicted")
    known.update(predicted)
    known.update(line)
    return json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _wrapped(column: Sequence[int]) -> Sequence[int]:
    """Return a column whose sums are modulo 2^64."""
    if min(column) < -(2**63) or max(column) >= 2**63:
        return [(value + 2**63) % 2**64 - 2**63 for value in column]
    return column


def _group_columns(content: bytes, at: int, rows: int, manifest: Manifest) -> List[Sequence[int]]:
    """Return the columns of all chunks of a group, rows that two of them share once."""
    count = len(manifest.columns)
    if not rows:
        if len(content) != at:
            raise Bad("bytes follow a group without a row")
        return [[] for _ in range(count)]
    widths = content[at : at + count]
    first = content[at + count : at + 9 * count]
    at += 9 * count
    if len(content) != at + sum(widths) * (rows - 1) or max(widths) > 8:
        raise Bad("the columns of a group are not as long as their widths say")
    planes: List[List[bytes]] = [[] for _ in range(count)]
    for octet in range(max(widths) - 1, -1, -1):
        for column, width in enumerate(widths):
            if width > octet:
                plane = content[at : at + rows - 1]
                at += rows - 1
                if width == octet + 1 and not any(plane):
                    raise Bad("a column of a group is wider than its steps")
                planes[column].append(plane)
    found = []
    for column in range(count):
        mixed = bytearray(8 * rows)
        mixed[:8] = first[column::count][::-1]
        for octet, plane in enumerate(reversed(planes[column])):
            mixed[8 + octet :: 8] = plane
        zigzag = array("Q", bytes(mixed))
        if not _NATIVE:
            zigzag.byteswap()
        found.append(list(accumulate([(value >> 1) ^ -(value & 1) for value in zigzag])))
    if manifest.kind == "counters":
        found[1] = list(map(add, found[1], found[0]))
        found[2] = list(map(add, found[2], found[1]))
    names = [name for name, _, _ in manifest.columns]
    if "cpu.idle" in names:
        idle = names.index("cpu.idle")
        others = [found[names.index("cpu." + state)] for state in CPU_STATES[:8] if state != "idle"]
        found[idle] = list(map(sub, found[idle], map(sum, zip(*others))))
    return [_wrapped(column) for column in found]


def _require_times(header: Header, manifest: Manifest, values: List[Sequence[int]]) -> None:
    if manifest.kind == "activity":
        _require_activity(header, values)
        return
    if not header.rows:
        raise Bad("a chunk without a row")
    first, second = values[0], values[1]
    if manifest.kind == "counters":
        end = first[-1]
        for column in (first, second):
            if _goes_back(column) or len(set(column)) < len(column):
                raise Bad("the clocks do not go forward")
        if _goes_back(values[2]):
            raise Bad("the monotonic clock goes back")
        if second[0] < 0 or values[2][0] < 0:
            raise Bad("a negative clock")
    else:
        ends = [start + length for start, length in zip(first, second)]
        end = ends[-1]
        if min(second) <= 0 or any(map(lt, first[1:], ends)):
            raise Bad("the periods are empty or overlap")
        if any(value < 0 and value != MISSING for column in values[2:] for value in column):
            raise Bad("an average below zero")
    if (first[0], end) != (header.start_ms, header.end_ms):
        raise Bad("start and end are not those of the rows")


def _require_activity(header: Header, values: List[Sequence[int]]) -> None:
    if header.first != "reading" or header.start_ms > header.end_ms:
        raise Bad("activity is a fresh reading of a stretch of time")
    about = list(zip(*values[:4]))
    if any(later <= earlier for earlier, later in zip(about, about[1:])):
        raise Bad("the rows of activity are not sorted, or one stands twice")
    days = sorted({(row[0], row[1]) for row in about})
    if any(not 0 < length <= 26 * HOUR_MS for _, length in days):
        raise Bad("a day of activity is empty or too long")
    if any(following[0] < day[0] + day[1] for day, following in zip(days, days[1:])):
        raise Bad("the days of activity overlap")
    if days and (days[0][0] + days[0][1] < header.start_ms or days[-1][0] > header.end_ms):
        raise Bad("activity outside the time that was read")
    if any(count <= 0 for count in values[4]):
        raise Bad("activity less than once")


_manifests: Dict[Tuple[bytes, int], Manifest] = {}


def _manifest_of(frame: Frame) -> Manifest:
    """Return the manifest of a frame; those that repeat are read once."""
    place = (frame.manifest, frame.manifest_bytes)
    found = _manifests.get(place)
    if found is None:
        if len(_manifests) >= MAX_MANIFESTS_KEPT:
            _manifests.clear()
        found = _manifests[place] = read_manifest(inflate(frame.manifest, frame.manifest_bytes))
    return found


def open_chunk(frame: Frame, header: Header, epoch: int, hash_: str) -> Chunk:
    """Return the chunk of a frame whose header is proved; ``Bad`` if its parts are others."""
    manifest = _manifest_of(frame)
    if manifest.hash != header.manifest:
        raise Bad("the manifest is another")
    if len(manifest.columns) != header.columns:
        raise Bad("header and manifest have different columns")
    if carried(header.source) != manifest.kind:
        raise Bad("%s does not come from %s" % (manifest.kind, header.source))
    if frame.raw is not None:  # the digest was made of these very bytes
        values = columns_in(frame.raw, header.rows, header.columns)
    else:
        raw, values = unpack_columns(frame.packed, header.rows, header.columns)
        if sha256(raw) != header.digest:
            raise Bad("the columns are others")
    _require_times(header, manifest, values)
    return Chunk(header, manifest, values, epoch, hash_)


class _Claim(NamedTuple):
    """A chunk by what its header says, and where it stands."""

    epoch: int
    seq: int
    name: str
    number: int
    header: Header
    frame: Frame
    hash: str
    day: str

    @property
    def where(self) -> str:
        return "%s[%d]" % (self.name, self.number)

    @property
    def slot(self) -> str:
        return hour_slot(self.header.start_ms)


def _utc_day(instant_ms: int) -> str:
    return iso(instant_ms // DAY_MS + _EPOCH_DAY)


class ChunkReader:
    """Opens the chunks of a pack, one host and source at a time.

    A chunk is proved by its own signature or by the link of the next chunk of its UTC day, if that is proved.
    So signatures are verified of the last chunk of every UTC day, and wherever the next chunk does not link;
    with ``every_signature`` all that the pack holds: of a group that is the last chunk's.
    """

    def __init__(
        self, pack: Pack, files: Sequence[ChunkFile], places: Dict[str, str],
        enrolled: Dict[Tuple[str, str, int], Enrolment], *, every_signature: bool,
    ) -> None:  # fmt: skip
        """Sort the entries by host and source."""
        self._pack = pack
        self.enrolled = enrolled
        self._every = every_signature
        self.groups: Dict[Tuple[str, str], List[ChunkFile]] = {}
        for one in files:
            if one.place in places:
                self.groups.setdefault((places[one.place], one.source), []).append(one)

    def opened(self, host: str, source: str, findings: Findings) -> Iterator[Chunk]:
        """Yield every chunk that holds, in the order of epoch and number."""
        claims = sorted(self._claims(host, source, findings), key=lambda claim: claim[:4])
        for claim in self._proved(host, source, claims, findings):
            file_day = claim.name.rpartition("/")[2][:10]
            if claim.day != file_day:
                findings.add("CHUNK_MISPLACED", claim.where, host, claim.day, file_day, claim.slot)
                continue
            try:
                chunk = open_chunk(claim.frame, claim.header, claim.epoch, claim.hash)
            except Bad as error:
                findings.add("CHUNK", claim.where, host, got=error, slot=claim.slot)
            else:
                yield chunk

    def _claims(self, host: str, source: str, findings: Findings) -> Iterator[_Claim]:
        """Yield what the entries hold; damage is told with the hours that it can be about."""
        damage = _Damage(host, carried(source) == "counters", findings)
        for one in self.groups.get((host, source), []):
            of = self.enrolled.get((host, source, one.epoch))
            if of is None:
                findings.add("CHUNK", one.name, host, got="no valid enrolment for these chunks", slot=one.day)
                continue
            damage.enter(one)
            data = self._pack.raw(one.name)
            for number, item in enumerate(chunk_items(data)):
                try:
                    claim = self._claim(item, one, number, of)
                except Bad as error:
                    damage.found("%s[%d]" % (one.name, number), error, self._proved_header(data, item, of))
                    continue
                damage.passed(claim.header)
                yield claim
        damage.end()

    @staticmethod
    def _claim(item: Any, one: ChunkFile, number: int, of: Enrolment) -> _Claim:
        if isinstance(item, Bad):
            raise item
        header = read_header(item.header)
        if (header.enterprise, header.host, header.source) != (of.enterprise, of.host, of.source):
            raise Bad("the chunk belongs to another enterprise, host or source")
        if not header.key == item.key == of.key.id:
            raise Bad("the header names another key")
        hash_ = sha256(pae(CHUNK_TYPE, item.header))
        return _Claim(one.epoch, header.seq, one.name, number, header, item, hash_, _utc_day(header.span[0]))

    @staticmethod
    def _proved_header(data: bytes, item: Any, of: Enrolment) -> Optional[Header]:
        """Return the header of a damaged frame if the signature over it holds."""
        if isinstance(item, Bad):
            head = data[item.at : item.at + _FRAME_HEAD.size]
            if len(head) < _FRAME_HEAD.size:
                return None
            _, _, signature, length = _FRAME_HEAD.unpack(head)
            begin = item.at + _FRAME_HEAD.size
            body = data[begin : begin + min(length, MAX_HEADER_BYTES + 1)]
        else:
            signature, body = item.signature, item.header
        try:
            header = read_header(body)
        except Bad:
            return None
        if (header.enterprise, header.host, header.source) != (of.enterprise, of.host, of.source):
            return None
        return header if of.key.signed(pae(CHUNK_TYPE, body), signature) else None

    def _proved(self, host: str, source: str, claims: Sequence[_Claim], findings: Findings) -> List[_Claim]:
        """Return the claims that are proved, from the last one back."""
        proved: List[_Claim] = []
        after: Optional[_Claim] = None
        for claim in reversed(claims):
            linked = (
                after is not None
                and (after.epoch, after.day) == (claim.epoch, claim.day)
                and after.header.prev == claim.hash
            )
            if not linked or (self._every and claim.frame.signature):
                key = self.enrolled[host, source, claim.epoch].key
                if not key.signed(pae(CHUNK_TYPE, claim.frame.header), claim.frame.signature):
                    findings.add("CHUNK_SIGNATURE", claim.where, host, got="not the host's", slot=claim.slot)
                    if not linked:
                        after = None
                        continue
            proved.append(claim)
            after = claim
        proved.reverse()
        return proved


class _Damage:
    """Tells what is damaged of one host and source with the hours that it can be about.

    Those of its header, if the signature over it holds; else, of counters, from the end of the chunk before
    to the beginning of the next, as far as that lies in the day of the entry; else that whole day.
    """

    def __init__(self, host: str, in_order: bool, findings: Findings) -> None:
        self._host, self._in_order, self._findings = host, in_order, findings
        self._waiting: List[Tuple[str, object, int, Optional[int]]] = []
        self._epoch, self._ended = -1, 0
        self._day: Optional[int] = None

    def enter(self, one: ChunkFile) -> None:
        if one.epoch != self._epoch:
            self.end()
            self._epoch, self._ended = one.epoch, 0
        self._day = _day_begins(one.day)

    def passed(self, header: Header) -> None:
        self._tell(header.start_ms)
        self._ended = header.end_ms

    def found(self, where: str, error: object, header: Optional[Header]) -> None:
        if header is None:
            self._waiting.append((where, error, self._ended, self._day))
            return
        self.passed(header)
        slot = hours_slot(header.start_ms, max(header.start_ms, header.end_ms - 1))
        self._findings.add("CHUNK", where, self._host, got=error, slot=slot)

    def end(self) -> None:
        self._tell(None)

    def _tell(self, until: Optional[int]) -> None:
        for where, error, ended, day in self._waiting:
            slot = ""
            if day is not None:
                first, last = max(ended, day), day + DAY_MS
                last = last if until is None else min(until, last)
                if not self._in_order or first >= last:
                    first, last = day, day + DAY_MS
                slot = hours_slot(first, last - 1)
            self._findings.add("CHUNK", where, self._host, got=error, slot=slot)
        self._waiting.clear()


def _day_begins(text: str) -> Optional[int]:
    try:
        return (date(int(text[:4]), int(text[5:7]), int(text[8:])).toordinal() - _EPOCH_DAY) * DAY_MS
    except ValueError:
        return None


class Links:
    """Follows the chunks of one host and source: numbers without holes, each linked to the one before."""

    def __init__(
        self, host: str, enrolled: Dict[Tuple[str, str, int], Enrolment], findings: Findings
    ) -> None:
        """Begin with no chunk."""
        self._host, self._enrolled, self._findings = host, enrolled, findings

    def followed(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield the chunks, of those with one number the first."""
        before: Optional[Chunk] = None
        for chunk in chunks:
            header, add, slot = chunk.header, self._findings.add, hour_slot(chunk.header.start_ms)
            if before is not None and (before.epoch, before.header.seq) == (chunk.epoch, header.seq):
                add("CONFLICT", chunk.place, self._host, before.hash, chunk.hash, slot)
                continue
            expected: Optional[Tuple[str, int]] = None
            if before is None or before.epoch != chunk.epoch:
                if header.seq == 0:
                    expected = (self._enrolled[self._host, header.source, chunk.epoch].hash, 0)
            else:
                ended = before.header.end_ms
                if header.start_ms < ended and chunk.manifest.kind == "counters":
                    got = "%d ms" % header.start_ms
                    add("CLOCK_BACK", chunk.place, self._host, "from %d ms on" % ended, got, slot)
                if header.seq == before.header.seq + 1:
                    expected = (before.hash, ended)
                elif carried(header.source) != "averages":
                    first, last = before.header.seq + 1, header.seq - 1
                    where = "%s/%d/%d" % (header.source, chunk.epoch, first)
                    missing = "%d missing" % (last + 1 - first)
                    hours = hours_slot(ended, max(ended, header.start_ms - 1))
                    add("SEQ_MISSING", where, self._host, "%d to %d" % (first, last), missing, hours)
            if expected is not None and (header.prev, header.prev_end_ms) != expected:
                got = "%s %d" % (header.prev, header.prev_end_ms)
                add("CHAIN", chunk.place, self._host, "%s %d" % expected, got, slot)
            before = chunk
            yield chunk


# ======================================================================================================
# Step 5  The log: leaves, roots, checkpoints, marks, closes; and what of the pack was logged
# ======================================================================================================

CHUNK_LEAF, ENROLMENT_LEAF, SCOPE_LEAF, EDITION_LEAF, ANCHOR_LEAF, MARK_LEAF, CLOSE_LEAF, DOCUMENT_LEAF = (
    range(1, 9)
)
_LEAF = struct.Struct(">B32sQ")
MARK_GRACE_MS = HOUR_MS
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Leaf(NamedTuple):
    """One leaf of the log."""

    kind: int
    hash: bytes
    arrival_ms: int
    data: bytes


def read_leaf(data: bytes) -> Leaf:
    """Return the leaf that 41 bytes are."""
    if len(data) != _LEAF.size:
        raise Bad("a leaf has %d bytes" % _LEAF.size)
    kind, hash_, arrival = _LEAF.unpack(data)
    if not CHUNK_LEAF <= kind <= DOCUMENT_LEAF or arrival > MAX_SIZE:
        raise Bad("no leaf is of kind %d at %d ms" % (kind, arrival))
    return Leaf(kind, hash_, arrival, data)


def _hex(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) % 2 or set(value) - set("0123456789abcdef"):
        raise Bad("bytes are lower-case hex digits")
    return bytes.fromhex(value)


def _hash_list(value: Any) -> List[bytes]:
    if not isinstance(value, list) or len(value) > MAX_PROOF:
        raise Bad("not a list of hashes")
    found = [_hex(item) for item in value]
    if any(len(item) != 32 for item in found):
        raise Bad("a hash has 32 bytes")
    return found


class Mark(NamedTuple):
    """A day mark in the log."""

    leaf: int
    arrival_ms: int
    enterprise: str
    timezone: str
    day: int
    scope: Optional[str]


class Close(NamedTuple):
    """A close of a month in the log."""

    leaf: int
    enterprise: str
    timezone: str
    month: str
    size: int


def _mark(said: Dict[str, Any]) -> Tuple[str, str, int, Optional[str]]:
    names_scope = said.get("schema") != "starproof/day-mark/1"
    keys(said, ("schema", "enterprise", "date", "timezone", "anchors", *(("scope",) if names_scope else ())))
    choice_of(said, "schema", ("starproof/day-mark/1", "starproof/day-mark/2"))
    anchors = said["anchors"]
    if not isinstance(anchors, list) or len(anchors) > 256 or not all(map(is_hash, anchors)):
        raise Bad("anchors is not a list of hashes")
    if names_scope and said["scope"] != "" and not is_hash(said["scope"]):
        raise Bad("scope is neither a hash nor empty")
    text = text_of(said, "date")
    try:
        if not _ISO_DAY.match(text):
            raise ValueError
        day = date(int(text[:4]), int(text[5:7]), int(text[8:])).toordinal()
    except ValueError:
        raise Bad("%r is no day" % text) from None
    return text_of(said, "enterprise", MAX_NAME), text_of(said, "timezone", MAX_NAME), day, said.get("scope")


def _close(said: Dict[str, Any]) -> Tuple[str, str, str, int]:
    names_chains = said.get("schema") == "starproof/month-close/1"
    keys(said, ("schema", "enterprise", "month", "timezone", "size", *(("chains",) if names_chains else ())))
    choice_of(said, "schema", ("starproof/month-close/1", "starproof/month-close/2"))
    for entry in objects_of(said, "chains", 50_000) if names_chains else ():
        keys(entry, ("host", "source", "epoch", "first_seq", "last_seq", "chunks"))
        text_of(entry, "host", MAX_NAME)
        source_of(entry)
        integer_of(entry, "epoch")
        if integer_of(entry, "first_seq") > integer_of(entry, "last_seq") or not integer_of(entry, "chunks"):
            raise Bad("the numbers of a chain go back")
    month = text_of(said, "month")
    if not _MONTH_NAME.match(month):
        raise Bad("%r is no month" % month)
    enterprise, zone = text_of(said, "enterprise", MAX_NAME), text_of(said, "timezone", MAX_NAME)
    return enterprise, zone, month, integer_of(said, "size", most=MAX_SIZE)


def _records(
    data: bytes, schema: str, most: int, limit: int, read: Callable[[Dict[str, Any]], Any]
) -> List[Any]:
    document = read_json(data, MAX_JSON_BYTES)
    keys(document, ("schema", "records"))
    choice_of(document, "schema", (schema,))
    found = []
    for record in objects_of(document, "records", most):
        raw = canonical(record)
        if len(raw) > limit:
            raise Bad("a record of %d bytes" % len(raw))
        found.append((hashlib.sha256(raw).digest(), read(record)))
    return found


class Log:
    """The log of a pack as far as it holds."""

    def __init__(self) -> None:
        """Begin empty; ``read_log`` fills it."""
        self.base = Frontier(0, [])
        self.leaves: List[Leaf] = []
        self.checkpoints: List[Tuple[Checkpoint, bytes]] = []
        self.places: Dict[Tuple[int, bytes], Tuple[int, int]] = {}
        self.chunks: Dict[bytes, Tuple[int, int]] = {}
        self.marks: List[Mark] = []
        self.closes: List[Close] = []
        self.before_ms: Optional[int] = None
        self._frontiers: List[Frontier] = []

    @property
    def size(self) -> int:
        """Leaves at the end of the packed stretch."""
        return self.base.size + len(self.leaves)

    def find(self, kind: int, hash_: str) -> Optional[Tuple[int, int]]:
        """Return index and arrival of the first leaf of this kind and hash."""
        return self.places.get((kind, bytes.fromhex(hash_)))

    def arrival_ms(self, size: int) -> Optional[int]:
        """Return when the last of ``size`` leaves arrived, if the pack holds it."""
        at = size - 1 - self.base.size
        return self.leaves[at].arrival_ms if 0 <= at < len(self.leaves) else None

    def root(self, size: int) -> Optional[bytes]:
        """Return the root over the first ``size`` leaves, if the pack can tell."""
        count = size - self.base.size
        if not 0 <= count <= len(self.leaves):
            return None
        step = 1024
        if not self._frontiers:
            self._frontiers.append(self.base)
        while len(self._frontiers) <= count // step:
            last = self._frontiers[-1]
            at = (len(self._frontiers) - 1) * step
            further = Frontier(last.size, last.hashes)
            further.grow(leaf_hash(leaf.data) for leaf in self.leaves[at : at + step])
            self._frontiers.append(further)
        near = self._frontiers[count // step]
        found = Frontier(near.size, near.hashes)
        found.grow(leaf_hash(leaf.data) for leaf in self.leaves[count // step * step : count])
        return found.root


def read_log_base(data: bytes) -> Tuple[Frontier, List[Tuple[int, Leaf, List[bytes]]]]:
    """Return what stands before the packed leaves: their frontier, and single leaves with proofs to be verified."""
    base = read_json(data, MAX_JSON_BYTES)
    keys(base, ("schema", "size", "frontier", "earlier"))
    choice_of(base, "schema", ("starproof/log-base/1",))
    size = integer_of(base, "size", most=MAX_SIZE)
    earlier: List[Tuple[int, Leaf, List[bytes]]] = []
    for entry in objects_of(base, "earlier", MAX_ENROLMENTS + 1_000):
        keys(entry, ("index", "entry", "proof"))
        leaf = read_leaf(_hex(text_of(entry, "entry")))
        index = integer_of(entry, "index", most=MAX_SIZE)
        if earlier and index <= earlier[-1][0]:
            raise Bad("earlier leaf %d follows leaf %d" % (index, earlier[-1][0]))
        earlier.append((index, leaf, _hash_list(entry["proof"])))
    return Frontier(size, _hash_list(base["frontier"])), earlier


def read_log(pack: Pack, key: Key, findings: Findings) -> Optional[Log]:
    """Step 5, first half: the log in the pack is the log that its checkpoints sign."""
    there = [name for name in LOG_FILES if name in pack]
    if not there:
        findings.add("LOG_ABSENT", "data/log/leaves.bin")
        return None
    for name in LOG_FILES:
        if name not in there:
            findings.add("LOG_FORMAT", name, got="missing")
    if len(there) < len(LOG_FILES):
        return None
    log = Log()
    try:
        log.base, earlier = read_log_base(pack.read("data/log/base.json"))
        raw = pack.read("data/log/leaves.bin")
        if len(raw) % _LEAF.size:
            raise Bad("the last leaf is cut off")
        log.leaves = [read_leaf(raw[at : at + _LEAF.size]) for at in range(0, len(raw), _LEAF.size)]
        notes = separate_notes(pack.read("data/log/checkpoints.txt"))
        marks = _records(
            pack.read("data/log/day-marks.json"), "starproof/day-marks/1", 40_000, 64 * 1024, _mark
        )
        closes = _records(
            pack.read("data/log/close.json"), "starproof/closes/1", 10_000, 16 * 1024 * 1024, _close
        )
    except Bad as error:
        findings.add("LOG_FORMAT", "data/log", got=error)
        return None
    _check_checkpoints(log, notes, key, findings)
    for at, (index, leaf, proof) in enumerate(earlier):
        if is_included(leaf_hash(leaf.data), index, log.base.size, proof, log.base.root):
            log.places.setdefault((leaf.kind, leaf.hash), (index, leaf.arrival_ms))
            if index == log.base.size - 1:
                log.before_ms = leaf.arrival_ms
        else:
            findings.add("LOG_ROOT", "data/log/base.json earlier[%d]" % at, got="not proved under the base")
    for at, leaf in enumerate(log.leaves):
        if at and leaf.arrival_ms < log.leaves[at - 1].arrival_ms:
            where = "data/log/leaves.bin[%d]" % (log.base.size + at)
            before = log.leaves[at - 1].arrival_ms
            findings.add(
                "LOG_ARRIVAL", where, expected="%d ms or later" % before, got="%d ms" % leaf.arrival_ms
            )
        placed = (log.base.size + at, leaf.arrival_ms)
        if leaf.kind == CHUNK_LEAF:
            log.chunks.setdefault(leaf.hash, placed)
        else:
            log.places.setdefault((leaf.kind, leaf.hash), placed)
    for kind, records, name in ((MARK_LEAF, marks, "day-marks.json"), (CLOSE_LEAF, closes, "close.json")):
        named = [leaf.hash for leaf in log.leaves if leaf.kind == kind]
        if named != [hash_ for hash_, _ in records]:
            expected = "the %d records that leaves name" % len(named)
            findings.add("LOG_RECORD", "data/log/" + name, expected=expected, got="%d records" % len(records))
    for hash_, mark in marks:
        if (MARK_LEAF, hash_) in log.places:
            log.marks.append(Mark(*log.places[MARK_LEAF, hash_], *mark))
    for hash_, close in closes:
        if (CLOSE_LEAF, hash_) in log.places:
            log.closes.append(Close(log.places[CLOSE_LEAF, hash_][0], *close))
    return log


def _check_checkpoints(log: Log, notes: Sequence[bytes], key: Key, findings: Findings) -> None:
    """Every checkpoint is signed, sizes grow, every root follows; the base and the end have one."""
    tree = Frontier(log.base.size, log.base.hashes)
    last = -1
    for at, note in enumerate(notes):
        where = "data/log/checkpoints.txt[%d]" % at
        try:
            said = read_note(note, key)
        except NotSigned as error:
            findings.add("LOG_SIGNATURE", where, got=error)
            continue
        except Bad as error:
            findings.add("LOG_FORMAT", where, got=error)
            continue
        least = max(log.base.size, last + 1)
        if not least <= said.size <= log.size:
            findings.add(
                "LOG_ROOT", where, expected="a size from %d to %d" % (least, log.size), got=said.size
            )
            continue
        covered = log.leaves[tree.size - log.base.size : said.size - log.base.size]
        tree.grow(leaf_hash(leaf.data) for leaf in covered)
        last = said.size
        if tree.root == said.root:
            log.checkpoints.append((said, note))
        else:
            findings.add("LOG_ROOT", where, expected=tree.root.hex(), got=said.root.hex())
    sizes = {said.size for said, _ in log.checkpoints}
    for needed in sorted({log.size, *([log.base.size] if log.base.size else [])} - sizes):
        findings.add("LOG_ROOT", "data/log/checkpoints.txt", expected="a checkpoint of %d leaves" % needed)


class Coverage:
    """Step 5, second half: chunks, records and days that the log must hold."""

    def __init__(self, log: Log, findings: Findings) -> None:
        """Begin with no chunk seen."""
        self.log, self._findings = log, findings
        self._missing: Dict[Tuple[str, str, int], List[Any]] = {}
        self._late: Dict[Tuple[str, str], List[int]] = {}
        self._totals: Counter = Counter()  # type: ignore[type-arg]
        self._packed: set = set()  # type: ignore[type-arg]
        self._last_leaf = -1

    def take(self, chunk: Chunk) -> None:
        """Look for the leaf of one chunk."""
        header, slot = chunk.header, hour_slot(chunk.header.start_ms)
        chain = (header.host, header.source, chunk.epoch)
        self._totals[chain] += 1
        found = self.log.chunks.get(bytes.fromhex(chunk.hash))
        if found is None:
            self._missing.setdefault(chain, [chunk.place, 0, slot])[1] += 1
            return
        leaf, arrival = found
        self._packed.add(self.log.leaves[leaf - self.log.base.size].hash)
        self._last_leaf = max(self._last_leaf, leaf)
        if header.end_ms > arrival + CLOCK_SKEW_MS:
            expected = "an end before %d ms" % arrival
            self._findings.add(
                "LOG_ARRIVAL", chunk.place, header.host, expected, "%d ms" % header.end_ms, slot
            )
        elif arrival - header.end_ms > DAY_MS:
            late = self._late.setdefault((header.host, header.source), [0, 0])
            late[0] += 1
            late[1] = max(late[1], arrival - header.end_ms)

    def finish(
        self, enrolments: Iterable[Enrolment], scopes: Sequence[bytes], ledger: Optional[Dict[str, Any]]
    ) -> None:
        """Say what the chunks showed, and look for the leaves of the records."""
        add = self._findings.add
        for chain, (place, count, slot) in self._missing.items():
            add(
                "LOG_LEAF_MISSING",
                place,
                chain[0],
                "",
                "%d of %d chunks" % (count, self._totals[chain]),
                slot,
            )
        for (host, source), (count, worst) in self._late.items():
            add("CHUNK_LATE", source, host, got="%d chunks, up to %d days" % (count, worst // DAY_MS))
        for one in enrolments:
            if self.log.find(ENROLMENT_LEAF, one.hash) is None:
                add("LOG_LEAF_MISSING", "data/enrolments.json", one.host, got=one.hash)
        for at, record in enumerate(scopes, 1):
            if self.log.find(SCOPE_LEAF, sha256(record)) is None:
                add("LOG_LEAF_MISSING", "data/scopes.json version %d" % at, got=sha256(record))
        if ledger is not None and ledger["entries"]:
            hash_ = sha256(canonical(dict(ledger, bills=[])))
            if self.log.find(DOCUMENT_LEAF, hash_) is None:
                add("LOG_LEAF_MISSING", "data/ledger.json", got=hash_)

    def _same(self, where: str, said: Statement, enterprise: str, zone: str) -> bool:
        try:
            Calendar(zone)
        except Bad as error:
            self._findings.add("LOG_RECORD", where, got=error)
            return False
        if enterprise != said.enterprise:
            self._findings.add("LOG_RECORD", where, expected=said.enterprise, got=enterprise)
            return False
        return True

    def days(self, said: Statement, window: Window) -> None:
        """Every day of the window that was over has its mark, and a checkpoint before the next mark."""
        where, add = "data/log/day-marks.json", self._findings.add
        calendar = Calendar(said.timezone)
        marks: Dict[int, Tuple[Mark, int]] = {}
        for at, mark in enumerate(self.log.marks):
            after = self.log.marks[at + 1].leaf if at + 1 < len(self.log.marks) else self.log.size
            if not self._same(where, said, mark.enterprise, mark.timezone):
                return
            calendar = Calendar(mark.timezone)
            if marks and mark.day <= max(marks):
                add("LOG_RECORD", where, got="%s comes after %s" % (iso(mark.day), iso(max(marks))))
            marks.setdefault(mark.day, (mark, after))
        sizes = [checkpoint.size for checkpoint, _ in self.log.checkpoints]
        absent, bare = [], []
        for day in range(calendar.day_of(window.start_ms), calendar.day_of(window.end_ms - 1) + 1):
            over = calendar.day_start(day + 1)
            if over > said.made_ms - MARK_GRACE_MS:
                break
            if day not in marks:
                absent.append(day)
                continue
            mark, after = marks[day]
            if not any(mark.leaf < size <= after for size in sizes):
                bare.append(day)
            place = "%s %s" % (where, iso(day))
            if mark.arrival_ms < over:
                add("LOG_ARRIVAL", place, "", "%d ms" % over, "%d ms" % mark.arrival_ms, iso(day))
            elif mark.arrival_ms - over > DAY_MS:
                add(
                    "LOG_DAY_LATE",
                    place,
                    "",
                    "",
                    "%d days late" % ((mark.arrival_ms - over) // DAY_MS),
                    iso(day),
                )
        for what, days in (("no mark", absent), ("no checkpoint after the mark", bare)):
            if days:
                slot = from_to(iso(days[0]), iso(days[-1]))
                add("LOG_DAY_MISSING", where, "", "", "%d days have %s" % (len(days), what), slot)

    def made(self, said: Statement) -> None:
        """Nothing arrived after the pack was made, but for what clocks may differ."""
        latest = said.made_ms + CLOCK_SKEW_MS
        later = [at for at, leaf in enumerate(self.log.leaves) if leaf.arrival_ms > latest]
        if later:
            place = "data/log/leaves.bin[%d]" % (self.log.base.size + later[0])
            self._findings.add(
                "LOG_ARRIVAL", place, expected="%d ms or before" % said.made_ms, got="%d leaves" % len(later)
            )

    def scopes(self, declared: Declared, records: Sequence[bytes], window: Window) -> None:
        """Marks name the newest scope of the pack that was logged before them; the one in use is among them."""
        leaves: Dict[str, int] = {}
        for record in records:
            found = self.log.find(SCOPE_LEAF, sha256(record))
            if found is not None:
                leaves[sha256(record)] = found[0]
        wrong, newest = [], {}
        for mark in self.log.marks:
            before = [(leaf, hash_) for hash_, leaf in leaves.items() if leaf < mark.leaf]
            newest[mark.leaf] = max(before)[1] if before else ""
            if mark.scope is not None and mark.scope != newest[mark.leaf]:
                wrong.append((mark.day, newest[mark.leaf], mark.scope))
        if wrong:
            days, where = [day for day, _, _ in wrong], "data/log/day-marks.json " + iso(wrong[0][0])
            slot = from_to(iso(min(days)), iso(max(days)))
            self._findings.add("SCOPE_OTHER", where, "", wrong[0][1], wrong[0][2], slot)
        inside = [mark for mark in self.log.marks if window.first_day <= mark.day < window.after_day]
        silent = [mark.day for mark in inside if mark.scope is None]
        if silent:
            place = "data/log/day-marks.json " + iso(silent[0])
            slot = from_to(iso(min(silent)), iso(max(silent)))
            self._findings.add("MARKS_WITHOUT_SCOPE", place, "", "", "%d days" % len(silent), slot)
        mine = declared.in_use
        used = None if mine is None else sha256(mine.record)
        if used not in leaves:
            return
        named = [newest[mark.leaf] for mark in inside if mark.leaf > leaves[used]]
        if named and used not in named:
            self._findings.add("SCOPE_OTHER", "data/scope.toml", expected=named[-1], got=used)
        if silent and leaves[used] < self.log.base.size and used not in [mark.scope for mark in inside]:
            self._findings.add("SCOPE_NOT_BOUND", "data/scope.toml", got="leaf %d" % leaves[used])

    def edition(self, declared: Declared) -> None:
        """The edition of a declared scope has its leaf."""
        used = declared.edition.sha256
        if declared.scope is not None and declared.versions and self.log.find(EDITION_LEAF, used) is None:
            self._findings.add("EDITION_NOT_LOGGED", "data/edition.toml", "", "a leaf of %s" % used, "none")

    def close(self, said: Statement) -> None:
        """The month was closed after the last chunk."""
        where, add = "data/log/close.json", self._findings.add
        mine = [
            close for close in self.log.closes
            if self._same(where, said, close.enterprise, close.timezone) and close.month == said.month
        ]  # fmt: skip
        calendar = Calendar(mine[-1].timezone if mine else said.timezone)
        month_end = calendar.day_start(calendar.month(said.month)[1])
        if not mine:
            if said.made_ms >= month_end:
                add("LOG_NOT_CLOSED", where, expected="a close of %s" % said.month)
            return
        close = mine[-1]
        if close.size != close.leaf:
            add("LOG_RECORD", where, expected="size %d" % close.leaf, got="size %d" % close.size)
        if self._last_leaf > close.leaf:
            add("LOG_AFTER_CLOSE", where, got="leaf %d after leaf %d" % (self._last_leaf, close.leaf))

    def account(
        self, data: bytes, said: Statement, window: Window, hosts: Optional[Iterable[str]], keys: Sequence[Enrolment],
        scopes: Sequence[bytes],
    ) -> None:  # fmt: skip
        """What the log holds is in the pack, or a header shows that it is of no concern."""
        log, add = self.log, self._findings.add
        first_ms = log.leaves[0].arrival_ms if log.leaves else LATEST_MS
        before_ms = first_ms if log.before_ms is None else log.before_ms
        if log.base.size and min(first_ms, before_ms) >= window.start_ms:
            slot = hours_slot(window.start_ms, min(first_ms, LATEST_MS))
            add("LOG_UNACCOUNTED", "data/log/base.json", "", "a leaf from before the window", "", slot)
        known = {bytes.fromhex(one.hash) for one in keys}
        self._lost("enrolments", [
            (at, leaf) for at, leaf in enumerate(log.leaves)
            if leaf.kind == ENROLMENT_LEAF and leaf.hash not in known
        ])  # fmt: skip
        versions = {hashlib.sha256(record).digest() for record in scopes}
        self._lost("declared scopes", [
            (at, leaf) for at, leaf in enumerate(log.leaves)
            if leaf.kind == SCOPE_LEAF and leaf.hash not in versions
        ])  # fmt: skip
        epochs: Dict[Tuple[str, str, str], int] = {}
        for one in keys:
            epochs.setdefault((one.host, one.source, one.key.id), one.epoch)
        cut: Dict[Tuple[str, str, int, str], List[Tuple[int, int, int]]] = {}
        where, shown = "data/log/left-out.zlib", set(self._packed)
        try:
            for body in left_out_headers(data):
                header, hash_ = read_header(body), hashlib.sha256(pae(CHUNK_TYPE, body)).digest()
                if hash_ not in log.chunks or hash_ in shown:
                    add("LOG_RECORD", where, got="a header of no leaf that lacks one")
                    return
                shown.add(hash_)
                epoch = epochs.get((header.host, header.source, header.key), -1)
                epoch = epoch if header.enterprise == said.enterprise else -1
                start, end = header.span
                inside = start < window.end_ms and end > window.start_ms
                if epoch < 0 or (inside and (hosts is None or header.host in hosts)):
                    last = max(header.start_ms, header.end_ms - 1)
                    chain = (header.host, header.source, epoch, header.key)
                    cut.setdefault(chain, []).append((header.seq, header.start_ms, last))
        except Bad as error:
            add("LOG_FORMAT", where, got=error)
            return
        for chain, chunks in cut.items():
            run: List[Tuple[int, int, int]] = []
            for one_chunk in sorted(chunks):
                if run and one_chunk[0] > run[-1][0] + 1:
                    self._cut(chain, run)
                    run = []
                run.append(one_chunk)
            self._cut(chain, run)
        self._lost("chunks", [
            (at, leaf) for at, leaf in enumerate(log.leaves)
            if leaf.kind == CHUNK_LEAF and leaf.arrival_ms >= window.start_ms and leaf.hash not in shown
        ])  # fmt: skip

    def _cut(self, chain: Tuple[str, str, int, str], run: Sequence[Tuple[int, int, int]]) -> None:
        host, source, epoch, key = chain
        slot = hours_slot(min(start for _, start, _ in run), max(last for _, _, last in run))
        got = "%d chunks are in the log and not in the pack" % len(run)
        if epoch < 0:
            self._findings.add("LOG_UNACCOUNTED", source, host, "an enrolment of key " + key, got, slot)
        else:
            place = "%s/%d/%d" % (source, epoch, run[0][0])
            self._findings.add("LOG_CUT", place, host, "to number %d" % run[-1][0], got, slot)

    def _lost(self, what: str, lost: Sequence[Tuple[int, Leaf]]) -> None:
        if lost:
            place = "data/log/leaves.bin[%d]" % (self.log.base.size + lost[0][0])
            first, last = (min(leaf.arrival_ms, LATEST_MS) for _, leaf in (lost[0], lost[-1]))
            got, slot = (
                "%d %s that the pack does not hold" % (len(lost), what),
                hours_slot(min(first, last), last),
            )
            self._findings.add("LOG_UNACCOUNTED", place, got=got, slot=slot)


_NOTHING_LEFT_OUT = bytes.fromhex("78da030000000001")
"""The one form of a stream without a header."""


def left_out_headers(data: bytes) -> Iterator[bytes]:
    """Yield the headers of chunks that the log holds and the pack does not: one zlib stream of lines."""
    stream, rest, at, step = zlib.decompressobj(), b"", 0, 4096
    told = data == _NOTHING_LEFT_OUT
    while at < len(data) and not stream.eof:
        try:
            rest += stream.decompress(data[at : at + step])
        except zlib.error as error:
            raise Bad("deflate: %s" % error) from None
        at += step
        lines = rest.split(b"\n")
        rest = lines.pop()
        told = told or bool(lines)
        yield from lines
        if len(rest) > MAX_HEADER_BYTES:
            raise Bad("a header is too long")
    if rest or not stream.eof or stream.unused_data or at < len(data) or not told:
        raise Bad("not one whole zlib stream of lines")


# ======================================================================================================
# Step 7  Contradictions: what the counters of one machine cannot say of one another
# ======================================================================================================

PAUSE_MS = 2_000
_NOMINAL_DRIVERS = (
    "virtio", "vmxnet", "xen", "hv_", "veth", "ena", "gve", "mana", "mlx", "iavf", "i40evf", "ixgbevf", "igbvf",
)  # fmt: skip
_Broken = Tuple[str, str, int, str, str]
"""Code, about what, by how much, expected, got."""


class Contradictions:
    """Watches the chunks of one host and source; of every rule and device the worst case is kept."""

    def __init__(self, host: str) -> None:
        """Begin with nothing seen."""
        self._host = host
        self._before: Optional[Chunk] = None
        self._kept: Dict[Tuple[str, str], List[Any]] = {}

    def watch(self, chunk: Chunk) -> None:
        """Look at the next chunk."""
        if chunk.manifest.kind != "counters":
            return
        before, self._before = self._before, chunk
        broken: List[_Broken] = []
        if before is not None:
            broken.extend(_uptime(before, chunk))
        header = chunk.header
        strange = before is None or before.header.manifest != header.manifest
        first = 1 if header.first in BOOTS or (header.first == "repeat" and strange) else 0
        if header.rows > first + 1:
            broken.extend(_counters_broken(chunk, first))
        for code, about, excess, expected, got in broken:
            kept = self._kept.setdefault((code, about), [excess, chunk.place, expected, got, 0, chunk.place])
            kept[4] += 1
            if excess > kept[0]:
                kept[:4] = [excess, chunk.place, expected, got]

    def report(self, findings: Findings) -> None:
        """Say what was found."""
        for (code, about), (_, place, expected, got, count, first) in self._kept.items():
            more = "%s; %d chunks, first %s" % (got, count, first)
            findings.add(code, "%s %s" % (place, about), self._host, expected, more)


def _uptime(before: Chunk, chunk: Chunk) -> Iterator[_Broken]:
    about = "boot %s" % chunk.header.boot
    if before.header.boot == chunk.header.boot:
        ended, begins = before.values[1][-1], chunk.values[1][0]
        if begins < ended:
            yield "UPTIME_BACK", about, ended - begins, "at least %d ms" % ended, "%d ms" % begins
        return
    booted = chunk.values[0][-1] - chunk.values[1][-1]
    overlap = before.header.end_ms - booted
    if overlap > CLOCK_SKEW_MS:
        both = before.header.clock_state == chunk.header.clock_state == "synchronized"
        code = "BOOTS_OVERLAP" if both else "BOOTS_OVERLAP_CLOCK"
        yield code, about, overlap, "booted after %d ms" % before.header.end_ms, "booted at %d ms" % booted


def _counters_broken(chunk: Chunk, first: int) -> Iterator[_Broken]:
    """Ticks, links and units of the rows from ``first`` on."""
    manifest = chunk.manifest
    columns: Dict[str, List[Tuple[str, Sequence[int]]]] = {}
    for (name, device, _), values in zip(manifest.columns, chunk.values):
        columns.setdefault(name, []).append((device, values[first:] if first else values))
    mono = columns["time.mono_ms"][0][1]
    ran = mono[-1] - mono[0]
    steps: Dict[str, Optional[int]] = {}
    for state in CPU_STATES[:8]:
        found = columns.get("cpu." + state)
        values = found[0][1] if found else ()
        steps[state] = None if not found or MISSING in values else values[-1] - values[0]
    computed = "divided by LXCFS" in str(manifest.host.get("view_reason", ""))
    known = not computed and None not in steps.values()
    if known:
        yield from _ticks_broken(manifest, steps, ran)
    for name in ("net.rx", "net.tx"):
        for device, values in columns.get(name, ()):
            yield from _link_broken(manifest, name, device, values, mono)
    yield from _sectors_broken(dict(columns.get("disk.reads", ())), columns.get("disk.read_sectors", ()))
    yield from _units_broken(manifest, columns.get("unit.cpu", ()), steps if not computed else {}, ran)


def _ticks_broken(manifest: Manifest, steps: Dict[str, Any], ran: int) -> Iterator[_Broken]:
    rate = manifest.host["cpus"] * manifest.host["ticks_per_s"]
    counted = sum(steps[state] for state in CPU_STATES[:7])
    expected = rate * ran // S_MS
    slack = expected // 100 + rate * PAUSE_MS // S_MS
    texts = ("%d ticks" % expected, "%d ticks and %d stolen" % (counted, steps["steal"]))
    if counted > expected + slack:
        yield ("TICKS_EXCEED", "cpu", counted - expected, *texts)
    elif counted + max(0, steps["steal"]) < expected - slack:
        yield ("TICKS_SHORT", "cpu", expected - counted, *texts)


def _driver(reason: str) -> str:
    """Return the first driver that a card's reason names in brackets, empty if it names none."""
    for piece in reason.split("(driver ")[1:]:
        name, bracket, _ = piece.partition(")")
        if bracket and name.replace("-", "a").replace("_", "a").isalnum():
            return name
    return ""


def _link_broken(
    manifest: Manifest, name: str, device: str, values: Sequence[int], mono: Sequence[int]
) -> Iterator[_Broken]:
    card = None
    for one in manifest.devices:
        if one.kind == "nic" and one.name == device and one.counts and one.speed_bps:
            card = one
    if card is None or card.speed_bps is None:
        return
    if MISSING not in values and (max(values) - min(values)) * 8_000 <= card.speed_bps * PAUSE_MS:
        return
    worst = (0, 0, 0)
    for row in range(len(values) - 1):
        before, after = values[row], values[row + 1]
        if MISSING in (before, after):
            continue
        most = card.speed_bps * (mono[row + 1] - mono[row] + PAUSE_MS) // 8_000
        most += most // 20
        worst = max(worst, (after - before - most, most, after - before))
    if worst[0] > 0:
        driver = _driver(card.reason)
        real = driver not in ("", "unknown") and not driver.startswith(_NOMINAL_DRIVERS)
        code = "LINK_EXCEEDED" if real else "LINK_NAME_EXCEEDED"
        yield code, "%s %s" % (name, device), worst[0], "at most %d bytes" % worst[1], "%d bytes" % worst[2]


_LARGEST_READ = 64 * 1024 * 1024 // 512
_RACING_READS, _READS_UNDER_WAY = 10_000, 64


def _sectors_broken(
    reads: Dict[str, Sequence[int]], moved: Iterable[Tuple[str, Sequence[int]]]
) -> Iterator[_Broken]:
    """A completed read moved at least one sector, and no read moves more than the largest that is believed."""
    for device, values in moved:
        done = sectors = 0
        mine = reads.get(device, ())
        for row in range(min(len(mine), len(values)) - 1):
            quad = (mine[row], mine[row + 1], values[row], values[row + 1])
            if MISSING not in quad and quad[0] <= quad[1] and quad[2] <= quad[3]:
                done += quad[1] - quad[0]
                sectors += quad[3] - quad[2]
        about, most = "disk.read_sectors %s" % device, (done + _READS_UNDER_WAY) * _LARGEST_READ
        if done > sectors + _RACING_READS:
            yield "SECTORS_SHORT", about, done - sectors, "at least %d sectors" % done, "%d sectors" % sectors
        elif sectors > most:
            yield "SECTORS_EXCEED", about, sectors - most, "at most %d sectors" % most, "%d sectors" % sectors


def _units_broken(
    manifest: Manifest, units: Iterable[Tuple[str, Sequence[int]]], steps: Dict[str, Any], ran: int
) -> Iterator[_Broken]:
    used = {}
    for device, values in units:
        pairs = zip(values, values[1:])
        used[device] = sum(
            max(0, after - before) for before, after in pairs if MISSING not in (before, after)
        )
    whole = used.pop("all", None)
    named = sum(used.values())
    capacity = manifest.host["cpus"] * ran * 1_000
    slack = capacity // 100 + manifest.host["cpus"] * PAUSE_MS * 1_000
    if named > capacity + slack:
        yield "UNITS_EXCEED", "unit.cpu", named - capacity, "at most %d us" % capacity, "%d us" % named
        return
    slack += capacity // 4
    times = []
    for states in (("user", "nice", "system", "irq", "softirq", "steal"), ("user", "nice", "system")):
        parts = [steps.get(state) for state in states]
        if None in parts:
            return
        times.append(sum(max(0, part or 0) for part in parts) * 1_000_000 // manifest.host["ticks_per_s"])
    busy, programs = times
    if named > busy + slack:
        yield "UNITS_EXCEED", "unit.cpu", named - busy, "at most %d us busy" % busy, "%d us" % named
    if whole is not None and manifest.host.get("view") == "host" and programs > whole + slack:
        yield (
            "UNITS_UNLIKE",
            "unit.cpu",
            programs - whole,
            "%d us of programs" % programs,
            "%d us of units" % whole,
        )


# ======================================================================================================
# Step 8  Day sums, from the chunks alone (docs/chunk-format.md, docs/definitions.md)
# ======================================================================================================

AMOUNT, WHOLE, OBSERVED, BRIDGED, DOWNTIME, SUSPECT, INTERVALS, RESTARTS = range(8)
SUM_FIELDS = (
    "amount", "whole", "observed_ms", "bridged_ms", "downtime_ms", "suspect_ms", "intervals", "restarts",
)  # fmt: skip
STEP_TOLERANCE_MS = 50
EDGE_TOLERANCE_MS = 1_000
SUSPEND_TOLERANCE_MS = 1_000
SHORT_AVERAGE_MS = 15 * 60_000
MAX_INTERVAL_MS = 400 * DAY_MS
Sums = List[int]
SlotSums = Dict[Tuple[str, int], Sums]
Interval = Tuple[int, int]
NOTHING: Sums = [0] * 8


def _credit(total: SlotSums, metric: str, slot: int, part: Sequence[int]) -> None:
    mine = total.get((metric, slot))
    if mine is None:
        total[metric, slot] = list(part)
    else:
        for at, value in enumerate(part):
            mine[at] += value


def sums_of(amount: int = 0, whole: int = 0, **times: int) -> Sums:
    """Return the eight numbers of one day, by name."""
    return [amount, whole, *(times.get(name, 0) for name in SUM_FIELDS[2:])]


def covered(sums: Sequence[int]) -> int:
    """Return the time for which the amount is known."""
    return sums[OBSERVED] + sums[BRIDGED]


def known(sums: Sequence[int]) -> int:
    """Return the time of which it is known what happened."""
    return sums[OBSERVED] + sums[BRIDGED] + sums[DOWNTIME]


class Claims:
    """Stretches of time that somebody speaks for, disjoint and in order."""

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        """Claim some."""
        self.starts: List[int] = []
        self.ends: List[int] = []
        for start, end in intervals:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Claim [start, end); what it touches becomes one stretch with it."""
        if start >= end:
            return
        first, after = bisect_left(self.ends, start), bisect_right(self.starts, end)
        if first < after:
            start, end = min(start, self.starts[first]), max(end, self.ends[after - 1])
        self.starts[first:after] = [start]
        self.ends[first:after] = [end]

    def within(self, start: int, end: int) -> List[Interval]:
        """Return the stretches that overlap [start, end)."""
        first, after = bisect_right(self.ends, start), bisect_left(self.starts, end)
        return list(zip(self.starts[first:after], self.ends[first:after]))

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether something of [start, end) is claimed."""
        at = bisect_right(self.starts, start) - 1
        if at >= 0 and self.ends[at] > start:
            return True
        return at + 1 < len(self.starts) and self.starts[at + 1] < end

    def free(self, start: int, end: int) -> List[Interval]:
        """Return what of [start, end) is not claimed."""
        pieces = []
        for taken, until in zip(self.starts, self.ends):
            if start < min(taken, end):
                pieces.append((start, min(taken, end)))
            start = max(start, until)
        return [*pieces, (start, end)] if start < end else pieces


class Crediting:
    """What of one host and source is already taken; chunks come in the order of epoch and number."""

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self._taken: Dict[str, Claims] = {}

    def occupied(self, chunk: Chunk) -> Claims:
        """Return the earlier claims in the way of a chunk, then note its own."""
        mine = [chunk.header.span]
        metrics = [""]
        if chunk.manifest.kind == "activity":
            metrics = ["activity"]
        elif chunk.manifest.kind == "averages":
            mine = [(start, start + length) for start, length in zip(chunk.values[0], chunk.values[1])]
            metrics = [name for name, _, _ in chunk.manifest.columns[2:]]
        found: List[Interval] = []
        for metric in metrics:
            found.extend(self._taken.setdefault(metric, Claims()).within(mine[0][0], mine[-1][1]))
        for metric in metrics:
            for start, end in mine:
                self._taken[metric].add(start, end)
        return Claims(sorted(found))


def chunk_sums(chunk: Chunk, slots: Any, taken: Claims) -> SlotSums:
    """Return what is credited to a chunk, by metric and slot; ``slots`` are days or hours."""
    total: SlotSums = {}
    if chunk.manifest.kind == "counters":
        _counter_sums(chunk, slots, taken, total)
    elif chunk.manifest.kind == "activity":
        header = chunk.header
        if header.end_ms - header.start_ms <= MAX_INTERVAL_MS:
            for start, end in taken.free(header.start_ms, header.end_ms):
                for day, ms in slots.split(start, end):
                    _credit(total, "activity", day, sums_of(observed_ms=ms, intervals=1))
    else:
        _average_sums(chunk, slots, taken, total)
    return total


def _average_sums(chunk: Chunk, slots: Any, taken: Claims, total: SlotSums) -> None:
    starts, lengths = chunk.values[0], chunk.values[1]
    for (name, _, scale), values in zip(chunk.manifest.columns[2:], chunk.values[2:]):
        unit = 10 ** (9 - scale)
        for start, length, value in zip(starts, lengths, values):
            if value == MISSING or taken.overlaps(start, start + length):
                continue
            short = length <= SHORT_AVERAGE_MS
            for slot, ms in slots.split(start, start + length):
                part = sums_of(
                    0 if short else value * unit * ms, 0 if short else ms, observed_ms=ms, intervals=1
                )
                _credit(total, name, slot, part)
            if short:
                _credit(total, name, slots.day_of(start), sums_of(value * unit * length, length))


class _Counting:
    """The columns of a chunk of counters, by what they are for."""

    def __init__(self, chunk: Chunk) -> None:
        by_name: Dict[str, List[Sequence[int]]] = {}
        for (name, _, _), values in zip(chunk.manifest.columns, chunk.values):
            by_name.setdefault(name, []).append(values)
        self.states = (
            [by_name["cpu." + state][0] for state in CPU_STATES[:8]] if "cpu.user" in by_name else []
        )
        self.devices = {
            name: columns for name, columns in by_name.items() if name in PER_DEVICE and name not in WITNESSES
        }
        self.metrics = (["cpu", "cpu.steal"] if self.states else []) + list(self.devices)
        speeds = [d.speed_bps for d in chunk.manifest.devices if d.counts and d.kind == "nic"]
        self.capacity = None if not speeds or None in speeds else sum(s or 0 for s in speeds)
        self.cpus, self.rate = chunk.manifest.host["cpus"], chunk.manifest.host["ticks_per_s"]

    def tick_sums(self, steps: Sequence[int], ran: int) -> Optional[int]:
        """Return the whole of the ticks of one interval, ``None`` if it does not fit the time."""
        expected = self.cpus * ran * self.rate // S_MS
        whole = sum(steps)
        if whole == 0 or abs(whole - expected) > expected * 5 // 100 + 5 * self.cpus:
            return None
        return whole

    def ticks(self, row: int, ran: int) -> Optional[Dict[str, Optional[Interval]]]:
        before = [values[row] for values in self.states]
        after = [values[row + 1] for values in self.states]
        if MISSING in before or MISSING in after:
            return None
        steps = [max(0, b - a) for a, b in zip(before, after)]
        whole = self.tick_sums(steps, ran)
        if after[3] < before[3] or sum(after) < sum(before) or whole is None:
            return {"cpu": None, "cpu.steal": None}
        return {"cpu": (whole - steps[3] - steps[4], whole), "cpu.steal": (steps[7], whole)}

    def amounts(self, row: int, ran: int) -> Dict[str, Optional[Interval]]:
        """Return amount and whole of the interval after a row; ``None``: suspect; absent: missing."""
        found: Dict[str, Optional[Interval]] = {}
        if self.states:
            found.update(self.ticks(row, ran) or {})
        for name, columns in self.devices.items():
            done = 0
            lost = suspect = False
            for values in columns:
                before, after = values[row], values[row + 1]
                if MISSING in (before, after):
                    lost = True
                elif after >= before:
                    done += after - before
                elif before - after >= before // 1_000:
                    suspect = True
            if not lost:
                found[name] = None if suspect else (done, 0)
        if self.capacity is not None and found.get("net.rx") and found.get("net.tx"):
            found["net.capacity"] = (self.capacity * ran, 0)
        return found


def _counter_sums(chunk: Chunk, slots: Any, taken: Claims, total: SlotSums) -> None:
    header, counting = chunk.header, _Counting(chunk)
    if header.first in BOOTS:
        start, end = header.span[0], header.start_ms
        for metric in counting.metrics:
            _credit(total, metric, slots.day_of(end), sums_of(restarts=1))
        if end - start <= MAX_INTERVAL_MS and not taken.overlaps(start, end):
            for slot, ms in slots.split(start, end):
                for metric in counting.metrics:
                    _credit(total, metric, slot, sums_of(downtime_ms=ms))
    if _plain_sums(chunk, counting, slots, taken, total):
        return
    wall, boot, mono = chunk.values[:3]
    for row in range(header.rows - 1):
        start, end = wall[row], wall[row + 1]
        booted, ran = boot[row + 1] - boot[row], mono[row + 1] - mono[row]
        pieces = _pieces(start, end, slots, taken)
        if not pieces:
            continue
        stepped = abs(end - start - booted) > STEP_TOLERANCE_MS + booted // 1_000
        if stepped or ran > booted + STEP_TOLERANCE_MS:
            for metric in counting.metrics:
                for slot, ms in pieces:
                    _credit(total, metric, slot, sums_of(suspect_ms=ms))
            continue
        asleep = min(booted - ran, end - start) if booted - ran > SUSPEND_TOLERANCE_MS else 0
        observed = booted <= 2 * chunk.manifest.interval_ms
        for metric, pair in counting.amounts(row, ran).items():
            _divide(total, metric, pair, pieces, asleep, observed)


def _divide(
    total: SlotSums,
    metric: str,
    pair: Optional[Interval],
    pieces: List[Interval],
    asleep: int,
    observed: bool,
) -> None:
    """Credit one interval to the slots that it touches, in proportion to time; the parts add up."""
    length = sum(ms for _, ms in pieces)
    passed, before = 0, (0, 0, 0)
    for slot, ms in pieces:
        if pair is None:
            _credit(total, metric, slot, sums_of(suspect_ms=ms))
            continue
        passed += ms
        after = (pair[0] * passed // length, pair[1] * passed // length, asleep * passed // length)
        amount, whole, down = map(sub, after, before)
        before = after
        up = ms - down
        part = [amount, whole, up if observed else 0, 0 if observed else up, down, 0, 1, 0]
        _credit(total, metric, slot, part)


def _pieces(start: int, end: int, slots: Any, taken: Claims) -> List[Interval]:
    """Return the slots of an interval; none if it is claimed already, too long, or across the edge of a month."""
    if end - start > MAX_INTERVAL_MS or taken.overlaps(start, end):
        return []
    pieces: List[Interval] = slots.split(start, end)
    passed = 0
    for (slot, ms), (following, _) in zip(pieces, pieces[1:]):
        passed += ms
        near = min(passed, end - start - passed) <= EDGE_TOLERANCE_MS
        if not near and not slots.same_month(slot, following):
            return []
    return pieces


def _plain_sums(chunk: Chunk, counting: _Counting, slots: Any, taken: Claims, total: SlotSums) -> bool:
    """Credit a chunk in one go where every interval is observed and lies in one slot; say whether it was so.

    Nearly all chunks are so: then what was counted is the last value less the first.
    """
    wall, boot, mono = chunk.values[:3]
    rows = chunk.header.rows
    if rows < 2:
        return True
    start, end = wall[0], wall[-1]
    slot = slots.whole(start, end)
    if slot is None or taken.overlaps(start, end) or end - start > MAX_INTERVAL_MS:
        return False
    walls = list(map(sub, wall[1:], wall))
    boots = list(map(sub, boot[1:], boot))
    rans = list(map(sub, mono[1:], mono))
    limit = 2 * chunk.manifest.interval_ms
    for passed, booted, ran in zip(walls, boots, rans):
        if not -STEP_TOLERANCE_MS <= passed - booted <= STEP_TOLERANCE_MS or booted > limit:
            return False
        if not -STEP_TOLERANCE_MS <= booted - ran <= SUSPEND_TOLERANCE_MS:
            return False
    found: Dict[str, Interval] = {}
    if counting.states:
        if any(_goes_back(values) or values[0] == MISSING for values in counting.states):
            return False
        deltas = [map(sub, values[1:], values) for values in counting.states]
        for whole, ran in zip(map(sum, zip(*deltas)), rans):
            if counting.tick_sums((whole,), ran) is None:
                return False
        steps = [values[-1] - values[0] for values in counting.states]
        whole = sum(steps)
        found["cpu"] = (whole - steps[3] - steps[4], whole)
        found["cpu.steal"] = (steps[7], whole)
    for name, columns in counting.devices.items():
        if any(_goes_back(values) or values[0] == MISSING for values in columns):
            return False
        found[name] = (sum(values[-1] - values[0] for values in columns), 0)
    if counting.capacity is not None and "net.rx" in found and "net.tx" in found:
        found["net.capacity"] = (counting.capacity * (mono[-1] - mono[0]), 0)
    for metric, (amount, whole) in found.items():
        _credit(total, metric, slot, [amount, whole, end - start, 0, 0, 0, rows - 1, 0])
    return True


def check_day_sums(rows: Dict[Tuple[str, str, str, int], Sums], pack: Pack, findings: Findings) -> bytes:
    """Step 8: the day sums of the pack are these; return them as they must stand there."""
    name = "data/day-sums.csv"
    lines = [",".join(("host", "source", "metric", "day", *SUM_FIELDS))]
    for (host, source, metric, day), sums in sorted(rows.items()):
        quoted = '"%s"' % host.replace('"', '""') if set(host) & {",", '"'} else host
        lines.append(",".join((quoted, source, metric, iso(day), *map(str, sums))))
    expected = ("\n".join(lines) + "\n").encode()
    got = pack.read(name)
    if name not in pack or got == expected:
        return expected
    if len(got) > len(expected) + MAX_SURPLUS_BYTES:
        findings.add("DAY_SUMS", name, expected="%d bytes" % len(expected), got="%d bytes" % len(got))
        return expected
    want, have = (_by_day(data) for data in (expected, got))
    differing = [key for key in sorted(want.keys() | have.keys()) if want.get(key) != have.get(key)]
    for key in differing[:MAX_DIFFERENCES]:
        parts = key.rsplit(",", 3)
        host, day_text = (parts[0], parts[3]) if len(parts) == 4 else ("", "")
        if host.startswith('"') and host.endswith('"'):
            host = host[1:-1].replace('""', '"')
        left, right = (side.get(key, "")[:MAX_SHOWN] for side in (want, have))
        findings.add("DAY_SUMS", key, host[:MAX_SHOWN], left, right, day_text[:MAX_SHOWN])
    if len(differing) > MAX_DIFFERENCES:
        findings.add("DAY_SUMS", name, got="%d more differences" % (len(differing) - MAX_DIFFERENCES))
    if not differing:
        findings.add("DAY_SUMS", name, got="the same values in another form")
    return expected


def _by_day(data: bytes) -> Dict[str, str]:
    parted = (line.rsplit(",", len(SUM_FIELDS)) for line in data.decode("utf-8", "replace").splitlines())
    return {parts[0]: ",".join(parts[1:]) for parts in parted}


# ======================================================================================================
# Words: what stands beside codes and numbers in figures, verdict and report (docs/pack-format.md)
# ======================================================================================================

NOTE_WORDS: Dict[str, Tuple[str, str]] = {
    "NO_SCOPE": ("未声明申报范围：统计库中的全部主机。", "No scope was declared: all hosts of the store count."),
    "ENTERPRISE_DIFFERS": ("申报范围中的企业名称与数据中的企业名称不同。", "The scope names another enterprise than the data."),
    "HOSTS_OUTSIDE_SCOPE": ("有数据但不在申报范围内的主机，未计入。", "These hosts have data but are not in the scope; they do not count."),
    "NOT_MEASURED": ("没有此项指标的测量数据：数值由企业申报。", "Nothing was measured for this indicator: the enterprise declares the value."),
    "NO_DATA": ("这些主机在统计期内没有数据：下限按零计，上限按极限计，没有极限则无上限。", "These hosts have no data in the window: they count as zero for the low end and as their limit for the high end; without a limit there is no high end."),
    "NOT_ATTESTED": ("这些主机的数据来自导入文件、云平台或监控系统，未经主机上的代理程序签名证明。", "The data of these hosts come from imported files, a cloud or a monitor; no agent attests them."),
    "SECOND_SOURCE": ("这些主机申报的首选数据源没有此项数据：使用了其后的数据源，见各主机的“数据源”。", "The first declared source of these hosts has no data for this figure: a later one is used, printed with the host."),
    "SUSPECT_TIME": ("部分时间的读数自相矛盾，按缺失计，不作修补。", "Some readings contradict themselves; their time counts as missing and is not repaired."),
    "CAPACITY_UNKNOWN": ("带宽容量未知，无法计算使用率；请在申报范围中写明 bandwidth_mbps。", "The capacity is unknown, so there is no utilization; declare bandwidth_mbps in the scope."),
    "CAPACITY_INVENTORY": ("未申报带宽，使用云平台资源清单所载的已购公网带宽；代理程序统计的是全部网卡的流量。", "No bandwidth was declared; what the cloud's inventory says was bought for the public line is used. An agent counts the traffic of all interfaces."),
    "CAPACITY_CAP": ("这些主机（部分或全部日期）按流量计费：所用的是带宽峰值上限，并非已购带宽。", "The traffic of these hosts is what is paid for, on some days or all: the bandwidth is a cap, none of it was bought."),
    "CAPACITY_MEASURED": ("未申报带宽，使用代理程序读到的网卡速率。", "No bandwidth was declared; the link speed that the agent read is used."),
    "CAPACITY_EXCEEDED": ("在这些日期观测到的流量超过容量：申报的带宽不可能属实，因此没有使用率；请更正申报范围。", "On these days more was transferred than the capacity allows: the declared bandwidth cannot be true, so there is no utilization; correct the scope."),
    "LIMIT_EXCEEDED": ("观测到的数量超过极限：有缺失时间时不给出上限。", "More was observed than the limit allows, so there is no upper bound while time is missing."),
    "NO_UPPER_BOUND": ("有缺失时间且读写次数没有已知极限：不给出上限，也不会判为不达标。", "Time is missing and reads and writes have no known limit: there is no upper bound, so the verdict cannot be FAIL."),
    "ONE_DIRECTION_ONLY": ("只有一个方向的流量有数据。", "Only one direction of the traffic has data."),
    "ONE_KIND_ONLY": ("读与写只有一项有数据：另一项未加入，数值偏低。", "Only reads or only writes have data; the other is not added, so the value is too low."),
    "NO_DATABASE": ("这些主机未申报数据库数据源：对数据库语句数不作贡献，也不产生缺失时间。", "No database is declared or read on these hosts: they add nothing to the statements, and no time of theirs is missing."),
    "SOURCES_DIFFER": ("这些主机的不同数据源逐小时比对，差异超出容许范围：请评审人员查明原因。此项不改变任何数值和结论。", "Compared hour by hour, the sources of these hosts differ by more than the tolerance: a question to the reviewer. It changes no figure and no verdict."),
    "SCOPES_UNLIKE": ("这些主机的不同数据源统计的流量范围不同（公网流量与全部网卡流量）：列出差异，不作一致与否的判断。", "The sources of these hosts count different traffic (the public line, or all interfaces): the difference is printed and not judged."),
    "SUBSTITUTED": ("这些主机的缺失时间按统计期前申报的规则 extreme_hour/1 代入：下限取已观测到的最低一小时，上限取最高一小时。", "The missing time of these hosts takes, by the rule extreme_hour/1 that was declared before the window, the lowest hour seen for the low end and the highest for the high end."),
    "SUBSTITUTION_COVERAGE": ("这些主机的覆盖率低于代入规则的要求：保留严格上下限。", "The coverage of these hosts is below what the substitution rule asks; they keep their hard bounds."),
    "SUBSTITUTION_DAYS": ("这些主机缺失的整日过多（连续超过3日，或一个月内超过5日）：保留严格上下限。", "Too many whole days of these hosts are missing (more than 3 on end, or 5 in a month); they keep their hard bounds."),
    "SUBSTITUTION_HOURS": ("这些主机观测到的小时不足168个：保留严格上下限。", "Fewer than 168 hours of these hosts were seen; they keep their hard bounds."),
    "SUBSTITUTION_LITTLE": ("这些主机的缺失时间不足1小时：不作代入，保留严格上下限。", "Less than an hour of these hosts is missing; nothing is substituted, they keep their hard bounds."),
    "SUBSTITUTION_NO_VALUE": ("这些主机没有数值，无从代入。", "These hosts have no figure, so nothing can be substituted."),
    "HEAD_COUNT_UNKNOWN": ("未申报人数：有账号数，没有使用率；请在申报范围的 [head_counts] 中写明。", "No head count is declared: there is a number of accounts and no rate; declare [head_counts] in the scope."),
    "HEAD_COUNT_NOT_CHOSEN": ("申报范围没有用 [users] 指明分母：取已申报人数中较大者。", "The scope does not choose the head count under [users]: the greatest of those declared is used."),
    "USERS_ABOVE_HEAD_COUNT": ("观测到的账号数多于申报人数：账号数照实列出，使用率按100%计；请核对一人多号、外部账号和人数。", "More accounts were active than people are declared: the number is printed as it is, the rate is 100 %; look for people with several accounts, outsiders, and the head count."),
    "ACCOUNT_KEYS_DIFFER": ("账号哈希使用了不同的密钥，无法合并，也不相加：下限取其中最大的一个，上限为全部人数。", "The accounts are hashed under different keys: they cannot be united and are not added up; the low end is the greatest of them, the high end everybody."),
    "USERS_SKETCHED": ("账号数超过一百万：用概率草图估计，其误差（三倍标准差）已计入上下限。", "More than a million accounts: estimated with a sketch; its error, three standard deviations, widens both ends."),
    "USERS_NOT_READ": ("这些数据源在这些日期没有完整读取：下限只计观测到的账号，上限按全部人数计。", "On these days these sources were not wholly read: the low end counts who was seen, the high end everybody."),
    "USERS_NOT_ATTESTED": ("这些账号数据由采集端从数据库、目录、平台接口或文件取得，未经主机上的程序签名证明。", "The collector got these accounts from a database, a directory, a provider or a file; no host attests them."),
    "USERS_ARE_ADDRESSES": ("这些数据源以客户端地址代替账号（client-address/1）：地址不是人。多人共用一个出口只计一次，一人更换地址则计多次。", "These sources count client addresses (client-address/1), and addresses are not people: many behind one address count once, one person with changing addresses several times."),
    "USERS_OTHER_ZONE": ("账号数据按另一时区的自然日采集，不能换算成统计期的自然日：无法判定。", "The accounts were gathered by days of another time zone and cannot be filed by the days of this one: undecided."),
    "LEDGER_DECLARED": ("金额取自企业登记的台账，以所附合同、发票和付款凭证为据：其内容由评审人员审阅。", "The amounts are those of the enterprise's ledger, with contracts, invoices and vouchers by hash: whether they show it is for the reviewer to read."),
    "PAYMENTS_IN_DOUBT": ("部分付款与合同、发票或凭证不能对应：计入数值，不计入下限。", "Some payments do not reconcile with contract, invoice or document: in the value, not in the low end."),
    "PAYMENTS_AHEAD": ("有付款或退款的日期尚未到来：尚未实际支付，不计入数值；成本下降率的下限按其不利的一面计入。", "Payments or refunds are dated later than today: not paid yet, not in the value; the low end of the cost reduction counts those that speak against it."),
    "LEDGER_GAPS": ("合同、发票与付款有不能对应之处，逐条列出。", "Contracts, invoices and payments do not reconcile everywhere; what does not is listed."),
    "LONGER_THAN_A_YEAR": ("申报的统计周期长于一年，以“年度”为门槛的星级因此无法判定。", "The declared period is longer than a year, so stars whose threshold is for a year cannot be decided."),
    "BILLS_DIFFER": ("云平台账单与台账付款逐月不同：列出差额，不改变任何数值和结论。", "Cloud bills and payments differ by month: the difference is listed and changes no figure and no verdict."),
    "COST_NOT_DECLARED": ("申报范围没有写明 [it_cost]（基准期和成本科目），无法计算。", "The scope declares no [it_cost] (baseline and cost items), so nothing can be compared."),
    "COST_OVERLAPS": ("上云前的期间没有在上云后的期间开始之前结束。", "The period before does not end before the period after begins."),
    "COST_MONTHS_MISSING": ("有成本科目缺少若干月份的记录：缺失不按零计，因此无法判定。", "Months of a cost item are missing: missing is not zero, so nothing is decided."),
    "COST_ITEMS_DIFFER": ("台账中有未申报的成本科目，前后科目不一致，因此无法判定。", "The ledger holds cost items that were not declared, so both sides are not the same and nothing is decided."),
    "COST_MISPLACED": ("部分上云前（后）的成本落在另一期间，因此无法判定。", "Costs of one side lie in the period of the other, so nothing is decided."),
    "COST_UNDOCUMENTED": ("部分成本记录没有凭证文件：列出数值，不作判定。", "Some costs have no document: the value is printed and decides nothing."),
    "COST_RATE_OLD": ("部分外币成本的汇率日期过早：列出数值，不作判定。", "The rate of some costs in foreign money is too old: the value is printed and decides nothing."),
    "COST_NOTHING_BEFORE": ("上云前没有成本，下降率没有意义。", "Nothing was paid before, so there is no reduction."),
}  # fmt: skip
"""Notes by code, Chinese and English."""
GAP_WORDS: Dict[str, Tuple[str, str]] = {
    "PAYMENT_WITHOUT_INVOICE": ("付款没有对应的发票", "the payment has no invoice in the ledger"),
    "PAYMENT_WITHOUT_CONTRACT": ("付款没有对应的合同", "the payment has no contract in the ledger"),
    "PAYMENT_BEFORE_CONTRACT": ("付款早于合同日期", "the payment is older than its contract"),
    "PAYMENT_WITHOUT_DOCUMENT": ("付款没有凭证文件", "the payment has no document"),
    "REFUND_WITHOUT_INVOICE": ("退款没有对应的发票", "the refund has no invoice in the ledger"),
    "INVOICE_WITHOUT_CONTRACT": ("发票没有对应的合同", "the invoice has no contract in the ledger"),
    "PAYEE_DIFFERS": ("合同、发票与付款的收款方不一致", "contract, invoice and payment name different payees"),
    "CURRENCY_DIFFERS": ("合同、发票与付款的币种不一致", "contract, invoice and payment are in different currencies"),
    "INVOICE_UNPAID": ("发票尚未付款", "the invoice is not paid"),
    "INVOICE_PAID_IN_PART": ("发票只付了一部分", "the invoice is paid in part only"),
    "INVOICE_OVERPAID": ("付款超过发票金额", "more was paid than the invoice says"),
    "CONTRACT_OVERINVOICED": ("发票合计超过合同金额", "more was invoiced than the contract says"),
    "CONTRACT_OVERPAID": ("付款合计超过合同金额", "more was paid than the contract says"),
    "RATE_TOO_OLD": ("汇率日期早于付款日期40天以上", "the rate is more than 40 days older than the payment"),
}  # fmt: skip
"""What does not reconcile in a ledger."""
DEFINITION_WORDS: Dict[str, Tuple[str, str]] = {
    "it_cost.before_after/1": ("（上云前月均成本 − 上云后月均成本）/ 上云前月均成本，申报的成本科目前后相同，取自台账；没有台账时由企业申报。", "(mean monthly cost before - after) / before, over the same declared cost items, from the ledger; without a ledger the enterprise declares the value."),
    "users.distinct_month/1": ("当月有活动的不同账号数 / 申报的人数；账号以加密哈希跨主机、跨日合并，不重复计数。没有账号数据时由企业申报，以所附材料为据。", "Distinct accounts that were active in the month / declared head count; accounts are united over hosts and days by keyed hash. Without data of accounts the enterprise declares the value, with the documents attached."),
    "cpu.busy/1": ("忙节拍 / 全部节拍（忙 = 全部 − 空闲 − 等待输入输出，虚拟机节拍只计一次）；停机时间按零计入；各主机算术平均。", "Busy ticks / all ticks (busy = all - idle - waiting for I/O, guest ticks once); downtime counts as zero; every host counts once."),
    "bandwidth.max_direction/1": ("收、发两个方向中较大者：比特数 /（容量 × 时间）；各主机以容量加权。", "The busier direction: bits / (capacity x time); hosts weigh by their capacity."),
    "reads_writes.block_io/1": ("块设备完成的读与写之和，每24小时；各主机相加。不是数据库语句数。", "Completed reads and writes of block devices per 24 hours, hosts added up. Not database statements."),
    "reads_writes.database/1": ("数据库服务器执行的读语句与写语句之和，每24小时；各数据库主机相加。不是块设备的读写次数。", "Statements of reading and writing that database servers carried out per 24 hours, database hosts added up. Not block I/O."),
    "investment.paid/1": ("统计周期内为上云实际支付的金额（付款减退款），取自台账；没有台账时由企业申报。", "What was actually paid for the cloud in the period (payments less refunds), from the ledger; without a ledger the enterprise declares the value."),
    "declared/1": ("本版本不测量：数值由企业申报，以所附材料为据。", "Not measured by this version: the enterprise declares the value, with the documents attached."),
}  # fmt: skip
"""Definitions of figures."""
QUESTION_WORDS: Dict[str, Tuple[str, str, str, str, str, str]] = {
    "busy-hour-repeated/1": (
        "繁忙的一小时与更早的一小时逐值相同",
        "a busy hour has exactly the values of an earlier one",
        "两段时间的原始日志；数据是否被复制",
        "the logs of both hours; whether data were copied",
        "同一测试负载重放；监控系统补数",
        "a replayed test load; a monitor that fills gaps with old values",
    ),
    "constant/1": (
        "CPU利用率高于5%且一小时以上不变",
        "processor use above 5 % that does not change for an hour or longer",
        "当时运行的程序及其用途",
        "what ran at that time, and what for",
        "达到配额上限或满载；监控系统停顿",
        "a quota or saturation; a monitor that stood still",
    ),
    "low-variation/1": (
        "CPU利用率整周几乎不变（均值高于10%，变异系数低于5%）",
        "processor use hardly varies over a week (mean above 10 %, coefficient of variation below 5 %)",
        "处理器时间由哪个单元使用；与业务量（请求、用户）的对应",
        "which unit used the processor; requests and users of that week",
        "按目标利用率自动伸缩；限额容器；持续的批处理",
        "autoscaling to a target; a container at its limit; a batch that never ends",
    ),
    "step-at-start/1": (
        "统计期开始后三天内CPU利用率上升超过15个百分点",
        "processor use rises by more than 15 points within three days of the window's start",
        "当时上线或迁移的内容；统计期之前的监控数据",
        "what went live or was moved then; monitoring data of the time before the window",
        "月初上线、迁移、结算；节假日结束",
        "launches, migrations and closings at the start of a month; the end of holidays",
    ),
    "sources-differ/1": (
        "同一主机的两个数据源相差超出容许范围",
        "two sources of one host differ by more than the tolerance",
        "由评审人员在云平台控制台直接查看该主机的监控",
        "to see the host's monitoring in the cloud's console, opened by the reviewer",
        "采样方式不同；内外网流量范围不同",
        "other sampling; other scopes of traffic",
    ),
    "unit-load-tool/1": (
        "名称像负载工具的单元用去5%以上的忙碌时间",
        "a unit with the name of a load tool used 5 % or more of the busy time",
        "该单元的用途与运行记录",
        "what the unit is for, and its records",
        "统计期内的压力测试；同名的业务程序",
        "a load test within the window; a program of the same name",
    ),
    "unit-new/1": (
        "统计期内新出现的单元用去25%以上的忙碌时间",
        "a unit first seen within the window used 25 % or more of the busy time",
        "该单元何时、为何上线",
        "when and why it went live",
        "新业务上线；服务改名或迁移",
        "a new service; one that was renamed or moved",
    ),
    "unit-unnamed/1": (
        "一半以上的忙碌时间不属于任何被记录的单元",
        "more than half of the busy time is of no recorded unit",
        "当时运行的进程",
        "which processes ran",
        "许多小服务；内核与中断；短时任务；不由服务管理器启动的程序",
        "many small services; the kernel and interrupts; short jobs; programs that no service manager started",
    ),
    "traffic-between-hosts/1": (
        "一台主机发送的流量几乎就是另一台接收的流量",
        "what one host sends is nearly what another one receives",
        "两台主机之间传输的内容",
        "what is sent between the two",
        "应用与数据库、复制、备份、代理",
        "an application and its database, replication, backups, proxies",
    ),
}  # fmt: skip
"""Questions to the reviewer: what was found, what to ask for, what may be an honest reason."""
SENTENCES: Dict[str, Tuple[str, str]] = {
    "below": (
        "{name} {value}，{star}需 {needed}，差 {short}",
        "{name} {value}, {star} need {needed}, short by {short}",
    ),
    "open": (
        "{name} 数据有缺失，无法判定：观测到的部分为 {value}，计入缺失时段后至少 {low}、{high}，{star}需 {needed}，下限差 {short}",
        "{name} cannot be decided because data are missing: {value} over what was seen, with the missing time at least {low}, {high}; {star} need {needed}, the low end is short by {short}",
    ),
    "no data": ("{name} 无数据，{star}需 {needed}", "{name}: no data, {star} need {needed}"),
    "undecided": (
        "{name} 无法判定（原因见该指标的说明），{star}需 {needed}",
        "{name} cannot be decided (see its notes), {star} need {needed}",
    ),
    "not declared": (
        "{name} 无数据，{star}需 {needed}，请在申报资料中填写数值并附证明材料",
        "{name}: no data, {star} need {needed}; write the value into the profile, with the documents that prove it",
    ),
    "unproved figure": (
        "{name} 申报 {value}，{star}需 {needed}，未附证明材料",
        "{name} declared as {value}, {star} need {needed}, but no document proves it",
    ),
    "too few": (
        "{name} 已实现 {ticked} 项{proved}，{star}需 {needed} 项，差 {short} 项",
        "{name}: {ticked} in place{proved}, {star} need {needed}, short by {short}",
    ),
    "unproved ticks": (
        "{name} 已勾选 {ticked} 项，其中 {documented} 项有证明材料，{star}需 {needed} 项，还差 {short} 项的证明材料",
        "{name}: {ticked} ticked, {documented} with documents, {star} need {needed}, documents are missing for {short}",
    ),
    "no profile": ("{name} 无申报资料，{star}需 {needed} 项", "{name}: no profile, {star} need {needed}"),
    "wrong form": ("{name} 为{form}，{star}要求{needed}", "{name}: {form}, {star} need {needed}"),
    "unproved form": ("{name} 为{form}，没有证明材料（{asked}）", "{name}: {form}, without documents ({asked})"),
    "no form": ("{name} 无申报资料，{star}要求{needed}", "{name}: no profile, {star} need {needed}"),
    "not stated": (
        "{name} 无法判定：本评定版本未载明{star}的要求{why}",
        "{name} cannot be decided: this edition does not state what {star} need{why}",
    ),
}  # fmt: skip
"""What keeps a star away."""
FORM_WORDS = {
    "public": ("公有云", "public cloud"), "private": ("私有云", "private cloud"), "hybrid": ("混合云", "hybrid cloud"),
}  # fmt: skip
UNIT_WORDS = {
    "次/day": ("次/日", "operations/day"), "万元": ("万元", "× 10,000 yuan"), "台": ("台", "units"),
    "人": ("人", "people"), "项": ("项", "items"),
}  # fmt: skip
"""How units of an edition are printed; others as they are."""


def sentence(kind: str, name: Tuple[str, str], star: Tuple[str, str], **said: Any) -> Tuple[str, str]:
    """Return a sentence in both languages; of ``said`` each is a pair, or a number that both print."""
    chinese, english = SENTENCES[kind]
    both = [{key: one[at] if isinstance(one, tuple) else one for key, one in said.items()} for at in (0, 1)]
    return (
        chinese.format(name=name[0], star=star[0], **both[0]),
        english.format(name=name[1], star=star[1], **both[1]),
    )


def of_unit(text: str, unit: str) -> Tuple[str, str]:
    """Return a printed number with its unit."""
    chinese, english = UNIT_WORDS.get(unit, (unit, unit))
    return "%s %s" % (text, chinese), "%s %s" % (text, english)


def short_by(text: str, unit: str) -> Tuple[str, str]:
    """Return a printed difference; that of two percentages is in points."""
    return (text + " 个百分点", text + " percentage points") if unit == "%" else of_unit(text, unit)


def items(count: int) -> Tuple[str, str]:
    """Return a number of rows that are ticked."""
    return str(count), "%d item%s" % (count, "" if count == 1 else "s")


# ======================================================================================================
# Step 9, first half: what questions to the reviewer rest on (docs/questions.md)
# ======================================================================================================

BIN_MS, BIN_EDGE_MS = 300_000, 15_000
_PERCENT_OF_CPU = "cpu.utilization"
_BINNED = (_PERCENT_OF_CPU, "net.rx.rate", "net.tx.rate", "disk.reads.rate", "disk.writes.rate")
_COUNTED_AS = dict(zip(_BINNED[1:], ("net.rx", "net.tx", "disk.reads", "disk.writes")))
_BUSY_ABOVE = dict(zip(_BINNED, (5 * NANO, 10_000 * NANO, 10_000 * NANO, 5 * NANO, 5 * NANO)))
_BUSY_STATES = ("cpu.user", "cpu.nice", "cpu.system", "cpu.irq", "cpu.softirq", "cpu.steal")
_HOUR_BINS, _WEEK_BINS, _MONDAY_BINS = 12, 7 * 24 * 12, 4 * 24 * 12
_MOST_UNITS, _BEYOND = 256, "\u2026"
INVENTORY = ("net.capacity.committed", "net.capacity.cap")
"""What a cloud says of its line, not of the host."""
Bins = Dict[int, int]
"""Value by number of five minutes since 1970."""


class Behaviour:
    """What one host and source show beside their sums; chunks come in order."""

    def __init__(self) -> None:
        """Begin with no chunk."""
        self.repeats: Dict[str, List[Interval]] = {}
        self.constants: Optional[List[Tuple[int, int, int]]] = None
        self.weeks: List[Tuple[int, int, bool]] = []
        self.hourly: Dict[str, Dict[int, int]] = {}
        self.units: Dict[str, List[int]] = {}
        self.busy_us = self.first_ms = 0
        self.spoken: List[Interval] = []
        self._bins: Dict[str, Bins] = {}
        self._parts: Dict[Tuple[str, int], List[int]] = {}
        self._claims: Dict[str, Claims] = {}
        self._before: Optional[Chunk] = None

    def watch(self, chunk: Chunk) -> None:
        """Look at the next chunk."""
        header, kind = chunk.header, chunk.manifest.kind
        claimed, names = [header.span], ["activity" if kind == "activity" else ""]
        if kind == "averages":
            claimed = [(start, start + length) for start, length in zip(chunk.values[0], chunk.values[1])]
            names = [name for name, _, _ in chunk.manifest.columns[2:]]
        for name in names:
            if name not in INVENTORY:
                mine = self._claims.setdefault(name, Claims())
                for start, end in claimed:
                    mine.add(start, end)
        if kind == "counters":
            self._count(chunk)
            self._attribute(chunk)
            self._before = chunk._replace(values=[])
        else:
            self._average(chunk)

    def done(self) -> None:
        """Say what was found; the values themselves are forgotten."""
        for (name, at), (amount, length) in self._parts.items():
            if 5 * length >= 4 * BIN_MS:
                self._bins.setdefault(name, {}).setdefault(at, amount // length)
        self.repeats = {
            name: _repeated(self._bins[name], _BUSY_ABOVE[name]) for name in _BINNED if name in self._bins
        }
        used = self._bins.get(_PERCENT_OF_CPU)
        if used is not None:
            self.constants = list(_constant(used, _BUSY_ABOVE[_PERCENT_OF_CPU]))
        self.weeks = list(_seen_weeks(used or {}))
        self.hourly = {
            name: _bytes_by_hour(self._bins[name])
            for name in ("net.rx.rate", "net.tx.rate")
            if self._bins.get(name)
        }
        each = [claims.within(-(2**62), 2**62) for claims in self._claims.values()]
        self.spoken = each[0] if each else []
        for more in each[1:]:
            self.spoken = _in_both(self.spoken, more)
        self._bins, self._parts, self._claims, self._before = {}, {}, {}, None

    def _average(self, chunk: Chunk) -> None:
        for (name, _, scale), values in zip(chunk.manifest.columns[2:], chunk.values[2:]):
            if name not in _BINNED:
                continue
            for start, length, value in zip(chunk.values[0], chunk.values[1], values):
                if value == MISSING or length > BIN_MS:
                    continue
                part = self._parts.setdefault((name, (start + length // 2) // BIN_MS), [0, 0])
                if part[1] + length <= BIN_MS + BIN_EDGE_MS:
                    part[0] += value * 10 ** (9 - scale) * length
                    part[1] += length

    def _count(self, chunk: Chunk) -> None:
        """A bin is what grew between the readings at its edges, if both are near and the clocks agree."""
        wall, boot = chunk.values[0], chunk.values[1]
        rows: Dict[int, int] = {}
        for row, instant in enumerate(wall):
            at = (instant + BIN_MS // 2) // BIN_MS
            off = instant - at * BIN_MS
            if -BIN_EDGE_MS <= off <= BIN_EDGE_MS:
                other = rows.get(at)
                # Of two readings the nearer one; before the edge, if both are as near.
                if other is None or abs(off) < abs(wall[other] - at * BIN_MS):
                    rows[at] = row
        columns: Dict[str, List[Sequence[int]]] = {}
        for (name, _, _), values in zip(chunk.manifest.columns, chunk.values):
            columns.setdefault(name, []).append(values)
        states = [columns.get("cpu." + state) for state in CPU_STATES[:8]]
        for at, before in rows.items():
            after = rows.get(at + 1)
            if after is None:
                continue
            elapsed = boot[after] - boot[before]
            if abs(wall[after] - wall[before] - elapsed) > 50 + elapsed // 1_000:
                continue
            steps = [_grew(found, before, after) if found else MISSING for found in states]
            whole = sum(steps)
            if MISSING not in steps and whole:
                busy = whole - steps[3] - steps[4]
                self._put(_PERCENT_OF_CPU, at, busy * 10_000 // whole * 10**7)
            for name, counter in _COUNTED_AS.items():
                step = _grew(columns[counter], before, after) if counter in columns else MISSING
                if step != MISSING:
                    self._put(name, at, step * 1_000 * NANO // elapsed)

    def _put(self, name: str, at: int, value: int) -> None:
        self._bins.setdefault(name, {}).setdefault(at, value)

    def _attribute(self, chunk: Chunk) -> None:
        """Processor time of units by name, and busy time of the processors meanwhile."""
        header, before = chunk.header, self._before
        strange = before is None or before.header.manifest != header.manifest
        first = 1 if header.first in BOOTS or (header.first == "repeat" and strange) else 0
        if header.rows <= first + 1:
            return
        named, busy = [], 0
        for (name, device, _), values in zip(chunk.manifest.columns, chunk.values):
            if name == "unit.cpu" and device != "all":
                named.append((device, _forward(values, first)))
        if not named:
            return
        for (name, _, _), values in zip(chunk.manifest.columns, chunk.values):
            if name in _BUSY_STATES:
                busy += _forward(values, first)
        at = chunk.values[0][first] if first else header.start_ms
        self.first_ms = self.first_ms or at
        self.busy_us += busy * 1_000_000 // chunk.manifest.host["ticks_per_s"]
        for device, used in named:
            name = device if device in self.units or len(self.units) < _MOST_UNITS else _BEYOND
            unit = self.units.setdefault(name, [0, at])
            if not unit[0]:
                unit[1] = at
            unit[0] += used


def _grew(columns: Sequence[Sequence[int]], before: int, after: int) -> int:
    """Return by how much devices grew together, ``MISSING`` if one is not known or went back."""
    total = 0
    for values in columns:
        one, other = values[before], values[after]
        if MISSING in (one, other) or other < one:
            return MISSING
        total += other - one
    return total


def _forward(values: Sequence[int], first: int) -> int:
    """Return the sum of all steps forward from a row on."""
    pairs = zip(values[first:], values[first + 1 :])
    return sum(other - one for one, other in pairs if MISSING not in (one, other) and other > one)


def _in_both(left: Sequence[Interval], right: Sequence[Interval]) -> List[Interval]:
    """Return the time that is in both; each is disjoint and in order."""
    found, at, beside = [], 0, 0
    while at < len(left) and beside < len(right):
        start, end = max(left[at][0], right[beside][0]), min(left[at][1], right[beside][1])
        if start < end:
            found.append((start, end))
        if left[at][1] < right[beside][1]:
            at += 1
        else:
            beside += 1
    return found


def _unbroken(bins: Bins) -> Iterator[Tuple[int, List[int]]]:
    """Yield number of the first bin and values of every stretch without a hole."""
    begin, values = 0, []  # type: ignore[var-annotated]
    for at in sorted(bins):
        if values and at != begin + len(values):
            yield begin, values
            values = []
        begin = begin if values else at
        values.append(bins[at])
    if values:
        yield begin, values


def _repeated(bins: Bins, busy: int) -> List[Interval]:
    """Return first bins of busy hours whose twelve values stood in an earlier hour, as (earlier, again)."""
    known_: Dict[Tuple[int, ...], int] = {}
    times = Counter(bins.values())
    found = []
    for begin, values in _unbroken(bins):
        free = 0
        sums = [0, *accumulate(values)]
        for place in range(len(values) - _HOUR_BINS + 1):
            if times[values[place]] < 2 or times[values[place + _HOUR_BINS - 1]] < 2:
                continue  # with a value that stands only once it was nowhere before
            if place < free or sums[place + _HOUR_BINS] - sums[place] <= busy * _HOUR_BINS:
                continue
            block, at = tuple(values[place : place + _HOUR_BINS]), begin + place
            earlier = known_.setdefault(block, at)
            if earlier + _HOUR_BINS <= at and len(set(block)) >= 10:
                found.append((earlier, at))
                free = place + _HOUR_BINS
    return found


def _constant(bins: Bins, busy: int) -> Iterator[Tuple[int, int, int]]:
    """Yield first bin, bin after and value of stretches of an hour or longer that do not change."""
    for begin, values in _unbroken(bins):
        at = begin
        for value, same in groupby(values):
            length = len(list(same))
            if length >= _HOUR_BINS and value > busy:
                yield at, at + length, value
            at += length


def _seen_weeks(bins: Bins) -> Iterator[Tuple[int, int, bool]]:
    """Yield first bin, mean, and whether it hardly varies, of every week from Monday that was mostly seen."""
    weeks: Dict[int, List[int]] = {}
    for at, value in bins.items():
        weeks.setdefault((at - _MONDAY_BINS) // _WEEK_BINS, []).append(value)
    for week, values in sorted(weeks.items()):
        count, total = len(values), sum(values)
        if 5 * count >= 4 * _WEEK_BINS:
            spread = count * sum(value * value for value in values) - total * total
            steady = total > 10 * NANO * count and 10_000 * spread < 25 * total * total
            yield week * _WEEK_BINS + _MONDAY_BINS, total // count, steady


def _bytes_by_hour(bins: Bins) -> Dict[int, int]:
    """Return bytes by hour since 1970, of hours without a hole."""
    hours: Dict[int, List[int]] = {}
    for at, value in bins.items():
        hours.setdefault(at // _HOUR_BINS, []).append(value)
    return {hour: sum(v) * 300 // NANO for hour, v in hours.items() if len(v) == _HOUR_BINS}


# ======================================================================================================
# Step 2  What is declared: edition, scope with its declared versions, profile, ledger
# ======================================================================================================

DECLARED, MEAN, WEIGHTED, ADDED = "declared", "mean_over_hosts", "capacity_weighted", "sum_over_hosts"
CLOUD_FORMS = ("public", "private", "hybrid")
_EDITION_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_EDITION_TEXTS = (
    "id", "title_zh", "title_en", "place", "document", "source", "date", "applies_to_zh", "applies_to_en",
)  # fmt: skip
_FORM_TEXTS = ("title", "subtitle", "issuer", "attachments_intro", "attachments_note", "appendix_title")
_PERCENT_LOOKALIKES = ("％", "﹪", "percent", "pct", "百分比", "百分之")


class Star(NamedTuple):
    """One star of an edition."""

    id: str
    name_zh: str
    name_en: str
    cloud_forms: Tuple[str, ...]
    decided_by_zh: str
    decided_by_en: str

    @property
    def names(self) -> Tuple[str, str]:
        """Its names, Chinese and English."""
        return self.name_zh, self.name_en


class Row(NamedTuple):
    """One row of the table."""

    id: str
    place: Tuple[str, str, str]
    kind: str
    indicator: str
    footnote: str
    label: str


class CountRule(NamedTuple):
    """How many rows every star needs."""

    id: str
    name_zh: str
    name_en: str
    rows: Tuple[str, ...]
    counts: str
    needed: Dict[str, int]
    only: str


class Rule(NamedTuple):
    """What the edition says of one figure."""

    id: str
    name_zh: str
    name_en: str
    definition: str
    unit: str
    aggregation: str
    thresholds: Dict[str, str]
    periods: Dict[str, str]
    months: int
    combine: str
    gate: Fraction
    substitution: str
    days: Optional[Tuple[int, int]]


class Edition(NamedTuple):
    """One year's guide as data."""

    id: str
    sha256: str
    complete: bool
    unknown: Tuple[Tuple[str, str, str], ...]
    stars: Tuple[Star, ...]
    rows: Dict[str, Row]
    criteria: Tuple[CountRule, ...]
    rules: Tuple[Rule, ...]
    attachments: Tuple[Tuple[str, str, str, Tuple[str, ...]], ...]
    application: Optional[Tuple[Tuple[int, ...], int, int, str, str]]
    regions: Tuple[str, ...]
    texts: Dict[str, str]


def _identifier(table: Table, name: str) -> str:
    if not _ID.match(name):
        raise table.wrong("%r is no id" % name)
    return name


def _period(table: Table, more: Sequence[str] = ()) -> Tuple[int, int]:
    """Return first and last day of a table with ``from`` and ``to``."""
    table.allow(("from", "to", *more))
    first, last = table.day("from").toordinal(), table.day("to").toordinal()
    if last < first:
        raise table.wrong("it ends before it begins")
    return first, last


def _by_star(table: Table, key: str, stars: Sequence[str], *, empty: bool) -> Table:
    part = table.table(key)
    if not (empty and not part.entries):
        part.allow(stars)
    return part


def read_edition(data: bytes) -> Edition:
    """Return the edition in a TOML file; what must fit together is required at the end."""
    top = Table(read_toml(data), "edition")
    if "schema" in top:
        top.choice("schema", ("starproof/edition/2",))
    top.allow(
        ("schema", *_EDITION_TEXTS, "complete", "stars", "rows", "criteria", "indicators"),
        ("unknown", "attachments", "application", "regions", "form"),
    )
    stars = tuple(_star(table) for table in top.tables("stars"))
    ids = [star.id for star in stars]
    if not ids or ids != sorted(set(ids)):
        raise top.wrong("stars are written each once, from low to high")
    rules = top.table("indicators")
    texts = {name: top.text(name) for name in _EDITION_TEXTS}
    complete = top.flag("complete")
    unknown = []
    for table in top.tables("unknown"):
        table.allow(("about", "zh", "en"))
        unknown.append((table.text("about"), table.text("zh"), table.text("en")))
    rows = [_row(table) for table in top.tables("rows")]
    criteria = tuple(_criterion(table, ids) for table in top.tables("criteria"))
    figures = tuple(_rule(_identifier(rules, name), rules.table(name), ids) for name in rules)
    attachments = []
    for table in top.tables("attachments"):
        table.allow(("id", "name_zh", "name_en"), ("cloud_forms",))
        forms = table.choices("cloud_forms", CLOUD_FORMS) if "cloud_forms" in table else ()
        attachments.append(
            (_identifier(table, table.text("id")), table.text("name_zh"), table.text("name_en"), forms)
        )
    application = _application(top.table("application")) if "application" in top else None
    regions = top.texts("regions") if "regions" in top else ()
    footnotes = _form_footnotes(top.table("form")) if "form" in top else 0
    if not _EDITION_ID.match(texts["id"]):
        raise top.wrong("no id of an edition")
    edition = Edition(
        id=texts["id"], sha256=sha256(data), complete=complete, unknown=tuple(unknown), stars=stars,
        rows={row.id: row for row in rows}, criteria=criteria, rules=figures, attachments=tuple(attachments),
        application=application, regions=regions, texts=texts,
    )  # fmt: skip
    _require_sound(top, edition, rows, footnotes)
    return edition


def _star(table: Table) -> Star:
    table.allow(Star._fields)
    return Star(
        table.choice("id", tuple("123456789")), table.text("name_zh"), table.text("name_en"),
        table.choices("cloud_forms", CLOUD_FORMS), table.text("decided_by_zh"), table.text("decided_by_en"),
    )  # fmt: skip


def _row(table: Table) -> Row:
    table.allow(
        ("id", "part", "category", "subcategory", "domain", "kind"), ("item", "indicator", "footnote")
    )
    kind = table.choice("kind", ("tick", "text", "figure"))
    if (kind == "figure") != ("indicator" in table):
        raise table.wrong("figures, and no other rows, have an indicator")
    name = _identifier(table, table.text("id"))
    domain = table.text("domain")
    label = table.optional_text("item") or domain
    place = (table.text("part"), table.text("category"), table.text("subcategory"))
    return Row(name, place, kind, table.optional_text("indicator"), table.optional_text("footnote"), label)


def _criterion(table: Table, stars: Sequence[str]) -> CountRule:
    table.allow(("id", "name_zh", "name_en", "rows", "count", "needed"), ("only", "note_zh", "note_en"))
    needed = _by_star(table, "needed", stars, empty=True)
    table.optional_text("note_zh")
    table.optional_text("note_en")
    return CountRule(
        _identifier(table, table.text("id")), table.text("name_zh"), table.text("name_en"), table.texts("rows"),
        table.choice("count", ("rows", "subcategories")),
        {star: needed.integer(star, 1_000) for star in stars if star in needed},
        table.choice("only", ("it_service",)) if "only" in table else "",
    )  # fmt: skip


def _rule(name: str, table: Table, stars: Sequence[str]) -> Rule:
    table.allow(
        ("name_zh", "name_en", "definition", "unit", "aggregation", "thresholds", "periods", "months", "combine",
         "missing", "coverage_gate", "substitution"),
        ("note_zh", "note_en", "window"),
    )  # fmt: skip
    unit = table.text("unit")
    if unit in _PERCENT_LOOKALIKES:
        raise table.wrong("a percentage is written %")
    thresholds = _by_star(table, "thresholds", stars, empty=True)
    known_stars = [star for star in stars if star in thresholds]
    for star in known_stars:
        if number(thresholds.decimal(star)) > 100 and unit == "%":
            raise table.wrong("a share above 100 %")
    periods = _by_star(table, "periods", stars, empty=False)
    gate = number(table.decimal("coverage_gate"))
    if not 0 < gate <= 1:
        raise table.wrong("coverage_gate is no share")
    aggregation = table.choice("aggregation", (MEAN, WEIGHTED, ADDED, DECLARED))
    table.choice("missing", ("bounds/1",))
    table.optional_text("note_zh")
    table.optional_text("note_en")
    days = None
    if "window" in table:
        if aggregation != DECLARED:
            raise table.wrong("only declared figures have a window")
        days = _period(table.table("window"))
    return Rule(
        name, table.text("name_zh"), table.text("name_en"), table.text("definition"), unit, aggregation,
        {star: thresholds.decimal(star) for star in known_stars},
        {star: periods.choice(star, ("month", "year", "not-stated")) for star in stars},
        table.integer("months", 12, 1), table.choice("combine", ("pooled", "every_month")), gate,
        table.choice("substitution", ("none", "scope")), days,
    )  # fmt: skip


def _application(table: Table) -> Tuple[Tuple[int, ...], int, int, str, str]:
    table.allow(("months", "first_year", "last_year", "text_zh", "text_en"))
    first, last = table.integer("first_year", 2099, 2000), table.integer("last_year", 2099, 2000)
    if last < first:
        raise table.wrong("last_year is before first_year")
    return table.integers("months", 12, 1), first, last, table.text("text_zh"), table.text("text_en")


def _form_footnotes(table: Table) -> int:
    table.allow((*_FORM_TEXTS, "instructions", "footnotes"))
    for name in _FORM_TEXTS:
        table.text(name)
    table.texts("instructions")
    return len(table.texts("footnotes"))


def _once(top: Table, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise top.wrong("an id is used twice")


def _require_sound(top: Table, edition: Edition, rows: Sequence[Row], footnotes: int) -> None:
    """Ids are used once, references hold, numbers rise with the stars, what is unknown is said."""
    judged = ["table", "cloud_form", *(c.id for c in edition.criteria), *(r.id for r in edition.rules)]
    for names in ([r.id for r in rows], judged, [a[0] for a in edition.attachments], edition.regions):
        _once(top, names)
    shown = sorted(row.indicator for row in rows if row.kind == "figure")
    if shown != sorted(rule.id for rule in edition.rules):
        raise top.wrong("every figure has one row, every row of a figure its figure")
    stars = [star.id for star in edition.stars]
    for rule in edition.rules:
        _rising(top, [number(rule.thresholds[star]) for star in stars if star in rule.thresholds])
    for criterion in edition.criteria:
        _rising(top, [Fraction(criterion.needed[star]) for star in stars if star in criterion.needed])
        _once(top, criterion.rows)
        if any(name not in edition.rows or edition.rows[name].kind != "tick" for name in criterion.rows):
            raise top.wrong("%s counts what is no row to tick" % criterion.id)
        most = len(criterion.rows)
        if criterion.counts == "subcategories":
            most = len({edition.rows[name].place for name in criterion.rows})
        if any(needed > most for needed in criterion.needed.values()):
            raise top.wrong("%s needs more than can count" % criterion.id)
    if any(row.footnote and row.footnote not in map(str, range(1, footnotes + 1)) for row in rows):
        raise top.wrong("there is no such footnote")
    about = [entry[0] for entry in edition.unknown]
    if any(name not in judged for name in about) or edition.complete == bool(about):
        raise top.wrong("what is unknown is said, of what there is, where the edition is not complete")
    stated = [(c.id, bool(c.needed)) for c in edition.criteria] + [
        (r.id, bool(r.thresholds)) for r in edition.rules
    ]
    if any(not there and name not in about for name, there in stated):
        raise top.wrong("a number is missing that is not said to be unknown")


def _rising(top: Table, numbers: Sequence[Fraction]) -> None:
    if list(numbers) != sorted(numbers):
        raise top.wrong("numbers fall from a lower star to a higher one")


class Host(NamedTuple):
    """A declared host; capacities are (first day, bit/s) in order."""

    id: str
    sources: Tuple[str, ...] = ()
    capacities: Tuple[Tuple[int, Fraction], ...] = ()
    iops_limit: Optional[Fraction] = None

    def capacity(self, day: int) -> Fraction:
        """Return the declared capacity on a day, in bit/s."""
        return self.capacities[bisect_right([first for first, _ in self.capacities], day) - 1][1]


class Scope(NamedTuple):
    """A declared scope; days are ordinals, both ends included."""

    enterprise: str
    timezone: str
    edition: str
    first_day: int
    last_day: int
    definitions: Dict[str, str]
    head_counts: Dict[str, int]
    hosts: Tuple[Host, ...]
    exclusions: Tuple[Tuple[int, int, str, str], ...]
    sha256: str
    substitution: Dict[str, str]
    users: Optional[Tuple[str, Tuple[Tuple[str, str], ...]]]
    it_cost: Optional[Tuple[Tuple[str, ...], Tuple[str, str], Optional[Tuple[str, str]]]]
    investment: Optional[Tuple[Optional[Tuple[int, int]], Tuple[str, ...]]]

    @property
    def names(self) -> set:  # type: ignore[type-arg]
        """The hosts whose chunks decide."""
        return {host.id for host in self.hosts} | {host for host, _ in (self.users[1] if self.users else ())}


HEAD_COUNTS = ("total", "cloud_users")
INVESTMENT = ("cloud_service", "private_cloud", "device")
OPERATIONS = ("operations_before", "operations_after")
MAX_PEOPLE = 100_000_000


def read_scope(data: bytes) -> Scope:
    """Return the scope in a TOML file."""
    top = Table(read_toml(data), "scope")
    top.allow(
        ("schema", "enterprise", "timezone", "edition", "window", "hosts"),
        ("definitions", "head_counts", "exclusions", "substitution", "users", "it_cost", "investment"),
    )
    top.choice("schema", ("starproof/scope/1",))
    first, last = _period(top.table("window"))
    hosts = tuple(_host(table, first, last) for table in top.tables("hosts"))
    if not hosts or len({host.id for host in hosts}) < len(hosts):
        raise top.wrong("no host, or one is declared twice")
    counts = _head_counts(top.table("head_counts")) if "head_counts" in top else {}
    definitions = top.table("definitions") if "definitions" in top else None
    substitution = top.table("substitution") if "substitution" in top else None
    exclusions = []
    for table in top.tables("exclusions"):
        begins, ends = _period(table, ("reason", "person"))
        if ends < first or begins > last:
            raise table.wrong("no day of it lies in the window")
        exclusions.append((begins, ends, table.text("reason"), table.text("person")))
    zone = top.text("timezone")
    Calendar(zone)
    return Scope(
        enterprise=top.text("enterprise"), timezone=zone, edition=top.text("edition"), first_day=first, last_day=last,
        definitions={key: definitions.text(key) for key in definitions} if definitions else {},
        head_counts=counts, hosts=hosts, exclusions=tuple(exclusions), sha256=sha256(data),
        substitution={k: substitution.choice(k, ("extreme_hour/1",)) for k in substitution} if substitution else {},
        users=_users(top.table("users"), counts) if "users" in top else None,
        it_cost=_it_cost(top.table("it_cost")) if "it_cost" in top else None,
        investment=_investment(top.table("investment")) if "investment" in top else None,
    )  # fmt: skip


def _head_counts(table: Table) -> Dict[str, int]:
    table.allow((), HEAD_COUNTS)
    counts = {key: table.integer(key, MAX_PEOPLE, 1) for key in table}
    if counts.get("cloud_users", 0) > counts.get("total", MAX_PEOPLE):
        raise table.wrong("cloud_users is above total")
    return counts


def _host(table: Table, first: int, last: int) -> Host:
    table.allow(("id",), ("sources", "bandwidth_mbps", "capacity", "iops_limit"))
    name = table.text("id")
    if len(name) > MAX_NAME or ("bandwidth_mbps" in table and "capacity" in table):
        raise table.wrong("a name too long, or two ways to write a capacity")
    capacities: List[Tuple[int, Fraction]] = []
    if "bandwidth_mbps" in table:
        capacities = [(first, table.positive("bandwidth_mbps", 100_000_000) * 10**6)]
    if "capacity" in table:
        for entry in table.tables("capacity"):
            entry.allow(("from", "mbps"))
            capacities.append((entry.day("from").toordinal(), entry.positive("mbps", 100_000_000) * 10**6))
        days = [day for day, _ in capacities]
        if not days or days[0] > first or days != sorted(set(days)) or days[-1] > last:
            raise table.wrong("the capacities do not hold all through the window, in order")
    sources: Tuple[str, ...] = ()
    if "sources" in table:
        sources = table.texts("sources")
        if not 0 < len(sources) <= 16 or len(set(sources)) < len(sources):
            raise table.wrong("1 to 16 sources, each once")
        if not all(_SOURCE_NAME.match(source) for source in sources):
            raise table.wrong("no such source")
    limit = table.positive("iops_limit", 10**9) if "iops_limit" in table else None
    return Host(name, sources, tuple(capacities), limit)


def _users(table: Table, counts: Dict[str, int]) -> Tuple[str, Tuple[Tuple[str, str], ...]]:
    table.allow(("head_count",), ("sources",))
    which = table.choice("head_count", HEAD_COUNTS)
    texts = table.texts("sources") if "sources" in table else ()
    if which not in counts or len(texts) > 1_000 or len(set(texts)) < len(texts):
        raise table.wrong("no such head count, or a source twice")
    found = []
    for text in texts:
        host, slash, source = text.rpartition("/")
        if not slash or not host or len(host) > MAX_NAME or source not in ("login-log", "accounts"):
            raise table.wrong("a source of accounts is host/login-log or host/accounts")
        found.append((host, source))
    return which, tuple(found)


def _it_cost(table: Table) -> Tuple[Tuple[str, ...], Tuple[str, str], Optional[Tuple[str, str]]]:
    table.allow(("items", "before"), ("after",))
    items = table.texts("items")
    if not 0 < len(items) <= 100 or len(set(items)) < len(items):
        raise table.wrong("1 to 100 cost items, each once")
    before = _whole_months(table.table("before"))
    return items, before, _whole_months(table.table("after")) if "after" in table else None


def _whole_months(table: Table) -> Tuple[str, str]:
    first, last = (date.fromordinal(day) for day in _period(table))
    if first.day != 1 or (last + timedelta(days=1)).day != 1:
        raise table.wrong("not whole months")
    return first.isoformat()[:7], last.isoformat()[:7]


def _investment(table: Table) -> Tuple[Optional[Tuple[int, int]], Tuple[str, ...]]:
    table.allow((), ("from", "to", "counts"))
    days = None
    if "from" in table or "to" in table:
        days = _period(table, ("counts",) if "counts" in table else ())
    return days, table.choices("counts", INVESTMENT) if "counts" in table else ()


class Version(NamedTuple):
    """One declared version of the scope."""

    version: int
    declared_ms: int
    record: bytes
    scope: Scope


def read_scope_records(data: bytes) -> List[Tuple[bytes, bytes]]:
    """Return record and file of every declared version; ``read_versions`` verifies them."""
    document = read_json(data, MAX_JSON_BYTES)
    keys(document, ("schema", "records"))
    choice_of(document, "schema", ("starproof/scopes/1",))
    found = []
    for entry in objects_of(document, "records", 1_000):
        keys(entry, ("record", "file"))
        record = one_base64(text_of(entry, "record", 4 * (4 * 1024 + 2) // 3 // 4 * 4))
        found.append((record, one_base64(text_of(entry, "file", 4 * (MAX_TOML_BYTES + 2) // 3 // 4 * 4))))
    return found


def read_versions(records: Sequence[Tuple[bytes, bytes]]) -> List[Version]:
    """Return the declared versions; every record names the one before."""
    found: List[Version] = []
    enterprise, previous, declared = "", "", 0
    for at, (record, data) in enumerate(records, 1):
        said = read_json(record, 4 * 1024)
        keys(said, ("schema", "enterprise", "version", "sha256", "previous", "declared_ms"))
        choice_of(said, "schema", ("starproof/scope-declaration/1",))
        name, now = text_of(said, "enterprise", MAX_NAME), integer_of(said, "declared_ms", most=LATEST_MS)
        if integer_of(said, "version", 1, 1_000) != at or text_of(said, "previous", 64) != previous:
            raise Bad("version %d does not follow the one before" % at)
        if found and (name != enterprise or now < declared):
            raise Bad("version %d contradicts the one before" % at)
        if hash_of(said, "sha256") != sha256(data):
            raise Bad("version %d: the file is another" % at)
        scope = read_scope(data)
        if scope.enterprise != name:
            raise Bad("version %d: the file is another enterprise's" % at)
        found.append(Version(at, now, record, scope))
        enterprise, previous, declared = name, sha256(record), now
    return found


class ProfileDocument(NamedTuple):
    """A document that the profile names."""

    id: str
    title: str
    file: str
    sha256: str
    attachment: str


class Profile(NamedTuple):
    """What the enterprise declares, as far as it decides."""

    name: str
    star: str
    cloud_form: str
    it_service: bool
    total: Optional[int]
    cloud_users: Optional[int]
    documents: Tuple[ProfileDocument, ...]
    rows: Dict[str, Tuple[str, ...]]
    figures: Dict[str, Tuple[str, Tuple[str, ...]]]
    document: Dict[str, Any]

    def hashes(self, ids: Iterable[str]) -> List[str]:
        """Return the hashes of documents, each once, in the order of the file."""
        wanted = set(ids)
        return list(dict.fromkeys(one.sha256 for one in self.documents if one.id in wanted))

    def attached(self, attachment: str) -> List[str]:
        """Return the hashes of the documents that are this attachment."""
        return list(dict.fromkeys(one.sha256 for one in self.documents if one.attachment == attachment))


_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"} | (
    {"Cn"} if tuple(map(int, unicodedata.unidata_version.split("."))) >= (14, 0, 0) else set()
)
"""An old Python does not know newer characters, so it does not judge those that it does not know."""
_INVISIBLE = set("\u034f\u115f\u1160\u180b\u180c\u180d\u180f\u2065\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_PROFILE_TEXTS = (
    "unit_nature",
    "registered_address",
    "registration_number",
    "legal_representative",
    "website",
)
_CONTACT_TEXTS = ("name", "title", "office_phone", "mobile", "fax", "email")
_FACT_TEXTS = ("region", "cloud_partner", "industry", "planned_evaluation")
_SUMMARY_TEXTS = ("scope_summary", "performance_summary")


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or character in _INVISIBLE


def _printable(table: Table, key: str, *, lines: bool = False, optional: bool = True) -> str:
    """Return a text that can be printed; an optional one may be left out or blank."""
    value = table.entries.get(key)
    if optional and (key not in table or (isinstance(value, str) and not value.strip())):
        return ""
    text = table.text(key).strip()
    if any(_unprintable(c) and not (lines and c == "\n") for c in text):
        raise table.wrong("%s holds a character that cannot be printed" % key)
    return text


def read_profile(data: bytes, edition: Edition) -> Profile:
    """Return the profile in a TOML file, read against its edition."""
    top = Table(read_toml(data), "profile")
    top.allow(
        ("schema", "edition", "star", "cloud_form", "it_service_enterprise", "applicant"),
        (*_FACT_TEXTS, *_SUMMARY_TEXTS, "cloud_start", "filled_on", "documents", "rows", "figures"),
    )
    top.choice("schema", ("starproof/profile/1",))
    if top.text("edition") != edition.id:
        raise top.wrong("it is written for another edition")
    documents = _profile_documents(top, edition)
    facts = {key: _printable(top, key) for key in _FACT_TEXTS}
    if facts["region"] and edition.regions:
        top.choice("region", edition.regions)
    if facts["planned_evaluation"] and not _MONTH_NAME.match(facts["planned_evaluation"]):
        raise top.wrong("planned_evaluation is no month")
    facts.update({key: _printable(top, key, lines=True) for key in _SUMMARY_TEXTS})
    facts.update(
        {key: top.day(key).isoformat() if key in top else "" for key in ("cloud_start", "filled_on")}
    )
    applicant = _applicant(top.table("applicant"))
    ids = [one.id for one in documents]
    rows = _profile_rows(top.table("rows"), edition, ids) if "rows" in top else {}
    figures = _profile_figures(top.table("figures"), edition, ids) if "figures" in top else {}
    star = top.choice("star", [star.id for star in edition.stars])
    form, service = top.choice("cloud_form", CLOUD_FORMS), top.flag("it_service_enterprise")
    document = {
        "sha256": sha256(data), "applicant": applicant, "star": star, "cloud_form": form, "it_service": _yes(service),
        **facts,
        "rows": [
            {"id": row.id, "label_zh": row.label, "text": rows[row.id][0], "documents": list(rows[row.id][1])}
            for row in edition.rows.values() if row.id in rows
        ],
        "figures": [
            {"id": rule.id, "value": figures[rule.id][0], "basis": figures[rule.id][2],
             "documents": list(figures[rule.id][1])}
            for rule in edition.rules if rule.id in figures
        ],
        "documents": [one._asdict() for one in documents],
    }  # fmt: skip
    return Profile(
        applicant["name"], star, form, service, applicant["total"], applicant["cloud_users"], tuple(documents),
        {name: row[1] for name, row in rows.items()}, {name: one[:2] for name, one in figures.items()}, document,
    )  # fmt: skip


def _applicant(table: Table) -> Dict[str, Any]:
    table.allow(("name",), (*_PROFILE_TEXTS, "contact", "size"))
    contacts = dict.fromkeys(_CONTACT_TEXTS, "")
    if "contact" in table:
        contact = table.table("contact")
        contact.allow((), _CONTACT_TEXTS)
        contacts = {key: _printable(contact, key) for key in _CONTACT_TEXTS}
    sizes: List[Optional[int]] = [None, None]
    if "size" in table:
        size = table.table("size")
        size.allow((), HEAD_COUNTS)
        sizes = [size.integer(key, MAX_PEOPLE, 1) if key in size else None for key in HEAD_COUNTS]
        if sizes[0] is not None and sizes[1] is not None and sizes[1] > sizes[0]:
            raise size.wrong("cloud_users is above total")
    found: Dict[str, Any] = {"name": _printable(table, "name", optional=False)}
    found.update({key: _printable(table, key) for key in _PROFILE_TEXTS})
    return dict(found, contact=contacts, total=sizes[0], cloud_users=sizes[1])


def _profile_documents(top: Table, edition: Edition) -> List[ProfileDocument]:
    tables = top.tables("documents")
    if len(tables) > 500:
        raise top.wrong("more than 500 documents")
    found: Dict[str, ProfileDocument] = {}
    files: Dict[str, str] = {}
    for table in tables:
        table.allow(("id", "title", "file", "sha256"), ("attachment",))
        name, hash_ = _printable(table, "id", optional=False), table.text("sha256")
        if len(name) > 64 or not re.match(r"[0-9a-fA-F]{64}\Z", hash_):
            raise table.wrong("an id too long, or no SHA-256")
        attachment = _printable(table, "attachment")
        if attachment and attachment not in [entry[0] for entry in edition.attachments]:
            raise table.wrong("no such attachment")
        title = _printable(table, "title", optional=False)
        file = _printable(table, "file", optional=False)
        path = PurePosixPath(file)
        if (
            len(file.encode("utf-8", "surrogatepass")) > 240
            or "\\" in file
            or ":" in file
            or path.is_absolute()
        ):
            raise table.wrong("no path inside the folder")
        if ".." in path.parts or str(path) != file or file == ".":
            raise table.wrong("no path in its one form")
        if name in found or files.setdefault(file, hash_.lower()) != hash_.lower():
            raise table.wrong("a document stands twice")
        found[name] = ProfileDocument(name, title, file, hash_.lower(), attachment)
    return list(found.values())


def _references(table: Table, known_ids: Sequence[str]) -> Tuple[str, ...]:
    names = table.texts("documents") if "documents" in table else ()
    if any(name not in known_ids for name in names) or len(set(names)) < len(names):
        raise table.wrong("no such document, or one twice")
    return names


def _profile_rows(
    table: Table, edition: Edition, ids: Sequence[str]
) -> Dict[str, Tuple[str, Tuple[str, ...]]]:
    found = {}
    for name in table:
        if name not in edition.rows or edition.rows[name].kind == "figure":
            raise table.wrong("no row to tick or to answer: %s" % ascii(name)[:60])
        entry = table.table(name)
        entry.allow((), ("text", "documents"))
        text = _printable(entry, "text", lines=True)
        if not text and edition.rows[name].kind == "text":
            raise entry.wrong("this row is answered in words")
        found[name] = (text, _references(entry, ids))
    return found


def _profile_figures(
    table: Table, edition: Edition, ids: Sequence[str]
) -> Dict[str, Tuple[str, Tuple[str, ...], str]]:
    units = {rule.id: rule.unit for rule in edition.rules if rule.aggregation == DECLARED}
    found = {}
    for name in table:
        if name not in units:
            raise table.wrong("no figure to declare: %s" % ascii(name)[:60])
        entry = table.table(name)
        entry.allow(("value",), ("basis", "documents"))
        value = entry.decimal("value")
        if (units[name] == "%" and number(value) > 100) or number(value) > 10**12:
            raise entry.wrong("the value is too great")
        found[name] = (value, _references(entry, ids), _printable(entry, "basis", lines=True))
    return found


class LedgerEntry(NamedTuple):
    """One entry of the ledger; amounts in hundredths, empty texts for what does not apply."""

    number: int
    day: str
    kind: str
    amount: int
    currency: str
    rate: str
    rate_source: str
    rate_day: str
    payee: str
    contract: str
    invoice: str
    purpose: str
    item: str
    service_from: str
    service_to: str
    provider: str
    document: str
    cancels: int
    note: str

    @property
    def ordinal(self) -> int:
        """The day as an ordinal."""
        return date(int(self.day[:4]), int(self.day[5:7]), int(self.day[8:])).toordinal()

    @property
    def fen(self) -> Fraction:
        """The amount in hundredths of yuan, exact."""
        return Fraction(self.amount) * (number(self.rate) if self.rate else 1)

    def by_month(self) -> Dict[str, Fraction]:
        """Return the amount by month: spread evenly over its service months, else in the month of its day."""
        names = months_between(self.service_from, self.service_to) if self.service_from else (self.day[:7],)
        return {name: Fraction(self.amount, len(names)) for name in names}


class Bill(NamedTuple):
    """What a cloud says that a product cost in a month."""

    provider: str
    month: str
    product: str
    amount: str
    currency: str
    kind: str
    basis: str
    final: str


class Ledger(NamedTuple):
    """The ledger: all entries, and bills."""

    entries: Tuple[LedgerEntry, ...]
    bills: Tuple[Bill, ...]

    def standing(self) -> List[LedgerEntry]:
        """Return the entries that are neither cancelled nor cancellations."""
        gone = {entry.cancels for entry in self.entries}
        return [one for one in self.entries if one.kind != "cancellation" and one.number not in gone]


LEDGER_KINDS = ("contract", "invoice", "payment", "refund", "cancellation")
PAID = ("payment", "refund")
MAX_AMOUNT = 10**15
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_LEDGER_NUMBERS = ("number", "amount", "cancels")


def read_ledger_document(data: bytes) -> Dict[str, Any]:
    """Return the ledger's document, every field typed, no rule judged; no bytes are an empty ledger."""
    if not data:
        return {"schema": "starproof/ledger/1", "entries": [], "bills": []}
    document = read_json(data, MAX_JSON_BYTES)
    keys(document, ("schema", "entries", "bills"))
    choice_of(document, "schema", ("starproof/ledger/1",))
    for entry in objects_of(document, "entries", 100_000):
        keys(entry, LedgerEntry._fields)
        for name in LedgerEntry._fields:
            if name not in _LEDGER_NUMBERS:
                text_of(entry, name)
        choice_of(entry, "kind", LEDGER_KINDS)
        integer_of(entry, "number", 1)
        integer_of(entry, "amount", -MAX_AMOUNT, MAX_AMOUNT)
        integer_of(entry, "cancels")
    for bill in objects_of(document, "bills", 100_000):
        keys(bill, Bill._fields)
        for name in Bill._fields:
            text_of(bill, name)
        amount = str(bill["amount"])
        number(amount[1:] if amount.startswith("-") else amount)
    return document


def read_ledger(data: bytes) -> Ledger:
    """Return the ledger, every rule of docs/ledger.md judged."""
    document = read_ledger_document(data)
    ledger = Ledger(
        tuple(LedgerEntry(**entry) for entry in document["entries"]),
        tuple(Bill(**bill) for bill in document["bills"]),
    )
    cancelled: Dict[int, int] = {}
    same: Dict[LedgerEntry, int] = {}
    invoices: Dict[str, int] = {}
    contracts: Counter = Counter()  # type: ignore[type-arg]
    for at, entry in enumerate(ledger.entries, 1):
        _require_entry(entry)
        if entry.number != at:
            raise Bad("entry %d has the number %d" % (at, entry.number))
        if entry.cancels:
            if entry.cancels >= at or entry.cancels in cancelled:
                raise Bad("entry %d cancels what cannot be cancelled" % at)
            if ledger.entries[entry.cancels - 1].kind == "cancellation":
                raise Bad("entry %d cancels a cancellation" % at)
        alike = entry._replace(number=0, cancels=entry.cancels if entry.kind == "cancellation" else 0)
        if same.get(alike, entry.cancels) != entry.cancels:
            raise Bad("entry %d stands twice" % at)
        if entry.kind == "contract" and contracts[entry.contract] >= 100:
            raise Bad("a contract of more than 100 entries")
        if entry.kind == "invoice" and invoices.get(_invoice(entry), entry.cancels) != entry.cancels:
            raise Bad("the invoice of entry %d stands twice" % at)
        if entry.cancels:
            gone = ledger.entries[entry.cancels - 1]
            cancelled[entry.cancels] = at
            same.pop(gone._replace(number=0, cancels=0))
            if gone.kind == "invoice":
                invoices.pop(_invoice(gone))
        same[alike] = at
        if entry.kind == "contract":
            contracts[entry.contract] += 1
        if entry.kind == "invoice":
            invoices[_invoice(entry)] = at
    return ledger


def _invoice(entry: LedgerEntry) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", entry.invoice).upper() if c.isalnum())


def _require_day(text: str) -> None:
    try:
        if (
            not _ISO_DAY.match(text)
            or not 2000 <= date(int(text[:4]), int(text[5:7]), int(text[8:])).year <= 2099
        ):
            raise ValueError
    except ValueError:
        raise Bad("%r is no day" % text[:20]) from None


def _require_entry(entry: LedgerEntry) -> None:
    """The rules for an entry by itself."""

    def need(holds: object, why: str) -> None:
        if not holds:
            raise Bad("entry %d: %s" % (entry.number, why))

    for name in ("payee", "contract", "invoice", "item", "provider", "note", "rate_source"):
        text = str(getattr(entry, name))
        need(len(text) <= (500 if name == "note" else 200), "%s is too long" % name)
        need(text == text.strip(), "%s has blanks at an end" % name)
        bad = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} | (_UNPRINTABLE & {"Cn"})
        need(not any(unicodedata.category(c) in bad for c in text), "%s cannot be printed" % name)
    _require_day(entry.day)
    need(not entry.document or is_hash(entry.document), "document is no SHA-256")
    if entry.kind == "cancellation":
        kept = {"number", "day", "kind", "cancels", "note", "document"}
        usual = {"amount": 0, "currency": "CNY"}
        rest = [name for name in LedgerEntry._fields if name not in kept]
        need(all(getattr(entry, name) == usual.get(name, "") for name in rest), "a cancellation says more")
        need(entry.cancels and entry.note, "a cancellation says what and why")
        return
    amount, kind = entry.amount, entry.kind
    need(
        {"contract": amount > 0, "invoice": amount != 0, "refund": amount < 0, "payment": amount >= 0}[kind],
        "the sign of the amount",
    )
    need(kind != "payment" or amount or entry.purpose in OPERATIONS, "a payment of 0")
    told = (entry.rate, entry.rate_source, entry.rate_day)
    need(_CURRENCY.match(entry.currency), "no currency")
    if entry.currency == "CNY":
        need(not any(told), "yuan have no rate")
    else:
        need(all(told) and 0 < number(entry.rate) <= 10**6, "a foreign currency needs its rate")
        _require_day(entry.rate_day)
        need(kind not in PAID or entry.rate_day <= entry.day, "a rate of a later day")
    need(entry.payee, "no payee")
    need(kind != "contract" or entry.contract, "no number of the contract")
    need(kind != "invoice" or entry.invoice, "no number of the invoice")
    need(entry.purpose in (*INVESTMENT, *OPERATIONS), "no purpose")
    need(entry.purpose not in OPERATIONS or entry.item, "no cost item")
    need(not entry.provider or _SOURCE_NAME.match(entry.provider), "no provider")
    if entry.service_from or entry.service_to:
        need(_MONTH_NAME.match(entry.service_from) and _MONTH_NAME.match(entry.service_to), "no months")
        need(0 < len(months_between(entry.service_from, entry.service_to)) <= 120, "months out of order")


class Declared(NamedTuple):
    """What the enterprise declared, all of it readable."""

    edition: Edition
    scope: Optional[Scope]
    versions: List[Version]
    records: List[bytes]
    profile: Optional[Profile]
    ledger: Ledger

    @property
    def in_use(self) -> Optional[Version]:
        """The newest version that is the scope of the pack."""
        mine = [v for v in self.versions if self.scope is not None and v.scope.sha256 == self.scope.sha256]
        return mine[-1] if mine else None


def check_declared(
    pack: Pack, said: Statement, chained: Iterable[str], trusted: Dict[str, str], findings: Findings
) -> Optional[Declared]:
    """Step 2; ``chained`` are the hosts of the chains that were read."""
    add = findings.add
    edition: Optional[Edition] = None
    raw = pack.read("data/edition.toml")
    try:
        edition = read_edition(raw)
    except Bad as error:
        add("EDITION", "data/edition.toml", got=error)
    if edition is not None and edition.id not in trusted:
        add("EDITION_UNKNOWN", "data/edition.toml", got="%s %s" % (edition.id, edition.sha256))
    elif edition is not None and trusted[edition.id] != edition.sha256:
        add("EDITION_DIFFERS", "data/edition.toml", expected=trusted[edition.id], got=edition.sha256)
    scope, scope_lost = _check_scope(pack, said, chained, findings)
    versions, records = _check_versions(pack, said, scope, findings)
    profile: Optional[Profile] = None
    if edition is not None and "data/profile.toml" in pack:
        try:
            profile = read_profile(pack.read("data/profile.toml"), edition)
        except Bad as error:
            add("PROFILE", "data/profile.toml", got=error)
        if profile is not None:
            _check_profile(profile, said, scope, findings)
    ledger: Optional[Ledger] = None
    try:
        if "data/ledger.json" in pack and not pack.read("data/ledger.json"):
            raise Bad("it is empty")
        ledger = read_ledger(pack.read("data/ledger.json"))
    except Bad as error:
        add("LEDGER", "data/ledger.json", got=error)
    unread = profile is None and "data/profile.toml" in pack
    if ledger is not None and not unread:
        _check_documents(pack, profile, ledger, findings)
    if edition is None or versions is None or ledger is None or unread or scope_lost:
        return None
    return Declared(edition, scope, versions, records, profile, ledger)


def _check_scope(
    pack: Pack, said: Statement, chained: Iterable[str], findings: Findings
) -> Tuple[Optional[Scope], bool]:
    where = "data/scope.toml"
    if where not in pack:
        findings.add("SCOPE_NOT_DECLARED", where)
        return None, False
    try:
        scope = read_scope(pack.read(where))
    except Bad as error:
        findings.add("SCOPE", where, got=error)
        return None, True
    if scope.enterprise != said.enterprise:
        findings.add("SCOPE", where, expected=said.enterprise, got=scope.enterprise)
    for host in chained:
        if host not in scope.names:
            findings.add("SCOPE", "data/hosts.json", host, got="chunks of a host that is not declared")
    return scope, False


def _check_versions(
    pack: Pack, said: Statement, scope: Optional[Scope], findings: Findings
) -> Tuple[Optional[List[Version]], List[bytes]]:
    where = "data/scopes.json"
    versions: List[Version] = []
    records: List[bytes] = []
    if where in pack:
        try:
            pairs = read_scope_records(pack.read(where))
            records = [record for record, _ in pairs]
            versions = read_versions(pairs)
        except Bad as error:
            findings.add("SCOPES", where, got=error)
            return None, records
    if versions and versions[-1].scope.enterprise != said.enterprise:
        findings.add("SCOPES", where, expected=said.enterprise, got=versions[-1].scope.enterprise)
    if len(versions) > 1:
        findings.add("SCOPE_CHANGED", where, got="%d versions" % len(versions))
    if scope is not None:
        mine = [version for version in versions if version.scope.sha256 == scope.sha256]
        if not mine:
            findings.add("SCOPE_UNDECLARED", "data/scope.toml", got=scope.sha256)
        elif mine[-1] is not versions[-1]:
            got = "version %d of %d" % (mine[-1].version, len(versions))
            findings.add("SCOPE_CHANGED", "data/scope.toml", expected="the last version", got=got)
    return versions, records


def _check_profile(profile: Profile, said: Statement, scope: Optional[Scope], findings: Findings) -> None:
    where = "data/profile.toml applicant."
    if profile.name != said.enterprise:
        findings.add("PROFILE", where + "name", expected=said.enterprise, got=profile.name)
    counts = {"total": profile.total, "cloud_users": profile.cloud_users}
    for name, declared in sorted((scope.head_counts if scope else {}).items()):
        if counts[name] not in (None, declared):
            findings.add("PROFILE", where + "size." + name, expected=declared, got=counts[name])


def _check_documents(pack: Pack, profile: Optional[Profile], ledger: Ledger, findings: Findings) -> None:
    packed = {found[1] for found in map(_DOCUMENT_NAME.match, pack.entries) if found}
    named = {one.sha256 for one in profile.documents} if profile else set()
    named |= {entry.document for entry in ledger.entries if entry.document}
    for missing in sorted(named - packed):
        findings.add("DOCUMENT_MISSING", "data/documents/" + missing)
    for unnamed in sorted(packed - named):
        findings.add("DOCUMENT", "data/documents/" + unnamed, got="neither profile nor ledger names it")


# ======================================================================================================
# Step 8  Figures: bounds of every indicator from day sums and rules (docs/definitions.md), and the star
# ======================================================================================================


class Window(NamedTuple):
    """The days of a window: those that count with length and beginning, by ordinal."""

    first_day: int
    after_day: int
    start_ms: int
    end_ms: int
    lengths: Dict[int, int]
    starts: Dict[int, int]
    excluded_ms: int

    @property
    def counted_ms(self) -> int:
        """Time that counts."""
        return sum(self.lengths.values())


def window_of(calendar: Calendar, month: str, count: int, scope: Optional[Scope]) -> Window:
    """Return the window of ``count`` months that end with ``month``, cut to the scope's days."""
    last = calendar.month(month)
    spans = [calendar.month(name) for name in months_until(month, count)[:-1]] + [last]
    first, after = spans[0][0], spans[-1][1]
    if scope is not None:
        if scope.last_day < spans[-1][0] or scope.first_day >= after or scope.first_day >= spans[0][1]:
            raise Bad("%s lies outside the scope's window" % month)
        first, after = max(first, scope.first_day), min(after, scope.last_day + 1)
    out = {
        day
        for begins, ends, _, _ in (scope.exclusions if scope else ())
        for day in range(max(first, begins), min(after, ends + 1))
    }
    starts = {day: calendar.day_start(day) for day in range(first, after + 1)}
    lengths = {day: starts[day + 1] - starts[day] for day in range(first, after)}
    counted = [day for day in lengths if day not in out]
    return Window(
        first, after, starts[first], starts[after], {day: lengths[day] for day in counted},
        {day: starts[day] for day in counted}, sum(lengths[day] for day in out),
    )  # fmt: skip


class Bounds(NamedTuple):
    """A figure with its ends; ``None`` where nothing is known, or there is no end."""

    low: Optional[Fraction] = None
    value: Optional[Fraction] = None
    high: Optional[Fraction] = None
    running: Optional[Fraction] = None


UNKNOWN = Bounds()
ZERO = Fraction(0)


class Fill(NamedTuple):
    """What missing weight takes at either end, and the share of it that keeps 0 and the limit."""

    low: Fraction
    high: Fraction
    hard: Fraction


def bound(
    done: Any, covered_: Any, known_: Any, missing: Any, limit: Any, fill: Optional[Fill] = None
) -> Bounds:
    """Return the three ends of an amount over known and missing weight."""
    counted = known_ + missing
    if counted == 0:
        return UNKNOWN
    if limit is not None and done > limit * known_:
        limit = None
    least: Any = 0
    most: Any = None
    if missing == 0:
        most = 0
    elif fill is None:
        most = None if limit is None else limit * missing
    else:
        hard = missing * fill.hard
        least = fill.low * (missing - hard)
        if limit is not None:
            most = min(fill.high, limit) * (missing - hard) + limit * hard
        elif not hard:
            most = fill.high * missing
    return Bounds(
        Fraction(done + least) / counted,
        Fraction(done) / known_ if known_ else None,
        None if most is None else Fraction(done + most) / counted,
        Fraction(done) / covered_ if covered_ else None,
    )


def _join(parts: Sequence[Bounds], join: Callable[[List[Fraction]], Fraction]) -> Bounds:
    def of(numbers: Iterable[Optional[Fraction]]) -> Optional[Fraction]:
        there = [n for n in numbers if n is not None]
        return join(there) if there else None

    open_end = any(part.high is None for part in parts)
    return Bounds(
        of(p.low for p in parts), of(p.value for p in parts), None if open_end else of(p.high for p in parts),
        of(p.running for p in parts),
    )  # fmt: skip


def least_of(parts: Sequence[Bounds]) -> Bounds:
    """Return the bounds of the least of several figures."""
    values = [part.value for part in parts if part.value is not None]
    return Bounds(
        min(part.low or ZERO for part in parts),
        min(values) if len(values) == len(parts) else None,
        min((part.high for part in parts if part.high is not None), default=None),
        min((part.running for part in parts if part.running is not None), default=None),
    )


class Times(NamedTuple):
    """How time divides, in ms; suspect time is a part of the missing."""

    observed: int = 0
    bridged: int = 0
    downtime: int = 0
    excluded: int = 0
    missing: int = 0
    suspect: int = 0

    @property
    def covered(self) -> int:
        """Observed and bridged."""
        return self.observed + self.bridged

    @property
    def known(self) -> int:
        """Covered, or the host was off."""
        return self.covered + self.downtime

    def seconds(self) -> Dict[str, int]:
        """Return whole seconds that add up; missing takes the rest."""
        names = ("observed_s", "bridged_s", "downtime_s", "excluded_s")
        parts = {name: ms // S_MS for name, ms in zip(names, self)}
        parts["missing_s"] = (self.known + self.missing + self.excluded) // S_MS - sum(parts.values())
        return parts

    @property
    def share(self) -> Optional[str]:
        """Coverage: of the time that was neither downtime nor excluded, what is known."""
        running = self.covered + self.missing
        return rounded_down(Fraction(self.covered, running)) if running else None


def all_times(parts: Iterable[Times]) -> Times:
    """Return the sums over all hosts."""
    listed = list(parts)
    return Times(*(sum(column) for column in zip(*listed))) if listed else Times()


def classify(window: Window, sums: Sequence[int]) -> Times:
    """Return how the window divides for a metric."""
    missing = window.counted_ms - known(sums)
    return Times(sums[OBSERVED], sums[BRIDGED], sums[DOWNTIME], window.excluded_ms, missing, sums[SUSPECT])


Days = Dict[int, Sums]
Amounts = Dict[Tuple[str, str], Days]


def total_of(days: Days) -> Sums:
    """Return the sums over all days."""
    return [sum(column) for column in zip(*days.values())] if days else NOTHING


def stands_for(sums: Sequence[int], source: Optional[str]) -> int:
    """Return the time that an amount stands for."""
    return sums[WHOLE] if averaged(source) else covered(sums)


class HostFigure(NamedTuple):
    """The figure of one host."""

    host: str
    source: Optional[str]
    bounds: Bounds
    times: Times
    weight: Optional[Fraction] = None
    steal: Optional[Fraction] = None
    marks: Tuple[Tuple[str, Tuple[int, ...]], ...] = ()
    capacity_from: str = "unknown"


class HostMonth:
    """One host over one window: declared and measured; ``filler`` while substitution is asked."""

    def __init__(self, host: Host, window: Window, amounts: Amounts, filler: Any = None) -> None:
        """Keep the days that count."""
        self.host, self.window, self.filler = host, window, filler
        self.amounts = {
            key: {day: sums for day, sums in days.items() if day in window.lengths}
            for key, days in amounts.items()
        }

    def days(self, source: Optional[str], metric: str) -> Days:
        """Return the day sums of a metric."""
        return self.amounts.get((source or "agent", metric), {})

    def source(self, counters: Sequence[str], averages: Sequence[str]) -> Optional[str]:
        """Return the first source that knows anything of these metrics."""
        for source in self.host.sources or usual_order(source for source, _ in self.amounts):
            names = averages if averaged(source) else counters
            if any(known(total_of(self.days(source, name))) for name in names):
                return source
        return None

    def fill(self, source: Optional[str], metric: str, done: Any, each: Any = lambda _: 1) -> Optional[Fill]:
        """Return what missing time takes by the rule that is asked, if one is."""
        found: Optional[Fill] = None
        if self.filler is not None and source is not None:
            found = self.filler((source, metric), done, each)
        return found

    def marks(self, source: Optional[str], times: Times) -> List[Tuple[str, Tuple[int, ...]]]:
        """Return the marks that all definitions give."""
        found = ["NO_DATA"] if source is None else []
        if averaged(source):
            found.append("NOT_ATTESTED")
        if source is not None and self.host.sources and source != self.host.sources[0]:
            found.append("SECOND_SOURCE")
        if times.suspect:
            found.append("SUSPECT_TIME")
        return [(code, ()) for code in found]


def weigh(
    month: HostMonth, days: Days, source: Optional[str], each: Any = lambda _: 1
) -> Tuple[Any, Any, Any]:
    """Return covered, known and missing weight."""
    covered_ = known_ = whole = unseen = heaviest = 0
    for day, length in month.window.lengths.items():
        weight, sums = each(day), days.get(day, NOTHING)
        whole += weight * length
        heaviest = max(heaviest, weight)
        stands = stands_for(sums, source)
        covered_ += weight * stands
        known_ += weight * (stands + sums[DOWNTIME])
        unseen += weight * (length - known(sums))
    if averaged(source) and unseen:
        unseen = max(unseen, whole - known_) + heaviest * SHORT_AVERAGE_MS
    return covered_, known_, unseen


def percent_of(sums: Sequence[int]) -> Fraction:
    """Return the busy share of ticks in percent."""
    return Fraction(100 * sums[AMOUNT], sums[WHOLE]) if sums[WHOLE] else ZERO


def cpu_figure(month: HostMonth) -> HostFigure:
    """``cpu.busy/1``."""
    source = month.source(("cpu",), ("cpu.utilization",))
    name = "cpu.utilization" if averaged(source) else "cpu"
    days = month.days(source, name)
    sums = list(total_of(days))
    if source == "agent" and not sums[WHOLE]:
        sums[OBSERVED] = sums[BRIDGED] = 0
    times = classify(month.window, sums)
    marks = month.marks(source, times)
    if averaged(source):
        covered_, known_, missing = weigh(month, days, source)
        busy = Fraction(sums[AMOUNT], NANO)
        exceeded = busy > 100 * covered_
        if exceeded:
            marks.append(("LIMIT_EXCEEDED", ()))
        fill = month.fill(source, name, lambda hour: Fraction(hour[AMOUNT], NANO))
        bounds = bound(busy, covered_, known_, missing, None if exceeded else 100, fill)
    else:
        fill = month.fill(source, name, lambda hour: percent_of(hour) * covered(hour))
        bounds = _counted_cpu(percent_of(sums), times, fill)
    stolen = total_of(month.days("agent", "cpu.steal"))
    steal = percent_of(stolen) if source == "agent" and stolen[WHOLE] else None
    return HostFigure(month.host.id, source, bounds, times, None, steal, tuple(marks))


def _counted_cpu(mean: Fraction, times: Times, fill: Optional[Fill]) -> Bounds:
    counted = times.known + times.missing
    if not counted:
        return UNKNOWN
    if fill is not None:
        fill = Fill(min(fill.low, mean), max(fill.high, mean), fill.hard)
    running = bound(
        mean * times.covered, times.covered, times.covered, times.missing * Fraction(5, 4), 100, fill
    )
    up = Fraction(times.covered + times.missing, counted)
    value = (running.value or ZERO) * Fraction(times.covered, times.known) if times.known else None
    return Bounds((running.low or ZERO) * up, value, (running.high or ZERO) * up, running.running)


def _capacity(month: HostMonth, source: Optional[str]) -> Tuple[str, List[str], Dict[int, Fraction]]:
    """Return where the capacity comes from (declared, bought, capped, measured), codes of notes, and it by day."""
    lengths = month.window.lengths
    if month.host.capacities:
        return "declared", [], {day: month.host.capacity(day) for day in lengths}
    for cloud in usual_order(name for name, _ in month.amounts):
        bought, capped = (
            {day: sums for day, sums in month.days(cloud, name).items() if sums[AMOUNT]}
            for name in ("net.capacity.committed", "net.capacity.cap")
        )
        capped = {day: sums for day, sums in capped.items() if day not in bought}
        if bought or capped:
            codes = (["CAPACITY_INVENTORY"] if bought else []) + (["CAPACITY_CAP"] if capped else [])
            pairs = {day: (s[AMOUNT], NANO * s[WHOLE]) for day, s in [*bought.items(), *capped.items()]}
            return "cap" if capped else "inventory", codes, _every_day(pairs, lengths)
    days = month.days("agent", "net.capacity")
    if source != "agent" or not total_of(days)[AMOUNT]:
        return "unknown", ["CAPACITY_UNKNOWN"], {}
    pairs = {day: (sums[AMOUNT], covered(sums)) for day, sums in days.items() if covered(sums)}
    return "measured", ["CAPACITY_MEASURED"], _every_day(pairs, lengths)


def _every_day(pairs: Dict[int, Tuple[int, int]], lengths: Iterable[int]) -> Dict[int, Fraction]:
    mean = Fraction(sum(a for a, _ in pairs.values()), sum(w for _, w in pairs.values()))
    return {day: Fraction(*pairs[day]) if day in pairs else mean for day in lengths}


def bandwidth_figure(month: HostMonth) -> HostFigure:
    """``bandwidth.max_direction/1``."""
    source = month.source(("net.rx", "net.tx"), ("net.rx.rate", "net.tx.rate"))
    names = ("net.rx.rate", "net.tx.rate") if averaged(source) else ("net.rx", "net.tx")
    both = [month.days(source, name) for name in names]
    times = classify(month.window, min((total_of(days) for days in both), key=covered))
    marks = month.marks(source, times)
    origin, codes, capacity = _capacity(month, source)
    marks.extend((code, ()) for code in codes)
    if not capacity:
        return HostFigure(month.host.id, source, UNKNOWN, times, marks=tuple(marks))
    if source and not all(known(total_of(days)) for days in both):
        marks.append(("ONE_DIRECTION_ONLY", ()))
    per_byte: Any = 8 * S_MS * (Fraction(1, NANO * S_MS) if averaged(source) else 1)
    exceeded = {
        day for days in both for day, sums in days.items()
        if sums[AMOUNT] * per_byte > capacity[day] * stands_for(sums, source)
    }  # fmt: skip
    if exceeded:
        marks.append(("CAPACITY_EXCEEDED", tuple(sorted(exceeded))))
        return HostFigure(month.host.id, source, UNKNOWN, times, marks=tuple(marks), capacity_from=origin)
    parts = []
    for name, days in zip(names, both):
        fill = month.fill(source, name, lambda hour: 100 * per_byte * hour[AMOUNT], capacity.__getitem__)
        weights = weigh(month, days, source, capacity.__getitem__)
        parts.append(bound(100 * per_byte * total_of(days)[AMOUNT], *weights, 100, fill))
    whole = sum(capacity[day] * ms for day, ms in month.window.lengths.items())
    weight = Fraction(whole) / month.window.counted_ms if whole else None
    return HostFigure(month.host.id, source, _join(parts, max), times, weight, None, tuple(marks), origin)


def block_figure(month: HostMonth) -> HostFigure:
    """``reads_writes.block_io/1``."""
    return _operations(month, "disk", month.host.iops_limit)


def statement_figure(month: HostMonth) -> HostFigure:
    """``reads_writes.database/1``."""
    told = "database" in month.host.sources
    if not month.host.sources:
        told = month.source(("db.reads", "db.writes"), ("db.reads.rate", "db.writes.rate")) is not None
    if not told:
        return HostFigure(
            month.host.id, None, Bounds(ZERO, None, ZERO), Times(), marks=(("NO_DATABASE", ()),)
        )
    found = _operations(month, "db", None)
    return found._replace(marks=tuple(mark for mark in found.marks if mark[0] != "SECOND_SOURCE"))


def _operations(month: HostMonth, what: str, limit: Optional[Fraction]) -> HostFigure:
    counters = (what + ".reads", what + ".writes")
    averages = (what + ".reads.rate", what + ".writes.rate")
    source = month.source(counters, averages)
    names = averages if averaged(source) else counters
    both = [month.days(source, name) for name in names]
    times = classify(month.window, min((total_of(days) for days in both), key=covered))
    marks = month.marks(source, times)
    if source and not all(known(total_of(days)) for days in both):
        marks.append(("ONE_KIND_ONLY", ()))
    each: Any = Fraction(1, NANO * S_MS) if averaged(source) else 1
    exceeded = {
        day for days in both for day, sums in days.items()
        if limit is not None and sums[AMOUNT] * each * S_MS > limit * stands_for(sums, source)
    }  # fmt: skip
    if exceeded:
        marks.append(("LIMIT_EXCEEDED", tuple(sorted(exceeded))))
    most = None if limit is None or exceeded else limit * 86_400
    per_day = each * 86_400 * S_MS
    parts = []
    for name, days in zip(names, both):
        fill = month.fill(source, name, lambda hour: hour[AMOUNT] * per_day)
        parts.append(bound(total_of(days)[AMOUNT] * per_day, *weigh(month, days, source), most, fill))
    if limit is None and times.missing:
        marks.append(("NO_UPPER_BOUND", ()))
    return HostFigure(month.host.id, source, _join(parts, exact_sum), times, marks=tuple(marks))


def fleet(hosts: Sequence[HostFigure], aggregation: str) -> Bounds:
    """Return the fleet's bounds; a host without data adds nothing below and its limit above."""
    if all(host.bounds.value is None for host in hosts):
        return UNKNOWN
    weights: List[Fraction] = [Fraction(1)] * len(hosts)
    whole = Fraction(1 if aggregation == ADDED else len(hosts))
    if aggregation == WEIGHTED:
        weights = [host.weight for host in hosts if host.weight is not None]
        if len(weights) < len(hosts):
            return UNKNOWN
        whole = exact_sum(weights)

    def over(numbers: Sequence[Optional[Fraction]]) -> Fraction:
        return exact_sum([w * (n or ZERO) for w, n in zip(weights, numbers)]) / whole

    parts = [host.bounds for host in hosts]
    runs = any(part.running is not None for part in parts)
    return Bounds(
        over([p.low for p in parts]), over([p.value for p in parts]),
        None if any(p.high is None for p in parts) else over([p.high for p in parts]),
        over([p.running for p in parts]) if runs else None,
    )  # fmt: skip


def judge(bounds: Bounds, threshold: Fraction) -> str:
    """Return the verdict of bounds about a threshold."""
    if bounds.value is None or bounds.low is None:
        return "NO_DATA"
    if bounds.low >= threshold:
        return "PASS"
    return "FAIL" if bounds.high is not None and bounds.high < threshold else "INCONCLUSIVE"


# -- hours: for substitution, and for comparing sources --------------------------------------------------

SLOTS_A_DAY = 32


class Hours:
    """The slots of hour sums: hours inside the window, whole days outside."""

    def __init__(self, window: Window, calendar: Calendar) -> None:
        """Divide the days of a window."""
        self._window, self._calendar = window, calendar

    def _inside(self, day: int) -> bool:
        return self._window.first_day <= day < self._window.after_day

    def day_of(self, instant: int) -> int:
        """Return the slot of an instant."""
        day = self._calendar.day_of(instant)
        passed = (instant - self._calendar.day_start(day)) // HOUR_MS if self._inside(day) else 0
        return day * SLOTS_A_DAY + passed

    def split(self, start: int, end: int) -> List[Interval]:
        """Return the slots that a stretch touches."""
        pieces: List[Interval] = []
        at = start
        for day, length in self._calendar.split(start, end):
            stop = at + length
            if not self._inside(day):
                pieces.append((day * SLOTS_A_DAY, length))
                at = stop
            while at < stop:
                passed = (at - self._calendar.day_start(day)) // HOUR_MS
                until = min(stop, self._calendar.day_start(day) + (passed + 1) * HOUR_MS)
                pieces.append((day * SLOTS_A_DAY + passed, until - at))
                at = until
        return pieces

    def whole(self, start: int, end: int) -> Optional[int]:
        """Return the one slot that holds a stretch."""
        slots = {slot for slot, _ in self.split(start, end)}
        return slots.pop() if len(slots) == 1 else None

    def same_month(self, first: int, second: int) -> bool:
        """Return whether two slots lie in one month."""
        return self._calendar.same_month(first // SLOTS_A_DAY, second // SLOTS_A_DAY)


def hour_lengths(window: Window) -> List[Interval]:
    """Return every counted hour with its length."""
    return [
        (day * SLOTS_A_DAY + n, min(HOUR_MS, length - n * HOUR_MS))
        for day, length in sorted(window.lengths.items())
        for n in range(-(-length // HOUR_MS))
    ]


def hour_sums(chunks: Iterable[Chunk], window: Window, calendar: Calendar) -> Dict[str, Dict[int, Sums]]:
    """Return the hour sums of one host and source, by metric and hour."""
    lengths, slots, crediting = dict(hour_lengths(window)), Hours(window, calendar), Crediting()
    found: SlotSums = {}
    coarse = set()
    for chunk in chunks:
        sums = chunk_sums(chunk, slots, crediting.occupied(chunk))
        first, second = chunk.values[0], chunk.values[1]
        spans = zip(first, first[1:]) if chunk.manifest.kind == "counters" else (
            (start, start + length) for start, length in zip(first, second)
        )  # fmt: skip
        smeared = set()
        for start, end in spans:
            if end - start > SHORT_AVERAGE_MS:
                touched = [slot for slot, ms in slots.split(start, end) if ms > EDGE_TOLERANCE_MS]
                smeared.update(touched if len(touched) > 1 else [])
        for (metric, slot), value in sums.items():
            if slot in lengths:
                _credit(found, metric, slot, value)
            if slot in smeared:
                coarse.add((metric, slot))
    result: Dict[str, Dict[int, Sums]] = {}
    for (metric, slot), value in found.items():
        if (metric, slot) in coarse:
            value[BRIDGED], value[OBSERVED] = covered(value), 0
        result.setdefault(metric, {})[slot] = value
    return result


HourReader = Callable[[Window, str], Dict[Tuple[str, str], Dict[int, Sums]]]


class Gate(Exception):
    """What was seen cannot speak for what was not; ``args[0]`` is the code."""


class ExtremeHour:
    """``extreme_hour/1``: missing time takes the lowest, and the highest, hour that was seen."""

    def __init__(
        self, month: HostMonth, hours: Dict[Tuple[str, str], Dict[int, Sums]], gate: Fraction
    ) -> None:
        """Keep what is known of the host."""
        self._window, self._amounts, self._hours, self._gate = month.window, month.amounts, hours, gate
        self.filled = False

    def __call__(self, key: Tuple[str, str], done: Any, each: Any) -> Optional[Fill]:
        """Return what missing weight takes, ``None`` if hardly any is missing; ``Gate`` if it may not."""
        days = self._amounts.get(key, {})
        sums, counted = total_of(days), self._window.counted_ms
        if counted - known(sums) < HOUR_MS:
            return None
        if covered(sums) < self._gate * (counted - sums[DOWNTIME]):
            raise Gate("SUBSTITUTION_COVERAGE")
        self._require_days(days)
        mine = self._hours.get(key, {})
        hours = [(slot, ms, mine.get(slot, NOTHING)) for slot, ms in hour_lengths(self._window)]
        lows, highs = [], []
        for slot, ms, hour in hours:
            ran = stands_for(hour, key[0])
            if not self._seen(hour, ms) or ran + hour[DOWNTIME] == 0:
                continue
            amount, weight = Fraction(done(hour)), each(slot // SLOTS_A_DAY)
            lows.append(amount / (weight * (ran + hour[DOWNTIME])))
            highs.append(amount / (weight * ran) if ran else ZERO)
        if len(lows) < 168:
            raise Gate("SUBSTITUTION_HOURS")
        self.filled = True
        return Fill(min(lows), max(highs), self._hard(hours, each))

    @staticmethod
    def _seen(hour: Sequence[int], ms: int) -> bool:
        return 4 * (hour[OBSERVED] + hour[DOWNTIME]) >= 3 * ms

    def _require_days(self, days: Days) -> None:
        running = 0
        months: Counter = Counter()  # type: ignore[type-arg]
        for day, length in sorted(self._window.lengths.items()):
            if 2 * (length - known(days.get(day, NOTHING))) <= length:
                running = 0
                continue
            running += 1
            months[iso(day)[:7]] += 1
            if running > 3 or months[iso(day)[:7]] > 5:
                raise Gate("SUBSTITUTION_DAYS")

    def _hard(self, hours: Sequence[Tuple[int, int, Sums]], each: Any) -> Fraction:
        """Return the share that keeps 0 and the limit: before boots, at the edges, in hours hardly seen."""
        hard = set()
        booted = False
        for slot, ms, hour in reversed(hours):
            booted = booted or hour[RESTARTS] > 0
            if booted:
                hard.add(slot)
            if hour[RESTARTS] == 0 and (self._seen(hour, ms) or known(hour) == ms):
                booted = False
        for ordered in (hours, hours[::-1]):
            for slot, _, hour in ordered:
                hard.add(slot)
                if known(hour):
                    break
        seen: Counter = Counter()  # type: ignore[type-arg]
        there: Counter = Counter()  # type: ignore[type-arg]
        for slot, ms, hour in hours:
            there[slot % SLOTS_A_DAY] += 1
            seen[slot % SLOTS_A_DAY] += self._seen(hour, ms)
        whole = kept = ZERO
        for slot, ms, hour in hours:
            weight = each(slot // SLOTS_A_DAY) * (ms - known(hour))
            whole += weight
            if slot in hard or 2 * seen[slot % SLOTS_A_DAY] < there[slot % SLOTS_A_DAY]:
                kept += weight
        return kept / whole if whole else Fraction(1)


def _substituted(
    hard: HostFigure, month: HostMonth, rule: Any, hours: HourReader, gate: Fraction
) -> HostFigure:
    """Return a host's figure under the rule, marked with what became of it."""
    reason, bounds = "SUBSTITUTION_NO_VALUE", hard.bounds
    if bounds.value is not None:
        filler = ExtremeHour(month, hours(month.window, month.host.id), gate)
        month.filler = filler
        try:
            found = rule(month).bounds
            reason = "SUBSTITUTED" if filler.filled else "SUBSTITUTION_LITTLE"
        except Gate as stop:
            reason = str(stop)
        month.filler = None
        if reason == "SUBSTITUTED":
            value = bounds.value
            low = max(min(found.low or ZERO, value), bounds.low or ZERO)
            high = found.high
            if high is not None:
                high = max(high, value) if bounds.high is None else min(max(high, value), bounds.high)
            bounds = bounds._replace(low=low, high=high)
    return hard._replace(bounds=bounds, marks=(*hard.marks, (reason, ())))


# -- figures of the enterprise ---------------------------------------------------------------------------


class EnterpriseFigure(NamedTuple):
    """A figure of the enterprise."""

    bounds: Bounds
    times: Times = Times()
    undecided: Tuple[str, ...] = ()
    detail: Optional[Dict[str, Any]] = None
    notes: Tuple[Tuple[str, Tuple[Tuple[str, Tuple[int, ...]], ...]], ...] = ()


def yuan(fen: Fraction) -> str:
    """Return hundredths as a number with two decimals, rounded down."""
    whole = fen.numerator // fen.denominator
    return "%s%d.%02d" % ("-" if whole < 0 else "", abs(whole) // 100, abs(whole) % 100)


def _fen(entries: Iterable[LedgerEntry]) -> Fraction:
    return sum((entry.fen for entry in entries), ZERO)


class Measuring:
    """All that the figures of one pack rest on."""

    def __init__(
        self, said: Statement, calendar: Calendar, declared: Declared, enrolled: Iterable[Enrolment],
        sums: Dict[Tuple[str, str, str, int], Sums], activity: Sequence[Any], hours: HourReader,
    ) -> None:  # fmt: skip
        """Prepare windows, definitions and amounts; ``Bad`` if they do not fit."""
        self.said, self.calendar, self.declared, self.hours = said, calendar, declared, hours
        scope, edition = declared.scope, declared.edition
        if scope is not None and scope.timezone != said.timezone:
            raise Bad("the scope is of another time zone")
        counts = {rule.months for rule in edition.rules if rule.aggregation != DECLARED} | {1}
        self.windows = {count: window_of(calendar, said.month, count, scope) for count in sorted(counts)}
        self.window = self.windows[max(self.windows)]
        if said.made_ms <= self.window.start_ms:
            raise Bad("the window has not begun")
        if scope is not None and scope.edition != edition.id:
            raise Bad("the scope names another edition")
        self.definitions = _definitions(edition, scope)
        sources: Dict[str, List[str]] = {}
        for one in enrolled:
            sources.setdefault(one.host, []).append(one.source)
        self.present = sorted(sources)
        working = [h for h in self.present if any(carried(source) != "activity" for source in sources[h])]
        self.hosts = scope.hosts if scope else tuple(Host(name) for name in working)
        self.amounts: Dict[str, Amounts] = {}
        for (host, source, metric, day), values in sums.items():
            length = self.window.lengths.get(day)
            if length is None:
                continue
            if min(values[:6]) < 0 or sum(values[OBSERVED : SUSPECT + 1]) > length:
                raise Bad("no day can have these sums: %s %s %s %s" % (host, source, metric, iso(day)))
            self.amounts.setdefault(host, {}).setdefault((source, metric), {})[day] = values
        active = scope.names if scope else set(self.present)
        self.active = {host: found for host, found in self.amounts.items() if host in active}
        self.activity = [row for row in activity if row[0] in active]
        self.today = calendar.day_of(said.made_ms)
        self.stars = [star.id for star in edition.stars]
        self.indicators: List[Dict[str, Any]] = []
        self.shown: Dict[str, Any] = {}
        mine = declared.in_use
        before = [v for v in declared.versions if v.declared_ms < self.window.start_ms]
        self.in_force = bool(before) and mine is before[-1]

    def document(self) -> Dict[str, Any]:
        """Return the figures as data/figures.json holds them, without the words of notes."""
        scope, edition, window = self.declared.scope, self.declared.edition, self.window
        self.indicators = [self._indicator(rule) for rule in edition.rules]
        notes: List[Any] = []
        if scope is None:
            notes.append(("NO_SCOPE", ()))
        else:
            if scope.enterprise != self.said.enterprise:
                notes.append(("ENTERPRISE_DIFFERS", ()))
            outside = sorted(set(self.present) - scope.names)
            if outside:
                notes.append(("HOSTS_OUTSIDE_SCOPE", tuple((name, ()) for name in outside)))
        return {
            "schema": "starproof/figures/1",
            "enterprise": scope.enterprise if scope else self.said.enterprise,
            "month": self.said.month,
            "months": list(months_until(self.said.month, max(self.windows))),
            "timezone": self.calendar.zone,
            "edition": {"id": edition.id, "sha256": edition.sha256},
            "scope_given": "yes" if scope else "no",
            "scope_sha256": scope.sha256 if scope else None,
            "window": {
                "start_ms": window.start_ms, "end_ms": window.end_ms,
                "first_day": iso(window.first_day), "last_day": iso(window.after_day - 1),
            },
            "provisional": "yes" if self.said.made_ms < window.end_ms else "no",
            "exclusions": [
                {"from": iso(first), "to": iso(last), "reason": reason, "person": person}
                for first, last, reason, person in (scope.exclusions if scope else ())
            ],
            "indicators": [found["document"] for found in self.indicators],
            "notes": _notes(notes),
        }  # fmt: skip

    def _indicator(self, rule: Rule) -> Dict[str, Any]:
        definition = self.definitions[rule.id]
        window = self.windows.get(rule.months, self.windows[1])
        if definition.rule is None:
            return self._of_enterprise(rule, definition, window)
        months = [(name, self._month_window(name)) for name in months_until(self.said.month, rule.months)]
        found = self._of_hosts(definition.rule, window)
        alone = [found] if len(months) == 1 else [self._of_hosts(definition.rule, w) for _, w in months]
        by_month = []
        for (name, _), part in zip(months, alone):
            bounds = fleet(part, rule.aggregation)
            by_month.append((name, bounds, all_times(h.times for h in part), self._verdicts(rule, bounds)))
        deciding = [(window, found)]
        if rule.combine == "every_month":
            deciding = [(w, part) for (_, w), part in zip(months, alone)]
        bounds = least_of([fleet(part, rule.aggregation) for _, part in deciding])
        verdicts = self._verdicts(rule, bounds)
        if rule.combine == "every_month":
            for _, _, _, each in by_month:
                verdicts.update({star: "FAIL" for star, verdict in each.items() if verdict == "FAIL"})
        substitution, rests = None, []
        scope = self.declared.scope
        asked = (
            scope.substitution.get(rule.id)
            if scope and rule.substitution == "scope" and self.in_force
            else None
        )
        if asked is not None and "INCONCLUSIVE" in verdicts.values():
            filled, found = self._filled(rule, definition, deciding, found)
            for star in self.stars:
                if verdicts[star] == "INCONCLUSIVE" and star in rule.thresholds:
                    threshold = number(rule.thresholds[star])
                    hard = judge(bounds, threshold)
                    verdicts[star] = judge(filled, threshold) if hard == "INCONCLUSIVE" else hard
                    if hard == "INCONCLUSIVE" and verdicts[star] != "INCONCLUSIVE":
                        rests.append(star)
            printed = _printed(filled)
            substitution = {"rule": asked, "low": printed["low"], "high": printed["high"], "decided": rests}
        return self._shown(
            rule, definition, bounds, all_times(h.times for h in found), verdicts, found,
            by_month=by_month, substitution=substitution, rests=rests,
            notes=_host_notes(found), beside=self._beside(definition, window),
        )  # fmt: skip

    def _month_window(self, name: str) -> Window:
        return window_of(self.calendar, name, 1, self.declared.scope)

    def _of_hosts(self, rule: Any, window: Window) -> List[HostFigure]:
        ordered = sorted(self.hosts, key=lambda host: host.id)
        return [rule(HostMonth(host, window, self.amounts.get(host.id, {}))) for host in ordered]

    def _filled(
        self,
        rule: Rule,
        definition: Any,
        deciding: Sequence[Tuple[Window, List[HostFigure]]],
        found: List[HostFigure],
    ) -> Tuple[Bounds, List[HostFigure]]:
        parts = []
        added: Dict[str, Dict[Any, None]] = {}
        declared = {host.id: host for host in self.hosts}
        for window, hosts in deciding:
            filled = []
            for host in hosts:
                after = host
                if host.bounds.low != host.bounds.high:
                    month = HostMonth(declared[host.host], window, self.amounts.get(host.host, {}))
                    after = _substituted(host, month, definition.rule, self.hours, rule.gate)
                filled.append(after)
                added.setdefault(host.host, {}).update(dict.fromkeys(after.marks[len(host.marks) :]))
            parts.append(fleet(filled, rule.aggregation))
        marked = [host._replace(marks=(*host.marks, *added.get(host.host, {}))) for host in found]
        return least_of(parts), marked

    def _beside(self, definition: Any, window: Window) -> List[Dict[str, Any]]:
        shown = []
        for other in DEFINITIONS.values():
            if other.indicator != definition.indicator or other.id == definition.id or other.rule is None:
                continue
            found = self._of_hosts(other.rule, window)
            if any(figure.source is not None for figure in found):
                printed = _printed(fleet(found, other.aggregation))
                share = all_times(figure.times for figure in found).share
                zh, en = DEFINITION_WORDS[other.id]
                shown.append({"definition": other.id, "zh": zh, "en": en, **printed, "share": share})
        return shown

    def _verdicts(self, rule: Rule, bounds: Bounds) -> Dict[str, str]:
        return {
            star: judge(bounds, number(rule.thresholds[star])) if star in rule.thresholds else "INCONCLUSIVE"
            for star in self.stars
        }

    def _of_enterprise(self, rule: Rule, definition: Any, window: Window) -> Dict[str, Any]:
        found: Optional[EnterpriseFigure] = None
        if definition.enterprise is not None:
            found = definition.enterprise(self, rule, window)
        if found is None:
            verdicts = self._verdicts(rule, UNKNOWN)
            return self._shown(rule, definition, UNKNOWN, Times(), verdicts, [], notes=[("NOT_MEASURED", ())])
        _require_unit(rule, definition)
        verdicts = self._verdicts(rule, found.bounds)
        verdicts.update(dict.fromkeys(found.undecided, "INCONCLUSIVE"))
        return self._shown(
            rule,
            definition,
            found.bounds,
            found.times,
            verdicts,
            [],
            notes=list(found.notes),
            enterprise=found,
        )

    def _shown(
        self, rule: Rule, definition: Any, bounds: Bounds, times: Times, verdicts: Dict[str, str],
        hosts: List[HostFigure], *, notes: List[Any], by_month: Sequence[Any] = (),
        substitution: Optional[Dict[str, Any]] = None, rests: Sequence[str] = (),
        beside: Sequence[Dict[str, Any]] = (), enterprise: Optional[EnterpriseFigure] = None,
    ) -> Dict[str, Any]:  # fmt: skip
        parts = [host.times.seconds() for host in hosts]
        whole = [times.seconds()] if enterprise is not None else parts
        steals = [host.steal for host in hosts if host.steal is not None]
        steal = exact_sum(steals) / len(steals) if steals else None
        document = {
            "id": rule.id, "name_zh": rule.name_zh, "name_en": rule.name_en, "definition": definition.id,
            "aggregation": rule.aggregation, "unit": rule.unit, "months": rule.months, "combine": rule.combine,
            **_printed(bounds),
            "steal": rounded_down(steal),
            "coverage": _coverage(whole, times.share),
            "suspect_s": sum(host.times.suspect // S_MS for host in hosts),
            "thresholds": dict(rule.thresholds),
            "verdicts": dict(verdicts),
            "substitution": substitution,
            "by_month": [
                {"month": name, **_printed(b), "share": t.share, "verdicts": v} for name, b, t, v in by_month
            ],
            "hosts": [
                {
                    "host": host.host, "source": host.source, **_printed(host.bounds),
                    "capacity_bps": rounded_down(host.weight), "steal": rounded_down(host.steal),
                    "coverage": _coverage([part], host.times.share), "suspect_s": host.times.suspect // S_MS,
                }
                for host, part in zip(hosts, parts)
            ],
            "notes": _notes(notes),
        }  # fmt: skip
        if enterprise is not None:
            document["detail"] = enterprise.detail
        if beside:
            document["beside"] = list(beside)
        measured = definition.rule is not None or enterprise is not None
        return {
            "rule": rule, "document": document, "bounds": bounds, "verdicts": verdicts, "measured": measured,
            "rests": list(rests), "undecided": enterprise.undecided if enterprise else (),
            "hosts": hosts, "definition": definition, "window": self.windows.get(rule.months, self.windows[1]),
        }  # fmt: skip

    # -- money ------------------------------------------------------------------------------------------

    def investment(self, rule: Rule, _window: Window) -> Optional[EnterpriseFigure]:
        """``investment.paid/1``."""
        standing = self.declared.ledger.standing()
        if not any(entry.purpose in INVESTMENT for entry in standing):
            return None
        days, origin = self._investment_days(rule)
        asked = self.declared.scope.investment if self.declared.scope else None
        counts = asked[1] if asked and asked[1] else INVESTMENT[:2]
        dated = [e for e in standing if e.kind in PAID and days[0] <= e.ordinal <= days[1]]
        inside = [e for e in dated if e.ordinal <= self.today]
        counted = [e for e in inside if e.purpose in counts]
        to_come = {e.number for e in standing if e.ordinal > self.today}
        ahead = [
            e.number for e in standing if e.number in to_come and e.kind in PAID and e.purpose in INVESTMENT
        ]
        gaps = reconcile(standing, counts, {e.number for e in counted}, to_come)
        doubts = {at for gap in gaps for at in gap["doubts"]}
        unsure = [e for e in counted if e.kind == "payment" and e.number in doubts]
        high = _fen(counted) / 10**6
        low = (_fen(counted) - _fen(unsure)) / 10**6
        first, last = date.fromordinal(days[0]), iso(days[1])
        year = first.replace(year=first.year + 1, day=min(first.day, 28)).toordinal() + max(0, first.day - 28)
        long = [s for s, period in rule.periods.items() if period == "year"]
        undecided = tuple(long) if rule.days is None and days[1] >= year else ()
        happened = [e for e in standing if e.number not in to_come]
        bills = self._bills(happened, first.isoformat()[:7], last[:7])
        notes = {
            "LEDGER_DECLARED": True, "PAYMENTS_IN_DOUBT": unsure, "PAYMENTS_AHEAD": ahead,
            "LEDGER_GAPS": gaps, "LONGER_THAN_A_YEAR": undecided,
            "BILLS_DIFFER": any(bill["differ"] for bill in bills),
        }  # fmt: skip
        paid = [e for e in counted if e.kind == "payment"]
        detail = {
            "kind": "investment",
            "window": {"from": first.isoformat(), "to": last, "by": origin},
            "counts": list(counts),
            "paid_yuan": yuan(_fen(paid)),
            "refunded_yuan": yuan(_fen(e for e in counted if e.kind != "payment")),
            "in_doubt_yuan": yuan(_fen(unsure)),
            "purposes": [
                {
                    "purpose": purpose,
                    "yuan": yuan(_fen(e for e in inside if e.purpose == purpose)),
                    "counted": "yes" if purpose in counts else "no",
                }
                for purpose in INVESTMENT
            ],
            "entries_count": len(counted),
            "entries": [
                _listed(e, doubts) for e in sorted(counted, key=lambda e: (e.day, e.number))[:500]
            ],
            "gaps_count": len(gaps),
            "gaps": [
                {
                    "code": gap["code"], "zh": GAP_WORDS[gap["code"]][0], "en": GAP_WORDS[gap["code"]][1],
                    "entries": gap["entries"][:500], "currency": gap["currency"],
                    "expected": None if gap["expected"] is None else yuan(Fraction(gap["expected"])),
                    "got": None if gap["got"] is None else yuan(Fraction(gap["got"])),
                }
                for gap in gaps[:500]
            ],
            "bills": [{key: value for key, value in bill.items() if key != "differ"} for bill in bills],
            **({"ahead": ahead[:500]} if ahead else {}),
        }  # fmt: skip
        shown = tuple((code, ()) for code, holds in notes.items() if holds)
        return EnterpriseFigure(Bounds(low, high, high), Times(), undecided, detail, shown)

    def _investment_days(self, rule: Rule) -> Tuple[Tuple[int, int], str]:
        asked = self.declared.scope.investment if self.declared.scope else None
        named = asked[0] if asked else None
        if rule.days is not None:
            if named not in (None, rule.days):
                raise Bad("the scope names other days than the edition")
            return rule.days, "edition"
        if named is not None:
            return named, "scope"
        names = months_until(self.said.month, 12)
        return (self.calendar.month(names[0])[0], self.calendar.month(names[-1])[1] - 1), "usual"

    def _bills(self, standing: Sequence[LedgerEntry], first: str, last: str) -> List[Dict[str, Any]]:
        paid: Dict[Tuple[str, str, str], Fraction] = {}
        billed: Dict[Tuple[str, str, str], Fraction] = {}
        opened = set()
        for entry in standing:
            if entry.kind in PAID and entry.provider and entry.purpose in INVESTMENT:
                for month, amount in entry.by_month().items():
                    key = (entry.provider, month, entry.currency)
                    paid[key] = paid.get(key, ZERO) + amount
        for bill in self.declared.ledger.bills:
            key = (bill.provider, bill.month, bill.currency)
            minus = bill.amount.startswith("-")
            amount = number(bill.amount[1:] if minus else bill.amount) * 100
            billed[key] = billed.get(key, ZERO) + (-amount if minus else amount)
            if bill.final != "yes":
                opened.add(key)
        found = []
        for key in sorted(paid.keys() | billed.keys()):
            if first <= key[1] <= last:
                was, now = billed.get(key), paid.get(key)
                found.append({
                    "provider": key[0], "month": key[1], "currency": key[2],
                    "billed": None if was is None else yuan(was), "paid": None if now is None else yuan(now),
                    "difference": None if was is None or now is None else yuan(now - was),
                    "final": "no" if key in opened else "yes", "differ": was != now,
                })  # fmt: skip
        return found

    def it_cost(self, rule: Rule, _window: Window) -> Optional[EnterpriseFigure]:
        """``it_cost.before_after/1``."""
        money = [e for e in self.declared.ledger.standing() if e.kind in PAID]
        if not any(entry.purpose in OPERATIONS for entry in money):
            return None
        of_after = ("operations_after", "cloud_service", "private_cloud")
        sides = (
            [e for e in money if e.purpose == "operations_before"],
            [e for e in money if e.purpose in of_after and e.item],
        )
        late = [[e for e in side if e.ordinal > self.today] for side in sides]
        mine = [[e for e in side if e.ordinal <= self.today] for side in sides]
        ahead = sorted(e.number for side in late for e in side)
        everybody = tuple(rule.thresholds)
        asked = self.declared.scope.it_cost if self.declared.scope else None
        detail: Dict[str, Any] = {
            "kind": "it_cost", "before": None, "after": None, "items": [], "outside": [], "misplaced": [],
        }  # fmt: skip
        if ahead:
            detail["ahead"] = ahead[:500]
        last = ["PAYMENTS_AHEAD"] if ahead else []
        if asked is None:
            told = tuple((code, ()) for code in ("COST_NOT_DECLARED", *last))
            return EnterpriseFigure(UNKNOWN, Times(), everybody, detail, told)
        items, before, after = asked
        months = [months_between(*before)]
        months.append(months_between(*after) if after else months_until(self.said.month, len(months[0])))
        paid = [_by_item(names, entries) for names, entries in zip(months, mine)]
        outside = sorted(
            {i for names, side in zip(months, sides) for i in _by_item(names, side)} - set(items)
        )
        other = {"operations_before": set(months[1]), "operations_after": set(months[0])}
        misplaced = [e.number for e in money if other.get(e.purpose, set()) & e.by_month().keys()]
        missing = [
            {i: [m for m in names if m not in got.get(i, {})] for i in items}
            for names, got in zip(months, paid)
        ]
        means = [
            {i: sum(got.get(i, {}).values(), ZERO) / len(names) for i in items}
            for names, got in zip(months, paid)
        ]
        was, now = (sum(mean.values(), ZERO) for mean in means)
        # What is to come and speaks against the figure counts at its low end: money back before, money spent after.
        against = [e for e in late[0] if e.amount < 0], [e for e in late[1] if e.amount > 0]
        worst = [
            total + sum((sum(_by_item(n, es).get(i, {}).values(), ZERO) / len(n) for i in items), ZERO)
            for total, n, es in zip((was, now), months, against)
        ]
        reasons = {
            "COST_OVERLAPS": months[0][-1] >= months[1][0],
            "COST_MONTHS_MISSING": any(any(side.values()) for side in missing),
            "COST_ITEMS_DIFFER": bool(outside), "COST_MISPLACED": bool(misplaced), "COST_NOTHING_BEFORE": worst[0] <= 0,
        }  # fmt: skip
        broken = [code for code, holds in reasons.items() if holds]
        used = [entry for side in mine for entry in side]
        weak = ["COST_UNDOCUMENTED"] if any(not entry.document for entry in used) else []
        weak += ["COST_RATE_OLD"] if any(map(_rate_is_old, used)) else []
        detail["outside"], detail["misplaced"] = outside, misplaced
        for name, names, mean in (("before", months[0], was), ("after", months[1], now)):
            detail[name] = {"from": names[0], "to": names[-1], "months": len(names), "yuan": yuan(mean)}
        for item in items:
            lost = [missing[0][item], missing[1][item]]
            pair = [None if lost[at] else means[at][item] for at in (0, 1)]
            reduction = None
            if pair[0] is not None and pair[1] is not None and pair[0] > 0:
                reduction = rounded_down(100 * (pair[0] - pair[1]) / pair[0])
            detail["items"].append({
                "item": item, "before_yuan": None if pair[0] is None else yuan(pair[0]),
                "after_yuan": None if pair[1] is None else yuan(pair[1]), "reduction": reduction,
                "before_missing": lost[0], "after_missing": lost[1],
            })  # fmt: skip
        codes = ["LEDGER_DECLARED", *broken, *weak, *last]
        bounds = UNKNOWN
        if not broken:
            value = 100 * (was - now) / was
            bounds = Bounds(min(100 * (side - worst[1]) / side for side in (was, worst[0])), value, value)
        return EnterpriseFigure(
            bounds, Times(), everybody if broken or weak else (), detail, tuple((code, ()) for code in codes)
        )

    # -- accounts ---------------------------------------------------------------------------------------

    def users(self, rule: Rule, window: Window) -> Optional[EnterpriseFigure]:
        """``users.distinct_month/1``; an activity row is (host, source, key, hashes)."""
        scope = self.declared.scope
        asked = scope.users if scope else None
        read: Dict[Tuple[str, str], Dict[int, int]] = {}
        for host, amounts in self.active.items():
            for (source, metric), days in amounts.items():
                if metric == "activity":
                    mine = {day: s[OBSERVED] for day, s in days.items() if day in window.lengths}
                    if mine:
                        read[host, source] = mine
        rows = [row for row in self.activity if row[2][0] in window.lengths]
        wanted = asked[1] if asked and asked[1] else tuple(sorted(read))
        if not wanted and asked is None:
            return None
        rows = [row for row in rows if (row[0], row[1]) in wanted]
        if any(row[2][1] != self.calendar.zone for row in rows):
            times = Times(excluded=window.excluded_ms, missing=window.counted_ms)
            note = (("USERS_OTHER_ZONE", ()),)
            return EnterpriseFigure(UNKNOWN, times, tuple(rule.thresholds), {}, note)
        gone = {
            place: {d for d, length in window.lengths.items() if read.get(place, {}).get(d, 0) != length}
            for place in wanted
        }
        complete = {day for day in window.lengths if not any(day in lost for lost in gone.values())}
        by_key: Dict[str, set] = {}  # type: ignore[type-arg]
        for row in rows:
            by_key.setdefault(row[2][2], set()).update(row[3])
        counted = max((len(found) for found in by_key.values()), default=0)
        if counted > MOST_ACCOUNTS:
            raise NotHere("more than a million accounts are counted with a sketch; use: starproof check")
        whole = len(complete) == len(window.lengths) and len(by_key) <= 1 and bool(wanted)
        heads = scope.head_counts if scope else {}
        which, people = "", 0
        for name in HEAD_COUNTS:
            if name in heads and heads[name] > people:
                which, people = name, heads[name]
        if asked:
            which, people = asked[0], heads[asked[0]]
        bounds = UNKNOWN
        seen = bool(rows) or any(length > 0 for place in wanted for length in read.get(place, {}).values())
        if people and seen:
            rate = min(Fraction(100), Fraction(100 * counted, people))
            bounds = Bounds(rate, rate, rate if whole else Fraction(100))
        observed = sum(window.lengths[day] for day in complete)
        times = Times(observed=observed, excluded=window.excluded_ms, missing=window.counted_ms - observed)
        notes: List[Any] = []
        if not people:
            notes.append(("HEAD_COUNT_UNKNOWN", ()))
        elif asked is None:
            notes.append(("HEAD_COUNT_NOT_CHOSEN", ()))
        if 0 < people < counted:
            notes.append(("USERS_ABOVE_HEAD_COUNT", ()))
        if len(by_key) > 1:
            notes.append(("ACCOUNT_KEYS_DIFFER", ()))
        lost_days: Dict[str, set] = {}  # type: ignore[type-arg]
        for (host, _), lost in gone.items():
            if lost:
                lost_days.setdefault(host, set()).update(lost)
        if lost_days and not whole:
            listed = tuple((host, tuple(sorted(days))) for host, days in sorted(lost_days.items()))
            notes.append(("USERS_NOT_READ", listed))
        unsigned = sorted({host for host, source in wanted if source not in SIGNED_BY_HOSTS})
        if unsigned:
            notes.append(("USERS_NOT_ATTESTED", tuple((host, ()) for host in unsigned)))
        detail = {
            "kind": "users", "accounts": counted, "accounts_low": counted, "accounts_high": counted,
            "counted": "exact", "head_count": which, "people": people,
            "head_counts": [
                {"name": n, "people": heads[n], "rate": rounded_down(Fraction(100 * counted, heads[n]))}
                for n in HEAD_COUNTS if n in heads
            ],
            "complete_days": len(complete), "counted_days": len(window.lengths), "account_keys": sorted(by_key),
            "sources": [_told(place, rows, len(window.lengths) - len(gone[place])) for place in wanted],
            "days": _account_days(rows, window, complete),
        }  # fmt: skip
        return EnterpriseFigure(bounds, times, (), detail, tuple(notes))


def _told(place: Tuple[str, str], rows: Sequence[Any], complete: int) -> Dict[str, Any]:
    mine = [row for row in rows if (row[0], row[1]) == place]
    excluded = {name for row in mine if row[2][4] for name in row[2][4].split("|")}
    return {
        "host": place[0], "source": place[1], "attested": "yes" if place[1] in SIGNED_BY_HOSTS else "no",
        "origins": sorted({row[2][5] for row in mine if row[2][5]}),
        "definitions": sorted({row[2][3] for row in mine}), "account_keys": sorted({row[2][2] for row in mine}),
        "excluded": sorted(excluded), "complete_days": complete,
        "accounts": len(set().union(*(row[3] for row in mine))),
    }  # fmt: skip


def _account_days(rows: Sequence[Any], window: Window, complete: Iterable[int]) -> List[Dict[str, Any]]:
    found: Dict[int, Dict[str, set]] = {}  # type: ignore[type-arg]
    for row in rows:
        found.setdefault(row[2][0], {}).setdefault(row[2][2], set()).update(row[3])
    whole = set(complete)
    return [
        {
            "day": iso(day), "accounts": max(map(len, found.get(day, {}).values()), default=0),
            "complete": "yes" if day in whole else "no",
        }
        for day in sorted(window.lengths)
    ]  # fmt: skip


def _by_item(names: Sequence[str], entries: Iterable[LedgerEntry]) -> Dict[str, Dict[str, Fraction]]:
    """Return what was paid in hundredths of yuan, by cost item and month of one side."""
    inside = set(names)
    found: Dict[str, Dict[str, Fraction]] = {}
    for entry in entries:
        rate = entry.fen / entry.amount if entry.amount else Fraction(1)
        for month, amount in entry.by_month().items():
            if month in inside:
                mine = found.setdefault(entry.item, {})
                mine[month] = mine.get(month, ZERO) + amount * rate
    return found


def _listed(entry: LedgerEntry, doubts: Iterable[int]) -> Dict[str, Any]:
    same = ("number", "day", "kind", "purpose", "payee", "contract", "invoice", "currency", "rate",
            "rate_source", "rate_day", "document")  # fmt: skip
    return {
        **{name: getattr(entry, name) for name in same},
        "amount": yuan(Fraction(entry.amount)), "yuan": yuan(entry.fen),
        "reconciles": "no" if entry.number in set(doubts) else "yes",
    }  # fmt: skip


MAX_RATE_AGE_DAYS = 40


def _rate_is_old(entry: LedgerEntry) -> bool:
    if not entry.rate_day:
        return False
    return entry.ordinal - entry._replace(day=entry.rate_day).ordinal > MAX_RATE_AGE_DAYS


def reconcile(
    standing: Sequence[LedgerEntry], purposes: Sequence[str], counted: Iterable[int], to_come: Iterable[int]
) -> List[Dict[str, Any]]:
    """Return where contract, invoice and payment do not tell one story (docs/ledger.md).

    Papers are looked for in the whole ledger. A refund that is not ``counted`` takes nothing off; a contract,
    an invoice or a refund that is ``to_come`` is not there.
    """
    future, mine = set(to_come), set(counted)
    there = [
        e for e in standing
        if e.number not in future or e.kind == "payment" or (e.kind == "invoice" and e.amount < 0)
    ]  # fmt: skip
    netted = [e for e in there if e.kind != "refund" or e.number in mine]
    about = [entry for entry in there if entry.purpose in purposes]
    gaps: List[Dict[str, Any]] = []

    def add(code: str, entries: Sequence[int], doubts: Sequence[int], pair: Any = (None, None, "")) -> None:
        gaps.append({
            "code": code, "entries": list(entries), "doubts": list(doubts),
            "expected": pair[0], "got": pair[1], "currency": pair[2],
        })  # fmt: skip

    def grouped(
        entries: Sequence[LedgerEntry], kinds: Sequence[str], name: Any
    ) -> Dict[str, List[LedgerEntry]]:
        found: Dict[str, List[LedgerEntry]] = {}
        for entry in entries:
            if entry.kind in kinds:
                found.setdefault(name(entry), []).append(entry)
        return found

    def exceeded(code: str, parts: Sequence[LedgerEntry], some: Sequence[LedgerEntry]) -> bool:
        before = len(gaps)
        for currency in dict.fromkeys(entry.currency for entry in parts):
            owed, came = ([e for e in es if e.currency == currency] for es in (parts, some))
            due, got = sum(e.amount for e in owed), sum(e.amount for e in came)
            if got > max(due, 0):
                add(code, [e.number for e in (*owed, *came)], _beyond(came, due), (due, got, currency))
        return len(gaps) > before

    contracts = grouped(there, ("contract",), lambda e: e.contract)
    invoices = grouped(there, ("invoice",), _invoice)
    paid, most = grouped(there, PAID, _invoice), grouped(netted, PAID, _invoice)
    under = grouped(netted, ("invoice", *PAID), lambda e: e.contract)
    for entry in about:
        _reconcile_one(entry, contracts, invoices, add)
    for name in dict.fromkeys(_invoice(entry) for entry in about if entry.kind == "invoice"):
        parts, all_paid = invoices[name], paid.get(name, [])
        if exceeded("INVOICE_OVERPAID", parts, most.get(name, [])):
            continue
        if len({entry.currency for entry in (*parts, *all_paid)}) > 1:
            continue
        came = [entry for entry in all_paid if entry.number not in future]
        due, got = sum(entry.amount for entry in parts), sum(entry.amount for entry in came)
        if got < due:
            code = "INVOICE_PAID_IN_PART" if got > 0 else "INVOICE_UNPAID"
            add(code, [entry.number for entry in (*parts, *came)], (), (due, got, parts[0].currency))
    for name in dict.fromkeys(entry.contract for entry in about if entry.contract in contracts):
        for code, kinds in (("CONTRACT_OVERINVOICED", ("invoice",)), ("CONTRACT_OVERPAID", PAID)):
            exceeded(code, contracts[name], [entry for entry in under.get(name, []) if entry.kind in kinds])
    return gaps


def _reconcile_one(entry: LedgerEntry, contracts: Any, invoices: Any, add: Any) -> None:
    if entry.kind == "contract":
        return
    mine = (entry.number,)
    kin = list(contracts.get(entry.contract, []))
    if entry.kind != "invoice":
        invoiced = invoices.get(_invoice(entry), [])
        if not invoiced:
            add(entry.kind.upper() + "_WITHOUT_INVOICE", mine, mine)
        kin += invoiced
        if _rate_is_old(entry):
            add("RATE_TOO_OLD", mine, mine)
    if entry.kind in ("payment", "invoice") and entry.contract not in contracts:
        add(entry.kind.upper() + "_WITHOUT_CONTRACT", mine, mine)
    for code, name in (("PAYEE_DIFFERS", "payee"), ("CURRENCY_DIFFERS", "currency")):
        other = [one.number for one in kin if getattr(one, name) != getattr(entry, name)]
        if other:
            add(code, (*mine, *other), mine)
    if entry.kind == "payment":
        agreed = contracts.get(entry.contract, [])
        if agreed and entry.day < min(one.day for one in agreed):
            add("PAYMENT_BEFORE_CONTRACT", (*mine, *(one.number for one in agreed)), mine)
        if not entry.document:
            add("PAYMENT_WITHOUT_DOCUMENT", mine, mine)


def _beyond(paid: Sequence[LedgerEntry], due: int) -> List[int]:
    found, so_far = [], 0
    for entry in sorted(paid, key=lambda one: (one.day, one.number)):
        so_far += entry.amount
        if entry.kind == "payment" and so_far > due:
            found.append(entry.number)
    return found


class Definition(NamedTuple):
    """A formula: whose indicator, how hosts become one figure, in which units."""

    id: str
    indicator: str
    aggregation: str
    units: Tuple[str, ...] = ()
    rule: Any = None
    enterprise: Any = None
    counters: Tuple[str, ...] = ()
    averages: Tuple[str, ...] = ()


_OPERATION_UNITS = ("次/day", "次/日")
DEFINITIONS = {
    one.id: one
    for one in (
        Definition("it_cost.before_after/1", "it_cost_reduction", DECLARED, ("%",), None, Measuring.it_cost),
        Definition("users.distinct_month/1", "monthly_user_rate", DECLARED, ("%",), None, Measuring.users),
        Definition(
            "cpu.busy/1", "cpu_utilization", MEAN, ("%",), cpu_figure, None, ("cpu",), ("cpu.utilization",)
        ),
        Definition(
            "bandwidth.max_direction/1", "bandwidth_utilization", WEIGHTED, ("%",), bandwidth_figure, None,
            ("net.rx", "net.tx"), ("net.rx.rate", "net.tx.rate"),
        ),
        Definition(
            "reads_writes.block_io/1", "daily_reads_writes", ADDED, _OPERATION_UNITS, block_figure, None,
            ("disk.reads", "disk.writes"), ("disk.reads.rate", "disk.writes.rate"),
        ),
        Definition(
            "reads_writes.database/1", "daily_reads_writes", ADDED, _OPERATION_UNITS, statement_figure, None,
            ("db.reads", "db.writes"), ("db.reads.rate", "db.writes.rate"),
        ),
        Definition("investment.paid/1", "cloud_investment", DECLARED, ("万元",), None, Measuring.investment),
    )
}  # fmt: skip


def _require_unit(rule: Rule, definition: Definition) -> None:
    if definition.units and rule.unit not in definition.units:
        raise Bad("%s is in %s, not in %s" % (rule.id, rule.unit, definition.units[0]))


def _definitions(edition: Edition, scope: Optional[Scope]) -> Dict[str, Definition]:
    """Return the definition of every figure: the scope's choice, else the edition's."""
    asked = [rule.id for rule in edition.rules]
    if scope is not None and not {*scope.definitions, *scope.substitution} <= set(asked):
        raise Bad("the scope speaks of a figure that the edition does not ask for")
    found = {}
    for rule in edition.rules:
        name = (scope.definitions.get(rule.id) if scope else None) or rule.definition
        one = DEFINITIONS.get(name)
        if name == "declared/1":
            one = Definition(name, rule.id, DECLARED)
        if one is None or one.indicator != rule.id or one.aggregation != rule.aggregation:
            raise Bad("%s cannot have the definition %s" % (rule.id, name))
        if one.enterprise is None:
            _require_unit(rule, one)
        found[rule.id] = one
    return found


NOTE_ORDER = (
    "NO_DATA", "NOT_ATTESTED", "SECOND_SOURCE", "SUSPECT_TIME", "CAPACITY_UNKNOWN", "CAPACITY_INVENTORY",
    "CAPACITY_CAP", "CAPACITY_MEASURED", "CAPACITY_EXCEEDED", "LIMIT_EXCEEDED", "NO_UPPER_BOUND",
    "ONE_DIRECTION_ONLY", "ONE_KIND_ONLY", "NO_DATABASE", "SUBSTITUTED", "SUBSTITUTION_COVERAGE",
    "SUBSTITUTION_DAYS", "SUBSTITUTION_HOURS", "SUBSTITUTION_LITTLE", "SUBSTITUTION_NO_VALUE",
)  # fmt: skip


def _host_notes(hosts: Sequence[HostFigure]) -> List[Any]:
    marked: Dict[str, List[Any]] = {}
    for figure in hosts:
        for code, days in figure.marks:
            marked.setdefault(code, []).append((figure.host, days))
    return [(code, tuple(marked[code])) for code in NOTE_ORDER if code in marked]


def _notes(notes: Iterable[Any]) -> List[Dict[str, Any]]:
    return [
        {
            "code": code,
            "zh": NOTE_WORDS[code][0],
            "en": NOTE_WORDS[code][1],
            "hosts": [{"host": host, "days": [iso(day) for day in days]} for host, days in hosts],
        }
        for code, hosts in notes
    ]


def _printed(bounds: Bounds) -> Dict[str, Optional[str]]:
    if bounds.value is None:
        return {"value": None, "low": None, "high": None, "running": None}
    return {
        "value": rounded_down(bounds.value), "low": rounded_down(bounds.low), "high": rounded_up(bounds.high),
        "running": rounded_down(bounds.running),
    }  # fmt: skip


def _coverage(parts: Sequence[Dict[str, int]], share: Optional[str]) -> Dict[str, Any]:
    names = ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s")
    return {**{name: sum(part[name] for part in parts) for name in names}, "share": share}


# -- sources beside one another: a question, never a figure ----------------------------------------------

_TOLERANCE = {
    "cpu.utilization": (3, 10), "net.rx.rate": (10, 80), "net.tx.rate": (10, 80),
    "disk.reads.rate": (25, None), "disk.writes.rate": (25, None),
    "db.reads.rate": (25, None), "db.writes.rate": (25, None),
}  # fmt: skip
_IDLE = {"net": 10_000, "disk": 5, "db": 5}


def compare_sources(measured: Measuring, scopes: Dict[Tuple[str, str], set]) -> List[Dict[str, Any]]:  # type: ignore[type-arg]
    """Return what two sources of one host say of the same hours, as the report holds it, and its exact median."""
    found = []
    pairs: Dict[Tuple[str, str, str], Tuple[Window, str, str, str]] = {}
    ordered = sorted(measured.indicators, key=lambda i: (-i["window"].counted_ms, i["rule"].id))
    for indicator in ordered:
        definition = indicator["definition"]
        for figure in indicator["hosts"]:
            amounts = measured.amounts.get(figure.host, {})
            for other in sorted({source for source, _ in amounts}):
                if figure.source is None or other == figure.source:
                    continue
                mine = definition.averages if averaged(figure.source) else definition.counters
                theirs = definition.averages if averaged(other) else definition.counters
                for metric, one, two in zip(definition.averages, mine, theirs):
                    days = [amounts.get((figure.source, one), {}), amounts.get((other, two), {})]
                    if all(covered(total_of(part)) for part in days):
                        key = (figure.host, metric, other)
                        pairs.setdefault(key, (indicator["window"], figure.source, one, two))
    for host, group in groupby(sorted(pairs.items()), key=lambda item: item[0][0]):
        hours = measured.hours(measured.window, host)
        for (_, metric, other), (window, primary, one, two) in group:
            compared = []
            for slot, ms in hour_lengths(window):
                left = _hour_value(metric, primary, hours.get((primary, one), {}).get(slot), ms)
                right = _hour_value(metric, other, hours.get((other, two), {}).get(slot), ms)
                if left is not None and right is not None:
                    day, hour = divmod(slot, SLOTS_A_DAY)
                    at = window.starts[day] + hour * HOUR_MS
                    compared.append((left, right, _difference(metric, left, right), at))
            found.append(_comparison(host, metric, primary, other, compared, scopes))
    return found


def check_sources(compared: Sequence[Dict[str, Any]], findings: Findings) -> None:
    """Report sources of one host that differ by more than the tolerance, hour by hour."""
    for one in compared:
        if one["within"] == "no":
            got = "median %s, mean %s, 95th percentile %s" % (
                one["median"],
                one["means"]["difference"],
                one["p95"],
            )
            place = "%s %s %s" % (one["metric"], one["primary"], one["other"])
            findings.add("SOURCES_DIFFER", place, one["host"], one["tolerance"]["typical"], got)


def _hour_value(metric: str, source: str, sums: Optional[Sums], ms: int) -> Optional[Fraction]:
    if sums is None or 4 * sums[OBSERVED] < 3 * ms or sums[DOWNTIME]:
        return None
    if averaged(source):
        return Fraction(sums[AMOUNT], NANO * sums[WHOLE]) if sums[WHOLE] else None
    if metric == "cpu.utilization":
        return percent_of(sums) if sums[WHOLE] else None
    return Fraction(sums[AMOUNT] * S_MS, covered(sums))


def _difference(metric: str, one: Fraction, other: Fraction) -> Fraction:
    if metric == "cpu.utilization":
        return other - one
    return 100 * (other - one) / max(one, other, Fraction(_IDLE[metric.partition(".")[0]]))


def _scopes_of(
    host: str,
    metric: str,
    one: str,
    other: str,
    scopes: Dict[Tuple[str, str], set],  # type: ignore[type-arg]
) -> Optional[List[str]]:
    """Return which traffic two sources count, ``None`` for what is not about networks."""
    if not metric.startswith("net."):
        return None
    said = []
    for source in (one, other):
        found = {scope for name, scope in scopes.get((host, source), set()) if name == metric}
        said.append("all_interfaces" if source == "agent" else found.pop() if len(found) == 1 else "mixed")
    return said


def _unlike(said: Optional[List[str]]) -> bool:
    if said is None:
        return False
    if "unknown" in said:
        return "mixed" in said
    return said[0] != said[1] or said[0] == "mixed"


def _middle(ordered: Sequence[Fraction]) -> Fraction:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def away_from_zero(value: Fraction) -> Optional[str]:
    """Return a difference as it is printed."""
    return rounded_down(value) if value < 0 else rounded_up(value)


def _comparison(
    host: str,
    metric: str,
    one: str,
    other: str,
    compared: Sequence[Any],
    scopes: Dict[Tuple[str, str], set],  # type: ignore[type-arg]
) -> Dict[str, Any]:
    typical, rare = _TOLERANCE[metric]
    said = _scopes_of(host, metric, one, other, scopes)
    shown: Dict[str, Any] = {"median": None, "p95": None, "bias": None, "means": None}
    within, median = "too-few", ZERO
    if compared:
        absolute = sorted(abs(pair[2]) for pair in compared)
        median, p95 = _middle(absolute), absolute[-(-len(absolute) * 95 // 100) - 1]
        means = [exact_sum([pair[at] for pair in compared]) / len(compared) for at in (0, 1)]
        mean = _difference(metric, *means)
        if len(compared) >= 24:
            wide = median > typical or (rare is not None and p95 > rare) or abs(mean) > typical
            within = "unlike" if _unlike(said) else "no" if wide else "yes"
        shown = {
            "median": away_from_zero(median), "p95": away_from_zero(p95),
            "bias": away_from_zero(_middle(sorted(pair[2] for pair in compared))),
            "means": {
                "primary": rounded_down(means[0]), "other": rounded_down(means[1]), "difference": away_from_zero(mean),
            },
        }  # fmt: skip
    worst = sorted(compared, key=lambda pair: (-abs(pair[2]), pair[3]))[:5]
    return {
        "host": host, "metric": metric, "unit": UNITS[metric][1], "primary": one, "other": other,
        "difference": "points" if metric == _PERCENT_OF_CPU else "percent_of_the_greater",
        "scope": None if said is None else {"primary": said[0], "other": said[1]},
        "hours": len(compared), **shown,
        "worst": [
            {"start_ms": at, "primary": rounded_down(left), "other": rounded_down(right),
             "difference": away_from_zero(difference)}
            for left, right, difference, at in worst
        ],
        "tolerance": {"typical": str(typical), "rare": None if rare is None else str(rare)},
        "within": within, "exactly": median,
    }  # fmt: skip


def _comparison_notes(compared: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    notes = []
    for answer, code in (("no", "SOURCES_DIFFER"), ("unlike", "SCOPES_UNLIKE")):
        hosts = sorted({one["host"] for one in compared if one["within"] == answer})
        if hosts:
            notes.append((code, tuple((host, ()) for host in hosts)))
    return _notes(notes)


# -- the star (docs/edition-format.md, docs/review.md) ---------------------------------------------------


class Scale:
    """How the numbers of one criterion are printed: down, or up, to so many decimals."""

    def __init__(self, value: Optional[Fraction], thresholds: Iterable[str]) -> None:
        """Four decimals below 1000, more where a threshold or a small number has more."""
        places = 4 if value is None or value < 1_000 else 0
        while value and abs(value) * 10**places < 1 and places < 15:
            places += 1
        self.places = max([places, *(len(text.partition(".")[2]) for text in thresholds)])

    def _plain(self, scaled: int) -> str:
        if scaled < 0:
            return "-" + self._plain(-scaled)
        text = str(scaled).rjust(self.places + 1, "0")
        whole, part = text[: len(text) - self.places], text[len(text) - self.places :].rstrip("0")
        return whole + "." + part if part else whole

    def down(self, value: Fraction) -> str:
        """Return the number rounded down."""
        return self._plain(value.numerator * 10**self.places // value.denominator)

    def up(self, value: Fraction) -> str:
        """Return the number rounded up."""
        return self._plain(-(-value.numerator * 10**self.places // value.denominator))


def _answer(
    verdict: str, needed: Optional[str] = None, short: Optional[str] = None, reason: str = "",
    words: Tuple[str, str] = ("", ""),
) -> Dict[str, Any]:  # fmt: skip
    return {"verdict": verdict, "needed": needed, "short": short, "reason": reason, "words": words}


_HOLDS = ("PASS", "DECLARED")


class Judging:
    """Judges the criteria of an edition for every star."""

    def __init__(self, measured: Measuring) -> None:
        """Keep what was measured and declared."""
        self.measured = measured
        self.edition, self.profile = measured.declared.edition, measured.declared.profile

    def document(self) -> Dict[str, Any]:
        """Return the verdict as data/verdict.json holds it."""
        edition, profile, measured = self.edition, self.profile, self.measured
        criteria = [
            self._cloud_form(),
            *map(self._count, edition.criteria),
            *map(self._figure, measured.indicators),
        ]
        standings = {}
        for each in edition.stars:
            verdicts = [criterion["answers"][each.id]["verdict"] for criterion in criteria]
            supported = edition.complete and all(verdict in _HOLDS for verdict in verdicts)
            standings[each.id] = (
                "SUPPORTED" if supported else "NOT_REACHED" if "FAIL" in verdicts else "UNDECIDED"
            )
        best = [star for star in edition.stars if standings[star.id] == "SUPPORTED"][-1:]
        star: Optional[Star] = best[0] if best else None
        rests = star is not None and any(c["answers"][star.id]["verdict"] == "DECLARED" for c in criteria)
        following = self._next(criteria, star)
        for criterion in criteria:
            for answer in criterion["answers"].values():
                del answer["words"]
        return {
            "schema": "starproof/verdict/1",
            "edition": {
                "id": edition.id, "sha256": edition.sha256, "complete": "yes" if edition.complete else "no",
                "unknown": [{"about": about, "zh": zh, "en": en} for about, zh, en in edition.unknown],
            },
            "star": star.id if star else None,
            "star_name_zh": star.name_zh if star else None,
            "star_name_en": star.name_en if star else None,
            "provisional": "yes" if measured.said.made_ms < measured.window.end_ms else "no",
            "rests_on_declared": "yes" if rests else "no",
            "stars": [
                {
                    "id": one.id, "name_zh": one.name_zh, "name_en": one.name_en, "standing": standings[one.id],
                    "decided_by_zh": one.decided_by_zh, "decided_by_en": one.decided_by_en,
                }
                for one in edition.stars
            ],
            "criteria": criteria,
            "applied_for": profile.star if profile else None,
            "next": following,
            "attachments": [
                {
                    "id": name, "name_zh": zh, "name_en": en,
                    "asked": "yes" if not forms or (profile and profile.cloud_form in forms) else "no",
                    "documents": profile.attached(name) if profile else [],
                }
                for name, zh, en, forms in edition.attachments
            ],
            "application": self._application(),
        }  # fmt: skip

    def _application(self) -> Optional[Dict[str, str]]:
        if self.edition.application is None:
            return None
        months, first, last, zh, en = self.edition.application
        today = date.fromordinal(self.measured.today)
        is_open = first <= today.year <= last and today.month in months
        return {"text_zh": zh, "text_en": en, "open": "yes" if is_open else "no"}

    def _next(self, criteria: Sequence[Dict[str, Any]], star: Optional[Star]) -> Optional[Dict[str, Any]]:
        stars = list(self.edition.stars)
        above = stars[stars.index(star) + 1 :] if star else stars
        if not above:
            return None
        form = criteria[0]["answers"]
        above = [one for one in above if form[one.id]["verdict"] != "FAIL"] or above
        blockers = []
        for criterion in criteria:
            answer = criterion["answers"][above[0].id]
            if answer["verdict"] not in _HOLDS:
                blockers.append({
                    "criterion": criterion["id"], "verdict": answer["verdict"],
                    "zh": answer["words"][0], "en": answer["words"][1],
                    "short": answer["short"], "unit": criterion["unit"],
                })  # fmt: skip
        judged = {criterion["id"] for criterion in criteria}
        for about, zh, en in self.edition.unknown:
            if about not in judged:
                blockers.append({
                    "criterion": about, "verdict": "INCONCLUSIVE", "zh": zh, "en": en, "short": None, "unit": "",
                })  # fmt: skip
        return {"star": above[0].id, "blockers": blockers}

    def _criterion(
        self, about: Tuple[str, str, str, str, str], got: Optional[str], documents: Sequence[str],
        stated: Iterable[str], answer: Callable[[Star], Dict[str, Any]],
    ) -> Dict[str, Any]:  # fmt: skip
        name, kind, zh, en, unit = about
        unknown = [entry[1:] for entry in self.edition.unknown if entry[0] == name]
        known_stars = set(stated)
        whys = "；".join(one[0] for one in unknown), "; ".join(one[1] for one in unknown)
        why = "（%s）" % whys[0] if whys[0] else "", " (%s)" % whys[1] if whys[1] else ""

        def not_stated(star: Star) -> Dict[str, Any]:
            words = sentence("not stated", (zh, en), star.names, why=why)
            return _answer("INCONCLUSIVE", reason="EDITION_UNKNOWN", words=words)

        return {
            "id": name, "kind": kind, "name_zh": zh, "name_en": en, "unit": unit, "got": got,
            "documents": list(documents),
            "answers": {
                star.id: answer(star) if star.id in known_stars and not unknown else not_stated(star)
                for star in self.edition.stars
            },
        }  # fmt: skip

    def _cloud_form(self) -> Dict[str, Any]:
        profile = self.profile
        asked = [e for e in self.edition.attachments if profile and profile.cloud_form in e[3]]
        contracts = [hash_ for entry in asked for hash_ in (profile.attached(entry[0]) if profile else [])]
        names = ("上云形式", "Form of cloud")
        papers = "、".join(entry[1] for entry in asked), ", ".join(entry[2] for entry in asked)

        def answer(star: Star) -> Dict[str, Any]:
            needed = "/".join(star.cloud_forms)
            taken = [FORM_WORDS[form] for form in star.cloud_forms]
            want = "或".join(form[0] for form in taken), " or ".join(form[1] for form in taken)
            if profile is None:
                return _answer("NO_DATA", needed, words=sentence("no form", names, star.names, needed=want))
            form = FORM_WORDS[profile.cloud_form]
            if profile.cloud_form not in star.cloud_forms:
                words = sentence("wrong form", names, star.names, form=form, needed=want)
                return _answer("FAIL", needed, words=words)
            if asked and not contracts:
                words = sentence("unproved form", names, star.names, form=form, asked=papers)
                return _answer("INCONCLUSIVE", needed, None, "UNDOCUMENTED", words)
            return _answer("DECLARED", needed)

        about = ("cloud_form", "cloud_form", *names, "")
        got = profile.cloud_form if profile else None
        every = [star.id for star in self.edition.stars]
        return self._criterion(about, got, list(dict.fromkeys(contracts)), every, answer)

    def _count(self, rule: CountRule) -> Dict[str, Any]:
        profile = self.profile
        names = (rule.name_zh, rule.name_en)
        ticked = [name for name in rule.rows if profile and name in profile.rows]
        proved = [name for name in ticked if profile and profile.rows[name]]

        def count(names: Sequence[str]) -> int:
            if rule.counts == "rows":
                return len(names)
            return len({self.edition.rows[name].place[1:] for name in names})

        def answer(star: Star) -> Dict[str, Any]:
            needed = rule.needed[star.id]
            if not needed:
                return _answer("PASS", "0")
            if profile is None:
                words = sentence("no profile", names, star.names, needed=items(needed))
                return _answer("NO_DATA", str(needed), words=words)
            if rule.only == "it_service" and not profile.it_service:
                return _answer("PASS", str(needed), None, "NOT_APPLICABLE")
            done, shown = count(proved), items(count(ticked))
            if done >= needed:
                return _answer("DECLARED", str(needed))
            short = str(needed - done)
            said = {"ticked": shown, "needed": needed, "short": short}
            if count(ticked) >= needed:
                words = sentence("unproved ticks", names, star.names, documented=done, **said)
                return _answer("INCONCLUSIVE", str(needed), short, "UNDOCUMENTED", words)
            part = ("（其中 %d 项有证明材料）" % done, " (%d with documents)" % done)
            part = part if done < count(ticked) else ("", "")
            words = sentence("too few", names, star.names, proved=part, **said)
            return _answer("FAIL", str(needed), short, words=words)

        documents: List[str] = []
        if profile:
            documents = profile.hashes(name for row in proved for name in profile.rows[row])
        about = (rule.id, "count", rule.name_zh, rule.name_en, "项")
        return self._criterion(about, str(count(proved)) if profile else None, documents, rule.needed, answer)

    def _figure(self, indicator: Dict[str, Any]) -> Dict[str, Any]:
        rule: Rule = indicator["rule"]
        about = (rule.id, "figure", rule.name_zh, rule.name_en, rule.unit)
        if not indicator["measured"]:
            return self._declared_figure(rule, about)
        bounds: Bounds = indicator["bounds"]
        scale, unit = Scale(bounds.value, rule.thresholds.values()), rule.unit
        names = (rule.name_zh, rule.name_en)

        def say(kind: str, star: Star, short: str = "", **said: Any) -> Tuple[str, str]:
            needed = of_unit(rule.thresholds[star.id], unit)
            return sentence(kind, names, star.names, needed=needed, short=short_by(short, unit), **said)

        def answer(star: Star) -> Dict[str, Any]:
            needed, verdict = rule.thresholds[star.id], indicator["verdicts"][star.id]
            reason = "SUBSTITUTED" if star.id in indicator["rests"] else ""
            if verdict in _HOLDS:
                return _answer(verdict, needed, None, reason)
            threshold = number(needed)
            if verdict == "FAIL" and bounds.value is None and bounds.high is not None:
                short, most = scale.up(threshold - bounds.high), of_unit(scale.up(bounds.high), unit)
                return _answer(verdict, needed, short, reason, say("below", star, short, value=most))
            if star.id in indicator["undecided"]:
                return _answer(verdict, needed, words=say("undecided", star))
            if bounds.value is None or bounds.low is None:
                return _answer(verdict, needed, words=say("no data", star))
            value = of_unit(scale.down(bounds.value), unit)
            if verdict == "FAIL":
                short = scale.up(threshold - bounds.value)
                return _answer(verdict, needed, short, reason, say("below", star, short, value=value))
            short, low = scale.up(threshold - bounds.low), of_unit(scale.down(bounds.low), unit)
            high = ("上限未知", "no upper bound is known")
            if bounds.high is not None:
                most = of_unit(scale.up(bounds.high), unit)
                high = ("至多 " + most[0], "at most " + most[1])
            return _answer(
                verdict, needed, short, reason, say("open", star, short, value=value, low=low, high=high)
            )

        got = None if bounds.value is None else scale.down(bounds.value)
        return self._criterion(about, got, [], rule.thresholds, answer)

    def _declared_figure(self, rule: Rule, about: Tuple[str, str, str, str, str]) -> Dict[str, Any]:
        text, ids = (self.profile.figures if self.profile else {}).get(rule.id, (None, ()))
        value = None if text is None else number(text)
        scale, unit = Scale(value, rule.thresholds.values()), rule.unit
        names = (rule.name_zh, rule.name_en)

        def answer(star: Star) -> Dict[str, Any]:
            needed = rule.thresholds[star.id]
            asked = of_unit(needed, unit)
            if value is None:
                return _answer(
                    "NO_DATA", needed, words=sentence("not declared", names, star.names, needed=asked)
                )
            printed = of_unit(scale.down(value), unit)
            if value < number(needed):
                short = scale.up(number(needed) - value)
                said = {"value": printed, "needed": asked, "short": short_by(short, unit)}
                return _answer("FAIL", needed, short, words=sentence("below", names, star.names, **said))
            if ids:
                return _answer("DECLARED", needed)
            words = sentence("unproved figure", names, star.names, value=printed, needed=asked)
            return _answer("INCONCLUSIVE", needed, None, "UNDOCUMENTED", words)

        documents = self.profile.hashes(ids) if self.profile else []
        got = None if value is None else scale.down(value)
        return self._criterion(about, got, documents, rule.thresholds, answer)


# -- comparing documents ---------------------------------------------------------------------------------


def _differences(path: str, want: Any, have: Any) -> Iterator[Tuple[str, Any, Any]]:
    if isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(want.keys() | have.keys()):
            yield from _differences("%s.%s" % (path, key), want.get(key), have.get(key))
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for at, (left, right) in enumerate(zip(want, have)):
            name: Any = at
            if isinstance(left, dict):
                name = next((left[k] for k in ("id", "indicator", "host", "code", "day") if k in left), at)
            yield from _differences("%s[%s]" % (path, name), left, right)
    elif want != have or type(want) is not type(have):
        yield path, want, have


def _canonical_text(document: Dict[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")


def _bounded_integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("an integer of %d digits" % len(text))
    return int(text)


def check_document(code: str, name: str, want: Dict[str, Any], pack: Pack, findings: Findings) -> None:
    """Report every value of a derived document that differs from what was recomputed."""
    got = pack.read(name)
    if name not in pack:
        return
    try:
        have = json.loads(got, parse_int=_bounded_integer)
    except (ValueError, RecursionError) as error:
        findings.add(code, name, got="not JSON: %s" % error)
        return
    differing = list(_differences("", want, have))
    for path, left, right in differing[:MAX_DIFFERENCES]:
        findings.add(code, name + path, expected=ascii(left)[:MAX_SHOWN], got=ascii(right)[:MAX_SHOWN])
    if len(differing) > MAX_DIFFERENCES:
        findings.add(code, name, got="%d more differences" % (len(differing) - MAX_DIFFERENCES))
    if not differing and _canonical_text(want) != got:
        findings.add(code, name, got="the same values in another form")


def _objects(document: Any, key: str) -> List[Dict[str, Any]]:
    """Return the objects in the list under a key, none where there is no such list."""
    found = document.get(key) if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _yes(holds: object) -> str:
    return "yes" if holds else "no"


MAX_DECIMAL_PLACES = 120


def _exactly(value: Fraction) -> str:
    """Return a decimal as it was written, without zeros at its end."""
    places = next(n for n in range(MAX_DECIMAL_PLACES) if (value * 10**n).denominator == 1)
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return digits[:-places] + "." + digits[-places:] if places else digits


def _copies(measured: Measuring, chains: Sequence[Chain]) -> Dict[str, Any]:
    """Return what a report repeats of edition, scope, definitions and headers."""
    edition, scope, mine = measured.declared.edition, measured.declared.scope, measured.declared.in_use
    hosts = []
    for declared in sorted(measured.hosts, key=lambda one: one.id):
        host = declared.id
        own = sorted((chain for chain in chains if chain.host == host), key=lambda chain: chain.source)
        offsets = [offset for chain in own for offset in chain.offsets]
        programs: List[Dict[str, Any]] = [
            {"source": chain.source, "software": agent, "code": code or None, "first_ms": first,
             "last_ms": last, "chunks": count, "changed": _yes(len(chain.programs) > 1)}
            for chain in own
            for first, last, agent, code, count in sorted(
                (first, last, agent, code, count) for (agent, code), (first, last, count) in chain.programs.items())
        ]  # fmt: skip
        hosts.append({
            "host": host, "sources": [chain.source for chain in own], "programs": programs,
            "software": sorted({program["software"] for program in programs}),
            "chunks": sum(chain.followed for chain in own),
            "attested": sum(chain.followed for chain in own if chain.source in SIGNED_BY_HOSTS),
            "clock": {
                "states": sorted({state for chain in own for state in chain.clocks}),
                "least_ms": min(offsets, default=None), "most_ms": max(offsets, default=None),
            },
            **_of_host(measured, declared, own),
        })  # fmt: skip
    return {
        "hosts": hosts,
        "definitions": [
            {"id": one.id, "indicator": name, "zh": DEFINITION_WORDS[one.id][0], "en": DEFINITION_WORDS[one.id][1]}
            for name, one in measured.definitions.items()
        ],
        "edition": {
            **edition.texts, "sha256": edition.sha256, "complete": _yes(edition.complete),
            "unknown": [{"about": about, "zh": zh, "en": en} for about, zh, en in edition.unknown],
        },
        "scope": None if scope is None else {
            "sha256": scope.sha256, "version": mine.version if mine else None,
            "declared_ms": mine.declared_ms if mine else None,
            "declared_before_window": _yes(measured.in_force), "head_counts": scope.head_counts,
            "substitution": scope.substitution,
            "versions": [
                {"version": one.version, "sha256": one.scope.sha256, "declared_ms": one.declared_ms,
                 "differences": _scope_differences(before.scope, one.scope) if before else []}
                for before, one in zip((None, *measured.declared.versions), measured.declared.versions)
            ],
            "hosts": [
                {
                    "host": host.id, "sources": list(host.sources),
                    "capacity": [{"from": iso(day), "mbps": _exactly(bps / 10**6)} for day, bps in host.capacities],
                    "iops_limit": None if host.iops_limit is None else _exactly(host.iops_limit),
                }
                for host in sorted(scope.hosts, key=lambda one: one.id)
            ],
        },
    }  # fmt: skip


# -- the rest of the report: day by day, sources beside one another, receipts, profile, questions ---------


class DayFigure(NamedTuple):
    """One figure on one day; a day that does not count has no hosts."""

    day: int
    bounds: Bounds
    times: Times
    hosts: List[HostFigure]


def _day_figures(measured: Measuring, indicator: Dict[str, Any]) -> List[DayFigure]:
    """Return the figure of every day of the window; every host keeps the source of its window figure."""
    definition, whole = indicator["definition"], indicator["window"]
    if definition.rule is None:
        return []
    sources = {figure.host: figure.source for figure in indicator["hosts"]}
    hosts = []
    for host in sorted(measured.hosts, key=lambda one: one.id):
        source = sources[host.id]
        hosts.append(host if source is None else host._replace(sources=(source,)))
    found = []
    for day in range(whole.first_day, whole.after_day):
        if day not in whole.lengths:
            found.append(DayFigure(day, UNKNOWN, Times(), []))
            continue
        start, length = whole.starts[day], whole.lengths[day]
        window = Window(day, day + 1, start, start + length, {day: length}, {day: start}, 0)
        figures = []
        for host in hosts:
            amounts = measured.amounts.get(host.id, {})
            month = HostMonth(
                host, window, {key: {day: days[day]} for key, days in amounts.items() if day in days}
            )
            # What the line could carry stays known from the days around it.
            month.amounts.update({key: days for key, days in amounts.items() if key[1] in INVENTORY})
            figures.append(definition.rule(month))
        bounds = fleet(figures, definition.aggregation)
        found.append(DayFigure(day, bounds, all_times(one.times for one in figures), figures))
    return found


def _series(indicator: Dict[str, Any], days: Sequence[DayFigure]) -> Dict[str, Any]:
    shown = []
    for one in days:
        printed = _printed(one.bounds)
        del printed["running"]
        shown.append(
            {"day": iso(one.day), **printed, "share": one.times.share, "excluded": _yes(not one.hosts)}
        )
    lows = sorted((one.bounds.low or ZERO, one.day) for one in days if one.hosts)
    worst = [] if all(one.bounds.low is None for one in days) else lows[:3]
    return {"indicator": indicator["rule"].id, "days": shown, "worst": [iso(day) for _, day in worst]}


def _calendar(
    measured: Measuring, runs: Sequence[Tuple[Dict[str, Any], List[DayFigure]]]
) -> List[Dict[str, Any]]:
    """Return what is known of every host on every day: of its measured figures the least covered one."""
    least: Dict[str, Dict[int, Tuple[bool, int, Times]]] = {host.id: {} for host in measured.hosts}
    for indicator, days in runs:
        told = {figure.host for figure in indicator["hosts"] if figure.source is not None}
        for one in days:
            for host in one.hosts:
                mine = (host.host not in told, host.times.covered, host.times)
                before = least[host.host].get(one.day)
                if before is None or mine[:2] < before[:2]:
                    least[host.host][one.day] = mine
    shown = []
    for host_id, by_day in sorted(least.items()):
        amounts = measured.amounts.get(host_id, {})
        days_ = []
        for day, (_, _, times) in sorted(by_day.items()):
            restarts = max((days[day][RESTARTS] for days in amounts.values() if day in days), default=0)
            days_.append({
                "day": iso(day), "share": times.share, **times.seconds(),
                "suspect_s": times.suspect // S_MS, "restarts": restarts,
            })  # fmt: skip
        shown.append({"host": host_id, "days": days_})
    return shown


def _of_host(measured: Measuring, host: Host, own: Sequence[Chain]) -> Dict[str, Any]:
    """Return restarts, capacity and gaps of one host."""
    window = measured.window
    amounts = measured.amounts.get(host.id, {})
    origin, weight = "unknown", None
    for indicator in reversed(measured.indicators):
        for figure in indicator["hosts"]:
            if figure.host == host.id and figure.capacity_from != "unknown":
                origin, weight = figure.capacity_from, figure.weight
    if host.capacities:
        origin = "declared"
        if window.counted_ms:
            weight = sum(host.capacity(day) * ms for day, ms in window.lengths.items()) / window.counted_ms
    spoken = {chain.source: chain.behaviour.spoken for chain in own if chain.behaviour.spoken}
    order = host.sources or usual_order(spoken)
    silent = _gaps(
        next((spoken[name] for name in order if name in spoken), []), window, measured.said.made_ms
    )
    longest = sorted(silent, key=lambda gap: (gap[0] - gap[1], gap[0]))[:10]
    return {
        "restarts": max((total_of(days)[RESTARTS] for days in amounts.values()), default=0),
        "capacity": {"source": origin, "mbps": None if weight is None else rounded_down(weight / 10**6)},
        "gaps": {
            "count": len(silent), "seconds": sum(end - start for start, end in silent) // S_MS,
            "longest": [{"start_ms": start, "end_ms": end} for start, end in longest],
        },
    }  # fmt: skip


def _gaps(spoken: Sequence[Interval], window: Window, until_ms: int) -> List[Interval]:
    """Return the stretches of the days that count for which nobody speaks, up to an instant."""
    counted = Claims((start, start + window.lengths[day]) for day, start in window.starts.items())
    found = []
    for start, end in zip(counted.starts, counted.ends):
        silent = start
        for low, high in spoken:
            if high > silent and low < end:
                if low > silent:
                    found.append((silent, low))
                silent = high
        if silent < end:
            found.append((silent, end))
    return [(start, min(end, until_ms)) for start, end in found if start < until_ms]


def _scope_differences(before: Scope, after: Scope) -> List[Dict[str, str]]:
    old, new = dict(_scope_places(before)), dict(_scope_places(after))
    return [
        {"place": " ".join(place), "before": old.get(place, ""), "after": new.get(place, "")}
        for place in sorted(old.keys() | new.keys()) if old.get(place) != new.get(place)
    ]  # fmt: skip


def _scope_places(scope: Scope) -> Iterator[Tuple[Tuple[str, ...], str]]:
    """Yield every place of a scope with its text."""
    yield ("enterprise",), scope.enterprise
    yield ("timezone",), scope.timezone
    yield ("edition",), scope.edition
    yield ("window", "from"), iso(scope.first_day)
    yield ("window", "to"), iso(scope.last_day)
    tables: Tuple[Tuple[str, Dict[str, Any]], ...] = (
        ("definitions", scope.definitions), ("substitution", scope.substitution), ("head_counts", scope.head_counts),
    )  # fmt: skip
    for name, table in tables:
        for key, value in table.items():
            yield (name, key), str(value)
    if scope.users is not None:
        yield ("users", "head_count"), scope.users[0]
        if scope.users[1]:
            yield ("users", "sources"), ", ".join("%s/%s" % source for source in scope.users[1])
    if scope.it_cost is not None:
        items, earlier, later = scope.it_cost
        yield ("it_cost", "items"), ", ".join(items)
        yield ("it_cost", "before"), " to ".join(earlier)
        if later is not None:
            yield ("it_cost", "after"), " to ".join(later)
    if scope.investment is not None:
        days, counts = scope.investment
        yield ("investment",), "declared"
        if days is not None:
            yield ("investment", "from"), iso(days[0])
            yield ("investment", "to"), iso(days[1])
        if counts:
            yield ("investment", "counts"), ", ".join(counts)
    for host in scope.hosts:
        yield ("hosts", host.id), "declared"
        if host.sources:
            yield ("hosts", host.id, "sources"), ", ".join(host.sources)
        if host.iops_limit is not None:
            yield ("hosts", host.id, "iops_limit"), _exactly(host.iops_limit)
        whole = len(host.capacities) == 1 and host.capacities[0][0] == scope.first_day
        for first, bps in host.capacities:
            more = ("bandwidth_mbps",) if whole else ("capacity", iso(first))
            yield ("hosts", host.id, *more), _exactly(bps / 10**6)
    counted: Counter = Counter()  # type: ignore[type-arg]
    for begins, ends, reason, person in sorted(scope.exclusions):
        place: Tuple[str, ...] = ("exclusions", iso(begins), "to", iso(ends))
        counted[place] += 1
        if counted[place] > 1:
            place = (*place, "(%d)" % counted[place])
        yield (*place, "reason"), reason
        yield (*place, "person"), person


class Held(NamedTuple):
    """What the pack says of anchors by itself, nothing of it verified: leaves, marks, receipts, records of scopes."""

    leaves: Dict[Tuple[int, bytes], int]
    marks: Dict[int, int]
    receipts: List[Tuple[int, str, str, Optional[int]]]
    records: List[bytes]


def read_held(pack: Pack) -> Optional[Held]:
    """Return what the pack holds, ``None`` if there is no log or one that cannot be read."""
    if "data/log/leaves.bin" not in pack:
        return None
    try:
        base, earlier = read_log_base(pack.read("data/log/base.json"))
        raw = pack.read("data/log/leaves.bin")
        marks = _records(
            pack.read("data/log/day-marks.json"), "starproof/day-marks/1", 40_000, 64 * 1024, _mark
        )
        leaves = [(index, leaf) for index, leaf, _ in earlier]
        records = read_scope_records(pack.read("data/scopes.json")) if "data/scopes.json" in pack else []
        leaves.extend(
            (base.size + at // _LEAF.size, read_leaf(raw[at : at + _LEAF.size]))
            for at in range(0, len(raw), _LEAF.size) if raw[at] != CHUNK_LEAF
        )  # fmt: skip
    except Bad:  # reported by step 5 or 2
        return None
    places: Dict[Tuple[int, bytes], int] = {}
    logged: Dict[bytes, int] = {}
    for index, leaf in leaves:
        places.setdefault((leaf.kind, leaf.hash), index)
        if leaf.kind == ANCHOR_LEAF:
            logged.setdefault(leaf.hash, leaf.arrival_ms)
    receipts = []
    for name in pack.entries:
        parts = _RECEIPT_NAME.match(name)
        if parts:
            when = logged.get(hashlib.sha256(pack.read(name)).digest())
            receipts.append((int(parts[1]), parts[2], _KINDS[parts[3]], when))
    by_day = {mark[2]: places[MARK_LEAF, hash_] for hash_, mark in marks if (MARK_LEAF, hash_) in places}
    receipts.sort(key=lambda one: one[:3])
    return Held(places, by_day, receipts, [hashlib.sha256(record).digest() for record, _ in records])


def _held_anchors(held: Held, measured: Measuring) -> Dict[str, Any]:
    """Return what the report says of anchors: receipts that cover the rules, and every day."""
    window, calendar, made_ms = measured.window, measured.calendar, measured.said.made_ms
    mine = measured.declared.in_use
    rules: Dict[str, Any] = {"state": "not_declared", "size": None, "receipts": []}
    if mine is not None and mine.version <= len(held.records):
        leaves = [
            held.leaves.get((SCOPE_LEAF, held.records[mine.version - 1])),
            held.leaves.get((EDITION_LEAF, bytes.fromhex(measured.declared.edition.sha256))),
        ]
        there = [leaf for leaf in leaves if leaf is not None]
        size = max(there) + 1 if len(there) == 2 else None
        early = [one for one in held.receipts if size and one[0] >= size and (one[3] or 0) < window.start_ms]
        early = [one for one in early if one[3] is not None]
        state = "before" if early else "not_before"
        rules = {"state": state, "size": size, "receipts": _shown_receipts(early)}
    days = []
    for day in sorted(window.starts):
        ends = calendar.day_start(day + 1)
        later = [leaf for marked, leaf in held.marks.items() if marked >= day]
        size = min(later) + 1 if later else None
        cover = [one for one in held.receipts if size is not None and one[0] >= size]
        dated = [one for one in cover if one[3] is not None]
        in_time = [one for one in dated if (one[3] or 0) <= ends + ON_TIME_MS]
        state, told = "none", []
        if ends > made_ms:
            state = "not_over"
        elif in_time:
            state, told = "in_time", in_time
        elif dated:
            first = min(one[3] or 0 for one in dated)
            state, told = "late", [one for one in dated if one[3] == first]
        elif cover:
            state, told = "undated", [one for one in cover if one[0] == cover[0][0]]
        days.append({"day": iso(day), "size": size, "state": state, "receipts": _shown_receipts(told)})
    return {"rules": rules, "days": days}


def _shown_receipts(receipts: Iterable[Tuple[int, str, str, Optional[int]]]) -> List[Dict[str, Any]]:
    """Return the first receipt of every anchor."""
    firsts: Dict[Tuple[str, str], Any] = {}
    for one in sorted(receipts, key=lambda one: (one[3] or 0, one[0])):
        firsts.setdefault((one[2], one[1]), one)
    return [
        {"size": size, "alias": alias, "kind": kind, "logged_ms": logged_ms}
        for size, alias, kind, logged_ms in sorted(firsts.values(), key=lambda one: one[:3])
    ]


_RATES: Dict[str, Tuple[Tuple[str, int, int], ...]] = {
    "busy-hour-repeated/1": (("aws", 0, 13), ("aws-io", 0, 4), ("bitbrains", 0, 180), ("planetlab", 0, 1052)),
    "constant/1": (("aws", 0, 13), ("bitbrains", 0, 36), ("planetlab", 2, 1052)),
    "low-variation/1": (("aws", 0, 17), ("bitbrains", 0, 115)),
    "step-at-start/1": (("aws", 4, 240), ("bitbrains", 51, 680)),
    "sources-differ/1": (),
    "unit-load-tool/1": (),
    "unit-new/1": (),
    "unit-unnamed/1": (),
    "traffic-between-hosts/1": (("bitbrains", 0, 396),),
}
"""All questions in their order: on which data, how often asked, of how many genuine units (docs/questions.md)."""
_LOAD_TOOL = re.compile(
    r"(?:^|[^a-z])(stress(-ng)?|s-tui|cpuburn|burn(in|er)?|mprime|prime95|sysbench|xmrig|miner|fio|iozone|bonnie|"
    r"iperf3?|netperf|wrk2?|siege|locust|jmeter|heavyload|lookbusy|cpulimit)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_MOST_ASKED, _MOST_PAIRED = 500, 500
_LEAST_BUSY_US = 3_600 * 10**6
Question = Tuple[str, str, str, str, int, Optional[int], Optional[int], Tuple[Tuple[str, Fraction], ...]]
"""Definition, host, source, about what, how often, from and to when, named numbers."""


class Asking:
    """What a reviewer should ask, and how many tests were made."""

    def __init__(
        self, measured: Measuring, chains: Sequence[Chain], compared: Sequence[Dict[str, Any]]
    ) -> None:
        """Ask everything."""
        self._measured = measured
        self._tested = dict.fromkeys(_RATES, 0)
        self._asked: List[Question] = []
        self._units: List[Dict[str, Any]] = []
        for chain in chains:
            self._patterns(chain)
            self._step(chain)
            self._used(chain)
        for one in compared:
            if one["within"] in ("yes", "no") and one["hours"]:
                self._tested["sources-differ/1"] += 1
                if one["within"] == "no":
                    sources = "%s / %s" % (one["primary"], one["other"])
                    self._ask("sources-differ/1", one["host"], sources, one["metric"], one["hours"],
                              values=(("median", one["exactly"]),))  # fmt: skip
        self._traffic(chains)

    def document(self) -> Dict[str, Any]:
        """Return the object ``questions`` of the report."""
        texts = ("zh", "en", "ask_zh", "ask_en", "innocent_zh", "innocent_en")
        definitions = []
        for name, rates in _RATES.items():
            mine = [one for one in self._asked if one[0] == name]
            share = Fraction(sum(r[1] for r in rates), sum(r[2] for r in rates)) if rates else None
            definitions.append({
                "id": name, **dict(zip(texts, QUESTION_WORDS[name])), "tested": self._tested[name], "asked": len(mine),
                "hosts": len({one[1] for one in mine}),
                "expected": None if share is None else rounded_up(share * self._tested[name]),
                "rates": [{"data": data, "asked": asked, "of": of} for data, asked, of in rates],
            })  # fmt: skip
        return {
            "asked": [
                {"definition": name, "host": host, "source": source, "about": about, "count": count,
                 "start_ms": start, "end_ms": end,
                 "values": {key: away_from_zero(value) for key, value in values}}
                for name, host, source, about, count, start, end, values in sorted(self._asked)[:_MOST_ASKED]
            ],
            "count": len(self._asked), "definitions": definitions, "units": self._units,
        }  # fmt: skip

    def _ask(
        self, name: str, host: str, source: str, about: str, count: int, start: Optional[int] = None,
        end: Optional[int] = None, values: Tuple[Tuple[str, Fraction], ...] = (),
    ) -> None:  # fmt: skip
        self._asked.append((name, host, source, about, count, start, end, values))

    def _patterns(self, chain: Chain) -> None:
        seen, who = chain.behaviour, (chain.host, chain.source)
        self._tested["busy-hour-repeated/1"] += len(seen.repeats)
        for metric, repeats in seen.repeats.items():
            if repeats:
                first, again = repeats[0]
                self._ask("busy-hour-repeated/1", *who, metric, len(repeats), first * BIN_MS, again * BIN_MS)
        if seen.constants is not None:
            self._tested["constant/1"] += 1
        if seen.constants:
            first, after, value = max(seen.constants, key=lambda one: one[1] - one[0])
            values = (("value", Fraction(value, NANO)), ("hours", Fraction(after - first, _HOUR_BINS)))
            self._ask(
                "constant/1",
                *who,
                _PERCENT_OF_CPU,
                len(seen.constants),
                first * BIN_MS,
                after * BIN_MS,
                values,
            )
        self._tested["low-variation/1"] += len(seen.weeks)
        flat = [(first, mean) for first, mean, steady in seen.weeks if steady]
        if flat:
            first, mean = flat[0]
            ends, values_ = (first + _WEEK_BINS) * BIN_MS, (("mean", Fraction(mean, NANO)),)
            self._ask("low-variation/1", *who, _PERCENT_OF_CPU, len(flat), first * BIN_MS, ends, values_)

    def _step(self, chain: Chain) -> None:
        """The processors' use rises within three days of the window's beginning."""
        window, name = self._measured.window, _PERCENT_OF_CPU if averaged(chain.source) else "cpu"
        days = self._measured.amounts.get(chain.host, {}).get((chain.source, name))
        if days is None:
            return
        means: List[Optional[Fraction]] = []
        for day in range(window.first_day, window.first_day + 5):
            sums, length = days.get(day), window.lengths.get(day)
            if sums is None or length is None or not sums[WHOLE] or 4 * covered(sums) < 3 * length:
                means.append(None)
            elif averaged(chain.source):
                means.append(Fraction(sums[AMOUNT], NANO * sums[WHOLE]))
            else:
                means.append(percent_of(sums))
        if sum(mean is not None for mean in means) < 4:
            return
        self._tested["step-at-start/1"] += 1
        best: Optional[Tuple[Fraction, int, Fraction, Fraction]] = None
        for day in (2, 3):
            around = [mean for mean in means[day - 2 : day + 2] if mean is not None]
            if len(around) == 4:
                before, after = (around[0] + around[1]) / 2, (around[2] + around[3]) / 2
                if after - before > 15 and (best is None or after - before > best[0]):
                    best = (after - before, day, before, after)
        if best is not None:
            start = window.starts[window.first_day + best[1]]
            values = (("before", best[2]), ("after", best[3]))
            self._ask("step-at-start/1", chain.host, chain.source, _PERCENT_OF_CPU, 1, start, None, values)

    def _used(self, chain: Chain) -> None:
        """Which units used the processors."""
        seen = chain.behaviour
        units = sorted(((used, name, first) for name, (used, first) in seen.units.items() if used),
                       key=lambda unit: (-unit[0], unit[1]))  # fmt: skip
        if not units:
            return

        def share_of(used: int) -> Fraction:
            return min(Fraction(1), Fraction(used, seen.busy_us)) if seen.busy_us else ZERO

        rest = 1 - share_of(sum(used for used, _, _ in units))
        self._units.append({
            "host": chain.host, "source": chain.source, "busy_s": seen.busy_us // 1_000_000,
            "unnamed": rounded_down(100 * rest),
            "units": [
                {"name": name, "used_s": used // 1_000_000, "share": rounded_down(100 * share_of(used))}
                for used, name, _ in units[:5]
            ],
        })  # fmt: skip
        if seen.busy_us < _LEAST_BUSY_US:
            return
        for name in ("unit-load-tool/1", "unit-new/1", "unit-unnamed/1"):
            self._tested[name] += 1
        for used, name, first in units:
            share = share_of(used)
            values = (("share", 100 * share),)
            if name == _BEYOND:
                continue
            if 20 * share >= 1 and _LOAD_TOOL.search(name):
                self._ask("unit-load-tool/1", chain.host, chain.source, name, 1, values=values)
            if 4 * share >= 1 and first > seen.first_ms + DAY_MS:
                self._ask("unit-new/1", chain.host, chain.source, name, 1, first, values=values)
        if 2 * rest > 1:
            self._ask("unit-unnamed/1", chain.host, chain.source, "", 1, values=(("share", 100 * rest),))

    def _traffic(self, chains: Sequence[Chain]) -> None:
        """What one host sends is what another receives, in nearly all busy hours."""
        spoken: Dict[str, Chain] = {}
        for chain in chains:
            if len(chain.behaviour.hourly) == 2:
                spoken.setdefault(chain.host, chain)
        if len(spoken) > _MOST_PAIRED:
            return
        self._tested["traffic-between-hosts/1"] += len(spoken) * (len(spoken) - 1)
        for sender in sorted(spoken):
            out = spoken[sender].behaviour.hourly["net.tx.rate"]
            for receiver in sorted(spoken):
                if sender == receiver:
                    continue
                into = spoken[receiver].behaviour.hourly["net.rx.rate"]
                hours = alike = 0
                for hour in out.keys() & into.keys():
                    left, right = out[hour], into[hour]
                    most = max(left, right)
                    if most >= 36_000_000:
                        hours += 1
                        alike += 20 * abs(left - right) <= most
                if hours >= 24 and 10 * alike >= 9 * hours:
                    values = (("alike", Fraction(100 * alike, hours)),)
                    source = spoken[sender].source
                    self._ask("traffic-between-hosts/1", sender, source, receiver, hours, values=values)


_PROVED = ("UNALTERED", "SIGNED_READINGS", "FIGURES_FOLLOW", "MISSING_COUNTS_AGAINST")
_NOT_PROVED = (
    "COUNTERS_TRUE", "WHEN", "ONE_HISTORY", "HOSTS_EXIST", "HOSTS_COMPLETE", "IMPORTED", "DECLARED", "RATING",
)  # fmt: skip
"""The sentences of page one in their order, as they stand in the readme too."""
_RULES_FIXED = {
    "code": "RULES_FIXED",
    "zh": "申报范围、评定版本和日志密钥在统计期开始之前已经确定：证据包中没有统计期之前的锚定回执。",
    "en": "That scope, edition and log key were fixed before the window: the pack holds no receipt of an anchor from "
    "before it.",
}
_WHOLE_WINDOW = {
    "code": "WHOLE_WINDOW",
    "zh": "这是完整的统计期：本证据包在统计期结束之前生成，是暂定的；没有关账，最后几天的日终标记和锚定也不作要求。请在统计期结束后重新打包。",
    "en": "That this is the whole window: the pack was made before it ended and is provisional; no close, and no mark "
    "and anchor of its last days, was asked for. Ask for a pack from after it.",
}


def _page_one(
    measured: Measuring, chains: Sequence[Chain], pack: Pack, anchors: Optional[Dict[str, Any]]
) -> Dict[str, List[Dict[str, str]]]:
    """Return what page one of a report says to be proved and not proved."""
    declared = measured.declared
    left_out = set()
    if not any(chain.source in SIGNED_BY_HOSTS for chain in chains):
        left_out.add("SIGNED_READINGS")
    if all(chain.source in SIGNED_BY_HOSTS for chain in chains):
        left_out.add("IMPORTED")
    if declared.profile is None and not pack.read("data/ledger.json"):
        left_out.add("DECLARED")
    told = [line[4:] for line in README.splitlines() if line[:4] == "  - "]
    half = len(_PROVED) + len(_NOT_PROVED)
    said = [
        {"code": code, "zh": zh, "en": en}
        for code, zh, en in zip((*_PROVED, *_NOT_PROVED), told[:half], told[half:])
    ]
    proved = [one for one in said[: len(_PROVED)] if one["code"] not in left_out]
    not_proved = [one for one in said[len(_PROVED) :] if one["code"] not in left_out]
    if anchors is not None and anchors["rules"]["state"] != "before":
        not_proved.insert([one["code"] for one in not_proved].index("HOSTS_EXIST"), _RULES_FIXED)
    if measured.window.end_ms > measured.said.made_ms and measured.said.format != FIRST_FORMAT:
        not_proved.insert([one["code"] for one in not_proved].index("HOSTS_EXIST"), _WHOLE_WINDOW)
    return {"proved": proved, "not_proved": not_proved}


def check_report(
    measured: Measuring, verdict: Dict[str, Any], day_sums: bytes, pack: Pack, findings: Findings, *,
    chains: Sequence[Chain], compared: Sequence[Dict[str, Any]],
) -> None:  # fmt: skip
    """Step 9: the report is what follows from the rest of the pack; ``NOT_JUDGED`` names what is left."""
    name = "data/report.json"
    if name not in pack:
        return
    figures, said, declared = measured.shown, measured.said, measured.declared
    ledger, held = pack.read("data/ledger.json"), read_held(pack)
    anchors = None if held is None else _held_anchors(held, measured)
    runs = [(indicator, _day_figures(measured, indicator)) for indicator in measured.indicators]
    want: Dict[str, Any] = {
        "schema": "starproof/report/1", "software": said.software, "made_ms": said.made_ms,
        "figures": figures, "verdict": verdict,
        "series": [_series(indicator, days) for indicator, days in runs if days],
        "calendar": _calendar(measured, runs),
        "comparisons": [{key: one[key] for key in one if key != "exactly"} for one in compared],
        "comparison_notes": _comparison_notes(compared),
        "questions": Asking(measured, chains, compared).document(),
        "profile": declared.profile.document if declared.profile else None,
        "hashes": {
            "figures": sha256(_canonical_text(figures)), "verdict": sha256(_canonical_text(verdict)),
            "edition": declared.edition.sha256,
            "scope": declared.scope.sha256 if declared.scope else None,
            "profile": sha256(pack.read("data/profile.toml")) if declared.profile else None,
            "day_sums": sha256(day_sums),
            **({"ledger": sha256(ledger)} if ledger else {}),
        },
        **({} if anchors is None else {"anchors": anchors}),
    }  # fmt: skip
    repeated = ("enterprise", "month", "months", "timezone", "provisional", "window", "exclusions")
    want.update({key: figures[key] for key in repeated})
    want.update(_copies(measured, chains))
    want.update(_page_one(measured, chains, pack, anchors))
    check_document("REPORT", name, want, pack, findings)


# ======================================================================================================
# Times: what chunks, boots and window say about one another (steps 2, 4 and 8)
# ======================================================================================================


class Chain:
    """What was seen of the chunks of one host and source."""

    def __init__(self, host: str, source: str) -> None:
        """Begin with nothing."""
        self.host, self.source = host, source
        self.count = self.followed = self.last_ms = 0
        self.first_ms = LATEST_MS
        self.begins: Dict[int, Tuple[str, int, int]] = {}
        self.boots: set = set()  # type: ignore[type-arg]
        self.scopes: set = set()  # type: ignore[type-arg]
        self.programs: Dict[Tuple[str, str], Tuple[int, int, int]] = {}
        self.clocks: set = set()  # type: ignore[type-arg]
        self.offsets: List[int] = []
        self.behaviour = Behaviour()

    def take(self, chunk: Chunk) -> None:
        """See one more chunk."""
        header = chunk.header
        self.count += 1
        self.begins.setdefault(chunk.epoch, (chunk.place, header.prev_end_ms, header.start_ms))
        self.first_ms, self.last_ms = min(self.first_ms, header.start_ms), max(self.last_ms, header.end_ms)
        self.boots.add(header.boot)

    def follow(self, chunk: Chunk) -> None:
        """See one more chunk that has its place in the chain: what a report says of programs, clocks and behaviour."""
        header = chunk.header
        self.behaviour.watch(chunk)
        self.followed += 1
        first, last, count = self.programs.get((header.agent, header.code), (LATEST_MS, 0, 0))
        self.programs[header.agent, header.code] = (
            min(first, header.start_ms), max(last, header.end_ms), count + 1,
        )  # fmt: skip
        self.clocks.add(header.clock_state)
        if header.clock_rtt_ms >= 0:
            offsets = [*self.offsets, header.clock_offset_ms]
            self.offsets = [min(offsets), max(offsets)]


def network_scopes(manifest: Manifest) -> Iterator[Tuple[str, str]]:
    """Yield which traffic the averages of networks count."""
    said = manifest.host.get("scope")
    for name, _, _ in manifest.columns:
        if name in ("net.rx.rate", "net.tx.rate"):
            yield name, said if said in ("public", "all_interfaces") else "unknown"


def check_times(
    chains: Sequence[Chain],
    said: Statement,
    window: Window,
    enrolled: Iterable[Enrolment],
    findings: Findings,
) -> None:
    """Step 4: what the chunks' times and boots say."""
    if not chains:
        findings.add("EMPTY", "data/hosts.json")
    keyed: Dict[str, int] = {}
    for one in enrolled:
        keyed[one.host] = min(one.time_ms, keyed.get(one.host, one.time_ms))
    boots: Dict[str, str] = {}
    for chain in chains:
        add = findings.add
        if chain.last_ms > said.made_ms + CLOCK_SKEW_MS:
            slot = hour_slot(chain.last_ms)
            add(
                "MADE_BEFORE",
                "statement.json",
                chain.host,
                "%d ms" % chain.last_ms,
                "%d ms" % said.made_ms,
                slot,
            )
        if carried(chain.source) == "averages":
            continue
        for place, before_ms, begins_ms in chain.begins.values():
            if before_ms > window.start_ms:
                slot = hours_slot(before_ms, max(before_ms, begins_ms - 1))
                add(
                    "SEQ_MISSING",
                    place,
                    chain.host,
                    "the chunks of the window before it",
                    "the first packed",
                    slot,
                )
        for boot in sorted(chain.boots - {""}) if chain.source != "database" else ():
            other = boots.setdefault(boot, chain.host)
            if other != chain.host:
                add("SAME_MACHINE", "boot %s" % boot, chain.host, "a machine of its own", other)
        since = keyed.get(chain.host) if carried(chain.source) == "counters" else None
        if since is not None and chain.first_ms < since - CLOCK_SKEW_MS:
            got, slot = "%d ms" % chain.first_ms, hour_slot(chain.first_ms)
            add("ENROLLED_AFTER", "data/enrolments.json", chain.host, "%d ms" % since, got, slot)


def check_window(measured: Measuring, findings: Findings) -> None:
    """Steps 2 and 8: what the applicant chose, for the reviewer to see."""
    window, said, add = measured.window, measured.said, findings.add
    mine = measured.declared.in_use
    if mine is not None and mine.declared_ms >= window.start_ms:
        add(
            "SCOPE_DECLARED_AFTER",
            "data/scope.toml",
            "",
            "before %d ms" % window.start_ms,
            "%d ms" % mine.declared_ms,
        )
    if window.end_ms > said.made_ms:
        add("PROVISIONAL", "statement.json", "", "%d ms or later" % window.end_ms, "%d ms" % said.made_ms)
    names = months_until(said.month, max(measured.windows))
    first, after = Calendar.month(names[0])[0], Calendar.month(names[-1])[1]
    if (window.first_day, window.after_day) != (first, after):
        got = "%s to %s" % (iso(window.first_day), iso(window.after_day - 1))
        add("WINDOW_SHORT", "data/scope.toml", "", "%s to %s" % (iso(first), iso(after - 1)), got)
    whole, counted = window.after_day - window.first_day, len(window.lengths)
    if counted < whole:
        add("DAYS_EXCLUDED", "data/scope.toml", got="%d of %d days" % (whole - counted, whole))
    if 10 * (after - first - counted) > after - first:
        add(
            "MOSTLY_LEFT_OUT",
            "data/scope.toml",
            got="%d of %d days" % (after - first - counted, after - first),
        )


# ======================================================================================================
# G  Time stamps (RFC 3161): DER, RSA and ECDSA with nothing but integers
#    A token that uses anything else is not judged here, and confirms nothing.
# ======================================================================================================

MAX_TOKEN_BYTES = 64 * 1024
MAX_ROOTS_BYTES = 1024 * 1024
MAX_DER_DEPTH = 40
MAX_CHAIN = 8
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512",
}  # fmt: skip
_RSA_WITH = {
    "1.2.840.113549.1.1.11": "sha256", "1.2.840.113549.1.1.12": "sha384", "1.2.840.113549.1.1.13": "sha512",
}  # fmt: skip
_ECDSA_WITH = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_RSA, _EC, _SIGNED_DATA, _TST_INFO = (
    "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4",
)  # fmt: skip
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_ESS_CERT, _ESS_CERT_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_KEY_USAGE, _BASIC, _EXTENDED, _STAMPING = "2.5.29.15", "2.5.29.19", "2.5.29.37", "1.3.6.1.5.5.7.3.8"
_SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.14", "2.5.29.35"
_CONSTRAINING = {"2.5.29.30", "1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8", "1.3.6.1.5.5.7.1.14"}
"""Names, addresses, numbers and proxies that a chain is limited to, critical or not: judged by others."""
_JUDGED_ELSEWHERE = {
    "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.46", "2.5.29.54",
    "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1", _SUBJECT_KEY, _AUTHORITY_KEY,
}  # fmt: skip
"""Extensions that others know: if one is critical, the certificate may hold for them, and is not judged here."""
_STRINGS = {
    12: "utf-8", 19: "latin-1", 20: "latin-1", 22: "latin-1", 26: "latin-1", 28: "utf-32-be", 30: "utf-16-be",
}  # fmt: skip
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


class OtherBytes(Bad):
    """A time stamp about other bytes."""


class Der(NamedTuple):
    """One element: its tag, its content, and all its bytes."""

    tag: int
    body: bytes
    raw: bytes

    def parts(self) -> List[Der]:
        """Return the elements inside."""
        return der_all(self.body)


def der_one(data: bytes, at: int = 0) -> Tuple[Der, int]:
    """Return the element at an offset, and the offset behind it."""
    if len(data) - at < 2 or data[at] & 0x1F == 0x1F:
        raise Bad("DER: cut off")
    length, begin = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[begin : begin + count], "big")
        if not 0 < count <= 4 or length < 0x80 or data[begin] == 0:
            raise Bad("DER: a length in another form")
        begin += count
    end = begin + length
    if end > len(data):
        raise Bad("DER: cut off")
    return Der(data[at], data[begin:end], data[at:end]), end


def der_all(data: bytes) -> List[Der]:
    """Return all elements one after another."""
    found, at = [], 0
    while at < len(data):
        one, at = der_one(data, at)
        found.append(one)
    return found


def der_whole(data: bytes, depth: int = 0) -> None:
    """Raise ``Bad`` unless these are whole elements, and whole elements inside wherever there are some."""
    if depth > MAX_DER_DEPTH:
        raise Bad("DER: nested too deep")
    for one in der_all(data):
        if one.tag & 0x20:
            der_whole(one.body, depth + 1)
        elif one.tag == 6:
            _oid(one)


def _oid(one: Der) -> str:
    if one.tag != 6 or not one.body or one.body[-1] & 0x80:
        raise Bad("DER: no object identifier")
    numbers, value = [], 0
    for byte in one.body:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _whole_number(one: Der) -> int:
    if one.tag != 2 or not one.body:
        raise Bad("DER: no integer")
    return int.from_bytes(one.body, "big", signed=True)


_UTC_TIME = re.compile(rb"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z\Z")
_LONG_TIME = re.compile(
    rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.[0-9]{0,8}[1-9])?Z\Z"
)


def _instant(one: Der) -> int:
    """Return a time in ms since 1970, fractions of its second cut off."""
    found = (
        (_UTC_TIME if one.tag == 0x17 else _LONG_TIME).match(one.body) if one.tag in (0x17, 0x18) else None
    )
    if not found:
        raise Bad("DER: no time")
    parts = [int(part) for part in found.groups()[:6]]
    if one.tag == 0x17:
        parts[0] += 2000 if parts[0] < 50 else 1900
    try:
        when = datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
    except ValueError:
        raise Bad("DER: no such time") from None
    return (when - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1) * S_MS


class Curve(NamedTuple):
    """A short Weierstrass curve with a = -3."""

    p: int
    b: int
    n: int
    g: Tuple[int, int]


_CURVES = {
    "1.2.840.10045.3.1.7": Curve(
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
         0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5),
    ),
    "1.3.132.0.34": Curve(
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        (0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
         0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F),
    ),
}  # fmt: skip


def _ec_add(
    curve: Curve, one: Optional[Tuple[int, int]], other: Optional[Tuple[int, int]]
) -> Optional[Tuple[int, int]]:
    if one is None or other is None:
        return other if one is None else one
    p = curve.p
    if one[0] == other[0]:
        if (one[1] + other[1]) % p == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, p) % p
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, p) % p
    x = (slope * slope - one[0] - other[0]) % p
    return x, (slope * (one[0] - x) - one[1]) % p


def _ec_times(curve: Curve, scalar: int, point: Tuple[int, int]) -> Optional[Tuple[int, int]]:
    total: Optional[Tuple[int, int]] = None
    addend: Optional[Tuple[int, int]] = point
    while scalar:
        if scalar & 1:
            total = _ec_add(curve, total, addend)
        addend = _ec_add(curve, addend, addend)
        scalar >>= 1
    return total


class PublicKey:
    """The public key of a certificate: RSA, or ECDSA on P-256 and P-384."""

    def __init__(self, info: Der) -> None:
        """Read a SubjectPublicKeyInfo."""
        algorithm, bits = info.parts()[:2]
        parts = algorithm.parts()
        self.kind = _oid(parts[0])
        body = bits.body[1:]
        if self.kind == _RSA:
            modulus, exponent = der_one(body)[0].parts()[:2]
            self.n, self.e = _whole_number(modulus), _whole_number(exponent)
            if not 2048 <= self.n.bit_length() <= 8192 or not 3 <= self.e < 2**33 or not self.e & 1:
                raise NotHere("an RSA key that is too short or odd")
        elif self.kind == _EC:
            curve = _CURVES.get(_oid(parts[1])) if len(parts) > 1 else None
            if curve is None:
                raise NotHere("a curve that is not P-256 or P-384")
            size = (curve.p.bit_length() + 7) // 8
            if len(body) != 1 + 2 * size or body[0] != 4:
                raise Bad("no point of the curve")
            x, y = int.from_bytes(body[1 : 1 + size], "big"), int.from_bytes(body[1 + size :], "big")
            if max(x, y) >= curve.p or (y * y - (x * x * x - 3 * x + curve.b)) % curve.p:
                raise Bad("no point of the curve")
            self.curve, self.point = curve, (x, y)
        else:
            raise NotHere("a key that is neither RSA nor ECDSA")

    def signed(self, message: bytes, signature: bytes, algorithm: str, digest: str) -> bool:
        """Return whether the signature holds; ``digest`` names the hash where the algorithm does not."""
        if self.kind == _RSA and (algorithm in _RSA_WITH or algorithm == _RSA):
            name = _RSA_WITH.get(algorithm, digest)
            size = (self.n.bit_length() + 7) // 8
            wanted = _DIGEST_INFO[name] + hashlib.new(name, message).digest()
            padded = b"\x00\x01" + b"\xff" * (size - 3 - len(wanted)) + b"\x00" + wanted
            number_ = int.from_bytes(signature, "big")
            return (
                len(signature) == size
                and number_ < self.n
                and pow(number_, self.e, self.n).to_bytes(size, "big") == padded
            )
        if self.kind == _EC and algorithm in _ECDSA_WITH:
            return self._ecdsa(hashlib.new(_ECDSA_WITH[algorithm], message).digest(), signature)
        raise NotHere("the signature algorithm %s" % algorithm)

    def _ecdsa(self, hashed: bytes, signature: bytes) -> bool:
        r, s = (_whole_number(part) for part in der_one(signature)[0].parts()[:2])
        curve = self.curve
        if not (0 < r < curve.n and 0 < s < curve.n):
            return False
        bits = curve.n.bit_length()
        z = int.from_bytes(hashed, "big") >> max(0, 8 * len(hashed) - bits)
        inverse = pow(s, -1, curve.n)
        one, two = z * inverse % curve.n, r * inverse % curve.n
        found = _ec_add(curve, _ec_times(curve, one, curve.g), _ec_times(curve, two, self.point))
        return found is not None and found[0] % curve.n == r


class Certificate:
    """An X.509 certificate, as far as a chain of time stamping needs it."""

    def __init__(self, raw: bytes) -> None:
        """Read one certificate in DER."""
        whole, end = der_one(raw)
        if end != len(raw) or whole.tag != 0x30:
            raise Bad("no certificate")
        der_whole(raw)
        body, algorithm, signature = whole.parts()
        fields = body.parts()
        version = 0
        if fields[0].tag == 0xA0:
            version = _whole_number(der_one(fields[0].body)[0])
            fields = fields[1:]
        if version not in (0, 1, 2):
            raise Bad("no version of a certificate")
        self.first_version = version == 0
        serial, signed_by, issuer, validity, subject, info = fields[:6]
        if signed_by.raw != algorithm.raw or signature.tag != 0x03 or signature.body[:1] != b"\0":
            raise Bad("a certificate in another form")
        self.raw, self.signed_part = raw, body.raw
        self.algorithm, self.signature = _oid(algorithm.parts()[0]), signature.body[1:]
        self.serial, self.issuer, self.subject = serial.raw, issuer.raw, subject.raw
        self.not_before, self.not_after = (_instant(one) for one in validity.parts()[:2])
        self.info = info
        self.extensions: Dict[str, Tuple[bool, bytes]] = {}
        for extra in fields[6:]:
            if extra.tag == 0xA3:
                for one in der_one(extra.body)[0].parts():
                    parts = one.parts()
                    critical = len(parts) > 2 and parts[1].tag == 1 and parts[1].body == b"\xff"
                    if _oid(parts[0]) in self.extensions:
                        raise Bad("an extension stands twice")
                    self.extensions[_oid(parts[0])] = (critical, parts[-1].body)

    def may_issue(self, below: int) -> bool:
        """Return whether it is a CA that may have so many CAs below it."""
        if not self.is_authority():
            return False
        parts = der_one(self.extensions[_BASIC][1])[0].parts()
        if len(parts) > 1 and _whole_number(parts[1]) < below:
            return False
        usage = self.extensions.get(_KEY_USAGE)
        return usage is None or _usage_bit(usage[1], 5)

    def is_authority(self) -> bool:
        """Return whether it says of itself that it is a CA."""
        basic = der_one(self.extensions.get(_BASIC, (False, b"\x30\x00"))[1])[0]
        parts = basic.parts()
        return basic.tag == 0x30 and bool(parts) and parts[0].tag == 1 and parts[0].body == b"\xff"

    def stamps(self) -> bool:
        """Return whether it is for time stamping and for nothing else (RFC 3161, 2.3), and no CA."""
        if self.is_authority():
            return False
        extended = self.extensions.get(_EXTENDED)
        if extended is None or not extended[0]:
            return False
        if [_oid(part) for part in der_one(extended[1])[0].parts()] != [_STAMPING]:
            return False
        usage = self.extensions.get(_KEY_USAGE)
        used = [bit for bit in range(9) if usage is not None and _usage_bit(usage[1], bit)]
        return usage is None or (bool(used) and used[-1] <= 1)

    def refused_for(self) -> List[str]:
        """Return the extensions for which nobody can take it."""
        known = {_KEY_USAGE, _BASIC, _EXTENDED} | _CONSTRAINING | _JUDGED_ELSEWHERE
        return [name for name, (critical, _) in self.extensions.items() if critical and name not in known]

    def left_to_others(self) -> List[str]:
        """Return the extensions for which it is not judged here."""
        return [
            name
            for name, (critical, _) in self.extensions.items()
            if name in _CONSTRAINING or (critical and name in _JUDGED_ELSEWHERE)
        ]

    def is_meant(self, issuer: Certificate) -> bool:
        """Return whether what it says about the key of its issuer is true of this one."""
        if _AUTHORITY_KEY not in self.extensions:
            return True
        said = {part.tag: part for part in der_one(self.extensions[_AUTHORITY_KEY][1])[0].parts()}
        key = (
            der_one(issuer.extensions[_SUBJECT_KEY][1])[0].body if _SUBJECT_KEY in issuer.extensions else None
        )
        if 0x80 in said and key not in (None, said[0x80].body):
            return False
        if 0x82 in said and said[0x82].body != der_one(issuer.serial)[0].body:
            return False
        names = [one for one in said[0xA1].parts() if one.tag == 0xA4] if 0xA1 in said else []
        return not names or _plain_name(names[0].body) == _plain_name(issuer.issuer)


def _plain_name(raw: bytes) -> List[List[Tuple[bytes, bytes]]]:
    """Return what a name says, whatever the types of its strings, their case and their spaces."""
    said = []
    for part in der_one(raw)[0].parts():
        values = [(pair[0].body, pair[-1]) for pair in (one.parts() for one in part.parts())]
        said.append(sorted((kind, _plain_string(value)) for kind, value in values))
    return said


def _plain_string(value: Der) -> bytes:
    if value.tag not in _STRINGS:
        return value.raw
    return " ".join(value.body.decode(_STRINGS[value.tag], "replace").split()).lower().encode()


def _usage_bit(value: bytes, bit: int) -> bool:
    tag, body, _ = der_one(value)[0]
    return tag == 0x03 and len(body) > 1 + bit // 8 and bool(body[1 + bit // 8] & 0x80 >> bit % 8)


def read_roots(data: bytes) -> List[Certificate]:
    """Return the certificates in a file, PEM or DER."""
    if len(data) > MAX_ROOTS_BYTES:
        raise Bad("%d bytes are no file of certificates" % len(data))
    armour = rb"-----BEGIN (X509 )?CERTIFICATE-----(.*?)-----END (?:X509 )?CERTIFICATE-----"
    blocks = [block for _, block in re.findall(armour, data, re.DOTALL)]
    if not blocks:
        return [_certificate(data)]
    try:
        return [_certificate(base64.b64decode(b"".join(block.split()), validate=True)) for block in blocks]
    except (ValueError, binascii.Error):
        raise Bad("no certificate in base64") from None


def _certificate(raw: bytes) -> Certificate:
    try:
        return Certificate(raw)
    except (ValueError, IndexError) as error:
        raise Bad("no certificate: %s" % error) from None


class Stamp(NamedTuple):
    """What a token holds."""

    time_ms: int
    info: bytes
    signer: Der
    certificates: List[Certificate]
    digest: str


def read_token(token: bytes, message: bytes) -> Stamp:
    """Return a token that was granted and is about these bytes; no signature is verified."""
    try:
        return _token(token, message)
    except (ValueError, IndexError) as error:  # parts are missing
        raise Bad("not a time-stamp response: %s" % error) from None


def _token(token: bytes, message: bytes) -> Stamp:
    if len(token) > MAX_TOKEN_BYTES:
        raise Bad("a token of %d bytes" % len(token))
    response, end = der_one(token)
    if end != len(token):
        raise Bad("bytes follow the token")
    der_whole(token)
    status, content = response.parts()
    _have_tags([response, status, content], [0x30, 0x30, 0x30])
    if _whole_number(status.parts()[0]) != 0:
        raise Bad("the authority did not grant this time stamp")
    kind, wrapped = content.parts()
    if _oid(kind) != _SIGNED_DATA:
        raise Bad("no signed data")
    [signed] = wrapped.parts()
    fields = signed.parts()
    _have_tags([wrapped, signed, *fields[:3]], [0xA0, 0x30, 0x02, 0x31, 0x30])
    _have_tags(fields[1].parts(), [0x30] * len(fields[1].parts()))
    listed = [_oid(algorithm.parts()[0]) for algorithm in fields[1].parts()]
    inner = fields[2].parts()
    if _oid(inner[0]) != _TST_INFO:
        raise Bad("no time stamp inside")
    [info] = inner[1].parts()
    _have_tags([inner[1], info], [0xA0, 0x04])
    certificates: List[Certificate] = []
    for part in fields[3:-1]:
        if part.tag == 0xA0 and not certificates:
            certificates = [_certificate(one.raw) for one in part.parts()]
        elif part.tag != 0xA1:
            raise Bad("signed data in another form")
    signers = fields[-1].parts()
    if fields[-1].tag != 0x31 or len(signers) != 1:
        raise Bad("not one signer")
    if _oid(signers[0].parts()[2].parts()[0]) not in listed:
        raise Bad("the signer's digest is not among those that the token lists")
    if not _DIGESTS.keys() >= set(listed):
        raise Bad("the token lists a digest that is not SHA-256, SHA-384 or SHA-512")
    [stated] = der_all(info.body)
    said = stated.parts()
    imprint = said[2].parts()
    _have_tags([stated, *said[:5], *imprint], [0x30, 0x02, 0x06, 0x30, 0x02, 0x18, 0x30, 0x04])
    oid = _oid(imprint[0].parts()[0])
    if oid not in _DIGESTS:
        raise Bad("the hash %s" % oid)
    if imprint[1].body != hashlib.new(_DIGESTS[oid], message).digest():
        raise OtherBytes("the token is about other bytes")
    return Stamp(_instant(said[4]), info.body, signers[0], certificates, _DIGESTS[oid])


def _have_tags(elements: Sequence[Der], tags: Sequence[int]) -> None:
    if [one.tag for one in elements] != list(tags):
        raise Bad("a time stamp in another form")


def verify_token(token: bytes, message: bytes, roots: Sequence[Certificate]) -> int:
    """Return the time of a token whose chain ends in one of the roots, all valid at that time."""
    stamp = read_token(token, message)
    try:
        leaf = _signer(stamp)
        if not leaf.stamps():
            raise Bad("the certificate is not for time stamping alone")
        others = [one for one in [*stamp.certificates, *roots] if one.raw != leaf.raw]
        doubts: List[str] = []
        if not _chain_holds(leaf, others, {root.raw for root in roots}, stamp.time_ms, 0, doubts):
            if doubts:
                raise NotHere(doubts[0])
            raise Bad("no chain to one of the roots that was valid at the time")
    except (ValueError, IndexError) as error:
        raise Bad("not a time-stamp response: %s" % error) from None
    return stamp.time_ms


def _signer(stamp: Stamp) -> Certificate:
    """Return the certificate in the token that signed, its signature and its naming in the token verified."""
    fields = stamp.signer.parts()
    _have_tags([stamp.signer, *fields[:3], *fields[4:6]], [0x30, 0x02, 0x30, 0x30, 0x30, 0x04])
    named = fields[1].parts()
    digest = _DIGESTS.get(_oid(fields[2].parts()[0]))
    if digest is None or fields[3].tag != 0xA0:
        raise Bad("signed attributes are missing, or their hash is not SHA-256, SHA-384 or SHA-512")
    attributes: Dict[str, Der] = {}
    for one in fields[3].parts():
        name, values = one.parts()
        if _oid(name) in attributes or len(values.parts()) != 1:
            raise Bad("an attribute stands twice")
        attributes[_oid(name)] = values.parts()[0]
    if _oid(attributes.get(_CONTENT_TYPE, Der(6, b"\x00", b""))) != _TST_INFO:
        raise Bad("the signature is not over a time stamp")
    if attributes.get(_MESSAGE_DIGEST, Der(4, b"", b"")).body != hashlib.new(digest, stamp.info).digest():
        raise Bad("the signature is over another time stamp")
    to_sign = b"\x31" + fields[3].raw[1:]
    algorithm, signature = _oid(fields[4].parts()[0]), fields[5].body
    alike = {c.raw: c for c in stamp.certificates if len(named) == 2 and c.serial == named[1].raw}
    alike = {raw: c for raw, c in alike.items() if _plain_name(c.issuer) == _plain_name(named[0].raw)}
    if len(alike) != 1:
        raise Bad("not one certificate in it is the signer's")
    [leaf] = alike.values()
    if not _is_named(leaf, attributes):
        raise Bad("it does not name the certificate that signed it (RFC 3161, 2.4.2)")
    if leaf.issuer != named[0].raw:
        raise NotHere("a name written in another form")
    if not PublicKey(leaf.info).signed(to_sign, signature, algorithm, digest):
        raise Bad("no certificate signed it")
    return leaf


def _is_named(leaf: Certificate, attributes: Dict[str, Der]) -> bool:
    """Return whether the token names this very certificate (RFC 5816)."""
    if _ESS_CERT_V2 in attributes:
        first = attributes[_ESS_CERT_V2].parts()[0].parts()[0].parts()
        name: Optional[str] = "sha256"
        if first[0].tag == 0x30:
            name = _DIGESTS.get(_oid(first[0].parts()[0]))
            first = first[1:]
        return name is not None and first[0].body == hashlib.new(name, leaf.raw).digest()
    if _ESS_CERT in attributes:
        first = attributes[_ESS_CERT].parts()[0].parts()[0].parts()
        return first[0].body == hashlib.sha1(leaf.raw).digest()  # noqa: S324 - it only names it; the signature is not SHA-1
    return False


def _chain_holds(
    one: Certificate,
    others: Sequence[Certificate],
    roots: set,  # type: ignore[type-arg]
    when: int,
    below: int,
    doubts: List[str],
) -> bool:
    """Return whether a chain was found; ``doubts`` gets what was not judged, and so may be one for others."""
    if not one.not_before <= when <= one.not_after or one.refused_for():
        return False
    if one.left_to_others() or below > MAX_CHAIN:
        doubts.append(
            "the extension %s" % ", ".join(one.left_to_others()) if below <= MAX_CHAIN else "a long chain"
        )
        return False
    if one.raw in roots and _plain_name(one.issuer) == _plain_name(one.subject):
        if one.issuer != one.subject:
            doubts.append("a name written in another form")
        return one.issuer == one.subject and one.is_meant(one)
    for issuer in others:
        if _plain_name(issuer.subject) != _plain_name(one.issuer) or issuer.raw == one.raw:
            continue
        if issuer.first_version or issuer.subject != one.issuer:
            doubts.append("a certificate of the first version, or a name written in another form")
            continue
        if not issuer.may_issue(below) or not one.is_meant(issuer):
            continue
        try:
            holds = PublicKey(issuer.info).signed(one.signed_part, one.signature, one.algorithm, "sha256")
        except NotHere as error:
            doubts.append(str(error))
            continue
        rest = [other for other in others if other.raw != issuer.raw]
        if holds and _chain_holds(issuer, rest, roots, when, below + 1, doubts):
            return True
    return False


# ======================================================================================================
# Step 6  Anchors: which checkpoints were outside the applicant's hands, since when
# ======================================================================================================

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_OBJECT_BYTES = 64 * 1024
ON_TIME_MS = 24 * HOUR_MS
STALE_MS = 72 * HOUR_MS
STRAGGLER_MS = 5 * DAY_MS
_KINDS = {"eml": "mail", "tsr": "rfc3161", "txt": "print", "json": "object"}


class Outside(NamedTuple):
    """What the reviewer brings; nothing of it comes from the pack."""

    roots: Sequence[bytes] = ()
    mail: Sequence[Tuple[str, bytes]] = ()
    codes: Sequence[Tuple[int, str, Optional[int]]] = ()
    objects: Sequence[Tuple[str, bytes, Optional[bytes]]] = ()


class Anchor(NamedTuple):
    """One anchor and what became of it."""

    size: int
    kind: str
    state: str
    place: str
    time_ms: Optional[int] = None
    why: str = ""


_NOTE_HEX, _NOTE_DIGITS = frozenset(b"0123456789abcdef"), frozenset(b"0123456789")
_NOTE_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOTE_DASH = "\u2014 ".encode()


def notes_of(text: bytes) -> List[bytes]:
    """Return what has the form of a note: origin, size, root, an empty line, 1 to 16 signatures, each line ended."""
    lines = text.replace(b"\r\n", b"\n").split(b"\n")[:-1]
    found, at = [], 0
    while at < len(lines):
        begin = lines[at][-26:]  # text may stand before it
        ends = at + 4
        if (
            begin[:10] == b"starproof/" and len(begin) == 26 and _NOTE_HEX.issuperset(begin[10:])
            and lines[at + 3 : ends] == [b""]
            and 1 <= len(lines[at + 1]) <= 16 and _NOTE_DIGITS.issuperset(lines[at + 1])
            and len(lines[at + 2]) == 44 and lines[at + 2][43:] == b"=" and _NOTE_BASE64.issuperset(lines[at + 2][:43])
        ):  # fmt: skip
            while (
                ends < min(len(lines), at + 20)
                and lines[ends][:4] == _NOTE_DASH
                and 5 <= len(lines[ends]) <= 1004
            ):
                ends += 1
        if ends > at + 4:
            found.append(b"\n".join([begin, *lines[at + 1 : ends], b""]))
            at = ends
        else:
            at += 1
    return found


def _mail_containers(raw: bytes) -> int:
    """Return how many fields say that a part of a message holds others."""
    text, field, count = raw.lower(), b"content-type:", 0
    at = text.find(field)
    while at >= 0:
        at += len(field)
        while text[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
            at += 1
        count += text.startswith((b"multipart/", b"message/"), at)
        at = text.find(field, at)
    return count


MAX_MAIL_CONTAINERS = 100


def mailed_notes(raw: bytes) -> Tuple[List[bytes], Optional[int]]:
    """Return the notes in a message, and when the mailbox received it; none if parts lie in too many others."""
    if _mail_containers(raw[:MAX_MESSAGE_BYTES]) > MAX_MAIL_CONTAINERS:
        return [], None
    message = message_from_bytes(raw[:MAX_MESSAGE_BYTES], policy=policy.compat32)
    received = message.get_all("Received")
    time_ms: Optional[int] = None
    if received:
        _, semicolon, text = str(received[0]).rpartition(";")
        try:
            when = parsedate_to_datetime(" ".join(text.split()))
            if semicolon and when.tzinfo is not None:
                time_ms = int(when.timestamp()) * S_MS
        except (ValueError, OverflowError, TypeError, IndexError):
            time_ms = None
    found: Dict[bytes, None] = {}
    parts = [part for part in message.walk() if not part.is_multipart()]
    for part in parts[:100]:
        payload: Any = part.get_payload(decode=True)
        found.update(dict.fromkeys(notes_of(bytes(payload))))
    return list(found)[:100], time_ms


_STORED = re.compile(
    r"(20\d\d)-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)


def _stored_at(text: Any) -> int:
    found = _STORED.match(text)
    if not found:
        raise ValueError
    when = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
    zone = found[7]
    hours = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return int((when + (hours if zone[0] == "-" else -hours)).timestamp()) * S_MS


def stored_ms(about: bytes) -> int:
    """Return when an object store took an object, as ``aws s3api get-object`` says."""
    try:
        said = json.loads(about[:MAX_OBJECT_BYTES], parse_int=_bounded_integer)
        taken = _stored_at(said["LastModified"])
        until = said.get("ObjectLockRetainUntilDate")
        if said.get("ObjectLockMode") == "COMPLIANCE" and until is not None:
            _stored_at(until)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise Bad("not what aws s3api get-object prints") from None
    return taken


class Named(NamedTuple):
    """The chunks of one host that name one receipt on one day."""

    sha256: str
    day: int
    host: str
    place: str
    earliest_end_ms: int
    latest_end_ms: int
    chunks: int
    begins: bool = False


class Naming:
    """Notes which receipts chunks name that are sealed when they are read."""

    def __init__(self, calendar: Calendar, log: Optional[Log], enrolled: Iterable[Enrolment]) -> None:
        """Begin with no chunk; a key that was enrolled anew has heard of no receipt, three times a host."""
        self._calendar, self._log = calendar, log
        anew: Dict[Tuple[str, str], List[int]] = {}
        for one in enrolled:
            if not one.previous:
                anew.setdefault((one.host, one.source), []).append(one.epoch)
        self._unheard = {(*name, epoch) for name, epochs in anew.items() for epoch in sorted(epochs)[:3]}
        self._found: Dict[Tuple[str, str, int], Named] = {}
        self._logged: Dict[Tuple[str, int], List[int]] = {}
        self._first: Dict[Tuple[str, str, int], Named] = {}
        self._heard: set = set()  # type: ignore[type-arg]

    def take(self, chunk: Chunk) -> None:
        """See one more chunk."""
        header = chunk.header
        if header.source in SEALED_WHEN_READ:
            day, chain = self._calendar.day_of(header.start_ms), (header.host, header.source, chunk.epoch)
            leaf = self._log.chunks.get(bytes.fromhex(chunk.hash)) if self._log else None
            if leaf is not None:
                first = self._calendar.day_of(chunk.values[0][0] - 1)  # in which its first interval ends
                self._logged.setdefault((header.host, first), []).append(leaf[0])
            if header.seq == 0 and not header.anchor:
                self._first[chain] = Named("", day, header.host, chunk.place, header.end_ms, header.end_ms, 1)
                return
            if header.seq == 1 and header.anchor:
                self._heard.add(chain)
            key = (header.host, header.anchor, day)
            end = header.end_ms
            one = self._found.get(key, Named(header.anchor, day, header.host, chunk.place, end, end, 0))
            earliest, latest = min(one.earliest_end_ms, end), max(one.latest_end_ms, end)
            self._found[key] = one._replace(
                chunks=one.chunks + 1, earliest_end_ms=earliest, latest_end_ms=latest
            )

    def logged(self, hosts: Optional[Container[str]]) -> Dict[int, List[int]]:
        """Return the leaves of the chunks of each day, of these hosts or of all."""
        days: Dict[int, List[int]] = {}
        for (host, day), leaves in self._logged.items():
            if hosts is None or host in hosts:
                days.setdefault(day, []).extend(leaves)
        return days

    @property
    def named(self) -> List[Named]:
        """All that was seen; a first chunk that names none begins a chain only if the next one names one."""
        begun = self._heard & self._unheard
        firsts = [one._replace(begins=chain in begun) for chain, one in self._first.items()]
        return list(self._found.values()) + firsts


class Anchors:
    """Judges the anchors of one pack."""

    def __init__(self, pack: Pack, log: Log, key: Key, outside: Outside, findings: Findings) -> None:
        """Gather the notes that receipts may be about."""
        self._pack, self._log, self._key, self._outside = pack, log, key, outside
        self._add = findings.add
        self.anchors: List[Anchor] = []
        self.days: List[Dict[str, Any]] = []
        self.fixed_ms: Optional[int] = None
        self._stamped: Dict[str, int] = {}
        self._hashes: set = set()  # type: ignore[type-arg]
        self._end_ms = 0
        self._notes = {said.size: note for said, note in log.checkpoints}
        for name in pack.entries:
            found = _NOTE_NAME.match(name)
            if not found:
                continue
            size, note = int(found[1]), pack.read(name)
            try:
                said = read_note(note, key).size
            except Bad as error:
                self._add("ANCHOR_RECEIPT", name, expected="a note of the log key", got=error)
                continue
            if said != size or self._notes.setdefault(size, note) != note:
                self._add("ANCHOR_RECEIPT", name, expected="size %d" % size, got="size %d" % said)

    def judge(
        self,
        window: Window,
        calendar: Calendar,
        rules: Dict[str, Optional[int]],
        named: Sequence[Named],
        logged: Dict[int, List[int]],
        until_ms: int,
    ) -> None:
        """All of step 6."""
        self._end_ms = window.end_ms
        receipts = [(int(m[1]), m[2], _KINDS[m[3]], name) for name, m in
                    ((name, _RECEIPT_NAME.match(name)) for name in self._pack.entries) if m]  # fmt: skip
        for size, _, kind, name in sorted(receipts):
            self._receipt(size, kind, name)
        for place, raw in self._outside.mail:
            notes, time_ms = mailed_notes(raw)
            for note in notes:
                self._note(note, "mail", place, time_ms)
        for size, code, day in self._outside.codes:
            self._code(size, code, None if day is None else calendar.day_start(day + 1))
        for place, data, about in self._outside.objects:
            self._object(place, data, about)
        self._outdated()
        ended = [day for day in sorted(window.starts) if calendar.day_start(day + 1) <= until_ms]
        self._judge_days(ended, calendar, named, logged)
        self._rules(rules, window)
        for one in named:
            if one.sha256 and one.sha256 not in self._hashes:
                got = "%s, %d chunks" % (one.sha256, one.chunks)
                self._add("ANCHOR_UNKNOWN", one.place, one.host, "a receipt in the pack", got, iso(one.day))
            time = self._stamped.get(one.sha256)
            if time is not None and one.earliest_end_ms < time - CLOCK_SKEW_MS:
                expected = "before %d ms" % (one.earliest_end_ms + CLOCK_SKEW_MS)
                self._add(
                    "ANCHOR_NEWER", one.place, one.host, expected, "the anchor of %d ms" % time, iso(one.day)
                )
            known_then = [at for at in self._stamped.values() if at + STALE_MS <= one.latest_end_ms]
            newer = max(known_then, default=None)
            if newer is not None and not one.begins and (time is None or time < newer):
                expected = "the time stamp of %d ms, or a newer one" % newer
                got = "names none" if time is None else "names that of %d ms" % time
                self._add("ANCHOR_STALE", one.place, one.host, expected, got, iso(one.day))
        self._left_out(window, calendar)

    def _left_out(self, window: Window, calendar: Calendar) -> None:
        """Every receipt that came in the window, as the log says, must be in the pack: the newest tell what is out of date."""
        missing: Dict[int, List[str]] = {}
        for (kind, hash_), (_, arrival) in self._log.places.items():
            there = hash_.hex() in self._hashes
            if kind == ANCHOR_LEAF and window.start_ms <= arrival < window.end_ms and not there:
                missing.setdefault(calendar.day_of(arrival), []).append(hash_.hex())
        for day, hashes in sorted(missing.items()):
            got = "without %d of them: %s" % (len(hashes), min(hashes))
            expected = "the receipts that the log names"
            self._add("ANCHOR_LEFT_OUT", "data/log/leaves.bin", "", expected, got, iso(day))

    def _receipt(self, size: int, kind: str, name: str) -> None:
        data = self._pack.read(name)
        self._hashes.add(sha256(data))
        note = self._notes.get(size)
        if note is None:
            self._add("ANCHOR_RECEIPT", name, expected="a checkpoint of this size", got="none in the pack")
        elif kind == "rfc3161":
            self._timestamp(size, name, data, note)
        elif {
            "mail": lambda: note in mailed_notes(data)[0],
            "print": lambda: note in notes_of(data),
            "object": lambda: sha256(note or b"").encode() in data,
        }[kind]():
            self.anchors.append(Anchor(size, kind, "named", name, None, "nothing from outside was given"))
        else:
            self._add("ANCHOR_RECEIPT", name, expected="the checkpoint of its size", got="other bytes")

    def _timestamp(self, size: int, name: str, data: bytes, note: bytes) -> None:
        try:
            if not self._outside.roots:
                stamp = read_token(data, note)
                why = "says %d ms; give the root: --tsa-root" % stamp.time_ms
                self.anchors.append(Anchor(size, "rfc3161", "named", name, None, why))
                return
            roots = [root for given in self._outside.roots for root in read_roots(given)]
            time = verify_token(data, note, roots)
        except OtherBytes as error:
            self._add("ANCHOR_RECEIPT", name, expected="the checkpoint of its size", got=error)
        except NotHere as error:
            self.anchors.append(Anchor(size, "rfc3161", "named", name, None, "not judged here: %s" % error))
            got = "%s; use starproof check, or openssl ts -verify" % error
            self._add("ANCHOR_NOT_JUDGED", name, expected="a time stamp that can be read here", got=got)
        except Bad as error:
            self.anchors.append(Anchor(size, "rfc3161", "refused", name, None, str(error)))
            self._add("ANCHOR_REFUSED", name, expected="a time stamp under your roots", got=error)
        else:
            self._stamped[sha256(data)] = time
            self._confirm(size, "rfc3161", name, time)

    def _note(self, note: bytes, kind: str, place: str, time: Optional[int]) -> None:
        """A note from outside: the same history, another one, or beyond the pack."""
        try:
            found = read_note(note, self._key)
        except Bad:
            return
        root = self._log.root(found.size)
        last = (self._log.arrival_ms(self._log.size) or 0) - CLOCK_SKEW_MS
        if found.size > self._log.size and time is not None and time < max(self._end_ms, last):
            self.anchors.append(
                Anchor(found.size, kind, "refused", place, time, "the pack leaves leaves out")
            )
            self._add(
                "ANCHOR_FORK",
                place,
                expected="at most %d leaves" % self._log.size,
                got="%d leaves" % found.size,
            )
        elif root is None:
            self.anchors.append(Anchor(found.size, kind, "named", place, time, "beyond the pack"))
        elif root != found.root:
            self.anchors.append(Anchor(found.size, kind, "refused", place, time, "another history"))
            self._add("ANCHOR_FORK", place, expected="root %s" % root.hex(), got="root %s" % found.root.hex())
        elif time is None:
            self.anchors.append(Anchor(found.size, kind, "named", place, None, "nothing tells when"))
        else:
            self._confirm(found.size, kind, place, time)

    def _outdated(self) -> None:
        """A note of fewer leaves than the base came long after the same kind of witness had more: another history."""
        for at, one in enumerate(self.anchors):
            since = min((a.time_ms for a in self.anchors
                         if a.kind == one.kind and a.state == "confirmed" and a.time_ms is not None), default=None)  # fmt: skip
            if one.state != "named" or one.time_ms is None or one.size > self._log.size or since is None:
                continue
            if since + STRAGGLER_MS < one.time_ms < self._end_ms:
                self.anchors[at] = one._replace(state="refused", why="another history")
                got = "%d leaves at %d ms" % (one.size, one.time_ms)
                self._add("ANCHOR_FORK", one.place, expected="more leaves, as at %d ms" % since, got=got)

    def _code(self, size: int, code: str, dated: Optional[int]) -> None:
        note, place = self._notes.get(size), "log book %d" % size
        try:
            typed = typed_code(code)
        except Bad as error:
            self.anchors.append(Anchor(size, "print", "refused", place, None, str(error)))
            self._add("ANCHOR_CODE_MISTYPED", place, expected="a code whose checks hold", got=error)
            return
        if note is None:
            self._add("ANCHOR_CODE", place, expected="a checkpoint of this size in the pack", got="none")
        elif typed != short_code(note):
            self.anchors.append(Anchor(size, "print", "refused", place, None, "another code"))
            self._add("ANCHOR_CODE", place, expected=short_code(note), got=typed)
        elif dated is None:
            self.anchors.append(Anchor(size, "print", "named", place, None, "give the date beside it"))
        else:
            self._confirm(size, "print", place, dated)

    def _object(self, place: str, data: bytes, about: Optional[bytes]) -> None:
        notes = notes_of(data)
        mine = []
        for note in notes:
            try:
                mine.append(read_note(note, self._key))
            except Bad:
                continue
        if not mine:
            self._add("ANCHOR_OBJECT", place, expected="a checkpoint of this log", got="none")
        time: Optional[int] = None
        if about is not None:
            try:
                time = stored_ms(about)
            except Bad as error:
                self._add("ANCHOR_OBJECT", place, expected="what the store says", got=error)
        for note in notes:
            self._note(note, "object", place, time)

    def _confirm(self, size: int, kind: str, place: str, time: int) -> None:
        arrival = self._log.arrival_ms(size)
        if self._log.root(size) is None:
            self.anchors.append(Anchor(size, kind, "named", place, time, "beyond the pack"))
        elif arrival is not None and time < arrival - CLOCK_SKEW_MS:
            self.anchors.append(Anchor(size, kind, "refused", place, time, "older than what it anchors"))
            self._add("ANCHOR_TIME", place, expected="%d ms or later" % arrival, got="%d ms" % time)
        else:
            self.anchors.append(Anchor(size, kind, "confirmed", place, time))

    def _times(self, size: int) -> List[Tuple[int, str]]:
        return [
            (one.time_ms, one.kind) for one in self.anchors
            if one.size >= size and one.state == "confirmed" and one.time_ms is not None
        ]  # fmt: skip

    def _judge_days(
        self, days: Sequence[int], calendar: Calendar, named: Sequence[Named], logged: Dict[int, List[int]]
    ) -> None:
        sized: Dict[int, int] = {}
        for one in self.anchors:
            if one.state == "confirmed" and one.time_ms is not None:
                sized[one.size] = min(one.time_ms, sized.get(one.size, one.time_ms))
        sizes = sorted(sized)
        earliest = [min(sized[size] for size in sizes[at:]) for at in range(len(sizes))]
        late_days: Dict[int, bool] = {}
        marks = {mark.day: mark.leaf for mark in self._log.marks}
        for day in days:
            later = [leaf for marked, leaf in marks.items() if marked >= day]
            size = min(later) + 1 if later else None
            times = self._times(size) if size is not None else []
            first = min(times)[0] if times else None
            limit = calendar.day_start(day + 1) + ON_TIME_MS
            stamped = [self._stamped.get(one.sha256) for one in named if one.day == day]
            after = min((time for time in stamped if time is not None), default=None)
            leaves = logged.get(day, [])
            places = [bisect_right(sizes, leaf) for leaf in leaves]  # an anchor of more leaves covers it
            since = [earliest[at] for at in places if at < len(sizes)]
            bound = max(calendar.day_start(day + 2) + ON_TIME_MS, first or 0)
            in_time = sum(time <= bound for time in since)
            late_days[day] = first is not None and first > limit
            self.days.append({
                "day": iso(day), "size": size, "confirmed_ms": first,
                "on_time": "yes" if first is not None and first <= limit and in_time == len(leaves) else "no",
                "by": sorted({kind for time, kind in times if time <= max(limit, first or 0)}),
                "named": sorted({a.kind for a in self.anchors if a.size == size and a.state == "named"}),
                "made_after_ms": None if None in stamped else after, "chunks": len(leaves), "chunks_in_time": in_time,
                "whole_ms": max(since, default=None) if len(since) == len(leaves) else None,
            })  # fmt: skip
        told = dict(zip(days, self.days))
        for code, wrong in (
            ("DAY_NOT_ANCHORED", [day for day in days if told[day]["confirmed_ms"] is None]),
            ("DAY_ANCHORED_LATE", [day for day in days if late_days[day]]),
            ("CHUNKS_ANCHORED_LATE", [day for day, one in told.items()
             if one["confirmed_ms"] is not None and one["chunks_in_time"] < one["chunks"]]),
        ):  # fmt: skip
            runs: List[List[int]] = []
            for day in wrong:
                if runs and day == runs[-1][-1] + 1:
                    runs[-1].append(day)
                else:
                    runs.append([day])
            for run in runs:
                place = iso(run[0]) if len(run) == 1 else "%s to %s" % (iso(run[0]), iso(run[-1]))
                slot = from_to(iso(run[0]), iso(run[-1]))
                if code == "CHUNKS_ANCHORED_LATE":
                    late = sum(told[day]["chunks"] - told[day]["chunks_in_time"] for day in run)
                    got = "%d of %d chunks later" % (late, sum(told[day]["chunks"] for day in run))
                    self._add(code, place, "", "in the log before the anchor of the next day", got, slot)
                    continue
                self._add(code, place, "", "an anchor within a day after it", "%d days" % len(run), slot)

    def _rules(self, rules: Dict[str, Optional[int]], window: Window) -> None:
        """Scope, edition and log key were outside before the window began."""
        if not rules:
            self._add(
                "SCOPE_NOT_ANCHORED", "scope", expected="a scope declared before the window", got="none"
            )
            return
        missing = sorted(name for name, leaf in rules.items() if leaf is None)
        if missing:
            self._add("SCOPE_NOT_ANCHORED", ", ".join(missing), expected="in the log", got="not in the log")
            return
        times = self._times(max(leaf for leaf in rules.values() if leaf is not None) + 1)
        first = min(times)[0] if times else None
        if first is None or first > window.start_ms:
            got = "no confirmed anchor" if first is None else "first confirmed at %d ms" % first
            self._add("SCOPE_NOT_ANCHORED", "scope", expected="before %d ms" % window.start_ms, got=got)
        else:
            self.fixed_ms = first

    def document(self) -> Dict[str, Any]:
        """Return what the anchors confirm."""
        return {
            "anchors": [one._asdict() for one in self.anchors], "days": self.days, "rules_fixed_ms": self.fixed_ms,
        }  # fmt: skip


# ======================================================================================================
# Step 10  The outcome; all steps in the order of work
# ======================================================================================================

NOT_JUDGED = (("copies for reading: form, HTML, PDF", "供阅读的副本：申请表、HTML、PDF"),)
"""What this program leaves to others, in English and Chinese."""


class Report:
    """What a check found."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self.findings = Findings()
        self.statement: Optional[Statement] = None
        self.figures: Optional[Dict[str, Any]] = None
        self.verdict: Optional[Dict[str, Any]] = None
        self.log: Optional[Log] = None
        self.anchors: Optional[Anchors] = None
        self.hosts = self.chunks = self.attested = 0

    @property
    def outcome(self) -> str:
        """``pass``, ``fail`` or ``incomplete``; without figures nothing passes."""
        severities = {finding.severity for finding in self.findings}
        if FAIL in severities or self.verdict is None:
            return FAIL
        return INCOMPLETE if INCOMPLETE in severities else "pass"

    def sorted_findings(self) -> List[Finding]:
        """Return the findings by step, host, place and code."""
        return sorted(self.findings, key=lambda finding: finding.order)

    def document(self) -> Dict[str, Any]:
        """Return the report as it stands in JSON output."""
        said, log = self.statement, self.log
        return {
            "schema": "starproof/standalone/2", "program": "starproof_check.py " + VERSION,
            "verdict": self.outcome,
            "enterprise": said.enterprise if said else None, "month": said.month if said else None,
            "log_key": said.log_key if said else None,
            "hosts": self.hosts, "chunks": self.chunks, "attested_chunks": self.attested,
            "log": None if log is None else {
                "base": log.base.size, "size": log.size,
                "checkpoints": [{"size": c.size, "root": c.root.hex()} for c, _ in log.checkpoints],
                "days": [iso(mark.day) for mark in log.marks], "closed": [close.month for close in log.closes],
            },
            "anchors": self.anchors.document() if self.anchors else None,
            "findings": [finding.document() for finding in self.sorted_findings()],
            "figures": self.figures, "stars": self.verdict,
            "not_judged": [english for english, _ in NOT_JUDGED],
        }  # fmt: skip


def check_pack(
    stream: BinaryIO, *, log_key: Optional[Key], editions: Optional[Dict[str, str]] = None,
    now_ms: Optional[int] = None, outside: Optional[Outside] = None, every_signature: bool = False,
) -> Report:  # fmt: skip
    """Check the pack in a stream.

    Args:
        stream: the file, seekable.
        log_key: the log key, known from outside the pack.
        editions: SHA-256 by id of the editions that the reviewer trusts; by default those known here.
        now_ms: the reviewer's clock; ``None``: it is not compared.
        outside: what the reviewer brings to confirm anchors.
        every_signature: verify also what the link of a verified successor proves.
    """
    report = Report()
    findings = report.findings
    _manifests.clear()
    # (0)
    try:
        pack = Pack(stream)
    except Bad as error:
        findings.add("CONTAINER", "file", got=error)
        return report
    check_entries(pack, findings)
    # (1)
    stated = check_statement(pack, log_key, now_ms, findings)
    if stated is None:
        return report
    said, key, calendar = stated
    report.statement = said
    # (3)
    files = chunk_files(pack)
    enrolled = check_enrolments(pack.read("data/enrolments.json"), said.enterprise, findings)
    places = check_hosts(pack, files, {one.host for one in enrolled.values()}, findings)
    report.hosts = len(places)
    # (4), (5), (7)
    log = report.log = read_log(pack, key, findings)
    coverage, naming = Coverage(log, findings) if log else None, Naming(calendar, log, enrolled.values())
    reader = ChunkReader(pack, files, places, enrolled, every_signature=every_signature)
    bridging = Bridging(calendar, log, enrolled.values())
    gathered = _read_chains(reader, calendar, coverage, naming, bridging, findings)
    report.chunks = sum(chain.count for chain in gathered.chains)
    report.attested = sum(chain.count for chain in gathered.chains if chain.source in SIGNED_BY_HOSTS)
    records = _scope_records(pack)
    if coverage:
        coverage.finish(enrolled.values(), records, _ledger_document(pack))
    # (2), (8), (9)
    trusted = TRUSTED_EDITIONS if editions is None else editions
    declared = check_declared(pack, said, [chain.host for chain in gathered.chains], trusted, findings)
    if declared is None:
        return report
    for chain in gathered.chains:
        if chain.source not in SIGNED_BY_HOSTS:
            findings.add("NOT_ATTESTED", "%d chunks" % chain.count, chain.host)
    hours = _hour_reader(reader, calendar)
    try:
        measured = Measuring(
            said, calendar, declared, enrolled.values(), gathered.sums, gathered.activity(), hours
        )
        measured.shown = figures = measured.document()
    except Bad as error:
        findings.add("FIGURES", "data/figures.json", got=error)
        return report
    report.figures = figures
    report.verdict = Judging(measured).document()
    check_window(measured, findings)
    check_times(gathered.chains, said, measured.window, enrolled.values(), findings)
    window = measured.window
    inside = {key: v for key, v in gathered.sums.items() if window.first_day <= key[3] < window.after_day}
    day_sums = check_day_sums(inside, pack, findings)
    check_document("FIGURES", "data/figures.json", figures, pack, findings)
    check_document("VERDICT", "data/verdict.json", report.verdict, pack, findings)
    known_keys = {(one.host, one.source) for one in enrolled.values()}
    heard = [
        chain for chain in gathered.chains if (chain.host, chain.source) in known_keys and chain.followed
    ]
    compared = compare_sources(measured, {(c.host, c.source): c.scopes for c in gathered.chains})
    check_report(measured, report.verdict, day_sums, pack, findings, chains=heard, compared=compared)
    for name in COPIES:
        if name in pack:
            findings.add("READING_COPY", name)
    check_sources(compared, findings)
    names = declared.scope.names if declared.scope else None
    bridged = bridging.report(window, names, findings)
    # (5), (6)
    if coverage and log:
        coverage.made(said)
        coverage.days(said, window)
        coverage.edition(declared)
        coverage.scopes(declared, records, window)
        coverage.close(said)
        coverage.account(
            pack.read("data/log/left-out.zlib"), said, window, names, list(enrolled.values()), records
        )
        report.anchors = Anchors(pack, log, key, outside or Outside(), findings)
        rules = _fixed_rules(declared, records, trusted, log)
        report.anchors.judge(window, calendar, rules, naming.named, naming.logged(names), said.made_ms)
        for told in report.anchors.days:
            _state_of_day(told, {iso(day) for day in bridged})
    return report


def _state_of_day(told: Dict[str, Any], bridged: Container[str]) -> None:
    """Say in one word what is confirmed of a day: a day of which no chunk tells is not in time."""
    if told["confirmed_ms"] is None:
        told["state"] = "none"
    elif told["on_time"] == "no":
        told["state"] = "late"
    elif told["day"] in bridged:
        told["state"] = "bridged"
    else:
        told["state"] = "in_time" if told["chunks"] else "empty"
    told["on_time"] = "yes" if told["state"] == "in_time" else "no"


class _Gathered:
    """What all chunks give: day sums, sets of accounts, chains."""

    def __init__(self) -> None:
        self.sums: Dict[Tuple[str, str, str, int], Sums] = {}
        self.sets: Dict[Tuple[str, str, Tuple[Any, ...]], set] = {}  # type: ignore[type-arg]
        self.chains: List[Chain] = []

    def activity(self) -> List[Any]:
        return [
            (host, source, key, found)
            for (host, source, key), found in sorted(self.sets.items(), key=lambda i: i[0])
        ]


def _take_activity(gathered: _Gathered, chunk: Chunk, calendar: Calendar) -> None:
    """Unite the accounts of a chunk by day and meaning."""
    facts, host, source = chunk.manifest.host, chunk.header.host, chunk.header.source
    meaning = tuple(
        str(facts.get(name, "")) for name in ("timezone", "account_key", "definition", "excluded", "origin")
    )
    if not chunk.header.rows:
        gathered.sets.setdefault((host, source, (calendar.day_of(chunk.header.start_ms), *meaning)), set())
        return
    for start, length, high, low, _ in zip(*chunk.values):
        day = calendar.day_of(start)
        if meaning[0] == calendar.zone and (start, length) != (
            calendar.day_start(day), calendar.day_start(day + 1) - calendar.day_start(day),
        ):  # fmt: skip
            raise Bad("activity that is about no day of %s" % calendar.zone)
        found = gathered.sets.setdefault((host, source, (day, *meaning)), set())
        found.add(struct.pack(">qq", high, low))


class Bridging:
    """Notes readings that are more than a day apart, or more than a day older than the leaf of their key.

    What they tell of a month was written once, when it was over; an anchor a day vouches for less than two days.
    """

    def __init__(self, calendar: Calendar, log: Optional[Log], enrolled: Iterable[Enrolment]) -> None:
        """Begin with no chunk; of the keys, those count whose leaf is packed."""
        self._calendar = calendar
        self._long: Dict[str, set] = {}  # type: ignore[type-arg]
        self._early: Dict[Tuple[str, str, int], Interval] = {}
        self._known: Dict[Tuple[str, str, int], int] = {}
        for one in enrolled:
            leaf = log.find(ENROLMENT_LEAF, one.hash) if log else None
            if leaf is not None:
                self._known[one.host, one.source, one.epoch] = leaf[1]

    def take(self, chunk: Chunk) -> None:
        """See one more chunk."""
        header = chunk.header
        if header.source not in SEALED_WHEN_READ:
            return
        if chunk.manifest.kind == "counters" and header.end_ms - header.start_ms > DAY_MS:
            rows = list(zip(*chunk.values[:3]))
            for row, following in zip(rows, rows[1:]):
                steps = [later - earlier for earlier, later in zip(row, following)]
                start, end = row[0], following[0]
                if min(steps) > DAY_MS and end - start <= MAX_INTERVAL_MS and self._credited(start, end):
                    self._long.setdefault(header.host, set()).add((start, end, header.source))
        name = (header.host, header.source, chunk.epoch)
        known = self._known.get(name)
        if known is not None and known - header.start_ms > DAY_MS:
            end = min(header.end_ms, known)
            before = self._early.get(name, (header.start_ms, end))
            self._early[name] = min(before[0], header.start_ms), max(before[1], end)

    def _credited(self, start: int, end: int) -> bool:
        """Return whether both ends lie in one month, give or take a second."""
        first, last = self._calendar.day_of(start + 1_000), self._calendar.day_of(end - 1_001)
        return self._calendar.same_month(first, last)

    def report(self, window: Window, hosts: Optional[Container[str]], findings: Findings) -> List[int]:
        """Say where more than a day of the window is told so; return the days that lie in it as a whole."""

        def asked(host: str, start: int, end: int) -> bool:
            inside = 0
            for day, length in window.lengths.items():
                begins = window.starts[day]
                inside += max(0, min(end, begins + length) - max(start, begins))
            return inside > DAY_MS and (hosts is None or host in hosts)

        spans: List[Interval] = []
        wanted = "no interval longer than %d h" % (DAY_MS // HOUR_MS)
        for host in sorted(self._long):
            mine = [one for one in sorted(self._long[host]) if asked(host, one[0], one[1])]
            spans.extend((start, end) for start, end, _ in mine)
            for start, end, source in mine[:5]:
                got = "%d h between two readings" % ((end - start) // HOUR_MS)
                findings.add("BRIDGED_LONG", source, host, wanted, got, hours_slot(start, end - 1))
            if len(mine) > 5:
                slot = hours_slot(mine[5][0], mine[-1][1] - 1)
                findings.add("BRIDGED_LONG", host, host, wanted, "%d more of them" % (len(mine) - 5), slot)
        for name, (start, end) in sorted(self._early.items()):
            if asked(name[0], start, end):
                spans.append((start, end))
                got = "%d h, its key was logged at %d ms" % ((end - start) // HOUR_MS, self._known[name])
                slot = hours_slot(start, end - 1)
                findings.add(
                    "BRIDGED_LONG", "%s/%d" % name[1:], name[0], "after the leaf of its key", got, slot
                )
        return [
            day for day, length in window.lengths.items()
            if any(start <= window.starts[day] and window.starts[day] + length <= end for start, end in spans)
        ]  # fmt: skip


def _read_chain(
    reader: ChunkReader, name: Tuple[str, str], calendar: Calendar, bridging: Bridging
) -> Tuple[Chain, _Gathered, List[Chunk], Findings]:
    """Read all chunks of one host and source, each once; return also their headers, with the time of the first new reading."""
    host, source = name
    findings, gathered, seen = Findings(), _Gathered(), []
    chain, contradictions, crediting = Chain(host, source), Contradictions(host), Crediting()

    def passing() -> Iterator[Chunk]:
        for chunk in reader.opened(host, source, findings):
            chain.take(chunk)
            bridging.take(chunk)
            read_ms = chunk.values[0][1] if chunk.header.rows > 1 else chunk.header.end_ms
            seen.append(chunk._replace(values=[array("q", [read_ms])]))
            yield chunk

    for chunk in Links(host, reader.enrolled, findings).followed(passing()):
        contradictions.watch(chunk)
        chain.follow(chunk)
        chain.scopes.update(network_scopes(chunk.manifest))
        if chunk.manifest.kind == "activity":
            _take_activity(gathered, chunk, calendar)
        for (metric, day), sums in chunk_sums(chunk, calendar, crediting.occupied(chunk)).items():
            mine = gathered.sums.setdefault((host, source, metric, day), [0] * len(SUM_FIELDS))
            for at, value in enumerate(sums):
                mine[at] += value
    contradictions.report(findings)
    chain.behaviour.done()
    return chain, gathered, seen, findings


def _read_chains(
    reader: ChunkReader,
    calendar: Calendar,
    coverage: Optional[Coverage],
    naming: Naming,
    bridging: Bridging,
    findings: Findings,
) -> _Gathered:
    """Steps 4 and 7. A chain that breaks off is a finding, and hides no other."""
    gathered = _Gathered()
    for name in sorted(reader.groups):
        try:
            chain, mine, seen, found = _read_chain(reader, name, calendar, bridging)
        except NotHere:
            raise
        except Exception as error:  # noqa: BLE001 - fails closed: a chain that breaks off must not hide others
            findings.add("INTERNAL", "step 4", name[0], "the step ends", "%s: %s" % (name[1], error))
            continue
        findings.extend(found)
        gathered.chains.append(chain)
        gathered.sums.update(mine.sums)
        gathered.sets.update(mine.sets)
        if coverage:
            for chunk in seen:
                coverage.take(chunk)
                naming.take(chunk)
    return gathered


def _hour_reader(reader: ChunkReader, calendar: Calendar) -> HourReader:
    def hours(window: Window, host: str) -> Dict[Tuple[str, str], Dict[int, Sums]]:
        found: Dict[Tuple[str, str], Dict[int, Sums]] = {}
        for name, source in sorted(reader.groups):
            if name == host:
                unheard = Findings()  # reported when the chunks were read first
                chunks = Links(host, reader.enrolled, unheard).followed(reader.opened(host, source, unheard))
                for metric, values in hour_sums(chunks, window, calendar).items():
                    found[source, metric] = values
        return found

    return hours


def _scope_records(pack: Pack) -> List[bytes]:
    try:
        return [record for record, _ in read_scope_records(pack.read("data/scopes.json"))]
    except Bad:  # reported by step 2
        return []


def _ledger_document(pack: Pack) -> Optional[Dict[str, Any]]:
    try:
        return read_ledger_document(pack.read("data/ledger.json"))
    except Bad:  # reported by step 2
        return None


def _fixed_rules(
    declared: Declared, records: Sequence[bytes], trusted: Dict[str, str], log: Log
) -> Dict[str, Optional[int]]:
    """Return the leaves of what must have been fixed before the window, by name."""
    mine = declared.in_use
    if mine is None or mine.version > len(records):
        return {}
    wanted = {"scope": (SCOPE_LEAF, sha256(records[mine.version - 1]))}
    if trusted.get(declared.edition.id) != declared.edition.sha256:
        wanted["edition"] = (EDITION_LEAF, declared.edition.sha256)
    found = {name: log.find(*leaf) for name, leaf in wanted.items()}
    return {name: None if place is None else place[0] for name, place in found.items()}


# -- printing and the command line -----------------------------------------------------------------------

_OUTCOMES = {
    "pass": ("通过", "PASS", 0), FAIL: ("不通过", "FAIL", 1), INCOMPLETE: ("不完整", "INCOMPLETE", 2),
}  # fmt: skip
_SEVERITIES = {FAIL: ("失败", "fail"), INCOMPLETE: ("不完整", "incomplete"), NOTE: ("提示", "note")}
MAX_LINES = 200


def _dated(text: str, said: Optional[Statement]) -> str:
    """Return a text with every instant in it, told as 13 digits of ms, in the pack's zone."""
    try:
        calendar = Calendar(said.timezone if said else "UTC")
    except (Bad, NotHere):
        calendar = Calendar("UTC")
    shown: List[str] = []
    for word in text.split(" "):
        last = shown[-1] if shown else ""
        if word[:2] == "ms" and not word[2:].isalnum() and len(last) == 13 and set(last) <= set("0123456789"):
            shown[-1] = calendar.told(int(last)) + word[2:]
        else:
            shown.append(word)
    return " ".join(shown)


def print_report(report: Report, out: Any) -> None:
    """Print the report for people, Chinese first."""
    said = report.statement
    if said:
        out.write("%s  %s\n" % (said.enterprise, said.month))
        out.write("日志公钥 log key  %s\n" % said.log_key)
    out.write("主机 hosts %d  数据块 chunks %d\n\n" % (report.hosts, report.chunks))
    found = report.sorted_findings()
    for finding in found[:MAX_LINES]:
        step, severity, zh, en = CATALOGUE[finding.code]
        out.write(
            "[%d] %s %s  %s  %s  %s\n"
            % (step, _SEVERITIES[severity][0], *finding[:1], finding.host, finding.slot, finding.place)
        )
        out.write("    %s\n    %s\n" % (zh, en))
        if finding.expected:
            out.write("    应为 expected: %s\n" % _dated(finding.expected, said))
        if finding.got:
            out.write("    实为 got: %s\n" % _dated(finding.got, said))
    if len(found) > MAX_LINES:
        out.write("    ... %d more; all of them: --json\n" % (len(found) - MAX_LINES))
    for indicator in (report.figures or {}).get("indicators", []):
        verdicts = " ".join("%s:%s" % pair for pair in indicator["verdicts"].items())
        out.write("%s  %s  [%s, %s]  %s  %s\n" % (
            indicator["name_zh"], indicator["value"], indicator["low"], indicator["high"], indicator["unit"], verdicts,
        ))  # fmt: skip
    if report.verdict:
        out.write("可支持的星级 star supported: %s\n" % (report.verdict["star"] or "-"))
    out.write("\n此处不判断 not judged here:\n")
    for english, chinese in NOT_JUDGED:
        out.write("  %s / %s\n" % (chinese, english))
    zh, en, _ = _OUTCOMES[report.outcome]
    out.write("\n结论 outcome: %s %s\n" % (zh, en))


def _messages(path: Path) -> Iterator[Tuple[str, bytes]]:
    """Yield the messages of a folder, or the one of a file; a file of several proves no times and is refused.

    What stands in a folder and cannot be read is an error, as of a file that was named: a message may be missing.
    """
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if not one.is_dir():
                yield from _messages(one)
        return
    data = path.read_bytes()
    if data[:5] == b"From " and (b"\nFrom " in data or b"\rFrom " in data):
        raise Bad(
            "%s is an mbox, in which the text of a message can pose as a message: export .eml files" % path
        )
    yield path.name, data[:MAX_MESSAGE_BYTES]


def _typed(text: str) -> Tuple[int, str, Optional[int]]:
    found = re.match(r"([0-9]{1,16})=([^@]+)(?:@(20[0-9]{2})-([0-9]{2})-([0-9]{2}))?\Z", text)
    if not found:
        raise argparse.ArgumentTypeError("write SIZE=CODE@YYYY-MM-DD")
    try:
        day = date(int(found[3]), int(found[4]), int(found[5])).toordinal() if found[3] else None
    except ValueError:
        raise argparse.ArgumentTypeError("no such day") from None
    try:
        typed_code(found[2])
    except Bad as error:
        raise argparse.ArgumentTypeError("%s: %s" % (found[1], error)) from None
    return int(found[1]), found[2], day


def _limited(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_OBJECT_BYTES + 1)
    if len(data) > MAX_OBJECT_BYTES:
        raise Bad("%s has more than %d bytes; it is not what --object takes" % (path, MAX_OBJECT_BYTES))
    return data


MAX_MESSAGES = 100_000


def _outside(options: argparse.Namespace) -> Outside:
    objects = []
    for path in options.object:
        beside = path.with_name(path.name + ".json")
        about = _limited(beside) if beside.is_file() else None
        objects.append((path.name, _limited(path), about))
    mail = [found for path in options.mailbox for found in _messages(path)]
    if len(mail) > MAX_MESSAGES:
        raise Bad("more than %d messages; export only those of StarProof" % MAX_MESSAGES)
    roots = [path.read_bytes() for path in options.tsa_root]
    for data in roots:
        read_roots(data)
    return Outside(roots, mail, options.code, objects)


MAX_KEY_BYTES = 4096


def read_log_key(path: Path) -> Key:
    """Return the public log key in a file; one that is named as private keys are is refused unread."""
    if path.suffix == ".key":
        raise Bad("%s is named .key, as private keys are: give the public key, log.pub" % path)
    with path.open("rb") as file:
        text = file.read(MAX_KEY_BYTES).decode("utf-8-sig", "replace").strip().lower()
    try:
        return Key.from_hex(text)
    except Bad:  # not its own words: somebody may have given a private key, and they would show it
        raise Bad("%s does not hold a public log key; give the file log.pub" % path) from None


NOT_CHECKED = 3
"""Exit status where nothing was judged; no outcome of a pack has it."""


class _Parser(argparse.ArgumentParser):
    """Its own status for wrong usage would be that of an incomplete pack."""

    def error(self, message: str) -> NoReturn:
        self.exit(NOT_CHECKED, "%s%s: %s\n" % (self.format_usage(), self.prog, message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        description="Check a StarProof evidence pack offline 离线核验证据包. Exit status 退出码: 0 pass 通过, 1 fail 不通过, "
        "2 incomplete 不完整, 3 not checked, wrong usage or no such file 未核验（用法有误或文件无法读取）."
    )
    parser.add_argument("pack", type=Path, metavar="PACK.zip")
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE", help="the log key that was registered 已登记的日志公钥"
    )
    parser.add_argument(
        "--edition", type=Path, action="append", default=[], metavar="FILE", help="an edition that you trust"
    )
    parser.add_argument(
        "--tsa-root", type=Path, action="append", default=[], metavar="FILE", help="root of a time stamp"
    )
    parser.add_argument(
        "--mailbox", type=Path, action="append", default=[], metavar="PATH", help="the authority's mailbox"
    )
    parser.add_argument(
        "--code", type=_typed, action="append", default=[], metavar="SIZE=CODE@DATE", help="from the log book"
    )
    parser.add_argument(
        "--object", type=Path, action="append", default=[], metavar="FILE", help="fetched from a store"
    )
    parser.add_argument("--every-signature", action="store_true", help="verify every signature (slower)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _use_utf8(stream: Any) -> Any:
    """Consoles of Windows may speak another encoding; what it cannot show is escaped, never an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the program; return the exit status."""
    out, errors = _use_utf8(sys.stdout), _use_utf8(sys.stderr)
    options = _parser().parse_args(argv)
    try:
        self_test()
        key = None
        if options.log_key:
            key = read_log_key(options.log_key)
        trusted = dict(TRUSTED_EDITIONS)
        for path in options.edition:
            edition = read_edition(path.read_bytes())
            trusted[edition.id] = edition.sha256
        with options.pack.open("rb") as stream:
            report = check_pack(
                stream, log_key=key, editions=trusted, now_ms=int(time.time() * S_MS), outside=_outside(options),
                every_signature=options.every_signature,
            )  # fmt: skip
    except (Bad, NotHere, OSError) as error:
        errors.write("starproof_check: %s\n" % error)
        return NOT_CHECKED
    try:
        if options.json:
            out.write(json.dumps(report.document(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        else:
            print_report(report, out)
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return _OUTCOMES[report.outcome][2]


if __name__ == "__main__":
    sys.exit(main())
