"""Plug-ins: ours, third parties', and broken ones."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest
import tomllib

from collector.errors import SettingsError
from collector.sources import registry
from collector.sources.errors import CredentialError, PluginError
from collector.sources.interface import Source
from collector.sources.registry import GROUP, Tools, load
from collector.sources.secrets import Secret

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
class Meter:
    name = "meter"
    experimental = True
    def __init__(self, settings, tools): self.settings = settings
    def metrics(self): return ("cpu.utilization",)
    def retention(self): return ()
    def inventory(self): return iter(())
    def averages(self, metric, instances, span, period_ms): return iter(())
    def bills(self, months): return iter(())
    def calls_for(self, metric, instances, span, period_ms): return 0
    def policy(self): return ""
    def probe(self): return iter(())
open_source = Meter
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Give a function that installs a distribution with one plug-in, and returns its entry points."""

    def install(distribution, name, code, *, value=None):
        folder = tmp_path / distribution
        module = f"plugin_{distribution.replace('-', '_')}"
        folder.mkdir()
        (folder / f"{module}.py").write_text(code)
        info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        target = value or f"{module}:open_source"
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {target}\n")
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, module, raising=False)
        (found,) = distributions(path=[str(folder)])
        return list(found.entry_points)

    return install


@pytest.fixture
def tools(time):
    return Tools(time.clocks, secret=Secret)


def test_a_third_partys_source_is_found_and_opened(installed, tools):
    plugins = load(installed("meter-source", "meter", GOOD))
    source = plugins.open("meter", {"a": 1}, tools)
    assert isinstance(source, Source)
    assert source.settings == {"a": 1}
    assert plugins.broken == ()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('half installed')", "RuntimeError: half installed"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def open_source(:", "SyntaxError"),
        ("import a_package_nobody_has", "the package a_package_nobody_has is not installed"),
        ("x = 1", "AttributeError"),
        ("open_source = 3", "is not a function"),
    ],
)
def test_a_broken_plug_in_says_why_and_does_not_stop_the_others(installed, tools, code, reason):
    points = installed("bad-source", "bad", code) + installed("meter-source", "meter", GOOD)
    plugins = load(points)
    assert plugins.open("meter", {}, tools).name == "meter"
    (broken,) = plugins.broken
    assert (broken.name, broken.distribution) == ("bad", "bad-source")
    assert reason in broken.reason
    with pytest.raises(PluginError, match="cannot be used: bad-source: ") as raised:
        plugins.open("bad", {}, tools)
    assert reason in str(raised.value)


def test_our_own_source_without_its_package_names_the_extra(installed):
    points = installed("starproof", "aws", "import a_package_nobody_has")
    (broken,) = load(points).broken
    assert "pip install 'starproof[aws]'" in broken.reason


def test_a_name_of_ours_is_not_taken_over(installed, tools):
    points = installed("other-source", "meter", "raise RuntimeError") + installed("starproof", "meter", GOOD)
    plugins = load(points)
    assert plugins.open("meter", {}, tools).name == "meter"
    assert [broken.distribution for broken in plugins.broken] == ["other-source"]
    assert "claimed by several: other-source, starproof" in plugins.broken[0].reason


def test_a_name_that_two_others_claim_belongs_to_neither(installed, tools):
    plugins = load(installed("b-source", "meter", GOOD) + installed("a-source", "meter", GOOD))
    assert plugins.factories == {}
    with pytest.raises(PluginError, match=r"a-source: .*; b-source: "):
        plugins.open("meter", {}, tools)


def test_one_plug_in_that_is_found_twice_is_one(installed, tools):
    points = installed("meter-source", "meter", GOOD)
    assert load(points * 2).open("meter", {}, tools).name == "meter"


def test_an_unknown_name_is_answered_with_the_nearest(installed, tools):
    plugins = load(installed("meter-source", "meter", GOOD))
    with pytest.raises(PluginError, match="no source 'metre'; did you mean 'meter'"):
        plugins.open("metre", {}, tools)


def test_what_is_not_a_source_is_refused(installed, tools):
    plugins = load(installed("meter-source", "meter", "def open_source(settings, tools): return 3"))
    with pytest.raises(PluginError, match="does not return a source"):
        plugins.open("meter", {}, tools)


def test_a_plug_in_that_fails_to_open_is_named_without_its_secrets(installed, tools):
    code = "def open_source(settings, tools): raise KeyError('password=PLANTED12345')"
    plugins = load(installed("meter-source", "meter", code))
    with pytest.raises(PluginError, match="the plug-in meter failed") as raised:
        plugins.open("meter", {}, tools)
    assert "PLANTED" not in str(raised.value)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize("kind", [SettingsError, CredentialError])
def test_what_a_source_says_of_its_settings_is_passed_on(installed, tools, kind):
    code = f"from {kind.__module__} import {kind.__name__} as E\ndef open_source(s, t): raise E('look here')"
    plugins = load(installed("meter-source", "meter", code))
    with pytest.raises(kind, match="look here"):
        plugins.open("meter", {}, tools)


def test_every_source_of_ours_is_declared_and_loads_or_names_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = [EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()]
    plugins = load(points)
    assert "prometheus" in plugins.factories
    assert not [broken for broken in plugins.broken if "is not installed" not in broken.reason]


def test_installed_plug_ins_are_looked_for_by_default(installed):
    (point,) = installed("meter-source", "meter", GOOD)
    assert point.dist is not None
    path = str(Path(point.dist.locate_file("")))
    code = "from collector.sources.registry import load; print('meter' in load().factories)"
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {"PYTHONPATH": f"{ROOT}:{path}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_tools_make_callers_that_know_the_secrets(tools):
    caller = tools.caller(Secret("k3y-of-mine"))
    assert caller.redactor.text("with k3y-of-mine") == "with ***"
    assert caller.patience == tools.patience


def test_the_group_is_the_one_that_is_documented():
    assert registry.GROUP == "starproof.sources"
