"""Calls of webhooks, among which those of the operator's own n8n are trusted.

Owns which address is one of n8n's webhooks; what may be reached otherwise is decided by
``appliance.egress``.
"""

from __future__ import annotations

import re
from typing import Final

from appliance.ports.outbound_http import OutboundHttp, OutboundRequest, OutboundResponse

_PLACES: Final = ("/webhook/", "/webhook-test/")
_DETOUR: Final = re.compile(r"^/|\.\.|%2e|%2f|%5c|\\|//", re.IGNORECASE)
"""What might lead out of the webhooks' folder, once somebody tidies the path up."""


class WebhookSender:
    """Implements ``OutboundHttp``.

    A tenant may name any address. Of n8n's, which may be on this machine, only its webhooks are
    called for a tenant: the rest of it is the operator's.

    Args:
        tenants: Sends under the rules for tenants' addresses.
        own: May reach the operator's n8n.
        url: Where that is.
    """

    def __init__(self, *, tenants: OutboundHttp, own: OutboundHttp, url: str) -> None:
        self._tenants = tenants
        self._own = own
        self._prefixes = tuple(f"{url.rstrip('/')}{place}" for place in _PLACES)

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send ``request`` as ``OutboundHttp.send`` promises."""
        sender = self._own if self._is_own(request) else self._tenants
        return await sender.send(request)

    def _is_own(self, request: OutboundRequest) -> bool:
        prefix = next((item for item in self._prefixes if request.url.startswith(item)), None)
        if prefix is None or request.max_redirects > 0:
            return False
        return not _DETOUR.search(request.url[len(prefix) :].partition("?")[0])
