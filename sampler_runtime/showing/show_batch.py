"""Whatever a user draws from, and a batch of it -> its contact sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.settings import MOST_EPOCHS, whole_number
from sampler_runtime.showing.batches import batch_sheet
from sampler_runtime.showing.contact_sheet import MAX_SIZE, ContactSheet
from sampler_runtime.showing.steps import find_step
from sampler_runtime.view import IndexView

Rows = NDArray[np.int64]


def show_batch(
    data: object,
    rows: Any = None,
    *,
    epoch: int | None = None,
    batch: int | None = None,
    max_size: int = MAX_SIZE,
) -> ContactSheet:
    """A batch as a contact sheet: a row for each identity, each picture framed by its modality.

    Args:
        data: A sampler or a DataLoader with one, an index view, an `IndexDataset` or a `Subset` of one.
        rows: What the sampler yielded: a list of rows, or of the tuples of composed instances, or an array of the shape `(P, K)`;
            or the batch that a DataLoader made of an `IndexDataset`. With a sampler they are in its `order`. Left out: the
            batch `batch` of `epoch`, which a sampler knows.
        epoch: Of the sampler; by default the one it is at.
        batch: Number of a batch among those of the sampler's rank; by default 0.
        max_size: The longer side of a picture, in pixels, 16 to 2048.

    Returns:
        What a notebook shows; it has `image`, a Pillow picture, and `save("sheet.png")`, also for `.jpg` and `.html`.

    Raises:
        SettingsError: No rows of this index, no such batch, or both rows and the number of a batch.
    """
    data = _drawn_by(data)
    sampler = data if hasattr(data, "_sharding") else None
    if rows is None:
        if sampler is None:
            raise SettingsError(
                f"show_batch(rows=None): {type(data).__name__} does not know which batch; give the rows, or pass the sampler"
            )
        return _of_sampler(sampler, epoch, batch, max_size)
    if epoch is not None or batch is not None:
        raise SettingsError("show_batch(): expected either rows or epoch= and batch=, found both")
    view, position = _space(data)
    given = _given(rows, view, position)
    compose = _compose(data, given)
    instances = _as_rows(given.reshape(-1, len(compose)) if compose else given.reshape(-1), view, position)
    words = f"{len(instances):,} instances" if compose else f"{len(instances):,} rows"
    sheet = batch_sheet(view, instances, compose=compose, title=words, lines=(view.selection,))
    return ContactSheet(sheet, max_size)


def _drawn_by(data: object) -> object:
    """The sampler of a DataLoader or of a flat view; else the thing itself."""
    sampler = getattr(data, "batch_sampler", None)
    return sampler if hasattr(sampler, "_sharding") else data


def _of_sampler(sampler: Any, epoch: int | None, batch: int | None, max_size: int) -> ContactSheet:
    """A batch that this rank draws."""
    shard = sampler._sharding.shard()
    epoch = whole_number(sampler.epoch if epoch is None else epoch, "epoch", 0, MOST_EPOCHS)
    step = find_step(sampler.plan(), shard, epoch, whole_number(0 if batch is None else batch, "batch", 0))
    settings = sampler.settings
    sheet = batch_sheet(
        sampler.index,
        step.instances,
        compose=sampler.compose,
        title=step.title,
        lines=step.lines(settings.p, settings.k, sampler._words["each"], settings.seed, sampler.index.selection),
    )
    return ContactSheet(sheet, max_size)


def _space(data: Any) -> tuple[IndexView, Rows | None]:
    """The view that is drawn from, and its rows as positions in the user's order; None: the rows themselves."""
    if isinstance(data, (MappedIndex, JointIndex)):
        return data, None
    if hasattr(data, "_sharding"):
        return data.index, data._position
    if hasattr(data, "indices") and hasattr(data, "dataset"):
        view, position = _space(data.dataset)
        chosen = np.asarray(data.indices, np.int64)
        rows = chosen if position is None else np.argsort(position)[chosen]
        by_row = np.argsort(rows, kind="stable")
        return view.subset(rows), by_row
    if isinstance(getattr(data, "index", None), (MappedIndex, JointIndex)):
        return data.index, None
    raise SettingsError(
        f"show_batch(data): expected a sampler, an index, an IndexDataset or a Subset of one, found {type(data).__name__}"
    )


def _compose(data: Any, given: Rows) -> tuple[str, ...]:
    """The modalities of composed instances; empty where instances are rows."""
    compose = tuple(getattr(getattr(data, "dataset", data), "compose", ()))
    if given.ndim == 1:
        return ()  # rows, one by one: a dataset with composed instances gives those too
    if compose and given.shape[-1] != len(compose):
        raise SettingsError(
            f"show_batch(rows): expected instances of {len(compose)} rows ({', '.join(compose)}), found the shape {given.shape}"
        )
    if given.ndim == 3 and not compose:
        raise SettingsError(
            "show_batch(rows): composed instances; pass the sampler, or the dataset, that knows their modalities"
        )
    return compose


def _given(rows: Any, view: IndexView, position: Rows | None) -> Rows:
    """What the user gave, as integers."""
    fields = getattr(rows, "_fields", ())
    if "rows" in fields:  # composed instances, collated: for each modality the rows of all
        return np.stack([np.asarray(one, np.int64).reshape(-1) for one in rows.rows], axis=-1)
    if "path" in fields:
        found = view.rows_for([rows.path] if isinstance(rows.path, str) else list(rows.path))
        return found if position is None else position[found]
    if isinstance(rows, (str, Mapping)):
        raise SettingsError(f"show_batch(rows): expected rows, found {rows!r:.60}")
    try:
        given = np.asarray(list(rows) if not hasattr(rows, "shape") else rows)
    except (TypeError, ValueError):
        raise SettingsError(f"show_batch(rows): expected a list of rows, found {rows!r:.60}") from None
    if (given.size and given.dtype.kind not in "iu") or not 1 <= given.ndim <= 3:
        raise SettingsError(f"show_batch(rows): expected rows as ints, found {rows!r:.60}")
    return given.astype(np.int64)


def _as_rows(given: Rows, view: IndexView, position: Rows | None) -> Rows:
    """Positions as rows of the view."""
    size = len(view)
    outside = given[(given >= size) | (given < (-1 if given.ndim == 2 else 0))]
    if outside.size:
        raise SettingsError(f"show_batch(rows): rows lie in 0 … {size - 1}, found {int(outside.flat[0])}")
    return given if position is None else np.where(given < 0, given, np.argsort(position)[given])
