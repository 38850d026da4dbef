"""What a sampler is asked for -> a checked value, and the digest that a checkpoint carries.

Its own file, without torch: the command line plans with it too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, Final, Literal, NamedTuple, SupportsIndex, get_args

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from sampler_runtime.contract import Each

OnShort = Literal["repeat", "exclude", "error"]
Weights = str | NDArray[np.floating[Any]] | Sequence[float]
EPOCHS: Final = ("identities", "samples")
WEIGHTS: Final = ("sqrt", "count")
MOST_EPOCHS: Final = 1 << 31
_TOO_LARGE: Final = 1 << 40


class Identity(NamedTuple):
    """What a predicate of `drop` is asked about."""

    label: str
    """The dataset's own label."""
    pid: int
    samples: int
    """In the view."""
    modalities: tuple[str, ...]
    """Of all its samples."""
    source: str | None
    """Where there are several."""


Drop = Sequence[str] | Callable[[Identity], bool]


@dataclass(frozen=True, slots=True)
class PKSettings:
    """The settings that, with an index, say what every batch is."""

    p: int
    """Identities in a batch."""
    k: int
    """Instances of each."""
    each: Each = "any"
    """The group contract of every block."""
    epoch: str | int = "identities"
    """`identities`: every eligible identity once. `samples`: every eligible sample at least once. Or so many batches."""
    seed: int = 0
    """Fixed for a training run."""
    on_short: OnShort = "repeat"
    """What becomes of identities that cannot fill a block with different rows: they repeat some, are left out, or are an error."""
    prefer_complete: bool = False
    """Pairable identities come first, and show the pair; others only fill batches up."""
    drop: Drop = ()
    """Identities never to draw: their labels, or a predicate."""
    weights: Weights | None = None
    """How often identities are drawn, in proportion: one number for each of the view's `pids`, or `sqrt` or `count` of samples."""
    compose: Sequence[str] = ()
    """Each instance is a tuple of rows, one of each of these modalities."""
    per_source: Mapping[str, int] | None = None
    """So many identities of each source in every batch; they add up to P."""

    def __post_init__(self) -> None:
        for name, least in (("p", 1), ("k", 1), ("seed", 0)):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, least))
        if self.p * self.k > 1 << 24:
            raise SettingsError(f"p, k: a batch of {self.p:,} × {self.k:,} rows is beyond any memory")
        if isinstance(self.epoch, str):
            if self.epoch not in EPOCHS:
                raise SettingsError(
                    f"epoch: expected 'identities', 'samples' or a number of batches, found {self.epoch!r}; "
                    + did_you_mean(self.epoch, EPOCHS)
                )
        else:
            object.__setattr__(self, "epoch", whole_number(self.epoch, "epoch", 1, MOST_EPOCHS))
        if self.on_short not in get_args(OnShort):
            raise SettingsError(f"on_short: expected 'repeat', 'exclude' or 'error', found {self.on_short!r}")
        prefer: object = self.prefer_complete
        if not isinstance(prefer, (bool, np.bool_)):
            raise SettingsError(f"prefer_complete: expected True or False, found {self.prefer_complete!r}")
        object.__setattr__(self, "prefer_complete", bool(prefer))
        if isinstance(self.drop, str) or not (callable(self.drop) or isinstance(self.drop, Sequence)):
            raise SettingsError(
                f"drop: expected labels of identities as a list, or a predicate, found {self.drop!r:.60}"
            )
        if not isinstance(self.compose, (list, tuple)):
            raise SettingsError(
                f"compose: expected the modalities of an instance in order, e.g. ('rgb', 'text'), found {self.compose!r}"
            )
        object.__setattr__(self, "compose", tuple(self.compose))
        self._check_weights()
        self._check_sources()

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        if isinstance(self.weights, str):
            if self.weights not in WEIGHTS:
                raise SettingsError(
                    f"weights: expected 'sqrt', 'count' or numbers; {did_you_mean(self.weights, WEIGHTS)}"
                )
        else:
            object.__setattr__(self, "weights", _numbers(self.weights))
        for name, other in (("epoch='samples'", self.epoch == "samples"), ("prefer_complete", self.prefer_complete)):
            if other:
                raise SettingsError(
                    f"weights: cannot hold together with {name}, which says itself how often identities come"
                )

    def _check_sources(self) -> None:
        sources: object = self.per_source
        if sources is None:
            return
        if not isinstance(sources, Mapping) or not sources:
            raise SettingsError(f"per_source: expected source → identities in a batch, found {sources!r}")
        if not all(isinstance(source, str) for source in sources):
            raise SettingsError(f"per_source: expected names of sources, found {sources!r}")
        # In one order, whatever the user's: equal settings, equal batches.
        counts = {name: whole_number(sources[name], f"per_source[{name!r}]", 1) for name in sorted(sources)}
        object.__setattr__(self, "per_source", counts)
        if sum(counts.values()) != self.p:
            raise SettingsError(
                f"per_source: {counts} make {sum(counts.values())} identities a batch, P={self.p}; use p={sum(counts.values())}"
            )

    def words(self, *, each: str, dropped: NDArray[np.int32]) -> dict[str, Any]:
        """The settings as plain values, for a checkpoint: equal words, equal batches of an index.

        Args:
            each: The contract spelled out.
            dropped: The pids that `drop` names.
        """
        weights = self.weights
        return {
            "p": self.p,
            "k": self.k,
            "each": each,
            "epoch": self.epoch,
            "seed": self.seed,
            "on_short": self.on_short,
            "prefer_complete": self.prefer_complete,
            "drop": digest_of(dropped) if len(dropped) else None,
            "weights": weights
            if weights is None or isinstance(weights, str)
            else digest_of(np.asarray(weights, "<f8")),
            "compose": list(self.compose),
            "per_source": dict(self.per_source) if self.per_source is not None else None,
        }


def digest_of(values: NDArray[Any]) -> str:
    """A short digest of numbers."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()[:16]


def _numbers(weights: Any) -> NDArray[np.float64]:
    try:
        found = np.array(weights, np.float64)
    except (TypeError, ValueError):
        raise SettingsError(f"weights: expected numbers, one for each identity, found {weights!r:.60}") from None
    if found.ndim != 1:
        raise SettingsError(f"weights: expected one number for each identity, found an array of shape {found.shape}")
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(wrong):
        raise SettingsError(
            f"weights: expected finite numbers >= 0, found {found[wrong[0]]} for identity {wrong[0]} of {len(found)}"
        )
    found.flags.writeable = False
    return found


def whole_number(value: object, name: str, least: int, below: int = _TOO_LARGE) -> int:
    """A setting that counts, as a Python int; NumPy's integers are welcome, booleans are not.

    Raises:
        SettingsError: It is no integer, below `least`, or not below `below`.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or index(value) < least:
        raise SettingsError(f"{name}: expected an int >= {least}, found {value!r}")
    if index(value) >= below:
        raise SettingsError(f"{name}: expected an int below 2**{below.bit_length() - 1}, found {value!r}")
    return index(value)
