#!/usr/bin/env bash
# A newcomer's day on a clean system without network: install, measure, lose the collector, upgrade,
# downgrade, deliver, uninstall; then what differs in the file system. Needs root; leaves nothing.
#   bench/clean_root.sh ROOT OLD_BUNDLE NEW_BUNDLE      ROOT: made by debootstrap --include=python3
# The collector runs outside the root with $PYTHON, in the same network namespace, which has a loopback only.
set -euo pipefail
if [ "${INSIDE:-}" != yes ]; then
  [ "$(id -u)" = 0 ] || { echo "run this as root: it makes namespaces and mounts" >&2; exit 2; }
  INSIDE=yes exec unshare --net --mount --pid --fork --kill-child "$0" "$@"
fi
lower=$1 old=$(realpath "$2") new=$(realpath "$3")
python=${PYTHON:-python3}
state=/var/lib/starproof-agent
work=$(mktemp -d)
trap 'status=$?; jobs -p | xargs -r kill 2>/dev/null || true; wait || true; umount -R "$work" && rmdir "$work"; exit $status' EXIT

ip link set lo up
mount -t tmpfs tmpfs "$work"
mkdir "$work"/{upper,overlay,root,outside}
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/overlay" "$work/root"
root=$work/root outside=$work/outside
mkdir -p "$root/proc" "$root/sys" "$root/dev"
mount -t proc proc "$root/proc"
mount --bind /sys "$root/sys"
mount --bind /dev "$root/dev"
mkdir "$root/bundles"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
differing() { # names in the upper layer whose content is not that of the clean system
  (cd "$work/upper" && find . -mindepth 1 ! -path './bundles*' | sort) | while read -r name; do
    if [ -d "$work/upper/$name" ] && [ -d "$lower/$name" ]; then continue; fi
    cmp -s "$work/upper/$name" "$lower/$name" || echo "$name"
  done
}
step() { printf '\n== %s\n' "$*"; }

collector() {
  "$python" -m starproof collector serve --db "sqlite:///$outside/starproof.db" --listen 127.0.0.1:8440 --config "$outside/collector.toml" >>"$outside/log" 2>&1 &
  collector=$!
  for _ in $(seq 100); do (: >/dev/tcp/127.0.0.1/8440) 2>/dev/null && return; sleep 0.1; done
  cat "$outside/log"; exit 1
}
agent() {
  chroot --userspec=starproof-agent:starproof-agent "$root" /usr/local/bin/starproof-agent run --config /etc/starproof/agent.toml \
    --state $state --interval 1 --seal 1 >>"$outside/agent.log" 2>&1 &
  agent=$!
  sleep "$1"
}
stop() { kill "$1" && wait "$1" || true; }
stop_agent() { stop "$agent"; }
field() { inside starproof-agent status --state $state --json | "$python" -c "import json,sys; print(json.load(sys.stdin)$1)"; }
spooled() { find "$root$state/spool" -name '*.chunk' | wc -l; }
unpack() { mkdir "$root/bundles/$2"; tar -xzf "$1" -C "$root/bundles/$2" --strip-components=1; echo "/bundles/$2"; } # BUNDLE NAME
key() { sha256sum <"$root$state/key"; }

step "before: $(inside python3 --version), pip: $(inside sh -c 'command -v pip || echo none'), routes: $(ip route | wc -l)"
printf 'enterprise = "测试企业"\ntimezone = "Asia/Shanghai"\n' >"$outside/collector.toml"
token=$("$python" -m starproof collector token --db "sqlite:///$outside/starproof.db" --config "$outside/collector.toml" --host web-1 --json | "$python" -c 'import json,sys; print(json.load(sys.stdin)["token"])')
collector

step "install"
old_folder=$(unpack "$old" old) new_folder=$(unpack "$new" new)
start=$(date +%s%N)
inside sh "$old_folder/install.sh" --name web-1 --token-file - <<<"$token"
echo "took $((($(date +%s%N) - start) / 1000000)) ms"
key_before=$(key)
first=$(inside readlink /opt/starproof-agent/current)
step "install again: nothing to do"
inside sh "$old_folder/install.sh" --no-start
step "measure, deliver"
agent 4
stop_agent
echo "waiting: $(spooled)"
step "the collector goes away"
stop "$collector"
agent 4
stop_agent
waiting=$(spooled)
echo "waiting: $waiting"; [ "$waiting" -gt 0 ]
step "upgrade, downgrade: key and spool stay"
inside sh "$new_folder/install.sh" --no-start
echo "version: $(inside readlink /opt/starproof-agent/current)"
[ "$(inside readlink /opt/starproof-agent/current)" != "$first" ] || { echo "both bundles are the same" >&2; exit 1; }
agent 2; stop_agent
[ "$key_before" = "$(key)" ]; between=$(spooled); [ "$between" -gt "$waiting" ]
inside sh "$old_folder/install.sh" --no-start
[ "$(inside readlink /opt/starproof-agent/current)" = "$first" ]
echo "version: $(inside readlink /opt/starproof-agent/current)"
[ "$key_before" = "$(key)" ]; [ "$(spooled)" -eq "$between" ]
step "uninstall with unsent chunks: refused"
inside sh /opt/starproof-agent/current/uninstall.sh </dev/null && exit 1
[ "$(spooled)" -eq "$between" ]
step "the collector is back: everything once"
collector
for _ in 1 2 3; do agent 4; stop_agent; [ "$(spooled)" -gt 0 ] || break; done
echo "waiting: $(spooled)"
"$python" - "$outside/starproof.db" <<'PY'
import sqlite3, sys
rows = [row[0] for row in sqlite3.connect(sys.argv[1]).execute("select seq from chunk order by seq")]
lost = max(rows) + 1 - len(set(rows)) - min(rows)
print(f"chunks stored: {len(rows)}, lost: {lost}, doubled: {len(rows) - len(set(rows))}")
sys.exit(bool(lost or len(rows) != len(set(rows))))
PY
step "uninstall"
inside sh /opt/starproof-agent/current/uninstall.sh </dev/null
step "what differs from before"
differing
echo "(the files ending in - and .pwd.lock are useradd's and userdel's own copies)"
