"""Which part of a path is the identity.

It has tens to thousands of values with several images each, and stands before what counts images.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from indexer.layouts.guessing.measuring import Measured, Slot, pairs, width
from indexer.layouts.guessing.shapes import FEW_WORDS
from indexer.layouts.guessing.words import Guess, Guesses, counted, first_slot, meaning, split_of


def guess_identities(shapes: Sequence[Measured], found: list[Guesses]) -> None:
    """The identity of the largest shape that seems to have one; the others follow it where they can."""
    order = sorted(range(len(shapes)), key=lambda i: (-shapes[i].size, i))
    main: Slot | None = None
    depth = 0
    labels: set[str] = set()
    for i in order:
        shape, guesses = shapes[i], found[i]
        number = _alike(shape, guesses, main, labels) if main and len(shape.shape) == depth else None
        number = _most_likely(shape, guesses) if number is None else number
        if number is None and labels:
            number = _by_labels(shape, guesses, labels)
        if number is None:
            continue
        slot = shape.slots[number]
        if main is None:
            main, depth = slot, len(shape.shape)
        labels |= set(slot.words)
        guesses[number] = Guess("identity", f"{counted(slot, shape)}, {_place(slot)}: looks like the identity")
    for i in order:  # smaller shapes may have taught labels that a larger one has too
        if not any(g.group == "identity" for g in found[i].values()):
            number = _by_labels(shapes[i], found[i], labels)
            if number is not None:
                slot = shapes[i].slots[number]
                found[i][number] = Guess("identity", f"{counted(slot, shapes[i])}: labels that other rules know, too")


_THINGS: Final = re.compile(
    r"(?i)(?:^|[^a-z])(?:images?|imgs?|pictures?|photos?|crops?|masks?|frames?|boxes)(?:$|[^a-z])"
)
"""Words of folders that hold pictures of anybody."""


def _is_free(slot: Slot) -> bool:
    """Whether nothing speaks against an identity."""
    if meaning(slot) not in (None, "identity") or (slot.kind == "letters" and slot.in_name and slot.place > 0):
        return False
    if slot.kind != "digits" and all(split_of(word) for word in slot.words):
        return False
    says_nothing = slot.in_name and slot.is_whole
    return slot.kind != "text" or not (says_nothing or all(_THINGS.search(word) for word in slot.words))


def known_share(slot: Slot, labels: set[str]) -> float:
    """Which share of its values are among some labels."""
    return sum(word in labels for word in slot.words) / len(slot.words)


def _by_labels(shape: Measured, guesses: Guesses, labels: set[str]) -> int | None:
    return first_slot(shape, guesses, lambda slot: _is_free(slot) and known_share(slot, labels) >= 0.5)


def _alike(shape: Measured, guesses: Guesses, main: Slot, labels: set[str]) -> int | None:
    """The slot at the place where another shape of the same depth has its identity."""
    for i, slot in enumerate(shape.slots):
        if i in guesses or not _is_free(slot) or (slot.component, slot.in_name) != (main.component, main.in_name):
            continue
        if slot.place == main.place and (
            known_share(slot, labels) >= 0.5
            or _is_shared(slot)
            or (slot.varies and width(slot) == width(main) is not None)
        ):
            return i
    return None


def _is_shared(slot: Slot) -> bool:
    """Whether its values have several images each."""
    return slot.varies and len(slot.codes) >= 1.5 * len(slot.words)


def _is_words(slot: Slot) -> bool:
    """A few names, more likely conditions or places than people."""
    return slot.kind != "digits" and len(slot.words) <= FEW_WORDS


def _numbers_files(slot: Slot, split: Slot | None) -> bool:
    """Whether the files of each split are numbered: numbers that recur in splits alone are nobody's."""
    if split is None or not (slot.in_name and slot.is_whole):
        return False
    return pairs(split.codes, slot.codes) == len(slot.codes)


def _most_likely(shape: Measured, guesses: Guesses) -> int | None:
    split = next((shape.slots[i] for i, g in guesses.items() if g.group == "split"), None)
    possible = [
        i
        for i, slot in enumerate(shape.slots)
        if i not in guesses and _is_free(slot) and _is_shared(slot) and not _numbers_files(slot, split)
    ]
    last = name_numbers(shape)[-1:]
    if split is not None:  # what stands before the split is rather a part of the dataset
        possible = [
            i for i in possible if shape.slots[i].component > split.component and i not in last
        ] or possible  # fmt: skip
    candidates = [i for i in possible if _is_telling(shape.slots[i], shape)]
    if not candidates:  # a few names anywhere are better than nothing
        candidates = [i for i in possible if len(shape.slots[i].words) >= 4]
    best: int | None = None
    for i in candidates:
        if best is None or _outdoes(shape.slots[i], shape.slots[best], is_last=i in last):
            best = i
    return best


def _is_telling(slot: Slot, shape: Measured) -> bool:
    """Whether it is a number, a word of many, or the folder that holds the files."""
    holds_files = slot.component == len(shape.shape) - 2
    return slot.in_name or not _is_words(slot) or holds_files or meaning(slot) == "identity"


def name_numbers(shape: Measured) -> list[int]:
    """The slots that are numbers in the files' names; the last of them often counts images."""
    return [i for i, s in enumerate(shape.slots) if s.in_name and s.varies and s.kind == "digits"]


def _outdoes(later: Slot, first: Slot, *, is_last: bool) -> bool:
    """Paths go from the large to the small, so the first candidate is it, unless it is a mere handful."""
    few, many = len(first.words), len(later.words)
    if (meaning(later) == "identity") != (meaning(first) == "identity"):
        return meaning(later) == "identity"
    if is_last:  # the last number of a name counts images
        return few <= 4 and many >= 100
    return few <= FEW_WORDS and many >= (2 if _is_words(first) else 5) * few


def _place(slot: Slot) -> str:
    if slot.in_name:
        return "the first part of the name" if slot.place == 0 else "in the name"
    return "a folder" if slot.is_whole else "in a folder's name"
