"""The arguments of the originals -> P and K; warnings and errors in their words."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from indexer.errors import NotEnoughIdentitiesError, SettingsError
from sampler_runtime.settings import whole_number


def identities_in(batch_size: object, num_instances: object, name: str, otherwise: str) -> tuple[int, int]:
    """P and K of a batch.

    Args:
        batch_size: Rows.
        num_instances: Rows of each identity.
        name: Of the drop-in.
        otherwise: What the original does where one does not divide the other.

    Raises:
        SettingsError: They are no such numbers, or one does not divide the other.
    """
    rows, k = whole_number(batch_size, f"{name}(batch size)", 1), whole_number(num_instances, f"{name}(instances)", 1)
    if rows % k:
        near = [str(size) for size in (rows - rows % k, rows - rows % k + k) if size]
        raise SettingsError(
            f"{name}: a batch of {rows} rows cannot hold {k} of each identity (the original {otherwise}); "
            f"use a batch size of {' or '.join(near)}, for the loader too"
        )
    return rows // k, k


@contextmanager
def told_as(name: str, p_is: str) -> Iterator[None]:
    """Errors that speak of P, in the words of the caller.

    Args:
        name: Of the drop-in.
        p_is: What P is called there.
    """
    try:
        yield
    except NotEnoughIdentitiesError as error:
        raise NotEnoughIdentitiesError(f"{name}: {error} (p is {p_is})") from None


def warn(message: str) -> None:
    """A `UserWarning` at the line of the user's that called."""
    depth, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("sampler_runtime."):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=depth)


def field_of(data_source: Any, place: int, name: str, what: str) -> list[Any]:
    """One field of samples that are tuples such as `(path, pid, camid)`.

    Args:
        data_source: The samples.
        place: Of the field.
        name: Of the drop-in.
        what: The field as messages call it.

    Raises:
        SettingsError: A sample has no such field.
    """
    if not isinstance(data_source, Sequence) or isinstance(data_source, str):
        raise SettingsError(
            f"{name}(data_source): expected a list of tuples (path, pid, camid, …), found {data_source!r:.60}"
        )
    try:
        if str in set(map(type, data_source)):
            raise TypeError("text")
        return [sample[place] for sample in data_source]
    except (TypeError, IndexError, KeyError):
        at, sample = next(
            (i, s)
            for i, s in enumerate(data_source)
            if isinstance(s, str) or not isinstance(s, Sequence) or len(s) <= place
        )
        raise SettingsError(
            f"{name}(data_source): expected tuples (path, pid, camid, …), found no {what} in sample {at}: {sample!r:.60}"
        ) from None
