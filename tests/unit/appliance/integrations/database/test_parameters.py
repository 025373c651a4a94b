from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.integration import EndpointParameter
from appliance.errors import InvalidInput, Rejected
from appliance.integrations.database.parameters import check_parameters, choose_values
from appliance.integrations.database.statement import read_statement
from tests.fakes.shop_databases import build_query

QUERY = "SELECT * FROM orders WHERE number = :number AND total > :least"
BOTH = (EndpointParameter(name="number", required=True), EndpointParameter(name="least"))


def check(*parameters: EndpointParameter) -> None:
    check_parameters(build_query(QUERY, *parameters), read_statement(QUERY, "sqlite"))


def test_both_sides_name_the_same() -> None:
    check(*BOTH)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        (BOTH[:1], "query"),
        ((*BOTH, EndpointParameter(name="other")), "parameters.2.name"),
        ((*BOTH, BOTH[0]), "parameters.2.name"),
        ((BOTH[0], EndpointParameter(name="least", target="x")), "parameters.1.target"),
    ],
)
def test_a_name_on_one_side_only_is_refused(
    parameters: tuple[EndpointParameter, ...], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(*parameters)
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (None, "x", "x"),
        (None, 0, "0"),
        (None, True, "true"),
        ("string", 0, "0"),
        ("integer", "5", 5),
        ("integer", 5, 5),
        ("number", "5.5", 5.5),
        ("boolean", "true", True),
        ("array", ["a"], ["a"]),
        ("integer", None, None),
    ],
)
def test_a_value_has_the_declared_type(kind: Any, given: Any, value: Any) -> None:
    endpoint = build_query("SELECT :a", EndpointParameter(name="a", type=kind))
    assert choose_values(endpoint, {"a": given, "other": 1}) == {"a": value}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (None, ["x"]),
        (None, {"x": 1}),
        ("string", ["x"]),
        ("integer", "5 OR 1=1"),
        ("integer", 5.5),
        ("integer", True),
        ("number", "x"),
        ("boolean", "perhaps"),
        ("array", "x"),
    ],
)
def test_another_type_is_refused(kind: Any, given: Any) -> None:
    endpoint = build_query("SELECT :a", EndpointParameter(name="a", type=kind))
    with pytest.raises(Rejected, match="'a' does not fit"):
        choose_values(endpoint, {"a": given})


def test_a_default_stands_in_and_a_required_one_is_missed() -> None:
    endpoint = build_query(
        "SELECT :a, :b",
        EndpointParameter(name="a", default=3),
        EndpointParameter(name="b", required=True),
    )
    assert choose_values(endpoint, {"b": "x"}) == {"a": "3", "b": "x"}
    with pytest.raises(Rejected, match="'b' does not fit: it is missing"):
        choose_values(endpoint, {})
