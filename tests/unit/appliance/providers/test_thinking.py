from __future__ import annotations

import pytest

from appliance.providers.thinking import ThinkingFilter, find_beginning

HARMONY = (
    "<|channel|>analysis<|message|>They want a < b.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>We have pizza.<|return|>"
)


def read(text: str, size: int) -> str:
    keeper = ThinkingFilter()
    shown = [keeper.feed(text[start : start + size]) for start in range(0, len(text), size)]
    return "".join(shown) + keeper.finish()


@pytest.mark.parametrize("size", [*range(1, 40), 1000])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<think>They want pizza.</think>\n\nWe have pizza.", "We have pizza."),
        ("\n <think>a < b </thi </think>Yes", "Yes"),
        ("<think></think>Yes <think>no</think>", "Yes <think>no</think>"),
        ("<think>a</think>\n<think>b</think>\nYes", "Yes"),
        ("<THINK>hm</Think>Yes", "Yes"),
        ("<thinking>hm </think> hm</thinking>Yes", "Yes"),
        ("<thought>hm</thought>כן", "כן"),
        ("[THINK]hm [/THIS][/THINK]Yes [THINK]", "Yes [THINK]"),
        ("◁think▷hm◁/think▷Yes", "Yes"),
        ("Plain text with <think> inside", "Plain text with <think> inside"),
        ("`<think>` is a tag. </think> too", "`<think>` is a tag. </think> too"),
        ("<thinner> crust", "<thinner> crust"),
        ("[Thin] crust", "[Thin] crust"),
        ("  leading blanks stay", "  leading blanks stay"),
        ("<thi", "<thi"),
        ("<think>never ends", ""),
        ("<think>only thoughts</think>  ", ""),
        ("", ""),
        (HARMONY, "We have pizza."),
        (f"<|start|>assistant{HARMONY}", "We have pizza."),
        ("<|channel|>final<|message|>a <|b|> <|en", "a <|b|> <|en"),
        ("<|channel|>analysis<|message|>hm", ""),
        (
            "<|channel|>analysis<|message|>hm<|channel|>commentary<|message|>I look.<|end|>"
            "<|start|>assistant<|channel|>commentary to=functions.look<|message|>{}<|call|>",
            "I look.<|start|>assistant<|channel|>commentary to=functions.look<|message|>{}<|call|>",
        ),
        ("<|channel|>other", "<|channel|>other"),
    ],
)
def test_only_thinking_at_the_start_is_hidden(text: str, shown: str, size: int) -> None:
    assert read(text, size) == shown


def test_an_answer_is_shown_as_it_comes() -> None:
    keeper = ThinkingFilter()
    assert [keeper.feed(text) for text in ("<", "b>", " ", "yes")] == ["", "<b>", " ", "yes"]
    harmony = ThinkingFilter()
    pieces = [harmony.feed(text) for text in ("<|channel|>final<|message|>", "We ", "are <|en")]
    assert pieces == ["", "We ", "are "]


def test_a_tag_is_known_by_its_beginning() -> None:
    assert find_beginning("a </TH", ("</think>", "[/x]")) == 2
    assert find_beginning("a [", ("</think>", "[/x]")) == 2
    assert find_beginning("a <b", ("</think>",)) == 4
