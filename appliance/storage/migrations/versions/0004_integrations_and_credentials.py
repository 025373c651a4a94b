"""What integrations, credentials and the log of executed tools need.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _extend_endpoints()
    _create_integration_calls()
    _create_vault()
    _replace_execution_index(["tenant_id", "executed_at", "id", "tool_name", "is_success"])


def _extend_endpoints() -> None:
    for column in (
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("response_mapping", sa.Text(), nullable=True),
        sa.Column("cache_s", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("risk", sa.String(length=20), nullable=False, server_default="read"),
        sa.Column("offer", sa.JSON(), nullable=True),
        sa.Column("approved", sa.String(length=64), nullable=True),
    ):
        op.add_column("integration_endpoints", column)


def _create_integration_calls() -> None:
    op.create_table(
        "integration_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("integration_id", sa.String(length=36), nullable=False),
        sa.Column("endpoint_name", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_integration_calls_tenant_id"
        ),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name="fk_integration_calls_integration_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_integration_calls"),
    )
    for owner in ("integration_id", "tenant_id"):
        op.create_index(
            f"ix_integration_calls_{owner}_called_at_id",
            "integration_calls",
            [owner, "called_at", "id"],
        )


def _create_vault() -> None:
    op.create_table(
        "vault",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("credential_type", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("encrypted_values", sa.Text(), nullable=False),
        sa.Column("hosts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_vault_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_vault"),
    )
    op.create_index(
        "ix_vault_tenant_id_credential_type_name",
        "vault",
        ["tenant_id", "credential_type", "name"],
        unique=True,
    )


def _replace_execution_index(columns: list[str]) -> None:
    name = "ix_tool_executions_tenant_id_executed_at_id"
    op.drop_index(name, "tool_executions")
    op.create_index(name, "tool_executions", columns)


def downgrade() -> None:
    _replace_execution_index(["tenant_id", "executed_at", "id"])
    op.drop_table("vault")
    op.drop_table("integration_calls")
    for column in ("approved", "offer", "risk", "cache_s", "response_mapping", "query"):
        op.drop_column("integration_endpoints", column)
