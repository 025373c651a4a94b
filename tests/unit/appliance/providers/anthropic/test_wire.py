from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.providers.anthropic.wire import StreamEvent, WireError


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"error_code": "enforced_spend_limit_reached"}, "enforced_spend_limit_reached"),
        ({"error_code": 7}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_an_errors_code_is_read_where_there_is_one(details: Any, code: str) -> None:
    assert WireError(type="rate_limit_error", details=details).code == code


def test_fields_of_a_newer_api_are_ignored() -> None:
    event = msgspec.json.decode(b'{"type": "hologram", "depth": {"z": 1}}', type=StreamEvent)
    assert event.type == "hologram"
