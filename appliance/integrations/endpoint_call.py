"""One call of an endpoint, the same for all systems that answer with JSON.

Owns what a tool gets of an answer and of a failure; asking is left to the types.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appliance.domain.integration import Endpoint
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.errors import Rejected, UpstreamError
from appliance.integrations.http_system import Answer, HttpFailure
from appliance.integrations.response_mapping import map_answer
from appliance.ports.clock import Clock


async def call_endpoint(
    endpoint: Endpoint, arguments: JsonObject, ask: Callable[[], Awaitable[Answer]], clock: Clock
) -> ToolOutcome:
    """Return what comes of asking, mapped.

    A mapping that finds nothing in what was read means that there is no such thing.

    Args:
        endpoint: What is asked.
        arguments: What it is told.
        ask: Raises ``HttpFailure`` where something was sent, another ``UpstreamError`` where the
            arguments do not fit.
        clock: Measures.
    """
    started = clock.monotonic()
    output: JsonValue = None
    error: str | None = None
    failure: FailureKind | None = None
    status: int | None = None
    attempts = 1
    try:
        answer = await ask()
        status, attempts = answer.status, answer.attempts
        failure = "unknown"
        output = await map_answer(endpoint.response_mapping, answer.value, arguments)
        if output is None and endpoint.response_mapping and endpoint.risk == "read":
            failure = "not_found"
            raise Rejected(
                "The answer has nothing that the endpoint's response_mapping looks for. Either "
                "there is no such thing, or the operator should correct the response_mapping."
            )
    except HttpFailure as exc:
        error, failure = exc.error.message, exc.failure
        status, attempts = exc.status, exc.attempts
    except UpstreamError as exc:
        error, failure = exc.message, failure or "refused"
    return ToolOutcome(
        is_success=error is None,
        output=output,
        error=error,
        failure=failure if error is not None else None,
        duration_ms=round((clock.monotonic() - started) * 1000),
        attempts=attempts,
        sent=arguments,
        status=status,
    )
