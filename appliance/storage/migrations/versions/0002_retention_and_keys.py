"""What retention, erasure and the envelope of stored secrets need.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_tenant_id_created_at_id",
        "messages",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_tool_executions_tenant_id_executed_at_id",
        "tool_executions",
        ["tenant_id", "executed_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_conversations_tenant_id_user_identifier",
        "conversations",
        ["tenant_id", "user_identifier"],
        unique=False,
        sqlite_where=sa.text("user_identifier IS NOT NULL"),
        postgresql_where=sa.text("user_identifier IS NOT NULL"),
    )
    op.add_column(
        "conversations", sa.Column("content_deleted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "tool_usage",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("tool_name", sa.String(length=200), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("execution_time_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tool_usage_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "day", "tool_name", name="pk_tool_usage"),
    )
    op.create_table(
        "pending_archives",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_pending_archives_tenant_id"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_pending_archives"),
    )
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("wrapped_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_keys"),
    )


def downgrade() -> None:
    op.drop_table("data_keys")
    op.drop_table("pending_archives")
    op.drop_table("tool_usage")
    op.drop_column("conversations", "content_deleted_at")
    op.drop_index("ix_conversations_tenant_id_user_identifier", "conversations")
    op.drop_index("ix_tool_executions_tenant_id_executed_at_id", "tool_executions")
    op.drop_index("ix_messages_tenant_id_created_at_id", "messages")
