"""PKBatchSampler where users meet it: a DataLoader, a Dataset of their own, a Subset, several processes."""

from __future__ import annotations

import logging
import pickle  # noqa: TID251 - what spawn does
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, random_split

from indexer.build import build_index
from indexer.errors import IndexReplacedError, NotEnoughIdentitiesError, SettingsError
from sampler_runtime import IndexDataset, PKBatchSampler, open_index
from tests import trees
from tests.populations import Sample, index_of
from tests.reference import Truth


def population(identities=12):
    kinds = (("rgb",), ("nir",), ("sketch",))
    return [
        Sample(f"{i}", kind, "1") for i in range(identities) for kind in kinds[: 1 + i % 3] for _ in range(3 + i % 4)
    ]


@pytest.fixture
def index():
    return index_of(population()).select(split="train")


class Paths(Dataset):
    """A dataset of a user's own: knows its files, in its own order."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, position):
        return self.paths[position]


@pytest.mark.parametrize(("workers", "context"), [(0, None), (2, "fork"), (2, "spawn")])
def test_a_dataloader_gets_the_batches_of_the_sampler(index, workers, context):
    dataset = Paths([index.path_of(i) for i in range(len(index))])
    sampler = PKBatchSampler(index, p=4, k=3, each="rgb", seed=1)
    loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers, multiprocessing_context=context)
    expected = [[dataset.paths[row] for row in batch] for batch in PKBatchSampler(index, 4, 3, "rgb", seed=1)]

    assert list(loader) == expected
    assert len(loader) == len(expected) == 3
    sampler.set_epoch(7)
    assert [[dataset.paths.index(path) for path in batch] for batch in loader] == sampler.plan().batches(
        7, np.arange(3)
    ).reshape(3, -1).tolist()


def test_len_is_exact_and_batches_are_fresh_lists_of_ints(index):
    for p, k, world in ((1, 1, 1), (5, 2, 1), (4, 3, 2), (2, 9, 3), (12, 1, 1)):
        sampler = PKBatchSampler(index, p, k, world_size=world)
        batches = list(sampler)

        assert len(batches) == len(sampler) == 12 // p // world
        assert all(type(row) is int for batch in batches for row in batch)
        assert all(type(batch) is list and len(batch) == p * k == sampler.batch_size for batch in batches)
        assert len({id(batch) for batch in batches}) == len(batches)


def test_the_epoch_moves_on_by_itself_and_set_epoch_wins(index):
    sampler = PKBatchSampler(index, 4, 2, seed=3)
    epochs = [list(sampler) for _ in range(3)]

    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    sampler.set_epoch(1)
    assert list(sampler) == epochs[1]
    assert sampler.epoch == 1
    assert list(sampler) == epochs[2]
    sampler.sampler.set_epoch(0)
    assert list(sampler) == epochs[0]


def test_an_iterator_that_is_never_drawn_from_does_not_count(index):
    """A DataLoader with workers makes two iterators at each epoch and uses the second."""
    sampler = PKBatchSampler(index, 4, 2, seed=3)
    expected = list(PKBatchSampler(index, 4, 2, seed=3))

    iter(sampler)

    assert list(iter(sampler)) == expected


def test_an_epoch_that_is_broken_off_counts_as_one(index):
    """Trainers that stop after a number of steps never see the end of an iterator."""
    sampler = PKBatchSampler(index, 4, 2, seed=3)
    expected = list(PKBatchSampler(index, 4, 2, seed=3).plan().batches(1, np.arange(3)).reshape(3, -1).tolist())
    next(iter(sampler))

    assert list(sampler) == expected


def test_ranks_share_one_stream(index):
    whole = list(PKBatchSampler(index, 2, 2, seed=5))

    for world in (2, 3, 4, 5):
        shares = [list(PKBatchSampler(index, 2, 2, seed=5, rank=rank, world_size=world)) for rank in range(world)]
        rounds = len(whole) // world
        assert [shares[n % world][n // world] for n in range(rounds * world)] == whole[: rounds * world]
        assert {len(share) for share in shares} == {rounds}
    with pytest.raises(SettingsError, match="expected 0 <= rank < world_size, found rank 2 of 2"):
        PKBatchSampler(index, 2, 2, rank=2, world_size=2)
    with pytest.raises(SettingsError, match=r"world_size: expected an int >= 1, found 2\.0"):
        PKBatchSampler(index, 2, 2, world_size=2.0)


def test_more_ranks_than_batches_is_an_error_and_not_an_empty_loop(index):
    with pytest.raises(
        SettingsError, match=r"an epoch has 3 batches of P=4, so that no rank would get one; use p=2 or less"
    ):
        PKBatchSampler(index, 4, 2, world_size=5)


def test_a_row_outside_a_view_is_an_error_and_not_a_neighbour(sysu_index):
    view = sysu_index.select(split="val")

    for row in (-1, len(view)):
        for ask in (view.path_of, view.captions_of, view.aligned_of, view.modalities_of):
            with pytest.raises(IndexError, match=f"row {row}: this view has 4 samples"):
                ask(row)


def test_batches_stay_the_same_when_the_dataset_is_gone(tmp_path):
    """Guarantee 8: no sample is ever touched."""
    root = trees.orbench(tmp_path / "d")
    build_index(root, tmp_path / "index.parquet")
    train = open_index(tmp_path / "index.parquet").select(split="train")
    before = list(PKBatchSampler(train, 2, 4, "complete", seed=9))

    shutil.rmtree(root)

    again = open_index(tmp_path / "index.parquet").select(split="train")
    assert list(PKBatchSampler(again, 2, 4, "complete", seed=9)) == before
    assert before


def test_a_pickled_sampler_goes_on_with_the_same_stream(index):
    sampler = PKBatchSampler(index, 4, 2, seed=3)
    list(sampler)

    twin = pickle.loads(pickle.dumps(sampler))

    assert list(twin) == list(sampler)


def test_an_index_pickles_as_a_path_and_refuses_another_file_there(tmp_path, index):
    file = tmp_path / "x.parquet"
    shutil.copy(index.path, file)
    view = open_index(file).select(split="train")
    small = pickle.dumps(view)
    (tmp_path / "other").mkdir()
    other = index_of(population(5), tmp_path / "other")

    assert len(small) < 500
    assert pickle.loads(small) == view
    other.path.replace(file)
    with pytest.raises(IndexReplacedError, match="another index than the one that was opened"):
        len(pickle.loads(small))


# ------------------------------------------------------------------------------- other orders, other datasets


def test_a_dataset_in_another_order_gets_its_own_positions(index):
    paths = [index.path_of(i) for i in range(len(index))][::-1]
    absolute = [index.root / path for path in paths]
    plain = list(PKBatchSampler(index, 4, 2, seed=1))

    for order in (
        paths,
        absolute,
        [str(p) for p in absolute],
        np.arange(len(index))[::-1],
        list(range(len(index)))[::-1],
    ):
        found = list(PKBatchSampler(index, 4, 2, seed=1, order=order))
        assert [[paths[position] for position in batch] for batch in found] == [
            [index.path_of(row) for row in batch] for batch in plain
        ]


def test_a_dataset_that_has_only_some_of_the_samples_gets_only_those(index):
    truth = Truth(index)
    order = [i for i in range(len(index)) if i % 3]

    for batch in PKBatchSampler(index, 4, 2, seed=1, order=order):
        assert max(batch) < len(order)
        Truth.check_batch(Reordered(truth, order), batch, 4, 2, "any")


class Reordered(Truth):
    """What a dataset in another order holds."""

    def __init__(self, truth, order):
        self.modalities, self.anchor, self.images = truth.modalities, truth.anchor, truth.images
        self.pid = [truth.pid[row] for row in order]
        self.kind = [truth.kind[row] for row in order]
        self.rows_of = {}
        for position, pid in enumerate(self.pid):
            if pid >= 0:
                self.rows_of.setdefault(pid, []).append(position)


def test_a_subset_is_understood_also_a_subset_of_a_subset(index):
    dataset = IndexDataset(index)
    truth = Truth(index)
    half, _ = random_split(
        dataset, [len(index) // 2 + 5, len(index) - len(index) // 2 - 5], torch.Generator().manual_seed(0)
    )
    inner = Subset(half, list(range(0, len(half), 2)))

    for subset in (half, inner):
        rows = list(subset.indices) if subset is half else [half.indices[i] for i in subset.indices]
        sampler = PKBatchSampler(subset, 3, 2, seed=2)
        for batch in sampler:
            Reordered(truth, rows).check_batch(batch, 3, 2, "any")


def test_a_subset_can_have_an_order_of_its_own(index):
    """Paths and positions in `order` both mean the Subset's samples."""
    dataset, truth = IndexDataset(index), Truth(index)
    half = Subset(dataset, list(range(len(index)))[::-2])
    places = list(np.random.Philox(1).random_raw(len(half)).argsort())
    paths = [index.path_of(half.indices[i]) for i in places]

    for order in (paths, places):
        rows = [half.indices[i] for i in places]
        batches = list(PKBatchSampler(half, 3, 2, seed=2, order=order))
        assert batches
        for batch in batches:
            Reordered(truth, rows).check_batch(batch, 3, 2, "any")


def test_paths_through_a_link_are_those_of_the_index(tmp_path):
    root = trees.sysu(tmp_path / "real")
    build_index(root)
    (tmp_path / "link").symlink_to(root)
    index = open_index(tmp_path / "link")

    for top in (tmp_path / "link", tmp_path / "real", tmp_path / "link" / "cam1" / ".."):
        assert index.rows_for([top / index.path_of(3)]).tolist() == [3]
    with pytest.raises(SettingsError, match="1 of 1 paths are not in this index"):
        index.rows_for([tmp_path / "elsewhere" / "x.jpg"])


def test_paths_below_a_linked_folder_are_those_of_the_scan(tmp_path):
    """`data/crops -> /mnt/big/crops`: samples stand where the link stands."""
    trees.write(tmp_path / "big", [f"{i}/1.jpg" for i in range(9)])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/crops").symlink_to(tmp_path / "big")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    build_index(tmp_path / "data", layout="folders", links_outside=True)
    index = open_index(tmp_path / "link")

    for top in (tmp_path / "data", tmp_path / "link"):
        assert index.rows_for([top / "crops/3/1.jpg", "crops/4/1.jpg", "./crops/5/1.jpg"]).tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (["nowhere.jpg"], "1 of 1 paths are not in this index"),
        ([], "expected paths or rows in your dataset's order, as a list"),
        ({0, 1}, "expected paths or rows in your dataset's order, as a list"),
        ([0.5, 1.5], "expected rows as a list of ints"),
        (np.array([True, False]), "of a mask take np.flatnonzero"),
        ([("a.jpg", 0)], r"pass \[p for p, _ in samples\]"),
        ([0, 0], "a sample is named twice"),
        ([0, 10**6], "rows lie in 0 …"),
    ],
)
def test_an_order_that_cannot_be_is_told(index, order, message):
    with pytest.raises(SettingsError, match=message):
        PKBatchSampler(index, 1, 1, order=order)


def test_a_dataset_that_is_not_an_index_is_told_what_to_do(index):
    with pytest.raises(SettingsError, match="expected an index, an IndexDataset or a Subset of one, found Paths"):
        PKBatchSampler(Paths(["a"]), 2, 2)


# ------------------------------------------------------------------------------------------------ what is said


def test_who_is_left_out_is_logged_and_counted_by_reason(index, caplog):
    with caplog.at_level(logging.WARNING, "reidindex"):
        sampler = PKBatchSampler(index, 4, 3, each="pair")

    assert sampler.left_out == {"without nir or sketch": 4}
    assert "each='pair': 8 of 12 identities are drawn; left out: 4 without nir or sketch" in caplog.text


def test_fewer_identities_than_p_raises_instead_of_hanging(index):
    with pytest.raises(NotEnoughIdentitiesError, match="P=13: 12 of 12 identities can serve each=any"):
        PKBatchSampler(index, 13, 2)


def test_pairs_need_two_modalities_and_two_rows():
    with pytest.raises(SettingsError, match=r"this index has one modality only \(rgb\), nothing to pair"):
        PKBatchSampler(index_of([Sample("a", ("rgb",))]), 1, 2, each="pair")
    with pytest.raises(NotEnoughIdentitiesError, match="1 that need 2 rows in a block of K=1"):
        PKBatchSampler(index_of([Sample("a", ("rgb",)), Sample("a", ("nir",))]), 1, 1, each="pair")


# ------------------------------------------------------------------------------------------------ views


def test_views_of_protocols_and_several_splits(tmp_path):
    root = trees.regdb(tmp_path / "d")
    build_index(root)
    index = open_index(root)

    for trial in range(1, 11):
        train = index.select(split=f"trial{trial}/train")
        listed = {
            line.split()[0]
            for modality in ("visible", "thermal")
            for line in (root / f"idx/train_{modality}_{trial}.txt").read_text().splitlines()
        }
        assert {train.path_of(i) for i in range(len(train))} == listed
        for batch in PKBatchSampler(train, 2, 2, each="pair"):
            Truth(train).check_batch(batch, 2, 2, "pair")
    both = index.select(split="train+query")
    assert both == index.select(split=["train", "query"])
    assert len(both) == len(index.select(split="train")) + len(index.select(split="query"))
    assert len(index.select(split="train", modality="thermal")) == 4
    with pytest.raises(SettingsError, match=r"no split 'trial11/train'; did you mean 'trial1/train'\?"):
        index.select(split="trial11/train")
    with pytest.raises(SettingsError, match="no modality 'sketch'"):
        index.select(modality="sketch")
    for wrong in (5, [], [5]):
        with pytest.raises(SettingsError, match="expected a split's name"):
            index.select(split=wrong)
    with pytest.raises(SettingsError, match="not an integer column; did you mean 'camid'"):
        index.column("cami")
    with pytest.raises(SettingsError, match="verify: expected 'quick' or 'full', found 'foo'"):
        open_index(root, verify="foo")


def test_an_identity_in_several_splits_has_one_pool():
    """MSMT17's val holds train's people: in a view of both, each of them is one identity."""
    rows = [Sample(f"{i}", ("rgb",), split=split) for i in range(6) for split in ("train", "val") for _ in range(3)]
    index = index_of(rows)
    view = index.select(split="train+val")

    assert len(PKBatchSampler(view, 6, 6)) == 1
    (batch,) = PKBatchSampler(view, 6, 6, seed=4)
    Truth(view).check_batch(batch, 6, 6, "any")
    assert sorted(batch) == list(range(len(view)))
