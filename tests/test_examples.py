"""The examples of docs/examples run as a user runs them, each where its framework is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from indexer.build import build_index
from indexer.demo import write_demo

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NEEDS = {
    "plain_pytorch": "torch",
    "ddp": "torch",
    "lightning_fit": "lightning",
    "accelerate_loop": "accelerate",
    "hf_trainer": "transformers",
    "ignite_loop": "ignite",
    "stateful_loader": "torchdata",
}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples") / "demo-data"
    write_demo(folder, identities=16)
    build_index(folder)
    return folder


def start(name, demo, *launcher):
    for package in (NEEDS[name], "pytorch_metric_learning"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    script = str(EXAMPLES / f"{name}.py")
    small = ["--data", str(demo), "--epochs", "2", "--batches", "4", "-p", "4", "-k", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, script, *small],
        capture_output=True,
        text=True,
        cwd=demo.parent,
        timeout=100,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tried():
    assert {f.stem for f in EXAMPLES.glob("*.py")} - {"shared", "conftest"} == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_trains_and_shows_retrieval_before_and_after(name, demo):
    told = start(name, demo, *(TORCHRUN if name == "ddp" else ()))

    rates = re.findall(r"rank-1 ([\d.]+)%, mAP ([\d.]+)%", told)
    assert len(rates) == (4 if name == "stateful_loader" else 2), told
    assert rates[0] != rates[-1], "the model did not change"
    if name == "stateful_loader":
        assert rates[1] == rates[2], "the model of the checkpoint is another"
        assert "5 + 3 batches, as without the break: True" in told


def test_accelerate_on_two_processes_gives_each_its_own_batches(demo):
    told = start("accelerate_loop", demo, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")

    assert told.count("before:") == 1
