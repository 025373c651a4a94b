"""Bodies of the visitor's side.

Owns shapes and limits; what is done with them is left to the services.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from appliance.domain.visitor import VisitorDetails, read_visitor
from appliance.errors import FieldError, InvalidInput
from appliance.services.feedback import Rating

MAX_MESSAGE_LENGTH = 4_000
NO_NUL = r"^[^\x00]*$"
"""Postgres does not store the character NUL."""

Detail = Annotated[str, Meta(max_length=500, pattern=NO_NUL)] | None

Filled = Annotated[str, Meta(max_length=1_000, pattern=NO_NUL)]

OpeningKey = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{32,128}$",
        description="A new random secret for the first message of a session, beside "
        "its message_id. The same message sent again with it, and still without a session_id, "
        "finds the session it has opened.",
    ),
]


class VisitorBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a visitor told of themselves; nobody checks that it is true."""

    name: Detail = None
    email: Detail = None
    phone: Detail = None


class FormBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form of a reply, filled in: a text for each of its fields; `message` tells the same.

    What does not fit the tool is answered as the message that it is.
    """

    tool: Annotated[str, Meta(min_length=1, max_length=200)]
    values: Annotated[dict[Annotated[str, Meta(max_length=200)], Filled], Meta(max_length=40)]


class ChatMessageBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a visitor sends; ``message`` is 1 to 4000 characters after trimming.

    ``opening_key`` counts beside a ``message_id`` and without a ``session_id`` only.
    """

    message: str
    session_id: str | None = None
    message_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    opening_key: OpeningKey | None = None
    user_identifier: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] | None = None
    identity_token: Annotated[str, Meta(max_length=8_000)] | None = None
    locale: Annotated[str, Meta(max_length=35)] | None = None
    page_url: Annotated[str, Meta(max_length=2_000)] | None = None
    visitor: VisitorBody | None = None
    form: FormBody | None = None


class SessionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a session."""

    session_id: Annotated[str, Meta(min_length=1)]


class EndedReply(Struct, frozen=True, kw_only=True):
    """A conversation that has ended."""

    session_id: str
    conversation_id: str
    conversation_ended: bool = True


class StoppedReply(Struct, frozen=True, kw_only=True):
    """Whether an answer was being written, and is stopped."""

    session_id: str
    conversation_id: str
    stopped: bool


class EscalateBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A visitor's wish for a person; ``contact`` is how to reach the visitor."""

    session_id: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(max_length=2_000, pattern=NO_NUL)] | None = None
    contact: Annotated[str, Meta(max_length=500, pattern=NO_NUL)] | None = None


class EscalatedReply(Struct, frozen=True, kw_only=True):
    """A conversation that waits for a person."""

    session_id: str
    conversation_id: str
    escalated: bool = True


class FeedbackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rating of an answer, or of the conversation: ``up`` is 5, ``down`` is 1."""

    session_id: Annotated[str, Meta(min_length=1)]
    message_id: Annotated[str, Meta(min_length=1, max_length=128, pattern=NO_NUL)] | None = None
    rating: Rating
    comment: Annotated[str, Meta(max_length=4_000, pattern=NO_NUL)] | None = None


def check_visitor(visitor: VisitorBody | None) -> VisitorDetails | None:
    """Return what a visitor told of themselves, trimmed; ``None`` when that is nothing.

    Raises:
        InvalidInput: Something of it cannot be what it should be.
    """
    if visitor is None:
        return None
    given = VisitorDetails(name=visitor.name, email=visitor.email, phone=visitor.phone)
    told, problems = read_visitor(given)
    if problems:
        raise InvalidInput("What was told of the visitor does not fit.", errors=problems)
    return told


def check_text(message: str, *, field: str = "message") -> str:
    """Return a message without blanks around it.

    Raises:
        InvalidInput: It is empty or too long.
    """
    text = message.strip()
    if not text:
        raise InvalidInput("The message is empty.", errors=[FieldError(field, "Write something.")])
    if len(text) > MAX_MESSAGE_LENGTH:
        told = f"Use at most {MAX_MESSAGE_LENGTH} characters; this has {len(text)}."
        raise InvalidInput("The message is too long.", errors=[FieldError(field, told)])
    return text
