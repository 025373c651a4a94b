"""The vendor's SDK: the only module that imports it, and is therefore imported on first use.

Owns the SDK's client, its connections and the translation of its exceptions; what is asked and what
an answer means is left to the other modules of this package. docs/adr/0017 says why it is used and
what it costs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TypeVar

import httpx2
import msgspec
from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, AsyncStream

from appliance.domain.json_types import JsonObject
from appliance.errors import Unavailable
from appliance.providers.anthropic.failures import (
    ApiError,
    BrokenAnswer,
    Server,
    broken_response,
    timed_out,
    translate_error,
    unreachable,
)
from appliance.providers.anthropic.wire import ErrorBody, ModelEntry, ModelPage, WireError
from appliance.providers.sdk_transport import build_http_client, read_retry_after

Shape = TypeVar("Shape")

EVENT_STREAM = "text/event-stream"
MAX_MODELS = 1_000
PAGE_SIZE = 100
NO_KEY = "none"
"""What is sent to a server that wants no key; with none at all the SDK would look for one."""


class AnthropicApi:
    """Asks the API at ``server``, never twice by itself."""

    def __init__(self, server: Server, api_key: str | None, *, connect_timeout_s: float) -> None:
        self._server = server
        self._client = AsyncAnthropic(
            api_key=api_key or NO_KEY,
            base_url=server.base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=build_http_client(server.base_url, connect_timeout_s=connect_timeout_s),
        )

    async def open_events(self, body: JsonObject) -> EventStream:
        """Return the events of a streamed answer; the caller closes them."""
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._client.messages.with_streaming_response.create(**body, stream=True)
            )
            if EVENT_STREAM not in response.headers.get("content-type", ""):
                raise BrokenAnswer("the answer is not a stream of events")
            events = AsyncStream.raw_events(response.http_response)
            return EventStream((event.data async for event in events), stack.pop_all())

    async def list_models(self) -> list[ModelEntry]:
        """Return the models of the account, page by page."""
        entries: list[ModelEntry] = []
        position: JsonObject = {}
        while len(entries) < MAX_MODELS:
            response = await self._client.models.with_raw_response.list(limit=PAGE_SIZE, **position)
            page = _decode(await response.read(), ModelPage)
            entries += page.data
            if not page.has_more or not page.last_id:
                break
            position = {"after_id": page.last_id}
        return entries

    async def find_model(self, name: str) -> ModelEntry:
        """Return what the API says of one model."""
        response = await self._client.models.with_raw_response.retrieve(name)
        return _decode(await response.read(), ModelEntry)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    @contextmanager
    def translate_failures(self, *, model: str) -> Iterator[None]:
        """Turn what goes wrong inside the block into errors of the tree.

        An answer's error is not chained: its text may quote the visitor.
        """
        try:
            yield
        except APIStatusError as exc:
            raise translate_error(_read_error(exc), model=model, server=self._server) from None
        except ApiError as exc:
            raise translate_error(exc, model=model, server=self._server) from None
        except TimeoutError as exc:
            raise timed_out(self._server) from exc
        except APIConnectionError as exc:
            raise self._connection_error(exc) from exc
        except (httpx2.HTTPError, BrokenAnswer, UnicodeDecodeError) as exc:
            raise broken_response(self._server) from exc

    def _connection_error(self, error: APIConnectionError) -> Unavailable:
        is_before = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
        return unreachable(self._server) if is_before else broken_response(self._server)


class EventStream:
    """The data of one answer's events, as they arrive."""

    def __init__(self, events: AsyncIterator[str], stack: AsyncExitStack) -> None:
        self._events = events
        self._stack = stack

    async def read(self) -> str | None:
        """Wait for the next event and return its data, ``None`` at the end."""
        async for data in self._events:
            if data:
                return data
        return None

    async def finish(self) -> None:
        """Take the end of the body, so that the connection can serve the next request."""
        try:
            while await self.read() is not None:
                pass
        except (httpx2.HTTPError, UnicodeDecodeError):
            pass  # the answer is whole; its connection is closed with it

    async def aclose(self) -> None:
        """Hang up, unless the answer has been read to its end."""
        await self._stack.aclose()


def _read_error(error: APIStatusError) -> ApiError:
    try:
        told = msgspec.convert(error.body, ErrorBody).error
    except msgspec.ValidationError:  # a reverse proxy answers with pages of its own
        told = WireError()
    return ApiError(
        error.status_code,
        kind=told.type,
        cause=told.code,
        text=told.message,
        request_id=error.request_id,
        retry_after_s=read_retry_after(error.response.headers),
    )


def _decode(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as exc:
        raise BrokenAnswer("the answer is not what the protocol says") from exc
