"""What a user draws from -> a view of an index, and each of its rows as a position in the user's own order."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Subset

from indexer.errors import SettingsError
from sampler_runtime.view import IndexView

if TYPE_CHECKING:
    from sampler_runtime.dataset import IndexDataset

Rows = NDArray[np.int64]
Order = Sequence[str | PathLike[str]] | Sequence[int] | Rows


def index_space(data: IndexView | IndexDataset | Subset[Any], order: Order | None) -> tuple[IndexView, Rows | None]:
    """The view to draw from, and each of its rows as the position to yield; None: the row itself."""
    if isinstance(data, Subset):
        index, position = index_space(data.dataset, None)  # type: ignore[arg-type]
        index, position = _in_order(index, position, data.indices, "Subset.indices")
    else:
        found = data if is_view(data) else getattr(data, "index", None)
        if not is_view(found):
            raise SettingsError(
                f"PKBatchSampler(data): expected an index, an IndexDataset or a Subset of one, found {type(data).__name__}; "
                "for a dataset of your own pass the index, and `order=` with its paths"
            )
        index, position = found, None
    return (index, position) if order is None else _in_order(index, position, order, "order")


def is_view(thing: object) -> TypeGuard[IndexView]:
    """Whether it offers what is asked of an index. Its class is looked at: some of a view's properties pass over all rows."""
    return all(hasattr(type(thing), name) for name in ("view_digest", "column_blocks", "subset", "checked_rows"))


def _in_order(index: IndexView, position: Rows | None, order: Any, setting: str) -> tuple[IndexView, Rows]:
    """Restrict a view to the samples in `order`, and number them by their place in it.

    Args:
        index: The view.
        position: What a number in `order` means: the place of each row in an outer order; None: rows.
        order: Paths, or numbers.
        setting: How messages call it.
    """
    if isinstance(order, (str, set, frozenset, dict)) or not hasattr(order, "__len__") or not len(order):
        raise SettingsError(
            f"{setting}: expected paths or rows in your dataset's order, as a list, found {order!r:.60}"
        )
    if isinstance(order[0], (tuple, list)):
        raise SettingsError(
            f"{setting}: expected paths or rows, found pairs; of (path, label) samples pass [p for p, _ in samples]"
        )
    if isinstance(order[0], (str, PathLike)):
        rows = index.rows_for(order)
    elif position is None:
        rows = index.checked_rows(order, setting)
    else:
        by_position = np.argsort(position)
        rows = by_position[index.checked_rows(order, setting)]
    by_row = np.argsort(rows, kind="stable")
    if np.any(rows[by_row][1:] == rows[by_row][:-1]):
        raise SettingsError(f"{setting}: a sample is named twice; in a dataset it has one position")
    return index.subset(rows), by_row
