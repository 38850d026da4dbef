"""Several indexes -> one: rows after rows, pids and cameras disjoint, modalities united. Nothing is copied.

For training on several datasets at once: a sampler with `per_source` puts so many identities of each into every batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.schema import BY_NAME, MAX_MODALITIES, Pairing, mask_names
from indexer.vocabulary import modality_order
from sampler_runtime.cached_property import cached_property
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.view import checked_pids, checked_rows

if TYPE_CHECKING:
    from sampler_runtime.contract import Each
    from sampler_runtime.explain import Explanation

Rows = NDArray[np.int64]


class JointIndex:
    """Views of several indexes, side by side.

    Args:
        parts: Name of each source → its view, in order.

    Raises:
        SettingsError: No views, or more modalities than an index can have.
    """

    def __init__(self, parts: Any) -> None:
        """See the class."""
        if not isinstance(parts, Mapping) or not parts:
            raise SettingsError(f"JointIndex(parts): expected name → index, found {parts!r:.60}")
        for name, part in parts.items():
            if not isinstance(name, str) or not isinstance(part, MappedIndex):
                raise SettingsError(f"JointIndex(parts): expected name → index, found {name!r} → {type(part).__name__}")
        self.parts: dict[str, MappedIndex] = dict(parts)
        self._views = tuple(self.parts.values())
        self.modalities = tuple(modality_order(m for part in self._views for m in part.modalities))
        if len(self.modalities) > MAX_MODALITIES:
            raise SettingsError(f"JointIndex(parts): {len(self.modalities)} modalities, at most {MAX_MODALITIES}")
        self.pairing = Pairing.default(self.modalities)
        self._first_row = np.cumsum([0, *map(len, self._views)])
        self._first_pid = np.cumsum([0, *(part.metadata.identities for part in self._views)])

    @cached_property
    def view_digest(self) -> str:
        """Of what batches depend on: the parts, in order."""
        words = "\x1f".join(f"{name}\x1f{part.view_digest}" for name, part in self.parts.items())
        return hashlib.sha256(words.encode()).hexdigest()

    @property
    def selection(self) -> str:
        """How the view was made, in words."""
        return " + ".join(f"{name} ({part.selection})" for name, part in self.parts.items())

    def __len__(self) -> int:
        """Number of samples."""
        return int(self._first_row[-1])

    def __repr__(self) -> str:
        return f"<joint index: {self.selection}, {len(self):,} samples, {'+'.join(self.modalities)}>"

    def _repr_html_(self) -> str:
        from sampler_runtime.showing.cards import joint_card

        return joint_card(self)

    @cached_property
    def pids(self) -> NDArray[np.int32]:
        """The distinct pids, ascending; those of a part follow those of the part before."""
        own = [part.pids + first for part, first in zip(self._views, self._first_pid, strict=False)]
        return np.concatenate(own).astype(np.int32)

    def select(self, *, split: str | Sequence[str] | None = None, modality: str | None = None) -> JointIndex:
        """The samples of a split, of a modality, or of both, of every part; see `MappedIndex.select`."""

        def selected(name: str, part: MappedIndex) -> MappedIndex:
            try:
                return part.select(split=split, modality=modality)
            except SettingsError as error:
                raise SettingsError(f"{name}: {error}") from None

        return JointIndex({name: selected(name, part) for name, part in self.parts.items()})

    def subset(
        self, rows: Sequence[int] | Rows | None = None, *, pids: Sequence[int] | Rows | None = None
    ) -> JointIndex:
        """The samples at some rows, or of some identities, in index order; see `MappedIndex.subset`."""
        if (rows is None) == (pids is None):
            raise SettingsError("subset(): expected either rows= or pids=")
        if rows is None:
            chosen, firsts = checked_pids(pids, self.pids, self.selection), self._first_pid
        else:
            chosen, firsts = self.checked_rows(rows, "subset(rows=)"), self._first_row
        parts = {}
        for number, (name, part) in enumerate(self.parts.items()):
            own = chosen[(chosen >= firsts[number]) & (chosen < firsts[number + 1])] - firsts[number]
            parts[name] = part.subset(own) if rows is not None else part.subset(pids=own)
        return JointIndex(parts)

    def checked_rows(self, rows: Any, setting: str) -> Rows:
        """Rows a user gave, as an array; see `MappedIndex.checked_rows`."""
        return checked_rows(rows, len(self), setting)

    def look_again(self) -> None:
        """See whether the files are still those that were opened; see `MappedIndex.look_again`."""
        for part in self._views:
            part.look_again()

    def column(self, name: str) -> NDArray[Any]:
        """An integer column, shape `(len(self),)`."""
        return np.concatenate([block for (block,) in self.column_blocks(name)])

    def column_blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Integer columns, a piece at a time."""
        for number, part in enumerate(self._views):
            for columns in part.column_blocks(*names):
                yield tuple(self._united(number, name, column) for name, column in zip(names, columns, strict=True))

    def _united(self, number: int, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Values of a part as those of the whole."""
        if name == "modalities":
            own = self._views[number].modalities
            places = [self.modalities.index(modality) for modality in own]
            if places == list(range(len(own))):
                return values
            bits = ((values >> np.uint32(i) & np.uint32(1)) << np.uint32(place) for i, place in enumerate(places))
            return np.asarray(np.bitwise_or.reduce(list(bits)))
        if name not in ("pid", "camid"):
            return values
        first = int((self._first_pid if name == "pid" else self._first_camera)[number])
        return np.where(values < 0, values, values + values.dtype.type(first))

    @cached_property
    def _first_camera(self) -> Rows:
        cameras = [
            max((int(camid.max(initial=-1)) for (camid,) in part.column_blocks("camid")), default=-1) + 1
            for part in self._views
        ]
        return np.cumsum([0, *cameras])

    def _place(self, row: int) -> tuple[int, int]:
        """Number of the part that a row lies in, and its row there."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}: this view has {len(self):,} samples")
        number = int(np.searchsorted(self._first_row, row, side="right")) - 1
        return number, row - int(self._first_row[number])

    def locate(self, row: int) -> tuple[MappedIndex, int]:
        """The view of one file that a row lies in, and its row there."""
        number, own = self._place(row)
        return self._views[number], own

    def value(self, name: str, row: int) -> int:
        """One value of an integer column."""
        number, own = self._place(row)
        found = np.array([self._views[number].value(name, own)], BY_NAME[name].dtype)
        return int(self._united(number, name, found)[0])

    def modalities_of(self, row: int) -> tuple[str, ...]:
        """The modalities of a row, in bit order."""
        return mask_names(self.value("modalities", row), self.modalities)

    def path_of(self, row: int) -> str:
        """The path of a row, relative to the root of its part."""
        part, own = self.locate(row)
        return part.path_of(own)

    def labels(self, name: str, rows: Rows) -> list[str | None]:
        """The values of a text column at some rows; `source` is the name of the part."""
        which = np.searchsorted(self._first_row, rows, side="right") - 1
        found: list[str | None] = [None] * len(rows)
        for number, (source, part) in enumerate(self.parts.items()):
            here = np.flatnonzero(which == number)
            values = (
                [source] * len(here) if name == "source" else part.labels(name, rows[here] - self._first_row[number])
            )
            for place, value in zip(here.tolist(), values, strict=True):
                found[place] = value
        return found

    def rows_for(self, paths: Sequence[str | PathLike[str]]) -> Rows:
        """The row of each path, for a dataset of one's own whose order is not the index's.

        Raises:
            SettingsError: A path is in none of the parts, or, relative, in several.
        """
        found = np.full(len(paths), -1, np.int64)
        times = np.zeros(len(paths), np.int64)
        for part, first in zip(self._views, self._first_row, strict=False):
            rows = part.find_rows(paths)
            found = np.where(rows >= 0, rows + first, found)
            times += rows >= 0
        wrong = np.flatnonzero(times != 1)
        if len(wrong):
            where = "in none" if times[wrong[0]] == 0 else "in several; give absolute paths"
            raise SettingsError(
                f"rows_for(paths): {str(paths[wrong[0]])!r} is {where} of the indexes {', '.join(self.parts)}"
            )
        return found

    def explain(self, each: Each = "any", *, p: int, k: int, **settings: Any) -> Explanation:
        """Who can serve a group contract and, by reason, who cannot; see `MappedIndex.explain`."""
        from sampler_runtime.explain import explain

        return explain(self, each, p=p, k=k, **settings)
