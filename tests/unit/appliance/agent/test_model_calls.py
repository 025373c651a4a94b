"""Asking models in order until one answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from appliance.agent.model_calls import AnswerBroke, AnswerModel, ModelCalls
from appliance.agent.tool_runs import TurnLedger
from appliance.domain.ids import TenantId
from appliance.domain.message import ChatMessage
from appliance.domain.prices import ModelPrice, PriceList
from appliance.errors import BudgetExceeded, Unavailable
from appliance.ports.chat_model import Briefing, ChatRequest, ModelEvent, ModelFinished, TextDelta
from tests.fakes.scripted_model import ScriptedChatModel, ask, say
from tests.fakes.shops import call_order

DOWN = Unavailable("The model does not answer.")
REQUEST = ChatRequest(
    messages=(ChatMessage(role="user", content="Hello"),),
    briefing=Briefing(shop_name="Bob's Pizza Shop", now=datetime(2026, 11, 20, tzinfo=UTC)),
)


def build(*models: ScriptedChatModel) -> ModelCalls:
    choices = [AnswerModel(provider=model, model=f"{model.name}-1") for model in models]
    return ModelCalls(choices, TurnLedger(), prices=PriceList({}), tenant_id=TenantId("t"))


async def read(calls: ModelCalls) -> list[ModelEvent]:
    return [event async for event in calls.stream(REQUEST)]


async def test_each_model_is_asked_by_its_own_name() -> None:
    first, second = ScriptedChatModel([DOWN], name="a"), ScriptedChatModel([say("Hi")], name="b")
    await read(build(first, second))
    assert [model.requests[0].model for model in (first, second)] == ["a-1", "b-1"]


async def test_a_model_that_failed_is_not_asked_again_in_the_turn() -> None:
    first = ScriptedChatModel([DOWN], name="a")
    calls = build(first, ScriptedChatModel([say("Hi"), say("Again")], name="b"))
    await read(calls)
    await read(calls)
    assert len(first.requests) == 1
    assert calls.is_fallback


async def test_blanks_are_held_until_a_word_follows() -> None:
    events = await read(build(ScriptedChatModel([say("\n", " ", "Hi", " there")])))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["\n Hi", " there"]


async def test_a_call_comes_only_from_an_answer_that_is_whole() -> None:
    broken = ScriptedChatModel([[ask(call_order("1"))[0], DOWN]], name="a")
    events = await read(build(broken, ScriptedChatModel([say("Hi")], name="b")))
    assert [type(event) for event in events] == [TextDelta, ModelFinished]


async def test_a_failure_behind_a_visible_word_ends_the_answer() -> None:
    calls = build(ScriptedChatModel([[TextDelta(text="Your order"), DOWN]]), ScriptedChatModel())
    with pytest.raises(AnswerBroke) as broken:
        await read(calls)
    assert broken.value.cause is DOWN


async def test_what_a_broken_answer_used_is_counted_about_and_priced() -> None:
    ledger = TurnLedger()
    price = ModelPrice(input=Decimal(1), output=Decimal(2))
    model = ScriptedChatModel([[TextDelta(text="Your order is on its way"), DOWN]], name="a")
    calls = ModelCalls(
        [AnswerModel(provider=model, model="a-1")],
        ledger,
        prices=PriceList({"a": {"a-1": [price]}}),
        tenant_id=TenantId("t"),
    )
    with pytest.raises(AnswerBroke):
        await read(calls)
    [used] = ledger.usage
    assert (used.provider, used.model) == ("a", "a-1")
    assert 5 <= used.usage.output_tokens <= 12
    assert used.usage.input_tokens > 0
    assert used.cost_micro_usd == used.usage.input_tokens + 2 * used.usage.output_tokens


async def test_a_model_that_the_budget_does_not_cover_is_passed_over() -> None:
    over = ScriptedChatModel([BudgetExceeded("No money left.")], name="a")
    events = await read(build(over, ScriptedChatModel([say("Hi")], name="b")))
    assert isinstance(events[0], TextDelta)
