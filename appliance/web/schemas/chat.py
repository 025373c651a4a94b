"""Bodies of the visitor's side.

Owns shapes and limits; what is done with them is left to the services.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

MAX_MESSAGE_LENGTH = 4_000


class ChatMessageBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a visitor sends; ``message`` is 1 to 4000 characters after trimming."""

    message: str
    session_id: str | None = None
    message_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    user_identifier: Annotated[str, Meta(max_length=200)] | None = None
    identity_token: Annotated[str, Meta(max_length=8_000)] | None = None
    locale: Annotated[str, Meta(max_length=35)] | None = None
    page_url: Annotated[str, Meta(max_length=2_000)] | None = None


class SessionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a session."""

    session_id: Annotated[str, Meta(min_length=1)]


class EndedReply(Struct, frozen=True, kw_only=True):
    """A conversation that has ended."""

    session_id: str
    conversation_id: str
    conversation_ended: bool = True
