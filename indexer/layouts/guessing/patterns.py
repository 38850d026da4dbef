"""A shape and what its slots are -> a pattern a person can read, and texts fit for a TOML file."""

from __future__ import annotations

import re
from typing import Final

from indexer.layouts.guessing.measuring import Measured, Slot, width
from indexer.layouts.guessing.shapes import FEW_WORDS, LETTER, escape
from indexer.layouts.guessing.words import Guesses
from indexer.scan.listing import printable

_WIDEST: Final = 64
_LONGEST: Final = 120


def pattern_of(shape: Measured, guesses: Guesses) -> str:
    """A layout's pattern for the paths of a shape."""
    groups = {(shape.slots[i].component, shape.slots[i].place): g.group for i, g in guesses.items()}
    slots = {(slot.component, slot.place): slot for slot in shape.slots}
    parts = [
        "".join(
            _slot(slots[at], groups.get(at)) if (at := (number, place)) in slots else escape(piece.literal)
            for place, piece in enumerate(component)
        )
        for number, component in enumerate(shape.shape)
    ]
    ending = r"(?:\.{image})+" if shape.ends else r"\.{image}"
    return "/".join(parts) + ending


def _slot(slot: Slot, group: str | None) -> str:
    wide = group is not None and group.removesuffix("_again") == "identity"  # others may come
    inner, is_choice = _inner(slot, wide)
    if group is not None:
        return f"(?P<{group}>{inner})"
    return f"(?:{inner})" if is_choice else inner


def _inner(slot: Slot, wide: bool) -> tuple[str, bool]:
    """What a slot matches, and whether that is several things to choose from."""
    words = slot.words
    if slot.kind == "digits":
        return _digits(slot)
    if len(words) == 1 and not wide:
        return escape(words[0]), False
    if len(words) <= FEW_WORDS and not wide and all(words):
        return "|".join(map(escape, sorted(words, key=lambda w: (-len(w), w)) if _nested(words) else words)), True
    plain = all(word.isascii() for word in words)
    if slot.kind == "text":
        return ("[^/]*" if "" in words else "[^/]+"), False
    letters = "A-Za-z" if plain else LETTER
    return (f"[{letters}]+" if slot.kind == "letters" else f"[0-9{letters}]+"), False


def _digits(slot: Slot) -> tuple[str, bool]:
    size = width(slot)
    number = r"\d+" if size is None or size > _WIDEST else r"\d" + f"{{{size}}}" * (size > 1)
    below = sorted({word for word in slot.words if word.startswith("-")})
    if below and len(below) == len(slot.words):
        return r"-\d+", False
    odd = (below if len(below) <= 3 else [r"-\d+"]) + [escape(w) for w in slot.piece.also if w in slot.words]
    return "|".join([*odd, number]), bool(odd)


def _nested(words: tuple[str, ...]) -> bool:
    """Whether one begins with another: the longer must then be tried first."""
    return any(a != b and b.startswith(a) for a in words for b in words)


def quoted(text: str, *, key: bool = False) -> str:
    """A text as TOML writes it; a key is left bare where it may be.

    >>> quoted('a "b"'), quoted("é\\n"), quoted("a-b", key=True)
    ('"a \\\\"b\\\\""', '"é\\\\u000a"', 'a-b')
    """
    if key and re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return text
    return '"' + "".join(_character(c) for c in text) + '"'


def _character(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) <= 0xFFFF else f"\\U{ord(c):08x}"


def name_in(text: str) -> str:
    """A name as it may stand in a comment or a message: on one line, and not too long of one."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
