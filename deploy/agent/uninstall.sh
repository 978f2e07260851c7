#!/bin/sh
# 卸载 StarProof 星证 采集代理，不留文件；有未上报的数据时先询问。
# Removes the StarProof agent and leaves nothing; asks before it deletes data that was not delivered.
set -eu

PREFIX=/opt/starproof-agent
ETC=/etc/starproof
STATE=/var/lib/starproof-agent
PRIVATE_STATE=/var/lib/private/starproof-agent
UNIT_NAME=starproof-agent.service
UNIT_DIR=/etc/systemd/system
LINK=/usr/local/bin/starproof-agent
AGENT_USER=starproof-agent

unsent_too=no keep_state=no
fail() {
    printf 'uninstall.sh: %s\n' "$*" >&2
    exit 1
}
usage() {
    cat <<'TEXT'
用法 usage: sh uninstall.sh [--keep-state | --delete-unsent]
  --keep-state     保留密钥、注册与待发数据 | keep key, enrolment and unsent data
  --delete-unsent  不询问，删除未上报的数据 | delete unsent data without asking
TEXT
}
for option in "$@"; do
    case $option in
    --keep-state) keep_state=yes ;;
    --delete-unsent) unsent_too=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done
if [ "$keep_state" = yes ] && [ "$unsent_too" = yes ]; then usage >&2 && exit 2; fi

[ "$(id -u)" -eq 0 ] || fail "请以 root 身份运行 | run this as root"
systemd_runs() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

# 1. Nobody else may need the program.
for unit in "$UNIT_DIR"/starproof-logins.service "$UNIT_DIR"/starproof-database.service; do
    if [ -f "$unit" ] && grep -q "$PREFIX" "$unit"; then
        fail "$unit 还在使用本程序，请先停用并删除它 | $unit still uses this program: disable and remove it first"
    fi
done

# 2. A stopping agent seals and delivers once more; only then is counted what is left.
#    Whoever goes away at the question, or loses the line, has removed nothing: the agent runs again.
was_active=no
start_again() {
    [ "$was_active" = yes ] || return 0
    was_active=no
    systemctl start "$UNIT_NAME" ||
        printf '%s\n' "服务未能再次启动：本机现在没有测量 | the service does not start again, this host measures nothing now: systemctl start $UNIT_NAME" >&2
}
if systemd_runs && systemctl is-active --quiet "$UNIT_NAME"; then
    trap 'start_again' EXIT
    trap 'exit 1' HUP INT TERM
    was_active=yes
    systemctl stop "$UNIT_NAME"
fi
if command -v flock >/dev/null 2>&1 && [ -f "$STATE/lock" ]; then
    flock --nonblock "$STATE/lock" true || fail "采集代理仍在运行，请先停止 | the agent still runs: stop it first"
fi
count() { find "$STATE/spool/" -type f \( -name '*.chunk' -o -path '*/damaged/*' -o -path '*/refused/*' \) 2>/dev/null | wc -l; }
stay() { fail "$* | nothing was removed"; }
if [ "$keep_state" = no ] && [ "$unsent_too" = no ]; then
    unsent=$(count)
    if [ "$unsent" -gt 0 ]; then
        printf '%s\n' "有 $unsent 个数据块尚未上报，删除后无法恢复。| $unsent chunks were not delivered; once deleted they are lost for good." >&2
        [ -t 0 ] || stay "未删除：请恢复与采集端的连接，或加 --delete-unsent | let the agent deliver them, or give --delete-unsent"
        printf '%s' "仍要删除请输入 delete | type delete to delete them all the same: " >&2
        read -r answer || answer=''
        [ "$answer" = delete ] || stay "未删除 | not confirmed"
    fi
fi

# 3. The service, the program, the settings, the state, the user: each only if it is there.
was_active=no # from here on there is no way back
if systemd_runs; then systemctl disable --quiet "$UNIT_NAME" 2>/dev/null || true; fi
rm -f "$UNIT_DIR/$UNIT_NAME" "$UNIT_DIR/multi-user.target.wants/$UNIT_NAME"
rm -rf "$UNIT_DIR/$UNIT_NAME.d"
if systemd_runs; then
    systemctl daemon-reload
    systemctl reset-failed "$UNIT_NAME" 2>/dev/null || true
fi
if [ "$(readlink "$LINK" 2>/dev/null || true)" = "$PREFIX/current/bin/starproof-agent" ]; then rm -f "$LINK"; fi
made() { grep -qx "$1" "$PREFIX/made" 2>/dev/null; }
made_user=no made_etc=no
if made user; then made_user=yes; fi
if made etc; then made_etc=yes; fi
if [ "$keep_state" = no ]; then
    if made settings; then rm -f "$ETC/agent.toml"; fi
    rm -f "$ETC/agent-ca.pem"
    if [ "$made_etc" = yes ]; then rmdir "$ETC" 2>/dev/null || true; fi # stays if somebody else uses it
    rm -rf "$STATE" "$PRIVATE_STATE"
    if [ "$made_user" = yes ]; then
        userdel "$AGENT_USER" 2>/dev/null || true
        if command -v groupdel >/dev/null 2>&1; then groupdel "$AGENT_USER" 2>/dev/null || true; fi
    fi
    rm -rf "$PREFIX"
else
    rm -rf "$PREFIX/releases" "$PREFIX"/runtime-* "$PREFIX/current" # "made" stays for the next removal
fi
printf '%s\n' "已卸载 | removed"
if [ "$keep_state" = yes ]; then printf '%s\n' "保留 | kept: $STATE $ETC $PREFIX/made"; fi
