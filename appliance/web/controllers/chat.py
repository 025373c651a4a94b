"""The visitor's conversation: messages, their streams, history and end, and what to make of it.

Owns reading requests and writing answers; the turn itself is left to ``appliance.services.turns``.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.types import Receive

from appliance.domain.message import ChatReply
from appliance.domain.tool_form import FilledForm
from appliance.domain.turn_events import TurnFinished
from appliance.domain.web_addresses import is_web_address
from appliance.errors import Cancelled, NotFound, ServerStopping
from appliance.ports.turn_store import OWNER_GONE
from appliance.services.conversations import ConversationService, History
from appliance.services.escalations import EscalationService
from appliance.services.feedback import FeedbackService
from appliance.services.identity_tokens import IdentityTokens
from appliance.services.live_conversations import LiveConversations
from appliance.services.rate_limits import RateLimiter
from appliance.services.tenant_directory import KnownTenant, TenantDirectory
from appliance.services.turn_streams import TurnStream
from appliance.services.turns import TurnService, VisitorMessage
from appliance.web.access import build_unknown_key, find_header
from appliance.web.query import Limit
from appliance.web.schemas.chat import (
    ChatMessageBody,
    EndedReply,
    EscalateBody,
    EscalatedReply,
    FeedbackBody,
    SessionBody,
    StoppedReply,
    check_text,
    check_visitor,
)
from appliance.web.sse import Shutdown, build_stream
from appliance.web.turn_wire import encode_batches, follow_behind

VisitorRequest = Request[Any, Any, State]
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


class MessageServices(NamedTuple):
    """What a message needs. One dependency, because Litestar runs a task for each of several."""

    turns: TurnService
    limiter: RateLimiter
    directory: TenantDirectory
    shutdown: Shutdown
    identity_tokens: IdentityTokens


class ChatController(Controller):
    """Routes under ``/chat``."""

    path = "/chat"
    tags = ["chat"]  # noqa: RUF012 -- Litestar reads this class attribute

    @post(
        "/message",
        status_code=200,
        summary="Send a message and get the answer",
        responses={200: ResponseSpec(ChatReply, description="The answer", generate_examples=False)},
    )
    async def send_message(
        self,
        request: VisitorRequest,
        data: JSONBody[ChatMessageBody],
        messages: NamedDependency[MessageServices],
    ) -> Response[Any]:
        """Answer a visitor, as JSON or, when the client accepts it, as a stream of events."""
        if messages.shutdown.has_begun:
            raise ServerStopping("The server is stopping. Please send the message again soon.")
        known = known_tenant(request)
        text = check_text(data.message)
        await messages.limiter.spend(known.tenant.id)
        identity = None
        if data.identity_token is not None:
            identity = await messages.identity_tokens.verify(known.tenant.id, data.identity_token)
        message = VisitorMessage(
            text=text,
            session_id=data.session_id or None,
            message_id=data.message_id,
            opening_key=data.opening_key,
            user_identifier=data.user_identifier,
            identity=identity,
            locale=read_locale(data.locale),
            page_url=read_page_url(data.page_url),
            visitor=check_visitor(data.visitor),
            form=FilledForm(tool=data.form.tool, values=data.form.values) if data.form else None,
        )
        try:
            stream = await messages.turns.start(known, message)
        except NotFound as error:
            if error.code != OWNER_GONE:
                raise
            messages.directory.forget(known.tenant.id)
            raise build_unknown_key() from error
        if b"text/event-stream" in (find_header(request.scope, b"accept") or b""):
            return build_stream(encode_batches(stream.listen()))
        reply = await _wait_for_reply(stream, request.receive)
        return Response(msgspec.json.encode(reply), media_type="application/json")

    @get("/history/{session_id:str}", summary="Read the conversation")
    async def history(
        self,
        request: VisitorRequest,
        session_id: FromPath[str],
        conversations: NamedDependency[ConversationService],
        limit: Limit = 50,
    ) -> History:
        """Return the newest messages, oldest first."""
        tenant = known_tenant(request).tenant
        return await conversations.history(tenant.id, session_id, limit=limit)

    @get(
        "/events/{session_id:str}",
        summary="Follow the conversation",
        media_type="text/event-stream",
    )
    async def follow(
        self,
        request: VisitorRequest,
        session_id: FromPath[str],
        conversations: NamedDependency[ConversationService],
        live: NamedDependency[LiveConversations],
        shutdown: NamedDependency[Shutdown],
    ) -> Response[Any]:
        """Send what was missed since ``Last-Event-ID``, then whatever follows.

        Besides the events of turns: `state`, who has the conversation, first and at each change;
        `agent_message`, what a person wrote; `agent_typing`.
        """
        tenant = known_tenant(request).tenant
        conversation = await conversations.find(tenant.id, session_id)
        follow = partial(live.follow, tenant, session_id, conversation)
        # Not by `headers`, which would be kept, read, for as long as the stream is open.
        last_event_id = (find_header(request.scope, b"last-event-id") or b"").decode("latin-1")
        return build_stream(follow_behind(follow, last_event_id), shutdown)

    @post("/end", status_code=200, summary="End the conversation")
    async def end(
        self,
        request: VisitorRequest,
        data: JSONBody[SessionBody],
        conversations: NamedDependency[ConversationService],
    ) -> EndedReply:
        """End a conversation; its session id is not used again."""
        tenant = known_tenant(request).tenant
        conversation = await conversations.end(tenant.id, data.session_id)
        return EndedReply(session_id=data.session_id, conversation_id=conversation.id)

    @post("/stop", status_code=200, summary="Stop the answer that is being written")
    async def stop(
        self,
        request: VisitorRequest,
        data: JSONBody[SessionBody],
        conversations: NamedDependency[ConversationService],
        messages: NamedDependency[MessageServices],
    ) -> StoppedReply:
        """End the answer with what there is of it; what is being changed meanwhile still is."""
        tenant = known_tenant(request).tenant
        await messages.limiter.spend(tenant.id)
        conversation = await conversations.find(tenant.id, data.session_id)
        return StoppedReply(
            session_id=data.session_id,
            conversation_id=conversation.id,
            stopped=await messages.turns.stop(conversation.id),
        )

    @post("/escalate", status_code=200, summary="Ask for a person")
    async def escalate(
        self,
        request: VisitorRequest,
        data: JSONBody[EscalateBody],
        escalations: NamedDependency[EscalationService],
        limiter: NamedDependency[RateLimiter],
    ) -> EscalatedReply:
        """Ask for a person; a second request adds its reason and contact to the first."""
        tenant = known_tenant(request).tenant
        await limiter.spend(tenant.id)
        conversation = await escalations.escalate(
            tenant, data.session_id, reason=data.reason, contact=data.contact
        )
        return EscalatedReply(session_id=data.session_id, conversation_id=conversation.id)


@post("/api/feedback", status_code=204, summary="Rate an answer or the conversation", tags=["chat"])
async def give_feedback(
    request: VisitorRequest,
    data: JSONBody[FeedbackBody],
    feedback: NamedDependency[FeedbackService],
    limiter: NamedDependency[RateLimiter],
) -> None:
    """Rate an answer, or without `message_id` the conversation, in place of an earlier rating."""
    tenant = known_tenant(request).tenant
    await limiter.spend(tenant.id)
    await feedback.give(
        tenant.id,
        data.session_id,
        message_id=data.message_id,
        rating=data.rating,
        comment=data.comment,
    )


def known_tenant(request: VisitorRequest) -> KnownTenant:
    """Return the tenant that ``TenantAccess`` found for this request."""
    known: KnownTenant = request.scope["state"]["known_tenant"]
    return known


def read_locale(locale: str | None) -> str | None:
    """Return ``locale`` if it is one; what a browser sends beside it is no error."""
    return locale if locale and _LOCALE.fullmatch(locale) else None


def read_page_url(page_url: str | None) -> str | None:
    """Return ``page_url`` if it is an address of the web, for operators will open it."""
    return page_url if page_url and is_web_address(page_url) else None


async def _wait_for_reply(stream: TurnStream, receive: Receive) -> ChatReply:
    """Return the finished reply; stop listening when the client leaves.

    Raises:
        Cancelled: The client has left.
        ApplianceError: The turn failed.
    """
    leaving = asyncio.create_task(_disconnected(receive), name="await-disconnect")
    try:
        end = await stream.wait_for_end(unless=leaving)
    finally:
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
    if end is None:
        raise Cancelled("The visitor left before the answer.")
    if isinstance(end, TurnFinished):
        return end.reply
    raise end.error


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
