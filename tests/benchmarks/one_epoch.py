"""One sampler, one epoch: how long it takes, and what its batches held; `python -m` runs it in a process of its own."""

from __future__ import annotations

import gc
import json
import math
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.peers import SAMPLERS, K, P, SetUp

WARM_UP = 320, 10
"""Rows and rows per identity of a first epoch that is not measured: first uses cost time of their own."""


def _private_mib() -> float:
    smaps = Path("/proc/self/smaps_rollup")
    lines = smaps.read_text().splitlines() if smaps.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous")) / 1024 if lines else math.nan


def measure(set_up: SetUp, rows: int, per_identity: int) -> dict[str, float]:
    """Set a sampler up and draw one epoch; what its batches held is looked at afterwards."""
    # Resident before memory is measured. An epoch of peers draws no more rows than there are; ours, where it holds every
    # sample and RGB with NIR, up to twice as many.
    drawn = np.full((2 * rows // (P * K), P * K), -1)
    gc.collect()
    before, start = _private_mib(), time.perf_counter()
    sampler = set_up()
    ready = time.perf_counter()
    batches = iter(sampler)
    drawn[0] = next(batches)
    first = time.perf_counter() - ready
    memory, then, count = _private_mib(), 0.0, 1
    last = time.perf_counter()
    for batch in batches:
        then += time.perf_counter() - last
        drawn[count] = batch
        count += 1
        last = time.perf_counter()
    then += time.perf_counter() - last  # to find that there is no further one
    memory = max(memory, _private_mib()) - before
    return {
        "set_up": 1e3 * (ready - start),
        "first": 1e3 * first,
        "until_first": 1e3 * (ready - start + first),
        "then": 1e6 * then / max(count - 1, 1),
        "each": 1e6 * (first + then) / count,
        "memory": memory,
        "batches": count,
        **_contents(drawn[:count], rows, per_identity),
    }


def _contents(drawn: NDArray[np.int64], rows: int, per_identity: int) -> dict[str, float]:
    """The share of samples seen, of batches of exactly P × K, and of identities in a batch that show RGB and NIR."""
    identity, rgb = drawn // per_identity, drawn % per_identity < np.ceil(0.6 * per_identity)
    exact = [sorted(Counter(batch).values()) == [K] * P for batch in identity.tolist()]
    blocks = pairs = 0
    for batch, shown in zip(identity, rgb, strict=True):
        with_rgb, with_nir = set(batch[shown].tolist()), set(batch[~shown].tolist())
        blocks += len(with_rgb | with_nir)
        pairs += len(with_rgb & with_nir)
    return {"seen": len(np.unique(drawn)) / rows, "exact": statistics.mean(exact), "pairs": pairs / blocks}


def main() -> None:
    """Measure one sampler once and print the figures as JSON."""
    name, folder, rows, per_identity = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    figures = {}
    for size in (WARM_UP, (rows, per_identity)):
        labels = np.arange(size[0]) // size[1]
        figures = measure(SAMPLERS[name](labels, folder / f"{size[0]}.parquet"), *size)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
