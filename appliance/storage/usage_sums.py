"""The daily sums of what tenants used.

Owns adding a turn's usage within the turn's own transaction, so that the sums are exact; pricing
is left to who reports the usage.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.ports.turn_store import ModelUsage
from appliance.storage.statements import Script, build_statement, marks


class UsageSum(Struct, frozen=True, kw_only=True):
    """What is added to one row; ``unpriced_tokens`` are those whose cost is not known."""

    conversations: int = 0
    messages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    tool_calls: int = 0
    cost_micro_usd: int = 0
    unpriced_tokens: int = 0

    def __add__(self, other: UsageSum) -> UsageSum:
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return UsageSum(**dict(zip(_FIELDS, (a + b for a, b in pairs), strict=True)))


_FIELDS = UsageSum.__struct_fields__

_ADD = build_statement(f"""
    INSERT INTO api_usage (tenant_id, day, provider, model, {", ".join(_FIELDS)})
    VALUES ({marks(4 + len(_FIELDS))})
    ON CONFLICT (tenant_id, day, provider, model) DO UPDATE
    SET {", ".join(f"{field} = api_usage.{field} + excluded.{field}" for field in _FIELDS)}
""")


def add_usage(
    tenant_id: TenantId, day: str, usage: Sequence[ModelUsage], turn: UsageSum
) -> Script[None]:
    """Add what each model used, and ``turn`` to the model that answered: the last.

    A turn that asked no model is counted under an empty provider and model. Rows are added to in
    one order, so that two turns never wait for each other's.
    """
    sums: dict[tuple[str, str], UsageSum] = {}
    for entry in usage:
        key = (entry.provider, entry.model)
        sums[key] = sums.get(key, UsageSum()) + _sum_of(entry)
    last = (usage[-1].provider, usage[-1].model) if usage else ("", "")
    sums[last] = sums.get(last, UsageSum()) + turn
    for (provider, model), added in sorted(sums.items(), key=lambda item: item[0]):
        yield _ADD, (tenant_id, day, provider, model, *msgspec.structs.astuple(added))


def add_tool_call(tenant_id: TenantId, day: str, provider: str, model: str) -> Script[None]:
    """Add one executed call before the end of its turn."""
    added = UsageSum(tool_calls=1)
    yield _ADD, (tenant_id, day, provider, model, *msgspec.structs.astuple(added))


def _sum_of(entry: ModelUsage) -> UsageSum:
    tokens = entry.usage
    is_priced = entry.cost_micro_usd is not None
    return UsageSum(
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        cached_input_tokens=tokens.cached_input_tokens,
        cost_micro_usd=entry.cost_micro_usd or 0,
        unpriced_tokens=0 if is_priced else tokens.input_tokens + tokens.output_tokens,
    )
