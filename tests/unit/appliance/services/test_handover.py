"""What becomes of a wish for a person, a goodbye and being stuck, and what the visitor is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from appliance.agent.contact_details import find_lone_contact
from appliance.agent.language import texts_for
from appliance.agent.runner import OWN_ANSWER, AgentResult
from appliance.domain.conversation import Conversation, PendingAction
from appliance.domain.escalation import NewEscalation
from appliance.domain.ids import ConversationId
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import BusinessInfo, EscalationSettings
from appliance.domain.tool import ToolSpec
from appliance.services.handover import Closing, Handover, Visit
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant, call_booking

CLOCK = SettableClock()
SET_UP = EscalationSettings(email="team@shop.example")
CONTACT = BusinessInfo(contact={"phone": "03-5550100", "address": "12 Main Street", "more": [1]})
EN, HE = texts_for("en"), texts_for("he")
DONT_KNOW = "I am sorry, I don't know."


def build_handover() -> Handover:
    return Handover(clock=CLOCK, sendable=("email", "webhook"))


def visit(
    *texts: str, language: str = "en", tenant: dict[str, Any] | None = None, **state: Any
) -> Visit:
    """Return a visit whose last text is the visitor's newest message."""
    count = len(texts)
    shop = build_tenant(**({"escalation": SET_UP} | (tenant or {})))
    roles = ["assistant" if (count - number) % 2 == 0 else "user" for number in range(count)]
    return Visit(
        tenant=shop,
        conversation=Conversation(
            id=ConversationId("c"), tenant_id=shop.id, started_at=CLOCK.now(), **state
        ),
        messages=[
            ChatMessage(role=role, content=text)  # type: ignore[arg-type]
            for role, text in zip(roles, texts, strict=True)
        ],
        language=language,
    )


def answer(text: str = "We open at nine.", **fields: Any) -> AgentResult:
    said = ChatMessage(role="assistant", content=text)
    start = {"text": text, "new_messages": (said,), "model": "m", "is_degraded": False}
    return AgentResult(**(start | {"executions": (), "usage": (), "tools": ()} | fields))


def build_pending(lifetime_s: float = 300) -> PendingAction:
    return PendingAction(
        id="p",
        call=call_booking(),
        summary="Book?",
        expires_at=CLOCK.now() + timedelta(seconds=lifetime_s),
    )


# --- a person ---------------------------------------------------------------------------------


def test_a_wish_for_a_person_is_passed_on_and_asks_how_to_reach_the_visitor() -> None:
    found = build_handover().answer_alone(visit("I want a human"))
    assert found is not None
    told = EN["escalated"].replace("{shop}", "Bob's Pizza Shop")
    assert found.result.text == f"{told}\n\n{EN['ask_contact']}"
    assert found.closing.escalation == NewEscalation(
        cause="visitor", reason="I want a human", notices=("email",)
    )
    assert (found.result.usage, found.result.is_degraded) == ((OWN_ANSWER,), False)


def test_the_visitor_is_answered_in_hebrew_as_well() -> None:
    found = build_handover().answer_alone(visit("נציג בבקשה", language="he"))
    assert found is not None
    assert found.result.text.startswith("העברתי את הפנייה לצוות של Bob's Pizza Shop.")
    assert found.result.text.endswith(HE["ask_contact"])


@pytest.mark.parametrize(
    ("text", "state", "contact"),
    [
        ("I want a human", {"user_identifier": "dana"}, None),
        ("I want a human. dana@example.org", {}, "dana@example.org"),
        ("A person please, 050-1234567", {}, "050-1234567"),
    ],
)
def test_who_can_be_reached_is_not_asked_how(
    text: str, state: dict[str, Any], contact: str | None
) -> None:
    found = build_handover().answer_alone(visit(text, **state))
    assert found is not None
    assert EN["ask_contact"] not in found.result.text
    assert found.closing.escalation is not None
    assert found.closing.escalation.contact == contact


@pytest.mark.parametrize(
    ("sendable", "settings"),
    [
        (("email",), EscalationSettings()),
        (("email",), EscalationSettings(email="team@shop.example", is_enabled=False)),
        (("webhook",), EscalationSettings(email="team@shop.example")),
    ],
)
def test_no_person_is_promised_where_nobody_can_be_told(
    sendable: Any, settings: EscalationSettings
) -> None:
    handover = Handover(clock=CLOCK, sendable=sendable)
    shop = {"escalation": settings, "business_info": CONTACT}
    found = handover.answer_alone(visit("I want a human", tenant=shop))
    assert found is not None
    assert found.result.text.startswith("I am an automated assistant and cannot put you through")
    assert found.result.text.endswith("- Phone: 03-5550100\n- Address: 12 Main Street")
    assert found.closing.escalation is not None


def test_without_any_way_to_the_shop_the_visitor_is_asked_for_his() -> None:
    found = build_handover().answer_alone(
        visit("I want a human", tenant={"escalation": EscalationSettings()})
    )
    assert found is not None
    assert found.result.text.endswith(EN["ask_contact"])


def test_a_contact_that_was_asked_for_is_kept() -> None:
    asked = f"All right.\n\n{EN['ask_contact']}"
    found = build_handover().answer_alone(
        visit("A human!", asked, "212-555-1234", status="waiting_for_human")
    )
    assert found is not None
    assert found.result.text == EN["contact_kept"]
    assert found.closing.escalation is not None
    assert found.closing.escalation.contact == "212-555-1234"


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("dana@example.org", True),
        ("050-1234567.", True),
        ("212-555-1234", True),
        ("My number is 050-1234567, thanks!", True),
        ("or write to me: dana@example.org", True),
        ("הטלפון שלי 050-1234567", True),
        ("123456789", False),
        ("Is it 050-1234567?", False),
        ("cancel the order of 050-1234567", False),
        ("Did you send the invoice to dana@example.org?", False),
    ],
)
@pytest.mark.parametrize("texts", [EN, HE])
@pytest.mark.parametrize("told", ["escalated_noted", "contact_kept"])
def test_a_contact_right_behind_the_request_is_kept_unasked(
    text: str, is_kept: bool, told: str, texts: dict[str, str]
) -> None:
    told = f"{texts[told].replace('{shop}', 'Bob')}\n\n{texts['reach_us']}\n\n- 03"
    found = build_handover().answer_alone(visit("A human!", told, text, status="waiting_for_human"))
    assert (found is not None) == is_kept
    if found is not None:
        assert found.closing.escalation is not None
        assert found.closing.escalation.contact == find_lone_contact(text)


def test_what_gives_no_contact_is_answered_like_anything() -> None:
    asked = visit("A human!", EN["ask_contact"], "Why?", status="waiting_for_human")
    assert build_handover().answer_alone(asked) is None


def test_who_waits_already_is_told_so() -> None:
    found = build_handover().answer_alone(
        visit("I want a human", status="waiting_for_human", tenant={"business_info": CONTACT})
    )
    assert found is not None
    assert found.result.text.startswith(EN["escalated_again"].replace("{shop}", "Bob's Pizza Shop"))
    assert "03-5550100" in found.result.text


def test_the_assistant_is_silent_while_a_person_has_the_conversation() -> None:
    handover = build_handover()
    found = handover.keep_silent(visit("Hello", status="human").conversation)
    assert found is not None
    assert (found.result.text, found.result.new_messages) == ("", ())
    for status in ("open", "waiting_for_human", "ended"):
        assert handover.keep_silent(visit("Hello", status=status).conversation) is None


def test_a_tool_of_the_shops_own_goes_ahead_of_a_person() -> None:
    tools = (ToolSpec(name="request_callback", description="-", parameters_schema={}),)
    seen: list[tuple[str, tuple[str, ...]]] = []

    def has_tool_for(text: str, tools: Sequence[ToolSpec], now: datetime) -> bool:
        assert now == CLOCK.now()
        seen.append((text, tuple(tool.name for tool in tools)))
        return bool(tools)

    handover = Handover(clock=CLOCK, has_tool_for=has_tool_for)
    told = msgspec.structs.replace(visit("call me back"), tools=tools)
    assert handover.answer_alone(told) is None
    found = handover.answer_alone(visit("call me back"))
    assert found is not None
    assert found.closing.escalation is not None
    assert seen == [("call me back", ("request_callback",)), ("call me back", ())]


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "language"), [("Thanks, that's all", "en"), ("תודה, ביי", "he")])
def test_a_goodbye_ends_the_conversation(text: str, language: str) -> None:
    found = build_handover().answer_alone(visit(text, language=language))
    assert found is not None
    assert found.result.text == texts_for(language)["goodbye"]
    assert found.closing == Closing(ends_conversation=True)


@pytest.mark.parametrize("text", ["thanks", "bye-bye gift?", "thanks, and what about delivery"])
def test_what_is_no_goodbye_is_left_to_the_agent(text: str) -> None:
    assert build_handover().answer_alone(visit(text)) is None


@pytest.mark.parametrize(
    ("text", "lifetime_s", "is_end"),
    [("bye", 300, False), ("no thanks, bye", 300, True), ("bye", -1, True)],
)
def test_a_goodbye_does_not_leave_an_action_behind(
    text: str, lifetime_s: float, is_end: bool
) -> None:
    found = build_handover().answer_alone(visit(text, pending_action=build_pending(lifetime_s)))
    assert (found is not None) is is_end


# --- being stuck ------------------------------------------------------------------------------


def test_the_second_failure_in_a_row_offers_a_person() -> None:
    handover = build_handover()
    first = handover.conclude(visit("Parking?"), answer(DONT_KNOW))
    assert (first.result.text, first.closing.failed_rounds) == (DONT_KNOW, 1)
    stuck = visit("Parking?", DONT_KNOW, "Any parking at all?", failed_rounds=1)
    second = handover.conclude(
        stuck, answer("I'm not sure.", quick_replies=("Menu", EN["offer_yes"]))
    )
    assert second.result.text == f"I'm not sure.\n\n{EN['offer_human']}"
    assert second.result.quick_replies == (EN["offer_yes"], EN["offer_no"], "Menu")
    assert second.closing == Closing()


def test_a_provider_may_say_itself_that_it_is_lost() -> None:
    found = build_handover().conclude(visit("Parking?"), answer("Hm.", signal="unsure"))
    assert found.closing.failed_rounds == 1


def test_an_answer_that_helps_starts_anew() -> None:
    found = build_handover().conclude(visit("Hours?", failed_rounds=1), answer())
    assert (found.result, found.closing) == (answer(), Closing())


@pytest.mark.parametrize(
    ("settings", "state", "fields"),
    [
        (EscalationSettings(is_enabled=False), {}, {}),
        (SET_UP, {"status": "waiting_for_human"}, {}),
        (SET_UP, {}, {"pending_action": build_pending()}),
        (EscalationSettings(offer_after_failures=7), {}, {}),
    ],
)
def test_no_person_is_offered_where_it_would_be_out_of_place(
    settings: EscalationSettings, state: dict[str, Any], fields: dict[str, Any]
) -> None:
    stuck = visit("Parking?", failed_rounds=5, tenant={"escalation": settings}, **state)
    found = build_handover().conclude(stuck, answer(DONT_KNOW, **fields))
    assert found.result.text == DONT_KNOW
    assert found.closing == Closing(failed_rounds=6)


def test_a_shop_may_have_the_assistant_ask_for_a_person_at_once() -> None:
    settings = EscalationSettings(
        email="team@shop.example", is_automatic=True, offer_after_failures=1
    )
    found = build_handover().conclude(
        visit("Parking?", tenant={"escalation": settings}), answer(DONT_KNOW)
    )
    assert found.result.text.startswith(f"{DONT_KNOW}\n\nI have passed your request")
    assert found.closing.escalation == NewEscalation(cause="assistant", notices=("email",))


@pytest.mark.parametrize(("language", "yes"), [("en", "yes please"), ("he", "כן, בבקשה")])
def test_who_takes_the_offer_is_passed_on(language: str, yes: str) -> None:
    offered = f"{DONT_KNOW}\n\n{texts_for(language)['offer_human']}"
    found = build_handover().answer_alone(visit("Parking?", offered, yes, language=language))
    assert found is not None
    assert found.closing.escalation is not None
    assert found.closing.escalation.cause == "assistant"


def test_the_buttons_of_the_offer_are_understood() -> None:
    for texts in (EN, HE):
        offered = texts["offer_human"]
        yes = build_handover().answer_alone(visit("Parking?", offered, texts["offer_yes"]))
        no = build_handover().answer_alone(visit("Parking?", offered, texts["offer_no"]))
        assert yes is not None
        assert yes.closing.escalation is not None
        assert no is not None
        assert no.result.text == EN["offer_declined"]
        assert no.closing == Closing()


def test_a_yes_to_anything_else_asks_for_no_person() -> None:
    assert build_handover().answer_alone(visit("Hi", "Shall I go ahead?", "yes")) is None


def test_a_person_that_the_provider_has_understood_is_asked_for_behind_its_answer() -> None:
    found = build_handover().conclude(
        visit("Somebody real?"), answer("Of course.", signal="wants_human")
    )
    assert found.result.text.startswith("Of course.\n\nI have passed your request")
    assert found.closing.escalation is not None


def test_a_stored_notice_wakes_its_sender() -> None:
    woken: list[bool] = []
    handover = Handover(clock=CLOCK, on_notice=lambda: woken.append(True))
    handover.stored(Closing(ends_conversation=True))
    handover.stored(Closing(escalation=NewEscalation(cause="visitor")))
    assert woken == []
    handover.stored(Closing(escalation=NewEscalation(cause="visitor", notices=("email",))))
    assert woken == [True]


@pytest.mark.parametrize("status", ["open", "waiting_for_human"])
def test_an_action_that_nobody_can_tell_of_is_passed_on(status: Any) -> None:
    found = build_handover().conclude(
        visit("yes", status=status), answer("I cannot tell.", unknown_tool="book_appointment")
    )
    assert found.result.text.startswith("I cannot tell.\n\n")
    assert found.closing.escalation is not None
    assert found.closing.escalation.cause == "assistant"
    assert "'book_appointment'" in str(found.closing.escalation.reason)


@pytest.mark.parametrize("contact", [{}, {"phone": "050-1234567"}])
def test_where_nobody_is_asked_the_visitor_is_told_how_to_find_out(contact: dict[str, str]) -> None:
    tenant = {
        "escalation": EscalationSettings(is_enabled=False),
        "business_info": BusinessInfo(contact=contact),
    }
    found = build_handover().conclude(
        visit("yes", tenant=tenant), answer("I cannot tell.", unknown_tool="book_appointment")
    )
    assert found.closing.escalation is None
    assert ("050-1234567" in found.result.text) == bool(contact)
    assert EN["escalated"] not in found.result.text
