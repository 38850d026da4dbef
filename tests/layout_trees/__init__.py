"""A small tree of each dataset, written from its grammar, with what is expected of every sample.

The trees are written from what the datasets' authors and public loaders say, not from the layout files: a mistake in a
layout shows as a row that differs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GROUPS = (
    "visible_infrared",
    "aligned",
    "person",
    "clothes",
    "text",
    "sketch",
    "vehicles",
    "video",
    "wildlife",
    "other",
)


@dataclass
class Expected:
    """What the index should tell of one sample."""

    path: str
    identity: str | None
    camera: str | None = None
    modality: str = "rgb"
    splits: frozenset[str] = frozenset()
    """Without those that are drawn."""
    role: str | None = None
    who: str | None = None
    """The person, where labels are not enough: two samples show the same person exactly if this is equal. Default: identity."""
    tracklet: str | None = None
    """Any name of the tracklet: two samples lie in one exactly if this is equal; None: none told."""
    clothes: int = -1
    frame: int | None = None
    """None: not compared."""
    view: str | None = None
    """None: not compared."""
    source: str | None = None
    captions: tuple[str, ...] = ()
    aligned: dict[str, str] = field(default_factory=dict)
    """Modality → path of the other files of the set."""
    box: tuple[int, int, int, int] | None = None


@dataclass
class Maker:
    """Writes a tree and notes what is expected of it."""

    root: Path
    rows: list[Expected] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)
    """First parts of the names of protocols whose splits are drawn, and so not compared: `trial`."""
    twins: set[str] = field(default_factory=set)
    """Layouts that name files in just the same way: of so small a tree nobody can tell which it is."""

    def file(self, path: str, content: str | bytes = "") -> None:
        """A file that is no sample."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        # one byte at least, and not two files alike
        place.write_bytes(content.encode() if isinstance(content, str) else content)

    def sample(self, path: str, identity: str | None, *, splits: str = "", **facts: Any) -> None:
        """One sample; `splits` joined by blanks. Files of `aligned` are written too."""
        self.rows.append(Expected(path, identity, splits=frozenset(splits.split()), **facts))
        for one in (path, *self.rows[-1].aligned.values()):
            self.file(one)

    def problem(self, kind: str) -> None:
        """A problem that the build should tell."""
        self.problems.add(kind)

    def alike(self, *layouts: str) -> None:
        """Layouts that this tree might have as well."""
        self.twins.update(layouts)

    def draws(self, *protocols: str) -> None:
        """Protocols that are drawn."""
        self.drawn.update(protocols)


TREES: dict[str, Callable[[Maker], None]] = {}


def tree(layout: str) -> Callable[[Callable[[Maker], None]], Callable[[Maker], None]]:
    """Register a tree of a layout; a layout may have several (`name:packing`)."""

    def register(make: Callable[[Maker], None]) -> Callable[[Maker], None]:
        assert layout not in TREES, layout
        TREES[layout] = make
        return make

    return register


def all_trees() -> dict[str, Callable[[Maker], None]]:
    """Layout, or `layout:packing` → what writes its tree."""
    for group in GROUPS:
        if (Path(__file__).parent / f"{group}.py").exists():
            importlib.import_module(f"tests.layout_trees.{group}")
    return TREES
