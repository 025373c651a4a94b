"""Tables of turns: conversations, messages, executed tools, usage.

Owns columns and constraints only; the hot path over them is left to
``appliance.storage.turn_store``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    text,
)

from appliance.storage.tables.metadata import (
    CompressedJson,
    UtcDateTime,
    id_type,
    json_type,
    metadata,
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("session_hash", String(64), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("user_identifier", Text),
    Column("is_user_verified", Boolean, nullable=False, server_default=false()),
    Column("locale", String(35)),
    Column("page_url", Text),
    Column("visitor", json_type()),
    Column("human_name", String(200)),
    Column("started_at", UtcDateTime(), nullable=False),
    Column("last_message_at", UtcDateTime(), nullable=False),
    Column("ended_at", UtcDateTime()),
    Column("message_count", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("provider", String(200)),
    Column("model", String(200)),
    Column("rating", Integer),
    Column("pending_action", json_type()),
    Column("failed_rounds", Integer, nullable=False, server_default=text("0")),
    Column("summary", Text),
    Column("summary_seq", Integer),
    Column("metadata", json_type()),
    Column("fencing_token", Integer, nullable=False),
    Column("lease_message_id", id_type()),
    Column("lease_until", UtcDateTime()),
    Column("content_deleted_at", UtcDateTime()),
    CheckConstraint(
        "(lease_message_id IS NULL) = (lease_until IS NULL)", name="lease_is_whole_or_absent"
    ),
    Index(None, "tenant_id", "session_hash", unique=True),
    Index(None, "tenant_id", "started_at", "id"),
    Index(
        None,
        "tenant_id",
        "user_identifier",
        sqlite_where=text("user_identifier IS NOT NULL"),
        postgresql_where=text("user_identifier IS NOT NULL"),
    ),
)
"""``content_deleted_at`` is when the last of its messages was deleted; the counters stay.
``summary`` says what was said up to the message numbered ``summary_seq``. ``human_name`` is of the
person who took it over last, ``visitor`` what the visitor told of themselves.
"""

messages = Table(
    "messages",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("tool_calls", json_type()),
    Column("tool_call_id", String(200)),
    Column("tool_name", String(200)),
    Column("is_error", Boolean, nullable=False),
    Column("provider_state", json_type()),
    Column("citations", json_type()),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("client_message_id", String(200)),
    Column("turn_state", String(20)),
    Column("turn_ended_at", UtcDateTime()),
    Column("fencing_token", Integer),
    Column("error_code", String(100)),
    Column("author_name", String(200)),
    Column("reply", json_type()),
    Index(None, "conversation_id", "seq", unique=True),
    Index(None, "tenant_id", "created_at", "id"),
    Index(
        None,
        "conversation_id",
        "client_message_id",
        unique=True,
        sqlite_where=text("client_message_id IS NOT NULL"),
        postgresql_where=text("client_message_id IS NOT NULL"),
    ),
    Index(
        "ix_messages_unfinished",
        "turn_state",
        sqlite_where=text("turn_state IN ('received', 'running')"),
        postgresql_where=text("turn_state IN ('received', 'running')"),
    ),
)

turn_traces = Table(
    "turn_traces",
    metadata,
    Column("message_id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id"), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("content", CompressedJson(), nullable=False),
    Index(None, "conversation_id"),
    Index(None, "tenant_id", "created_at", "message_id"),
)
"""The steps of the turn that answered a visitor's message."""

tool_executions = Table(
    "tool_executions",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id"), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("tool_name", String(200), nullable=False),
    Column("parameters", json_type(), nullable=False),
    Column("sent", json_type()),
    Column("response", json_type()),
    Column("is_success", Boolean, nullable=False),
    Column("error", Text),
    Column("failure", String(20)),
    Column("execution_time_ms", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ledger_key", String(200)),
    Column("executed_at", UtcDateTime(), nullable=False),
    Index(None, "conversation_id", "call_id", unique=True),
    Index(
        "ix_tool_executions_tenant_id_executed_at_id",
        "tenant_id",
        "executed_at",
        "id",
        "tool_name",  # and the next, so that the log is searched without reading its long rows
        "is_success",
    ),
    Index(
        None,
        "tenant_id",
        "conversation_id",
        "ledger_key",
        sqlite_where=text("ledger_key IS NOT NULL"),
        postgresql_where=text("ledger_key IS NOT NULL"),
    ),
)

api_usage = Table(
    "api_usage",
    metadata,
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("provider", String(200), nullable=False),
    Column("model", String(200), nullable=False),
    Column("conversations", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_input_tokens", BigInteger, nullable=False),
    Column("tool_calls", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("unpriced_tokens", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "day", "provider", "model"),
)
"""``messages`` counts answered messages and their answers, ``conversations`` each conversation's
first answer. ``cost_micro_usd`` covers the tokens whose price is known; the others are in
``unpriced_tokens``. What ran without asking a model has an empty provider and model.
"""

tool_usage = Table(
    "tool_usage",
    metadata,
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("tool_name", String(200), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("execution_time_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "day", "tool_name"),
)
"""The daily sums of executions that were deleted for their age."""

pending_archives = Table(
    "pending_archives",
    metadata,
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), primary_key=True),
    Column("object_name", Text, nullable=False),
    Column("begun_at", UtcDateTime(), nullable=False),
)
"""The archive object that is being written: its messages are still in ``messages`` while the row is
here, so that whoever goes on writes to the same name and nothing is archived twice."""
