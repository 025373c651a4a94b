from __future__ import annotations

import pytest

from appliance.providers.thinking import ThinkingFilter


def read(text: str, size: int) -> str:
    keeper = ThinkingFilter()
    shown = [keeper.feed(text[start : start + size]) for start in range(0, len(text), size)]
    return "".join(shown) + keeper.finish()


@pytest.mark.parametrize("size", range(1, 40))
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<think>They want pizza.</think>\n\nWe have pizza.", "We have pizza."),
        ("\n <think>a < b </thi </think>Yes", "Yes"),
        ("<think></think>Yes <think>no</think>", "Yes <think>no</think>"),
        ("Plain text with <think> inside", "Plain text with <think> inside"),
        ("<thinner> crust", "<thinner> crust"),
        ("  leading blanks stay", "  leading blanks stay"),
        ("<thi", "<thi"),
        ("<think>never ends", ""),
        ("<think>only thoughts</think>  ", ""),
        ("", ""),
    ],
)
def test_only_a_thinking_block_at_the_start_is_hidden(text: str, shown: str, size: int) -> None:
    assert read(text, size) == shown
