"""A conversation: one visitor's session with one tenant.

Owns its state and the action that waits for the visitor's word; the messages are in
``appliance.domain.message``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolCall
from appliance.domain.visitor import VisitorDetails

ConversationStatus = Literal["open", "waiting_for_human", "human", "ended"]


class Decision(Struct, frozen=True, kw_only=True):
    """What a visitor's message decided; ``call_id`` is of the call that a yes becomes."""

    message_id: MessageId
    is_confirmed: bool
    call_id: str


class PendingAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A write that waits for the visitor to confirm exactly these arguments.

    With a ``decision`` it waits no longer; it stays until the turn that decided ends, so that what
    goes on after a crash knows of it.
    """

    id: str
    call: ToolCall
    summary: str
    expires_at: datetime
    decision: Decision | None = None


class Summary(Struct, frozen=True, kw_only=True):
    """What was said up to the message numbered ``through_seq``, in short."""

    text: str
    through_seq: int


class Conversation(Struct, frozen=True, kw_only=True):
    """The state of one conversation.

    ``failed_rounds`` counts the last answers in a row that did not help the visitor on.
    ``is_user_verified``: the shop's server vouched for ``user_identifier`` in some message of it.
    Who sends the present message is told by that message's own token alone. ``human_name`` is of
    the person who took it over last, ``visitor`` what the visitor told of themselves.
    """

    id: ConversationId
    tenant_id: TenantId
    channel: str = "widget"
    status: ConversationStatus = "open"
    user_identifier: str | None = None
    is_user_verified: bool = False
    locale: str | None = None
    started_at: datetime
    last_message_at: datetime | None = None
    ended_at: datetime | None = None
    content_deleted_at: datetime | None = None
    message_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    pending_action: PendingAction | None = None
    failed_rounds: int = 0
    summary: Summary | None = None
    metadata: JsonObject | None = None
    human_name: str | None = None
    visitor: VisitorDetails | None = None

    @property
    def is_escalated(self) -> bool:
        """Say whether a person was asked for or has taken over."""
        return self.status in ("waiting_for_human", "human")
