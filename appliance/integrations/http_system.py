"""Asking a system that speaks JSON over HTTP, the same for all types of them.

Owns attempts, the patience a system asks for, and what its answers mean; addresses and credentials
are left to the types. A sentence never holds what the other side wrote: it would reach the model.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON, JsonValue
from appliance.domain.tool_failures import FailureKind
from appliance.egress.retries import (
    Attempt,
    RetryRule,
    ask_repeatedly,
    may_have_begun,
    read_pause_s,
)
from appliance.errors import AuthFailed, Rejected, Unavailable, UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest, OutboundResponse

MAX_ANSWER_BYTES: Final = 1_000_000
MAX_WAIT_S: Final = 5.0
"""How long a call waits for a system that wants to be left alone, before it says so."""

BuildRequest = Callable[[bool], Awaitable[OutboundRequest]]
"""Returns the request, signed; true asks for a new credential."""


class Answer(Struct, frozen=True, kw_only=True):
    """A successful answer, decoded, and how many requests it took."""

    value: JsonValue
    response: OutboundResponse
    attempts: int

    @property
    def status(self) -> int:
        """The answer's status."""
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, names in lower case."""
        return self.response.headers


class HttpFailure(Exception):
    """A call that failed, with what is known of it.

    Args:
        error: What happened, in a sentence that says who should act.
        failure: What is known of whether something was done.
        response: What the system answered with, if it answered.
        attempts: How many requests were made.
    """

    def __init__(
        self,
        error: UpstreamError,
        *,
        failure: FailureKind,
        response: OutboundResponse | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.failure = failure
        self.response = response
        self.attempts = attempts

    @property
    def status(self) -> int | None:
        """The status that the system answered with, if it answered."""
        return None if self.response is None else self.response.status


class HttpSystems:
    """Asks the systems of one type, and remembers which of them want to be left alone.

    Args:
        http: Sends under the egress rules.
        clock: Measures and dates.
        sleep: Waits between attempts.
        jitter: Returns a number from 0 to 1.
    """

    def __init__(
        self,
        http: OutboundHttp,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._paused_until: dict[str, float] = {}

    async def ask(
        self,
        system: str,
        build: BuildRequest,
        *,
        is_repeatable: bool,
        timeout_s: float,
        can_renew: bool = False,
    ) -> Answer:
        """Return a system's answer, with a renewed credential where the first was refused.

        Args:
            system: An id of the system whose patience counts.
            build: Makes the request.
            is_repeatable: Whether asking twice does no harm.
            timeout_s: Bounds all attempts with the waits between them.
            can_renew: Whether ``build`` can get a new credential.

        Raises:
            HttpFailure: There is no usable answer.
        """
        deadline = self._clock.monotonic() + timeout_s
        await self._wait_for(system, deadline)
        attempts = await self._send(system, build, is_repeatable, deadline, renews=False)
        last = attempts[-1]
        if isinstance(last, OutboundResponse) and last.status == 401 and can_renew:
            attempts += await self._send(system, build, is_repeatable, deadline, renews=True)
            last = attempts[-1]
        begun = any(map(_has_begun, attempts[:-1]))
        if isinstance(last, UpstreamError):
            raise HttpFailure(
                describe_no_answer(last),
                failure="unknown" if begun else find_failure(last),
                attempts=len(attempts),
            ) from last
        try:
            value = read_json(last)
        except UpstreamError as exc:
            raise HttpFailure(
                exc,
                failure="unknown" if begun else find_status_failure(last.status),
                response=last,
                attempts=len(attempts),
            ) from exc
        return Answer(value=value, response=last, attempts=len(attempts))

    async def _send(
        self,
        system: str,
        build: BuildRequest,
        is_repeatable: bool,
        deadline: float,
        *,
        renews: bool,
    ) -> list[Attempt]:
        try:
            request = await build(renews)
        except UpstreamError as exc:
            # A credential that has to be fetched first, which is the one request that was made.
            failure: FailureKind = (
                "unreachable" if isinstance(exc, Unavailable) else "not_available"
            )
            raise HttpFailure(exc, failure=failure, attempts=1) from exc

        async def attempt(left_s: float) -> Attempt:
            try:
                bounded = msgspec.structs.replace(
                    request, timeout_s=max(left_s, 0.001), max_response_bytes=MAX_ANSWER_BYTES
                )
                response = await self._http.send(bounded)
            except UpstreamError as exc:
                return exc
            self._note_pause(system, response)
            return response

        return await ask_repeatedly(
            attempt,
            rule=RetryRule(is_repeatable=is_repeatable, jitter=self._jitter, now=self._clock.now),
            timeout_s=deadline - self._clock.monotonic(),
            clock=self._clock,
            sleep=self._sleep,
        )

    async def _wait_for(self, system: str, deadline: float) -> None:
        """Wait until the system wants to be asked again, if that is soon."""
        now = self._clock.monotonic()
        wait_s = self._paused_until.get(system, now) - now
        if wait_s <= 0:
            return
        if wait_s > MAX_WAIT_S or now + wait_s >= deadline:
            error = Unavailable(
                f"The system takes no more requests for {round(wait_s) or 1} seconds. "
                "It may work later.",
                code="rate_limited",
                retry_after_s=wait_s,
            )
            raise HttpFailure(error, failure="unreachable")
        await self._sleep(wait_s)

    def _note_pause(self, system: str, response: OutboundResponse) -> None:
        pause_s = read_pause_s(response, now=self._clock.now())
        if pause_s is None:
            return
        now = self._clock.monotonic()
        still = {name: until for name, until in self._paused_until.items() if until > now}
        self._paused_until = {**still, system: now + pause_s}


def read_json(response: OutboundResponse) -> JsonValue:
    """Return the JSON of a successful answer; ``None`` for an empty body.

    Raises:
        UpstreamError: It failed, or is no JSON; says who should act.
    """
    if not 200 <= response.status < 300:
        raise describe_status(response.status)
    if not response.body.strip():
        return None
    try:
        value: JsonValue = msgspec.json.decode(response.body)
    except BROKEN_JSON as exc:
        raise Rejected(
            "The system answered with something that is not JSON. "
            "The operator should check the endpoint's address.",
            code="broken_response",
        ) from exc
    return value


def _has_begun(attempt: Attempt) -> bool:
    """Say whether an attempt before the last may have done something; a refused one did not."""
    is_refused = isinstance(attempt, OutboundResponse) and attempt.status == 401
    return may_have_begun(attempt) and not is_refused


def find_failure(error: UpstreamError) -> FailureKind:
    """Return what is known of a request without an answer."""
    if error.code in ("timed_out", "broken_response", "response_too_large"):
        return "unknown"
    return "unreachable" if error.code == "connect_failed" else "not_available"


def find_status_failure(status: int) -> FailureKind:
    """Return what is known behind an unusable answer with this status."""
    if status in (404, 410):
        return "not_found"
    if status == 429:
        return "unreachable"
    if status in (307, 308, 401, 402, 403, 405, 407, 415):
        return "not_available"
    if status != 408 and 400 <= status < 500:
        return "refused"
    return "unknown"


def describe_status(status: int) -> UpstreamError:
    """Return who should do what about an answer with this status."""
    if status in (401, 403):
        return AuthFailed(
            f"The system refused the stored credential ({status}). "
            "The operator should enter a new one, or give it the right to do this."
        )
    if status in (404, 410):
        return Rejected(
            f"The system does not know what it was asked for ({status}). Either there is no such "
            "thing, or the operator should correct the endpoint's address."
        )
    if status in (400, 405, 409, 415, 422):
        return Rejected(
            f"The system did not accept the request ({status}). What was asked may not be "
            "possible; the operator should compare the endpoint's parameters with the system's."
        )
    if 300 <= status < 400:
        return Rejected(
            f"The system's address redirects elsewhere ({status}). "
            "The operator should enter the final address."
        )
    if status in (429, 502, 503, 504):
        return Unavailable(f"The system is overloaded or down ({status}). It may work later.")
    if status >= 500:
        return Unavailable(f"The system failed while answering ({status}). It may work later.")
    return Rejected(f"The system answered with the unexpected status {status}.")


def describe_no_answer(error: UpstreamError) -> UpstreamError:
    """Return who should do what about a request without an answer."""
    match error.code:
        case "connect_failed":
            return Unavailable(
                "The system cannot be reached. It may work later; the operator should check that "
                "it runs and that its address and certificate are right.",
                code=error.code,
            )
        case "timed_out":
            return Unavailable(
                "The system did not answer in time. Whether it did what it was asked is not known.",
                code=error.code,
            )
        case "broken_response":
            return Unavailable(
                "The system's answer broke off. Whether it did what it was asked is not known.",
                code=error.code,
            )
        case "response_too_large":
            return Rejected(
                f"The system's answer is larger than {MAX_ANSWER_BYTES} bytes. "
                "The operator should let the endpoint ask for less.",
                code=error.code,
            )
        case _:
            return error
