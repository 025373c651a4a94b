"""Forms for calls that lack something: made of a tool's parameters, and read when filled in.

Owns which calls get a form and what its values become; whether such a call may run is decided by
``appliance.agent.loop``, like that of any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.agent.language import texts_for
from appliance.agent.policy import find_argument_problem
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.safe_patterns import read_pattern
from appliance.domain.tool import ToolSpec
from appliance.domain.tool_form import FieldType, FilledForm, FormField, FormOption, ToolForm
from appliance.wording import find_role, name_parameter, name_tool

MAX_FIELDS = 12
MAX_OPTIONS = 100
PAINFUL: Final[frozenset[FieldType]] = frozenset(("date", "time", "select"))
"""What is easier to choose than to write in the one form that will do."""

_BY_FORMAT: Final[dict[str, FieldType]] = {
    "date": "date", "time": "time", "email": "email", "idn-email": "email", "phone": "tel",
    "tel": "tel",
}  # fmt: skip
_BY_ROLE: Final[dict[str, tuple[FieldType, str]]] = {
    "date": ("date", "2027-01-15"), "time": ("time", "19:00"),
    "email": ("email", "dana@example.com"), "phone": ("tel", "050-1234567"),
}  # fmt: skip
"""Common meanings of names, and a value that a field of the type gives."""
_COMPOUND: Final = ("$ref", "allOf", "anyOf", "not", "if")


def build_form(tool: ToolSpec, known: JsonObject, *, language: str) -> ToolForm | None:
    """Return the form for what a call lacks, with what is known filled in.

    ``None`` where a question does: one thing is missing and easily written, or a parameter has no
    field that fits.
    """
    properties, required = _read_parameters(tool.parameters_schema)
    missing = [name for name in required if name not in known]
    fields: list[FormField] = []
    for name in dict.fromkeys((*required, *known)):
        schema = properties.get(name)
        kind = None if schema is None else _find_type(name, schema)
        if schema is None or kind is None or isinstance(known.get(name), dict | list):
            return None
        fields.append(
            FormField(
                name=name,
                label=name_parameter(name, schema, language),
                type=kind,
                required=name in required,
                options=tuple(
                    FormOption(value=_write(value), label=label)
                    for value, label in _list_options(schema, language)
                ),
                value=None if known.get(name) is None else _write(known[name]),
            )
        )
    is_painful = any(field.type in PAINFUL for field in fields if field.name in missing)
    if not (len(missing) > 1 or is_painful) or not missing or len(fields) > MAX_FIELDS:
        return None
    order = list(properties)
    return ToolForm(
        tool=tool.name,
        title=name_tool(tool.name, tool.parameters_schema, language),
        fields=tuple(sorted(fields, key=lambda field: order.index(field.name))),
    )


def read_form(filled: FilledForm, tool: ToolSpec) -> JsonObject | None:
    """Return the arguments that a filled form gives, or ``None`` when they do not fit the tool.

    Only parameters that a form may ask for are taken: none that says who the visitor is.
    """
    properties, _ = _read_parameters(tool.parameters_schema)
    arguments: JsonObject = {}
    for name, text in filled.values.items():
        schema = properties.get(name)
        kind = None if schema is None else _find_type(name, schema)
        if schema is None or kind is None:
            return None
        if text.strip():
            arguments[name] = _read_value(name, schema, kind, text.strip())
    if find_argument_problem(arguments, tool.parameters_schema) is not None:
        return None
    return arguments


def _read_parameters(schema: JsonObject) -> tuple[dict[str, JsonObject], list[str]]:
    properties, required = schema.get("properties"), schema.get("required")
    return (
        {
            name: dict(inner) if isinstance(inner, Mapping) else {}
            for name, inner in (properties.items() if isinstance(properties, Mapping) else ())
        },
        [name for name in required if isinstance(name, str)] if isinstance(required, list) else [],
    )


def _find_type(name: str, schema: JsonObject) -> FieldType | None:
    """Return the field for a parameter, or ``None`` where no field gives such values."""
    if any(keyword in schema for keyword in _COMPOUND):
        return None
    if "enum" in schema or "oneOf" in schema:
        return "select" if 0 < len(_list_options(schema, "")) <= MAX_OPTIONS else None
    stated = _find_stated(schema)
    if stated == "boolean":
        return "select"
    if stated in ("integer", "number"):
        return "number"
    if stated not in ("", "string"):
        return None
    written = schema.get("format")
    if isinstance(written, str) and written not in _BY_FORMAT:
        return None if written == "date-time" else "text"
    if isinstance(written, str):
        return _BY_FORMAT[written]
    kind, example = _BY_ROLE.get(find_role(name) or "", ("text", ""))
    return kind if _may_be(schema, example) else "text"


def _find_stated(schema: JsonObject) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        stated = next((one for one in stated if one != "null"), None)
    return stated if isinstance(stated, str) else ""


def _may_be(schema: JsonObject, example: str) -> bool:
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return True
    read = read_pattern(pattern)
    return read is not None and bool(read.search(example))


def _list_options(schema: JsonObject, language: str) -> list[tuple[JsonValue, str]]:
    """Return the values to choose from with their words; a value that is no scalar is none."""
    labelled, values = schema.get("oneOf"), schema.get("enum")
    if isinstance(labelled, list):
        options: list[Any] = [dict(o) if isinstance(o, Mapping) else {} for o in labelled]
        if not all(_is_scalar(option.get("const")) for option in options):
            return []
        return [(o["const"], str(o.get("title") or _write(o["const"]))) for o in options]
    if isinstance(values, list):
        found = [value for value in values if value is not None]
        return [(v, _write(v)) for v in found] if all(map(_is_scalar, found)) else []
    if _find_stated(schema) == "boolean":
        texts = texts_for(language)
        return [(True, texts["form_yes"]), (False, texts["form_no"])]
    return []


def _is_scalar(value: JsonValue) -> bool:
    return isinstance(value, str | int | float)


def _write(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_value(name: str, schema: JsonObject, kind: FieldType, text: str) -> JsonValue:
    """Return what was written as the parameter takes it; as text where nothing fits."""
    candidates: list[JsonValue] = [text]
    if kind == "select":
        candidates = [value for value, _ in _list_options(schema, "") if _write(value) == text]
    elif kind == "number":
        candidates = _read_numbers(text)
    elif kind == "time":
        candidates = [text, f"{text}:00"]
    alone: JsonObject = {"type": "object", "properties": {name: schema}}
    fitting = (one for one in candidates if find_argument_problem({name: one}, alone) is None)
    return next(fitting, text)


def _read_numbers(text: str) -> list[JsonValue]:
    found: list[JsonValue] = []
    for read in (int, float):
        try:
            found.append(read(text))
        except (ValueError, OverflowError):
            continue
    return found
