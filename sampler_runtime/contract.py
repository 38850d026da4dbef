"""What an identity's block of K rows must hold: words -> masks -> how many rows to draw from which pool.

`each` names the contract. `parse_contract` turns it into requirements on modality bits; `compile_contract` joins each
identity's runs into the pools the contract tells apart, and says which identities cannot serve it, and why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from indexer.schema import IndexMetadata, mask_names, modality_mask
from indexer.vocabulary import RGB, TEXT
from sampler_runtime.pools import Pools

PRESETS: Final = ("any", "rgb", "pair", "complete")
Rows = NDArray[np.int64]
_MOST_POOLS: Final = 64  # which of them an identity has is one 64-bit mask


@dataclass(frozen=True, slots=True)
class Requirement:
    """At least `count` rows of a block have one of the modalities in `mask`. A row with several counts for each."""

    mask: int
    count: int
    words: str
    """The modalities as a person names them."""


@dataclass(frozen=True, slots=True)
class GroupContract:
    """What every block must hold."""

    name: str
    requirements: tuple[Requirement, ...] = ()
    as_k_permits: bool = False
    """Where the requirements need more than K rows, each block meets K of them, in turn."""


def parse_contract(each: str, metadata: IndexMetadata) -> GroupContract:
    """A preset, checked against the modalities of the index.

    Args:
        each: `any`: no requirement. `rgb`: at least one RGB row. `pair`: at least one row of the index's anchor
            modality (RGB) and one of the others it is paired with. `complete`: a row of every image modality and, where
            it can be, of text; as many of them as K permits.
        metadata: Of the index.

    Raises:
        SettingsError: An unknown word, or one that no identity of this index can serve.
    """
    modalities, pairing = metadata.modalities, metadata.pairing
    only = " + ".join(modalities)
    if each == "any":
        return GroupContract(each)
    if each == "rgb":
        if RGB not in modalities:
            raise SettingsError(f"each='rgb': this index has no rgb samples, only {only}; use each='any'")
        return GroupContract(each, (Requirement(modality_mask([RGB], modalities), 1, RGB),))
    if each == "pair":
        if not pairing.others:
            raise SettingsError(
                f"each='pair': this index has one modality only ({only}), nothing to pair; use each='any'"
            )
        return GroupContract(each, (
            Requirement(modality_mask([pairing.anchor], modalities), 1, pairing.anchor),
            Requirement(modality_mask(pairing.others, modalities), 1, " or ".join(pairing.others)),
        ))  # fmt: skip
    if each == "complete":
        # text last: a caption comes with an image, which then counts for both
        names = sorted(modalities, key=lambda m: (m == TEXT, modalities.index(m)))
        needs = tuple(Requirement(modality_mask([m], modalities), 1, m) for m in names)
        return GroupContract(each, needs, as_k_permits=True)
    raise SettingsError(f"each={each!r}: not a group contract; {did_you_mean(str(each), PRESETS)}")


@dataclass(frozen=True)
class Blocks:
    """The identities that can serve a contract, and the pools their blocks are drawn from."""

    pids: NDArray[np.int32]
    """Shape `(identities,)`, ascending."""
    offsets: Rows
    """Shape `(identities + 1,)`: identity i has the stretches `offsets[i]` to `offsets[i + 1]` (excluded)."""
    starts: Rows
    """Shape `(stretches,)`: first position of each stretch of rows."""
    sizes: Rows
    """Shape `(stretches,)`."""
    pool: NDArray[np.uint8]
    """Shape `(stretches,)`: which pool a stretch belongs to, 0 … `num_pools` - 1. A pool may have several stretches."""
    least: NDArray[np.int64]
    """Shape `(patterns, num_pools)`: rows that a block needs of each pool at least, by the pools an identity has."""
    pattern: NDArray[Any]
    """Shape `(identities,)`: which row of `least`."""
    rows: Rows | None
    """Position → row of the view; None: a position is a row."""
    k: int
    left_out: dict[str, int]
    """Reason → identities that cannot serve the contract."""

    @property
    def num_identities(self) -> int:
        """Identities that serve the contract."""
        return len(self.pids)

    @property
    def num_pools(self) -> int:
        """Kinds of rows the contract tells apart."""
        return int(self.least.shape[1])


def compile_contract(contract: GroupContract, pools: Pools, k: int) -> Blocks:
    """Tell the identities that can serve a contract from those that cannot, and make the pools of the former.

    Rows that meet the same requirements are one pool: they can stand for each other. Every pool of an identity gets at
    least one row of each block where K leaves room, so that none of its samples is never seen.
    """
    kinds, kind_of_run = _few(pools.kinds)
    meets = [tuple(i for i, r in enumerate(contract.requirements) if int(kind) & r.mask) for kind in kinds]
    signatures = sorted(set(meets), key=lambda s: (not s, s[:1], -len(s), s))  # rows that meet nothing come last
    if len(signatures) > _MOST_POOLS:
        raise SettingsError(
            f"each={contract.name!r}: the samples' modalities make {len(signatures)} pools, at most {_MOST_POOLS} can be told "
            "apart; use a contract with fewer requirements"
        )
    pool_of_run = np.array([signatures.index(m) for m in meets], np.uint8)[kind_of_run]
    pool_bits = np.array([1 << signatures.index(m) for m in meets], np.uint64)[kind_of_run]
    present = np.bitwise_or.reduceat(pool_bits, pools.offsets[:-1]) if len(pool_bits) else pool_bits
    patterns, pattern = _few(present)
    least = np.zeros((len(patterns), len(signatures)), np.int64)
    reasons = np.empty(len(patterns), object)
    for i, bits in enumerate(patterns):
        there = [s for j, s in enumerate(signatures) if int(bits) >> j & 1]
        needs, reasons[i] = _least(contract, there, k)
        for signature, count in needs.items():
            least[i, signatures.index(signature)] = count
    serves = np.array([r is None for r in reasons], bool)[pattern] if len(patterns) else np.empty(0, bool)
    left_out = Counter(str(reasons[p]) for p in pattern[~serves])
    stretch = _Stretches.of(pools, pool_of_run, serves)
    return Blocks(
        pids=pools.pids[serves],
        offsets=stretch.offsets,
        starts=stretch.starts,
        sizes=stretch.sizes,
        pool=stretch.pool,
        least=least,
        pattern=pattern[serves],
        rows=pools.rows,
        k=k,
        left_out=dict(left_out.most_common()),
    )


@dataclass(frozen=True, slots=True)
class _Stretches:
    offsets: Rows
    starts: Rows
    sizes: Rows
    pool: NDArray[np.uint8]

    @classmethod
    def of(cls, pools: Pools, pool_of_run: NDArray[np.uint8], serves: NDArray[np.bool_]) -> _Stretches:
        """Runs of one pool that follow each other are one stretch: most identities have one for each pool."""
        owner = np.repeat(np.arange(pools.num_identities), np.diff(pools.offsets))
        number = np.cumsum(serves) - 1
        keep = serves[owner]
        owner, pool, starts, sizes = number[owner[keep]], pool_of_run[keep], pools.starts[keep], pools.sizes[keep]
        if not len(owner):
            return cls(np.zeros(1, np.int64), starts, sizes, pool)
        begins = np.r_[
            True, (owner[1:] != owner[:-1]) | (pool[1:] != pool[:-1]) | (starts[1:] != (starts + sizes)[:-1])
        ]
        at = np.flatnonzero(begins)
        firsts = np.flatnonzero(np.r_[True, np.diff(owner[at]) != 0])
        return cls(np.r_[firsts, len(at)], starts[at], np.add.reduceat(sizes, at), pool[at])


def _few(masks: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The different masks, ascending, and the position in them of each.

    Masks of few bits are looked up, which takes a tenth of the time of sorting millions of them.
    """
    if not len(masks) or int(masks.max()) >= 1 << 16:
        return np.unique(masks, return_inverse=True)
    small = masks.astype(np.uint16)
    found = np.flatnonzero(np.bincount(small))
    position = np.zeros(1 << 16, np.min_scalar_type(len(found)))
    position[found] = np.arange(len(found))
    return found.astype(masks.dtype), position[small]


Signature = tuple[int, ...]
"""The requirements that a row meets, by number."""


def _least(contract: GroupContract, there: list[Signature], k: int) -> tuple[dict[Signature, int], str | None]:
    """How many rows of each pool a block needs at least, or why an identity with just these pools cannot serve."""
    needs: dict[Signature, int] = dict.fromkeys(there, 0)
    for number, requirement in enumerate(contract.requirements):
        able = [s for s in there if number in s]
        if not able:
            return {}, f"without {requirement.words}"
        missing = requirement.count - sum(needs[s] for s in able)
        if missing > 0:
            # the pool that meets most requirements at once: an aligned sample counts for all its modalities
            needs[max(able, key=len)] += missing
    total = sum(needs.values())
    if total > k and not contract.as_k_permits:
        return {}, f"that need {total} rows in a block of K={k}"
    for signature in there:
        if total < k and not needs[signature]:
            needs[signature] = 1
            total += 1
    return needs, None


def describe(contract: GroupContract, modalities: tuple[str, ...]) -> str:
    """The contract in words, e.g. `pair (rgb ≥ 1, nir|sketch ≥ 1)`.

    >>> describe(GroupContract("rgb", (Requirement(1, 1, "rgb"),)), ("rgb", "nir"))
    'rgb (rgb ≥ 1)'
    """
    needs = ", ".join(f"{'|'.join(mask_names(r.mask, modalities))} ≥ {r.count}" for r in contract.requirements)
    return f"{contract.name} ({needs})" if needs else contract.name
