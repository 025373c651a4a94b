"""Which parameters a node has here, and which of n8n's would be passed over in silence.

Owns the declaration and the check at import; reading a value is left to
``appliance.workflows.parameters``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue


class Rule(Struct, frozen=True):
    """How a parameter is used.

    ``read`` ones are evaluated, ``literal`` ones taken as the file has them, ``ignored`` ones
    change nothing in the data here. With ``choices`` only those values can run, and an expression
    cannot choose among them.
    """

    use: Literal["read", "literal", "ignored"]
    choices: tuple[JsonValue, ...] = ()
    remedy: str = ""


Rules = Mapping[str, Rule]
"""Rules by name. A dot leads into a collection: ``options.timeout``; a rule for a collection
covers everything within. n8n drops a parameter that a type version does not have, so the names of
all versions stand together."""


def read(*names: str) -> dict[str, Rule]:
    """Declare parameters that the node evaluates."""
    return dict.fromkeys(names, Rule("read"))


def literal(*names: str) -> dict[str, Rule]:
    """Declare parameters that hold no expressions, such as code."""
    return dict.fromkeys(names, Rule("literal"))


def ignored(*names: str) -> dict[str, Rule]:
    """Declare parameters that are passed over on purpose: they do not change the data."""
    return dict.fromkeys(names, Rule("ignored"))


def one_of(name: str, *choices: JsonValue, remedy: str = "") -> dict[str, Rule]:
    """Declare a parameter of which only ``choices`` can run; ``remedy`` says what to do else."""
    return {name: Rule("read", choices, remedy)}


def select_evaluated(parameters: JsonObject, rules: Rules) -> JsonObject:
    """Return what of a node's parameters is evaluated for it; nothing is copied but collections.

    A literal within a collection is left out: its expressions are the node's own business.
    """
    chosen: JsonObject = {}
    for name, rule in rules.items():
        top = name.partition(".")[0]
        if rule.use == "read" and top in parameters:
            chosen[top] = parameters[top]
    for name, rule in rules.items():
        top, _, inner = name.partition(".")
        held = chosen.get(top)
        if rule.use == "literal" and inner and isinstance(held, dict):
            chosen[top] = {key: value for key, value in held.items() if key != inner}
    return chosen


def find_parameter_problems(parameters: JsonObject, rules: Rules) -> list[str]:
    """Return what in a node's parameters would be passed over or cannot run, one phrase each."""
    return list(_problems(parameters, rules, ""))


def _problems(values: JsonObject, rules: Rules, path: str) -> Iterator[str]:
    for key, value in values.items():
        name = path + key
        rule = rules.get(name)
        if rule is not None:
            if rule.choices and value not in (None, "", *rule.choices):
                hint = rule.remedy or "known here: " + ", ".join(repr(c) for c in rule.choices)
                yield f"parameter {name!r} set to {value!r}; {hint}"
        elif any(known.startswith(f"{name}.") for known in rules):
            if isinstance(value, dict):
                yield from _problems(value, rules, f"{name}.")
            elif isinstance(value, list):
                for entry in value:
                    if isinstance(entry, dict):
                        yield from _problems(entry, rules, f"{name}.")
        elif not _is_unset(value):
            yield f"parameter {name!r}, which cannot run here; remove it"


def _is_unset(value: JsonValue) -> bool:
    """Say whether a value is one of n8n's empty defaults, or holds nothing else."""
    if isinstance(value, dict):
        return all(_is_unset(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_unset(inner) for inner in value)
    return not value
