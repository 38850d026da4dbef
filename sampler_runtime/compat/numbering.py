"""Labels, as numbers or text -> which different ones there are, in order, and the number of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.errors import SettingsError


class Numbered(NamedTuple):
    """Labels, numbered."""

    names: tuple[Any, ...]
    """The different ones, ascending: ints by value, text by code points. Nothing about it depends on hashes."""
    codes: NDArray[np.int32]
    """Shape `(labels,)`: the place in `names` of each; -1 where there is none."""


def numbered(labels: Any, setting: str, *, missing: bool = False) -> Numbered:
    """Number labels.

    Args:
        labels: A list, an array or a tensor, of whole numbers or of text.
        setting: How messages call them.
        missing: Whether some may be None.

    Raises:
        SettingsError: They are something else; the message names the first that is.

    >>> numbered(["b", "a", "b"], "labels")
    Numbered(names=('a', 'b'), codes=array([1, 0, 1], dtype=int32))
    """
    if isinstance(labels, (str, bytes, dict, set, frozenset)) or not hasattr(labels, "__len__"):
        raise SettingsError(f"{setting}: expected a list, one for each sample, found {labels!r:.60}")
    if not len(labels):
        raise SettingsError(f"{setting}: expected one for each sample, found none")
    found = labels if hasattr(labels, "dtype") else _as_arrow(labels, setting, missing)
    if isinstance(found, pa.Array):
        if found.null_count and not missing:
            at = found.is_null().to_numpy(zero_copy_only=False).argmax()
            raise SettingsError(f"{setting}: expected a label for each sample, found None at position {at}")
        told = found.drop_null() if found.null_count else found
        names, own = _numbers(told.to_numpy()) if pa.types.is_integer(found.type) else _texts(told)
        codes = np.full(len(found), -1, np.int32)
        codes[found.is_valid().to_numpy(zero_copy_only=False)] = own
        return Numbered(names, codes)
    array = np.asarray(found)
    if array.dtype.kind in "OU":
        return numbered(array.tolist(), setting, missing=missing)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise SettingsError(
            f"{setting}: expected whole numbers or text, one for each sample, found {array.dtype} of shape {array.shape}"
        )
    return Numbered(*_numbers(array))


def _as_arrow(labels: Any, setting: str, missing: bool) -> pa.Array:
    """A list as Arrow takes it: at once where it is of one type, and never a number for a text or the other way round."""
    plain = [label.item() if hasattr(label, "item") else label for label in labels]  # scalars of NumPy and of torch
    try:
        found = pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        found = None
    if found is not None and missing and pa.types.is_null(found.type):
        return found.cast(pa.string())
    if found is None or not (pa.types.is_integer(found.type) or pa.types.is_string(found.type)):
        wanted = (int, str)
        first = next(
            (i for i, label in enumerate(plain) if not isinstance(label, wanted) or isinstance(label, bool)), 0
        )
        other = next((i for i, label in enumerate(plain) if type(label) is not type(plain[first])), first)
        also = "" if other == first else f", {plain[other]!r} at position {other}"
        raise SettingsError(
            f"{setting}: expected whole numbers, or all of them text, found {plain[first]!r:.60} at position {first}{also}"
        )
    return found


def _numbers(told: NDArray[Any]) -> tuple[tuple[int, ...], NDArray[np.int32]]:
    names, own = np.unique(told, return_inverse=True)
    return tuple(names.tolist()), own.astype(np.int32)


def _texts(told: pa.Array) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    encoded = told.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    return tuple(names[i] for i in order), place[encoded.indices.to_numpy()]
