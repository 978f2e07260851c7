"""``starproof source`` on a cloud that does not exist."""

from __future__ import annotations

import json

import pytest
from polling_bench import SECRET
from sources.fake import DAY, HOUR, MINUTE, Fake, found, machine, plugins

from collector.opening import open_store, wall_clock_ms
from collector.sources.errors import AuthError, PermissionMissing
from collector.sources.interface import CPU, Probe, Retention
from collector.sources.prometheus.opening import open_source as open_prometheus
from collector.sources.registry import Broken, Plugins
from collector.store.locks import alone
from collector.store.registry import Identity
from starproof import cli
from starproof.commands import source


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setenv("FAKE_KEY", SECRET)
    return Fake(clock=wall_clock_ms, keeps=(Retention(5 * MINUTE, DAY), Retention(HOUR, 3 * DAY)))


@pytest.fixture
def run(fake, tmp_path, capsys):
    """Run the command; returns (status, stdout, stderr)."""
    url = f"sqlite:///{tmp_path / 'state' / 's.db'}"

    def go(*arguments, plugs=None):
        status = source.main([*arguments, "--db", url], plugins=plugs or plugins(fake))
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        return status, said.out, said.err

    go.url = url
    go.sources = tmp_path / "state" / "sources.toml"
    return go


@pytest.fixture
def added(run):
    assert run("add", "fake", "main", "--credential", "env:FAKE_KEY")[0] == 0
    return run


def test_add_writes_the_entry_and_says_what_to_do_next(run):
    status, out, _ = run(
        "add", "fake", "main", "--region", "east", "--credential", "env:FAKE_KEY",
        "--set", "key_id=LTAI=1", "--set", "keeps=30", "--set", "on=true", "--set", 'list=["a"]',
        "--set", 'text="7"', "--set", "broken=[1", "--set", "odd=[x]", "--host", "i-web-1=erp-1", "--metric", CPU,
        "--period", "300", "--every", "900", "--backfill-days", "2", "--no-bills", "--only-mapped",
    )  # fmt: skip
    assert status == 0
    assert "starproof source test main" in out
    from collector.polling.accounts import read_accounts

    (account,) = read_accounts(run.sources)
    assert account.settings == {
        "key_id": "LTAI=1", "keeps": 30, "on": True, "list": ["a"], "text": "7", "broken": "[1", "odd": "[x]",
    }  # fmt: skip
    assert (account.hosts, account.every_ms, account.bills) == ({"i-web-1": "erp-1"}, 900_000, False)


def test_the_settings_name_the_owner_of_a_new_store(added, run, tmp_path):
    """``list`` makes the store; a name that is missed then would stand in every chunk for ever."""
    settings = tmp_path / "collector.toml"
    settings.write_text('enterprise = "甲公司"\ntimezone = "Asia/Urumqi"\n')
    status, _, err = run("list", "--config", str(settings))
    assert (status, err) == (0, "")
    opened = open_store(run.url)
    assert opened.identity == Identity("甲公司", "Asia/Urumqi")
    opened.store.close()
    run("backfill", "main", "--config", str(settings))
    settings.write_text('enterprise = "乙公司"\n')
    status, _, err = run("backfill", "main", "--config", str(settings))
    assert status == 1
    assert "belongs to '甲公司'" in err


def test_an_unknown_retention_forgets_nothing(added, run, fake):
    fake.keeps = ()
    assert run("backfill", "main")[0] == 0
    _, out, _ = run("list", "--json")
    (metric,) = json.loads(out)["sources"][0]["metrics"]
    assert metric["mark_ms"] is not None
    assert metric["forgotten_in_days"] is None
    assert "forgotten" not in run("list")[1]


def test_a_period_that_is_not_kept_is_told_without_repeating_oneself(run):
    refused = run("add", "fake", "factory", "--credential", "env:FAKE_KEY", "--period", "77")
    assert refused[0] == 1
    assert "period_s is one of 300, 3600" in refused[2]
    assert not run.sources.exists()
    assert run("add", "fake", "factory", "--credential", "env:FAKE_KEY", "--period", "300")[0] == 0
    run.sources.write_text(run.sources.read_text().replace("period_s = 300", "period_s = 77"))
    _, out, _ = run("test", "factory")
    assert "source factory: period_s is one of 300, 3600" in out
    assert out.count("source factory:") == 1


def test_the_budget_is_told_though_a_probe_failed(added, run, fake):
    fake.probes = [Probe("query", True, "answers"), Probe("sampling", False, "samples are 120 s apart")]
    status, out, _ = run("test", "main", "--json")
    document = json.loads(out)
    assert (status, document["ok"], document["budget"]["instances"]) == (1, "no", 2)
    fake.inventory_faults = [AuthError("no")]
    assert [probe["what"] for probe in json.loads(run("test", "main", "--json")[1])["probes"]] == [
        "query",
        "sampling",
    ]


def test_nobody_is_asked_for_a_budget_where_nothing_works(added, run, fake):
    fake.probes = [Probe("query", False, "cannot connect")]
    fake.inventory_faults = [AuthError("never asked")]
    assert json.loads(run("test", "main", "--json")[1])["budget"] is None
    assert fake.inventory_faults


@pytest.mark.parametrize(
    "url", ["htp://x", "127.0.0.1:9090", "http://[::1", "https://x:99999", "https://x/?a=b"]
)
def test_an_address_that_is_none_is_not_added(run, url):
    plugs = Plugins({"prometheus": open_prometheus}, ())
    status, _, err = run("add", "prometheus", "main", "--set", f"url={url}", plugs=plugs)
    assert status == 1
    assert "the address of a source" in err
    assert not run.sources.exists()


@pytest.mark.parametrize("key", ["url", "proxy", "somewhere"])
def test_an_address_with_a_password_is_neither_added_nor_repeated(run, key):
    status, out, err = run(
        "add", "fake", "main", "--set", f"{key}=http://reader:{SECRET}@monitor.example.com"
    )
    assert (status, out) == (1, "")
    assert "is an address with a user or password in it" in err
    assert not run.sources.exists()


def test_a_credential_that_is_not_there_yet_can_be_named(run, tmp_path):
    plugs = Plugins({"prometheus": open_prometheus}, ())
    arguments = ("--set", "url=https://m.example", "--set", f"bearer=file:{tmp_path / 'not-yet'}")
    assert run("add", "prometheus", "main", *arguments, plugs=plugs)[0] == 0


def test_a_store_that_gets_a_placeholder_for_a_name_is_pointed_out(added, run):
    assert "未命名企业" in run("list")[2]
    assert "未命名企业" not in run("list")[2], "said once"


def test_what_to_do_next_repeats_where_everything_is(run, tmp_path):
    (tmp_path / "c.toml").write_text('enterprise = "甲公司"\n')
    _, out, _ = run("add", "fake", "main", "--config", str(tmp_path / "c.toml"))
    assert f"starproof source backfill main --db {run.url} --config {tmp_path / 'c.toml'}" in out


def test_add_takes_no_secret_and_does_not_repeat_it(run):
    for option in (
        ("--credential", SECRET),
        ("--set", f"token={SECRET}"),
        ("--set", SECRET),
        ("--host", SECRET.rstrip("=")),
    ):
        status, out, err = run("add", "fake", "main", *option)
        assert (status, out) == (1, "")
        assert err.startswith("starproof source: ")
    assert not run.sources.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fake", "main", "--every", "1"), "every_s is a whole number from 60"),
        (("fake", "Main"), "alias is needed"),
        (("nobody", "main"), "there is no source 'nobody'; there are fake"),
        (("fake", "main", "--set", "a=1", "--set", "a=2"), "--set a stands twice"),
        (("fake", "main", "--set", "=1"), "--set takes KEY=VALUE"),
    ],
)
def test_add_refuses_what_the_file_would(run, arguments, words):
    status, _, err = run("add", *arguments)
    assert status == 1
    assert words in err


def test_add_says_why_a_plugin_is_broken(run):
    broken = Plugins({}, (Broken("fake", "fakecloud", "the package x is not installed; install it"),))
    assert "fakecloud: the package x is not installed" in run("add", "fake", "main", plugs=broken)[2]
    assert "there are none" in run("add", "other", "main", plugs=broken)[2]


def test_add_answers_programs(run):
    document = json.loads(run("add", "fake", "main", "--json")[1])
    assert document == {"schema": "starproof/source-added/1", "alias": "main", "file": str(run.sources)}


def test_test_shows_what_works_and_the_budget(added, fake):
    fake.experimental = True
    status, out, _ = added("test", "main")
    assert status == 0
    assert "✓ inventory：2 instances" in out
    assert "call budget：实例 instances 2，指标 metrics 1" in out
    assert "experimental" in out
    assert fake.asked == []


def test_test_names_the_missing_permission_and_prints_the_policy(added, fake):
    fake.probes = [
        Probe("inventory", ok=True, detail="2"),
        Probe("averages", ok=False, detail="refused", permission_missing="fake:Read"),
    ]
    status, out, _ = added("test", "main")
    assert status == 1
    assert "✗ averages：refused\n      缺少权限 missing permission: fake:Read" in out
    assert out.rstrip().endswith(fake.policy())
    document = json.loads(added("test", "main", "--json")[1])
    assert (document["ok"], document["missing"], document["policy"]) == ("no", ["fake:Read"], fake.policy())
    assert document["budget"]["instances"] == 2, "what it would cost is told all the same"


def test_test_tells_a_fault_as_one_that_did_not_work(added, fake):
    fake.inventory_faults = [AuthError("wrong key")]
    status, out, _ = added("test", "main")
    assert status == 1
    assert "✗ budget：wrong key" in out
    fake.probe = lambda: (_ for _ in ()).throw(KeyError("oops"))
    assert "✗ probe" in added("test", "main")[1]


def test_test_ends_even_if_the_probes_do_not(added, fake, monkeypatch):
    monkeypatch.setattr("collector.polling.trial.MAX_PROBES", 3)
    fake.probes = [Probe(str(number), ok=True, detail="") for number in range(10)]
    assert added("test", "main")[1].count("✓") == 3


def test_test_warns_of_more_calls_than_are_free(added, monkeypatch):
    monkeypatch.setitem(__import__("collector.polling.budget").polling.budget.FREE_CALLS, "fake", 10)
    assert "more than is free" in added("test", "main")[1]


def test_an_unknown_alias_is_named(added):
    assert "there is no source 'man'; did you mean 'main'" in added("test", "man")[2]


def test_list_without_sources_says_how_to_add_one(run):
    assert "starproof source add" in run("list")[1]


def test_list_warns_while_nothing_is_read(added):
    out = added("list")[1]
    assert "the provider is forgetting history: back-fill now" in out
    assert "never polled" in out
    assert "call budget not known yet" in out


def test_list_shows_marks_last_poll_budget_and_when_history_is_forgotten(added):
    assert added("backfill", "main")[0] == 0
    out = added("list")[1]
    assert "main（fake）：实例 instances 2" in out
    assert "read until 20" in out
    assert "⚠ 未采部分 2 天后被丢弃 / unread history is forgotten in 2 days" in out
    assert "成功 ok" in out
    assert "call budget" in out
    document = json.loads(added("list", "--json")[1])
    (one,) = document["sources"]
    assert (one["instances"], one["last"]["outcome"], one["problems"]) == (2, "OK", [])
    assert one["metrics"][0]["forgotten_in_days"] == 2
    assert one["points"] == one["sealed"] > 0


def test_list_does_not_warn_of_what_is_kept_for_long_or_for_an_unknown_time(added, fake):
    fake.keeps = ()
    added("backfill", "main")
    assert "93" not in added("list")[1]
    fake.keeps = (Retention(HOUR, 455 * DAY),)
    out = added("list")[1]
    assert "；未采部分 454 天后" in out


def retention_refused():
    raise AuthError("wrong key, asked again")


def test_list_shows_a_failure_once_with_when_it_is_tried_again(added, fake, monkeypatch):
    fake.faults = [AuthError("wrong key")]
    status, out, _ = added("backfill", "main")
    assert status == 1
    assert "run it again to go on from here" in out
    out = added("list")[1]
    assert "失败 failed SOURCE_AUTH" in out
    assert "next try 20" in out
    assert out.count("wrong key") == 1
    assert "✗ wrong key" in out
    monkeypatch.setattr(fake, "retention", retention_refused)
    assert added("list")[1].count("wrong key") == 1


def test_list_shows_why_the_list_of_machines_cannot_be_read(added, fake):
    missing = PermissionMissing("DescribeInstances is not granted", permission="DescribeInstances")
    fake.inventory_faults = [missing]
    added("backfill", "main")
    out = added("list")[1]
    assert "never polled" not in out
    assert "失败 failed SOURCE_PERMISSION" in out
    assert out.count("✗ 实例清单 list of machines: DescribeInstances is not granted") == 1
    assert out.count("DescribeInstances") == 1
    fake.inventory_faults = []
    added("backfill", "main")
    assert "✗" not in added("list")[1]
    fake.inventory_faults = [missing]
    added("backfill", "main")
    out = added("list")[1]
    assert "成功 ok" in out, "what is known of the machines is still read"
    assert "✗ 实例清单 list of machines: DescribeInstances is not granted" in out


def test_list_shows_why_a_source_cannot_be_opened(added, monkeypatch):
    monkeypatch.delenv("FAKE_KEY")
    out = added("list")[1]
    assert "✗ there is no environment variable FAKE_KEY" in out
    assert CPU in out


def test_list_shows_rivals_for_one_host(added, fake):
    fake.instances = [machine("web-1"), machine("web-1", id="i-2")]
    assert added("backfill", "main")[0] == 1
    assert "would all be the host 'web-1'" in added("list")[1]


def test_backfill_shows_the_budget_first_and_what_became_of_the_points(added):
    status, out, err = added("backfill", "main")
    assert status == 0
    assert "to catch up now" in err
    assert "新封存 newly sealed" in out
    document = json.loads(added("backfill", "main", "--json")[1])
    assert (document["sealed"], document["failed"], document["elsewhere"]) == (0, 0, "no")
    assert document["budget"]["calls_now"] in (0, 1)


def test_backfill_leaves_an_account_to_the_process_that_polls_it(added):
    opened = open_store(added.url)
    with alone(opened.store, "polling-main", directory=opened.keyring.directory):
        status, out, _ = added("backfill", "main")
    opened.store.close()
    assert status == 1
    assert "another process is polling it" in out


def test_backfill_can_be_interrupted(added, fake):
    fake.faults = [KeyboardInterrupt()]
    status, _, err = added("backfill", "main")
    assert status == 1
    assert "run it again to go on" in err
    assert added("backfill", "main")[0] == 0


def test_backfill_draws_a_bar_on_a_terminal(added, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert added("backfill", "main")[0] == 0


def test_policy_is_printed_with_and_without_an_account(run, added, fake):
    for _ in range(2):
        assert run("policy", "fake")[:2] == (0, fake.policy() + "\n")
        run.sources.unlink(missing_ok=True)


def test_a_provider_without_a_policy_says_so(run, fake):
    fake.policy = lambda: ""
    status, out, err = run("policy", "fake")
    assert (status, out) == (0, "")
    assert "an account that may read is enough" in err


def test_a_policy_of_nobody_is_an_error(run):
    assert "there is no source 'fak'" in run("policy", "fak")[2]

    def refusing(_settings, _tools):
        raise AuthError("not without an account")

    assert "starproof source add fake" in run("policy", "fake", plugs=Plugins({"fake": refusing}, ()))[2]


def test_the_file_may_stand_elsewhere(run, tmp_path):
    other = tmp_path / "etc" / "sources.toml"
    run("add", "fake", "main", "--sources", str(other))
    assert other.exists()
    config = tmp_path / "collector.toml"
    config.write_text(f'sources = "{other}"\n')
    assert "main（fake）" in run("list", "--config", str(config))[1]


def test_the_registry_finds_the_fake_by_its_entry_point(run):
    assert run("add", "fake", "main", plugs=found())[0] == 0
    assert run("backfill", "main", plugs=found())[0] == 0


def test_the_door_leads_to_the_room(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["source", "--help"])
    assert ended.value.code == 0
    assert "backfill" in capsys.readouterr().out


def test_backfill_again_asks_for_everything_and_says_what_brought_nothing(added, fake):
    assert added("backfill", "main")[0] == 0
    status, out, _ = added("backfill", "main", "--again")
    assert status == 0
    assert "everything is asked for again" in out
    fake.spoil = lambda series: [type(one)(**{**vars(one), "points": ()}) for one in series]
    document = json.loads(added("backfill", "main", "--again", "--metric", CPU, "--json")[1])
    assert document["without_points"] == [CPU]
    assert "no instance had a point" in added("list")[1]
    status, _, err = added("backfill", "main", "--metric", CPU)
    assert status == 1
    assert "--again" in err


def test_add_refuses_a_period_that_does_not_fit_the_samples_of_a_monitor(run):
    plugs = Plugins({"prometheus": open_prometheus}, ())
    where = ("--set", "url=http://127.0.0.1:9")
    arguments = ("add", "prometheus", "p", *where, "--set", "keeps_days=30")
    assert "period_s is one of 300, 3600" in run(*arguments, "--period", "90", plugs=plugs)[2]
    assert not run.sources.exists()
    assert run(*arguments, "--period", "300", plugs=plugs)[0] == 0


def test_remove_takes_one_account_out_and_leaves_the_rest_and_what_was_sealed(added, run):
    assert run("add", "fake", "other", "--host", "i-web-1=x", "--set", "a=1")[0] == 0
    run.sources.write_text("# ours\n" + run.sources.read_text())
    before = run.sources.read_text()
    assert run("add", "fake", "third")[0] == 0
    run("backfill", "main")
    status, out, _ = run("remove", "third")
    assert (status, "what was sealed stays" in out) == (0, True)
    assert run.sources.read_text().rstrip() == before.rstrip()
    assert json.loads(run("remove", "main", "--json")[1])["alias"] == "main"
    assert run.sources.read_text().startswith("# ours\n")
    from collector.polling.accounts import read_accounts

    (left,) = read_accounts(run.sources)
    assert (left.alias, left.hosts, left.settings) == ("other", {"i-web-1": "x"}, {"a": 1})
    assert "there is no source 'main'" in run("remove", "main")[2]
    opened = open_store(run.url)
    with opened.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar_one() > 0
    opened.store.close()


@pytest.mark.parametrize(
    "text",
    [
        'sources = [{ alias = "a", provider = "fake" }]\n',
        '[[sources]]\nalias = "a"\nprovider = "fake"\nsettings.note = """\n[[sources]]\n"""\n',
        '[["sources"]]\nalias = "b"\nprovider = "fake"\n[[sources]]\nalias = "a"\nprovider = "fake"\nsettings.note = """\n[[sources]]\n"""\n',
    ],
)
def test_remove_leaves_a_file_that_it_cannot_cut_as_it_is(run, text):
    run.sources.parent.mkdir()
    run.sources.write_text(text)
    assert "take it out with an editor" in run("remove", "a")[2]
    assert run.sources.read_text() == text


def test_who_waits_for_a_provider_is_told_so(capsys, monkeypatch):
    slept = []
    monkeypatch.setattr(source.real_clocks.__globals__["time"], "sleep", slept.append)
    clocks = source._clocks()
    clocks.sleep(0.5)
    assert capsys.readouterr().err == ""
    clocks.sleep(30)
    assert "waiting 30 s before asking again" in capsys.readouterr().err
    assert slept == [0.5, 30]


def test_the_budget_says_what_it_leaves_out(added):
    assert "without retries, the list of machines" in added("test", "main")[1]
