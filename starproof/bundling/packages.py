"""The agent as a .deb or an .rpm, built by dpkg-deb or rpmbuild.

Unlike the archive, a package makes no virtual environment on the host: the wheels' files lie in one
folder that the package manager owns. The one compiled part that is made for each Python separately
carries that Python in its file name, so one package serves several.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from starproof.bundling.archive import source_time_s
from starproof.bundling.errors import BundleError
from starproof.bundling.files import UNIT, agent_settings, agent_unit, deploy_file
from starproof.bundling.own_wheel import OURS
from starproof.bundling.target import Target
from starproof.bundling.wheels import Wheel

NAME = "starproof-agent"
LIBRARY, PROGRAM = f"usr/lib/{NAME}", f"usr/bin/{NAME}"
SETTINGS, UNIT_PLACE = "etc/starproof/agent.toml", f"usr/lib/systemd/system/{UNIT}"
OUR_PARTS = ("agent/", "evidence/")
"""What the agent needs of our own wheel (besides its metadata)."""
DEB_MACHINES: Mapping[str, str] = {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64"}
MAINTAINER_SCRIPTS = ("postinst", "prerm", "postrm")
BUILD_TIMEOUT_S = 300
_MAIN = '"""The agent, as the package starts it."""\n\nimport sys\n\nfrom agent.cli import main\n\nsys.exit(main())\n'


def deb(targets: Sequence[Target], wheels: Sequence[Wheel], *, work: Path) -> Path:
    """Build a .deb in ``work`` and return its path.

    Raises:
        BundleError: dpkg-deb is missing or refuses, or the wheels do not fit into one folder.
    """
    root = work / "root"
    _tree(root, targets, wheels)
    version, machine = _version(wheels), DEB_MACHINES[targets[0].machine]
    control = root / "DEBIAN"
    control.mkdir()
    values = {
        **_values(targets),
        "VERSION": version,
        "MACHINE": machine,
        "PYTHON_PACKAGES": " | ".join(f"python{t.python_text}" for t in reversed(targets)),
        "SIZE_KIB": str(sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024),
    }
    _write(control / "control", _filled("deb.control", values))
    _write(control / "conffiles", f"/{SETTINGS}\n")
    for script in MAINTAINER_SCRIPTS:
        _write(control / script, _filled(f"deb.{script}", values), mode=0o755)
    built = work / f"{NAME}_{version}_{machine}.deb"
    _run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", str(root), str(built)], package="dpkg")
    return built


def rpm(targets: Sequence[Target], wheels: Sequence[Wheel], *, work: Path) -> Path:
    """Build an .rpm in ``work`` and return its path.

    Raises:
        BundleError: rpmbuild is missing or refuses, or the wheels do not fit into one folder.
    """
    root = work / "root"
    _tree(root, targets, wheels)
    version, machine = _version(wheels), targets[0].machine
    values = {
        **_values(targets),
        "VERSION": version,
        "PYTHON_FILES": " or ".join(f"/usr/bin/python{t.python_text}" for t in reversed(targets)),
    }
    if len(targets) > 1:
        values["PYTHON_FILES"] = f"({values['PYTHON_FILES']})"
    spec = work / f"{NAME}.spec"
    _write(spec, _filled("rpm.spec", values))
    macros = {
        "_topdir": str(work / "rpm"),
        "_buildhost": "localhost",
        "_source": str(root),
        "use_source_date_epoch_as_buildtime": "1",
        "clamp_mtime_to_source_date_epoch": "1",
        "_build_id_links": "none",
        "_binary_payload": "w3.xzdio",  # RHEL 8 to 9, openEuler and Kylin read it
        "__brp_python_bytecompile": "%{nil}",
    }
    defines = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    _run(
        ["rpmbuild", "-bb", "--quiet", "--target", f"{machine}-linux", *defines, str(spec)],
        package="rpm-build",
    )
    return next(iter((work / "rpm" / "RPMS").rglob("*.rpm")))


def sha256(data: bytes) -> str:
    """Return the SHA-256 of a package, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def _version(wheels: Sequence[Wheel]) -> str:
    return next(str(wheel.version) for wheel in wheels if wheel.name == OURS)


def _values(targets: Sequence[Target]) -> dict[str, str]:
    return {"PYTHONS": " ".join(target.python_text for target in targets)}


def _tree(root: Path, targets: Sequence[Target], wheels: Sequence[Wheel]) -> None:
    """Lay out what the package holds, all files of one time."""
    library = root / LIBRARY
    for wheel in wheels:
        _unpack(wheel, library)
    _write(library / "__main__.py", _MAIN)
    _write(root / PROGRAM, _filled("launcher", _values(targets)), mode=0o755)
    _write(root / UNIT_PLACE, agent_unit(f"/{PROGRAM}"))
    _write(root / SETTINGS, agent_settings(collector=None, ca_file=None))
    time_s = source_time_s()
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (time_s, time_s))


def _unpack(wheel: Wheel, library: Path) -> None:
    with zipfile.ZipFile(wheel.path) as archive:
        for name in archive.namelist():
            parts = name.split("/")
            if parts[0].endswith(".data") or ".." in parts or name.startswith("/"):
                raise BundleError(f"{wheel.path.name} holds {name}, which has no place in a package")
            of_dist = parts[0].endswith(".dist-info")
            unwanted = of_dist and parts[-1] in ("RECORD", "WHEEL")
            if (
                name.endswith("/")
                or unwanted
                or (wheel.name == OURS and not (of_dist or name.startswith(OUR_PARTS)))
            ):
                continue
            data, path = archive.read(name), library / name
            if path.exists() and path.read_bytes() != data:
                raise BundleError(
                    f"two wheels hold different files {name}; build a package for each --python"
                )
            _write(path, data)


def _write(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = deploy_file("packages", name)
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _run(command: list[str], *, package: str) -> None:
    if shutil.which(command[0]) is None:
        raise BundleError(f"{command[0]} is not installed; install the system's package {package}")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(source_time_s()), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S, env=environment
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise BundleError(f"{command[0]} refuses: {said[-500:]}")
