"""The widget as its visitor's system wants it: dark, still, in few colours, in strong ones."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import open_page
from tests.browser.widget_states import LOOKS, Look, show

MOVING = "document.querySelector('csai-widget').shadowRoot.getAnimations().length"


EDGED = "button:visible, .text, .field, .failure:visible, select, .panel input"


def style_of(part: Locator, name: str) -> Any:
    return part.evaluate("(node, name) => getComputedStyle(node)[name]", name)


def test_the_system_s_dark_is_followed_while_it_is_open(browser: Browser, scripted_server: str):
    look = Look(browser={"color_scheme": "light"}, attributes={"theme": "auto"})
    with show(browser, scripted_server, look, "rated by a thumb") as (chat, _):
        chat.input.fill("half a sentence")
        assert style_of(chat.window, "backgroundColor") == "rgb(255, 255, 255)"
        chat.page.emulate_media(color_scheme="dark")
        expect(chat.window).to_have_css("background-color", "rgb(23, 25, 31)")
        expect(chat.input).to_have_value("half a sentence")
        chat.page.emulate_media(color_scheme="light")
        expect(chat.window).to_have_css("background-color", "rgb(255, 255, 255)")


@pytest.mark.parametrize(("taste", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_who_wants_it_still(
    browser: Browser, scripted_server: str, taste: str, moves: bool
):
    with open_page(browser, reduced_motion=taste) as (page, _):
        page.goto(scripted_server)
        chat = ChatPage(page)
        chat.open()
        chat.send("tool")
        expect(chat.typing).to_be_visible()
        page.wait_for_timeout(700)  # what comes in has come in
        assert (page.evaluate(MOVING) > 0) is moves
        page.keyboard.press("Escape")
        assert (page.evaluate(MOVING) > 0) is moves


@pytest.mark.parametrize("state", ["rated by a thumb", "stars", "menu", "form", "failed"])
def test_few_colours_keep_edges_and_icons(browser: Browser, scripted_server: str, state: str):
    with show(browser, scripted_server, LOOKS["forced colors"], state) as (chat, _):
        window = chat.window
        assert style_of(window, "outlineStyle") == "solid"
        ground = style_of(window, "backgroundColor")
        assert style_of(window, "outlineColor") != ground
        for part in window.locator(EDGED).all():
            if part.get_attribute("type") == "radio":
                continue
            assert style_of(part, "borderStyle") == "solid", part
            assert style_of(part, "borderColor") != ground, part
        for icon in window.locator("button:visible .icon").all():
            button = icon.locator("xpath=..")
            assert style_of(icon, "stroke") != style_of(button, "backgroundColor"), button


def test_dots_are_seen_in_few_colours(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["forced colors"], "tool running") as (chat, _):
        dot = chat.typing.locator(".dots i").first
        assert style_of(dot, "backgroundColor") != style_of(chat.window, "backgroundColor")


def test_pressed_and_checked_are_seen_in_few_colours(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["forced colors"], "rated by a thumb") as (chat, _):
        up, down = (chat.page.get_by_test_id(f"csai-thumb-{which}") for which in ("up", "down"))
        assert style_of(up.locator("svg"), "fill") != style_of(down.locator("svg"), "fill")


def test_more_contrast_leaves_nothing_grey(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["more contrast"], "rated by a thumb") as (chat, _):
        ink = style_of(chat.window, "color")
        assert style_of(chat.window.locator("time").last, "color") == ink
        assert style_of(chat.window.locator(".field"), "borderColor") in (ink, "rgb(194, 65, 12)")
        assert style_of(chat.said_by("assistant").last, "outlineStyle") == "solid"
