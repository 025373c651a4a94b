"""The Date & Time node: formats, shifts, rounds, compares and takes apart dates.

Owns reading what is asked; dates are Luxon's business, in ``javascript/date_time.js``. The first
version of the node has Moment's formats.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject
from appliance.errors import ApplianceError, Rejected
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind
from appliance.workflows.sandbox import load_source

_UNITS = (
    "years", "quarters", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds",
)  # fmt: skip
_PARTS = ("year", "month", "week", "day", "hour", "minute", "second")
_SPANS = (*_PARTS, "millisecond")
_OPERATIONS = (
    "getCurrentDate", "addToDate", "subtractFromDate", "formatDate", "roundDate",
    "getTimeBetweenDates", "extractDate",
)  # fmt: skip
_NAMES = {
    "getCurrentDate": "currentDate",
    "addToDate": "newDate",
    "subtractFromDate": "newDate",
    "formatDate": "formattedDate",
    "roundDate": "roundedDate",
    "getTimeBetweenDates": "timeDifference",
    "extractDate": "datePart",
}


async def _run(context: NodeContext) -> Branches:
    rows = await context.parameters()
    build = _build_old if context.node.type_version < 2 else _build
    tasks: list[JsonObject | ApplianceError] = []
    for values in rows:
        try:
            if isinstance(values, ApplianceError):
                raise values
            tasks.append(build(values, context.state.time_zone))
        except ApplianceError as exc:
            tasks.append(exc)
    answers = iter(await _ask(context, [task for task in tasks if isinstance(task, dict)]))
    made: list[Item] = []
    for index, (values, task) in enumerate(zip(rows, tasks, strict=True)):
        try:
            if isinstance(task, ApplianceError) or isinstance(values, ApplianceError):
                raise task if isinstance(task, ApplianceError) else Rejected("")
            item = _build_item(context, index, values, next(answers))
        except ApplianceError as exc:
            if not context.continues_on_failure:
                raise
            item = Item(json={"error": exc.message}, error=exc.message)
        item.origins = (Origin(index),)
        made.append(item)
    return [made]


async def _ask(context: NodeContext, tasks: list[JsonObject]) -> list[JsonObject]:
    if not tasks:
        return []
    answers: list[JsonObject] = await context.run_script(load_source("date_time"), tasks)
    return answers


def _build(values: Parameters, zone: str) -> JsonObject:
    operation = values.choice("operation", _OPERATIONS, "getCurrentDate")
    task: JsonObject = {"operation": operation, "zone": zone}
    options = values.group("options")
    match operation:
        case "getCurrentDate":
            task["includeTime"] = values.flag("includeTime", True)
            task["zone"] = options.text("timezone") or zone
        case "addToDate" | "subtractFromDate":
            task["date"] = values.value("magnitude")
            task["unit"] = values.choice("timeUnit", _UNITS, "days")
            task["duration"] = values.number("duration", 0)
        case "formatDate":
            task["date"] = values.value("date")
            form = values.text("format", "MM/dd/yyyy")
            task["format"] = values.text("customFormat") if form == "custom" else form
            task["fromFormat"] = options.text("fromFormat")
            if options.flag("timezone"):
                task["zone"] = zone
        case "roundDate":
            task["date"] = values.value("date")
            task["mode"] = values.choice("mode", ("roundDown", "roundUp"), "roundDown")
            name = "toNearest" if task["mode"] == "roundDown" else "to"
            task["unit"] = values.choice(name, _PARTS, "month")
        case "getTimeBetweenDates":
            task["start"], task["end"] = values.value("startDate"), values.value("endDate")
            task["units"] = values.names("units") or ["day"]
            unknown = [unit for unit in task["units"] if unit not in _SPANS]
            if unknown:
                values.refuse("units", f"must be some of {', '.join(_SPANS)}")
            task["isText"] = options.flag("isoString")
        case "extractDate":
            task["date"] = values.value("date")
            task["part"] = values.choice("part", _PARTS, "month")
    return task


def _build_old(values: Parameters, zone: str) -> JsonObject:
    options = values.group("options")
    task: JsonObject = {
        "date": values.value("value"),
        "zone": options.text("toTimezone") or zone,
        "fromFormat": options.text("fromFormat"),
    }
    if values.choice("action", ("format", "calculate"), "format") == "format":
        task["operation"] = "formatAsMoment"
        task["fromZone"] = options.text("fromTimezone") or zone
        task["format"] = values.text("toFormat") or "MM/DD/YYYY"
    else:
        task["operation"] = "calculateAsMoment"
        task["isAdded"] = values.choice("operation", ("add", "subtract"), "add") == "add"
        task["unit"] = values.choice("timeUnit", _UNITS, "days")
        task["duration"] = values.number("duration", 0)
    return task


def _build_item(context: NodeContext, index: int, values: Parameters, answer: JsonObject) -> Item:
    if "error" in answer:
        raise Rejected(str(answer["error"]))
    given = context.items[index].json
    if context.node.type_version < 2:
        return Item(json={**given, values.text("dataPropertyName") or "data": answer["value"]})
    operation = values.choice("operation", _OPERATIONS, "getCurrentDate")
    name = values.text("outputFieldName") or _NAMES[operation]
    before = given if values.group("options").flag("includeInputFields") else {}
    return Item(json={**before, name: answer["value"]})


KIND = NodeKind(
    type="n8n-nodes-base.dateTime",
    min_version=1,
    max_version=2,
    run=_run,
    parameters=one_of("action", "format", "calculate")
    | read(
        "operation", "includeTime", "outputFieldName", "magnitude", "timeUnit", "duration", "date",
        "format", "customFormat", "mode", "toNearest", "to", "startDate", "endDate", "units",
        "part", "value", "dataPropertyName", "custom", "toFormat", "options",
    ),
)  # fmt: skip
