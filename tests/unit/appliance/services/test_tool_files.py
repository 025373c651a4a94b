from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.ids import ToolId
from appliance.domain.tool import Tool
from appliance.errors import InvalidInput, NotFound
from appliance.paths import bundled_workflows
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_files import ReplacedTool, ToolFiles
from tests.fakes.shops import build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase

BUNDLED = [
    msgspec.json.decode(path.read_bytes()) for path in bundled_workflows().glob("*.tool.json")
]


@pytest.fixture
def files(temporary: TemporaryDatabase) -> ToolFiles:
    database = temporary.database
    directory = TenantDirectory(
        tenants=database.tenants, tools=database.tools, clock=temporary.clock
    )
    return ToolFiles(tools=database.tools, directory=directory, clock=temporary.clock)


def define(tool_name: str, **fields: Any) -> dict[str, Any]:
    return {"tool_name": tool_name, "description": "Does something.", **fields}


def pack(*tools: Any, **fields: Any) -> dict[str, Any]:
    return {"version": 1, "tools": list(tools), **fields}


def encode(value: Any) -> Any:
    """Return what is sent of a value and read again."""
    return msgspec.json.decode(msgspec.json.encode(value))


async def list_names(temporary: TemporaryDatabase) -> list[str]:
    page = await temporary.database.tools.list_page(limit=200, cursor=None)
    return [tool.tool_name for tool in page.items]


@pytest.mark.parametrize("shipped", BUNDLED, ids=lambda item: item["tool_name"])
async def test_a_shipped_file_is_imported_as_it_is(files: ToolFiles, shipped: Any) -> None:
    done = await files.import_file(shipped)
    assert done.created == [shipped["tool_name"]]
    [written] = encode(await files.export(shipped["tool_name"]))["tools"]
    assert written == shipped


async def test_what_was_exported_changes_nothing_when_it_is_imported(files: ToolFiles) -> None:
    await files.import_file(pack(*BUNDLED))
    exported = encode(await files.export(None))
    assert exported["version"] == 1
    assert sorted(tool["tool_name"] for tool in exported["tools"]) == sorted(
        tool["tool_name"] for tool in BUNDLED
    )
    done = await files.import_file(exported)
    assert (done.created, done.replaced, len(done.unchanged)) == ([], [], len(BUNDLED))


async def test_a_replaced_tool_keeps_its_id_and_its_tenants_settings(
    files: ToolFiles, temporary: TemporaryDatabase
) -> None:
    tools = temporary.database.tools
    used = build_tenant_tool(
        temporary.tenant_id, executor="n8n_webhook", webhook_url="https://n8n.example/webhook/x"
    )
    await tools.add(used.tool)
    await tools.put_for_tenant(used)
    new = define(used.tool.tool_name, risk="write")
    done = await files.import_file(pack(new, define("other")))
    assert done.created == ["other"]
    [replaced] = done.replaced
    assert replaced.tool_name == used.tool.tool_name
    assert {"description", "risk", "parameters_schema"} <= set(replaced.changed)
    kept = await tools.get_for_tenant(temporary.tenant_id, used.tool.id)
    assert kept is not None
    assert (kept.webhook_url, kept.tool.risk) == (used.webhook_url, "write")
    assert kept.tool.created_at == used.tool.created_at


async def test_a_trial_tells_what_would_be_replaced(
    files: ToolFiles, temporary: TemporaryDatabase
) -> None:
    await files.import_file(define("one"))
    done = await files.import_file(
        pack(define("one", category="orders"), define("two")), is_trial=True
    )
    assert (done.created, done.is_trial) == (["two"], True)
    assert done.replaced == [ReplacedTool(tool_name="one", changed=["category"])]
    assert await list_names(temporary) == ["one"]


async def test_everything_wrong_is_told_by_tool_and_nothing_is_imported(
    files: ToolFiles, temporary: TemporaryDatabase
) -> None:
    wrong = pack(
        define("good"),
        define("bad name"),
        define("typed", examples=["a", 5]),
        define("schema", parameters_schema={"type": "objekt"}),
        define("extra", colour="red"),
        {"tool_name": "bare"},
        "no tool",
        define("good"),
    )
    with pytest.raises(InvalidInput) as caught:
        await files.import_file(wrong)
    told = {error.field: error.message for error in caught.value.errors}
    assert set(told) == {
        "tools.1.tool_name",
        "tools.2.examples.1",
        "tools.3.parameters_schema",
        "tools.4.colour",
        "tools.5.description",
        "tools.6.body",
        "tools",
    }
    assert told["tools.3.parameters_schema"].startswith("'schema': ")
    assert told["tools"] == "'good' is in the file 2 times."
    assert await list_names(temporary) == []


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ({}, ["tool_name"]),
        ({"tools": []}, ["version", "tools"]),
        ({"version": 2, "tools": [define("one")]}, ["version"]),
        ({"version": 1, "tools": {"one": 1}}, ["tools"]),
        (pack(define("one"), exported_by="me"), ["exported_by"]),
        (pack(*[define(f"t{number}") for number in range(501)]), ["tools"]),
    ],
)
async def test_what_is_no_file_of_tools_is_refused(
    files: ToolFiles, temporary: TemporaryDatabase, file: Any, fields: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await files.import_file(file)
    assert [error.field for error in caught.value.errors] == fields
    assert await list_names(temporary) == []


async def test_a_tool_that_is_not_there_is_not_exported(
    files: ToolFiles, temporary: TemporaryDatabase
) -> None:
    with pytest.raises(NotFound):
        await files.export("nothing")


async def test_a_long_catalogue_is_exported_whole(
    files: ToolFiles, temporary: TemporaryDatabase
) -> None:
    await temporary.database.tools.put_all(
        [
            Tool(
                id=ToolId(f"{number:036}"),
                tool_name=f"tool_{number}",
                description="Does something.",
                parameters_schema={"type": "object"},
                created_at=temporary.clock.now(),
            )
            for number in range(405)
        ]
    )
    assert len((await files.export(None)).tools) == 405
