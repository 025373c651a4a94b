"""One visitor with several tabs: one conversation, whatever is done in which of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.chat_page import ChatPage
from tests.browser.line_visit import SESSION, read_shown
from tests.fakes.background import Background
from tests.fakes.loopback_http import Exchange
from tests.fakes.ollama_server import STREAM_TYPE, FakeOllama, Say, Step
from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import RunningServer
from tests.http.slow_ollama import GatedOllama, echo, use_ollama

expect.set_options(timeout=15_000)
DOUGH = "Good dough rises slowly."


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


def open_tab(context: BrowserContext, server: RunningServer) -> ChatPage:
    page = context.new_page()
    page.goto(f"{server.base_url}/demo")
    tab = ChatPage(page)
    tab.open()
    return tab


@pytest.fixture
def tabs(context: BrowserContext, demo_server: RunningServer) -> tuple[ChatPage, ChatPage]:
    return open_tab(context, demo_server), open_tab(context, demo_server)


def load_stored(tab: ChatPage, server: RunningServer) -> list[tuple[str, str]]:
    visitor = Visitor(server, read_demo_key(server))
    visitor.session_id = tab.page.evaluate(SESSION)
    lines = visitor.lines()
    visitor.http.close()
    return lines


def test_two_that_begin_at_once_begin_one_conversation(context: BrowserContext, tmp_path):
    background = Background()
    ollama = GatedOllama(echo)
    with (
        background.serve(ollama),
        RunningServer(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        one, two = open_tab(context, server), open_tab(context, server)
        one.send("first here")
        two.send("first there")
        expect(one.typing).to_be_visible()
        expect(two.typing).to_be_visible()
        background.call(ollama.gate.set)
        for tab in (one, two):
            expect(tab.said_by("user")).to_have_count(2)
            expect(tab.said_by("assistant")).to_have_count(3)
        stored = load_stored(one, server)
        assert sorted(text for role, text in stored if role == "user") == [
            "first here",
            "first there",
        ]
        assert read_shown(one) == read_shown(two) == stored
        operator = Operator(server)
        assert len(operator.call("GET", "/conversations")["items"]) == 1
        operator.http.close()
        for tab in (one, two):
            tab.page.goto("about:blank")


def test_what_is_said_in_one_appears_in_the_other(tabs, demo_server: RunningServer):
    one, two = tabs
    one.ask("When are you open?", "11:00–22:00")
    expect(two.said_by("user")).to_have_text(["When are you open?"])
    expect(two.said_by("assistant").last).to_contain_text("11:00–22:00")
    two.ask("Where is my order 12345?", "out for delivery")
    expect(one.said_by("user")).to_have_count(2)
    expect(one.said_by("assistant").last).to_contain_text("out for delivery")
    assert read_shown(one) == read_shown(two)


def test_a_draft_stays_in_its_tab_and_nothing_is_unread_that_was_read_elsewhere(tabs):
    one, two = tabs
    two.input.fill("half a thought")
    two.page.keyboard.press("Escape")
    expect(two.window).to_be_hidden()
    one.ask("When are you open?", "11:00–22:00")
    expect(two.said_by("assistant")).to_have_count(2)
    expect(two.page.get_by_test_id("csai-badge")).to_be_hidden()
    assert one.input.input_value() == ""
    two.page.reload()
    two.open()
    expect(two.input).to_have_value("half a thought")
    expect(two.said_by("user")).to_have_count(1)
    assert read_shown(one) == read_shown(two)


def test_an_end_in_one_is_seen_in_the_other(tabs):
    one, two = tabs
    one.ask("When are you open?", "11:00–22:00")
    expect(two.said_by("assistant")).to_have_count(2)
    one.page.get_by_test_id("csai-menu").click()
    one.page.get_by_test_id("csai-restart").click()
    expect(one.said_by("user")).to_have_count(0)
    expect(two.window.locator(".notice")).to_be_visible()
    assert two.page.evaluate(SESSION) == ""
    one.ask("Where is my order 12345?", "out for delivery")
    expect(two.said_by("user")).to_have_text(["Where is my order 12345?"])
    two.ask("When are you open?", "11:00–22:00")
    expect(one.said_by("user")).to_have_count(2)
    assert read_shown(one) == read_shown(two)


@dataclass
class PausingOllama(GatedOllama):
    """Says two pieces of each answer, and the rest once ``gate`` is open."""

    async def _perform(self, exchange: Exchange, body: Any, step: Step) -> None:
        await FakeOllama._perform(self, exchange, body, step)

    async def _stream(self, exchange: Exchange, lines: Sequence[bytes], *, ends: bool) -> None:
        await exchange.start(200, content_type=STREAM_TYPE)
        await exchange.chunk(b"".join(lines[:2]))
        await self.gate.wait()
        await exchange.chunk(b"".join(lines[2:]))
        await exchange.end()


@pytest.mark.parametrize("heir", ["the other tab", "the next visit"])
def test_an_answer_to_a_tab_that_was_closed_is_not_lost(context, tmp_path, heir):
    background = Background()
    ollama = PausingOllama(lambda _: Say(text=("Good dough ", "rises ", "slowly.")))
    with (
        background.serve(ollama),
        RunningServer(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        one = open_tab(context, server)
        two = open_tab(context, server) if heir == "the other tab" else None
        one.send("Is it warm?")
        expect(one.said_by("assistant").last).to_have_text("Good dough rises")
        one.page.close()
        two = two or open_tab(context, server)
        expect(two.said_by("assistant").last).to_have_text("Good dough rises")
        background.call(ollama.gate.set)
        expect(two.said_by("assistant").last).to_have_text(DOUGH)
        expected = [("user", "Is it warm?"), ("assistant", DOUGH)]
        assert read_shown(two) == load_stored(two, server) == expected
        two.page.goto("about:blank")
