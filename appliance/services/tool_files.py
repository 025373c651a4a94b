"""Tool definitions as files, to carry a catalogue from one appliance to another.

Owns the form of the file and what an import does to the catalogue; how a tenant uses a tool is not
in it, and stays as it is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from msgspec import Struct

from appliance.domain.ids import ToolId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Tool
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.field_errors import read_fields
from appliance.ports.clock import Clock
from appliance.ports.repositories import ToolRepository
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tools import NewTool, check_parameters

FILE_VERSION: Final = 1
MAX_TOOLS: Final = 500
_PAGE: Final = 200


class ToolFile(Struct, frozen=True, kw_only=True):
    """Definitions of tools, each in the form of ``bundled-workflows/*.tool.json``."""

    tools: list[NewTool]
    version: int = FILE_VERSION


class ReplacedTool(Struct, frozen=True, kw_only=True):
    """A tool that was there already, and which of its fields became others."""

    tool_name: str
    changed: list[str]


class ToolImport(Struct, frozen=True, kw_only=True):
    """What an import does to the catalogue, by tool name; ``is_trial`` when it was not done."""

    created: list[str]
    replaced: list[ReplacedTool]
    unchanged: list[str]
    is_trial: bool


class ToolFiles:
    """Writes and reads files of tools."""

    def __init__(self, *, tools: ToolRepository, directory: TenantDirectory, clock: Clock) -> None:
        self._tools = tools
        self._directory = directory
        self._clock = clock

    async def export(self, tool_name: str | None) -> ToolFile:
        """Return the catalogue as a file, or one tool of it, the oldest first.

        Raises:
            NotFound: There is no tool of this name.
        """
        if tool_name is not None:
            found = await self._tools.find_by_name(tool_name)
            if found is None:
                raise NotFound(f"There is no tool {tool_name!r}.", code="tool_not_found")
            return ToolFile(tools=[_define(found)])
        tools: list[Tool] = []
        cursor = None
        while True:
            page = await self._tools.list_page(limit=_PAGE, cursor=cursor)
            tools += page.items
            cursor = page.next_cursor
            if cursor is None:
                return ToolFile(tools=[_define(tool) for tool in tools])

    async def import_file(self, file: JsonObject, *, is_trial: bool = False) -> ToolImport:
        """Add the file's tools to the catalogue, in place of those of the same names; all or none.

        Args:
            file: One tool, or ``{"version": 1, "tools": [...]}``.
            is_trial: Only tell what would be done.

        Raises:
            InvalidInput: The file does not fit; its errors name each tool and field.
        """
        definitions = read_file(file)
        created: list[str] = []
        replaced: list[ReplacedTool] = []
        unchanged: list[str] = []
        changed_tools: list[Tool] = []
        for new in definitions:
            stored = await self._tools.find_by_name(new.tool_name)
            changed = [] if stored is None else _find_changes(_define(stored), new)
            if stored is None:
                created.append(new.tool_name)
            elif changed:
                replaced.append(ReplacedTool(tool_name=new.tool_name, changed=changed))
            else:
                unchanged.append(new.tool_name)
                continue
            changed_tools.append(
                Tool(
                    id=stored.id if stored else ToolId(new_id()),
                    created_at=stored.created_at if stored else self._clock.now(),
                    **{name: getattr(new, name) for name in new.__struct_fields__},
                )
            )
        if not is_trial:
            await self._tools.put_all(changed_tools)
            self._directory.forget()
        return ToolImport(
            created=created, replaced=replaced, unchanged=unchanged, is_trial=is_trial
        )


def read_file(file: JsonObject) -> list[NewTool]:
    """Return the tools that a file defines.

    Raises:
        InvalidInput: The file or one of its tools does not fit; tells all that is wrong.
    """
    if "tools" not in file:
        tools, errors = _read_tools([file], name_place="")
    else:
        raw, errors = _open_envelope(file)
        tools, wrong = _read_tools(raw, name_place="tools.{}.")
        errors += wrong
    if errors:
        raise InvalidInput("The file was not imported.", errors=errors)
    return tools


def _open_envelope(file: JsonObject) -> tuple[list[Any], list[FieldError]]:
    errors = [
        FieldError(name, "A file of tools has the fields 'version' and 'tools' only.")
        for name in file
        if name not in ("version", "tools")
    ]
    if file.get("version") != FILE_VERSION:
        errors.append(FieldError("version", f"This program reads files of version {FILE_VERSION}."))
    raw = file["tools"]
    if not isinstance(raw, list) or not 0 < len(raw) <= MAX_TOOLS:
        errors.append(FieldError("tools", f"Give a list of 1 to {MAX_TOOLS} tools."))
        raw = []
    return raw, errors


def _read_tools(raw: list[Any], *, name_place: str) -> tuple[list[NewTool], list[FieldError]]:
    tools: list[NewTool] = []
    errors: list[FieldError] = []
    for number, item in enumerate(raw):
        place = name_place.format(number)
        try:
            tools.append(_read_tool(item))
        except InvalidInput as error:
            told = _tell_name(item)
            errors += [FieldError(f"{place}{name}", f"{told}{what}") for name, what in error.errors]
    for name, count in Counter(tool.tool_name for tool in tools).items():
        if count > 1:
            errors.append(FieldError("tools", f"{name!r} is in the file {count} times."))
    return tools, errors


def _read_tool(item: Any) -> NewTool:
    tool = read_fields(item, NewTool)
    check_parameters(tool.parameters_schema)
    return tool


def _tell_name(item: Any) -> str:
    name = item.get("tool_name") if isinstance(item, dict) else None
    return f"{name!r}: " if isinstance(name, str) else ""


def _define(tool: Tool) -> NewTool:
    return NewTool(**{name: getattr(tool, name) for name in NewTool.__struct_fields__})


def _find_changes(old: NewTool, new: NewTool) -> list[str]:
    return [name for name in new.__struct_fields__ if getattr(old, name) != getattr(new, name)]
