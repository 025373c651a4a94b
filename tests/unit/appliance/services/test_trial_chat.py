"""The test chat's turns on a real database: answered as visitors are, nothing kept or counted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from appliance.agent.runner import AgentRunner
from appliance.domain.escalation import NoticeKind
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import UserId
from appliance.domain.message import ChatReply
from appliance.domain.tenant import EscalationSettings, LlmSettings
from appliance.domain.tool import ToolCall
from appliance.errors import ApplianceError, AuthFailed, Conflict, Unavailable
from appliance.services.answering import Answering
from appliance.services.handover import Handover
from appliance.services.model_selection import ModelSelector
from appliance.services.pending_actions import PendingActions
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.trial_chat import TrialChat, TrialMessage, TrialOutcome
from appliance.services.trial_store import TrialStore, Trier
from appliance.services.turn_history import TurnHistory
from appliance.tasks import TaskGroup
from tests.fakes.hung_model import HungChatModel
from tests.fakes.scripted_model import ScriptedChatModel, ScriptedStep, ask, say
from tests.fakes.shops import BOOKING, build_tenant, build_tenant_tool, call_booking
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.tool_executors import RecordingExecutor

REFUSED = AuthFailed("Claude refused the API key. Set a valid one.")
NOTICES: tuple[NoticeKind, ...] = ("webhook",)


class Stage:
    """A test chat with two scripted models and two recorded tools, and an operator at it."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        self.temporary = temporary
        self.builtin = ScriptedChatModel(name="builtin")
        self.llm = ScriptedChatModel(name="ollama")
        self.executor = RecordingExecutor()
        self.tasks = TaskGroup()
        self.told: list[str] = []
        self.tenant = build_tenant(
            id=temporary.tenant_id,
            llm=LlmSettings(provider="ollama", daily_budget_micro_usd=0),
            escalation=EscalationSettings(webhook_url="https://shop.example/hook"),
        )
        self.session_id: str | None = None
        self.chat = self.build(self.llm)

    def build(self, llm: Any, **options: Any) -> TrialChat:
        database, clock = self.temporary.database, self.temporary.clock
        trials = TrialStore(clock)
        answering = Answering(
            history=TurnHistory(turn_store=trials, cache=None, clock=clock, tasks=self.tasks),
            agent=AgentRunner(
                executors={"workflow": self.executor},
                turn_store=trials,
                clock=clock,
                tasks=self.tasks,
            ),
            models=ModelSelector(
                providers={"builtin": self.builtin, "ollama": llm},
                default="builtin",
                default_models={},
                clock=clock,
                tasks=self.tasks,
            ),
            pending_actions=PendingActions(turn_store=trials, clock=clock),
            handover=Handover(
                clock=clock, sendable=NOTICES, on_notice=lambda: self.told.append("notice")
            ),
            clock=clock,
        )
        directory = TenantDirectory(tenants=database.tenants, tools=database.tools, clock=clock)
        return TrialChat(
            trials=trials, answering=answering, directory=directory, clock=clock, **options
        )

    async def use_tools(self) -> None:
        for tool in (
            build_tenant_tool(self.tenant.id, custom_config={"identity": {"order_number": "sub"}}),
            build_tenant_tool(self.tenant.id, "book_appointment", risk="write"),
        ):
            await self.temporary.database.tools.add(tool.tool)
            await self.temporary.database.tools.put_for_tenant(tool)

    async def send(self, text: str, *steps: ScriptedStep, **fields: Any) -> TrialOutcome:
        for step in steps:
            self.llm.add(step)
        trier = Trier(tenant_id=self.tenant.id, user_id=UserId("u1"))
        message = TrialMessage(text=text, session_id=self.session_id, **fields)
        question = await self.chat.begin(self.tenant, trier, message)
        outcome = await self.chat.answer(question)
        if outcome.reply is not None:
            self.session_id = outcome.reply.session_id
        return outcome

    async def say(self, text: str, *steps: ScriptedStep, **fields: Any) -> ChatReply:
        reply = (await self.send(text, *steps, **fields)).reply
        assert reply is not None
        return reply

    def count_rows(self) -> dict[str, int]:
        path = self.temporary.folder / "database" / "csai.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for (name,) in names.fetchall()
            }


@pytest_asyncio.fixture
async def stage(temporary: TemporaryDatabase) -> AsyncIterator[Stage]:
    stage = Stage(temporary)
    await stage.use_tools()
    yield stage
    stage.executor.gate.set()
    await stage.tasks.drain(timeout_s=1)


def ask_order(call_id: str) -> ToolCall:
    """Return a call that leaves to the server whose order it is."""
    return ToolCall(id=call_id, name="get_order_status", arguments={})


def kinds(outcome: TrialOutcome) -> list[str]:
    return [step.kind for step in outcome.steps]


async def test_a_trial_is_answered_as_a_visitor_is_and_tells_how(stage: Stage) -> None:
    outcome = await stage.send("When do you open?", say("At nine."))
    assert outcome.reply is not None
    assert outcome.reply.message.content == "At nine."
    assert (outcome.reply.model, outcome.reply.degraded) == ("ollama/scripted-1", False)
    assert outcome.reply.session_id.startswith("ts_")
    assert outcome.reply.conversation_id == outcome.conversation_id
    assert kinds(outcome) == ["context", "model_call", "model_reply", "outcome"]
    _, called, replied, ended = (step.detail for step in outcome.steps)
    assert "Bob's Pizza Shop" in str(called["messages"])
    assert (replied["text"], ended["state"]) == ("At nine.", "done")


async def test_a_trial_goes_on_where_it_was(stage: Stage) -> None:
    await stage.say("When do you open?", say("At nine."))
    await stage.say("And on Sunday?", say("At ten."))
    [*_, request] = stage.llm.requests
    assert [message.content for message in request.messages[1:]] == [
        "When do you open?",
        "At nine.",
        "And on Sunday?",
    ]


async def test_a_write_waits_for_the_yes_runs_once_and_knows_it_is_a_trial(stage: Stage) -> None:
    asked = await stage.send("Book a table", ask(call_booking()))
    assert asked.reply is not None
    assert [tool.status for tool in asked.reply.tools] == ["needs_confirmation"]
    assert (stage.executor.calls, asked.executions) == ([], [])
    done = await stage.send("yes", say("Booked."))
    assert done.reply is not None
    assert done.reply.message.content == "Booked."
    assert [call.arguments for call in stage.executor.calls] == [BOOKING]
    [context] = stage.executor.contexts
    assert str(context.conversation_id).startswith("test_")
    assert [item.call.name for item in done.executions] == ["book_appointment"]
    assert "tool_call" in kinds(done)
    await stage.send("yes", say("It is booked already."))
    assert len(stage.executor.calls) == 1


async def test_an_operator_plays_a_signed_in_visitor(stage: Stage) -> None:
    dana = VerifiedIdentity(subject="777", claims={"sub": "777"})
    await stage.say(
        "Where is my order?",
        ask(ask_order("c1")),
        say("Baking."),
        identity=dana,
    )
    assert [call.arguments for call in stage.executor.calls] == [{"order_number": "777"}]
    await stage.say("Where is my order?", ask(ask_order("c2")), say("Please sign in."))
    assert len(stage.executor.calls) == 1


async def test_nothing_is_kept_counted_or_told_of_a_trial(stage: Stage) -> None:
    before = stage.count_rows()
    await stage.say("When do you open?", say("At nine."))
    await stage.say("Book a table", ask(call_booking()))
    await stage.say("yes", say("Booked."))
    wish = await stage.say("I want to talk to a person")
    ended = await stage.say("bye")
    assert (wish.escalated, ended.conversation_ended) == (True, True)
    await stage.tasks.drain(timeout_s=1)
    assert stage.count_rows() == before
    assert before["tenants"] == 2
    assert stage.told == []
    after = await stage.say("Hi again", say("Hello."))
    assert (after.escalated, after.conversation_id == ended.conversation_id) == (False, False)


async def test_a_failing_model_is_replaced_and_its_sentence_shown(stage: Stage) -> None:
    stage.builtin.add(say("We open at nine."))
    outcome = await stage.send("When do you open?", REFUSED)
    assert outcome.reply is not None
    assert (outcome.reply.message.content, outcome.reply.degraded) == ("We open at nine.", True)
    [failure] = [step.detail for step in outcome.steps if step.kind == "model_failure"]
    assert (failure["provider"], failure["error"]) == ("ollama", REFUSED.message)


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("Nothing answers."), "upstream_unavailable"), (KeyError(), "internal_error")],
)
async def test_without_any_answer_the_reason_and_the_steps_come_back(
    stage: Stage, error: Exception, code: str
) -> None:
    stage.builtin.add(error)
    stage.builtin.add(say("Hello again."))
    outcome = await stage.send("When do you open?", REFUSED)
    assert (outcome.reply, outcome.error) == (None, error)
    assert outcome.steps[-1].detail["code"] == code
    assert "model_call" in kinds(outcome)
    assert "model_failure" in kinds(outcome)


async def test_a_session_whose_turn_failed_takes_the_next_message(stage: Stage) -> None:
    await stage.say("Hi", say("Hello."))
    stage.builtin.add(Unavailable("Down."))
    failed = await stage.send("When do you open?", REFUSED)
    assert isinstance(failed.error, ApplianceError)
    again = await stage.say("Really?", say("At nine."))
    assert again.conversation_id == failed.conversation_id


async def test_secrets_are_masked_in_the_steps(stage: Stage) -> None:
    secret = "sk-abcdefghijklmnop1234"
    outcome = await stage.send(f"My key is {secret}", say(f"You said {secret}."))
    assert secret not in repr(outcome.steps)
    assert "[redacted]" in repr(outcome.steps)


async def test_one_message_of_a_trial_is_answered_at_a_time(stage: Stage) -> None:
    await stage.say("Hi", say("Hello."))
    stage.executor.gate.clear()
    dana = VerifiedIdentity(subject="777", claims={"sub": "777"})
    running = asyncio.create_task(
        stage.send("Where?", ask(ask_order("c1")), say("Baking."), identity=dana)
    )
    await stage.executor.wait_for_calls()
    with pytest.raises(Conflict) as refused:
        await stage.send("Hello?")
    assert refused.value.code == "turn_in_progress"
    stage.executor.gate.set()
    assert (await running).error is None


async def test_a_turn_ends_when_its_time_is_over(stage: Stage) -> None:
    stage.chat = stage.build(HungChatModel(), deadline_s=0)
    outcome = await stage.send("Hi")
    assert isinstance(outcome.error, ApplianceError)
    assert outcome.error.code == "turn_timed_out"
