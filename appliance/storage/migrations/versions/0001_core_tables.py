"""The core tables.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_tenants()
    _create_tools()
    _create_integrations()
    _create_conversations()
    _create_messages()
    _create_executions_and_usage()
    _create_users()
    _create_data_tables()


def downgrade() -> None:
    for table in (
        "tool_executions",
        "refresh_tokens",
        "messages",
        "integration_endpoints",
        "data_table_rows",
        "users",
        "tenant_tools",
        "integrations",
        "data_tables",
        "conversations",
        "api_usage",
        "api_keys",
        "workflows",
        "tools",
        "tenants",
        "settings",
        "audit_log",
    ):
        op.drop_table(table)


def _create_tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("domain", sa.String(length=253)),
        sa.Column("allowed_origins", sa.JSON(), nullable=False),
        sa.Column("plan", sa.String(length=50), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("business_info", sa.JSON(), nullable=False),
        sa.Column("widget_config", sa.JSON(), nullable=False),
        sa.Column("llm", sa.JSON(), nullable=False),
        sa.Column("agent", sa.JSON(), nullable=False),
        sa.Column("escalation", sa.JSON()),
        sa.Column("retention", sa.JSON()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_index("ix_tenants_created_at_id", "tenants", ["created_at", "id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("key_hash", sa.String(length=64)),
        sa.Column("encrypted_secret", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "(kind = 'publishable' AND key_hash IS NOT NULL AND encrypted_secret IS NULL)"
            " OR (kind = 'signing' AND key_hash IS NULL AND encrypted_secret IS NOT NULL)",
            name="ck_api_keys_secret_fits_kind",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_api_keys_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_index(
        "ix_api_keys_tenant_id_kind_created_at",
        "api_keys",
        ["tenant_id", "kind", "created_at"],
        unique=False,
    )


def _create_tools() -> None:
    op.create_table(
        "tools",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tool_name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parameters_schema", sa.JSON(), nullable=False),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("risk", sa.String(length=20), nullable=False),
        sa.Column("required_integrations", sa.JSON(), nullable=False),
        sa.Column("examples", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tools"),
        sa.UniqueConstraint("tool_name", name="uq_tools_tool_name"),
    )
    op.create_index("ix_tools_created_at_id", "tools", ["created_at", "id"], unique=False)
    op.create_table(
        "tenant_tools",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("tool_id", sa.String(length=36), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("executor", sa.String(length=20), nullable=False),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("workflow", sa.String(length=200)),
        sa.Column("custom_config", sa.JSON(), nullable=False),
        sa.Column("integration_mapping", sa.JSON(), nullable=False),
        sa.Column("risk_override", sa.String(length=20)),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tenant_tools_tenant_id"),
        sa.ForeignKeyConstraint(["tool_id"], ["tools.id"], name="fk_tenant_tools_tool_id"),
        sa.PrimaryKeyConstraint("tenant_id", "tool_id", name="pk_tenant_tools"),
    )
    op.create_index("ix_tenant_tools_tool_id", "tenant_tools", ["tool_id"], unique=False)
    op.create_table(
        "workflows",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("is_bundled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workflows"),
        sa.UniqueConstraint("name", name="uq_workflows_name"),
    )


def _create_integrations() -> None:
    op.create_table(
        "integrations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("integration_type", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("encrypted_connection_config", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("last_sync_test_at", sa.DateTime(timezone=True)),
        sa.Column("last_sync_test_result", sa.JSON()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_integrations_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_integrations"),
    )
    op.create_index(
        "ix_integrations_tenant_id_created_at_id",
        "integrations",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "integration_endpoints",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("integration_id", sa.String(length=36), nullable=False),
        sa.Column("endpoint_name", sa.String(length=200), nullable=False),
        sa.Column("url_template", sa.Text(), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name="fk_integration_endpoints_integration_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_integration_endpoints_tenant_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_integration_endpoints"),
    )
    op.create_index(
        "ix_integration_endpoints_integration_id_endpoint_name",
        "integration_endpoints",
        ["integration_id", "endpoint_name"],
        unique=True,
    )
    op.create_index(
        "ix_integration_endpoints_tenant_id", "integration_endpoints", ["tenant_id"], unique=False
    )


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("user_identifier", sa.Text()),
        sa.Column("locale", sa.String(length=35)),
        sa.Column("page_url", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=200)),
        sa.Column("model", sa.String(length=200)),
        sa.Column("rating", sa.Integer()),
        sa.Column("pending_action", sa.JSON()),
        sa.Column("metadata", sa.JSON()),
        sa.Column("fencing_token", sa.Integer(), nullable=False),
        sa.Column("lease_message_id", sa.String(length=36)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "(lease_message_id IS NULL) = (lease_until IS NULL)",
            name="ck_conversations_lease_is_whole_or_absent",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_conversations_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index(
        "ix_conversations_tenant_id_session_hash",
        "conversations",
        ["tenant_id", "session_hash"],
        unique=True,
    )
    op.create_index(
        "ix_conversations_tenant_id_started_at_id",
        "conversations",
        ["tenant_id", "started_at", "id"],
        unique=False,
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("tool_calls", sa.JSON()),
        sa.Column("tool_call_id", sa.String(length=200)),
        sa.Column("tool_name", sa.String(length=200)),
        sa.Column("is_error", sa.Boolean(), nullable=False),
        sa.Column("provider_state", sa.JSON()),
        sa.Column("citations", sa.JSON()),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_message_id", sa.String(length=200)),
        sa.Column("turn_state", sa.String(length=20)),
        sa.Column("turn_ended_at", sa.DateTime(timezone=True)),
        sa.Column("fencing_token", sa.Integer()),
        sa.Column("error_code", sa.String(length=100)),
        sa.Column("reply", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_messages_conversation_id"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_messages_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index(
        "ix_messages_conversation_id_client_message_id",
        "messages",
        ["conversation_id", "client_message_id"],
        unique=True,
        sqlite_where=sa.text("client_message_id IS NOT NULL"),
        postgresql_where=sa.text("client_message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_conversation_id_seq", "messages", ["conversation_id", "seq"], unique=True
    )
    op.create_index(
        "ix_messages_unfinished",
        "messages",
        ["turn_state"],
        unique=False,
        sqlite_where=sa.text("turn_state IN ('received', 'running')"),
        postgresql_where=sa.text("turn_state IN ('received', 'running')"),
    )


def _create_executions_and_usage() -> None:
    op.create_table(
        "tool_executions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("call_id", sa.String(length=200), nullable=False),
        sa.Column("tool_name", sa.String(length=200), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("sent", sa.JSON()),
        sa.Column("response", sa.JSON()),
        sa.Column("is_success", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("execution_time_ms", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ledger_key", sa.String(length=200)),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_tool_executions_conversation_id"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_tool_executions_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tool_executions"),
    )
    op.create_index(
        "ix_tool_executions_conversation_id_call_id",
        "tool_executions",
        ["conversation_id", "call_id"],
        unique=True,
    )
    op.create_index(
        "ix_tool_executions_tenant_id_conversation_id_ledger_key",
        "tool_executions",
        ["tenant_id", "conversation_id", "ledger_key"],
        unique=True,
        sqlite_where=sa.text("ledger_key IS NOT NULL AND is_success"),
        postgresql_where=sa.text("ledger_key IS NOT NULL AND is_success"),
    )
    op.create_table(
        "api_usage",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("conversations", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("tool_calls", sa.BigInteger(), nullable=False),
        sa.Column("cost_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_api_usage_tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", "day", "provider", "model", name="pk_api_usage"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("folded_username", sa.String(length=400), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("tenant_id", sa.String(length=36)),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_users_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("folded_username", name="uq_users_folded_username"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_refresh_tokens_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_tokens"),
    )
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36)),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at_id", "audit_log", ["at", "id"], unique=False)
    op.create_index(
        "ix_audit_log_tenant_id_at_id", "audit_log", ["tenant_id", "at", "id"], unique=False
    )


def _create_data_tables() -> None:
    op.create_table(
        "data_tables",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("last_row_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_data_tables_tenant_id"),
        sa.PrimaryKeyConstraint("id", name="pk_data_tables"),
    )
    op.create_index(
        "ix_data_tables_tenant_id_name", "data_tables", ["tenant_id", "name"], unique=True
    )
    op.create_table(
        "data_table_rows",
        sa.Column("table_id", sa.String(length=36), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["table_id"], ["data_tables.id"], name="fk_data_table_rows_table_id"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_data_table_rows_tenant_id"),
        sa.PrimaryKeyConstraint("table_id", "row_id", name="pk_data_table_rows"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("value", sa.JSON()),
        sa.Column("encrypted_value", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
