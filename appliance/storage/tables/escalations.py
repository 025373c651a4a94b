"""Tables of what needs a person: escalations, feedback, and the notices of both.

Owns columns and constraints only; reading and writing is left to
``appliance.storage.repositories``.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from appliance.storage.tables.metadata import UtcDateTime, id_type, json_type, metadata

escalations = Table(
    "escalations",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id"), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    Column("contact", Text),
    Column("requested_at", UtcDateTime(), nullable=False),
    Column("closed_at", UtcDateTime()),
    Index(None, "conversation_id"),
    Index(
        "ix_escalations_open",
        "conversation_id",
        unique=True,
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
    Index(None, "tenant_id", "requested_at", "id"),
)
"""A conversation has one open escalation at most. ``cause`` says who asked: the visitor, or the
assistant that was stuck."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id"), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("rating", Integer, nullable=False),
    Column("comment", Text),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    Index(None, "conversation_id", "message_id", unique=True),
    Index(None, "tenant_id", "created_at", "id"),
)
"""``message_id`` is empty for a rating of the whole conversation; ``rating`` is 1 to 5."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", id_type(), primary_key=True),
    Column("tenant_id", id_type(), ForeignKey("tenants.id"), nullable=False),
    Column("conversation_id", id_type(), ForeignKey("conversations.id")),
    Column("kind", String(20), nullable=False),
    Column("payload", json_type(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime(), nullable=False),
    Column("sent_at", UtcDateTime()),
    Column("failed_at", UtcDateTime()),
    Column("error", Text),
    Index(
        "ix_outbox_due",
        "next_attempt_at",
        sqlite_where=text("sent_at IS NULL AND failed_at IS NULL"),
        postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
    ),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "conversation_id"),
)
"""What has to be sent to the shop, by webhook or e-mail (``kind``), until it was, or was given up
at ``failed_at``. ``payload`` names what to tell of; the words are made when they are sent, so that
what was erased meanwhile is not told."""
