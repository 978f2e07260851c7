"""The configuration file and its mistakes."""

import re
from pathlib import Path

import pytest

from agent import config
from agent.config import KEYS, listen, load, parse
from agent.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_without_a_file_the_defaults_hold(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "DEFAULT_PATH", str(tmp_path / "none.toml"))
    settings = load(None)
    assert (settings.interval_s, settings.seal_s, settings.spool_max_mib) == (60, 600, 1024)
    assert settings.metrics_listen == ""
    assert settings.collector is None


def test_the_default_file_is_read_if_it_is_there(monkeypatch, tmp_path):
    (tmp_path / "agent.toml").write_bytes(b"\xef\xbb\xbfinterval_s = 5\n[devices]\nnics_include = ['eth0']\n")
    monkeypatch.setattr(config, "DEFAULT_PATH", str(tmp_path / "agent.toml"))
    settings = load(None, seal_s=30, state=None)
    assert (settings.interval_s, settings.seal_s) == (5, 30)
    assert settings.devices()["nics_include"] == ("eth0",)


def test_options_win_over_the_file(tmp_path):
    (tmp_path / "a.toml").write_text('interval_s = 5\ncollector = "http://a"')
    settings = load(str(tmp_path / "a.toml"), interval_s=7, collector="http://b")
    assert (settings.interval_s, settings.collector) == (7, "http://b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nintervall_s = 5", r"agent.toml line 2: unknown key intervall_s; did you mean interval_s\?"),
        (
            "[devices]\n\nnic_include = []",
            r"line 3: unknown key devices.nic_include; did you mean devices.nics_include\?",
        ),
        ("[spol]\nmax_mib = 5", r"line 2: unknown key spol.max_mib; did you mean spool.max_mib\?"),
        ("max_mib = 5", r"did you mean spool.max_mib\?"),
        ("spool.max_mb = 5", r"line 1: unknown key spool.max_mb; did you mean spool.max_mib\?"),
        ("zzz = 5", "known keys: collector, state"),
        ("devices = 5", "unknown key devices"),
        ("[unheard]", "line 1: unknown key unheard"),
    ],
)
def test_an_unknown_key_is_refused_with_its_place_and_the_nearest_name(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text, where="agent.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('interval_s = "60"', "line 1: interval_s must be whole seconds, not '60'"),
        ("interval_s = 1.5", "whole seconds"),
        ("interval_s = true", "whole seconds"),
        ("interval_s = 0", "write whole seconds from 1 to 86400"),
        ("seal_s = 86401", "from 1 to 86400"),
        ("collector = 5", "URL such as"),
        (
            '[devices]\nnics_include = "eth0"',
            'line 2: devices.nics_include must be a list of names such as \\["eth0"\\]',
        ),
        ("[devices]\ndisks_exclude = [1]", "list of names"),
        ("[metrics]\nallow_remote = 1", "true or false"),
        ('log_level = "loud"', "log_level must be"),
        ("interval_s = ", "not TOML"),
        ("a = 1\na = 2", "not TOML"),
    ],
)
def test_a_wrong_value_says_what_to_write(text, message):
    with pytest.raises(ConfigError, match=message):
        parse(text, where="agent.toml")


def test_a_wrong_option_names_the_option():
    with pytest.raises(ConfigError, match="--interval: interval_s is 0"):
        parse("", where="", interval_s=0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:9105", ("127.0.0.1", 9105)), ("[::1]:1", ("::1", 1)), ("localhost:80", ("localhost", 80))],
)
def test_metrics_may_listen_on_loopback(address, expected):
    assert listen(parse(f'[metrics]\nlisten = "{address}"', where="f")) == expected


@pytest.mark.parametrize(
    "address", ["9105", ":9105", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:²"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match=r"metrics\.listen must be"):
        parse(f'[metrics]\nlisten = "{address}"', where="f")


def test_metrics_are_for_this_host_only_unless_allowed():
    with pytest.raises(ConfigError, match="allow_remote"):
        parse('[metrics]\nlisten = "0.0.0.0:9105"', where="f")
    assert listen(parse('[metrics]\nlisten = "0.0.0.0:9105"\nallow_remote = true', where="f")) == (
        "0.0.0.0",
        9105,
    )


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"#" * (config.MAX_CONFIG_BYTES + 1)], ids=["not-utf-8", "too-long"]
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "agent.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"not UTF-8|longer than"):
        load(str(tmp_path / "agent.toml"))


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(tmp_path / "none.toml"))


def test_the_example_names_every_key_and_its_default():
    text = (ROOT / "config/examples/agent.toml").read_text(encoding="utf-8")
    parse(text, where="agent.toml")
    uncommented = re.sub(r"(?m)^#(?=[a-z_]+ = )", "", text)
    parsed = parse(uncommented, where="agent.toml")
    named = {}
    for name, value in config.toml_of(uncommented, "").items():
        named.update(
            {f"{name}.{key}": item for key, item in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    assert named.keys() == KEYS.keys()
    for name, key in KEYS.items():
        if type(key.default) in (int, bool):
            assert getattr(parsed, name.replace(".", "_")) == key.default, name


def test_the_document_explains_every_key():
    text = (ROOT / "docs/agent-config.md").read_text(encoding="utf-8")
    for name in KEYS:
        assert f"`{name}`" in text
