"""Forms: what a visitor is asked for at once, for one call of a tool.

Owns the shapes; making a form of a tool's parameters, and a call of a filled one, is left to
``appliance.agent.tool_forms``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FieldType = Literal["text", "number", "date", "time", "email", "tel", "select"]


class FormOption(Struct, frozen=True, kw_only=True):
    """One of the values to choose from."""

    value: str
    label: str


class FormField(Struct, frozen=True, kw_only=True):
    """One parameter of the tool; ``value`` is what is known of it already."""

    name: str
    label: str
    type: FieldType
    required: bool
    options: tuple[FormOption, ...] = ()
    value: str | None = None


class ToolForm(Struct, frozen=True, kw_only=True):
    """What a call of ``tool`` needs to know."""

    tool: str
    title: str
    fields: tuple[FormField, ...]


class FilledForm(Struct, frozen=True, kw_only=True):
    """A form as it came back: text by parameter, whatever its type."""

    tool: str
    values: dict[str, str]
