"""What traces, summaries, escalations, feedback and notices need.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "conversations",
        sa.Column("failed_rounds", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )
    op.add_column(
        "conversations",
        sa.Column("is_user_verified", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("conversations", sa.Column("summary", sa.Text(), nullable=True))
    op.add_column("conversations", sa.Column("summary_seq", sa.Integer(), nullable=True))
    _create_turn_traces()
    _create_escalations()
    _create_feedback()
    _create_outbox()


def _create_turn_traces() -> None:
    op.create_table(
        "turn_traces",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        *_owner("turn_traces"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_turn_traces"),
    )
    op.create_index("ix_turn_traces_conversation_id", "turn_traces", ["conversation_id"])
    op.create_index(
        "ix_turn_traces_tenant_id_created_at_message_id",
        "turn_traces",
        ["tenant_id", "created_at", "message_id"],
    )


def _create_escalations() -> None:
    op.create_table(
        "escalations",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_owner("escalations"),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_escalations"),
    )
    op.create_index("ix_escalations_conversation_id", "escalations", ["conversation_id"])
    op.create_index(
        "ix_escalations_open",
        "escalations",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_escalations_tenant_id_requested_at_id",
        "escalations",
        ["tenant_id", "requested_at", "id"],
    )


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_owner("feedback"),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index(
        "ix_feedback_conversation_id_message_id",
        "feedback",
        ["conversation_id", "message_id"],
        unique=True,
    )
    op.create_index(
        "ix_feedback_tenant_id_created_at_id", "feedback", ["tenant_id", "created_at", "id"]
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_owner("outbox", needs_conversation=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_at"],
        sqlite_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_tenant_id_created_at_id", "outbox", ["tenant_id", "created_at", "id"]
    )
    op.create_index("ix_outbox_conversation_id", "outbox", ["conversation_id"])


def _owner(table: str, *, needs_conversation: bool = True) -> tuple[sa.schema.SchemaItem, ...]:
    """Return the columns that say whose a row is."""
    return (
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=not needs_conversation),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=f"fk_{table}_tenant_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=f"fk_{table}_conversation_id"
        ),
    )


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("feedback")
    op.drop_table("escalations")
    op.drop_table("turn_traces")
    op.drop_column("conversations", "summary_seq")
    op.drop_column("conversations", "summary")
    op.drop_column("conversations", "failed_rounds")
    op.drop_column("conversations", "is_user_verified")
