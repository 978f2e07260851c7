"""The file of account sources, and the two commands."""

from __future__ import annotations

import json
import stat

import pytest

from collector.accounts.errors import AccountsError
from collector.accounts.settings import read_settings
from collector.errors import CollectorError
from starproof.commands import account_key, accounts

SQL = 'alias = "oa"\nkind = "sql"\nurl = "{url}"\nquery = "SELECT account, day FROM logins"\n'


@pytest.fixture
def write(tmp_path, key_file):
    url = tmp_path / "oa.url"
    url.write_text("sqlite://\n")
    url.chmod(0o600)
    other = tmp_path / "app.secret"
    other.write_text("app-secret\n")
    other.chmod(0o600)

    def run(text, *, key=f"file:{key_file}"):
        path = tmp_path / "accounts.toml"
        filled = text.replace("{url}", f"file:{url}").replace("{secret}", f"file:{other}")
        path.write_text(f'key = "{key}"\n{filled}')
        return path

    return run


def test_a_file_names_its_sources(write):
    ding = '[[source]]\nalias = "d"\nkind = "dingtalk"\napp_key = "k"\nsecret = "{secret}"\n'
    found = read_settings(write('domains = ["corp"]\n[[source]]\n' + SQL + 'exclude = ["probe"]\n' + ding))
    assert list(found) == ["oa", "d"]
    assert found["oa"].telling.definition == "success/1"
    assert found["oa"].hashing.excluded == ("probe",)
    assert found["oa"].hashing.domains == ("corp",)
    assert found["d"].telling.definition == "attendance/1"
    assert found["d"].telling.origin == "钉钉 attendance"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'source' is missing"),
        ("source = 5\n", "list of tables"),
        ("[[source]]\nalias = 'a'\n", "kind must be one of"),
        ("[[source]]\n" + SQL + "colour = 1\n", "unknown key 'colour'"),
        ("[[source]]\n" + SQL + "app_key = 'x'\n", "unknown key 'app_key'"),
        ("[[source]]\n" + SQL.replace("alias", "#alias"), "'alias' is missing"),
        ("[[source]]\n" + SQL + "[[source]]\n" + SQL, "stands twice"),
        ("[[source]]\n" + SQL + "timeout_s = 0\n", "timeout_s must be"),
        ("[[source]]\n" + SQL + "exclude = 'probe'\n", "exclude must be a list"),
        ("[[source]]\n" + SQL + "definition = ''\n", "definition must be a text"),
        (
            "[[source]]\nalias='d'\nkind='dingtalk'\napp_key='k'\nsecret='{secret}'\naddress='http://a.b'\n",
            "unencrypted",
        ),
        ("= nothing", "not TOML"),
        ("[[source]]\n" + SQL.replace("{url}", "sqlite://"), "a credential is named by"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(write, text, message):
    with pytest.raises(CollectorError, match=message):
        read_settings(write(text))


def test_a_file_that_is_missing_or_too_large_is_told(tmp_path):
    with pytest.raises(AccountsError, match="cannot read"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(AccountsError, match="larger than"):
        read_settings(tmp_path / "big.toml")


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path, capsys):
    path = tmp_path / "account.key"
    assert account_key.main(["--out", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert len(bytes.fromhex(text.strip())) == 32
    assert text.strip() not in capsys.readouterr().out
    assert account_key.main(["--out", str(path)]) == 1
    assert "cannot make" in capsys.readouterr().err
    assert path.read_text() == text
    with pytest.raises(SystemExit):
        account_key.main([])


def test_the_command_reads_the_chosen_source(write, tmp_path, capsys):
    config = write(
        "[[source]]\n" + SQL.replace("FROM logins", "FROM (SELECT 'a' AS account, '2026-09-01' AS day)")
    )
    days = ["--from", "2026-09-01", "--to", "2026-09-02", "--db", f"sqlite:///{tmp_path / 's' / 'x.db'}"]
    assert accounts.main(["read", str(config), "--alias", "oa", *days]) == 0
    assert "不同账号" in capsys.readouterr().out
    assert accounts.main(["read", str(config), *days, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["sources"]
    assert (answer["accounts"], answer["chunks"], answer["attested"]) == (1, 1, "no")
    assert accounts.main(["read", str(config), "--alias", "hr", *days]) == 1
    assert "no source 'hr'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "days", [["--from", "2026-09-02", "--to", "2026-09-01"], ["--from", "yesterday", "--to", "2026-09-01"]]
)
def test_days_that_make_no_sense_are_refused(write, days, capsys):
    arguments = ["read", str(write("[[source]]\n" + SQL)), *days]
    try:
        status = accounts.main(arguments)
    except SystemExit as left:
        status = left.code
    assert status in (1, 2)
    assert "2026-" in capsys.readouterr().err
