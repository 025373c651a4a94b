"""Escalations and their notices as rows, written within the transaction of what caused them.

Owns that a conversation has one open escalation and that its notices are stored with it; reading
them is left to ``repositories.escalations``, sending to the outbox's.
"""

from __future__ import annotations

from datetime import datetime

from appliance.domain.escalation import NewEscalation, NoticeEvent, NoticeKind
from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.storage.engine import encode_json
from appliance.storage.statements import Script, build_statement

MAX_REASONS_LENGTH = 4_000
MAX_CONTACTS_LENGTH = 1_000

END_CONVERSATION = build_statement("""
    UPDATE conversations SET status = 'ended', ended_at = ?3, pending_action = NULL
    WHERE tenant_id = ?1 AND id = ?2 AND status <> 'ended'
""")

_FIND_OPEN = build_statement("""
    SELECT id, reason, contact FROM escalations
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND status = 'open'
""")

_ADD_TO_OPEN = build_statement("""
    UPDATE escalations SET reason = ?3, contact = ?4
    WHERE tenant_id = ?1 AND id = ?2
""")

_INSERT = build_statement("""
    INSERT INTO escalations (
        id, tenant_id, conversation_id, cause, status, reason, contact, requested_at
    ) VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?6, ?7)
""")

_WAIT = build_statement("""
    UPDATE conversations SET status = 'waiting_for_human'
    WHERE tenant_id = ?1 AND id = ?2 AND status = 'open'
""")

_INSERT_NOTICE = build_statement("""
    INSERT INTO outbox (
        id, tenant_id, conversation_id, kind, payload, created_at, attempts, next_attempt_at
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6)
""")


def escalate(
    tenant_id: TenantId, conversation_id: ConversationId, new: NewEscalation, *, at: datetime
) -> Script[None]:
    """Open an escalation, or add reason and contact to those of the open one.

    The caller holds the conversation's row, so that two cannot do this at once. The shop is told of
    a contact that is given later, but not of each change of it: visitors could flood it.
    """
    yield _WAIT, (tenant_id, conversation_id)
    found = yield _FIND_OPEN, (tenant_id, conversation_id)
    if not found:
        escalation_id = new_id()
        yield (
            _INSERT,
            (escalation_id, tenant_id, conversation_id, new.cause, new.reason, new.contact, at),
        )
        event: NoticeEvent | None = "escalation.requested"
    else:
        escalation_id, reason, contact = found[0]
        reasons = _add(reason, new.reason, "\n", max_length=MAX_REASONS_LENGTH)
        contacts = _add(contact, new.contact, ", ", max_length=MAX_CONTACTS_LENGTH)
        yield _ADD_TO_OPEN, (tenant_id, escalation_id, reasons, contacts)
        is_news = contact is None and new.contact is not None
        event = "escalation.contact_given" if is_news else None
    if event is not None:
        for kind in new.notices:
            yield from _add_notice(tenant_id, conversation_id, escalation_id, kind, event, at)


def _add(kept: str | None, new: str | None, between: str, *, max_length: int) -> str | None:
    """Return ``new`` behind what is kept, unless it is there already; the first is never cut."""
    if kept is None or new is None:
        return kept if new is None else new
    return kept if new in kept else f"{kept}{between}{new}"[: max(max_length, len(kept))]


def _add_notice(
    tenant_id: TenantId,
    conversation_id: ConversationId,
    escalation_id: str,
    kind: NoticeKind,
    event: NoticeEvent,
    at: datetime,
) -> Script[None]:
    payload = encode_json({"event": event, "escalation_id": escalation_id})
    yield _INSERT_NOTICE, (new_id(), tenant_id, conversation_id, kind, payload, at)
