"""The bill of materials: valid, the same every time, with everything that runs and nothing that only tests."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import tomllib

from evidence import __version__

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "deploy" / "release" / "sbom.py"
pytestmark = pytest.mark.skipif(
    find_spec("cyclonedx_py") is None, reason="cyclonedx-bom is not installed (dev group)"
)


def loaded():
    spec = spec_from_file_location("release_sbom", PROGRAM)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bills(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("sbom")
    for name in ("one.json", "other.json"):
        subprocess.run([sys.executable, PROGRAM, folder / name], check=True)
    return [(folder / name).read_bytes() for name in ("one.json", "other.json")]


@pytest.fixture(scope="module")
def bill(bills):
    return json.loads(bills[0])


def test_it_is_the_same_every_time_without_serial_number_or_time(bills, bill):
    assert bills[0] == bills[1]
    assert "serialNumber" not in bill
    assert "timestamp" not in bill["metadata"]


def test_it_is_valid_by_the_schema_of_its_version(bill):
    import cyclonedx.schema
    from jsonschema import Draft7Validator
    from referencing import Registry, Resource

    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.schema.json")}
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    base = schema["$id"].rpartition("/")[0]
    registry = Registry().with_resources(
        (f"{base}/{name}", Resource.from_contents(each)) for name, each in schemas.items()
    )
    validator = Draft7Validator(schema, registry=registry)
    assert [error.message for error in validator.iter_errors(bill)] == []
    spoilt = {**bill, "components": [{"type": "library", "version": "1"}]}
    assert not validator.is_valid(spoilt)


def test_every_runtime_dependency_is_in_it_with_version_and_licence(bill):
    sbom = loaded()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = {sbom.normal(component["name"]): component for component in bill["components"]}
    needed = sbom.Runtime(project).needed
    assert {"psutil", "pynacl", "prometheus-client", "sqlalchemy", "rich", "httpx", "typst"} <= needed
    assert needed <= listed.keys()
    for name in needed:
        assert listed[name]["version"] == version(name)
    assert all(component["licenses"] for component in listed.values())
    assert bill["metadata"]["component"]["version"] == __version__


def test_tools_for_testing_and_building_stay_out(bill):
    names = {component["name"].lower() for component in bill["components"]}
    assert not names & {"pytest", "ruff", "mypy", "hypothesis", "pip", "moto", "cyclonedx-bom", "starproof"}


def test_what_is_not_installed_is_named_or_refused():
    sbom = loaded()
    bom = {"metadata": {"component": {"bom-ref": "root"}}, "components": [], "dependencies": []}
    named = {"bom-ref": "packaging==1", "name": "packaging", "licenses": [{"license": {"id": "MIT"}}]}
    project = {
        "name": "starproof",
        "dependencies": ["packaging"],
        "optional-dependencies": {"all": ["starproof[inner]"], "inner": [], "odd": ["no-such-driver"]},
    }
    found = sbom.narrowed({**bom, "components": [named]}, project, version="1")
    assert found["metadata"]["properties"] == [{"name": sbom.LEFT_OUT, "value": "no-such-driver"}]
    project["optional-dependencies"]["inner"] = ["no-such-driver"]
    with pytest.raises(sbom.SbomError, match="not installed: no-such-driver"):
        sbom.narrowed({**bom, "components": [named]}, project, version="1")
    project["optional-dependencies"]["inner"] = []
    with pytest.raises(sbom.SbomError, match="names no licence"):
        sbom.narrowed({**bom, "components": [{**named, "licenses": []}]}, project, version="1")
