"""What a server says of its tools, as an operator may look at it.

Owns names within every provider's limits, cleaning texts and noticing changes; whether a tool may
be asked is decided by an operator.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.domain.integration import ToolOffer, UnfitOffer
from appliance.domain.json_types import JsonObject, JsonValue

if TYPE_CHECKING:
    from mcp_types import Tool

MAX_NAME_CHARS: Final = 64
MAX_DESCRIPTION_CHARS: Final = 2_000
MAX_DEPTH: Final = 30
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_MARK_CHARS: Final = 8


def read_offers(tools: Sequence[Tool]) -> dict[str, ToolOffer]:
    """Return what is offered, by the server's names; of a name given twice the first.

    Names that are alike once they fit get a mark of their own. What is nested beyond measure is
    left out.
    """
    offers: dict[str, ToolOffer] = {}
    taken: set[str] = set()
    for tool in tools:
        said = _dump(tool)
        if tool.name in offers or said is None:
            continue
        fitted = fit_name(tool.name)
        if fitted.lower() in taken:
            fitted = fit_name(tool.name, marks=True)
        taken.add(fitted.lower())
        offers[tool.name] = _read(tool, said, fitted)
    return offers


def add_unfit(offers: dict[str, ToolOffer], reasons: Mapping[str, str]) -> None:
    """Add the tools that could not be read to ``offers``, each with the reason."""
    for name, reason in reasons.items():
        offers.setdefault(
            name,
            UnfitOffer(
                name=name,
                tool_name=fit_name(name),
                description="",
                parameters_schema={},
                fingerprint="unfit",
                reason=reason,
            ),
        )


def fit_name(name: str, *, marks: bool = False) -> str:
    """Return ``name`` as a tool may be called: a letter first, at most 64 of ``A-Za-z0-9_-``.

    Args:
        name: The server's.
        marks: Whether to tell it from others that look alike then; done too where the name says
            nothing any more.
    """
    fitted = _UNFIT.sub("_", name).strip("_")
    if not fitted[:1].isalpha():
        fitted = f"tool_{fitted}".strip("_")
        marks = True
    if len(fitted) > MAX_NAME_CHARS or marks:
        mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_MARK_CHARS]
        fitted = f"{fitted[: MAX_NAME_CHARS - _MARK_CHARS - 1]}_{mark}"
    return fitted


def clean_text(text: str) -> str:
    """Return ``text`` without what nobody sees: control, format, tag and surrogate characters."""
    seen = (
        char
        for char in text
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs", "Cn")
    )
    return "".join(seen).strip()


def _dump(tool: Tool) -> JsonObject | None:
    """Return all that is said of ``tool``; ``None`` where it is nested beyond measure."""
    try:
        said: JsonObject = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    except (ValueError, RecursionError):
        return None
    return said


def _read(tool: Tool, said: JsonObject, fitted: str) -> ToolOffer:
    annotations = tool.annotations
    is_destructive = annotations is not None and annotations.destructive_hint is True
    description = clean_text(tool.description or tool.title or "")[:MAX_DESCRIPTION_CHARS]
    schema = _clean(said.get("inputSchema") or {}, depth=0)
    return ToolOffer(
        name=tool.name,
        tool_name=fitted,
        description=description,
        parameters_schema=schema if isinstance(schema, dict) else {},
        risk="destructive" if is_destructive else "write",
        fingerprint=_fingerprint(said),
    )


def _clean(value: JsonValue, *, depth: int) -> JsonValue:
    """Return ``value`` with cleaned texts; what is nested too deeply is left out."""
    if depth > MAX_DEPTH:
        return None
    match value:
        case str():
            return clean_text(value)
        case list():
            return [_clean(item, depth=depth + 1) for item in value]
        case dict():
            return {clean_text(key): _clean(item, depth=depth + 1) for key, item in value.items()}
        case _:
            return value


def _fingerprint(said: JsonObject) -> str:
    """Return a digest of all that reaches a model or a verdict; icons and ``_meta`` do not."""
    parts = {
        name: said.get(name)
        for name in ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
