from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.integration import EndpointParameter as Parameter
from appliance.errors import InvalidInput, Rejected
from appliance.integrations.endpoint_request import (
    build_body,
    build_request_parts,
    check_endpoint_request,
)
from tests.fakes.integrations import build_endpoint

NUMBER = Parameter(name="number", location="path")


def build(arguments: Any, *parameters: Parameter, **more: Any) -> Any:
    endpoint = build_endpoint(*parameters, **more)
    check_endpoint_request(endpoint, reserved_headers=frozenset())
    return build_request_parts(endpoint, arguments)


def test_each_argument_stands_where_its_parameter_says() -> None:
    parts = build(
        {"number": "A 7/b", "since": "2026-03-01", "tags": ["a&b", "c"], "mail": "d@e.example",
         "lang": "he", "extra": "not sent"},
        NUMBER,
        Parameter(name="since", target="created[after]"),
        Parameter(name="tags", target="tag"),
        Parameter(name="lang", location="header", target="Accept-Language"),
        Parameter(name="mail", location="body", target="customer.email"),
        Parameter(name="paid", location="body", default=True),
        method="POST",
    )  # fmt: skip
    assert parts.path == "/orders/A%207%2Fb?created%5Bafter%5D=2026-03-01&tag=a%26b&tag=c"
    assert parts.headers == {"Accept-Language": "he", "Content-Type": "application/json"}
    assert json.loads(parts.body) == {"customer": {"email": "d@e.example"}, "paid": True}


def test_a_place_without_a_parameter_takes_the_argument_of_its_name() -> None:
    parts = build({"number": 7, "state": "a b"}, url_template="/orders/{number}?status={state}")
    assert (parts.path, parts.body) == ("/orders/7?status=a%20b", None)


def test_what_is_optional_and_absent_is_left_out() -> None:
    parts = build({"number": True}, NUMBER, Parameter(name="since"))
    assert parts.path == "/orders/true"


@pytest.mark.parametrize(
    "value", ["", "..", ".", "../x", "a/../b", "..\\x", "a\\..", None, [1], {"a": 1}]
)
def test_a_value_that_could_lead_elsewhere_is_refused(value: Any) -> None:
    with pytest.raises(Rejected, match="'number' does not fit"):
        build({"number": value}, NUMBER)


def test_values_do_not_climb_together() -> None:
    with pytest.raises(Rejected):
        build({"dot": "…", "number": "."}, url_template="/a/{number}")
    with pytest.raises(Rejected):
        build({"a": ".x"[0:1], "b": "."}, url_template="/x/{a}{b}")


@given(st.text(min_size=1, max_size=30))
def test_a_value_never_is_more_than_one_segment(value: str) -> None:
    try:
        parts = build({"number": value}, NUMBER)
    except Rejected:
        return
    url = urlsplit(f"https://shop.example/api{parts.path}")
    assert (url.netloc, url.query, url.fragment) == ("shop.example", "", "")
    assert [unquote(part) for part in url.path.split("/")] == ["", "api", "orders", value]


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_query_holds_exactly_what_was_given(one: str, two: str) -> None:
    parts = build(
        {"one": one, "two": two}, Parameter(name="one"), Parameter(name="two"), url_template="/x"
    )
    found = parse_qsl(urlsplit(parts.path).query, keep_blank_values=True)
    assert found == [("one", one), ("two", two)]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", "ש"])
def test_a_header_takes_no_more_than_a_value(value: str) -> None:
    with pytest.raises(Rejected):
        build({"number": 1, "lang": value}, NUMBER, Parameter(name="lang", location="header"))


def test_a_missing_required_argument_is_named() -> None:
    with pytest.raises(Rejected, match="'since'"):
        build({"number": 1}, NUMBER, Parameter(name="since", required=True))


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [("integer", "5", 5), ("boolean", "true", True), ("string", 5, "5"), ("array", [1], [1])],
)
def test_a_value_has_the_declared_type(kind: Any, given: Any, sent: Any) -> None:
    parameter = Parameter(name="a", location="body", type=kind)
    parts = build({"a": given}, parameter, url_template="/x", method="POST")
    assert parts.body == msgspec.json.encode({"a": sent})


@pytest.mark.parametrize(
    ("kind", "given"), [("integer", "x"), ("integer", 1.5), ("string", [1]), ("array", "x")]
)
def test_a_value_of_another_type_is_refused(kind: Any, given: Any) -> None:
    with pytest.raises(Rejected, match="'a' does not fit"):
        build({"a": given}, Parameter(name="a", type=kind), url_template="/x")


def test_a_body_with_both_a_thing_and_its_inside_is_told() -> None:
    parameters = [
        Parameter(name="a", location="body"),
        Parameter(name="b", location="body", target="a.b"),
    ]
    with pytest.raises(Rejected, match="no place for 'b'"):
        build({"a": 1, "b": 2}, *parameters, method="POST", url_template="/x")


def test_a_number_in_a_bodys_path_is_a_place_in_a_list() -> None:
    targets = ("lines.0.id", "lines.0.count", "lines.1.id", "email", "tags.0")
    endpoint = build_endpoint(
        *(Parameter(name=target, location="body", target=target) for target in targets),
        method="POST",
    )
    assert build_body(endpoint, {target: target for target in targets}) == {
        "lines": [{"id": "lines.0.id", "count": "lines.0.count"}, {"id": "lines.1.id"}],
        "email": "email",
        "tags": ["tags.0"],
    }
    with pytest.raises(Rejected, match="no place for '1'"):
        build_body(endpoint, {"lines.1.id": 1})


@pytest.mark.parametrize(
    ("fields", "parameters", "field"),
    [
        ({"method": "TRACE"}, [], "method"),
        ({"url_template": "orders"}, [], "url_template"),
        ({"url_template": "https://evil.example/"}, [], "url_template"),
        ({"url_template": "//evil.example/"}, [], "url_template"),
        ({"url_template": "/a/../b"}, [], "url_template"),
        ({"url_template": "/a b"}, [], "url_template"),
        ({"url_template": "/a\\b"}, [], "url_template"),
        ({"url_template": "/a#b"}, [], "url_template"),
        ({"url_template": "/{a"}, [], "url_template"),
        ({"url_template": "/{}"}, [], "url_template"),
        ({"url_template": "/{a}}"}, [], "url_template"),
        ({}, [NUMBER, NUMBER], "parameters.1.name"),
        ({}, [Parameter(name="other", location="path")], "parameters.0.name"),
        ({}, [Parameter(name="x", location="body")], "parameters.0.location"),
        ({}, [Parameter(name="Host", location="header")], "parameters.0.target"),
        ({}, [Parameter(name="x-key", location="header")], "parameters.0.target"),
        ({}, [Parameter(name="a b", location="header")], "parameters.0.target"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_refused(
    fields: dict[str, Any], parameters: list[Parameter], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_endpoint_request(
            build_endpoint(*parameters, **fields), reserved_headers=frozenset(["x-key"])
        )
    assert caught.value.errors[0].field == field
