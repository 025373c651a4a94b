"""Where things stand: right to left mirrors left to right, and the corner is the shop's choice.

Distances are compared and no pictures: type differs from machine to machine.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat_page import ChatPage
from tests.browser.widget_states import LOOKS, Look, show

CROWDED = [
    "greeting with quick replies",
    "a person has taken over",
    "sources unfolded",
    "long table, code and word",
    "form with complaints",
    "stars",
    "menu",
    "failed, waiting time",
    "message too long",
]

MEASURE = """(frame) => {
    const { left, right, top } = frame.getBoundingClientRect();
    const isMirrored = getComputedStyle(frame).direction === 'rtl';
    return [...frame.querySelectorAll('*')].flatMap((node) => {
        const box = node.getBoundingClientRect();
        // Inside a text its own letters say which way it runs.
        if (!node.checkVisibility() || node.parentElement.closest('.text, li, svg, bdi')) return [];
        if (node.closest('.hidden-text, bdi, option')) return [];
        const start = isMirrored ? right - box.right : box.left - left;
        const name = node.getAttribute('class') || node.localName;
        return [[name, start, box.top - top, box.width, box.height]];
    });
}"""


def test_words_in_a_table_stay_whole(browser: Browser, scripted_server: str):
    state = "long table, code and word"
    with show(browser, scripted_server, LOOKS["small phone"], state) as (chat, _):
        lines = chat.window.locator("td:first-child").evaluate_all("""cells => cells.map((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return new Set([...range.getClientRects()].map((line) => line.top)).size;
        })""")
        assert lines == [1, 1, 2]  # "Four cheese" is two words
        scrolls = "table => table.scrollWidth > table.clientWidth"
        assert chat.window.locator(".table").evaluate(scrolls)


@pytest.mark.parametrize("state", [*CROWDED, "ended and rated", "rated by a thumb"])
def test_right_to_left_is_left_to_right_mirrored(
    browser: Browser, scripted_server: str, state: str
):
    sizes = {}
    for direction in ("ltr", "rtl"):
        look = Look(config={"direction": direction})
        with show(browser, scripted_server, look, state) as (chat, _):
            assert chat.window.evaluate("node => getComputedStyle(node).direction") == direction
            sizes[direction] = chat.window.evaluate(MEASURE)
    expect_alike(sizes["ltr"], sizes["rtl"])


@pytest.mark.parametrize("state", ["unread badge", "teaser"])
def test_what_stands_at_the_bubble_is_mirrored_too(
    browser: Browser, scripted_server: str, state: str
):
    sizes = {}
    for direction in ("ltr", "rtl"):
        look = Look(config={"direction": direction})
        with show(browser, scripted_server, look, state) as (chat, _):
            frame = chat.bubble if state == "unread badge" else teaser_of(chat)
            sizes[direction] = frame.evaluate(MEASURE)
    expect_alike(sizes["ltr"], sizes["rtl"])


@pytest.mark.parametrize("position", ["bottom-right", "bottom-left", "top-right", "top-left"])
def test_the_corner_is_the_shop_s_choice_in_both_directions(
    browser: Browser, scripted_server: str, position: str
):
    vertical, horizontal = position.split("-")
    for direction in ("ltr", "rtl"):
        look = Look(attributes={"position": position}, config={"direction": direction})
        with show(browser, scripted_server, look, "teaser") as (chat, _):
            expect(teaser_of(chat)).to_be_visible()
            chat.bubble.click()
            for part in (chat.bubble, chat.window):
                box = part.bounding_box()
                assert box is not None
                right = 1280 - box["x"] - box["width"]
                assert (box["x"] if horizontal == "left" else right) == pytest.approx(20, abs=1)
            chat.page.mouse.move(640, 400)  # under the mouse it is a little raised
            box = chat.bubble.bounding_box()
            assert box is not None
            bottom = 800 - box["y"] - box["height"]
            assert (box["y"] if vertical == "top" else bottom) == pytest.approx(20, abs=1)


def teaser_of(chat: ChatPage) -> Any:
    return chat.page.get_by_test_id("csai-teaser").locator("xpath=..")


def expect_alike(ones: list[list[Any]], others: list[list[Any]]) -> None:
    assert [one[0] for one in ones] == [other[0] for other in others]
    different = [
        (one, other)
        for one, other in zip(ones, others, strict=True)
        if any(abs(a - b) > 1 for a, b in zip(one[1:], other[1:], strict=True))
    ]
    assert different == []
