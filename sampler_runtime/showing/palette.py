"""The colour of each modality: told apart by people who see colours differently, and dark enough for white words on them."""

from __future__ import annotations

from typing import Final

Colour = tuple[int, int, int]

COLOURS: Final[dict[str, Colour]] = {
    "rgb": (11, 98, 168),
    "ir": (179, 71, 12),
    "nir": (179, 71, 12),
    "tir": (151, 27, 89),
    "sketch": (66, 66, 66),
    "cpencil": (0, 112, 84),
    "depth": (91, 64, 160),
    "event": (110, 86, 0),
    "text": (124, 96, 16),
}
"""Of standard modalities, after Okabe and Ito, darkened: white on each has a contrast above 4.5."""
OTHER: Final[Colour] = (84, 84, 84)
"""Of a modality that the vocabulary does not know: the word in the frame tells it."""


def colour_of(modality: str) -> Colour:
    """The colour of a modality's frame.

    >>> colour_of("rgb"), colour_of("radar") == OTHER
    ((11, 98, 168), True)
    """
    return COLOURS.get(modality, OTHER)


def as_hex(colour: Colour) -> str:
    """As CSS and rich spell it.

    >>> as_hex((11, 98, 168))
    '#0b62a8'
    """
    return "#" + "".join(f"{value:02x}" for value in colour)
