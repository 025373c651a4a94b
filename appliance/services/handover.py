"""When a conversation ends, or reaches a person instead of the assistant.

Owns what is done about a wish for a person, a goodbye and being stuck, and what the visitor is told
of it; how these are recognised is left to ``appliance.agent``, storing it to the turn's end. See
docs/adr/0022.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from appliance.agent.contact_details import find_contact, find_lone_contact
from appliance.agent.decisions import read_decision
from appliance.agent.language import list_texts, texts_for
from appliance.agent.runner import OWN_ANSWER, AgentResult
from appliance.agent.stuck import is_failed_round
from appliance.agent.wishes import read_goodbye, wants_human
from appliance.domain.conversation import Conversation
from appliance.domain.escalation import EscalationCause, NewEscalation, NoticeKind
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import BUILTIN, Tenant
from appliance.domain.tool import ToolSpec
from appliance.ports.clock import Clock
from appliance.wording import name_parameter

MAX_REASON_LENGTH = 500
MAX_QUICK_REPLIES = 4

ToolCheck = Callable[[str, Sequence[ToolSpec], datetime], bool]
"""Says whether one of a shop's tools surely does what a text asks for, said at that time."""


class Visit(Struct, frozen=True, kw_only=True):
    """A visitor's message and what it was said in; ``messages`` ends with it."""

    tenant: Tenant
    conversation: Conversation
    messages: Sequence[ChatMessage]
    language: str
    tools: Sequence[ToolSpec] = ()
    """What the shop lets the assistant do for this visitor."""

    @property
    def text(self) -> str:
        """What the visitor said."""
        return self.messages[-1].content

    @property
    def told_before(self) -> str:
        """The last thing the visitor was told."""
        before = reversed(self.messages[:-1])
        return next((message.content for message in before if message.role == "assistant"), "")


class Closing(Struct, frozen=True, kw_only=True):
    """What a turn means for the conversation as a whole."""

    escalation: NewEscalation | None = None
    ends_conversation: bool = False
    failed_rounds: int = 0


class Concluded(Struct, frozen=True, kw_only=True):
    """An answer and what it means for the conversation."""

    result: AgentResult
    closing: Closing = Closing()


class Handover:
    """Judges turns; one instance serves all tenants.

    Args:
        clock: Tells whether an action still waits.
        sendable: The kinds of notices that this installation can send.
        on_notice: Called when a turn has stored a notice.
        has_tool_for: Finds the wishes that a tool of the shop fulfils, such as to be called back.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        sendable: Collection[NoticeKind] = (),
        on_notice: Callable[[], None] = lambda: None,
        has_tool_for: ToolCheck = lambda text, tools, now: False,
    ) -> None:
        self._clock = clock
        self._sendable = frozenset(sendable)
        self._on_notice = on_notice
        self._has_tool_for = has_tool_for

    def keep_silent(self, conversation: Conversation) -> Concluded | None:
        """Return the answer that is none while a person has the conversation."""
        return Concluded(result=_build_result("")) if conversation.status == "human" else None

    def answer_alone(self, visit: Visit) -> Concluded | None:
        """Return the answer to what needs no model, or ``None``.

        A goodbye while an action waits for the visitor's yes ends nothing, unless it begins with a
        no: the visitor may think that it was done. Whatever is answered here drops that action.
        """
        pending = visit.conversation.pending_action
        is_waiting = pending is not None and (
            pending.decision is not None or pending.expires_at > self._clock.now()
        )
        texts, told = texts_for(visit.language), visit.told_before
        if contact := _find_given_contact(visit.text, told):
            kept = self._build_escalation(visit, "visitor", contact=contact, reason=None)
            return _conclude(texts["contact_kept"], escalation=kept)
        if _ends_with(told, "offer_human"):
            decision = read_decision(visit.text)
            if decision == "yes":
                return self._escalate(visit, "assistant")
            if decision == "no":
                return _conclude(texts["offer_declined"])
        if wants_human(visit.text) and not self._has_tool(visit):
            return self._escalate(visit, "visitor", reason=visit.text)
        goodbye = read_goodbye(visit.text)
        if goodbye is not None and (goodbye.declines or not is_waiting):
            return _conclude(texts["goodbye"], ends_conversation=True)
        return None

    def _has_tool(self, visit: Visit) -> bool:
        """Say whether a tool of the shop's own does what the visitor asks a person for."""
        return self._has_tool_for(visit.text, visit.tools, self._clock.now())

    def conclude(self, visit: Visit, result: AgentResult) -> Concluded:
        """Return the answer with what must be said behind it: an offer of a person, or more.

        The text begins with that of ``result``, which the visitor may have read already.
        """
        if result.unknown_tool is not None:
            return self._have_checked(visit, result)
        if result.signal == "wants_human":
            reason = visit.text if read_decision(visit.text) is None else None
            return _append(result, self._escalate(visit, "visitor", reason=reason))
        if result.is_stopped:  # whether it would have helped nobody can tell
            same = Closing(failed_rounds=visit.conversation.failed_rounds)
            return Concluded(result=result, closing=same)
        is_failed = result.signal == "unsure" or is_failed_round(visit.messages, result.text)
        failed_rounds = visit.conversation.failed_rounds + 1 if is_failed else 0
        settings = visit.tenant.escalation
        is_stuck = settings.is_enabled and failed_rounds >= settings.offer_after_failures
        if not is_stuck or visit.conversation.is_escalated or result.pending_action is not None:
            return Concluded(result=result, closing=Closing(failed_rounds=failed_rounds))
        if settings.is_automatic:
            return _append(result, self._escalate(visit, "assistant"))
        texts = texts_for(visit.language)
        buttons = (texts["offer_yes"], texts["offer_no"])
        offer = _conclude(texts["offer_human"], quick_replies=buttons)
        return _append(result, offer)

    def _have_checked(self, visit: Visit, result: AgentResult) -> Concluded:
        """Ask the shop how an action ended that nobody can tell of, or say how to find out."""
        if visit.tenant.escalation.is_enabled:
            reason = f"It is not known whether {result.unknown_tool!r} was carried out."
            return _append(result, self._escalate(visit, "assistant", reason=reason))
        contacts = _list_contacts(visit.tenant, visit.language)
        told = _with_heading(texts_for(visit.language)["reach_us"], contacts)
        return _append(result, _conclude(told[0])) if told else Concluded(result=result)

    def stored(self, closing: Closing) -> None:
        """Note that a turn with this closing is durable."""
        if closing.escalation is not None and closing.escalation.notices:
            self._on_notice()

    def _escalate(
        self, visit: Visit, cause: EscalationCause, *, reason: str | None = None
    ) -> Concluded:
        told = visit.conversation.visitor
        contact = find_contact(visit.text, is_asked=False) or (told.contact if told else None)
        escalation = self._build_escalation(visit, cause, contact=contact, reason=reason)
        return _conclude(self._tell(visit, has_contact=contact is not None), escalation=escalation)

    def _build_escalation(
        self, visit: Visit, cause: EscalationCause, *, contact: str | None, reason: str | None
    ) -> NewEscalation:
        return NewEscalation(
            cause=cause,
            reason=None if reason is None else reason[:MAX_REASON_LENGTH],
            contact=contact,
            notices=visit.tenant.escalation.notices,
        )

    def _tell(self, visit: Visit, *, has_contact: bool) -> str:
        """Return what is true of the escalation, and how else to get on."""
        texts, tenant = texts_for(visit.language), visit.tenant
        contacts = _list_contacts(tenant, visit.language)
        if visit.conversation.status == "waiting_for_human":
            paragraphs = [texts["escalated_again"].replace("{shop}", tenant.name)]
            return "\n\n".join([*paragraphs, *_with_heading(texts["reach_us"], contacts)])
        is_told = not self._sendable.isdisjoint(tenant.escalation.notices)
        told = texts["escalated" if is_told else "escalated_noted"].replace("{shop}", tenant.name)
        paragraphs = [told]
        if not is_told:
            paragraphs += _with_heading(texts["reach_us"], contacts)
        is_anonymous = visit.conversation.user_identifier is None
        if is_anonymous and not has_contact and (is_told or not contacts):
            paragraphs.append(texts["ask_contact"])
        return "\n\n".join(paragraphs)


def _find_given_contact(text: str, told: str) -> str | None:
    """Return how to reach the visitor, who was asked, or says nothing else behind a request."""
    if _ends_with(told, "ask_contact"):
        return find_contact(text, is_asked=True)
    begins = (
        begin.partition("{shop}")[0]
        for name in ("escalated", "escalated_noted", "escalated_again", "contact_kept")
        for begin in list_texts(name)
    )
    return find_lone_contact(text) if any(begin in told for begin in begins) else None


def _ends_with(told: str, name: str) -> bool:
    return any(told.endswith(text) for text in list_texts(name))


def _list_contacts(tenant: Tenant, language: str) -> list[str]:
    return [
        f"- {name_parameter(label, None, language)}: {value.strip()}"
        for label, value in tenant.business_info.contact.items()
        if isinstance(value, str) and value.strip()
    ]


def _with_heading(heading: str, lines: list[str]) -> list[str]:
    return ["\n".join([heading, "", *lines])] if lines else []


def _conclude(
    text: str,
    *,
    quick_replies: tuple[str, ...] = (),
    escalation: NewEscalation | None = None,
    ends_conversation: bool = False,
) -> Concluded:
    return Concluded(
        result=_build_result(text, quick_replies),
        closing=Closing(escalation=escalation, ends_conversation=ends_conversation),
    )


def _build_result(text: str, quick_replies: tuple[str, ...] = ()) -> AgentResult:
    """Return an answer of our own; without a text there is no message at all."""
    said = ChatMessage(role="assistant", content=text)
    return AgentResult(
        text=text,
        new_messages=(said,) if text else (),
        model=BUILTIN,
        is_degraded=False,
        executions=(),
        usage=(OWN_ANSWER,) if text else (),
        tools=(),
        quick_replies=quick_replies,
    )


def _append(result: AgentResult, more: Concluded) -> Concluded:
    """Return ``result`` with the text and buttons of ``more`` and its meaning."""
    buttons = (*more.result.quick_replies, *result.quick_replies)
    joined = msgspec.structs.replace(
        result,
        text=f"{result.text}\n\n{more.result.text}" if result.text else more.result.text,
        quick_replies=tuple(dict.fromkeys(buttons))[:MAX_QUICK_REPLIES],
    )
    return Concluded(result=joined, closing=more.closing)
