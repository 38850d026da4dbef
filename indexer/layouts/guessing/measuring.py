"""Shapes and all paths of a tree -> what varies in each shape: counts, not estimates.

Shapes are found on a sample; RE2 then reads every path, which takes a second or two for a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.layouts.guessing.shapes import EXTENSION, Kind, Piece, Shape

Codes: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Slot:
    """A piece of a shape with all its values."""

    piece: Piece
    component: int
    place: int
    """Which piece of its component."""
    prefix: str
    """The letters before it in its component that never vary, in lower case: `c` of `c1`."""
    in_name: bool
    """Part of the file's name, not of a folder's."""
    words: tuple[str, ...]
    """Its different values, sorted."""
    codes: Codes
    """Which of them each path of the shape has."""
    of_pieces: int
    """How many pieces its component has."""

    @property
    def kind(self) -> Kind:
        """What it is made of."""
        assert self.piece.kind is not None
        return self.piece.kind

    @property
    def varies(self) -> bool:
        """Whether it has several values."""
        return len(self.words) > 1

    @property
    def is_whole(self) -> bool:
        """Whether nothing else is in its component."""
        return self.of_pieces == 1

    @cached_property
    def counts(self) -> Codes:
        """How many paths have each word."""
        return np.bincount(self.codes, minlength=len(self.words)).astype(np.int64)


@dataclass(frozen=True)
class Measured:
    """A shape with what varies in it, over all paths of the tree."""

    shape: Shape
    slots: tuple[Slot, ...]
    size: int
    example: str
    ends: bool
    """Some names have the extension twice: `.jpg.jpg`."""


def measure(shapes: Sequence[Shape], paths: pa.Array) -> tuple[list[Measured], NDArray[np.int64]]:
    """Read from all paths what varies in each shape; the first that a path fits has it.

    Args:
        shapes: As found.
        paths: All images, extensions in lower case.

    Returns:
        Those shapes that some path has, and the positions of the paths that have none.
    """
    rest = np.arange(len(paths))
    found = []
    for shape in shapes:
        if not len(rest):
            break
        here = paths.take(pa.array(rest))
        values = pc.extract_regex(here, _regex(shape))
        fits = values.is_valid().to_numpy(zero_copy_only=False)
        if fits.any():
            found.append(_measured(shape, values.filter(pa.array(fits)), here.filter(pa.array(fits))))
            rest = rest[~fits]
    return found, rest


def _regex(shape: Shape) -> str:
    number = 0
    parts = []
    for component in shape:
        part = ""
        for piece in component:
            if piece.kind is None:
                part += piece.regex
            else:
                part += f"(?P<s{number}>{piece.regex})"
                number += 1
        parts.append(part)
    return f"^(?s:{'/'.join(parts)})(?P<end>(?:\\.{EXTENSION})+)$"


def _measured(shape: Shape, values: pa.Array, paths: pa.Array) -> Measured:
    slots: list[Slot] = []
    for number, component in enumerate(shape):
        prefix = ""
        for place, piece in enumerate(component):
            if piece.kind is None:
                continue
            words, codes = _distinct(values.field(f"s{len(slots)}"))
            in_name = number == len(shape) - 1
            slots.append(Slot(piece, number, place, prefix, in_name, words, codes, len(component)))
            prefix = words[0].lower() if piece.kind == "letters" and len(words) == 1 else ""
    twice = pc.match_substring_regex(values.field("end"), r"^\..*\.")
    return Measured(shape, tuple(slots), len(paths), str(paths[0].as_py()), bool(pc.any(twice).as_py()))


def _distinct(values: pa.Array) -> tuple[tuple[str, ...], Codes]:
    encoded = values.dictionary_encode()
    words: list[str] = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return tuple(words[i] for i in order), rank[encoded.indices.to_numpy()]


def pairs(a: Codes, b: Codes) -> int:
    """How many different pairs of values there are."""
    return len(np.unique(a * (int(b.max(initial=0)) + 1) + b))


def width(slot: Slot) -> int | None:
    """How many digits all its numbers have; None where they differ."""
    found = lengths(slot)
    return found.pop() if len(found) == 1 and slot.kind == "digits" else None


def lengths(slot: Slot) -> set[int]:
    """How many digits its numbers have; those of negative ones and words do not count."""
    return {len(word) for word in slot.words if not word.startswith("-") and word not in slot.piece.also}
