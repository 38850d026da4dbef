"""Pools and a contract -> `Blocks`: the identities that can serve it, and what their blocks are drawn from.

Rows that meet the same needs stand for each other: they are a pool. Which pools an identity has is its pattern; menus are
made once a pattern. Everything by identity is a NumPy pass over its runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError
from sampler_runtime.cached_property import cached_property
from sampler_runtime.contract import SPREADS, GroupContract
from sampler_runtime.menus import Menus, Need, Reason, Signature, make_menus
from sampler_runtime.pools import Pools, Stretches
from sampler_runtime.spread import Cell, deal, regroup, renumbered

Rows = NDArray[np.int64]
_PIECE: Final = 1 << 13
_MOST_POOLS: Final = 64  # which of them an identity has is one 64-bit mask


@dataclass(frozen=True)
class Blocks(Stretches):
    """The identities that can serve a contract, the pools their blocks are drawn from, and the menus."""

    pool: NDArray[np.uint8]
    """Shape `(stretches,)`: which pool a stretch belongs to, 0 … `num_pools` - 1. A pool may have several stretches."""
    pattern: NDArray[Any]
    """Shape `(identities,)`: which menus it has."""
    turns: NDArray[np.int64]
    """Shape `(patterns,)`: how many menus a pattern has, by turns."""
    first_menu: NDArray[np.int64]
    """Shape `(patterns,)`: its first row of `menu`."""
    menu: NDArray[np.int64]
    """Shape `(menus, num_pools)`: rows that a visit draws of each pool at least."""
    open: NDArray[np.bool_]
    """Shape `(patterns, num_pools)`: pools that the places which a menu leaves are filled from."""
    first: NDArray[np.bool_] | None
    """Shape `(identities,)`: who also serves what is preferred, and comes first; None: nothing is preferred."""
    k: int
    left_out: dict[Reason, NDArray[np.int32]]
    """Why → pids that cannot serve."""
    cells: NDArray[np.int16] | None = None
    """Shape `(menus, K, modalities)`, where instances are composed: which of the drawn rows it is; -1: none."""

    @property
    def num_pools(self) -> int:
        """Kinds of rows the contract tells apart."""
        return int(self.menu.shape[1])

    @cached_property
    def scattered(self) -> bool:
        """Whether some pool has several stretches."""
        comes_back = self.pool[1:] <= self.pool[:-1]
        comes_back[self.offsets[1:-1] - 1] = False  # that is somebody else's
        if not comes_back.any():
            return False
        owner = np.repeat(np.arange(self.num_identities, dtype=np.int64), np.diff(self.offsets))
        return len(np.unique(owner * self.num_pools + self.pool)) < len(owner)

    def pools_of(self, who: Rows) -> tuple[Rows, Rows]:
        """Rows of each pool of some identities and the position of its first row, each of shape `(num_pools, n)`."""
        sizes = np.zeros((self.num_pools, len(who)), np.int64)
        starts = np.zeros((self.num_pools, len(who)), np.int64)
        first = self.offsets.take(who).astype(np.int64)
        count = self.offsets.take(who + 1) - first
        for number in range(int(count.max(initial=0)))[::-1]:
            have = np.flatnonzero(number < count)
            stretch = first[have] + number
            at = self.pool.take(stretch) * np.int64(len(who)) + have
            sizes.reshape(-1)[at] += self.sizes.take(stretch)
            starts.reshape(-1)[at] = self.starts.take(stretch)
        return sizes, starts

    def counts(self) -> dict[str, int]:
        """Reason → how many identities cannot serve, most first."""
        counts = {reason.words: len(pids) for reason, pids in self.left_out.items()}
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def caused_by(self, cause: str) -> NDArray[np.int32]:
        """Pids that cannot serve because of this, see `Reason`."""
        found = [pids for reason, pids in self.left_out.items() if reason.cause == cause]
        return np.concatenate(found) if found else np.empty(0, np.int32)


def further_columns(contract: GroupContract) -> tuple[str, ...]:
    """The columns besides modalities that a contract tells rows apart by."""
    return tuple(SPREADS[spread.over] for spread in contract.spreads)


def compile_blocks(
    contract: GroupContract,
    pools: Pools,
    k: int,
    *,
    preferred: GroupContract | None = None,
    repeat_rows: bool = True,
) -> Blocks:
    """Tell the identities that can serve a contract from those that cannot, and make the pools of the former.

    Args:
        contract: What every block must hold.
        pools: Of the view, made with `further_columns`.
        k: Rows in a block.
        preferred: What blocks hold besides where they can; such identities come first.
        repeat_rows: Whether identities that cannot fill a block with different rows serve.

    Raises:
        SettingsError: More pools than can be told apart.
    """
    wishes = tuple(w for w in preferred.requirements if w not in contract.requirements) if preferred else ()
    wanted = (*contract.requirements, *wishes)
    needs = [Need(r.count, Reason(f"without {r.words}"), r.exact) for r in wanted]
    kinds, kind_of_run = distinct_masks(pools.kinds)
    meets = [tuple(i for i, r in enumerate(wanted) if int(kind) & r.mask) for kind in kinds]
    groups = [spread.count for spread in contract.spreads]
    units = [pools.told[column] for column in further_columns(contract)]
    dealt = [deal(pools.owners, unit, pools.sizes, count) for unit, count in zip(units, groups, strict=True)]
    for spread in contract.spreads:
        needs += [Need(1, Reason(f"with fewer than {spread.count} {spread.over}"))] * spread.count

    def solve(signatures: Sequence[Signature], have: Sequence[int]) -> Solved:
        made = make_menus(needs, signatures, have, k, as_k_permits=contract.as_k_permits)
        if isinstance(made, Menus) or not wishes:
            return Solved(made)
        optional = range(len(contract.requirements), len(wanted))
        plain = [Need(0, need.missing) if number in optional else need for number, need in enumerate(needs)]
        return Solved(make_menus(plain, signatures, have, k, as_k_permits=contract.as_k_permits), first=False)

    def assembled() -> Blocks:
        signatures, pool_of_run = _signatures(meets, kind_of_run, dealt, groups, len(wanted))
        cap = max((need.count for need in needs), default=1) or 1
        return assemble(pools, signatures, pool_of_run, solve, k, cap=cap, repeat_rows=repeat_rows)

    blocks = assembled()
    tight = blocks.caused_by("tight")
    if not groups or not len(tight):
        return blocks
    # An even deal of cameras may be the wrong one where K is tight: SYSU-MM01 films each modality with cameras of its own.
    asked = [
        tuple(number for number in met if number < len(contract.requirements)) for met in meets
    ]  # not what is wished
    found: dict[tuple[Cell, ...], list[tuple[int, ...]] | None] = {}
    for identity in np.searchsorted(pools.pids, tight):
        runs = slice(pools.offsets[identity], pools.offsets[identity + 1])
        told = zip(*(unit[runs].tolist() for unit in units), strict=True)
        cells = renumbered([(asked[kind], tuple(cell)) for kind, cell in zip(kind_of_run[runs], told, strict=True)])
        if cells not in found:
            found[cells] = regroup(cells, needs[: len(contract.requirements)], groups, k)
        for number, cell in enumerate(found[cells] or ()):
            for which, group in enumerate(cell):
                dealt[which][runs.start + number] = group
    return assembled()


@dataclass(frozen=True, slots=True)
class Solved:
    """What is made of the pools of an identity."""

    menus: Menus | Reason
    """Or why there are none."""
    first: bool = True
    """Serves what is preferred as well."""
    cells: NDArray[np.int16] | None = None
    """As in `Blocks`, of these menus."""


def assemble(
    pools: Pools,
    signatures: Sequence[object],
    pool_of_run: NDArray[np.uint8],
    solve: Callable[[Any, Sequence[int]], Solved],
    k: int,
    *,
    cap: int = 1,
    repeat_rows: bool = True,
) -> Blocks:
    """Blocks, from the pool of each run and a solver for the pools that an identity has.

    Args:
        pools: Of the view.
        signatures: What the rows of each pool are.
        pool_of_run: Shape `(runs,)`.
        solve: The signatures of an identity's pools and the rows in each, to its menus.
        k: Rows in a block.
        cap: Beyond so many rows of a pool it makes no difference to `solve` how many there are.
        repeat_rows: As in `compile_blocks`.
    """
    if len(signatures) > _MOST_POOLS:
        raise SettingsError(
            f"each: it tells {len(signatures)} kinds of samples apart, by modalities and by the cameras, tracklets or views "
            f"that a block is spread over; at most {_MOST_POOLS} are possible: ask for fewer"
        )
    sets, which = _patterns(pools, pool_of_run, len(signatures), cap)
    patterns: list[_Pattern] = []
    reasons: dict[Reason, int] = {}
    kind_of_set = np.empty(len(sets), np.min_scalar_type(-len(sets) - 1))  # a pattern, or -1 less a reason
    for number, have in enumerate(sets):
        there = np.flatnonzero(have)
        solved = solve([signatures[pool] for pool in there.tolist()], have[there].tolist())
        if isinstance(solved.menus, Reason):
            kind_of_set[number] = -1 - reasons.setdefault(solved.menus, len(reasons))
        else:
            kind_of_set[number] = len(patterns)
            patterns.append(_Pattern.of(solved, solved.menus, there, len(signatures)))
    kind = look_up(kind_of_set, which)
    serves = kind >= 0
    left_out = {reason: pools.pids[kind == -1 - number] for reason, number in reasons.items()}
    if not repeat_rows and serves.any():
        short = np.zeros(len(kind), bool)
        short[serves] = _short(patterns, kind[serves], _sizes_by_pool(pools, pool_of_run, len(signatures))[serves], k)
        if short.any():
            left_out[Reason(f"with fewer than K={k} different samples", "short")] = pools.pids[short]
            serves &= ~short
    serving = replace(pools, told={"pool": pool_of_run})
    if not serves.all():
        serving, kind = serving.only(serves), kind[serves]
    turns = np.array([len(pattern.menu) for pattern in patterns], np.int64)
    none = np.empty((0, len(signatures)), np.int64)
    cells = [pattern.cells for pattern in patterns if pattern.cells is not None]
    return Blocks(
        serving.pids,
        *_stretches(serving),
        pattern=kind,
        turns=turns,
        first_menu=np.cumsum(turns) - turns,
        menu=np.concatenate([none, *(pattern.menu for pattern in patterns)]),
        open=np.concatenate([none.astype(bool), *(pattern.open[None] for pattern in patterns)]),
        first=None
        if all(pattern.first for pattern in patterns)
        else np.array([pattern.first for pattern in patterns])[kind],
        rows=pools.rows,
        k=k,
        left_out=left_out,
        cells=np.concatenate(cells) if cells else None,
    )


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What is made of a set of pools, told for all pools of the index."""

    menu: NDArray[np.int64]
    """Shape `(turns, pools)`."""
    open: NDArray[np.bool_]
    """Shape `(pools,)`."""
    repeats: bool
    first: bool
    cells: NDArray[np.int16] | None

    @classmethod
    def of(cls, solved: Solved, menus: Menus, there: NDArray[np.int64], pools: int) -> _Pattern:
        menu, opens = np.zeros((len(menus.turns), pools), np.int64), np.zeros(pools, bool)
        menu[:, there], opens[there] = menus.turns, menus.open
        return cls(menu, opens, menus.repeats, solved.first, solved.cells)


def _short(patterns: Sequence[_Pattern], kind: NDArray[Any], sizes: Rows, k: int) -> NDArray[np.bool_]:
    """Which identities cannot fill a block with different rows; `sizes` has shape `(identities, pools)`."""
    opens = np.array([pattern.open for pattern in patterns])
    closed = np.array([np.where(pattern.open, 0, pattern.menu[0]).sum() for pattern in patterns])
    usable = closed[kind] + (sizes * opens[kind]).sum(1)
    return np.asarray(np.array([pattern.repeats for pattern in patterns])[kind] | (usable < k))


def _signatures(
    meets: Sequence[Signature],
    kind_of_run: NDArray[Any],
    dealt: Sequence[NDArray[np.int8]],
    groups: Sequence[int],
    first_group: int,
) -> tuple[list[Signature], NDArray[np.uint8]]:
    """The different signatures, and which of them each run has: the needs met by its modality, and by its groups."""
    codes, code_of_run = np.arange(len(meets)), kind_of_run
    if dealt:
        code = kind_of_run.astype(np.int64)
        for dealt_to, count in zip(dealt, groups, strict=True):
            code = code * (count + 1) + dealt_to + 1
        codes, code_of_run = np.unique(code, return_inverse=True)
    found: list[Signature] = []
    for number in codes.tolist():
        rest, own, top = number, [], first_group + sum(groups)
        for count in reversed(groups):
            rest, group = divmod(rest, count + 1)
            top -= count
            own += [top + group - 1] if group else []
        found.append((*meets[rest], *sorted(own)))
    signatures = sorted(set(found), key=lambda s: (not s, s[:1], -len(s), s))  # rows that meet nothing come last
    lookup = np.array([min(signatures.index(signature), 255) for signature in found], np.uint8)
    same = np.array_equal(lookup, np.arange(len(lookup)))
    return signatures, code_of_run.astype(np.uint8, copy=False) if same else look_up(lookup, code_of_run)


def _patterns(
    pools: Pools, pool_of_run: NDArray[np.uint8], num_pools: int, cap: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The different sets of pools that identities have, as rows in each up to `cap`, and which each identity has."""
    if not pools.num_identities:
        return np.empty((0, num_pools), np.int64), np.empty(0, np.int64)
    if cap == 1:
        bit = (np.uint64(1) << np.arange(num_pools, dtype=np.uint64)).astype(np.min_scalar_type(1 << num_pools - 1))
        present = np.bitwise_or.reduceat(look_up(bit, pool_of_run), pools.offsets[:-1])
        sets, pattern = distinct_masks(present)
        return (sets[:, None].astype(np.uint64) >> np.arange(num_pools, dtype=np.uint64) & np.uint64(1)).astype(
            np.int64
        ), pattern
    sizes = np.minimum(_sizes_by_pool(pools, pool_of_run, num_pools), cap)
    have, pattern = np.unique(sizes, axis=0, return_inverse=True)
    return have, pattern.reshape(-1)


def _sizes_by_pool(pools: Pools, pool_of_run: NDArray[np.uint8], num_pools: int) -> Rows:
    """Rows of each pool of each identity, shape `(identities, num_pools)`."""
    columns = (np.where(pool_of_run == pool, pools.sizes, 0) for pool in range(num_pools))
    return np.stack([np.add.reduceat(column, pools.offsets[:-1], dtype=np.int64) for column in columns], axis=1)


def _stretches(runs: Pools) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.int32], NDArray[np.uint8]]:
    """Offsets, starts, sizes and pools of stretches: runs of one pool that follow each other are one."""
    pool, starts, sizes = runs.told["pool"], runs.starts, runs.sizes
    goes_on = pool[1:] == pool[:-1]
    goes_on[runs.offsets[1:-1] - 1] = False  # that is somebody else's
    if goes_on.any():
        goes_on &= starts[1:] == starts[:-1] + sizes[:-1]
    if not goes_on.any():
        return runs.offsets, starts, sizes, pool
    begins = np.append(True, ~goes_on)
    at = np.flatnonzero(begins)
    offsets = np.append(0, np.cumsum(begins))[runs.offsets].astype(np.int32)
    return offsets, starts[at], np.add.reduceat(sizes, at), pool[at]


def distinct_masks(masks: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The different masks, ascending, and the position in them of each.

    Masks of few bits are looked up, which takes a tenth of the time of sorting millions of them.
    """
    top = int(masks.max(initial=0))
    if top >= 1 << 16:
        return np.unique(masks, return_inverse=True)
    seen = np.zeros(top + 1, bool)
    for start in range(0, len(masks), _PIECE):
        seen[masks[start : start + _PIECE]] = True
    found = np.flatnonzero(seen).astype(masks.dtype)
    position = np.zeros(top + 1, np.min_scalar_type(len(found)))
    position[found] = np.arange(len(found))
    return found, look_up(position, masks)


def look_up(table: NDArray[Any], keys: NDArray[Any]) -> NDArray[Any]:
    """`table[keys]` for a short table and many keys of a small type.

    NumPy widens the keys to 8 bytes each: a piece of them at a time stays in the cache, all of them would be fresh memory.
    """
    found = np.empty(len(keys), table.dtype)
    for start in range(0, len(keys), _PIECE):
        found[start : start + _PIECE] = table.take(keys[start : start + _PIECE])
    return found
