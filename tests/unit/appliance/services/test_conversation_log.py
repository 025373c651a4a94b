"""What operators read of a conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from appliance.domain.ids import ConversationId
from appliance.domain.trace import TraceStep
from appliance.errors import NotFound
from appliance.services.conversation_log import ConversationLog
from tests.contract.conversations_contract import OpenedConversations, fill
from tests.fakes.sqlite_database import open_temporary_database


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[OpenedConversations]:
    async with open_temporary_database() as temporary:
        yield await fill(temporary.database, temporary.clock)


def build(opened: OpenedConversations) -> ConversationLog:
    return ConversationLog(reader=opened.database.conversations, traces=opened.database.traces)


async def test_everything_of_a_conversation_is_told(opened: OpenedConversations) -> None:
    turn = await opened.talk(opened.mine, "Where is it?")
    await opened.database.traces.add([opened.trace(turn, opened.mine)])
    await opened.database.feedback.put(
        opened.mine,
        turn.conversation.id,
        message_id=None,
        rating=2,
        comment="Late",
        at=opened.clock.now(),
    )
    view = await build(opened).read(turn.conversation.id, only=opened.mine)
    assert [(row.rating, row.comment) for row in view.feedback] == [(2, "Late")]
    assert view.conversation.id == turn.conversation.id
    assert [message.role for message in view.messages] == ["user", "assistant"]
    assert [call.tool_name for call in view.tool_calls] == ["get_order_status"]
    assert [(turn.message_id, len(turn.steps)) for turn in view.trace] == [
        (turn.user_message_id, 1)
    ]


async def test_a_secret_in_a_step_is_masked(opened: OpenedConversations) -> None:
    turn = await opened.talk(opened.mine, "Where is it?")
    step = TraceStep(
        kind="tool_call",
        at_ms=1,
        detail={
            "arguments": {"api_key": "hunter2"},
            "result": "Bearer abcdefghijklmnop",
            "messages": [{"role": "tool", "content": '{"token": "hunter2", "n": [1'}],
        },
    )
    await opened.database.traces.add([opened.trace(turn, opened.mine, step)])
    view = await build(opened).read(turn.conversation.id, only=None)
    assert "hunter2" not in repr(view)
    assert "abcdefghijklmnop" not in repr(view)


@pytest.mark.parametrize("whose", ["theirs", "nobody's"])
async def test_another_tenants_conversation_reads_as_absent(
    opened: OpenedConversations, whose: str
) -> None:
    turn = await opened.talk(opened.theirs, "Where is it?")
    wanted = turn.conversation.id if whose == "theirs" else ConversationId("nobody's")
    with pytest.raises(NotFound) as refused:
        await build(opened).read(wanted, only=opened.mine)
    assert refused.value.code == "conversation_not_found"
