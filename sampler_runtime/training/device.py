"""A batch of any nesting -> the same batch with its tensors on a device."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

import torch

from indexer.errors import SettingsError

T = TypeVar("T")


def move_to_device(batch: T, device: torch.device | str | int, *, non_blocking: bool | None = None) -> T:
    """The batch with every tensor on the device, its structure and types kept.

    Args:
        batch: Tensors in mappings, lists, tuples, named tuples and dataclasses (frozen ones too), nested at will. What else has a
            method `to` (a `PackedSequence`, a tokenizer's encoding) is asked to move itself.
        device: As of `torch.device`.
        non_blocking: Whether to return before a copy is done. None: for tensors in pinned memory alone, whose copy to the
            device needs nobody to wait. True is unsafe for copies to the host: they may be read before they are there.

    Raises:
        SettingsError: There is no such device.

    Corner cases:
        - What holds nothing to move is returned as it is, containers included; the others are made anew, and the batch is
          never changed.
        - A mapping or tuple that cannot be made anew as its own type becomes a `dict` or `tuple`.
        - Dataclasses are copied, not constructed: `__post_init__` does not run again.

    >>> move_to_device({"image": torch.ones(2), "path": ["a", "b"]}, "cpu")
    {'image': tensor([1., 1.]), 'path': ['a', 'b']}
    """
    return cast(T, _moved(batch, as_device(device), non_blocking))


def as_device(device: torch.device | str | int) -> torch.device:
    """A device, whether or not this machine has it.

    Raises:
        SettingsError: torch knows no such device.
    """
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise SettingsError(f"device: expected one of torch's, such as 'cpu' or 'cuda:0', found {device!r}") from error


def _moved(value: Any, device: torch.device, non_blocking: bool | None) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=_may_return_early(value, device, non_blocking))
    if isinstance(value, (str, bytes, int, float, type)) or value is None:
        return value
    if callable(getattr(value, "to", None)):  # before tuples: a PackedSequence is one
        return _asked_to_move(value, device, non_blocking)
    if isinstance(value, Mapping):
        changed = _changes(value.items(), device, non_blocking)
        return _like_mapping(value, changed) if changed else value
    if isinstance(value, (list, tuple)):
        changed = _changes(enumerate(value), device, non_blocking)
        return _like_sequence(value, changed) if changed else value
    if is_dataclass(value):
        there = [(field.name, getattr(value, field.name)) for field in fields(value) if hasattr(value, field.name)]
        changed = _changes(there, device, non_blocking)
        return _like_dataclass(value, changed) if changed else value
    return value


def _may_return_early(value: Any, device: torch.device, non_blocking: bool | None) -> bool:
    if non_blocking is not None:
        return non_blocking
    return device.type != "cpu" and hasattr(value, "is_pinned") and bool(value.is_pinned())


def _changes(items: Iterable[tuple[Any, Any]], device: torch.device, non_blocking: bool | None) -> dict[Any, Any]:
    """Key or position → what stands there from now on, of those that moved."""
    moved = ((key, old, _moved(old, device, non_blocking)) for key, old in items)
    return {key: new for key, old, new in moved if new is not old}


def _asked_to_move(value: Any, device: torch.device, non_blocking: bool | None) -> Any:
    try:
        known = inspect.signature(value.to).parameters.values()
    except (TypeError, ValueError):  # written in C
        return value.to(device)
    if any(p.name == "non_blocking" or p.kind is p.VAR_KEYWORD for p in known):
        return value.to(device, non_blocking=_may_return_early(value, device, non_blocking))
    return value.to(device)


def _like_mapping(value: Mapping[Any, Any], changed: dict[Any, Any]) -> Mapping[Any, Any]:
    whole = {**value, **changed}
    if type(value) is dict:
        return whole
    try:
        if isinstance(value, MutableMapping):  # a copy keeps what else it holds, such as the factory of a defaultdict
            anew = copy.copy(value)
            anew.update(changed)
            return anew
        return type(value)(whole)  # type: ignore[call-arg]
    except Exception:  # a type of the user's may raise anything; a dict holds the same
        return whole


def _like_sequence(value: list[Any] | tuple[Any, ...], changed: dict[int, Any]) -> Any:
    whole = [changed.get(at, old) for at, old in enumerate(value)]
    if type(value) is list:
        return whole
    if isinstance(value, list):
        anew = copy.copy(value)
        anew[:] = whole
        return anew
    if hasattr(value, "_make"):
        return value._make(whole)
    try:
        return type(value)(whole)
    except Exception:  # as above
        return tuple(whole)


def _like_dataclass(value: Any, changed: dict[str, Any]) -> Any:
    anew = copy.copy(value)
    for name, new in changed.items():
        object.__setattr__(anew, name, new)  # a frozen one refuses the plain way
    return anew
