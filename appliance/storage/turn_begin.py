"""The beginning of a turn on SQLite: the visitor's message and the session's lease.

Owns the decision whether a message starts a turn, joins one or is refused; the end of turns is in
``turn_end``.
"""

from __future__ import annotations

import math
import sqlite3
from datetime import datetime, timedelta
from typing import NamedTuple

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
from appliance.storage.tables.metadata import read_time, write_time
from appliance.storage.turn_rows import ConversationRow, columns_of, read_reply

ABANDONED_CODE = "turn_abandoned"
"""Why a message is marked failed whose turn let its lease run out."""

MAX_RETRY_AFTER_S = 2
"""A running turn's lease is renewed, so its end says nothing of when the answer will be there."""

FIND_CONVERSATION = f"""
    SELECT {columns_of(ConversationRow)} FROM conversations
    WHERE tenant_id = ? AND session_hash = ?
"""

_INSERT_CONVERSATION = """
    INSERT INTO conversations (
        id, tenant_id, session_hash, channel, status, user_identifier, locale, page_url,
        started_at, last_message_at, message_count, last_seq, input_tokens, output_tokens,
        fencing_token, lease_message_id, lease_until
    ) VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, 1, 1, 0, 0, 1, ?, ?)
"""

_CONTINUE_CONVERSATION = """
    UPDATE conversations
    SET last_seq = ?, message_count = message_count + ?, last_message_at = ?,
        user_identifier = coalesce(?, user_identifier), locale = coalesce(?, locale),
        page_url = coalesce(?, page_url),
        fencing_token = fencing_token + 1, lease_message_id = ?, lease_until = ?
    WHERE tenant_id = ? AND id = ?
    RETURNING fencing_token
"""

_INSERT_MESSAGE = """
    INSERT INTO messages (
        id, tenant_id, conversation_id, seq, role, content, is_error, input_tokens, output_tokens,
        created_at, client_message_id, turn_state, fencing_token
    ) VALUES (?, ?, ?, ?, 'user', ?, 0, 0, 0, ?, ?, 'running', ?)
"""

_RETRY_MESSAGE = """
    UPDATE messages
    SET seq = ?, turn_state = 'running', turn_ended_at = NULL, error_code = NULL, fencing_token = ?
    WHERE tenant_id = ? AND id = ?
"""

_FIND_SENT = """
    SELECT sent.id, sent.seq, sent.content, sent.turn_state, sent.reply, answer.content
    FROM messages AS sent
    LEFT JOIN messages AS answer ON answer.id = json_extract(sent.reply, '$.message.id')
    WHERE sent.tenant_id = ? AND sent.conversation_id = ? AND sent.client_message_id = ?
"""

_ABANDON_MESSAGE = f"""
    UPDATE messages SET turn_state = 'failed', error_code = '{ABANDONED_CODE}', turn_ended_at = ?
    WHERE tenant_id = ? AND id = ? AND turn_state IN ('received', 'running')
"""


class _Sent(NamedTuple):
    """A message that came before under the same client message id."""

    id: str
    seq: int
    content: str
    turn_state: str
    reply: str | None
    answer: str | None


def begin_turn(raw: sqlite3.Connection, turn: NewTurn) -> TurnStart:
    """Store the message and take the lease, or say why not; see ``TurnStore.begin_turn``."""
    found = None
    if turn.session_hash is not None:
        found = raw.execute(FIND_CONVERSATION, (turn.tenant_id, turn.session_hash)).fetchone()
    if found is None:
        return _start_conversation(raw, turn)
    row = ConversationRow(*found)
    if row.status == "ended":
        return _start_conversation(raw, turn)
    sent = _find_sent(raw, turn, row.id)
    if sent is not None and sent.content != turn.content:
        return TurnMismatch(conversation_id=ConversationId(row.id))
    if sent is not None and sent.reply is not None:
        return TurnReplayed(
            reply=read_reply(sent.reply, sent.answer or ""), user_message_id=MessageId(sent.id)
        )
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
    return _continue_conversation(raw, turn, row, sent)


def _remaining_lease_s(row: ConversationRow, now: datetime) -> float:
    if row.lease_until is None:
        return 0.0
    return (read_time(row.lease_until) - now).total_seconds()


def _find_sent(raw: sqlite3.Connection, turn: NewTurn, conversation_id: str) -> _Sent | None:
    if turn.client_message_id is None:
        return None
    key = (turn.tenant_id, conversation_id, turn.client_message_id)
    found = raw.execute(_FIND_SENT, key).fetchone()
    return None if found is None else _Sent(*found)


def _start_conversation(raw: sqlite3.Connection, turn: NewTurn) -> TurnAccepted:
    now = write_time(turn.received_at)
    raw.execute(
        _INSERT_CONVERSATION,
        (
            turn.new_conversation_id,
            turn.tenant_id,
            turn.new_session_hash,
            turn.channel,
            turn.user_identifier,
            turn.locale,
            turn.page_url,
            now,
            now,
            turn.user_message_id,
            _lease_end(turn),
        ),
    )
    _insert_message(raw, turn, turn.new_conversation_id, seq=1, fencing_token=1)
    return TurnAccepted(
        conversation=Conversation(
            id=turn.new_conversation_id,
            tenant_id=turn.tenant_id,
            channel=turn.channel,
            user_identifier=turn.user_identifier,
            locale=turn.locale,
            started_at=turn.received_at,
        ),
        user_message_id=turn.user_message_id,
        fencing_token=1,
        is_new_session=True,
    )


def _continue_conversation(
    raw: sqlite3.Connection, turn: NewTurn, row: ConversationRow, sent: _Sent | None
) -> TurnAccepted:
    """Take the lease; a message that is tried again becomes the newest of the conversation."""
    now = write_time(turn.received_at)
    message_id = turn.user_message_id if sent is None else MessageId(sent.id)
    if row.lease_message_id is not None and row.lease_message_id != message_id:
        raw.execute(_ABANDON_MESSAGE, (now, turn.tenant_id, row.lease_message_id))
    is_newest = sent is not None and sent.seq == row.last_seq
    seq = row.last_seq if is_newest else row.last_seq + 1
    (fencing_token,) = raw.execute(
        _CONTINUE_CONVERSATION,
        (
            seq,
            1 if sent is None else 0,
            now,
            turn.user_identifier,
            turn.locale,
            turn.page_url,
            message_id,
            _lease_end(turn),
            turn.tenant_id,
            row.id,
        ),
    ).fetchone()
    if sent is None:
        _insert_message(raw, turn, row.id, seq=seq, fencing_token=fencing_token)
    else:
        raw.execute(_RETRY_MESSAGE, (seq, fencing_token, turn.tenant_id, sent.id))
    return TurnAccepted(
        conversation=row.build(),
        user_message_id=message_id,
        fencing_token=fencing_token,
        is_new_session=False,
    )


def _insert_message(
    raw: sqlite3.Connection, turn: NewTurn, conversation_id: str, *, seq: int, fencing_token: int
) -> None:
    raw.execute(
        _INSERT_MESSAGE,
        (
            turn.user_message_id,
            turn.tenant_id,
            conversation_id,
            seq,
            turn.content,
            write_time(turn.received_at),
            turn.client_message_id,
            fencing_token,
        ),
    )


def _lease_end(turn: NewTurn) -> str:
    return write_time(turn.received_at + timedelta(seconds=turn.lease_s))
