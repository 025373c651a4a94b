"""What is refused of a tool's settings, by the shipped workflows' own schemas."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ExecutorKind, TenantTool
from appliance.errors import FieldError, InvalidInput
from appliance.paths import bundled_workflows
from appliance.ports.tool_executor import ToolExecutor
from appliance.services.tool_setup import ToolSetup, find_setting_errors
from appliance.workflows.bundled import load_demo_config, load_workflow_settings
from tests.fakes.shops import build_tenant_tool, build_workflow
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.tool_executors import RecordingExecutor

SETTINGS = load_workflow_settings(bundled_workflows())
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "09:00-21:00")


class Choosy(RecordingExecutor):
    """An executor that finds something wrong with every tool."""

    async def find_setup_errors(self, tool: TenantTool) -> list[FieldError]:
        return [FieldError("custom_config.timeout_s", f"Not for {tool.tool.tool_name}.")]


def build_setup(
    temporary: TemporaryDatabase, executors: dict[ExecutorKind, ToolExecutor] | None = None
) -> ToolSetup:
    return ToolSetup(
        workflows=temporary.database.workflows, settings=SETTINGS, executors=executors or {}
    )


def find_fields(config: JsonObject, workflow: str = "check_availability") -> list[str]:
    return [error.field for error in find_setting_errors(config, SETTINGS[workflow])]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"opening_hours": "9-5"}, "opening_hours"),
        ({"opening_hours": {"monday": "09:00-17:00"}}, "opening_hours"),
        ({"opening_hours": {"mon": "25:00-26:00"}}, "opening_hours.mon"),
        ({"opening_hours": {"mon": "9 to 5"}}, "opening_hours.mon"),
        ({"opening_hours": {"mon": ["09:00-12:00", 5]}}, "opening_hours.mon"),
        ({"special_hours": {"christmas": ""}}, "special_hours"),
        ({"special_hours": {"2027-12-24": "late"}}, "special_hours.2027-12-24"),
        ({"closed_dates": "tomorrow"}, "closed_dates"),
        ({"closed_dates": ["2027-13-01"]}, "closed_dates.0"),
        ({"slot_minutes": "abc"}, "slot_minutes"),
        ({"slot_minutes": 0}, "slot_minutes"),
        ({"duration_minutes": True}, "duration_minutes"),
        ({"capacity_counts": "tables"}, "capacity_counts"),
        ({"unknown_setting": 1}, "unknown_setting"),
        ({"low_stock": 3}, "low_stock"),
        ({"fields": {"date": ["a"]}}, "fields.date"),
        ({"idempotent": "maybe"}, "idempotent"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(config: JsonObject, field: str) -> None:
    errors = find_setting_errors(config, SETTINGS["check_availability"])
    assert [error.field for error in errors] == [f"custom_config.{field}"]
    assert errors[0].message.endswith(".")


def test_all_that_does_not_fit_is_named() -> None:
    assert find_fields({"slot_minutes": -5, "closed_dates": 1, "max_days_ahead": 30}) == [
        "custom_config.closed_dates",
        "custom_config.slot_minutes",
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"opening_hours": WEEK},
        {"opening_hours": {"mon": "9:00-12:00, 14:00 – 18:00", "tue": "", "fri": "20:00-02:00"}},
        {"opening_hours": {"mon": ["09:00-12:00", "14:00-24:00"], "tue": []}},
        {"closed_dates": ["2027-01-01"], "special_hours": {"2027-12-24": "09:00-13:00"}},
        {"slot_minutes": 15, "capacity_counts": "people", "fields": {"time": "slot.at"}},
        {"identity": {"time": "sub"}, "timeout_s": 5, "endpoint": "x", "idempotent": True},
    ],
)
def test_what_fits_is_taken(config: JsonObject) -> None:
    assert find_fields(config) == []


def test_the_demo_shops_settings_fit() -> None:
    for name, config in load_demo_config(bundled_workflows()).items():
        assert find_fields(config, name) == [], name


def test_what_is_beyond_measure_is_not_looked_at() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    assert find_fields({"closed_dates": deep}) == ["custom_config"]


async def test_only_a_shipped_workflow_has_settings_of_this_kind(
    temporary: TemporaryDatabase,
) -> None:
    setup = build_setup(temporary)
    workflows = temporary.database.workflows
    tool = build_tenant_tool(
        temporary.tenant_id, "reserve", workflow="check_availability", custom_config={"own": 1}
    )
    await workflows.put(build_workflow("check_availability"))
    await setup.check(tool)
    await workflows.put(build_workflow("check_availability", is_bundled=True))
    with pytest.raises(InvalidInput) as caught:
        await setup.check(tool)
    [error] = caught.value.errors
    assert error.field == "custom_config.own"
    assert "slot_minutes" in error.message
    assert "custom_config.own" in (await setup.find_trouble(tool) or "")


async def test_a_workflow_that_is_not_there_is_named(temporary: TemporaryDatabase) -> None:
    setup = build_setup(temporary)
    own = build_tenant_tool(temporary.tenant_id, "own")
    for tool, name in ((own, "own"), (msgspec.structs.replace(own, workflow="gone"), "gone")):
        with pytest.raises(InvalidInput) as caught:
            await setup.check(tool)
        [error] = caught.value.errors
        assert error.field == "workflow"
        assert f"no workflow {name!r}" in error.message
        assert await setup.find_trouble(tool) == f"workflow: {error.message}"
    await temporary.database.workflows.put(build_workflow("own"))
    await setup.check(own)
    assert await setup.find_trouble(own) is None


async def test_another_executor_is_asked_itself(temporary: TemporaryDatabase) -> None:
    setup = build_setup(
        temporary, {"n8n_webhook": Choosy(), "integration": RecordingExecutor(kind="integration")}
    )
    hook = build_tenant_tool(temporary.tenant_id, executor="n8n_webhook")
    with pytest.raises(InvalidInput) as caught:
        await setup.check(hook)
    assert [error.field for error in caught.value.errors] == ["custom_config.timeout_s"]
    assert "Not for get_order_status." in (await setup.find_trouble(hook) or "")
    await setup.check(build_tenant_tool(temporary.tenant_id, executor="integration"))
