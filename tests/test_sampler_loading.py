"""Sampler, dataset and loader together: composed instances of real images, ranks of torch.distributed, resumed loaders."""

from __future__ import annotations

import json
import multiprocessing
import pickle  # noqa: TID251 - what spawn does
import warnings
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from sampler_runtime import IndexDataset, PKBatchSampler, open_index
from tests.populations import Sample, index_of
from tests.reference import Truth

COMPOSE = ("rgb", "text", "nir", "sketch", "cpencil")
RGB, TOLD, SKETCH, PENCIL, TOGETHER = ("rgb",), ("rgb", "text"), ("sketch",), ("cpencil",), ("rgb", "nir")
PEOPLE = [
    *(Sample("views", RGB, view=view) for view in ("front", "back", "side", "front", "back")),
    *(Sample("views", SKETCH, view=view) for view in ("front", "back", "front")),
    Sample("views", PENCIL, view="front"),
    *[Sample("told", TOLD)] * 3, Sample("told", SKETCH),
    *[Sample("together", TOGETHER)] * 3, Sample("together", PENCIL),
    *[Sample("sketched", SKETCH, view="back")] * 2,
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Tiny images, each of a grey of its own."""
    folder = tmp_path_factory.mktemp("people")
    index = index_of(PEOPLE, folder)
    for row in range(len(index)):
        for path in (index.path_of(row), *index.aligned_of(row).values()):
            Image.new("L", (2, 3), grey(path)).save(folder / path, format="PNG")
    return index


def grey(path):
    """The grey of the image with this path: its number, and lighter for what is not RGB."""
    return int(path[:5]) + 100 * (not path.endswith("_rgb.jpg"))


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_an_instance_is_of_one_view_where_there_is_one(index):
    """A sketch or pencil drawing of the photo's view, where the identity has any; each photo and drawing comes."""
    truth = Truth(index)
    drawn = [i for batch in PKBatchSampler(index, 4, 3, compose=COMPOSE, epoch=12) for i in batch]
    drawn = [instance for instance in drawn if truth.label[max(instance)] == "views"]

    for rgb, _, _, sketch, pencil in drawn:
        for row, kind in ((sketch, set(SKETCH)), (pencil, set(PENCIL))):
            views = {truth.view[other] for other in truth.rows_of[truth.pid[rgb]] if truth.kind[other] == kind}
            assert truth.view[row] == truth.view[rgb] or truth.view[rgb] not in views
    seen = {row for instance in drawn for row in instance if row >= 0}
    assert seen == {row for row, label in enumerate(truth.label) if label == "views"}


def test_what_was_taken_together_stays_together(index):
    truth = Truth(index)
    for batch in PKBatchSampler(index, 4, 3, compose=COMPOSE, epoch=6):
        for block in (batch[at : at + 3] for at in range(0, 12, 3)):
            truth.check_instances(block, COMPOSE, 3)
        for rgb, text, nir, _, _ in batch:
            if rgb >= 0:
                assert (text == rgb) == (truth.label[rgb] == "told")
                assert (nir == rgb) == (truth.label[rgb] == "together")


@pytest.mark.parametrize(("workers", "context"), [(0, None), (2, "spawn")])
def test_a_loader_gives_composed_instances(index, workers, context):
    sampler = PKBatchSampler(index, 4, 3, compose=COMPOSE, seed=2)
    told = [PKBatchSampler(index, 4, 3, compose=COMPOSE, seed=2).batch(epoch, 0).reshape(12, 5) for epoch in range(3)]
    dataset = IndexDataset(index, to_tensor, compose=sampler.compose)
    loader = DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=workers > 0,
    )

    for rows in told:
        (batch,) = loader
        assert [column.tolist() for column in batch.rows] == rows.T.tolist()
        assert [column.tolist() for column in batch.mask] == (rows.T >= 0).tolist()
        assert batch.pid.tolist() == [index.value("pid", max(instance)) for instance in rows.tolist()]
        assert list(batch.caption) == ["a person" if text >= 0 else "" for text in rows[:, 1].tolist()]
        assert list(batch.images) == ["rgb", "nir", "sketch", "cpencil"]
        for name, images in batch.images.items():
            assert images.shape == (12, 3, 3, 2)
            for image, row in zip(images, rows[:, COMPOSE.index(name)].tolist(), strict=True):
                if row < 0:
                    assert image.unique().tolist() == [0]
                else:
                    path = index.aligned_of(row).get(name, index.path_of(row))
                    assert path.endswith(f"_{name}.jpg")
                    assert image.unique().tolist() == [grey(path)]


# ------------------------------------------------------------------------------------------- several processes


def rank_of(number, folder, index_file):
    """What a process of torch.distributed draws in two epochs, and its state."""
    meeting = (folder / "meeting").as_uri()
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=number, world_size=2)
    sampler = PKBatchSampler(open_index(index_file), 4, 2, seed=5)
    told = [(sampler.rank, sampler.world_size), [list(sampler) for _ in range(2)], sampler.state_dict()]
    (folder / f"{number}.json").write_text(json.dumps(told))
    torch.distributed.barrier()  # who leaves while the other still comes breaks its connection
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forty")
    return index_of([Sample(f"{i}", RGB) for i in range(38) for _ in range(1 + i % 5)], folder)


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_processes_of_torch_distributed_share_one_stream(forty, tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=rank_of, args=(number, tmp_path, forty.path)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)

    assert [process.exitcode for process in processes] == [0, 0]
    told = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(2)]
    one = PKBatchSampler(forty, 4, 2, seed=5)
    whole = [list(one) for _ in range(2)]
    for number in range(2):
        assert told[number][:2] == [[number, 2], [epoch[number:8:2] for epoch in whole]]
    assert told[0][2] == told[1][2]


# ---------------------------------------------------------------------------------------------------- going on


def test_a_sampler_that_is_pickled_inside_an_epoch_stands_where_it_stood(forty):
    """As the first, it draws the next epoch with a new iterator, and its state goes on inside this one."""
    first, told = PKBatchSampler(forty, 4, 2, seed=5), list(PKBatchSampler(forty, 4, 2, seed=5))
    iterator = iter(first)
    assert list(islice(iterator, 3)) == told[:3]
    twin, third = pickle.loads(pickle.dumps(first)), PKBatchSampler(forty, 4, 2, seed=5)

    third.load_state_dict(json.loads(json.dumps(twin.state_dict())))

    assert twin.state_dict() == first.state_dict()
    assert list(third) == list(iterator) == told[3:]
    assert list(twin) == list(first) == list(third) != told


class Rows(torch.utils.data.Dataset):
    """What a loader gets of it is the row itself."""

    def __getitem__(self, row):
        return row


def stateful_loader(index, workers, **further):
    torchdata = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")
    sampler, context = PKBatchSampler(index, 4, 2, seed=5, **further), "fork" if workers else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'set_vital' is deprecated")  # torchdata calls it, torch 2.13 minds
        return torchdata.StatefulDataLoader(
            Rows(), batch_sampler=sampler, num_workers=workers, multiprocessing_context=context
        )


def rows(batches):
    return [batch.tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("further", [{}, {"epoch": "samples", "world_size": 2, "rank": 1}], ids=["one", "rank 1 of 2"])
def test_a_stateful_loader_goes_on_exactly_inside_an_epoch(forty, workers, further):
    """A state counts the batches that training has had, not those that workers drew ahead."""
    first, second = (stateful_loader(forty, workers, **further) for _ in range(2))
    one = PKBatchSampler(forty, 4, 2, seed=5, **further)
    told = [list(one) for _ in range(4)]
    assert rows(first) == told[0]
    assert rows(islice(first, 3)) == told[1][:3]
    state = pickle.loads(pickle.dumps(first.state_dict()))

    second.load_state_dict(state)

    assert rows(second) == told[1][3:]
    assert [rows(second), rows(second)] == told[2:]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_after_a_whole_epoch(forty, workers):
    """Where most runs save: after the loop over an epoch."""
    first, second = stateful_loader(forty, workers), stateful_loader(forty, workers)
    one = PKBatchSampler(forty, 4, 2, seed=5)
    assert rows(first) == list(one)

    second.load_state_dict(first.state_dict())

    assert rows(second) == list(one)
