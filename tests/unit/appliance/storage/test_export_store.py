from __future__ import annotations

from appliance.storage.export_store import told_columns
from appliance.storage.ownership import tenant_tables
from appliance.storage.tables import tenants

KEPT_BACK = {
    "api_keys": {"key_hash", "encrypted_secret"},
    "conversations": {"session_hash", "fencing_token", "lease_message_id", "lease_until"},
    "integrations": {"encrypted_connection_config"},
    "messages": {"fencing_token"},
    "refresh_tokens": {"token_hash"},
    "tool_executions": {"ledger_key"},
    "users": {"password_hash", "folded_username"},
    "vault": {"encrypted_values"},
}


def test_what_an_export_keeps_back_is_exactly_this():
    """Look at each new column here: may a tenant's export show it?"""
    tables = [table for table, _ in tenant_tables()] + [tenants]
    kept_back = {
        table.name: {column.name for column in table.c} - {c.name for c in told_columns(table)}
        for table in tables
    }
    assert {name: columns for name, columns in kept_back.items() if columns} == KEPT_BACK
