"""What a conversation holds besides its messages.

Owns which of its columns are content and go when the messages have gone; the counters stay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, exists, null, update

from appliance.storage.tables import conversations, messages, tool_executions

_HAS_NO_MESSAGES = ~exists().where(messages.c.conversation_id == conversations.c.id)
_HAS_NO_EXECUTIONS = ~exists().where(tool_executions.c.conversation_id == conversations.c.id)


def clear_emptied(
    connection: Connection, conversation_ids: Collection[str], *, at: datetime | None = None
) -> None:
    """Clear the content of those of the conversations that have no messages left.

    The visitor's identifier stays until the executions have gone too: without it they could be
    neither found nor erased for that visitor.

    Args:
        connection: In the transaction that deleted the messages or executions.
        conversation_ids: Where something was deleted.
        at: When the messages went; ``None`` when only executions did.
    """
    if not conversation_ids:
        return
    emptied = update(conversations).where(
        conversations.c.id.in_(sorted(conversation_ids)), _HAS_NO_MESSAGES
    )
    if at is not None:
        connection.execute(
            emptied.values(
                page_url=None,
                visitor=null(),
                metadata=null(),
                pending_action=null(),
                content_deleted_at=at,
            )
        )
    connection.execute(
        emptied.where(conversations.c.user_identifier.is_not(None), _HAS_NO_EXECUTIONS).values(
            user_identifier=None
        )
    )
