"""The configuration: every key documented, every mistake named."""

from datetime import date
from pathlib import Path

import pytest
from login_logs import KEY, settings

from agent.errors import ConfigError
from agent.logins.config import KEYS, LOG_KEYS, load, parse
from agent.logins.run import account_key

ROOT = Path(__file__).resolve().parents[3]
LOG = '[[logs]]\nname = "web"\nformat = "combined"\ndefinition = "client-address/1"\npaths = ["a"]\n'


def test_the_example_is_valid():
    chosen = load(str(ROOT / "config" / "examples" / "logins.toml"))
    assert [log.name for log in chosen.logs] == ["web", "ssh"]
    assert chosen.logs[1].definition == "login-success/1"
    assert chosen.logs[0].rotated == ("/var/log/nginx/access.log.*", "/var/log/nginx/access.log-*")


@pytest.mark.parametrize("written", ["2026-11-01", '"2026-11-01"'])
def test_the_first_day_is_a_bare_date_or_a_text(written):
    assert parse(f"since = {written}\n{LOG}", where="x").since_day == date(2026, 11, 1).toordinal()


@pytest.mark.parametrize("name", ["logins.md", "logins.zh-CN.md"])
def test_every_key_is_explained(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for key in (*KEYS, *LOG_KEYS):
        assert f"`{key}`" in text, key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "tables \\[\\[logs\\]\\]"),
        ("logs = [1]", "write a table"),
        ("pol_s = 3\n" + LOG, "did you mean poll_s"),
        (LOG + "zzz = 3", "known keys"),
        (LOG + LOG, "same name"),
        (LOG.replace("web", "W W"), "name must be"),
        (LOG.replace("combined", "apache"), "format must be"),
        (LOG.replace("client-address/1", "login-success/1"), "definition must be one of"),
        (LOG.replace('paths = ["a"]', ""), "paths must be"),
        (LOG + 'encoding = "x-none"', "encoding must be"),
        (LOG + 'timezone = "Mars"', "time zone"),
        ('since = "soon"\n' + LOG, "since must be"),
        ("since = 2026-11-01T08:00:00\n" + LOG, "since must be"),
        ("since = 2026\n" + LOG, "since must be"),
        ('exclude = ["a|b"]\n' + LOG, "excluded name"),
        ('log_level = "loud"\n' + LOG, "log_level must be"),
        ("seal_s = 1\n" + LOG, "shorter than poll_s"),
        (LOG.replace("combined", "json"), "account and time"),
        (LOG.replace("combined", "pattern") + "pattern = '('", "no regular expression"),
        (LOG.replace("combined", "pattern") + "pattern = 'x'", "groups"),
        (
            LOG.replace("combined", "json").replace("client-address/1", "login-success/1")
            + 'account = "u"\ntime = "t"\nstatus = "s"',
            "successful login",
        ),
        (LOG.replace("combined", "json") + 'account = "u"\ntime = "t"\nsuccess = ["s"]', "every status"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(ConfigError, match=message):
        settings(text)


def test_the_account_key_is_private_and_a_key(tmp_path):
    path = tmp_path / "account-key"
    chosen = settings(LOG)
    with pytest.raises(ConfigError, match="no account key"):
        account_key(chosen, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        account_key(chosen, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    path.write_text(KEY.hex())
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        account_key(chosen, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    path.chmod(0o600)
    assert account_key(chosen, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == KEY
    path.write_text("ann")
    with pytest.raises(ConfigError, match="hex digits"):
        account_key(settings(f'account_key = "{path}"\n' + LOG), {})
