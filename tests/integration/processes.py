"""Start a program of `programs/` in one or more processes; compare what its ranks saw with the plan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from sampler_runtime import PKBatchSampler

PROJECT = Path(__file__).parents[2]
P, K, SEED, EPOCHS, EVEN = 4, 2, 5, 3, 8
SECONDS = 200


def needs(*modules):
    """Skip a file of tests where a framework is missing. `importorskip` would import it here, which takes seconds."""
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: make integration", allow_module_level=True)


def environment():
    quiet = {
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return {**os.environ, **quiet, "PYTHONPATH": str(PROJECT)}


def run(program, index, folder, processes, *words):
    """What each rank of a program told."""
    start = [sys.executable, "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    command = [*start, f"tests.integration.programs.{program}", str(index.path), str(folder), *words]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        told, _ = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # torchrun ends its processes
            process.wait(timeout=30)
    assert process.returncode == 0, told[-6000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


def plan(index, **further):
    return PKBatchSampler(index, P, K, seed=SEED, shard="none", **further)


def share(index, rank, world, epochs=range(EPOCHS), split="batches", **further):
    """What a rank should see: (epoch, rows) of each batch."""
    one = plan(index, **further)
    batches = [(e, one.batch(e, b)) for e in epochs for b in range(one.num_batches)]
    if split == "block":
        own = P // world
        return [[e, batch[rank * own : (rank + 1) * own].ravel().tolist()] for e, batch in batches]
    rounds = one.num_batches // world * world
    return [[e, one.batch(e, b).ravel().tolist()] for e in epochs for b in range(rounds) if b % world == rank]


def check_is_the_share(index, seen, split="batches", **further):
    """Of each rank: the plan's batches; and said once more without the plan: exact P×K, ranks apart, epochs not the same."""
    world = len(seen)
    for rank, own in enumerate(seen):
        assert own == share(index, rank, world, split=split, **further), f"rank {rank} of {world}"
    identities = P // world if split == "block" else P
    for own in seen:
        for _, rows in own:
            blocks = [{index.value("pid", row) for row in rows[at : at + K]} for at in range(0, len(rows), K)]
            assert all(len(block) == 1 for block in blocks)
            assert len(set.union(*blocks)) == len(blocks) == identities
    epochs = [sorted(tuple(rows) for own in seen for e, rows in own if e == epoch) for epoch in range(EPOCHS)]
    assert len({tuple(batches) for batches in epochs}) == EPOCHS
    for batches in epochs:
        assert len(set(batches)) == len(batches)


def check_goes_on(index, seen):
    """Of each rank, what a run saw before its checkpoint and what another one saw after it: together an unbroken run."""
    for rank, (before, after) in enumerate(seen):
        assert before
        assert before + after == share(index, rank, len(seen)), f"rank {rank} of {len(seen)}"
