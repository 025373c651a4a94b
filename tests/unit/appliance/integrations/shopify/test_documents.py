from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.integration import EndpointParameter
from appliance.errors import Rejected
from appliance.integrations.shopify.documents import Operation, read_operation, write_search
from tests.fakes.integrations import build_endpoint
from tests.fakes.shopify_server import TERM


@pytest.mark.parametrize(
    ("document", "kind", "variables"),
    [
        ("{ shop { name } }", "query", set()),
        ("query { shop { name } }", "query", set()),
        ("query Q($a: Int!, $b: [ID!] = [1]) { x(first: $a, b: $b) { y } }", "query", {"a", "b"}),
        ("mutation($i: In!){a(i:$i){b}}", "mutation", {"i"}),
        ("fragment F on Shop { name } query { shop { ...F } }", "query", set()),
        ("{ shop { ...F } } fragment F on Shop { mutation }", "query", set()),
        ('{ a(b: "mutation { x } $n: 1") }', "query", set()),
        ('{ a(b: """ } mutation { " x """) }', "query", set()),
        ("# mutation { x }\n{ a }", "query", set()),
        ("query ($s: In = {a: {b: 1}}) @d(x: 1) { a }", "query", {"s"}),
    ],
)
def test_the_one_operation_is_read(document: str, kind: str, variables: set[str]) -> None:
    assert read_operation(document) == Operation(kind, frozenset(variables))


@pytest.mark.parametrize(
    "document",
    [
        "", "shop", "{ a", "a }", "{ a } { b }", "query A { a } mutation B { b }",
        "{ a } mutation { b }", "subscription { a }", "fragment F on Shop { name }",
        "type Shop { name: String }", "{ a } #\n mutation { b }",
    ],
)  # fmt: skip
def test_anything_else_is_none(document: str) -> None:
    assert read_operation(document) is None


SEARCHING = build_endpoint(
    EndpointParameter(name="order_number", target="name"),
    EndpointParameter(name="words", target="default"),
    EndpointParameter(name="state", default="open"),
    EndpointParameter(name="aside", location="body"),
)


def test_search_terms_hold_what_was_given() -> None:
    arguments = {"order_number": " #1001", "words": "blue  lamp", "aside": "x"}
    assert write_search(SEARCHING, arguments) == (
        'name:"1001" AND "blue" AND "lamp" AND state:"open"'
    )
    assert write_search(SEARCHING, {"order_number": "  "}) == 'state:"open"'


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30))
def test_no_value_is_more_than_one_term(value: str) -> None:
    search = write_search(SEARCHING, {"order_number": value, "state": "x"})
    found = [(name, json.loads(f'"{text}"')) for name, text in TERM.findall(search)]
    plain = value.strip().removeprefix("#")
    assert found == ([("name", plain)] if value.strip() else []) + [("state", "x")]
    assert TERM.sub("", search).replace(" AND ", "") == ""


def test_a_missing_term_or_a_list_is_told() -> None:
    endpoint = build_endpoint(EndpointParameter(name="email", required=True))
    for arguments in ({}, {"email": ["a"]}):
        with pytest.raises(Rejected, match="'email'"):
            write_search(endpoint, arguments)  # type: ignore[arg-type]
