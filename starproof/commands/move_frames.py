"""``starproof db move-frames``: a turn of what the service does with a ClickHouse cluster, or everything back."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing

from collector.errors import StoreBusyError
from collector.settings import default_database_url, key_directory
from collector.store import locks
from collector.store.clickhouse import fetching_back, serving
from collector.store.engine import Store, open_engine
from starproof import session

BUSY = "another process is moving frames at this moment; wait until it is done, or stop the collector"
_SHOWN = 10


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "move-frames",
        help="把数据块移到 ClickHouse 集群 / move chunks into the ClickHouse cluster, once (the service does so by itself)",
        epilog=f"example: {prog} move-frames",
    )
    parser.add_argument(
        "--back",
        action="store_true",
        help="全部取回数据库，不再使用集群 / everything back into the database (take clickhouse.toml away afterwards)",
    )
    session.add_database(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command and return the exit status: 1 if frames were lost."""
    url = options.db or default_database_url()
    with closing(open_engine(url)) as store:
        work = _back if options.back else _move
        return work(store, options, url)


def _move(store: Store, options: argparse.Namespace, url: str) -> int:
    done = serving.turn(store, directory=key_directory(url), now_ms=time.time_ns() // 1_000_000)
    if done is None:
        raise StoreBusyError(BUSY)
    frames = done.frames
    if options.json:
        document = {"put": frames.put, "left": frames.left, "waiting": frames.waiting, "day_sums": done.sums}
        session.print_json({"schema": "starproof/frames-moved/1", **document})
    else:
        sys.stdout.write(
            f"写入集群 put into the cluster: {frames.put}\n移出数据库 left the database: {frames.left}\n"
            f"等待期满后再移出 stay until they were held long enough: {frames.waiting}\n"
            f"日合计 day sums moved: {done.sums}\n"
        )
    return 0


def _back(store: Store, options: argparse.Namespace, url: str) -> int:
    with locks.alone(store, serving.LOCK, directory=key_directory(url)) as check:
        if check is None:
            raise StoreBusyError(BUSY)
        found = fetching_back.fetch(store)
    if options.json:
        document = {
            "frames": found.frames,
            "day_sums": found.sums,
            "derived": found.derived,
            "lost": list(found.lost),
        }
        session.print_json({"schema": "starproof/frames-fetched/1", **document})
    else:
        sys.stdout.write(
            f"取回数据块 frames fetched: {found.frames}\n取回日合计 day sums fetched: {found.sums}\n"
            f"由数据块重新计算 derived again from chunks: {found.derived}\n"
        )
        for lost in found.lost[:_SHOWN]:
            sys.stdout.write(f"集群中没有 not in the cluster: {lost}\n")
        if found.lost:
            sys.stdout.write(f"共缺失 lost in all: {len(found.lost)}; see starproof db check\n")
        else:
            sys.stdout.write(
                "已不再使用集群；现在移走 clickhouse.toml / the cluster is not used any more; take clickhouse.toml away\n"
            )
    return 1 if found.lost else 0
