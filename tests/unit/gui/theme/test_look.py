from dataclasses import asdict
from itertools import product

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from gui.theme.look import Look, build_palette
from gui.theme.tokens import DARK, LIGHT


def luminance(color: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(color).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


SURFACES = ("window", "surface", "sunken", "hover")
PAIRS = [
    *product(("text", "text_muted"), SURFACES),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("on_danger", "danger"),
    ("accent", "accent_soft"),
    ("text", "accent_soft"),
    *((tone, f"{tone}_soft") for tone in ("success", "warning", "danger")),
    *(("text", f"{tone}_soft") for tone in ("success", "warning", "danger")),
]


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_can_be_read_on_its_surface(tokens, front, back):
    colors = asdict(tokens)
    assert contrast(colors[front], colors[back]) >= 4.5


def test_the_look_follows_the_choice(qtbot, qapp):
    look = Look(qapp, "light")
    assert not look.is_dark
    with qtbot.waitSignal(look.changed):
        look.choose("dark")
    assert look.is_dark
    assert look.color("window") == QColor(DARK.window)
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    assert "$" not in qapp.styleSheet()
    look.choose("light")


def test_the_palette_tells_disabled_text_apart():
    palette = build_palette(LIGHT)
    group = QPalette.ColorGroup
    role = QPalette.ColorRole.ButtonText
    assert palette.color(group.Disabled, role) != palette.color(group.Active, role)
