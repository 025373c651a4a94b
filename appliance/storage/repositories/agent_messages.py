"""Messages of people who have taken a conversation over, in the database.

Owns their rows; those of turns are written by ``turn_begin`` and ``turn_end``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha512

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.live_events import AgentMessage, Person
from appliance.errors import Conflict
from appliance.ports.agent_messages import PlacedMessage
from appliance.storage.statements import Script, build_statement
from appliance.storage.tables.metadata import read_time
from appliance.storage.turn_store import Scripts

_FIND_AND_LOCK = build_statement(
    "SELECT status, last_seq, fencing_token FROM conversations WHERE tenant_id = ?1 AND id = ?2",
    locks="conversations",
)

_FIND_SENT = build_statement("""
    SELECT id, content, author_name, created_at FROM messages
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND client_message_id = ?3
""")

_INSERT = build_statement("""
    INSERT INTO messages (
        id, tenant_id, conversation_id, seq, role, content, is_error, input_tokens, output_tokens,
        created_at, client_message_id, fencing_token, author_name
    ) VALUES (?1, ?2, ?3, ?4, 'agent', ?5, FALSE, 0, 0, ?6, ?7, ?8, ?9)
""")

_CONTINUE = build_statement("""
    UPDATE conversations
    SET last_seq = last_seq + 1, message_count = message_count + 1, last_message_at = ?3
    WHERE tenant_id = ?1 AND id = ?2
""")

_LIST = build_statement("""
    SELECT id, content, author_name, created_at, fencing_token FROM messages
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND role = 'agent' AND fencing_token >= ?3
    ORDER BY seq
""")


class StoredAgentMessages:
    """Implements ``AgentMessageStore``; see there for what each method promises."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def add(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        message: AgentMessage,
        *,
        client_message_id: str | None,
    ) -> AgentMessage | None:
        """Store the message as the conversation's newest, once for each client's id."""
        key = None if client_message_id is None else _build_key(client_message_id)
        owner = (tenant_id, conversation_id)

        def run() -> Script[AgentMessage | None]:
            found = yield _FIND_AND_LOCK, owner
            if not found:
                return None
            status, last_seq, turn_number = found[0]
            sent = (yield _FIND_SENT, (*owner, key)) if key is not None else ()
            if sent:
                return _check_same(_build(*sent[0]), message)
            if status != "human":
                raise _build_refusal(status)
            yield (
                _INSERT,
                (message.id, *owner, last_seq + 1, message.content, message.created_at, key,
                 turn_number, message.author.name),
            )  # fmt: skip
            yield _CONTINUE, (*owner, message.created_at)
            return message

        return await self._scripts.write(run)

    async def list_behind(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, turn_number: int
    ) -> Sequence[PlacedMessage]:
        """Return the messages behind this turn and later ones, oldest first."""

        def run() -> Script[list[PlacedMessage]]:
            rows = yield _LIST, (tenant_id, conversation_id, turn_number)
            behind: Counter[int] = Counter()
            placed: list[PlacedMessage] = []
            for *row, number in rows:
                message = _build(*row)
                placed.append(
                    PlacedMessage(message=message, turn_number=number, place=behind[number])
                )
                behind[number] += 1
            return placed

        return await self._scripts.read(run)


def _build_key(client_message_id: str) -> str:
    """Return the stored form of an operator's id: longer than any that a visitor may choose."""
    return f"agent:{sha512(client_message_id.encode()).hexdigest()}"


def _build(row_id: str, content: str, author_name: str, created_at: str) -> AgentMessage:
    return AgentMessage(
        id=MessageId(row_id),
        content=content,
        created_at=read_time(created_at),
        author=Person(name=author_name),
    )


def _check_same(stored: AgentMessage, sent: AgentMessage) -> AgentMessage:
    if stored.content != sent.content:
        raise Conflict(
            "This message_id was already used for another message.", code="idempotency_mismatch"
        )
    return stored


def _build_refusal(status: str) -> Conflict:
    if status == "ended":
        return Conflict("This conversation has ended.", code="conversation_ended")
    return Conflict(
        "Nobody has taken this conversation over. Take it over, then write.", code="not_taken_over"
    )
