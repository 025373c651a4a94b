"""Notices from the outbox to the shop, on a real database; the ways to the shop are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from appliance.domain.escalation import Escalation, NewEscalation, NoticeKind
from appliance.domain.ids import SessionHash, hash_token
from appliance.errors import Rejected, StorageError, Unavailable
from appliance.services import notices
from appliance.services.notices import NoticeSender
from tests.fakes.notices import RecordingNotifier
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.stored_history import StoredHistory

DOWN = Unavailable("The mail server does not answer.")


class Post:
    """A sender over a real database, with conversations that need a person."""

    def __init__(self, temporary: TemporaryDatabase, *notifiers: RecordingNotifier) -> None:
        self.temporary, self.clock = temporary, temporary.clock
        self.history = StoredHistory(temporary)
        self.sender = self.build(notifiers or (RecordingNotifier(),))

    def build(self, notifiers: Sequence[RecordingNotifier]) -> NoticeSender:
        database = self.temporary.database
        return NoticeSender(
            outbox=database.outbox,
            notifiers=notifiers,
            tenants=database.tenants,
            clock=self.clock,
            admin_url="http://127.0.0.1:8081",
            jitter=lambda: 1.0,
        )

    async def escalate(
        self, session: str = "s1", *, kinds: tuple[NoticeKind, ...] = ("email",), **fields: str
    ) -> None:
        if (
            await self.history.opened.store.find_conversation(
                self.temporary.tenant_id, SessionHash(hash_token(session))
            )
            is None
        ):
            await self.history.talk(session, "My oven is broken", "I am sorry.")
        await self.temporary.database.escalations.escalate(
            self.temporary.tenant_id,
            SessionHash(hash_token(session)),
            NewEscalation(cause="visitor", notices=kinds, **fields),
            at=self.clock.now(),
        )

    async def states(self) -> list[tuple[str, str, int, str | None]]:
        page = await self.temporary.database.escalations.list_page(
            limit=50, cursor=None, tenant_id=None, status=None
        )
        items: list[Escalation] = page.items
        return [
            (notice.kind, notice.status, notice.attempts, notice.error)
            for item in items
            for notice in item.notices
        ]


async def test_a_notice_is_sent_once_with_what_was_said(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier()
    post = Post(temporary, notifier)
    await post.escalate(reason="Broken", contact="dana@example.org")
    assert await post.sender.send_due() == 1
    assert await post.sender.send_due() == 0
    [notice] = notifier.notices
    assert (notice.event, notice.escalation.reason) == ("escalation.requested", "Broken")
    assert [(line.role, line.content) for line in notice.transcript] == [
        ("user", "My oven is broken"),
        ("assistant", "I am sorry."),
    ]
    conversation_id = notice.escalation.conversation_id
    assert notice.conversation_url.endswith(f":8081/api/admin/conversations/{conversation_id}")
    assert await post.states() == [("email", "sent", 1, None)]


async def test_secrets_in_what_was_said_do_not_leave(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier()
    post = Post(temporary, notifier)
    await post.history.talk("s1", "my key is sk-ant-api03-abcdefghijklmnop0123456789")
    await post.escalate("s1", reason="Bearer abcdefghijklmnop0123456789abcdef")
    await post.sender.send_due()
    [notice] = notifier.notices
    assert "abcdefghijklmnop" not in f"{notice.transcript}{notice.escalation}"


async def test_a_failure_is_tried_again_later_and_later(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier(failures=[DOWN] * 3)
    post = Post(temporary, notifier)
    await post.escalate()
    for wait_s in (30, 60, 120):
        assert await post.sender.send_due() == 1
        assert (await post.states())[0][1::2] == ("pending", DOWN.message)
        post.clock.advance(wait_s - 1)
        assert await post.sender.send_due() == 0
        post.clock.advance(1)
    assert await post.sender.send_due() == 1
    assert await post.states() == [("email", "sent", 4, None)]
    assert len({notice.id for notice in notifier.notices}) == 1


async def test_after_a_day_it_is_given_up_and_the_reason_stays(
    temporary: TemporaryDatabase,
) -> None:
    post = Post(temporary, RecordingNotifier(failures=[Rejected("No such user.")] * 99))
    await post.escalate()
    begun = post.clock.now()
    for _ in range(100):
        await post.sender.send_due()
        if (await post.states())[0][1] != "pending":
            break
        post.clock.advance(900)
    [(_, status, attempts, error)] = await post.states()
    assert (status, error) == ("failed", "No such user.")
    assert timedelta(hours=22) < post.clock.now() - begun <= timedelta(hours=24)
    assert 24 < attempts < 40
    post.clock.advance(100_000)
    assert await post.sender.send_due() == 0


async def test_what_a_dead_process_took_is_sent_by_another(temporary: TemporaryDatabase) -> None:
    hanging, working = RecordingNotifier(), RecordingNotifier()
    hanging.gate.clear()
    post = Post(temporary, hanging)
    await post.escalate()
    dying = asyncio.create_task(post.sender.send_due())
    await hanging.arrived.wait()
    dying.cancel()
    await asyncio.wait({dying})
    other = post.build([working])
    assert await other.send_due() == 0
    post.clock.advance(notices.CLAIM_FOR.total_seconds())
    assert await other.send_due() == 1
    assert (len(working.notices), await post.states()) == (1, [("email", "sent", 2, None)])


async def test_several_senders_send_each_notice_once(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier()
    post = Post(temporary, notifier)
    for number in range(12):
        await post.escalate(f"s{number}")
    senders = [post.sender, post.build([notifier]), post.build([notifier])]
    while sum(await asyncio.gather(*(sender.send_due() for sender in senders))):
        pass
    assert len(notifier.notices) == 12
    assert len({notice.id for notice in notifier.notices}) == 12


async def test_one_that_hangs_is_left_and_holds_up_no_other(
    temporary: TemporaryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "SEND_WITHIN_S", 0.05)
    hanging, working = RecordingNotifier("webhook"), RecordingNotifier()
    hanging.gate.clear()
    post = Post(temporary, hanging, working)
    await post.escalate(kinds=("email", "webhook"))
    assert await post.sender.send_due() == 2
    assert await post.states() == [
        ("email", "sent", 1, None),
        ("webhook", "pending", 1, "It was not taken in time."),
    ]


async def test_without_a_mail_server_the_operator_reads_what_to_set(
    temporary: TemporaryDatabase,
) -> None:
    post = Post(temporary, RecordingNotifier("webhook"))
    await post.escalate()
    await post.sender.send_due()
    [(_, status, _, error)] = await post.states()
    assert status == "pending"
    assert "CSAI_SMTP_URL" in (error or "")
    await post.sender.check()


async def test_a_broken_way_is_logged_and_tried_again(temporary: TemporaryDatabase) -> None:
    post = Post(temporary, RecordingNotifier(failures=[KeyError("oops")]))
    await post.escalate()
    await post.sender.send_due()
    assert await post.states() == [("email", "pending", 1, "It failed: KeyError.")]


async def test_what_was_erased_meanwhile_is_not_told(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier()
    post = Post(temporary, notifier)
    await post.escalate()
    conversation_id = await post.history.conversation_id("s1")
    erasure = temporary.database.erasure
    await erasure.close_conversation(temporary.tenant_id, conversation_id, at=post.clock.now())
    while not (
        await erasure.erase_conversations(
            temporary.tenant_id, [conversation_id], limit=50, time_zone="UTC"
        )
    ).is_done:
        pass
    assert await post.sender.send_due() == 0
    assert notifier.notices == []


async def test_a_failing_mail_server_is_told_by_the_health_until_it_works(
    temporary: TemporaryDatabase,
) -> None:
    post = Post(temporary, RecordingNotifier(failures=[DOWN]), RecordingNotifier("webhook"))
    await post.sender.check()
    await post.escalate()
    await post.sender.send_due()
    with pytest.raises(Unavailable, match="did not take"):
        await post.sender.check()
    post.clock.advance(60)
    await post.sender.send_due()
    await post.sender.check()


async def test_a_shops_own_webhook_is_no_matter_of_health(temporary: TemporaryDatabase) -> None:
    post = Post(temporary, RecordingNotifier("webhook", failures=[DOWN]))
    await post.escalate(kinds=("webhook",))
    await post.sender.send_due()
    await post.sender.check()


async def test_a_stored_notice_is_sent_at_once(temporary: TemporaryDatabase) -> None:
    notifier = RecordingNotifier()
    post = Post(temporary, notifier)
    running = asyncio.create_task(post.sender.run_forever())
    await post.escalate()
    post.sender.wake()
    async with asyncio.timeout(10):
        await notifier.arrived.wait()
    running.cancel()
    await asyncio.wait({running})
    assert len(notifier.notices) == 1


async def test_a_database_that_fails_ends_no_sender(temporary: TemporaryDatabase) -> None:
    post = Post(temporary)
    tries = asyncio.Semaphore(0)

    class Broken:
        async def claim_due(self, **_: object) -> list[object]:
            tries.release()
            raise StorageError("The disk is full.")

    post.sender._outbox = Broken()  # type: ignore[assignment]
    running = asyncio.create_task(post.sender.run_forever())
    async with asyncio.timeout(10):
        for _ in range(2):
            await tries.acquire()
            post.sender.wake()
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
