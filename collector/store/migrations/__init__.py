"""Alembic's environment and the versions of the schema; run by ``collector.store.engine``."""
