from __future__ import annotations

from pathlib import Path

import pytest
import tomllib

from collector import settings as module
from collector.errors import SettingsError
from collector.settings import Limits, Settings, key_directory, parse_listen, read_settings, state_directory
from collector.tls.settings import Tls

ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path, text):
    path = tmp_path / "collector.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_its_limits(tmp_path):
    path = write(tmp_path, 'enterprise = "甲公司"\nlisten = "[::1]:0"\n[limits]\nconnections = 9\n')
    assert read_settings(path) == Settings(
        enterprise="甲公司", listen="[::1]:0", limits=Limits(connections=9)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('enterprize = "x"', "unknown key 'enterprize'; did you mean 'enterprise'"),
        ("[limits]\nconections = 1", "limits.conections; did you mean 'connections'"),
        ('qq = "x"', "known are alerts, anchors, db, enterprise"),
        ("[limits]\nconnections = 0", "whole number from 1"),
        ("[limits]\nconnections = true", "whole number from 1"),
        ("limits = 3", "limits is a table"),
        ("db = 3", "db is a text"),
        ('db = ""', "db is a text"),
        ('enterprise = "a\\u0007"', "printable"),
        ('listen = "8440"', "not ADDR:PORT"),
        ('listen = "::1:8440"', "not ADDR:PORT"),
        ('listen = "h:99999"', "from 0 to 65535"),
        ('listen = "h:x"', "from 0 to 65535"),
        ("x", "not a TOML file"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, words):
    with pytest.raises(SettingsError) as error:
        read_settings(write(tmp_path, text))
    assert words in str(error.value)


def test_files_that_cannot_be_settings_are_explained(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="cannot read"):
        read_settings(tmp_path / "none.toml")
    path = write(tmp_path, "#" * 100)
    monkeypatch.setattr(module, "MAX_SETTINGS_BYTES", 99)
    with pytest.raises(SettingsError, match="larger"):
        read_settings(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not a TOML file"):
        read_settings(path)


def test_addresses_are_split(tmp_path):
    assert parse_listen("0.0.0.0:8440") == ("0.0.0.0", 8440)
    assert parse_listen("[::]:0") == ("::", 0)


def test_the_default_database_lies_in_the_state_directory(monkeypatch, tmp_path):
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    assert Settings().database_url == "sqlite:////var/lib/starproof/collector/starproof.db"
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_directory() == tmp_path / "starproof" / "collector"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_directory() == Path.home() / ".local" / "state" / "starproof" / "collector"


def test_keys_lie_beside_an_sqlite_file(tmp_path):
    assert key_directory(f"sqlite:///{tmp_path}/x.db") == tmp_path
    assert key_directory("postgresql://localhost/x") == state_directory()


def test_the_example_is_valid_and_every_key_is_documented():
    example = ROOT / "config" / "examples" / "collector.toml"
    assert read_settings(example).enterprise
    words = (ROOT / "docs" / "collector-config.md").read_text("utf-8")
    named = [*Settings.__dataclass_fields__, *Limits.__dataclass_fields__, *Tls.__dataclass_fields__]
    assert [key for key in named if f"`{key}`" not in words and key not in ("limits", "tls")] == []
    uncommented = example.read_text("utf-8").replace("\n# ", "\n")
    document = tomllib.loads(
        "\n".join(line for line in uncommented.splitlines() if "=" in line or "[" in line)
    )
    assert set(document) | {"limits"} == set(Settings.__dataclass_fields__)
    assert document["limits"] == vars(Limits())
    assert set(document["tls"]) == set(Tls.__dataclass_fields__)
