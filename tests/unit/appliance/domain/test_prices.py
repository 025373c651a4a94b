"""What calls cost, to the micro-dollar."""

from __future__ import annotations

from decimal import Decimal

import pytest

from appliance.domain.message import TokenUsage
from appliance.domain.prices import ModelPrice, PriceList

HAIKU = [
    ModelPrice(
        input=Decimal("0.10"),
        output=Decimal("0.50"),
        cached_input=Decimal("0.01"),
        cache_write=Decimal("0.125"),
        max_input_tokens=100_000,
    ),
    ModelPrice(input=Decimal("0.50"), output=Decimal("2.50")),
]
PRICES = PriceList(
    {
        "anthropic": {"claude-haiku-5-5*": HAIKU, "claude-haiku-5-5-own": HAIKU[1:]},
        "ollama": {"*": [ModelPrice(input=Decimal(0), output=Decimal(0))]},
        "short": {"small": HAIKU[:1]},
    }
)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (TokenUsage(input_tokens=1_000_000 // 10, output_tokens=1_000), 10_500),
        (TokenUsage(input_tokens=10, output_tokens=1), 2),  # 1.5, rounded half up
        (TokenUsage(input_tokens=100_000, cached_input_tokens=90_000), 1_900),
        (TokenUsage(input_tokens=1_000, cache_write_input_tokens=800), 120),
        (TokenUsage(input_tokens=100_001, output_tokens=1_000), 52_501),
        (TokenUsage(input_tokens=100_001, cached_input_tokens=100_001), 50_001),
        (TokenUsage(), 0),
    ],
)
def test_a_call_costs_what_its_tokens_cost(usage: TokenUsage, cost: int) -> None:
    assert PRICES.cost_micro_usd("anthropic", "claude-haiku-5-5-20261001", usage) == cost


def test_an_exact_name_counts_before_a_pattern() -> None:
    usage = TokenUsage(output_tokens=1_000)
    assert PRICES.cost_micro_usd("anthropic", "claude-haiku-5-5-own", usage) == 2_500


def test_a_local_model_costs_nothing() -> None:
    assert PRICES.cost_micro_usd("ollama", "qwen3:4b", TokenUsage(output_tokens=9)) == 0


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("anthropic", "claude-unheard-of", 1),
        ("openai_compatible", "qwen3:4b", 1),
        ("short", "small", 100_001),
    ],
)
def test_an_unknown_price_is_not_nothing(provider: str, model: str, tokens: int) -> None:
    assert PRICES.cost_micro_usd(provider, model, TokenUsage(input_tokens=tokens)) is None


def test_the_dearest_model_of_a_provider_is_found() -> None:
    assert PRICES.find_dearest("anthropic", input_tokens=1) == HAIKU[1]
    assert PRICES.find_dearest("nobody", input_tokens=1) is None
