"""The PowerShell scripts by their grammar: no PowerShell runs here, so no Windows host is claimed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "deploy" / "agent"
CHANGING = re.compile(
    r"(Remove|New|Copy|Move|Set|Start|Stop|Rename|Clear|Restore)-(?!With$|StrictMode$)\w+|Invoke-Program|Invoke-CimMethod|.*sc\.exe.*",
    re.IGNORECASE,
)


@pytest.fixture(params=["install.ps1", "uninstall.ps1"])
def script(request):
    tree_sitter = pytest.importorskip("tree_sitter", reason="the grammar of PowerShell is not installed")
    powershell = pytest.importorskip(
        "tree_sitter_powershell", reason="the grammar of PowerShell is not installed"
    )
    source = (SCRIPTS / request.param).read_bytes()
    return source, tree_sitter.Parser(tree_sitter.Language(powershell.language())).parse(source).root_node


def nodes(node):
    yield node
    for child in node.children:
        yield from nodes(child)


def text(source, node):
    return source[node.start_byte : node.end_byte].decode()


def commands(source, root):
    for node in nodes(root):
        if node.type == "command_name":
            yield text(source, node), node


def enclosing(node, kind):
    while node.parent is not None:
        node = node.parent
        if node.type == kind:
            yield node


def test_the_script_is_powershell_throughout(script):
    _, root = script
    assert not root.has_error
    assert not [node.start_point for node in nodes(root) if node.is_missing]


def test_what_changes_the_host_asks_should_process_so_that_whatif_changes_nothing(script):
    source, root = script
    unguarded = []
    changing = 0
    for name, node in commands(source, root):
        if not CHANGING.fullmatch(name):
            continue
        if any(enclosing(node, "function_statement")):
            continue
        changing += 1
        conditions = [text(source, one).partition("{")[0] for one in enclosing(node, "if_statement")]
        words = ("$PSCmdlet.ShouldProcess(", "-not $WhatIfPreference")
        if not any(word in condition for condition in conditions for word in words):
            unguarded.append((name, node.start_point[0] + 1))
    assert changing >= 4
    assert not unguarded


def test_every_program_that_fails_stops_the_script(script):
    """A native program's failure is no error for PowerShell 5: its exit code must be looked at."""
    source, root = script
    for node in nodes(root):
        line = text(source, node)
        if node.type == "pipeline" and line.startswith("& "):
            after = source[node.end_byte : node.end_byte + 160].decode(errors="ignore")
            assert "$LASTEXITCODE" in after, line


def calls(source, root, *wanted):
    """The calls outside of functions, in their order: name and node."""
    for name, node in commands(source, root):
        if name in wanted and not any(enclosing(node, "function_statement")):
            yield name, node


def guards(source, node):
    """What the ``finally`` clauses around a place do."""
    for around in enclosing(node, "try_statement"):
        for child in around.children:
            if child.type == "finally_clause" and not child.start_byte <= node.start_byte < child.end_byte:
                yield text(source, child)


def function(source, root, name):
    (found,) = (
        text(source, node)
        for node in nodes(root)
        if node.type == "function_statement" and name in text(source, node).partition("{")[0]
    )
    return found


@pytest.mark.parametrize("script", ["install.ps1"], indirect=True)
def test_whatever_fails_after_the_old_service_was_stopped_puts_it_back_as_it_was(script):
    source, root = script
    changes = ("Stop-Service", "Set-ServiceProgram", "New-Service", "Copy-Item", "Start-Agent")
    stopped = next(node for _, node in calls(source, root, "Stop-Service"))
    after = [
        (name, node) for name, node in calls(source, root, *changes) if node.start_byte >= stopped.start_byte
    ]
    assert {name for name, _ in after} == set(changes)
    for name, node in after:
        assert any(
            "Restore-Before $Before $CertificatesBefore $Ran" in one for one in guards(source, node)
        ), name
    back = function(source, root, "Restore-Before")
    places = [
        back.index(word)
        for word in ("Set-ServiceProgram $Command", "WriteAllBytes($Authority", "Start-Agent")
    ]
    assert places == sorted(places)
    assert "catch" in back[places[-1] :]
    assert "THIS HOST MEASURES NOTHING NOW" in back[back.index("catch") :]
    known = text(source, root).index("$Before = (Get-CimInstance")
    assert known < stopped.start_byte  # what is put back was read before anything changed
    started = max(node.start_byte for _, node in calls(source, root, "Start-Agent"))
    removed = [node for _, node in calls(source, root, "Remove-Item")][-1]
    assert started < removed.start_byte
    assert not list(guards(source, removed))  # the version before stays until the new one runs
    assert "WaitForStatus('Running'" in function(source, root, "Start-Agent")


@pytest.mark.parametrize("script", ["uninstall.ps1"], indirect=True)
def test_removal_asks_before_it_stops_anything_and_no_answer_leaves_the_service_running(script):
    source, root = script
    found = list(calls(source, root, "Assert-MayDelete", "Stop-Service"))
    assert [name for name, _ in found] == ["Assert-MayDelete", "Stop-Service", "Assert-MayDelete"]
    for _, node in found[1:]:
        assert any("Start-Again" in one for one in guards(source, node))
    (question,) = (node for name, node in commands(source, root) if name == "Read-Host")
    tries = list(enclosing(question, "try_statement"))  # -NonInteractive: Read-Host throws
    assert tries
    assert "catch { $Answer = '' }" in text(source, tries[0])
    assert "if ($Answer -cne 'delete')" in function(source, root, "Assert-MayDelete")
    assert found[2][1].start_byte < source.index(b"sc.exe")


def test_service_account_and_paths_are_those_of_the_agent(script):
    from agent.windows_service import NAME

    source, _ = script
    words = source.decode()
    assert f"$Service = '{NAME}'" in words
    assert "LocalSystem" not in words
    assert "Join-Path $env:ProgramData 'StarProof'" in words
    assert not re.search(r"Invoke-Expression|DownloadString|Invoke-WebRequest", words)
