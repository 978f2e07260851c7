"""The object anchor against moto's S3 with object lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="object stores need the extra anchors")
pytest.importorskip("moto.server", reason="the object store of these tests is moto")

import boto3
from anchor_world import HEAD, SENT_MS
from moto.server import ThreadedMotoServer
from processes import free_port

from collector.anchors.object import ObjectAnchor, open_anchor
from collector.anchors.settings import parse_anchors
from collector.errors import AnchorAnswerError, AnchorRefusedError, AnchorUnreachableError, SettingsError
from collector.sources.secrets import read_secret
from verifier.anchors.objects import read_about

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "reader")
    monkeypatch.setenv("STAR_SECRET", "writer")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for name, locked in (("locked", True), ("open", False)):
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
    yield client
    client.close()


def anchor(endpoint: str, bucket: str = "locked", **more: Any) -> ObjectAnchor:
    given: dict[str, Any] = {
        "bucket": bucket,
        "endpoint": endpoint,
        "region": "us-east-1",
        "key_id": "writer",
        "secret": "env:STAR_SECRET",
        "timeout_s": 5,
    }
    lines = "\n".join(f"{key} = {value!r}" for key, value in (given | more).items())
    text = f'[[anchors]]\nalias = "bucket"\nkind = "object"\n{lines}'
    return open_anchor(parse_anchors(text, where="f")[0], secret=read_secret, wall_ms=lambda: SENT_MS)


def test_the_note_is_put_and_locked_for_as_long_as_configured(endpoint: str, store: Any) -> None:
    got = anchor(endpoint, retain_days=10).send(HEAD)
    receipt = json.loads(got.receipt)
    kept = store.get_object(Bucket="locked", Key=receipt["key"], VersionId=receipt["version"])
    assert kept["Body"].read() == HEAD.note
    assert kept["ObjectLockMode"] == "COMPLIANCE"
    until_ms = int(kept["ObjectLockRetainUntilDate"].timestamp()) * 1000
    assert until_ms == receipt["locked_until_ms"] == SENT_MS + 10 * DAY_MS
    assert got.claimed_ms == int(kept["LastModified"].timestamp()) * 1000


def test_the_locked_version_cannot_be_deleted(endpoint: str, store: Any) -> None:
    receipt = json.loads(anchor(endpoint).send(HEAD).receipt)
    with pytest.raises(store.exceptions.ClientError, match="AccessDenied"):
        store.delete_object(Bucket="locked", Key=receipt["key"], VersionId=receipt["version"])


def test_what_the_reviewer_fetches_is_read_by_the_check(endpoint: str, store: Any) -> None:
    got = anchor(endpoint).send(HEAD)
    kept = store.get_object(Bucket="locked", Key=json.loads(got.receipt)["key"])
    printed = {
        "LastModified": kept["LastModified"].isoformat(),
        "ObjectLockMode": kept["ObjectLockMode"],
        "ObjectLockRetainUntilDate": kept["ObjectLockRetainUntilDate"].isoformat(),
    }
    about = read_about(json.dumps(printed).encode())
    assert about.stored_ms == got.claimed_ms
    assert about.locked_until_ms == json.loads(got.receipt)["locked_until_ms"]


def test_a_bucket_that_locks_nothing_is_refused(endpoint: str, store: Any) -> None:
    with pytest.raises((AnchorAnswerError, AnchorRefusedError)):
        anchor(endpoint, "open").send(HEAD)
    with pytest.raises(AnchorRefusedError):
        anchor(endpoint, "open").probe()


def test_retention_may_be_the_buckets_own(endpoint: str, store: Any) -> None:
    got = anchor(endpoint, "open", lock="bucket").send(HEAD)
    assert json.loads(got.receipt)["locked_until_ms"] == 0
    assert "yourself" in anchor(endpoint, "open", lock="bucket").probe()


def test_trying_out_puts_nothing(endpoint: str, store: Any) -> None:
    before = store.list_object_versions(Bucket="locked").get("Versions", [])
    assert "locks objects" in anchor(endpoint).probe()
    assert store.list_object_versions(Bucket="locked").get("Versions", []) == before


def test_a_missing_bucket_is_a_refusal(endpoint: str, store: Any) -> None:
    with pytest.raises(AnchorRefusedError, match="404"):
        anchor(endpoint, "nowhere").send(HEAD)


def test_a_store_that_is_down_is_unreachable(store: Any) -> None:
    with pytest.raises(AnchorUnreachableError):
        anchor(f"http://127.0.0.1:{free_port()}").send(HEAD)


def test_the_key_and_its_secret_belong_together() -> None:
    with pytest.raises(SettingsError, match="belong together"):
        anchor("http://x", secret="")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"LastModified": 5}',
        b'{"LastModified": "yesterday"}',
        b'{"LastModified": "2026-11-04T00:05:00"}',
        b"\xff",
        b"[" * 10000,
    ],
)
def test_what_is_no_answer_of_a_store_is_refused(raw: bytes) -> None:
    from verifier.anchors.objects import ObjectAnswerError

    with pytest.raises(ObjectAnswerError):
        read_about(raw)


def test_a_lock_that_the_owner_may_lift_is_no_lock() -> None:
    when = datetime(2029, 1, 1, tzinfo=UTC).isoformat()
    said = {"LastModified": when, "ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": when}
    assert read_about(json.dumps(said).encode()).locked_until_ms is None


def test_the_module_imports_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    monkeypatch.setenv("STAR_SECRET", "writer")
    with pytest.raises(Exception, match="starproof\\[anchors\\]"):
        anchor("http://x").send(HEAD)
