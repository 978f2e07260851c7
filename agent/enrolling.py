"""Enrolling by command: whose token, which collector, whom to believe.

As in ``agent.cli`` nothing is imported before it is needed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from agent.errors import ConfigError, UsageError
from agent.options import TOKEN_VARIABLE
from agent.printing import print_text, wall_ms

if TYPE_CHECKING:
    from agent.config import Settings
    from agent.pinning import Wanted

STANDARD_INPUT = "-"
MAX_TOKEN_FILE_BYTES = 4_096


def enroll_source(settings: Settings, options: argparse.Namespace, *, source: str) -> None:
    """Enrol one source of this host, or rotate its key, and print what was enrolled.

    Raises:
        AgentError: it is not possible; the message says why.
    """
    import socket  # noqa: PLC0415 - only when it is needed

    from agent.code import running_code  # noqa: PLC0415 - the same
    from agent.enrol import Request, enrol, facts  # noqa: PLC0415 - the same
    from agent.offer import OFFLINE, OfferedCollector  # noqa: PLC0415 - the same
    from agent.pinning import Way, way_to  # noqa: PLC0415 - the same
    from agent.state import State, default_state  # noqa: PLC0415 - the same

    state = State(settings.state or default_state())
    offer = _offer(options)
    token = token_of(options) if offer is None else offer["token"]
    with state.lock():
        current = state.enrolled()
        collector = settings.collector or (current.collector if current else None)
        name = options.name or (current.signed.enrolment.host if current else socket.gethostname())
        if offer is not None:
            collector, name = OFFLINE, offer["host"]
            way = Way(OfferedCollector(offer, state, wall_ms=wall_ms))
        elif collector is None or collector == OFFLINE:
            raise UsageError("no collector is named; give --collector URL, or --offer FILE")
        else:
            wanted = wanted_way(options, settings)
            way = way_to(collector, wanted, state, wall_ms=wall_ms, mono_s=time.monotonic)
        request = Request(
            host=name,
            token=token,
            collector=collector,
            time_ms=wall_ms(),
            facts=facts(),
            source=source,
            code=running_code(),
            log_key=wanted_log_key(options),
        )
        with way.pinned(state):
            enrolled = enrol(state, request, way.transport)
    record = enrolled.signed.enrolment
    print_text(
        f"已注册 enrolled: {record.enterprise} / {record.host}, epoch {record.epoch}, "
        f"key {enrolled.key.public.id[:16]}\n"
    )


def wanted_log_key(options: argparse.Namespace) -> str:
    """Return the log key of the options, empty if none is given.

    Raises:
        ConfigError: it is none.
    """
    text: str = (options.log_key or "").strip().lower()
    if not text:
        return ""
    from evidence.errors import EvidenceError  # noqa: PLC0415 - only when it is needed
    from evidence.keys import PublicKey  # noqa: PLC0415 - the same

    try:
        return PublicKey.from_hex(text).raw.hex()
    except EvidenceError as error:
        raise ConfigError(f"--log-key cannot be used: {error}; it is the content of log.pub") from None


def wanted_way(options: argparse.Namespace, settings: Any) -> Wanted:
    """Return whom to believe, and by which proxy, from the options and the settings if there are any."""
    from agent.pinning import Wanted  # noqa: PLC0415 - only when it is needed

    return Wanted(
        options.ca,
        options.ca_sha256,
        settings.delivery_ca_file if settings else None,
        settings.delivery_proxy if settings else None,
    )


def token_of(options: argparse.Namespace) -> str:
    """Return the token from the option, the file or the environment.

    Raises:
        ConfigError: there is none, or the file cannot be read.
    """
    if options.token is not None:
        return str(options.token).strip()
    if options.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise UsageError(f"no token is given; use --token-file FILE, ${TOKEN_VARIABLE} or --token T")
        return token
    if options.token_file == STANDARD_INPUT:
        return sys.stdin.readline(MAX_TOKEN_FILE_BYTES).strip()
    try:
        with open(options.token_file, encoding="utf-8") as file:
            return file.read(MAX_TOKEN_FILE_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token file {options.token_file} cannot be read: {error}") from None


def _offer(options: argparse.Namespace) -> Optional[Mapping[str, Any]]:
    if options.offer is None:
        return None
    if options.collector or options.name or options.ca or options.ca_sha256 or options.token_file:
        raise UsageError("--offer names host, token and collector itself; give no other option beside it")
    from agent.offer import load_offer  # noqa: PLC0415 - only when it is needed

    return load_offer(options.offer)
