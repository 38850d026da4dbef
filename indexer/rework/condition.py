"""What a filter comes to: parts that can be computed, and the whole of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.rework.facts import Kind
from indexer.rework.operations import Work


@dataclass(frozen=True)
class Value:
    """A part of the expression."""

    work: Work
    """What it is for each sample."""
    kind: Kind
    column: str | None = None
    """The column that it is, if it is one."""
    literal: str | int | float | None = None
    """What it is, if the user wrote it out."""


@dataclass(frozen=True)
class Condition:
    """A whole filter."""

    work: Work
    """True for the samples that stay; never null."""
    columns: frozenset[str]
    """What it asks, as `facts.facts_table` takes it."""

    def holds(self, table: pa.Table) -> NDArray[np.bool_]:
        """For which rows it is true.

        Args:
            table: Of all `columns`.

        Raises:
            SettingsError: A sum or product is larger than any number in an index.
        """
        try:
            found = self.work(table)
        except pa.ArrowInvalid as error:
            raise SettingsError(f"filter: a sum or product becomes too large ({error})") from None
        if isinstance(found, pa.Scalar):  # no column was asked
            return np.full(table.num_rows, found.as_py(), bool)
        return np.asarray(
            found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), bool
        )
