"""An answer on its way to the visitor: what is shown at once, what waits, what is held back."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.agent.claim_guard import ClaimGuard
from appliance.agent.claims import find_claim
from appliance.agent.plain_text import find_unfinished
from appliance.agent.trace import TurnTrace
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.message import HELD_CALL, ChatMessage
from appliance.domain.tool import Risk
from appliance.ports.tool_executor import ToolContext
from appliance.ports.turn_store import WrittenTools
from tests.fakes.shops import build_tenant_tool

TABLE: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("claim_table.toml").read_text(encoding="utf-8")
)
TENANT, CONVERSATION = TenantId("t"), ConversationId("c")


class Ledger:
    """Knows what was done; counts how often it was asked."""

    def __init__(self, *written: str) -> None:
        self.writes = WrittenTools(done=frozenset(written))
        self.asked = 0

    async def list_writes(self, tenant_id: str, conversation_id: str) -> WrittenTools:
        assert (tenant_id, conversation_id) == (TENANT, CONVERSATION)
        self.asked += 1
        return self.writes


def build(
    *written: str, risk: Risk = "write", conversation_id: ConversationId | None = CONVERSATION
) -> tuple[ClaimGuard, Ledger]:
    ledger = Ledger(*written)
    guard = ClaimGuard(
        ledger,  # type: ignore[arg-type]
        ToolContext(tenant_id=TENANT, conversation_id=conversation_id),
        {"book_table": build_tenant_tool(TENANT, "book_table", risk=risk)},
        TurnTrace(),
    )
    return guard, ledger


async def show(guard: ClaimGuard, *texts: str) -> list[str]:
    return [*[await guard.take(text) for text in texts], await guard.finish()]


async def test_what_cannot_become_a_claim_is_shown_at_once() -> None:
    guard, ledger = build()
    assert await show(guard, "Hello ", "Dana, ", "pizza Marg", "herita costs 12.") == [
        "Hello ",
        "Dana, ",
        "pizza ",
        "Margherita costs ",
        "12.",
    ]
    assert (guard.claim, ledger.asked) == (None, 0)


@pytest.mark.parametrize("held", ["I have booked your table. ", "I have booked", "Perh"])
async def test_what_is_held_of_a_reply_that_broke_is_dropped_with_its_claim(held: str) -> None:
    guard, _ = build()
    assert [await guard.take(text) for text in ("Sure, ", held)] == ["Sure, ", ""]
    guard.drop_held()
    assert (await guard.finish(), guard.claim) == ("", None)


async def test_a_claim_that_was_shown_is_not_dropped() -> None:
    guard, _ = build(risk="read")
    assert await guard.take("I have booked your table.") == "I have booked your table."
    guard.drop_held()
    assert (await guard.finish(), guard.claim) == ("", "I have booked your table.")


async def test_a_sentence_waits_from_where_a_claim_may_begin() -> None:
    guard, _ = build()
    texts = ["Sure, ", "your ", "table ", "is ", "free. ", "Bye."]
    assert await show(guard, *texts) == ["Sure, ", "", "", "", "your table is free. ", "", "Bye."]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_nothing_of_a_claim_is_shown_however_it_is_cut(size: int) -> None:
    said = "Hello Dana! Great news: I have booked your table. See you on Friday."
    guard, _ = build()
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    assert "".join(await show(guard, *pieces)) in ("Hello Dana! ", "Hello Dana! Great news: ")
    assert guard.claim == "Great news: I have booked your table."


async def say(guard: ClaimGuard, said: str, *, size: int, shown: str = "") -> str:
    guard.begin([], shown=shown)
    return "".join(
        await show(guard, *[said[start : start + size] for start in range(0, len(said), size)])
    )


@pytest.mark.parametrize("size", [2, 1000])
@pytest.mark.parametrize("frame", ["{}", "Sure, {}", "**Good news: {}**", "1. {}", "No. - {} Bye."])
async def test_of_no_claim_a_word_or_a_mark_is_left_though_it_is_said_twice(
    frame: str, size: int
) -> None:
    guard, _ = build()
    for claim in TABLE["claims"]:
        said = frame.format(claim)
        if find_claim(said) is None:
            continue
        seen = await say(guard, said, size=size)
        assert guard.claim, said
        again = await say(guard, said, size=size, shown=seen.strip())
        assert guard.claim, said
        text = f"{seen.strip()} {again}"
        assert (find_claim(text), find_unfinished(text)) == (None, len(text)), (said, text)


@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_an_innocent_sentence_is_shown_whole_however_it_is_cut(size: int) -> None:
    guard, _ = build()
    for said in TABLE["innocent"]:
        assert await say(guard, said, size=size) == said


@pytest.mark.parametrize(
    ("shown", "said", "is_held"),
    [
        ("I have", "I have cancelled your order.", True),
        ("I have", "cancelled your order.", True),
        ("Sure. I have", "Sure. I have cancelled your order.", True),
        ("If", "I have cancelled your order.", True),
        ("Once your order was", "Once your order was cancelled, you get an e-mail.", False),
        ("I have", "I have not cancelled it.", False),
        ("I have", "Which order?", False),
        ("I have.", "Cancelled orders are refunded.", False),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_a_sentence_is_judged_with_what_was_shown_of_it(
    shown: str, said: str, is_held: bool, size: int
) -> None:
    guard, _ = build()
    more = await say(guard, said, size=size, shown=shown)
    assert (guard.claim is not None) is is_held
    new = said.removeprefix(shown).lstrip()
    assert more == ("" if is_held else new)


async def test_emphasis_waits_for_its_end_or_that_of_its_line() -> None:
    guard, _ = build()
    texts = ["Dear ", "**Dana ", "Levi**, ", "hello.\n", "**Pizza ", "costs 5.\n", "- ", "Salad "]
    assert await show(guard, *texts) == [
        "Dear ",
        "",
        "**Dana Levi**, ",
        "hello.\n",
        "",
        "**Pizza costs 5.\n",
        "",
        "- Salad ",
        "",
    ]


@pytest.mark.parametrize("before", range(0, 800, 40))
async def test_a_claim_within_an_endless_sentence_is_found(before: int) -> None:
    guard, _ = build()
    said = "we bake bread, " * (before // 15) + "and I have cancelled your order" + " today" * 100
    shown = "".join(await show(guard, said))
    assert guard.claim
    assert "I have" not in shown


async def test_what_was_done_may_be_told() -> None:
    guard, ledger = build("book_table")
    said = "I have booked your table. It is booked!"
    assert "".join(await show(guard, said)) == said
    assert (guard.claim, ledger.asked) == (None, 2)


def result(text: str, **fields: bool) -> ChatMessage:
    return ChatMessage(role="tool", content=text, tool_call_id="c1", **fields)


@pytest.mark.parametrize(
    ("messages", "is_shown"),
    [
        ([result('{"status": "cancelled"}')], True),
        ([result('{"status": "cancelled"}', is_error=True)], False),
        ([result(HELD_CALL)], False),
        ([ChatMessage(role="user", content="cancelled")], False),
    ],
)
async def test_results_of_the_turn_are_read(
    messages: Sequence[ChatMessage], is_shown: bool
) -> None:
    guard, _ = build()
    guard.begin(messages)
    said = "Your order was cancelled."
    assert ("".join(await show(guard, said)) == said) is is_shown


@pytest.mark.parametrize(
    ("said", "is_held"),
    [
        ("Your visit V-77 was cancelled.", False),
        ("הביקור V-77 בוטל.", False),
        ("Your visit V-78 was cancelled.", True),
        ("Your visit was cancelled.", True),
        ("I have cancelled your visit V-77.", True),
    ],
)
async def test_an_earlier_result_bears_out_what_is_said_of_a_thing_by_its_number(
    said: str, is_held: bool
) -> None:
    guard, _ = build()
    read = ChatMessage(
        role="tool",
        content='{"visit": "V-77", "status": "cancelled"}',
        tool_call_id="c1",
        tool_name="find_visit",
    )
    guard.begin((), earlier=(read,))
    shown = "".join(await show(guard, said))
    assert (guard.claim is not None, shown == said) == (is_held, not is_held)


async def test_each_reply_is_judged_anew() -> None:
    guard, _ = build()
    await show(guard, "I have booked it.")
    guard.begin([])
    assert await show(guard, "Good evening.") == ["Good ", "evening."]
    assert guard.claim is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Sure. Which day?", "Which day?"),
        ("Sure.", ""),
        ("Sure, which day?", "Sure, which day?"),
        ("Which day?", "Which day?"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_a_beginning_that_was_shown_is_not_shown_again(
    said: str, shown: str, size: int
) -> None:
    guard, _ = build()
    guard.begin([], shown="Sure.")
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    assert "".join(await show(guard, *pieces)) == shown


async def test_a_word_that_only_begins_as_what_was_shown_is_whole() -> None:
    guard, _ = build()
    guard.begin([], shown="I")
    assert "".join(await show(guard, "It is open.")) == "It is open."


async def test_where_tools_only_read_nothing_waits_and_the_claim_is_still_found() -> None:
    guard, _ = build(risk="read")
    said = ["I have ", "booked ", "your table."]
    assert await show(guard, *said) == [*said, ""]
    assert (guard.claim, guard.is_shown) == ("I have booked your table.", True)


async def test_an_endless_sentence_does_not_wait_for_ever() -> None:
    guard, _ = build()
    shown = await guard.take("the table is free and " * 100)
    assert len(shown) > 1_000


async def test_outside_a_conversation_nothing_was_done() -> None:
    guard, ledger = build("book_table", conversation_id=None)
    await show(guard, "I have booked it.")
    assert (guard.claim, ledger.asked) == ("I have booked it.", 0)


@pytest.mark.parametrize(
    ("written", "told"), [((), "not done"), (("book_table",), "Book table"), (("gone",), "1")]
)
async def test_the_honest_sentence_names_what_was_done(written: tuple[str, ...], told: str) -> None:
    guard, _ = build(*written)
    assert told in await guard.tell_what_was_done("en")
    assert await guard.tell_what_was_done("he")


async def test_what_nobody_can_tell_of_is_not_said_to_be_undone() -> None:
    guard, ledger = build()
    ledger.writes = WrittenTools(unknown=frozenset(("book_table",)))
    told = await guard.tell_what_was_done("en")
    assert told == "Of this I cannot tell whether it was carried out: Book table."
    ledger.writes = WrittenTools(
        done=frozenset(("book_table",)), unknown=frozenset(("book_table",))
    )
    both = await guard.tell_what_was_done("en")
    assert both.endswith(told)
    assert both != told
    assert "לדעת" in await guard.tell_what_was_done("he")
