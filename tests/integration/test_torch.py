"""torch alone: DDP under torchrun, workers however they are started, and a run that is killed and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch.utils.data import DataLoader

from sampler_runtime import PKBatchSampler
from tests.effort import gate_only
from tests.integration.processes import (
    EPOCHS,
    PROJECT,
    SECONDS,
    K,
    P,
    check_is_the_share,
    environment,
    plan,
    run,
    share,
)

pytestmark = [
    gate_only,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed"),
]


@pytest.mark.parametrize("processes", [2, 4])
def test_ddp_under_torchrun_trains_on_the_plan(people, tmp_path, processes):
    told = run("torchrun_ddp", people, tmp_path, processes)

    for split in ("batches", "block"):
        check_is_the_share(people, [own[split][0] for own in told], split=split)
        assert len({own[split][1] for own in told}) == 1, "the weights are not those of the other ranks"
    for rank, own in enumerate(told):
        assert [[0, rows] for rows in own["made before"]] == share(people, rank, processes, range(1))


# --------------------------------------------------------------------------------------------------- workers


class Pids(torch.utils.data.Dataset):
    """Opens the index where the worker is, as a dataset of one's own would."""

    def __init__(self, index):
        self.index = index

    def __getitem__(self, row):
        return row, self.index.value("pid", row)


@pytest.mark.parametrize("persistent", [False, True], ids=["anew", "persistent"])
@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_workers_give_the_plan_however_they_are_started(people, context, persistent):
    one = PKBatchSampler(people, P, K, seed=5)
    loader = DataLoader(
        Pids(people), batch_sampler=one, num_workers=2, multiprocessing_context=context, persistent_workers=persistent
    )

    for epoch in range(2):
        told = list(loader)
        assert [rows.tolist() for rows, _ in told] == [rows for _, rows in share(people, 0, 1, [epoch])]
        for rows, pids in told:
            assert pids.tolist() == [people.value("pid", row) for row in rows.tolist()]
            assert len(set(pids.tolist())) == P
            assert all(len(set(pids[at : at + K].tolist())) == 1 for at in range(0, P * K, K))


# ---------------------------------------------------------------------------------------------- a run is killed


def train_until_killed(index, folder, processes, split, stop):
    """Start a run, wait until it has trained a step that it did not save, kill all of its processes at once."""
    program = [sys.executable, "-m", "tests.integration.programs.long_run"]
    words = [str(index.path), str(folder), str(processes), split, str(stop)]
    process = subprocess.Popen(
        [*program, *words], cwd=PROJECT, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        waits, until = folder / f"waits at {stop}", time.monotonic() + SECONDS
        while not waits.exists():
            assert process.poll() is None, "it has ended by itself"
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no groups of processes to kill")
@pytest.mark.parametrize(
    "split",
    [
        "batches",
        pytest.param(
            "block",
            marks=pytest.mark.skipif(
                not os.environ.get("CI"), reason="twenty seconds more: CI tries this form as well"
            ),
        ),
    ],
)
def test_a_run_that_is_killed_goes_on_with_the_exact_stream_of_an_unbroken_one(people, tmp_path, split):
    """On one process, then two, then one; killed inside the first and the second epoch, a step after the checkpoint."""
    one = plan(people)
    first, second = 3, one.num_batches + 4
    train_until_killed(people, tmp_path, 1, split, first)
    train_until_killed(people, tmp_path, 2, split, second)
    told = run("long_run", people, tmp_path, 1, "1", split, "9999")

    assert told[0]["trained"] == share(people, 0, 1)
    assert len(told[0]["trained"]) == EPOCHS * one.num_batches
