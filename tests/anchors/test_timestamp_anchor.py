"""The collector asks a real time-stamping authority over HTTP, and takes nothing but its token."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from anchor_world import HEAD
from authority import Authority
from processes import free_port

from collector.anchors.settings import parse_anchors
from collector.anchors.timestamp import MAX_ANSWER_BYTES, TimestampAnchor, open_anchor
from collector.errors import AnchorAnswerError, AnchorRefusedError, AnchorUnreachableError, SettingsError
from collector.sources.secrets import read_secret
from verifier.anchors.timestamp import read_roots, verify_token

Answer = Callable[[bytes, Any], tuple[int, bytes]]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answer(query, self.headers)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the client has seen enough

        def log_message(self, *_: Any) -> None:
            """Tests print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stamping(authority: Authority) -> Answer:
    return lambda query, _: (200, authority.answer(query))


def anchor(url: str, **more: Any) -> TimestampAnchor:
    lines = "\n".join(f"{key} = {value!r}" for key, value in ({"url": url, "timeout_s": 5} | more).items())
    text = f'[[anchors]]\nalias = "tsa"\nkind = "rfc3161"\n{lines}'
    return open_anchor(parse_anchors(text, where="f")[0], secret=read_secret)


def root_of(authority: Authority, folder: Path) -> str:
    path = folder / "root.pem"
    path.write_bytes(authority.root)
    return str(path)


def test_the_receipt_is_a_token_that_the_reviewer_can_verify(tsa: Authority, tmp_path: Path) -> None:
    with serving(stamping(tsa)) as url:
        got = anchor(url, root=root_of(tsa, tmp_path)).send(HEAD)
    assert verify_token(got.receipt, HEAD.note, read_roots(tsa.root)) == got.claimed_ms


def test_the_query_shows_the_authority_a_hash_and_not_the_checkpoint(tsa: Authority) -> None:
    seen: list[bytes] = []

    def answer(query: bytes, _: Any) -> tuple[int, bytes]:
        seen.append(query)
        return 200, tsa.answer(query)

    with serving(answer) as url:
        anchor(url).send(HEAD)
    assert bytes.fromhex(HEAD.sha256) in seen[0]
    assert b"starproof" not in seen[0]


def test_a_wrong_authority_is_noticed_on_the_day(
    tsa: Authority, other_tsa: Authority, tmp_path: Path
) -> None:
    with serving(stamping(other_tsa)) as url, pytest.raises(AnchorAnswerError, match="verified"):
        anchor(url, root=root_of(tsa, tmp_path)).send(HEAD)


def test_a_replayed_answer_is_noticed_by_its_nonce(tsa: Authority) -> None:
    old = tsa.stamp(HEAD.note)
    with serving(lambda *_: (200, old)) as url, pytest.raises(AnchorAnswerError, match="another question"):
        anchor(url).send(HEAD)


def test_a_token_over_other_bytes_is_noticed(tsa: Authority) -> None:
    other = tsa.stamp(b"another checkpoint")
    with serving(lambda *_: (200, other)) as url, pytest.raises(AnchorAnswerError, match="another question"):
        anchor(url).send(HEAD)


def test_a_cut_answer_is_noticed(tsa: Authority) -> None:
    with (
        serving(lambda query, _: (200, tsa.answer(query)[:-1])) as url,
        pytest.raises(AnchorAnswerError, match="no time stamp"),
    ):
        anchor(url).send(HEAD)


def test_a_refusal_in_the_answer_is_told(tsa: Authority) -> None:
    refused = tsa.answer(b"nothing")
    with serving(lambda *_: (200, refused)) as url, pytest.raises(AnchorRefusedError, match="status 2"):
        anchor(url).send(HEAD)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, AnchorRefusedError),
        (401, AnchorRefusedError),
        (302, AnchorRefusedError),
        (503, AnchorUnreachableError),
        (429, AnchorUnreachableError),
    ],
)
def test_statuses_tell_whether_waiting_helps(status: int, error: type[Exception]) -> None:
    with serving(lambda *_: (status, b"")) as url, pytest.raises(error, match=str(status)):
        anchor(url).send(HEAD)


def test_an_endless_answer_is_cut() -> None:
    with serving(lambda *_: (200, b"\0" * (MAX_ANSWER_BYTES + 1))) as url, pytest.raises(AnchorAnswerError):
        anchor(url).send(HEAD)


def test_an_authority_that_is_down_is_unreachable() -> None:
    with pytest.raises(AnchorUnreachableError, match="ConnectError"):
        anchor(f"http://127.0.0.1:{free_port()}").send(HEAD)


def test_a_slow_authority_is_left_after_the_timeout(tsa: Authority) -> None:
    wait = threading.Event()

    def answer(_: bytes, __: Any) -> tuple[int, bytes]:
        wait.wait(4)
        return 503, b""

    with serving(answer) as url:
        with pytest.raises(AnchorUnreachableError, match="Timeout"):
            anchor(url, timeout_s=1).send(HEAD)
        wait.set()


def test_account_and_password_go_along_and_stay_out_of_errors(tsa: Authority, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("right horse")
    secret.chmod(0o600)

    def answer(query: bytes, headers: Any) -> tuple[int, bytes]:
        right = headers["Authorization"] == "Basic c3RhcjpyaWdodCBob3JzZQ=="
        return (200, tsa.answer(query)) if right else (401, b"")

    with serving(answer) as url:
        assert anchor(url, user="star", password=f"file:{secret}").send(HEAD).claimed_ms > 0


def test_trying_out_tells_whether_the_chain_was_verified(tsa: Authority, tmp_path: Path) -> None:
    with serving(stamping(tsa)) as url:
        assert "not verified" in anchor(url).probe()
        assert "under the configured root" in anchor(url, root=root_of(tsa, tmp_path)).probe()


def test_a_root_that_cannot_be_read_is_told(tsa: Authority) -> None:
    with serving(stamping(tsa)) as url, pytest.raises(AnchorRefusedError, match="root certificate"):
        anchor(url, root="/nowhere/root.pem").send(HEAD)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"url": "ftp://x"}, "begins with http"),
        ({"url": "https://u:p@x"}, "holds no password"),
        ({"user": "star"}, "belong together"),
        ({"timeout_s": "5"}, "whole number"),
    ],
)
def test_wrong_settings_name_the_key(more: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        anchor(**({"url": "http://x"} | more))
