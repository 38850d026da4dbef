"""The stream of batches is promised: these digests hold on every machine, Python and NumPy, in every process.

If one of them changes, so do the batches of everybody's checkpoints: raise `STATE_VERSION` and tell it in the changelog.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle  # noqa: TID251 - what spawn does
import random  # noqa: TID251 - its state must stay as it is
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import open_index
from sampler_runtime.plan import EpochPlan
from sampler_runtime.run import resolve
from sampler_runtime.settings import PKSettings
from sampler_runtime.view import IndexView
from tests.populations import Sample, index_of

PROJECT = Path(__file__).parents[1]
EPOCHS = (0, 1, 1000)
"""Digests are of the first batches of these."""

SETTINGS = {
    "pair": {"p": 4, "k": 4, "each": "pair"},
    "any, k=3, seed 7": {"p": 5, "k": 3, "seed": 7},
    "complete, samples": {"p": 4, "k": 2, "each": "complete", "epoch": "samples"},
    "quotas": {"p": 3, "k": 4, "each": {"rgb": 2, "nir": 2}},
    "cameras": {"p": 3, "k": 4, "each": "rgb>=1, cameras>=2", "epoch": 9},
    "sqrt": {"p": 4, "k": 4, "weights": "sqrt"},
    "prefer_complete": {"p": 6, "k": 2, "prefer_complete": True},
    "composed": {"p": 3, "k": 2, "compose": ("rgb", "nir", "sketch")},
    "per_source": {"p": 4, "k": 2, "per_source": {"a": 3, "b": 1}},
}
GOLDEN = {
    "pair": "41d675f08830b760",
    "any, k=3, seed 7": "0ae222eab10e28a7",
    "complete, samples": "03aedb9cb07ea2e1",
    "quotas": "19b2ac5bd31a8bcb",
    "cameras": "9fa1bdcc26fed04b",
    "sqrt": "bb490cd34aa9d2c3",
    "prefer_complete": "5d8383ae0bd3ab51",
    "composed": "f724536c736898dd",
    "per_source": "ce5f2fb9df08f10d",
}


def population(seed: int, identities: int) -> list[Sample]:
    """Long tails, one-modality identities, singletons; by arithmetic, so that it is the same everywhere."""
    found = []
    for i in range(identities):
        for kind, many in ((("rgb",), 1 + (i * i + seed) % 7), (("nir",), (i + seed) % 4), (("sketch",), i % 3 == 0)):
            found += [Sample(f"{i:03d}", kind, str(n % 3)) for n in range(many)]
    return found


def make_index(folder: Path) -> JointIndex:
    """Two sources."""
    (folder / "a").mkdir(exist_ok=True, parents=True)
    (folder / "b").mkdir(exist_ok=True)
    return JointIndex({"a": index_of(population(0, 40), folder / "a"), "b": index_of(population(5, 15), folder / "b")})


def view(folder: Path, name: str) -> IndexView:
    """What the settings with this name draw from."""
    parts = {source: open_index(folder / source) for source in ("a", "b")}
    return JointIndex(parts) if name == "per_source" else parts["a"]


def digest(plan: EpochPlan) -> str:
    """Of the first batches of some epochs."""
    found = hashlib.sha256()
    for epoch in EPOCHS:
        for number in range(min(plan.num_batches, 5)):
            found.update(np.ascontiguousarray(plan.batches(epoch, np.array([number])), "<i8").data)
    return found.hexdigest()[:16]


def digests(folder: str) -> dict[str, str]:
    """All of them; called in processes of their own, too. Without torch: it draws nothing."""
    views = {name: view(Path(folder), name) for name in SETTINGS}
    return {name: digest(resolve(views[name], PKSettings(**SETTINGS[name])).plan(views[name])) for name in SETTINGS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the indexes are."""
    made = tmp_path_factory.mktemp("golden")
    make_index(made)
    return made


def test_the_first_batches_are_those_that_are_promised(folder):
    assert digests(str(folder)) == GOLDEN


def test_a_sampler_draws_them_also_after_it_was_pickled(folder):
    batch_sampler = pytest.importorskip("sampler_runtime.batch_sampler")
    for name in SETTINGS:
        sampler = batch_sampler.PKBatchSampler(view(folder, name), **SETTINGS[name])
        assert digest(sampler.plan()) == digest(pickle.loads(pickle.dumps(sampler)).plan()) == GOLDEN[name]


def test_a_spawned_process_draws_the_same(folder):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(digests, (str(folder),)) == GOLDEN


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_hashes_of_text_do_not_matter(folder, hash_seed):
    code = f"from tests.test_golden_batches import digests; print(digests({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": hash_seed, "PATH": "", "SYSTEMROOT": "C:\\Windows"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(GOLDEN)


def test_global_generators_are_neither_read_nor_changed(folder):
    torch = pytest.importorskip("torch")

    def states():
        return random.getstate(), str(np.random.get_state()), torch.random.get_rng_state().tolist()  # noqa: NPY002

    before = states()

    assert digests(str(folder)) == GOLDEN
    assert states() == before
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    assert digests(str(folder)) == GOLDEN
