#!/bin/sh
# 安装或更换版本：StarProof 星证 采集代理（Linux）。可重复执行；密钥与待发数据不变。
# Installs the StarProof agent, or changes its version. May be run again; key and unsent data stay.
# 不联网：所需组件都在本目录 | needs no network: everything is in this folder.
set -eu
umask 022

PREFIX=/opt/starproof-agent
ETC=/etc/starproof
STATE=/var/lib/starproof-agent
PRIVATE_STATE=/var/lib/private/starproof-agent # where systemd kept it for a user of the moment
UNIT_NAME=starproof-agent.service
UNIT_DIR=/etc/systemd/system
LINK=/usr/local/bin/starproof-agent
AGENT_USER=starproof-agent
START_S=60

python='' name='' token_file='' start=yes enroll=yes
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

say() { printf '%s\n' "$*"; }
fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}
usage() {
    cat <<'TEXT'
用法 usage: sh install.sh [选项 options]
  --name HOST        本机在申报范围中的名称 | this host's name in the scope (default: its host name)
  --token-file FILE  一次性令牌文件，- 为标准输入 | one-time token, - for standard input
  --python PROGRAM   使用的 Python | the Python to use
  --no-enroll        不注册 | do not enrol
  --no-start         不启动服务 | do not start the service
退出码 exit status: 0 完成 done, 1 错误 error, 2 用法错误 wrong usage, 3 已安装但未注册 installed but not enrolled
TEXT
}
wrong() {
    printf 'install.sh: %s\n' "$*" >&2
    usage >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --name | --token-file | --python)
        [ $# -ge 2 ] || wrong "$1 缺少值 | $1 needs a value"
        case $1 in
        --name) name=$2 ;;
        --token-file) token_file=$2 ;;
        --python) python=$2 ;;
        esac
        shift 2
        ;;
    --no-start) start=no && shift ;;
    --no-enroll) enroll=no && shift ;;
    -h | --help) usage && exit 0 ;;
    *) wrong "未知选项 | unknown option: $1" ;;
    esac
done

fact() { sed -n "s/^$1=//p" "$here/bundle.txt"; }
as_agent() { runuser -u "$AGENT_USER" -- "$@"; }
systemd_runs() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

# 1. What can be wrong is found before anything is changed.
[ "$(id -u)" -eq 0 ] || fail "请以 root 身份运行 | run this as root: sudo sh install.sh"
[ -f "$here/bundle.txt" ] || fail "请在解开的安装包目录中运行 | run this inside the unpacked bundle ($here/bundle.txt is missing)"
for tool in sha256sum tar cmp useradd runuser; do
    command -v "$tool" >/dev/null 2>&1 || fail "缺少命令 | this command is missing: $tool"
done
(cd "$here" && sha256sum --check --quiet SHA256SUMS) ||
    fail "安装包已损坏或被改动，请重新拷贝 | the bundle is damaged or was changed: copy it again"
version=$(fact version) pythons=$(fact pythons) machine=$(fact machine)
[ "$(uname -m)" = "$machine" ] ||
    fail "安装包适用于 $machine，本机为 $(uname -m) | this bundle is for $machine, this host is $(uname -m): make one for it"
[ -n "$name" ] || name=$(fact host)
[ -n "$name" ] || name=$(uname -n)
sums=$(sha256sum <"$here/SHA256SUMS" | cut -c1-12)
[ -z "$token_file" ] || [ "$token_file" = - ] || [ -r "$token_file" ] || fail "读不到令牌文件 | cannot read the token file $token_file"
if [ -z "$token_file" ] && [ -f "$here/token" ]; then token_file=$here/token; fi

# 2. A Python for which this bundle holds the wheels.
minor_of() { "$1" -c 'import sys, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }
fits() { case " $pythons " in *" $(minor_of "$1") "*) return 0 ;; *) return 1 ;; esac; }
runtime=''
if [ -z "$python" ] && [ -f "$here/runtime.tar.gz" ]; then
    runtime=$PREFIX/runtime-$(sha256sum <"$here/runtime.tar.gz" | cut -c1-12)
    if [ ! -f "$runtime/complete" ]; then
        rm -rf "$runtime" && mkdir -p "$runtime"
        tar -xzf "$here/runtime.tar.gz" -C "$runtime" --no-same-owner
        : >"$runtime/complete"
    fi
    python=$runtime/python/bin/python3
fi
if [ -n "$python" ]; then
    if [ -n "$runtime" ] && ! fits "$python"; then
        rm -rf "$runtime"
        rmdir "$PREFIX" 2>/dev/null || true
        fail "随包的 Python 不能在本机运行，或不是 $pythons | the Python in the bundle does not run here, or is none of $pythons: $python"
    fi
    fits "$python" || fail "$python 不在支持之列 ($pythons)，或缺少 venv 模块 | $python is not one of $pythons, or lacks the module venv"
else
    seen=''
    for minor in $pythons ''; do
        for place in /usr/bin /usr/local/bin; do
            candidate=$place/python${minor:-3}
            [ -x "$candidate" ] || continue
            seen="$seen $candidate=$(minor_of "$candidate")"
            if fits "$candidate"; then python=$candidate && break 2; fi
        done
    done
    [ -n "$python" ] || fail "需要 Python（$pythons 之一），找到:${seen:- 无}；请安装、用 --python 指定，或用 --runtime 重做安装包 | needs a Python of $pythons, found:${seen:- none}; install one, name one by --python, or make the bundle with --runtime"
fi

# 3. The program, in a folder of its own: what runs now is not touched.
release=$PREFIX/releases/$version-$sums
if [ ! -f "$release/complete" ]; then
    rm -rf "$release"
    mkdir -p "$PREFIX/releases"
    "$python" -m venv --without-pip "$release" || fail "无法建立虚拟环境 | the virtual environment cannot be made with $python"
    pip=$(ls "$here"/wheels/pip-*.whl)
    PIP_CONFIG_FILE=/dev/null "$release/bin/python" "$pip/pip" --isolated --quiet --disable-pip-version-check install \
        --no-index --no-cache-dir --find-links "$here/wheels" "starproof==$version" ||
        fail "组件不全，见上一行 | wheels are missing, see the line above"
    "$release/bin/starproof-agent" sample >/dev/null || fail "采集代理在本机不能运行，见上一行 | the agent does not run here, see the line above"
    install -m 0755 "$here/uninstall.sh" "$release/uninstall.sh"
    : >"$release/complete"
fi
if command -v restorecon >/dev/null 2>&1; then restorecon -R "$PREFIX" || true; fi # SELinux labels, where there are any

# 4. A user without rights, a folder for key and unsent data, the settings.
note() { grep -qx "$1" "$PREFIX/made" 2>/dev/null || printf '%s\n' "$1" >>"$PREFIX/made"; }
if ! id "$AGENT_USER" >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$AGENT_USER"
    note user
fi
[ -d "$ETC" ] || { mkdir -m 0755 "$ETC" && note etc; }
if [ ! -f "$ETC/agent.toml" ]; then
    install -m 0644 "$here/agent.toml" "$ETC/agent.toml"
    note settings
fi

changed=no # what would make a running service another one
if [ -L "$STATE" ] && [ -d "$PRIVATE_STATE" ]; then # from an installation by hand
    if systemd_runs; then systemctl stop "$UNIT_NAME" || true; fi
    changed=yes
    rm -f "$STATE"
    mv "$PRIVATE_STATE" "$STATE"
fi
[ -d "$STATE" ] || mkdir -m 0700 "$STATE"
chown -R "$AGENT_USER:$AGENT_USER" "$STATE"
chmod 0700 "$STATE"

# 5. What runs until now is kept whole until the new version has started: its folder, unit and certificates.
#    An installation that was cut off has left it here; then that is what ran last.
before=$PREFIX/before
current=$(readlink "$PREFIX/current" 2>/dev/null || true)
previous=$current
if [ -d "$before" ]; then
    previous=$(cat "$before/release")
elif [ -n "$previous" ] && [ "$previous" != "$release" ]; then
    rm -rf "$before.new"
    mkdir "$before.new"
    printf '%s\n' "$previous" >"$before.new/release"
    for kept in "$UNIT_DIR/$UNIT_NAME" "$ETC/agent-ca.pem"; do
        if [ -f "$kept" ]; then cp -p "$kept" "$before.new/"; fi
    done
    mv "$before.new" "$before"
fi
switch_to() { ln -sfn "$1" "$PREFIX/current.new" && mv -Tf "$PREFIX/current.new" "$PREFIX/current"; }
put_back() { # NAME PLACE: as it was; gone if it was not there
    if [ -f "$before/$1" ]; then cp -p "$before/$1" "$2.new" && mv -f "$2.new" "$2"; else rm -f "$2"; fi
}
go_back() { # to what is kept; fails if that does not start either
    switch_to "$previous" && put_back "$UNIT_NAME" "$UNIT_DIR/$UNIT_NAME" && put_back agent-ca.pem "$ETC/agent-ca.pem" &&
        systemctl daemon-reload || return 1
    rm -rf "$before"
    systemctl reset-failed "$UNIT_NAME" 2>/dev/null || true # the new version's failures do not count for this one
    timeout "$START_S" systemctl restart "$UNIT_NAME"
}

# 6. The service. What an older systemd misunderstands is left out: it would take the list of allowed
#    calls, whose groups it does not know, for an almost empty one.
unit_for_this_systemd() {
    known=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9][0-9]*\).*/\1/p')
    known=${known:-999}
    if [ "$known" -lt 239 ]; then
        say "systemd $known 较旧：不限制系统调用 | is old: system calls are not restricted" >&2
        sed -e '/^SystemCallFilter=/d' -e '/^SystemCallErrorNumber=/d' "$here/$UNIT_NAME"
    else
        cat "$here/$UNIT_NAME"
    fi | if [ "$known" -lt 232 ]; then sed -e 's/^ProtectSystem=strict$/ProtectSystem=full/'; else cat; fi
}
has_unit=no
if command -v systemctl >/dev/null 2>&1; then
    mkdir -p "$UNIT_DIR"
    unit_for_this_systemd >"$UNIT_DIR/.$UNIT_NAME.new"
    chmod 0644 "$UNIT_DIR/.$UNIT_NAME.new"
    cmp -s "$UNIT_DIR/.$UNIT_NAME.new" "$UNIT_DIR/$UNIT_NAME" || changed=yes
    mv -f "$UNIT_DIR/.$UNIT_NAME.new" "$UNIT_DIR/$UNIT_NAME"
    has_unit=yes
fi
if [ -f "$here/agent-ca.pem" ]; then install -m 0644 "$here/agent-ca.pem" "$ETC/agent-ca.pem"; fi

# 7. The new version takes the old one's place in one step.
if [ "$current" != "$release" ] || [ -e "$PREFIX/not-started" ]; then changed=yes; fi
switch_to "$release"
mkdir -p "$(dirname "$LINK")"
ln -sfn "$PREFIX/current/bin/starproof-agent" "$LINK"

# 8. The host introduces itself, once.
status=0
if [ "$enroll" = yes ] && [ ! -f "$STATE/enrolment.json" ]; then
    if [ -z "$token_file" ]; then
        say "未注册：没有令牌。| Not enrolled: there is no token. Then run: sh install.sh --token-file FILE"
        status=3
    else
        if [ "$token_file" = - ]; then token=$(cat); else token=$(cat "$token_file"); fi
        set -- --config "$ETC/agent.toml" --state "$STATE" --name "$name" --token-file -
        # Settings that were here before may name another collector, or none.
        grep -q '^collector *=' "$ETC/agent.toml" || set -- "$@" --collector "$(fact collector)"
        printf '%s\n' "$token" | as_agent "$PREFIX/current/bin/starproof-agent" enroll "$@" || status=3
        unset token
        [ "$status" -eq 0 ] || say "未注册，原因见上一行；解决后再次运行 | not enrolled, see the line above; then run again: sh install.sh --token-file FILE" >&2
    fi
fi

# 9. Start, and go back to the version before if the new one does not start.
if systemd_runs; then
    systemctl daemon-reload
    if [ -f "$STATE/enrolment.json" ] && [ "$start" = yes ]; then
        systemctl enable --quiet "$UNIT_NAME"
        how=start # nothing happens to a service that runs
        [ "$changed" = no ] || how=restart
        if ! timeout "$START_S" systemctl "$how" "$UNIT_NAME"; then
            why="journalctl -u $UNIT_NAME"
            if [ "$previous" != "$release" ] && [ -d "$before" ] && [ -x "$previous/bin/starproof-agent" ]; then
                if go_back; then
                    fail "新版本未能启动，旧版本已恢复运行；原因见 $why | the new version does not start; the one before runs again, with its unit and certificates; for the reason: $why"
                fi
                fail "新版本未能启动，旧版本也未能恢复运行：本机现在没有测量！原因见 $why | the new version does not start, and the one before does not run again either: THIS HOST MEASURES NOTHING NOW. For the reason: $why"
            fi
            fail "服务未能启动：本机现在没有测量；原因见 $why | the service does not start: this host measures nothing now; for the reason: $why"
        fi
    fi
elif [ "$has_unit" = no ] || [ "$start" = yes ]; then
    say "systemd 未运行，请自行启动 | systemd does not run here; start the agent yourself:"
    say "  runuser -u $AGENT_USER -- $LINK run --config $ETC/agent.toml --state $STATE"
fi

# 10. Other versions and Pythons are no longer needed.
rm -rf "$before" "$before.new"
if [ "$start" = no ] && [ "$changed" = yes ] && systemd_runs && systemctl is-active --quiet "$UNIT_NAME"; then
    : >"$PREFIX/not-started"
    say "正在运行的仍是原来的版本 | what runs is still as before; to change it: systemctl restart $UNIT_NAME"
else
    rm -f "$PREFIX/not-started"
    for old in "$PREFIX"/releases/*; do
        [ "$old" = "$release" ] || rm -rf "$old"
    done
    used=$(readlink "$release/bin/python3" || true)
    for old in "$PREFIX"/runtime-*; do
        case $used in "$old"/*) ;; *) rm -rf "$old" ;; esac
    done
fi

say "已安装 StarProof 采集代理 $version | installed the StarProof agent $version"
say "查看 look: starproof-agent status --state $STATE    卸载 remove: sh $PREFIX/current/uninstall.sh"
exit "$status"
