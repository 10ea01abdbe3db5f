"""How does alembic reach the store? By the connection that the caller has open; there is no file of settings."""

from __future__ import annotations

from alembic import context

from streams.adapters.case_store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
