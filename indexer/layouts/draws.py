"""`[[draw]]` -> splits drawn by lot: galleries of one image an identity and camera, random halves of the identities.

Evaluation codes of the field draw with Python's `random.seed(trial)` and `random.choice` over sorted files. The same
images are drawn here, so that numbers can be compared: from the same generator, by the same steps.
"""

from __future__ import annotations

# A generator of one's own, never the global one: its sequence is promised by Python, and papers rest on it.
from random import Random  # noqa: TID251

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import Problem
from indexer.layouts.annotations import split_words
from indexer.layouts.joining import Rows
from indexer.layouts.language.draw import Draw
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import Source, Value, filled, rounds
from indexer.samples import Samples
from indexer.vocabulary import natural_key, standard_modality, standard_split

_WHO = ["identity", "scope"]


def draw_splits(layout: Layout, samples: Samples) -> list[Problem]:
    """Mark the splits that a layout draws.

    Returns:
        A problem where there are fewer identities than are to be drawn: a part of the dataset has no such splits.
    """
    problems = []
    for draw in layout.draw:
        pools: dict[str, tuple[Rows, list[Rows]]] = {}  # most trials draw from the same samples
        for values in rounds(draw.each):
            origin = filled(draw.origin or "", values)
            if origin not in pools:
                pool = _pool(draw, samples, origin)
                pools[origin] = pool, _groups(samples, pool, _WHO if draw.of == "identity" else [*draw.per])
            pool, groups = pools[origin]
            if draw.of == "identity" and draw.take is not None and len(groups) < draw.take:
                message = f"draws {draw.take:,} identities, there are {len(groups):,}: not drawn"
                problems.append(Problem("draw", _told(draw, values), message))
                continue
            chosen = _drawn(draw, pool, groups, Random(int(filled(draw.seed, values))))
            _mark(layout, draw.split, samples, chosen, values)
            if draw.rest is not None:
                _mark(layout, draw.rest, samples, np.setdiff1d(pool, chosen), values)
    return problems


def _told(draw: Draw, values: dict[str, str]) -> str:
    return filled(draw.split, values) if isinstance(draw.split, str) else ", ".join(values.values()) or "draw"


def _pool(draw: Draw, samples: Samples, origin: str) -> Rows:
    """What is drawn from: samples that show somebody, in path order."""
    fields = samples.fields
    keep = pc.and_(pc.is_valid(fields["identity"]), pc.is_null(fields["role"])).to_numpy(zero_copy_only=False)
    if origin:
        inside = np.zeros(len(samples), bool)
        for name in (standard_split(word) for word in origin.split("+")):
            if name in samples.splits.names:
                inside |= samples.splits.rows_in(name)
        keep = keep & inside
    for name, theirs in draw.where.items():
        words = [standard_modality(word) or word for word in theirs] if name == "modality" else theirs
        keep = keep & pc.is_in(fields[name], value_set=pa.array(words, pa.string())).to_numpy(zero_copy_only=False)
    return np.flatnonzero(keep)


def _drawn(draw: Draw, pool: Rows, groups: list[Rows], lot: Random) -> Rows:
    if draw.take is None or not len(pool):
        return pool
    if draw.of == "identity":
        return np.sort(np.concatenate([groups[i] for i in _some(lot, len(groups), draw.take)]))
    return np.sort(np.concatenate([rows[_some(lot, len(rows), min(draw.take, len(rows)))] for rows in groups]))


def _groups(samples: Samples, pool: Rows, names: list[str]) -> list[Rows]:
    """The rows of the pool that agree in some fields, group by group in natural order of the fields."""
    if not names:
        return [pool]
    at = pa.array(pool)
    keys = pc.binary_join_element_wise(*(pc.fill_null(samples.fields[n].take(at), "") for n in names), "\x1f")
    encoded = keys.dictionary_encode()
    labels = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy()
    by_group = np.argsort(codes, kind="stable")
    parts = np.split(pool[by_group], np.cumsum(np.bincount(codes, minlength=len(labels)))[:-1])
    order = sorted(range(len(labels)), key=lambda i: [natural_key(word) for word in labels[i].split("\x1f")])
    return [parts[i] for i in order]


def _below(lot: Random, n: int) -> int:
    """A number below n: as `random.choice` takes it, spelt out so that no later Python changes it."""
    bits = n.bit_length()
    found = lot.getrandbits(bits)
    while found >= n:
        found = lot.getrandbits(bits)
    return found


def _some(lot: Random, n: int, take: int) -> list[int]:
    """`take` different numbers below n, in the order they are drawn; of one, `random.choice`."""
    numbers = list(range(n))
    found = []
    for left in range(n, n - take, -1):
        i = _below(lot, left)
        found.append(numbers[i])
        numbers[i] = numbers[left - 1]
    return found


def _mark(layout: Layout, split: Value, samples: Samples, rows: Rows, values: dict[str, str]) -> None:
    if not len(rows):
        return  # a part of the dataset: an empty split would say that there is one
    if not isinstance(split, Source):
        samples.splits.mark(rows, layout.standard_value("split", filled(split, values), {}))
        return
    words = samples.fields[split.group].take(pa.array(rows))
    for names, chosen in split_words(layout, split, words, rows, values):
        samples.splits.mark(chosen, names)
