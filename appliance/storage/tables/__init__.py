"""The database's tables, one module per subject.

Owns handing on their names; how they come into a database is left to
``appliance.storage.migrations``.
"""

from appliance.storage.tables.conversations import (
    api_usage,
    conversations,
    messages,
    pending_archives,
    tool_executions,
    tool_usage,
    turn_traces,
)
from appliance.storage.tables.data_tables import data_table_rows, data_tables
from appliance.storage.tables.escalations import escalations, feedback, outbox
from appliance.storage.tables.integrations import (
    integration_calls,
    integration_endpoints,
    integrations,
    vault,
)
from appliance.storage.tables.metadata import metadata
from appliance.storage.tables.settings import data_keys, settings
from appliance.storage.tables.tenants import api_keys, tenants
from appliance.storage.tables.tools import tenant_tools, tools, workflows
from appliance.storage.tables.users import audit_log, refresh_tokens, users

__all__ = [
    "api_keys",
    "api_usage",
    "audit_log",
    "conversations",
    "data_keys",
    "data_table_rows",
    "data_tables",
    "escalations",
    "feedback",
    "integration_calls",
    "integration_endpoints",
    "integrations",
    "messages",
    "metadata",
    "outbox",
    "pending_archives",
    "refresh_tokens",
    "settings",
    "tenant_tools",
    "tenants",
    "tool_executions",
    "tool_usage",
    "tools",
    "turn_traces",
    "users",
    "vault",
    "workflows",
]
