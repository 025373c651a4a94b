"""The workflows and tools that ship with the product, and the demo shop's rows.

Owns reading the ``bundled-workflows`` folder; where that folder is, is the caller's business, and
so is storing what is read.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from appliance.domain.data_table import Column
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import RequiredIntegration, Risk
from appliance.errors import ConfigurationError
from appliance.workflows.conversions import to_rfc3339

T = TypeVar("T")
_TOOL_SUFFIX = ".tool.json"
_PLACEHOLDER = re.compile(r"\{(today|now)(?:([+-]\d+)(m?))?\}")


class BundledTool(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that ships with the product.

    ``workflow`` is the n8n export that implements it, empty for one that asks an integration.
    """

    tool_name: str
    description: str
    parameters_schema: JsonObject
    category: str
    risk: Risk
    required_integrations: list[RequiredIntegration] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    workflow: JsonObject = field(default_factory=dict)


class DataTableDefinition(Struct, frozen=True):
    """A data table that the bundled workflows use."""

    name: str
    columns: list[Column]


class _DataTables(Struct):
    tables: list[DataTableDefinition]


class _Settings(Struct, forbid_unknown_fields=True):
    """The schemas of all settings by name, and the names that each workflow, or every one, has."""

    settings: dict[str, JsonObject]
    workflows: dict[str, list[str]]
    every_workflow: list[str]
    definitions: JsonObject = field(name="$defs", default_factory=dict)


def load_bundled(folder: Path) -> list[BundledTool]:
    """Read every bundled tool with its workflow, sorted by name.

    Raises:
        ConfigurationError: The folder lacks a file, or holds one that is not as it should be.
    """
    tools = []
    for path in sorted(folder.glob(f"*{_TOOL_SUFFIX}")):
        workflow = _decode(folder / (path.name.removesuffix(_TOOL_SUFFIX) + ".json"), JsonObject)
        tools.append(msgspec.structs.replace(_decode(path, BundledTool), workflow=workflow))
    if not tools:
        raise ConfigurationError(f"No bundled workflows in {str(folder)!r}; install again.")
    return tools


def load_integration_tools(folder: Path) -> list[BundledTool]:
    """Read the tools that ask ready endpoints of integrations and have no workflow, by name.

    Raises:
        ConfigurationError: A file is not as it should be.
    """
    paths = sorted((folder / "integration-tools").glob(f"*{_TOOL_SUFFIX}"))
    return [_decode(path, BundledTool) for path in paths]


def load_data_tables(folder: Path) -> list[DataTableDefinition]:
    """Read the tables that the bundled workflows use.

    Raises:
        ConfigurationError: The file is missing or not as it should be.
    """
    return _decode(folder / "data-tables.json", _DataTables).tables


def load_workflow_settings(folder: Path) -> dict[str, JsonObject]:
    """Read the JSON Schema of what each bundled workflow takes as settings, by its name.

    Raises:
        ConfigurationError: The file is missing or not as it should be.
    """
    read = _decode(folder / "settings.json", _Settings)
    return {
        name: {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                setting: read.settings[setting] for setting in (*own, *read.every_workflow)
            },
            "$defs": read.definitions,
        }
        for name, own in read.workflows.items()
    }


def load_demo_rows(folder: Path, now: datetime, *, time_zone: str) -> dict[str, list[JsonObject]]:
    """Read the demo shop's rows by table, moved to the present.

    Args:
        folder: The bundled workflows' folder.
        now: An aware moment. ``{today}``, ``{today-1}`` become dates and ``{now+20m}`` times of
            the day in the shop's time zone.
        time_zone: The demo shop's.

    Raises:
        ConfigurationError: A file is missing or not as it should be.
    """
    local = now.astimezone(ZoneInfo(time_zone))
    rows: dict[str, list[JsonObject]] = {}
    for table in load_data_tables(folder):
        dates = {column.name for column in table.columns if column.type == "date"}
        rows[table.name] = [
            {name: _moved(value, local, is_moment=name in dates) for name, value in row.items()}
            for row in _decode(folder / "demo" / f"{table.name}.json", list[JsonObject])
        ]
    return rows


def load_demo_config(folder: Path) -> dict[str, JsonObject]:
    """Read the demo shop's configuration of its tools, by tool name.

    Raises:
        ConfigurationError: The file is missing or not as it should be.
    """
    return _decode(folder / "demo" / "config.json", dict[str, JsonObject])


def _moved(value: JsonValue, local: datetime, *, is_moment: bool) -> JsonValue:
    if not isinstance(value, str):
        return value
    if not is_moment:
        return _PLACEHOLDER.sub(lambda match: _placed(match, local), value)
    minutes = re.search(r"T\{now([+-]\d+)m\}$", value)
    if minutes:  # by the clock, so that it does not jump back a day around midnight
        return to_rfc3339(local + timedelta(minutes=int(minutes.group(1))))
    text = _PLACEHOLDER.sub(lambda match: _placed(match, local), value)
    moment = datetime.fromisoformat(text)
    return to_rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=local.tzinfo))


def _placed(match: re.Match[str], local: datetime) -> str:
    shift = int(match.group(2) or 0)
    if match.group(1) == "today":
        return (local + timedelta(days=shift)).date().isoformat()
    return (local + timedelta(minutes=shift)).strftime("%H:%M")


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as exc:
        raise ConfigurationError(
            f"The bundled file {str(path)!r} cannot be read: {exc}; install again."
        ) from exc
