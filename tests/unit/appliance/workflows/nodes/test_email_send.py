from __future__ import annotations

import pytest

from appliance.egress import EgressClient
from appliance.errors import AuthFailed, InvalidInput, Rejected
from tests.fakes.mail_server import PASSWORD, USER, MailServer
from tests.workflows.workflow_runs import node, open_bench

MAIL = {"fromEmail": "Shop <shop@example.org>", "toEmail": "a@example.net", "subject": "Hi"}


async def send(server, parameters, *, version=2.1, hosts=None, allow=("127.0.0.1",), **values):
    egress = EgressClient(allow=allow)
    try:
        with open_bench(connections=egress) as bench:
            place = {"host": "127.0.0.1", "port": str(server.port), "secure": "false"}
            bound = ("127.0.0.1",) if hosts is None else hosts
            named = bench.keep("smtp", "mail", *bound, **{**place, **values})
            made = node("Mail", "emailSend", version, {**MAIL, **parameters}, credentials=named)
            return await bench.run_nodes(made)
    finally:
        await egress.aclose()


async def test_a_mail_arrives_as_it_was_written() -> None:
    parameters = {
        "toEmail": "a@example.net, דנה <b@example.net>",
        "subject": "שלום",
        "text": "טקסט",
        "options": {
            "ccEmail": "c@example.net",
            "bccEmail": "d@example.net",
            "replyTo": MAIL["toEmail"],
        },
    }
    async with MailServer(needs_login=True) as server:
        (sent,) = await send(server, parameters, user=USER, password=PASSWORD)
    [mail] = server.mails
    assert mail.sender == "shop@example.org"
    assert mail.recipients == [f"{name}@example.net" for name in "abcd"]
    assert mail.message["Subject"] == "שלום"
    assert mail.message["Reply-To"] == "a@example.net"
    assert "Bcc" not in mail.message
    assert mail.text.strip() == "טקסט"
    assert sent["accepted"] == mail.recipients
    assert sent["messageId"] == mail.message["Message-ID"]


@pytest.mark.parametrize(
    ("version", "parameters", "kinds"),
    [
        (1, {"text": "t", "html": "<p>h</p>"}, ["text/plain", "text/html"]),
        (2, {"html": "<p>h</p>"}, ["text/html"]),
        (2, {"emailFormat": "both", "text": "t", "html": "h"}, ["text/plain", "text/html"]),
        (2.1, {"text": "t", "html": "not shown"}, ["text/plain"]),
    ],
)
async def test_text_and_html_are_parts_of_it(version, parameters, kinds) -> None:
    async with MailServer() as server:
        await send(server, parameters, version=version)
    [mail] = server.mails
    parts = [part for part in mail.message.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == kinds


@pytest.mark.parametrize("name", ["subject", "fromEmail", "toEmail"])
async def test_no_text_becomes_a_header(name) -> None:
    forged = f"{MAIL[name]}\r\nBcc: x@evil.example"
    async with MailServer() as server:
        try:
            await send(server, {name: forged})
        except Rejected:
            assert server.mails == []
            return
    [mail] = server.mails
    assert mail.recipients == ["a@example.net"]
    assert "Bcc" not in mail.message


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"fromEmail": "nobody"}, "fromEmail"),
        ({"toEmail": ""}, "toEmail"),
        ({"toEmail": "a@@b, c"}, "toEmail"),
        ({"toEmail": ",".join(f"u{n}@example.net" for n in range(60))}, "60 recipients"),
    ],
)
async def test_what_is_no_mail_is_named_and_not_sent(parameters, named) -> None:
    async with MailServer() as server:
        with pytest.raises(Rejected) as caught:
            await send(server, parameters)
    assert named in caught.value.message
    assert server.mails == []


async def test_the_server_is_reached_under_the_egress_rules() -> None:
    async with MailServer() as server:
        with pytest.raises(Rejected, match="Node 'Mail' failed"):
            await send(server, {}, allow=())
        with pytest.raises(Rejected, match="Node 'Mail' failed"):
            await send(server, {}, hosts=("mail.example.net",))
        with pytest.raises(AuthFailed, match="credential 'mail'"):
            await send(server, {}, user=USER, password="wrong")
    assert server.mails == []


async def test_a_mail_without_a_credential_is_refused_at_import(bench) -> None:
    with pytest.raises(InvalidInput, match="smtp"):
        await bench.run_nodes(node("Mail", "emailSend", 2, MAIL))
