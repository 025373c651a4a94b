"""An outbound client for tests whose workflows reach out to nobody."""

from __future__ import annotations

from appliance.errors import Rejected
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse


class RefusingHttp:
    """Implements ``OutboundHttp``; allows no address at all."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        raise Rejected(f"No address is allowed, also not {request.url!r}.", code="egress_denied")
