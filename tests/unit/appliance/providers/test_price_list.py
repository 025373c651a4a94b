"""The files of prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.domain.message import TokenUsage
from appliance.errors import ConfigurationError
from appliance.providers.price_list import load_price_list, parse_prices

THOUSAND = TokenUsage(input_tokens=1_000, output_tokens=1_000)


def write(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_prices_ship_with_the_program(tmp_path: Path) -> None:
    prices = load_price_list(tmp_path / "prices.toml")
    assert prices.cost_micro_usd("anthropic", "claude-sonnet-5-5", THOUSAND) == 12_000
    assert prices.cost_micro_usd("ollama", "anything:latest", THOUSAND) == 0
    assert prices.cost_micro_usd("openai_compatible", "gpt-unpriced", THOUSAND) is None


def test_the_operators_prices_come_first_and_the_others_stay(tmp_path: Path) -> None:
    own = write(
        tmp_path,
        '[[openai."gpt-*"]]\ninput = 0.001\noutput = 3\n'
        '[[claude."claude-sonnet-5-5*"]]\ninput = 1\noutput = 1\n'
        '[[claude."claude-sonnet*"]]\ninput = 9\noutput = 9\n',
    )
    prices = load_price_list(own)
    assert prices.cost_micro_usd("openai_compatible", "gpt-x", THOUSAND) == 3_001
    assert prices.cost_micro_usd("anthropic", "claude-sonnet-5-5", THOUSAND) == 2_000
    assert prices.cost_micro_usd("anthropic", "claude-opus-5-5", THOUSAND) == 24_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[openai.b]\n", "not valid TOML"),
        ("input = 1\n", "'input' stands outside"),
        ("[[gpt.b]]\ninput = 1\noutput = 1\n", "no provider 'gpt'. Choose one of ollama"),
        ("[openai.b]\ninput = 1\noutput = 1\n", r"openai\.'b': write it as \[\["),
        ("[[openai.b]]\ninput = 1\n", "output is missing"),
        ("[[openai.b]]\ninput = -1\noutput = 1\n", "input must be dollars"),
        ("[[openai.b]]\ninput = '1'\noutput = 1\n", "input must be dollars"),
        ("[[openai.b]]\ninput = true\noutput = 1\n", "input must be dollars"),
        ("[[openai.b]]\ninput = inf\noutput = 1\n", "input must be dollars"),
        ("[[openai.b]]\ninput = 1\noutput = 1\nprice = 2\n", "price is none of input"),
        ("[[openai.b]]\ninput = 1\noutput = 1\nmax_input_tokens = 0\n", "a whole number above 0"),
        (
            "[[openai.b]]\ninput = 1\noutput = 1\n[[openai.b]]\ninput = 1\noutput = 1\n",
            "each but the last",
        ),
        (
            "[[openai.b]]\ninput=1\noutput=1\nmax_input_tokens=9\n"
            "[[openai.b]]\ninput=1\noutput=1\nmax_input_tokens=8\n",
            "the smaller ones stand first",
        ),
    ],
)
def test_what_is_no_price_is_refused_by_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        parse_prices(text, "prices.toml")
    assert refused.value.message.startswith("prices.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_price_list(path)
