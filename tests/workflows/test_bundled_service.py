"""Tickets and callbacks, and the sentences of all tools."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.workflows.bundled_shop import TOOLS, shop, tell

__all__ = ["shop"]

TICKET = {"description": "The lamp arrived broken", "name": "Ann Lee", "email": "ann@example.com"}
CALLBACK = {"name": "Ann Lee", "phone": "+1 555 0100"}


async def test_a_ticket_becomes_a_row_once_a_call(shop):
    answers = await asyncio.gather(
        *(shop.call("create_support_ticket", **TICKET, call_id="t") for _ in range(4))
    )
    answers.append(await shop.call("create_support_ticket", **TICKET, call_id="t"))
    assert len({answer["ticket_number"] for answer in answers}) == 1
    (row,) = await shop.rows("tickets")
    assert (row["subject"], row["status"], row["priority"]) == (
        "The lamp arrived broken", "open", "normal",
    )  # fmt: skip
    assert row["ticket_number"] in tell("create_support_ticket", answers[0])
    assert row["ticket_number"] in tell("create_support_ticket", answers[0], "he")


async def test_calls_without_an_id_are_each_recorded(shop):
    for _ in range(2):
        await shop.call("create_support_ticket", **TICKET, call_id="")
    assert len(await shop.rows("tickets")) == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"description": " "}, "description_missing"), ({"email": ""}, "contact_missing"),
        ({"email": "nobody"}, "invalid_email"), ({"phone": "12"}, "invalid_phone"),
    ],
)  # fmt: skip
async def test_a_ticket_that_cannot_be_writes_nothing(shop, change, error):
    answer = await shop.call("create_support_ticket", **{**TICKET, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.rows("tickets") == []


async def test_a_callback_is_noted_for_its_time(shop):
    answer = await shop.call("request_callback", **CALLBACK, date="tomorrow", time="10am")
    (row,) = await shop.rows("callbacks")
    assert (row["date"], row["time"], row["status"]) == ("2026-03-03", "10:00", "open")
    assert tell("request_callback", answer) == (
        "We will call Ann Lee on +1 555 0100, on Tuesday, 3 March 2026 at 10:00. "
        f"The reference is {row['reference']}."
    )
    soon = await shop.call("request_callback", **CALLBACK)
    assert tell("request_callback", soon).startswith("We will call Ann Lee on +1 555 0100. The")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": ""}, "name_missing"), ({"phone": ""}, "invalid_phone"),
        ({"phone": "1"}, "invalid_phone"), ({"date": "2026-03-01"}, "in_the_past"),
        ({"time": "09:30"}, "in_the_past"), ({"time": "23:00"}, "outside_opening_hours"),
        ({"date": "2026-03-10", "config": {"closed_dates": ["2026-03-10"]}}, "closed"),
        ({"date": "x"}, "invalid_date"), ({"time": "x"}, "invalid_time"),
    ],
)  # fmt: skip
async def test_a_callback_that_cannot_be_writes_nothing(shop, change, error):
    answer = await shop.call("request_callback", **{**CALLBACK, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.rows("callbacks") == []
    for language in ("en", "he"):
        assert tell("request_callback", answer, language)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_code_has_a_sentence_in_both_languages(tool):
    nodes = TOOLS[tool].workflow["nodes"]
    source = "\n".join(node["parameters"].get("jsCode", "") for node in nodes)
    codes = set(re.findall(r"(?:refuse|fail|answer)\('(\w+)'", source))
    codes |= set(re.findall(r"error: '(\w+)'", source)) | {"system_unavailable"}
    sentences = TOOLS[tool].parameters_schema["x-results"]["sentences"]
    shared = {"not_found"} - set(sentences)  # in what reads a system's answer, for all tools
    assert codes - shared <= set(sentences)
    for code, texts in sentences.items():
        assert set(texts) == {"en", "he"}, code
        places = [set(re.findall(r"\{(\w+)\}", texts[language])) for language in ("en", "he")]
        assert places[0] == places[1], code
