"""The hash that a reviewer compares: of a wheel, of a folder, of what is installed."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile

import pytest
from rich.console import Console

from agent.code import code_of as code_of_agent
from agent.code import running_code
from collector.code import code_of as code_of_collector
from collector.code import running_code as collectors_code
from evidence import __version__
from evidence.code_hash import UNKNOWN, code_hash
from starproof import cli, code_files
from starproof.program_text import MAX_CHANGES, print_programs

FILES = {
    f"{package}/__init__.py": package.encode() for package in ("agent", "collector", "config", "evidence")
}

SOURCES = [("agent/b.py", b"two"), ("agent/a/c.py", b"one"), ("agent/notes.txt", b"no code")]


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "starproof-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**FILES, "starproof-1.dist-info/RECORD": b"", "other/x.py": b"x"}.items():
            archive.writestr(name, content)
    return path


def test_agent_and_collector_hash_what_the_command_of_the_documentation_hashes(tmp_path):
    for path, content in SOURCES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    asked = "find agent -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    told = subprocess.run(asked, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    folder = tmp_path / "agent"
    assert code_of_agent({"agent": str(folder)}) == code_of_collector({"agent": folder}) == told.split()[0]
    (folder / "b.py").unlink()
    (folder / "b.py").symlink_to("nowhere.py")
    assert code_of_agent({"agent": str(folder)}) == code_of_collector({"agent": folder}) == UNKNOWN
    assert code_of_agent({"agent": str(tmp_path / "absent")}) == UNKNOWN
    assert len(running_code()) == len(collectors_code()) == 64
    assert running_code() != collectors_code()


def test_what_is_installed_tells_the_hashes_that_its_chunks_carry(capsys):
    assert cli.main(["--version", "--code"]) == 0
    told = capsys.readouterr().out
    assert told == f"starproof {__version__}\nagent      {running_code()}\ncollector  {collectors_code()}\n"


def test_a_wheel_and_the_folder_that_it_is_unpacked_to_tell_the_same(wheel, tmp_path, capsys):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert cli.main(["code-hash", str(wheel), "--json"]) == 0
    of_wheel = json.loads(capsys.readouterr().out)
    assert cli.main(["code-hash", str(tmp_path / "site"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == of_wheel
    agents = [(name, content) for name, content in FILES.items() if name.startswith(("agent", "evidence"))]
    assert of_wheel["agent"] == code_hash(agents)
    assert of_wheel["collector"] != of_wheel["agent"]


def test_what_holds_no_code_of_ours_is_refused_in_words(wheel, tmp_path, capsys, monkeypatch):
    (tmp_path / "text.whl").write_text("no wheel")
    for place, words in (
        (tmp_path, "does not hold agent, evidence;"),
        (tmp_path / "text.whl", "is no wheel"),
        (tmp_path / "absent.whl", "cannot read"),
    ):
        assert cli.main(["code-hash", str(place)]) == 1
        assert words in capsys.readouterr().err
    monkeypatch.setattr(code_files, "MAX_FILE_BYTES", 3)
    assert cli.main(["code-hash", str(wheel)]) == 1
    assert "larger than any wheel" in capsys.readouterr().err


def test_a_terminal_shows_each_program_once_and_what_was_replaced():
    def program(number, **changes):
        entry = {
            "source": "agent",
            "software": "a[b]",
            "code": "c0" * 32,
            "first_ms": 0,
            "last_ms": 1,
            "changed": "no",
        }
        return {"host": f"web-{number}", "programs": [{**entry, **changes}]}

    out = Console(file=io.StringIO(), width=300)
    print_programs([program(1), program(2), program(3, code=None, changed="yes")], out)
    shown = out.file.getvalue()
    assert f"a[b]  代码 code {'c0' * 32}  主机 hosts 2" in shown
    assert "未知 unknown  主机 hosts 1" in shown
    assert "期内更换 changed web-3 agent: a[b] 未知 unknown  1970-01-01 00:00 UTC" in shown
    print_programs([program(n, changed="yes") for n in range(MAX_CHANGES + 2)], out)
    assert "另有 2 条" in out.file.getvalue()
    silent = Console(file=io.StringIO())
    print_programs([{"host": "mes-1", "programs": []}], silent)
    assert silent.file.getvalue() == ""
