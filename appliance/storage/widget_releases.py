"""The widget's files: those that were built, and those of the last releases that were served.

Owns reading them, and keeping in the data folder what pages that were cached still ask for by name;
how they are served is left to ``appliance.web.controllers.widget``.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import structlog

from appliance.domain.widget_files import WidgetFile, WidgetFiles, build_integrity
from appliance.errors import ConfigurationError

logger = structlog.get_logger(__name__)

MAX_KEPT = 5
"""How many releases can be loaded by their names, the present one among them."""
DIGEST_CHARS = 16
_RELEASE = re.compile(r"[0-9a-f]{16}")
_KEPT_NAME = re.compile(r"widget-extras\.[\w-]{8,16}\.js|widget\.([0-9a-f]{16})\.js")


def load_widget_files(bundle: Path, kept: Path) -> WidgetFiles:
    """Return the built widget with its extras and maps, and the files of releases before it.

    Args:
        bundle: The built ``widget.js``; what belongs to it stands beside it.
        kept: The folder of releases; where it cannot be written, nothing is kept.

    Raises:
        ConfigurationError: The widget has not been built.
    """
    try:
        script = bundle.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The widget is not built: {bundle} is missing. Run `make widget`."
        ) from error
    digest = hashlib.sha256(script).hexdigest()[:DIGEST_CHARS]
    pinned = WidgetFile(name=f"widget.{digest}.js", content=script, is_immutable=True)
    extras = [
        WidgetFile(name=path.name, content=path.read_bytes(), is_immutable=True)
        for path in sorted(bundle.parent.glob("widget-extras.*.js*"))
    ]
    present = [
        WidgetFile(name=bundle.name, content=script, is_immutable=False),
        pinned,
        *extras,
    ]
    source_map = bundle.with_name(bundle.name + ".map")
    if source_map.is_file():
        content = source_map.read_bytes()
        present.append(WidgetFile(name=source_map.name, content=content, is_immutable=False))
    earlier: list[WidgetFile] = []
    try:
        _keep(kept, digest, [pinned, *extras])
        earlier = _load_earlier(kept, digest)
    except OSError as error:
        logger.warning("widget_releases_not_kept", folder=str(kept), error=str(error))
    known = {file.name: file for file in (*earlier, *present)}
    return WidgetFiles(
        files=tuple(known.values()), pinned_name=pinned.name, integrity=build_integrity(script)
    )


def _keep(kept: Path, digest: str, files: Sequence[WidgetFile]) -> None:
    """Keep a release as the newest, whole or not at all, and let the oldest go."""
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    release = kept / digest
    new = kept / f"{digest}.new"
    shutil.rmtree(new, ignore_errors=True)
    if not release.is_dir():
        new.mkdir(mode=0o700)
        for file in files:
            if _KEPT_NAME.fullmatch(file.name):
                (new / file.name).write_bytes(file.content)
        new.rename(release)
    os.utime(release)
    for old in _list_releases(kept)[MAX_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _list_releases(kept: Path) -> list[Path]:
    """Return the folders of releases, the one that was served last first."""
    found = [path for path in kept.iterdir() if _RELEASE.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _load_earlier(kept: Path, digest: str) -> list[WidgetFile]:
    """Return the files of earlier releases, without those that are not what their name says."""
    found: list[WidgetFile] = []
    for release in reversed(_list_releases(kept)):
        for path in sorted(release.iterdir()) if release.name != digest else ():
            name = _KEPT_NAME.fullmatch(path.name)
            if name is None or not path.is_file():
                continue
            content = path.read_bytes()
            told = name[1]
            if told is not None and hashlib.sha256(content).hexdigest()[:DIGEST_CHARS] != told:
                logger.warning("widget_file_damaged", file=str(path))
                continue
            found.append(WidgetFile(name=path.name, content=content, is_immutable=True))
    return found
