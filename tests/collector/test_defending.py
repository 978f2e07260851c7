"""What the wire does to those who mean no good: raw sockets against the real server, and names that are code.

Each test is named in the table of docs/security.md (``test_the_table_...`` below).
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import resource
import socket
import ssl
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from agent.state import State
from collector import tokens
from collector.errors import RequestError
from collector.http import app as service
from collector.http import server
from collector.http.heads import head_problem
from collector.http.log import LineLog
from collector.http.shares import Shares
from collector.http.writer import Writer
from collector.keyring import Keyring
from collector.opening import open_store
from collector.settings import Limits
from collector.store.archive import StoreArchive
from evidence.keys import PrivateKey

T0 = 1_793_462_400_000
ROOT = Path(__file__).resolve().parents[2]
LIMITS = "[limits]\nrequests_per_minute = 100000\nenrolments_per_minute = 100000\n"
HOST = b"Host: x\r\n"


def fresh_token(url, host=None):
    opened = open_store(url)
    text = tokens.issue(opened.store, host=host, now_ms=time.time_ns() // 1_000_000).text
    opened.store.close()
    return text


def exchange(running, *parts, pause_s=0.0):
    """Send parts, and return everything that comes back until the server closes."""
    place = urlsplit(running.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as wire:
        answer = b""
        try:
            for part in parts:
                wire.sendall(part)
                time.sleep(pause_s)
            while piece := wire.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


@pytest.fixture
def strict(serve, tmp_path):
    settings = tmp_path / "strict.toml"
    settings.write_text(
        LIMITS
        + "header_timeout_s = 1\nbody_timeout_s = 1\nidle_timeout_s = 1\nconnections_per_address = 12\n"
    )
    return serve("--config", str(settings))


def test_request_heads_that_can_be_read_in_two_ways_are_refused_and_nothing_is_smuggled(strict):
    inner = b"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
    post = b"POST /v1/enrolments HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    bad = {
        "both lengths": post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
        "two lengths": post + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + inner,
        "a list of lengths": post + b"Content-Length: 0, 0\r\n\r\n" + inner,
        "a signed length": post + b"Content-Length: +0\r\n\r\n" + inner,
        "another encoding": post + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + inner,
        "a disguised encoding": post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + inner,
        "a folded header": post
        + b"Content-Length: 0\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n"
        + inner,
        "bare line feeds": b"GET /healthz HTTP/1.1\nHost: x\n\n" + inner,
        "a bare return": b"GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" + inner,
        "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + inner,
        "no name": b"GET /healthz HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n" + inner,
    }
    for what, data in bad.items():
        answer = exchange(strict, data)
        assert answer.startswith(b"HTTP/1.1 400"), what
        assert answer.count(b"HTTP/1.1 ") == 1, what
    # The same in two pieces, the break where it hurts most.
    answer = exchange(strict, post + b"Content-Length: 0\r\nX-A: b\r\n", b" folded: c\r\n\r\n", pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 400")
    # A second request before the first answer is not served, behind a body or behind a refusal.
    plain = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    for first in (
        plain,
        post + b"Content-Length: 2\r\n\r\n{}",
        post.replace(b"json", b"x") + b"Content-Length: 2\r\n\r\n{}",
    ):
        answer = exchange(strict, first + plain)
        assert answer.count(b'"status":"ok"') <= (1 if first == plain else 0)
    # One after another is fine.
    with httpx.Client(base_url=strict.url) as http:
        assert [http.get("/healthz").status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"GET / HTTP/1.1\r\nHost: x", ""),
        (b"GET / HTTP/1.1\r\nA: 1\r\nA: 2", ""),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: Chunked", ""),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\ncontent-LENGTH: 5", "content-length stands twice"),
        (b"GET / HTTP/1.1\r\nContent-Length: 0x5", "content-length is no number"),
        (b"GET / HTTP/1.1\r\nA\r\n", "a header has no name, or blanks around it"),
    ],
)
def test_what_is_plain_passes_and_what_is_not_is_named(head, problem):
    assert head_problem(head) == problem


def test_slow_heads_slow_bodies_and_many_connections_of_one_address_are_cut(strict):
    begun = time.monotonic()
    assert exchange(strict, b"GET /healthz HTTP/1.1\r\n", b"A: b\r\n", b"C: d\r\n", pause_s=0.5) == b""
    body = (
        b"POST /v1/enrolments HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    )
    assert exchange(strict, body, b"{", b" ", b" ", pause_s=0.4).startswith(b"HTTP/1.1 503")
    assert time.monotonic() - begun < 15
    place = urlsplit(strict.url)
    wires = [socket.create_connection((place.hostname, place.port), timeout=5) for _ in range(20)]
    try:
        time.sleep(0.3)
        closed = 0
        for wire in wires:
            wire.settimeout(0.05)
            try:
                closed += wire.recv(1) == b""
            except TimeoutError:
                continue
        assert closed >= 8, "twelve of twenty stay"
    finally:
        for wire in wires:
            wire.close()


def hang(place, count, address):
    """Connections that never say a word."""
    return [
        socket.create_connection((place.hostname, place.port), timeout=5, source_address=(address, 0))
        for _ in range(count)
    ]


def test_handshakes_that_never_end_are_counted_for_their_address_and_keep_nobody_out(serve, tmp_path):
    settings = tmp_path / "tls.toml"
    settings.write_text('[tls]\nmode = "own"\n[limits]\nconnections_per_address = 24\n')
    running = serve("--config", str(settings))
    place = urlsplit(running.url)
    # So few files that what one address may have is left over, and what it tries is not.
    _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (100, hard))
    wires = hang(place, 150, "127.0.0.9")
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # who answers is not the question here
    try:
        for _ in range(3):
            with httpx.Client(base_url=running.url, timeout=2, verify=trust) as http:
                assert http.get("/healthz").status_code == 200
        # Where the system has nothing left all the same, that is said once and not for each attempt.
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (20, hard))
        wires += hang(place, 40, "127.0.0.8")
        time.sleep(1.5)
        told = [json.loads(line) for line in running.lines if '"error"' in line]
        assert [line["event"] for line in told] == ["accept_failed"]
        assert "LimitNOFILE" in told[0]["message"]
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (200, hard))
        with httpx.Client(base_url=running.url, timeout=5, verify=trust) as http:
            assert http.get("/healthz").status_code == 200
    finally:
        for wire in wires:
            wire.close()
    units = [ROOT / "deploy" / "systemd" / f"starproof-{name}.service" for name in ("collector", "relay")]
    assert all("\nLimitNOFILE=65536\n" in unit.read_text(encoding="utf-8") for unit in units)


def test_a_crowd_that_looks_at_health_and_metrics_costs_what_one_costs(opened, clock, events, monkeypatch):
    reading, threads = type(opened.store).reading, []

    @contextmanager
    def slowly(store):
        threads.append(threading.current_thread().name)
        time.sleep(0.3)
        with reading(store) as connection:
            yield connection

    monkeypatch.setattr(type(opened.store), "reading", slowly)
    app = service.create_app(opened, limits=Limits(requests_per_minute=20), clock=clock, log=events)
    running = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with server.listening_socket("127.0.0.1:0") as bound:
        url = server.url_of(bound)
        serving = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
        serving.start()

        def ask(address, path):
            rival = httpx.HTTPTransport(local_address=address)
            with httpx.Client(base_url=url, timeout=10, transport=rival) as http:
                return http.get(path).status_code

        try:
            assert ask("127.0.0.1", "/healthz") == 200
            del threads[:]
            with ThreadPoolExecutor(40) as crowd:
                scrapes = [crowd.submit(ask, "127.0.0.9", "/metrics") for _ in range(20)]
                looks = [crowd.submit(ask, f"127.0.0.{number}", "/healthz") for number in range(20, 40)]
                scraped = sorted(one.result() for one in scrapes)
                assert {one.result() for one in looks} == {200}
        finally:
            running.should_exit = True
            serving.join(10)
    assert scraped == [200] * 5 + [429] * 15, "a quarter as often as a sender may send"
    assert len(threads) <= 10, "one look for all who ask at once"
    assert all(name.startswith("starproof-shared") for name in threads), "no thread that chunks need"


def test_a_flooding_host_starves_no_other(serve, speak, url, tmp_path):
    settings = tmp_path / "flood.toml"
    settings.write_text(LIMITS)
    running = serve("--config", str(settings))
    with httpx.Client(base_url=running.url, timeout=30) as http:
        api = speak(http)
        loud, quiet = api.enrol(fresh_token(url), "loud"), api.enrol(fresh_token(url), "quiet")
    flood, batches = loud.run(64, rows=3), quiet.run(8, rows=3)
    stop, statuses, waits = threading.Event(), [], []

    def shout():
        with httpx.Client(base_url=running.url, timeout=30) as http:
            while not stop.is_set():
                statuses.append(speak(http).send(loud.key, *flood).status_code)

    threads = [threading.Thread(target=shout) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        with httpx.Client(base_url=running.url, timeout=30) as http:
            for frame in batches:
                begun = time.monotonic()
                answer = speak(http).send(quiet.key, frame)
                waits.append(time.monotonic() - begun)
                assert answer.status_code == 200, answer.text
                assert answer.json()["results"][0]["status"] == "stored"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert max(waits) < 10, waits
    assert 429 in statuses, "the flood is told to slow down"
    assert set(statuses) <= {200, 429}


def squat(place, key, *, path="/v1/chunks", size=16_000_000, address="127.0.0.9"):
    """Begin a batch in a host's name from elsewhere, with no key of it, and never end it."""
    wire = socket.create_connection((place.hostname, place.port), timeout=5, source_address=(address, 0))
    wire.sendall(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-StarProof-Key: {key}\r\nContent-Length: {size}\r\n"
        "Content-Type: application/vnd.starproof.chunks\r\n\r\nS".encode()
    )
    return wire


def test_nobody_silences_a_chosen_host_by_sending_in_its_name(serve, speak, url):
    running = serve()
    place = urlsplit(running.url)
    with httpx.Client(base_url=running.url, timeout=10) as http:
        api = speak(http)
        web = api.enrol(fresh_token(url), "web-1")
        name, chunks = web.key.public.id, web.run(8, rows=3)
        wires = [squat(place, name) for _ in range(5)]
        # From the host's own address as well: it may stand behind the same proxy.
        wires += [squat(place, name, address="127.0.0.1") for _ in range(5)]
        time.sleep(0.3)
        try:
            for frame in chunks[:3]:
                answer = api.send(name, frame)
                assert answer.status_code == 200, answer.text
                assert answer.json()["results"][0]["status"] == "stored"
        finally:
            for wire in wires:
                wire.close()
        # Whole batches that the host did not sign are answered, and no turn of the host's goes to them.
        forged = type(web)(PrivateKey.generate(), "web-1", web.enterprise, web.enrolment).frame(T0)
        assert api.outcomes(name, forged) == [("refused", "UNKNOWN_KEY")]
        stop, statuses = threading.Event(), set()

        def forge():
            rival = httpx.HTTPTransport(local_address="127.0.0.9")
            with httpx.Client(base_url=running.url, timeout=10, transport=rival) as http:
                while not stop.is_set():
                    statuses.add(speak(http).send(name, forged).status_code)

        threads = [threading.Thread(target=forge) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            while 429 not in statuses:
                time.sleep(0.01)
            assert [api.outcomes(name, frame) for frame in chunks[3:]] == [[("stored", "")]] * 5
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert 429 in statuses, "who goes on like that is told to slow down"


def test_senders_take_turns_at_the_writer_and_in_what_they_have_in_progress():
    async def scenario():
        writer, order, gate = Writer(16, list), [], threading.Event()
        jobs = [writer.run(lambda: gate.wait(10), sender="loud")]
        jobs += [writer.run(lambda n=n: order.append(f"loud {n}"), sender="loud") for n in range(4)]
        jobs += [writer.run(lambda: order.append("quiet"), sender="quiet")]
        tasks = [asyncio.create_task(job) for job in jobs]
        await asyncio.sleep(0.05)
        with pytest.raises(RequestError) as refused:
            await writer.run(order.clear, sender="loud")
        failing = asyncio.create_task(writer.run(lambda: 1 / 0, sender="other"))
        gate.set()
        await asyncio.gather(*tasks)
        with pytest.raises(ZeroDivisionError):
            await failing
        gate.clear()
        running = asyncio.create_task(writer.run(lambda: gate.wait(10), sender="a"))
        never = asyncio.create_task(writer.run(order.clear, sender="a"))
        await asyncio.sleep(0.05)
        gate.set()
        writer.close()
        with pytest.raises(asyncio.CancelledError):
            await never
        assert await running
        return refused.value, order

    found = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(scenario())))
    thread.start()
    thread.join(30)
    error, order = found[0]
    assert (error.status, error.reason) == (429, "SLOW_DOWN")
    assert order == ["loud 0", "quiet", "loud 1", "loud 2", "loud 3"]
    shares = Shares(2)
    with (
        shares.hold("a"),
        shares.hold("a"),
        shares.hold("b"),
        pytest.raises(RequestError, match="2 requests"),
        shares.hold("a"),
    ):
        pass
    with shares.hold("a"):
        pass


NASTY = (
    "x' OR '1'='1",
    "x'); DROP TABLE host; --",
    'x"; DELETE FROM chunk; --',
    "../../etc/passwd",
    "..\\..\\x",
    "%00%0d%0aSet-Cookie",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
)


def test_names_that_are_sql_paths_or_markup_are_only_names(api, token, store, tmp_path):
    hosts = [api.enrol(token(), name) for name in NASTY]
    for host in hosts:
        assert api.outcomes(host.key, host.next(T0)) == [("stored", "")]
    archive = StoreArchive(store)
    for name in NASTY:
        assert len(list(archive.chunks(name, 0, 2**52))) == 1
    assert list(archive.chunks("x' OR '1'='1' --", 0, 2**52)) == []
    before = {path for path in tmp_path.rglob("*") if path.name in ("passwd", "x")}
    assert not before
    for path in ("/v1/../healthz", "/v1/%2e%2e/healthz", "/v1/chunks/../../etc/passwd", "//etc/passwd"):
        assert api.http.get(path).status_code in (200, 404, 405), path


def test_control_characters_in_names_and_paths_reach_no_log_line(serve, url, speak):
    running = serve()
    with httpx.Client(base_url=running.url) as http:
        api, text = speak(http), fresh_token(url)
        for name in ("a\nb", "a\r\nb", "\x1b[31m", "a\u2028b", "\u202eabc", "", " a", "x" * 129):
            assert api.offer(text, name).status_code == 400, ascii(name)
        assert api.offer("\x1b]0;owned\x07\n{}", "web").status_code == 401
    exchange(
        running, b"GET /%0a%7b%22event%22:%22forged%22%7d HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    )
    exchange(running, b"GET / HTTP/1.1\r\nX-StarProof-Key: \x1b[31m\r\n" + HOST + b"\r\n")
    assert running.stop() == 0
    for line in running.lines:
        document = json.loads(line)
        assert document["event"] != "forged"
        assert line.rstrip("\n").isprintable(), ascii(line)
    lines = []

    class Stream:
        write = staticmethod(lines.append)
        flush = staticmethod(lambda: None)

    LineLog(lambda: 1, Stream())("refused", host="a\n\x1b[2J\u2028\u202e{")
    assert len(lines) == 1
    assert lines[0].rstrip("\n").isprintable()


def test_tokens_are_kept_as_hashes_and_stolen_used_or_guessed_ones_are_of_no_use(api, token, store, clock):
    text = token("web-1")
    with store.reading() as connection:
        rows = [dict(row) for row in connection.exec_driver_sql("SELECT * FROM token").mappings()]
    assert text not in str(rows), (
        "what is looked up is a hash: how long a look-up takes tells nothing of a token"
    )
    assert tokens.digest(text) in str(rows)
    web = api.enrol(text, "web-1")
    thief = PrivateKey.generate()
    for what in (text, text[:-1], text + " ", text.swapcase(), ""):
        assert api.offer(what, "web-1").status_code == 401
    request = api.request(
        text,
        "web-1",
        thief,
        offered={"enterprise": web.enterprise, "host": "web-1", "epoch": 1, "previous": ""},
    )
    answer = api.finish(request)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_USED")
    # Stolen before its host used it: it is bound to the name, and the host's own attempt then tells of the theft.
    second = token("db-1")
    assert api.offer(second, "web-9").json()["code"] == "HOST_TAKEN"
    api.enrol(second, "db-1", thief)
    assert api.offer(second, "db-1").json()["code"] == "TOKEN_USED"
    old = token("old")
    clock.now_ms += 25 * 3_600_000
    assert api.offer(old, "old").json()["code"] == "TOKEN_EXPIRED"


def test_replayed_batches_change_nothing_and_no_host_speaks_for_another(api, token, store):
    web, db = api.enrol(token(), "web-1"), api.enrol(token(), "db-1")
    batch = web.run(3)
    for _ in range(3):
        assert {status for status, _ in api.outcomes(web.key, *batch)} <= {"stored", "known"}
    assert {status for status, _ in api.outcomes(db.key, *batch)} == {"known"}, "who sends proves nothing"
    assert len(list(StoreArchive(store).chunks("web-1", 0, 2**52))) == 3
    forged = db.frame(T0, host="web-1")
    assert api.outcomes(db.key, forged) == [("refused", "WRONG_HOST")]
    fake = type(web)(PrivateKey.generate(), "web-1", web.enterprise, web.enrolment)
    assert api.outcomes(web.key, fake.frame(T0)) == [("refused", "UNKNOWN_KEY")]
    assert list(StoreArchive(store).chunks("db-1", 0, 2**52)) == []


def test_keys_stores_and_spools_are_for_their_owner_alone(opened, url, tmp_path):
    import os

    mask = os.umask(0)
    try:
        folder = Path(url.removeprefix("sqlite:///")).parent
        Keyring(folder / "keys").log_key()
        state = State(str(tmp_path / "agent"))
        with state.lock():
            state.make_key()
            state.write("pending.json", b"{}")
        from agent.files import RealFiles

        RealFiles().make_folder(str(tmp_path / "agent" / "spool"))
        RealFiles().write(str(tmp_path / "agent" / "spool" / "1.chunk"), (b"x",))
    finally:
        os.umask(mask)
    mode = lambda path: stat.S_IMODE(path.stat().st_mode)  # noqa: E731 - one use
    assert mode(folder / "keys") == mode(tmp_path / "agent") == mode(tmp_path / "agent" / "spool") == 0o700
    assert mode(folder / "keys" / "log.key") == 0o600
    for path in (tmp_path / "agent").rglob("*"):
        assert path.is_dir() or mode(path) == 0o600, path
    assert mode(folder) == 0o700, "what lies in it, the store among it, is reached by nobody else"


def test_the_units_have_no_capabilities_but_those_that_are_named():
    security = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "deploy" / "systemd").glob("*.service")):
        text = path.read_text(encoding="utf-8")
        bounding = re.findall(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
        assert bounding, path.name
        wanted = " ".join(bounding).split()
        for capability in wanted:
            assert re.search(rf"`{path.name}`[^\n]*{capability}", security), (path.name, capability)
        assert "NoNewPrivileges=yes" in text
        assert "LimitCORE=0" in text, "no secret in a core dump"
        assert path.name in security


def rows(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z-]+)` \|.*\| `(tests/[a-z_/]+\.py)::(test_\w+)` \|$", text, re.MULTILINE)


def test_the_table_of_threats_is_the_same_in_both_languages_and_every_test_in_it_exists():
    english, chinese = rows("security.md"), rows("security.zh-CN.md")
    assert english == chinese
    assert len({row[0] for row in english}) == len(english) >= 15
    for _, path, test in english:
        names = {
            node.name
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert test in names, f"{path} has no {test}"
    mine = {test for _, path, test in english if path == "tests/collector/test_defending.py"}
    told = re.findall(r"^def (test_\w+)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    spare = {
        "test_what_is_plain_passes_and_what_is_not_is_named",
        "test_the_table_of_threats_is_the_same_in_both_languages_and_every_test_in_it_exists",
    }
    assert set(told) - spare == mine
