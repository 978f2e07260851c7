"""The files of a bundle that are the same for every host: scripts and units, installed with StarProof."""

from __future__ import annotations

import re
from pathlib import Path

import config
from starproof.bundling.errors import BundleError

UNIT = "starproof-agent.service"
USER = "starproof-agent"
PROGRAM = "/opt/starproof/bin/starproof-agent"
"""Where the units of ``deploy/systemd`` expect it."""
STATE = "/var/lib/starproof-agent"
_USER_LINES = f"""User={USER}
Group={USER}
# For versions of systemd that do not know StateDirectory.
ReadWritePaths=-{STATE}"""


def deploy_file(folder: str, name: str) -> str:
    """Return the text of a file of ``deploy/``: of the source tree, or as the wheel carries it.

    Raises:
        BundleError: it is not there.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "deploy" / folder / name, package.parent / "deploy" / folder / name):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise BundleError(f"deploy/{folder}/{name} is not part of this installation; install StarProof anew")


def example(name: str) -> str:
    """Return the text of an example of settings."""
    return (Path(config.__file__).parent / "examples" / name).read_text(encoding="utf-8")


def reader_unit(name: str, program: str) -> str:
    """Return the unit of another reader (``logins``, ``database``), with ``program`` as what is run."""
    return deploy_file("systemd", f"starproof-{name}.service").replace(PROGRAM, program)


def agent_settings(*, collector: str | None, ca_file: str | None) -> str:
    """Return the agent's example settings with the collector and the CA file filled in."""
    text = example("agent.toml")
    for key, value in (("collector", collector), ("ca_file", ca_file)):
        if value is not None:
            pattern = re.compile(rf"^#{key} = .*$", re.MULTILINE)
            count = len(pattern.findall(text))
            line = f'{key} = "{_escaped(value)}"'
            text = pattern.sub(line.replace("\\", r"\\"), text)
            if count != 1:
                raise BundleError(f"the example settings have no line for {key}; install StarProof anew")
    return text


def agent_unit(program: str) -> str:
    """Return the agent's unit for a user that stays, with ``program`` as what is run.

    The user of the unit in ``deploy/systemd`` exists only while the service runs. An installer makes
    one instead: systemd before 235 knows no other way, and enrolling needs the user before the service.
    """
    text = deploy_file("systemd", UNIT).replace(PROGRAM, program)
    text, count = re.subn(
        r"^# A user that exists while the service runs.*\nDynamicUser=yes$",
        _USER_LINES,
        text,
        flags=re.MULTILINE,
    )
    if count != 1 or program not in text:
        raise BundleError(f"deploy/systemd/{UNIT} is not what is expected; install StarProof anew")
    return text


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
