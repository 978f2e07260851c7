"""An audit by a real Dask cluster: a scheduler and workers on the loopback, a real PostgreSQL, a worker killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from threading import Thread

import pytest
from processes import ROOT, environment, starproof
from sqlalchemy.engine import make_url

from collector.store.engine import open_engine_for_reading
from collector.store.instant import Moment, at_one_instant
from evidence import __version__
from starproof.auditing import cluster
from starproof.auditing.errors import AuditError
from starproof.auditing.pieces import Order, Refused, audited, on_worker
from starproof.commands import audit as command
from verifier.host_audit import Piece

WAIT_S = 30
CONNECTED = "Starting established connection"
"""What a scheduler writes once a client is connected."""
SECRET = "secret"
"""The password in the URL of the tests' database."""


def start(folder, name, *arguments, **more):
    with (folder / f"{name}.log").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=folder, env=environment(**more),
        )  # fmt: skip


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


class Cluster:
    """A scheduler and what workers a test starts."""

    def __init__(self, folder, ending):
        self.folder, self.ending = folder, ending
        told = folder / "scheduler.json"
        self.scheduler = self.begin("scheduler", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0,
                   "--no-dashboard", "--no-show", "--scheduler-file", told)  # fmt: skip
        until(lambda: told.exists() and told.read_text().endswith("}"))
        self.address = json.loads(told.read_text())["address"]

    def begin(self, name, *arguments, **more):
        process = start(self.folder, name, *arguments, **more)
        self.ending.callback(process.wait, WAIT_S)
        self.ending.callback(process.kill)
        return process

    def worker(self, name, **more):
        return self.begin(
            name, "distributed.cli.dask_worker", self.address, "--nthreads", 1, "--no-nanny", "--no-dashboard",
            "--host", "127.0.0.1", "--name", name, "--local-directory", self.folder / name, **more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    pytest.importorskip("distributed", reason="Dask is not installed; pip install 'starproof[cluster]'")
    with ExitStack() as ending:
        yield Cluster(tmp_path_factory.mktemp("cluster"), ending)


@pytest.fixture(scope="module")
def workers(running, damaged):
    """Two workers that know the store; a process each."""
    return [running.worker(name, STARPROOF_DB=damaged) for name in ("first", "second")]


@pytest.fixture
def client(running):
    from distributed import Client

    with Client(running.address, set_as_default=False) as found:
        yield found


def test_a_worker_killed_half_way_changes_no_byte(running, workers, client, damaged):
    """The third worker is stopped, given pieces, and killed with them once others are done."""
    expected = starproof("audit", "--db", damaged, "--json", "--workers", 1, code=1).stdout
    doomed = running.worker("doomed", STARPROOF_DB=damaged)
    client.wait_for_workers(3, timeout=WAIT_S)
    (address,) = (
        address
        for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()
        if worker["id"] == "doomed"
    )
    doomed.send_signal(signal.SIGSTOP)
    audit = subprocess.Popen(
        [sys.executable, "-m", "starproof", "audit", "--db", damaged, "--json", "--cluster", running.address],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    until(lambda: client.processing([address])[address])
    until(lambda: sum(map(len, client.processing().values())) == len(client.processing([address])[address]))
    assert audit.poll() is None
    doomed.send_signal(signal.SIGKILL)
    out, err = audit.communicate(timeout=WAIT_S)
    assert (audit.returncode, err) == (1, "")
    assert out == expected


def test_the_scheduler_is_told_hosts_and_never_where_the_store_is(damaged):
    cloudpickle = pytest.importorskip(
        "cloudpickle", reason="Dask is not installed; pip install 'starproof[cluster]'"
    )
    sent = cloudpickle.dumps([on_worker, Order(Piece(("web-1",)), Moment("aa 0", "00000003-0000001B-1"))])
    assert SECRET.encode() not in sent
    assert str(make_url(damaged).database).encode() not in sent
    assert len(sent) < 1_000


def test_a_worker_that_cannot_reach_the_store_is_named_with_what_to_do(running, workers, client, damaged):
    """The others are stopped, so that it is asked."""
    client.wait_for_workers(2, timeout=WAIT_S)
    url = make_url(damaged).set(port=1).render_as_string(hide_password=False)
    lost = running.worker("lost", STARPROOF_DB=url)
    client.wait_for_workers(3, timeout=WAIT_S)
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    try:
        done = starproof("audit", "--db", damaged, "--cluster", running.address, code=1)
    finally:
        lost.kill()
        for worker in workers:
            worker.send_signal(signal.SIGCONT)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"process {lost.pid} cannot use the database" in line
    assert line.endswith("look at STARPROOF_DB there, and whether the database answers it")
    assert SECRET not in line


def test_what_a_worker_refuses_says_what_to_do(damaged, monkeypatch):
    piece = Piece(("web-1",))
    with closing(open_engine_for_reading(damaged)) as store, at_one_instant(store) as (now, moment):
        monkeypatch.setenv("STARPROOF_DB", damaged)
        assert on_worker(Order(piece, moment)) == audited(now, piece)
        moved = on_worker(Order(piece, Moment("00 0", moment.name)))
        monkeypatch.delenv("STARPROOF_DB")
        unknown = on_worker(Order(piece, moment))
    assert isinstance(moved, Refused)
    assert moved.why.endswith("give STARPROOF_DB there the very server and database of --db")
    assert unknown == Refused(
        moved.where, "does not know the store; set STARPROOF_DB there before dask worker is started"
    )
    older = on_worker(Order(piece, moment, "0.0"))
    assert older.why == f"has starproof {__version__}; install 0.0 there"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.5:8786", "takes the address of a Dask scheduler"),
        ("ftp://10.0.0.5", "takes the address of a Dask scheduler"),
        ("tcp://", "takes the address of a Dask scheduler"),
        ("tcp://10.0.0.5:8786", "use tls://"),
        ("tcp://scheduler:8786", "use tls://"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_read(address, words, monkeypatch):
    monkeypatch.setattr(cluster, "DASK", "json")
    with pytest.raises(AuditError, match=words):
        cluster.require_usable(address)


def test_usable_addresses_are_those_with_tls_and_the_loopback(monkeypatch):
    monkeypatch.setattr(cluster, "DASK", "json")
    for address in (
        "tls://10.0.0.5:8786",
        "tcp://127.0.0.1:8786",
        "tcp://localhost:8786",
        "tcp://[::1]:8786",
    ):
        cluster.require_usable(address)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "DASK", "no_such_package")
    with pytest.raises(AuditError, match=r"pip install 'starproof\[cluster\]'"):
        cluster.require_usable("tcp://127.0.0.1:8786")


def test_a_cluster_cannot_read_a_file(damaged_file, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "DASK", "json")
    assert command.main(["--db", damaged_file, "--cluster", "tcp://127.0.0.1:8786"]) == 1
    assert "starproof db copy" in capsys.readouterr().err


def test_a_cluster_of_nobody_and_one_that_is_lost_end_with_what_to_do(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed; pip install 'starproof[cluster]'")
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    monkeypatch.setattr(cluster, "LOOK_AT_CLUSTER_S", 0.1)
    with pytest.raises(AuditError, match="start one: dask scheduler"):
        cluster.workers("tcp://127.0.0.1:1")
    with pytest.raises(AuditError, match="no certificates for tls://"):
        cluster.workers("tls://127.0.0.1:1")
    with ExitStack() as ending:
        bare = Cluster(tmp_path, ending)
        work = cluster.by_cluster(bare.address, Moment("00 0"))
        with pytest.raises(AuditError, match=f"start some: dask worker {bare.address}"):
            cluster.workers(bare.address)
        monkeypatch.setattr(cluster, "NO_WORKER_S", 0.1)
        with pytest.raises(AuditError, match=f"start some: dask worker {bare.address}"):
            list(work([Piece(("web-1",))]))
        monkeypatch.setattr(cluster, "NO_WORKER_S", WAIT_S)
        ending.callback(bare.scheduler.wait, WAIT_S)
        heard = (tmp_path / "scheduler.log").read_text().count(CONNECTED)

        def lose():
            until(lambda: (tmp_path / "scheduler.log").read_text().count(CONNECTED) > heard)
            bare.scheduler.kill()

        thread = Thread(target=lose)
        thread.start()
        with pytest.raises(AuditError, match=r"was lost|could not do a piece"):
            list(work([Piece(("web-1",))]))
        thread.join()
