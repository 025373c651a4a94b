"""The Send Email node: hands a message to a mail server that the tenant's credential names.

Owns the message; the way there is left to ``appliance.mail_delivery``, which hosts may be reached
to the egress rules. Files, and waiting for an answer, cannot run here.
"""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, getaddresses, make_msgid

from appliance.domain.credential import Credential
from appliance.domain.json_types import JsonObject
from appliance.errors import Rejected
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.node_credentials import find_credential
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_KIND = "smtp"
_FORMATS = ("html", "text", "both")
MAX_RECIPIENTS = 50
CONNECT_TIMEOUT_S = 10.0


def _check(node: Node) -> list[str]:
    return [] if _KIND in node.credentials else ["a credential of the type 'smtp'"]


async def _run(context: NodeContext) -> Branches:
    credential = await find_credential(context, _KIND)

    async def send(_item: Item, values: Parameters) -> list[Item]:
        message, recipients = _build(values, context)
        answer = await _deliver(message, recipients, credential, context)
        envelope: JsonObject = {"from": message["From"].addresses[0].addr_spec, "to": recipients}
        sent: JsonObject = {
            "accepted": recipients,
            "rejected": [],
            "response": answer,
            "envelope": envelope,
            "messageId": str(message["Message-ID"]),
        }
        return [Item(json=sent)]

    return [await context.for_each_item(send)]


async def _deliver(
    message: EmailMessage, recipients: list[str], credential: Credential, context: NodeContext
) -> str:
    # 40 modules, for the few that send
    from appliance.mail_delivery import MailServer, deliver, is_this_machine

    values = credential.values
    given = Parameters({name: value for name, value in values.items() if value})
    host, port = given.text("host"), given.integer("port", 465, minimum=1, maximum=65_535)
    if not host:
        raise Rejected(f"the credential {credential.name!r} has no 'host'")
    if context.state.connections is None:
        raise Rejected("no mail server can be reached from here")
    connection = await context.state.connections.connect(
        host, port, timeout_s=CONNECT_TIMEOUT_S, credential_hosts=credential.hosts
    )
    server = MailServer(
        host=host,
        port=port,
        is_tls=values.get("secure", "true").lower() != "false",
        is_plain=values.get("disableStartTls", "").lower() == "true",
        is_on_this_machine=is_this_machine(host),
        username=values.get("user") or None,
        password=values.get("password") or None,
    )
    return await deliver(
        message,
        server,
        recipients=recipients,
        connection=connection,
        login=f"the user and password of the credential {credential.name!r}",
    )


def _build(values: Parameters, context: NodeContext) -> tuple[EmailMessage, list[str]]:
    """Return the message and whom it goes to; no text in it can become a header."""
    options = values.group("options")
    senders = _addresses(values, "fromEmail")
    if len(senders) != 1:
        values.refuse("fromEmail", "must be an address")
    (sender,) = senders
    to = _addresses(values, "toEmail")
    if not to:
        values.refuse("toEmail", "must be an address, or several parted by commas")
    copies = _addresses(options, "ccEmail") or _addresses(values, "ccEmail")
    hidden = _addresses(options, "bccEmail") or _addresses(values, "bccEmail")
    recipients = list(dict.fromkeys(a.addr_spec for a in (*to, *copies, *hidden)))
    if len(recipients) > MAX_RECIPIENTS:
        raise Rejected(f"it has {len(recipients)} recipients, over {MAX_RECIPIENTS}")
    message = EmailMessage(policy=SMTP_POLICY)
    message["Subject"] = " ".join(values.text("subject").split())
    message["From"] = sender
    message["To"] = to
    if copies:
        message["Cc"] = copies
    if reply_to := _addresses(options, "replyTo"):
        message["Reply-To"] = reply_to
    message["Date"] = format_datetime(context.state.started_at)
    message["Message-ID"] = make_msgid(domain=sender.domain)
    _set_content(message, values, context.node.type_version)
    return message, recipients


def _set_content(message: EmailMessage, values: Parameters, version: float) -> None:
    text, html = values.text("text"), values.text("html")
    if version >= 2:
        default = "html" if version < 2.1 else "text"
        chosen = values.choice("emailFormat", _FORMATS, default)
        text = text if chosen in ("text", "both") else ""
        html = html if chosen in ("html", "both") else ""
    if text or not html:
        message.set_content(text, charset="utf-8", cte="base64")
    if html and text:
        message.add_alternative(html, subtype="html", charset="utf-8", cte="base64")
    elif html:
        message.set_content(html, subtype="html", charset="utf-8", cte="base64")


def _addresses(values: Parameters, name: str) -> list[Address]:
    text = values.text(name)
    if not text.isprintable():
        values.refuse(name, "must be an address, or several parted by commas, in one line")
    found = []
    for shown, address in getaddresses([text]):
        if not address and not shown:
            continue
        try:
            found.append(Address(display_name=shown, addr_spec=address))
        except (MessageError, ValueError, IndexError):
            values.refuse(name, "must be an address, or several parted by commas")
    return found


KIND = NodeKind(
    type="n8n-nodes-base.emailSend",
    min_version=1,
    max_version=2.1,
    run=_run,
    check=_check,
    parameters=one_of("operation", "send", remedy="no answer can be waited for here")
    | one_of("attachments", "")
    | one_of("options.attachments", "")
    | one_of("options.allowUnauthorizedCerts", False)
    | read(
        "fromEmail", "toEmail", "ccEmail", "bccEmail", "subject", "text", "html", "emailFormat",
        "options.ccEmail", "options.bccEmail", "options.replyTo",
    )
    # What belongs to waiting for an answer, and the line by which n8n advertises itself.
    | ignored(
        "resource", "options.appendAttribution", "message", "responseType", "defineForm",
        "jsonOutput", "formFields", "approvalOptions", "options.limitWaitTime",
        "options.messageButtonLabel", "options.responseFormTitle",
        "options.responseFormDescription", "options.responseFormButtonLabel",
        "options.responseFormCustomCss",
    ),
)  # fmt: skip
