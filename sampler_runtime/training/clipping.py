"""Gradients -> gradients of at most a given norm, and the recent norms, without waiting for the device."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from indexer.errors import SettingsError
from sampler_runtime.settings import whole_number

_SMALLEST: Final = 1e-6
"""What torch adds to a norm before it divides by it."""


class NormHistory:
    """The last norms, kept on the device: their quantiles are a clipping threshold that follows training.

    The threshold is that of AutoClip (Seetharaman et al., "AutoClip: Adaptive Gradient Clipping for Source Separation
    Networks", MLSP 2020) over a window instead of the whole history; the paper's default is the quantile 0.1.

    Args:
        length: Norms that are kept.
        read_every: `last` waits for the device once in so many norms.
        enough: Finite norms that a threshold needs; with fewer, nothing is clipped. None: 10, or `length` where that is less.

    Raises:
        SettingsError: A number is no integer of at least 1, or `enough` is more than `length`.

    Corner cases:
        - A norm that is not finite takes its place in the window, but counts for no quantile.
        - Norms come from one device; the first decides which.
    """

    def __init__(self, length: int = 200, read_every: int = 50, enough: int | None = None) -> None:
        """See the class."""
        self.length, self.read_every = whole_number(length, "length", 1), whole_number(read_every, "read_every", 1)
        self.enough = min(10, self.length) if enough is None else whole_number(enough, "enough", 1)
        if self.enough > self.length:
            raise SettingsError(f"enough: expected at most length={self.length}, found {enough}; raise `length`")
        self.count = 0
        """Norms so far; after a state was loaded, those that it held and those since."""
        self._ring = torch.full((self.length,), math.nan)
        self._newest: Tensor | None = None
        self._read, self._read_at = math.nan, -1

    def add(self, norm: Tensor) -> None:
        """Keep a norm: a tensor of no dimensions."""
        norm = norm.detach()
        if self._ring.device != norm.device:  # at the first norm alone
            self._ring = self._ring.to(norm.device)
        self._ring[self.count % self.length].copy_(torch.where(norm.isfinite(), norm, math.nan))
        self._newest, self.count = norm, self.count + 1

    def quantile(self, q: float) -> Tensor:
        """The q-quantile of the norms, linear between two of them; infinite until there are enough.

        Returns:
            No dimensions, float32, on the device of the norms (before the first: the host).

        Raises:
            SettingsError: `q` is not within 0 … 1.
        """
        if not _is_number(q) or not 0 <= q <= 1:
            raise SettingsError(f"quantile(q): expected a number within 0 … 1, found {q!r}")
        there = self._ring.isfinite().sum()
        return torch.where(there >= self.enough, torch.nanquantile(self._ring, float(q)), math.inf)

    @property
    def last(self) -> float:
        """The newest norm when last read, finite or not; reads it, and waits for the device, only when that is due.

        NaN before the first.
        """
        if self._newest is not None and (self._read_at < 0 or self.count - self._read_at >= self.read_every):
            self._read, self._read_at = float(self._newest), self.count
        return self._read

    def to_list(self) -> list[float]:
        """The finite norms that are kept, oldest first. Waits for the device."""
        start = self.count % self.length if self.count > self.length else 0
        values = [float(value) for value in self._ring.tolist()]
        return [value for value in values[start:] + values[:start] if math.isfinite(value)]

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs: the finite `norms` as Python numbers, oldest first. Waits for the device."""
        return {"norms": self.to_list()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the norms of another history; of a longer one, with its newest.

        Raises:
            SettingsError: This is no state of a history.
        """
        try:
            norms = [float(norm) for norm in state["norms"] if math.isfinite(norm)][-self.length :]
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                f"load_state_dict: expected the state_dict() of a NormHistory, a mapping with 'norms', found {state!r:.200}"
            ) from error
        self._ring = torch.tensor(norms + [math.nan] * (self.length - len(norms)))
        self._newest, self.count = None, len(norms)
        self._read, self._read_at = norms[-1] if norms else math.nan, -1

    def __repr__(self) -> str:
        return f"NormHistory(length={self.length}, read_every={self.read_every}), {self.count:,} norms"


def clip_gradients(
    parameters: Iterable[Tensor] | Tensor, max_norm: float | Tensor, norms: NormHistory | None = None
) -> Tensor:
    """Scale the gradients down to a norm of at most `max_norm`, all of them together, without waiting for the device.

    Args:
        parameters: Whose gradients; those without one are passed over.
        max_norm: A number above 0, or a tensor of no dimensions: `norms.quantile(0.1)`. Infinite: nothing is scaled.
        norms: Where the norm is kept.

    Returns:
        The norm before clipping: no dimensions, on the device of the first gradient. Reading it (`float`, a log line, `if`)
        waits for the device; `norms.last` does so only when due.

    Raises:
        SettingsError: A number that is no norm, or a tensor that is no single number.

    Corner cases:
        - Without any gradient the norm is 0 and is not kept.
        - A norm that is not finite leaves gradients that are not, as in torch; an infinite `max_norm` leaves them as they were.
        - The gradients of a sharded model (`DTensor`) are measured over all ranks.
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    limit = _checked(max_norm)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = get_total_norm(gradients)
    norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    if not gradients:
        return norm
    if isinstance(limit, Tensor):
        # torch would read a tensor as a number. Hence the limit is 1, and the norm is told in limits.
        in_limits = torch.where(limit.isinf(), 0.0, (norm + _SMALLEST) / limit)
        clip_grads_with_norm_(parameters, 1.0, in_limits.to(norm.dtype))
    elif limit < math.inf:
        clip_grads_with_norm_(parameters, limit, norm)
    if norms is not None:
        norms.add(norm)
    return norm


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _checked(max_norm: float | Tensor) -> float | Tensor:
    if isinstance(max_norm, Tensor) and max_norm.numel() == 1:
        return max_norm.detach().reshape(())
    if isinstance(max_norm, Tensor) or not _is_number(max_norm) or not max_norm > 0:
        raise SettingsError(f"max_norm: expected a number above 0 or a tensor of one number, found {max_norm!r:.100}")
    return float(max_norm)
