"""An action that was done may be done again for a new yes, so its key is no longer kept by one row.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NAME = "ix_tool_executions_tenant_id_conversation_id_ledger_key"
COLUMNS = ["tenant_id", "conversation_id", "ledger_key"]


def upgrade() -> None:
    op.drop_index(NAME, table_name="tool_executions")
    _create("ledger_key IS NOT NULL", unique=False)


def downgrade() -> None:
    op.execute(
        """
        UPDATE tool_executions SET ledger_key = NULL
        WHERE is_success AND ledger_key IS NOT NULL AND EXISTS (
            SELECT 1 FROM tool_executions AS earlier
            WHERE earlier.tenant_id = tool_executions.tenant_id
                AND earlier.conversation_id = tool_executions.conversation_id
                AND earlier.ledger_key = tool_executions.ledger_key
                AND earlier.is_success AND earlier.id < tool_executions.id
        )
        """
    )
    op.drop_index(NAME, table_name="tool_executions")
    _create("ledger_key IS NOT NULL AND is_success", unique=True)


def _create(condition: str, *, unique: bool) -> None:
    where = sa.text(condition)
    op.create_index(
        NAME,
        "tool_executions",
        COLUMNS,
        unique=unique,
        sqlite_where=where,
        postgresql_where=where,
    )
