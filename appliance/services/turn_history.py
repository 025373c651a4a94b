"""What of its conversation a turn gives the model to read.

Owns where the messages come from: the database, or a cache that several servers share, and then
only the state that the database has too. How much of them is read is left to
``appliance.agent.history``. See docs/adr/0012.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from appliance.agent.history import (
    build_history,
    extend_history,
    split_window,
)
from appliance.agent.summary import extend_summary
from appliance.domain.conversation import Summary
from appliance.domain.ids import SessionHash
from appliance.domain.message import ChatMessage, StoredMessage
from appliance.ports.cache import Cache
from appliance.ports.clock import Clock
from appliance.ports.turn_store import ConversationRecord, TurnAccepted
from appliance.services.cache_roles import (
    ConversationContext,
    ConversationContexts,
    HistoryVersion,
)
from appliance.tasks import TaskGroup

ROWS_PER_MESSAGE = 4
"""How many stored rows are read for each message of the window, tool messages included."""


class LoadedHistory(Struct, frozen=True, kw_only=True):
    """The window that ends with the visitor's message, and when it was read from the database.

    ``summary`` is of all that was said before the window; ``is_summary_new`` says whether it covers
    more than the stored one, so that it has to be stored with the answer.
    """

    messages: tuple[ChatMessage, ...]
    loaded_at: datetime
    summary: Summary | None = None
    is_summary_new: bool = False


class TurnHistory:
    """Loads the history of turns. Only a shared cache is worth asking before the database."""

    def __init__(
        self,
        *,
        turn_store: ConversationRecord,
        cache: Cache | None,
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._turn_store = turn_store
        self._clock = clock
        self._tasks = tasks
        self._contexts = (
            ConversationContexts(cache, clock) if cache is not None and cache.is_shared else None
        )

    async def load(
        self,
        accepted: TurnAccepted,
        session: SessionHash,
        text: str,
        *,
        is_retry: bool,
        window_messages: int,
    ) -> LoadedHistory:
        """Return the window that ends with the visitor's message ``text``.

        Args:
            accepted: The turn's beginning.
            session: Of the visitor.
            text: The visitor's message.
            is_retry: The message was stored before, so it may stand in an earlier context.
            window_messages: How many visitor and assistant messages are read in full.

        Raises:
            StorageError: The database cannot be used.
        """
        now = self._clock.now()
        asked = ChatMessage(role="user", content=text)
        if accepted.is_new_session:
            return LoadedHistory(messages=(asked,), loaded_at=now)
        conversation = accepted.conversation
        summary = conversation.summary
        if self._contexts is not None and not is_retry:
            version = HistoryVersion(
                conversation_id=conversation.id,
                fencing_token=accepted.fencing_token - 1,
                last_message_at=conversation.last_message_at,
                content_deleted_at=conversation.content_deleted_at,
            )
            context = await self._contexts.find(conversation.tenant_id, session, version)
            if context is not None:
                messages = (*context.messages, asked)
                fallen, _ = split_window(messages, max_messages=window_messages)
                if not fallen:
                    return LoadedHistory(
                        messages=messages, loaded_at=context.loaded_at, summary=summary
                    )
        stored = await self._turn_store.list_messages(
            conversation.tenant_id, conversation.id, limit=ROWS_PER_MESSAGE * window_messages
        )
        left_out, window = split_window(stored, max_messages=window_messages)
        longer = _extend(summary, left_out)
        return LoadedHistory(
            messages=tuple(build_history(window)),
            loaded_at=now,
            summary=longer,
            is_summary_new=longer != summary,
        )

    def remember(
        self,
        accepted: TurnAccepted,
        session: SessionHash,
        history: LoadedHistory,
        new_messages: Sequence[ChatMessage],
        *,
        finished_at: datetime,
    ) -> None:
        """Remember in the background what a finished turn leaves for the next one."""
        if self._contexts is None:
            return
        conversation = accepted.conversation
        context = ConversationContext(
            version=HistoryVersion(
                conversation_id=conversation.id,
                fencing_token=accepted.fencing_token,
                last_message_at=finished_at,
                content_deleted_at=conversation.content_deleted_at,
            ),
            loaded_at=history.loaded_at,
            messages=tuple(extend_history(history.messages, new_messages)),
        )
        self._tasks.start_for_caller(
            self._contexts.remember(conversation.tenant_id, session, context),
            name=f"remember-context-{conversation.id}",
        )


def _extend(summary: Summary | None, fallen: Sequence[Sequence[StoredMessage]]) -> Summary | None:
    """Return the summary with the turns that it does not cover yet."""
    through = summary.through_seq if summary else 0
    new = [turn for turn in fallen if turn[-1].seq > through]
    if not new:
        return summary
    text = extend_summary(summary.text if summary else "", new)
    return Summary(text=text, through_seq=new[-1][-1].seq)
