"""A process that draws batches for as long as one likes and says, at even distances, how much memory it has: JSON."""

from __future__ import annotations

import gc
import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.mapped import open_index

MARKS = 10


def anonymous() -> int:
    """Bytes of memory that are this process's own, and no file's."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def main(index: str, batches: int) -> None:
    """Draw, with the last tenths of the run each measured; then tell whether everybody had their share."""
    train = open_index(index).select(split="train")
    pid = train.column("pid")
    sampler = PKBatchSampler(train, 8, 4, seed=1)
    visits, uses = np.zeros(int(pid.max()) + 1, np.int64), np.zeros(len(train), np.int64)
    uneven = drawn = 0
    marks: list[tuple[int, int, int]] = []
    while drawn < batches:
        for batch in islice(sampler, batches - drawn):
            visits[pid[batch[::4]]] += 1
            uses[batch] += 1
            drawn += 1
            if drawn % (batches // MARKS) == 0:
                gc.collect()
                marks.append((drawn, anonymous(), sys.getallocatedblocks()))
        uneven += int(visits.max() - visits.min()) > 1
    rows = np.bincount(pid)
    fair = visits * 4 / rows
    within = (uses >= np.floor(fair)[pid]) & (uses <= np.ceil(fair)[pid])
    sys.stdout.write(
        json.dumps({"marks": marks, "epochs": sampler.epoch + 1, "uneven": uneven, "unfair rows": int((~within).sum())})
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
