"""What a model reads of a tool and of its result; running calls is tested with whole turns."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.agent.tool_runs import MAX_RESULT_CHARS, build_result_text
from appliance.domain.tool import ToolOutcome


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"שם": "דנה"}, '{"שם": "דנה"}'),
        ("plain", "plain"),
        (None, "null"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_result_reads_as_json_or_as_its_text(output: Any, text: str) -> None:
    assert build_result_text(ToolOutcome(is_success=True, output=output)) == text


def test_a_long_result_is_cut_and_says_so() -> None:
    text = build_result_text(ToolOutcome(is_success=True, output="x" * (MAX_RESULT_CHARS + 5)))
    assert text.startswith("x" * MAX_RESULT_CHARS)
    assert text.endswith("[cut: 5 more characters]")
