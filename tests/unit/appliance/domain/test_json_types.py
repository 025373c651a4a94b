from __future__ import annotations

from typing import Any

from appliance.domain.json_types import is_deeper


def test_depth_is_counted_in_lists_and_objects() -> None:
    deep: Any = 1
    for _ in range(3):
        deep = [{"a": deep}]
    assert not is_deeper(deep, 6)
    assert is_deeper(deep, 5)
    assert not is_deeper("x", 0)
    assert is_deeper([], 0) is False
