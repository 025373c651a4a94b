"""What is typed about a tenant, made into what the API takes.

Owns the rules that can be checked before asking the server; the server checks all of them again.
Drawing the form is left to ``gui.widgets.tenant_form``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from PySide6.QtCore import QCoreApplication, QUrl

from gui.api.models import Tenant

MAX_NAME_LENGTH = 200

LANGUAGES: tuple[tuple[str, str], ...] = (
    ("en", "English"),
    ("he", "עברית"),
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pt", "Português"),
    ("ru", "Русский"),
)

_HOST = re.compile(r"^[\w\-.]+(:\d{1,5})?$")


@dataclass(frozen=True)
class TenantDraft:
    """What the form holds, as typed."""

    name: str = ""
    domain: str = ""
    origins_text: str = ""
    language: str = "en"
    time_zone: str = "UTC"

    @classmethod
    def from_tenant(cls, tenant: Tenant) -> TenantDraft:
        """Fill a draft with what a tenant has now."""
        return cls(
            name=tenant.name,
            domain=tenant.domain or "",
            origins_text="\n".join(tenant.allowed_origins),
            language=tenant.language,
            time_zone=tenant.time_zone,
        )


@dataclass(frozen=True)
class CheckedDraft:
    """The body to send, and what is wrong with it by field; a body with errors is not sent."""

    body: dict[str, object] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def check_draft(draft: TenantDraft) -> CheckedDraft:
    """Trim, normalise and check a draft."""
    translate = QCoreApplication.translate
    errors: dict[str, str] = {}
    name = draft.name.strip()
    if not name:
        errors["name"] = translate("TenantForm", "Give the shop a name.")
    elif len(name) > MAX_NAME_LENGTH:
        errors["name"] = translate("TenantForm", "At most {0} characters.").format(MAX_NAME_LENGTH)
    domain = normalise_domain(draft.domain)
    if domain and not _HOST.match(domain):
        errors["domain"] = translate("TenantForm", "Write it like shop.example.")
    origins: list[str] = []
    for line in draft.origins_text.replace(",", "\n").split():
        origin = normalise_origin(line)
        if origin is None:
            errors["allowed_origins"] = translate(
                "TenantForm", "“{0}” is not an address like https://shop.example."
            ).format(line)
        elif origin not in origins:
            origins.append(origin)
    if not draft.time_zone.strip():
        errors["time_zone"] = translate("TenantForm", "Choose a time zone.")
    body: dict[str, object] = {
        "name": name,
        "domain": domain or None,
        "allowed_origins": origins,
        "language": draft.language.strip() or "en",
        "time_zone": draft.time_zone.strip(),
    }
    return CheckedDraft(body, errors)


def normalise_domain(text: str) -> str:
    """Reduce a pasted address to its host."""
    text = text.strip().lower()
    if "://" in text:
        text = text.partition("://")[2]
    return text.partition("/")[0]


def normalise_origin(text: str) -> str | None:
    """Reduce a pasted address to its origin: scheme, host, and port where it is not the usual one.

    Returns:
        ``None`` where it is not a web address; ``*`` stays as it is.
    """
    text = text.strip()
    if text == "*":
        return text
    url = QUrl(text if "://" in text else f"https://{text}", QUrl.ParsingMode.StrictMode)
    host = url.host(QUrl.ComponentFormattingOption.FullyEncoded)
    if not url.isValid() or url.scheme() not in {"http", "https"} or not host or url.userInfo():
        return None
    port = url.port(-1)
    is_usual = port in {-1, 443 if url.scheme() == "https" else 80}
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme()}://{host}" + ("" if is_usual else f":{port}")


def suggest_origins(domain: str) -> str:
    """Suggest the origins of a shop's domain, one a line; empty where there is no domain yet."""
    host = normalise_domain(domain)
    if not host or "." not in host or not _HOST.match(host):
        return ""
    bare = host.removeprefix("www.")
    return f"https://{bare}\nhttps://www.{bare}"
