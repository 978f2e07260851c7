"""``starproof anchor``: list, try and send anchors, and print the page for the log book."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.anchors.courier import HandedOver
from collector.anchors.interface import Head
from collector.anchors.page import page_text, qr_svg
from collector.anchors.serving import LOCK, courier_of
from collector.anchors.settings import AnchorSettings, find, read_anchors
from collector.errors import CollectorError, StoreError
from collector.log import keeping
from collector.opening import OpenStore, open_store, wall_clock_ms
from collector.settings import Settings, read_settings
from collector.store import anchors
from collector.store.locks import alone
from evidence.short_code import short_code
from starproof import session
from starproof.output import new_file
from starproof.tables import printable
from verifier.errors import OutputError

EXAMPLE = "starproof anchor print --out log-book.pdf"
NONE_YET = "还没有配置锚定；见 docs/anchors.md / no anchor is configured yet; see docs/anchors.md"
NO_CHECKPOINT = "还没有检查点；运行 starproof anchor send --new / there is no checkpoint yet; run: starproof anchor send --new"


def main(argv: Sequence[str], *, prog: str = "starproof anchor") -> int:
    """Run the command and return the exit status."""
    options = _parser(prog).parse_args(argv)
    work: dict[str, Callable[[], int]] = {
        "list": lambda: _list(options),
        "send": lambda: _send(options),
        "print": lambda: _print(options),
        "test": lambda: _test(options),
    }
    return session.guarded(prog, work[options.command])


def _list(options: argparse.Namespace) -> int:
    with _opened(options) as (opened, settings):
        found = [_standing(opened, one) for one in settings]
    if options.json:
        session.print_json({"schema": "starproof/anchors/1", "anchors": found})
        return 0
    for one in found:
        last = f"{one['last_day'] or one['last_size']}" if one["last_size"] else "–"
        line = f"{one['alias']} ({one['kind']})  最近 last {last}  待发 waiting {one['waiting']}"
        sys.stdout.write(line + (f"  {printable(one['error'])}" if one["error"] else "") + "\n")
    if not found:
        sys.stdout.write(NONE_YET + "\n")
    return 0


def _send(options: argparse.Namespace) -> int:
    with _opened(options) as (opened, settings):
        if options.alias:
            find(settings, options.alias)
        courier = courier_of(opened, settings)
        with alone(opened.store, LOCK, directory=opened.keyring.directory) as held:
            if held is None:
                raise StoreError("the collector is handing over checkpoints right now; try again in a minute")
            if options.new:
                keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=wall_clock_ms())
            head = courier.queue(of_day=False, alias=options.alias)
            done = courier.hand_over(only_due=False, alias=options.alias)
    if options.json:
        session.print_json({"schema": "starproof/anchored/1", "anchored": [vars(one) for one in done]})
    else:
        lines = [_line(one) for one in done]
        if not settings:
            lines = [NONE_YET]
        elif head is None:
            lines = [NO_CHECKPOINT]
        elif not done:
            lines = ["没有待发的检查点 / nothing waits: the newest checkpoint is anchored"]
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(one.error for one in done) or not settings or head is None else 0


def _print(options: argparse.Namespace) -> int:
    with _opened(options) as (opened, _):
        with opened.store.reading() as connection:
            stored = (
                anchors.newest_checkpoint(connection, of_day=False)
                if options.size is None
                else anchors.checkpoint_of(connection, options.size)
            )
        if stored is None:
            raise StoreError(
                NO_CHECKPOINT if options.size is None else f"no checkpoint has size {options.size}"
            )
        head = Head(opened.identity.enterprise, stored.size, stored.day, stored.note)
    if options.out is None:
        if options.json:
            session.print_json(
                {
                    "schema": "starproof/anchor-page/1",
                    "size": head.size,
                    "day": head.day,
                    "code": short_code(head.note),
                    "note": head.note.decode(),
                }
            )
        else:
            sys.stdout.write(page_text(head))
        return 0
    data = _rendered(head, options.out.suffix)
    with new_file(options.out) as stream:
        stream.write(data)
    session.said(options, file=str(options.out), size=len(data))
    return 0


def _rendered(head: Head, suffix: str) -> bytes:
    if suffix == ".txt":
        return page_text(head).encode()
    if suffix == ".svg":
        return qr_svg(head)
    if suffix == ".pdf":
        from starproof.extras import require_documents  # noqa: PLC0415 - only for PDF

        require_documents()
        from documents.anchor_page import anchor_pdf  # noqa: PLC0415 - an extra

        return anchor_pdf(
            enterprise=head.enterprise,
            day=head.day,
            size=head.size,
            code=short_code(head.note),
            qr_svg=qr_svg(head),
        )
    raise OutputError(
        f"a page is written as .pdf, .svg or .txt, not as {suffix or 'a file without suffix'!r}"
    )


def _test(options: argparse.Namespace) -> int:
    with _opened(options) as (opened, settings):
        chosen = (find(settings, options.alias),) if options.alias else settings
        results: list[dict[str, Any]] = []
        for ready in courier_of(opened, chosen).opened:
            try:
                results.append(
                    {"alias": ready.alias, "kind": ready.kind, "ok": "yes", "said": ready.anchor.probe()}
                )
            except CollectorError as error:
                results.append({"alias": ready.alias, "kind": ready.kind, "ok": "no", "said": str(error)})
    if options.json:
        session.print_json({"schema": "starproof/anchors-tested/1", "anchors": results})
    else:
        for one in results:
            mark = "可用 ok" if one["ok"] == "yes" else "不可用 fails"
            sys.stdout.write(f"{mark}  {one['alias']} ({one['kind']}): {printable(one['said'])}\n")
        if not results:
            sys.stdout.write(NONE_YET + "\n")
    return 0 if results and all(one["ok"] == "yes" for one in results) else 1


def _standing(opened: OpenStore, one: AnchorSettings) -> dict[str, Any]:
    with opened.store.reading() as connection:
        last = anchors.newest_of(connection, one.alias)
        pending = anchors.waiting(connection, [one.alias], most=1)
        count = anchors.waiting_count(connection, one.alias)
    return {
        "alias": one.alias,
        "kind": one.kind,
        "last_size": last.size if last else 0,
        "last_day": last.day if last else "",
        "last_ms": last.got_ms if last else 0,
        "waiting": count,
        "attempts": pending[0].attempts if pending else 0,
        "error": pending[0].error if pending else "",
    }


def _line(one: HandedOver) -> str:
    about = f"{one.alias} ({one.kind})  {one.day or one.size}"
    if one.error:
        return f"未送达 not taken  {about}: {printable(one.error)}"
    return f"已送达 taken  {about}  回执 receipt {one.sha256[:16]}…"


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[tuple[OpenStore, tuple[AnchorSettings, ...]]]:
    settings = read_settings(options.config) if options.config else Settings()
    if options.db:
        settings = replace(settings, db=options.db)
    found = read_anchors(options.anchors or settings.anchors_file)
    opened = open_store(settings.database_url)
    try:
        yield opened, found
    finally:
        opened.store.close()


def _parser(prog: str) -> argparse.ArgumentParser:
    top = session.parser(prog, "外部锚定 / copies of the log's checkpoints outside the enterprise", EXAMPLE)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="各锚定的状态 / what each anchor has and what waits")
    sending = commands.add_parser("send", help="立即送出最新检查点 / hand over the newest checkpoint now")
    printing = commands.add_parser("print", help="打印记录簿页 / the page for the log book")
    testing = commands.add_parser("test", help="试连，不送出 / try the anchors without handing over anything")
    for one in (sending, testing):
        one.add_argument("alias", nargs="?", metavar="ALIAS", help="default: all")
    sending.add_argument("--new", action="store_true", help="sign a checkpoint of the log as it is now first")
    printing.add_argument("--size", type=int, metavar="N", help="of this checkpoint, default: the newest")
    printing.add_argument(
        "--out", type=Path, metavar="FILE", help=".pdf, .svg or .txt; default: print the text"
    )
    for one in (listing, sending, printing, testing):
        session.add_database(one)
        one.add_argument("--config", type=Path, metavar="FILE", help="the collector's settings file")
        one.add_argument(
            "--anchors", type=Path, metavar="FILE", help="default: anchors.toml beside the collector's keys"
        )
    return top
