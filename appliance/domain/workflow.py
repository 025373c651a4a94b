"""A workflow: an n8n export that the appliance can run itself.

Owns the stored form only; reading and running it is left to ``appliance.workflows``.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.domain.ids import WorkflowId
from appliance.domain.json_types import JsonObject


class StoredWorkflow(Struct, frozen=True, kw_only=True):
    """A workflow by its unique ``name``; ``definition`` is the export, unchanged."""

    id: WorkflowId
    name: str
    definition: JsonObject
    is_bundled: bool = False
    created_at: datetime
