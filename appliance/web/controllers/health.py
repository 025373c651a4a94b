"""Whether the appliance works, for people and for supervisors.

Owns the status code only; the verdict is made by ``appliance.services.health``.
"""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency

from appliance.services.health import Health, HealthService


@get("/health", summary="State of the appliance and its parts", tags=["health"])
async def get_health(health: NamedDependency[HealthService]) -> Response[Health]:
    """Return 200, or 503 when visitors cannot be answered because the database is unusable."""
    state = await health.check()
    return Response(
        state, status_code=200 if state.is_usable else 503, headers={"Cache-Control": "no-store"}
    )
