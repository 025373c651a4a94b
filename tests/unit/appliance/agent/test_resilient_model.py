"""Waiting for a model that may hang, fail or be overloaded."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from appliance.agent.circuit_breaker import FAILURES_TO_OPEN, ProviderBreakers
from appliance.agent.resilient_model import MAX_RETRIES, Patience, ResilientModel
from appliance.domain.message import ChatMessage
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.ports.chat_model import Briefing, ChatRequest, ModelEvent, TextDelta
from tests.fakes.clock import SettableClock
from tests.fakes.hung_model import HungChatModel
from tests.fakes.scripted_model import ScriptedChatModel, ScriptedStep, say

REQUEST = ChatRequest(
    messages=(ChatMessage(role="user", content="Hello"),),
    briefing=Briefing(shop_name="Bob's Pizza Shop", now=datetime(2026, 11, 20, tzinfo=UTC)),
    model="m",
)
REFUSED = Unavailable("Nothing answers.", code="connect_failed")
BUSY = Unavailable("Busy.", retry_after_s=2)
HI = say("Hi")


class Stage:
    def __init__(self, *steps: ScriptedStep, model: ScriptedChatModel | None = None) -> None:
        self.clock = SettableClock()
        self.slept: list[float] = []
        self.scripted = model or ScriptedChatModel(steps)
        self.breakers = ProviderBreakers("scripted", self.clock)
        self.model = ResilientModel(
            self.scripted,
            self.breakers,
            self.clock,
            patience=Patience(silence_s=0.01),
            sleep=self._sleep,
            jitter=lambda: 1.0,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    async def read(self, request: ChatRequest = REQUEST) -> list[ModelEvent]:
        async with aclosing(self.model.stream(request)) as events:
            return [event async for event in events]

    async def fail(self, request: ChatRequest = REQUEST) -> ApplianceError:
        with pytest.raises(ApplianceError) as raised:
            await self.read(request)
        return raised.value


async def test_an_answer_passes_as_it_is() -> None:
    stage = Stage(HI)
    assert await stage.read() == HI
    assert stage.scripted.requests == [REQUEST]


async def test_a_refused_connection_is_tried_again_with_growing_waits() -> None:
    stage = Stage(REFUSED, REFUSED, HI)
    assert await stage.read() == HI
    assert stage.slept == [0.5, 1.0]


async def test_it_gives_up_after_the_last_try() -> None:
    stage = Stage(*[REFUSED] * (MAX_RETRIES + 1))
    assert await stage.fail() is REFUSED
    assert len(stage.scripted.requests) == MAX_RETRIES + 1


async def test_a_short_wait_that_the_provider_asks_for_is_kept() -> None:
    stage = Stage(BUSY, HI)
    assert await stage.read() == HI
    assert stage.slept == [2]


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("Busy.", retry_after_s=60),
        Unavailable("Too many requests.", code="rate_limited"),
        Unavailable("Too slow.", code="timed_out"),
        Unavailable("Not JSON.", code="broken_response"),
        AuthFailed("Wrong key."),
        Rejected("No such model."),
        ContextWindowExceeded("Too long."),
    ],
)
async def test_what_a_second_try_does_not_mend_fails_at_once(error: ApplianceError) -> None:
    stage = Stage(error, HI)
    assert await stage.fail() is error
    assert stage.slept == []


async def test_an_answer_that_has_begun_is_not_tried_again() -> None:
    stage = Stage([TextDelta(text="Your order"), REFUSED], HI)
    assert await stage.fail() is REFUSED
    assert len(stage.scripted.requests) == 1


async def test_no_try_begins_when_the_turn_has_no_time_for_it() -> None:
    stage = Stage(BUSY, HI)
    request = ChatRequest(messages=REQUEST.messages, briefing=REQUEST.briefing, answer_within_s=1.5)
    assert await stage.fail(request) is BUSY
    assert stage.slept == []


@pytest.mark.parametrize("texts", [(), ("Your order",)])
async def test_a_silent_model_is_left(texts: tuple[str, ...]) -> None:
    hung = HungChatModel(*texts)
    error = await Stage(model=hung).fail()
    assert (type(error), error.code) == (Unavailable, "timed_out")
    assert hung.is_left


async def test_a_model_that_goes_on_talking_is_ended_in_time() -> None:
    stage = Stage(say("a", "b", "c"))
    events = stage.model.stream(REQUEST)
    for text in ("a", "b"):
        assert await anext(events) == TextDelta(text=text)
        stage.clock.advance(200)
    with pytest.raises(Unavailable):
        await anext(events)


async def test_a_provider_that_keeps_failing_is_not_asked_for_a_while() -> None:
    stage = Stage(*[AuthFailed("Wrong key.")] * FAILURES_TO_OPEN, HI)
    for _ in range(FAILURES_TO_OPEN):
        await stage.fail()
    assert (await stage.fail()).code == "breaker_open"
    assert len(stage.scripted.requests) == FAILURES_TO_OPEN
    stage.clock.advance(30)
    assert await stage.read() == HI
    assert stage.breakers.states() == []


async def test_a_visitor_who_leaves_counts_for_nothing() -> None:
    stage = Stage(*[say("a", "b")] * FAILURES_TO_OPEN, HI)
    for _ in range(FAILURES_TO_OPEN):
        async with aclosing(stage.model.stream(REQUEST)) as events:
            await anext(events)
    assert stage.scripted.closed_early == FAILURES_TO_OPEN
    assert await stage.read() == HI


async def test_the_rest_is_the_providers() -> None:
    stage = Stage()
    assert stage.model.name == "scripted"
    assert await stage.model.list_models() == await stage.scripted.list_models()
    assert await stage.model.context_length("m") is None
    await stage.model.aclose()
    assert stage.scripted.is_closed
