from __future__ import annotations

import pytest

from appliance.domain.json_types import JsonValue
from appliance.integrations.http_system import describe_status
from tests.fakes.integrations import JsonApi, build_endpoint, open_json_api
from tests.fakes.webhook_server import Answer, HangUp, Reply, reply_json

ENDPOINT = build_endpoint(url_template="/x")
WRITING = build_endpoint(url_template="/x", method="POST", risk="write")


async def ask(api: JsonApi) -> JsonValue:
    outcome = await api.call(ENDPOINT, {})
    assert outcome.is_success, outcome.error
    return outcome.output


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_an_overloaded_system_is_asked_again_for_what_reads(status: int) -> None:
    async with open_json_api(reply_json({}, status), reply_json({"ok": 1})) as api:
        outcome = await api.call(ENDPOINT, {})
        assert (outcome.output, outcome.attempts, outcome.status) == ({"ok": 1}, 2, 200)


async def test_what_writes_is_sent_once() -> None:
    async with open_json_api(reply_json({}, 503)) as api:
        outcome = await api.call(WRITING, {})
        assert (outcome.is_success, outcome.attempts, outcome.status) == (False, 1, 503)
        assert len(api.server.requests) == 1


async def test_the_wait_is_as_long_as_the_system_asks() -> None:
    busy = Reply(status=429, headers=[("Retry-After", "3")])
    async with open_json_api(busy, reply_json(1)) as api:
        assert await ask(api) == 1
        assert api.waits == [3.0]


async def test_a_used_up_allowance_is_waited_for_by_the_next_call() -> None:
    last = Reply(body=b"1", headers=[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "4")])
    async with open_json_api(last, reply_json(2)) as api:
        assert await ask(api) == 1
        assert api.waits == []
        assert await ask(api) == 2
        assert api.waits == [4.0]


async def test_a_long_pause_is_told_and_kept() -> None:
    last = Reply(body=b"1", headers=[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "60")])
    async with open_json_api(last, reply_json(2)) as api:
        assert await ask(api) == 1
        outcome = await api.call(ENDPOINT, {})
        assert (outcome.failure, outcome.attempts) == ("unreachable", 0)
        assert "no more requests for 60 seconds" in (outcome.error or "")
        other = api.kind.open(api.build_integration())
        assert len(api.server.requests) == 1
        api.clock.advance(61)
        assert await ask(api) == 2
        assert (await other.test()).is_success


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(status=500, body=b"stack trace of theirs"), "failed while answering"),
        (Reply(status=302, headers=[("Location", "/other")]), "redirects elsewhere"),
        (Reply(status=404, body=b"no such order of Dana"), "does not know"),
        (Reply(status=422, body=b"bad"), "did not accept"),
        (Reply(status=401, body=b"bad"), "refused the stored credential"),
        (Reply(status=418, body=b"teapot"), "unexpected status 418"),
        (Reply(body=b"<html>", content_type="text/html"), "not JSON"),
        (Reply(body=b"[" * 5_000), "not JSON"),
        (Reply(body=b"\xff\xfe"), "not JSON"),
        (Reply(body=b'"' + b"a" * 1_000_001 + b'"'), "larger than"),
        (HangUp(), "broke off"),
    ],
)
async def test_a_failure_says_who_should_act_and_nothing_of_theirs(
    answer: Answer, said: str
) -> None:
    async with open_json_api(answer) as api:
        outcome = await api.call(ENDPOINT, {})
    assert not outcome.is_success
    assert outcome.output is None
    assert said in (outcome.error or "")
    for theirs in ("trace", "Dana", "bad", "teapot"):
        assert theirs not in (outcome.error or "")


async def test_an_empty_answer_is_nothing() -> None:
    async with open_json_api(Reply(status=204)) as api:
        assert await ask(api) is None


async def test_a_system_that_is_not_there_is_told() -> None:
    async with open_json_api() as api:
        pass
    outcome = await api.call(ENDPOINT, {})
    assert "cannot be reached" in (outcome.error or "")
    assert (outcome.failure, outcome.attempts) == ("unreachable", 3)


def test_every_status_has_a_sentence() -> None:
    assert all(describe_status(status).message for status in range(300, 600))


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (reply_json({}, 404), "not_found"),
        (reply_json({}, 409), "refused"),
        (reply_json({}, 429), "unreachable"),
        (reply_json({}, 401), "not_available"),
        (reply_json({}, 307), "not_available"),
        (reply_json({}, 303), "unknown"),
        (reply_json({}, 408), "unknown"),
        (reply_json({}, 500), "unknown"),
        (reply_json({}, 503), "unknown"),
        (Reply(body=b"done"), "unknown"),
        (HangUp(), "unknown"),
    ],
)
async def test_of_a_failed_write_exactly_so_much_is_known(answer: Answer, failure: str) -> None:
    async with open_json_api(answer) as api:
        outcome = await api.call(WRITING, {})
        assert (outcome.is_success, outcome.failure, outcome.attempts) == (False, failure, 1)


async def test_what_an_earlier_attempt_may_have_done_is_not_denied_by_the_last() -> None:
    async with open_json_api(reply_json({}, 503), reply_json({}, 404)) as api:
        outcome = await api.call(ENDPOINT, {})
        assert (outcome.failure, outcome.attempts) == ("unknown", 2)
        written = await api.call(build_endpoint(url_template="/{missing}"), {})
        assert (written.failure, len(api.server.requests)) == ("refused", 2)


async def test_an_answer_that_cannot_be_mapped_may_follow_a_done_write() -> None:
    endpoint = build_endpoint(
        url_template="/x", method="POST", risk="write", response_mapping="sum(a)"
    )
    async with open_json_api(reply_json({"a": "b"})) as api:
        assert (await api.call(endpoint, {})).failure == "unknown"
