"""Finds what is added to the program by adding a folder: providers, tool kinds, and more to come.

Owns the walk through such packages, which the packaging specification uses too; what a folder must
offer is said by the registry of its package.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import structlog

logger = structlog.get_logger(__name__)

PLUGIN_PACKAGES = (
    "appliance.providers",
    "appliance.tools",
    "appliance.integrations",
    "appliance.channels",
)


def walk(package: str) -> list[str]:
    """Return the dotted names of the folders directly in ``package``, sorted.

    A package that does not exist has none. Nothing but ``package`` itself is imported.
    """
    if find_spec(package) is None:
        return []
    places = import_module(package).__path__
    return sorted(
        f"{package}.{found.name}"
        for found in pkgutil.iter_modules(places)
        if found.ispkg and not found.name.startswith("_")
    )


def walk_all() -> list[str]:
    """Return the folders of every plug-in package, for who must name them before they run."""
    return [name for package in PLUGIN_PACKAGES for name in walk(package)]


def load_all(package: str) -> list[ModuleType]:
    """Import the folders of ``package``; one that fails is logged and left out.

    A folder somebody added must not keep the appliance from starting.
    """
    loaded: list[ModuleType] = []
    for name in walk(package):
        try:
            loaded.append(import_module(name))
        except Exception as exc:  # the plug-in boundary: a folder may fail in any way
            logger.error("plugin_load_failed", plugin=name, exc_info=exc)
    return loaded
