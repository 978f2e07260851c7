"""A small simulated fleet: hosts with real keys and real chunks, and a store in a temporary file."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass, field, replace
from json import loads
from pathlib import Path

import pytest

from collector import ingest, tokens
from collector.http.app import create_app
from collector.opening import open_store
from collector.settings import Limits
from evidence import chunk as chunks
from evidence import enrolment, manifest
from evidence.chunk import Header
from evidence.enrolment import Enrolment
from evidence.keys import PrivateKey

with warnings.catch_warnings():  # it asks for another HTTP client than the one we test with
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[2]
PYTHONPATH = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
MINUTE = 60_000
T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
NOW = T0 + 40 * 86_400_000


@dataclass
class Clock:
    now_ms: int = NOW

    def __call__(self):
        return self.now_ms


@dataclass
class Events:
    lines: list = field(default_factory=list)

    def __call__(self, event, **details):
        self.lines.append({"event": event, **details})

    def named(self, event):
        return [line for line in self.lines if line["event"] == event]


@dataclass
class Host:
    """One enrolled key with its chain."""

    key: PrivateKey
    name: str
    enterprise: str
    enrolment: str
    seq: int = 0
    prev: str = ""
    prev_end_ms: int = 0
    reads: int = 0

    def __post_init__(self):
        self.prev = self.enrolment

    def frame(self, start_ms, rows=11, *, step_ms=MINUTE, cpus=1, up_ms=365 * 86_400_000, **changes):
        """Seal the next chunk of this chain; ``changes`` overrule header fields.

        At T0 the machine is up since ``up_ms``.
        """
        built = manifest.build(
            kind=manifest.COUNTERS,
            interval_ms=step_ms,
            columns=(
                *(manifest.Column(name) for name in manifest.COUNTERS_CLOCKS),
                *(manifest.Column(f"cpu.{state}") for state in manifest.CPU_STATES),
                manifest.Column("disk.reads", device="sda"),
            ),
            host={"cpus": cpus, "ticks_per_s": 100},
            devices=(manifest.Device("disk", "sda", "wwid", counts=True, reason="physical leaf"),),
        )
        wall = [start_ms + step_ms * row for row in range(rows)]
        boot = [at - T0 + up_ms for at in wall]
        ticks = [at * cpus // 10 for at in boot]
        states = [[0] * rows for _ in manifest.CPU_STATES]
        states[0] = [tick // 4 for tick in ticks]
        states[3] = [tick - user for tick, user in zip(ticks, states[0], strict=True)]
        reads = [self.reads + 7 * row for row in range(rows)]
        header = Header(
            enterprise=self.enterprise,
            source="agent",
            host=self.name,
            key="",
            seq=self.seq,
            prev=self.prev,
            boot="boot-1",
            first="reading",
            start_ms=start_ms,
            end_ms=wall[-1],
            prev_end_ms=self.prev_end_ms,
            anchor="",
            rows=0,
            columns=0,
            digest="",
            manifest="",
            agent="test",
            clock_state="synchronized",
            clock_offset_ms=0,
            clock_rtt_ms=-1,
        )
        header = replace(header, **changes)
        return chunks.seal(header, manifest=built, values=[wall, boot, boot, *states, reads], key=self.key)

    def next(self, start_ms, rows=11, **changes):
        """Seal the next chunk and advance the chain."""
        data = self.frame(start_ms, rows, **changes)
        frame = chunks.read_frame(data)
        self.seq, self.prev = self.seq + 1, frame.hash
        self.prev_end_ms = chunks.parse_header(frame.header).end_ms
        self.reads += 7 * (rows - 1)
        return data

    def run(self, count, start_ms=T0, rows=11):
        """Seal ``count`` chunks, each beginning with the last reading of the one before."""
        step = (rows - 1) * MINUTE
        return [self.next(start_ms + number * step, rows) for number in range(count)]


@dataclass
class Api:
    """Speaks the wire to anything with ``post``."""

    http: object

    def offer(self, token, host, **more):
        return self.http.post("/v1/enrolments/offer", json={"token": token, "host": host, **more})

    def request(self, token, host, key, *, previous=None, offered=None, **changes):
        """Return the body of a finished enrolment."""
        source = {"source": changes["source"]} if "source" in changes else {}
        said = offered or self.offer(token, host, **source).json()
        record = Enrolment(
            enterprise=said["enterprise"],
            host=host,
            source="agent",
            key=key.public.raw.hex(),
            epoch=said["epoch"],
            previous=previous.public.id if previous else "",
            token=tokens.digest(token),
            time_ms=NOW,
            agent="test",
            facts={},
        )
        signed = enrolment.sign(replace(record, **changes), key, previous)
        encode = lambda raw: base64.b64encode(raw).decode()  # noqa: E731 - one use, one line
        return {
            "token": token,
            "record": encode(signed.record),
            "signature": encode(signed.signature),
            "previous_signature": encode(signed.previous_signature),
        }

    def finish(self, body):
        return self.http.post("/v1/enrolments", json=body)

    def enrol(self, token, host, key=None, *, previous=None, **changes):
        key = key or PrivateKey.generate()
        answer = self.finish(self.request(token, host, key, previous=previous, **changes))
        assert answer.status_code == 201, answer.text
        document = answer.json()
        return Host(key, host, document["enterprise"], document["enrolment"])

    def send(self, key, *frames, **headers):
        name = key if isinstance(key, str) else key.public.id
        return self.http.post(
            "/v1/chunks",
            content=b"".join(frames),
            headers={
                "Content-Type": "application/vnd.starproof.chunks",
                "X-StarProof-Key": name,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    def outcomes(self, key, *frames):
        answer = self.send(key, *frames)
        assert answer.status_code == 200, answer.text
        return [(result["status"], result["code"]) for result in answer.json()["results"]]


@pytest.fixture
def opened(url):
    opened = open_store(url, enterprise="甲公司", now_ms=NOW)
    yield opened
    opened.store.close()


@pytest.fixture
def store(opened):
    return opened.store


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def limits():
    return Limits(requests_per_minute=100_000, enrolments_per_minute=100_000)


@pytest.fixture
def api(opened, clock, events, limits):
    app = create_app(opened, limits=limits, clock=clock, log=events)
    with TestClient(app) as client:
        yield Api(client)


@pytest.fixture
def token(store):
    def issue(host=None, **options):
        return tokens.issue(store, host=host, now_ms=NOW, **options).text

    return issue


@pytest.fixture
def web(api, token):
    """An enrolled host."""
    return api.enrol(token(), "web-1")


@pytest.fixture
def take(opened, clock):
    """Take frames in without HTTP; returns (status, code) for each."""

    def run(*frames):
        taken = ingest.take(opened.store, ingest.split(b"".join(frames)), clock=clock)
        return [(result.verdict.status, result.verdict.code) for result in taken.results]

    return run


@dataclass
class Server:
    """A real collector in a process of its own."""

    process: subprocess.Popen
    url: str
    lines: list

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)


@pytest.fixture
def serve(url, tmp_path):
    """Start ``serve`` on a free port; returns the server when it listens."""
    running = []

    def start(*options):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "collector.cli",
                "serve",
                "--db",
                url,
                "--listen",
                "127.0.0.1:0",
                *options,
            ],
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": PYTHONPATH, "PYTHONWARNINGS": "error"},
            text=True,
        )
        lines = []
        listening = threading.Event()
        found = []

        def read():
            for line in process.stderr:
                lines.append(line)
                if '"listening"' in line:
                    found.append(loads(line)["url"])
                    listening.set()
            listening.set()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert listening.wait(30), lines
        assert found, lines
        running.append((process, thread))
        return Server(process, found[0], lines)

    yield start
    for process, thread in running:
        if process.poll() is None:
            process.kill()
            process.wait()
        thread.join(timeout=10)
        process.stderr.close()
    time.sleep(0)


@pytest.fixture(scope="session")
def speak():
    return Api
