"""What answers visitors, and operators who try an assistant, put together: agent, turns.

Owns building them from their parts; the models are left to ``appliance.bootstrap.models``, how the
server runs to ``appliance.bootstrap.server``.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from appliance.agent.runner import AgentRunner
from appliance.bootstrap.stores import Stores
from appliance.domain.prices import PriceList
from appliance.domain.tool import ExecutorKind
from appliance.ports.tool_executor import ToolExecutor
from appliance.ports.trace_export import TraceExporter
from appliance.ports.turn_store import ConversationRecord
from appliance.services.answer_cache import AnswerCache
from appliance.services.answering import Answering
from appliance.services.budgets import Budgets
from appliance.services.handover import Handover
from appliance.services.human_replies import HumanReplies
from appliance.services.live_conversations import LiveConversations
from appliance.services.model_selection import ModelSelector
from appliance.services.pending_actions import PendingActions
from appliance.services.session_ids import SessionIds
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.traces import TraceRecorder
from appliance.services.trial_chat import TrialChat
from appliance.services.trial_store import TrialStore
from appliance.services.turn_history import TurnHistory
from appliance.services.turn_streams import TurnStreams
from appliance.services.turns import TurnService
from appliance.tasks import TaskGroup


class ConversationParts(Struct, frozen=True, kw_only=True):
    """What turns are built from."""

    stores: Stores
    executors: Mapping[ExecutorKind, ToolExecutor]
    models: ModelSelector
    prices: PriceList
    streams: TurnStreams
    handover: Handover
    session_ids: SessionIds
    tasks: TaskGroup
    trace_exporter: TraceExporter | None = None


def build_turns(parts: ConversationParts) -> TurnService:
    """Return the service that answers visitors."""
    stores, clock = parts.stores, parts.stores.clock
    turn_store = stores.database.turn_store
    answering = Answering(
        history=TurnHistory(
            turn_store=turn_store, cache=stores.cache, clock=clock, tasks=parts.tasks
        ),
        agent=_build_agent(parts, turn_store),
        models=parts.models,
        pending_actions=PendingActions(turn_store=turn_store, clock=clock),
        budgets=Budgets(usage=stores.database.usage, prices=parts.prices, clock=clock),
        answers=AnswerCache(stores.cache, parts.tasks),
        handover=parts.handover,
        clock=clock,
    )
    return TurnService(
        turn_store=turn_store,
        answering=answering,
        traces=TraceRecorder(
            store=stores.database.traces,
            clock=clock,
            tasks=parts.tasks,
            exporter=parts.trace_exporter,
        ),
        streams=parts.streams,
        session_ids=parts.session_ids,
        clock=clock,
        tasks=parts.tasks,
    )


def build_live(stores: Stores, streams: TurnStreams) -> LiveConversations:
    """Return the service that tells followers what happens in their conversations."""
    return LiveConversations(
        streams=streams,
        turn_store=stores.database.turn_store,
        messages=stores.database.agent_messages,
        clock=stores.clock,
    )


def build_human_replies(stores: Stores, live: LiveConversations) -> HumanReplies:
    """Return the service by which people write to visitors."""
    return HumanReplies(
        messages=stores.database.agent_messages,
        escalations=stores.database.escalations,
        live=live,
        clock=stores.clock,
    )


def build_trial_chat(parts: ConversationParts, directory: TenantDirectory) -> TrialChat:
    """Return the service that answers operators who try an assistant, from the same parts.

    It shares nothing with the visitors' turns that keeps or counts what is said.
    """
    clock = parts.stores.clock
    trials = TrialStore(clock)
    answering = Answering(
        history=TurnHistory(turn_store=trials, cache=None, clock=clock, tasks=parts.tasks),
        agent=_build_agent(parts, trials),
        models=parts.models,
        pending_actions=PendingActions(turn_store=trials, clock=clock),
        handover=parts.handover,
        clock=clock,
    )
    return TrialChat(trials=trials, answering=answering, directory=directory, clock=clock)


def _build_agent(parts: ConversationParts, record: ConversationRecord) -> AgentRunner:
    return AgentRunner(
        executors=parts.executors,
        turn_store=record,
        clock=parts.stores.clock,
        tasks=parts.tasks,
        prices=parts.prices,
    )
