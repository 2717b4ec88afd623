"""Alembic's entry: runs on the connection and version table that `framecast_runtime.database.migrate` hands over."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=attributes.get("target_metadata"),
)
with context.begin_transaction():
    context.run_migrations()
