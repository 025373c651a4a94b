"""``csai restore``: the same as ``csai backup restore``.

Owns handing on that command under its short name.
"""

from __future__ import annotations

from appliance.cli.backup import restore as command

__all__ = ["command"]
