"""A source opened on moto's server, as the registry opens it, or on clients with scripted answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sources.still_clocks import StillClocks

pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'starproof[aws]'")

import boto3
from botocore.stub import Stubber

from collector.sources.aws.client import SERVICES, Client
from collector.sources.aws.source import AwsSource, open_source

KEY_ID = "AKIAPLANTEDKEYID0000"
SECRET = "planted/secret+0123456789abcdefghijklmno"
TOKEN = "FwoGZXIvYXdzEPlantedTokenOfTheSecurityService=="
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
FIVE_MS = 300_000


def opened(address: str, clocks: StillClocks, *, secret: str = SECRET, **settings: Any) -> AwsSource:
    """Return the source on what is served at ``address``."""
    table: dict[str, Any] = {
        "key_id": KEY_ID,
        "secret": "file:/run/key",
        "regions": ["cn-north-1"],
        "endpoints": dict.fromkeys(SERVICES, address),
        **settings,
    }
    return open_source(table, clocks.tools({"file:/run/key": secret, "file:/run/token": TOKEN}))


def boto(address: str, service: str, region: str = "cn-north-1") -> Any:
    """Return boto3's client of the same account, to put things there."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=address,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )


class Script:
    """Clients whose answers are scripted and whose questions are checked against AWS's own model."""

    def __init__(self) -> None:
        self.stubbers = {service: Stubber(boto("http://127.0.0.1:9", service)) for service in SERVICES}

    def source(self, clocks: StillClocks, **more: Any) -> AwsSource:
        clients = {service: stubber.client for service, stubber in self.stubbers.items()}
        client = Client(lambda service, _region: clients[service], clocks.tools({}).caller())
        return AwsSource(client, clocks.clocks(), ["cn-north-1"], **more)

    def answer(self, service: str, operation: str, body: dict[str, Any], expected: Any = None) -> None:
        number = len(self.stubbers[service]._queue) + 1
        metadata = {"ResponseMetadata": {"RequestId": f"REQ-{number}", "HTTPStatusCode": 200}}
        self.stubbers[service].add_response(operation, {**body, **metadata}, expected)

    def error(
        self, service: str, operation: str, code: str, message: str = "no", status: int = 400, **headers: str
    ) -> None:
        self.stubbers[service].add_client_error(
            operation,
            service_error_code=code,
            service_message=message,
            http_status_code=status,
            response_meta={
                "RequestId": "REQ-E",
                "HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()},
            },
        )


@contextmanager
def scripted() -> Iterator[Script]:
    """Give a script; afterwards every answer must have been asked for."""
    script = Script()
    for stubber in script.stubbers.values():
        stubber.activate()
    yield script
    for stubber in script.stubbers.values():
        stubber.assert_no_pending_responses()
        stubber.deactivate()
