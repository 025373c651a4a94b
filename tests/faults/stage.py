"""A shop whose visitors are answered by one provider: everything real but the model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from appliance.bootstrap.conversations import ConversationParts, build_turns
from appliance.bootstrap.models import ModelServices, build_models
from appliance.bootstrap.stores import Stores
from appliance.domain.ids import SessionHash, hash_token
from appliance.domain.message import ChatReply
from appliance.domain.prices import PriceList
from appliance.domain.tenant import BusinessInfo
from appliance.domain.turn_events import AnswerDelta, TurnEvent, TurnFinished, TurnStarted
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.providers.builtin import BuiltinChatModel
from appliance.services.handover import Handover
from appliance.services.health import Component, HealthService
from appliance.services.session_ids import SessionIds
from appliance.services.tenant_directory import KnownTenant
from appliance.services.turn_streams import TurnStreams
from appliance.services.turns import TurnService, VisitorMessage
from appliance.settings import load_settings
from appliance.storage.cache import DiskCache
from appliance.tasks import TaskGroup
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database
from tests.fakes.tool_executors import RecordingExecutor

HOURS = {"Sunday-Thursday": "09:00-18:00"}
RESULT = {"status": "out for delivery"}


@dataclass
class Heard:
    """What a visitor got: what appeared bit by bit, and the whole reply."""

    shown: str
    reply: ChatReply


@dataclass
class FaultStage:
    """A turn service on a real database, and what there is to see of its turns."""

    temporary: TemporaryDatabase
    models: ModelServices
    stores: Stores
    slept: list[float] = field(default_factory=list)
    executor: RecordingExecutor = field(default_factory=lambda: RecordingExecutor(lambda _: RESULT))

    def build(self) -> TurnService:
        """Return a service as a server has it that starts now."""
        return build_turns(
            ConversationParts(
                stores=self.stores,
                executors={"workflow": self.executor},
                models=self.models.selector,
                prices=PriceList({}),
                streams=TurnStreams(self.temporary.clock),
                handover=Handover(clock=self.temporary.clock),
                session_ids=SessionIds("a secret of this installation"),
                tasks=TaskGroup(),
            )
        )

    async def ask(self, text: str, *, number: int = 1, session_id: str | None = None) -> Heard:
        """Send a message as a visitor's widget does; return the answer."""
        tool = build_tenant_tool(self.temporary.tenant_id)
        known = KnownTenant(
            tenant=build_tenant(
                id=self.temporary.tenant_id,
                business_info=BusinessInfo(hours=dict(HOURS)),
            ),
            tools={tool.tool.tool_name: tool},
            loaded_at=0.0,
        )
        message = VisitorMessage(text=text, session_id=session_id, message_id=f"m{number}")
        stream = await self.build().start(known, message)
        events: list[TurnEvent] = []
        async with aclosing(stream.listen()) as batches:
            async for batch in batches:
                events += [numbered.event for numbered in batch]
        first, *_, last = events
        assert isinstance(first, TurnStarted)
        assert isinstance(last, TurnFinished), last
        shown = "".join(event.text for event in events if isinstance(event, AnswerDelta))
        return Heard(shown=shown, reply=last.reply)

    async def stored_lines(self, session_id: str) -> list[tuple[str, str]]:
        """Return what visitor and assistant said, from the database."""
        store, tenant_id = self.stores.database.turn_store, self.temporary.tenant_id
        session_hash = SessionHash(hash_token(session_id))
        conversation = await store.find_conversation(tenant_id, session_hash)
        assert conversation is not None
        messages = await store.list_messages(tenant_id, conversation.id, limit=100)
        spoken = [(message.role, message.content) for message in messages]
        return [line for line in spoken if line[0] in ("user", "assistant") and line[1]]

    async def stored_usage(self, provider: str) -> tuple[int, int]:
        """Return the tokens stored for a provider: of its prompts, of its answers."""
        rows = await self.temporary.read_usage(self.temporary.tenant_id)
        own = [row for (_, name, _), row in rows.items() if name == provider]
        return sum(row["input_tokens"] for row in own), sum(row["output_tokens"] for row in own)

    async def health(self) -> Component:
        """Return the models' part of ``/health``."""
        health = await HealthService(probes={}, models=self.models.selector).check()
        return health.components["llm"]


@asynccontextmanager
async def open_stage(
    default: str, build_provider: Callable[[Clock], ChatModel] | None = None
) -> AsyncIterator[FaultStage]:
    """Open a shop with a provider beside the builtin one, of which ``default`` answers."""
    async with open_temporary_database() as temporary:
        provider = build_provider(temporary.clock) if build_provider else None
        cache = DiskCache(temporary.folder / "cache")
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            temporary.clock.advance(seconds)

        environ: dict[str, Any] = {
            "CSAI_DATA_DIR": str(temporary.folder),
            "CSAI_LLM_PROVIDER": default,
        }
        models = build_models(
            load_settings(environ=environ, working_dir=temporary.folder),
            {**({default: provider} if provider else {}), "builtin": BuiltinChatModel()},
            temporary.clock,
            TaskGroup(),
            sleep=sleep,
        )
        stores = Stores(clock=temporary.clock, database=temporary.database, cache=cache)
        try:
            yield FaultStage(temporary, models, stores, slept)
        finally:
            if provider is not None:
                await provider.aclose()
            await cache.close()
