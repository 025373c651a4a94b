"""The widget on a page, as a visitor uses it.

Owns finding its parts by their test ids; what they should show is left to the tests.
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


class ChatPage:
    """One page with the widget."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bubble = page.get_by_test_id("csai-bubble")
        self.window = page.get_by_test_id("csai-window")
        self.input = page.get_by_test_id("csai-input")
        self.send_button = page.get_by_test_id("csai-send")
        self.typing = page.get_by_test_id("csai-typing")
        self.failure = page.get_by_test_id("csai-error")
        self.retry = page.get_by_test_id("csai-retry")
        self.quick_replies = page.get_by_test_id("csai-quick-reply")
        self.messages = page.get_by_test_id("csai-message")

    def said_by(self, role: str) -> Locator:
        """Return the messages of ``user`` or ``assistant``, the greeting included."""
        return self.page.locator(f'[data-testid="csai-message"][data-role="{role}"]')

    def open(self) -> None:
        """Open the window by its bubble; the focus goes in."""
        self.bubble.click()
        expect(self.window).to_be_visible()
        expect(self.window.locator(":focus")).to_have_count(1)

    def send(self, text: str) -> None:
        """Write and send a message."""
        self.input.fill(text)
        self.send_button.click()

    def ask(self, text: str, expected: str) -> Locator:
        """Send a message and wait for an answer that holds ``expected`` and is complete."""
        before = self.said_by("assistant").count()
        self.send(text)
        answer = self.said_by("assistant").nth(before)
        expect(answer).to_contain_text(expected)
        expect(self.page.locator("[data-streaming]")).to_have_count(0)
        return answer

    def texts(self) -> list[str]:
        """Return the texts of all messages."""
        return self.messages.all_inner_texts()

    def is_hebrew(self) -> bool:
        """Return whether the widget speaks Hebrew to the visitor."""
        return self.window.locator("xpath=..").get_attribute("lang") == "he"
