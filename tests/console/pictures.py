"""Makes the pictures of docs/console.md: ``python -m tests.console.pictures [NAME ...]``.

A console over the example month in this process, with a clock that stands still, in Debian's Chromium. Files are WebP in
``docs/console/``, each at most ``MOST_BYTES``, all together at most ``MOST_BYTES_IN_ALL``.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS), str(Path(__file__).parent)]

import tomllib  # noqa: E402 - the tests' modules are on the path only now
import uvicorn  # noqa: E402 - the same
from console_world import ENTERPRISE, PASSWORD, Clock, Events  # noqa: E402 - the same
from PIL import Image  # noqa: E402 - the same
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - the same
from processes import free_port, starproof  # noqa: E402 - the same
from sqlalchemy import Connection  # noqa: E402 - the same

from collector.oidc_settings import Oidc  # noqa: E402 - the same
from collector.opening import open_store  # noqa: E402 - the same
from collector.settings import Settings  # noqa: E402 - the same
from collector.sources.interface import METRICS, Instance  # noqa: E402 - the same
from collector.store import inventories, polls, profiles  # noqa: E402 - the same
from config import EXAMPLES  # noqa: E402 - the same
from console.app import application, create_console  # noqa: E402 - the same

OUT = TESTS.parent / "docs" / "console"
MOST_BYTES = 60 * 1024
MOST_BYTES_IN_ALL = 1200 * 1024
MONTH = "2026-10"
GIVEN = EXAMPLES / "month"
WIDE, NARROW = 1440, 390
MOST_HEIGHT = {WIDE: 1500, NARROW: 1400}
"""In pixels of the page; what is below is not shown."""
SHOWN = 1080
"""Width in the document of a wide page."""
QUALITIES = (72, 64, 56, 48, 40, 32, 24)
SHANGHAI = ZoneInfo("Asia/Shanghai")
IN_THE_MONTH = datetime(2026, 10, 26, 9, 30, tzinfo=SHANGHAI)
AFTER_IT = datetime.now(tz=SHANGHAI).replace(second=0, microsecond=0) + timedelta(minutes=10)
"""Everything in the store but the readings is stamped by this machine's clock while the store is filled."""
APPEARS_MS = 60_000
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Picture:
    """One picture. ``begun``: what to do on the page before it is taken."""

    name: str
    path: str
    width: int = WIDE
    language: str = "zh"
    scheme: str = "light"
    now: datetime = AFTER_IT


KEY = {
    "overview": ("/", IN_THE_MONTH),
    "host": (f"/hosts/4?month={MONTH}", AFTER_IT),
    "apply": (f"/apply?month={MONTH}", AFTER_IT),
    "check": ("check", AFTER_IT),
}
"""Pages that are shown also on a phone, in English and in dark."""
OTHERS = {
    "figures": f"/figures?month={MONTH}",
    "figure": f"/figures/cpu_utilization?month={MONTH}",
    "hosts": f"/hosts?month={MONTH}",
    "coverage": f"/coverage?month={MONTH}",
    "day": f"/coverage/{MONTH}-14",
    "sources": "/sources",
    "users": f"/users?month={MONTH}",
    "ledger": "/ledger",
    "profile": "/apply/profile",
    "rows": "/apply/rows",
    "declared": "/apply/figures",
    "documents": "/apply/documents",
    "scope": "/apply/scope",
    "evidence": "/evidence",
    "verify": "/evidence/verify",
    "people": "/people",
    "tokens": "/tokens",
    "settings": "/settings",
    "backup": "/settings/backup",
    "account": "/account",
    "login": "/login",
}
PICTURES = (
    *(Picture(name, path, now=now) for name, (path, now) in KEY.items()),
    *(Picture(f"{name}-phone", path, NARROW, now=now) for name, (path, now) in KEY.items()),
    *(Picture(f"{name}-en", path, language="en", now=now) for name, (path, now) in KEY.items()),
    *(Picture(f"{name}-dark", path, scheme="dark", now=now) for name, (path, now) in KEY.items()),
    *(Picture(name, path) for name, path in OTHERS.items()),
)


def seed(folder: Path) -> None:
    """Fill a store with the example month: readings, accounts, ledger, scope, profile, a cloud account, a pack."""
    db = f"sqlite:///{folder / 'starproof.db'}"
    starproof("collector", "token", "--db", db, "--host", "web-3", code=None)
    for file, period in (("cpu.csv", 300), ("traffic.csv", 3600), ("disks.csv", 3600)):
        starproof("import", "csv", GIVEN / file, "--period", period, "--enterprise", ENTERPRISE, "--db", db)
    starproof("ledger", "import", GIVEN / "ledger.csv", "--db", db)
    key = folder / "account.key"
    starproof("account-key", "--out", key)
    starproof(
        "accounts", "import", GIVEN / "accounts.csv", "--alias", "portal", "--from", f"{MONTH}-01", "--to",
        f"{MONTH}-31", "--exclude", "probe", "--key", f"file:{key}", "--db", db,
    )  # fmt: skip
    starproof("scope", "declare", GIVEN / "scope.toml", "--db", db)
    starproof(
        "pack", "--month", MONTH, "--scope", GIVEN / "scope.toml", "--profile", GIVEN / "profile.toml", "--db", db,
        "--out", folder / f"{MONTH}.zip",
    )  # fmt: skip
    (folder / "sources.toml").write_text(
        '[[sources]]\nalias = "main"\nprovider = "aliyun"\nregions = ["cn-hangzhou"]\n'
        'credential = "file:/etc/starproof/aliyun.key"\n[sources.settings]\nkey_id = "LTAI5tEXAMPLE"\n',
        encoding="utf-8",
    )
    now_ms = _ms(AFTER_IT)
    opened = open_store(db, now_ms=now_ms)
    with opened.store.writing() as connection:
        file = (GIVEN / "profile.toml").read_bytes()
        for one in tomllib.loads(file.decode())["documents"]:
            profiles.keep_document(connection, (GIVEN / one["file"]).read_bytes())
        profiles.save(connection, file, by="李示例", now_ms=now_ms)
        _polled(connection, now_ms)
    opened.store.close()


def _polled(connection: Connection, now_ms: int) -> None:
    """Write what polling a cloud account leaves in the store; nobody is asked."""
    machines = [
        Instance(f"i-bp1example{n}", name, "cn-hangzhou", "Running", (), (), 4, ())
        for n, name in enumerate(("web-1", "web-2", "erp-1"))
    ]
    inventories.keep(connection, "main", "aliyun", machines, now_ms=now_ms)
    begun_ms = now_ms - now_ms % HOUR_MS - HOUR_MS
    for metric in METRICS:
        question = polls.Question(
            "main", "aliyun", polls.AVERAGES, metric, begun_ms - HOUR_MS, begun_ms, 300_000, len(machines), 3
        )
        number = polls.begin(connection, question, now_ms=begun_ms)
        polls.finish(
            connection, number, polls.Counts(points=36, sealed=36, chunks=1), now_ms=begun_ms + 2_000
        )
        polls.move_marks(connection, "main", metric, {machine.id: begun_ms for machine in machines})


@contextmanager
def console(folder: Path, now: datetime) -> Iterator[str]:
    """Serve a console whose clock stands still; give its address."""
    opened = open_store(f"sqlite:///{folder / 'starproof.db'}", now_ms=_ms(now))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = Settings(
        public_url="https://star.example.com",
        sources=str(folder / "sources.toml"),
        oidc=Oidc("https://id.example.com", "starproof", name="企业门户", roles={"viewer": ("staff",)}),
    )
    made = create_console(opened, settings=settings, url=url, clock=Clock(_ms(now)), log=Events())
    secret = made.accounts.offer_setup(now_ms=_ms(now))
    if secret is not None:
        made.accounts.set_up(secret, name="李示例", password=PASSWORD, now_ms=_ms(now))
        for name, role in (("张示例", "operator"), ("王示例", "viewer"), ("评审员甲", "reviewer")):
            made.accounts.add(name=name, role=role, password=PASSWORD, actor="李示例", now_ms=_ms(now))
        made.tokens.add(
            name="月报程序", scopes=["figures", "hosts"], days=90, actor="李示例", now_ms=_ms(now)
        )
    server = uvicorn.Server(uvicorn.Config(application(made), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield url
    finally:
        made.stopping.set()
        server.should_exit = True
        thread.join(timeout=30)
        made.jobs.close()
        made.checks.close()
        made.snapshots.close()
        opened.store.close()


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> bytes:
    """Return a picture."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": 900}, color_scheme=picture.scheme, device_scale_factor=1,
        reduced_motion="reduce",
        locale="zh-CN" if picture.language == "zh" else "en-GB",
    )  # fmt: skip
    context.add_cookies([{"name": "language", "value": picture.language, "url": url}])
    page = context.new_page()
    if picture.path != "/login":
        page.goto(f"{url}/login")
        page.fill("#f-name", "李示例")
        page.fill("#f-password", PASSWORD)
        page.click("main form button.wide")
        page.wait_for_url(f"{url}/")
    if picture.path == "check":
        _check(page, url, folder)
    else:
        page.goto(url + picture.path)
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": picture.width, "height": min(tall, MOST_HEIGHT[picture.width])})
    page.wait_for_timeout(300)
    shown = page.screenshot()
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert wide <= picture.width, f"{picture.name} is {wide} px wide"
    return _small(shown, picture.width)


def _check(page: Page, url: str, folder: Path) -> None:
    page.goto(f"{url}/evidence/verify")
    page.set_input_files("#f-pack", str(folder / f"{MONTH}.zip"))
    page.fill("#f-log_key", (folder / "log.pub").read_text("utf-8").split()[0])
    page.click("form[enctype] button")
    page.wait_for_url("**/evidence/checks/*")
    page.locator(".outcome .headline").wait_for(timeout=APPEARS_MS)


def _small(png: bytes, width: int) -> bytes:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    if width == WIDE:
        image = image.resize((SHOWN, image.height * SHOWN // WIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    for quality in QUALITIES:
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=6)
        if len(out.getvalue()) <= MOST_BYTES:
            break
    return out.getvalue()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def main(names: list[str]) -> None:
    """Make the named pictures, by default all."""
    wanted = [picture for picture in PICTURES if not names or picture.name in names]
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="starproof-") as place, sync_playwright() as driver:
        folder = Path(place)
        seed(folder)
        words = {"LANGUAGE": "zh_CN", "LANG": "zh_CN.UTF-8"}  # of the browser's own buttons and calendars
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--lang=zh-CN"],
            env={**os.environ, **words},
        )
        for now in (IN_THE_MONTH, AFTER_IT):
            mine = [picture for picture in wanted if picture.now == now]
            if not mine:
                continue
            with console(folder, now) as url:
                for picture in mine:
                    shown = take(browser, url, picture, folder)
                    assert len(shown) <= MOST_BYTES, (
                        f"{picture.name}: {len(shown)} bytes; show less of the page"
                    )
                    (OUT / f"{picture.name}.webp").write_bytes(shown)
        browser.close()
    whole = sum(file.stat().st_size for file in OUT.glob("*.webp"))
    assert whole <= MOST_BYTES_IN_ALL, f"{whole} bytes in all"
    print(f"{len(wanted)} pictures, {whole // 1024} KiB in {OUT}")  # noqa: T201 - a command


if __name__ == "__main__":
    main(sys.argv[1:])
