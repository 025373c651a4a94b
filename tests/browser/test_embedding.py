"""The widget on a shop's own page: another origin, under the strictest policy that allows it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch
from tests.browser.shop_page import ShopServer
from tests.http.clients import Operator, Shop
from tests.http.running_server import RunningServer

BUSINESS = {"hours": {"Monday": "09:00–17:00"}}


def embed(site: ShopServer, operator: Operator, server: RunningServer, shop: Shop) -> None:
    """Put the operator's snippet on the page, under a policy that trusts no script but ours."""
    path = f"/tenants/{shop.id}/embed?api_key={shop.api_key}"
    site.snippet = operator.call("GET", path)["snippet"]
    site.policy = (
        f"default-src 'none'; script-src {server.base_url}; connect-src {server.base_url}; "
        "style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def test_it_works_where_the_shop_allows_it(
    page: Page, watch: Watch, site: ShopServer, operator: Operator, demo_server: RunningServer
):
    shop = operator.make_shop("Page Shop", allowed_origins=[site.origin], business_info=BUSINESS)
    embed(site, operator, demo_server, shop)
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    expect(chat.window).to_contain_text("Page Shop")
    chat.ask("When are you open?", "09:00–17:00")
    page.reload()
    expect(chat.said_by("user")).to_have_text(["When are you open?"])
    own = {url.removeprefix("http://") for url in (site.origin, demo_server.base_url)}
    assert watch.hosts == own


def test_it_says_so_where_the_shop_does_not(
    page: Page, watch: Watch, site: ShopServer, operator: Operator, demo_server: RunningServer
):
    watch.expected += ["CORS policy", "ERR_FAILED", "403"]
    shop = operator.make_shop("Page Shop", allowed_origins=["https://elsewhere.example"])
    embed(site, operator, demo_server, shop)
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    chat.send("When are you open?")
    expect(chat.failure).to_be_visible()
    said = chat.failure.inner_text()
    assert said.strip()
    for technical in ("CORS", "403", "Error", "undefined", "origin_not_allowed", "fetch"):
        assert technical not in said
    expect(chat.input).to_be_enabled()


def test_a_wrong_key_leaves_the_page_alone(
    page: Page, watch: Watch, site: ShopServer, operator: Operator, demo_server: RunningServer
):
    watch.expected += ["CORS policy", "ERR_FAILED", "401"]
    shop = operator.make_shop("Page Shop", allowed_origins=[site.origin])
    embed(site, operator, demo_server, Shop(shop.id, "pk_wrong", shop.signing_secret))
    page.goto(site.origin)
    expect(page.get_by_role("heading", name="A shop")).to_be_visible()
    chat = ChatPage(page)
    chat.open()
    chat.send("When are you open?")
    expect(chat.failure).to_be_visible()
