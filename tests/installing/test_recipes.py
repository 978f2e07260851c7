"""The recipes for Ansible and containers, and the guides: that what they tell fits together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TOLD = ("deploy/ansible/README.md", "deploy/container/README.md", "deploy/container/Containerfile",
        "docs/install.md", "docs/install.zh-CN.md")  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_who_copies_the_line_that_makes_a_bundle_gets_hosts_that_reach_a_collector_with_tls(name):
    """As the example settings and the installing guide set it up."""
    assert 'mode = "own"' in (ROOT / "config/examples/collector.toml").read_text(encoding="utf-8")
    lines = re.findall(r"starproof bundle agent [^\n`]*", (ROOT / name).read_text(encoding="utf-8"))
    whole = [line for line in lines if "--collector" in line]
    assert whole
    for line in whole:
        assert re.search(r"--collector https://\S+ --ca collector-ca\.pem\b", line), line


def test_the_container_service_runs_on_the_volume_into_which_the_host_was_enrolled():
    compose = yaml.safe_load((DEPLOY / "container/compose.yml").read_text(encoding="utf-8"))
    service = compose["services"]["starproof-agent"]
    (mount,) = (one for one in service["volumes"] if one.endswith(":/var/lib/starproof-agent"))
    volume = compose["volumes"][mount.partition(":")[0]]
    told = (DEPLOY / "container/README.md").read_text(encoding="utf-8")
    assert (
        f" -v {volume['name']}:/var/lib/starproof-agent " in told
    )  # a name of its own: no folder changes it
    assert volume["external"] is True  # an empty one is refused, and taking the service down deletes no key
    assert f" exec {service['container_name']} " in told


def test_the_ansible_role_is_yaml_and_every_variable_of_its_readme_has_a_default():
    files = sorted((DEPLOY / "ansible").rglob("*.yml"))
    assert len(files) >= 7
    for path in files:
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path
    defaults = yaml.safe_load(
        (DEPLOY / "ansible/roles/starproof_agent/defaults/main.yml").read_text(encoding="utf-8")
    )
    told = set(
        re.findall(
            r"^\| `(\w+)`", (DEPLOY / "ansible/README.md").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )
    assert told == set(defaults)


@pytest.mark.parametrize("name", ["docs/install.md", "docs/install.zh-CN.md"])
def test_each_platform_has_a_card_that_can_be_pasted(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    cards = {card.partition("\n")[0]: card for card in re.split(r"^### ", text, flags=re.MULTILINE)[1:]}
    for words in ("Ubuntu 22.04", "Ubuntu 20.04", "Debian 11", "Rocky 9", "Rocky 8", "openEuler 22.03", "V10",
                  "CentOS 7", "Windows Server 2016"):  # fmt: skip
        (card,) = (card for title, card in cards.items() if words in title)
        assert "…" not in card  # nothing is left out
        assert "starproof collector token --config" in card
        assert ("install.ps1" if "Windows" in words else "sh install.sh --name web-1") in card
    for old in ("V10", "CentOS 7"):  # their own Python is too old
        (card,) = (card for title, card in cards.items() if old in title)
        assert "--runtime" in card
