"""A visitor's message and its answer, from the durable question to the durable reply.

Owns one turn's order of storage, agent and events, and its end in every case; how the answer is
found is left to ``appliance.services.answering``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import msgspec
import structlog
from msgspec import Struct

from appliance import failpoints
from appliance.agent.tool_runs import TurnTally
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import (
    ConversationId,
    MessageId,
    SessionHash,
    TenantId,
    hash_token,
    new_id,
)
from appliance.domain.message import ChatReply
from appliance.domain.tenant import Tenant, local_day
from appliance.domain.tool_form import FilledForm
from appliance.domain.turn_events import TurnFailed, TurnFinished, TurnStarted
from appliance.domain.visitor import VisitorDetails
from appliance.errors import ApplianceError, Cancelled, Conflict, StorageError, TurnError
from appliance.ports.clock import Clock
from appliance.ports.turn_store import (
    FailedTurn,
    FinishedTurn,
    NewTurn,
    TurnAccepted,
    TurnBusy,
    TurnInFlight,
    TurnMismatch,
    TurnReplayed,
    TurnStore,
)
from appliance.services.answering import Answered, Answering, Question
from appliance.services.replies import build_reply, note_failure, note_outcome
from appliance.services.session_ids import SessionIds
from appliance.services.tenant_directory import KnownTenant
from appliance.services.traces import TraceRecorder
from appliance.services.turn_streams import TurnStream, TurnStreams
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

LEASE_S = 30
RENEW_EVERY_S = 10.0
TURN_DEADLINE_S = 300.0
STOP_WAIT_S = 2.0


class VisitorMessage(Struct, frozen=True, kw_only=True):
    """What a visitor sent; ``text`` is trimmed and within its limits.

    ``user_identifier`` is what the page says, ``identity`` what the shop's server vouches for,
    ``visitor`` what the visitor says. ``form`` is what they filled in, which ``text`` tells too.
    """

    text: str
    session_id: str | None = None
    message_id: str | None = None
    opening_key: str | None = None
    user_identifier: str | None = None
    identity: VerifiedIdentity | None = None
    locale: str | None = None
    page_url: str | None = None
    visitor: VisitorDetails | None = None
    form: FilledForm | None = None

    @property
    def is_opening(self) -> bool:
        """Whether the session it opens is to be found again by the same message."""
        return None not in (self.message_id, self.opening_key) and self.session_id is None


class _Turn(Struct, frozen=True, kw_only=True):
    """One accepted turn on its way."""

    question: Question
    stream: TurnStream

    @property
    def tenant(self) -> Tenant:
        return self.question.tenant

    @property
    def conversation_id(self) -> ConversationId:
        return self.question.conversation_id

    @property
    def accepted(self) -> TurnAccepted:
        return self.question.accepted


class TurnService:
    """Answers visitors; each turn runs as a task of its own."""

    def __init__(
        self,
        *,
        turn_store: TurnStore,
        answering: Answering,
        traces: TraceRecorder,
        streams: TurnStreams,
        session_ids: SessionIds,
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._turn_store = turn_store
        self._answering = answering
        self._traces = traces
        self._session_ids = session_ids
        self._streams = streams
        self._clock = clock
        self._tasks = tasks

    async def start(self, known: KnownTenant, message: VisitorMessage) -> TurnStream:
        """Make the message durable and return the stream of its turn's events.

        A message that was answered before gets its stored answer, one that is being answered the
        running turn's stream.

        Raises:
            Conflict: ``turn_in_progress`` when another message of the session is being answered,
                ``idempotency_mismatch`` when the message id was used for another text, or the
                opening key for another message.
            NotFound: ``owner_gone`` when the tenant was erased meanwhile.
            StorageError: The message could not be stored.
        """
        user_message_id = MessageId(new_id())
        is_opening, identity = message.is_opening, message.identity
        new_session_id = self._session_ids.make(
            known.tenant.id, opening_key=message.opening_key if is_opening else None
        )
        named_id = new_session_id if is_opening else message.session_id
        start = await self._turn_store.begin_turn(
            NewTurn(
                tenant_id=known.tenant.id,
                session_hash=_session_hash(named_id) if named_id else None,
                new_session_hash=_session_hash(new_session_id),
                new_conversation_id=ConversationId(new_id()),
                user_message_id=user_message_id,
                client_message_id=message.message_id,
                content=message.text,
                user_identifier=identity.subject if identity else message.user_identifier,
                is_user_verified=identity is not None,
                locale=message.locale,
                page_url=message.page_url,
                visitor=message.visitor,
                received_at=self._clock.now(),
                lease_s=LEASE_S,
                is_opening=is_opening,
            )
        )
        failpoints.passed("turn.stored")
        session_id = message.session_id or new_session_id
        match start:
            case TurnAccepted():
                session_id = new_session_id if start.is_new_session else session_id
                is_retry = start.user_message_id != user_message_id
                return self._run_accepted(known, start, session_id, message, is_retry=is_retry)
            case TurnReplayed():
                return self._replay(known.tenant.id, start, session_id)
            case TurnInFlight():
                return self._join(start)
            case TurnBusy(retry_after_s=retry_after_s):
                raise Conflict(
                    "The previous message of this conversation is still being answered.",
                    code="turn_in_progress",
                    retry_after_s=retry_after_s,
                )
            case TurnMismatch():
                raise Conflict(
                    "This message_id or opening_key was already used for another message.",
                    code="idempotency_mismatch",
                )

    async def stop(self, conversation_id: ConversationId) -> bool:
        """End the answer that is being written; what there is of it becomes the answer.

        A write that has begun is not cut off. Waits a moment for the end, so that the next message
        need not.

        Returns:
            False when no answer is being written here.
        """
        stream = self._streams.find_running(conversation_id)
        if stream is None or not stream.stop():
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT_S):
                await stream.wait_for_end()
        return True

    def _run_accepted(
        self, known: KnownTenant, accepted: TurnAccepted, session_id: str, message: VisitorMessage,
        *, is_retry: bool,
    ) -> TurnStream:  # fmt: skip
        task: asyncio.Task[None] | None = None

        tally = TurnTally()

        def abandon() -> None:
            if task is not None:
                task.cancel()

        stream = TurnStream(
            tenant_id=known.tenant.id,
            conversation_id=accepted.conversation.id,
            user_message_id=accepted.user_message_id,
            turn_number=accepted.fencing_token,
            on_abandoned=abandon,
            may_abandon=lambda: not tally.has_begun_write,
            on_stopped=tally.stop.set,
        )
        self._streams.add(stream)
        stream.publish(
            TurnStarted(
                session_id=session_id,
                conversation_id=accepted.conversation.id,
                user_message_id=accepted.user_message_id,
            )
        )
        question = Question(
            known=known,
            accepted=accepted,
            session_id=session_id,
            text=message.text,
            locale=message.locale,
            identity=message.identity,
            form=message.form,
            is_retry=is_retry,
        )
        turn = _Turn(question=question, stream=stream)
        task = self._tasks.start_for_caller(
            self._run(turn, tally), name=f"turn-{accepted.user_message_id}"
        )
        return stream

    def _replay(self, tenant_id: TenantId, start: TurnReplayed, session_id: str) -> TurnStream:
        kept = self._streams.find(start.user_message_id)
        if kept is not None and not kept.has_failed:
            return kept
        reply = start.reply
        stream = TurnStream(
            tenant_id=tenant_id,
            conversation_id=reply.conversation_id,
            user_message_id=start.user_message_id,
            turn_number=start.fencing_token,
            is_replay=True,
        )
        stream.publish(
            TurnStarted(
                session_id=session_id,
                conversation_id=reply.conversation_id,
                user_message_id=start.user_message_id,
            )
        )
        stream.publish(TurnFinished(reply=_with_session(reply, session_id)))
        return stream

    def _join(self, start: TurnInFlight) -> TurnStream:
        stream = self._streams.find(start.user_message_id)
        if stream is None:
            raise Conflict(
                "This message is being answered by another process.",
                code="turn_in_progress",
                retry_after_s=2,
            )
        return stream

    async def _run(self, turn: _Turn, tally: TurnTally) -> None:
        failpoints.passed("turn.started")
        started = self._clock.monotonic()
        try:
            answering = asyncio.ensure_future(
                self._answering.answer(turn.question, tally, turn.stream.publish)
            )
            answered = await self._with_lease(turn, answering)
            reply = await self._finish(turn, answered)
        except asyncio.CancelledError:
            await self._fail(turn, tally, Cancelled("The visitor left before the answer."))
            raise
        except ApplianceError as error:
            logger.warning("turn_failed", code=error.code, error=error.message, **_about(turn))
            await self._fail(turn, tally, error)
        except Exception as error:
            logger.exception("turn_broken", **_about(turn))
            await self._fail(turn, tally, error)
        else:
            note_outcome(tally.trace, reply)
            duration_ms = round((self._clock.monotonic() - started) * 1000, 1)
            logger.info(
                "turn_finished",
                duration_ms=duration_ms,
                model=reply.model,
                tools=[tool.name for tool in reply.tools],
                degraded=reply.degraded,
                **_about(turn),
            )
        finally:
            self._traces.record(turn.question.accepted, tally.trace, tenant_id=turn.tenant.id)
            await self._answering.close(turn.question)

    async def _with_lease(self, turn: _Turn, answering: asyncio.Future[Answered]) -> Answered:
        """Wait for the answer, keeping the session's lease alive; nothing runs on after this."""
        deadline = self._clock.monotonic() + TURN_DEADLINE_S
        try:
            while True:
                done, _ = await asyncio.wait({answering}, timeout=RENEW_EVERY_S)
                if done:
                    return answering.result()
                if self._clock.monotonic() > deadline:
                    raise TurnError("The answer took too long.", code="turn_timed_out")
                failpoints.passed("turn.before_renewal")
                is_mine = await self._turn_store.renew_lease(
                    turn.tenant.id,
                    turn.conversation_id,
                    turn.accepted.fencing_token,
                    until=self._clock.now() + timedelta(seconds=LEASE_S),
                )
                failpoints.passed("turn.renewed")
                if not is_mine:
                    raise Conflict("Another turn has taken over.", code="turn_superseded")
        finally:
            if not answering.done():
                answering.cancel()
                await asyncio.wait({answering})

    async def _finish(self, turn: _Turn, answered: Answered) -> ChatReply:
        now = self._clock.now()
        result, closing, history = answered.result, answered.closing, answered.history
        reply = build_reply(turn.question, answered, created_at=now)
        failpoints.passed("turn.before_finish")
        await self._turn_store.finish_turn(
            FinishedTurn(
                tenant_id=turn.tenant.id,
                conversation_id=turn.conversation_id,
                user_message_id=turn.accepted.user_message_id,
                fencing_token=turn.accepted.fencing_token,
                reply=reply,
                new_messages=result.new_messages,
                executions=result.executions,
                usage=result.usage,
                usage_day=local_day(now, turn.tenant.time_zone),
                pending_action=result.pending_action,
                summary=history.summary if history and history.is_summary_new else None,
                finished_at=now,
                failed_rounds=closing.failed_rounds,
                escalation=closing.escalation,
                ends_conversation=closing.ends_conversation,
            )
        )
        failpoints.passed("turn.finished")
        finished = TurnFinished(reply=_with_session(reply, turn.question.session_id))
        turn.stream.publish(finished)
        self._answering.remember(turn.question, answered, finished_at=now)
        return reply

    async def _fail(self, turn: _Turn, tally: TurnTally, error: Exception) -> None:
        now = self._clock.now()
        code = note_failure(tally.trace, error)
        failed = FailedTurn(
            tenant_id=turn.tenant.id,
            conversation_id=turn.conversation_id,
            user_message_id=turn.accepted.user_message_id,
            fencing_token=turn.accepted.fencing_token,
            error_code=code,
            executions=tally.executions,
            usage=tally.usage,
            usage_day=local_day(now, turn.tenant.time_zone),
            failed_at=now,
        )
        failpoints.passed("turn.before_fail")
        try:
            await self._store_failure(turn, failed)
        finally:
            failpoints.passed("turn.failed")
            told = error if isinstance(error, StorageError | Cancelled) else _unavailable()
            turn.stream.publish(TurnFailed(error=told))

    async def _store_failure(self, turn: _Turn, failed: FailedTurn) -> None:
        """Free the session, also when what the turn did is what cannot be stored."""
        bare = msgspec.structs.replace(failed, executions=(), usage=())
        for attempt in (failed, bare):
            try:
                await self._turn_store.fail_turn(attempt)
            except ApplianceError as error:
                logger.error("turn_failure_not_stored", error=error.message, **_about(turn))
            except Exception:
                logger.exception("turn_failure_broken", **_about(turn))
                continue
            return


def _session_hash(session_id: str) -> SessionHash:
    return SessionHash(hash_token(session_id))


def _with_session(reply: ChatReply, session_id: str) -> ChatReply:
    return msgspec.structs.replace(reply, session_id=session_id)


def _unavailable() -> TurnError:
    return TurnError(
        "No answer could be given just now. The message is kept; please try again.",
        code="answer_unavailable",
    )


def _about(turn: _Turn) -> dict[str, str]:
    return {"tenant_id": turn.tenant.id, "conversation_id": turn.conversation_id}
