"""The two listeners' applications.

Owns which routes and layers each has; services are made in ``appliance.bootstrap``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Litestar, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from msgspec import Struct

from appliance.services.tenant_directory import TenantDirectory
from appliance.web.access import (
    AsgiApp,
    JsonBodies,
    OwnOrigins,
    RequestIds,
    TenantAccess,
)
from appliance.web.controllers.backups import BackupController
from appliance.web.controllers.chat import ChatController, MessageServices, give_feedback
from appliance.web.controllers.conversations import ConversationController
from appliance.web.controllers.credentials import CredentialController
from appliance.web.controllers.data_table_rows import CSV_BODY, CSV_PATH, DataTableRowController
from appliance.web.controllers.data_tables import DataTableController
from appliance.web.controllers.escalations import EscalationController, TakeOverController
from appliance.web.controllers.executions import ExecutionController
from appliance.web.controllers.health import get_health
from appliance.web.controllers.integrations import EndpointController, IntegrationController
from appliance.web.controllers.login import LoginController
from appliance.web.controllers.models import ModelController
from appliance.web.controllers.n8n import N8nController
from appliance.web.controllers.offered_tools import OfferedToolController
from appliance.web.controllers.operations import OperationsController
from appliance.web.controllers.personal_data import PersonalDataController
from appliance.web.controllers.retention import RetentionController
from appliance.web.controllers.tenants import TenantController
from appliance.web.controllers.tool_files import ToolFileController
from appliance.web.controllers.tools import TenantToolController, ToolController
from appliance.web.controllers.trial_chat import send_trial_message
from appliance.web.controllers.usage import UsageController
from appliance.web.controllers.widget import get_widget_settings
from appliance.web.controllers.workflows import WorkflowController
from appliance.web.guards import provide_operator
from appliance.web.json_request import JsonRequest
from appliance.web.openapi import build_openapi, describe_listener
from appliance.web.problems import respond_with_problem
from appliance.web.unread_bodies import UnreadBodies

MAX_PUBLIC_BODY_BYTES: Final = 64 * 1024
MAX_ADMIN_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_PUBLIC_UNREAD_BYTES: Final = 1024 * 1024
MAX_ADMIN_UNREAD_BYTES: Final = 2 * MAX_ADMIN_BODY_BYTES


class PublicParts(Struct, frozen=True, kw_only=True):
    """What the public listener is made of; ``services`` are handed to handlers by name."""

    services: Mapping[str, Any]
    directory: TenantDirectory
    own_origins: OwnOrigins
    page_routes: Sequence[HTTPRouteHandler]


class PlainLitestar(Litestar):
    """Litestar without its plugins for Pydantic, which would load 10 MB that no route uses.

    Pydantic is installed for the model vendors' SDKs.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def build_public_app(parts: PublicParts) -> tuple[AsgiApp, Litestar]:
    """Return the public listener's application, and the Litestar app within its outer layers."""
    messages = MessageServices(**{name: parts.services[name] for name in MessageServices._fields})
    litestar = PlainLitestar(
        route_handlers=[
            ChatController,
            give_feedback,
            get_widget_settings,
            get_health,
            *parts.page_routes,
        ],
        dependencies=_provide({**parts.services, "messages": messages}),
        request_max_body_size=MAX_PUBLIC_BODY_BYTES,
        openapi_config=describe_listener("Visitor side"),
        **_SHARED,
    )
    access = TenantAccess(
        JsonBodies(litestar), directory=parts.directory, own_origins=parts.own_origins
    )
    return RequestIds(UnreadBodies(access, max_bytes=MAX_PUBLIC_UNREAD_BYTES)), litestar


def build_admin_app(services: Mapping[str, Any], *, public: Litestar) -> tuple[AsgiApp, Litestar]:
    """Return the admin listener's application; it also publishes the contract of both."""

    @get("/schema/openapi.json", include_in_schema=False)
    async def get_openapi() -> dict[str, Any]:
        return build_openapi(public, litestar)

    litestar = PlainLitestar(
        route_handlers=[
            LoginController,
            TenantController,
            ToolController,
            ToolFileController,
            TenantToolController,
            DataTableController,
            DataTableRowController,
            IntegrationController,
            EndpointController,
            OfferedToolController,
            CredentialController,
            WorkflowController,
            N8nController,
            ConversationController,
            ExecutionController,
            send_trial_message,
            EscalationController,
            TakeOverController,
            PersonalDataController,
            UsageController,
            RetentionController,
            OperationsController,
            ModelController,
            BackupController,
            get_health,
            get_openapi,
        ],
        dependencies={**_provide(services), "operator": Provide(provide_operator)},
        request_max_body_size=MAX_ADMIN_BODY_BYTES,
        openapi_config=describe_listener("Operator side"),
        **_SHARED,
    )
    typed = JsonBodies(litestar, others={CSV_PATH: CSV_BODY})
    bodies = UnreadBodies(typed, max_bytes=MAX_ADMIN_UNREAD_BYTES)
    return RequestIds(bodies), litestar


_SHARED: Final[dict[str, Any]] = {
    "exception_handlers": {Exception: respond_with_problem},
    "request_class": JsonRequest,
    "logging_config": None,
    "include_in_schema": True,
    "debug": False,
}


def _provide(services: Mapping[str, Any]) -> dict[str, Provide]:
    def constant(value: Any) -> Provide:
        return Provide(lambda: value, use_cache=True, sync_to_thread=False)

    return {name: constant(value) for name, value in services.items()}
