from __future__ import annotations

import pytest

from collector.errors import SettingsError
from collector.polling import accounts
from collector.polling.accounts import Account, find, parse_accounts, read_accounts
from collector.polling.adding import add, entry

FULL = """
[[sources]]
alias = "main"
provider = "aliyun"
regions = ["cn-hangzhou"]
credential = "file:/etc/starproof/aliyun.key"
metrics = ["cpu.utilization"]
period_s = 300
every_s = 900
backfill_days = 30
instances = "mapped"
bills = false
[sources.hosts]
i-1 = "erp-1"
[sources.settings]
key_id = "LTAI"
nested = { deep = 1 }
"""


def parse(text):
    return parse_accounts(text, where="sources.toml")


def with_line(line, *, alias="main"):
    return parse(f'[[sources]]\nalias = "{alias}"\nprovider = "aws"\n{line}\n')


def test_every_key_is_read():
    (account,) = parse(FULL)
    assert account == Account(
        alias="main",
        provider="aliyun",
        regions=("cn-hangzhou",),
        credential="file:/etc/starproof/aliyun.key",
        metrics=("cpu.utilization",),
        period_ms=300_000,
        every_ms=900_000,
        backfill_days=30,
        only_mapped=True,
        bills=False,
        hosts={"i-1": "erp-1"},
        settings={"key_id": "LTAI", "nested": {"deep": 1}},
    )
    assert account.opened_with == {
        "key_id": "LTAI",
        "nested": {"deep": 1},
        "regions": ["cn-hangzhou"],
        "secret": "file:/etc/starproof/aliyun.key",
    }


def test_defaults_are_those_of_the_documentation():
    (account,) = parse('[[sources]]\nalias = "m"\nprovider = "prometheus"\n')
    assert account == Account(alias="m", provider="prometheus")
    assert (account.every_ms, account.opened_with) == (3_600_000, {})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("perod_s = 300", "unknown key 'perod_s'; did you mean 'period_s'?"),
        ("period_s = 0", "period_s is a whole number from 1 to 86400"),
        ("period_s = true", "period_s is a whole number"),
        ("every_s = 59", "every_s is a whole number from 60"),
        ("backfill_days = -1", "backfill_days is a whole number from 0"),
        ('metrics = ["cpu"]', "there is no metric 'cpu'"),
        ('metrics = ["cpu.utilization", "cpu.utilization"]', "metrics names something twice"),
        ('regions = "cn-hangzhou"', "regions is a list of texts"),
        ('regions = [""]', "regions is a list of texts"),
        ('instances = "some"', "instances is one of all, mapped"),
        ('instances = "mapped"', "needs a table [sources.hosts]"),
        ('bills = "no"', "bills is true or false"),
        ("hosts = 1", "hosts is a table"),
        ('hosts = { i-1 = "" }', "is not an instance id with a host name"),
        ('hosts = { i-1 = "a", i-2 = "a" }', "i-1 and i-2 are both mapped to the host 'a'"),
        ("settings = 1", "settings is a table"),
        ('settings = { regions = ["x"] }', "write regions beside alias"),
        ('settings = { secret = "env:X" }', "write credential beside alias"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(line, words):
    with pytest.raises(SettingsError) as caught:
        with_line(line)
    assert words in str(caught.value)
    assert str(caught.value).startswith("sources.toml: source 1 (main)")


@pytest.mark.parametrize(
    "text",
    [
        '[[sources]]\nprovider = "aws"\n',
        '[[sources]]\nalias = "Main"\nprovider = "aws"\n',
        '[[sources]]\nalias = "a"\n',
        '[[sources]]\nalias = "a"\nprovider = "agent"\n',
        '[[sources]]\nalias = "a"\nprovider = "import"\n',
        '[[sources]]\nalias = "a"\nprovider = "A-B"\n',
    ],
)
def test_alias_and_provider_are_needed_and_well_formed(text):
    with pytest.raises(SettingsError, match="is needed"):
        parse(text)


@pytest.mark.parametrize(
    "line",
    [
        'credential = "hunter2-planted"',
        'settings = { token = "hunter2-planted" }',
        'settings = { Password = "hunter2-planted" }',
        'settings = { client_secret = "hunter2-planted" }',
        'settings = { deep = { api_key = "hunter2-planted" } }',
        'settings = { bearer = "hunter2-planted" }',
        'settings = { value = "hunter2-planted" }',
        "settings = { password = 1234567 }",
        'credential = "file:relative-hunter2-planted"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(line):
    with pytest.raises(SettingsError, match="the secret itself is not written here") as caught:
        with_line(line)
    assert "planted" not in str(caught.value)
    assert "1234567" not in str(caught.value)


@pytest.mark.parametrize("reference", ["file:/x", "env:X", "systemd:x"])
def test_references_are_taken_in_the_settings_too(reference):
    (account,) = with_line(f'settings = {{ token = "{reference}" }}')
    assert account.settings["token"] == reference


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources = 1", "table [[sources]]"),
        ("sources = [1]", "table [[sources]]"),
        ("[source]", "unknown key 'source'"),
        ("[[sources]", "is not a TOML file"),
        ('[[sources]]\nalias="a"\nprovider="aws"\n' * 2, "the alias 'a' stands twice"),
        (
            """
            [[sources]]
            alias = "a"
            provider = "aws"
            hosts = { i-1 = "x" }
            [[sources]]
            alias = "b"
            provider = "aws"
            hosts = { i-2 = "x" }
            """,
            "i-1 and i-2 (aws) are both mapped to the host 'x'",
        ),
    ],
)
def test_a_wrong_file_is_refused(text, words):
    with pytest.raises(SettingsError) as caught:
        parse(text)
    assert words in str(caught.value)


def test_two_providers_may_know_the_same_host():
    text = (
        '[[sources]]\nalias="a"\nprovider="aws"\nhosts={i-1="x"}\n'
        '[[sources]]\nalias="b"\nprovider="zabbix"\nhosts={9="x"}\n'
    )
    assert len(parse(text)) == 2


def test_too_many_accounts_are_refused(monkeypatch):
    monkeypatch.setattr(accounts, "MAX_ACCOUNTS", 1)
    with pytest.raises(SettingsError, match="2 sources, at most 1"):
        parse('[[sources]]\nalias="a"\nprovider="aws"\n[[sources]]\nalias="b"\nprovider="aws"\n')


def test_no_file_is_no_accounts(tmp_path):
    assert read_accounts(tmp_path / "none.toml") == ()


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="cannot read"):
        read_accounts(tmp_path)
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_accounts(path)
    monkeypatch.setattr(accounts, "MAX_FILE_BYTES", 0)
    with pytest.raises(SettingsError, match="is larger than"):
        read_accounts(path)


def test_an_account_is_found_by_its_alias():
    found = parse(FULL)
    assert find(found, "main") is found[0]
    with pytest.raises(SettingsError, match="there is no source 'man'; did you mean 'main'"):
        find(found, "man")
    with pytest.raises(SettingsError, match="no source is configured yet"):
        find((), "main")


def test_an_added_account_is_read_back_as_it_was_and_all_before_it_stays(tmp_path):
    path = tmp_path / "new" / "sources.toml"
    (full,) = parse(FULL.replace("nested = { deep = 1 }", "numbers = [1, 2]"))
    odd = Account(
        "odd",
        "prometheus",
        hosts={'q"uo=te.d': "主机 1"},
        settings={"url": "https://x/\\y", "tags": [{"tag": "应用", "n": 1}]},
    )
    add(path, full)
    before = path.read_text()
    add(path, odd)
    assert path.read_text().startswith(before)
    assert read_accounts(path) == (full, odd)
    assert path.stat().st_mode & 0o777 == 0o600


def test_comments_of_the_file_stay_even_without_a_last_line_end(tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text("# 我们的云账号")
    path.chmod(0o640)
    add(path, Account("a", "aws"))
    assert path.read_text().startswith("# 我们的云账号\n\n[[sources]]\n")
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_alias_that_is_there_is_not_added_again(tmp_path):
    path = tmp_path / "sources.toml"
    add(path, Account("a", "aws"))
    before = path.read_text()
    with pytest.raises(SettingsError, match="stands twice"):
        add(path, Account("a", "aliyun"))
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["sources.toml"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"cannot (read|write)"):
        add(tmp_path / "file" / "sources.toml", Account("a", "aws"))


def test_what_is_left_to_its_default_is_left_out():
    assert entry(Account("a", "aws")) == '[[sources]]\nalias = "a"\nprovider = "aws"\nevery_s = 3600\n'
