from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from appliance.domain.ids import ConversationId, MessageId
from appliance.domain.message import ChatReply, Citation, ReplyMessage, ReplyUsage, ToolReport
from appliance.storage.tables import conversations, messages, tool_executions
from appliance.storage.turn_rows import (
    ConversationRow,
    ExecutionRow,
    MessageRow,
    columns_of,
    read_reply,
    write_optional,
    write_reply,
)

REPLY = ChatReply(
    session_id="vs_secret",
    conversation_id=ConversationId("c1"),
    message=ReplyMessage(
        id=MessageId("m2"),
        content="The canary answer.",
        created_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        citations=(Citation(title="FAQ"),),
        quick_replies=("Yes",),
    ),
    tools=(ToolReport(name="check_inventory", status="failed", duration_ms=4),),
    usage=ReplyUsage(input_tokens=4, output_tokens=2),
    model="ollama/qwen3:4b",
    degraded=True,
)


def test_a_reply_is_kept_without_its_text_and_session():
    stored = write_reply(REPLY)
    assert "canary" not in stored
    assert "vs_secret" not in stored
    expected = msgspec.structs.replace(REPLY, session_id="")
    assert read_reply(stored, "The canary answer.") == expected


def test_null_and_nothing_are_the_databases_null():
    assert write_optional(None) is None
    assert write_optional(()) is None
    assert write_optional([]) == "[]"
    assert write_optional(False) == "false"


def test_rows_read_columns_that_exist():
    for row, table in (
        (ConversationRow, conversations),
        (MessageRow, messages),
        (ExecutionRow, tool_executions),
    ):
        assert set(columns_of(row).split(", ")) <= set(table.c.keys())
