"""Ours alone, once: a cold open, and a batch far into a long epoch; `python -m` runs it in a process of its own."""

from __future__ import annotations

import json
import statistics
import sys
import time

from tests.benchmarks.peers import K, P

EPOCH, FAR = 2_000_000, 1_000_000
"""Batches of an epoch, and the number of the batch that is looked for in it."""
_SEEKS = 200


def measure(path: str) -> dict[str, float]:
    """First of all the cold open: whatever runs before would warm it up. Imports are no part of it."""
    import pyarrow.parquet  # noqa: F401

    from sampler_runtime import PKBatchSampler, open_index

    start = time.perf_counter()
    view = open_index(path).select(split="train")
    next(iter(PKBatchSampler(view, P, K, each="pair")))
    cold = time.perf_counter() - start
    sampler = PKBatchSampler(view, P, K, each="pair", epoch=EPOCH)
    taken: dict[int, list[float]] = {1: [], FAR: []}
    for further in range(_SEEKS):
        for number, seconds in taken.items():  # in turns, and never the same batch twice
            start = time.perf_counter()
            sampler.batch(0, number + further)
            seconds.append(time.perf_counter() - start)
    near, far = (statistics.median(seconds) for seconds in taken.values())
    return {"cold": 1e3 * cold, "near": 1e6 * near, "far": 1e6 * far, "ratio": far / near}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
