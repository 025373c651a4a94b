"""Arguments that say who the visitor is: filled in by the server, never by a model.

Owns what a model sees of a tool with bound parameters, and filling them in; which they are is read
by ``appliance.domain.bound_parameters``, judging calls is left to ``appliance.agent.policy``,
verifying who the visitor is to the services. See docs/adr/0020.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from appliance.domain.bound_parameters import CONFIG_KEY, MARK, find_bindings, read_properties
from appliance.domain.identity import TOKEN_CLAIMS, Claim, VerifiedIdentity
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import SIGN_IN_CALL
from appliance.domain.tool import TenantTool, ToolCall, ToolSpec

RESULT_WORDS = "x-results"
"""At the root of a tool's schema: its own words for what it returns; no model needs them."""
_CONDITIONS = (
    "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "$defs",
)  # fmt: skip
_TOLD_TO_VISITORS = frozenset(("email", "phone", "name"))


def build_spec(tool: TenantTool, identity: VerifiedIdentity | None) -> ToolSpec:
    """Return the tool as a model sees it: without bound parameters and words for visitors.

    A tool that needs one which ``identity`` cannot fill stays known by name, so that the visitor
    can be told what to do, but it takes nothing and every call of it is refused.
    """
    bindings = find_bindings(tool)
    schema = tool.tool.parameters_schema
    words = schema.get(RESULT_WORDS)
    schema = {key: part for key, part in schema.items() if key != RESULT_WORDS}
    refusal = _find_missing(schema, bindings, identity)
    description = tool.tool.description
    if refusal is not None:
        schema = {"type": "object", "properties": {}}
        description = f"{description} (Not available now. {refusal})"
    elif bindings:
        schema = _hide(schema, bindings)
    return ToolSpec(
        name=tool.tool.tool_name,
        description=description,
        parameters_schema=schema,
        risk=tool.risk,
        examples=tuple(tool.tool.examples),
        bound=tuple(bindings),
        refusal=refusal,
        result_words=words if isinstance(words, dict) else {},
    )


def bind_call(call: ToolCall, tool: TenantTool, identity: VerifiedIdentity | None) -> ToolCall:
    """Return ``call`` as it runs: bound parameters are the identity's, or absent."""
    bindings = find_bindings(tool)
    if not bindings:
        return call
    claims = identity.claims if identity is not None else {}
    properties = read_properties(tool.tool.parameters_schema)
    filled: JsonObject = {
        name: _fitted(claims[claim], properties.get(name))
        for name, claim in bindings.items()
        if claim in claims
    }
    return _with_arguments(call, {**unbind_call(call, tool).arguments, **filled})


def unbind_call(call: ToolCall, tool: TenantTool) -> ToolCall:
    """Return ``call`` as the model made it, without bound parameters."""
    bindings = find_bindings(tool)
    own = {name: value for name, value in call.arguments.items() if name not in bindings}
    return _with_arguments(call, own)


def select_shown(call: ToolCall, tool: TenantTool) -> ToolCall:
    """Return what of a bound call a visitor is shown: not the shop's internal ids of them."""
    hidden = {name for name, claim in find_bindings(tool).items() if claim not in _TOLD_TO_VISITORS}
    shown = {name: value for name, value in call.arguments.items() if name not in hidden}
    return _with_arguments(call, shown)


def find_binding_problem(schema: JsonObject, custom_config: JsonObject) -> str | None:
    """Return why a tool's bindings cannot be kept, or ``None``: a sentence for the operator."""
    properties = read_properties(schema)
    chosen = custom_config.get(CONFIG_KEY, {})
    if not isinstance(chosen, dict):
        return f"{CONFIG_KEY!r} maps names of parameters to claims of the identity token."
    for name, claim in chosen.items():
        if name not in properties:
            return f"{CONFIG_KEY!r} names the parameter {name!r}, which the tool does not have."
        if not _is_claim(claim):
            return f"{CONFIG_KEY!r} must name a claim such as 'sub' for {name!r}."
    for name, parameter in properties.items():
        if isinstance(parameter, dict) and MARK in parameter and not _is_claim(parameter[MARK]):
            return f"{MARK!r} of {name!r} must name a claim such as 'sub'."
    tops = sum(isinstance(part, dict) and MARK in part for part in properties.values())
    if _count_marks(schema) > tops:
        return f"{MARK!r} may stand only in a property at the top of the schema."
    bound = [name for name, part in properties.items() if isinstance(part, dict) and MARK in part]
    conditions = {key: part for key, part in schema.items() if key in _CONDITIONS}
    for name in (*bound, *chosen):
        if _is_mentioned(conditions, name):
            return f"{name!r} is bound to the identity and may not stand in a condition."
    return None


def _find_missing(
    schema: JsonObject, bindings: Mapping[str, str], identity: VerifiedIdentity | None
) -> str | None:
    """Return why a required parameter cannot be filled in, as the model is told."""
    required = schema.get("required") or ()
    for name, claim in bindings.items():
        if name not in required:
            continue
        if identity is None:
            return SIGN_IN_CALL
        if claim not in identity.claims:
            return f"Not carried out: the visitor's sign-in does not tell their {claim!r}."
    return None


def _hide(schema: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Return ``schema`` without ``names``, closed to names it does not list unless it says so."""
    seen: JsonObject = {"additionalProperties": False, **schema}
    seen["properties"] = {
        name: part for name, part in read_properties(schema).items() if name not in names
    }
    if isinstance(schema.get("required"), list):
        seen["required"] = [name for name in schema["required"] if name not in names]
    return seen


def _with_arguments(call: ToolCall, arguments: JsonObject) -> ToolCall:
    return msgspec.structs.replace(call, arguments=arguments)


def _is_claim(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100 and value not in TOKEN_CLAIMS


def _fitted(value: Claim, schema: object) -> Claim:
    """Return a claim as the parameter's type wants it: in tokens every id is a text.

    What does not fit stays, and the schema refuses it.
    """
    wanted = schema.get("type") if isinstance(schema, dict) else None
    if wanted == "string" and not isinstance(value, str | bool):
        return str(value)
    if wanted in ("integer", "number") and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _is_mentioned(value: JsonValue, name: str) -> bool:
    if isinstance(value, dict):
        return name in value or any(_is_mentioned(part, name) for part in value.values())
    if isinstance(value, list):
        return any(_is_mentioned(part, name) for part in value)
    return bool(value == name)


def _count_marks(value: JsonValue) -> int:
    if isinstance(value, dict):
        return (MARK in value) + sum(_count_marks(part) for part in value.values())
    return sum(map(_count_marks, value)) if isinstance(value, list) else 0
