"""Ignite leaves a batch sampler alone, and tells the epoch only where a handler does."""

from __future__ import annotations

import pytest

from tests.integration.processes import check_goes_on, check_is_the_share, needs, run

needs("ignite")
pytestmark = pytest.mark.timeout(240)


def test_ignite_trains_on_the_plan_and_goes_on_exactly(people, tmp_path, subtests):
    told = run("ignite_engine", people, tmp_path, 2)

    for case in told[0]:
        with subtests.test(case):
            of_ranks = [own[case] for own in told]
            if case.startswith("goes on"):
                check_goes_on(people, of_ranks)
            else:
                check_is_the_share(people, of_ranks, split="block" if "block" in case else "batches")
