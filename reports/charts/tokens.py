"""The colors of the house: the same names on the page (CSS variables), in charts and in the PDF."""

from __future__ import annotations

from typing import Final

from reportlab.lib.colors import Color

# name: (light, dark). The page's style sheet has them as variables; here they are the fall-back and the PDF's.
TOKENS: Final[dict[str, tuple[str, str]]] = {
    "ink": ("#16202e", "#e8edf4"),
    "ink-2": ("#4a5568", "#b5c0cf"),
    "ink-3": ("#5f6a7b", "#8c98a9"),
    "paper": ("#f7f8fa", "#0e141c"),
    "card": ("#ffffff", "#161e29"),
    "line": ("#e2e6ec", "#2a3544"),
    "line-2": ("#eef1f5", "#202a37"),
    "brand": ("#0d3b4f", "#0a2733"),
    "action": ("#12607e", "#5cc3e0"),
    "accent": ("#0b7285", "#5cc3e0"),
    "met": ("#1b7f4d", "#5fd08f"),
    "met-ground": ("#e4f4ea", "#12301f"),
    "deviation": ("#b42318", "#ff8a7a"),
    "deviation-ground": ("#fdeae7", "#3a1814"),
    "attention": ("#9a5b00", "#f2b552"),
    "attention-ground": ("#fdf1d8", "#38290c"),
    "unknown": ("#5b4aa0", "#b3a4f5"),
    "unknown-ground": ("#ece8fa", "#26204a"),
    "none": ("#77818f", "#8c98a9"),
    "none-ground": ("#eceff3", "#232d3a"),
}


class Tone(Color):  # type: ignore[misc]
    """A reportlab color that remembers which token it is, so that the page can follow light and dark."""

    def __init__(self, token: str, alpha: float = 1.0) -> None:
        light = TOKENS[token][0]
        super().__init__(*(int(light[at : at + 2], 16) / 255 for at in (1, 3, 5)), alpha=alpha)
        self.token = token

    def rgb_hex(self) -> str:
        """`#rrggbb` of the light palette."""
        return TOKENS[self.token][0]


def rgb(token: str) -> tuple[float, float, float]:
    """Red, green and blue of the light palette, 0..1."""
    light = TOKENS[token][0]
    return int(light[1:3], 16) / 255, int(light[3:5], 16) / 255, int(light[5:7], 16) / 255
