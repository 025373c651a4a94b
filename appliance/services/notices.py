"""Sending notices until they are taken: to the shop, that a visitor needs a person.

Owns when a notice is sent, how often, and what is told of a failure; the ways to send it are behind
``appliance.ports.notifier``. See docs/adr/0022.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from appliance.domain.escalation import NoticeKind
from appliance.domain.tenant import Tenant
from appliance.errors import ApplianceError, ConfigurationError, StorageError, Unavailable
from appliance.ports.clock import Clock
from appliance.ports.notifier import DueNotice, Notice, NoticeContent, Notifier, Outbox
from appliance.ports.repositories import TenantRepository
from appliance.redaction import redact

logger = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 15.0
AT_ONCE: Final = 8
SEND_WITHIN_S: Final = 30.0
CLAIM_FOR: Final = timedelta(seconds=120)
"""How long a notice is left to a process that may have died; longer than a sending can take."""
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(hours=24)
TRANSCRIPT_LINES: Final = 12
MAX_ERROR_LENGTH: Final = 500


class NoticeSender:
    """Sends what is due; one for each process, and they share the work.

    Args:
        outbox: Where notices wait.
        notifiers: The ways that this installation can tell a shop.
        tenants: Know the shops and their addresses.
        clock: Tells what is due.
        admin_url: Where the admin side is.
        jitter: Returns a number from 0 to 1.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        notifiers: Sequence[Notifier],
        tenants: TenantRepository,
        clock: Clock,
        admin_url: str,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._notifiers: Mapping[NoticeKind, Notifier] = {one.kind: one for one in notifiers}
        self._tenants = tenants
        self._clock = clock
        self._admin_url = admin_url
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._is_mail_failing = False

    @property
    def kinds(self) -> frozenset[NoticeKind]:
        """The kinds of notices that can be sent."""
        return frozenset(self._notifiers)

    def wake(self) -> None:
        """Look for notices at once: one was stored."""
        self._wake.set()

    async def check(self) -> None:
        """Return while the mail server takes notices; a shop's own webhook is the shop's affair.

        Raises:
            Unavailable: It did not take the last one.
        """
        if self._is_mail_failing:
            raise Unavailable(
                "The mail server did not take the last notice. The log and the list of "
                "escalations say why."
            )

    async def run_forever(self) -> None:
        """Send what is due, again and again, until cancelled."""
        while True:
            self._wake.clear()
            try:
                while await self.send_due() == AT_ONCE:
                    pass
            except StorageError as error:
                logger.warning("notices_not_looked_for", error=error.message)
            except Exception:
                # The boundary of a background job: it goes on, and the log tells why it stopped.
                logger.exception("notices_broken")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()

    async def send_due(self) -> int:
        """Send some of what is due, at the same time, and return how many it tried.

        Raises:
            StorageError: The database cannot be used; what was claimed is due again later.
        """
        now = self._clock.now()
        due = await self._outbox.claim_due(now=now, until=now + CLAIM_FOR, limit=AT_ONCE)
        await asyncio.gather(*(self._deliver(notice) for notice in due))
        return len(due)

    async def _deliver(self, due: DueNotice) -> None:
        """Send one and note what became of it; one that cannot be noted is due again later."""
        about = {"tenant_id": due.tenant_id, "notice_id": due.id, "kind": due.kind}
        try:
            await self._send(due)
            await self._outbox.mark_sent(due.id, at=self._clock.now())
        except StorageError as error:
            logger.warning("notice_not_noted", error=error.message, **about)
        except ApplianceError as error:
            await self._fail(due, error, about)
        except Exception as error:
            # The boundary of one notice: the others go on, and the log tells why this one did not.
            logger.exception("notice_broken", **about)
            await self._fail(due, Unavailable(f"It failed: {type(error).__name__}."), about)
        else:
            if due.kind == "email":
                self._is_mail_failing = False
            logger.info("notice_sent", attempts=due.attempts, **about)

    async def _send(self, due: DueNotice) -> None:
        tenant = await self._tenants.get(due.tenant_id)
        content = await self._outbox.load(due, lines=TRANSCRIPT_LINES)
        if tenant is None or content is None:
            raise ConfigurationError("What this notice tells of was erased.", code="erased")
        notifier = self._notifiers.get(due.kind)
        if notifier is None:
            raise ConfigurationError(
                "No mail server is set. Set CSAI_SMTP_URL and CSAI_MAIL_FROM, and restart.",
                setting="CSAI_SMTP_URL",
            )
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await notifier.send(self._build_notice(due, tenant, content))
        except TimeoutError as error:
            raise Unavailable("It was not taken in time.", code="timed_out") from error

    def _build_notice(self, due: DueNotice, tenant: Tenant, content: NoticeContent) -> Notice:
        masked = _mask(content)
        return Notice(
            id=due.id,
            event=due.event,
            tenant=tenant,
            escalation=masked.escalation,
            channel=masked.channel,
            user_identifier=masked.user_identifier,
            page_url=masked.page_url,
            transcript=masked.lines,
            conversation_url=f"{self._admin_url}/api/admin/conversations/{due.conversation_id}",
        )

    async def _fail(self, due: DueNotice, error: ApplianceError, about: dict[str, str]) -> None:
        now = self._clock.now()
        text = str(redact(error.message))[:MAX_ERROR_LENGTH]
        retry_at = now + self._wait_after(due.attempts)
        is_over = error.code == "erased" or retry_at > due.created_at + GIVE_UP_AFTER
        with suppress(StorageError):
            await self._outbox.mark_failed(
                due.id, error=text, at=now, retry_at=None if is_over else retry_at
            )
        if due.kind == "email" and due.kind in self._notifiers and error.code != "erased":
            self._is_mail_failing = True
        if is_over:
            logger.error("notice_given_up", attempts=due.attempts, error=text, **about)
        else:
            logger.warning("notice_failed", attempts=due.attempts, error=text, **about)

    def _wait_after(self, attempts: int) -> timedelta:
        """Return the wait before the next attempt; full jitter over its upper half."""
        doublings = min(attempts - 1, 20)
        longest = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
        return longest * (0.5 + self._jitter() / 2)


def _mask(content: NoticeContent) -> NoticeContent:
    """Return ``content`` with what looks like a secret masked: a notice leaves this machine."""
    masked: NoticeContent = msgspec.convert(redact(msgspec.to_builtins(content)), NoticeContent)
    return masked
