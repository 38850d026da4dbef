"""The colours, outfits, hair and garments that exist, with the words for them.

Its own file because it is all data: what is here can be drawn and described, and adding to it needs no other change
than a drawing for a new kind.
"""

from __future__ import annotations

from typing import NamedTuple

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "white": (246, 244, 240),
    "cream": (240, 228, 204),
    "beige": (219, 199, 168),
    "camel": (196, 150, 100),
    "khaki": (172, 156, 112),
    "brown": (112, 76, 54),
    "rust": (182, 88, 48),
    "orange": (236, 134, 60),
    "mustard": (224, 172, 56),
    "yellow": (246, 208, 92),
    "coral": (240, 120, 102),
    "red": (204, 56, 60),
    "burgundy": (124, 38, 60),
    "pink": (242, 172, 186),
    "lavender": (180, 162, 216),
    "purple": (108, 76, 146),
    "navy": (40, 56, 98),
    "blue": (58, 108, 182),
    "sky blue": (134, 188, 224),
    "teal": (36, 130, 132),
    "mint": (160, 214, 190),
    "sage": (152, 174, 138),
    "olive": (114, 116, 66),
    "green": (48, 110, 80),
    "grey": (156, 160, 168),
    "charcoal": (74, 78, 90),
    "black": (44, 44, 54),
    "dark denim": (52, 70, 110),
    "light denim": (124, 156, 194),
}

SKINS: tuple[Colour, ...] = (
    (250, 218, 194),
    (240, 198, 166),
    (226, 174, 138),
    (198, 140, 100),
    (156, 104, 72),
    (112, 74, 54),
)

HAIR: dict[str, Colour] = {
    "black": (40, 34, 40),
    "dark brown": (70, 46, 38),
    "brown": (112, 72, 46),
    "auburn": (148, 70, 42),
    "red": (196, 92, 46),
    "blond": (226, 184, 112),
    "grey": (168, 168, 174),
}


class Outfit(NamedTuple):
    """Colours that go together."""

    top: str
    bottom: str
    accent: str
    shoes: str
    bag: str


OUTFITS: tuple[Outfit, ...] = (
    Outfit("mustard", "dark denim", "cream", "white", "burgundy"),
    Outfit("teal", "cream", "mustard", "brown", "camel"),
    Outfit("coral", "navy", "white", "white", "yellow"),
    Outfit("navy", "beige", "red", "brown", "rust"),
    Outfit("sage", "charcoal", "cream", "white", "mustard"),
    Outfit("burgundy", "black", "pink", "black", "camel"),
    Outfit("sky blue", "dark denim", "white", "orange", "navy"),
    Outfit("rust", "cream", "mustard", "brown", "green"),
    Outfit("lavender", "light denim", "purple", "white", "yellow"),
    Outfit("green", "khaki", "cream", "brown", "orange"),
    Outfit("red", "black", "white", "white", "charcoal"),
    Outfit("cream", "brown", "rust", "black", "teal"),
    Outfit("pink", "light denim", "burgundy", "white", "burgundy"),
    Outfit("charcoal", "light denim", "orange", "white", "orange"),
    Outfit("camel", "black", "white", "brown", "navy"),
    Outfit("mint", "navy", "white", "coral", "coral"),
    Outfit("white", "olive", "teal", "camel", "brown"),
    Outfit("purple", "grey", "yellow", "black", "mustard"),
    Outfit("orange", "charcoal", "cream", "black", "blue"),
    Outfit("blue", "beige", "yellow", "white", "red"),
    Outfit("olive", "dark denim", "orange", "camel", "black"),
    Outfit("yellow", "light denim", "blue", "white", "teal"),
    Outfit("grey", "navy", "coral", "coral", "coral"),
    Outfit("black", "khaki", "red", "white", "olive"),
    Outfit("beige", "green", "rust", "brown", "rust"),
    Outfit("coral", "cream", "teal", "brown", "teal"),
    Outfit("teal", "black", "coral", "white", "pink"),
    Outfit("white", "red", "navy", "black", "navy"),
    Outfit("navy", "mustard", "white", "white", "camel"),
    Outfit("burgundy", "beige", "cream", "brown", "green"),
)

TOPS_OF_WOMEN = {
    "T-shirt": 3.0, "sweater": 2.5, "hoodie": 2.0, "shirt": 1.5, "jacket": 2.0, "coat": 3.0, "dress": 4.0,
}  # fmt: skip
TOPS_OF_MEN = {"T-shirt": 4.0, "sweater": 2.5, "hoodie": 3.5, "shirt": 2.5, "jacket": 3.0, "coat": 2.0}
PATTERNS: dict[str, dict[str, float]] = {
    "T-shirt": {"plain": 2, "striped": 2, "logo": 3},
    "sweater": {"plain": 2, "striped": 4, "blocked": 2},
    "hoodie": {"plain": 3, "logo": 2, "blocked": 2},
    "shirt": {"plain": 2, "checked": 5},
    "jacket": {"plain": 3, "blocked": 1},
    "coat": {"plain": 3, "checked": 1},
    "dress": {"plain": 3, "striped": 2, "dotted": 3},
}
BOTTOMS_OF_WOMEN = {"trousers": 5.0, "wide trousers": 2.5, "skirt": 3.5, "shorts": 1.5}
BOTTOMS_OF_MEN = {"trousers": 7.0, "wide trousers": 1.5, "shorts": 2.5}
HAIR_OF_WOMEN = {"long": 4.0, "bob": 2.5, "bun": 2.0, "ponytail": 2.5, "curly": 2.0, "short": 1.0}
HAIR_OF_MEN = {"short": 5.0, "quiff": 2.5, "curly": 1.5, "bald": 1.5, "bun": 0.5, "long": 0.5}
HATS_OF_WOMEN = {"none": 10.0, "hijab": 2.5, "cap": 1.2, "beanie": 1.5, "sun hat": 1.5}
HATS_OF_MEN = {"none": 8.0, "cap": 3.0, "beanie": 2.0}
BAGS_OF_WOMEN = {"none": 3.0, "backpack": 3.0, "handbag": 3.0, "crossbody bag": 2.5}
BAGS_OF_MEN = {"none": 5.0, "backpack": 4.0, "crossbody bag": 2.0, "briefcase": 1.0}
SHOES = {"sneakers": 5.0, "boots": 2.5, "shoes": 2.5}
