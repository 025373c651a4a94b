"""What an earlier assistant of this kind did to its visitors, forbidden by name in whole turns.

A silent model and context that grows without bound are forbidden beside the deadlines and the
window; see ``tests/unit/appliance/agent/test_resilient_model.py`` and ``test_history.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from appliance.domain.ids import new_id
from appliance.errors import AuthFailed, ContextWindowExceeded, Rejected, Unavailable
from tests.fakes.scripted_model import ask, say
from tests.fakes.shops import call_booking
from tests.fakes.sqlite_database import open_temporary_database
from tests.unit.appliance.services.test_turns import Stage

TURNS = 12


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_temporary_database() as temporary:
        stage = Stage(temporary)
        yield stage
        await stage.tasks.drain(timeout_s=1)


async def test_no_message_reaches_the_model_twice_and_the_system_prompt_is_never_lost(
    stage: Stage,
) -> None:
    for number in range(TURNS):
        await stage.say(f"Message number {number}.", say(f"Answer {number}."))
        messages = stage.model.requests[-1].messages
        assert [message.role for message in messages].count("system") == 1
        assert messages[0].role == "system"
        assert "Bob's Pizza Shop" in messages[0].content
        said = [message.content for message in messages if message.role == "user"]
        assert said[-1] == f"Message number {number}."
        assert len(said) == len(set(said))


async def test_a_message_that_is_sent_again_after_a_failure_is_read_once(stage: Stage) -> None:
    await stage.say("Hello.", say("Hi."))
    message_id = new_id()
    await stage.fail("Where is it?", Unavailable("x"), message_id=message_id)
    await stage.say("Where is it?", say("Here."), message_id=message_id)
    said = [m.content for m in stage.model.requests[-1].messages if m.role == "user"]
    assert said == ["Hello.", "Where is it?"]


@pytest.mark.parametrize(
    "answer",
    [
        "ok wait, don't do that", "no, then what are your hours", "yes but at eight",
        "yes, no, wait", "sure… not", "yes?", "כן אבל מחר", "בטח שלא", "לא, תודה", "cancel", "hmm",
    ],
)  # fmt: skip
async def test_what_was_called_off_or_not_agreed_to_is_never_done(stage: Stage, answer: str):
    await stage.say("Book a table", ask(call_booking("w1")))
    await stage.say(answer, say("All right."))
    assert stage.executor.calls == []


async def test_a_yes_that_comes_too_late_or_elsewhere_does_nothing(stage: Stage) -> None:
    await stage.say("yes", say("What would you like?"))
    await stage.say("Book a table", ask(call_booking("w1")))
    session = stage.session_id
    stage.session_id = None
    await stage.say("yes", say("What would you like?"))
    stage.session_id = session
    stage.clock.advance(301)
    await stage.say("yes", say("That took too long."))
    assert stage.executor.calls == []


async def test_a_yes_is_to_the_action_that_was_shown_last(stage: Stage) -> None:
    await stage.say("Book a table at seven", ask(call_booking("w1", time="19:00")))
    await stage.say("Make it eight", ask(call_booking("w2", time="20:00")))
    await stage.say("yes", say("It is booked."))
    await stage.say("yes", say("What else?"))
    assert [call.arguments["time"] for call in stage.executor.calls] == ["20:00"]


async def test_two_tabs_that_say_yes_at_once_do_it_once(stage: Stage) -> None:
    reply = await stage.say("Book a table", ask(call_booking("w1")))
    agree = reply.message.quick_replies[0]
    for _ in range(2):
        stage.model.add(say("It is booked."))
    answers = await asyncio.gather(
        *(stage.say(agree, message_id=new_id()) for _ in range(2)), return_exceptions=True
    )
    assert len(stage.executor.calls) == 1
    assert sum(not isinstance(answer, BaseException) for answer in answers) >= 1


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable("upstream said: <html>502 Bad Gateway sk-live-123</html>"),
        AuthFailed("401 invalid x-api-key sk-live-123"),
        Rejected("model 'qwen' not found, try pulling it first"),
        ContextWindowExceeded("too long"),
        RuntimeError("Traceback: sk-live-123"),
    ],
)
async def test_no_visitor_reads_what_a_provider_said(stage: Stage, failure: Exception) -> None:
    error = await stage.fail("Hello", failure)
    for word in ("sk-live", "html", "qwen", "401", "Traceback", "502"):
        assert word not in str(error)
