"""No name of a person in any store, chunk, pack, log, answer or error: names are planted and looked for."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evidence.accounts import key_id, parse_key

ROOT = Path(__file__).resolve().parents[2]
PLANTED = ["Zhang.Planted", "李植入", "planted@corp.example", "CORP\\planted", "13800138000"]
SCOPE = """
schema = "starproof/scope/1"
enterprise = "甲公司"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
[window]
from = 2026-09-01
to = 2026-09-30
[head_counts]
cloud_users = 10
[users]
head_count = "cloud_users"
sources = ["oa/accounts", "crm/accounts"]
[[hosts]]
id = "web-1"
"""


class Bench:
    def __init__(self, folder: Path):
        self.folder = folder
        self.said: list[str] = []
        self.db = f"sqlite:///{folder / 'state' / 'starproof.db'}"

    def run(self, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "starproof", *map(str, arguments)],
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            check=False,
        )
        self.said.append(done.stdout.decode() + done.stderr.decode())
        assert done.returncode == status, self.said[-1]
        return done.stdout.decode()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def planted_database(folder: Path) -> Path:
    path = folder / "business.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE logins (account TEXT, day TEXT)")
        rows = [(name, f"2026-09-{number + 2:02}") for number, name in enumerate(PLANTED)]
        connection.executemany("INSERT INTO logins VALUES (?, ?)", rows)
    connection.close()
    url = folder / "oa.url"
    url.write_text(f"sqlite:///{path}\n")
    url.chmod(0o600)
    return url


def forms(name: str) -> list[bytes]:
    """A name as it might stand somewhere: as written, folded, escaped, in other encodings."""
    folded = name.casefold()
    escaped = json.dumps(name)[1:-1]
    return [text.encode(code) for text in {name, folded, escaped} for code in ("utf-8", "utf-16-le")] + [
        name.encode("gb18030")
    ]


def test_planted_names_are_nowhere(bench, tmp_path):
    key = tmp_path / "account.key"
    bench.run("account-key", "--out", key)
    url = planted_database(tmp_path)
    config = tmp_path / "accounts.toml"
    config.write_text(
        f'key = "file:{key}"\n[[source]]\nalias = "oa"\nkind = "sql"\nurl = "file:{url}"\nexclude = ["robot"]\n'
        'query = "SELECT account, day FROM logins WHERE day >= :first AND day < :after"\n'
    )
    table = tmp_path / "crm.csv"
    table.write_text("account,day\n" + "".join(f"{name},2026-09-20\n" for name in PLANTED))
    days = ("--from", "2026-09-01", "--to", "2026-09-30")
    bench.run("accounts", "read", config, *days, "--db", bench.db)
    said = bench.run(
        "accounts",
        "import",
        table,
        "--key",
        f"file:{key}",
        "--alias",
        "crm",
        *days,
        "--db",
        bench.db,
        "--json",
    )
    assert json.loads(said)["sources"][0]["accounts"] == len(PLANTED)
    # What goes wrong says where, never who.
    broken = tmp_path / "broken.csv"
    broken.write_text("account,day\n" + "".join(f"{name},no day\n" for name in PLANTED))
    bench.run(
        "accounts",
        "import",
        broken,
        "--key",
        f"file:{key}",
        "--alias",
        "crm",
        *days,
        "--db",
        bench.db,
        status=1,
    )
    config.write_text(config.read_text().replace("SELECT account", "SELECT missing, account"))
    bench.run("accounts", "read", config, *days, "--db", bench.db, status=1)
    scope = tmp_path / "scope.toml"
    scope.write_text(SCOPE.replace("甲公司", enterprise(bench)))
    month = ("--month", "2026-09", "--scope", scope, "--db", bench.db)
    verified = json.loads(bench.run("verify", *month, "--json"))
    rate = next(i for i in verified["figures"]["indicators"] if i["id"] == "monthly_user_rate")
    assert rate["detail"]["accounts"] == len(PLANTED)  # the same people from both sources
    pack = tmp_path / "month.zip"
    bench.run("pack", *month, "--out", pack)
    bench.run("check", pack, status=2)  # nobody gave the log key
    bench.run("audit", "--db", bench.db)
    look_for_names(bench, key, [tmp_path / "state", pack])


def enterprise(bench: Bench) -> str:
    with sqlite3.connect(bench.folder / "state" / "starproof.db") as connection:
        (name,) = connection.execute("SELECT value FROM meta WHERE key = 'enterprise'").fetchone()
    connection.close()
    return name


def look_for_names(bench: Bench, key: Path, places: list[Path]) -> None:
    haystacks = {"what was said": "\n".join(bench.said).encode()}
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file():
                haystacks[path.name] = path.read_bytes()
    with zipfile.ZipFile(places[-1]) as pack:
        haystacks |= {name: pack.read(name) for name in pack.namelist()}
    haystacks |= {f"inflated {name}": inflated(data) for name, data in list(haystacks.items())}
    assert any(name.endswith(".chunks") for name in haystacks)
    secret = key.read_text().strip()
    assert key_id(parse_key(secret)).encode() in haystacks["data/figures.json"]
    for where, data in haystacks.items():
        for name in PLANTED:
            assert not any(form in data for form in forms(name)), (where, name)
        assert secret.encode() not in data, where
        assert bytes.fromhex(secret) not in data, where


def inflated(data: bytes) -> bytes:
    """The columns and manifests of all chunks in it."""
    from evidence.chunk import take_frame
    from evidence.columns import inflate, unpack

    found, place = b"", data.find(b"SPC1")
    while place >= 0:
        frame, _ = take_frame(data, place)
        header = json.loads(frame.header)
        found += frame.header + inflate(frame.manifest, length=frame.manifest_bytes)
        found += unpack(frame.packed, rows=header["rows"], columns=header["columns"])
        place = data.find(b"SPC1", place + 4)
    return found


def test_the_test_would_see_a_name(bench, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "leak").write_bytes("李植入".encode())
    key = tmp_path / "account.key"
    bench.run("account-key", "--out", key)
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        archive.writestr("data/figures.json", key_id(parse_key(key.read_text())))
        archive.writestr("a.chunks", b"")
    with pytest.raises(AssertionError, match="leak"):
        look_for_names(bench, key, [state, pack])
