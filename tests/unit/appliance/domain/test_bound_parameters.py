from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.bound_parameters import find_bindings, read_properties
from appliance.domain.ids import TenantId
from appliance.domain.tool import TenantTool
from tests.fakes.shops import build_tool

MARKED = {"type": "object", "properties": {"email": {"x-identity": "email"}, "since": {}}}


@pytest.mark.parametrize(
    ("schema", "config", "bound"),
    [
        (MARKED, {}, {"email": "email"}),
        (MARKED, {"identity": {"since": "level"}}, {"email": "email", "since": "level"}),
        (MARKED, {"identity": {"email": "sub"}}, {"email": "sub"}),
        (MARKED, {"identity": "email"}, {"email": "email"}),
        (MARKED, {"identity": {"email": 1}}, {"email": "email"}),
        ({"type": "object"}, {}, {}),
        ({"type": "object", "properties": {"a": True, "b": {"x-identity": 1}}}, {}, {}),
    ],
)
def test_marks_and_configuration_say_what_is_bound(
    schema: Any, config: Any, bound: dict[str, str]
) -> None:
    tool = build_tool("list_orders", schema=schema)
    assert find_bindings(TenantTool(tenant_id=TenantId("t"), tool=tool, custom_config=config)) == (
        bound
    )


def test_a_schema_without_properties_has_none() -> None:
    assert read_properties({"properties": []}) == {}
