"""Instances composed of several modalities -> which rows make one, as menus of so many instances.

An instance of `compose=("rgb", "text", "sketch")` is a tuple of rows, one for each modality, drawn from the identity's own. What
was shot or written together stays together: a row that has several of the modalities fills all of their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Final

import numpy as np

from indexer.errors import SettingsError
from indexer.schema import modality_mask
from indexer.vocabulary import resolve_modality
from sampler_runtime.contract import GroupContract
from sampler_runtime.eligibility import Blocks, Solved, assemble, distinct_masks
from sampler_runtime.menus import Menus, Reason
from sampler_runtime.pools import Pools

COLUMNS: Final = ("view",)
"""The columns besides modalities that compositions tell rows apart by."""
_FULLER: Final = 3
"""Where some rows make fuller instances than others (a photo with a caption, one without), so many instances are of the
former for each of the latter."""

Kind = tuple[frozenset[int], int]
"""The places of an instance that a row fills, and its view (0: unknown)."""
Instance = tuple[int, ...]
"""Pools, each of which gives a row."""


def parse_composition(compose: Sequence[str], modalities: Sequence[str]) -> tuple[str, ...]:
    """The modalities of an instance, in order, by their standard names.

    Raises:
        SettingsError: No list of modalities, or one that the index does not have, or one twice.
    """
    if isinstance(compose, str) or not all(isinstance(word, str) for word in compose) or not compose:
        raise SettingsError(f"compose: expected the modalities of an instance, e.g. ('rgb', 'text'), found {compose!r}")
    names = tuple(resolve_modality(word, modalities, setting="compose") for word in compose)
    if len(set(names)) < len(names):
        raise SettingsError(f"compose: a modality twice in {names}; an instance has one row of each")
    return names


def compile_composition(
    compose: tuple[str, ...],
    contract: GroupContract,
    pools: Pools,
    k: int,
    modalities: Sequence[str],
    *,
    repeat_rows: bool = True,
) -> Blocks:
    """The identities that can serve a contract with composed instances, and what these are drawn from.

    An instance holds every modality that its identity has, where its rows permit; `text>=2` asks that two of the K do.

    Args:
        compose: Modalities of an instance.
        contract: Of at-least requirements.
        pools: Of the view, made with `COLUMNS`.
        k: Instances in a block.
        modalities: Of the index, in bit order.
        repeat_rows: Whether identities that cannot make K different instances serve.

    Raises:
        SettingsError: A requirement that makes no sense for composed instances.
    """
    all_of_them = modality_mask(compose, modalities)
    if k * len(compose) >= 1 << 15:
        raise SettingsError(f"k: {k:,} instances of {len(compose)} modalities are beyond any batch")
    for need in contract.requirements:
        name = need.words.replace(" or ", "|")
        if not need.mask & all_of_them:
            raise SettingsError(
                f"each={str(contract)!r}: {name} is not among the modalities of compose ({', '.join(compose)}); add it there, or "
                "leave it out of each"
            )
        if need.exact or need.count > k:
            raise SettingsError(
                f"each={str(contract)!r}: {need} cannot be asked of composed instances: each holds one row of every modality that "
                f"the identity has; ask for {name}>=1"
            )
    if contract.spreads:
        raise SettingsError(f"each={str(contract)!r}: {contract.spreads[0]} cannot be asked of composed instances")
    masks, mask_of_run = distinct_masks(pools.kinds)
    places = [
        frozenset(i for i, name in enumerate(compose) if int(m) & modality_mask([name], modalities)) for m in masks
    ]
    views = pools.told["view"]
    code = mask_of_run.astype(np.int64) * 256 + views
    codes, code_of_run = np.unique(code, return_inverse=True)
    kinds: list[Kind] = [(places[c // 256], c % 256) for c in codes.tolist()]
    signatures = sorted(set(kinds), key=lambda kind: (min(kind[0], default=len(compose)), sorted(kind[0]), kind[1]))
    needed = [
        (frozenset(i for i, name in enumerate(compose) if need.mask & modality_mask([name], modalities)), need.words)
        for need in contract.requirements
    ]

    def solve(there: Sequence[Kind], have: Sequence[int]) -> Solved:
        filled = frozenset[int]().union(*(kind[0] for kind in there))
        for some, words in needed:
            if not some & filled:
                return Solved(Reason(f"without {words}"))
        if not filled:
            return Solved(Reason(f"without {' or '.join(compose)}"))
        asked = [(some, need.count) for (some, _), need in zip(needed, contract.requirements, strict=True)]
        return _block(_instances(there), there, have, k, len(compose), asked)

    lookup = np.array([min(signatures.index(kind), 255) for kind in kinds], np.uint8)
    return assemble(
        pools, signatures, lookup[code_of_run], solve, k, cap=1 if repeat_rows else k, repeat_rows=repeat_rows
    )


def _instances(kinds: Sequence[Kind]) -> list[Instance]:
    """The instances that a visit goes through: each view in turn, all rows of one view where there are such."""
    able = [pool for pool, kind in enumerate(kinds) if kind[0]]
    views = sorted({kinds[pool][1] for pool in able} - {0}) or [0]
    usual = list(dict.fromkeys(_compose(kinds, able, view, ()) for view in views))
    missing = [pool for pool in able if not any(pool in instance for instance in usual)]
    others = []
    while missing:
        others.append(_compose(kinds, able, kinds[missing[0]][1], (missing[0],)))
        missing = [pool for pool in missing if pool not in others[-1]]
    if not others:
        return usual
    turns: list[Instance] = []
    for other in others:  # spread out: several of them in one block would leave it without what they lack
        for _ in usual:
            turns += [usual[(len(turns) + place) % len(usual)] for place in range(_FULLER)]
            turns.append(other)
    return turns


def _compose(kinds: Sequence[Kind], able: Sequence[int], view: int, start: Instance) -> Instance:
    """An instance as full as can be, of one view where there is one. Rows with more of the places go before."""
    chosen = list(start)
    filled = frozenset[int]().union(*(kinds[pool][0] for pool in start))
    while True:
        fits = [pool for pool in able if not kinds[pool][0] & filled]
        if not fits:
            return tuple(chosen)
        best = min(fits, key=lambda p: (min(kinds[p][0]), -len(kinds[p][0]), kinds[p][1] != view, kinds[p][1] != 0, p))
        chosen.append(best)
        filled |= kinds[best][0]


def _block(
    instances: Sequence[Instance],
    kinds: Sequence[Kind],
    have: Sequence[int],
    k: int,
    width: int,
    asked: Sequence[tuple[frozenset[int], int]],
) -> Solved:
    """K instances at each visit, going round in the list of them, as rows drawn of each pool and where these go.

    `asked`: so many of the K have one of these places. Where it is another's turn, one that has stands in for the last.
    """
    turns = len(instances) // gcd(len(instances), k)
    menus, cells = [], np.full((turns, k, width), -1, np.int16)
    for turn in range(turns):
        chosen = [instances[(turn * k + place) % len(instances)] for place in range(k)]
        for place in reversed(range(k)):
            if any(sum(_has(i, kinds, some) for i in chosen) < least for some, least in asked):
                chosen[place] = max(instances, key=lambda i: sum(_has(i, kinds, some) for some, _ in asked))
        if any(sum(_has(i, kinds, some) for i in chosen) < least for some, least in asked):
            return Solved(Reason("whose instances cannot hold all of it at once", "tight"))
        count = [sum(pool in instance for instance in chosen) for pool in range(len(kinds))]
        next_row = [sum(count[:pool]) for pool in range(len(kinds))]
        for place, instance in enumerate(chosen):
            for pool in instance:
                cells[turn, place, sorted(kinds[pool][0])] = next_row[pool]
                next_row[pool] += 1
        menus.append(tuple(count))
    # Two instances are the same only where every modality comes to its end.
    repeats = all(count > there for menu in menus for count, there in zip(menu, have, strict=True) if count)
    return Solved(Menus(tuple(menus), (False,) * len(kinds), repeats), cells=cells)


def _has(instance: Instance, kinds: Sequence[Kind], places: frozenset[int]) -> bool:
    return any(kinds[pool][0] & places for pool in instance)
