from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult

from appliance.integrations.mcp.results import read_result

IMAGE = {"type": "image", "data": "AA==", "mimeType": "image/png"}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"content": [text("hello")]}, "hello"),
        ({"content": [text('{"a": 1}')]}, {"a": 1}),
        ({"content": [text("[1]")]}, [1]),
        ({"content": [text("12")]}, "12"),
        ({"content": [text("[" * 100_000)]}, "[" * 100_000),
        ({"content": [text("a"), text("b")]}, ["a", "b"]),
        ({"content": [text("a"), IMAGE]}, ["a", "[left out: image]"]),
        ({"content": []}, None),
        ({"content": [text("x")], "structuredContent": {"b": 2}}, {"b": 2}),
    ],
)
def test_a_result_is_read(fields: dict[str, Any], expected: Any) -> None:
    assert read_result(CallToolResult.model_validate(fields)) == expected
