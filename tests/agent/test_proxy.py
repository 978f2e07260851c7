"""An HTTP proxy between host and collector: the tunnel, the refusals, and which proxy is meant."""

import base64
import time

import pytest
from cryptography import x509
from forward_proxy import forward_proxy
from scripted_server import scripted_server

from agent.errors import ConfigError, TransportError
from agent.proxy import proxy_for
from agent.transport import HttpTransport
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.sources import utc_now


def answer(asked):
    return 200, {}, asked.path.encode() + b" " + asked.body


def post(url, *, timeout_s=10, **options):
    carrier = HttpTransport(url, wall_ms=lambda: 0, mono_s=time.monotonic, **options)
    return carrier.post("/v1/chunks", b"body", {}, timeout_s=timeout_s).body


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A server with a certificate for localhost, and its CA."""
    key = authority.new_key()
    pem = authority.authority_pem(key, now=utc_now())
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    issuer = Authority(x509.load_pem_x509_certificate(pem), key)
    path.write_bytes(authority.server_pem(issuer, ["localhost"], now=utc_now()))
    with scripted_server(answer, certificate=path) as server:
        yield server, pem.decode()


def test_https_goes_through_a_tunnel_in_which_the_collector_is_verified(secured):
    server, pem = secured
    url = server.url.replace("127.0.0.1", "localhost")
    with forward_proxy() as proxy:
        assert post(url, ca_pem=pem, proxy=proxy.url) == b"/v1/chunks body"
        assert proxy.asked == [f"CONNECT {url.removeprefix('https://')} HTTP/1.1"]
        with pytest.raises(TransportError, match="not from the CA"):
            post(url, proxy=proxy.url)
        with pytest.raises(TransportError, match=r"is not for 127\.0\.0\.1"):
            post(server.url, ca_pem=pem, proxy=proxy.url)


def test_http_is_asked_for_by_its_whole_url():
    with scripted_server(answer) as server, forward_proxy() as proxy:
        assert post(server.url + "/base", proxy=proxy.url) == b"/base/v1/chunks body"
        assert proxy.asked == [f"POST {server.url}/base/v1/chunks HTTP/1.1"]
        assert "proxy-authorization" not in server.asked[0].headers


def test_a_password_is_given_to_the_proxy_and_shown_to_nobody(secured):
    server, pem = secured
    url = server.url.replace("127.0.0.1", "localhost")
    basic = "Basic " + base64.b64encode("用户:p@ss".encode()).decode()
    with scripted_server(answer) as plain, forward_proxy(authorization=basic) as proxy:
        known = proxy.url.replace("//", "//%E7%94%A8%E6%88%B7:p%40ss@")
        assert post(url, ca_pem=pem, proxy=known) == b"/v1/chunks body"
        assert post(plain.url, proxy=known) == b"/v1/chunks body"
        for target, trust in ((url, pem), (plain.url, None)):
            with pytest.raises(TransportError, match="wants a user and a password"):
                post(target, ca_pem=trust, proxy=proxy.url)
            with pytest.raises(TransportError) as error:
                post(target, ca_pem=trust, proxy=known.replace("p%40ss", "wrong"))
            assert "wrong" not in str(error.value)
    with pytest.raises(ConfigError) as error:
        post(url, proxy="https://user:secret@proxy.example:1")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", r"does not connect to localhost:\d+ \(status 403\)"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", r"\(status 0\)"),
        (b"HTTP/1.1 200 OK\r\n", "no proper answer to CONNECT"),
        (b"x" * 20_000, "no proper answer to CONNECT"),
    ],
)
def test_a_proxy_that_refuses_or_babbles_is_named(said, sentence):
    with forward_proxy(answer=said) as proxy, pytest.raises(TransportError, match=sentence):
        post("https://localhost:1", proxy=proxy.url)


def test_a_proxy_that_is_away_or_silent_is_named():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TransportError, match=r"by the proxy 127.0.0.1"):
            post("https://localhost:1", proxy=url, timeout_s=0.3)
    with pytest.raises(TransportError, match=r"by the proxy 127.0.0.1"):
        post("https://localhost:1", proxy=url)


@pytest.mark.parametrize(
    ("host", "secure", "setting", "environment", "found"),
    [
        ("c.example", True, None, {}, None),
        ("c.example", True, None, {"https_proxy": "http://p:1"}, "p"),
        ("c.example", False, None, {"https_proxy": "http://p:1"}, None),
        ("c.example", False, None, {"HTTP_PROXY": "p:1/"}, "p"),
        ("c.example", True, None, {"ALL_PROXY": "http://p:1", "https_proxy": ""}, "p"),
        ("c.example", True, None, {"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "p"),
        ("c.example", True, None, {"https_proxy": "http://p:1", "no_proxy": "x, .EXAMPLE"}, None),
        ("c.example", True, None, {"https_proxy": "http://p:1", "no_proxy": "ample,c.exampl"}, "p"),
        ("c.example", True, None, {"https_proxy": "http://p:1", "NO_PROXY": "*"}, None),
        ("10.0.0.5", True, None, {"https_proxy": "http://p:1", "no_proxy": "10.0.0.5"}, None),
        ("127.0.0.1", True, None, {"https_proxy": "http://p:1"}, None),
        ("127.0.0.1", True, "http://[fd00::1]:3128", {}, "fd00::1"),
        ("c.example", True, "", {"https_proxy": "http://p:1"}, None),
        ("c.example", True, "http://q:1", {"https_proxy": "http://p:1", "no_proxy": "*"}, "q"),
    ],
)
def test_the_setting_decides_and_then_the_environment(host, secure, setting, environment, found):
    proxy = proxy_for(host, secure=secure, setting=setting, environment=environment)
    assert (proxy.host if proxy else None) == found


@pytest.mark.parametrize(
    "text", ["socks5://p:1", "http://p", "http://p:99999", "http://p:1/x", "http://a b:1"]
)
def test_something_that_is_no_http_proxy_is_refused(text):
    with pytest.raises(ConfigError, match="write http://PROXY:PORT"):
        proxy_for("c.example", secure=True, setting=text, environment={})
