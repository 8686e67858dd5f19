"""Runs the steps that a database lacks, on the connection that the store hands over."""

from alembic import context

from kinema.serve.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
