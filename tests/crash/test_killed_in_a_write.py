"""Killed during a confirmed write: done at most once, and the visitor is told the truth.

The webhook has the call and does not answer when the server dies; afterwards the visitor's page
sends the same message again, as the widget does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.agent.language import texts_for
from tests.crash.surroundings import answer_obediently
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.webhook_server import Hang, WebhookServer, reply_json
from tests.http.clients import Operator, Shop, Visitor
from tests.http.running_server import RunningServer, serving

BOOKED = reply_json({"success": True, "message": "Booked under H-1.", "reference": "H-1"})
QUESTIONS = {
    "en": ("Book a table for 4 people on {day} at 19:00 under the name Rina", "Yes, go ahead"),
    "he": ("להזמין שולחן ל-4 אנשים ב-{day} בשעה 19:00 על שם רינה", "כן, להמשיך"),
}
ACTIONS = {"en": "Book an appointment", "he": "קביעת תור"}
DAY = "2027-01-14"
YES_ID = "11111111-1111-4111-8111-111111111111"


@dataclass
class Place:
    """A shop whose bookings a webhook makes, and its visitor."""

    server: RunningServer
    webhook: WebhookServer
    shop: Shop
    visitor: Visitor
    language: str

    def do(self, work: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        return asyncio.to_thread(work, *args, **fields)

    @property
    def keys(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.webhook.requests]

    async def ask_to_book(self) -> None:
        question = QUESTIONS[self.language][0].format(day=DAY)
        reply = await self.do(self.visitor.ask, question, user_identifier="rina")
        assert [tool["status"] for tool in reply["tools"]] == ["needs_confirmation"], reply

    async def confirm(self, **fields: Any) -> dict[str, Any]:
        yes = QUESTIONS[self.language][1]
        reply: dict[str, Any] = await self.do(self.visitor.ask, yes, **fields)
        return reply

    async def die_in_the_write(self) -> None:
        """Let the visitor confirm, and the server die while the webhook has the call."""
        await self.ask_to_book()
        yes = asyncio.create_task(self.confirm(message_id=YES_ID))
        await asyncio.wait_for(self.webhook.has_request.wait(), 20)
        self.server.kill()
        with pytest.raises(Exception, match=r"disconnected|refused|reset|closed"):
            await yes
        await self.do(self.server.start)

    def read_log(self) -> list[dict[str, Any]]:
        operator = Operator(self.server)
        found = operator.call("GET", "/conversations?limit=10")["items"]
        calls = [
            call
            for row in found
            for call in operator.call("GET", f"/conversations/{row['id']}")["tool_calls"]
        ]
        operator.http.close()
        return calls


@asynccontextmanager
async def open_place(
    folder: Path, *answers: Any, language: str = "en", has_model: bool = False, **config: Any
) -> AsyncIterator[Place]:
    async with WebhookServer(answers) as webhook, FakeOllama(answer_obediently) as ollama:
        settings = {"CSAI_EGRESS_ALLOW": webhook.authority}
        if has_model:
            settings["CSAI_OLLAMA_URL"] = ollama.url
        async with serving(folder, settings=settings) as server:
            server.expect("tool_failed", "turns_recovered", "there is no data table")

            def prepare() -> tuple[Shop, Visitor]:
                operator = Operator(server)
                llm = {"provider": "ollama"} if has_model else {}
                shop = operator.make_shop("Webhook Shop", language=language, llm=llm)
                operator.use_tool(
                    shop.id,
                    "book_appointment",
                    executor="n8n_webhook",
                    webhook_url=webhook.url,
                    custom_config=config,
                )
                operator.http.close()
                return shop, Visitor(server, shop.api_key)

            shop, visitor = await asyncio.to_thread(prepare)
            with visitor.http:
                yield Place(server, webhook, shop, visitor, language)


@pytest.mark.parametrize(
    ("language", "has_model"), [("en", False), ("he", False), ("en", True)], ids=str
)
async def test_what_may_have_been_done_is_not_begun_again(
    tmp_path: Path, language: str, has_model: bool
) -> None:
    async with open_place(
        tmp_path, Hang(), BOOKED, language=language, has_model=has_model
    ) as place:
        await place.die_in_the_write()
        reply = await place.confirm(message_id=YES_ID)
        texts = texts_for(language)
        action = ACTIONS[language]
        assert reply["message"]["content"].startswith(
            texts["outcome_unknown"].format(action=action)
        )
        assert texts["escalated_noted"].format(shop="Webhook Shop") in reply["message"]["content"]
        assert [tool["status"] for tool in reply["tools"]] == ["failed"]
        assert (reply["escalated"], reply["model"]) == (True, "builtin")
        assert await place.confirm(message_id=YES_ID) == reply
        assert len(place.keys) == 1
        assert "tool_failed" in place.server.output()
        assert "failure=unknown" in place.server.output()
        [call] = await place.do(place.read_log)
        assert (call["call_id"], call["failure"]) == (place.keys[0], "unknown")
        await place.ask_to_book()
        again = await place.confirm()
        assert texts["outcome_unknown"].format(action=action) in again["message"]["content"]
        assert len(place.keys) == 1


async def test_another_message_is_told_of_it_too(tmp_path: Path) -> None:
    async with open_place(tmp_path, Hang(), BOOKED) as place:
        await place.die_in_the_write()
        reply = await place.do(place.visitor.ask, "Did that work?")
        text = texts_for("en")["outcome_unknown"].partition("{action}")[0]
        assert reply["message"]["content"].startswith(text)
        assert len(place.keys) == 1


@pytest.mark.parametrize("has_model", [False, True], ids=["builtin", "model"])
async def test_a_receiver_that_minds_the_key_is_called_again_under_it(
    tmp_path: Path, has_model: bool
) -> None:
    async with open_place(tmp_path, Hang(), BOOKED, has_model=has_model, idempotent=True) as place:
        await place.die_in_the_write()
        reply = await place.confirm(message_id=YES_ID)
        assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
        assert "H-1" in reply["message"]["content"]
        assert len(place.keys) == 2
        assert len(set(place.keys)) == 1
        [call] = await place.do(place.read_log)
        assert (call["is_success"], call["failure"]) == (True, None)


@pytest.mark.parametrize("has_model", [False, True], ids=["builtin", "model"])
async def test_a_tool_that_is_switched_off_before_the_yes_does_not_run(
    tmp_path: Path, has_model: bool
) -> None:
    async with open_place(tmp_path, BOOKED, has_model=has_model) as place:
        await place.ask_to_book()

        def switch_off() -> None:
            operator = Operator(place.server)
            tool_id = operator.find_tool_id("book_appointment")
            operator.call("PATCH", f"/tenants/{place.shop.id}/tools/{tool_id}", {"enabled": False})
            operator.http.close()

        await place.do(switch_off)
        reply = await place.confirm()
        assert place.keys == []
        assert "stopped offering" in reply["message"]["content"]
        assert "Booked" not in reply["message"]["content"]
        assert await place.do(place.read_log) == []
