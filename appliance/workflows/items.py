"""What flows between nodes: items, where each came from, and what a node put out.

Owns the shapes and n8n's rule for filling in missing origins; moving items along the connections
is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from appliance.domain.json_types import JsonObject


class Origin(Struct, frozen=True, omit_defaults=True):
    """The input item that an item was made of: its index, and which input it arrived at."""

    item: int
    input: int = 0


class Item(Struct, kw_only=True):
    """One item. ``origins`` is ``None`` when the node did not say what it was made of.

    ``error`` is set on an item that stands for a failure the workflow continues after, and
    ``is_weighed`` once the run knows how large it is.
    """

    json: JsonObject
    origins: tuple[Origin, ...] | None = None
    error: str | None = None
    is_weighed: bool = False


Branches = list[list[Item]]
"""A node's items per output."""


class Source(Struct, frozen=True):
    """The output that fed an input: a node by name, its output, and which of its runs."""

    node: str
    output: int
    run: int


class NodeOutput(Struct, kw_only=True):
    """What one run of a node put out, and what fed it, one source per input."""

    sources: list[Source | None] = field(default_factory=list)
    branches: Branches = field(default_factory=list)


def fill_origins(branches: Branches, inputs: Sequence[Sequence[Item]]) -> None:
    """Set the origins that a node left out, where n8n's rule allows only one answer.

    One input item is the origin of all; as many items out as in pair up by position.
    """
    arrived = len(inputs[0]) if inputs else 0
    only_one = (Origin(0),)
    for branch in branches:
        for index, item in enumerate(branch):
            if item.origins is not None:
                continue
            if arrived == 1:
                item.origins = only_one
            elif len(branch) == arrived and len(branches) == 1:
                item.origins = (Origin(index),)


def pass_through(items: Sequence[Item]) -> list[Item]:
    """Return the items as a node that changes nothing puts them out."""
    return [Item(json=item.json, origins=(Origin(index),)) for index, item in enumerate(items)]


def item_record(item: Item) -> JsonObject:
    """Return an item as n8n's execution data holds it."""
    record: JsonObject = {"json": item.json}
    if item.origins:
        record["pairedItem"] = [{"item": o.item, "input": o.input} for o in item.origins]
    if item.error is not None:
        record["error"] = item.error
    return record
