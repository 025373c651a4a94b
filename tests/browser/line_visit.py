"""One visitor of ``tests.browser.bad_line``, who does what visitors do and gives up on nothing.

Owns reloading, going offline, opening a second tab and all else that happens to a page, and the
comparison of what was sent, what the server stored, what the model said and what the widget shows.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from playwright.sync_api import BrowserContext

from tests.browser.chat_page import ChatPage
from tests.browser.line_stage import Stage, spell
from tests.http.clients import Visitor

ACTS_PER_VISIT = 8
SETTLE_S = 60.0
SHOW_S = 5.0
OFFER = "\n\n"
"""Begins what the appliance adds when a conversation gets nowhere: that a person can take over."""
POLL_S = 0.03
ROOT = "document.querySelector('csai-widget').shadowRoot"
SHOWN = f"""[...{ROOT}.querySelectorAll('[data-testid=csai-message]')]
    .map((one) => [one.dataset.role, one.textContent])"""
WAITS = """Object.entries(sessionStorage)
    .some(([name, value]) => name.endsWith(':pending') && value !== '')"""
SESSION = """Object.entries(localStorage)
    .filter(([name]) => name.endsWith(':session'))
    .map(([, value]) => JSON.parse(value).session_id)[0] ?? ''"""
RETRY = f"{ROOT}.querySelector('[data-testid=csai-retry]:not([hidden], :disabled)')?.click()"


class Deviation(AssertionError):
    """Something was lost, doubled, changed or out of order."""


class Visit:
    """One visitor's conversation in one fresh profile; ``done`` tells what happened so far."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage = stage
        self.rng = rng
        self.context: BrowserContext = stage.browser.new_context()
        self.context.set_default_timeout(15_000)
        self.tabs: list[ChatPage] = []
        self.sent: list[list[str]] = []
        self.done: list[str] = []

    def run(self) -> None:
        """Talk over the bad line, wait on a good one until everything is answered, and compare.

        Raises:
            Deviation: It did not come out as it should.
        """
        self.open_tab()
        self.stage.line.is_bad = True
        for _ in range(ACTS_PER_VISIT):
            self.act()
        self.stage.line.is_bad = False
        self.settle()
        self.compare()
        self.reload(self.tabs[0])
        self.compare()
        self.context.close()

    @property
    def messages(self) -> int:
        """How many were sent."""
        return sum(map(len, self.sent))

    def open_tab(self) -> None:
        """Open the shop once more and the chat's window in it."""
        page = self.context.new_page()
        page.goto(self.stage.site.origin)
        tab = ChatPage(page)
        tab.open()
        self.tabs.append(tab)
        self.sent.append([])

    def act(self) -> None:
        """Send a message, or a few; and do some of what visitors do meanwhile."""
        rng = self.rng
        if len(self.tabs) < 2 and rng.random() < 0.08:
            self.done.append("opens another tab")
            self.open_tab()
        number = rng.randrange(len(self.tabs))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self.send(number)
        (meanwhile,) = rng.choices(
            (self.wait_a_while, self.reload_soon, self.go_offline, self.fold, self.hurry),
            weights=(60, 12, 8, 6, 14),
        )
        self.done.append(f"{meanwhile.__name__} in tab {number}")
        meanwhile(self.tabs[number])

    def send(self, number: int) -> None:
        """Send a message from a tab."""
        text = f"{spell(self.rng)} שמרים {spell(self.rng)}"
        self.sent[number].append(text)
        self.done.append(f"sends {text!r} in tab {number}")
        tab = self.tabs[number]
        self.check_composer(tab, "came back from earlier")
        tab.send(text)
        self.check_composer(tab, "was not taken, or came back")

    def check_composer(self, tab: ChatPage, what: str) -> None:
        """See that nothing stands where the visitor writes.

        Raises:
            Deviation: Something does.
        """
        if left := tab.input.input_value():
            told = tab.failure.all_inner_texts()
            raise Deviation(f"{left!r} {what}; told was {told}")

    def wait_a_while(self, tab: ChatPage) -> None:
        """Give the answer some time, trying again when the widget offers to."""
        self.poll(lambda: not tab.page.evaluate(WAITS), [tab], for_s=1.5)

    def reload_soon(self, tab: ChatPage) -> None:
        """Reload at whatever moment."""
        time.sleep(self.rng.uniform(0, 0.4))
        self.reload(tab)

    def reload(self, tab: ChatPage) -> None:
        """Load the page again, on a line that lets the page itself through."""
        tab.page.reload()
        tab.input.wait_for()

    def go_offline(self, _: ChatPage) -> None:
        """Lose the network and find it again."""
        self.context.set_offline(True)
        time.sleep(self.rng.uniform(0, 0.4))
        self.context.set_offline(False)

    def fold(self, tab: ChatPage) -> None:
        """Close the chat's window and open it again."""
        tab.page.evaluate("CSAI('close')")
        time.sleep(self.rng.uniform(0, 0.2))
        tab.page.evaluate("CSAI('open')")

    def hurry(self, _: ChatPage) -> None:
        """Wait for nothing."""

    def poll(self, is_so: Callable[[], bool], tabs: list[ChatPage], *, for_s: float) -> bool:
        """Wait until it is so, pressing what offers to try again; say whether it came to be."""
        deadline = time.monotonic() + for_s
        while not is_so():
            if time.monotonic() > deadline:
                return False
            for tab in tabs:
                tab.page.evaluate(RETRY)
            time.sleep(POLL_S)
        return True

    def settle(self) -> None:
        """Wait until every message has its answer.

        Raises:
            Deviation: It takes too long.
        """

        def is_settled() -> bool:
            return not any(tab.page.evaluate(WAITS) for tab in self.tabs)

        if not self.poll(is_settled, self.tabs, for_s=SETTLE_S):
            shown = [tab.page.evaluate(SHOWN) for tab in self.tabs]
            raise Deviation(f"messages without an answer after {SETTLE_S} s: {shown}")

    def compare(self) -> None:
        """Hold what was sent against what was stored, said and shown.

        Raises:
            Deviation: They differ.
        """
        for tab in self.tabs:
            self.check_composer(tab, "came back")
        stored = self.load_stored()
        asked = [text for role, text in stored if role == "user"]
        sent = Counter(text for texts in self.sent for text in texts)
        if Counter(asked) != sent:
            lost, doubled = sent - Counter(asked), Counter(asked) - sent
            raise Deviation(f"stored messages: lost {lost}, doubled {doubled}")
        if [role for role, _ in stored] != ["user", "assistant"] * len(asked):
            raise Deviation(f"not one answer after each message: {stored}")
        for texts in self.sent:
            order = iter(asked)
            if not all(text in order for text in texts):
                raise Deviation(f"out of order: sent {texts}, stored {asked}")
        for (_, question), (_, answer) in zip(stored[::2], stored[1::2], strict=True):
            said, *_ = answer.split(OFFER)
            if said not in self.stage.ollama.said.get(question, []):
                raise Deviation(f"{question!r} got an answer that no model gave: {answer!r}")
        wanted = [(role, text.replace(OFFER, "")) for role, text in stored]
        for number, tab in enumerate(self.tabs):
            if not self.poll(lambda tab=tab: read_shown(tab) == wanted, [tab], for_s=SHOW_S):
                shown = "\n  ".join(map(str, read_shown(tab)))
                missed = "\n  ".join(map(str, wanted))
                raise Deviation(f"tab {number} shows\n  {shown}\nbut stored is\n  {missed}")

    def load_stored(self) -> list[tuple[str, str]]:
        """Return role and text of the messages that the server has."""
        visitor = Visitor(self.stage.server, self.stage.shop.api_key)
        visitor.session_id = self.tabs[0].page.evaluate(SESSION)
        lines = visitor.lines()
        visitor.http.close()
        return lines


def read_shown(tab: ChatPage) -> list[tuple[str, str]]:
    """Return role and text of what a tab shows, but the greeting."""
    return [(role, text) for role, text in tab.page.evaluate(SHOWN)][1:]
