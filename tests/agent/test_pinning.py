"""Which CA a host pins when it enrols, and what is said when the wishes disagree."""

import json
import ssl
import time

import pytest
from cryptography import x509
from scripted_server import scripted_server

from agent import trust
from agent.errors import ConfigError, EnrolError, TransportError
from agent.pinning import Wanted, way_to
from agent.state import CA, State
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.sources import utc_now


@pytest.fixture(scope="module")
def issuer():
    key = authority.new_key()
    return Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)


@pytest.fixture
def scene(tmp_path, issuer):
    (tmp_path / "server.pem").write_bytes(authority.server_pem(issuer, ["127.0.0.1"], now=utc_now()))
    (tmp_path / "ca.pem").write_bytes(issuer.pem)
    state = State(str(tmp_path / "state"))
    state.create()
    with scripted_server(lambda _asked: (404, {}, b"{}"), certificate=tmp_path / "server.pem") as server:
        yield server, state, str(tmp_path / "ca.pem")


def way(server, state, **wanted):
    return way_to(server.url, Wanted(proxy="", **wanted), state, wall_ms=lambda: 0, mono_s=time.monotonic)


def post(found):
    return found.transport.post("/x", b"", {}, timeout_s=10).status


def test_a_ca_file_is_pinned_and_believed_from_then_on(scene):
    server, state, ca = scene
    found = way(server, state, ca=ca)
    with found.pinned(state):
        assert post(found) == 404
    kept = way(server, state)
    assert kept.pem is None
    with kept.pinned(state):
        assert post(kept) == 404
    state.remove(CA)
    with pytest.raises(TransportError, match="not from the CA"):
        post(way(server, state))
    assert post(way(server, state, ca_file=ca)) == 404


def test_who_speaks_http_to_a_collector_with_tls_is_told_to_write_https(scene):
    server, state, _ = scene
    plain = server.url.replace("https:", "http:")
    with pytest.raises(
        TransportError, match=f"perhaps the collector speaks https: then use {server.url} and give its CA"
    ):
        post(way_to(plain, Wanted(proxy=""), state, wall_ms=lambda: 0, mono_s=time.monotonic))


def test_an_emptied_pin_is_not_the_systems_trust(scene):
    server, state, _ = scene
    state.write(CA, b"")
    with pytest.raises(ConfigError, match="the pinned CA holds no certificate"):
        way(server, state)


def test_a_failed_enrolment_leaves_no_pin_behind(scene):
    server, state, ca = scene
    with pytest.raises(RuntimeError), way(server, state, ca=ca).pinned(state):
        raise RuntimeError
    assert state.ca_pem() is None


def test_the_settings_and_the_options_must_say_the_same(scene, tmp_path, issuer):
    server, state, ca = scene
    pin = authority.fingerprint(issuer.certificate)
    assert way(server, state, ca=ca, ca_sha256=pin, ca_file=ca).pem is None
    assert server.asked == []
    with pytest.raises(EnrolError, match="somebody else may be answering"):
        way(server, state, ca_sha256="0" * 64, ca_file=ca)
    other = tmp_path / "server.pem"
    with pytest.raises(ConfigError, match="differ; remove one"):
        way(server, state, ca=ca, ca_file=str(other))
    with pytest.raises(ConfigError, match="must begin with https:"):
        way_to("http://c", Wanted(ca=ca), state, wall_ms=lambda: 0, mono_s=time.monotonic)


def test_a_collector_that_tells_no_ca_is_not_believed(scene):
    server, state, _ = scene
    for reply in ((404, {}, b"{}"), (200, {}, b"[]"), (200, {}, json.dumps({"pem": "中"}).encode())):
        server.answer = lambda _asked, reply=reply: reply
        with pytest.raises(EnrolError, match=r"give --ca FILE"):
            way(server, state, ca_sha256="0" * 64)
    server.answer = lambda _asked: (200, {}, b'{"pem":"x"}')
    with pytest.raises(EnrolError, match="no certificate"):
        way(server, state, ca_sha256="0" * 64)
    assert {asked.body for asked in server.asked} == {b""}


def test_a_ca_file_that_cannot_be_used_is_explained(tmp_path, monkeypatch):
    path = tmp_path / "ca.pem"
    with pytest.raises(ConfigError, match="cannot be read"):
        trust.read_pem(str(path))
    for text in ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        path.write_text(text)
        with pytest.raises(ConfigError, match="holds no certificate"):
            trust.read_pem(str(path))
    monkeypatch.setattr(trust, "MAX_PEM_BYTES", 3)
    path.write_text("long")
    with pytest.raises(ConfigError, match="longer than 3"):
        trust.read_pem(str(path))


def test_what_tls_says_otherwise_is_passed_on():
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = 7, "certificate signature failure"
    assert "certificate signature failure" in trust.why_not(error, "c:1")
    assert trust.why_not(ssl.SSLError(1, "handshake failure"), "c:1").startswith("TLS with c:1 failed")
