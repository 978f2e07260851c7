"""install.sh and uninstall.sh for real: over this system's own files, in a layer that is thrown away.

Nothing of this machine changes: the scripts run in a mount namespace, on an overlay whose upper layer
is a tmpfs, without network. What that layer holds at the end is what they left behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from starproof.bundling.agent_bundle import Ingredients, make
from starproof.bundling.fetching import collect

OVERLAYS = Path("/proc/filesystems").read_text() if Path("/proc/filesystems").exists() else ""
pytestmark = [
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root for a mount namespace"
    ),
    pytest.mark.skipif("\toverlay\n" not in OVERLAYS, reason="this kernel has no overlay file system"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed"),
]
WORLD = r"""
set -eu
w=$(mktemp -d)
mount -t tmpfs tmpfs "$w"
mkdir "$w/upper" "$w/work" "$w/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$w/upper,workdir=$w/work" "$w/root"
mount -t proc proc "$w/root/proc"; mount --bind /sys "$w/root/sys"; mount --rbind /dev "$w/root/dev"
for place in $VISIBLE; do mkdir -p "$w/root$place"; mount --rbind "$place" "$w/root$place"; done
mkdir "$w/root/bundle"
tar -xzf "$BUNDLE" -C "$w/root/bundle" --strip-components=1
in_() { chroot "$w/root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root "$@"; }
install() { in_ sh /bundle/install.sh --python "$PYTHON" "$@"; }
uninstall() { in_ sh /opt/starproof-agent/current/uninstall.sh "$@"; }
left() { (cd "$w/upper" && find . ! -type d ! -path './bundle/*' | while read -r f; do cmp -s "$f" "/$f" || echo "$f"; done); }
state=$w/root/var/lib/starproof-agent
"""
BACKUPS = {
    "./etc/passwd-",
    "./etc/group-",
    "./etc/shadow-",
    "./etc/gshadow-",
    "./etc/.pwd.lock",
    "./etc/subuid-",
    "./etc/subgid-",
}
"""What useradd and userdel keep for themselves."""


@pytest.fixture(scope="module")
def bundle(here, wheels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    chosen = collect([here], work=folder, given=wheels)
    made = make(Ingredients([here], chosen, "http://127.0.0.1:8440"))
    path = folder / made.name
    path.write_bytes(made.data)
    return path


def world(bundle, steps, tmp_path, code=0):
    """Run steps in a layer over this system; return what they printed."""
    python = os.path.realpath(sys.executable)
    script = tmp_path / "steps.sh"
    script.write_text(WORLD + steps, encoding="utf-8")
    # Bind mounts of this machine are not part of the root's own files; what Python needs is shown again.
    seen = {str(Path(python).parents[1]), str(bundle.parent)}
    visible = sorted(place for place in seen if os.stat(place).st_dev != os.stat("/").st_dev)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", script],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BUNDLE": str(bundle), "PYTHON": python, "VISIBLE": " ".join(visible)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


def test_a_newcomer_installs_twice_and_removes_it_and_nothing_is_left(bundle, tmp_path):
    said = world(
        bundle,
        r"""
install --no-enroll --no-start; first=$(in_ readlink /opt/starproof-agent/current)
in_ starproof-agent sample --json | grep -q '"agent"' && echo MEASURES
in_ stat -c 'STATE %U %a' /var/lib/starproof-agent
echo '# mine' >>"$w/root/etc/starproof/agent.toml"
echo 0123 >"$state/key"
install --no-enroll --no-start
[ "$first" = "$(in_ readlink /opt/starproof-agent/current)" ] && [ "$(cat "$state/key")" = 0123 ] && echo SAME
tail -n 1 "$w/root/etc/starproof/agent.toml"
mkdir -p "$state/spool/refused"; echo x >"$state/spool/000000000007.chunk"; echo x >"$state/spool/refused/000000000003.chunk"
uninstall && exit 9
[ -f "$state/spool/000000000007.chunk" ] && in_ starproof-agent --help >/dev/null && echo KEPT
uninstall --keep-state; [ "$(cat "$state/key")" = 0123 ] && [ ! -e "$w/root/opt/starproof-agent/current" ] && echo KEPT-STATE
in_ sh /bundle/uninstall.sh --delete-unsent
echo LEFT $(left) .
""",
        tmp_path,
    )
    for mark in ("MEASURES", "STATE starproof-agent 700", "SAME", "# mine", "KEPT", "KEPT-STATE"):
        assert mark in said.splitlines(), said
    assert "2 chunks were not delivered" in said
    left = set(said.partition("LEFT ")[2].split()) - {"."}
    assert left <= BACKUPS


def test_what_does_not_fit_is_refused_before_anything_changes(bundle, tmp_path):
    said = world(
        bundle,
        r"""
in_ sh /bundle/install.sh --python /bin/true && exit 9
cp "$w/root/bundle/bundle.txt" "$w/kept"
echo >>"$w/root/bundle/agent.toml"; install && exit 9
sed -i 's/^machine=.*/machine=sparc/' "$w/root/bundle/bundle.txt"
(cd "$w/root/bundle" && grep -v -e agent.toml -e bundle.txt SHA256SUMS >s && mv s SHA256SUMS)
install && exit 9
install --what || [ $? -eq 2 ]
in_ setpriv --reuid=65534 sh /bundle/install.sh && exit 9
echo LEFT $(left) .
""",
        tmp_path,
    )
    for told in (
        "is not one of",
        "damaged or was changed",
        "is for sparc",
        "unknown option",
        "run this as root",
    ):
        assert told in said
    assert said.rstrip().endswith("LEFT .")


def test_a_host_whose_python_is_too_old_gets_the_one_that_the_bundle_brings(bundle, tmp_path):
    """As on CentOS 7 and Kylin V10. The Python carried along is this system's, in a folder of its own."""
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    program, library = Path("/usr/bin") / minor, Path("/usr/lib") / minor
    if not program.exists() or not (library / "venv").is_dir():
        pytest.skip(f"this system has no {minor} of its own to carry along")
    said = world(
        bundle,
        f"PROGRAM={program}; LIBRARY={library}"
        r"""
carry() { # what runs as its python3
  rm -rf "$w/r"; mkdir -p "$w/r/python/bin" "$w/r/python/lib"; cp "$1" "$w/r/python/bin/python3"
  ln -s "$LIBRARY" "$w/r/python/lib/"; tar -czf "$w/root/bundle/runtime.tar.gz" -C "$w/r" python
}
carry /bin/false; in_ sh /bundle/install.sh --no-enroll --no-start && exit 9
[ ! -e "$w/root/opt/starproof-agent" ] && echo NOTHING-DONE
carry "$PROGRAM"; rm "$w/root$PROGRAM"; in_ sh /bundle/install.sh --no-enroll --no-start
in_ readlink /opt/starproof-agent/current/bin/python3
in_ sh /bundle/install.sh --no-enroll --no-start >/dev/null # again: the Python in use stays
in_ starproof-agent sample --json | grep -q '"agent"' && echo MEASURES $(ls -d "$w/root/opt/starproof-agent/"runtime-* | wc -l)
uninstall; [ ! -e "$w/root/opt/starproof-agent" ] && echo GONE
""",
        tmp_path,
    ).splitlines()
    for mark in ("NOTHING-DONE", "MEASURES 1", "GONE"):
        assert mark in said, said
    assert any(line.startswith("/opt/starproof-agent/runtime-") for line in said), said


def test_the_container_recipe_builds_from_the_bundle_without_network(bundle, tmp_path):
    recipe = (Path(__file__).parents[2] / "deploy/container/Containerfile").read_text(encoding="utf-8")
    steps = [
        line.removeprefix("RUN ")
        for line in recipe.replace("\\\n", "").splitlines()
        if line.startswith("RUN ")
    ]
    assert len(steps) == 1
    (tmp_path / "run.sh").write_text(steps[0].replace("python3 -m venv", "$PYTHON -m venv"), encoding="utf-8")
    said = world(
        bundle,
        f"""
mkdir "$w/x"; mv "$w/root/bundle" "$w/x/inner"; mv "$w/x" "$w/root/bundle"; cp {tmp_path}/run.sh "$w/root/run.sh"
"""
        r"""
in_ PYTHON="$PYTHON" sh /run.sh; in_ /opt/starproof-agent/bin/starproof-agent sample >/dev/null
in_ stat -c '%u %a' /var/lib/starproof-agent; grep -x 'collector = .*' "$w/root/etc/starproof/agent.toml"
echo secret >"$w/root/bundle/inner/token"; in_ PYTHON="$PYTHON" sh /run.sh && exit 9; echo END
""",
        tmp_path,
    )
    for mark in ("65532 700", 'collector = "http://127.0.0.1:8440"', "an image is copied"):
        assert mark in said
    assert said.rstrip().endswith("END")


SYSTEMCTL = r"""
mkdir -p "$w/root/run/systemd/system"
cat >"$w/root/usr/local/sbin/systemctl" <<'S'
#!/bin/sh
echo "systemctl $*" >>/calls
unit=/etc/systemd/system/starproof-agent.service
case $1 in
--version) echo "systemd $(cat /systemd-version) (fake)" ;;
start | restart) cat /opt/starproof-agent/current/complete "$unit" | grep -q -f /broken && exit 1 ;;
is-active) [ -e /active ] || exit 3 ;;
esac
exit 0
S
chmod 755 "$w/root/usr/local/sbin/systemctl"
echo 219 >"$w/root/systemd-version"; echo nothing-is-broken >"$w/root/broken"
unit=$w/root/etc/systemd/system/starproof-agent.service
"""


def test_an_old_systemd_is_not_given_what_it_misreads_and_a_version_that_fails_is_taken_back(
    bundle, tmp_path
):
    said = world(
        bundle,
        SYSTEMCTL
        + r"""
install --no-enroll
grep -c SystemCallFilter "$unit" || true; grep -x -e User=starproof-agent -e ProtectSystem=full "$unit"
echo 252 >"$w/root/systemd-version"; echo x >"$state/enrolment.json"
install; grep -x -e ProtectSystem=strict -e SystemCallFilter=@system-service "$unit"
: >"$w/root/calls"; install; echo AGAIN $(grep -c restart "$w/root/calls" || true)
old=$(in_ readlink /opt/starproof-agent/current); cp "$unit" "$w/unit-before"
echo of-old >"$w/root/etc/starproof/agent-ca.pem"; echo of-new >"$w/root/bundle/agent-ca.pem"
echo '# new unit' >>"$w/root/bundle/starproof-agent.service"
(cd "$w/root/bundle" && sha256sum $(cut -c67- SHA256SUMS) >s && mv s SHA256SUMS)
new=$(sha256sum <"$w/root/bundle/SHA256SUMS" | cut -c1-12)
cp -a "$w/root$old" "$w/root${old%-*}-$new" # as if it had been built before: that takes its time
back() { # all is as before the installer ran
  [ "$old" = "$(in_ readlink /opt/starproof-agent/current)" ] && [ -x "$w/root$old/bin/starproof-agent" ] &&
    cmp "$unit" "$w/unit-before" && grep -qx of-old "$w/root/etc/starproof/agent-ca.pem" &&
    [ ! -e "$w/root/opt/starproof-agent/before" ] && echo "$1"
}
echo '# new unit' >"$w/root/broken"; : >"$w/root/calls"
install && exit 9
back TAKEN-BACK; echo THEN $(tail -n 3 "$w/root/calls")
echo User= >"$w/root/broken"
install && exit 9
back HONEST
cp "$unit" "$w/root/opt/kept-unit"; mkdir "$w/root/opt/starproof-agent/before" # a power cut in the middle
echo "$old" >"$w/root/opt/starproof-agent/before/release"; mv "$w/root/opt/kept-unit" "$w/root/opt/starproof-agent/before/starproof-agent.service"
echo of-old >"$w/root/opt/starproof-agent/before/agent-ca.pem"
cp "$w/root/bundle/starproof-agent.service" "$unit"; cp "$w/root/bundle/agent-ca.pem" "$w/root/etc/starproof/"
in_ ln -sfn "${old%-*}-$new" /opt/starproof-agent/current; echo '# new unit' >"$w/root/broken"
install && exit 9
back AFTER-POWER-CUT
echo nothing >"$w/root/broken"; : >"$w/root/active"; install --no-start >/dev/null; echo RUNS-ON $(ls "$w/root/opt/starproof-agent/releases" | wc -l)
: >"$w/root/calls"; install >/dev/null; echo LATER $(grep -c "restart starproof" "$w/root/calls"); echo RELEASES $(ls "$w/root/opt/starproof-agent/releases")
mkdir -p "$state/spool"; echo x >"$state/spool/000000000007.chunk"; : >"$w/root/calls"
uninstall && exit 9
echo ASKED $(tail -n 2 "$w/root/calls"); rm "$state/spool/000000000007.chunk"; rm "$w/root/active"
uninstall; tail -n 3 "$w/root/calls"; [ ! -e "$unit" ] && echo GONE
""",
        tmp_path,
    ).splitlines()
    for mark in (
        "0",
        "User=starproof-agent",
        "ProtectSystem=full",
        "ProtectSystem=strict",
        "SystemCallFilter=@system-service",
    ):
        assert mark in said
    assert "AGAIN 0" in said
    one_line = "\n".join(said)
    for mark in ("TAKEN-BACK", "HONEST", "AFTER-POWER-CUT", "RUNS-ON 2", "LATER 1"):
        assert mark in said, one_line
    service = "starproof-agent.service"
    assert (
        f"THEN systemctl daemon-reload systemctl reset-failed {service} systemctl restart {service}" in said
    )
    assert one_line.count("the one before runs again, with its unit and certificates") == 2
    assert one_line.count("THIS HOST MEASURES NOTHING NOW") == 1
    assert f"ASKED systemctl stop {service} systemctl start {service}" in said
    assert "GONE" in said
    assert "systemctl daemon-reload" in said
