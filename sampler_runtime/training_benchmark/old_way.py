"""Samples as paths -> P×K batches, in the way of training code that looks through an identity's samples anew for each batch.

The kinder kind of it: paths are in memory, grouped by identity once at the start, and no sample is opened to learn its
modality. Code that asks the dataset for the sample, and so decodes it, is slower by far.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from indexer.vocabulary import MODALITY_ALIASES, RGB
from sampler_runtime.view import IndexView


def modality_of(path: str) -> str:
    """What the folders and the name of a file say about its modality; RGB where they say nothing.

    >>> modality_of("nir/0007/0007_sysu_cam3_01.jpg"), modality_of("train/12/12_sketch.png"), modality_of("12/cam1_3.jpg")
    ('nir', 'sketch', 'rgb')
    """
    words = re.split(r"[/_.\\]", path.lower())
    for name, others in MODALITY_ALIASES.items():
        if name in words or any(other in words for other in others):
            return name
    return RGB


class OldWay:
    """A batch sampler: P identities at random, of each half RGB and half others, where it has both.

    Args:
        paths: Of the samples.
        pids: Of the samples; below 0: not drawn.
        p: Identities in a batch.
        k: Rows of each.
        batches: Of an epoch.
        seed: Of the run.
    """

    def __init__(self, paths: Sequence[str], pids: Sequence[int], p: int, k: int, batches: int, seed: int = 0) -> None:
        """See the class."""
        self._paths, self._p, self._k, self._batches = paths, p, k, batches
        self._rows: dict[int, list[int]] = defaultdict(list)
        for row, pid in enumerate(pids):
            if pid >= 0:
                self._rows[pid].append(row)
        self._random = np.random.default_rng(seed)

    @classmethod
    def of(cls, view: IndexView, p: int, k: int, batches: int, seed: int = 0) -> OldWay:
        """Over the samples of a view: it takes their paths and identities, as a list of files would tell them."""
        paths = [view.path_of(row) for row in range(len(view))]
        return cls(paths, view.column("pid").tolist(), p, k, batches, seed)

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        identities = list(self._rows)
        for _ in range(self._batches):
            drawn = self._random.choice(len(identities), self._p, replace=False)
            yield [row for at in drawn for row in self._block(self._rows[identities[at]])]

    def _block(self, rows: list[int]) -> list[int]:
        by_modality: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            by_modality[modality_of(self._paths[row])].append(row)
        rgb = by_modality.pop(RGB, [])
        others = [row for found in by_modality.values() for row in found]
        if not rgb or not others:
            return self._some(rgb or others, self._k)
        return self._some(rgb, self._k // 2) + self._some(others, self._k - self._k // 2)

    def _some(self, rows: list[int], count: int) -> list[int]:
        chosen: list[int] = self._random.choice(rows, count, replace=len(rows) < count).tolist()
        return chosen
