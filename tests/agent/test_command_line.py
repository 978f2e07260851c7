"""The command line as processes: enrol, run, status, and what they print."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from collector_double import CollectorDouble

from agent import cli
from agent.code import running_code
from agent.enrol import AGENT

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

# The measuring half is stood in for by a machine whose clocks are this host's.
PROGRAM = """
import sys, time, types
sys.path.insert(0, {here!r})

def this_host(*, interval_ms, **lists):
    from machine_double import Machine

    class Live(Machine):
        def read(self):
            self.wall_ms = time.time_ns() // 1_000_000
            self.boot_ms = self.mono_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
            return super().read()

    return Live(interval_ms=interval_ms)

stub = types.ModuleType("agent.this_host")
stub.this_host = this_host
sys.modules["agent.this_host"] = stub
stub = types.ModuleType("agent.sample")
stub.sample_document = lambda host: {{"boot": host.read().boot_id}}
stub.sample_text = lambda document: "开机 " + document["boot"] + "\\n"
sys.modules["agent.sample"] = stub
from agent.cli import main
sys.exit(main(sys.argv[1:]))
"""


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=now_ms)
    double.tokens = {"token-1": "", "token-2": ""}
    yield double
    double.close()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state"


def environment(**extra):
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "LC_ALL": "C", **extra}


def command(*arguments, **extra):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(here=str(HERE)), *map(str, arguments)],
        capture_output=True,
        env=environment(**extra),
        timeout=60,
        check=False,
        cwd=ROOT,
    )


def start(*arguments, **extra):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(here=str(HERE)), *map(str, arguments)],
        stderr=subprocess.PIPE,
        env=environment(**extra),
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )


def enrolled(collector, place):
    done = command(
        "enroll", "--collector", collector.url, "--token", "token-1", "--name", "web-1", "--state", place
    )
    assert done.returncode == 0, done.stderr
    return done


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_an_agent_enrols_reads_seals_delivers_and_stops_cleanly(collector, place):
    done = enrolled(collector, place)
    assert "web-1" in done.stdout.decode()
    agent = start("run", "--state", place, "--interval", "1", "--seal", "2")
    try:
        wait_for(lambda: len(collector.chunks) >= 2)
        status = json.loads(command("status", "--state", place, "--json").stdout)
        assert status["running"] is True
        assert status["attention"] == []
        assert status["chunks_damaged"] == status["chunks_refused"] == 0
        assert abs(status["clock_offset_ms"]) < 5_000
        memory = Path(f"/proc/{agent.pid}/status").read_text()
    finally:
        agent.send_signal(signal.SIGTERM)
        log = agent.communicate(timeout=20)[1]
    assert agent.returncode == 0, log
    # The last, partial chunk was sealed and sent as well.
    assert collector.seqs() == list(range(len(collector.seqs())))
    assert collector.stored()[-1].header.end_ms > now_ms() - 30_000
    assert {chunk.header.code for chunk in collector.stored()} == {running_code()}
    assert (status["code"], status["agent"]) == (running_code(), AGENT)
    assert not list((place / "spool").glob("*.chunk"))
    for line in log.splitlines():
        assert re.match(r"ts=\d+\.\d{3} level=(info|warning|error) event=\w+", line)
    assert "token-1" not in log
    assert (place / "key").read_text().strip() not in log
    resident_kb = int(re.search(r"VmRSS:\s+(\d+)", memory)[1])
    if "COVERAGE_PROCESS_CONFIG" not in os.environ and "coverage" not in sys.modules:
        assert resident_kb < 22_000, "the budget is 20 MB; 19.2 MB were measured with CPython 3.11"


def test_a_restarted_agent_goes_on_where_it_was(collector, place):
    enrolled(collector, place)
    for _ in range(2):
        count = len(collector.chunks)
        agent = start("run", "--state", place, "--interval", "1", "--seal", "1")
        wait_for(lambda count=count: len(collector.chunks) >= count + 2)
        agent.kill()
        agent.communicate(timeout=20)
    chunks = collector.stored()
    assert [chunk.header.first for chunk in chunks[1:]] == ["repeat"] * (len(chunks) - 1)
    for before, after in zip(chunks, chunks[1:]):
        assert after.header.start_ms == before.header.end_ms


def test_without_an_enrolment_the_agent_says_what_to_do(place):
    done = command("run", "--state", place)
    assert done.returncode == 1
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert "agent enroll" in lines[0]


def test_a_second_agent_is_refused(collector, place):
    enrolled(collector, place)
    agent = start("run", "--state", place, "--interval", "1", "--seal", "1")
    try:
        wait_for((place / "status.json").exists)
        done = command("run", "--state", place)
        assert done.returncode == 1
        assert b"another agent works on" in done.stderr
    finally:
        agent.terminate()
        agent.communicate(timeout=20)


def test_the_service_manager_is_told_and_the_watchdog_is_fed(collector, place, tmp_path):
    enrolled(collector, place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        agent = start(
            "run", "--state", place, "--interval", "60", "--seal", "60",
            NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000",
        )  # fmt: skip
        said = manager.recv(4096)
        while b"WATCHDOG=1" not in said:
            said += b"|" + manager.recv(4096)
        agent.send_signal(signal.SIGHUP)
        agent.send_signal(signal.SIGINT)
        while b"STOPPING=1" not in said:
            said += b"|" + manager.recv(4096)
        agent.communicate(timeout=20)
    assert said.startswith(b"READY=1\nSTATUS=reading web-1")
    assert agent.returncode == 0


ACKNOWLEDGED = r"^starproof_agent_last_ack_timestamp_seconds 1\."


def scraped(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_metrics_are_served_when_asked_for(collector, place, tmp_path):
    enrolled(collector, place)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "agent.toml"
    config.write_text(
        f'interval_s = 1\nseal_s = 1\nstate = "{place}"\n[metrics]\nlisten = "127.0.0.1:{port}"\n'
    )
    agent = start("run", "--config", config)
    try:
        wait_for(lambda: len(collector.chunks) >= 1)
        # The collector has the chunk before the agent has its answer.
        wait_for(lambda: re.search(ACKNOWLEDGED, scraped(port), re.MULTILINE))
        text = scraped(port)
        taken = command("run", "--config", config, "--state", tmp_path / "other")
        assert taken.returncode == 1
    finally:
        agent.terminate()
        agent.communicate(timeout=20)
    assert re.search(r"^starproof_agent_readings_total [1-9]", text, re.MULTILINE)
    assert 'starproof_agent_build_info{version="' in text


def test_status_of_a_host_that_is_not_enrolled(place):
    done = command("status", "--state", place, "--json")
    assert done.returncode == 0
    assert done.stderr == b""
    document = json.loads(done.stdout)
    assert document["enrolled"] is False
    assert document["schema"] == "starproof/agent-status/1"
    assert "agent enroll" in document["attention"][0]
    assert "未注册" in command("status", "--state", place).stdout.decode()


def test_status_in_words_and_the_token_from_the_environment(collector, place):
    done = command("enroll", "--collector", collector.url, "--state", place, STARPROOF_TOKEN="token-1")
    assert done.returncode == 0, done.stderr
    text = command("status", "--state", place).stdout.decode()
    assert socket.gethostname() in text
    assert "未运行" in text
    # A rotation remembers name and collector.
    token_file = place.parent / "token"
    token_file.write_text("token-2\n")
    again = command("enroll", "--token-file", token_file, "--state", place)
    assert again.returncode == 0, again.stderr
    assert "epoch 1" in again.stdout.decode()


def test_sample_prints_one_json_document_and_nothing_else():
    done = command("sample", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {"boot": "boot-0"}
    assert command("sample").stdout.decode() == "开机 boot-0\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "usage"),
        (["fly"], 2, "invalid choice"),
        (["run", "--interval", "x"], 2, "invalid int"),
        (["run", "--interval", "0"], 2, "--interval"),
        (["run", "--interval", "60", "--seal", "1"], 2, "shorter than the interval"),
        (["status", "--config", "/none/agent.toml"], 1, "cannot be read"),
        (["enroll", "--collector", "http://127.0.0.1:1"], 2, "no token is given"),
        (["enroll", "--token-file", "/none"], 1, "token file"),
        (["enroll", "--token", "t"], 2, "--collector"),
        (["enroll", "--token", "t", "--collector", "http://127.0.0.1:1"], 1, "does not answer"),
        (["enroll", "--token", "t", "--collector", "gopher://x"], 1, "not a URL"),
    ],
)
def test_errors_are_one_line_on_stderr_and_usage_is_two(arguments, code, message, tmp_path):
    state = ["--state", str(tmp_path / "s")] if arguments[:1] in (["enroll"], ["run"], ["status"]) else []
    done = command(*arguments, *state, STARPROOF_TOKEN="")
    assert done.returncode == code
    assert done.stdout == b""
    assert message in done.stderr.decode()
    if code == 1:
        assert len(done.stderr.decode().splitlines()) == 1


def test_help_shows_an_example_for_every_command(capsys):
    for name in ("sample", "enroll", "run", "status"):
        assert cli.main([name, "--help"], prog="starproof agent") == 0
        assert f"example: starproof agent {name}" in capsys.readouterr().out
    assert cli.main(["--help"]) == 0
    assert "example:" in capsys.readouterr().out


def test_starting_up_imports_nothing_heavy():
    program = (
        "import sys; import agent.cli; agent.cli._parser('x');"
        "print(sorted(m for m in ('nacl', 'json', 'http', 'ssl', 'psutil', 'tomllib', 'hashlib', 'evidence.chunk',"
        " 'prometheus_client', 'collector', 'sqlalchemy', 'logging') if m in sys.modules))"
    )
    # Measuring coverage of processes would import some of them itself.
    plain = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=plain, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == b"[]"


def test_python_m_agent_works():
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--help"],
        capture_output=True,
        env=environment(),
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0
