"""The files of the chat widget, as they are served.

Owns their shape and what is told of them; reading and keeping them is left to
``appliance.storage.widget_releases``.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cached_property

from msgspec import Struct


class WidgetFile(Struct, frozen=True, kw_only=True, dict=True):
    """One file; ``is_immutable``: its name says what is in it."""

    name: str
    content: bytes
    is_immutable: bool

    @cached_property
    def tag(self) -> str:
        """A short name of the content."""
        return hashlib.sha256(self.content).hexdigest()[:20]

    @cached_property
    def compressed(self) -> bytes:
        """The content in gzip, the same at every start."""
        return gzip.compress(self.content, 9, mtime=0)


class WidgetFiles(Struct, frozen=True, kw_only=True):
    """All files that can be loaded, of this release and of earlier ones.

    ``pinned_name`` is the present script's under its hash, ``integrity`` what a page can check of
    it.
    """

    files: tuple[WidgetFile, ...]
    pinned_name: str
    integrity: str


def build_integrity(content: bytes) -> str:
    """Return the value of a script tag's ``integrity``.

    Source: W3C Subresource Integrity, section 3.1.
    """
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
