"""What an assistant says to have done: a table of claims and of innocent sentences."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appliance.agent.claims import Claim, find_claim, find_cue, is_proven
from appliance.agent.confirmation import confirmation_replies
from appliance.agent.language import texts_for
from appliance.domain.ids import TenantId
from appliance.domain.tool import TenantTool
from tests.fakes.shops import build_tenant_tool

TABLE: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("claim_table.toml").read_text(encoding="utf-8")
)


def tool(name: str) -> TenantTool:
    return build_tenant_tool(TenantId("t"), name, risk="write")


def claim(text: str) -> Claim:
    found = find_claim(text)
    assert found is not None, text
    return found


def test_the_table_is_large_enough() -> None:
    assert len(set(TABLE["claims"])) >= 120
    assert len(set(TABLE["innocent"])) >= 100
    assert len(TABLE["tolerated"]) <= len(TABLE["innocent"]) / 20


def test_no_claim_passes() -> None:
    assert [text for text in TABLE["claims"] if find_claim(text) is None] == []


def test_innocent_sentences_pass() -> None:
    assert [text for text in TABLE["innocent"] if find_claim(text) is not None] == []


def test_the_tolerated_are_still_held() -> None:
    assert [text for text in TABLE["tolerated"] if find_claim(text) is None] == []


def test_every_claim_begins_behind_a_cue() -> None:
    """Word by word, nothing of a claim has been shown when it is found."""
    for text in TABLE["claims"]:
        words = text.split(" ")
        shown = 0
        for count in range(1, len(words)):
            whole = " ".join(words[:count]) + " "
            cue = find_cue(whole)
            shown = max(shown, len(whole) if cue is None else cue)
        assert find_claim(text[shown:]) is not None, (text, text[shown:])


@pytest.mark.parametrize("language", ["en", "he"])
def test_our_own_sentences_claim_nothing(language: str) -> None:
    told = ("confirm_heading", "confirm_question", "no_answer", "cut_short", "nothing_done")
    said = [
        *(texts_for(language)[name] for name in (*told, "only_done")),
        *confirmation_replies(language),
    ]
    assert [text for text in said if find_claim(text) is not None] == []


BOOKED, CANCELLED, REFUNDED = tool("book_table"), tool("cancel_booking"), tool("refund_payment")
ODD = tool("do_it")


@pytest.mark.parametrize(
    ("text", "written", "proven"),
    [
        ("I have booked your table.", [], False),
        ("I have booked your table.", [BOOKED], True),
        ("I have booked your table.", ["book_table"], True),
        ("I have sent you a confirmation.", [BOOKED], True),
        ("I have cancelled your booking.", [BOOKED], False),
        ("I have cancelled your booking.", [CANCELLED], True),
        ("I have cancelled your booking.", [ODD], True),
        ("I have booked another table.", [CANCELLED], False),
        ("Your order has been refunded.", [CANCELLED], False),
        ("Your order has been refunded.", [CANCELLED, REFUNDED], True),
        ("Done!", [], False),
        ("Done!", [BOOKED], True),
        ("ביטלתי את ההזמנה.", [BOOKED], False),
        ("ביטלתי את ההזמנה.", [CANCELLED], True),
        ("הזמנתי לך שולחן.", [BOOKED], True),
    ],
)
def test_what_was_written_proves_its_own_kind(text: str, written: list[object], proven: bool):
    assert is_proven(claim(text), written=written, results=[]) is proven  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "result", "proven"),
    [
        ("Your order was cancelled.", '{"status": "cancelled"}', True),
        ("Your order was cancelled.", '{"cancelled": true}', True),
        ("Your order was cancelled.", '{"cancelled_at": "2026-03-01"}', True),
        ("ההזמנה בוטלה.", '{"status": "בוטלה"}', True),
        ("Your order was cancelled.", '{"cancelled": false, "status": "baking"}', False),
        ("Your order was cancelled.", "[]", False),
        ("Your table is booked.", '{"booked_slots": ["19:00"], "free": ["20:00"]}', False),
        ("Your table is booked.", '{"available": true}', False),
        ("I have cancelled your order.", '{"status": "cancelled"}', False),
        ("Done!", '{"status": "cancelled"}', True),
    ],
)
def test_a_result_that_says_so_proves_what_is_told_but_no_deed(
    text: str, result: str, proven: bool
) -> None:
    assert is_proven(claim(text), written=[], results=[result]) is proven
