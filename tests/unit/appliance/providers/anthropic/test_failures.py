from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.providers.anthropic.failures import (
    IN_STREAM,
    ApiError,
    Server,
    broken_response,
    timed_out,
    translate_error,
    unreachable,
)

VENDOR = Server(base_url="https://api.anthropic.com", is_vendor=True)
GATEWAY = Server(base_url="http://10.0.0.9:4000", is_vendor=False)
UPSTREAM = "upstream quotes the visitor: my card is 4111"


def translate(error: ApiError, server: Server = VENDOR) -> ApplianceError:
    with capture_logs():
        return translate_error(error, model="claude-haiku-5-5", server=server)


@pytest.mark.parametrize(
    ("error", "kind", "code", "remedy"),
    [
        (ApiError(400, kind="invalid_request_error"), Rejected, "request_refused", "log says why"),
        (ApiError(401), AuthFailed, "upstream_auth_failed", "CSAI_ANTHROPIC_API_KEY"),
        (ApiError(402), Rejected, "billing_problem", "billing page"),
        (
            ApiError(400, text="Your credit balance is too low to access the API"),
            Rejected,
            "billing_problem",
            "billing page",
        ),
        (ApiError(403), AuthFailed, "upstream_auth_failed", "workspace"),
        (ApiError(404), Rejected, "model_not_found", "'claude-haiku-5-5'"),
        (ApiError(408), Unavailable, "provider_failed", "status.claude.com"),
        (ApiError(409), Unavailable, "provider_failed", "status.claude.com"),
        (ApiError(413), ContextWindowExceeded, "context_window_exceeded", "does not fit"),
        (
            ApiError(400, text="prompt is too long: 1000001 tokens > 1000000 maximum"),
            ContextWindowExceeded,
            "context_window_exceeded",
            "does not fit",
        ),
        (
            ApiError(400, text="input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
            ContextWindowExceeded,
            "context_window_exceeded",
            "does not fit",
        ),
        (ApiError(422), Rejected, "request_refused", "status 422"),
        (ApiError(429), Unavailable, "rate_limited", "rate limit"),
        (
            ApiError(429, cause="enforced_spend_limit_reached"),
            Rejected,
            "spend_limit_reached",
            "raise it",
        ),
        (
            ApiError(400, text="You have reached your specified API usage limits."),
            Rejected,
            "spend_limit_reached",
            "raise it",
        ),
        (ApiError(500), Unavailable, "provider_failed", "status.claude.com"),
        (ApiError(503), Unavailable, "provider_failed", "status.claude.com"),
        (ApiError(529), Unavailable, "overloaded", "later"),
        (ApiError(IN_STREAM, kind="overloaded_error"), Unavailable, "overloaded", "later"),
        (ApiError(IN_STREAM, kind="api_error"), Unavailable, "provider_failed", "500"),
        (ApiError(IN_STREAM, kind="timeout_error"), Unavailable, "provider_failed", "504"),
        (ApiError(IN_STREAM, kind="permission_error"), AuthFailed, "upstream_auth_failed", ""),
        (ApiError(IN_STREAM, kind="new_error"), Unavailable, "provider_failed", "500"),
    ],
    ids=lambda value: str(value) if isinstance(value, ApiError | str) else value.__name__,
)
def test_each_error_has_its_meaning_and_remedy(
    error: ApiError, kind: type[ApplianceError], code: str, remedy: str
) -> None:
    found = translate(error)
    assert type(found) is kind
    assert found.code == code
    assert remedy in found.message


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 529])
def test_upstream_words_are_in_the_log_only(status: int) -> None:
    error = ApiError(status, text=UPSTREAM, request_id="req_1")
    with capture_logs() as logs:
        found = translate_error(error, model="m", server=VENDOR)
    assert "4111" not in found.message
    [line] = logs
    assert (line["text"], line["vendor_request_id"]) == (UPSTREAM, "req_1")


def test_a_gateway_without_the_model_may_be_the_wrong_address() -> None:
    assert "CSAI_ANTHROPIC_BASE_URL" in translate(ApiError(404), GATEWAY).message
    assert "CSAI_ANTHROPIC_BASE_URL" not in translate(ApiError(404), VENDOR).message


@pytest.mark.parametrize("status", [429, 500, 529])
def test_when_to_come_back_is_told(status: int) -> None:
    found = translate(ApiError(status, retry_after_s=7))
    assert isinstance(found, Unavailable)
    assert found.retry_after_s == 7


@pytest.mark.parametrize("build", [unreachable, timed_out, broken_response])
def test_a_gateway_is_named_with_the_setting_that_names_it(build: object) -> None:
    assert callable(build)
    assert "Claude's API" in build(VENDOR).message
    assert GATEWAY.base_url in build(GATEWAY).message
    assert build(VENDOR).code == build(GATEWAY).code
