from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.agent.missing_provider import MissingProvider
from appliance.errors import Unavailable
from appliance.ports.chat_model import Briefing, ChatRequest

REQUEST = ChatRequest(
    messages=(), briefing=Briefing(shop_name="x", now=datetime(2026, 11, 20, tzinfo=UTC))
)


async def test_it_refuses_with_the_remedy_and_no_limit() -> None:
    missing = MissingProvider("anthropic", "Set the key.")
    assert missing.name == "anthropic"
    with pytest.raises(Unavailable, match=r"Set the key\.") as raised:
        await anext(missing.stream(REQUEST))
    assert raised.value.code == "provider_not_set_up"
    with pytest.raises(Unavailable):
        await missing.list_models()
    assert await missing.context_length(None) is None
    await missing.aclose()
