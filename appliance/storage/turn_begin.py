"""The beginning of a turn: the visitor's message and the session's lease.

Owns the decision whether a message starts a turn, joins one or is refused; the end of turns is in
``turn_end``.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from appliance.domain.conversation import Conversation
from appliance.domain.ids import ConversationId, MessageId
from appliance.ports.turn_store import (
    NewTurn,
    TurnAccepted,
    TurnBusy,
    TurnInFlight,
    TurnMismatch,
    TurnReplayed,
    TurnStart,
)
from appliance.storage.statements import Script, build_statement
from appliance.storage.tables.metadata import read_time
from appliance.storage.turn_rows import ConversationRow, columns_of, read_reply, write_optional

ABANDONED_CODE = "turn_abandoned"
"""Why a message is marked failed whose turn let its lease run out."""

MAX_RETRY_AFTER_S = 2
"""A running turn's lease is renewed, so its end says nothing of when the answer will be there."""

FIND_CONVERSATION = build_statement(f"""
    SELECT {columns_of(ConversationRow)} FROM conversations
    WHERE tenant_id = ?1 AND session_hash = ?2
""")

FIND_AND_LOCK_CONVERSATION = build_statement(FIND_CONVERSATION.sqlite, locks="conversations")

_INSERT_CONVERSATION = build_statement("""
    INSERT INTO conversations (
        id, tenant_id, session_hash, channel, status, user_identifier, is_user_verified, locale,
        page_url, started_at, last_message_at, message_count, last_seq, input_tokens, output_tokens,
        fencing_token, lease_message_id, lease_until, visitor
    ) VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?11, ?6, ?7, ?8, ?8, 1, 1, 0, 0, 1, ?9, ?10, ?12)
    ON CONFLICT (tenant_id, session_hash) DO NOTHING
    RETURNING id
""")

_CONTINUE_CONVERSATION = build_statement("""
    UPDATE conversations
    SET last_seq = ?3, message_count = message_count + ?4, last_message_at = ?5,
        user_identifier = CASE WHEN is_user_verified AND NOT ?11 THEN user_identifier
            ELSE coalesce(?6, user_identifier) END,
        is_user_verified = is_user_verified OR ?11, locale = coalesce(?7, locale),
        page_url = coalesce(?8, page_url), visitor = coalesce(?12, visitor),
        fencing_token = fencing_token + 1, lease_message_id = ?9, lease_until = ?10
    WHERE tenant_id = ?1 AND id = ?2
    RETURNING fencing_token
""")

_INSERT_MESSAGE = build_statement("""
    INSERT INTO messages (
        id, tenant_id, conversation_id, seq, role, content, is_error, input_tokens, output_tokens,
        created_at, client_message_id, turn_state, fencing_token
    ) VALUES (?1, ?2, ?3, ?4, 'user', ?5, FALSE, 0, 0, ?6, ?7, 'running', ?8)
""")

_RETRY_MESSAGE = build_statement("""
    UPDATE messages
    SET seq = ?3, turn_state = 'running', turn_ended_at = NULL, error_code = NULL,
        fencing_token = ?4
    WHERE tenant_id = ?1 AND id = ?2
""")

_FIND_SENT = build_statement("""
    SELECT sent.id, sent.seq, sent.content, sent.turn_state, sent.reply, answer.content,
        sent.fencing_token
    FROM messages AS sent
    LEFT JOIN messages AS answer ON answer.id = sent.reply -> 'message' ->> 'id'
    WHERE sent.tenant_id = ?1 AND sent.conversation_id = ?2 AND sent.client_message_id = ?3
""")

_ABANDON_MESSAGE = build_statement(f"""
    UPDATE messages SET turn_state = 'failed', error_code = '{ABANDONED_CODE}', turn_ended_at = ?3
    WHERE tenant_id = ?1 AND id = ?2 AND turn_state IN ('received', 'running')
""")


class _Sent(NamedTuple):
    """A message that came before under the same client message id."""

    id: str
    seq: int
    content: str
    turn_state: str
    reply: str | None
    answer: str | None
    fencing_token: int


def begin_turn(turn: NewTurn) -> Script[TurnStart]:
    """Store the message and take the lease, or say why not; see ``TurnStore.begin_turn``."""
    found = None
    if turn.session_hash is not None:
        rows = yield FIND_AND_LOCK_CONVERSATION, (turn.tenant_id, turn.session_hash)
        found = rows[0] if rows else None
    if found is None:
        return (yield from _start_conversation(turn))
    row = ConversationRow(*found)
    is_over = row.status == "ended" or _is_of_another(row, turn)
    if is_over and not turn.is_opening:
        return (yield from _start_conversation(turn))
    sent = yield from _find_sent(turn, row.id)
    is_other = turn.is_opening if sent is None else sent.content != turn.content
    if is_other:
        return TurnMismatch(conversation_id=ConversationId(row.id))
    if sent is not None and sent.reply is not None:
        return TurnReplayed(
            reply=read_reply(sent.reply, sent.answer or ""),
            user_message_id=MessageId(sent.id),
            fencing_token=sent.fencing_token,
        )
    if is_over:
        return TurnMismatch(conversation_id=ConversationId(row.id))
    remaining_s = _remaining_lease_s(row, turn.received_at)
    if remaining_s > 0 and sent is not None and sent.id == row.lease_message_id:
        return TurnInFlight(
            conversation_id=ConversationId(row.id), user_message_id=MessageId(sent.id)
        )
    if remaining_s > 0:
        return TurnBusy(
            conversation_id=ConversationId(row.id),
            retry_after_s=min(MAX_RETRY_AFTER_S, math.ceil(remaining_s)),
        )
    return (yield from _continue_conversation(turn, row, sent))


def _is_of_another(row: ConversationRow, turn: NewTurn) -> bool:
    """Say whether somebody else signed in during the conversation: it stays theirs."""
    is_known = turn.is_user_verified and row.is_user_verified
    return bool(is_known) and row.user_identifier != turn.user_identifier


def _remaining_lease_s(row: ConversationRow, now: datetime) -> float:
    if row.lease_until is None:
        return 0.0
    return (read_time(row.lease_until) - now).total_seconds()


def _find_sent(turn: NewTurn, conversation_id: str) -> Script[_Sent | None]:
    if turn.client_message_id is None:
        return None
    rows = yield _FIND_SENT, (turn.tenant_id, conversation_id, turn.client_message_id)
    return _Sent(*rows[0]) if rows else None


def _start_conversation(turn: NewTurn) -> Script[TurnStart]:
    rows = yield (
        _INSERT_CONVERSATION,
        (
            turn.new_conversation_id,
            turn.tenant_id,
            turn.new_session_hash,
            turn.channel,
            turn.user_identifier,
            turn.locale,
            turn.page_url,
            turn.received_at,
            turn.user_message_id,
            _lease_end(turn),
            turn.is_user_verified,
            write_optional(turn.visitor),
        ),
    )
    if not rows:  # on Postgres, the same message has opened the session at this very moment
        return (yield from begin_turn(turn))
    yield from _insert_message(turn, turn.new_conversation_id, seq=1, fencing_token=1)
    return TurnAccepted(
        conversation=Conversation(
            id=turn.new_conversation_id,
            tenant_id=turn.tenant_id,
            channel=turn.channel,
            user_identifier=turn.user_identifier,
            is_user_verified=turn.is_user_verified,
            locale=turn.locale,
            visitor=turn.visitor,
            started_at=turn.received_at,
        ),
        user_message_id=turn.user_message_id,
        fencing_token=1,
        is_new_session=True,
    )


def _continue_conversation(
    turn: NewTurn, row: ConversationRow, sent: _Sent | None
) -> Script[TurnAccepted]:
    """Take the lease; a message that is tried again becomes the newest of the conversation."""
    message_id = turn.user_message_id if sent is None else MessageId(sent.id)
    if row.lease_message_id is not None and row.lease_message_id != message_id:
        yield _ABANDON_MESSAGE, (turn.tenant_id, row.lease_message_id, turn.received_at)
    is_newest = sent is not None and sent.seq == row.last_seq
    seq = row.last_seq if is_newest else row.last_seq + 1
    rows = yield (
        _CONTINUE_CONVERSATION,
        (
            turn.tenant_id,
            row.id,
            seq,
            1 if sent is None else 0,
            turn.received_at,
            turn.user_identifier,
            turn.locale,
            turn.page_url,
            message_id,
            _lease_end(turn),
            turn.is_user_verified,
            write_optional(turn.visitor),
        ),
    )
    fencing_token: int = rows[0][0]
    if sent is None:
        yield from _insert_message(turn, row.id, seq=seq, fencing_token=fencing_token)
    else:
        yield _RETRY_MESSAGE, (turn.tenant_id, sent.id, seq, fencing_token)
    found = row.build()
    return TurnAccepted(
        conversation=msgspec.structs.replace(found, visitor=turn.visitor or found.visitor),
        user_message_id=message_id,
        fencing_token=fencing_token,
        is_new_session=False,
    )


def _insert_message(
    turn: NewTurn, conversation_id: str, *, seq: int, fencing_token: int
) -> Script[None]:
    yield (
        _INSERT_MESSAGE,
        (
            turn.user_message_id,
            turn.tenant_id,
            conversation_id,
            seq,
            turn.content,
            turn.received_at,
            turn.client_message_id,
            fencing_token,
        ),
    )


def _lease_end(turn: NewTurn) -> datetime:
    return turn.received_at + timedelta(seconds=turn.lease_s)
