from __future__ import annotations

from appliance.storage.ownership import OUTLIVING, conversation_tables, tenant_tables
from appliance.storage.tables import metadata

SHARED = {"data_keys", "settings", "tools", "workflows"}
"""Tables of the whole appliance. A new table with rows of tenants must not come in here."""


def test_every_table_is_a_tenants_or_known_to_be_shared():
    owned = {table.name for table, _ in tenant_tables()}
    assert owned | SHARED | OUTLIVING == set(metadata.tables)
    assert not owned & SHARED


def test_a_table_comes_before_those_it_refers_to():
    names = [table.name for table, _ in tenant_tables()]
    assert names.index("messages") < names.index("conversations")
    assert names.index("refresh_tokens") < names.index("users")
    assert names.index("data_table_rows") < names.index("data_tables")


def test_what_belongs_to_a_conversation_is_found_by_its_column():
    assert {table.name for table in conversation_tables()} == {
        "escalations",
        "feedback",
        "messages",
        "outbox",
        "tool_executions",
        "turn_traces",
    }
