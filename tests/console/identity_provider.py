"""A small identity provider on loopback: discovery, keys, the authorization and the token endpoint.

It checks what a real one checks (client, address to return to, PKCE, codes used once) and signs with real keys;
``bend`` and the other fields let a test make it lie.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "starproof console"
SECRET = "s3cret:with/odd+letters"


class IdentityProvider:
    """What the provider knows and how it answers. ``now_s``: its clock."""

    def __init__(self, now_s, rsa, ec):
        self.now_s, self.rsa, self.ec = now_s, rsa, ec
        self.url, self.key, self.alg = "", rsa, "RS256"
        self.published = [rsa, ec]
        self.person = {"sub": "248289761001", "preferred_username": "张工", "groups": ["staff", "it"]}
        self.bend = lambda claims: claims
        self.sign = lambda claims: jwt.encode(
            {"alg": self.alg, "kid": self.key.kid}, claims, self.key, [self.alg]
        )
        self.metadata, self.more, self.codes, self.asked = {}, {}, {}, []
        self.status, self.delay_s, self.padding = {}, 0, 0

    def document(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=1",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "padding": "x" * self.padding,
        } | self.metadata

    def key_set(self):
        return {"keys": [{**key.as_dict(private=False), "use": "sig"} for key in self.published]}

    def authorized(self, query):
        """Return where the browser is sent with a code."""
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.url} | self.more
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form, authorization):
        """Return status and answer of the token endpoint."""
        asked = self.codes.pop(form["code"], None)
        pair = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        right = (
            asked is not None
            and (authorization == f"Basic {pair}" or form.get("client_secret") == SECRET)
            and form["redirect_uri"] == asked["redirect_uri"]
            and base64.urlsafe_b64encode(verifier).decode().rstrip("=") == asked["code_challenge"]
        )
        if not right:
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url, "aud": CLIENT, "nonce": asked["nonce"], "iat": self.now_s(), "exp": self.now_s() + 300,
            **self.person,
        }  # fmt: skip
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(self.bend(claims))}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        provider, parts = self.server.provider, urlsplit(self.path)
        if parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.send_response(302)
            self.send_header("Location", provider.authorized(query))
            self.end_headers()
        elif parts.path == "/.well-known/openid-configuration":
            self._answer("discovery", 200, provider.document())
        else:
            self._answer("keys", 200, provider.key_set())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer("token", *self.server.provider.token(form, self.headers.get("Authorization")))

    def _answer(self, what, status, content):
        provider = self.server.provider
        provider.asked.append(what)
        time.sleep(provider.delay_s)
        body = json.dumps(content).encode()
        self.send_response(provider.status.get(what, status))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@contextmanager
def serving(provider):
    """Serve on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.provider, server.daemon_threads = provider, True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def generated_keys():
    """Return a real RSA and a real EC key."""
    return (
        RSAKey.generate_key(2048, parameters={"kid": "rsa-1"}),
        ECKey.generate_key("P-256", parameters={"kid": "ec-1"}),
    )
