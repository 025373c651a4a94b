"""The transport beneath the vendors' SDKs.

Owns its connections, trust and limits, and reading when to come back; what is asked and what an
answer means is left to the providers. It is imported together with an SDK, never before.
"""

from __future__ import annotations

import email.utils
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2

from appliance.certificates import build_client_tls

MAX_ANSWER_BYTES = 32_000_000
IDLE_LIFETIME_S = 60.0


def build_http_client(base_url: str, *, connect_timeout_s: float) -> httpx2.AsyncClient:
    """Return a client for ``base_url``, past any proxy variable and following no redirect.

    It sets no deadline but that of connecting: the providers' own are about the whole answer.
    """
    is_secure = base_url.startswith("https:")
    return httpx2.AsyncClient(
        transport=_CappedTransport(
            verify=build_client_tls() if is_secure else False,
            limits=httpx2.Limits(keepalive_expiry=IDLE_LIFETIME_S),
        ),
        timeout=httpx2.Timeout(None, connect=connect_timeout_s),
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
    )


class _CappedTransport(httpx2.AsyncHTTPTransport):
    """Ends answers that do not end; the SDK would collect them in memory."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        response.stream = _CappedStream(response.stream)
        return response


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        size_bytes = 0
        async for piece in self._stream:
            size_bytes += len(piece)
            if size_bytes > MAX_ANSWER_BYTES:
                raise httpx2.ReadError("the answer does not end")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait, ``None`` without a usable one."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    now = email.utils.parsedate_to_datetime(headers["date"]) if "date" in headers else None
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
