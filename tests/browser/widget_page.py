"""A page with the widget on it, as a visitor uses it."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

ANSWERED = '[data-testid="csai-message"][data-role="assistant"]:not([data-streaming])'


class WidgetPage:
    """Drives the widget; ``complaints`` are console errors and uncaught exceptions."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._requests: list[str] = []
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._requests.append(request.url))

    @property
    def window(self) -> Locator:
        return self.page.get_by_test_id("csai-window")

    @property
    def input(self) -> Locator:
        return self.page.get_by_test_id("csai-input")

    @property
    def messages(self) -> Locator:
        return self.page.get_by_test_id("csai-message")

    @property
    def answers(self) -> Locator:
        return self.page.locator(ANSWERED)

    def visit(self, url: str) -> None:
        self.page.goto(url)
        self.page.get_by_test_id("csai-bubble").wait_for()

    def open(self) -> None:
        self.page.get_by_test_id("csai-bubble").click()
        expect(self.input).to_be_focused()

    def ask(self, text: str) -> str:
        """Send ``text`` and return the finished answer."""
        before = self.answers.count()
        self.input.fill(text)
        self.page.keyboard.press("Enter")
        return self.wait_for_answer(before)

    def tap(self, label: str) -> str:
        """Choose a quick reply and return the finished answer."""
        before = self.answers.count()
        self.page.get_by_test_id("csai-quick-reply").filter(has_text=label).click()
        return self.wait_for_answer(before)

    def wait_for_answer(self, before: int) -> str:
        expect(self.answers).to_have_count(before + 1)
        expect(self.page.get_by_test_id("csai-typing")).to_be_hidden()
        return self.answers.last.inner_text()

    def texts(self) -> list[str]:
        return self.messages.all_inner_texts()

    def foreign_requests(self, own: str) -> list[str]:
        return [
            url
            for url in self._requests
            if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != own
        ]

    def _note_console(self, message: object) -> None:
        kind = getattr(message, "type", "")
        if kind in ("error", "warning"):
            self.complaints.append(str(getattr(message, "text", message)))
