"""Alembic's entry: runs the revisions on the connection it is given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
with context.begin_transaction():
    context.run_migrations()
