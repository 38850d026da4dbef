"""What a sampler and a dataset ask of an index: the same of one file, of a view of it, and of several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.schema import Pairing

if TYPE_CHECKING:
    from sampler_runtime.mapped import MappedIndex

Rows = NDArray[np.int64]


class IndexView(Protocol):
    """Samples that count from 0, sorted by identity within each split."""

    @property
    def view_digest(self) -> str:
        """Of what batches depend on: the content of the files, and which samples of them."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """In bit order."""

    @property
    def pairing(self) -> Pairing:
        """What makes an identity pairable."""

    @property
    def selection(self) -> str:
        """How the view was made, in words."""

    @property
    def pids(self) -> NDArray[np.int32]:
        """The distinct pids, ascending."""

    def __len__(self) -> int:
        """Number of samples."""

    def look_again(self) -> None:
        """See whether the files are still those that were opened."""

    def column(self, name: str) -> NDArray[Any]:
        """An integer column, shape `(len(self),)`."""

    def column_blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Integer columns, a piece at a time."""

    def value(self, name: str, row: int) -> int:
        """One value of an integer column."""

    def labels(self, name: str, rows: Rows) -> list[str | None]:
        """The values of a text column (`identity`, `camera`, `source`) at some rows."""

    def subset(
        self, rows: Sequence[int] | Rows | None = None, *, pids: Sequence[int] | Rows | None = None
    ) -> IndexView:
        """The samples at some rows, or of some identities, in index order."""

    def checked_rows(self, rows: Any, setting: str) -> Rows:
        """Rows a user gave, as an array."""

    def rows_for(self, paths: Sequence[str | PathLike[str]]) -> Rows:
        """The row of each path."""

    def locate(self, row: int) -> tuple[MappedIndex, int]:
        """The view of one file that a row lies in, and its row there."""

    def path_of(self, row: int) -> str:
        """The path of a row."""

    def modalities_of(self, row: int) -> tuple[str, ...]:
        """The modalities of a row, in bit order."""


def checked_rows(rows: Any, size: int, setting: str) -> Rows:
    """Rows a user gave, as an array.

    Raises:
        SettingsError: They are no whole numbers, or not rows of a view of this size.
    """
    given = _whole_numbers(rows, f"{setting}: expected rows")
    outside = given[(given < 0) | (given >= size)]
    if len(outside):
        raise SettingsError(f"{setting}: rows lie in 0 … {size - 1}, found {outside[0]}")
    return given


def checked_pids(pids: Any, present: NDArray[np.int32], selection: str) -> Rows:
    """Pids a user gave, as an array.

    Raises:
        SettingsError: They are no whole numbers, not among those that are present, or named twice.
    """
    given = _whole_numbers(pids, "subset(pids=): expected pids")
    strange = np.setdiff1d(given, present)
    if len(strange):
        raise SettingsError(
            f"subset(pids=): pid {strange[0]} is not in this view ({selection}); the view's are in its `pids`"
        )
    if len(np.unique(given)) < len(given):
        raise SettingsError("subset(pids=): a pid is named twice; the view's are in its `pids`")
    return given


def _whole_numbers(numbers: Any, expected: str) -> Rows:
    given = np.asarray(numbers)
    if given.ndim != 1 or (given.dtype.kind not in "iu" and given.size):
        hint = "; of a mask take np.flatnonzero(mask)" if given.dtype.kind == "b" else ""
        raise SettingsError(f"{expected} as a list of ints, found {numbers!r:.60}{hint}")
    return given.astype(np.int64)
