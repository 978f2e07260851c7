"""The console over a real store: in this process for rules, as a real service for a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

pytest.importorskip("argon2", reason="the console's extra is not installed")

from argon2 import PasswordHasher
from console_examples import MONTH
from console_world import ENTERPRISE, NOW, PASSWORD, Browser, Clock, Events
from processes import ROOT, environment

from collector.opening import open_store
from collector.settings import Settings
from config import EXAMPLES
from console.access.passwords import Passwords
from console.access.roles import Role
from console.app import application, create_console
from console.reading import snapshots
from starproof.cli import main as starproof

START_S = 30
SETUP = re.compile(r"(http\S+/setup\?link=\S+)")


@pytest.fixture(scope="session")
def passwords():
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(scope="session", autouse=True)
def patience():
    """A loaded machine computes the small example for longer than a person waits; the tests wait."""
    kept, snapshots.PATIENCE_S = snapshots.PATIENCE_S, 60.0
    yield
    snapshots.PATIENCE_S = kept


@pytest.fixture(scope="session")
def seeded(tmp_path_factory):
    """A store with the example month from real traces, its scope declared, and a host with a hostile name."""
    folder = tmp_path_factory.mktemp("seeded")
    given, db = EXAMPLES / "month", f"sqlite:///{folder / 'starproof.db'}"
    hostile = folder / "hostile.csv"
    hostile.write_text(
        "host,timestamp,metric,value\n"
        + "".join(f"<script>alert(1)</script>,{MONTH}-01T{hour:02}:00,net.rx,1\n" for hour in range(24)),
        encoding="utf-8",
    )
    for file, period in (
        (given / "cpu.csv", 300),
        (given / "traffic.csv", 3600),
        (given / "disks.csv", 3600),
        (hostile, 3600),
    ):
        assert (
            starproof(
                ["import", "csv", str(file), "--period", str(period), "--enterprise", ENTERPRISE, "--db", db]
            )
            == 0
        )
    assert starproof(["scope", "declare", str(given / "scope.toml"), "--db", db]) == 0
    assert starproof(["ledger", "import", str(given / "ledger.csv"), "--db", db]) == 0
    return folder


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def events():
    return Events()


def _console(url, *, clock, events, passwords, settings=None):
    opened = open_store(url, enterprise=ENTERPRISE, now_ms=NOW)
    made = create_console(
        opened,
        settings=settings or Settings(),
        url="http://console.test",
        clock=clock,
        log=events,
        passwords=passwords,
    )
    return opened, made


@pytest.fixture
def console(url, clock, events, passwords):
    """A console over an empty store."""
    opened, made = _console(url, clock=clock, events=events, passwords=passwords)
    yield made
    made.jobs.close()
    made.snapshots.close()
    opened.store.close()


@pytest.fixture
def secure_console(url, clock, events, passwords):
    """A console that people reach by TLS."""
    settings = Settings(public_url="https://star.example")
    opened, made = _console(url, clock=clock, events=events, passwords=passwords, settings=settings)
    yield made
    made.jobs.close()
    made.snapshots.close()
    opened.store.close()


@pytest.fixture
def visitor(console):
    """Somebody who is not signed in."""
    return Browser(application(console))


@pytest.fixture
def administrator(console, visitor):
    secret = console.accounts.offer_setup(now_ms=NOW)
    console.accounts.set_up(secret, name="admin", password=PASSWORD, now_ms=NOW)
    assert visitor.sign_in("admin").status_code == 303
    return visitor


@pytest.fixture(scope="module")
def filled(seeded, tmp_path_factory, passwords):
    """A console over the example month with one account of every role; tests only read, or put back."""
    folder = tmp_path_factory.mktemp("filled")
    for file in seeded.iterdir():
        shutil.copy(file, folder)
    opened, made = _console(
        f"sqlite:///{folder / 'starproof.db'}", clock=Clock(), events=Events(), passwords=passwords
    )
    secret = made.accounts.offer_setup(now_ms=NOW)
    made.accounts.set_up(secret, name="administrator-1", password=PASSWORD, now_ms=NOW)
    for role in (Role.OPERATOR, Role.VIEWER, Role.REVIEWER):
        made.accounts.add(
            name=f"{role.value}-1", role=role.value, password=PASSWORD, actor="test", now_ms=NOW
        )
    yield made
    made.jobs.close()
    made.snapshots.close()
    opened.store.close()


@pytest.fixture(scope="module")
def signed_in(filled):
    """Return a browser of somebody of a role, ``None`` for nobody; one for each."""
    app, known = application(filled), {}

    def browser(role):
        if role not in known:
            known[role] = Browser(app)
            if role is not None:
                assert known[role].sign_in(f"{role.value}-1").status_code == 303
        return known[role]

    return browser


@dataclass
class Service:
    """A real collector with its console, in a process of its own."""

    url: str
    setup: str
    db: str
    process: subprocess.Popen


@pytest.fixture(scope="session")
def service(seeded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    for file in seeded.iterdir():
        shutil.copy(file, folder)
    with _serving(folder) as running:
        yield running


@pytest.fixture
def fresh_service(tmp_path):
    """A collector over an empty store, which nobody has set up."""
    settings = tmp_path / "collector.toml"
    settings.write_text(f'enterprise = "{ENTERPRISE}"\n', encoding="utf-8")
    with _serving(tmp_path, "--config", str(settings)) as running:
        yield running


@contextmanager
def _serving(folder, *options):
    db = f"sqlite:///{folder / 'starproof.db'}"
    process = subprocess.Popen(
        [sys.executable, "-m", "starproof", "serve", "--db", db, "--listen", "127.0.0.1:0", *options],
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    lines, listening = [], threading.Event()

    def read():
        for line in process.stderr:
            lines.append(line)
            if '"listening"' in line:
                listening.set()
        listening.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert listening.wait(START_S), lines
    found = SETUP.search("".join(lines))
    assert found, lines
    yield Service(found[1].partition("/setup")[0], found[1], db, process)
    process.terminate()
    # It must not wait for streams of events that a browser holds open.
    assert process.wait(timeout=START_S) == 0
    reader.join(timeout=10)
    process.stderr.close()


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def owner(chromium, service):
    """The saved cookies of the administrator, whom the setup link made in the browser."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(service.setup)
    page.fill("#f-name", "owner")
    page.fill("#f-password", PASSWORD)
    page.fill("#f-again", PASSWORD)
    page.click("main button.wide")
    page.wait_for_url(service.url + "/")
    for path in ("/figures/cpu_utilization", "/evidence"):  # what takes long the first time is made once
        page.goto(f"{service.url}{path}?month={MONTH}")
        page.locator("[data-again]").wait_for(state="detached", timeout=START_S * 1_000)
    state = context.storage_state()
    context.close()
    return state
