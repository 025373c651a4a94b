"""GraphQL documents that an endpoint asks, read as far as an endpoint's checks need.

Owns finding the operation and its variables, and writing search terms; Shopify itself checks the
rest.

Source: the GraphQL specification, sections 2.1 and 2.2; shopify.dev, "Shopify API search syntax".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from appliance.domain.integration import Endpoint
from appliance.domain.json_types import JsonValue
from appliance.integrations.endpoint_request import choose_argument, write_text

SEARCH: Final = "search"
"""The variable that holds the search terms of an endpoint."""
ANYWHERE: Final = "default"
"""The target of words that may stand in any field."""
FIELD: Final = re.compile(r"[a-z][a-z0-9_.]*")

_IGNORED: Final = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
_TOKEN: Final = re.compile(r"\$\s*([A-Za-z_]\w*)\s*:|([A-Za-z_]\w*)|([{}()\[\]])")


class Operation(Struct, frozen=True):
    """The one operation of a document: ``query`` or ``mutation``, and what it declares."""

    kind: str
    variables: frozenset[str]


def read_operation(document: str) -> Operation | None:
    """Return the operation of ``document``, or ``None`` where there is not exactly one."""
    kinds: list[str] = []
    variables: set[str] = set()
    depth, is_open = 0, True  # whether a definition may begin here
    for found in _TOKEN.finditer(_IGNORED.sub(" ", document)):
        variable, word, bracket = found.groups()
        if variable:
            variables.add(variable)
        elif word and depth == 0 and is_open:
            kinds.append(word)
            is_open = False
        elif bracket in ("{", "(", "["):
            if bracket == "{" and depth == 0 and is_open:
                kinds.append("query")
            depth += 1
        elif bracket:
            depth -= 1
            is_open = depth == 0 and bracket == "}"
    operations = [kind for kind in kinds if kind != "fragment"]
    if depth != 0 or len(operations) != 1 or operations[0] not in ("query", "mutation"):
        return None
    return Operation(operations[0], frozenset(variables))


def write_search(endpoint: Endpoint, arguments: Mapping[str, JsonValue]) -> str:
    """Return the search terms of ``endpoint``, in which no value can be read as more than one.

    Raises:
        Rejected: An argument is missing or no single value.
    """
    terms: list[str] = []
    for parameter in endpoint.parameters:
        value = choose_argument(parameter, arguments)
        if parameter.location != "query" or value is None:
            continue
        text = write_text(value, parameter.name).strip()
        target = parameter.target or parameter.name
        if target == ANYWHERE:
            terms += [_quote(word) for word in text.split()]
        elif text:
            terms.append(f"{target}:{_quote(text.removeprefix('#'))}")
    return " AND ".join(terms)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
