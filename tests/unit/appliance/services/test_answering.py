"""How a question becomes an assignment of the agent, and its answer what the next turn reads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from appliance.agent.runner import AgentRunner
from appliance.agent.tool_runs import TurnTally
from appliance.domain.ids import ConversationId, MessageId, SessionHash, hash_token, new_id
from appliance.domain.message import TokenUsage
from appliance.domain.prices import PriceList
from appliance.domain.tenant import AgentSettings, LlmSettings
from appliance.domain.turn_events import AnswerDelta, TurnEvent
from appliance.errors import Unavailable
from appliance.ports.turn_store import NewTurn, TurnAccepted
from appliance.services.answer_cache import AnswerCache
from appliance.services.answering import Answering, Question
from appliance.services.budgets import Budgets
from appliance.services.handover import Handover
from appliance.services.model_selection import ModelSelector
from appliance.services.pending_actions import PendingActions
from appliance.services.tenant_directory import KnownTenant
from appliance.services.turn_history import TurnHistory
from appliance.storage.cache import DiskCache
from appliance.tasks import TaskGroup
from tests.fakes.scripted_model import ScriptedChatModel, say
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database
from tests.fakes.tool_executors import RecordingExecutor


class Stage:
    """An answering service with one scripted model, on a real database."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        store, clock, tasks = temporary.database.turn_store, temporary.clock, TaskGroup()
        self.temporary = temporary
        self.tasks = tasks
        self.model = ScriptedChatModel(name="builtin")
        self.llm = ScriptedChatModel(name="ollama")
        self.answering = Answering(
            history=TurnHistory(
                turn_store=store,
                cache=DiskCache(temporary.folder / "cache"),
                clock=clock,
                tasks=tasks,
            ),
            agent=AgentRunner(
                executors={"workflow": RecordingExecutor()},
                turn_store=store,
                clock=clock,
                tasks=tasks,
            ),
            models=ModelSelector(
                providers={"builtin": self.model, "ollama": self.llm},
                default="builtin",
                default_models={},
                clock=clock,
                tasks=tasks,
            ),
            pending_actions=PendingActions(turn_store=store, clock=clock),
            handover=Handover(clock=clock),
            budgets=Budgets(usage=temporary.database.usage, prices=PriceList({}), clock=clock),
            answers=AnswerCache(DiskCache(temporary.folder / "cache"), tasks),
            clock=clock,
        )

    async def ask(self, text: str, *, locale: str | None = None, **tenant: object) -> Question:
        accepted = await self.temporary.database.turn_store.begin_turn(
            NewTurn(
                tenant_id=self.temporary.tenant_id,
                session_hash=None,
                new_session_hash=SessionHash(hash_token(new_id())),
                new_conversation_id=ConversationId(new_id()),
                user_message_id=MessageId(new_id()),
                client_message_id=None,
                content=text,
                received_at=self.temporary.clock.now(),
            )
        )
        assert isinstance(accepted, TurnAccepted)
        tool = build_tenant_tool(self.temporary.tenant_id)
        known = KnownTenant(
            tenant=build_tenant(id=self.temporary.tenant_id, **tenant),
            tools={tool.tool.tool_name: tool},
            loaded_at=0.0,
        )
        return Question(known=known, accepted=accepted, session_id="vs_1", text=text, locale=locale)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_temporary_database() as temporary:
        yield Stage(temporary)


async def test_the_model_reads_the_system_prompt_and_the_message_once(stage: Stage) -> None:
    stage.model.add(say("Hello."))
    question = await stage.ask("Where is my order?")
    answered = await stage.answering.answer(question, TurnTally(), lambda event: None)
    [request] = stage.model.requests
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[1].content == "Where is my order?"
    assert [tool.name for tool in request.tools] == ["get_order_status"]
    assert answered.result.text == "Hello."


async def test_the_tenants_choices_reach_the_model(stage: Stage) -> None:
    stage.model.add(say("Hello."))
    llm = LlmSettings(temperature=0.9, max_output_tokens=99)
    question = await stage.ask("Hi", llm=llm, agent=AgentSettings(tone="cheerful"))
    await stage.answering.answer(question, TurnTally(), lambda event: None)
    [request] = stage.model.requests
    assert (request.temperature, request.max_output_tokens) == (0.9, 99)
    assert "Tone: cheerful" in request.messages[0].content


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("12345", "he-IL", "he-IL"),
        ("איפה ההזמנה?", None, "he"),
        ("12345", None, "en"),
        ("V-77", "he", "he"),
    ],
)
async def test_the_briefing_has_the_visitors_language(
    stage: Stage, text: str, locale: str | None, language: str
) -> None:
    stage.model.add(say("Hello."))
    question = await stage.ask(text, locale=locale)
    await stage.answering.answer(question, TurnTally(), lambda event: None)
    assert stage.model.requests[0].briefing.language == language


async def test_a_failure_of_every_model_is_the_callers(stage: Stage) -> None:
    stage.model.add(Unavailable("Down."))
    question = await stage.ask("Hi")
    with pytest.raises(Unavailable):
        await stage.answering.answer(question, TurnTally(), lambda event: None)


async def test_the_same_first_question_is_answered_once_by_the_model(stage: Stage) -> None:
    stage.llm.add(say("Until ten.", usage=TokenUsage(input_tokens=10, output_tokens=3)))
    llm = LlmSettings(provider="ollama")
    emitted: list[TurnEvent] = []
    for text in ("When do you close?", "when do you CLOSE"):
        question = await stage.ask(text, llm=llm)
        answered = await stage.answering.answer(question, TurnTally(), emitted.append)
        await stage.answering.close(question)
        await stage.tasks.drain(timeout_s=5)
    assert emitted == [AnswerDelta(text="Until ten."), AnswerDelta(text="Until ten.")]
    assert (answered.result.is_cached, answered.result.usage) == (True, ())
    assert len(stage.llm.requests) == 1


async def test_without_money_left_the_builtin_answerer_takes_over(stage: Stage) -> None:
    stage.model.add(say("We close at ten."))
    question = await stage.ask(
        "When do you close?", llm=LlmSettings(provider="ollama", daily_budget_micro_usd=0)
    )
    answered = await stage.answering.answer(question, TurnTally(), lambda event: None)
    await stage.answering.close(question)
    assert (answered.result.text, answered.result.is_degraded) == ("We close at ten.", True)
    assert stage.llm.requests == []
