"""The Trainer of transformers takes a loader of ours from `get_train_dataloader`; elsewhere it wants a sampler of rows."""

from __future__ import annotations

import pytest

from tests.integration.processes import EPOCHS, check_goes_on, check_is_the_share, needs, run, share

needs("transformers", "accelerate")
pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("processes", [1, 2])
def test_the_trainer_trains_on_the_plan_and_goes_on_exactly(people, tmp_path, processes, subtests):
    told = run("trainer_train", people, tmp_path, processes)

    def of(case):
        return [own[case] for own in told]

    for case in ("prepared", "not prepared, shard='rank'"):
        with subtests.test(case):
            check_is_the_share(people, of(case))
    for case in told[0]:
        if case.startswith("goes on"):
            with subtests.test(case):
                check_goes_on(people, of(case))
    with subtests.test("in the place of a sampler of rows"):  # the dataset refuses batches where it expects rows
        for own in told:
            assert own["in the place of a sampler of rows, rows"].startswith("TypeError: 'list' object cannot be")
            error, _, _ = own["in the place of a sampler of rows, IndexDataset"].partition(":")
            assert error in ("TypeError", "SettingsError")
    with subtests.test("inside an epoch, nobody tells the epoch"):
        # Why the callback is there: its loader that skips hides the sampler from `set_epoch` on several processes.
        # Once this fails, the callback can go.
        for rank, (first, second) in enumerate(of("silent inside, prepared")):
            assert (first + second == share(people, rank, processes, range(EPOCHS))) == (processes == 1)
