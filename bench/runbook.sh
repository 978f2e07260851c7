#!/bin/sh
# Tries what docs/runbook.md says, with real processes in a new folder: sh bench/runbook.sh
# Prints what each step showed; takes about a minute. PYTHON names the interpreter (default: python).
set -u
P=${PYTHON:-python}
PYTHONPATH=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH
W=$(mktemp -d)
trap 'kill "$SP" 2>/dev/null; rm -rf "$W"' EXIT
cd "$W" || exit 1
cat > c.toml <<X
enterprise = "江苏示例科技有限公司"
db = "sqlite:///$W/c/starproof.db"
listen = "127.0.0.1:18441"
[tls]
mode = "own"
X
printf 'interval_s = 1\nseal_s = 1\n' > a.toml
sp() { $P -m starproof "$@"; }
start() { $P -m starproof collector serve --config c.toml > serve.$1.log 2>&1 & SP=$!; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do curl -sk https://127.0.0.1:18441/healthz >/dev/null && break; sleep 0.5; done; }
stop() { kill $SP; wait $SP; }
agent() { timeout $1 $P -m agent run --config a.toml --state a > agent.log 2>&1; }
start 1
sp collector token --config c.toml --host web-1 --json | $P -c 'import json,sys;print(json.load(sys.stdin)["token"])' > t
sp collector ca --config c.toml > ca.pem 2>/dev/null
$P -m agent enroll --collector https://127.0.0.1:18441 --token-file t --ca ca.pem --state a --name web-1
agent 5
echo "== backup"; sp backup --out $W/b1 --config c.toml; ls b1; (cd b1 && sha256sum -c --quiet SHA256SUMS && echo sums ok)
agent 5
stop
echo "== A disk lost"; mv c c.lost; sp restore "$W/b1" --config c.toml
start 2
agent 6; grep -o 'event=log_problem.*' agent.log | head -3; grep -o '"code": "[A-Z_]*"' serve.2.log | sort | uniq -c
$P -m agent status --state a | grep -E "!|待发|overall"
sp audit --db sqlite:///$W/c/starproof.db | tail -12
stop
echo "== B log.key lost"; mv c/log.key c/log.key.lost; start 3; sleep 1; head -3 serve.3.log; stop
sp collector doctor --config c.toml --offline | grep -A1 密钥
cp b1/log.key c/; chmod 600 c/log.key
echo "== C host replaced"; mv a a.old; start 4
sp collector token --config c.toml --host web-1 --json | $P -c 'import json,sys;print(json.load(sys.stdin)["token"])' > t
$P -m agent enroll --collector https://127.0.0.1:18441 --token-file t --ca ca.pem --state a --name web-1; agent 4; $P -m agent status --state a | grep -E "!|overall"
stop
echo "== D month boundary"; sp log close --month "$(date -d 'last month' +%Y-%m)" --db "sqlite:///$W/c/starproof.db"
sp log close --month "$(date +%Y-%m)" --db "sqlite:///$W/c/starproof.db"
echo "== E certificate expired"; $P - <<X
from datetime import timedelta
from pathlib import Path
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.sources import utc_now
from cryptography import x509
now = utc_now() - timedelta(days=800)
key = authority.new_key()
issuer = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=now)), key)
Path("old.pem").write_bytes(authority.server_pem(issuer, ["127.0.0.1"], now=now))
Path("old-ca.pem").write_bytes(issuer.pem)
X
chmod 600 old.pem
sed "s#mode = .*#mode = \"files\"\ncertificate = \"$W/old.pem\"\nkey = \"$W/old.pem\"\nca = \"$W/old-ca.pem\"#" c.toml > expired.toml
mv c.toml own.toml; mv expired.toml c.toml; start 6; cp a/ca.pem own-ca.pem; cp old-ca.pem a/ca.pem; agent 3
$P -m agent doctor --config a.toml --state a | grep -A1 到采集端的路
sp collector doctor --config c.toml --offline | grep -A1 服务端证书
stop; mv own.toml c.toml; cp own-ca.pem a/ca.pem; start 7; agent 3; $P -m agent status --state a | grep -E "待发|最近上报"; stop
echo "== F store damaged"; $P - <<X
d=bytearray(open("c/starproof.db","rb").read()); n=len(d)//4096
for p in range(n//2, n//2+3): d[p*4096:(p+1)*4096]=b"\xff"*4096
open("c/starproof.db","wb").write(d)
X
sp collector doctor --config c.toml --offline | grep -A1 数据库
start 5; agent 3; tail -2 serve.5.log; $P -m agent status --state a | grep -E "待发|!"; stop
