"""The Edit Fields (Set) node: sets fields by hand or by a JSON text, and keeps the chosen others.

Owns all its type versions' parameters; converting values is left to
``appliance.workflows.conversions``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import (
    CannotConvert,
    parse_json,
    to_array,
    to_boolean,
    to_moment,
    to_number,
    to_object,
    to_text,
    type_name,
)
from appliance.workflows.definition import Node
from appliance.workflows.field_paths import MISSING, read_path, remove_path, set_path
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_ASSIGNMENTS_VERSION = 3.3
_NULLS_STAY_VERSION = 3.2
_INCLUDES = ("all", "none", "selected", "except")


async def _run(context: NodeContext) -> Branches:
    node = context.node
    zone = context.state.time_zone

    async def edit(item: Item, values: Parameters) -> list[Item]:
        is_nested = values.group("options").flag("dotNotation", True)
        edited = _kept(item.json, values, node, is_nested=is_nested)
        for name, value in _new_fields(values, node, zone):
            set_path(edited, name, value, is_nested=is_nested)
        return [Item(json=edited)]

    return [await context.for_each_item(edit)]


def _kept(source: JsonObject, values: Parameters, node: Node, *, is_nested: bool) -> JsonObject:
    """Return a copy of the input's fields that the node keeps."""
    include = _include(values, node.type_version)
    if include == "none":
        return {}
    if include == "selected":
        kept: JsonObject = {}
        for path in values.names("includeFields"):
            found = read_path(source, path, is_nested=is_nested)
            if found is not MISSING:
                name = path.rpartition(".")[2] if is_nested else path
                set_path(kept, name, copy.deepcopy(found), is_nested=is_nested)
        return kept
    kept = copy.deepcopy(source)
    if include == "except":
        for path in values.names("excludeFields"):
            remove_path(kept, path, is_nested=is_nested)
    return kept


def _include(values: Parameters, version: float) -> str:
    if version < 3:
        return "none" if values.flag("keepOnlySet") else "all"
    if version >= _ASSIGNMENTS_VERSION and not values.flag("includeOtherFields"):
        return "none"
    return values.choice("include", _INCLUDES, "all")


def _new_fields(values: Parameters, node: Node, time_zone: str) -> Iterable[tuple[str, JsonValue]]:
    """Yield the fields to set, by path."""
    if node.type_version < 3:
        for kind in ("string", "number", "boolean"):
            for entry in values.groups("values", kind):
                yield entry.text("name"), entry.value("value")
        return
    if values.text("mode") == "raw":
        yield from _parse_object(values.value("jsonOutput", "{}")).items()
        return
    is_lenient = values.group("options").flag("ignoreConversionErrors")
    for name, kind, value in _assignments(values, node.type_version):
        if not name:
            continue
        if value is None and (node.type_version >= _NULLS_STAY_VERSION or kind != "string"):
            yield name, None
            continue
        try:
            yield name, _convert(value, kind, time_zone)
        except CannotConvert:
            if not is_lenient:
                raise Rejected(
                    f"field {name!r} expects {kind} but got {type_name(value)} {to_text(value)!r}"
                ) from None
            yield name, value


def _assignments(values: Parameters, version: float) -> Iterable[tuple[str, str, JsonValue]]:
    if version >= _ASSIGNMENTS_VERSION:
        for entry in values.groups("assignments", "assignments"):
            yield entry.text("name"), entry.text("type", "string"), entry.value("value")
        return
    for entry in values.groups("fields", "values"):
        field = entry.text("type", "stringValue")
        default: JsonValue = "true" if field == "booleanValue" else None
        yield entry.text("name"), field.removesuffix("Value"), entry.value(field, default)


def _convert(value: JsonValue, kind: str, time_zone: str) -> JsonValue:
    converters: dict[str, Callable[[Any], JsonValue]] = {
        "string": to_text,
        "number": to_number,
        "boolean": to_boolean,
        "array": to_array,
        "object": to_object,
        "dateTime": lambda text: to_moment(text, time_zone=time_zone).isoformat(
            timespec="milliseconds"
        ),
    }
    if kind not in converters:
        raise Rejected(f"the field type {kind!r} is not known here")
    return converters[kind](value)


def _parse_object(value: JsonValue) -> JsonObject:
    if isinstance(value, str):
        value = parse_json(value, "the JSON output")
    if not isinstance(value, dict):
        raise Rejected(f"the JSON output must be an object, not {type_name(value)}")
    return value


KIND = NodeKind(
    type="n8n-nodes-base.set",
    min_version=1,
    max_version=3.5,
    run=_run,
    parameters=one_of("mode", "manual", "raw")
    | read(
        "assignments", "fields", "jsonOutput", "includeOtherFields", "include", "includeFields",
        "excludeFields", "values", "keepOnlySet", "options.dotNotation",
        "options.ignoreConversionErrors",
    )
    # Copies are made when an author tries the node, not in a run.
    | ignored("options.includeBinary", "options.stripBinary", "duplicateItem", "duplicateCount"),
)  # fmt: skip
