"""The archive and the packages: what is in them, and that they come out the same."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import tomllib

from agent import config
from collector.store import registry
from collector.store.engine import open_engine
from collector.tokens import digest
from starproof.bundling import packages
from starproof.bundling.agent_bundle import Ingredients, make, read_ca
from starproof.bundling.errors import BundleError
from starproof.bundling.fetching import collect
from starproof.bundling.files import agent_unit
from starproof.bundling.target import Target
from starproof.commands.bundle import main

URL = "http://10.0.0.5:8440"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def parts(here, wheels, tmp_path_factory):
    chosen = collect([here], work=tmp_path_factory.mktemp("work"), given=wheels)
    return Ingredients([here], chosen, URL, ca=CERTIFICATE, host="前端 1", token="one-time-secret")


def unpacked(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle.data)) as archive:
        return {
            member.name.partition("/")[2]: (
                archive.extractfile(member).read(),
                member.mode,
                member.uid,
                member.mtime,
            )
            for member in archive.getmembers()
        }


def test_a_linux_bundle_holds_all_a_host_needs_and_the_sum_of_each_file(parts):
    bundle = make(parts)
    files = unpacked(bundle)
    assert {
        "install.sh",
        "uninstall.sh",
        "README.txt",
        "bundle.txt",
        "agent.toml",
        "agent-ca.pem",
        "token",
    } < set(files)
    sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"][0].decode().splitlines())
    assert sums == {n: hashlib.sha256(d[0]).hexdigest() for n, d in files.items() if n != "SHA256SUMS"}
    assert files["token"][:2] == (b"one-time-secret\n", 0o600)
    assert files["install.sh"][1] == 0o755
    assert bundle.secret
    assert {(uid, time) for _, _, uid, time in files.values()} == {(0, 315_532_800)}
    assert "host=前端 1\n" in files["bundle.txt"][0].decode()
    settings = config.parse(files["agent.toml"][0].decode(), where="agent.toml")
    assert (settings.collector, settings.delivery_ca_file) == (URL, "/etc/starproof/agent-ca.pem")
    for reader in ("logins", "database"):
        unit = files[f"readers/starproof-{reader}.service"][0].decode()
        assert f"ExecStart=/opt/starproof-agent/current/bin/starproof-agent {reader} run" in unit
        assert files[f"readers/{reader}.toml"][0]
    names = {name.split("-")[0] for name in files if name.startswith("wheels/")}
    assert {"wheels/starproof", "wheels/pynacl", "wheels/psutil", "wheels/pip"} <= names
    assert not any("sqlalchemy" in name for name in names)


def test_the_same_parts_give_the_same_bytes(parts, monkeypatch):
    assert make(parts).sha256 == make(parts).sha256
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    assert {time for *_, time in unpacked(make(parts)).values()} == {1_790_000_000}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(BundleError, match="whole seconds"):
        make(parts)


def test_a_windows_bundle_speaks_to_an_old_powershell(parts):
    windows = replace(parts, targets=[Target("windows-x86_64", (3, 11))], token=None)
    bundle = make(windows)
    assert not bundle.secret
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert "install.sh" not in files
    assert "token" not in files
    for name in ("install.ps1", "uninstall.ps1", "README.txt"):
        assert files[name].startswith(b"\xef\xbb\xbf") or name == "README.txt"
        assert b"\r\n" in files[name]
    document = tomllib.loads(files["agent.toml"].decode())
    assert document["delivery"]["ca_file"] == r"C:\ProgramData\StarProof\agent-ca.pem"


def test_the_installers_unit_has_a_user_that_stays_and_is_as_closed_as_the_other(tmp_path):
    unit = agent_unit("/opt/starproof-agent/current/bin/starproof-agent")
    lines = unit.splitlines()
    assert "User=starproof-agent" in lines
    assert "DynamicUser=yes" not in lines
    assert [
        line
        for line in lines
        if line.startswith("ExecStart=/opt/starproof-agent/current/bin/starproof-agent run ")
    ]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / "starproof-agent.service"
    path.write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:]


def test_a_ca_file_with_a_private_key_is_refused(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(CERTIFICATE + b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(BundleError, match="private key"):
        read_ca(path)
    path.write_bytes(b"DER")
    with pytest.raises(BundleError, match="PEM"):
        read_ca(path)


def test_the_command_makes_a_token_that_the_collector_knows(here, wheels, tmp_path, capsys):
    database, settings = f"sqlite:///{tmp_path}/store.db", tmp_path / "collector.toml"
    settings.write_text(
        f'enterprise = "测试"\ntimezone = "Asia/Shanghai"\npublic_url = "{URL}"\n', encoding="utf-8"
    )
    options = ["agent", "--platform", here.platform, "--python", here.python_text, "--wheels", str(wheels)]
    options += ["--glibc", ".".join(map(str, here.glibc)), "--config", str(settings), "--db", database]
    assert main([*options, "--issue-token", "--host", "web-1", "--out", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    path = Path(answer["file"])
    assert answer["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        name = next(name for name in archive.getnames() if name.endswith("/token"))
        token = archive.extractfile(name).read().decode().strip()
    store = open_engine(database)
    with store.reading() as connection:
        kept = registry.find_token(connection, digest(token))
    store.close()
    assert kept.host == "web-1"
    assert kept.used_ms is None
    assert main([*options, "--out", str(tmp_path / "plain.tar.gz")]) == 0
    shown = capsys.readouterr().out
    assert URL in shown
    assert "not inside 不在包内" in shown


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--python", "3.9"], "no collector is named"),
        (["--python", "3.7", "--collector", URL], "--runtime"),
        (["--python", "3.9", "--collector", "10.0.0.5"], "is not a URL"),
        (["--python", "3.9", "--collector", URL, "--runtime", __file__], "no Python that can be carried along"),
        (["--python", "3.9", "--collector", URL, "--wheels", "/nowhere"], "not a folder"),
        (["--python", "3.9", "--collector", URL, "--config", "/nowhere.toml"], "cannot read"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_in_one_line_that_says_what_to_do(options, told, capsys):
    assert main(["agent", "--platform", "linux-x86_64", *options]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_an_empty_token_and_a_wrong_platform_are_refused(wheels, here, tmp_path, capsys):
    empty = tmp_path / "token"
    empty.write_text("\n")
    options = ["agent", "--platform", here.platform, "--python", here.python_text, "--wheels", str(wheels)]
    options += ["--glibc", ".".join(map(str, here.glibc))]
    assert main([*options, "--collector", URL, "--token-file", str(empty), "--out", str(tmp_path)]) == 1
    assert "holds no token" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["agent", "--platform", "solaris", "--python", "3.9"])
    assert end.value.code == 2


@pytest.mark.parametrize(("kind", "tool"), [("deb", "dpkg-deb"), ("rpm", "rpmbuild")])
def test_a_package_holds_the_agent_alone_and_comes_out_the_same(kind, tool, here, wheels, tmp_path):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    (tmp_path / "wheels").mkdir()
    chosen = collect([here], work=tmp_path / "wheels", given=wheels, installer=False)
    build = packages.deb if kind == "deb" else packages.rpm
    built = []
    for name in ("one", "two") if kind == "deb" else ("one",):
        (tmp_path / name).mkdir()
        built.append(build([here], chosen, work=tmp_path / name))
    assert len({packages.sha256(path.read_bytes()) for path in built}) == 1
    query = ["dpkg-deb", "--contents"] if kind == "deb" else ["rpm", "-qpl"]
    listing = subprocess.run([*query, built[0]], capture_output=True, text=True, check=True).stdout
    for wanted in (
        "/usr/bin/starproof-agent",
        "/usr/lib/starproof-agent/agent/cli.py",
        "starproof-agent.service",
    ):
        assert wanted in listing
    assert "/usr/lib/starproof-agent/collector/" not in listing
    program = tmp_path / "one" / "root" / "usr/lib/starproof-agent"
    done = subprocess.run(
        [sys.executable, "-I", program, "sample", "--json"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_a_missing_builder_is_named(here, wheels, tmp_path, monkeypatch):
    (tmp_path / "wheels").mkdir()
    chosen = collect([here], work=tmp_path / "wheels", given=wheels, installer=False)
    (tmp_path / "build").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BundleError, match="dpkg-deb is not installed"):
        packages.deb([here], chosen, work=tmp_path / "build")
