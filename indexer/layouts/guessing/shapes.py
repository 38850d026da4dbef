"""Paths of a tree nobody knows -> the shapes they have.

A shape is how a path is put together: how many folders, and in each folder's and file's name which runs of digits,
letters and separators.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from indexer.layouts.language.parts import IMAGE_EXTENSIONS

Kind: TypeAlias = Literal["digits", "letters", "mixed", "text"]

FEW_WORDS: Final = 12
"""Folders with at most so many names are told apart by their names, whatever those are made of."""
MOST_SHAPES: Final = 6
"""Of one depth, before names are looked at less closely."""
_MOST_PIECES: Final = 24
"""Names of more runs are no grammar: they are taken as a whole."""
_MOST_FOLDERS: Final = 24
_CAMERA: Final = re.compile(r"(?:c|cam|camera)", re.IGNORECASE)
NOBODY: Final = re.compile(
    r"-\d+|0+|unknown|distractors?|junk|noise|nobody|none|null|background|others?", re.IGNORECASE
)
"""Labels that often mean nobody in particular."""

EXTENSION: Final = f"(?:{'|'.join(IMAGE_EXTENSIONS)})"
LETTER: Final = r"A-Za-z\x{80}-\x{10FFFF}"  # whatever is no ASCII digit, separator or control character
REGEX: Final[dict[Kind, str]] = {
    "digits": "[0-9]+",
    "letters": f"[{LETTER}]+",
    "mixed": f"[0-9{LETTER}]+",
    "text": "[^/]*",
}
_RUN: Final = re.compile(r"([0-9]+)|([A-Za-z\x80-\U0010ffff]+)|[^0-9A-Za-z\x80-\U0010ffff]+")
_HASH: Final = re.compile(r"(?i)(?<![0-9a-z])(?=[0-9a-f]{8})(?:[0-9]+[a-f]+|[a-f]+[0-9]+){2}[0-9a-f]+(?![0-9a-z])")
"""A name such as `00021adfb725e0` is a hash: where its digits stand says nothing."""
_CHUNK: Final = re.compile(r"([0-9A-Za-z\x80-\U0010ffff]+)|[^0-9A-Za-z\x80-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """One run of a name: something that may vary, or a separator."""

    kind: Kind | None
    """None: a separator."""
    literal: str = ""
    signed: bool = False
    """May have a minus before its digits: only at the beginning of a name."""
    also: tuple[str, ...] = ()
    """Words in the place of a number, such as `distractors` among numbered folders."""

    @property
    def regex(self) -> str:
        """What it matches, whatever it is."""
        if self.kind is None:
            return escape(self.literal)
        if self.also:
            return "|".join(["-?" + REGEX[self.kind], *map(escape, self.also)])
        return "-?" * self.signed + REGEX[self.kind]


Component: TypeAlias = tuple[Piece, ...]
Shape: TypeAlias = tuple[Component, ...]
"""Folder by folder; the last component is the file's name without its extension."""

TEXT: Final = Piece("text")


def escape(text: str) -> str:
    """A text as a pattern that matches it, fit for a TOML text in single quotes.

    >>> escape("a.b (it's)"), escape("Zoë\\n")
    ('a\\\\.b \\\\(it\\\\x27s\\\\)', 'Zoë\\\\x{a}')
    """
    return "".join(
        "\\" + c if c in r"\.+*?()|[]{}^$" else r"\x27" if c == "'" else c if c.isprintable() else f"\\x{{{ord(c):x}}}"
        for c in text
    )


def find_shapes(names: Iterable[str]) -> list[Shape]:
    """The shapes of paths without their extensions, strict ones first, then those of most paths."""
    by_depth: defaultdict[int, list[list[str]]] = defaultdict(list)
    for name in names:
        parts = name.split("/")
        by_depth[len(parts)].append(parts)
    found: Counter[Shape] = Counter()
    for depth in sorted(by_depth):
        found.update(_of_one_depth(by_depth[depth]))
    return sorted(found, key=lambda s: (_looseness(s), -found[s], repr(s)))


# ------------------------------------------------------------------------------------------------ finding shapes


def _of_one_depth(rows: list[list[str]]) -> Counter[Shape]:
    """Shapes of paths with equally many folders."""
    depth = len(rows[0])
    if depth > _MOST_FOLDERS:
        return Counter({((TEXT,),) * depth: len(rows)})
    columns: list[Callable[[str], Component]] = [
        _folder_reader({row[i] for row in rows}).__getitem__ for i in range(depth - 1)
    ]
    folders = [tuple(read(part) for read, part in zip(columns, row, strict=False)) for row in rows]
    return _settle(folders, [row[-1] for row in rows], 0)


def _settle(folders: list[tuple[Component, ...]], stems: list[str], level: int) -> Counter[Shape]:
    """Group names by the closest look that gives few groups; the odd ones are looked at less closely."""
    read = _LEVELS[level](stems)
    shapes: list[Shape] = [(*folder, read(stem)) for folder, stem in zip(folders, stems, strict=True)]
    counts = Counter(shapes)
    if level == len(_LEVELS) - 1 or len(counts) <= 4:
        return counts
    if level < _NAMES_LEVEL and _are_numbered_names(stems):
        return _settle(folders, stems, _NAMES_LEVEL)
    large = {s for s, n in counts.most_common(MOST_SHAPES) if n >= 0.05 * len(stems)}
    if sum(counts[s] for s in large) < 0.8 * len(stems):
        return _settle(folders, stems, level + 1)
    odd = [i for i, s in enumerate(shapes) if s not in large]
    kept = Counter({s: counts[s] for s in large})
    return kept + _settle([folders[i] for i in odd], [stems[i] for i in odd], level + 1) if odd else kept


def _runs(name: str) -> Component:
    """A name, run by run.

    >>> [p.kind or p.literal for p in _runs("-1_c2")]
    ['digits', '_', 'letters', 'digits']
    """
    signed = re.match(r"-[0-9]", name) is not None
    if _HASH.search(name):
        return _hashed(name)
    pieces = [
        Piece("digits") if run[1] else Piece("letters") if run[2] else Piece(None, run[0])
        for run in _RUN.finditer(name, 1 if signed else 0)
    ]
    if len(pieces) > _MOST_PIECES:
        return (TEXT,)
    if pieces and pieces[0].kind == "digits":
        pieces[0] = Piece("digits", signed=True)
    return tuple(pieces)


def _hashed(name: str) -> Component:
    return tuple(Piece("mixed") if m[1] else Piece(None, m[0]) for m in _CHUNK.finditer(name))


def _folder_reader(names: set[str]) -> dict[str, Component]:
    """How to read the folders that stand at one place."""
    readings = {name: _runs(name) for name in sorted(names)}
    ordinary = Counter(reading for name, reading in readings.items() if not NOBODY.fullmatch(name))
    if ordinary and ordinary.most_common(1)[0][0] == (Piece("digits", signed=True),):
        words = tuple(
            n for n, r in readings.items() if NOBODY.fullmatch(n) and r[:1] != (Piece("digits", signed=True),)
        )
        if words and len(words) < len(names):
            # numbers, and a few words for nobody among them: one kind of folder
            numbers: Component = (Piece("digits", signed=True, also=words),)
            return {
                n: numbers if n in words or r == (Piece("digits", signed=True),) else r for n, r in readings.items()
            }
    kinds = set(readings.values())
    if len(kinds) == 1:
        reading = readings[min(names)]
        return readings if _is_worth_reading(reading, names) else dict.fromkeys(names, (TEXT,))
    has_words = all(any(p.kind == "letters" for p in reading) for reading in kinds)
    if (has_words and len(names) <= FEW_WORDS) or len(kinds) > 3:
        numbers = (Piece("digits", signed=True),)
        return {n: r if len(kinds) <= 3 and r == numbers else (TEXT,) for n, r in readings.items()}
    return {n: r if any(p.kind == "digits" for p in r) else (TEXT,) for n, r in readings.items()}


def _is_worth_reading(reading: Component, names: set[str]) -> bool:
    """Whether the parts of these equally built folders say more than the whole: `cam1`, not `bounding_box_train`."""
    words = [_RUN.findall(name) for name in names]
    letters = [i for i, p in enumerate(reading) if p.kind == "letters"]
    constant = {i for i in letters if len({w[i][1] for w in words if len(w) == len(reading)}) == 1}
    if not any(p.kind == "digits" for p in reading):
        return any(_CAMERA.fullmatch(words[0][i][1]) for i in constant if len(words[0]) == len(reading))
    return len(constant) == len(letters) or len(names) > FEW_WORDS


def _chunks(stems: Sequence[str]) -> Callable[[str], Component]:
    """What stands between separators: its runs where it always has the same, else as one."""

    def cut(stem: str) -> list[tuple[str, str]]:
        return [(m[1] or "", m[0]) for m in _CHUNK.finditer(stem)]

    def outline(pieces: list[tuple[str, str]]) -> tuple[str, ...]:
        return tuple("" if chunk else text for chunk, text in pieces)

    readings: defaultdict[tuple[tuple[str, ...], int], set[Component]] = defaultdict(set)
    for stem in stems:
        pieces = cut(stem)
        for i, (chunk, _) in enumerate(pieces):
            if chunk:
                readings[outline(pieces), i].add(_plain(_runs(chunk)))

    def read(stem: str) -> Component:
        pieces = cut(stem)
        if len(pieces) > _MOST_PIECES:
            return (TEXT,)
        made: list[Piece] = []
        for i, (chunk, text) in enumerate(pieces):
            kinds = readings.get((outline(pieces), i), set())
            made += [Piece(None, text)] if not chunk else next(iter(kinds)) if len(kinds) == 1 else [Piece("mixed")]
        return tuple(made)

    return read


def _plain(component: Component) -> Component:
    return tuple(replace(p, signed=False) for p in component)


def _ends(stem: str) -> Component:
    """`George_W_Bush_0001`, `0001_anything (2)`: a number at one end, the rest as it may be."""
    if tail := re.fullmatch(r"(.*[^0-9_\-. ])([_\-. ]+)[0-9]+", stem, re.DOTALL):
        return (TEXT, Piece(None, tail[2]), Piece("digits"))
    if head := re.fullmatch(r"-?[0-9]+([_\-. ]+)[^_\-. ].*", stem, re.DOTALL):
        return (Piece("digits", signed=True), Piece(None, head[1]), TEXT)
    return (TEXT,)


def _are_numbered_names(stems: Sequence[str]) -> bool:
    """`Anna_0001`, `Bo_A_Lee_0002`: words of any number, then a number."""
    return all(len(reading := _ends(stem)) == 3 and reading[0] is TEXT and not stem[0].isdigit() for stem in stems)


_NAMES_LEVEL: Final = 2
_LEVELS: Final[tuple[Callable[[Sequence[str]], Callable[[str], Component]], ...]] = (
    lambda stems: _runs,
    _chunks,
    lambda stems: _ends,
    lambda stems: lambda stem: (TEXT,),
)
"""Ways to read the names of files, from the closest look to none."""


def _looseness(shape: Shape) -> int:
    return sum(p.kind in ("text", "mixed") for component in shape for p in component)
