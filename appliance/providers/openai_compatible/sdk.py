"""The vendor's SDK, and nothing of it beyond this module.

Owns the client, its transport and the translation of its exceptions. Importing this module imports
the SDK, so ``server`` does it at the first request and in a thread. Retries and deadlines are the
appliance's own, so the SDK's are off.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream, RequestOptions

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.whole_characters import join_halves
from appliance.errors import Unavailable
from appliance.providers.openai_compatible.server import END, ServerError, broken_response
from appliance.providers.sdk_transport import build_http_client, read_retry_after

STREAM_ERROR_STATUS = 500


class Sdk:
    """A client of the server at ``base_url``, past any proxy variable and following no redirect."""

    def __init__(
        self, base_url: str, api_key: str | None, *, shown_url: str, connect_timeout_s: float
    ) -> None:
        self._base_url = shown_url
        self._api_key = api_key
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "-",
            max_retries=0,
            http_client=build_http_client(base_url, connect_timeout_s=connect_timeout_s),
        )
        # The SDK takes these from variables that are nobody's setting here.
        self._client.organization = self._client.project = None
        self._options: RequestOptions = {}
        if api_key is None:
            self._options = {"headers": {"Authorization": openai.omit}}

    async def open_chat(self, body: JsonObject, *, timeout_s: float) -> ChunkStream:
        """Send ``body`` and return the chunks of the answer; see ``Server.open_chat``."""
        with self.translate_failures(has_begun=False):
            async with asyncio.timeout(timeout_s):
                stream = await self._client.post(
                    "/chat/completions",
                    body=body,
                    cast_to=object,
                    options=self._options,
                    stream=True,
                    stream_cls=_Chunks,
                )
        return ChunkStream(self, stream)

    async def fetch_models(self, *, timeout_s: float) -> JsonValue:
        """Return the answer to ``GET /models``."""
        with self.translate_failures(has_begun=False):
            async with asyncio.timeout(timeout_s):
                return await self._client.get("/models", cast_to=object, options=self._options)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    @contextmanager
    def translate_failures(self, *, has_begun: bool) -> Iterator[None]:
        """Turn what the SDK raises inside the block into ``ServerError`` and ``Unavailable``.

        ``has_begun`` says whether an answer is being read already.

        An answer's error is not chained: its text may quote the visitor or the key.
        """
        try:
            yield
        except openai.APIConnectionError as exc:
            raise self._explain(exc.__cause__ or exc, has_begun=has_begun) from exc
        except openai.APIError as exc:
            raise self._read_error(exc) from None
        except (TimeoutError, httpx2.RequestError) as exc:
            raise self._explain(exc, has_begun=has_begun) from exc
        except (ValueError, RecursionError) as exc:
            raise broken_response(self._base_url) from exc

    def _explain(self, error: BaseException, *, has_begun: bool) -> Unavailable:
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return Unavailable(
                f"Nothing answers at {self._base_url}; start the server there or correct "
                "CSAI_OPENAI_BASE_URL.",
                code="connect_failed",
            )
        if isinstance(error, TimeoutError | httpx2.TimeoutException):
            return Unavailable(
                f"The model server at {self._base_url} took too long to answer.", code="timed_out"
            )
        if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError) and not has_begun:
            # A server may close a kept connection at the very moment it is used again.
            return Unavailable(
                f"The server at {self._base_url} hung up without an answer; its log says why.",
                code="connection_lost",
            )
        return broken_response(self._base_url)

    def _read_error(self, error: openai.APIError) -> ServerError:
        status, retry_after_s = _status_in_stream(error), None
        if isinstance(error, openai.APIStatusError):
            status = error.status_code
            retry_after_s = read_retry_after(error.response.headers)
        text = _error_text(error.body)
        if self._api_key:
            text = text.replace(self._api_key, "***")
        return ServerError(
            status,
            join_halves(text),
            code=join_halves(" ".join(str(word) for word in (error.code, error.type) if word)),
            parameter=join_halves(str(error.param or "")),
            retry_after_s=retry_after_s,
        )


class ChunkStream:
    """The chunks of one answer as they arrive; ``is_done`` once the server marked the end."""

    def __init__(self, sdk: Sdk, chunks: _Chunks) -> None:
        self._sdk = sdk
        self._chunks = chunks

    @property
    def is_done(self) -> bool:
        """Whether the protocol's own end mark has been read."""
        return self._chunks.is_done

    async def read(self, *, timeout_s: float) -> JsonValue:
        """Return the next chunk as plain JSON, or ``END``.

        Raises:
            ServerError: The chunk reports an error.
            Unavailable: Nothing arrived in ``timeout_s``, or what arrived is broken.
        """
        with self._sdk.translate_failures(has_begun=True):
            async with asyncio.timeout(timeout_s):
                return await anext(self._chunks, END)

    async def aclose(self) -> None:
        """Hang up, unless the answer has been read to its end."""
        await self._chunks.close()


class _Chunks(AsyncStream[Any]):
    """The SDK's stream, which also notes the end mark: without it an answer may be cut."""

    is_done = False

    async def _iter_events(self) -> AsyncIterator[Any]:
        async for event in super()._iter_events():
            if event.data.startswith("[DONE]"):
                self.is_done = True
            yield event


def _error_text(body: object) -> str:
    if isinstance(body, Mapping):
        message = body.get("message")
        return message if isinstance(message, str) else json.dumps(body, default=str)
    return str(body or "")


def _status_in_stream(error: openai.APIError) -> int:
    """Return the status that an error in the middle of an answer would have had as an answer."""
    code = error.code or ""
    if code.isdecimal() and 400 <= int(code) <= 599:
        return int(code)
    kind = f"{code} {error.type}"
    if "rate_limit" in kind or "quota" in kind:
        return 429
    return 400 if "invalid_request" in kind or "context" in kind else STREAM_ERROR_STATUS
