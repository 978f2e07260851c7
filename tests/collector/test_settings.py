from __future__ import annotations

from pathlib import Path

import pytest
import tomllib

from collector import settings as module
from collector.errors import SettingsError
from collector.oidc_settings import ROLES, Oidc, parse_oidc
from collector.settings import (
    Limits,
    Settings,
    key_directory,
    parse_listen,
    parse_settings,
    read_settings,
    state_directory,
)
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
    records = (Settings, Limits, Tls, Oidc)
    named = [key for record in records for key in record.__dataclass_fields__]
    tables = ("limits", "tls", "oidc", "roles")
    assert [key for key in named if f"`{key}`" not in words and key not in tables] == []
    uncommented = example.read_text("utf-8").replace("\n# ", "\n")
    document = tomllib.loads(
        "\n".join(line for line in uncommented.splitlines() if "=" in line or "[" in line)
    )
    assert set(document) | {"limits"} == set(Settings.__dataclass_fields__)
    assert document["limits"] == vars(Limits())
    assert set(document["tls"]) == set(Tls.__dataclass_fields__)
    assert set(document["oidc"]) == set(Oidc.__dataclass_fields__)
    found = parse_oidc(document["oidc"], "the example", public_url=document["public_url"])
    usual = Oidc(found.issuer, found.client_id)
    assert (found.name, found.scopes, found.roles_claim, found.name_claim) == (
        usual.name,
        usual.scopes,
        usual.roles_claim,
        usual.name_claim,
    )
    assert (found.algorithms, found.skew_s, tuple(found.roles)) == (usual.algorithms, usual.skew_s, ROLES)


SOME_OIDC = {"issuer": "https://id.example", "client_id": "x", "roles": {"viewer": ["staff"]}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"isuer": "x"}, "unknown key oidc.isuer; did you mean 'issuer'"),
        ({"issuer": None}, "oidc.issuer is missing"),
        ({"issuer": "http://id.example"}, "begins with https://"),
        ({"issuer": "https://id.example/?x"}, "is an address such as"),
        ({"issuer": "https://a@id.example"}, "is an address such as"),
        ({"issuer": "https://id.example:x"}, "is an address such as"),
        ({"client_id": 7}, "oidc.client_id is a text"),
        ({"algorithms": ["HS256"]}, "'HS256' is none of RS256"),
        ({"algorithms": ["none"]}, "'none' is none of RS256"),
        ({"algorithms": []}, "list of 1 to 64 texts"),
        ({"scopes": ["profile"]}, 'holds "openid"'),
        ({"skew_s": 301}, "whole number from 0 to 300"),
        ({"skew_s": True}, "whole number from 0 to 300"),
        ({"roles": None}, "oidc.roles is missing"),
        ({"roles": {}}, "oidc.roles is missing"),
        ({"roles": {"admin": ["x"]}}, "unknown key oidc.roles.admin"),
        ({"roles": {"viewer": "x"}}, "list of 1 to 64 texts"),
        ({"roles": {"viewer": ["x"], "operator": ["x"]}}, "names 'x' for viewer and for operator"),
    ],
)
def test_a_wrong_provider_is_named(change, words):
    table = {key: value for key, value in (SOME_OIDC | change).items() if value is not None}
    with pytest.raises(SettingsError) as error:
        parse_settings({"public_url": "https://star.example", "oidc": table}, where="test")
    assert words in str(error.value)


def test_a_provider_needs_an_address_to_come_back_to():
    for address in ({}, {"public_url": "http://star.example"}):
        with pytest.raises(SettingsError, match="public_url"):
            parse_settings({"oidc": SOME_OIDC, **address}, where="test")
    with pytest.raises(SettingsError, match="oidc is a table"):
        parse_settings({"oidc": 3}, where="test")
