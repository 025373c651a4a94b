"""A shop at Shopify on a loopback port: GraphQL, access tokens, scopes, query costs and versions.

Owns behaving as shopify.dev describes, with a subset of the 2026-10 schema and a real GraphQL
engine; what is sold and who ordered is the test's.
"""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    IntValueNode,
    SelectionSetNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.fakes.loopback_http import SeenRequest
from tests.fakes.webhook_server import Answer, AnsweringServer, Reply, reply_json

SCHEMA = build_schema((Path(__file__).parent / "shopify_schema.graphql").read_text("utf-8"))
VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
ALL_SCOPES = ("read_products", "read_orders", "read_all_orders", "write_draft_orders")
GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
TERM = re.compile(r'(?:(\w+):)?"((?:\\.|[^"\\])*)"')
RESTORE_RATE = 100.0
BUCKET = 2_000.0


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "ILS"}}


def order(number: int, email: str, *, status: str = "FULFILLED", **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "email": email,
        "phone": "+972-50-0000000",
        "note": "the customer's own note",
        "createdAt": "2026-03-01T09:00:00Z",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": status,
        "currentTotalPriceSet": money("120.00"),
        "lineItems": {"nodes": [{"title": "Blue lamp", "quantity": 2}]},
        "fulfillments": [
            {
                "displayStatus": "OUT_FOR_DELIVERY",
                "estimatedDeliveryAt": "2026-03-03T12:00:00Z",
                "trackingInfo": [
                    {"company": "HFD", "number": "HF1", "url": "https://track.example/HF1"}
                ],
            }
        ],
        **more,
    }


def product(number: int, title: str, *, price: str = "60.00", stock: int = 7, **more: Any) -> Any:
    amount = {"amount": price, "currencyCode": "ILS"}
    variant = {
        "id": f"gid://shopify/ProductVariant/{number}",
        "title": "Large",
        "displayName": f"{title} - Large",
        "sku": f"SKU-{number}",
        "price": price,
        "availableForSale": stock > 0,
        "inventoryQuantity": stock,
    }
    return {
        "id": f"gid://shopify/Product/{number}",
        "title": title,
        "status": "ACTIVE",
        "onlineStoreUrl": f"https://shop.example/products/{number}",
        "totalInventory": stock,
        "tracksInventory": True,
        "priceRangeV2": {"minVariantPrice": amount, "maxVariantPrice": amount},
        "variants": {"nodes": [variant]},
        **more,
    }


@dataclass
class FakeShopify(AnsweringServer):
    """A shop. ``faults`` are given one after another in the place of answers to queries."""

    tls: ssl.SSLContext | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=lambda: {"shpat_of-the-shop"})
    clients: dict[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ALL_SCOPES
    versions: tuple[str, ...] = VERSIONS
    available: float = BUCKET
    searches_loosely: bool = False
    faults: list[Answer] = field(default_factory=list)
    drafts: list[dict[str, Any]] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    @property
    def queries(self) -> list[dict[str, Any]]:
        """What was asked in GraphQL."""
        return [seen.json() for seen in self.requests if GRAPHQL.fullmatch(seen.path)]

    def _answer(self, request: SeenRequest) -> Answer:
        if request.path == "/admin/oauth/access_token":
            return self._give_token(request)
        found = GRAPHQL.fullmatch(request.path)
        if found is None:
            return reply_json({"errors": "Not Found"}, 404)
        if request.headers.get("x-shopify-access-token") not in self.tokens:
            told = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return reply_json({"errors": told}, 401)
        if self.faults:
            return self.faults.pop(0)
        body = request.json()
        answer = reply_json(self._run(body["query"], body.get("variables")))
        asked = found[1]
        used = asked if asked in self.versions else self.versions[0]
        headers = [("X-Shopify-API-Version", used)]
        return Reply(answer.status, answer.body, headers=headers)

    def _give_token(self, request: SeenRequest) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        secret = self.clients.get(form.get("client_id", ""))
        if form.get("grant_type") != "client_credentials" or form.get("client_secret") != secret:
            return reply_json({"error": "invalid_client"}, 401)
        token = f"shpat_fetched-{len(self.requests)}"
        self.tokens.add(token)
        scope = ",".join(self.scopes)
        return reply_json({"access_token": token, "scope": scope, "expires_in": 86_399})

    def _run(self, source: str, variables: Any) -> dict[str, Any]:
        try:
            document = parse(source)
        except GraphQLError as exc:
            return {"errors": [format_error(exc, "PARSE_ERROR")]}
        problems = validate(SCHEMA, document)
        if problems:
            return {"errors": [format_error(problem, "undefinedField") for problem in problems]}
        cost = find_cost(document)
        self.costs.append(cost)
        if cost > self.available:
            told = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [told], **self._tell_cost(cost)}
        self.available -= cost
        result = execute_sync(SCHEMA, document, self._build_root(), variable_values=variables)
        answer: dict[str, Any] = {"data": result.data, **self._tell_cost(cost)}
        if result.errors:
            answer["errors"] = [format_error(error) for error in result.errors]
        return answer

    def _tell_cost(self, cost: float) -> dict[str, Any]:
        status = {
            "maximumAvailable": BUCKET,
            "currentlyAvailable": self.available,
            "restoreRate": RESTORE_RATE,
        }
        return {"extensions": {"cost": {"requestedQueryCost": cost, "throttleStatus": status}}}

    def _build_root(self) -> dict[str, Any]:
        def find_orders(info: Any, query: str = "", first: int = 50, **more: Any) -> Any:
            self._require("read_orders")
            fields = {
                "name": lambda one: one["name"].lstrip("#"),
                "email": lambda one: one["email"],
            }
            terms = "" if self.searches_loosely else query
            found = [one for one in self.orders if fits(one, terms, fields)]
            return {"nodes": found[:first]}

        def find_products(info: Any, query: str = "", first: int = 50, **more: Any) -> Any:
            self._require("read_products")
            fields = {"status": lambda one: one["status"], "": lambda one: one["title"]}
            found = [one for one in self.products if fits(one, query, fields)]
            return {"nodes": found[:first]}

        def create_draft(info: Any, input: dict[str, Any]) -> Any:
            self._require("write_draft_orders")
            sold = {v["id"] for one in self.products for v in one["variants"]["nodes"]}
            for number, line in enumerate(input["lineItems"]):
                if line["variantId"] not in sold:
                    path = ["input", "lineItems", str(number), "variantId"]
                    told = {"field": path, "message": "Product with ID is no longer available."}
                    return {"draftOrder": None, "userErrors": [told]}
            self.drafts.append(input)
            draft = {
                "name": f"#D{len(self.drafts)}",
                "invoiceUrl": f"https://shop.example/invoices/{len(self.drafts)}",
                "totalPriceSet": money("60.00"),
            }
            return {"draftOrder": draft, "userErrors": []}

        scopes = [{"handle": scope} for scope in self.scopes]
        return {
            "orders": find_orders,
            "products": find_products,
            "currentAppInstallation": {"accessScopes": scopes},
            "shop": {"name": "The shop"},
            "draftOrderCreate": create_draft,
        }

    def _require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise GraphQLError(
                f"Access denied. Required access: `{scope}` access scope.",
                extensions={"code": "ACCESS_DENIED"},
            )


def fits(one: dict[str, Any], query: str, fields: Any) -> bool:
    """Say whether ``one`` fits Shopify's search terms, all joined by AND."""
    for name, quoted in TERM.findall(query):
        wanted = json.loads(f'"{quoted}"').casefold()
        value = fields[name](one).casefold()
        if wanted not in value if name == "" else wanted != value:
            return False
    return True


def find_cost(document: DocumentNode) -> float:
    """Return the cost of a query: one for each object that its connections may bring."""

    def weigh(selection: SelectionSetNode | None) -> float:
        total = 0.0
        for node in selection.selections if selection else ():
            if not isinstance(node, FieldNode) or node.selection_set is None:
                continue
            sizes = [
                int(given.value.value)
                for given in node.arguments or ()
                if given.name.value == "first" and isinstance(given.value, IntValueNode)
            ]
            total += 1 + (sizes[0] if sizes else 1) * weigh(node.selection_set)
        return total

    (operation,) = [node for node in document.definitions if node.kind == "operation_definition"]
    extra = 10.0 if operation.operation.value == "mutation" else 0.0  # type: ignore[attr-defined]
    return extra + weigh(operation.selection_set)  # type: ignore[attr-defined]


def format_error(error: GraphQLError, code: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = dict(error.formatted)
    if code is None and error.message.startswith("Variable '$"):
        code = "INVALID_VARIABLE"
    if code is not None:
        told["extensions"] = {"code": code}
    return told
