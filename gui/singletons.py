"""Keeps ``None``, ``True`` and their like alive under a Qt binding that drops them.

Owns one correction for one defect: PySide6 6.12.0 is built as if every interpreter had immortal
singletons, which CPython has since 3.12. On 3.11 each call that returns nothing takes a reference
to ``None`` away, each ``emit()`` one to ``True``, and after some ten thousand calls the interpreter
aborts ("deallocating None"). Measured; 6.11.3 does not do it. See docs/adr/0009.
"""

from __future__ import annotations

import ctypes
import sys

REFERENCES = 1 << 40


def keep_singletons_alive() -> None:
    """Give the singletons more references than a panel could ever lose; once is enough."""
    if sys.version_info >= (3, 12) or sys.maxsize < REFERENCES:
        return
    for singleton in (None, True, False, NotImplemented, Ellipsis):
        # CPython 3.11: an object begins with its reference count.
        count = ctypes.c_ssize_t.from_address(id(singleton))
        if count.value < REFERENCES:
            count.value += REFERENCES
