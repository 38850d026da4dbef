"""What a batch holds, and settings that cannot work."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from indexer.errors import NotEnoughIdentitiesError, SettingsError
from sampler_runtime import JointIndex, PKBatchSampler
from tests.peer_failures.people import NIR, RGB, SKETCH, blocks_of, check_p_by_k, epochs, people, people_in
from tests.populations import Sample, index_of


def test_fewer_identities_than_p_raises_instead_of_hanging():
    """fast-reid loops for ever; TransReID yields nothing, SpCL short batches; PRCV2025REID repeats identities."""
    index = index_of([*people([4] * 3), *[Sample(f"{i}", NIR) for i in range(2)]])

    for further, what_works in (
        ({"p": 4, "k": 4}, "use p=3 or less"),
        ({"p": 3, "k": 2, "each": "pair"}, "use p=2 or less"),
        ({"p": 3, "k": 5, "on_short": "exclude"}, "use p=2 or less"),
        ({"p": 3, "k": 2, "drop": ["0"]}, "use p=2 or less"),
        ({"p": 3, "k": 2, "weights": [1, 0, 1]}, "use p=2 or less"),
    ):
        with pytest.raises(NotEnoughIdentitiesError, match=what_works):
            PKBatchSampler(index, **further)
    assert len(list(PKBatchSampler(index, 3, 4))) == 1


def test_there_is_no_batch_size_that_k_must_divide(long_tail):
    """With batch_size % K != 0 fast-reid hangs, and no batch of torchreid or TransReID is P×K."""
    for p, k in ((16, 3), (7, 5), (5, 7), (13, 1)):
        check_p_by_k(long_tail, PKBatchSampler(long_tail, p, k), p, k)
    with pytest.raises(TypeError, match="batch_size"):
        PKBatchSampler(long_tail, 16, 3, batch_size=64)


def test_more_ranks_than_batches_raises_instead_of_yielding_nothing(long_tail):
    """TransReID's stream is empty where no batch can be filled, and training goes on without a step."""
    with pytest.raises(SettingsError, match="no rank would get one"):
        PKBatchSampler(long_tail, 16, 4, rank=0, world_size=4)


def test_singletons_do_not_shift_blocks():
    """SpCL and OpenUnReID emit one index of an identity with one image: with 4 of 751, 13 % of batches are P×K."""
    images = [1 if i in (3, 11, 20, 37) else 6 for i in range(50)]
    index = index_of(people(images))
    sampler = PKBatchSampler(index, 8, 4)

    drawn = [batch for epoch in epochs(sampler, 7) for batch in epoch]

    check_p_by_k(index, drawn, 8, 4)
    assert people_in(index, drawn) == set(range(50))


def test_an_identity_without_infrared_does_not_shift_the_others():
    """AGW with the infrared images of one identity of five removed: 195 of 200 epochs raise IndexError, and 80 % of
    the pairs of the others mix two people."""
    population = [s for s in people([3] * 5, (RGB, NIR)) if (s.identity, s.kind) != ("1", NIR)]
    index = index_of(population)
    pid, gap = index.column("pid").tolist(), population.index(Sample("1", RGB))
    sampler = PKBatchSampler(index, 2, 4, each={"rgb": 2, "nir": 2})

    for epoch in epochs(sampler, 200):
        check_p_by_k(index, epoch, 2, 4)
        for batch in epoch:
            for block in blocks_of(batch, 4):
                assert [index.modalities_of(row) for row in block] == [RGB, RGB, NIR, NIR]
                assert pid[block[0]] != pid[gap]
    assert sampler.left_out == {"without nir": 1}


def test_identities_are_any_words():
    """AGW takes a label for a position in a list, 0 … n - 1; fast-reid and PRCV2025REID convert labels to int."""
    names = ["0007", "7", "9000", "person b", "Zoë", "-1"]
    index = index_of([Sample(name, RGB) for name in names for _ in range(3)])
    identity = index.labels("identity", np.arange(len(index)))

    batches = list(PKBatchSampler(index, 3, 3))

    check_p_by_k(index, batches, 3, 3)
    blocks = [{identity[row] for row in block} for batch in batches for block in blocks_of(batch, 3)]
    assert sorted(blocks, key=sorted) == [{name} for name in sorted(names)]


@pytest.mark.parametrize(
    "further",
    [{}, {"epoch": "samples"}, {"epoch": 40}, {"weights": "count"}, {"each": "pair"}],
    ids=str,
)
def test_no_identity_comes_twice_in_a_batch(further):
    """PRCV2025REID's strict sampler repeats one in 8.6 % of batches with P=8, in 14.6 % with P=16."""
    index = index_of(people([(1, 2, 3, 5, 9, 20)[i % 6] for i in range(41)], (RGB, NIR)))
    sampler = PKBatchSampler(index, 16, 4, **further)

    for epoch in epochs(sampler, 12):
        check_p_by_k(index, epoch, 16, 4)


def test_nothing_repeats_in_a_block_that_different_images_can_fill(long_tail):
    """AGW always draws with replacement; of a batch repeat in pytorch-metric-learning 2.7 %, in fast-reid 4.8 %, in
    SpCL 4.1 %, beyond what short identities need."""
    pid = long_tail.column("pid").tolist()
    images = Counter(pid)

    for epoch in epochs(PKBatchSampler(long_tail, 8, 4), 8):
        for batch in epoch:
            for block in blocks_of(batch, 4):
                times = Counter(block)
                assert len(times) == min(4, images[pid[block[0]]])
                assert max(times.values()) - min(times.values()) <= 1


def test_identities_with_few_images_are_drawn_too(long_tail):
    """open-metric-learning refuses a dataset with a singleton; torchvision's PKSampler drops identities with fewer than
    K images, sentence-transformers those with fewer than 2."""
    few = {who for who, images in Counter(long_tail.column("pid").tolist()).items() if images < 4}
    sampler = PKBatchSampler(long_tail, 8, 4)

    drawn = people_in(long_tail, list(sampler) + list(sampler))

    assert len(few) > 30
    assert few <= drawn


def test_what_becomes_of_short_identities_can_be_chosen(long_tail):
    """Each of eleven samplers that were compared has one way, and none asks."""
    images = Counter(long_tail.column("pid").tolist())

    repeat = PKBatchSampler(long_tail, 4, 4, on_short="repeat", epoch=200)
    exclude = PKBatchSampler(long_tail, 4, 4, on_short="exclude", epoch=200)

    assert people_in(long_tail, repeat) == set(images)
    assert people_in(long_tail, exclude) == {who for who, many in images.items() if many >= 4}
    with pytest.raises(SettingsError, match="31 identities cannot fill a block of K=4"):
        PKBatchSampler(long_tail, 4, 4, on_short="error")


def test_every_image_has_a_positive_and_a_negative_in_its_batch():
    """wildlife-tools shuffles images under a triplet loss, ORBench too; sentence-transformers had batches of one class."""
    index = index_of(people([2, 3, 5, 9] * 5))
    pid = index.column("pid").tolist()

    for epoch in epochs(PKBatchSampler(index, 4, 2), 6):
        for batch in epoch:
            for row in batch:
                assert any(pid[other] == pid[row] and other != row for other in batch)
                assert any(pid[other] != pid[row] for other in batch)


def test_a_block_spans_the_cameras_that_are_asked_for():
    """fast-reid and SpCL only avoid the anchor's camera; most samplers know no cameras."""
    index = index_of(
        [s for i in range(12) for s in (Sample(f"{i}", RGB, camera) for camera in ("abc"[: 1 + i % 3] * 3))]
    )
    camera, pid = index.column("camid").tolist(), index.column("pid").tolist()
    cameras_of = {who: {camera[row] for row in range(len(index)) if pid[row] == who} for who in pid}

    for least in (2, 3):
        sampler = PKBatchSampler(index, 4, 4, each=f"cameras>={least}")
        drawn = [block for epoch in epochs(sampler, 6) for batch in epoch for block in blocks_of(batch, 4)]
        assert all(len({camera[row] for row in block}) >= least for block in drawn)
        assert {pid[block[0]] for block in drawn} == {who for who, seen in cameras_of.items() if len(seen) >= least}


def test_an_index_without_cameras_is_drawn_from(long_tail):
    """fast-reid's samplers need a camera of every image, whether or not a batch depends on it."""
    assert set(long_tail.column("camid").tolist()) == {-1}

    check_p_by_k(long_tail, PKBatchSampler(long_tail, 8, 4), 8, 4)
    with pytest.raises(NotEnoughIdentitiesError, match="0 of 61 identities can serve each=cameras>=2"):
        PKBatchSampler(long_tail, 8, 4, each="cameras>=2")


def test_quotas_over_three_modalities_hold():
    """AGW knows two modalities, PRCV2025REID visible against the rest, ORBench one image of each of five."""
    index = index_of(people([1, 2, 5, 9] * 3, (RGB, NIR, SKETCH)))

    for epoch in epochs(PKBatchSampler(index, 4, 6, each={"rgb": 3, "nir": 2, "sketch": 1}), 5):
        check_p_by_k(index, epoch, 4, 6)
        for batch in epoch:
            for block in blocks_of(batch, 6):
                assert Counter(index.modalities_of(row) for row in block) == {RGB: 3, NIR: 2, SKETCH: 1}


def test_an_aligned_sample_counts_as_each_of_its_modalities():
    """PRCV2025REID's cached sampler counts a sample of several modalities as RGB only."""
    index = index_of(people([1] * 4, (("rgb", "nir"),)))

    (batch,) = PKBatchSampler(index, 4, 1, each="pair")

    check_p_by_k(index, [batch], 4, 1)
    assert {index.modalities_of(row) for row in batch} == {("rgb", "nir")}


def test_preferring_pairable_identities_does_not_remove_the_others():
    """PRCV2025REID's `prefer_complete` silently removes every identity that is not pairable."""
    index = index_of(
        [*people([3] * 5, (RGB, NIR)), *[Sample(f"rgb only {i}", RGB) for i in range(7) for _ in range(3)]]
    )
    pid = index.column("pid").tolist()
    pairable = {pid[row] for row in range(len(index)) if index.modalities_of(row) == NIR}
    sampler = PKBatchSampler(index, 4, 2, prefer_complete=True)

    times = Counter()
    for epoch in epochs(sampler, 14):
        check_p_by_k(index, epoch, 4, 2)
        times.update(people_in(index, epoch))

    assert {who for who, seen in times.items() if seen == 14} == pairable
    assert set(times) == set(pid)


def test_a_missing_modality_is_a_gap_and_no_crash():
    """ORBench fails where an identity lacks a modality; TransReID's descendants assume a file of the same name."""
    population = [s for s in people([3] * 4, (RGB, NIR, SKETCH)) if (s.identity, s.kind) != ("2", SKETCH)]
    index = index_of(population)
    lacks = index.value("pid", index.labels("identity", np.arange(len(index))).index("2"))

    for (batch,) in epochs(PKBatchSampler(index, 4, 2, compose=("rgb", "nir", "sketch")), 5):
        assert len(batch) == 8
        for instance in batch:
            there = [row for row in instance if row >= 0]
            (who,) = {index.value("pid", row) for row in there}
            kinds = [index.modalities_of(row) for row in there]
            assert kinds == ([RGB, NIR] if who == lacks else [RGB, NIR, SKETCH])


def test_an_image_meets_other_partners_as_epochs_go_by():
    """ORBench draws a partner of each modality for an RGB image once, for the whole run."""
    index = index_of(people([4], (RGB, SKETCH)))
    partners = {}

    for (batch,) in epochs(PKBatchSampler(index, 1, 4, compose=("rgb", "sketch")), 60):
        for rgb, sketch in batch:
            partners.setdefault(rgb, set()).add(sketch)

    assert sorted(len(met) for met in partners.values()) == [4] * 4


def test_several_datasets_share_a_batch_and_keep_their_people_apart():
    """torchreid's RandomDomainSampler mixes datasets without any identities; equal labels of two datasets are two people."""
    one, other = index_of(people([4] * 9)), index_of(people([3] * 14))
    joint = JointIndex({"one": one, "other": other})

    sampler = PKBatchSampler(joint, 5, 2, per_source={"one": 2, "other": 3})

    for epoch in epochs(sampler, 5):
        check_p_by_k(joint, epoch, 5, 2)
        for batch in epoch:
            assert sum(row < len(one) for row in batch) == 2 * 2
