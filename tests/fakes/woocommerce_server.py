"""A shop at WooCommerce on a loopback port: REST v3 behind WordPress, keys, pages and errors.

Owns behaving as WooCommerce documents; what is sold and who ordered is the test's.
"""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.loopback_http import SeenRequest
from tests.fakes.webhook_server import Answer, AnsweringServer, Reply, reply_json

ROOT = "/wp-json/wc/v3"
PAGE_404 = b"<!doctype html><title>Page not found</title>"


def refuse(code: str, message: str, status: int, **data: Any) -> Reply:
    """Return an error as WordPress's REST API writes it."""
    return reply_json(
        {"code": code, "message": message, "data": {"status": status, **data}}, status
    )


def order(order_id: int, email: str, *, number: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "number": number or str(order_id),
        "status": "processing",
        "currency": "ILS",
        "total": "120.00",
        "date_created": "2026-03-01T09:00:00",
        "date_paid": "2026-03-01T09:01:00",
        "date_completed": None,
        "customer_note": "the customer's own note",
        "billing": {"email": email, "phone": "+972-50-0000000", "first_name": "A"},
        "line_items": [{"id": 1, "name": "Blue lamp", "quantity": 2, "total": "120.00"}],
        **more,
    }


def product(
    product_id: int, name: str, *, price: str = "60.00", stock: int = 7, **more: Any
) -> Any:
    return {
        "id": product_id,
        "name": name,
        "status": "publish",
        "catalog_visibility": "visible",
        "permalink": f"https://lamps.example/product/{product_id}/",
        "sku": f"SKU-{product_id}",
        "price": price,
        "purchasable": True,
        "stock_status": "instock" if stock else "outofstock",
        "stock_quantity": stock,
        **more,
    }


@dataclass
class FakeWooCommerce(AnsweringServer):
    """A shop. ``faults`` are given one after another in the place of answers.

    ``permission`` is the key's (``read``, ``write`` or ``read_write``); ``is_manager`` its user's.
    """

    tls: ssl.SSLContext | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=lambda: {"ck_of-the-shop": "cs_of-the-shop"})
    permission: str = "read_write"
    is_manager: bool = True
    has_permalinks: bool = True
    has_woocommerce: bool = True
    passes_header: bool = True
    faults: list[Answer] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)

    def _answer(self, request: SeenRequest) -> Answer:
        if self.faults:
            return self.faults.pop(0)
        if not self.has_permalinks or not request.path.startswith("/wp-json/"):
            return Reply(404, PAGE_404, content_type="text/html; charset=UTF-8")
        told = "No route was found matching the URL and request method."
        path = request.path.removeprefix(ROOT)
        if not self.has_woocommerce or path not in ("/orders", "/products"):
            return refuse("rest_no_route", told, 404)
        problem = self._find_key_problem(request)
        if problem is not None:
            return problem
        query = dict(parse_qsl(urlsplit(request.target).query))
        if request.method == "POST" and path == "/orders":
            return self._create(request.json(), query)
        return self._list(self.orders if path == "/orders" else self.products, query)

    def _find_key_problem(self, request: SeenRequest) -> Reply | None:
        given = request.headers.get("authorization", "") if self.passes_header else ""
        if not given:
            return refuse("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401)
        key, _, secret = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
        code = "woocommerce_rest_authentication_error"
        if key not in self.keys:
            return refuse(code, "Consumer key is invalid.", 401)
        if self.keys[key] != secret:
            return refuse(code, "Consumer secret is invalid.", 401)
        wanted = "read" if request.method in ("GET", "HEAD") else "write"
        if wanted not in self.permission:
            message = f"The API key provided does not have {wanted} permissions."
            return refuse(code, message, 401)
        if not self.is_manager:
            return refuse("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 403)
        return None

    def _list(self, items: list[dict[str, Any]], query: dict[str, str]) -> Reply:
        wrong = [name for name in ("page", "per_page") if not query.get(name, "1").isdecimal()]
        if wrong:
            params = {name: f"{name} is not of type integer." for name in wrong}
            message = f"Invalid parameter(s): {', '.join(wrong)}"
            return refuse("rest_invalid_param", message, 400, params=params)
        words = query.get("search", "").casefold()
        found = [item for item in items if words in searched_text(item)]
        found = [item for item in found if query.get("status", item["status"]) == item["status"]]
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        total_pages = -(-len(found) // size)
        part = [choose(item, query) for item in found[(page - 1) * size : page * size]]
        answer = reply_json(part)
        headers = [("X-WP-Total", str(len(found))), ("X-WP-TotalPages", str(total_pages))]
        return Reply(200, answer.body, headers=headers)

    def _create(self, body: dict[str, Any], query: dict[str, str]) -> Reply:
        for line in body["line_items"]:
            if str(line["product_id"]) not in {str(item["id"]) for item in self.products}:
                message = "Product ID provided does not exist."
                return refuse("woocommerce_rest_invalid_product_id", message, 400)
        self.made.append(body)
        number = 5_000 + len(self.made)
        made = order(
            number,
            body["billing"]["email"],
            payment_url=f"https://lamps.example/checkout/order-pay/{number}/",
        )
        return reply_json(choose(made, query), 201)


def searched_text(item: dict[str, Any]) -> str:
    """Return what WooCommerce's search looks at: of an order, number and billing; of a product."""
    billing = item.get("billing", {})
    texts = [item.get("name", ""), item.get("number", ""), *billing.values()]
    return " ".join(texts).casefold()


def choose(item: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """Return the fields that ``_fields`` names."""
    names = query.get("_fields", ",".join(item)).split(",")
    return {name: value for name, value in item.items() if name in names}
