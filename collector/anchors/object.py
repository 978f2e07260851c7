"""An object store with a lock: the note becomes an object that nobody can replace before a date.

``lock = "object"`` asks for S3 Object Lock in compliance mode and insists that the store says it holds.
``lock = "bucket"`` is for stores whose retention belongs to the bucket (the policy must be set there). The
receipt is what the store said; the proof is the object itself, fetched by the reviewer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.anchors.interface import Got, Head
from collector.anchors.page import MissingPackageError
from collector.anchors.settings import AnchorSettings, Values
from collector.errors import (
    AnchorAnswerError,
    AnchorError,
    AnchorRefusedError,
    AnchorUnreachableError,
    SettingsError,
)
from collector.sources.secrets import Secret
from evidence import canonical

KEYS = ("bucket", "prefix", "endpoint", "region", "key_id", "secret", "lock", "retain_days", "timeout_s")
EXTRA = "anchors"
SCHEMA = "starproof/object-receipt/1"
DEFAULT_RETAIN_DAYS = 1100
"""Three years: an award is looked at again before it is renewed."""
DEFAULT_TIMEOUT_S = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SERVER = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class ObjectAnchor:
    """Puts checkpoints into one bucket."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    key_id: str
    secret: Callable[[], Secret] | None
    locked_by_object: bool
    retain_days: int
    timeout_s: int
    wall_ms: Callable[[], int]

    def send(self, head: Head) -> Got:
        """Put the note and ask the store what it has.

        Raises:
            AnchorUnreachableError: no answer in time, or "not now".
            AnchorRefusedError: the store refuses.
            AnchorAnswerError: the object is not locked, or not these bytes.
            CredentialError: the secret cannot be read.
        """
        key = f"{self.prefix}{head.size:012}-{head.sha256[:16]}.txt"
        until = _EPOCH + timedelta(milliseconds=self.wall_ms()) + timedelta(days=self.retain_days)
        lock: dict[str, Any] = {}
        if self.locked_by_object:
            lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until.replace(microsecond=0)}
        client = self._client()

        def put() -> Any:
            return client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=head.note,
                ContentType="text/plain; charset=utf-8",
                # Object Lock asks for a checksum; every store that speaks S3 knows this one.
                ContentMD5=base64.b64encode(hashlib.md5(head.note, usedforsecurity=False).digest()).decode(),
                **lock,
            )

        version = self._asked(put).get("VersionId", "")
        about = {"Bucket": self.bucket, "Key": key, **({"VersionId": version} if version else {})}
        said = self._asked(lambda: client.head_object(**about))
        if said.get("ContentLength") != len(head.note):
            raise AnchorAnswerError(f"{self.bucket}/{key} has another length than what was put there")
        if self.locked_by_object and said.get("ObjectLockMode") != "COMPLIANCE":
            raise AnchorAnswerError(
                f"{self.bucket}/{key} is not locked; make a bucket with Object Lock, or set lock to bucket"
            )
        stored_ms = _ms(said["LastModified"])
        locked_until = said.get("ObjectLockRetainUntilDate")
        receipt = {
            "schema": SCHEMA,
            "endpoint": self.endpoint,
            "bucket": self.bucket,
            "key": key,
            "version": version,
            "sha256": head.sha256,
            "stored_ms": stored_ms,
            "locked_until_ms": _ms(locked_until) if locked_until else 0,
        }
        return Got(canonical.encode(receipt), stored_ms)

    def probe(self) -> str:
        """Ask whether the bucket is there and whether it locks objects; put nothing.

        Raises:
            AnchorError: it is not, or does not.
        """
        client = self._client()
        self._asked(lambda: client.head_bucket(Bucket=self.bucket))
        if not self.locked_by_object:
            return f"{self.bucket} 存在 is there; 请自行确认保留策略 see to its retention policy yourself"
        said = self._asked(lambda: client.get_object_lock_configuration(Bucket=self.bucket))
        enabled = said.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")
        if enabled != "Enabled":
            raise AnchorRefusedError(f"{self.bucket} does not lock objects; make a bucket with Object Lock")
        return f"{self.bucket} 存在并锁定对象 is there and locks objects"

    def _asked(self, question: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        try:
            return question()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = error.response.get("Error", {}).get("Code", "")
            text = f"{self.endpoint or 's3'}/{self.bucket} answered {status} {code}"
            not_now = status >= _SERVER or status == _TOO_MANY
            refused: AnchorError = AnchorUnreachableError(text) if not_now else AnchorRefusedError(text)
            raise refused from None
        except BotoCoreError as error:
            raise AnchorUnreachableError(f"{self.endpoint or 's3'}/{self.bucket}: {error}") from None

    def _client(self) -> Any:
        try:
            import boto3  # noqa: PLC0415 - an extra
            from botocore.config import Config  # noqa: PLC0415 - the same
        except ModuleNotFoundError:
            raise MissingPackageError(
                f"object stores need the extra {EXTRA!r}: pip install 'starproof[{EXTRA}]'"
            ) from None
        keys = {}
        if self.secret is not None:
            keys = {
                "aws_access_key_id": self.key_id,
                "aws_secret_access_key": self.secret().reveal(),
            }
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint or None,
            region_name=self.region or None,
            config=Config(
                connect_timeout=self.timeout_s,
                read_timeout=self.timeout_s,
                retries={"total_max_attempts": 1},  # the outbox tries again
                request_checksum_calculation="when_required",  # newer ones are unknown to other stores
                response_checksum_validation="when_required",
            ),
            **keys,
        )


def open_anchor(
    settings: AnchorSettings, *, secret: Callable[[str], Secret], wall_ms: Callable[[], int]
) -> ObjectAnchor:
    """Return the anchor that a table of the file describes.

    Raises:
        SettingsError: a key is unknown, missing or wrong.
    """
    values = Values(settings, KEYS)
    key_id, reference = values.text("key_id", ""), values.reference("secret")
    if bool(key_id) != bool(reference):
        raise SettingsError(f"{values.where}: key_id and secret belong together; give both or none")
    return ObjectAnchor(
        bucket=values.text("bucket"),
        prefix=values.text("prefix", "starproof/"),
        endpoint=values.text("endpoint", ""),
        region=values.text("region", ""),
        key_id=key_id,
        secret=(lambda: secret(reference)) if reference else None,
        locked_by_object=values.choice("lock", ("object", "bucket")) == "object",
        retain_days=values.number("retain_days", DEFAULT_RETAIN_DAYS, least=1, most=36_500),
        timeout_s=values.number("timeout_s", DEFAULT_TIMEOUT_S, least=1, most=600),
        wall_ms=wall_ms,
    )


def _ms(when: datetime) -> int:
    return (when.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
