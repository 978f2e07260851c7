"""The commands of the agent: each takes the options and returns the exit code, and imports only what it needs.

All raise ``AgentError`` with what went wrong, in words.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from agent.enrolling import enroll_source, token_of
from agent.errors import AgentError, UsageError
from agent.printing import print_json, print_text, wall_ms

if TYPE_CHECKING:
    from agent.config import Settings


def sample(options: argparse.Namespace) -> int:
    """Take one reading and print it."""
    from agent.config import load  # noqa: PLC0415 - see the module
    from agent.reading import ReadingError  # noqa: PLC0415 - the same
    from agent.sample import sample_document, sample_text  # noqa: PLC0415 - the same
    from agent.this_host import this_host  # noqa: PLC0415 - the same

    settings = load(options.config)
    try:
        document = sample_document(this_host(interval_ms=settings.interval_s * 1000, **settings.devices()))
    except ReadingError as error:
        raise AgentError(str(error)) from None
    if options.json:
        print_json(document)
    else:
        print_text(sample_text(document))
    return 0


def enroll(options: argparse.Namespace) -> int:
    """Enrol this host, or rotate its key."""
    from agent.config import load  # noqa: PLC0415 - see the module
    from evidence.sources import AGENT  # noqa: PLC0415 - the same

    settings = load(options.config, collector=options.collector, state=options.state)
    enroll_source(settings, options, source=AGENT)
    return 0


def run(options: argparse.Namespace) -> int:
    """Read, seal and deliver until told to stop."""
    from agent import lean  # noqa: PLC0415 - see the module
    from agent.config import load  # noqa: PLC0415 - the same

    settings = load(options.config, state=options.state, interval_s=options.interval, seal_s=options.seal)
    if settings.seal_s < settings.interval_s and (options.interval or options.seal):
        raise UsageError(
            f"seal of {settings.seal_s} s is shorter than the interval of {settings.interval_s} s; "
            "make it at least as long"
        )
    lean.one_heap()
    lean.hashes()
    if not settings.metrics_listen:  # the client of Prometheus wants an http.client with TLS
        lean.http()
    from agent.run import run  # noqa: PLC0415 - after lean
    from agent.this_host import this_host  # noqa: PLC0415 - after lean

    interval_ms = settings.interval_s * 1000
    return run(
        settings, lambda: this_host(interval_ms=interval_ms, **settings.devices()), environment=os.environ
    )


def status(options: argparse.Namespace) -> int:
    """Print how the agent is doing."""
    from agent.config import load  # noqa: PLC0415 - see the module

    print_status(load(options.config, state=options.state), options)
    return 0


def print_status(settings: Settings, options: argparse.Namespace) -> None:
    """Print how the process with the state directory of ``settings`` is doing.

    Raises:
        AgentError: the state directory cannot be read.
    """
    from agent.state import State, default_state  # noqa: PLC0415 - see the module
    from agent.status import report, text  # noqa: PLC0415 - the same

    now_ms = wall_ms()
    document = report(State.of_any_owner(settings.state or default_state()), now_ms=now_ms)
    if options.json:
        print_json(document)
    else:
        print_text(text(document, now_ms=now_ms))


def doctor(options: argparse.Namespace) -> int:
    """Look for what is wrong, and change nothing; 1 if something is bad."""
    from agent.doctor.record import is_bad, text  # noqa: PLC0415 - see the module
    from agent.doctor.run import examine  # noqa: PLC0415 - the same

    found = examine(
        config=options.config,
        state=options.state,
        environment=os.environ,
        offline=options.offline,
        wall_ms=wall_ms,
    )
    if options.json:
        print_json(found)
    else:
        print_text(text(found, options.lang))
    return 1 if is_bad(found) else 0


def export(options: argparse.Namespace) -> int:
    """Write what is not confirmed to a file."""
    from agent.file_cli import export as write  # noqa: PLC0415 - see the module

    return write(_folder(options), options, show=print_text)


def import_receipt(options: argparse.Namespace) -> int:
    """Take a receipt that came as a file."""
    from agent.file_cli import import_receipt as take  # noqa: PLC0415 - see the module

    return take(_folder(options), options, show=print_text)


def held(options: argparse.Namespace) -> int:
    """List the chunks of a time that has not come, or set them aside."""
    from agent.held_cli import held as look  # noqa: PLC0415 - see the module

    return look(_folder(options), options, show=print_text)


def database(options: argparse.Namespace) -> int:
    """Run a command of the reader of databases."""
    from agent.databases.cli import run_command  # noqa: PLC0415 - it imports this module

    return run_command(options)


def logins(options: argparse.Namespace) -> int:
    """Run a command of the reader of logs."""
    from agent.logins.cli import main as logins  # noqa: PLC0415 - see the module

    return logins(options, token=lambda: token_of(options), show=print_text)


def _folder(options: argparse.Namespace) -> str:
    from agent.config import load  # noqa: PLC0415 - see the module
    from agent.state import default_state  # noqa: PLC0415 - the same

    return load(options.config, state=options.state).state or default_state()
