"""Hostile texts wherever a text can come from, cut anywhere: none becomes more than text.

The server streams for real, by the character; each piece is drawn for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch, open_page
from tests.browser.scripted_server import SCRIPTS, run_scripted_server

TEXTS: list[str] = json.loads((SCRIPTS / "hostile-texts.json").read_text("utf-8"))
PIECE = 25
"""So many messages to a conversation: a long one is slower to draw."""

GUARD = Path(__file__).with_name("hostile_guard.js").read_text("utf-8")


class HostilePage:
    """The widget before a hostile server, with a guard over all it draws and does."""

    def __init__(self, page: Page, watch: Watch, origin: str) -> None:
        self.page = page
        self.chat = ChatPage(page)
        self.watch = watch
        self.origin = origin
        self.dialogs: list[str] = []
        page.on("dialog", self._dismiss)
        self.load()

    def load(self) -> None:
        """Load the page, or load it again."""
        self.page.goto(f"{self.origin}/")
        expect(self.chat.bubble).to_be_visible()
        self.page.evaluate(GUARD)
        self.page.evaluate("guard.watch()")

    def open(self) -> None:
        self.page.evaluate("CSAI('open')")
        expect(self.chat.window).to_be_visible()

    def ask(self, text: str) -> None:
        self.page.evaluate("text => guard.ask(text)", text)

    def findings(self) -> list[str]:
        """Return all that is more than text: elements, attributes, addresses, requests, scripts."""
        found: list[str] = self.page.evaluate("guard.scan()")
        foreign = self.watch.hosts - {self.origin.removeprefix("http://")}
        requests = [f"request: {host}" for host in foreign]
        return [*found, *self.dialogs, *self.watch.unexpected(), *requests]

    def _dismiss(self, dialog) -> None:
        self.dialogs.append(f"script: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def hostile(browser: Browser, request: pytest.FixtureRequest) -> Iterator[HostilePage]:
    """A page whose server's answers are hostile, or as the parameter says its tenant too."""
    options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True}
    with (
        run_scripted_server("hostile-server-cli.mjs", getattr(request, "param", "")) as origin,
        open_page(browser, **options) as (page, watch),
    ):
        yield HostilePage(page, watch, origin)


def test_the_guard_sees_what_it_looks_for(hostile: HostilePage):
    hostile.page.evaluate(
        "guard.root.insertAdjacentHTML('beforeend',"
        " '<img src=https://canary.example/ onerror=alert(1)>"
        "<a href=javascript:alert(1) onclick=x>\u202e</a>')"
    )
    hostile.page.wait_for_function("guard.root.querySelector('img').complete")
    kinds = {finding.split(":")[0] for finding in hostile.findings()}
    assert {"element", "attribute", "address", "unseen", "script", "request"} <= kinds


def test_no_answer_becomes_more_than_text_wherever_it_is_cut(hostile: HostilePage):
    hostile.open()
    for start in range(0, len(TEXTS), PIECE):
        hostile.page.get_by_test_id("csai-restart").click()
        numbers = range(start, min(start + PIECE, len(TEXTS)))
        hostile.page.evaluate(
            "async (questions) => { for (const question of questions) await guard.ask(question) }",
            [f"{number} {TEXTS[number]}" for number in numbers],
        )
        assert hostile.findings() == []
    # Each piece of each answer was drawn for itself.
    assert hostile.page.evaluate("guard.drawn") > sum(map(len, TEXTS)) / 2
    assert hostile.page.evaluate("document.body.children.length") == 2
    before = hostile.chat.said_by("assistant").count()
    hostile.load()
    hostile.open()
    expect(hostile.chat.said_by("assistant")).to_have_count(before)
    assert hostile.findings() == []
    check_what_leaves(hostile)


@pytest.mark.parametrize("hostile", ["tenant"], indirect=True)
def test_no_person_and_no_tenant_brings_more_than_text(hostile: HostilePage):
    expect(hostile.page.get_by_test_id("csai-teaser")).to_be_visible()
    hostile.open()
    hostile.ask("person")
    expect(hostile.page.locator(".person")).to_have_count(len(TEXTS), timeout=30_000)
    expect(hostile.chat.quick_replies).to_have_count(0)
    assert hostile.findings() == []
    check_what_leaves(hostile)


def check_what_leaves(hostile: HostilePage) -> None:
    """Listeners and the saved file get no character that disguises others, and no forged line."""
    page = hostile.page
    page.get_by_test_id("csai-menu").click()
    with page.expect_download() as download:
        page.get_by_test_id("csai-menu-transcript").click()
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    told = page.evaluate("guard.told.join('')")
    for unseen in ("\0", "\x1b", "\u202e", "\u2066", "\u200f", "\ufeff"):
        assert unseen not in text + told
    assert "alert(1)" in text
    assert "\r\n[1/1/26" not in text
