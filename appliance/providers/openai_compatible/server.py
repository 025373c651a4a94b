"""The server that answers, met through the vendor's SDK.

Owns when the SDK is loaded and the errors that requests end in; the SDK itself is touched in
``sdk`` only, what a refusal means is said by ``failures``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ConfigurationError, Unavailable
from appliance.tasks import TaskGroup

if TYPE_CHECKING:
    from appliance.providers.openai_compatible.sdk import ChunkStream, Sdk

VENDOR_URL = "https://api.openai.com/v1"
VENDOR_DOMAIN = "openai.com"
END: Final = object()
"""What ``ChunkStream.read`` returns behind the last chunk."""


class ServerError(Exception):
    """The server understood the request and answered with an error; never leaves the package.

    ``text`` is the server's own and may quote the visitor; it is not part of the exception's words.
    """

    def __init__(
        self,
        status: int,
        text: str,
        *,
        code: str = "",
        parameter: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.text = text
        self.code = code
        self.parameter = parameter
        self.retry_after_s = retry_after_s

    @property
    def said(self) -> str:
        """Everything the server said of the error, in lower case."""
        return f"{self.text} {self.code} {self.parameter}".lower()

    def mentions(self, *words: str) -> bool:
        """Say whether the server used one of ``words``, which are in lower case."""
        return any(word in self.said for word in words)


class Server:
    """The server at ``base_url``; ``None`` is OpenAI's own."""

    def __init__(
        self, base_url: str | None, api_key: str | None, *, connect_timeout_s: float
    ) -> None:
        parts = urlsplit(base_url or VENDOR_URL)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"The address {base_url!r} must look like http://127.0.0.1:8000/v1.",
                setting="CSAI_OPENAI_BASE_URL",
            )
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ConfigurationError(
                "The key holds characters that no key has; copy it anew.",
                setting="CSAI_OPENAI_API_KEY",
            )
        self._address = parts.geturl()
        self._api_key = api_key
        self._connect_timeout_s = connect_timeout_s
        self._sdk: Sdk | None = None
        self._loading = asyncio.Lock()
        self._tasks = TaskGroup()
        # For messages, so without credentials that the address may carry.
        self.base_url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self.is_vendors = f".{parts.hostname}".endswith(f".{VENDOR_DOMAIN}")
        self.has_key = api_key is not None

    async def open_chat(self, body: JsonObject, *, timeout_s: float) -> ChunkStream:
        """Return the chunks of a streamed answer; the caller closes them.

        Raises:
            ServerError: The server answered with an error.
            Unavailable: No connection, or no answer in ``timeout_s``.
        """
        return await (await self._load()).open_chat(body, timeout_s=timeout_s)

    async def fetch_models(self, *, timeout_s: float) -> JsonValue:
        """Return what the server answers to ``GET /models``; raises like ``open_chat``."""
        return await (await self._load()).fetch_models(timeout_s=timeout_s)

    def load_soon(self) -> None:
        """Begin to import the SDK, so that the first visitor need not wait for it."""
        self._tasks.start(self._load(), name="load-openai-sdk")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._tasks.drain(timeout_s=0)
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.aclose()

    async def _load(self) -> Sdk:
        # The SDK takes half a second to import, which must not stall everybody's turns.
        async with self._loading:
            if self._sdk is None:
                try:
                    self._sdk = await asyncio.to_thread(self._build)
                except ImportError as exc:
                    raise Unavailable(
                        "OpenAI's SDK is not installed whole; install the appliance again.",
                        code="sdk_missing",
                    ) from exc
            return self._sdk

    def _build(self) -> Sdk:
        from appliance.providers.openai_compatible.sdk import Sdk

        return Sdk(
            self._address,
            self._api_key,
            shown_url=self.base_url,
            connect_timeout_s=self._connect_timeout_s,
        )


def broken_response(base_url: str) -> Unavailable:
    """Build the error for an answer that does not follow the protocol."""
    return Unavailable(
        f"What answers at {base_url} broke off or does not speak OpenAI's protocol; check "
        "CSAI_OPENAI_BASE_URL, which usually ends in /v1, and that server's log.",
        code="broken_response",
    )
