from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from appliance.clock import MachineClock
from appliance.domain.message import ChatMessage
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.ports.chat_model import ChatRequest, ModelDescription, ModelEvent, TextDelta
from appliance.providers.anthropic import AnthropicChatModel, chat_model
from appliance.providers.deadlines import Deadlines
from tests.contract.chat_model_contract import HEBREW, ORDER_STATUS, Heard, build_request, hear
from tests.fakes.anthropic_rules import FakeModel
from tests.fakes.anthropic_server import API_KEY, FailMidway, FakeAnthropic, Refuse, Say, Step, play
from tests.fakes.model_script import CutOff, Send, Stall

HELLO = Say(text=["Hello", " there"])
CALL = {"name": "get_order_status", "arguments": {"order_number": "12345"}, "id": "toolu_1"}
MODELS = (
    FakeModel("claude-haiku-5-5"),
    FakeModel("claude-opus-5-5"),
    FakeModel("claude-old-1", context_length=90_000, max_tokens=4_096, knows_effort=False),
)


@asynccontextmanager
async def open_model(
    *steps: Step,
    deadlines: Deadlines | None = None,
    default_model: str | None = None,
    api_key: str | None = API_KEY,
    models: Sequence[FakeModel] = MODELS,
    **options: Any,
) -> AsyncIterator[tuple[AnthropicChatModel, FakeAnthropic]]:
    async with FakeAnthropic(play(steps), models=models, **options) as fake:
        model = AnthropicChatModel(
            fake.url, api_key, default_model, MachineClock(), deadlines=deadlines
        )
        async with aclosing(model):
            yield model, fake


async def hear_until_it_breaks(model: AnthropicChatModel) -> list[ModelEvent]:
    said: list[ModelEvent] = []
    stream = model.stream(build_request())
    while True:
        try:
            said.append(await anext(stream))
        except Unavailable:
            return said


async def test_the_files_model_answers_requests_that_name_none() -> None:
    async with open_model(HELLO) as (model, fake):
        heard = await hear(model, build_request())
    assert heard.text == "Hello there"
    assert heard.finished.model == "claude-haiku-5-5"
    assert fake.calls[0]["model"] == "claude-haiku-5-5"


@pytest.mark.parametrize("in_request", [True, False])
async def test_the_tenants_and_the_operators_choice_come_first(in_request: bool) -> None:
    named = "claude-opus-5-5"
    default = "claude-haiku-5-5" if in_request else named
    async with open_model(HELLO, default_model=default) as (model, fake):
        request = msgspec.structs.replace(build_request(), model=named if in_request else None)
        await hear(model, request)
    assert fake.calls[0]["model"] == named


@pytest.mark.parametrize("piece_bytes", [1, 7])
async def test_an_answer_in_any_pieces_is_the_same(piece_bytes: int) -> None:
    said = Say(thinking="hm", text=["One ", HEBREW], calls=[CALL])
    async with open_model(said, piece_bytes=piece_bytes) as (model, _):
        heard = await hear(model, build_request())
    assert heard.text == f"One {HEBREW}"
    assert [call.arguments for call in heard.calls] == [CALL["arguments"]]


async def test_one_connection_serves_one_call_after_another() -> None:
    async with open_model(HELLO, HELLO, HELLO) as (model, fake):
        for _ in range(3):
            await hear(model, build_request())
        assert fake.connections == 1


def read_on(request: ChatRequest, heard: Heard, result: str) -> ChatRequest:
    """Return the turn's next request, behind the answer that asked for tools."""
    asked = ChatMessage(
        role="assistant",
        content=heard.text,
        tool_calls=tuple(heard.calls),
        provider_state=heard.finished.provider_state,
    )
    results = (
        ChatMessage(role="tool", content=result, tool_call_id=call.id, tool_name=call.name)
        for call in heard.calls
    )
    return msgspec.structs.replace(request, messages=(*request.messages, asked, *results))


async def test_thinking_survives_a_turn_with_tools_to_its_last_call() -> None:
    """The fake refuses thinking whose beginning has changed, as the vendor does."""
    first = Say(thinking="which one|?", text=["One moment."], calls=[CALL])
    second = Say(thinking="again", calls=[{**CALL, "id": "toolu_2"}])
    async with open_model(first, second, HELLO) as (model, fake):
        request = build_request()
        request = read_on(request, await hear(model, request), "lost")
        request = read_on(request, await hear(model, request), "found")
        last = msgspec.structs.replace(request, tools=(), withheld_tools=(ORDER_STATUS,))
        assert (await hear(model, last)).text == "Hello there"
    assert fake.refusals == []
    kinds = [[b["type"] for b in m["content"]] for m in fake.calls[-1]["messages"]]
    assert kinds[1] == ["thinking", "text", "tool_use"]
    assert kinds[3] == ["thinking", "tool_use"]


async def test_the_next_turn_may_tell_another_time() -> None:
    first = Say(thinking="hm", calls=[CALL])
    async with open_model(first, HELLO, HELLO) as (model, fake):
        request = build_request()
        request = read_on(request, await hear(model, request), "shipped")
        await hear(model, request)
        system, *said = request.messages
        later = msgspec.structs.replace(system, content=f"{system.content} It is 12:00.")
        answer = ChatMessage(role="assistant", content="Hello there")
        again = ChatMessage(role="user", content="And now?")
        await hear(model, msgspec.structs.replace(request, messages=(later, *said, answer, again)))
    assert fake.refusals == []


ERRORS = [
    (Refuse(400, "invalid_request_error"), Rejected, "request_refused"),
    (Refuse(401, "authentication_error"), AuthFailed, "upstream_auth_failed"),
    (Refuse(403, "permission_error"), AuthFailed, "upstream_auth_failed"),
    (Refuse(404, "not_found_error"), Rejected, "model_not_found"),
    (Refuse(413, "request_too_large"), ContextWindowExceeded, "context_window_exceeded"),
    (Refuse(429, "rate_limit_error"), Unavailable, "rate_limited"),
    (
        Refuse(429, "rate_limit_error", cause="enforced_spend_limit_reached"),
        Rejected,
        "spend_limit_reached",
    ),
    (Refuse(500, "api_error"), Unavailable, "provider_failed"),
    (Refuse(529, "overloaded_error"), Unavailable, "overloaded"),
    (Send(b"<h1>Bad gateway</h1>", 502, "text/html"), Unavailable, "provider_failed"),
    (Send(b"<h1>Sign in</h1>", 200, "text/html"), Unavailable, "broken_response"),
    (Send(b"", 200), Unavailable, "broken_response"),
    (Send(b"event: message_start\ndata: {\n\n"), Unavailable, "broken_response"),
    (Send(b"event: x\ndata: \xff\xfe\n\n"), Unavailable, "broken_response"),
    (Send(b"{}", 302), Rejected, "request_refused"),
    (FailMidway(HELLO, "overloaded_error"), Unavailable, "overloaded"),
    (FailMidway(HELLO, "invalid_request_error"), Rejected, "request_refused"),
    (CutOff(HELLO, after_bytes=300), Unavailable, "broken_response"),
]


@pytest.mark.parametrize(("step", "kind", "code"), ERRORS, ids=lambda value: str(value)[:50])
async def test_each_fault_is_an_error_of_the_tree_and_is_not_tried_again(
    step: Step, kind: type[ApplianceError], code: str
) -> None:
    async with open_model(step, HELLO) as (model, fake):
        with capture_logs(), pytest.raises(kind) as caught:
            await hear(model, build_request())
        assert caught.value.code == code
        assert len(fake.calls) == 1
        assert (await hear(model, build_request())).text == "Hello there"


async def test_what_was_said_before_a_fault_is_heard() -> None:
    async with open_model(FailMidway(HELLO, "api_error")) as (model, _):
        with capture_logs():
            said = await hear_until_it_breaks(model)
    assert said == [TextDelta(text="Hello"), TextDelta(text=" there")]


async def test_when_to_come_back_is_told() -> None:
    refusal = Refuse(429, "rate_limit_error", headers=[("retry-after", "17")])
    async with open_model(refusal) as (model, _):
        with capture_logs(), pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
    assert caught.value.retry_after_s == 17


async def test_a_prompt_that_is_too_long_is_told_so() -> None:
    models = [FakeModel("claude-haiku-5-5", context_length=2_000)]
    async with open_model(HELLO, models=models) as (model, _):
        with capture_logs(), pytest.raises(ContextWindowExceeded):
            await hear(model, build_request("word " * 3_000))


async def test_a_server_that_does_not_listen_is_named() -> None:
    async with FakeAnthropic(play([])) as fake:
        url = fake.url
    model = AnthropicChatModel(url, API_KEY, None, MachineClock())
    with pytest.raises(Unavailable) as caught:
        await hear(model, build_request())
    assert caught.value.code == "connect_failed"
    assert url in caught.value.message
    await model.aclose()


async def test_a_wrong_key_is_named_by_its_setting_and_appears_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = f"{API_KEY}-and-a-wrong-note"
    with caplog.at_level("DEBUG", logger="appliance"), capture_logs() as logs:
        async with open_model(HELLO, api_key=key) as (model, fake):
            with pytest.raises(AuthFailed) as caught:
                await hear(model, build_request())
            error = caught.value
            shown = [repr(model), repr(vars(model)["_api"]), repr(error), str(error.__cause__)]
    assert fake.refusals == ["invalid x-api-key"]
    assert "CSAI_ANTHROPIC_API_KEY" in error.message
    assert key not in "".join([*shown, str(logs), caplog.text])


async def test_a_gateway_that_wants_no_key_is_asked_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses-token")
    async with open_model(HELLO, api_key=None) as (model, fake):
        fake.api_key = None
        await hear(model, build_request())
        sent = [str(request.headers) for request in fake.requests]
    assert "somebody-elses-token" not in "".join(sent)


async def test_an_sdk_that_is_not_there_leaves_the_turn_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat_model, "API_MODULE", "appliance.providers.anthropic.gone")
    model = AnthropicChatModel("http://127.0.0.1:9", API_KEY, None, MachineClock())
    with pytest.raises(Unavailable) as caught:
        await hear(model, build_request())
    assert caught.value.code == "sdk_missing"
    assert await model.context_length("claude-nobody-9") == 200_000
    await model.aclose()


@pytest.mark.parametrize("after_events", [None, 0, 2, 5])
async def test_a_server_that_says_nothing_is_left(after_events: int | None) -> None:
    deadlines = Deadlines(first_token_s=0.1, idle_s=0.1)
    said = Say(thinking="hm|hm", text=["Hello"])
    async with open_model(Stall(said, after_events), deadlines=deadlines) as (model, fake):
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
        assert caught.value.code == "timed_out"
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


async def test_pings_do_not_stand_for_a_first_word() -> None:
    deadlines = Deadlines(first_token_s=0.1, idle_s=30)
    async with open_model(Stall(HELLO, 1, pings=5), deadlines=deadlines) as (model, _):
        with pytest.raises(Unavailable):
            await hear(model, build_request())


async def test_an_answer_that_stops_half_way_keeps_its_beginning() -> None:
    deadlines = Deadlines(first_token_s=30, idle_s=0.1)
    async with open_model(Stall(HELLO, 4), deadlines=deadlines) as (model, _):
        said = await hear_until_it_breaks(model)
    assert said == [TextDelta(text="Hello")]


async def test_the_whole_answer_has_a_deadline_too() -> None:
    deadlines = Deadlines(total_s=0.1)
    async with open_model(Stall(HELLO, 4), deadlines=deadlines) as (model, _):
        with pytest.raises(Unavailable):
            await hear(model, build_request())


async def test_whoever_stops_reading_hangs_up() -> None:
    async with open_model(Stall(HELLO, 4)) as (model, fake):
        async with aclosing(model.stream(build_request())) as stream:
            await anext(stream)
            assert not fake.has_hung_up.is_set()
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


@pytest.mark.parametrize("after_events", [None, 4])
async def test_a_cancelled_turn_hangs_up(after_events: int | None) -> None:
    async with open_model(Stall(HELLO, after_events)) as (model, fake):
        turn = asyncio.ensure_future(hear(model, build_request()))
        await fake.has_call.wait()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


async def test_all_models_of_the_account_are_listed_page_by_page() -> None:
    async with open_model() as (model, fake):
        models = await model.list_models()
    assert models == [
        ModelDescription(
            name=entry.name,
            capabilities=("completion", "tools"),
            context_length_tokens=entry.context_length,
        )
        for entry in MODELS
    ]
    assert len(fake.requests) == 2


async def test_a_model_that_is_not_in_the_file_is_asked_about_once() -> None:
    async with open_model(HELLO, default_model="claude-old-1") as (model, fake):
        assert await model.context_length(None) == 90_000
        assert await model.context_length("claude-old-1") == 90_000
        assert len(fake.requests) == 1
        await hear(model, build_request())
    assert "output_config" not in fake.calls[0]
    assert fake.calls[0]["max_tokens"] == 4_096


async def test_a_model_in_the_file_needs_no_question() -> None:
    async with open_model() as (model, fake):
        assert await model.context_length("claude-opus-5-5") == 1_000_000
        assert fake.connections == 0


async def test_a_model_that_nobody_knows_gets_the_usual_window() -> None:
    async with open_model() as (model, fake):
        with capture_logs():
            assert await model.context_length("claude-nobody-9") == 200_000
            assert await model.context_length("claude-nobody-9") == 200_000
        assert len(fake.requests) == 1
