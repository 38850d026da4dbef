"""make_loader: what it chooses, and that neither workers nor a resume change an augmentation."""

from __future__ import annotations

import logging
import random  # noqa: TID251 - what augmentations draw from

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from indexer.errors import SettingsError
from sampler_runtime import PKBatchSampler, make_loader
from sampler_runtime.augmentation import Reproducible, seeded
from tests.populations import Sample, index_of


class Noisy(Dataset):
    """An augmentation that draws from every generator there is."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, row):
        return torch.tensor([row, random.random(), np.random.random(), torch.rand(()).item()])  # noqa: NPY002


@pytest.fixture(scope="module")
def index():
    return index_of([Sample(f"{i}", kind) for i in range(12) for kind in (("rgb",), ("nir",)) for _ in range(3)])


def batches(index, workers, start=0, **further):
    sampler = PKBatchSampler(index, 3, 2, seed=7)
    sampler.load_state_dict({**sampler.state_dict(), "batch": start})
    loader = make_loader(Noisy(len(index)), sampler, num_workers=workers, **further)
    return torch.stack(list(loader))


def test_augmentations_do_not_depend_on_the_number_of_workers_nor_on_a_resume(index):
    alone = batches(index, 0)

    assert torch.equal(alone, batches(index, 2))
    assert torch.equal(alone[2:], batches(index, 2, start=2))
    assert len(torch.unique(alone[..., 1])) == alone[..., 1].numel()  # and they differ
    assert not torch.equal(alone, batches(index, 0, seed=8))


def test_without_a_seed_augmentations_are_the_loaders_matter(index):
    assert not torch.equal(batches(index, 0, seed=None), batches(index, 0, seed=None))


def test_the_loop_keeps_its_own_randomness(index):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)

    batches(index, 0)

    assert torch.equal(torch.rand(1), expected)


def test_generators_are_put_back_also_after_an_error():
    before = random.getstate(), torch.get_rng_state()

    def draw_and_fail():
        with seeded(3):
            return random.random() / 0 * torch.rand(1)

    with pytest.raises(ZeroDivisionError):
        draw_and_fail()

    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_a_wrapped_dataset_is_what_it_was(index):
    dataset = Noisy(5)
    dataset.names = ["a"]

    wrapped = Reproducible(dataset, 0)

    assert len(wrapped) == 5
    assert wrapped.names == ["a"]
    with pytest.raises(AttributeError, match="colour"):
        _ = wrapped.colour


def test_what_is_chosen_is_told(index, caplog):
    caplog.set_level(logging.INFO)

    loader = make_loader(Noisy(len(index)), PKBatchSampler(index, 3, 2), num_workers=2)

    assert isinstance(loader, DataLoader)
    assert (loader.num_workers, loader.persistent_workers, loader.prefetch_factor) == (2, True, 4)
    assert loader.pin_memory == torch.cuda.is_available()
    (told,) = (r.getMessage() for r in caplog.records if r.getMessage().startswith("make_loader"))
    assert "num_workers=2 (as given)" in told
    assert "persistent_workers=True (workers start once)" in told
    assert "augmentations by batch, seed 0" in told


@pytest.mark.parametrize(
    ("platform", "cores", "workers"), [("win32", 8, 2), ("linux", 8, 7), ("linux", 32, 8), ("linux", 1, 0)]
)
def test_workers_suit_the_machine(index, monkeypatch, platform, cores, workers):
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)), raising=False)

    loader = make_loader(Noisy(len(index)), PKBatchSampler(index, 3, 2))

    assert loader.num_workers == workers
    assert loader.persistent_workers == (workers > 0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"batch_size": 4}, r"make_loader\(batch_size=\): the sampler says which rows make a batch"),
        ({"shuffle": True}, r"make_loader\(shuffle=\)"),
        ({"num_workers": -1}, "expected a number of processes, 0 or more, found -1"),
        ({"num_workers": 0, "prefetch_factor": 2}, r"make_loader\(prefetch_factor=\): there are no workers"),
        ({"num_workers": 0, "persistent_workers": True}, r"make_loader\(persistent_workers=\): there are no workers"),
        ({"seed": -3}, r"make_loader\(seed=\): expected an int >= 0, found -3"),
    ],
)
def test_settings_that_cannot_work(index, wrong, told):
    with pytest.raises(SettingsError, match=told):
        make_loader(Noisy(len(index)), PKBatchSampler(index, 3, 2), **wrong)
