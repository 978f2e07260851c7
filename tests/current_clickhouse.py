"""A current ClickHouse in this process (chdb), asked through the calls of the native protocol's driver that we use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chdb.session import Session
from clickhouse_driver.context import Context
from clickhouse_driver.errors import ServerException
from clickhouse_driver.util.escape import escape_params
from pyarrow import BufferReader, ipc


class Engine:
    """One engine for a process, with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._session = Session(str(folder))
        self.statements: list[str] = []

    def client(self, *_address: object, **_options: object) -> Client:
        """Return what stands for a connection."""
        return Client(self)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, texts as bytes."""
        self.statements.append(statement)
        asked = statement.startswith("SELECT")
        try:
            found = self._session.query(
                f"{statement} SETTINGS output_format_arrow_string_as_string = 0" if asked else statement,
                "Arrow",
            )
        except RuntimeError as error:
            raise ServerException(str(error), 0) from None
        if not asked or not found.size():
            return []
        table = ipc.open_file(BufferReader(found.bytes())).read_all()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def close(self) -> None:
        """End it."""
        self._session.close()


class Client:
    """A connection as ``collector.store.clickhouse.cluster`` uses it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def execute(self, statement: str, values: Any = None, settings: object = None) -> list[tuple[Any, ...]]:
        """Run a statement with named values, or an insert with rows."""
        assert settings in (None, {"strings_as_bytes": True})
        if isinstance(values, list):
            rows = ", ".join("(" + ", ".join(map(_literal, row)) + ")" for row in values)
            return self._engine.run(f"{statement} {rows}")
        return self._engine.run(statement % escape_params(values, Context()) if values else statement)

    def disconnect(self) -> None:
        """There is no connection."""


def _literal(value: str | bytes | int) -> str:
    if isinstance(value, int):
        return str(value)
    data = value if isinstance(value, bytes) else value.encode()
    return f"unhex('{data.hex()}')"
