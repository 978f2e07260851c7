"""``starproof backup``: a folder from which a collector can be put in place again, readable by its owner alone."""

from __future__ import annotations

import hashlib
import json

import pytest

from collector.opening import open_store
from starproof.cli import main

NOW = 1_793_462_400_000


@pytest.fixture
def collector(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'c' / 'starproof.db'}", enterprise="甲公司", now_ms=NOW)
    opened.keyring.log_key()
    (tmp_path / "c" / "anchors.toml").write_text("")
    config = tmp_path / "collector.toml"
    config.write_text(f'enterprise = "甲公司"\ndb = "sqlite:///{tmp_path}/c/starproof.db"\n')
    yield tmp_path, config
    opened.store.close()


def test_a_backup_of_a_running_collector_is_whole_private_and_can_be_put_in_place(collector, capsys):
    folder, config = collector
    out = folder / "backup"
    assert main(["backup", "--out", str(out), "--config", str(config)]) == 0
    assert "私钥" in capsys.readouterr().out
    names = {"starproof.db", "log.key", "log.pub", "anchors.toml", "collector.toml"}
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == names
    for name, sha256 in sums.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == sha256
        assert (out / name).stat().st_mode & 0o077 == 0
    assert out.stat().st_mode & 0o077 == 0
    assert (
        main(
            ["doctor", "--role", "collector", "--db", f"sqlite:///{out}/starproof.db", "--offline", "--json"]
        )
        == 1
    )
    found = {one["topic"]: one["state"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert {found[topic] for topic in ("state", "keys", "store", "log")} == {"good"}


def test_nothing_is_overwritten_and_what_is_no_store_is_said(collector, capsys):
    folder, config = collector
    (folder / "there").mkdir()
    assert main(["backup", "--out", str(folder / "there"), "--config", str(config)]) == 1
    assert "exists" in capsys.readouterr().err
    assert main(["backup", "--out", str(folder / "new"), "--db", f"sqlite:///{folder}/gone.db"]) == 1
    assert "there is no store" in capsys.readouterr().err
    assert not (folder / "new").exists()
    assert main(["backup", "--out", str(folder / "ok"), "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "starproof/backup/1"
