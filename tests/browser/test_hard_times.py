"""The widget when things go wrong: the server gone, a foreign page, a wrong key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.browser.widget_page import WidgetPage
from tests.http.clients import Operator
from tests.http.running_server import RunningServer, find_free_port


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def shop_site(folder: Path, port: int, snippet: str) -> Iterator[str]:
    """A shop's own website on another origin, with the snippet pasted in."""
    folder.mkdir()
    (folder / "index.html").write_text(
        f"<!doctype html><title>Corner shop</title><style>* {{ all: unset !important }}</style>"
        f'<link rel="icon" href="data:,"><h1>Corner shop</h1>{snippet}',
        encoding="utf-8",
    )
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}/"
        server.shutdown()
        thread.join()


def _snippet(server: RunningServer, key: str) -> str:
    return f'<script src="{server.base_url}/widget.js" data-api-key="{key}" async></script>'


def test_a_message_survives_a_restart_of_the_server(context: BrowserContext, tmp_path: Path):
    server = RunningServer(tmp_path).start()
    page = WidgetPage(context.new_page())
    page.visit(f"{server.base_url}/demo")
    page.open()
    page.ask("Where is my order 12345?")
    server.stop()
    page.input.fill("When are you open?")
    page.page.keyboard.press("Enter")
    retry = page.page.get_by_test_id("csai-retry")
    retry.wait_for(timeout=20_000)
    assert "When are you open?" in page.texts()[-1]
    server.start()
    before = page.answers.count()
    retry.click()
    assert "11:00" in page.wait_for_answer(before)
    asked = [text for text in page.texts() if "When are you open?" in text]
    assert len(asked) == 1
    page.page.reload()
    expect(page.answers.last).to_contain_text("11:00")
    assert len([text for text in page.texts() if "When are you open?" in text]) == 1
    server.stop()


def test_an_allowed_shop_page_talks(context: BrowserContext, demo: RunningServer, tmp_path: Path):
    port = find_free_port()
    operator = Operator(demo)
    shop = operator.make_shop(
        "Corner Shop",
        allowed_origins=[f"http://127.0.0.1:{port}"],
        business_info={"hours": {"Monday": "09:00-17:00"}},
    )
    with shop_site(tmp_path / "site", port, _snippet(demo, shop.api_key)) as address:
        page = WidgetPage(context.new_page())
        page.visit(address)
        page.open()
        assert "09:00" in page.ask("When are you open?")
        assert page.complaints == []
    operator.http.close()


def test_a_page_that_is_not_allowed_gets_a_friendly_sentence(
    context: BrowserContext, demo: RunningServer, tmp_path: Path
):
    operator = Operator(demo)
    shop = operator.make_shop("Corner Shop", allowed_origins=["https://elsewhere.example"])
    demo.expect("origin_refused")
    with shop_site(tmp_path / "site", find_free_port(), _snippet(demo, shop.api_key)) as address:
        page = WidgetPage(context.new_page())
        page.visit(address)
        page.open()
        page.input.fill("Hello?")
        page.page.keyboard.press("Enter")
        failure = page.page.get_by_test_id("csai-error")
        failure.wait_for(timeout=20_000)
        assert "Traceback" not in failure.inner_text()
        assert len(failure.inner_text()) > 10
        assert any("Hello?" in text for text in page.texts()) or page.input.input_value()
    operator.http.close()


def test_a_wrong_key_leaves_the_page_alone(
    context: BrowserContext, demo: RunningServer, tmp_path: Path
):
    with shop_site(tmp_path / "site", find_free_port(), _snippet(demo, "pk_wrong")) as address:
        page = WidgetPage(context.new_page())
        page.visit(address)
        page.open()
        page.input.fill("Hello?")
        page.page.keyboard.press("Enter")
        page.page.get_by_test_id("csai-error").wait_for(timeout=20_000)
        expect(page.page.get_by_role("heading", name="Corner shop")).to_be_visible()
