"""Answers that may be given again to whoever asks the same.

Owns which questions and answers are nobody's own, and what an answer depends on; keeping them is
left to ``appliance.services.cache_roles``. Only the first message of a conversation is answered
from here: everything later depends on what was said before.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

import msgspec

from appliance.agent.model_calls import AnswerModel
from appliance.agent.runner import AgentResult, Assignment
from appliance.agent.trace import TurnTrace
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import BUILTIN, Tenant
from appliance.ports.cache import Cache
from appliance.services.cache_roles import CachedAnswer, ResponseCache
from appliance.tasks import TaskGroup

_PERSONAL = re.compile(r"@|\d[\d\s().-]{3,}\d|\d{4,}")
"""An e-mail address, a phone number, an order's number: a question with one is somebody's own."""
_SENTENCE_MARKS = " ?!.,;:\"'’‘“”„«»¿¡؟،؛״׳"


class AnswerCache:
    """Finds and remembers answers; one instance serves all tenants."""

    def __init__(self, cache: Cache, tasks: TaskGroup) -> None:
        self._responses = ResponseCache(cache)
        self._tasks = tasks

    async def find(
        self, tenant: Tenant, basis: Sequence[str], trace: TurnTrace
    ) -> AgentResult | None:
        """Return the answer that was given on the same basis, if it is remembered."""
        found = await self._responses.find(tenant.id, basis)
        trace.note("cache", is_hit=found is not None)
        if found is None:
            return None
        return AgentResult(
            text=found.content,
            new_messages=(ChatMessage(role="assistant", content=found.content),),
            model=found.model,
            is_degraded=False,
            executions=(),
            usage=(),
            tools=(),
            citations=found.citations,
            quick_replies=found.quick_replies,
            is_cached=True,
        )

    def remember(self, tenant: Tenant, basis: Sequence[str], result: AgentResult) -> None:
        """Remember an answer in the background, unless it is this visitor's own or no good."""
        is_plain = not (
            result.is_degraded
            or result.is_stopped
            or result.tools
            or result.pending_action
            or result.form
        )
        if not is_plain or len(result.new_messages) != 1:
            return
        answer = CachedAnswer(
            content=result.text,
            model=result.model,
            citations=result.citations,
            quick_replies=result.quick_replies,
        )
        self._tasks.start_for_caller(
            self._responses.remember(tenant.id, basis, answer), name=f"remember-answer-{tenant.id}"
        )


def build_basis(tenant: Tenant, assignment: Assignment, *, is_first: bool) -> list[str] | None:
    """Return all that the answer depends on, or ``None`` when it must not come from a cache.

    The moment of the day does not count, the day does: an answer is remembered for minutes.
    """
    *before, question = assignment.messages
    text = normalise_question(question.content)
    is_common = is_first and assignment.decided is None and len(before) == 1
    if not (is_common and text) or _PERSONAL.search(question.content):
        return None
    if assignment.models[0].provider.name == BUILTIN:
        return None  # it is as fast as the cache
    return [
        text,
        assignment.briefing.language,
        assignment.briefing.now.date().isoformat(),
        _digest(before[0].content[: before[0].stable_chars or None]),
        _digest([(name, tool.tool.parameters_schema) for name, tool in assignment.tools.items()]),
        *map(_name_model, assignment.models),
        f"{assignment.temperature:g} {assignment.max_output_tokens}",
        tenant.updated_at.isoformat(),
    ]


def normalise_question(text: str) -> str:
    """Return ``text`` without what makes no other question: case, blanks, sentence marks around it.

    "Open on Friday" and "open on Friday?" are one on purpose: as the first words of a conversation
    both want to know the same, and a statement that is answered as a question is told what is true.
    All other signs count: "C++" is not "C#", "5 %" is not "5 €", and an emoji may be all that tells
    praise from a complaint.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.strip(_SENTENCE_MARKS)


def _name_model(choice: AnswerModel) -> str:
    return f"{choice.provider.name}/{choice.model or ''}"


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()
