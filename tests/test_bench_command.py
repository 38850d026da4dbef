"""`reidindex bench train`: its table, its JSON, and that what it calls the old way is honest."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.build import build_index
from indexer.demo import write_demo
from sampler_runtime import training_benchmark
from sampler_runtime.mapped import open_index
from sampler_runtime.training_benchmark.loop import PARTS, Work
from sampler_runtime.training_benchmark.loop import run as run_loop
from sampler_runtime.training_benchmark.old_way import OldWay, modality_of
from sampler_runtime.training_benchmark.switches import SWITCHES
from tests.effort import gate_only

NAMES = [switch.name for switch in SWITCHES if not switch.needs_cuda]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "demo"
    write_demo(folder, identities=12)
    build_index(folder)
    return folder


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def view(demo):
    return open_index(demo).select(split="train")


SMALL = ("-p", 3, "-k", 2, "--steps", 2, "--times", 1, "--threads", 1, "--device", "cpu")


def test_the_table_has_a_line_for_each_switch_and_one_for_all(demo, run, one_thread):
    done = run("bench", "train", demo, *SMALL)

    assert done.returncode == 0, done.stderr
    for name in [*NAMES, "all together"]:
        assert re.search(rf"^ *{name} +[\d.]+ +[\d.]+ +[\d.]+ ", done.stdout, re.MULTILINE), done.stdout
    assert "transfer: not measured" in done.stdout


@gate_only
def test_json_tells_every_run_and_what_was_off_and_on(run_json, one_thread):
    found = run_json("bench", "train", "--identities", 12, *SMALL)

    assert found["index"] == "demo"
    assert [row["name"] for row in found["rows"]] == [*NAMES, "all together"]
    assert all(len(row["ratios"]) == 1 and row["after"] > 0 for row in found["rows"])
    assert all(row["off"] and row["on"] for row in found["rows"][:-1])
    assert found["not_measured"] == ["transfer"]
    assert found["sampler_alone"]["ratio"] > 1


def test_a_setting_that_cannot_work_is_said_before_anything_is_measured(demo, run):
    done = run("bench", "train", demo, "-p", 100)

    assert done.returncode == 2
    assert "use p=" in done.stderr


@pytest.mark.parametrize("on", [(), NAMES], ids=["off", "on"])
def test_the_parts_of_a_step_are_the_whole_step(view, on, one_thread):
    found = run_loop(Work(view, 3, 2, "pair", 4, torch.device("cpu")), frozenset(on))

    assert set(found.parts) == set(PARTS)
    assert min(found.parts.values()) >= 0
    assert math.isclose(sum(found.parts.values()), found.seconds, rel_tol=0.02)


def test_the_old_way_reads_the_modalities_that_the_index_has(view):
    told = [modality_of(view.path_of(row)) for row in range(len(view))]

    assert told == [view.modalities_of(row)[0] for row in range(len(view))]


def test_the_old_way_draws_batches_of_the_same_size(view):
    pids = view.column("pid")

    for batch in OldWay.of(view, 3, 4, batches=20):
        blocks = pids[np.reshape(batch, (3, 4))]
        assert (blocks == blocks[:, :1]).all()
        assert len(set(blocks[:, 0].tolist())) == 3


def test_no_switch_is_slowed_down_on_purpose():
    files = list(Path(training_benchmark.__file__).parent.glob("*.py"))
    assert len(files) > 4
    assert [file.name for file in files if "sleep" in file.read_text(encoding="utf-8")] == []
