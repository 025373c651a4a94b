"""What a tenant may spend in a day, and the end of it.

Owns the reckoning: what was spent, what running turns may still spend, and the refusal that makes
the next model answer, in the end the builtin one, which costs nothing. Prices are in
``appliance.domain.prices``; the day is the tenant's own. See docs/adr/0023.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
import structlog
from msgspec import Struct, field

from appliance.agent.model_calls import AnswerModel
from appliance.agent.trace import TurnTrace
from appliance.domain.ids import MessageId, TenantId
from appliance.domain.message import TokenUsage
from appliance.domain.prices import PriceList
from appliance.domain.tenant import BUILTIN, LlmSettings, Tenant, local_day
from appliance.domain.tokens import estimate_tokens
from appliance.errors import BudgetExceeded, StorageError
from appliance.ports.chat_model import (
    ChatModel,
    ChatRequest,
    ModelDescription,
    ModelEvent,
    ModelFinished,
)
from appliance.ports.clock import Clock
from appliance.ports.usage import UsageReader

logger = structlog.get_logger(__name__)

ALERT_AT = 0.8
"""The part of a budget behind which the operator is warned that the day may outlast it."""
PROMPT_MARGIN = 1.3
"""A prompt is taken for so much longer than estimated, so that the budget holds all the same."""


class Spent(Struct, frozen=True, kw_only=True):
    """Money in micro-dollars, and tokens of prompts and answers together."""

    cost_micro_usd: int = 0
    tokens: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            cost_micro_usd=self.cost_micro_usd + other.cost_micro_usd,
            tokens=self.tokens + other.tokens,
        )


class _Day(Struct, kw_only=True):
    """One tenant's day. ``known`` never falls: it is what was last read or more."""

    day: str
    known: Spent = field(default_factory=Spent)
    open_turns: dict[MessageId, Spent] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    @property
    def total(self) -> Spent:
        return sum(self.open_turns.values(), self.known)


class Budgets:
    """Reckons with what tenants may spend; one instance serves all of them.

    What a turn may spend at most is set aside before each call of a model and corrected behind it,
    so that turns at the same time cannot spend the rest twice. Several servers on one database know
    of each other's turns only when these are over.
    """

    def __init__(self, *, usage: UsageReader, prices: PriceList, clock: Clock) -> None:
        self._usage = usage
        self._prices = prices
        self._clock = clock
        self._days: dict[TenantId, _Day] = {}

    async def limit(
        self, tenant: Tenant, turn_id: MessageId, models: Sequence[AnswerModel], trace: TurnTrace
    ) -> list[AnswerModel]:
        """Return ``models`` so that none is asked that the tenant's budget does not cover.

        Every turn that was begun here is ended with ``close``.
        """
        if not has_budget(tenant.llm):
            return list(models)
        day = await self._load(tenant)
        day.open_turns[turn_id] = Spent()
        trace.note("budget", **msgspec.to_builtins(day.total), day=day.day)
        return [
            choice
            if choice.provider.name == BUILTIN
            else AnswerModel(
                provider=_BudgetedModel(choice.provider, self, tenant, turn_id, day),
                model=choice.model,
            )
            for choice in models
        ]

    async def close(self, tenant: Tenant, turn_id: MessageId) -> None:
        """Forget what was set aside for a turn; what it has used is in the database now.

        While that cannot be read, the turn counts as having used what was set aside for it.
        """
        day = self._days.get(tenant.id)
        if day is None or turn_id not in day.open_turns:
            return
        is_read = False
        try:
            await self._read(tenant.id, day)
            is_read = True
        except StorageError as error:
            logger.error("budget_not_read", tenant_id=tenant.id, day=day.day, error=error.message)
        finally:
            set_aside = day.open_turns.pop(turn_id, Spent())
            if not is_read:
                day.known += set_aside

    async def _load(self, tenant: Tenant) -> _Day:
        name = local_day(self._clock.now(), tenant.time_zone)
        day = self._days.get(tenant.id)
        if day is None or day.day != name:
            day = self._days[tenant.id] = _Day(day=name)
        await self._read(tenant.id, day)
        return day

    async def _read(self, tenant_id: TenantId, day: _Day) -> None:
        rows = await self._usage.sum_usage(
            tenant_id=tenant_id, since=day.day, until=day.day, group_by="day"
        )
        for row in rows:
            day.known = Spent(
                cost_micro_usd=max(day.known.cost_micro_usd, row.cost_micro_usd),
                tokens=max(day.known.tokens, row.input_tokens + row.output_tokens),
            )

    def reserve(
        self, tenant: Tenant, turn_id: MessageId, day: _Day, provider: str, request: ChatRequest
    ) -> Spent:
        """Set aside the most that a call may cost, and return it.

        Raises:
            BudgetExceeded: The budget does not cover it, or nobody knows what it will cost.
        """
        most = self._estimate(provider, request, tenant.llm)
        after = day.total + most
        for limit, amount, what in (
            (tenant.llm.daily_budget_micro_usd, after.cost_micro_usd, "money"),
            (tenant.llm.daily_budget_tokens, after.tokens, "tokens"),
        ):
            if limit is None:
                continue
            if amount > limit:
                _tell("budget_used_up", tenant, day, what)
                raise BudgetExceeded(
                    f"The day's budget of {what} does not cover another call; it begins anew at "
                    "the tenant's midnight."
                )
            if amount > ALERT_AT * limit:
                _tell("budget_nearly_used_up", tenant, day, what)
        day.open_turns[turn_id] = day.open_turns.get(turn_id, Spent()) + most
        return most

    def settle(
        self, turn_id: MessageId, day: _Day, reserved: Spent, provider: str, finished: ModelFinished
    ) -> None:
        """Replace what was set aside for a call by what it has used."""
        usage = finished.usage
        cost = self._prices.cost_micro_usd(provider, finished.model, usage)
        tokens = usage.input_tokens + usage.output_tokens
        if cost is None:  # the database will not know either, so it stays set aside all day
            day.known += Spent(cost_micro_usd=reserved.cost_micro_usd)
        open_turn = day.open_turns.get(turn_id)
        if open_turn is not None:
            day.open_turns[turn_id] = Spent(
                cost_micro_usd=open_turn.cost_micro_usd - reserved.cost_micro_usd + (cost or 0),
                tokens=open_turn.tokens - reserved.tokens + tokens,
            )

    def _estimate(self, provider: str, request: ChatRequest, llm: LlmSettings) -> Spent:
        text = msgspec.json.encode([request.messages, request.declared_tools])
        input_tokens = int(estimate_tokens(text) * PROMPT_MARGIN)
        tokens = input_tokens + request.max_output_tokens
        if llm.daily_budget_micro_usd is None:
            return Spent(tokens=tokens)
        price = (
            self._prices.find_dearest(provider, input_tokens=input_tokens)
            if request.model is None
            else self._prices.find(provider, request.model, input_tokens=input_tokens)
        )
        if price is None:
            named = f"the model {request.model!r}" if request.model else "the models"
            raise BudgetExceeded(
                f"There is a budget of money, and no price is known for {named} of {provider}. "
                "Give it in prices.toml in the data folder.",
                code="price_unknown",
            )
        usage = TokenUsage(input_tokens=input_tokens, output_tokens=request.max_output_tokens)
        dearest = (
            usage
            if price.cache_write is None
            else msgspec.structs.replace(usage, cache_write_input_tokens=input_tokens)
        )
        cost = max(price.cost_micro_usd(usage), price.cost_micro_usd(dearest))
        return Spent(cost_micro_usd=cost, tokens=tokens)


def _tell(event: str, tenant: Tenant, day: _Day, what: str) -> None:
    """Warn the operator once a day."""
    if (key := f"{event} {what}") not in day.told:
        day.told.add(key)
        logger.warning(event, tenant_id=tenant.id, day=day.day, budget=what)


def has_budget(llm: LlmSettings) -> bool:
    """Say whether the tenant's spending is limited."""
    return llm.daily_budget_micro_usd is not None or llm.daily_budget_tokens is not None


class _BudgetedModel:
    """A provider for one turn of one tenant; every call is covered by the budget or refused."""

    def __init__(
        self, provider: ChatModel, budgets: Budgets, tenant: Tenant, turn_id: MessageId, day: _Day
    ) -> None:
        self._provider = provider
        self._budgets = budgets
        self._tenant = tenant
        self._turn_id = turn_id
        self._day = day

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, if the budget covers it; a call that broke keeps what was set aside for it."""
        reserved = self._budgets.reserve(self._tenant, self._turn_id, self._day, self.name, request)
        async with aclosing(self._provider.stream(request)) as events:
            async for event in events:
                if isinstance(event, ModelFinished):
                    self._budgets.settle(self._turn_id, self._day, reserved, self.name, event)
                yield event

    async def context_length(self, model: str | None) -> int | None:
        """Return the provider's answer."""
        return await self._provider.context_length(model)

    async def list_models(self) -> list[ModelDescription]:
        """Return the provider's models."""
        return await self._provider.list_models()

    async def aclose(self) -> None:
        """Leave the provider to its owner."""
