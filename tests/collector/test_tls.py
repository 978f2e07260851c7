"""TLS with real sockets and real certificates: an own authority, given files, reloading, and who is refused."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from scripted_server import scripted_server

from agent.errors import AgentError, EnrolError, TransportError
from agent.pinning import Wanted, way_to
from agent.state import State
from agent.transport import HttpTransport
from agent.trust import fingerprint_of
from collector import cli
from collector.errors import KeyFileError, SettingsError
from collector.settings import Settings, parse_settings
from collector.tls import authority, sources
from collector.tls.authority import Authority
from collector.tls.command import ca_document
from collector.tls.opening import names_for
from collector.tls.serving import Certificates
from collector.tls.settings import Tls
from collector.tls.sources import GivenFiles, OwnAuthority, utc_now

NAMES = ("localhost", "127.0.0.1")


def new_authority(now=None):
    key = authority.new_key()
    pem = authority.authority_pem(key, now=now or utc_now())
    return Authority(x509.load_pem_x509_certificate(pem), key)


@pytest.fixture(scope="module")
def issuer():
    return new_authority()


def given(folder, issuer, *, names=NAMES, now=None, name="server"):
    path = folder / f"{name}.pem"
    path.write_bytes(authority.server_pem(issuer, names, now=now or utc_now()))
    return path


def settings_file(tmp_path, tls, **keys):
    path = tmp_path / "collector.toml"
    lines = [f'{name} = "{value}"\n' for name, value in keys.items()]
    path.write_text("".join(lines) + "[tls]\n" + tls, encoding="utf-8")
    return str(path)


def in_files(tmp_path, issuer, **options):
    path = given(tmp_path, issuer, **options)
    return path, settings_file(tmp_path, f'mode = "files"\ncertificate = "{path}"\nkey = "{path}"\n')


def transport(url, **options):
    return HttpTransport(url, wall_ms=lambda: 0, mono_s=time.monotonic, proxy="", **options)


def knock(url, **options):
    """Return the status of a request, or the sentence that says why there was none."""
    try:
        return transport(url, **options).post("/v1/chunks", b"", {}, timeout_s=10).status
    except TransportError as error:
        return str(error)


def at(url, host):
    return f"https://{host}:{urlsplit(url).port}"


def test_an_own_authority_is_made_once_and_agents_that_pin_it_get_in(serve, url, tmp_path, capsys):
    config = settings_file(tmp_path, 'mode = "own"\nnames = ["collector.example"]\n')
    running = serve("--config", config)
    assert running.url.startswith("https://127.0.0.1:")
    assert cli.main(["ca", "--config", config, "--db", url, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    pem = document["pem"]
    assert knock(running.url, ca_pem=pem) == 400
    assert knock(at(running.url, "localhost"), ca_pem=pem) == 400
    assert "not from the CA that this host trusts" in knock(running.url)
    state = Path(url.removeprefix("sqlite:///")).parent
    assert (state / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (state / "server.pem").stat().st_mode & 0o777 == 0o600
    assert running.stop() == 0
    again = serve("--config", config)
    assert knock(again.url, ca_pem=pem) == 400
    said = next(json.loads(line) for line in again.lines if '"tls"' in line)
    assert said["ca_sha256"] == document["sha256"]
    assert {"collector.example", *NAMES} <= set(said["names"].split())
    assert cli.main(["token", "--config", config, "--db", url, "--json"]) == 0
    command = json.loads(capsys.readouterr().out)["command"]
    assert command.endswith(f"--ca-sha256 {document['sha256']}")
    assert "https://COLLECTOR:8440" in command


def test_a_host_that_knows_the_fingerprint_asks_for_the_ca_and_believes_no_other(
    serve, url, tmp_path, capsys
):
    config = settings_file(tmp_path, 'mode = "own"\n')
    running = serve("--config", config)
    pin = ca_document(replace(Settings(), db=url, tls=Tls("own")))["sha256"]
    state = State(str(tmp_path / "host"))
    state.create()

    def way(fingerprint):
        wanted = Wanted(ca_sha256=fingerprint, proxy="")
        return way_to(running.url, wanted, state, wall_ms=lambda: 0, mono_s=time.monotonic)

    found = way(":".join([pin[:2].upper(), pin[2:]]))
    with found.pinned(state):
        assert found.transport.post("/v1/chunks", b"", {}, timeout_s=10).status == 400
    assert fingerprint_of(pin) == pin
    assert state.ca_pem() == found.pem
    with pytest.raises(EnrolError, match="somebody else may be answering"):
        way("0" * 64)
    with pytest.raises(AgentError, match="64 hex digits"):
        way("1234")
    with pytest.raises(RuntimeError), replace(found, pem="other").pinned(state):
        raise RuntimeError
    assert state.ca_pem() == found.pem


def test_what_is_not_right_is_refused_in_words(serve, tmp_path, issuer):
    path, config = in_files(tmp_path, issuer)
    running = serve("--config", config)
    pem = issuer.pem.decode()
    assert knock(running.url, ca_pem=pem) == 400
    assert "not from the CA that this host trusts" in knock(running.url, ca_pem=new_authority().pem.decode())
    assert "does not answer" in knock(running.url.replace("https:", "http:"))
    leaf = served(running.url).public_bytes(serialization.Encoding.PEM).decode()
    assert knock(running.url, ca_pem=leaf) == 400, "what is pinned need not be a root"
    cases = (
        ({"now": utc_now() - timedelta(days=600)}, "has expired, or this host's clock is wrong"),
        ({"now": utc_now() + timedelta(days=30)}, "this host's clock is behind"),
        ({"names": ("other.example",)}, "the certificate is not for 127.0.0.1"),
    )
    for made, sentence in cases:
        before = served(running.url)
        given(tmp_path, issuer, name="next", **made).replace(path)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda before=before: served(running.url) != before)
        assert sentence in knock(running.url, ca_pem=pem)
    with scripted_server(lambda _asked: (200, {}, b"")) as plain:
        assert "does not speak TLS there" in knock(plain.url.replace("http:", "https:"))


def test_a_certificate_is_changed_under_load_and_nobody_notices(serve, tmp_path, issuer):
    path, config = in_files(tmp_path, issuer)
    running = serve("--config", config)
    pem = issuer.pem.decode()
    seen, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            seen.append(knock(running.url, ca_pem=pem))

    with httpx.Client(verify=ssl.create_default_context(cadata=pem)) as lasting:
        assert lasting.get(f"{running.url}/healthz").status_code == 200
        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        serials = set()
        for _ in range(3):
            serials.add(served(running.url).serial_number)
            before = len(seen)
            given(tmp_path, issuer, name="next").replace(path)
            running.process.send_signal(signal.SIGHUP)
            wait_until(lambda: served(running.url).serial_number not in serials)
            wait_until(lambda before=before: len(seen) > before)
        path.write_text("broken")
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any("tls_not_reloaded" in line for line in running.lines))
        kept = served(running.url).serial_number
        assert kept not in serials
        assert lasting.get(f"{running.url}/healthz").status_code == 200
        stop.set()
        for asker in askers:
            asker.join()
    assert set(seen) == {400}
    assert running.stop() == 0


def test_a_handshake_that_does_not_come_is_closed(serve, tmp_path, issuer):
    path = given(tmp_path, issuer)
    config = tmp_path / "collector.toml"
    config.write_text(
        f'[tls]\nmode = "files"\ncertificate = "{path}"\nkey = "{path}"\n[limits]\nheader_timeout_s = 1\n'
    )
    parts = urlsplit(serve("--config", str(config)).url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as silent:
        assert silent.recv(1) == b""


def served(url):
    """Return the certificate that a new connection is shown."""
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((parts.hostname, parts.port), timeout=10) as wire,
        context.wrap_socket(wire) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))


def wait_until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Watch:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def test_an_own_certificate_is_made_anew_in_time_and_for_new_names(tmp_path, events):
    now = Watch(utc_now())
    own = OwnAuthority(tmp_path / "keys", NAMES, now=now)
    certificates = Certificates(own, now=now, log=events)
    first = own.load()
    now.now += timedelta(days=260)
    certificates.look()
    assert events.named("tls_reloaded") == []
    now.now += timedelta(days=10)
    certificates.look()
    assert len(events.named("tls_reloaded")) == 1
    second = own.load()
    assert second.until > first.until + timedelta(days=260)
    assert second.pin == first.pin
    other = OwnAuthority(tmp_path / "keys", (*NAMES, "10.0.0.5"), now=now).load()
    assert "10.0.0.5" in other.names
    (tmp_path / "keys" / "server.pem").write_text("damaged")
    assert own.load().pin == first.pin


def test_a_damaged_authority_is_never_replaced_silently(tmp_path, issuer):
    own = OwnAuthority(tmp_path, NAMES, now=utc_now)
    own.load()
    ca, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    kept = ca.read_bytes()
    ca.write_bytes(issuer.pem)
    with pytest.raises(KeyFileError, match="is not the certificate of"):
        own.load()
    ca.write_text("nothing")
    with pytest.raises(KeyFileError, match="damaged"):
        own.load()
    ca.write_bytes(kept)
    key.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        own.load()
    key.chmod(0o600)
    key.write_text("nothing")
    with pytest.raises(KeyFileError, match="damaged"):
        own.load()
    key.unlink()
    with pytest.raises(KeyFileError, match="is gone; restore it from a backup"):
        own.load()
    for name in (sources.CA, sources.SERVER):
        (tmp_path / name).unlink()
    assert own.load().pin != authority.fingerprint(issuer.certificate)


def test_a_given_certificate_near_its_end_is_told_once_a_day(tmp_path, issuer, events):
    now = Watch(utc_now())
    path = given(tmp_path, issuer, now=now() - timedelta(days=390))
    certificates = Certificates(GivenFiles(path, path, ca=None), now=now, log=events)
    certificates.look()
    assert len(events.named("certificate_ends")) == 1
    now.now += timedelta(days=1)
    certificates.look()
    assert len(events.named("certificate_ends")) == 2


def test_files_that_cannot_serve_are_explained(tmp_path, issuer):
    one, two = given(tmp_path, issuer, name="one"), given(tmp_path, issuer, name="two")
    with pytest.raises(SettingsError, match="do not belong together"):
        GivenFiles(one, two, ca=None).load()
    with pytest.raises(SettingsError, match="cannot read"):
        GivenFiles(tmp_path / "none", two, ca=None).load()
    (tmp_path / "text").write_text("text")
    with pytest.raises(SettingsError, match="no certificate"):
        GivenFiles(one, one, ca=tmp_path / "text").load()
    assert GivenFiles(one, one, ca=None).ca_pem() == issuer.pem


def test_an_address_that_others_reach_without_tls_is_warned_of(url, capsys, monkeypatch):
    from collector.http import server

    monkeypatch.setattr(server, "run", lambda *_arguments, **_options: None)
    assert cli.serve(Settings(db=url, listen="0.0.0.0:0")) == 0
    assert '"no_tls"' in capsys.readouterr().err
    assert cli.serve(Settings(db=url, listen="127.0.0.1:0")) == 0
    assert '"no_tls"' not in capsys.readouterr().err
    assert cli.main(["ca", "--db", url]) == 1
    assert 'mode = "own"' in capsys.readouterr().err


def test_the_certificate_speaks_for_what_is_known(url):
    settings = Settings(
        db=url, listen="10.0.0.5:8440", public_url="https://C.example:8440", tls=Tls("own", ("c.lan",))
    )
    names = names_for(settings)
    assert names[:3] == ["c.lan", "c.example", "10.0.0.5"]
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert "0.0.0.0" not in names_for(replace(settings, listen="0.0.0.0:8440"))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (3, "tls is a table"),
        ({"mod": "own"}, "did you mean 'mode'"),
        ({"mode": "on"}, '"off", "own", "files"'),
        ({"mode": "own", "names": "c"}, "tls.names is a list"),
        ({"mode": "own", "names": ["a b"]}, "tls.names is a list"),
        ({"mode": "files"}, "needs tls.certificate and tls.key"),
        ({"mode": "own", "key": "x"}, "only for tls.mode"),
        ({"mode": "files", "certificate": 3, "key": "x"}, "tls.certificate is the name of a file"),
    ],
)
def test_a_wrong_tls_setting_is_named(table, words):
    with pytest.raises(SettingsError) as error:
        parse_settings({"tls": table}, where="c.toml")
    assert words in str(error.value)


def test_the_key_of_the_authority_is_what_is_kept_secret(tmp_path):
    OwnAuthority(tmp_path, NAMES, now=utc_now).load()
    assert b"PRIVATE" not in (tmp_path / sources.CA).read_bytes()
    assert b"PRIVATE" in (tmp_path / sources.SERVER).read_bytes()
