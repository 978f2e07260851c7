"""Which wheels another machine takes, what is missing, and wheels made of what is installed."""

from __future__ import annotations

import zipfile
from importlib.metadata import distribution

import pytest

from starproof.bundling import fetching
from starproof.bundling.errors import BundleError
from starproof.bundling.fetching import collect
from starproof.bundling.own_wheel import repack
from starproof.bundling.target import Target, parse_glibc, parse_python
from starproof.bundling.wheels import read_wheel, read_wheels, resolve

CENTOS7 = Target("linux-x86_64", (3, 9))
RHEL9 = Target("linux-x86_64", (3, 11), (2, 34))
KUNPENG = Target("linux-aarch64", (3, 9))
WINDOWS = Target("windows-x86_64", (3, 11))


def wheel(folder, name, *requires, python=""):
    distribution_name, version = name.split("-")[:2]
    lines = ["Metadata-Version: 2.1", f"Name: {distribution_name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {text}" for text in requires]
    lines += [f"Requires-Python: {python}"] if python else []
    with zipfile.ZipFile(folder / f"{name}.whl", "w") as archive:
        archive.writestr(f"{distribution_name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")


def taken(folder, target):
    found = resolve(read_wheels(folder), ["starproof"], target)
    assert not found.missing
    return [one.path.name for one in found.wheels]


def lacking(folder, target):
    return [one.requirement for one in resolve(read_wheels(folder), ["starproof"], target).missing]


def test_markers_are_those_of_the_host_and_not_of_the_machine_that_bundles(tmp_path):
    wheel(
        tmp_path, "starproof-1-py3-none-any",
        "tomli>=2; python_version < '3.11'", "tzdata; sys_platform == 'win32'", "SQLAlchemy; extra == 'collector'",
    )  # fmt: skip
    assert lacking(tmp_path, CENTOS7) == ["tomli>=2"]
    assert lacking(tmp_path, RHEL9) == []
    assert lacking(tmp_path, WINDOWS) == ["tzdata"]


def test_a_wheel_for_a_newer_c_library_or_another_processor_does_not_fit(tmp_path):
    wheel(tmp_path, "starproof-1-py3-none-any", "nacl")
    wheel(tmp_path, "nacl-1-cp38-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64")
    wheel(tmp_path, "nacl-2-cp38-abi3-manylinux_2_28_x86_64")
    wheel(tmp_path, "nacl-3-cp312-abi3-manylinux2014_x86_64")
    assert taken(tmp_path, CENTOS7)[0].startswith("nacl-1-")
    assert taken(tmp_path, RHEL9)[0].startswith("nacl-2-")
    assert lacking(tmp_path, KUNPENG) == lacking(tmp_path, WINDOWS) == ["nacl"]


def test_the_newest_wheel_that_the_python_and_all_who_need_it_allow_is_taken(tmp_path):
    wheel(tmp_path, "starproof-1-py3-none-any", "a", "b>=1")
    wheel(tmp_path, "a-1-py3-none-any", "b<3")
    wheel(tmp_path, "b-1-py3-none-any")
    wheel(tmp_path, "b-2-py3-none-any", python=">=3.10")
    wheel(tmp_path, "b-3-py3-none-any")
    assert taken(tmp_path, RHEL9)[1] == "b-2-py3-none-any.whl"
    assert taken(tmp_path, CENTOS7)[1] == "b-1-py3-none-any.whl"
    both = collect([CENTOS7, RHEL9], work=tmp_path, given=tmp_path, installer=False)
    assert [one.path.name for one in both if one.name == "b"] == ["b-1-py3-none-any.whl"]  # one for all


def test_every_missing_wheel_is_named_with_its_python_and_who_asks_for_it(tmp_path):
    wheel(tmp_path, "starproof-1-py3-none-any", "psutil<8", "PyNaCl>=1.5")
    wheel(tmp_path, "pynacl-1.6-cp38-abi3-manylinux2014_x86_64", "cffi>=2")
    with pytest.raises(BundleError) as caught:
        collect([CENTOS7], work=tmp_path, given=tmp_path)
    message = str(caught.value)
    assert "psutil<8 (for Python 3.9 on linux-x86_64, needed by starproof 1)" in message
    assert "There, but" not in message
    assert "cffi>=2 (for Python 3.9 on linux-x86_64, needed by pynacl 1.6)" in message
    assert "pip (" in message
    assert "--wheels" in message


def test_a_wheel_that_is_there_for_a_newer_c_library_is_named_with_the_option_that_helps(tmp_path):
    wheel(tmp_path, "starproof-1-py3-none-any", "PyNaCl>=1.5")
    wheel(tmp_path, "pynacl-1.6-cp38-abi3-manylinux_2_34_x86_64")
    with pytest.raises(
        BundleError, match=r"for another system: pynacl-1\.6-cp38-abi3-manylinux_2_34.*--glibc"
    ):
        collect([CENTOS7], work=tmp_path, given=tmp_path, installer=False)


def test_what_cannot_be_fetched_is_named_and_the_way_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(
        fetching, "own_wheel", lambda folder: wheel(folder, "starproof-1-py3-none-any", "psutil")
    )
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(BundleError, match=r"psutil \(for Python 3\.9 .*cannot be fetched.*--wheels DIR"):
        collect([CENTOS7], work=tmp_path, given=None, installer=False)


@pytest.mark.parametrize("text", ["3.7", "2.7", "4.0", "3.9.1", "three"])
def test_a_python_that_the_agent_does_not_know_is_refused_with_advice(text):
    with pytest.raises(BundleError, match=r"--runtime|write 3\.9"):
        parse_python(text)
    with pytest.raises(BundleError, match="CentOS 7"):
        parse_glibc("two")


def test_a_file_that_only_looks_like_a_wheel_is_named(tmp_path):
    (tmp_path / "psutil-7-py3-none-any.whl").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(BundleError, match=r"psutil-7.*fetch or build it anew"):
        read_wheels(tmp_path)
    with pytest.raises(BundleError, match="not a folder"):
        read_wheels(tmp_path / "nowhere")


def test_an_installed_distribution_becomes_the_same_wheel_each_time(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (repack(distribution("PyNaCl"), tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    found = read_wheel(one)
    assert (found.name, str(found.version)) == ("pynacl", distribution("PyNaCl").version)
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        record = archive.read(next(n for n in names if n.endswith("/RECORD"))).decode().splitlines()
    assert sorted(line.split(",")[0] for line in record) == sorted(names)
    assert not any(name.endswith((".pyc", "INSTALLER", "direct_url.json")) for name in names)
