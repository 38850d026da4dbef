"""The samples of an index that are to be exported, and their columns in readable form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.errors import SettingsError
from indexer.index_file import IndexFile
from indexer.inspection.statistics import selected_splits
from indexer.roots import root_of
from indexer.schema import mask_names, modality_mask
from indexer.vocabulary import TEXT

Rows = NDArray[np.int64]
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Export:
    """What one format makes of the chosen samples. Nothing is written yet."""

    files: dict[str, Iterable[bytes]]
    """Name below the output folder → content; the name is empty where the output is the one file itself."""
    samples: int
    left_out: dict[str, int] = field(default_factory=dict)
    """Reason → samples that the format cannot hold. Only reasons that occurred."""
    notes: tuple[str, ...] = ()
    """What a reader of the files should know."""


@dataclass(frozen=True)
class Chosen:
    """Some samples of an index, in its order."""

    index: IndexFile
    rows: Rows
    split: str
    """The splits they are of, `train+val`; or `all`."""

    @classmethod
    def of(cls, index: IndexFile, split: str | None) -> Chosen:
        """The samples of a split, or of several.

        Raises:
            SettingsError: There is no such split, or no sample is in it.
        """
        names = selected_splits(split, index.metadata.splits)
        if not names:
            return cls(index, np.arange(index.num_rows), "all")
        bits = np.uint64(sum(1 << index.metadata.splits.index(name) for name in names))
        rows = np.flatnonzero((index.integers("splits").slice(0, index.num_rows) & bits) != 0)
        if not len(rows):
            raise SettingsError(
                f"--split: no sample of {index.path} is in {'+'.join(names)}; there is nothing to export"
            )
        return cls(index, rows, "+".join(names))

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, which: NDArray[np.bool_]) -> Chosen:
        """Some of them: `which` has a truth value for each."""
        return Chosen(self.index, self.rows[which], self.split)

    @property
    def root(self) -> Path:
        """The folder that the paths are relative to."""
        return root_of(self.index).resolve()

    def column(self, name: str) -> pa.Array:
        """A column as it is in the index; words as plain text."""
        taken = self.index.take([name], self.rows)[name]
        taken = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
        return taken.cast(pa.string()) if pa.types.is_dictionary(taken.type) else taken

    def numbers(self, name: str) -> NDArray[Any]:
        """An integer column."""
        return self.index.integers(name).take(self.rows)

    def known(self, name: str, unknown: int = -1) -> pa.Array:
        """An integer column, null where nothing is known."""
        values = self.numbers(name)
        return pa.array(values, mask=values == unknown)

    @property
    def splits(self) -> pa.Array:
        """Every split of each sample, those of protocols too: `train+trial3/gallery`; null: in none."""
        return _words(self.numbers("splits"), self.index.metadata.splits)

    @property
    def views(self) -> pa.Array:
        """The word of each sample's view; null: unknown."""
        words = pa.array([word or None for word in self.index.metadata.views], pa.string())
        return words.take(pa.array(self.numbers("view").astype(np.int64)))

    @property
    def first_modality(self) -> pa.Array:
        """The modality of the file `path`: that of the lowest bit, text aside where there is an image."""
        names, masks = self.index.metadata.modalities, self.numbers("modalities")
        text = np.uint32(modality_mask([TEXT], names) if TEXT in names else 0)
        image = np.where((masks & ~text) != 0, masks & ~text, masks)
        return _words(image & (~image + np.uint32(1)), names)

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """Which are text and nothing else: their path leads to no image."""
        names = self.index.metadata.modalities
        if TEXT not in names:
            return np.zeros(len(self), bool)
        return np.asarray(self.numbers("modalities") == modality_mask([TEXT], names))

    def partners(self) -> tuple[Rows, pa.Array, pa.Array]:
        """The other files of aligned sets: position of the sample among these, modality, path."""
        aligned = self.column("aligned")
        told = np.flatnonzero(aligned.is_valid().to_numpy(zero_copy_only=False))
        sets = aligned.take(pa.array(told))
        files = sets.flatten()
        owners = np.repeat(told, pc.list_value_length(sets).to_numpy(zero_copy_only=False).astype(np.int64))
        return owners, pc.struct_field(files, "modality"), pc.struct_field(files, "path")


def _words(masks: NDArray[Any], names: tuple[str, ...]) -> pa.Array:
    found, codes = distinct(masks)
    words = ["+".join(mask_names(int(mask), names)) or None for mask in found]
    return pa.array(words, pa.string()).take(pa.array(codes))
