"""Accelerate deals batches out to the processes: the sampler must not do so too, and finds that out by itself."""

from __future__ import annotations

import pytest

from tests.integration.processes import EPOCHS, EVEN, check_goes_on, check_is_the_share, needs, run, share

needs("accelerate", "torchdata")
pytestmark = pytest.mark.timeout(240)
SLICED = {"split_batches", "dispatch_batches, split_batches", "not prepared, split='block'"}
"""Each rank gets a part of every batch: whole identities."""


@pytest.mark.parametrize("processes", [1, 2])
def test_accelerate_deals_out_the_plan_and_goes_on_exactly(people, tmp_path, processes, subtests):
    told = run("accelerate_loops", people, tmp_path, processes)

    for case in told[0]:
        with subtests.test(case):
            of_ranks = [own[case] for own in told]
            if case == "dispatch_batches":
                check_is_the_share(people, of_ranks, epoch=EVEN)
            elif case == "dispatch_batches, one too many":
                check_the_odd_batch_is_sliced(people, of_ranks)
            elif case.startswith("goes on"):
                check_goes_on(people, of_ranks)
            else:
                check_is_the_share(people, of_ranks, split="block" if case in SLICED else "batches")


def check_the_odd_batch_is_sliced(index, of_ranks):
    """`dispatch_batches` asks the loader, not the sampler, whether to drop what fills no round: torch says no to any batch sampler.

    So the batches beyond a whole number of rounds are sliced, and those steps have fewer identities. A number of batches
    that the processes divide is dealt out whole. Once this fails, Accelerate asks the sampler.
    """
    world = len(of_ranks)
    for rank, own in enumerate(of_ranks):
        expected = []
        for epoch in range(EPOCHS):
            expected += share(index, rank, world, [epoch])
            if world > 1:
                expected.append(share(index, rank, world, [epoch], split="block")[-1])
        assert own == expected
