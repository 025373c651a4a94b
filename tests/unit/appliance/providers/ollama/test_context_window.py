from __future__ import annotations

import pytest

from appliance.domain.tokens import estimate_tokens
from appliance.providers.ollama.context_window import MARGIN, WindowSizes


def choose(
    sizes: WindowSizes, chars: int, *, output: int = 512, length: int | None = 131_072
) -> int:
    return sizes.choose(
        "m", prompt_text=b"x" * chars, max_output_tokens=output, context_length=length
    )


def test_a_short_prompt_gets_the_smallest_window() -> None:
    assert choose(WindowSizes(max_window_tokens=32_768), 500) == 4096


def test_a_longer_prompt_gets_a_power_of_two_that_holds_it() -> None:
    window = choose(WindowSizes(max_window_tokens=32_768), 35_000)
    assert window == 16_384
    assert estimate_tokens("x" * 35_000) + 512 < window


@pytest.mark.parametrize("letter", ["x", "א"])
def test_a_prompt_just_within_a_window_is_left_there(letter: str) -> None:
    sizes = WindowSizes(max_window_tokens=32_768)
    windows = []
    for count in range(4_000, 16_000, 250):
        text = (letter * count).encode()
        window = sizes.choose("m", prompt_text=text, max_output_tokens=512, context_length=None)
        needed = int(estimate_tokens(text) * MARGIN) + 512
        windows.append(window)
        assert needed <= window
        assert window == 4096 or needed > window // 2
    assert len(set(windows)) > 1


def test_the_window_never_shrinks_since_that_would_reload_the_model() -> None:
    sizes = WindowSizes(max_window_tokens=32_768)
    assert [choose(sizes, chars) for chars in (500, 35_000, 500)] == [4096, 16_384, 16_384]


def test_models_have_their_own_windows() -> None:
    sizes = WindowSizes(max_window_tokens=32_768)
    choose(sizes, 35_000)
    other = sizes.choose("n", prompt_text=b"x", max_output_tokens=16, context_length=None)
    assert other == 4096


@pytest.mark.parametrize(("length", "expected"), [(2048, 2048), (20_000, 20_000), (None, 32_768)])
def test_neither_the_model_nor_the_memory_is_asked_for_more_than_it_has(
    length: int | None, expected: int
) -> None:
    assert choose(WindowSizes(max_window_tokens=32_768), 1_000_000, length=length) == expected
