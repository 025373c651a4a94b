"""Rows to structs.

Owns the one convention of the repositories: a row whose columns were selected in the order of a
struct's fields is that struct.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, Table

Built = TypeVar("Built", bound=msgspec.Struct)


def columns_for(kind: type[msgspec.Struct], table: Table) -> list[Column[Any]]:
    """Return the columns of ``table`` that are called as the fields of ``kind``, in their order."""
    return [table.c[field] for field in kind.__struct_fields__]


def build(kind: type[Built], row: Sequence[Any]) -> Built:
    """Return the struct of a row selected by ``columns_for``."""
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind)
