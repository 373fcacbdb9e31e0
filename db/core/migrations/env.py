"""Called by Alembic with the connection of db.core.engine.migrate, inside its transaction.

The caller has turned SQLite's foreign keys off: with them on, a batch change drops the old parent
table and the drop cascades, silently, to the children. It checks them before it commits.
"""

from alembic import context

from db.core.schema import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
