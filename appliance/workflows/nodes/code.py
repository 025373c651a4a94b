"""The Code node: the author's JavaScript, in the sandbox, over all items or each one.

Owns n8n's rules for what code may return; running it is left to ``appliance.workflows.sandbox``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, Rejected
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext, describe_script_error
from appliance.workflows.parameter_rules import ignored, literal, one_of
from appliance.workflows.registry import NodeKind

_ITEM_KEYS = frozenset({"json", "binary", "pairedItem", "error", "index", "metadata", "$error"})


async def _run(context: NodeContext) -> Branches:
    given = context.node.given
    is_per_item = given.text("mode") == "runOnceForEachItem"
    code = given.text("jsCode")
    try:
        results = await context.run_code(code, is_per_item=is_per_item)
        if not is_per_item:
            value = results[0].get("value")
            count = len(value) if isinstance(value, list) else 1
            return [await context.work_out(_all_items, value, items=count)]
    except ApplianceError as exc:
        if not context.continues_on_failure:
            raise
        return [[Item(json={"error": exc.message}, error=exc.message)]]
    return [_each_item(context, results)]


def _each_item(context: NodeContext, results: list[JsonObject]) -> list[Item]:
    made: list[Item] = []
    for index, result in enumerate(results):
        try:
            if "error" in result:
                raise Rejected(f"item {index}: {describe_script_error(result)}")
            value = result.get("value")
            if value is None:
                continue
            if not isinstance(value, dict):
                raise Rejected(f"item {index}: the code must return one object, not {_what(value)}")
            item = _as_item(value) if "json" in value else Item(json=value)
        except ApplianceError as exc:
            if not context.continues_on_failure:
                raise
            item = Item(json={"error": exc.message}, error=exc.message)
        item.origins = (Origin(index),)
        made.append(item)
    return made


def _all_items(value: JsonValue) -> list[Item]:
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise Rejected(
            f"the code must return an array of objects, one per item, not {_what(value)}"
        )
    wrong = [entry for entry in value if not isinstance(entry, dict)]
    if wrong:
        raise Rejected(f"the code must return an array of objects; it holds {_what(wrong[0])}")
    if any("json" in entry for entry in value):
        return [_as_item(entry) for entry in value]
    return [Item(json=entry) for entry in value]


def _as_item(entry: JsonObject) -> Item:
    unknown = entry.keys() - _ITEM_KEYS
    if unknown:
        raise Rejected(f"an item has the unknown field {min(unknown)!r} beside 'json'")
    if not isinstance(entry.get("json"), dict):
        raise Rejected(f"an item's 'json' must be an object, not {_what(entry.get('json'))}")
    error = entry.get("error")
    message = error.get("message", error) if isinstance(error, dict) else error
    return Item(
        json=entry["json"],
        origins=_origins(entry.get("pairedItem")),
        error=None if message is None else str(message),
    )


def _origins(paired: JsonValue) -> tuple[Origin, ...] | None:
    if paired is None:
        return None
    origins = []
    for link in paired if isinstance(paired, list) else [paired]:
        index = link.get("item") if isinstance(link, dict) else link
        arrived_at = link.get("input") if isinstance(link, dict) else 0
        if isinstance(index, int) and not isinstance(index, bool):
            origins.append(Origin(index, int(arrived_at or 0)))
    return tuple(origins) or None


def _what(value: JsonValue) -> str:
    if value is None:
        return "nothing"
    return "an array" if isinstance(value, list) else f"{value!r}"


KIND = NodeKind(
    type="n8n-nodes-base.code",
    min_version=1,
    max_version=2,
    run=_run,
    parameters=one_of("language", "javaScript", "javascript")
    | one_of("mode", "runOnceForAllItems", "runOnceForEachItem")
    | literal("jsCode")
    | ignored("pythonCode"),
)
