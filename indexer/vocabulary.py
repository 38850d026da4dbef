"""The words of the field, and the many spellings of each: modalities and splits.

Part of the contract between the two packages: wherever a user names a modality or a split, on the command line, in
a layout, a manifest or a sampler setting, the spelling is resolved here. Opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from indexer.errors import SettingsError, did_you_mean

MODALITY_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "rgb": ("vis", "visible", "color", "colour", "photo", "optical"),
    "ir": ("infrared",),
    "nir": ("ni", "near_infrared", "nearinfrared", "near-infrared"),
    "tir": ("ti", "th", "thermal", "lwir", "thermal_infrared"),
    "sketch": ("sk", "sketches"),
    "cpencil": ("cp", "colorpencil", "colourpencil", "color_pencil", "colour_pencil"),
    "depth": (),
    "event": ("events",),
    "text": ("txt", "caption", "captions"),
}
"""Standard modality → other spellings. The order is the bit order for a dataset whose layout does not fix one."""

RGB: Final = "rgb"
TEXT: Final = "text"
INFRARED: Final = ("ir", "nir", "tir")
"""`ir` is what people call the only infrared modality of a dataset, whichever band it is."""

SPLIT_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "train": ("training",),
    "val": ("valid", "validation"),
    "query": ("probe",),
    "gallery": (),
    "test": ("testing",),
}
"""Standard split → other spellings, in canonical order: an index lists its splits so, train first."""

_MODALITY_WORD: Final = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_STANDARD_MODALITY: Final = {
    spelling: name for name, others in MODALITY_ALIASES.items() for spelling in (name, *others)
}
_STANDARD_SPLIT: Final = {spelling: name for name, others in SPLIT_ALIASES.items() for spelling in (name, *others)}


def modality_spellings() -> list[str]:
    """Every spelling of every image modality, longest first, for a pattern's alternation."""
    return sorted((word for word, name in _STANDARD_MODALITY.items() if name != TEXT), key=lambda w: (-len(w), w))


def split_spellings() -> list[str]:
    """Every spelling of every split, longest first, for a pattern's alternation."""
    return sorted(_STANDARD_SPLIT, key=lambda w: (-len(w), w))


def standard_modality(word: str) -> str | None:
    """The standard name of a modality, a new word as it is, or None if it cannot name a modality.

    >>> standard_modality("Visible"), standard_modality("TI"), standard_modality("radar"), standard_modality("a b")
    ('rgb', 'tir', 'radar', None)
    """
    word = word.strip().lower()
    if word in _STANDARD_MODALITY:
        return _STANDARD_MODALITY[word]
    return word if _MODALITY_WORD.fullmatch(word) else None


def standard_split(word: str) -> str:
    """The standard name of a split; protocol-qualified and unknown names stay as they are.

    >>> standard_split("Validation"), standard_split("trial3/train"), standard_split("extra")
    ('val', 'trial3/train', 'extra')
    """
    return _STANDARD_SPLIT.get(word.strip().lower(), word.strip())


def resolve_modality(word: str, present: Sequence[str], *, setting: str = "modality") -> str:
    """The modality among `present` that `word` means.

    Raises:
        SettingsError: The dataset has no such modality; the message names the nearest one.
    """
    name = standard_modality(word)
    if name is not None and name in present:
        return name
    if name == "ir":
        infrared = [m for m in present if m in INFRARED]
        if len(infrared) == 1:
            return infrared[0]
    near = did_you_mean(word, present)
    raise SettingsError(f"{setting}: this index has no modality {word!r}; {near}")


def modality_order(names: Iterable[str]) -> list[str]:
    """Standard modalities in canonical order, then others by name."""
    rank = {name: i for i, name in enumerate(MODALITY_ALIASES)}
    return sorted(set(names), key=lambda name: (rank.get(name, len(rank)), name))


def in_protocol(split: str | None, protocol: str | None, known: Sequence[str]) -> str | None:
    """The splits that a user means who names a protocol beside them: `train` of `trial3` is `trial3/train`.

    >>> in_protocol("train", "trial3", ["train", "trial3/train", "trial3/query"])
    'trial3/train'
    >>> in_protocol(None, "trial3", ["train", "trial3/train", "trial3/query"])
    'trial3/train+trial3/query'

    Raises:
        SettingsError: There is no such protocol.
    """
    if protocol is None:
        return split
    own = [name for name in known if name.rpartition("/")[0] == protocol]
    if not own:
        protocols = list(dict.fromkeys(name.rpartition("/")[0] for name in known if "/" in name))
        there = did_you_mean(protocol, protocols) if protocols else "this index has none"
        raise SettingsError(f"--protocol: no protocol {protocol!r}; {there}")
    if split is None:
        return "+".join(own)
    return "+".join(word if "/" in word else f"{protocol}/{standard_split(word)}" for word in split.split("+"))


def split_order(names: Iterable[str]) -> list[str]:
    """Default splits in canonical order, other default ones by name, then protocols (natural order)."""
    rank = {name: i for i, name in enumerate(SPLIT_ALIASES)}

    def key(name: str) -> tuple[object, ...]:
        protocol, _, split = name.rpartition("/")
        return (protocol != "", natural_key(protocol), rank.get(split, len(rank)), split)

    return sorted(set(names), key=key)


_DIGITS: Final = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[tuple[int, int, str, str], ...]:
    """A sort key under which `2` comes before `10`, and texts that differ in leading zeros still differ.

    Of two numbers the longer one is larger: so they are compared, as Python reads no number of thousands of digits.

    >>> sorted(["10", "2", "02", "b1", "a10", "a9"], key=natural_key)
    ['02', '2', '10', 'a9', 'a10', 'b1']
    """
    parts = [part for part in _DIGITS.split(text) if part]
    return tuple(
        (0, len(digits := part.lstrip("0")), digits, part) if part.isdecimal() and part.isascii() else (1, 0, "", part)
        for part in parts
    )
