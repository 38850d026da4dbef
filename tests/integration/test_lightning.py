"""Lightning asks for a `DistributedSampler`, makes batch samplers anew, and tells the epoch only to what it finds."""

from __future__ import annotations

import pytest

from tests.integration.processes import check_goes_on, check_is_the_share, needs, run, share

needs("lightning", "torchdata")
pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("processes", [1, 2])
def test_lightning_trains_on_the_plan_and_goes_on_exactly(people, tmp_path, processes, subtests):
    told = run("lightning_fit", people, tmp_path, processes)

    def of(case):
        return [own[case] for own in told]

    for use in (True, False):
        for where in ("hook", "handed"):
            case = f"use_distributed_sampler={use}, {where}"
            with subtests.test(case):
                check_is_the_share(people, of(case))
        with subtests.test(case := f"split='block', use_distributed_sampler={use}"):
            check_is_the_share(people, of(case), split="block")
    with subtests.test(case := "shard='none', use_distributed_sampler=True"):  # Lightning tells the rank itself
        check_is_the_share(people, of(case))
    with subtests.test(case := "shard='none', use_distributed_sampler=False"):  # as asked for: everything, on each rank
        assert of(case) == [share(people, 0, 1)] * processes
    for case in told[0]:
        if case.startswith("goes on"):
            with subtests.test(case):
                check_goes_on(people, of(case))
