"""HTTP within bounds: size, time, trust, no redirects, nothing of the machine's own settings."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time as real_time

import pytest
from scripted_server import scripted_server

from collector.errors import SettingsError
from collector.sources.errors import AnswerError, UnreachableError, UntrustedError
from collector.sources.web import Reach, Web, require_private


def get(web, url, **options):
    return web.send("GET", url, where="monitor", **options)


def test_an_answer_comes_with_status_headers_and_body(time):
    with scripted_server(lambda _: (418, {"X-Request-Id": "r-1"}, b"tea")) as script:
        reply = get(Web(time.clocks), f"{script.url}/pot?a=%2F", headers={"Authorization": "Bearer x"})
    assert (reply.status, reply.headers["x-request-id"], reply.body, reply.text) == (
        418,
        "r-1",
        b"tea",
        "tea",
    )
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("GET", "/pot?a=%2F")
    assert asked.headers["authorization"] == "Bearer x"
    assert asked.headers["user-agent"].startswith("starproof-collector/")


def test_redirects_are_not_followed(time):
    with scripted_server(lambda _: (302, {"Location": "/elsewhere"}, b"")) as script:
        assert get(Web(time.clocks), script.url).status == 302
    assert len(script.asked) == 1


def test_proxies_and_passwords_of_the_machine_are_not_used(time, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password PLANTED12345\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with scripted_server(lambda _: (200, {}, b"direct")) as script:
        assert get(Web(time.clocks), script.url).body == b"direct"
    assert "authorization" not in script.asked[0].headers


def test_a_proxy_that_is_set_is_used(time):
    with scripted_server(lambda _: (200, {}, b"through")) as script:
        web = Web(time.clocks, Reach(proxy=script.url))
        assert get(web, "http://monitor.invalid/x").body == b"through"
    assert script.asked[0].path == "http://monitor.invalid/x"


def test_too_large_an_answer_is_not_read_to_its_end(time):
    with scripted_server(lambda _: (200, {}, b"x" * 100_000)) as script:
        with pytest.raises(AnswerError, match="more than 1000 bytes"):
            get(Web(time.clocks, Reach(most_bytes=1000)), script.url)
        assert len(get(Web(time.clocks, Reach(most_bytes=100_000)), script.url).body) == 100_000


def test_the_bound_holds_for_what_is_unpacked(time):
    packed = gzip.compress(bytes(5_000_000))
    with (
        scripted_server(lambda _: (200, {"Content-Encoding": "gzip"}, packed)) as script,
        pytest.raises(AnswerError, match="more than 1000000 bytes"),
    ):
        get(Web(time.clocks, Reach(most_bytes=1_000_000)), script.url)


def test_no_answer_in_time_is_unreachable(time):
    def late(_stream):
        real_time.sleep(2)

    with (
        scripted_server(lambda _: late) as script,
        pytest.raises(UnreachableError, match="no answer in time"),
    ):
        get(Web(time.clocks, Reach(read_s=1)), script.url)


def test_an_answer_that_drips_ends_at_the_total_time(time):
    def drip(stream):
        stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            stream.write(b"x")
            stream.flush()
            time.pass_ms(500)
            real_time.sleep(0.002)

    with (
        scripted_server(lambda _: drip) as script,
        pytest.raises(UnreachableError, match="longer than 120 s"),
    ):
        get(Web(time.clocks), script.url)


@pytest.mark.parametrize(
    "raw",
    [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b""],
    ids=["not HTTP", "broken off", "nothing"],
)
def test_what_is_no_whole_answer_is_unreachable(time, raw):
    with (
        scripted_server(lambda _: lambda stream: stream.write(raw)) as script,
        pytest.raises(UnreachableError, match="broke off or is not HTTP"),
    ):
        get(Web(time.clocks), script.url)


def test_a_broken_encoding_is_unreachable(time):
    with (
        scripted_server(lambda _: (200, {"Content-Encoding": "gzip"}, b"not gzip")) as script,
        pytest.raises(UnreachableError),
    ):
        get(Web(time.clocks), script.url)


def test_a_closed_port_is_unreachable(time):
    with scripted_server() as script:
        url = script.url
    with pytest.raises(UnreachableError, match="cannot connect"):
        get(Web(time.clocks), url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate of this test")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=monitor"
    files = ["-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *files], cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return folder


def test_a_certificate_that_nobody_trusts_is_refused(time, certificate):
    with (
        scripted_server(lambda _: (200, {}, b""), certificate=certificate / "both.pem") as script,
        pytest.raises(UntrustedError, match="ca_file"),
    ):
        get(Web(time.clocks), script.url)
    assert script.asked == []


def test_a_certificate_that_is_named_is_trusted(time, certificate):
    with scripted_server(lambda _: (200, {}, b"safe"), certificate=certificate / "both.pem") as script:
        web = Web(time.clocks, Reach(ca_file=certificate / "cert.pem"))
        assert get(web, script.url).body == b"safe"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_a_settings_error(time, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(SettingsError, match="ca_file"):
        Web(time.clocks, Reach(ca_file=path))


def test_a_proxy_that_is_no_address_is_a_settings_error(time):
    with pytest.raises(SettingsError, match="proxy"):
        Web(time.clocks, Reach(proxy="what"))


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("monitor.example.com", "begins with https"),
        ("ftp://monitor.example.com", "begins with https"),
        ("https://", "names a host"),
        ("https://[::1", "begins with https"),
        ("https://monitor.example.com:99999", "begins with https"),
        ("https://monitor.example.com/?token=PLANTED12345", "ends before"),
        ("https://user:PLANTED12345@monitor.example.com", "holds no user"),
        ("http://monitor.example.com", "unencrypted"),
    ],
)
def test_an_address_that_would_give_credentials_away_is_refused(url, hint):
    with pytest.raises(SettingsError, match=hint) as raised:
        require_private(url, plain_allowed=False)
    assert "PLANTED" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "plain_allowed"),
    [
        ("https://monitor.example.com/prefix", False),
        ("http://127.0.0.1:9090", False),
        ("http://[::1]:9090", False),
        ("http://monitor.example.com", True),
    ],
)
def test_other_addresses_are_accepted(url, plain_allowed):
    require_private(url, plain_allowed=plain_allowed)
