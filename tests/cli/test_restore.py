"""``starproof restore``, and the commands of the runbook as they stand there, after a collector that was killed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from collector.opening import open_store
from collector.store import registry
from starproof.cli import main

NOW = 1_793_462_400_000
ROOT = Path(__file__).resolve().parents[2]
FILES = {"alerts.toml": "coverage_percent = 90\n", "anchors.toml": "", "sources.toml": "", "ca.pem": "x"}
_WRITE = """
import sys, time
from collector.opening import open_store
from collector.store import registry
opened = open_store(sys.argv[1])
for number in range(400):
    with opened.store.writing() as connection:
        registry.note(connection, now_ms=number, actor="after", action="X", detail="y" * 2000)
print("written", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(tmp_path):
    """A collector's directory reached by a link, as systemd has it, and its settings."""
    (tmp_path / "private").mkdir()
    opened = open_store(f"sqlite:///{tmp_path}/private/c/starproof.db", enterprise="甲公司", now_ms=NOW)
    opened.keyring.log_key()
    with opened.store.writing() as connection:
        registry.note(connection, now_ms=1, actor="before", action="X", detail="")
    opened.store.close()
    (tmp_path / "c").symlink_to(tmp_path / "private" / "c")
    for name, text in FILES.items():
        (tmp_path / "c" / name).write_text(text)
    (tmp_path / "c" / "hook.url").write_text("https://robot.example\n")
    (tmp_path / "collector.toml").write_text(f'db = "sqlite:///{tmp_path}/c/starproof.db"\n')
    return tmp_path


def runbook(place):
    """Return the words of the runbook's commands: the backup, and those of section 1, on this place."""
    text = (ROOT / "docs/runbook.md").read_text("utf-8")
    section = text[text.index("## 1.") : text.index("## 2.")]
    lines = re.findall(r"^    starproof (backup .*)$", text, re.MULTILINE)[:1]
    lines += re.findall(r"^    starproof (.*)$", section, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["backup", "restore", "doctor", "audit"]
    chinese = (ROOT / "docs/runbook.zh-CN.md").read_text("utf-8")
    assert all(f"    starproof {line}\n" in chinese for line in lines)
    put = {"CFG": str(place / "collector.toml"), "DB": f"sqlite:///{place}/c/starproof.db"}
    there = (re.sub(r"/backup/\S+", str(place / "b"), re.sub(r"\$\(.*?\)", "", line)) for line in lines)
    return [[put.get(word, word) for word in line.split()] for line in there]


def run(place, *words):
    return main([*words, "--config", str(place / "collector.toml")])


def killed_while_writing(place):
    """Write into the store and die, so that a write-ahead log is left."""
    script = [sys.executable, "-c", _WRITE, f"sqlite:///{place}/c/starproof.db"]
    process = subprocess.Popen(script, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stdout.readline() == b"written\n"
    return process


def actors(path):
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT actor FROM audit_trail")}


def contents(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


def test_the_runbooks_commands_bring_everything_back_beside_an_old_write_ahead_log(place, capsys):
    """Copying the store alone into the old directory gave a store that SQLite called malformed."""
    backup, restoring, doctor, audit = runbook(place)
    assert main(backup) == 0
    saved = contents(place / "b")
    assert saved.keys() >= {*FILES, "starproof.db", "log.key", "log.pub", "collector.toml", "SHA256SUMS"}
    process = killed_while_writing(place)
    assert main(restoring) == 1, "while it runs"
    assert "stop the collector first" in capsys.readouterr().err
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert (place / "c" / "starproof.db-wal").stat().st_size > 100_000
    for name in FILES:
        (place / "c" / name).unlink()
    (place / "c" / "log.key").write_text("lost")
    before = contents(place / "c")

    assert main(restoring) == 0
    printed = capsys.readouterr().out
    now = contents(place / "c")
    assert now.keys() == {*FILES, "starproof.db", "log.key", "log.pub", "hook.url"}
    for name in (*FILES, "log.key", "log.pub"):
        assert now[name] == saved[name], name
    for path in (place / "c").iterdir():
        assert path.stat().st_mode & 0o077 == 0 or path.name == "hook.url"
        assert path.stat().st_uid == (place / "c").stat().st_uid
    assert actors(place / "c" / "starproof.db") - {"collector"} == {"before"}
    (aside,) = (one for one in (place / "c").iterdir() if one.is_dir())
    assert str(aside) in printed
    assert {**contents(aside), "hook.url": before["hook.url"]} == before, "nothing is deleted"
    assert main(["db", "check", "--db", f"sqlite:///{place}/c/starproof.db"]) == 0
    assert main(audit) == 0
    assert "no difference" in capsys.readouterr().out
    main([*doctor, "--offline", "--lang", "en"])
    said = capsys.readouterr().out
    assert "its pages are sound" in said
    assert "whole: log" in said


def test_on_a_new_disk_the_settings_come_back_too_and_what_is_there_stays(place, capsys):
    elsewhere = place / "etc"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    shutil.move(place / "c" / "alerts.toml", elsewhere / "who.toml")
    config = place / "collector.toml"
    config.write_text(config.read_text() + f'alerts = "{elsewhere}/who.toml"\n')
    assert run(place, "backup", "--out", str(place / "b")) == 0
    shutil.rmtree(place / "private" / "c")
    (place / "private" / "c").mkdir()
    config.rename(place / "kept.toml")
    (elsewhere / "who.toml").unlink()
    capsys.readouterr()
    assert run(place, "restore", str(place / "b"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["replaced"], said["left"]) == ("starproof/restored/1", None, [])
    assert config.read_text() == (place / "kept.toml").read_text()
    assert (elsewhere / "who.toml").read_text() == FILES["alerts.toml"]
    for path in (config, elsewhere / "who.toml"):  # there the service's own user reads them
        assert path.stat().st_mode & 0o777 == path.parent.stat().st_mode & 0o644
    assert not (place / "c" / "alerts.toml").exists()
    (elsewhere / "who.toml").write_text("coverage_percent = 1\n")
    assert run(place, "restore", str(place / "b")) == 0
    assert f"left as it is: {elsewhere}/who.toml" in capsys.readouterr().out
    assert (elsewhere / "who.toml").read_text() == "coverage_percent = 1\n"
    shutil.rmtree(elsewhere)
    assert run(place, "restore", str(place / "b")) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert actors(place / "c" / "starproof.db") - {"collector"} == {"before"}, "nothing was moved aside"


def test_a_backup_that_is_not_whole_changes_nothing(place, capsys):
    assert run(place, "backup", "--out", str(place / "b")) == 0
    before = contents(place / "c")
    for spoil, words in (
        (lambda folder: (folder / "log.key").write_text("x"), "not as it was backed up"),
        (lambda folder: (folder / "log.pub").unlink(), "not a whole one"),
        (lambda folder: (folder / "SHA256SUMS").write_text("../x"), "not one that"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), "holds one store"),
        (shutil.rmtree, "no backup"),
        (damaged, "damaged"),
    ):
        other = place / "other"
        shutil.copytree(place / "b", other)
        spoil(other)
        capsys.readouterr()
        assert run(place, "restore", str(other)) == 1
        assert words in capsys.readouterr().err
        shutil.rmtree(other, ignore_errors=True)
        assert [one for one in (place / "c").iterdir() if one.is_dir()] == []
        assert contents(place / "c") == before
    assert main(["restore", str(place / "b"), "--db", "postgresql://h/d"]) == 1
    assert "another kind of database" in capsys.readouterr().err


def damaged(folder):
    """A page of the backup that the disk lost before it was summed up."""
    path = folder / "starproof.db"
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    path.write_bytes(data)
    sums = folder / "SHA256SUMS"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith("starproof.db")]
    sums.write_text("\n".join([*lines, f"{hashlib.sha256(data).hexdigest()}  starproof.db"]) + "\n")


def test_a_store_is_not_restored_beside_the_write_ahead_log_of_another(place, capsys):
    file = place / "copy.db"
    assert main(["db", "backup", str(file), "--db", f"sqlite:///{place}/c/starproof.db"]) == 0
    (place / "c" / "starproof.db").unlink()
    (place / "c" / "starproof.db-wal").write_bytes(b"old")
    assert main(["db", "restore", str(file), "--db", f"sqlite:///{place}/c/starproof.db"]) == 1
    assert "starproof.db-wal exists" in capsys.readouterr().err
