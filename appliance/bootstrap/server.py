"""A whole appliance, put together.

Owns building it from its settings, and the order in which it starts and stops.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

from litestar import Litestar
from msgspec import Struct

from appliance import __version__
from appliance.bootstrap.addresses import Addresses, build_url, choose_addresses
from appliance.bootstrap.backups import build_backups
from appliance.bootstrap.conversations import (
    ConversationParts,
    build_human_replies,
    build_live,
    build_trial_chat,
    build_turns,
)
from appliance.bootstrap.data_care import DataCare, build_archive, build_data_care
from appliance.bootstrap.first_start import ensure_own_secrets, write_first_login
from appliance.bootstrap.models import ModelServices, build_models
from appliance.bootstrap.notices import build_notice_sender
from appliance.bootstrap.shipped import ensure_demo, install_bundled_tools
from appliance.bootstrap.stores import Stores, open_stores
from appliance.bootstrap.telemetry import open_trace_exporter
from appliance.bootstrap.tools import (
    Tooling,
    build_tool_admin,
    build_tool_service,
    open_tooling,
)
from appliance.domain.widget_files import WidgetFiles
from appliance.logs import LogBuffer
from appliance.paths import widget_bundle
from appliance.ports.archive import Archive
from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.ports.trace_export import TraceExporter
from appliance.providers import ProviderParts, build_providers
from appliance.providers.builtin import WishedTools
from appliance.providers.price_list import load_price_list
from appliance.services.audit import Auditor
from appliance.services.backups import BackupService
from appliance.services.conversation_log import ConversationLog
from appliance.services.conversations import ConversationService
from appliance.services.demo import DemoShop
from appliance.services.escalations import EscalationService
from appliance.services.feedback import FeedbackService
from appliance.services.handover import Handover
from appliance.services.health import HealthService, Probe
from appliance.services.identity_tokens import IdentityTokens
from appliance.services.live_conversations import LiveConversations
from appliance.services.login import LoginService
from appliance.services.maintenance import DailyJob, MaintenanceSchedule
from appliance.services.notices import NoticeSender
from appliance.services.prompt_preview import PromptPreviews
from appliance.services.rate_limits import RateLimiter
from appliance.services.retention_runs import RetentionRuns
from appliance.services.session_ids import SessionIds
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tenants import TenantService
from appliance.services.tools import ToolService
from appliance.services.turn_streams import TurnStreams
from appliance.settings import Settings
from appliance.storage.data_folder import DataFolder
from appliance.storage.database import Database
from appliance.storage.widget_releases import load_widget_files
from appliance.tasks import TaskGroup
from appliance.web.access import AsgiApp, build_own_origins
from appliance.web.apps import PublicParts, build_admin_app, build_public_app
from appliance.web.client_address import ClientAddresses
from appliance.web.controllers.widget import build_bundle_routes, build_demo_route
from appliance.web.listeners import Listener, serve
from appliance.web.schemas.admin import StatusView
from appliance.web.sse import Shutdown
from appliance.workflows.self_check import SelfCheck

TURN_DRAIN_S = 3.0


class Appliance(Struct, frozen=True, kw_only=True):
    """A built appliance. ``generated_password`` is set when the first account was made just now."""

    settings: Settings
    status: StatusView
    public_app: AsgiApp
    admin_app: AsgiApp
    litestar_apps: tuple[Litestar, Litestar]
    generated_password: str | None
    addresses: Addresses
    shutdown: Shutdown
    tasks: TaskGroup
    maintenance: MaintenanceSchedule
    notices: NoticeSender
    demo: DemoShop | None

    async def serve(self, *, started: asyncio.Event, stop: asyncio.Event) -> None:
        """Answer on both listeners until ``stop``; running turns get a few seconds to end."""
        (host, port), (admin_host, admin_port) = self.addresses
        stop_listening = asyncio.Event()
        jobs = [
            self.tasks.start(self.maintenance.run_forever(), name="maintenance"),
            self.tasks.start(self.notices.run_forever(), name="notices"),
        ]

        async def drain() -> None:
            await stop.wait()
            for job in jobs:
                job.cancel()
            self.shutdown.begin()
            await self.tasks.drain(timeout_s=TURN_DRAIN_S)
            stop_listening.set()

        draining = asyncio.create_task(drain(), name="drain")
        try:
            await serve(
                [
                    Listener(app=self.public_app, host=host, port=port),
                    Listener(app=self.admin_app, host=admin_host, port=admin_port),
                ],
                started=started,
                stop=stop_listening,
            )
        finally:
            for task in (draining, *jobs):
                task.cancel()


@asynccontextmanager
async def open_appliance(
    settings: Settings,
    *,
    is_demo: bool,
    log_buffer: LogBuffer,
    on_folder_ready: Callable[[], None] = lambda: None,
) -> AsyncGenerator[Appliance, None]:
    """Build an appliance on its data folder; on leaving, close everything in order.

    Args:
        settings: What the operator set.
        is_demo: Whether there is a demo shop with its page.
        log_buffer: What the admin side shows of the log.
        on_folder_ready: Called once the data folder is ours, before anything is logged to it.

    Raises:
        ConfigurationError: An address is taken, the folder unusable, the widget not built.
        StorageError: The database cannot be used.
    """
    addresses = choose_addresses(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(DataFolder.open(settings.data_dir))
        settings.paths.log_file.parent.mkdir(mode=0o700, exist_ok=True)
        on_folder_ready()
        builder = await _open_parts(stack, settings, log_buffer, addresses)
        async with builder.database.backend.starting():
            await builder.database.recover()
            appliance = await builder.build(is_demo=is_demo)
        yield appliance


async def _open_parts(
    stack: AsyncExitStack, settings: Settings, log_buffer: LogBuffer, addresses: Addresses
) -> _Builder:
    """Open what has to be closed again, in the order in which it depends on each other."""
    stores = await stack.enter_async_context(open_stores(settings))
    archive = build_archive(settings)
    if archive is not None:
        stack.push_async_callback(archive.close)
    trace_exporter = open_trace_exporter(stack, settings)
    tasks = TaskGroup()
    stack.push_async_callback(tasks.drain, timeout_s=TURN_DRAIN_S)
    tooling = open_tooling(stack, settings, stores)
    providers = build_providers(ProviderParts(settings=settings, clock=stores.clock))
    for provider in providers.values():
        stack.push_async_callback(provider.aclose)
    return _Builder(
        settings=settings,
        stores=stores,
        archive=archive,
        tasks=tasks,
        tooling=tooling,
        providers=providers,
        notices=build_notice_sender(
            settings, stores, tooling.http, admin_url=build_url(*addresses[1])
        ),
        trace_exporter=trace_exporter,
        log_buffer=log_buffer,
        addresses=addresses,
    )


class _Core(Struct, frozen=True, kw_only=True):
    """The services that both listeners stand on."""

    directory: TenantDirectory
    streams: TurnStreams
    care: DataCare
    retention_runs: RetentionRuns
    models: ModelServices
    tenants: TenantService
    tools: ToolService
    live: LiveConversations
    escalations: EscalationService
    login: LoginService
    backups: BackupService
    conversations: ConversationParts
    shutdown: Shutdown


class _Builder(Struct, frozen=True, kw_only=True):
    """What the services are built from."""

    settings: Settings
    stores: Stores
    archive: Archive | None
    tasks: TaskGroup
    tooling: Tooling
    providers: Mapping[str, ChatModel]
    notices: NoticeSender
    trace_exporter: TraceExporter | None
    log_buffer: LogBuffer
    addresses: Addresses

    @property
    def clock(self) -> Clock:
        return self.stores.clock

    @property
    def database(self) -> Database:
        return self.stores.database

    async def build(self, *, is_demo: bool) -> Appliance:
        core = await self._build_core()
        generated = await core.login.ensure_first_owner(self.settings.admin_password)
        if generated is not None:
            write_first_login(self.settings.paths.first_login, generated)
        await install_bundled_tools(self.database, self.clock)
        demo = (
            await ensure_demo(self.database, self.clock, tenants=core.tenants, tools=core.tools)
            if is_demo
            else None
        )
        status = self._status(demo)
        widget = load_widget_files(widget_bundle(), self.settings.paths.widget_releases)
        public_app, public = self._build_public_app(core, demo, status, widget)
        services = {**self._admin_services(core, status), "widget_files": widget}
        admin_app, admin = build_admin_app(services, public=public)
        return Appliance(
            settings=self.settings,
            status=status,
            public_app=public_app,
            admin_app=admin_app,
            litestar_apps=(public, admin),
            generated_password=generated,
            addresses=self.addresses,
            shutdown=core.shutdown,
            tasks=self.tasks,
            maintenance=MaintenanceSchedule(
                jobs=self._daily_jobs(core),
                at=self.settings.maintenance_at,
                settings=self.database.settings,
                clock=self.clock,
            ),
            notices=self.notices,
            demo=demo,
        )

    def _daily_jobs(self, core: _Core) -> list[DailyJob]:
        """Return what runs each day, in this order: what is deleted first is not backed up."""
        return [
            DailyJob(name="retention", run=core.retention_runs.run_daily),
            DailyJob(name="backup", run=core.backups.run_daily),
        ]

    async def _build_core(self) -> _Core:
        database, clock = self.database, self.clock
        directory = TenantDirectory(tenants=database.tenants, tools=database.tools, clock=clock)
        secrets = await ensure_own_secrets(database.settings)
        streams = TurnStreams(clock)
        live = build_live(self.stores, streams)
        models = build_models(self.settings, self.providers, clock, self.tasks)
        care = build_data_care(
            self.settings,
            self.stores,
            archive=self.archive,
            streams=streams,
            directory=directory,
        )
        return _Core(
            directory=directory,
            streams=streams,
            care=care,
            retention_runs=RetentionRuns(service=care.retention, tasks=self.tasks, clock=clock),
            models=models,
            tenants=TenantService(
                tenants=database.tenants,
                directory=directory,
                clock=clock,
            ),
            tools=build_tool_service(self.stores, self.tooling, directory),
            live=live,
            escalations=EscalationService(
                store=database.escalations, live=live, clock=clock, on_notice=self.notices.wake
            ),
            login=LoginService(users=database.users, secret=secrets.jwt, clock=clock),
            backups=build_backups(self.settings, clock, self.tasks),
            conversations=self._conversation_parts(models, streams, SessionIds(secrets.session)),
            shutdown=Shutdown(),
        )

    def _conversation_parts(
        self, models: ModelServices, streams: TurnStreams, session_ids: SessionIds
    ) -> ConversationParts:
        return ConversationParts(
            stores=self.stores,
            executors=self.tooling.breakers.guard(self.tooling.executors),
            models=models.selector,
            prices=load_price_list(self.settings.paths.prices_file),
            streams=streams,
            handover=Handover(
                clock=self.clock,
                sendable=self.notices.kinds,
                on_notice=self.notices.wake,
                has_tool_for=WishedTools().has_tool_for,
            ),
            session_ids=session_ids,
            tasks=self.tasks,
            trace_exporter=self.trace_exporter,
        )

    def _shared_services(self, core: _Core) -> dict[str, Any]:
        probes: dict[str, Probe] = {
            "database": self.database.health,
            "cache": self.stores.cache.health,
            "notices": self.notices.check,
            "workflows": SelfCheck(self.tooling.workflows, self.clock),
        }
        if self.tooling.n8n is not None:
            probes["n8n"] = self.tooling.n8n.check
        return {
            "health": HealthService(probes=probes, models=core.models.selector),
            "shutdown": core.shutdown,
        }

    def _public_services(self, core: _Core) -> dict[str, Any]:
        conversations = ConversationService(
            turn_store=self.database.turn_store, clock=self.clock, live=core.live
        )
        return {
            **self._shared_services(core),
            "directory": core.directory,
            "turns": build_turns(core.conversations),
            "identity_tokens": IdentityTokens(
                signing_secret=self.database.tenants.get_signing_secret, clock=self.clock
            ),
            "conversations": conversations,
            "escalations": core.escalations,
            "feedback": FeedbackService(
                store=self.database.feedback, conversations=conversations, clock=self.clock
            ),
            "live": core.live,
            "limiter": RateLimiter(
                limit_per_minute=self.settings.rate_limit_per_minute,
                clock=self.clock,
                cache=self.stores.cache,
                tasks=self.tasks,
            ),
        }

    def _admin_services(self, core: _Core, status: StatusView) -> dict[str, Any]:
        database = self.database
        return {
            **self._shared_services(core),
            "login": core.login,
            "client_addresses": ClientAddresses(self.settings.trusted_proxies),
            "tenants": core.tenants,
            "prompt_previews": PromptPreviews(directory=core.directory, clock=self.clock),
            "tools": core.tools,
            "trial_chat": build_trial_chat(core.conversations, core.directory),
            **build_tool_admin(self.stores, self.tooling, core.directory, core.tools),
            "backups": core.backups,
            "provider_checks": core.models.checks,
            "model_libraries": core.models.libraries,
            "auditor": Auditor(log=database.audit, clock=self.clock),
            "escalations": core.escalations,
            "human_replies": build_human_replies(self.stores, core.live),
            "retention_runs": core.retention_runs,
            "erasure": core.care.erasure,
            "exports": core.care.exports,
            "usage": core.care.usage,
            "conversation_log": ConversationLog(
                reader=database.conversations, traces=database.traces
            ),
            "tasks": self.tasks,
            "log_buffer": self.log_buffer,
            "server_status": status,
            "public_url": status.public_url,
        }

    def _build_public_app(
        self, core: _Core, demo: DemoShop | None, status: StatusView, widget: WidgetFiles
    ) -> tuple[AsgiApp, Litestar]:
        (host, port), _ = self.addresses
        pages = build_bundle_routes(widget)
        if demo is not None:
            pages.append(
                build_demo_route(
                    shop_name=demo.tenant.name,
                    api_key=demo.api_key,
                    public_url=status.public_url,
                )
            )
        return build_public_app(
            PublicParts(
                services=self._public_services(core),
                directory=core.directory,
                own_origins=build_own_origins(
                    host=host, port=port, public_url=self.settings.public_url
                ),
                page_routes=pages,
            )
        )

    def _status(self, demo: DemoShop | None) -> StatusView:
        (host, port), (admin_host, admin_port) = self.addresses
        public_url = self.settings.public_url or build_url(host, port)
        started_at: datetime = self.clock.now()
        return StatusView(
            version=__version__,
            started_at=started_at,
            public_url=public_url,
            admin_url=build_url(admin_host, admin_port),
            demo_url=f"{public_url}/demo" if demo else None,
            data_dir=str(self.settings.data_dir),
            pid=os.getpid(),
        )
