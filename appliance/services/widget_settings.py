"""What a tenant's widget may know: the exact allow-list of public settings.

Owns reading ``widget_config`` into public form and finding what does not fit in it; how it looks is
left to the widget.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from appliance.agent.language import base_language
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.errors import FieldError

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})
Position = Literal["bottom-right", "bottom-left", "top-right", "top-left"]
Theme = Literal["light", "dark", "auto"]
Colour = Annotated[str, Meta(pattern=r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$(?!\n)")]
Line = Annotated[str, Meta(max_length=300)]


class WidgetFeatures(Struct, frozen=True, kw_only=True):
    """What the server can do for the widget."""

    streaming: bool = True


class PublicWidgetSettings(Struct, frozen=True, kw_only=True):
    """Everything about a tenant that anybody may read; ``GET /api/config`` returns exactly this."""

    name: str
    language: str
    direction: Literal["ltr", "rtl"]
    theme: Theme
    position: Position
    primary_color: str | None
    title: str
    greeting: str | None
    texts: dict[str, str]
    quick_replies: list[str]
    features: WidgetFeatures


class WidgetConfig(Struct, frozen=True, kw_only=True):
    """The keys of a tenant's ``widget_config`` that have a meaning; others are kept, not shown."""

    theme: Theme = "auto"
    position: Position = "bottom-right"
    primary_color: Colour | None = None
    title: Line | None = None
    greeting: Annotated[str, Meta(max_length=1_000)] | None = None
    texts: dict[str, Line] = field(default_factory=dict)
    quick_replies: Annotated[list[Line], Meta(max_length=6)] = field(default_factory=list)


def find_widget_config_problems(config: JsonObject) -> list[FieldError]:
    """Return what does not fit in a tenant's ``widget_config``, by field."""
    problems: list[FieldError] = []
    for name in WidgetConfig.__struct_fields__:
        if name not in config:
            continue
        try:
            msgspec.convert({name: config[name]}, WidgetConfig)
        except msgspec.ValidationError as error:
            problems.append(FieldError(f"widget_config.{name}", _reason(error)))
    return problems


def build_public_settings(tenant: Tenant) -> PublicWidgetSettings:
    """Return the public settings of ``tenant``."""
    known: dict[str, Any] = {
        name: tenant.widget_config[name]
        for name in WidgetConfig.__struct_fields__
        if name in tenant.widget_config
    }
    config = msgspec.convert(known, WidgetConfig)
    is_rtl = base_language(tenant.language) in RIGHT_TO_LEFT
    return PublicWidgetSettings(
        name=tenant.name,
        language=tenant.language,
        direction="rtl" if is_rtl else "ltr",
        theme=config.theme,
        position=config.position,
        primary_color=config.primary_color,
        title=config.title or tenant.name,
        greeting=config.greeting,
        texts=config.texts,
        quick_replies=config.quick_replies,
        features=WidgetFeatures(),
    )


def _reason(error: msgspec.ValidationError) -> str:
    return re.sub(r" - at `[^`]*`$", "", str(error)) + "."
