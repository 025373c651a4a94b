"""A tenant: one shop, its public facts, its look and its choices.

Owns the shapes and their limits; loading and saving is left to ``appliance.storage``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from appliance.domain.escalation import NoticeKind
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue

TenantStatus = Literal["active", "inactive"]

ShortText = Annotated[str, Meta(max_length=200)]
LongText = Annotated[str, Meta(max_length=20_000)]
Days = Annotated[int, Meta(ge=1, le=3650)]


class Faq(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question as visitors put it, and the shop's answer."""

    question: Annotated[str, Meta(min_length=1, max_length=1_000)]
    answer: Annotated[str, Meta(min_length=1, max_length=10_000)]


class BusinessInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the shop says about itself.

    ``contact`` and ``policies`` map a label (phone, address, returns…) to text. ``hours`` maps a
    day or a range of days, in any language, to a text ("11:00–22:00", "closed") or to
    ``{"open": "09:00", "close": "17:00"}`` or a list of such.
    """

    about: LongText = ""
    contact: dict[str, JsonValue] = field(default_factory=dict)
    hours: dict[str, JsonValue] = field(default_factory=dict)
    policies: dict[str, JsonValue] = field(default_factory=dict)
    faqs: list[Faq] = field(default_factory=list)
    instructions: LongText = ""


BUILTIN = "builtin"
"""The provider that needs no model, costs nothing and always answers."""

PROVIDER_NAMES = ("ollama", "anthropic", "openai_compatible", BUILTIN)
"""Every provider that can be chosen, whether or not it is set up."""

PROVIDER_ALIASES = {"claude": "anthropic", "openai": "openai_compatible"}
"""Short names that people write for providers, and the providers' own."""


def canonical_provider(name: str) -> str:
    """Return the provider's own name for what an operator wrote."""
    lowered = name.strip().lower()
    return PROVIDER_ALIASES.get(lowered, lowered)


class ModelChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider by name and one of its models; ``None`` lets the provider choose."""

    provider: ShortText
    model: ShortText | None = None


Fallbacks = Annotated[list[ModelChoice], Meta(max_length=8)]
Amount = Annotated[int, Meta(ge=0, le=10**15)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
OutputTokens = Annotated[int, Meta(ge=16, le=200_000)]
ToolRounds = Annotated[int, Meta(ge=1, le=10)]
Tone = Annotated[str, Meta(max_length=500)]
WindowMessages = Annotated[int, Meta(ge=4, le=200)]
"""Fewer would not hold the answer before the visitor's message."""
InputTokens = Annotated[int, Meta(ge=500, le=10_000_000)]
EmailText = Annotated[str, Meta(max_length=254)]
UrlText = Annotated[str, Meta(max_length=2_000)]
Failures = Annotated[int, Meta(ge=1, le=10)]


class LlmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model answers this tenant's visitors; ``None`` means the appliance's default.

    The budgets are for one day in the tenant's time zone, ``None`` for no limit: in micro-dollars
    (5_000_000 are 5 dollars), and in tokens of prompts and answers together. When one is used up,
    the builtin answerer takes over until midnight.
    """

    provider: ShortText | None = None
    model: ShortText | None = None
    temperature: Temperature = 0.3
    max_output_tokens: OutputTokens = 2048
    fallbacks: Fallbacks = field(default_factory=list)
    daily_budget_micro_usd: Amount | None = None
    daily_budget_tokens: Amount | None = None


class AgentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the agent works for this tenant.

    A model reads the last ``window_messages`` of visitor and assistant, as many of them as fit it,
    and of what was before them a summary. ``max_input_tokens`` bounds prompts further.
    """

    max_tool_rounds: ToolRounds = 3
    tone: Tone = ""
    window_messages: WindowMessages = 20
    max_input_tokens: InputTokens | None = None


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days this tenant's content is kept; ``None`` means the appliance's default."""

    message_days: Days | None = None
    tool_execution_days: Days | None = None


class EscalationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told when a visitor needs a person, and when the assistant offers one.

    ``is_automatic`` asks for a person at once when the assistant is stuck, without offering first.
    """

    is_enabled: bool = True
    email: EmailText | None = None
    webhook_url: UrlText | None = None
    offer_after_failures: Failures = 2
    is_automatic: bool = False

    @property
    def notices(self) -> tuple[NoticeKind, ...]:
        """The ways by which the shop wants to be told."""
        ways: tuple[tuple[NoticeKind, str | None], ...] = (
            ("email", self.email),
            ("webhook", self.webhook_url),
        )
        return tuple(kind for kind, address in ways if address) if self.is_enabled else ()


class Tenant(Struct, frozen=True, kw_only=True):
    """One shop. ``allowed_origins`` are exact origins, or ``["*"]`` for any."""

    id: TenantId
    name: str
    domain: str | None = None
    allowed_origins: list[str] = field(default_factory=list)
    plan: str = "free"
    status: TenantStatus = "active"
    language: str = "en"
    time_zone: str = "UTC"
    business_info: BusinessInfo = field(default_factory=BusinessInfo)
    widget_config: JsonObject = field(default_factory=dict)
    llm: LlmSettings = field(default_factory=LlmSettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    escalation: EscalationSettings = field(default_factory=EscalationSettings)
    created_at: datetime
    updated_at: datetime

    def allows_origin(self, origin: str) -> bool:
        """Say whether a browser page of ``origin`` may talk to this tenant's assistant."""
        return "*" in self.allowed_origins or origin in self.allowed_origins


def local_day(at: datetime, time_zone: str) -> str:
    """Return the day in ``time_zone``, ISO 8601, on which what happened at ``at`` counts."""
    return at.astimezone(ZoneInfo(time_zone)).date().isoformat()


class ApiKey(Struct, frozen=True, kw_only=True):
    """A stored publishable key: what may be shown of it, and until when it works."""

    id: str
    tenant_id: TenantId
    kind: Literal["publishable", "signing"]
    prefix: str
    created_at: datetime
    expires_at: datetime | None = None
