"""The bill of materials of a release: ``sbom.py OUT.json``.

CycloneDX 1.6, written by cyclonedx-py from what is installed, then narrowed to what pyproject.toml asks for at run time,
with all that this needs: tools for testing and building stay out. Neither random numbers nor times: the same environment
gives the same bytes. Where a package's metadata name no licence, ``LICENCES`` does, with where it was read.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SPEC_VERSION = "1.6"
NEEDED_EXTRA = "all"
"""What must be installed; drivers and anchors of which there are none here are named as left out."""
LICENCES = {
    "datasketches": ("Apache-2.0", "LICENSE in its source distribution"),
    "partd": ("BSD-3-Clause", "LICENSE.txt in its wheel, three clauses"),
}
LEFT_OUT = "starproof:not_installed_here"
READ_FROM = "starproof:licence_read_from"
Document = dict[str, Any]


class SbomError(Exception):
    """The environment does not hold what a release needs, or the tool failed; install with: make .venv/.dev."""


def normal(name: str) -> str:
    """Return the name of a distribution as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Runtime:
    """What a project needs at run time, followed through the metadata of what is installed.

    ``edges`` has for every name those that it needs, with the extras that somebody asked for; ``absent``
    are names that are asked for and not installed.
    """

    def __init__(self, project: Mapping[str, Any]) -> None:
        self._name = normal(project["name"])
        self._extras: dict[str, list[str]] = project.get("optional-dependencies", {})
        self._lines = [*project["dependencies"], *chain.from_iterable(self._extras.values())]
        self.edges: dict[str, set[str]] = {self._name: set()}
        self.absent: set[str] = set()
        self._waiting: list[tuple[str, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self._follow(self._name, self._lines, "")
        while self._waiting:
            self._open(*self._waiting.pop())
        self.direct = self.edges.pop(self._name) - {self._name}
        self.needed = self._named([*project["dependencies"], *self._of(NEEDED_EXTRA, set())])

    def _open(self, name: str, extra: str) -> None:
        """Follow what an installed distribution needs, for one of its extras (empty: always)."""
        if (name, extra) in self._seen or name == self._name:
            return
        self._seen.add((name, extra))
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            self.absent.add(name)
            return
        self.edges.setdefault(name, set())
        self._follow(name, lines, extra)

    def _follow(self, name: str, lines: Iterable[str], extra: str) -> None:
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                other = normal(requirement.name)
                self.edges[name].add(other)
                self._waiting += [(other, wanted) for wanted in ("", *requirement.extras)]

    def _of(self, extra: str, seen: set[str]) -> Iterator[str]:
        """Yield the lines of one of our extras and of those that it names."""
        for line in self._extras[extra]:
            requirement = Requirement(line)
            if normal(requirement.name) != self._name:
                yield line
                continue
            for inner in requirement.extras - seen:
                seen.add(inner)
                yield from self._of(inner, seen)

    def _named(self, lines: Iterable[str]) -> set[str]:
        found = map(Requirement, lines)
        return {normal(one.name) for one in found if one.marker is None or one.marker.evaluate({"extra": ""})}


def narrowed(bom: Document, project: Mapping[str, Any], *, version: str) -> Document:
    """Return the bill of what the project needs at run time.

    Raises:
        SbomError: something that a release needs is not there, or has no licence.
    """
    runtime = Runtime(project)
    components = {normal(component["name"]): component for component in bom["components"]}
    missing = sorted((runtime.needed & runtime.absent) | (runtime.edges.keys() - components.keys()))
    if missing:
        raise SbomError(f"not installed: {', '.join(missing)}; a release is made where everything is")
    refs = {name: components[name]["bom-ref"] for name in sorted(runtime.edges)}
    root = {
        **bom["metadata"]["component"],
        "version": version,
        "purl": f"pkg:pypi/{project['name']}@{version}",
    }
    left_out = [{"name": LEFT_OUT, "value": name} for name in sorted(runtime.absent)]
    return {
        **bom,
        "metadata": {
            **bom["metadata"],
            "component": root,
            "properties": [*bom["metadata"].get("properties", []), *left_out],
        },
        "components": [_licensed(components[name]) for name in refs],
        "dependencies": [
            *(_needs(refs[name], runtime.edges[name], refs) for name in refs),
            _needs(root["bom-ref"], runtime.direct, refs),
        ],
    }


def _needs(ref: str, names: set[str], refs: Mapping[str, str]) -> Document:
    others = sorted(refs[name] for name in names if name in refs)
    return {"ref": ref, "dependsOn": others} if others else {"ref": ref}


def _licensed(component: Document) -> Document:
    if component.get("licenses"):
        return component
    known = LICENCES.get(normal(component["name"]))
    if known is None:
        raise SbomError(f"{component['name']} names no licence; read its own and add it to LICENCES")
    licence, origin = known
    properties = [*component.get("properties", []), {"name": READ_FROM, "value": origin}]
    return {
        **component,
        "licenses": [{"license": {"acknowledgement": "concluded", "id": licence}}],
        "properties": properties,
    }


def installed() -> Document:
    """Return what cyclonedx-py says of this environment.

    Raises:
        SbomError: it is not installed, or fails.
    """
    options = (
        "--mc-type",
        "application",
        "--output-reproducible",
        "--no-validate",
        "--sv",
        SPEC_VERSION,
        "--of",
        "JSON",
    )
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        sys.executable,
        "--pyproject",
        str(ROOT / "pyproject.toml"),
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SbomError(f"cyclonedx-py failed: {done.stderr.strip()}")
    bom: Document = json.loads(done.stdout)
    return bom


def main() -> int:
    """Write the bill; the exit status is 1 where it cannot be made."""
    parser = argparse.ArgumentParser(description="Write the bill of materials of a release (CycloneDX JSON).")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from evidence import __version__  # noqa: PLC0415 - the project need not be installed

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        bom = narrowed(installed(), project, version=__version__)
    except SbomError as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(
        json.dumps(bom, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
