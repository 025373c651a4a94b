"""Whether the appliance works, part by part.

Owns the parts' states and the overall verdict; mending is left to the operator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from appliance import __version__
from appliance.errors import ApplianceError
from appliance.services.model_selection import ModelSelector

DISPENSABLE = {"cache", "notices"}
"""What visitors are answered without; its failure is no more than a loss of quality."""

Probe = Callable[[], Awaitable[None]]


class Component(Struct, frozen=True, kw_only=True):
    """One part's state."""

    status: Literal["ok", "degraded", "unavailable"]
    detail: str | UnsetType = UNSET
    provider: str | UnsetType = UNSET
    model: str | None | UnsetType = UNSET


class Health(Struct, frozen=True, kw_only=True):
    """The whole state; only an unusable database makes the appliance unusable."""

    status: Literal["ok", "degraded"]
    version: str
    components: dict[str, Component]

    @property
    def is_usable(self) -> bool:
        """Say whether visitors can be answered at all."""
        return self.components["database"].status == "ok"


class HealthService:
    """Asks each part. A probe returns when its part works and raises when it does not."""

    def __init__(self, *, probes: dict[str, Probe], models: ModelSelector) -> None:
        self._probes = probes
        self._models = models

    async def check(self) -> Health:
        """Return the state of every part."""
        components = {name: await _ask(name, probe) for name, probe in self._probes.items()}
        llm = await self._models.state()
        components["llm"] = Component(
            status=llm.status,
            provider=llm.provider,
            model=llm.model,
            detail=llm.detail or UNSET,
        )
        is_ok = all(component.status == "ok" for component in components.values())
        return Health(
            status="ok" if is_ok else "degraded", version=__version__, components=components
        )


async def _ask(name: str, probe: Probe) -> Component:
    try:
        await probe()
    except ApplianceError as error:
        status: Literal["degraded", "unavailable"] = (
            "degraded" if name in DISPENSABLE else "unavailable"
        )
        return Component(status=status, detail=error.message)
    return Component(status="ok")
