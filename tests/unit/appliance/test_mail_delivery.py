from __future__ import annotations

import asyncio
import socket
from email.message import EmailMessage
from pathlib import Path

import pytest

from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.mail_delivery import MailServer, deliver, is_this_machine
from tests.fakes.certificates import TestAuthority
from tests.fakes.mail_server import PASSWORD, USER
from tests.fakes.mail_server import MailServer as Receiver


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Hi", "a@example.org", "b@example.org"
    made.set_content("Hello")
    return made


async def connect(server: Receiver) -> socket.socket:
    opened = socket.socket()
    opened.setblocking(False)
    await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", server.port))
    return opened


async def test_a_connection_that_is_open_is_used_and_its_name_checked(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    for is_tls in (True, False):
        async with Receiver(tls=authority.serve("mail.example"), is_tls=is_tls) as server:
            place = MailServer(host="mail.example", port=1, is_tls=is_tls)
            answer = await deliver(
                message(), place, connection=await connect(server), build_tls=authority.trust
            )
            assert answer
            [mail] = server.mails
            assert mail.is_encrypted
            wrong = MailServer(host="other.example", port=1, is_tls=is_tls)
            with pytest.raises(Unavailable):
                await deliver(
                    message(), wrong, connection=await connect(server), build_tls=authority.trust
                )


async def test_recipients_may_be_others_than_the_message_shows() -> None:
    async with Receiver() as server:
        place = MailServer(host="127.0.0.1", port=server.port, is_on_this_machine=True)
        await deliver(message(), place, recipients=["c@example.org"])
    assert server.mails[0].recipients == ["c@example.org"]


async def test_refusals_name_the_login_and_the_server() -> None:
    async with Receiver(needs_login=True) as server:
        place = MailServer(
            host="127.0.0.1",
            port=server.port,
            is_on_this_machine=True,
            username=USER,
            password="wrong",
        )
        with pytest.raises(AuthFailed, match="the login of the shop"):
            await deliver(message(), place, login="the login of the shop")
    async with Receiver(answers={"RCPT": "550 No such user"}) as server:
        place = MailServer(host="127.0.0.1", port=server.port, is_on_this_machine=True)
        with pytest.raises(Rejected, match="does not take mail"):
            await deliver(message(), place)


async def test_no_password_goes_over_an_open_line() -> None:
    async with Receiver() as server:
        place = MailServer(
            host="127.0.0.1", port=server.port, is_plain=True, username=USER, password=PASSWORD
        )
        with pytest.raises(AuthFailed, match="no encryption"):
            await deliver(message(), place)
    assert server.logins == []


@pytest.mark.parametrize(
    ("host", "is_own"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("mail.example", False)],
)
def test_this_machine_is_known_by_its_names(host: str, is_own: bool) -> None:
    assert is_this_machine(host) is is_own
