"""What a tenant's model is told before a visitor's first word, for the operator to look at.

Owns putting the preview together; the prompt itself is built by ``appliance.agent.prompt``.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from msgspec import Struct

from appliance.agent.history import estimate_message
from appliance.agent.prompt import build_system_message, choose_prompts
from appliance.domain.tenant import Tenant
from appliance.ports.clock import Clock
from appliance.services.tenant_directory import TenantDirectory


class PromptPreview(Struct, frozen=True, kw_only=True):
    """The system message as it would be now.

    ``language`` is that of the prompts. The first ``stable_chars`` characters are the same in every
    conversation, so that a provider may cache them.
    """

    prompt: str
    language: str
    estimated_tokens: int
    stable_chars: int
    tools: list[str]


class PromptPreviews:
    """Builds previews from what tenants are now."""

    def __init__(self, *, directory: TenantDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    async def build(self, tenant: Tenant, *, asked: str = "") -> PromptPreview:
        """Return the preview; ``asked`` chooses frequent questions where there are many."""
        tools = (await self._directory.load(tenant)).tools
        now = self._clock.now().astimezone(ZoneInfo(tenant.time_zone))
        message = build_system_message(tenant, now=now, has_tools=bool(tools), asked=asked)
        return PromptPreview(
            prompt=message.content,
            language=choose_prompts(tenant.language),
            estimated_tokens=estimate_message(message),
            stable_chars=message.stable_chars,
            tools=sorted(tools),
        )
