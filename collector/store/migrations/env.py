"""Alembic's entry: migrate over the connection that the store hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from collector.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The store has begun the transaction already, so that two processes cannot migrate at once.
    transactional_ddl=False,
)
context.run_migrations()
