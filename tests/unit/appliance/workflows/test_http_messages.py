from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.ports.outbound_http import OutboundResponse
from appliance.workflows.http_messages import (
    HttpCall,
    collect,
    describe,
    encode_query,
    read_headers,
    read_json,
    read_text,
    spread,
    write_multipart,
)

VALUES = {"a": 1, "l": [1, True], "o": {"x": "ü &", "y": [None]}, "n": None}


@pytest.mark.parametrize(
    ("arrays", "query"),
    [
        ("indices", "a=1&l%5B0%5D=1&l%5B1%5D=true&o%5Bx%5D=%C3%BC%20%26&o%5By%5D%5B0%5D=&n="),
        ("brackets", "a=1&l%5B%5D=1&l%5B%5D=true&o%5Bx%5D=%C3%BC%20%26&o%5By%5D%5B%5D=&n="),
        ("repeat", "a=1&l=1&l=true&o%5Bx%5D=%C3%BC%20%26&o%5By%5D=&n="),
    ],
)
def test_what_is_within_is_named_in_brackets(arrays, query):
    assert encode_query(VALUES, arrays) == query


def test_a_name_that_comes_again_replaces_or_joins():
    pairs = [("a", 1), ("b.c", 2), ("a", 3), ("a", 4)]
    assert collect(pairs) == {"a": 4, "b.c": 2}
    assert collect(pairs, keeps_all=True) == {"a": [1, 3, 4], "b.c": 2}
    assert collect(pairs, is_nested=True) == {"a": 4, "b": {"c": 2}}


def test_a_query_is_added_to_the_address():
    call = HttpCall(method="get", url=" https://a.example/x?y=1 2", query={"z": "3"})
    assert call.build().url == "https://a.example/x?y=1%202&z=3"
    with pytest.raises(Rejected, match="does not start with http"):
        HttpCall(method="GET", url="ftp://a.example").build()


def test_headers_are_texts_and_null_is_none():
    assert read_headers({"X-A": 5, "x-b": None, "": "x"}) == {"x-a": "5"}


def test_a_form_in_parts_cannot_be_broken_out_of():
    body, kind = write_multipart({'a"\r\nX: y': "v"})
    assert kind.startswith("multipart/form-data; boundary=")
    assert b'name="a%22%0D%0AX: y"' in body


def answer(body: bytes, status: int = 200) -> OutboundResponse:
    return OutboundResponse(status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("body", "value"), [(b"", {}), (b"null", {}), (b"[1]", [1]), (b'{"a":1}', {"a": 1})]
)
def test_an_empty_answer_is_an_empty_object(body, value):
    assert read_json(answer(body)) == value


@pytest.mark.parametrize("body", [b"5", b'"word"', b"{", b"[" * 5_000])
def test_what_makes_no_items_is_refused(body):
    with pytest.raises(Rejected):
        read_json(answer(body))


def test_items_are_made_of_lists():
    assert [item.json for item in spread([{"a": 1}, 2], "data")] == [{"a": 1}, {"data": 2}]
    whole = describe(answer(b"", 599), {"body": {}}).json
    assert whole == {"body": {}, "headers": {}, "statusCode": 599, "statusMessage": ""}


def test_half_a_character_in_an_answer_is_replaced() -> None:
    response = OutboundResponse(status=200, headers={}, body=b"a+2Dw-b")
    assert read_text(response, "utf-7") == "a\ufffdb"
