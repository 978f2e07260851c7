"""``starproof agent export`` and ``import-receipt``: for hosts without a route to the collector."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Callable

from agent.errors import LockedError

MARGIN_TEXT = (
    "文件含一次性令牌,导入前请妥善保管 | the file holds a one-time token: keep it safe until it is imported\n"
)


def export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``export``."""
    parser.add_argument("--out", metavar="FILE", required=True, help="导出文件 | the file to write")
    parser.add_argument(
        "--new", action="store_true", help="只导出上次之后的 | only what no export has held before"
    )


def receipt_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``import-receipt``."""
    parser.add_argument("receipt", metavar="FILE", help="采集端的回执 | the receipt that the collector wrote")


def export(folder: str, options: argparse.Namespace, *, show: Callable[[str], None]) -> int:
    """Write what is not confirmed to a file.

    Raises:
        AgentError: there is nothing, or the file cannot be written.
    """
    from agent.exporting import export as write  # noqa: PLC0415 - only here
    from agent.state import State  # noqa: PLC0415 - the same

    done = write(
        State.of_any_owner(folder), options.out, now_ms=time.time_ns() // 1_000_000, only_new=options.new
    )
    numbers = f" ({done.first}–{done.last})" if done.chunks else ""
    show(
        f"已导出 exported: {done.chunks} 块 chunks{numbers}, {done.bytes} 字节 bytes → {options.out}\n"
        "在采集端 on the collector: starproof collector import-spool FILE\n"
        "数据留在本机,直到回执证明已入库 | the chunks stay here until a receipt proves that they are stored\n"
    )
    if done.enrolment:
        show(MARGIN_TEXT)
    if done.damaged:
        show(f"{done.damaged} 块已损坏,未导出 | damaged chunks were left out; see agent status\n")
    return 0


def import_receipt(folder: str, options: argparse.Namespace, *, show: Callable[[str], None]) -> int:
    """Lay a receipt into the inbox, and take it at once if no agent runs; return the exit status.

    Raises:
        AgentError: it is no receipt for this host, or the state directory cannot be used.
    """
    from agent.board import note_confirmed  # noqa: PLC0415 - the same
    from agent.errors import AgentError  # noqa: PLC0415 - only here
    from agent.events import Events  # noqa: PLC0415 - the same
    from agent.inbox import Inbox  # noqa: PLC0415 - the same
    from agent.receipts import Receipts  # noqa: PLC0415 - the same
    from agent.spool import Spool  # noqa: PLC0415 - the same
    from agent.state import SPOOL, State  # noqa: PLC0415 - the same

    anyone = State.of_any_owner(folder)
    enrolled = anyone.require_enrolled()
    events = Events(sys.stderr, lambda: time.time_ns() // 1_000_000, level="error")
    inbox = Inbox(anyone, enrolled, Receipts(anyone, enrolled.log_key))
    inbox.put(options.receipt)
    later = (
        "运行中的代理将在五分钟内处理 | the running agent takes it within five minutes; see agent status\n"
    )
    if anyone.is_others():
        show(later)
        return 0
    try:
        with anyone.lock():
            spool = Spool(
                anyone.path(SPOOL),
                chain=enrolled.signed.hash,
                epoch=enrolled.signed.enrolment.epoch,
                key=enrolled.key.public,
                note=lambda event, fields: events.error(event, **fields),
            )
            taken = inbox.take(spool, events)
            let_go = sum(result.let_go for result in taken)
            if let_go:
                note_confirmed(anyone, let_go, now_ms=time.time_ns() // 1_000_000)
    except LockedError:
        show(later)
        return 0
    except OSError as error:
        raise AgentError(f"the receipt cannot be taken: {error}; check the disk") from None
    problems = [result.problem for result in taken if result.problem]
    show(
        f"已确认 confirmed: {let_go} 块 chunks; "
        f"待确认 pending: {spool.count}\n" + "".join(f"{problem}\n" for problem in problems)
    )
    return 1 if problems else 0
