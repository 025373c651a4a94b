from __future__ import annotations

import re
from typing import Any

import pytest
from mcp_types import Tool

from appliance.integrations.mcp.offers import fit_name, read_offers

FITTING = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


def offered(name: str = "find", **fields: Any) -> Tool:
    return Tool.model_validate({"name": name, "inputSchema": {"type": "object"}, **fields})


@pytest.mark.parametrize(
    "name", ["find", "a.b/c", "7up", "", "_", "x" * 300, "שלום", "a b\x00", "-", "\ud800"]
)
def test_a_name_fits_every_provider(name: str) -> None:
    assert FITTING.fullmatch(fit_name(name))


def test_names_that_look_alike_stay_apart() -> None:
    names = ["a.b", "a/b", "A_b", "שלום", "עולם", "x" * 80, "x" * 81]
    fitted = [offer.tool_name.lower() for offer in read_offers(map(offered, names)).values()]  # type: ignore[arg-type]
    assert len(set(fitted)) == len(names)
    assert fitted[0] == "a_b"


def test_of_a_name_given_twice_the_first_counts() -> None:
    offers = read_offers([offered(description="one"), offered(description="two")])
    assert [offer.description for offer in offers.values()] == ["one"]


@pytest.mark.parametrize(
    ("annotations", "risk"),
    [
        (None, "write"),
        ({"readOnlyHint": True}, "write"),
        ({"readOnlyHint": True, "destructiveHint": True}, "destructive"),
        ({"destructiveHint": True}, "destructive"),
        ({"destructiveHint": False, "idempotentHint": True}, "write"),
    ],
)
def test_annotations_only_raise_the_risk(annotations: Any, risk: str) -> None:
    fields = {} if annotations is None else {"annotations": annotations}
    assert read_offers([offered(**fields)])["find"].risk == risk


def test_what_nobody_sees_is_taken_out() -> None:
    schema = {
        "type": "object",
        "properties": {"q": {"type": "string", "description": "ask\U000e0041\u202e\x1b[2J"}},
    }
    offer = read_offers([offered(description="Looks\u200b up\x07.", inputSchema=schema)])["find"]
    assert offer.description == "Looks up."
    assert offer.parameters_schema["properties"]["q"]["description"] == "ask[2J"


def nested(levels: int) -> Any:
    schema: Any = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


def test_long_and_deep_things_are_cut_or_left_out() -> None:
    assert read_offers([offered(inputSchema=nested(400))]) == {}
    offer = read_offers([offered(description="x" * 9_000, inputSchema=nested(60))])["find"]
    assert len(offer.description) == 2_000
    assert str(offer.parameters_schema).count("properties") < 40


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "b"},
        {"description": "a\u200b"},
        {"title": "t"},
        {"annotations": {"readOnlyHint": True}},
        {"inputSchema": {"type": "object", "properties": {"x": {}}}},
        {"outputSchema": {"type": "object"}},
    ],
)
def test_every_change_changes_the_fingerprint(changed: dict[str, Any]) -> None:
    first = read_offers([offered(description="a")])["find"]
    again = read_offers([offered(description="a", icons=[{"src": "https://x.example/i"}])])["find"]
    other = read_offers([offered(**{"description": "a", **changed})])["find"]
    assert first.fingerprint == again.fingerprint != other.fingerprint
