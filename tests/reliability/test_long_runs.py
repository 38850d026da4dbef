"""A run of weeks: memory stays flat, every epoch is fair, and nothing that was opened stays open."""

from __future__ import annotations

import contextlib
import gc
import json
import pickle  # noqa: TID251 - what spawn does
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.build import build_index
from indexer.errors import IndexFileError
from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.dataset import IndexDataset
from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex, open_index
from tests import trees
from tests.benchmarks.made_up import write_made_up
from tests.effort import times
from tests.reliability.forked import forked, needs_fork
from tests.reliability.long_run import anonymous

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory and handles are read from Linux's /proc"
)
MOST_GROWTH = 1 << 20
"""Bytes, after a tenth of the run: so 16 bytes a batch would be found out in the gate, and a byte and a half in a soak."""
MOST_OBJECTS = 500
"""Python's own blocks of memory: a single one a batch would be found out everywhere."""


@needs_proc
def test_memory_stays_flat_and_everybody_has_their_share_over_very_many_batches(tmp_path):
    batches = times(10_000, 100_000, 1_000_000)
    write_made_up(tmp_path / "index.parquet", 2_000)

    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.long_run", str(tmp_path / "index.parquet"), str(batches)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    told = json.loads(done.stdout)

    _, memory, objects = np.array(told["marks"]).T
    assert len(memory) == 10
    assert memory.max() - memory[0] < MOST_GROWTH
    assert objects.max() - objects[0] < MOST_OBJECTS
    assert told["epochs"] >= batches // 25
    assert told["uneven"] == told["unfair rows"] == 0


def held():
    """Handles, mappings, memory and objects of this process."""
    gc.collect()
    own = Path("/proc/self")
    mappings = sum("reidindex" in line or "/d/" in line for line in (own / "maps").read_text().splitlines())
    return np.array([len(list((own / "fd").iterdir())), mappings, anonymous(), sys.getallocatedblocks()])


@pytest.fixture
def path(tmp_path):
    root = trees.orbench(tmp_path / "d")
    build_index(root)
    return root / "reidindex.parquet"


def use_once(path, damaged, other):
    """Open an index in every way there is, use it, and let it go; fail to open one in every way as well."""
    index = open_index(path)
    train = index.select(split="train")
    views = [train, train.subset([0, 1, 2, 3]), index.select(modality="rgb"), JointIndex({"one": train, "two": index})]
    for view in [
        *views,
        *pickle.loads(pickle.dumps(views)),
        open_index(path, in_memory=True),
        open_index(path, verify="full"),
    ]:
        view.column("pid")
        view.path_of(0)
        view.labels("identity", np.arange(2))
    sampler = PKBatchSampler(train, 2, 2)
    next(iter(pickle.loads(pickle.dumps(sampler))))
    list(sampler)
    index.look_again()
    foreign = MappedIndex(other, index.digest)
    for wrong in (lambda: open_index(damaged), lambda: open_index(path.with_name("none")), lambda: len(foreign)):
        with contextlib.suppress(IndexFileError):
            wrong()
            raise AssertionError("this could not be opened")


@needs_proc
@needs_fork
def test_opening_and_closing_leaks_neither_handles_nor_mappings_nor_memory(path):
    damaged, smaller = path.with_name("damaged.parquet"), trees.orbench(path.parent / "smaller")
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    damaged.write_bytes(content)
    shutil.rmtree(smaller / "sk" / "0003")
    build_index(smaller)
    other = smaller / "reidindex.parquet"

    def many():
        for _ in range(times(5, 60, 1_000)):
            use_once(path, damaged, other)
        before = held()
        for _ in range(times(15, 300, 10_000)):
            use_once(path, damaged, other)
        return (held() - before).tolist()

    handles, mappings, memory, objects = json.loads(forked(many))

    assert handles == 0
    assert mappings == 0
    assert memory < 4 * MOST_GROWTH
    assert objects < MOST_OBJECTS


@needs_proc
def test_a_dataset_leaks_no_handles(path):
    for file in path.parent.rglob("*.jpg"):
        Image.new("RGB", (8, 16)).save(file)
    data = IndexDataset(open_index(path))
    data[0]
    before = held()[0]

    for _ in range(times(3, 100, 1_000)):
        for row in range(len(data)):
            assert data[row].path

    assert held()[0] == before
