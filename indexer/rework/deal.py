"""Identities -> those that train and those that validate, by lot, by time or by camera. Pure.

By lot and by time every identity has a place in one fixed order, and the first so many are `val`. So the counts are exact; a
larger share holds a smaller one of the same seed; and where people are added to or taken from a dataset, as many at most
change sides, at the border. A lot by threshold, which no newcomer could move, would not give exact counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from indexer.rework.lots import apportioned, lots

By = Literal["identity", "time", "camera"]
WAYS: Final = ("identity", "time", "camera")
STRATA: Final = ("modalities", "size")
TRAIN: Final = 0
VAL: Final = 1
NEITHER: Final = -1
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """The samples that are dealt: each shows somebody."""

    who: Integers
    """Position in `people` of each sample's identity, shape `(samples,)`."""
    people: tuple[str, ...]
    """A word for each identity that tells it from all others: its lot depends on it."""
    modalities: NDArray[np.uint32]
    """Bits, shape `(samples,)`."""
    frame: Integers
    """-1: none told."""
    camera: Integers
    """Position in `cameras`; -1: none told."""
    cameras: tuple[str, ...]


@dataclass(frozen=True)
class Dealt:
    """Where the samples of a pool go."""

    side: NDArray[np.int8]
    """`TRAIN`, `VAL` or `NEITHER` of each sample."""
    of_identity: NDArray[np.int8]
    """Of each identity."""
    held_out: tuple[str, ...] = ()
    """By camera: those of `val`."""
    untimed: int = 0
    """By time: identities without any frame; they train."""


def parsed_share(text: str) -> Fraction | int:
    """`0.2` → a share of the identities; `50` → so many.

    Raises:
        SettingsError: Neither between 0 and 1 nor a whole number.
    """
    try:
        if text.isascii() and text.isdecimal() and int(text[:12]) >= 1:
            return int(text[:12])
        if "/" not in text and "_" not in text and 0 < float(text) < 1 and len(text) < 40:
            return Fraction(text)
    except ValueError:
        pass
    raise SettingsError(
        f"--val: expected a share between 0 and 1, or a number of identities from 1 on, found {text!r:.60}"
    )


def how_many(share: Fraction | int, identities: int) -> int:
    """So many identities a share is, a half rounded up.

    Raises:
        SettingsError: One side would have nobody.
    """
    count = share if isinstance(share, int) else int(share * identities + Fraction(1, 2))
    if not 0 < count < identities:
        side = "val" if count <= 0 else "train"
        told = f"{share:,} identities" if isinstance(share, int) else f"a share of {float(share):g}"
        raise SettingsError(
            f"--val: {told} of {identities:,} leaves nobody in {side}; "
            + (f"use a number from 1 to {identities - 1:,}" if identities > 1 else "it takes two identities to split")
        )
    return count


def deal(pool: Pool, share: Fraction | int, *, by: str, stratify: Sequence[str] = (), seed: int = 0) -> Dealt:
    """Deal the identities.

    Args:
        pool: The samples.
        share: Of the identities for `val`, or how many.
        by: `identity`: by lot. `time`: those that appear last. `camera`: those that cameras held out by lot have seen most.
        stratify: By lot only: `modalities`, `size` (samples, in bins that double): each such group is split alike.
        seed: Of the lots.

    Raises:
        SettingsError: It cannot be done so.
    """
    if by not in WAYS:
        raise SettingsError(f"--by: expected identity, time or camera, found {by!r}; {did_you_mean(by, WAYS)}")
    for word in stratify:
        if word not in STRATA:
            raise SettingsError(
                f"--stratify: expected modalities, size or both, found {word!r}; {did_you_mean(word, STRATA)}"
            )
    if stratify and by != "identity":
        raise SettingsError(f"--stratify goes with --by identity: --by {by} leaves no choice who goes where")
    count = how_many(share, len(pool.people))
    own = lots(seed, pool.people)
    if by == "camera":
        return _by_camera(pool, count, own, seed)
    if by == "time":
        return _by_time(pool, count, own)
    return _sides(pool, _by_lot(_strata(pool, stratify), count, own))


def _sides(pool: Pool, chosen: Integers, untimed: int = 0) -> Dealt:
    of_identity = np.zeros(len(pool.people), np.int8)
    of_identity[chosen] = VAL
    return Dealt(of_identity[pool.who], of_identity, untimed=untimed)


def _strata(pool: Pool, stratify: Sequence[str]) -> Integers:
    """A number for each identity: equal for those that are of one kind, ascending in an order that tells nothing else."""
    keys = np.zeros((len(pool.people), 2), np.int64)
    if "modalities" in stratify:
        covered = np.zeros(len(pool.people), np.uint32)
        np.bitwise_or.at(covered, pool.who, pool.modalities)
        keys[:, 0] = covered
    if "size" in stratify:
        counts = np.bincount(pool.who, minlength=len(pool.people))
        keys[:, 1] = [int(n).bit_length() for n in counts]
    return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1]).ravel()


def _by_lot(strata: Integers, count: int, own: NDArray[np.uint64]) -> Integers:
    order = np.lexsort((own, strata))
    sizes = np.bincount(strata)
    first = np.cumsum(np.r_[0, sizes[:-1]])
    taken = apportioned(count, sizes)
    return np.concatenate([order[a : a + n] for a, n in zip(first, taken, strict=True)])


def _by_time(pool: Pool, count: int, own: NDArray[np.uint64]) -> Dealt:
    never = np.iinfo(np.int64).max
    first = np.full(len(pool.people), never)
    told = pool.frame >= 0
    if not told.any():
        raise SettingsError(
            "--by time: this index tells no frames; use --by identity, or --by camera where it tells cameras"
        )
    np.minimum.at(first, pool.who[told], pool.frame[told])
    untimed = first == never
    if np.count_nonzero(~untimed) <= count:
        raise SettingsError(
            f"--by time: frames are told of {np.count_nonzero(~untimed):,} of {len(first):,} identities, "
            f"too few for {count:,} in val; use a smaller --val, or --by identity"
        )
    order = np.lexsort((own, np.where(untimed, -1, first)))
    return _sides(pool, order[-count:], int(np.count_nonzero(untimed)))


def _by_camera(pool: Pool, count: int, own: NDArray[np.uint64], seed: int) -> Dealt:
    """Cameras are held out in the order of their lots, as many as come nearest to the count."""
    if len(pool.cameras) < 2:
        found = "one camera" if pool.cameras else "no cameras"
        raise SettingsError(f"--by camera: these samples tell {found}, it takes two; use --by identity")
    order = np.lexsort((np.arange(len(pool.cameras)), lots(seed, [f"camera {name}" for name in pool.cameras])))
    known = pool.camera >= 0
    seen = np.bincount(pool.who[known], minlength=len(pool.people))
    by_chance = (own & np.uint64(1)).astype(bool)
    held = np.zeros(len(pool.cameras), bool)
    best: tuple[int, NDArray[np.bool_], NDArray[np.bool_]] | None = None
    for camera in order[:-1]:
        held[camera] = True
        inside = np.bincount(pool.who[known][held[pool.camera[known]]], minlength=len(pool.people))
        val = (2 * inside > seen) | ((2 * inside == seen) & by_chance & (seen > 0))
        number = int(np.count_nonzero(val))
        if 0 < number < np.count_nonzero(seen) and (best is None or abs(number - count) < best[0]):
            best = (abs(number - count), held.copy(), val)
    if best is None:
        raise SettingsError(
            "--by camera: whichever cameras are held out, one side has nobody; use another --seed, or --by identity"
        )
    _, held, val = best
    of_identity = np.where(seen == 0, NEITHER, np.where(val, VAL, TRAIN)).astype(np.int8)
    on_its_side = known & (held[pool.camera] == (of_identity[pool.who] == VAL))
    side = np.where(on_its_side, of_identity[pool.who], NEITHER).astype(np.int8)
    return Dealt(side, of_identity, held_out=tuple(pool.cameras[i] for i in np.flatnonzero(held)))
