"""An answer while it is written, and an answer that does not come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch
from tests.browser.scripted_server import run_scripted_server
from tests.fakes.background import Background
from tests.fakes.model_script import Stall
from tests.fakes.ollama_server import FakeOllama, Say
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import RunningServer
from tests.http.slow_ollama import ANSWER, GatedOllama, say_answer, use_ollama


@pytest.fixture
def background() -> Background:
    return Background()


def open_chat(page: Page, server: RunningServer) -> ChatPage:
    page.goto(f"{server.base_url}/demo")
    chat = ChatPage(page)
    chat.open()
    return chat


def test_dots_are_shown_until_the_answer_comes(page: Page, tmp_path, background: Background):
    ollama = GatedOllama(say_answer)
    with (
        background.serve(ollama),
        RunningServer(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        chat = open_chat(page, server)
        before = chat.said_by("assistant").count()
        chat.send("Is it warm?")
        expect(chat.said_by("user").last).to_have_text("Is it warm?")
        expect(chat.typing).to_be_visible()
        background.call(ollama.gate.set)
        expect(chat.said_by("assistant").nth(before)).to_have_text(ANSWER)
        expect(chat.typing).to_be_hidden()
        page.goto("about:blank")


def test_text_is_shown_while_the_model_still_writes(page: Page, tmp_path, background: Background):
    stalled = Stall(Say(text=("Good dough ", "rises ", "slowly.")), after_events=2)
    ollama = FakeOllama(lambda _: stalled)
    with (
        background.serve(ollama),
        RunningServer(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        chat = open_chat(page, server)
        chat.send("Is it warm?")
        answer = chat.said_by("assistant").last
        expect(answer).to_have_text("Good dough rises")
        expect(answer).to_have_attribute("data-streaming", "")
        page.goto("about:blank")
        background.run(ollama.has_hung_up.wait())


def test_an_answer_can_be_used_while_it_is_written(page: Page):
    words = "and then turn left at the old bakery " * 4
    with run_scripted_server(delay_ms=60) as origin:
        page.goto(origin)
        chat = ChatPage(page)
        chat.open()
        chat.send(f"say Directions: [our map]({origin}/?map) {words}.")
        answer = chat.said_by("assistant").last
        link = answer.get_by_role("link")
        link.hover()
        page.mouse.down()
        length = len(answer.inner_text())
        page.wait_for_timeout(300)
        assert len(answer.inner_text()) > length
        with page.context.expect_page() as followed:
            page.mouse.up()
        assert followed.value.url == f"{origin}/?map"
        expect(page.locator("[data-streaming]")).to_have_count(1)
        followed.value.close()
        expect(page.locator("[data-streaming]")).to_have_count(0)
        page.goto("about:blank")


def test_a_selection_in_an_answer_outlasts_what_follows(page: Page):
    with run_scripted_server(delay_ms=60) as origin:
        page.goto(origin)
        chat = ChatPage(page)
        chat.open()
        chat.send("say Directions: " + "turn left at the old bakery " * 4)
        answer = chat.said_by("assistant").last
        expect(answer).to_contain_text("turn left")
        answer.dblclick(position={"x": 24, "y": 20})
        expect(page.locator("[data-streaming]")).to_have_count(1)
        expect(page.locator("[data-streaming]")).to_have_count(0)
        selected = "(one) => String(one.getRootNode().getSelection()).trim()"
        assert answer.evaluate(selected) == "Directions"
        page.goto("about:blank")


@pytest.fixture
def restarted(tmp_path) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path)
    server.start()
    yield server
    server.kill()


def test_a_server_that_comes_back_loses_and_doubles_nothing(
    page: Page, watch: Watch, restarted: RunningServer
):
    watch.expected += ["ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"]
    watch.expected += ["ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_SOCKET_NOT_CONNECTED"]
    chat = open_chat(page, restarted)
    chat.ask("Where is my order 12345?", "out for delivery")
    restarted.stop()
    chat.send("When are you open?")
    expect(chat.failure).to_be_visible()
    expect(chat.retry).to_be_visible()
    expect(chat.said_by("user").last).to_have_text("When are you open?")
    restarted.start()
    expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00", timeout=60_000)
    expect(chat.failure).to_be_hidden()
    expect(chat.said_by("user")).to_have_text(["Where is my order 12345?", "When are you open?"])
    session = page.evaluate(
        "Object.entries(localStorage).find(([name]) => name.endsWith(':session'))[1]"
    )
    visitor = Visitor(restarted, read_demo_key(restarted))
    visitor.session_id = next(part for part in session.split('"') if part.startswith("vs_"))
    assert [role for role, _ in visitor.lines()] == ["user", "assistant"] * 2
    visitor.http.close()
    restarted.stop()
