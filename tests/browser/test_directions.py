"""Mixed text as it is seen: where each word and each number stands, measured in the browser.

Owns the order of what is drawn; which sentence runs which way is the widget's own tests' to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat_page import ChatPage

MEASURE = r"""(block, pieces) => {
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  const find = (at) => {
    for (const node of nodes) {
      if (at <= node.length) return [node, at];
      at -= node.length;
    }
  };
  const measure = (from, to) => {
    const range = document.createRange();
    range.setStart(...find(from));
    range.setEnd(...find(to));
    return [...range.getClientRects()].filter(({ width }) => width > 0);
  };
  const left = (boxes) => Math.min(...boxes.map((box) => box.left));
  const text = nodes.map((node) => node.data).join("");
  return pieces.map((piece) => {
    const from = text.indexOf(piece);
    const to = from + piece.length;
    return {
      left: left(measure(from, to)),
      first: left(measure(from, from + 1)),
      last: left(measure(to - 1, to)),
    };
  });
}"""
"""Where pieces of a block's text stand, and their first and last characters."""

FROM_THE_RIGHT = [
    ("ההזמנה #A-1043 תגיע", ["ההזמנה", "#A-1043", "תגיע"]),
    ("התקשרו 03-555-1234 (שלוחה 2)", ["התקשרו", "03-555-1234", "(שלוחה"]),
    ("התקשרו (03) 555-1234 או כתבו", ["התקשרו", "(03) 555-1234", "או כתבו"]),
    ("SodaStream Terra במלאי, גם בלבן", ["SodaStream Terra", "במלאי,", "גם בלבן"]),
    ("A-1043 יצאה למשלוח היום!", ["A-1043", "יצאה", "היום", "!"]),
    ("פתוח 10:00–17:00, סגור בשבת.", ["פתוח", "10:00–17:00", ",", "סגור בשבת", "."]),
    ("המחיר ₪1,299.90 כולל משלוח", ["המחיר", "₪1,299.90", "כולל"]),
    ("ראו https://shop.example/?b=1 לפני", ["ראו", "https://shop.example/?b=1", "לפני"]),
    ("כתבו אל dana@shop.example.", ["כתבו אל", "dana@shop.example"]),
    ("הריצו `npm install x` ואז המשיכו", ["הריצו", "npm install x", "ואז"]),
    ("לימוד C++ ו-256 GB בחינם", ["לימוד", "C++", "256 GB", "בחינם"]),
]
FROM_THE_LEFT = [
    (
        "Your order from מאפיית לחם #A-1043, on its way",
        ["Your order", "מאפיית לחם", "#A-1043", ","],
    ),
    ("Call דנה 03-555-1234 (ext 2)", ["Call", "דנה", "03-555-1234", "(ext 2)"]),
    ("The word שלום means peace!", ["The word", "שלום", "means peace", "!"]),
]


CASES = [(text, pieces, -1) for text, pieces in FROM_THE_RIGHT]
CASES += [(text, pieces, 1) for text, pieces in FROM_THE_LEFT]


@pytest.fixture
def said(page: Page, scripted_server: str) -> ChatPage:
    page.goto(f"{scripted_server}/?language=he")
    chat = ChatPage(page)
    chat.open()
    return chat


def check_order(block: Locator, text: str, pieces: Sequence[str], way: int) -> None:
    """Compare where ``pieces`` stand with the order they are written in."""
    found = block.evaluate(MEASURE, pieces)
    lefts = [way * one["left"] for one in found]
    assert lefts == sorted(lefts), text
    for piece, one in zip(pieces, found, strict=True):
        if piece.isascii() and len(piece) > 1:
            assert one["first"] < one["last"], (text, piece)


def test_an_answer_is_read_in_order(said: ChatPage):
    answer = said.ask("say " + "\n\n".join(text for text, _, _ in CASES), CASES[-1][1][0])
    for block, (text, pieces, way) in zip(answer.locator("> p").all(), CASES, strict=True):
        check_order(block, text, pieces, way)


def test_a_visitors_own_words_are_read_in_order(said: ChatPage):
    for text, pieces, way in CASES:
        said.send(text)
        message = said.said_by("user").last
        expect(message).to_have_text(text)
        # What is on its way is drawn anew when it arrives.
        expect(message.locator("..")).to_have_attribute("data-delivery", "sent")
        check_order(message, text, [piece for piece in pieces if " x" not in piece], way)


def test_the_items_and_cells_of_a_hebrew_answer_stand_at_one_side(said: ChatPage):
    table = "| מוצר | דגם |\n| --- | --- |\n| תנור | ABC-12 |\n| SodaStream Terra (new)! | #A-7 |"
    answer = said.ask(
        f"say הנה הרשימה:\n\n- תנור\n- SodaStream (new)!\n- #A-1043\n\n{table}", "#A-7"
    )
    for blocks in ("li > p", "td:first-child"):
        rights = answer.locator(blocks).evaluate_all(
            "(all) => all.map((one) => { const range = document.createRange();"
            " range.selectNodeContents(one);"
            " return Math.round(range.getBoundingClientRect().right) })"
        )
        assert len(set(rights)) == 1, (blocks, rights)
    items = answer.locator("li > p")
    check_order(items.nth(1), "an item", ["SodaStream", "(new)", "!"], 1)
    check_order(items.nth(2), "an item", ["#A-1043"], -1)
    check_order(answer.locator("td").nth(2), "a cell", ["SodaStream", "!"], 1)


def test_a_number_is_not_broken_at_the_end_of_a_line(said: ChatPage):
    numbers = ["03-555-1234", "(03) 555-1234", "10:00–17:00"]
    lines = [f"{'חנות ' * count}{number} היום" for count in range(4, 12) for number in numbers]
    answer = said.ask("say " + "\n\n".join(lines), lines[-1])
    heights = answer.locator("bdi").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert len(heights) == len(lines)
    assert max(heights) < 2 * min(heights)
