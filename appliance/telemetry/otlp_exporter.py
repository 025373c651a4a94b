"""Sending turns to the operator's OpenTelemetry collector, behind the turns' backs.

Owns the queue, patience with a collector that is away, and what is dropped when it stays away; what
is told of a turn is left to ``appliance.telemetry.genai_spans``.

Source: OTLP specification 1.x, "OTLP/HTTP": which statuses may be tried again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import chain

import structlog

from appliance import __version__
from appliance.backoff import backoff_s
from appliance.domain.trace import StoredTrace
from appliance.errors import Unavailable, UpstreamError
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest
from appliance.tasks import TaskGroup
from appliance.telemetry.genai_spans import Span, build_spans
from appliance.telemetry.otlp_json import encode_request

logger = structlog.get_logger(__name__)

SETTING = "CSAI_OTLP_ENDPOINT"
GATHER_S = 1.0
BATCH = 50
MAX_WAITING = 1_000
"""How many turns wait at most for a collector that is away; the oldest are dropped."""
SEND_TIMEOUT_S = 10.0
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
FLUSH_S = 2.0
"""How long the end of the server waits for what is still to be sent."""
RETRYABLE_STATUSES = frozenset((429, 502, 503, 504))


class CollectorAway(Exception):
    """The collector takes nothing now, and may later."""


class CollectorRefuses(Exception):
    """The collector does not take this."""


class OtlpExporter:
    """Implements ``TraceExporter``.

    Args:
        http: May reach ``endpoint``.
        endpoint: The collector's address, without the path of the signal.
        gather_s: How long a first turn waits for others to be sent with.
        first_wait_s: How long the first failure is waited behind.
        jitter: Returns a random number from 0 to 1.
    """

    def __init__(
        self,
        http: OutboundHttp,
        endpoint: str,
        *,
        gather_s: float = GATHER_S,
        first_wait_s: float = FIRST_WAIT_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._gather_s = gather_s
        self._first_wait_s = first_wait_s
        self._jitter = jitter
        self._tasks = TaskGroup()
        self._waiting: list[list[Span]] = []
        self._sending: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._failures = 0
        self._dropped = 0

    def export(self, trace: StoredTrace) -> None:
        """Export ``trace`` soon."""
        if self._closing.is_set():
            return
        self._waiting.append(build_spans(trace))
        self._drop_oldest()
        if self._sending is None or self._sending.done():
            self._sending = self._tasks.start(self._send_all(), name="export-spans")

    async def aclose(self) -> None:
        """Send what waits, within ``FLUSH_S``, and stop."""
        self._closing.set()
        await self._tasks.drain(timeout_s=FLUSH_S)
        if self._waiting:
            logger.warning("spans_dropped", turns=len(self._waiting))

    async def _send_all(self) -> None:
        while self._waiting:
            await self._pause()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                await self._send(batch)
            except CollectorAway as error:
                self._note_failure(str(error))
                self._waiting[:0] = batch
                self._drop_oldest()
                if self._closing.is_set():
                    return
            except asyncio.CancelledError:
                self._waiting[:0] = batch
                raise
            except CollectorRefuses as error:
                self._note_failure(str(error))
                self._dropped += len(batch)
            else:
                self._note_success()

    async def _pause(self) -> None:
        """Wait for turns to send together, or for a collector to come back."""
        wait_s = self._gather_s
        if self._failures:
            wait_s = backoff_s(
                self._first_wait_s, attempts_made=min(self._failures, 8), jitter=self._jitter()
            )
        try:
            async with asyncio.timeout(min(wait_s, LONGEST_WAIT_S)):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _send(self, batch: list[list[Span]]) -> None:
        request = OutboundRequest(
            method="POST",
            url=self._url,
            headers={
                "content-type": "application/json",
                "user-agent": f"csai-appliance/{__version__}",
            },
            body=encode_request(list(chain.from_iterable(batch))),
            timeout_s=SEND_TIMEOUT_S,
            max_response_bytes=100_000,
        )
        try:
            answer = await self._http.send(request)
        except Unavailable as error:
            raise CollectorAway(error.message) from error
        except UpstreamError as error:
            raise CollectorRefuses(error.message) from error
        if answer.status in RETRYABLE_STATUSES:
            raise CollectorAway(f"The collector answered {answer.status}.")
        if not 200 <= answer.status < 300:
            raise CollectorRefuses(f"The collector answered {answer.status}.")

    def _drop_oldest(self) -> None:
        self._dropped += max(0, len(self._waiting) - MAX_WAITING)
        del self._waiting[:-MAX_WAITING]

    def _note_failure(self, reason: str) -> None:
        """Tell it once; the next line comes when the collector takes spans again."""
        self._failures += 1
        if self._failures == 1:
            logger.warning("spans_not_exported", error=f"{reason} Look at {SETTING}.")

    def _note_success(self) -> None:
        if self._failures:
            logger.info("spans_exported_again", dropped_turns=self._dropped)
        self._failures = self._dropped = 0
