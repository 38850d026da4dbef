"""A batch, or what gives batches -> how many it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import fields, is_dataclass
from typing import Any


def samples_of(batch: Any) -> int | None:
    """The length of the first tensor, array or list of plain values in the batch, depth first; None where there is none.

    >>> import torch
    >>> samples_of({"image": torch.zeros(32, 3, 8, 4), "path": ["a"] * 32})
    32
    >>> samples_of((["a", "b"], torch.tensor(0.5))), samples_of(7)
    (2, None)
    """
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    for part in _parts(batch):
        found = samples_of(part)
        if found is not None:
            return found
        if isinstance(batch, (list, tuple)) and not _holds_others(part):
            return len(batch)
    return None


def length_of(batches: object) -> int | None:
    """How many batches it says there are; None where it does not."""
    try:
        return len(batches) if isinstance(batches, Sized) else None
    except (TypeError, NotImplementedError):  # a DataLoader of a stream has the method and not the length
        return None


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in fields(value)]
    return []


def _holds_others(value: Any) -> bool:
    return hasattr(value, "shape") or isinstance(value, (Mapping, list, tuple)) or is_dataclass(value)
