"""The snippets of docs/widget.md as they stand, on pages that treat them as site builders do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch
from tests.browser.shop_page import ShopServer
from tests.http.clients import Operator
from tests.http.running_server import RunningServer

GUIDE = (Path(__file__).parents[2] / "docs" / "widget.md").read_text(encoding="utf-8")
TAG, LOADER, STUB, BUTTON = re.findall(r"```html\n(.*?)```", GUIDE, re.DOTALL)
(WORDPRESS,) = re.findall(r"\?>\n(.*?)<\?php", GUIDE, re.DOTALL)
BUSINESS = {"hours": {"Monday": "09:00–17:00"}}

BY_TAG_MANAGER = """<script>
const holder = document.createElement("template");
holder.innerHTML = {snippet};
for (const given of holder.content.querySelectorAll("script")) {{
  const script = document.createElement("script");
  if (given.src) script.src = given.src; else script.text = given.text;
  document.body.append(script);
}}
</script>"""
BY_SITE_BUILDER = """<script>
addEventListener("load", () => {{
  document.body.append(document.createRange().createContextualFragment({snippet}));
}});
</script>"""


def put_in(template: str, snippet: str) -> str:
    """Return a script that puts the snippet into the page later."""
    return template.format(snippet=json.dumps(snippet).replace("</", "<\\/"))


WAYS = {
    "tag": TAG,
    "loader": LOADER,
    "wordpress": WORDPRESS,
    "twice": LOADER + LOADER,
    "tag and loader": TAG + LOADER,
    "site builder": put_in(BY_SITE_BUILDER, LOADER),
    "site builder, with attributes": put_in(BY_SITE_BUILDER, TAG),
    "tag manager": put_in(BY_TAG_MANAGER, LOADER),
}


@pytest.fixture
def place(site: ShopServer, operator: Operator, demo_server: RunningServer):
    """Put a snippet on the shop's page, with the shop's own address and key."""
    shop = operator.make_shop("Page Shop", allowed_origins=[site.origin], business_info=BUSINESS)

    def place(snippet: str) -> None:
        assert "https://chat.example.com" in snippet
        snippet = snippet.replace("https://chat.example.com", demo_server.base_url)
        site.snippet = snippet.replace("pk_…", shop.api_key).replace("pk_\\u2026", shop.api_key)

    return place


@pytest.mark.parametrize("way", WAYS)
def test_a_snippet_brings_one_widget(way: str, page: Page, site: ShopServer, place):
    place(WAYS[way])
    page.goto(site.origin)
    chat = ChatPage(page)
    expect(chat.bubble).to_have_count(1)
    chat.open()
    chat.ask("When are you open?", "09:00–17:00")
    assert page.locator("[data-testid=csai-bubble]").count() == 1


def test_the_stub_keeps_what_is_asked_for_before(page: Page, site: ShopServer, place):
    asked = "<script>CSAI('on', 'ready', () => window.isReady = true); CSAI('open')</script>"
    place(STUB + asked + TAG)
    page.goto(site.origin)
    expect(ChatPage(page).window).to_be_visible()
    assert page.evaluate("window.isReady") is True


def test_a_page_can_have_a_button_of_its_own(page: Page, site: ShopServer, place):
    place(TAG.replace(" async", ' data-hide-launcher="true" async') + BUTTON)
    page.goto(site.origin)
    chat = ChatPage(page)
    page.get_by_role("button", name="Ask us").click()
    expect(chat.window).to_be_visible()
    expect(chat.bubble).to_be_hidden()


def test_a_page_that_never_reloads_keeps_it_and_says_where_it_is(
    page: Page, site: ShopServer, place
):
    place(LOADER)
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    page.evaluate("history.pushState({}, '', '/basket?token=secret')")
    with page.expect_request("**/chat/message") as sent:
        chat.ask("When are you open?", "09:00–17:00")
    assert sent.value.post_data_json["page_url"] == f"{site.origin}/basket"
    page.evaluate("CSAI('shutdown')")
    expect(chat.window).to_have_count(0)
    page.evaluate("key => CSAI('init', { apiKey: key })", sent.value.headers["x-api-key"])
    expect(chat.window).to_be_visible()  # it was open
    expect(chat.said_by("user")).to_have_text(["When are you open?"])


def test_a_checked_tag_brings_the_widget_and_its_extras(
    page: Page, site: ShopServer, operator: Operator
):
    shop = operator.make_shop("Page Shop", allowed_origins=[site.origin], business_info=BUSINESS)
    path = f"/tenants/{shop.id}/embed?api_key={shop.api_key}&pinned=true"
    site.snippet = operator.call("GET", path)["snippet"]
    assert 'integrity="sha' in site.snippet
    page.goto(site.origin)
    chat = ChatPage(page)
    with page.expect_response(lambda answer: "/widget-extras." in answer.url) as extras:
        chat.open()
    assert extras.value.ok
    chat.ask("When are you open?", "09:00–17:00")


def test_a_file_that_is_not_the_checked_one_is_refused(
    page: Page, watch: Watch, site: ShopServer, operator: Operator
):
    watch.expected += ["integrity"]
    shop = operator.make_shop("Page Shop", allowed_origins=[site.origin], business_info=BUSINESS)
    path = f"/tenants/{shop.id}/embed?api_key={shop.api_key}&pinned=true"
    snippet = operator.call("GET", path)["snippet"]
    site.snippet = re.sub(r"/widget\.\w+\.js", "/widget.js", snippet).replace("sha384-", "sha384-A")
    page.goto(site.origin)
    expect(page.get_by_role("heading", name="A shop")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(ChatPage(page).bubble).to_have_count(0)


def test_every_attribute_is_told_of_and_no_other():
    source = (Path(__file__).parents[2] / "widget" / "src" / "settings.ts").read_text("utf-8")
    table = source[source.index("READERS = {") : source.index("};")]
    read = set(re.findall(r"^  (\w+):", table, re.MULTILINE))
    read = read - {"direction", "texts", "quickReplies", "preChat"} | {"apiKey", "apiUrl"}
    rows = re.findall(r"^\| (`data-.*?) \|", GUIDE, re.MULTILINE)
    told = {
        re.sub(r"-(\w)", lambda match: match[1].upper(), name)
        for name in re.findall(r"data-([\w-]+)", " ".join(rows))
    }
    assert told == read | {"identityToken"}
