"""Words and letters that say what they are: `thermal`, `bounding_box_train`, the `c` of `c3`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from indexer.layouts.guessing.measuring import Measured, Slot
from indexer.layouts.guessing.shapes import FEW_WORDS
from indexer.vocabulary import modality_spellings, split_spellings, standard_split

_PREFIXES: Final = {
    "camera": ("c", "cam", "camera"),
    "frame": ("f", "fr", "frame", "img", "im", "image"),
    "tracklet": ("t", "tr", "track", "tracklet", "seq"),
    "view": ("v", "view"),
    "place or time": (
        "s",
        "session",
        "scene",
        "scen",
        "day",
        "part",
        "set",
        "trial",
        "fold",
        "version",
        "date",
        "time",
    ),
    "identity": ("id", "pid", "p", "person", "people", "identity", "vehicle", "veh"),
}
"""Letters before a number that say what it counts."""
_VIEWS: Final = frozenset(("front", "back", "side", "left", "right", "rear", "top", "frontal", "profile"))
_PLAIN_MODALITIES: Final = frozenset(
    ("rgb", "ir", "nir", "tir", "sketch", "thermal", "infrared", "visible", "depth", "event")
)
"""Words that mean a modality even where they stand alone in a file's name."""


@dataclass(frozen=True)
class Guess:
    """What a slot is."""

    group: str
    why: str


Guesses = dict[int, Guess]
"""By the number of the slot in its shape."""


def split_of(word: str) -> str | None:
    """The split that a folder's name speaks of.

    >>> split_of("bounding_box_train"), split_of("query3"), split_of("images")
    ('train', 'query', None)
    """
    known = [part for part in re.findall(r"[a-z]+", word.lower()) if part in split_spellings()]
    return standard_split(known[-1]) if known else None


def guess_by_words(shape: Measured) -> Guesses:
    """The slots whose words are known: modality, split, view."""
    found: Guesses = {}
    for field, knows in (("modality", _is_modality), ("split", split_of), ("view", _is_view)):
        number = first_slot(shape, found, partial(_speaks, knows))
        if number is not None:
            words = shape.slots[number].words
            told = f"{len(words)} words: {', '.join(words)}" if len(words) > 1 else f"always {words[0]}"
            found[number] = Guess(field, told)
    return found


def first_slot(shape: Measured, found: Guesses, fits: Callable[[Slot], bool]) -> int | None:
    """The first slot that is nothing yet and fits."""
    return next((i for i, slot in enumerate(shape.slots) if i not in found and fits(slot)), None)


def _speaks(knows: Callable[[str], object], slot: Slot) -> bool:
    """Whether at least half of a few words are known ones."""
    words = slot.words
    if slot.kind == "digits" or len(words) > FEW_WORDS:
        return False
    if slot.in_name and not slot.varies and words[0].lower() not in _PLAIN_MODALITIES:
        return False
    return 2 * sum(bool(knows(word)) for word in words) >= len(words)


def _is_modality(word: str) -> bool:
    return word.lower() in modality_spellings()


def _is_view(word: str) -> bool:
    return word.lower() in _VIEWS


def meaning(slot: Slot) -> str | None:
    """What the letters before a number say it is."""
    return next((field for field, letters in _PREFIXES.items() if slot.prefix in letters), None)


def values_of(slot: Slot) -> str:
    """How many values it has, in words."""
    return f"{len(slot.words):,} value{'s' * slot.varies}"


def counted(slot: Slot, shape: Measured) -> str:
    """How many values it has, and how many images each, in words."""
    each = shape.size / len(slot.words)
    return f"{values_of(slot)}, {each:.0f} image{'s' * (round(each) != 1)} each"
