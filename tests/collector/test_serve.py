"""The real server in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import threading
from contextlib import closing
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from collector import cli, tokens
from collector.errors import SettingsError
from collector.http import server
from collector.opening import open_store
from collector.settings import Limits, Settings
from collector.store import registry, schema
from collector.store.archive import StoreArchive
from evidence.chunk import open_chunk, read_frame
from evidence.crediting import credited
from starproof.cli import main as starproof

T0 = 1_780_000_200_000
ROUNDS = 10


def fresh_token(url, host=None):
    opened = open_store(url)
    try:
        import time

        return tokens.issue(opened.store, host=host, now_ms=time.time_ns() // 10**6).text
    finally:
        opened.store.close()


def connect(running):
    parts = urlsplit(running.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_an_agents_life_over_http(serve, speak, url):
    running = serve()
    with httpx.Client(base_url=running.url, timeout=30) as http:
        api = speak(http)
        host = api.enrol(fresh_token(url), "web-1")
        frames = host.run(3, start_ms=T0)
        assert api.outcomes(host.key, *frames) == [("stored", "")] * 3
        assert api.outcomes(host.key, *frames) == [("known", "")] * 3
        assert http.get("/healthz").json()["status"] == "ok"
        assert 'starproof_chunks_total{code="",status="stored"} 3.0' in http.get("/metrics").text
    assert running.stop() == 0
    events = [json.loads(line) for line in running.lines]
    assert [event["event"] for event in events] == ["listening", "enrolled", "batch", "batch", "stopped"]


def test_a_running_request_is_finished_before_the_end(serve, speak, url):
    running = serve()
    with httpx.Client(base_url=running.url) as http:
        host = speak(http).enrol(fresh_token(url), "web-1")
    frame = host.next(T0)
    with connect(running) as wire:
        wire.sendall(
            b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.starproof.chunks\r\n"
            b"X-StarProof-Key: %s\r\nContent-Length: %d\r\n\r\n" % (host.key.public.id.encode(), len(frame))
        )
        wire.sendall(frame[:100])
        threading.Event().wait(0.5)
        running.process.terminate()
        threading.Event().wait(0.5)
        wire.sendall(frame[100:])
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    assert b" 200 OK" in answer
    assert b'"stored"' in answer
    assert running.process.wait(timeout=30) == 0


def test_a_silent_or_dribbling_connection_is_closed(serve, tmp_path):
    settings = tmp_path / "collector.toml"
    settings.write_text("[limits]\nheader_timeout_s = 1\nbody_timeout_s = 1\n")
    running = serve("--config", str(settings))
    with connect(running) as silent, connect(running) as half, connect(running) as again:
        half.sendall(b"GET /healthz HTTP/1.1\r\n")
        again.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += again.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200")
        again.sendall(b"GET /he")
        assert (silent.recv(1), half.recv(1), again.recv(1)) == (b"", b"", b"")
    with connect(running) as slow:
        slow.sendall(
            b"POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 50\r\n\r\n{"
        )
        assert slow.recv(65536).startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
    ],
)
def test_lies_about_lengths_and_garbage_are_answered_with_4xx(serve, request_bytes):
    running = serve()
    with connect(running) as wire:
        try:
            wire.sendall(request_bytes)
            answer = wire.recv(65536)
        except ConnectionError:  # closed while we were still talking: fine
            answer = b"HTTP/1.1 4"
    assert answer.startswith(b"HTTP/1.1 4")
    assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_a_body_that_ends_early_is_not_stored(serve, url):
    running = serve()
    with connect(running) as wire:
        wire.sendall(
            b"POST /v1/chunks HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.starproof.chunks\r\n"
            b"X-StarProof-Key: %s\r\nContent-Length: 500\r\n\r\nSPC1" % (b"0" * 64)
        )
    assert httpx.get(f"{running.url}/healthz").status_code == 200
    assert running.stop() == 0
    assert not any("Traceback" in line or '"server"' in line for line in running.lines)


@pytest.mark.slow
@pytest.mark.no_cover
def test_killed_at_random_moments_it_keeps_what_it_acknowledged_and_stores_nothing_twice(serve, speak, url):
    random = Random(2018)
    running = serve()
    with httpx.Client(base_url=running.url, timeout=30) as http:
        host = speak(http).enrol(fresh_token(url), "web-1")
    frames = host.run(ROUNDS * 30, start_ms=T0, rows=5)
    acknowledged: set[str] = set()
    sent = 0
    for _ in range(ROUNDS):
        timer = threading.Timer(random.uniform(0.02, 0.5), running.process.kill)
        timer.start()
        with httpx.Client(base_url=running.url, timeout=30) as http:
            try:
                while True:
                    size = random.randint(1, 8)
                    batch = [*frames[max(0, sent - 3) : sent], *frames[sent : sent + size]]
                    answer = speak(http).send(host.key, *batch)
                    results = answer.json()["results"] if answer.status_code == 200 else []
                    assert all(result["status"] in ("stored", "known") for result in results)
                    acknowledged |= {result["hash"] for result in results}
                    sent = min(len(frames), sent + (size if results else 0))
            except httpx.HTTPError:
                pass
        timer.join()
        running.process.wait(timeout=30)
        running = serve()
    assert running.stop() == 0
    opened = open_store(url)
    stored = list(StoreArchive(opened.store).chunks("web-1", 0, 2**52))
    hashes = [read_frame(chunk.frame).hash for chunk in stored]
    assert len(acknowledged) > ROUNDS
    assert acknowledged <= set(hashes)
    assert len(hashes) == len(set(hashes))
    assert [chunk.seq for chunk in stored] == list(range(len(stored)))
    chunks = [open_chunk(read_frame(chunk.frame), host.key.public) for chunk in stored]
    sums = {(row.metric, row.day): row.sums for row in StoreArchive(opened.store).day_sums(0, 10**6)}
    assert sums == credited(chunks, opened.identity.calendar)
    opened.store.close()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_the_server_ends_in_its_own_process_too(url, capsys, monkeypatch):
    """In this process, so that it is seen by the coverage."""
    seen = []

    def stop_when_listening(bound):
        answer = httpx.get(f"{server.url_of(bound)}/healthz")
        seen.append((answer.status_code, server.url_of(bound)))
        with socket.create_connection(bound.getsockname()[:2], timeout=20) as silent:
            seen.append(silent.recv(1))
        os.kill(os.getpid(), signal.SIGTERM)

    def listen(text):
        bound = original("[::1]:0" if socket.has_ipv6 and text == "v6" else text)
        bound.listen()
        threading.Thread(target=stop_when_listening, args=(bound,), daemon=True).start()
        return bound

    original = server.listening_socket
    monkeypatch.setattr(server, "listening_socket", listen)
    settings = Settings(db=url, listen="127.0.0.1:0", limits=Limits(header_timeout_s=1))
    before = signal.getsignal(signal.SIGTERM)
    assert cli.serve(settings) == 0
    assert signal.getsignal(signal.SIGTERM) is before
    assert seen[0][0] == 200
    assert seen[1] == b""
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["listening", "stopped"]
    assert lines[0]["url"] == seen[0][1]


def test_an_ipv6_address_is_shown_in_brackets():
    try:
        bound = server.listening_socket("[::1]:0")
    except SettingsError:
        pytest.skip("no IPv6 on this machine")
    with bound:
        assert server.url_of(bound) == f"http://[::1]:{bound.getsockname()[1]}"


def test_an_address_that_is_taken_is_one_line(url, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert cli.main(["serve", "--db", url, "--listen", listen]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.main(["serve", "--db", url, "--listen", "no.such.host.invalid:1"]) == 1


def test_a_token_is_printed_with_the_command_to_paste(url, capsys, tmp_path):
    assert cli.main(["token", "--db", url, "--host", "web 1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["command"].startswith(f"echo {document['token']} | starproof-agent enroll ")
    assert document["command"].endswith("--token-file - --name 'web 1'")
    assert cli.main(["token", "--db", url, "--host", "web 1"]) == 0
    shown = capsys.readouterr().out
    assert "http://COLLECTOR:8440" in shown
    assert "| sh install.sh --name 'web 1' --token-file -\n" in shown
    settings = tmp_path / "c.toml"
    settings.write_text(f'db = "{url}"\npublic_url = "https://c.example"\n[limits]\ntoken_hours = 1\n')
    assert cli.main(["token", "--config", str(settings), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "--collector https://c.example --token" in document["command"]
    opened = open_store(url)
    with opened.store.reading() as connection:
        from collector.store import registry

        found = registry.find_token(connection, tokens.digest(document["token"]))
    assert found.expires_ms - found.created_ms == 3_600_000
    assert Limits().token_hours == 24
    opened.store.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([], "COMMAND"),
        (["serve", "--bogus"], "--bogus"),
        (["nothing"], "nothing"),
        (["serve", "--listen", "nonsense"], "ADDR:PORT"),
        (["serve", "--listen", ""], "ADDR:PORT"),
        (["serve", "--listen", "h:99999"], "from 0 to 65535"),
        (["serve", "--enterprise", ""], "1 to 128 printable characters"),
        (["token", "--host", ""], "1 to 128 printable characters"),
        (["token", "--host", "a\nb"], "1 to 128 printable characters"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(url, tmp_path, capsys, wrong, words):
    with pytest.raises(SystemExit) as error:
        cli.main([*wrong[:1], *(["--db", url] if wrong[1:] else []), *wrong[1:]])
    assert error.value.code == 2
    line = capsys.readouterr().err
    assert (words in line, line.count("\n")) == (True, 1)
    assert not (tmp_path / "state").exists()


def test_a_token_for_a_name_that_no_host_can_have_is_refused(store):
    with pytest.raises(SettingsError, match="printable"):
        tokens.issue(store, host="", now_ms=0)


def test_a_token_comes_with_a_warning_as_long_as_the_enterprise_has_no_name_and_can_get_one(
    url, capsys, tmp_path
):
    assert cli.main(["token", "--db", url, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"] == "starproof/token/1"
    assert captured.err.count("\n") == 1
    assert "未命名企业 and cannot change once data exist" in captured.err
    assert "--config FILE" in captured.err
    assert cli.main(["token", "--db", url]) == 0
    assert "未命名企业" in capsys.readouterr().err, "who begins the service first has not heard it yet"
    settings = tmp_path / "c.toml"
    settings.write_text(f'enterprise = "乙公司"\ndb = "sqlite:///{tmp_path}/other/x.db"\n')
    assert cli.main(["token", "--config", str(settings)]) == 0
    assert capsys.readouterr().err == ""


def test_an_error_of_the_store_is_status_1(capsys):
    assert cli.main(["token", "--db", "nonsense"]) == 1
    with pytest.raises(SystemExit) as error:
        cli.main(["serve", "--help"])
    assert error.value.code == 0
    assert "example:" in capsys.readouterr().out


def test_serve_names_the_enterprise_and_corrects_it_until_a_record_carries_it(url, capsys):
    for name in ("江苏示列公司", "江苏示例公司"):
        nowhere = "no.such.host.invalid:1"  # the store is opened first, then there is nowhere to listen
        assert starproof(["serve", "--db", url, "--enterprise", name, "--listen", nowhere]) == 1
        with closing(open_store(url).store) as store, store.reading() as connection:
            assert registry.identity(connection).enterprise == name
    with closing(open_store(url).store) as store, store.writing() as connection:
        connection.execute(schema.day_mark.insert().values(day=1, leaf=0, record=b""))
    assert starproof(["serve", "--db", url, "--enterprise", "另一家", "--listen", nowhere]) == 1
    assert "use another database" in capsys.readouterr().err
