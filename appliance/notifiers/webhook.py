"""Telling a shop by its webhook.

Owns the body and the signature; which addresses may be called is decided by ``appliance.egress``.
The form is described in docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from appliance.domain.escalation import NoticeKind
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.egress.signature import HEADER, sign
from appliance.errors import ConfigurationError, NotFound, Rejected, Unavailable
from appliance.ports.clock import Clock
from appliance.ports.notifier import Notice
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest

TIMEOUT_S = 20.0
MAX_ANSWER_BYTES = 100_000


class WebhookNotifier:
    """Implements ``Notifier``: POSTs JSON, signed with the tenant's secret."""

    def __init__(
        self,
        http: OutboundHttp,
        clock: Clock,
        *,
        signing_secret: Callable[[TenantId], Awaitable[str]],
    ) -> None:
        self._http = http
        self._clock = clock
        self._signing_secret = signing_secret

    @property
    def kind(self) -> NoticeKind:
        """The kind of notices that it sends."""
        return "webhook"

    async def send(self, notice: Notice) -> None:
        """Send it once; any 2xx takes it."""
        url = notice.tenant.escalation.webhook_url
        if not url:
            raise ConfigurationError("The tenant has no webhook for escalations any more.")
        try:
            secret = await self._signing_secret(notice.tenant.id)
        except NotFound as error:
            raise ConfigurationError("The tenant has no signing secret. Make one.") from error
        body = msgspec.json.encode(build_body(notice))
        response = await self._http.send(
            OutboundRequest(
                method="POST",
                url=url,
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": notice.id,
                    HEADER: sign(body, secret=secret, at_unix_s=int(self._clock.now().timestamp())),
                },
                body=body,
                timeout_s=TIMEOUT_S,
                max_response_bytes=MAX_ANSWER_BYTES,
            )
        )
        if 200 <= response.status < 300:
            return
        message = f"The webhook answered with status {response.status}."
        raise (Unavailable if response.status >= 500 else Rejected)(message)


def build_body(notice: Notice) -> JsonObject:
    """Return what the webhook receives."""
    escalation = notice.escalation
    return {
        "event": notice.event,
        "notice_id": notice.id,
        "tenant_id": notice.tenant.id,
        "conversation_id": escalation.conversation_id,
        "conversation_url": notice.conversation_url,
        "escalation": {
            "id": escalation.id,
            "cause": escalation.cause,
            "status": escalation.status,
            "reason": escalation.reason,
            "contact": escalation.contact,
            "requested_at": escalation.requested_at,
        },
        "visitor": {
            "channel": notice.channel,
            "user_identifier": notice.user_identifier,
            "page_url": notice.page_url,
        },
        "transcript": [
            {"role": line.role, "content": line.content, "created_at": line.created_at}
            for line in notice.transcript
        ],
    }
