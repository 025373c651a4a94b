"""The colours of the two looks.

Owns the values by the part they play; turning them into a style sheet is left to
``gui.theme.look``. Text on its surface has a contrast of at least 4.5 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """One look; every value is ``#rrggbb``."""

    window: str
    surface: str
    sunken: str
    hover: str
    border: str
    border_strong: str
    text: str
    text_muted: str
    accent: str
    accent_hover: str
    accent_pressed: str
    accent_soft: str
    on_accent: str
    success: str
    success_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_hover: str
    danger_soft: str
    on_danger: str


LIGHT = Tokens(
    window="#f5f6f8",
    surface="#ffffff",
    sunken="#f1f3f6",
    hover="#eceff3",
    border="#e2e5ea",
    border_strong="#c9ced6",
    text="#1b1e25",
    text_muted="#5b6371",
    accent="#3b5bdb",
    accent_hover="#3350c6",
    accent_pressed="#2b45ae",
    accent_soft="#e8edfd",
    on_accent="#ffffff",
    success="#18744a",
    success_soft="#e3f4ea",
    warning="#8a5a00",
    warning_soft="#fdf2d8",
    danger="#b7322a",
    danger_hover="#a02a23",
    danger_soft="#fce9e7",
    on_danger="#ffffff",
)

DARK = Tokens(
    window="#14161b",
    surface="#1c1f26",
    sunken="#171a20",
    hover="#282c35",
    border="#2d323c",
    border_strong="#444b58",
    text="#e7e9ee",
    text_muted="#9fa7b5",
    accent="#8aa0ff",
    accent_hover="#9db0ff",
    accent_pressed="#748bf0",
    accent_soft="#272f4d",
    on_accent="#10142b",
    success="#5fcf96",
    success_soft="#1a3327",
    warning="#e8b95a",
    warning_soft="#382d14",
    danger="#ff8d84",
    danger_hover="#ffa49d",
    danger_soft="#3e201e",
    on_danger="#2b0a08",
)
