"""What happened in a turn, step by step, for the operator who looks into it.

Owns the shapes; steps are collected by ``appliance.agent.trace`` and kept by the storage.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.json_types import JsonObject

StepKind = Literal[
    "context",  # what was loaded: messages, summary, language, identity, decision on a pending call
    "budget",  # the tenant's budget and what it means for this turn
    "cache",  # the response cache was asked, hit or missed
    "model_call",  # one request to one model: prompt, tools, settings
    "model_reply",  # what came back: raw text, calls, finish reason, usage
    "model_failure",  # why a model did not answer
    "policy",  # a verdict on a call or an answer, with its reason
    "stopped",  # the visitor wanted no more of the answer
    "tool_call",  # one executed call with arguments, result, attempts
    "handover",  # a person was asked for or offered, or the conversation ended
    "outcome",  # how the turn ended
]


class TraceStep(Struct, frozen=True, kw_only=True):
    """One step; ``at_ms`` counts from the beginning of the turn."""

    kind: StepKind
    at_ms: float
    detail: JsonObject


class StoredTrace(Struct, frozen=True, kw_only=True):
    """The steps of the turn that answered the visitor's message ``message_id``."""

    tenant_id: TenantId
    conversation_id: ConversationId
    message_id: MessageId
    created_at: datetime
    steps: tuple[TraceStep, ...]
