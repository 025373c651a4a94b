"""What of a found answer a reply tells, and of its end the trace."""

from __future__ import annotations

import pytest

from appliance.agent.runner import AgentResult
from appliance.agent.trace import TurnTrace
from appliance.domain.conversation import Conversation, ConversationStatus
from appliance.domain.escalation import NewEscalation
from appliance.domain.ids import ConversationId, MessageId, new_id
from appliance.domain.message import ChatMessage, Citation, TokenUsage, ToolReport
from appliance.errors import Unavailable
from appliance.ports.turn_store import ModelUsage, TurnAccepted
from appliance.services.answering import Answered, Question
from appliance.services.handover import Closing
from appliance.services.replies import build_reply, note_failure, note_outcome
from appliance.services.tenant_directory import KnownTenant
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant

NOW = SettableClock().now()
RESULT = AgentResult(
    text="It is baking.",
    new_messages=(ChatMessage(role="assistant", content="It is baking."),),
    model="ollama/small",
    is_degraded=True,
    executions=(),
    usage=tuple(
        ModelUsage(provider="ollama", model="small", usage=TokenUsage(input_tokens=n))
        for n in (10, 20)
    ),
    tools=(ToolReport(name="get_order_status", status="succeeded", duration_ms=7),),
    citations=(Citation(title="Orders"),),
    quick_replies=("Thanks",),
)


def build_question(status: ConversationStatus = "open") -> Question:
    tenant = build_tenant()
    return Question(
        known=KnownTenant(tenant=tenant, tools={}, loaded_at=0.0),
        accepted=TurnAccepted(
            conversation=Conversation(
                id=ConversationId(new_id()), tenant_id=tenant.id, started_at=NOW, status=status
            ),
            user_message_id=MessageId(new_id()),
            fencing_token=1,
            is_new_session=True,
        ),
        session_id="vs_1",
        text="Where is my order?",
    )


def test_a_reply_tells_the_answer_and_what_it_took() -> None:
    question = build_question()
    reply = build_reply(question, Answered(result=RESULT), created_at=NOW)
    assert (reply.session_id, reply.conversation_id) == ("", question.conversation_id)
    assert (reply.message.content, reply.message.created_at) == ("It is baking.", NOW)
    assert (reply.message.citations, reply.message.quick_replies) == (
        RESULT.citations,
        ("Thanks",),
    )
    assert (reply.usage.input_tokens, reply.tools) == (30, RESULT.tools)
    assert (reply.model, reply.degraded, reply.cached) == ("ollama/small", True, False)
    again = build_reply(question, Answered(result=RESULT), created_at=NOW)
    assert again.message.id != reply.message.id


@pytest.mark.parametrize(
    ("status", "closing", "flags"),
    [
        ("open", Closing(), (False, False)),
        ("open", Closing(escalation=NewEscalation(cause="visitor")), (True, False)),
        ("open", Closing(ends_conversation=True), (False, True)),
        ("waiting_for_human", Closing(), (True, False)),
    ],
)
def test_a_reply_tells_what_becomes_of_the_conversation(
    status: ConversationStatus, closing: Closing, flags: tuple[bool, bool]
) -> None:
    answered = Answered(result=RESULT, closing=closing)
    reply = build_reply(build_question(status), answered, created_at=NOW)
    assert (reply.escalated, reply.conversation_ended) == flags


def test_the_trace_tells_how_the_turn_ended() -> None:
    trace = TurnTrace()
    note_outcome(trace, build_reply(build_question(), Answered(result=RESULT), created_at=NOW))
    assert note_failure(trace, Unavailable("The model is down.")) == "upstream_unavailable"
    assert note_failure(trace, ValueError("inner")) == "internal_error"
    done, failed, broken = (step.detail for step in trace.steps)
    assert (done["state"], done["model"], done["degraded"]) == ("done", "ollama/small", True)
    assert (failed["state"], failed["error"]) == ("failed", "The model is down.")
    assert (broken["code"], broken["error"]) == ("internal_error", "")
