"""What Alembic runs to apply migrations.

Owns handing the open connection to Alembic; the transaction around it is left to the package.
"""

from alembic import context

from appliance.storage.tables import metadata


def migrate() -> None:
    """Apply the steps that the caller asked for, on the connection it gave."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=False,
    )
    context.run_migrations()


if not context.is_offline_mode():
    migrate()
