"""The PowerShell scripts by their grammar: no PowerShell runs here, so no Windows host is claimed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "deploy" / "agent"
CHANGING = re.compile(
    r"(Remove|New|Copy|Move|Set|Start|Stop|Rename|Clear)-(?!With$|StrictMode$)\w+|Invoke-Program|Invoke-CimMethod|.*sc\.exe.*",
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
        asked_person = any("Read-Host" in condition for condition in conditions)
        if not asked_person and not any("$PSCmdlet.ShouldProcess(" in condition for condition in conditions):
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


def test_service_account_and_paths_are_those_of_the_agent(script):
    from agent.windows_service import NAME

    source, _ = script
    words = source.decode()
    assert f"$Service = '{NAME}'" in words
    assert "LocalSystem" not in words
    assert "Join-Path $env:ProgramData 'StarProof'" in words
    assert not re.search(r"Invoke-Expression|DownloadString|Invoke-WebRequest", words)
