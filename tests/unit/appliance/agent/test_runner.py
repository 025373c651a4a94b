"""Turns carried out: models and tools asked through their ports, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.agent.bound_arguments import build_spec
from appliance.agent.decisions import read_decision
from appliance.agent.language import texts_for
from appliance.agent.loop import MAX_CALLS, ActionDecided
from appliance.agent.model_calls import AnswerModel
from appliance.agent.runner import AgentResult, AgentRunner, Assignment
from appliance.agent.tool_runs import TurnTally
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import (
    ConversationId,
    MessageId,
    SessionHash,
    hash_token,
    new_id,
)
from appliance.domain.message import SIGN_IN_CALL, ChatMessage, Citation, TokenUsage
from appliance.domain.tool import TenantTool, ToolCall, ToolOutcome
from appliance.domain.tool_failures import FAILURE_SENTENCES
from appliance.domain.turn_events import AnswerDelta, ToolProgress, TurnEvent
from appliance.errors import AuthFailed, ContextWindowExceeded, Rejected, Unavailable
from appliance.ports.chat_model import Briefing, ModelFinished, TextDelta, ToolCallRequested
from appliance.ports.tool_executor import ToolContext
from appliance.ports.turn_store import NewTurn, TurnAccepted
from appliance.tasks import TaskGroup
from appliance.wording import name_tool
from tests.fakes.scripted_model import MODEL_NAME, ScriptedChatModel, ask, say
from tests.fakes.shops import build_tenant_tool, call_booking, call_order
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database
from tests.fakes.tool_executors import RecordingExecutor

SYSTEM = ChatMessage(role="system", content="You are the assistant.")
QUESTION = ChatMessage(role="user", content="Where is my order 12345?")
DOWN = Unavailable("The model does not answer.")
FAILURES = [DOWN, AuthFailed("No key."), Rejected("No such model."), ContextWindowExceeded("Long.")]
TEXTS = texts_for("en")


@dataclass
class Stage:
    """A runner with everything around it; ``events`` are what a visitor's page is told."""

    temporary: TemporaryDatabase
    executor: RecordingExecutor
    conversation_id: ConversationId
    tools: dict[str, TenantTool]
    tasks: TaskGroup = field(default_factory=TaskGroup)
    events: list[TurnEvent] = field(default_factory=list)
    tally: TurnTally = field(default_factory=TurnTally)

    def assign(self, *models: ScriptedChatModel, **fields: Any) -> Assignment:
        clock = self.temporary.clock
        context = ToolContext(
            tenant_id=self.temporary.tenant_id, conversation_id=self.conversation_id
        )
        given: dict[str, Any] = {
            "context": context,
            "messages": (SYSTEM, QUESTION),
            "tools": self.tools,
            "models": [AnswerModel(provider=model, model=MODEL_NAME) for model in models],
            "briefing": Briefing(shop_name="Bob's Pizza Shop", now=clock.now()),
            "temperature": 0.4,
            "max_output_tokens": 77,
            "max_tool_rounds": 3,
        } | fields
        identity = given["context"].identity
        specs = {name: build_spec(tool, identity) for name, tool in given["tools"].items()}
        return Assignment(**given, specs=specs)

    async def run(self, *models: ScriptedChatModel, **fields: Any) -> AgentResult:
        self.events.clear()
        self.tally = TurnTally()
        return await self.build().run(
            self.assign(*models, **fields), self.tally, self.events.append
        )

    def build(self) -> AgentRunner:
        return AgentRunner(
            executors={"workflow": self.executor},
            turn_store=self.temporary.database.turn_store,
            clock=self.temporary.clock,
            tasks=self.tasks,
        )

    @property
    def said(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, AnswerDelta))

    @property
    def progress(self) -> list[tuple[str, str]]:
        return [
            (event.call_id, event.status)
            for event in self.events
            if isinstance(event, ToolProgress)
        ]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_temporary_database() as temporary:
        start = await temporary.database.turn_store.begin_turn(
            NewTurn(
                tenant_id=temporary.tenant_id,
                session_hash=None,
                new_session_hash=SessionHash(hash_token("vs_1")),
                new_conversation_id=ConversationId(new_id()),
                user_message_id=MessageId(new_id()),
                client_message_id=None,
                content=QUESTION.content,
                received_at=temporary.clock.now(),
            )
        )
        assert isinstance(start, TurnAccepted)
        tools = (
            build_tenant_tool(temporary.tenant_id),
            build_tenant_tool(temporary.tenant_id, "book_appointment", risk="write"),
            build_tenant_tool(temporary.tenant_id, "send_fax", executor="integration"),
        )
        stage = Stage(
            temporary=temporary,
            executor=RecordingExecutor(),
            conversation_id=start.conversation.id,
            tools={tool.tool.tool_name: tool for tool in tools},
        )
        yield stage
        stage.executor.gate.set()
        await stage.tasks.drain(timeout_s=1)


def contents(messages: Sequence[ChatMessage]) -> list[tuple[str, str]]:
    return [(message.tool_call_id or message.role, message.content) for message in messages]


async def test_an_answer_is_streamed_and_returned(stage: Stage) -> None:
    model = ScriptedChatModel([say("Hello, ", "which order? ")])
    result = await stage.run(model)
    assert stage.events == [
        AnswerDelta(text="Hello, "),
        AnswerDelta(text="which order? "),
    ]
    assert (result.text, result.model) == (
        "Hello, which order?",
        f"scripted/{MODEL_NAME}",
    )
    assert not result.is_degraded
    assert contents(result.new_messages) == [("assistant", "Hello, which order? ")]


async def test_the_model_is_asked_with_what_the_tenant_chose(stage: Stage) -> None:
    model = ScriptedChatModel([say("Hi")])
    await stage.run(model)
    (request,) = model.requests
    assert request.messages == (SYSTEM, QUESTION)
    assert (request.model, request.temperature, request.max_output_tokens) == (MODEL_NAME, 0.4, 77)
    assert [spec.name for spec in request.tools] == list(stage.tools)
    assert request.briefing.shop_name == "Bob's Pizza Shop"


async def test_a_tool_runs_and_its_result_goes_back_to_the_model(stage: Stage) -> None:
    model = ScriptedChatModel([ask(call_order("c1"), text="Let me look."), say("It is baking.")])
    result = await stage.run(model)
    assert result.text == "It is baking."
    assert stage.said == "Let me look.It is baking."
    assert stage.progress == [("c1", "running"), ("c1", "succeeded")]
    assert stage.executor.calls == [call_order("c1")]
    assert stage.executor.contexts[0].conversation_id == stage.conversation_id
    assert contents(model.requests[1].messages[2:]) == [
        ("assistant", "Let me look."),
        ("c1", '{"status": "baking"}'),
    ]
    assert [(report.name, report.status, report.duration_ms) for report in result.tools] == [
        ("get_order_status", "succeeded", 7)
    ]
    assert [execution.call for execution in result.executions] == [call_order("c1")]
    assert result.executions[0].ledger_key is None


async def test_usage_of_every_model_call_is_counted(stage: Stage) -> None:
    model = ScriptedChatModel(
        [
            ask(call_order(), usage=TokenUsage(input_tokens=10, output_tokens=2)),
            say("Done.", usage=TokenUsage(input_tokens=20, output_tokens=3)),
        ]
    )
    result = await stage.run(model)
    assert [entry.usage.input_tokens for entry in result.usage] == [10, 20]
    assert {(entry.provider, entry.model) for entry in result.usage} == {("scripted", MODEL_NAME)}


async def test_calls_of_one_round_run_at_the_same_time(stage: Stage) -> None:
    stage.executor.gate.clear()
    model = ScriptedChatModel([ask(call_order("c1"), call_order("c2", "2")), say("Both.")])
    turn = asyncio.create_task(stage.run(model))
    await stage.executor.wait_for_calls(2)
    assert stage.executor.finished == []
    stage.executor.gate.set()
    assert (await turn).text == "Both."


@pytest.mark.parametrize("failure", FAILURES)
async def test_before_any_visible_word_the_next_model_answers(
    stage: Stage, failure: Exception
) -> None:
    broken = ScriptedChatModel([failure, failure], name="first")
    second = ScriptedChatModel([say("Hi")])
    result = await stage.run(broken, second)
    assert (result.text, result.model) == ("Hi", f"scripted/{MODEL_NAME}")
    assert result.is_degraded
    assert stage.said == "Hi"
    assert second.requests[0].messages == (SYSTEM, QUESTION)


async def test_a_call_of_a_model_that_failed_never_runs(stage: Stage) -> None:
    broken = ScriptedChatModel([[ToolCallRequested(call=call_order("stale")), DOWN]])
    second = ScriptedChatModel([say("Hello.")])
    result = await stage.run(broken, second)
    assert result.text == "Hello."
    assert stage.executor.calls == []


async def test_blanks_are_no_visible_word(stage: Stage) -> None:
    broken = ScriptedChatModel([[TextDelta(text=" \n"), DOWN]])
    result = await stage.run(broken, ScriptedChatModel([say("Hello.")]))
    assert contents(result.new_messages) == [("assistant", "Hello.")]


async def test_after_visible_words_the_beginning_is_kept_and_marked(stage: Stage) -> None:
    broken = ScriptedChatModel(
        [[TextDelta(text="It is baking "), ToolCallRequested(call=call_order("stale")), DOWN]],
        name="first",
    )
    second = ScriptedChatModel([])
    result = await stage.run(broken, second)
    assert result.text == f"It is baking\n\n{TEXTS['cut_short']}"
    assert result.is_degraded
    assert result.model == f"first/{MODEL_NAME}"
    assert second.requests == []
    assert stage.executor.calls == []
    assert contents(result.new_messages) == [("assistant", result.text)]


async def test_the_last_models_beginning_is_kept_too(stage: Stage) -> None:
    result = await stage.run(ScriptedChatModel([[TextDelta(text="It is baking "), DOWN]]))
    assert result.text.startswith("It is baking\n\n")
    assert result.is_degraded


async def test_when_the_last_model_fails_the_turn_fails(stage: Stage) -> None:
    with pytest.raises(Unavailable):
        await stage.run(ScriptedChatModel([DOWN]), ScriptedChatModel([DOWN]))


async def test_a_model_that_fails_after_a_tool_round_leaves_the_rest_to_the_next(
    stage: Stage,
) -> None:
    first = ScriptedChatModel([ask(call_order("c1")), DOWN])
    second = ScriptedChatModel([say("It is baking.")])
    result = await stage.run(first, second)
    assert result.text == "It is baking."
    assert second.requests[0].messages[-1].tool_call_id == "c1"
    assert len(stage.executor.calls) == 1


async def test_tools_that_may_not_be_called_any_more_are_named_as_withheld(stage: Stage) -> None:
    model = ScriptedChatModel([ask(call_order("c1")), say("It is baking.")])
    await stage.run(model, max_tool_rounds=1)
    offered, last = model.requests
    assert (offered.withheld_tools, last.tools) == ((), ())
    assert last.withheld_tools == offered.tools != ()


async def test_a_bug_in_a_model_is_not_hidden_behind_the_next(stage: Stage) -> None:
    with pytest.raises(KeyError):
        await stage.run(ScriptedChatModel([KeyError("x")]), ScriptedChatModel([say("Hi")]))


async def test_an_empty_answer_is_an_honest_sentence(stage: Stage) -> None:
    result = await stage.run(ScriptedChatModel([say()]))
    assert result.text == TEXTS["no_answer"]
    assert result.is_degraded
    assert contents(result.new_messages) == [("assistant", TEXTS["no_answer"])]


async def test_an_answer_at_its_limit_is_marked(stage: Stage) -> None:
    cut = [
        TextDelta(text="Long"),
        ModelFinished(finish_reason="length", model="m", provider_state={"provider": "x"}),
    ]
    result = await stage.run(ScriptedChatModel([cut]))
    assert result.text == f"Long\n\n{TEXTS['cut_short']}"
    assert result.new_messages[-1].provider_state == {"provider": "x"}


async def test_citations_and_quick_replies_are_handed_on(stage: Stage) -> None:
    citations = (Citation(title="FAQ"),)
    end = ModelFinished(
        finish_reason="stop", model="builtin", citations=citations, quick_replies=("Menu",)
    )
    model = ScriptedChatModel([[TextDelta(text="Hi"), end]], name="builtin")
    result = await stage.run(model)
    assert (result.citations, result.quick_replies) == (citations, ("Menu",))
    assert result.model == "builtin"


async def test_a_write_waits_for_the_visitor(stage: Stage) -> None:
    model = ScriptedChatModel([ask(call_booking("w1"), text="With pleasure!")])
    result = await stage.run(model)
    assert stage.executor.calls == []
    assert stage.progress == [("w1", "needs_confirmation")]
    assert result.pending_action is not None
    assert result.pending_action.call == call_booking("w1")
    expires_in = result.pending_action.expires_at - stage.temporary.clock.now()
    assert expires_in == timedelta(minutes=5)
    assert "**19:00**" in result.text
    assert stage.said == result.text
    assert list(map(read_decision, result.quick_replies)) == ["yes", "no"]
    assert [report.status for report in result.tools] == ["needs_confirmation"]
    assert result.new_messages[-1].content == result.text


async def test_the_question_is_in_the_visitors_language(stage: Stage) -> None:
    briefing = Briefing(shop_name="Bob", language="he-IL", now=stage.temporary.clock.now())
    result = await stage.run(ScriptedChatModel([ask(call_booking())]), briefing=briefing)
    assert result.text.endswith(texts_for("he")["confirm_question"])


async def test_a_confirmed_write_runs_and_is_logged_before_the_turn_ends(stage: Stage) -> None:
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=True)
    result = await stage.run(ScriptedChatModel([say("Booked.")]), decided=decided)
    assert stage.executor.calls == [call_booking("w2")]
    assert result.text == "Booked."
    (execution,) = result.executions
    assert execution.ledger_key is not None
    (stored,) = await stage.temporary.database.turn_store.list_executions(
        stage.temporary.tenant_id, stage.conversation_id, execution.ledger_key
    )
    assert stored.outcome.output == {"status": "baking"}


async def test_a_declined_write_does_not_run(stage: Stage) -> None:
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=False)
    result = await stage.run(ScriptedChatModel([say("All right.")]), decided=decided)
    assert (stage.executor.calls, result.tools, stage.progress) == ([], (), [])


async def test_the_same_yes_a_second_time_returns_the_first_result(stage: Stage) -> None:
    results = iter([{"booking": "A1"}, {"booking": "A2"}])
    stage.executor = RecordingExecutor(lambda _: next(results))
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    await stage.run(ScriptedChatModel([say("Booked.")]), decided=decided)
    model = ScriptedChatModel([say("Booked already.")])
    result = await stage.run(model, decided=decided)
    assert len(stage.executor.calls) == 1
    assert model.requests[0].messages[-1].content == '{"booking": "A1"}'
    assert stage.progress == [("w1", "running"), ("w1", "succeeded")]
    assert result.executions == ()


async def test_a_new_yes_does_it_again_and_the_question_says_so(stage: Stage) -> None:
    results = iter([{"booking": "A1"}, {"booking": "A2"}])
    stage.executor = RecordingExecutor(lambda _: next(results))
    for number in range(2):
        asked = await stage.run(ScriptedChatModel([ask(call_booking(f"m{number}"))]))
        assert (texts_for("en")["confirm_again"] in asked.text) == (number == 1)
        decided = ActionDecided(call=call_booking(f"w{number}"), is_confirmed=True)
        model = ScriptedChatModel([say("Booked.")])
        await stage.run(model, decided=decided)
        told = model.requests[0].messages[-1].content
        assert told == ('{"booking": "A1"}', '{"booking": "A2"}')[number]
    assert len(stage.executor.calls) == 2


async def test_a_model_that_repeats_its_call_gets_the_first_result(stage: Stage) -> None:
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    model = ScriptedChatModel([ask(call_booking("w2")), say("Booked.")])
    result = await stage.run(model, decided=decided)
    assert (result.text, result.pending_action) == ("Booked.", None)
    assert len(stage.executor.calls) == 1
    results = [m.content for m in model.requests[1].messages if m.role == "tool"]
    assert len(results) == 2
    assert results[0] == results[1]


async def test_a_tool_that_says_no_has_done_nothing(stage: Stage) -> None:
    answers = iter([{"success": False, "error": "fully_booked"}, {"success": True}])
    stage.executor = RecordingExecutor(lambda _: next(answers))
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    model = ScriptedChatModel([say(CLAIM), say("It is full.")])
    result = await stage.run(model, decided=decided)
    assert result.text == "It is full."
    assert [report.status for report in result.tools] == ["failed"]
    told = model.requests[0].messages[-1]
    assert (told.content, told.is_error) == ('{"success": false, "error": "fully_booked"}', False)
    [execution] = result.executions
    assert (execution.outcome.is_success, execution.outcome.failure) == (False, "refused")
    asked = await stage.run(ScriptedChatModel([ask(call_booking("m2"))]))
    assert texts_for("en")["confirm_again"] not in asked.text
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=True)
    assert (await stage.run(ScriptedChatModel([say(CLAIM)]), decided=decided)).text == CLAIM
    assert len(stage.executor.calls) == 2


async def test_very_many_calls_at_once_are_not_all_carried_out(stage: Stage) -> None:
    calls = [call_order(f"r{number}") for number in range(40)]
    model = ScriptedChatModel([ask(*calls), say("There.")])
    result = await stage.run(model)
    assert len(stage.executor.calls) == len(result.tools) == MAX_CALLS
    answered = [m.tool_call_id for m in model.requests[1].messages if m.role == "tool"]
    assert sorted(filter(None, answered)) == sorted(call.id for call in calls)


async def test_another_write_runs(stage: Stage) -> None:
    for call in (call_booking("w1"), call_booking("w2", time="20:00")):
        decided = ActionDecided(call=call, is_confirmed=True)
        await stage.run(ScriptedChatModel([say("Booked.")]), decided=decided)
    assert len(stage.executor.calls) == 2


LOST = ToolOutcome(is_success=False, error="No answer from https://n8n.internal:5678.")


@pytest.mark.parametrize("language", ["en", "he"])
async def test_a_write_without_an_end_is_told_in_our_words_and_not_begun_again(
    stage: Stage, language: str
) -> None:
    outcomes = iter([LOST])
    stage.executor = RecordingExecutor(lambda _: next(outcomes))
    briefing = msgspec.structs.replace(stage.assign().briefing, language=language)
    for number in range(2):
        decided = ActionDecided(call=call_booking(f"w{number}"), is_confirmed=True)
        result = await stage.run(ScriptedChatModel([]), decided=decided, briefing=briefing)
        assert result.text == texts_for(language)["outcome_unknown"].format(
            action=name_tool("book_appointment", {}, language)
        )
        assert (result.unknown_tool, result.model) == ("book_appointment", "builtin")
        roles = [message.role for message in result.new_messages]
        assert roles == ["assistant", "tool", "assistant"]
        assert result.new_messages[1].content == FAILURE_SENTENCES["unknown"]
    assert len(stage.executor.calls) == 1


async def test_a_receiver_that_minds_the_key_is_asked_again_under_it(stage: Stage) -> None:
    tool = stage.tools["book_appointment"]
    stage.tools["book_appointment"] = msgspec.structs.replace(
        tool, custom_config={"idempotent": True}
    )
    outcomes = iter([LOST, ToolOutcome(is_success=True, output="Booked.")])
    stage.executor = RecordingExecutor(lambda _: next(outcomes))
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    await stage.run(ScriptedChatModel([]), decided=decided)
    result = await stage.run(ScriptedChatModel([say("Booked.")]), decided=decided)
    assert result.text == "Booked."
    assert [call.id for call in stage.executor.calls] == ["w1", "w1"]


async def test_a_write_is_known_to_have_begun_while_it_runs(stage: Stage) -> None:
    store = stage.temporary.database.turn_store
    place = (stage.temporary.tenant_id, stage.conversation_id)
    stage.executor.gate.clear()
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    turn = asyncio.create_task(stage.run(ScriptedChatModel([say("Booked.")]), decided=decided))
    await stage.executor.wait_for_calls()
    assert (await store.list_writes(*place)).unknown == {"book_appointment"}
    stage.executor.gate.set()
    await turn
    assert (await store.list_writes(*place)).unknown == frozenset()


async def test_a_write_that_failed_may_be_tried_again(stage: Stage) -> None:
    full = ToolOutcome(is_success=False, error="Full.", failure="refused")
    outcomes = iter([full, ToolOutcome(is_success=True)])
    stage.executor = RecordingExecutor(lambda _: next(outcomes))
    for number in range(2):
        decided = ActionDecided(call=call_booking(f"w{number}"), is_confirmed=True)
        result = await stage.run(ScriptedChatModel([say("Hm.")]), decided=decided)
        assert len(result.executions) == 1
    assert len(stage.executor.calls) == 2


async def test_a_read_runs_as_often_as_it_is_asked(stage: Stage) -> None:
    model = ScriptedChatModel([ask(call_order("c1")), ask(call_order("c2")), say("Baking.")])
    await stage.run(model)
    assert len(stage.executor.calls) == 2


async def test_a_write_goes_on_when_nobody_waits_for_the_turn_any_more(stage: Stage) -> None:
    stage.executor.gate.clear()
    decided = ActionDecided(call=call_booking("w1"), is_confirmed=True)
    turn = asyncio.create_task(stage.run(ScriptedChatModel([]), decided=decided))
    await stage.executor.wait_for_calls()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    stage.executor.gate.set()
    await stage.tasks.drain(timeout_s=5)
    assert stage.executor.finished == [call_booking("w1")]
    await stage.run(ScriptedChatModel([say("Done already.")]), decided=decided)
    assert len(stage.executor.calls) == 1


async def test_a_read_is_given_up_with_its_turn(stage: Stage) -> None:
    stage.executor.gate.clear()
    turn = asyncio.create_task(stage.run(ScriptedChatModel([ask(call_order())])))
    await stage.executor.wait_for_calls()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert stage.executor.finished == []
    assert len(stage.tasks) == 0


async def test_a_cancelled_turn_closes_the_model(stage: Stage) -> None:
    model = ScriptedChatModel([say(*["word "] * 50)])
    has_spoken = asyncio.Event()
    turn = asyncio.create_task(
        stage.build().run(stage.assign(model), stage.tally, lambda _: has_spoken.set())
    )
    await has_spoken.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert model.closed_early == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, FAILURE_SENTENCES["no_answer"]),
        ({"failure": "unknown"}, FAILURE_SENTENCES["no_answer"]),
        ({"failure": "unreachable"}, FAILURE_SENTENCES["unreachable"]),
        (
            {"failure": "refused", "output": "We are closed."},
            FAILURE_SENTENCES["refused"] + " It says: We are closed.",
        ),
    ],
)
async def test_a_tools_failure_is_told_by_its_kind_and_in_detail_to_the_operator_alone(
    stage: Stage, fields: Any, told: str
) -> None:
    failed = ToolOutcome(is_success=False, error="The oven at 10.0.0.7 is off.", **fields)
    stage.executor = RecordingExecutor(lambda _: failed)
    model = ScriptedChatModel([ask(call_order("c1")), say("It did not work.")])
    result = await stage.run(model)
    message = model.requests[1].messages[-1]
    assert (message.content, message.is_error) == (told, True)
    (noted,) = [step.detail for step in stage.tally.trace.steps if step.kind == "tool_call"]
    assert (noted["result"], noted["error"]) == (told, "The oven at 10.0.0.7 is off.")
    assert stage.progress == [("c1", "running"), ("c1", "failed")]
    assert [report.status for report in result.tools] == ["failed"]


async def test_an_executor_that_raises_upstream_has_failed(stage: Stage) -> None:
    def answer(_: object) -> None:
        raise Unavailable("The shop's system does not answer.")

    stage.executor = RecordingExecutor(answer)
    model = ScriptedChatModel([ask(call_order()), say("Sorry.")])
    result = await stage.run(model)
    assert model.requests[1].messages[-1].content == FAILURE_SENTENCES["no_answer"]
    assert not result.executions[0].outcome.is_success


async def test_a_bug_in_one_tool_leaves_no_other_running_behind_the_turn(stage: Stage) -> None:
    def answer(call: Any) -> dict[str, str]:
        if call.id == "c1":
            raise ZeroDivisionError
        return {"status": "ok"}

    stage.executor = RecordingExecutor(answer)
    model = ScriptedChatModel([ask(call_order("c1"), call_order("c2"))])
    with pytest.raises(ZeroDivisionError):
        await stage.run(model)
    assert [call.id for call in stage.executor.finished] == ["c1", "c2"]
    assert [execution.call.id for execution in stage.tally.executions] == ["c2"]


async def test_a_tool_that_nothing_here_can_run_says_so(stage: Stage) -> None:
    call = call_order("c1")
    call = type(call)(id="c1", name="send_fax", arguments=call.arguments)
    model = ScriptedChatModel([ask(call), say("I cannot fax.")])
    result = await stage.run(model)
    assert model.requests[1].messages[-1].content == FAILURE_SENTENCES["not_available"]
    assert "'integration'" in str(stage.tally.executions[-1].outcome.error)
    assert [report.status for report in result.tools] == ["failed"]


async def test_what_was_used_is_known_of_a_turn_that_failed(stage: Stage) -> None:
    with pytest.raises(Unavailable):
        await stage.run(ScriptedChatModel([ask(call_order("c1")), DOWN]))
    assert len(stage.tally.usage) == 1
    assert [execution.call.id for execution in stage.tally.executions] == ["c1"]


DANA = VerifiedIdentity(subject="dana", claims={"sub": "dana", "email": "dana@shop.example"})


def bind(stage: Stage, name: str, **bindings: str) -> None:
    config = {"identity": bindings}
    stage.tools[name] = msgspec.structs.replace(stage.tools[name], custom_config=config)


def signed_in(stage: Stage, identity: VerifiedIdentity = DANA) -> dict[str, Any]:
    context = ToolContext(
        tenant_id=stage.temporary.tenant_id,
        conversation_id=stage.conversation_id,
        identity=identity,
    )
    return {"context": context}


async def test_who_the_visitor_is_is_filled_in_by_the_server(stage: Stage) -> None:
    bind(stage, "get_order_status", order_number="sub")
    asked = ToolCall(id="c1", name="get_order_status", arguments={})
    model = ScriptedChatModel([ask(call_order("x", "666")), ask(asked), say("It is baking.")])
    result = await stage.run(model, **signed_in(stage))
    assert [call.arguments for call in stage.executor.calls] == [{"order_number": "dana"}]
    assert result.executions[0].call.arguments == {"order_number": "dana"}
    (spec, *_) = model.requests[0].tools
    assert spec.parameters_schema["properties"] == {}
    assert all(
        "dana" not in str(message.tool_calls)
        for request in model.requests
        for message in request.messages
    )
    policy = [step.detail for step in stage.tally.trace.steps if step.kind == "policy"]
    assert ["Leave out 'order_number'" in str(step["reason"]) for step in policy] == [True]


async def test_a_visitor_who_is_not_signed_in_is_told_so(stage: Stage) -> None:
    bind(stage, "get_order_status", order_number="sub")
    model = ScriptedChatModel([ask(call_order()), say("Please sign in.")])
    await stage.run(model)
    assert stage.executor.calls == []
    assert model.requests[1].messages[-1].content == SIGN_IN_CALL
    assert SIGN_IN_CALL in model.requests[0].tools[0].description


async def test_a_sign_in_that_does_not_fit_the_tool_runs_nothing(stage: Stage) -> None:
    bind(stage, "book_appointment", party_size="sub")
    decided = ActionDecided(
        call=ToolCall(
            id="w", name="book_appointment", arguments={"date": "2026-03-03", "time": "19:00"}
        ),
        is_confirmed=True,
    )
    model = ScriptedChatModel([say("That did not work.")])
    await stage.run(model, decided=decided, **signed_in(stage))
    assert stage.executor.calls == []
    assert model.requests[0].messages[-1].content == FAILURE_SENTENCES["not_available"]
    [refused] = [step.detail for step in stage.tally.trace.steps if step.kind == "policy"]
    assert (refused["verdict"], refused["tool"]) == ("refused", "book_appointment")


async def test_the_question_shows_whose_address_and_keeps_what_was_shown(stage: Stage) -> None:
    bind(stage, "book_appointment", date="sub", time="email")
    asked = ToolCall(id="w1", name="book_appointment", arguments={"party_size": 2})
    identity = VerifiedIdentity(
        subject="2026-03-03", claims={"sub": "2026-03-03", "email": "dana@shop.example"}
    )
    result = await stage.run(ScriptedChatModel([ask(asked)]), **signed_in(stage, identity))
    assert result.pending_action is not None
    assert result.pending_action.call.arguments == {
        "party_size": 2,
        "date": "2026-03-03",
        "time": "dana@shop.example",
    }
    assert "dana@shop.example" in result.text
    assert "March" not in result.text


async def test_a_confirmed_write_that_may_not_run_is_told_to_the_model(stage: Stage) -> None:
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=True, refusal="Not carried out.")
    model = ScriptedChatModel([say("Please sign in first.")])
    await stage.run(model, decided=decided)
    assert stage.executor.calls == []
    assert model.requests[0].messages[-1].content == "Not carried out."


async def test_the_same_write_of_two_people_is_two_actions(stage: Stage) -> None:
    bind(stage, "book_appointment", time="sub")
    call = ToolCall(id="w", name="book_appointment", arguments={"date": "2026-03-03"})
    for index, person in ((0, "dana"), (1, "noa"), (0, "dana")):
        identity = VerifiedIdentity(subject=person, claims={"sub": person})
        decided = ActionDecided(
            call=msgspec.structs.replace(call, id=f"w{index}"), is_confirmed=True
        )
        model = ScriptedChatModel([say("Booked.")])
        await stage.run(model, decided=decided, **signed_in(stage, identity))
    assert [call.arguments["time"] for call in stage.executor.calls] == ["dana", "noa"]


CLAIM = "I have booked your table."


async def test_a_claim_is_held_back_and_the_model_asked_again(stage: Stage) -> None:
    model = ScriptedChatModel([say("Hello! ", CLAIM, " Bye."), say("Shall I book it?")])
    result = await stage.run(model)
    assert result.text == "Hello! Shall I book it?"
    assert stage.said == result.text
    first, second = model.requests
    assert second.messages[1:] == first.messages[1:]
    assert CLAIM in second.messages[0].content
    assert '"Hello!"' in second.messages[0].content
    assert [message.role for message in result.new_messages] == ["assistant"]
    notes = [step.detail.get("verdict") for step in stage.tally.trace.steps]
    assert "unproven_claim" in notes


@pytest.mark.parametrize("held", [CLAIM, "I have booked your ta", "I have", "Perh"])
async def test_what_was_held_back_when_the_answer_broke_was_not_said(
    stage: Stage, held: str
) -> None:
    broken = ScriptedChatModel([[TextDelta(text=held), DOWN]], name="first")
    second = ScriptedChatModel([say("Shall I book it?")])
    result = await stage.run(broken, second)
    assert result.text == stage.said == "Shall I book it?"
    assert contents(result.new_messages) == [("assistant", "Shall I book it?")]
    assert second.requests[0].messages == broken.requests[0].messages
    assert len(result.usage) == 2


@pytest.mark.parametrize("held", [CLAIM, "I have booked your ta", "I have", "Perh"])
async def test_behind_words_that_were_seen_what_was_held_back_is_left_out(
    stage: Stage, held: str
) -> None:
    broken = ScriptedChatModel([[TextDelta(text="All right. "), TextDelta(text=held), DOWN]])
    second = ScriptedChatModel([])
    result = await stage.run(broken, second)
    assert result.text == f"All right.\n\n{TEXTS['cut_short']}"
    assert stage.said.strip() == "All right."
    assert contents(result.new_messages) == [("assistant", result.text)]
    assert second.requests == []


async def test_when_the_last_model_breaks_unseen_the_answer_is_an_honest_sentence(
    stage: Stage,
) -> None:
    result = await stage.run(ScriptedChatModel([[TextDelta(text=CLAIM), DOWN]]))
    assert contents(result.new_messages) == [("assistant", TEXTS["no_answer"])]
    assert result.is_degraded


async def test_where_nothing_is_held_back_a_claim_that_broke_is_answered_with_the_truth(
    stage: Stage,
) -> None:
    tools = {"get_order_status": stage.tools["get_order_status"]}
    broken = ScriptedChatModel([[TextDelta(text=CLAIM), DOWN]])
    result = await stage.run(broken, ScriptedChatModel([]), tools=tools)
    assert result.text == f"{CLAIM}\n\n{TEXTS['nothing_done']}"


async def test_a_model_that_claims_again_is_replaced(stage: Stage) -> None:
    model = ScriptedChatModel([say(CLAIM), say("Really, ", CLAIM)])
    result = await stage.run(model)
    assert CLAIM not in result.text
    assert result.text.endswith(TEXTS["nothing_done"])
    assert result.is_degraded
    assert stage.said.split() == result.text.split()
    assert result.new_messages[-1].content == result.text


async def test_after_the_question_back_the_model_may_call_the_tool(stage: Stage) -> None:
    model = ScriptedChatModel([say(CLAIM), ask(call_booking("w1"), text="It is booked!")])
    result = await stage.run(model)
    assert result.pending_action is not None
    assert "booked" not in result.text


async def test_where_no_tool_writes_the_truth_follows_the_claim(stage: Stage) -> None:
    tools = {"get_order_status": stage.tools["get_order_status"]}
    result = await stage.run(ScriptedChatModel([say(CLAIM)]), tools=tools)
    assert result.text == f"{CLAIM}\n\n{TEXTS['nothing_done']}"
    assert stage.said == result.text


async def test_what_was_done_earlier_in_the_conversation_may_be_told(stage: Stage) -> None:
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=True)
    await stage.run(ScriptedChatModel([say("Booked.")]), decided=decided)
    model = ScriptedChatModel([say("As I said, I have booked your table.")])
    assert (await stage.run(model)).text == "As I said, I have booked your table."
    model = ScriptedChatModel([say("I have cancelled it."), say("I have cancelled it.")])
    assert "Book appointment" in (await stage.run(model)).text


async def test_an_answerer_that_only_quotes_is_not_doubted(stage: Stage) -> None:
    quoting = AnswerModel(provider=ScriptedChatModel([say(CLAIM)]), only_quotes=True)
    result = await stage.run(models=[quoting])
    assert result.text == CLAIM
