from __future__ import annotations

import asyncio

import pytest

from appliance.agent.stopping import Stopped, StopSign, keep_whole
from appliance.domain.message import ChatMessage
from tests.fakes.shops import call_order

ASKED = ChatMessage(role="assistant", content="Let me look.", tool_calls=(call_order("c1"),))
FOUND = ChatMessage(role="tool", content="{}", tool_call_id="c1", tool_name="get_order_status")
ASKED_AGAIN = ChatMessage(role="assistant", content="", tool_calls=(call_order("c2"),))


async def test_work_that_nobody_stops_comes_to_its_end() -> None:
    assert await StopSign().run(asyncio.sleep(0, "done")) == "done"


async def test_nothing_begins_once_the_sign_is_set() -> None:
    begun = []

    async def work() -> None:
        begun.append(1)

    sign = StopSign()
    sign.set()
    with pytest.raises(Stopped):
        await sign.run(work())
    assert not begun


@pytest.mark.parametrize("may_cut", [True, False])
async def test_running_work_is_cut_where_it_may_be(may_cut: bool) -> None:
    sign, gate = StopSign(), asyncio.Event()
    running = asyncio.create_task(sign.run(gate.wait(), may_cut=lambda: may_cut))
    await asyncio.sleep(0)
    sign.set()
    sign.set()
    if may_cut:
        with pytest.raises(Stopped):
            await running
    else:
        await asyncio.sleep(0)
        gate.set()
        assert await running
        with pytest.raises(Stopped):
            await sign.run(gate.wait())


async def test_the_failure_of_work_is_its_callers() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await StopSign().run(fail())


async def test_work_ends_with_who_waits_for_it() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    running = asyncio.create_task(StopSign().run(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended


@pytest.mark.parametrize(
    ("messages", "text", "kept", "said"),
    [
        ([], "", 0, ""),
        ([], " We are ", 0, "We are"),
        ([ASKED], "", 0, "Let me look."),
        ([ASKED, FOUND], "", 2, "Let me look."),
        ([ASKED, FOUND], "It is", 2, "It is"),
        ([ASKED, FOUND, ASKED_AGAIN], "", 2, "Let me look."),
    ],
)
def test_what_is_whole_is_kept(
    messages: list[ChatMessage], text: str, kept: int, said: str
) -> None:
    assert keep_whole(messages, text) == (tuple(messages[:kept]), said)
