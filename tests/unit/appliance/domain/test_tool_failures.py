"""What a model reads of a failure can be read back, and says nothing of where it happened."""

from __future__ import annotations

from typing import get_args

import pytest

from appliance.domain.tool_failures import (
    FAILURE_SENTENCES,
    FailureKind,
    build_failure_text,
    read_failure_text,
)


@pytest.mark.parametrize("kind", get_args(FailureKind))
@pytest.mark.parametrize("said", ["", "We are closed on Mondays."])
def test_a_text_tells_its_kind_and_what_the_shop_says(kind: FailureKind, said: str) -> None:
    assert read_failure_text(build_failure_text(kind, said)) == (kind, said)


def test_all_but_an_unknown_end_say_that_nothing_came_of_it() -> None:
    for kind, sentence in FAILURE_SENTENCES.items():
        says_so = "nothing was changed" in sentence or "could not be looked up" in sentence
        assert says_so == (kind != "unknown")


def test_another_text_is_no_failure() -> None:
    assert read_failure_text("HTTP 502 from http://10.0.0.8") == (None, "")
