"""A tool's parameters as slots of a form, read from its JSON Schema.

Owns which kind of value each parameter takes and what it is called; finding values for them is left
to ``slot_filling``, judging values to ``slot_checks``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Literal

from msgspec import Struct, structs

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.safe_patterns import SafePattern, read_pattern
from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.lexicon import Reading, read_text
from appliance.wording import humanise, list_titles, name_parameter

SlotKind = Literal[
    "choice",
    "boolean",
    "number",
    "date",
    "time",
    "datetime",
    "phone",
    "email",
    "url",
    "person_name",
    "code",
    "text",
]
_THING_NAME = "thing_name"
_MAX_NAME_LENGTH = 200
_MAX_DEPTH = 3
_MAX_SLOTS = 40
_MAX_PARAMETERS = 400
"""So many are looked at: with references, a small schema holds more than anybody can read."""
_MAX_CHOICES = 200


class Choice(Struct, frozen=True):
    """One allowed value and the words for it."""

    value: JsonValue
    label: str


class Slot(Struct, frozen=True, kw_only=True):
    """One parameter; ``path`` leads to it through nested objects."""

    path: tuple[str, ...]
    kind: SlotKind
    schema: JsonObject
    label: str
    """The title, or the parameter's name in words."""
    own_schema: JsonObject = {}
    """The parameter's own schema: for a list that of the list, while ``schema`` is its items'."""
    description: str = ""
    """For choosing tools and values only: it is written for models, not for visitors."""
    is_required: bool = False
    is_list: bool = False
    choices: tuple[Choice, ...] = ()
    roles: frozenset[str] = frozenset()
    """What the title, name and description hint at, as names of ``slot_kinds`` and concepts."""

    @property
    def key(self) -> str:
        """The path as one string, by which a form remembers the slot."""
        return ".".join(self.path)

    def name_in(self, language: str) -> str:
        """Return what a visitor who reads ``language`` is shown as the slot's name."""
        return name_parameter(self.path[-1], self.own_schema, language)[:_MAX_NAME_LENGTH]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which a visitor may call the slot, in all languages."""
        return tuple(dict.fromkeys((self.label, *list_titles(self.own_schema))))

    @property
    def pattern(self) -> SafePattern | None:
        """The schema's pattern, when it is one that is run here; else a value is unchecked."""
        return compile_pattern(self.schema.get("pattern"))

    @property
    def example(self) -> str:
        """One example value of the schema, or an empty string."""
        examples = self.schema.get("examples")
        if isinstance(examples, list) and examples and isinstance(examples[0], str | int | float):
            return str(examples[0])
        return ""


def compile_pattern(pattern: JsonValue) -> SafePattern | None:
    """Return a JSON Schema ``pattern``, or ``None`` where it is absent, unreadable or not safe."""
    return read_pattern(pattern) if isinstance(pattern, str) else None


def build_slots(tool: ToolSpec) -> tuple[Slot, ...]:
    """Return the slots of a tool, required ones first, each group in the schema's order."""
    root = tool.parameters_schema if isinstance(tool.parameters_schema, dict) else {}
    walked = islice(_walk(root, root, (), True), _MAX_PARAMETERS)
    slots = [slot for slot in walked if slot is not None][:_MAX_SLOTS]
    if tool.risk != "read" or sum(slot.is_required for slot in slots) != 1:
        slots = [_without_search(slot) for slot in slots]
    return tuple(sorted(slots, key=lambda slot: not slot.is_required))


def _without_search(slot: Slot) -> Slot:
    """Return a slot for the name of a thing as one that takes no sentence for such a name."""
    if _THING_NAME not in slot.roles:
        return slot
    return structs.replace(slot, roles=slot.roles - {"search_text"})


def _walk(
    schema: JsonObject, root: JsonObject, path: tuple[str, ...], is_required: bool
) -> Iterator[Slot | None]:
    """Give a slot for each parameter, and ``None`` for each that is none by itself."""
    properties = schema.get("properties")
    required = schema.get("required")
    wanted = (
        {name for name in required if isinstance(name, str)}
        if isinstance(required, list)
        else set()
    )
    if not isinstance(properties, Mapping):
        return
    for name, raw in properties.items():
        if not isinstance(name, str):
            continue
        inner = _simplify(raw, root)
        needed = is_required and name in wanted
        if isinstance(inner.get("properties"), Mapping) and len(path) < _MAX_DEPTH:
            yield None
            yield from _walk(inner, root, (*path, name), needed)
        else:
            yield None if "const" in inner else _build_slot(inner, (*path, name), needed)


def _simplify(raw: JsonValue, root: JsonObject) -> JsonObject:
    """Return a schema without ``$ref`` and with the first non-null alternative merged in."""
    schema: JsonObject = dict(raw) if isinstance(raw, Mapping) else {}
    for _ in range(_MAX_DEPTH):
        reference = schema.pop("$ref", None)
        if isinstance(reference, str) and reference.startswith("#/"):
            schema = {**_resolve(reference, root), **schema}
        for keyword in ("anyOf", "oneOf", "allOf"):
            options = schema.get(keyword)
            if not isinstance(options, list) or _labelled(options):
                continue
            schema.pop(keyword)
            chosen = next(
                (o for o in options if isinstance(o, Mapping) and o.get("type") != "null"), {}
            )
            schema = {**chosen, **schema}
    return schema


def _labelled(options: list[JsonValue]) -> bool:
    return bool(options) and all(isinstance(o, Mapping) and "const" in o for o in options)


def _resolve(reference: str, root: JsonObject) -> JsonObject:
    target: JsonValue = root
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, Mapping) else None
    return dict(target) if isinstance(target, Mapping) else {}


def _build_slot(schema: JsonObject, path: tuple[str, ...], is_required: bool) -> Slot:
    is_list = _type_of(schema) == "array"
    item: JsonObject = schema
    if is_list:
        items = schema.get("items")
        item = dict(items) if isinstance(items, Mapping) else {}
    title = schema.get("title")
    description = schema.get("description")
    label = title.strip() if isinstance(title, str) and title.strip() else humanise(path[-1])
    text = description.strip() if isinstance(description, str) else ""
    choices = _choices(item)
    named = read_text(f"{humanise(path[-1])} . {label}")
    described = read_text(text)
    roles = (
        _roles(named)
        | _thing_name(named)
        | frozenset(f"described.{role}" for role in _roles(described))
    )
    return Slot(
        path=path,
        kind="choice" if choices else _kind(item, roles),
        schema=item,
        label=label[:_MAX_NAME_LENGTH],
        own_schema=schema,
        description=text[:300],
        is_required=is_required,
        is_list=is_list,
        choices=choices,
        roles=roles,
    )


def _thing_name(named: Reading) -> frozenset[str]:
    """Return a mark for a name that is no person's: "plant name", not "name of the guest"."""
    known = named.covered(("slot.person_name", "slot.person")) | named.stop
    return frozenset(() if known.issuperset(range(len(named.words))) else (_THING_NAME,))


def _roles(reading: Reading) -> frozenset[str]:
    return frozenset(
        match.name.removeprefix("slot.")
        for match in reading.matches
        if match.name.startswith(("slot.", "~"))
    )


def _type_of(schema: JsonObject) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        stated = next((t for t in stated if isinstance(t, str) and t != "null"), None)
    return stated if isinstance(stated, str) else ""


def _choices(schema: JsonObject) -> tuple[Choice, ...]:
    values = schema.get("enum")
    labelled = schema.get("oneOf")
    if isinstance(labelled, list):
        found = [
            Choice(o["const"], str(o.get("title") or o["const"]))
            for o in labelled
            if isinstance(o, Mapping) and "const" in o
        ]
    elif isinstance(values, list):
        found = [Choice(v, str(v)) for v in values if isinstance(v, str | int | float)]
    else:
        found = []
    return tuple(found[:_MAX_CHOICES])


_BY_FORMAT: dict[str, SlotKind] = {
    "date": "date", "time": "time", "date-time": "datetime", "email": "email",
    "idn-email": "email", "uri": "url", "url": "url", "phone": "phone", "tel": "phone",
}  # fmt: skip
_BY_ROLE: tuple[tuple[str, SlotKind], ...] = (
    ("email", "email"), ("phone", "phone"), ("url", "url"), ("date", "date"), ("time", "time"),
)  # fmt: skip


def _kind(schema: JsonObject, roles: frozenset[str]) -> SlotKind:
    stated = _type_of(schema)
    if stated == "boolean":
        return "boolean"
    if stated in ("integer", "number"):
        return "code" if stated == "integer" and _is_identifier(roles) else "number"
    written = schema.get("format")
    if isinstance(written, str) and written in _BY_FORMAT:
        return _BY_FORMAT[written]
    if stated not in ("", "string"):
        return "text"
    if "date" in roles and "time" in roles and "pattern" not in schema:
        return "datetime"
    for role, kind in _BY_ROLE:
        if role in roles:
            return kind
    if "person_name" in roles and not roles & {"not_person", _THING_NAME}:
        return "person_name"
    if _is_identifier(roles) or "pattern" in schema:
        return "code"
    return "text"


def _is_identifier(roles: frozenset[str]) -> bool:
    counts = {"~people", "~quantity", "~night", "~day_count"}
    return "identifier" in roles and not roles & counts
