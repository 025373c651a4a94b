"""How long a visitor waits for models that never say a word, with the deadlines as they ship.

Time is the event loop's own and jumps: an hour of silence takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime

import pytest

from appliance.agent.circuit_breaker import ProviderBreakers
from appliance.agent.model_calls import MODELS_TIME_S, AnswerBroke, AnswerModel, ModelCalls
from appliance.agent.resilient_model import Patience, ResilientModel
from appliance.agent.tool_runs import TurnTally
from appliance.domain.ids import TenantId
from appliance.domain.message import ChatMessage
from appliance.domain.prices import PriceList
from appliance.ports.chat_model import Briefing, ChatRequest, ModelEvent
from appliance.providers.deadlines import Deadlines
from appliance.services.turns import TURN_DEADLINE_S
from tests.fakes.hung_model import HungChatModel
from tests.fakes.scripted_model import ScriptedChatModel, say

LONGEST_TOOL_S = 30.0
REQUEST = ChatRequest(
    messages=(ChatMessage(role="user", content="Hello"),),
    briefing=Briefing(shop_name="Bob's Pizza Shop", now=datetime(2026, 11, 20, tzinfo=UTC)),
)


class JumpingSelector(selectors.SelectSelector):
    """Never waits: what it should have waited is ``passed_s``."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed_s += timeout or 0.0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop and a clock whose time passes only while it waits."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.passed_s

    def monotonic(self) -> float:
        return self.jumping.passed_s

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)


async def answer(*providers: ScriptedChatModel) -> tuple[list[ModelEvent], float]:
    """Return what a visitor gets from ``providers`` and builtin, and after how many seconds."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    guarded = [
        ResilientModel(provider, ProviderBreakers(provider.name, loop), loop)
        for provider in providers
    ]
    builtin = ScriptedChatModel([say("Hi")], name="builtin")
    choices = [AnswerModel(provider=model) for model in (*guarded, builtin)]
    calls = ModelCalls(
        choices, TurnTally(), prices=PriceList({}), tenant_id=TenantId("t"), clock=loop
    )
    events = [event async for event in calls.stream(REQUEST)]
    return events, loop.time()


def run(*providers: ScriptedChatModel) -> tuple[list[ModelEvent], float]:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(answer(*providers))


@pytest.mark.parametrize(("count", "longest_s"), [(1, 120), (2, 240), (5, 240)])
def test_silent_models_leave_the_turn_to_builtin_in_time(count: int, longest_s: float) -> None:
    models = [HungChatModel(name=f"hung-{number}") for number in range(count)]
    events, seconds = run(*models)
    assert events == say("Hi")
    assert 0 < seconds <= longest_s < TURN_DEADLINE_S
    assert [model.is_left for model in models[:2]] == [True] * min(count, 2)


def test_a_beginning_is_not_waited_on_for_ever() -> None:
    with pytest.raises(AnswerBroke):
        run(HungChatModel("Your order "))


def test_no_deadline_outlives_the_turn() -> None:
    deadlines, patience = Deadlines(), Patience()
    assert deadlines.idle_s <= deadlines.first_token_s < patience.silence_s < MODELS_TIME_S
    assert MODELS_TIME_S + LONGEST_TOOL_S < TURN_DEADLINE_S
