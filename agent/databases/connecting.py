"""Connecting when first asked, and again after an error: what every product has in common."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Callable, Optional

from agent.databases import passwords
from agent.databases.interface import Counted, Database, DatabaseError
from agent.databases.settings import DatabaseSettings
from agent.errors import ConfigError

Connect = Callable[[Optional[str]], Database]
"""Opens a connection with this password; raises what its driver raises."""


class Connecting:
    """One database that is connected to anew after every error. Its password is read anew as well."""

    def __init__(
        self,
        settings: DatabaseSettings,
        environment: Mapping[str, str],
        *,
        connect: Connect,
        errors: tuple[type[Exception], ...],
    ) -> None:
        """Do nothing yet; ``errors`` are what the driver raises where a server cannot be used."""
        self._settings = settings
        self._environment = environment
        self._connect = connect
        self._errors: tuple[type[Exception], ...] = (*errors, OSError)
        self._live: Optional[Database] = None

    def count(self) -> Counted:
        """Return the counters now.

        Raises:
            DatabaseError: the server cannot be reached, or does not tell.
        """
        password: Optional[str] = None
        try:
            password = self._settings.password(self._environment)
            if self._live is None:
                self._live = self._connect(password)
            return self._live.count()
        except ConfigError as error:
            raise DatabaseError(str(error)) from None
        except DatabaseError as error:
            self.close()
            raise DatabaseError(f"database {self._settings.name}: {error}") from None
        except self._errors as error:
            self.close()
            said = passwords.reason(error, password)
            raise DatabaseError(f"database {self._settings.name}: {said}") from None
        except Exception as error:  # noqa: BLE001 - drivers raise anything at a server that speaks otherwise
            self.close()
            raise DatabaseError(
                f"database {self._settings.name}: {type(error).__name__} in the driver of "
                f"{self._settings.product}; does such a server listen on port {self._settings.port}?"
            ) from None

    def close(self) -> None:
        """End the connection, if there is one."""
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(Exception):  # it is given up, whatever it says
                live.close()
