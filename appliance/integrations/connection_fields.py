"""What the connections of all types have in common: secret fields, and addresses.

Owns marking and finding them; the fields themselves are declared by each type.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from appliance.domain.json_types import JsonObject
from appliance.errors import FieldError, InvalidInput

Secret = Annotated[str, Meta(min_length=1, max_length=10_000, extra={"is_secret": True})]
"""A field that is never shown."""

WebAddress = Annotated[str, Meta(min_length=1, max_length=2_000)]
"""An http or https address; ``check_address`` says which."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def check_one_line(config: JsonObject) -> None:
    """Look whether the texts of ``config``, those within its objects too, can stand in headers.

    Raises:
        InvalidInput: One has a line break or another control character.
    """
    for name, value in config.items():
        for field, text in value.items() if isinstance(value, dict) else (("", value),):
            if isinstance(text, str) and _CONTROL.search(text):
                path = ".".join(part for part in ("connection_config", name, field) if part)
                raise refuse_field(path, "Give it on one line, without control characters.")


def find_secret_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names of the fields of ``kind`` that were declared as ``Secret``."""
    fields = msgspec.inspect.type_info(kind)
    assert isinstance(fields, msgspec.inspect.StructType)
    return frozenset(field.name for field in fields.fields if _is_secret(field.type))


def _is_secret(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(_is_secret(choice) for choice in kind.types)
    if isinstance(kind, msgspec.inspect.Metadata):
        return bool((kind.extra or {}).get("is_secret"))
    return False


def check_address(url: str, *, field: str) -> None:
    """Look whether ``url`` can be the root of other addresses.

    Raises:
        InvalidInput: It is no http or https address, or has a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        is_plain = parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        parts, is_plain = urlsplit(""), False
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not is_plain
        or parts.query
        or parts.fragment
    ):
        raise refuse_field(
            f"connection_config.{field}",
            "Give an http or https address without user, password, query and fragment.",
        )


def find_host(url: str) -> str:
    """Return the ``host:port`` that ``url``, which ``check_address`` let pass, leads to."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def refuse_field(field: str, message: str) -> InvalidInput:
    """Build the error for one field, named by its dotted path."""
    return InvalidInput(
        f"The {field.partition('.')[0]} does not fit.", errors=[FieldError(field, message)]
    )
