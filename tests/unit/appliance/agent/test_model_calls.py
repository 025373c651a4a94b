"""Asking models in order until one answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from structlog.testing import capture_logs

from appliance.agent.model_calls import (
    LEAST_ROOM_CHARS,
    MODELS_TIME_S,
    AnswerBroke,
    AnswerModel,
    ModelCalls,
)
from appliance.agent.tool_runs import TurnTally
from appliance.domain.ids import TenantId
from appliance.domain.message import ChatMessage
from appliance.domain.prices import ModelPrice, PriceList
from appliance.errors import (
    ApplianceError,
    BudgetExceeded,
    ContextWindowExceeded,
    Unavailable,
)
from appliance.ports.chat_model import Briefing, ChatRequest, ModelEvent, ModelFinished, TextDelta
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import ScriptedChatModel, ask, say
from tests.fakes.shops import build_spec, call_order

DOWN = Unavailable("The model does not answer.")
REQUEST = ChatRequest(
    messages=(ChatMessage(role="user", content="Hello"),),
    briefing=Briefing(shop_name="Bob's Pizza Shop", now=datetime(2026, 11, 20, tzinfo=UTC)),
)


def build(*models: ScriptedChatModel) -> ModelCalls:
    return build_choices([AnswerModel(provider=m, model=f"{m.name}-1") for m in models])


def build_choices(
    choices: list[AnswerModel],
    *,
    tally: TurnTally | None = None,
    prices: PriceList | None = None,
    clock: SettableClock | None = None,
) -> ModelCalls:
    return ModelCalls(
        choices,
        tally or TurnTally(),
        prices=prices or PriceList({}),
        tenant_id=TenantId("t"),
        clock=clock or SettableClock(),
    )


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


async def test_a_model_whose_answer_broke_unseen_can_be_left_for_the_next() -> None:
    calls = build(
        ScriptedChatModel([[TextDelta(text="Your order"), DOWN]]), ScriptedChatModel([say("Hi")])
    )
    with pytest.raises(AnswerBroke):
        await read(calls)
    assert calls.leave_broken()
    assert calls.is_fallback
    assert (await read(calls))[0] == TextDelta(text="Hi")
    assert not calls.leave_broken()


@pytest.mark.parametrize("piece", ["wor " * 100, "wor " * 30_000])
async def test_a_model_that_runs_on_is_stopped_and_what_it_said_is_kept(piece: str) -> None:
    calls = build(ScriptedChatModel([say(*[piece] * 100)]), ScriptedChatModel([]))
    said: list[ModelEvent] = []

    async def listen() -> None:
        async for event in calls.stream(REQUEST):
            said.append(event)

    with pytest.raises(AnswerBroke, match="does not end"):
        await listen()
    assert sum(len(part.text) for part in said if isinstance(part, TextDelta)) == LEAST_ROOM_CHARS


async def test_a_model_that_sends_nothing_but_blanks_is_followed_by_the_next() -> None:
    first, second = ScriptedChatModel([say(*["  " * 1_000] * 100)]), ScriptedChatModel([say("Hi")])
    assert (await read(build(first, second)))[0] == TextDelta(text="Hi")


async def test_what_a_broken_answer_used_is_counted_about_and_priced() -> None:
    tally = TurnTally()
    price = ModelPrice(input=Decimal(1), output=Decimal(2))
    model = ScriptedChatModel([[TextDelta(text="Your order is on its way"), DOWN]], name="a")
    calls = build_choices(
        [AnswerModel(provider=model, model="a-1")],
        tally=tally,
        prices=PriceList({"a": {"a-1": [price]}}),
    )
    with pytest.raises(AnswerBroke):
        await read(calls)
    [used] = tally.usage
    assert (used.provider, used.model) == ("a", "a-1")
    assert 5 <= used.usage.output_tokens <= 12
    assert used.usage.input_tokens > 0
    assert used.cost_micro_usd == used.usage.input_tokens + 2 * used.usage.output_tokens


async def test_a_model_that_the_budget_does_not_cover_is_passed_over() -> None:
    over = ScriptedChatModel([BudgetExceeded("No money left.")], name="a")
    events = await read(build(over, ScriptedChatModel([say("Hi")], name="b")))
    assert isinstance(events[0], TextDelta)


@pytest.mark.parametrize("empty", [say(), say(" ", "\n")])
async def test_a_model_that_says_nothing_is_asked_once_more(empty: list[ModelEvent]) -> None:
    model = ScriptedChatModel([empty, say("Hi")])
    calls = build(model, ScriptedChatModel(name="builtin"))
    assert await read(calls) == say("Hi")
    assert not calls.is_fallback


async def test_a_model_that_says_nothing_twice_is_followed_by_the_next() -> None:
    model = ScriptedChatModel([say(), say()])
    calls = build(model, ScriptedChatModel([say("Hi")], name="builtin"))
    assert await read(calls) == say("Hi")
    assert calls.is_fallback


async def test_a_model_that_only_asks_for_tools_it_may_not_use_is_followed_by_the_next() -> None:
    model = ScriptedChatModel([ask(call_order("1"))])
    calls = build(model, ScriptedChatModel([say("Hi")], name="builtin"))
    assert await read(calls) == say("Hi")


async def test_the_last_models_silence_is_an_answer() -> None:
    events = await read(build(ScriptedChatModel([say()])))
    assert [type(event) for event in events] == [ModelFinished]


async def test_each_but_the_last_is_told_how_much_of_the_turn_is_left() -> None:
    clock = SettableClock()
    first, last = ScriptedChatModel([DOWN], name="a"), ScriptedChatModel([say("Hi")])
    choices = [AnswerModel(provider=model) for model in (first, last)]
    calls = build_choices(choices, clock=clock)
    clock.advance(MODELS_TIME_S - 10)
    await read(calls)
    assert first.requests[0].answer_within_s == 10
    assert last.requests[0].answer_within_s is None


async def test_when_the_turns_time_is_over_the_last_answers_at_once() -> None:
    clock = SettableClock()
    first, last = ScriptedChatModel(name="a"), ScriptedChatModel([say("Hi")])
    choices = [AnswerModel(provider=model) for model in (first, last)]
    calls = build_choices(choices, clock=clock)
    clock.advance(MODELS_TIME_S)
    assert await read(calls) == say("Hi")
    assert first.requests == []


@pytest.mark.parametrize(
    "known", [Unavailable("It rests.", code="breaker_open"), BudgetExceeded("It is used up.")]
)
async def test_what_the_operator_knows_already_is_no_warning(known: ApplianceError) -> None:
    first = ScriptedChatModel([known], name="a")
    with capture_logs() as logs:
        await read(build(first, ScriptedChatModel([say("Hi")])))
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("model_failed", "info")]


class SmallModel(ScriptedChatModel):
    """Says how much it takes."""

    async def context_length(self, model: str | None) -> int | None:
        return 400


def long_request() -> ChatRequest:
    said = (ChatMessage(role="user", content=f"{n} " + "word " * 20) for n in range(20))
    messages = (ChatMessage(role="system", content="You are."), *said)
    return ChatRequest(messages=messages, briefing=REQUEST.briefing, max_output_tokens=100)


async def test_a_model_reads_what_it_has_room_for_and_the_next_one_all() -> None:
    small, large = SmallModel([DOWN], name="a"), ScriptedChatModel([say("Hi")], name="b")
    request = long_request()
    async for _ in build(small, large).stream(request):
        pass
    seen = small.requests[0].messages
    assert (seen[0], seen[-1]) == (request.messages[0], request.messages[-1])
    assert 3 < len(seen) < 12
    assert large.requests[0].messages == request.messages


async def test_tools_that_may_not_be_called_any_more_take_room_too() -> None:
    alone, beside = (SmallModel([say("Hi")], name="a") for _ in range(2))
    tools = (build_spec("one"), build_spec("two"))
    request = long_request()
    for model, asked in (
        (alone, request),
        (beside, msgspec.structs.replace(request, withheld_tools=tools)),
    ):
        async for _ in build(model).stream(asked):
            pass
    assert len(beside.requests[0].messages) < len(alone.requests[0].messages)


async def test_a_model_whose_window_was_misjudged_is_asked_with_half() -> None:
    model = SmallModel([ContextWindowExceeded("Too long."), say("Hi")], name="a")
    async for _ in build(model, ScriptedChatModel(name="b")).stream(long_request()):
        pass
    first, second = (len(request.messages) for request in model.requests)
    assert second < first
