"""Agent and collector as processes over TLS and a proxy; and a collector that is not the pinned one."""

from __future__ import annotations

import shlex
import signal

from cryptography import x509
from forward_proxy import forward_proxy
from processes import Running, collector, starproof, starproof_json

from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.sources import utc_now

DELIVERED = r"event=delivered "


def test_an_agent_behind_a_proxy_pins_the_collector_and_spools_while_another_answers(tmp_path):
    key = authority.new_key()
    other = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)
    certificate = tmp_path / "server.pem"
    own = authority.new_key()
    issuer = Authority(x509.load_pem_x509_certificate(authority.authority_pem(own, now=utc_now())), own)
    right = authority.server_pem(issuer, ["127.0.0.1"], now=utc_now())
    certificate.write_bytes(right)
    tls = f'[tls]\nmode = "files"\ncertificate = "{certificate}"\nkey = "{certificate}"\n'
    with collector(tmp_path, more=tls) as (server, url, db), forward_proxy() as proxy:
        assert url.startswith("https://")
        config = tmp_path / "collector.toml"
        token = starproof_json(
            "collector", "token", "--db", db, "--config", config, "--collector", url, "--host", "web-1"
        )
        settings = tmp_path / "agent.toml"
        settings.write_text(f'interval_s = 1\nseal_s = 1\n[delivery]\nproxy = "{proxy.url}"\n')
        program, *words = shlex.split(token["command"].partition(" | ")[2])
        assert program == "starproof-agent"
        words = [word for word in words if word not in ("--token-file", "-")]
        place = ("--state", tmp_path / "web-1", "--config", settings)
        starproof("agent", *words, *place, STARPROOF_TOKEN=token["token"])
        agent = Running(tmp_path / "agent.log", "agent", "run", *map(str, place))
        agent.start()
        try:
            agent.wait_for(DELIVERED)
            assert set(proxy.asked) == {f"CONNECT {url.removeprefix('https://')} HTTP/1.1"}
            certificate.write_bytes(authority.server_pem(other, ["127.0.0.1"], now=utc_now()))
            server.process.send_signal(signal.SIGHUP)
            start = len(agent.text())
            agent.wait_for("not from the CA that this host trusts", start=start)
            agent.wait_for(r"event=sealed [^\n]*pending=[2-9]", start=start)
            assert not agent.text()[start:].count("reading_failed")
            certificate.write_bytes(right)
            server.process.send_signal(signal.SIGHUP)
            start = len(agent.text())
            agent.wait_for(DELIVERED + r"[^\n]*pending=0", start=start)
        finally:
            assert agent.stop() == 0
    found = starproof_json("agent", "status", *place)
    assert found["chunks_pending"] == 0
