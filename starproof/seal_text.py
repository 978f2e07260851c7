"""What was found about a seal, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from starproof.seals.judging import CODES, Judgement
from starproof.tables import printable
from verifier.check import FAILED, PARTIAL, PASS

OUTCOMES = {PASS: "成立 HOLDS", FAILED: "不成立 DOES NOT HOLD", PARTIAL: "不完整 INCOMPLETE"}
BY = {
    "key": "所给公钥 the given key",
    "certificate": "所给证书 the given certificate",
    "chain": "证书链至所给根证书（吊销状态未核） chain to the given root (revocation is not judged)",
}
PROVES = (
    "证明了 proved: 密钥持有人对这些字节盖了章；时间和名称由其自述 the holder of the key sealed these bytes; time and name are "
    "the holder's own words"
)
MS_PER_S = 1000


def print_seal(found: Judgement) -> None:
    """Print a judgement: the outcome, what the seal says, every finding."""
    sys.stdout.write("".join(f"{line}\n" for line in lines(found)))


def lines(found: Judgement) -> Iterator[str]:
    """Yield the lines of a judgement."""
    yield f"单位印章 company seal: {OUTCOMES[found.outcome]}"
    if found.seal is not None:
        statement = found.seal.statement
        stated = datetime.fromtimestamp(statement.time_ms // MS_PER_S, UTC)
        yield f"  文件 file: {printable(statement.file)}  SHA-256 {statement.sha256}"
        yield f"  自述 stated: {printable(statement.who) or '–'}  {stated:%Y-%m-%d %H:%M:%S} UTC"
        yield f"  密钥 key: {statement.algorithm} {statement.key}"
        if found.subject:
            yield f"  证书 certificate: {printable(found.subject)}"
    if found.by:
        yield f"  认可 vouched for by: {BY[found.by]}"
    for code, got in found.findings:
        _, zh, en = CODES[code]
        yield f"  {code} {zh} {en}{': ' + printable(got) if got else ''}"
    if found.outcome == PASS:
        yield f"  {PROVES}"
