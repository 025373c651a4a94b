from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance import mail_delivery
from appliance.domain.tenant import EscalationSettings
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ConfigurationError,
    Rejected,
    Unavailable,
)
from appliance.notifiers.smtp import MailServer as Server
from appliance.notifiers.smtp import SmtpNotifier, read_mail_server
from appliance.ports.notifier import Notice
from tests.fakes.certificates import TestAuthority
from tests.fakes.clock import SettableClock
from tests.fakes.mail_server import PASSWORD, USER, MailServer
from tests.fakes.notices import build_notice

SENDER = "Bot <bot@example.org>"


async def send(
    server: MailServer, notice: Notice | None = None, authority: TestAuthority | None = None,
    **fields: Any,
) -> None:  # fmt: skip
    place = msgspec.structs.replace(read_mail_server(server.url), **fields)
    extra: dict[str, Any] = {} if authority is None else {"build_tls": authority.trust}
    notifier = SmtpNotifier(place, SettableClock(), sender=SENDER, **extra)
    await notifier.send(notice or build_notice())


async def test_a_hebrew_mail_arrives_as_it_was_written() -> None:
    notice = build_notice(tenant={"language": "he", "name": "הפיצה של בוב"})
    async with MailServer() as server:
        await send(server, notice)
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("bot@example.org", ["team@shop.example"])
    assert mail.message["Subject"] == "הפיצה של בוב: מבקר באתר ביקש לדבר עם נציג"
    assert mail.message["From"] == SENDER
    assert mail.message["To"] == "team@shop.example"
    assert mail.message["Message-ID"] == "<0190-notice@example.org>"
    assert mail.message["Date"] == "Mon, 02 Mar 2026 09:30:00 +0000"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message.get_content_type() == "text/plain"
    assert mail.text.startswith("מבקר באתר של הפיצה של בוב זקוק לנציג.")


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85", "\x0b"])
async def test_no_text_becomes_a_header(break_: str) -> None:
    forged = f"Bob{break_}Bcc: x@evil.example{break_}{break_}Hello"
    async with MailServer() as server:
        await send(server, build_notice(tenant={"name": forged}, user_identifier=forged))
    [mail] = server.mails
    assert mail.recipients == ["team@shop.example"]
    assert "Bcc" not in mail.message
    assert mail.message["Subject"].startswith("Bob Bcc: x@evil.example")


async def test_a_server_is_logged_in_to_over_tls(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    login = {"host": "localhost", "username": USER, "password": PASSWORD}
    for is_tls in (True, False):
        tls = authority.serve("localhost")
        async with MailServer(tls=tls, is_tls=is_tls, needs_login=True) as server:
            await send(server, authority=authority, is_on_this_machine=False, **login)
        [mail] = server.mails
        assert mail.is_encrypted
        assert mail.is_logged_in


async def test_a_server_that_cannot_prove_its_name_gets_nothing(tmp_path: Path) -> None:
    mine, other = TestAuthority(tmp_path), TestAuthority(tmp_path / "other")
    (tmp_path / "other").mkdir()
    for is_tls in (True, False):
        async with MailServer(tls=other.serve("localhost"), is_tls=is_tls) as server:
            with pytest.raises(Unavailable):
                await send(server, authority=mine, host="localhost", is_on_this_machine=False)
        assert server.mails == []


async def test_a_password_never_goes_over_an_open_line() -> None:
    login = {"username": USER, "password": PASSWORD}
    async with MailServer(needs_login=True) as server:
        with pytest.raises(AuthFailed, match="no encryption"):
            await send(server, is_on_this_machine=False, **login)
        assert server.logins == []
        await send(server, **login)
    assert server.logins == [(USER, PASSWORD)]


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        ({"answers": {"RCPT": "550 No such user"}}, Rejected, "does not take mail"),
        ({"answers": {"DATA": "554 Spam"}}, Rejected, "554"),
        ({"answers": {"DATA": "451 Later"}}, Unavailable, "451"),
        ({"answers": {"DATA": "nonsense"}}, Unavailable, "not answer as a mail server"),
    ],
)
async def test_what_the_server_answers_is_told(
    faults: dict[str, Any], error: type[ApplianceError], words: str
) -> None:
    async with MailServer(**faults) as server:
        with pytest.raises(error, match=words) as raised:
            await send(server)
    assert "\n" not in raised.value.message


async def test_a_wrong_password_names_the_setting_and_not_itself() -> None:
    async with MailServer(needs_login=True) as server:
        with pytest.raises(AuthFailed, match="CSAI_SMTP_URL") as raised:
            await send(server, username=USER, password="wrong-one")
    assert "wrong-one" not in raised.value.message


@pytest.mark.parametrize("command", ["EHLO", "RCPT", "DATA"])
async def test_a_server_that_hangs_is_left(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_delivery, "STEP_TIMEOUT_S", 0.05)
    async with MailServer(hangs_at=command) as server:
        with pytest.raises(Unavailable) as raised:
            await send(server)
    assert raised.value.code == "timed_out"


async def test_sending_can_be_cancelled_while_the_server_hangs() -> None:
    async with MailServer(hangs_at="RCPT") as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await send(server)


async def test_a_server_that_is_not_there_is_told() -> None:
    async with MailServer() as server:
        url = server.url
    notifier = SmtpNotifier(read_mail_server(url), SettableClock(), sender=SENDER)
    with pytest.raises(Unavailable, match="No connection to the mail server"):
        await notifier.send(build_notice())


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server(host="mail.example.com", port=587)),
        ("smtps://mail.example.com", Server(host="mail.example.com", port=465, is_tls=True)),
        (
            "smtp://bot%40example.org:p%C3%A4ss%20word@mail.example.com:2525",
            Server(
                host="mail.example.com", port=2525, username="bot@example.org", password="päss word"
            ),
        ),
        ("smtp://localhost", Server(host="localhost", port=587, is_on_this_machine=True)),
        ("smtp://[::1]:25", Server(host="::1", port=25, is_on_this_machine=True)),
    ],
)
def test_the_setting_is_read(url: str, server: Server) -> None:
    assert read_mail_server(url) == server


def test_a_setting_that_cannot_be_is_named() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_mail_server("smtp://mail.example.com:99999")
    assert raised.value.setting == "CSAI_SMTP_URL"
    for sender in ("", "bot", "bot@example.org\r\nBcc: x@evil.example", "a@b@c"):
        with pytest.raises(ConfigurationError) as raised:
            SmtpNotifier(Server(host="h", port=1), SettableClock(), sender=sender)
        assert raised.value.setting == "CSAI_MAIL_FROM"


async def test_a_tenant_without_an_address_is_told() -> None:
    async with MailServer() as server:
        with pytest.raises(ConfigurationError, match="no e-mail address"):
            await send(server, build_notice(tenant={"escalation": EscalationSettings()}))
