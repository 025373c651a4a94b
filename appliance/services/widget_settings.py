"""What a tenant's widget may know: the exact allow-list of public settings.

Owns reading ``widget_config`` into public form and finding what does not fit in it; how it looks is
left to the widget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from appliance.agent.language import base_language
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.domain.web_addresses import is_web_address
from appliance.errors import FieldError, InvalidInput
from appliance.field_errors import read_fields

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})
Position = Literal["bottom-right", "bottom-left", "top-right", "top-left"]
Theme = Literal["light", "dark", "auto"]
Colour = Annotated[str, Meta(pattern=r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$(?!\n)")]
Line = Annotated[str, Meta(max_length=300)]
Paragraph = Annotated[str, Meta(max_length=1_000)]


class Proactive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the widget says by itself beside its bubble, and how long after the page was opened."""

    text: Annotated[str, Meta(min_length=1, max_length=300)]
    delay_s: Annotated[float, Meta(ge=0, le=3_600)] = 5


class PreChatField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a visitor is asked before a conversation."""

    name: Literal["name", "email", "phone"]
    required: bool = False


class PreChat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a visitor is asked before a conversation, and the words above it."""

    fields: Annotated[list[PreChatField], Meta(min_length=1, max_length=3)]
    text: Line = ""


class WidgetFeatures(Struct, frozen=True, kw_only=True):
    """What the server can do for the widget."""

    streaming: bool = True


class WidgetConfig(Struct, frozen=True, kw_only=True):
    """The keys of a tenant's ``widget_config`` that have a meaning; others are kept, not shown.

    ``None`` leaves the choice to the widget.
    """

    theme: Theme = "auto"
    position: Position = "bottom-right"
    primary_color: Colour | None = None
    title: Line | None = None
    greeting: Paragraph | None = None
    texts: dict[str, Line] = field(default_factory=dict)
    quick_replies: Annotated[list[Line], Meta(max_length=6)] = field(default_factory=list)
    avatar_url: Annotated[str, Meta(max_length=2_000)] | None = None
    launcher_text: Annotated[str, Meta(max_length=60)] | None = None
    hide_launcher: bool | None = None
    proactive: Proactive | None = None
    allow_images: bool | None = None
    sound: bool | None = None
    pre_chat: PreChat | None = None
    rating: bool | None = None
    transcript: bool | None = None
    disclosure: Paragraph | None = None


class PublicWidgetSettings(WidgetConfig, frozen=True, kw_only=True):
    """Everything about a tenant that anybody may read; ``GET /api/config`` returns exactly this."""

    name: str
    language: str
    direction: Literal["ltr", "rtl"]
    features: WidgetFeatures


def find_widget_config_problems(config: JsonObject) -> list[FieldError]:
    """Return what does not fit in a tenant's ``widget_config``, by field."""
    problems: list[FieldError] = []
    for name in WidgetConfig.__struct_fields__:
        if name in config:
            problems += _read_choice(name, config[name])[1]
    return problems


def build_public_settings(tenant: Tenant) -> PublicWidgetSettings:
    """Return the public settings of ``tenant``.

    A key that had no meaning yet when it was stored may hold anything; then it is not shown.
    """
    chosen: dict[str, Any] = {}
    for name in WidgetConfig.__struct_fields__:
        if name in tenant.widget_config:
            config, problems = _read_choice(name, tenant.widget_config[name])
            if config is not None and not problems:
                chosen[name] = getattr(config, name)
    is_rtl = base_language(tenant.language) in RIGHT_TO_LEFT
    return PublicWidgetSettings(
        **{**chosen, "title": chosen.get("title") or tenant.name},
        name=tenant.name,
        language=tenant.language,
        direction="rtl" if is_rtl else "ltr",
        features=WidgetFeatures(),
    )


def _read_choice(name: str, value: Any) -> tuple[WidgetConfig | None, list[FieldError]]:
    """Return the settings with this one choice, and what does not fit in it."""
    try:
        config = read_fields({name: value}, WidgetConfig)
    except InvalidInput as error:
        return None, [
            FieldError(f"widget_config.{problem.field}".rstrip("."), problem.message)
            for problem in error.errors
        ]
    check = _CHECKS.get(name)
    return config, [] if check is None else check(config)


def _check_avatar(config: WidgetConfig) -> list[FieldError]:
    url = config.avatar_url
    if url is None or (is_web_address(url) and url.startswith("https://")):
        return []
    return [FieldError("widget_config.avatar_url", "Give an address that begins with https://.")]


def _check_pre_chat(config: WidgetConfig) -> list[FieldError]:
    names = [] if config.pre_chat is None else [asked.name for asked in config.pre_chat.fields]
    return [
        FieldError(f"widget_config.pre_chat.fields.{index}.name", "Ask for each thing once.")
        for index, name in enumerate(names)
        if name in names[:index]
    ]


_CHECKS: Final[dict[str, Callable[[WidgetConfig], list[FieldError]]]] = {
    "avatar_url": _check_avatar,
    "pre_chat": _check_pre_chat,
}
