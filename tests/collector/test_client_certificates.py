"""Certificates of clients, with real TLS: got by a host itself, renewed, and everybody else's refused."""

from __future__ import annotations

import base64
import io
import ssl
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from agent.client_certificate import PATH, WANTED, ClientCertificate
from agent.errors import StateError, TransportError
from agent.events import Events
from agent.state import CLIENT, State
from agent.transport import HttpTransport
from collector import cli, tokens
from collector.errors import RequestError, SettingsError
from collector.opening import open_store
from collector.relay.settings import relay_settings
from collector.settings import parse_settings
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.clients import CODE, Clients
from collector.tls.sources import OwnAuthority, utc_now
from evidence.client_certificate import CLIENT_CERTIFICATE_TYPE, request_body
from evidence.keys import PrivateKey

T0 = 1_793_462_400_000


class Host:
    """An enrolled key with an agent's own transport and certificate."""

    def __init__(self, folder, url, ca_pem, chain):
        self.chain, self.now_ms = chain, time.time_ns() // 1_000_000
        self.log = io.StringIO()
        self.open = lambda: HttpTransport(
            url, wall_ms=lambda: self.now_ms, mono_s=time.monotonic, ca_pem=ca_pem, proxy=""
        )
        self.transport = self.open()
        self.state = State(str(folder))
        self.state.create()

    def certificate(self):
        return ClientCertificate(
            self.state,
            self.chain.key,
            self.transport,
            plain=self.open,
            wall_ms=lambda: self.now_ms,
            events=Events(self.log, lambda: self.now_ms),
        )

    def send(self, frame, *, key=None):
        headers = {
            "Content-Type": "application/vnd.starproof.chunks",
            "X-StarProof-Key": (key or self.chain.key).public.id,
        }
        answer = self.transport.post("/v1/chunks", frame, headers, timeout_s=10)
        return answer.status, answer.body.decode()


class Scene:
    """A collector that wants certificates, two enrolled hosts, and the files of all."""

    def __init__(self, serve, url, folder, speak):
        self.url, self.config = url, folder / "c.toml"
        self.config.write_text('[tls]\nmode = "own"\nclients = "required"\n')
        self.running = serve("--config", str(self.config))
        self.folder = Path(url.removeprefix("sqlite:///")).parent
        ca_pem = (self.folder / "ca.pem").read_text()
        self.http = httpx.Client(
            base_url=self.running.url, verify=ssl.create_default_context(cadata=ca_pem), timeout=20
        )
        opened = open_store(url)
        now_ms = time.time_ns() // 1_000_000
        self.hosts = [
            Host(
                folder / name,
                self.running.url,
                ca_pem,
                speak(self.http).enrol(tokens.issue(opened.store, host=None, now_ms=now_ms).text, name),
            )
            for name in ("web-1", "db-1")
        ]
        opened.store.close()


@pytest.fixture
def scene(serve, url, tmp_path, speak):
    made = Scene(serve, url, tmp_path, speak)
    yield made
    made.http.close()


def test_a_host_gets_its_certificate_by_itself_and_nobody_gets_in_without_or_with_anothers(scene):
    web, db = scene.hosts
    frame = web.chain.next(T0)
    status, text = web.send(frame)
    assert status == 403
    assert WANTED in text
    shown = web.certificate()
    shown.keep_fresh()
    shown.follow("OK")
    assert not shown.is_shown, "nothing is asked for that is not wanted"
    shown.follow(WANTED)
    assert shown.is_shown
    assert web.send(frame)[0] == 200
    assert (scene.config.parent / "web-1" / CLIENT).stat().st_mode & 0o777 == 0o600
    web.transport = web.open()
    assert web.certificate().is_shown, "after a restart, too"
    assert web.send(frame)[0] == 200
    status, text = web.send(db.chain.next(T0), key=db.chain.key)
    assert status == 403
    assert "another host" in text
    # Somebody else's word for it, and a key that nobody enrolled.
    stranger = PrivateKey.generate()
    body = {"key": web.chain.key.public.id, "tls_key": stranger.public.raw.hex()}
    signature = stranger.sign(CLIENT_CERTIFICATE_TYPE, request_body(**body))
    body["signature"] = base64.b64encode(signature).decode()
    assert scene.http.post(PATH, json=body).json()["code"] == "BAD_SIGNATURE"
    assert scene.http.post(PATH, json={**body, "key": stranger.public.id}).json()["code"] == "UNKNOWN_KEY"


def test_ended_and_foreign_certificates_are_refused_and_renewed(scene):
    web, _ = scene.hosts
    frame = web.chain.next(T0)
    own = OwnAuthority(scene.folder, ["x"], now=utc_now).authority()
    key = authority.new_key()
    other = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)
    for issuer, now in ((own, utc_now() - timedelta(days=600)), (other, utc_now())):
        data = authority.gate_pem(issuer, web.chain.key.public.id, now=now)
        web.state.write(CLIENT, b"# renew_ms: 5\n" + data)
        web.transport = web.open()
        shown = web.certificate()
        with pytest.raises(TransportError):
            web.send(frame)
        shown.keep_fresh()
        assert web.send(frame)[0] == 200
        assert "event=client_certificate" in web.log.getvalue()
    # Nobody answers who is shown this one: another is asked for.
    web.state.write(CLIENT, b"# renew_ms: 9999999999999\n" + data)
    web.transport = web.open()
    web.certificate().follow("NO_ANSWER")
    assert web.send(frame)[0] == 200
    assert scene.running.stop() == 0
    web.certificate().obtain()
    assert "no_client_certificate" in web.log.getvalue()


def test_a_gates_certificate_lets_in_what_is_enrolled(scene):
    _, db = scene.hosts
    gate = scene.config.parent / "gate.pem"
    options = ["--config", str(scene.config), "--db", scene.url, "--name", "relay-1", "--out", str(gate)]
    assert cli.main(["client-certificate", *options]) == 0
    assert gate.stat().st_mode & 0o777 == 0o600
    assert cli.main(["client-certificate", *options]) == 1, "nothing is written over"
    db.state.write(CLIENT, gate.read_bytes())
    given = db.certificate()
    assert db.send(db.chain.frame(T0))[0] == 200
    given.keep_fresh()
    assert db.state.read(CLIENT) == gate.read_bytes(), "what somebody else put there is left alone"
    db.state.write(CLIENT, b"no certificate")
    with pytest.raises(StateError, match="remove it"):
        db.certificate()


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"mode": "own", "clients": "yes"}, "off"),
        ({"mode": "off", "clients": "required"}, "needs tls.mode"),
        ({"mode": "files", "certificate": "a", "key": "b", "clients": "required"}, "client_ca"),
        ({"mode": "own", "clients": "required", "client_ca": 5}, "name of a file"),
    ],
)
def test_settings_that_cannot_ask_for_certificates_are_refused(tls, words):
    with pytest.raises(SettingsError, match=words):
        parse_settings({"tls": tls}, where="c.toml")


def test_a_relay_asks_for_none_and_a_gate_has_no_hosts_name(tmp_path, capsys):
    file = tmp_path / "relay.toml"
    file.write_text('to = "http://a"\n[tls]\nmode = "own"\nclients = "required"\n')
    with pytest.raises(SettingsError, match="asks for no client certificates"):
        relay_settings(file)
    config = tmp_path / "c.toml"
    config.write_text(f'db = "sqlite:///{tmp_path}/x.db"\n[tls]\nmode = "own"\n')
    for name in ("a" * 64, "", "a\nb"):
        options = [
            "client-certificate",
            "--config",
            str(config),
            "--name",
            name,
            "--out",
            str(tmp_path / "o"),
        ]
        assert cli.main(options) == 1
    config.write_text(f'db = "sqlite:///{tmp_path}/x.db"\n')
    assert cli.main([*options[:4], "gate", *options[5:]]) == 1
    assert "own authority only" in capsys.readouterr().err


def test_whose_certificate_is_enough_is_judged_again_for_each_request(opened, web):
    """In this process: connections outlive certificates, and TLS has seen only the first of them."""
    key = authority.new_key()
    own = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)
    foreign = authority.new_key()
    other = Authority(
        x509.load_pem_x509_certificate(authority.authority_pem(foreign, now=utc_now())), foreign
    )
    asked = []
    moment = utc_now()
    clients = Clients(lambda: asked.append(1) or own, now=lambda: moment)
    tls_key = PrivateKey.generate().public.raw.hex()
    mine, body = web.key.public.id, request_body(web.key.public.id, tls_key)
    signature = web.key.sign(CLIENT_CERTIFICATE_TYPE, body)
    pem, renew_ms = clients.issue(opened.store, key=mine, tls_key=tls_key, signature=signature)
    assert abs(renew_ms / 1000 - (moment + timedelta(days=60)).timestamp()) < 1, "two thirds of its 90 days"

    def der(text):
        found = x509.load_pem_x509_certificate(text if isinstance(text, bytes) else text.encode())
        return found.public_bytes(Encoding.DER)

    clients.require(der(pem), mine)
    gate = authority.gate_pem(own, "relay-1", now=utc_now())
    clients.require(der(gate), mine)
    somebodys = authority.gate_pem(other, "b" * 64, now=utc_now())
    # of client_ca: TLS has verified it, and its name is nobody's key here
    clients.require(der(somebodys), mine)
    assert asked == [1], "the authority is read once"
    late = Clients(lambda: own, now=lambda: utc_now() + timedelta(days=91))
    for judge, data, whose, words in (
        (clients, b"", mine, "wants a client certificate"),
        (clients, der(pem), "b" * 64, "another host"),
        (late, der(pem), mine, "has ended"),
    ):
        with pytest.raises(RequestError, match=words) as refused:
            judge.require(data, whose)
        assert (refused.value.status, refused.value.reason) == (403, CODE)
    elsewhere = Clients(None, now=utc_now)
    elsewhere.require(der(somebodys), mine)
    for judge, given, code in (
        (elsewhere, {}, "BAD_REQUEST"),
        (clients, {"key": "c" * 64}, "UNKNOWN_KEY"),
        (clients, {"signature": b"x" * 64}, "BAD_SIGNATURE"),
        (clients, {"tls_key": "no"}, "BAD_SIGNATURE"),
    ):
        whole = {"key": mine, "tls_key": tls_key, "signature": signature, **given}
        with pytest.raises(RequestError) as refused:
            judge.issue(opened.store, **whole)
        assert refused.value.reason == code


def test_a_certificate_without_a_name_is_a_gates():
    key = authority.new_key()
    own = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)
    now = utc_now()
    nameless = (
        x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    Clients(lambda: own, now=utc_now).require(nameless.public_bytes(Encoding.DER), "a" * 64)
