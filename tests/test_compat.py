"""The drop-ins: what is sound in the originals holds, what was not is mended or told."""

from __future__ import annotations

import logging
import os
import pickle  # noqa: TID251 - what spawn does
import re
import subprocess
import sys
import time
import warnings
from collections import Counter
from inspect import signature
from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, DistributedSampler, Sampler, Subset

from indexer.errors import NotEnoughIdentitiesError, SettingsError, StateError
from sampler_runtime import IndexDataset, PKBatchSampler
from sampler_runtime.compat import (
    BalancedIdentitySampler,
    BalanceSampler,
    CachedModalAwarePKSampler,
    IdentitySampler,
    MPerClassSampler,
    NaiveIdentitySampler,
    RandomIdentitySampler,
)
from sampler_runtime.compat.labels import label_index
from sampler_runtime.flat import FlatView
from tests.populations import Sample, index_of

LABELS = [f"person {who}" for who in range(41) for _ in range((2, 3, 5, 9, 20)[who % 5])]
"""Long-tailed and, mixed, in no order."""
LABELS = [LABELS[i] for i in np.random.default_rng(0).permutation(len(LABELS))]
ITEMS = [(f"{i}.jpg", label, f"cam {i % 3}") for i, label in enumerate(LABELS)]
SINGLE = [*ITEMS, *[(f"single{i}.jpg", f"single {i}", "cam 0") for i in range(4)]]


class Rows(Dataset):
    """What a loader gets of it is the row itself."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, row):
        return row


def cut(sampler, size, batches=None):
    """Batches as the training code of the originals makes them."""
    return list(islice(BatchSampler(sampler, size, True), batches))


def check(batches, labels, p, k):
    """Every batch has P different identities and K rows of each, side by side."""
    assert batches
    for batch in batches:
        owners = [{labels[row] for row in batch[at : at + k]} for at in range(0, len(batch), k)]
        assert [len(owner) for owner in owners] == [1] * p
        assert len(set().union(*owners)) == p


def positions(labels):
    """As AGW's training code makes them."""
    return [[i for i, label in enumerate(labels) if label == one] for one in sorted(set(labels))]


# -------------------------------------------------------------------------------------------- what was sound holds


@pytest.mark.parametrize(
    ("sampler", "names"),
    [
        (RandomIdentitySampler, ["data_source", "batch_size", "num_instances"]),
        (BalanceSampler, ["labels", "n_labels", "n_instances"]),
        (MPerClassSampler, ["labels", "m", "batch_size", "length_before_new_iter"]),
        (
            IdentitySampler,
            ["train_color_label", "train_thermal_label", "color_pos", "thermal_pos", "num_pos", "batch_size", "epoch"],
        ),
        (NaiveIdentitySampler, ["data_source", "mini_batch_size", "num_instances", "seed"]),
        (BalancedIdentitySampler, ["data_source", "mini_batch_size", "num_instances", "seed"]),
        (
            CachedModalAwarePKSampler,
            ["dataset", "batch_size", "num_instances", "ensure_rgb", "prefer_complete", "seed"],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_arguments_have_the_names_and_the_order_of_the_original(sampler, names):
    found = signature(sampler).parameters.values()

    assert [p.name for p in found if p.kind is not p.KEYWORD_ONLY] == names
    assert issubclass(sampler, Sampler)
    assert issubclass(sampler, PKBatchSampler) == (sampler in (BalanceSampler, CachedModalAwarePKSampler))


def test_rows_of_torchreid_are_cut_into_p_by_k_and_show_every_image():
    sampler = RandomIdentitySampler(ITEMS, 32, 4)
    loader = DataLoader(Rows(len(ITEMS)), sampler=sampler, batch_size=32, drop_last=True)

    first, second = [[batch.tolist() for batch in loader] for _ in range(2)]

    assert len(loader) * 32 == len(sampler) == sum(map(len, first)) == sum(map(len, second))
    check(first + second, LABELS, 8, 4)
    assert {row for batch in first for row in batch} == set(range(len(ITEMS)))
    assert first != second


def test_singletons_and_many_instances_do_not_shift_rows():
    labels = [who for _, who, _ in SINGLE]

    check(cut(RandomIdentitySampler(SINGLE, 35, 7), 35), labels, 5, 7)
    check(cut(NaiveIdentitySampler(SINGLE, 35, 7), 35, 60), labels, 5, 7)
    check(list(BalanceSampler(labels, 5, 7)), labels, 5, 7)
    check(cut(MPerClassSampler(labels, 7, 35, 700), 35), labels, 5, 7)


def test_balance_sampler_is_a_batch_sampler_of_l_over_p_batches():
    sampler = BalanceSampler(LABELS, 6, 4)

    batches = [batch.tolist() for batch in DataLoader(Rows(len(LABELS)), batch_sampler=sampler)]

    assert len(sampler) == len(batches) == 41 // 6
    check(batches, LABELS, 6, 4)
    seen = Counter(LABELS[row] for batch in batches for row in batch[::4])
    assert set(seen.values()) == {1}
    assert {LABELS[row] for batch in list(sampler) for row in batch} >= set(LABELS) - set(seen)
    for batch in batches:
        for at in range(0, 24, 4):
            block = batch[at : at + 4]
            assert len(set(block)) == min(4, LABELS.count(LABELS[block[0]]))


def test_m_per_class_yields_what_its_length_says():
    """pytorch-metric-learning says 20 and yields 40 where one pass is longer than the length that is asked for."""
    for batch_size, length, expected in ((32, 1000, 992), (32, 32, 32), (None, 20, 41 * 4), (None, 400, 2 * 41 * 4)):
        sampler = MPerClassSampler(LABELS, 4, batch_size, length)
        rows = list(sampler)
        assert len(sampler) == len(rows) == expected
        if batch_size is None:
            whom = [LABELS[row] for row in rows]
            assert all(len(set(whom[at : at + 4])) == 1 for at in range(0, len(whom), 4))
            assert set(Counter(whom).values()) == {expected // 41}
        else:
            check(cut(sampler, 32), LABELS, 8, 4)
    assert len(MPerClassSampler(torch.arange(100) % 10, m=4, batch_size=20)) == 100_000
    assert 90_000 < len(MPerClassSampler(LABELS, 4)) <= 100_000


@pytest.mark.parametrize("sampler", [NaiveIdentitySampler, BalancedIdentitySampler])
def test_rows_of_fast_reid_have_no_end(sampler):
    stream = sampler(ITEMS, 32, 4, seed=5)
    loader = DataLoader(Rows(len(ITEMS)), batch_sampler=BatchSampler(stream, 32, True))

    batches = [batch.tolist() for batch in islice(loader, 60)]

    check(batches, LABELS, 8, 4)
    assert {row for batch in batches for row in batch} == set(range(len(ITEMS)))
    with pytest.raises(TypeError, match="no length"):
        len(stream)
    assert cut(sampler(ITEMS, 32, 4, seed=5), 32, 60) == batches
    assert cut(sampler(ITEMS, 32, 4, seed=6), 32, 60) != batches


def test_ranks_of_fast_reid_have_other_identities_in_each_step(monkeypatch):
    def on(rank, sampler):
        monkeypatch.setattr("sampler_runtime.shard.distributed", lambda: Two(rank))
        return cut(sampler(ITEMS, 16, 4), 16, 30)

    class Two:
        def __init__(self, rank):
            self.rank = rank

        def get_rank(self):
            return self.rank

        def get_world_size(self):
            return 2

    one, other = on(0, BalancedIdentitySampler), on(1, BalancedIdentitySampler)

    for ours, theirs in zip(one, other, strict=True):
        check([ours + theirs], LABELS, 8, 4)


def test_a_block_of_the_balanced_sampler_has_two_cameras_wherever_there_are_two():
    alone = [(f"alone{i}.jpg", f"alone {i // 3}", None if i < 3 else "cam 1") for i in range(9)]
    items = [*ITEMS, *alone]
    labels, camera = [who for _, who, _ in items], [seen for *_, seen in items]
    cameras = {who: {c for _, whom, c in items if whom == who} for who in labels}

    batches = cut(BalancedIdentitySampler(items, 32, 4), 32, 40)

    check(batches, labels, 8, 4)
    assert {labels[row] for batch in batches for row in batch} == set(labels)
    for batch in batches:
        for at in range(0, 32, 4):
            block = batch[at : at + 4]
            assert len({camera[row] for row in block}) >= min(2, len(cameras[labels[block[0]]]))
            assert len(set(block)) >= 2


def test_pairs_of_agw_are_of_one_person():
    color, thermal = [i // 3 for i in range(30)], [i // 4 for i in range(40)]
    one, again, other = (
        IdentitySampler(color, thermal, positions(color), positions(thermal), 2, 4, epoch) for epoch in (0, 0, 1)
    )

    assert list(one) == list(range(len(one))) == list(range(len(one.index1)))
    assert len(one.index1) == len(one.index2) == (40 // 8 + 1) * 8
    for at in range(0, len(one), 8):
        whom = [color[row] for row in one.index1[at : at + 8]]
        assert whom == [thermal[row] for row in one.index2[at : at + 8]]
        assert whom[::2] == whom[1::2]
        assert len(set(whom)) == 4
    assert np.array_equal(one.index1, again.index1)
    assert np.array_equal(one.index2, again.index2)
    assert not np.array_equal(one.index1, other.index1)


# -------------------------------------------------------------------------------------------- what was not is mended


def test_fewer_identities_than_a_batch_needs_raises_instead_of_hanging():
    few = [(f"{i}.jpg", i % 3, i) for i in range(30)]
    labels = [who for _, who, _ in few]

    for make in (
        lambda: RandomIdentitySampler(few, 16, 4),
        lambda: NaiveIdentitySampler(few, 16, 4),
        lambda: BalancedIdentitySampler(few, 16, 4),
        lambda: BalanceSampler(labels, 4, 4),
        lambda: MPerClassSampler(labels, 4, 16),
        lambda: IdentitySampler(labels, labels, None, None, 2, 4, 0),
        lambda: CachedModalAwarePKSampler([(p, who, "vis") for p, who, _ in few], 16, 4),
    ):
        with pytest.raises(NotEnoughIdentitiesError, match=r"3 of 3 identities can serve.*use p=3 or less \(p is "):
            make()


@pytest.mark.parametrize("sampler", [RandomIdentitySampler, NaiveIdentitySampler, BalancedIdentitySampler])
def test_a_batch_size_that_k_does_not_divide_raises(sampler):
    """fast-reid hangs, torchreid's and TransReID's batches begin within identities."""
    with pytest.raises(SettingsError, match=r"64 rows cannot hold 5 of each identity .* use a batch size of 60 or 65"):
        sampler(ITEMS, 64, 5)
    with pytest.raises(SettingsError, match="use a batch size of 5, "):
        sampler(ITEMS, 3, 5)


def test_settings_that_the_others_refuse_are_refused():
    with pytest.raises(SettingsError, match="60 or 65"):
        MPerClassSampler(LABELS, 5, 64)
    with pytest.raises(SettingsError, match="60 or 65"):
        CachedModalAwarePKSampler([("vis/a.jpg", 1)], 64, 5)
    with pytest.raises(SettingsError, match="length_before_new_iter: expected batch_size=32 rows or more, found 31"):
        MPerClassSampler(LABELS, 4, 32, 31)
    with pytest.raises(SettingsError, match=r"NaiveIdentitySampler\(batch size\): expected an int"):
        NaiveIdentitySampler(ITEMS, "32", 4)


def test_a_person_without_infrared_is_told_and_shifts_nobody():
    """AGW pairs different people from the gap on."""
    color, thermal = [i // 3 for i in range(30)], [i // 4 for i in range(40) if i // 4 != 3]

    with pytest.warns(UserWarning, match="1 identities have images of one modality only.*of 7 labels other people's"):
        sampler = IdentitySampler(color, thermal, positions(color), positions(thermal), 3, 4, 0)

    whom = [color[row] for row in sampler.index1]
    assert whom == [thermal[row] for row in sampler.index2]
    assert set(whom) == set(range(10)) - {3}
    assert sampler.n_classes == 9


def test_labels_of_agw_need_not_count_from_0():
    color, thermal = [7 * (i // 3) + 2 for i in range(30)], [7 * (i // 4) + 2 for i in range(40)]
    words = [f"{label}" for label in color], [f"{label}" for label in thermal]

    for one, other in ((color, thermal), words):
        with pytest.warns(UserWarning, match="of 10 labels other people's images, or none"):
            sampler = IdentitySampler(one, other, positions(one), positions(other), 2, 4, 0)
        assert [one[row] for row in sampler.index1] == [other[row] for row in sampler.index2]


def test_an_identity_with_one_image_is_told_where_a_pair_is_promised():
    with pytest.warns(UserWarning, match="4 identities with one image are left out; the original pairs"):
        sampler = BalancedIdentitySampler(SINGLE, 32, 4)

    assert not {row for batch in cut(sampler, 32, 40) for row in batch} & set(range(len(ITEMS), len(SINGLE)))
    check(cut(BalancedIdentitySampler(SINGLE, 8, 1), 8, 9), [who for _, who, _ in SINGLE], 8, 1)


def test_junk_is_nobody():
    labels = np.repeat([-1, 5, 7, 9], 4)

    with pytest.warns(UserWarning, match="4 samples have the label -1") as told:
        sampler = BalanceSampler(labels, 3, 2)

    assert told[0].filename == __file__
    assert all(labels[row] != -1 for batch in sampler for row in batch)
    check(list(BalanceSampler([f"{label}" for label in labels], 4, 2)), labels.tolist(), 4, 2)


def test_whatever_was_sound_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sampler in (RandomIdentitySampler, NaiveIdentitySampler, BalancedIdentitySampler):
            sampler(ITEMS, 32, 4)
        BalanceSampler(LABELS, 8, 4)
        MPerClassSampler(LABELS, 4, 32)
        numbers = [i // 3 for i in range(30)]
        IdentitySampler(numbers, numbers, positions(numbers), positions(numbers), 2, 4, 0)


def test_global_generators_are_neither_read_nor_changed():
    def drawn():
        return [
            list(RandomIdentitySampler(ITEMS, 32, 4)),
            list(BalanceSampler(LABELS, 8, 4)),
            list(MPerClassSampler(LABELS, 4, 32, 640)),
            cut(BalancedIdentitySampler(ITEMS, 32, 4), 32, 20),
        ]

    np.random.seed(1)  # noqa: NPY002 - the generator that the originals use
    torch.manual_seed(1)
    first = drawn()
    state = np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002 - likewise
    np.random.seed(2)  # noqa: NPY002 - likewise
    torch.manual_seed(2)
    np.random.seed(1)  # noqa: NPY002 - likewise
    torch.manual_seed(1)

    assert drawn() == first
    assert np.random.get_state()[1].tolist() == state[0]  # noqa: NPY002 - likewise
    assert torch.equal(torch.get_rng_state(), state[1])


def test_hashes_of_text_do_not_matter():
    """Batches of open-metric-learning depend on PYTHONHASHSEED where labels are text."""
    labels = [f"person {i % 17}" for i in range(80)]
    code = f"from sampler_runtime.compat import BalanceSampler; print(list(BalanceSampler({labels}, 8, 4)))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)

    assert done.stdout.strip() == str(list(BalanceSampler(labels, 8, 4)))


# ------------------------------------------------------------------------------------- the modality-aware sampler


class Listing(Dataset):
    """A dataset that must not be opened."""

    def __init__(self, name, records):
        setattr(self, name, records)
        self.size = len(records)

    def __len__(self):
        return self.size

    def __getitem__(self, row):
        raise AssertionError("a sample was opened")


class Told(NamedTuple):
    """A record with names."""

    path: str
    pid: str
    modality: str


KINDS = ["vis" if i % 4 else ("sk", "cp", "nir", "text")[i // 4 % 4] for i in range(len(LABELS))]
RECORDS = {
    "dicts": ("data_list", [{"person_id": who, "modality": kind} for who, kind in zip(LABELS, KINDS, strict=True)]),
    "tuples": ("samples", [(f"{i}", who, 3, kind) for i, (who, kind) in enumerate(zip(LABELS, KINDS, strict=True))]),
    "named": ("records", [Told(f"{i}", who, kind) for i, (who, kind) in enumerate(zip(LABELS, KINDS, strict=True))]),
    "folders": ("samples", [(f"d/{kind}/{who}/1.jpg", who) for who, kind in zip(LABELS, KINDS, strict=True)]),
    "images": ("meta", [{"pid": who, "images": {kind: "a"}} for who, kind in zip(LABELS, KINDS, strict=True)]),
}


@pytest.mark.parametrize("form", RECORDS)
def test_a_dataset_is_read_by_what_it_lists_and_never_opened(form):
    dataset = Listing(*RECORDS[form])
    told = list(CachedModalAwarePKSampler(Listing(*RECORDS["dicts"]), 32, 4, seed=3))

    sampler = CachedModalAwarePKSampler(
        dataset=dataset, batch_size=32, num_instances=4, ensure_rgb=True, prefer_complete=True, seed=3
    )

    assert list(sampler) == told
    assert (sampler.P, sampler.K, sampler.batch_size, len(sampler)) == (8, 4, 32, len(told))
    check(told, LABELS, 8, 4)
    for batch in told:
        for at in range(0, 32, 4):
            assert "vis" in {KINDS[row] for row in batch[at : at + 4]}


@pytest.mark.parametrize("ensure_rgb", [True, False])
@pytest.mark.parametrize("prefer_complete", [True, False])
def test_blocks_are_what_the_switches_say(ensure_rgb, prefer_complete):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = CachedModalAwarePKSampler(Listing(*RECORDS["dicts"]), 32, 4, ensure_rgb, prefer_complete)
    pairable = set(sampler.pids_pairable)
    assert set(sampler.pids_all) == set(LABELS)
    images = [who for who in LABELS if any(w == who and kind == "vis" for w, kind in zip(LABELS, KINDS, strict=True))]
    assert pairable < set(images)

    drawn = [batch for _ in range(9) for batch in sampler]

    check(drawn, LABELS, 8, 4)
    for batch in drawn:
        for at in range(0, 32, 4):
            block = batch[at : at + 4]
            kinds = {KINDS[row] for row in block}
            assert "vis" in kinds or not ensure_rgb
            if LABELS[block[0]] in pairable and (prefer_complete or ensure_rgb):
                assert "vis" in kinds
                assert len(kinds) > 1
    assert {LABELS[row] for batch in drawn for row in batch} >= pairable


def test_positions_are_those_of_the_subset():
    """Two samplers of PRCV2025REID disagree on whose positions they yield."""
    dataset, rows = Listing(*RECORDS["dicts"]), list(range(len(LABELS) - 1, 20, -1))
    inner = [rows[i] for i in range(5, 150)]
    index = index_of(
        [Sample(who, ("rgb",) if kind == "vis" else ("nir",)) for who, kind in zip(LABELS, KINDS, strict=True)]
    )
    pid = index.column("pid").tolist()

    for data, labels in (
        (Subset(dataset, rows), [LABELS[row] for row in rows]),
        (Subset(Subset(dataset, rows), range(5, 150)), [LABELS[row] for row in inner]),
        (IndexDataset(index), pid),
        (index, pid),
        (Subset(IndexDataset(index), rows), [pid[row] for row in rows]),
        (Subset(Subset(IndexDataset(index), rows), list(range(5, 150))), [pid[row] for row in inner]),
    ):
        batches = list(CachedModalAwarePKSampler(data, 16, 4))
        check(batches, labels, 4, 4)
        assert max(map(max, batches)) < len(labels)


def test_preferring_pairs_removes_nobody_and_repeats_nobody():
    few = [("vis/a", "a"), ("sk/b", "a"), *[(f"vis/{i}", f"{i // 2}") for i in range(14)]]

    with pytest.warns(UserWarning, match="1 pairable identities, a batch has 4; the original repeats") as told:
        sampler = CachedModalAwarePKSampler(Listing("samples", few), 8, 2)

    assert told[0].filename == __file__
    batches = [batch for _ in range(8) for batch in sampler]
    check(batches, [who for _, who in few], 4, 2)
    assert {few[row][1] for batch in batches for row in batch} == {who for _, who in few}


def test_an_aligned_sample_counts_as_each_of_its_modalities():
    """PRCV2025REID counts it as RGB only."""
    sampler = CachedModalAwarePKSampler([{"pid": i // 2, "modality": "vis+nir"} for i in range(8)], 4, 1)

    assert len(sampler.pids_pairable) == 4


def test_the_log_tells_what_was_found(caplog):
    caplog.set_level(logging.INFO, "reidindex")

    CachedModalAwarePKSampler([(f"{k}/{i}", i) for i in range(9) for k in ("vis", "sk")[: 1 + (i > 2)]], 4, 2)

    assert any(
        re.fullmatch(r"15 samples cached in \d+\.\d\d s: 9 identities, 6 pairable \(66\.7 %\), 3 batches expected", m)
        for m in caplog.messages
    )


def test_what_cannot_be_read_is_named_and_not_skipped():
    for records, words in (
        ([{"modality": "vis"}], "sample 0 tells no identity"),
        ([("vis/a", 1), ("b", 2)], r"sample 1 tells no modality: \('b', 2\)"),
        ([("vis/a", 1), ("vis/a", None)], "sample 1 tells no identity"),
        ([], "found none"),
    ):
        with pytest.raises(SettingsError, match=words):
            CachedModalAwarePKSampler(Listing("samples", records), 4, 2)
    with pytest.raises(SettingsError, match="Rows lists no samples; expected an index"):
        CachedModalAwarePKSampler(Rows(9), 4, 2)
    with pytest.raises(SettingsError, match="no sample is RGB, only nir; use ensure_rgb=False"):
        CachedModalAwarePKSampler([("nir/a", i // 4) for i in range(16)], 4, 2)
    with pytest.warns(UserWarning, match="1 identities have no RGB sample"):
        CachedModalAwarePKSampler([("vis/a", i // 4) for i in range(16)] + [("sk/a", 9)], 4, 2, prefer_complete=False)


# --------------------------------------------------------------------------------------------------- rows one by one


@pytest.fixture
def index():
    return index_of([Sample(f"{who}", ("rgb",)) for who in range(13) for _ in range(1 + who % 5)])


@pytest.mark.parametrize("infinite", [False, True])
@pytest.mark.parametrize(
    "further", [{}, {"rank": 1, "world_size": 2}, {"rank": 1, "world_size": 2, "split": "block"}], ids=str
)
def test_a_run_goes_on_at_any_row(index, infinite, further):
    def fresh():
        return FlatView(PKBatchSampler(index, 2, 3, seed=4, **further), infinite)

    def drawn(view, rows):
        found = list(islice(view, rows))
        while len(found) < rows:
            found += islice(view, rows - len(found))
        return found

    told = drawn(fresh(), 50)
    batches = PKBatchSampler(index, 2, 3, seed=4, **further)
    assert told == [row for _ in range(9) for batch in batches for row in batch][:50]
    if not infinite:
        assert len(fresh()) == len(list(fresh())) == len(batches) * batches.batch_size

    view = fresh()
    iterator, at = iter(view), 0
    while at < 40:
        for state in (view.state_dict(), iterator.state_dict()):
            again = fresh()
            again.load_state_dict(state)
            assert again.state_dict() == state or not state["row"]  # the end of an epoch is the beginning of the next
            again.set_epoch(again.batch_sampler.epoch)  # a framework that tells the epoch must not undo the place
            assert drawn(pickle.loads(pickle.dumps(again)), 9) == told[at : at + 9]
            other = iter(fresh())
            other.load_state_dict(state)
            assert next(other) == told[at]
        try:
            assert next(iterator) == told[at]
            at += 1
        except StopIteration:
            iterator = iter(view)


def test_a_flat_view_has_epochs_of_its_own(index):
    view = FlatView(PKBatchSampler(index, 3, 2))
    first, second = list(view), list(view)

    view.set_epoch(0)
    iter(view)  # one that is thrown away, as a DataLoader with workers does
    assert list(view) == first != second
    view.set_epoch(1)
    next(iter(view))
    view.batch_sampler.set_epoch(1)
    assert view.state_dict()["row"] == 0
    assert list(view) == second


def test_a_flat_view_refuses_what_it_cannot_go_on_from(index):
    view = FlatView(PKBatchSampler(index, 2, 3, rank=0, world_size=2))
    list(islice(view, 4))
    state = view.state_dict()
    assert state["row"] == 4

    with pytest.raises(StateError, match=r"4 rows into a batch of world_size=2, here .* world_size=1"):
        FlatView(PKBatchSampler(index, 2, 3)).load_state_dict(state)
    for wrong in ({**state, "row": 6}, {**state, "row": "4"}, {**state, "p": 0} | {"epoch": -1}, {}):
        with pytest.raises(StateError):
            view.load_state_dict(wrong)
    with pytest.raises(SettingsError, match="expected a PKBatchSampler, found list"):
        FlatView([[1, 2]])


def test_composed_instances_and_arrays_come_one_by_one(index):
    arrays = FlatView(PKBatchSampler(index, 2, 3, output="numpy"))
    both = index_of([Sample(f"{who}", (kind,)) for who in range(4) for kind in ("rgb", "sketch")])

    assert {type(row) for row in arrays} == {int}
    for output in ("list", "numpy"):
        composed = FlatView(PKBatchSampler(both, 2, 2, compose=("rgb", "sketch"), output=output))
        assert {(type(i), len(i)) for i in composed} == {(tuple, 2)}


# -------------------------------------------------------------------------------------------- frameworks and sizes


def test_frameworks_make_the_batch_samplers_anew():
    """As Lightning does: with the arguments that it finds, and a DistributedSampler."""
    for sampler in (BalanceSampler(LABELS, 4, 4), CachedModalAwarePKSampler(Listing(*RECORDS["dicts"]), 16, 4)):
        told = list(sampler)
        ranks = []
        for rank in range(2):
            sampler.set_epoch(0)
            arguments, named = getattr(sampler, "__pl_saved_args"), getattr(sampler, "__pl_saved_kwargs")
            share = DistributedSampler(Rows(9), num_replicas=2, rank=rank)
            ranks.append(list(type(sampler)(*arguments, **{**named, "sampler": share})))
        assert [batch for step in zip(*ranks, strict=True) for batch in step] == told[: len(told) // 2 * 2]


@pytest.mark.parametrize("name", ["rows", "batches", "modalities", "cameras"])
def test_samplers_pickle(name):
    def make():
        return {
            "rows": lambda: RandomIdentitySampler(ITEMS, 32, 4),
            "batches": lambda: BalanceSampler(LABELS, 8, 4),
            "modalities": lambda: CachedModalAwarePKSampler(Listing(*RECORDS["dicts"]), 32, 4),
            "cameras": lambda: BalancedIdentitySampler(ITEMS, 32, 4),
        }[name]()

    again = pickle.loads(pickle.dumps(make()))

    assert type(again) is type(make())
    assert list(islice(again, 99)) == list(islice(make(), 99))


def test_a_million_labels_are_a_matter_of_a_second():
    labels = [f"{who:07d}" for who in np.random.default_rng(0).integers(0, 100_000, 1_000_000).tolist()]
    began = time.perf_counter()

    batch = next(iter(BalanceSampler(labels, 16, 4)))

    assert time.perf_counter() - began < 10  # a fifth of it here; a busy machine is no failure
    check([batch], labels, 16, 4)


def test_labels_are_checked_and_the_first_wrong_one_named():
    for labels, words in (
        ([1, 2, None], "found None at position 2"),
        (["a", "b", 7], "found 'a' at position 0, 7 at position 2"),
        ([1, 2.5], "found 2.5 at position 1"),
        ([True, False], "found True at position 0"),
        ([[1], [2]], r"found \[1\] at position 0"),
        (np.zeros((2, 2), int), r"found int64 of shape \(2, 2\)"),
        (torch.rand(3), "found float32"),
        ("abc", "expected a list"),
        ([], "found none"),
    ):
        with pytest.raises(SettingsError, match=words):
            BalanceSampler(labels, 1, 1)
    for items, words in (
        ([("a", 1), ("b",)], "no pid in sample 1"),
        (["abc"], "no pid in sample 0: 'abc'"),
        (7, "expected a list of tuples"),
    ):
        with pytest.raises(SettingsError, match=words):
            RandomIdentitySampler(items, 2, 1)
    with pytest.raises(SettingsError, match="expected one for each of 3 labels, found 2"):
        label_index([1, 2, 3], cameras=[1, 2])


def test_an_index_of_labels_is_an_index():
    index = label_index(
        [20, 10, 10, 20, 30], ["b", None, "a", "a", "b"], ["vis", "sk", ("vis", "nir"), "rgb+nir", "ir"]
    )

    assert index.modalities == ("rgb", "ir", "nir", "sketch")
    assert index.column("pid").tolist() == [1, 0, 0, 1, 2]
    assert index.column("camid").tolist() == [1, -1, 0, 0, 1]
    assert index.labels("identity", np.array([4, 0])) == ["30", "20"]
    assert index.modalities_of(2) == index.modalities_of(3) == ("rgb", "nir")
    assert index.value("tracklet", 3) == -1
    assert index.subset([4, 1]).labels("identity", np.arange(2)) == ["10", "30"]
    assert index.subset(pids=[0]).pids.tolist() == [0]
    assert index.view_digest == pickle.loads(pickle.dumps(index)).view_digest != index.subset([0]).view_digest
    batches = list(PKBatchSampler(index, 1, 2, order=[4, 1, 2]))
    assert sorted(row for batch in batches for row in set(batch)) == [0, 1, 2]
    for ask in (lambda: index.path_of(0), lambda: index.rows_for(["a"]), lambda: index.locate(0)):
        with pytest.raises(SettingsError, match="labels were given, no files"):
            ask()
