"""Errors of the agent. Each message says what is wrong and what to do next.

    AgentError
    ├── ConfigError       the configuration file or an option cannot be used
    │   └── UsageError        the command line is wrong
    ├── StateError        the state directory or a file in it cannot be used
    │   ├── LockedError       another agent works on this state directory
    │   └── NotEnrolledError  this host has no enrolment yet
    ├── EnrolError        the collector did not accept the enrolment
    ├── SpoolError        a chunk could not be put into the spool; its rows stay in memory
    │   ├── SpoolFullError    the spool has reached its size limit
    │   └── SpoolBusyError    the spool is being thinned
    └── TransportError    the collector could not be reached, or its answer is not usable

``agent.reading.ReadingError`` (the host cannot be read) stands beside them.
"""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """The agent cannot do what it was asked to."""

    code: ClassVar[str] = "AGENT"


class ConfigError(AgentError):
    """The configuration file or an option cannot be used."""

    code: ClassVar[str] = "CONFIG"


class UsageError(ConfigError):
    """The command line is wrong; the exit code is 2."""


class StateError(AgentError):
    """The state directory or a file in it cannot be used."""

    code: ClassVar[str] = "STATE"


class LockedError(StateError):
    """Another agent works on this state directory."""

    code: ClassVar[str] = "LOCKED"


class NotEnrolledError(StateError):
    """This host has no enrolment yet."""

    code: ClassVar[str] = "NOT_ENROLLED"


class EnrolError(AgentError):
    """The collector did not accept the enrolment."""

    code: ClassVar[str] = "ENROL"


class SpoolError(AgentError):
    """A chunk could not be put into the spool; its rows stay in memory."""

    code: ClassVar[str] = "SPOOL"


class SpoolFullError(SpoolError):
    """The spool has reached its size limit."""

    code: ClassVar[str] = "SPOOL_FULL"


class SpoolBusyError(SpoolError):
    """The spool is being thinned."""

    code: ClassVar[str] = "SPOOL_BUSY"


class TransportError(AgentError):
    """The collector could not be reached, or its answer is not usable."""

    code: ClassVar[str] = "TRANSPORT"
