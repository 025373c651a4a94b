"""Open sessions with MCP servers: one for each integration, kept while it is used.

Owns opening, keeping and ending them, and noticing that a server offers something else; what is
asked in a session is left to ``kind``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from appliance.domain.integration import ToolOffer
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.offers import add_unfit, read_offers
from appliance.integrations.mcp.sdk import prepare_sdk
from appliance.tasks import TaskGroup

if TYPE_CHECKING:
    from mcp.client.session import ClientSession
    from mcp_types import CallToolResult

logger = structlog.get_logger(__name__)

IDLE_S: Final = 300.0
MAX_SESSIONS: Final = 50
MAX_PAGES: Final = 20
MAX_TOOLS: Final = 200
LIST_AGE_S: Final = 600.0
END_S: Final = 10.0

Streams = AbstractAsyncContextManager[tuple[Any, Any]]
"""The SDK's pair of streams, from a transport."""
Tell = Callable[[dict[str, ToolOffer]], Awaitable[None]]


class McpSession:
    """A session with a server that was agreed on."""

    def __init__(self, client: ClientSession, notes: Notes, unfit: dict[str, str]) -> None:
        self.notes = notes
        self.changed = asyncio.Event()
        self._client = client
        self._unfit = unfit
        self._offers: dict[str, ToolOffer] | None = None
        self._listed_at = 0.0

    @property
    def protocol_version(self) -> str:
        """The version of the protocol that both sides speak."""
        return self._client.protocol_version or ""

    def note_change(self) -> None:
        """Note that the server offers something else from now on."""
        self._offers = None
        self.changed.set()

    async def list_offers(self, *, anew: bool = False) -> dict[str, ToolOffer]:
        """Return what the server offers, by its own names, with what cannot be read of it."""
        is_old = time.monotonic() - self._listed_at > LIST_AGE_S
        if self._offers is None or is_old or anew:
            from mcp_types import PaginatedRequestParams, Tool

            self._unfit.clear()
            tools: list[Tool] = []
            cursor: str | None = None
            for _ in range(MAX_PAGES):
                page = await self._client.list_tools(params=PaginatedRequestParams(cursor=cursor))
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None or len(tools) >= MAX_TOOLS:
                    break
            self._offers = read_offers(tools[:MAX_TOOLS])
            add_unfit(self._offers, self._unfit)
            self._listed_at = time.monotonic()
        return self._offers

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Run a tool; the server can ask for nothing meanwhile."""
        return await self._client.call_tool(name, arguments)


@asynccontextmanager
async def agree(streams: Streams, notes: Notes, *, timeout_s: float) -> AsyncIterator[McpSession]:
    """Open a session over ``streams``, in the newest version that both sides speak.

    No sampling, no elicitation and no roots are offered.
    """
    prepare_sdk()
    from mcp.client._probe import negotiate_auto
    from mcp.client.session import ClientSession
    from mcp_types import Implementation, ToolListChangedNotification

    from appliance.integrations.mcp.sifting import SiftingDispatcher

    session: McpSession | None = None

    async def receive(message: object) -> None:
        if isinstance(message, ToolListChangedNotification) and session is not None:
            session.note_change()

    async with streams as (reading, writing):
        dispatcher = SiftingDispatcher(reading, writing)
        client = ClientSession(
            dispatcher=dispatcher,
            read_timeout_seconds=timeout_s,
            message_handler=receive,
            client_info=Implementation(name="csai-appliance", version="1"),
        )
        async with client, AsyncExitStack() as stack:
            await negotiate_auto(client)
            dispatcher.version = client.protocol_version or ""
            session = McpSession(client, notes, dispatcher.unfit)
            await _listen(client, stack)
            yield session


async def _listen(client: ClientSession, stack: AsyncExitStack) -> None:
    """Let a server of the newer protocol tell of changes, if it does; older ones need no asking."""
    from mcp.client.subscriptions import SubscriptionLost, listen
    from mcp.shared.exceptions import MCPError
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    tools = client.server_capabilities.tools if client.server_capabilities else None
    is_modern = client.protocol_version in MODERN_PROTOCOL_VERSIONS
    if not is_modern or tools is None or not tools.list_changed:
        return
    try:
        await stack.enter_async_context(listen(client, tools_list_changed=True))
    except (MCPError, SubscriptionLost, TimeoutError) as exc:
        logger.info("mcp_changes_not_told", reason=type(exc).__name__)


Open = Callable[[], AbstractAsyncContextManager[McpSession]]


class _Kept:
    """A session and the task that holds it open."""

    def __init__(self, version: str, open_session: Open, tell: Tell, tasks: TaskGroup) -> None:
        self.version = version
        self.used_at = time.monotonic()
        self._users = 0
        self._is_retired = False
        self._open = open_session
        self._tell = tell
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[McpSession] = asyncio.get_running_loop().create_future()
        self._ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._task = tasks.start(self._hold(), name="mcp-session")

    @property
    def is_over(self) -> bool:
        return self._stop.is_set() or self._task.done()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[McpSession]:
        self.used_at = time.monotonic()
        self._users += 1
        try:
            yield await asyncio.shield(self._ready)
        finally:
            self._users -= 1
            if self._is_retired and not self._users:
                self.end()

    def retire(self) -> None:
        """Let the session end as soon as nobody uses it."""
        self._is_retired = True
        if not self._users:
            self.end()

    def end(self) -> None:
        """Let the session end, politely once it is open."""
        self._stop.set()
        if not self._ready.done():
            self._task.cancel()
        elif not self._ready.cancelled() and self._ready.exception() is None:
            self._ready.result().changed.set()

    async def _hold(self) -> None:
        try:
            async with self._open() as session:
                self._ready.set_result(session)
                await self._wait(session)
        except asyncio.CancelledError:
            self._ready.cancel()
            raise
        except Exception as exc:  # noqa: BLE001 - the SDK raises what its libraries raise
            if not self._ready.done():
                self._ready.set_exception(exc)
            else:
                logger.info("mcp_session_ended", reason=type(exc).__name__)

    async def _wait(self, session: McpSession) -> None:
        while not self._stop.is_set():
            idle_s = time.monotonic() - self.used_at
            if idle_s >= IDLE_S:
                return
            try:
                async with asyncio.timeout(IDLE_S - idle_s):
                    await session.changed.wait()
            except TimeoutError:
                continue
            session.changed.clear()
            if not self._stop.is_set():
                await self._tell(await session.list_offers())


class KeptSessions:
    """Keeps sessions by integration; ends those that nobody uses, and all with itself."""

    def __init__(self) -> None:
        self._tasks = TaskGroup()
        self._kept: dict[str, _Kept] = {}
        self._retired: list[_Kept] = []

    @asynccontextmanager
    async def use(
        self, key: str, version: str, open_session: Open, tell: Tell
    ) -> AsyncIterator[tuple[McpSession, bool]]:
        """Give the session of ``key``, and say whether it was open already.

        Args:
            key: Whose session it is.
            version: Changes with anything that the session depends on.
            open_session: Opens it.
            tell: Told when the server offers something else.
        """
        kept = self._kept.get(key)
        is_open = kept is not None and kept.version == version and not kept.is_over
        if kept is None or not is_open:
            self.drop(key)
            self._make_room()
            kept = self._kept[key] = _Kept(version, open_session, tell, self._tasks)
        async with kept.use() as session:
            yield session, is_open

    def drop(self, key: str) -> None:
        """Give the session of ``key`` to nobody any more; it ends when the last has left it."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.retire()
            self._retired = [one for one in (*self._retired, kept) if not one.is_over]

    async def aclose(self) -> None:
        """End all sessions, and the programs behind them."""
        for kept in (*self._kept.values(), *self._retired):
            kept.end()
        self._kept.clear()
        await self._tasks.drain(timeout_s=END_S)

    def _make_room(self) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if not kept.is_over}
        while len(self._kept) >= MAX_SESSIONS:
            self.drop(min(self._kept, key=lambda key: self._kept[key].used_at))
