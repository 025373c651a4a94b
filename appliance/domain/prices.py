"""What tokens cost.

Owns the price of one model, the list of all known prices and the sum for one call; where prices
come from is left to ``appliance.providers.price_list``. Money is in micro-dollars: a price of 2
dollars per million tokens is 2 micro-dollars a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct

from appliance.domain.message import TokenUsage


class ModelPrice(Struct, frozen=True, kw_only=True):
    """Dollars per million tokens, for prompts of up to ``max_input_tokens``.

    What is read from a provider's prompt cache, or written to it, costs as other input where there
    is no price of its own.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    max_input_tokens: int | None = None

    def cost_micro_usd(self, usage: TokenUsage) -> int:
        """Return what one call cost, rounded to a whole micro-dollar."""
        cached, written = usage.cached_input_tokens, usage.cache_write_input_tokens
        plain = max(0, usage.input_tokens - cached - written)
        cost = (
            plain * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + written * (self.input if self.cache_write is None else self.cache_write)
            + usage.output_tokens * self.output
        )
        return int(cost.to_integral_value(ROUND_HALF_UP))


class PriceList:
    """Prices by provider and model.

    Args:
        prices: By provider, then by model or a pattern of models (``*``, ``?``), the first that
            fits counts, an exact name before any pattern. A model's prices are in the order of
            ``max_input_tokens``, which only the last may leave out.
    """

    def __init__(self, prices: Mapping[str, Mapping[str, Sequence[ModelPrice]]]) -> None:
        self._prices = prices
        self._tiers = lru_cache(maxsize=256)(self._look_up)

    def find(self, provider: str, model: str, *, input_tokens: int) -> ModelPrice | None:
        """Return the price of a call with so long a prompt; ``None`` when it is not known."""
        for price in self._tiers(provider, model):
            if price.max_input_tokens is None or input_tokens <= price.max_input_tokens:
                return price
        return None

    def find_dearest(self, provider: str, *, input_tokens: int) -> ModelPrice | None:
        """Return the price of the provider's model with the dearest answers, if one is known."""
        names = self._prices.get(provider, {})
        found = [self.find(provider, name, input_tokens=input_tokens) for name in names]
        known = [price for price in found if price is not None]
        return max(known, key=lambda price: (price.output, price.input), default=None)

    def cost_micro_usd(self, provider: str, model: str, usage: TokenUsage) -> int | None:
        """Return what one call cost; ``None`` when the model's price is not known, never 0."""
        price = self.find(provider, model, input_tokens=usage.input_tokens)
        return None if price is None else price.cost_micro_usd(usage)

    def _look_up(self, provider: str, model: str) -> Sequence[ModelPrice]:
        models = self._prices.get(provider, {})
        if model in models:
            return models[model]
        patterns = (name for name in models if fnmatchcase(model, name))
        found = next(patterns, None)
        return () if found is None else models[found]
