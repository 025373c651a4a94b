"""What Shopify's query costs mean for the next request.

Owns saying it in the words of HTTP, which ``HttpSystems`` respects for all systems: Shopify tells
that a query was not run, or that the next one would not be, in the body of an answer with 200.

Source: shopify.dev, "GraphQL Admin API rate limits".
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct, field

from appliance.domain.json_types import BROKEN_JSON
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest, OutboundResponse

THROTTLED: Final = "THROTTLED"


class _ThrottleStatus(Struct):
    currentlyAvailable: float
    restoreRate: float


class _Cost(Struct):
    requestedQueryCost: float
    throttleStatus: _ThrottleStatus


class _Extensions(Struct):
    cost: _Cost | None = None


class _ErrorExtensions(Struct):
    code: str | None = None


class _Error(Struct):
    extensions: _ErrorExtensions | None = None


class _Envelope(Struct):
    extensions: _Extensions | None = None
    errors: list[_Error] = field(default_factory=list)


class CostAwareHttp:
    """Implements ``OutboundHttp``: a throttled answer reads 429, a costly one asks for a pause."""

    def __init__(self, http: OutboundHttp) -> None:
        self._http = http

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send ``request`` as the client below does."""
        return translate_cost(await self._http.send(request))


def translate_cost(response: OutboundResponse) -> OutboundResponse:
    """Return the answer as a server would give it that tells its patience in status and headers.

    The next query is taken to cost as much as this one.
    """
    if response.status != 200:
        return response
    try:
        envelope = msgspec.json.decode(response.body, type=_Envelope)
    except BROKEN_JSON:
        return response  # no answer of GraphQL; whoever reads it will say so
    codes = [error.extensions.code for error in envelope.errors if error.extensions is not None]
    pause_s = _find_pause_s(envelope.extensions.cost if envelope.extensions else None)
    if THROTTLED in codes:
        headers = {**response.headers, "retry-after": str(pause_s or 1)}
        return msgspec.structs.replace(response, status=429, headers=headers)
    if pause_s:
        allowance = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(pause_s)}
        return msgspec.structs.replace(response, headers={**response.headers, **allowance})
    return response


def _find_pause_s(cost: _Cost | None) -> int:
    """Return the whole seconds until as much is available again as was asked for."""
    if cost is None:
        return 0
    status = cost.throttleStatus
    lacking = cost.requestedQueryCost - status.currentlyAvailable
    return math.ceil(lacking / max(status.restoreRate, 1.0)) if lacking > 0 else 0
