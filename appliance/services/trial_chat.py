"""Trying a tenant's assistant by hand, as a visitor would, and seeing how it came to its answer.

Owns the trial's turn; the answer is found as for visitors, tools really run, and nothing counts as
the tenant's usage or is seen among its conversations. Remembering the trial is left to
``appliance.services.trial_store``.
"""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from msgspec import Struct

from appliance.agent.tool_runs import TurnTally
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.message import ChatReply
from appliance.domain.tenant import Tenant
from appliance.domain.tool import ToolExecution
from appliance.domain.trace import TraceStep
from appliance.errors import ApplianceError, TurnError
from appliance.ports.clock import Clock
from appliance.services.answering import Answered, Answering, Question
from appliance.services.conversation_log import mask_steps
from appliance.services.replies import build_reply, note_failure, note_outcome
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.trial_store import TrialStore, Trier

logger = structlog.get_logger(__name__)

TRIAL_DEADLINE_S = 300.0


class TrialMessage(Struct, frozen=True, kw_only=True):
    """What an operator says in a visitor's place; ``text`` is trimmed and within its limits."""

    text: str
    session_id: str | None = None
    identity: VerifiedIdentity | None = None
    locale: str | None = None


class TrialOutcome(Struct, frozen=True, kw_only=True):
    """The reply, or why there is none, and the turn step by step, secrets masked."""

    conversation_id: str
    steps: list[TraceStep]
    executions: list[ToolExecution]
    reply: ChatReply | None = None
    error: Exception | None = None


class TrialChat:
    """Answers operators in visitors' places."""

    def __init__(
        self,
        *,
        trials: TrialStore,
        answering: Answering,
        directory: TenantDirectory,
        clock: Clock,
        deadline_s: float = TRIAL_DEADLINE_S,
    ) -> None:
        self._trials = trials
        self._answering = answering
        self._directory = directory
        self._clock = clock
        self._deadline_s = deadline_s

    async def begin(self, tenant: Tenant, trier: Trier, message: TrialMessage) -> Question:
        """Take ``message``, which must then be answered with ``answer``.

        Raises:
            Conflict: ``turn_in_progress`` when the session's last message is being answered.
            StorageError: The tenant's tools cannot be read.
        """
        known = await self._directory.load(tenant)
        turn = self._trials.begin(
            trier,
            message.text,
            session_id=message.session_id,
            identity=message.identity,
            locale=message.locale,
        )
        return Question(
            known=known,
            accepted=turn.accepted,
            session_id=turn.session_id,
            text=message.text,
            locale=message.locale,
            identity=message.identity,
        )

    async def answer(self, question: Question) -> TrialOutcome:
        """Answer a message that was taken; a turn without an answer is an outcome too."""
        tally = TurnTally()
        reply: ChatReply | None = None
        failure: Exception | None = None
        try:
            answered = await self._answer(question, tally)
            reply = build_reply(question, answered, created_at=self._clock.now())
            self._trials.finish(question.accepted, answered, reply)
            reply = msgspec.structs.replace(reply, session_id=question.session_id)
            note_outcome(tally.trace, reply)
        except ApplianceError as error:
            logger.warning("trial_failed", code=error.code, error=error.message, **_about(question))
            failure = error
        except Exception as error:
            logger.exception("trial_broken", **_about(question))
            failure = error
        finally:
            self._trials.end(question.accepted)
        if failure is not None:
            note_failure(tally.trace, failure)
        return TrialOutcome(
            conversation_id=question.conversation_id,
            steps=mask_steps(tally.trace.steps),
            executions=tally.executions,
            reply=reply,
            error=failure,
        )

    async def _answer(self, question: Question, tally: TurnTally) -> Answered:
        """Find the answer in the time that a visitor's turn has.

        Raises:
            ApplianceError: There is none.
        """
        try:
            async with asyncio.timeout(self._deadline_s) as limit:
                return await self._answering.answer(question, tally, lambda event: None)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TurnError("The answer took too long.", code="turn_timed_out") from error


def _about(question: Question) -> dict[str, str]:
    return {"tenant_id": question.tenant.id, "conversation_id": question.conversation_id}
