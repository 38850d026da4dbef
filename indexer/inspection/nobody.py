"""The samples of an index that are of nobody: distractors, junk, and those whose identity the dataset hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.inspection.runs import Runs


@dataclass(frozen=True)
class Nobody:
    """The samples without a pid: what role each has, and in which splits it is."""

    roles: tuple[str, ...]
    role: NDArray[np.int64]
    """Shape `(samples without a pid,)`: position in `roles`; behind the last where the sample has none."""
    splits: NDArray[np.uint64]
    """Likewise."""
    names: tuple[str, ...]
    """Of the splits, in bit order."""

    @classmethod
    def of(cls, runs: Runs) -> Nobody:
        """Those of an index. The roles are read where there are such samples only."""
        nobody, names = runs.pid < 0, runs.index.metadata.splits
        if not nobody.any():
            return cls((), np.empty(0, np.int64), np.empty(0, np.uint64), names)
        column = runs.index.table(["role"])["role"].take(pa.array(runs.rows(nobody))).cast("string")
        roles = sorted(word for word in pc.unique(column).to_pylist() if word is not None)
        role = pc.fill_null(pc.index_in(column, value_set=pa.array(roles, pa.string())), len(roles))
        splits = np.repeat(runs.splits[nobody], runs.sizes[nobody])
        return cls(tuple(roles), np.asarray(role.to_numpy(), np.int64), splits, names)

    def count(self, splits: Sequence[str]) -> dict[str, int]:
        """Role → samples in any of the splits, and `hidden` for those without a role; no splits: of all."""
        bits = np.uint64(sum(1 << self.names.index(name) for name in splits))
        role = self.role[(self.splits & bits) != 0] if splits else self.role
        numbers = np.bincount(role, minlength=len(self.roles) + 1).tolist()
        return {name: n for name, n in zip((*self.roles, "hidden"), numbers, strict=True) if n}
