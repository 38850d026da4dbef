"""The statistics, against pandas and against the words of their definition."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given

from indexer.build import build_index
from indexer.errors import SettingsError
from indexer.index_file import IndexFile
from indexer.inspection.statistics import as_json, statistics
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations


def by_hand(index, split=None):
    """The same numbers, from the Parquet file, with pandas and Python."""
    frame = pd.read_parquet(index.path).astype({"modality": object, "split": object})
    if split is not None:
        frame = frame[frame["split"].fillna("").map(lambda s: split in s.split("+"))]
    people = frame[frame["pid"] >= 0]
    covered = {
        pid: frozenset("+".join(rows["modality"]).split("+")) for pid, rows in people.groupby("pid") if len(rows)
    }
    modalities = index.metadata.modalities
    anchor = "rgb" if "rgb" in modalities else modalities[0]
    others = [m for m in modalities if m not in (anchor, "text")] or [m for m in modalities if m == "text" != anchor]
    sizes = people.groupby("pid").size()
    return {
        "samples": len(frame),
        "identities": len(covered),
        "pairable": sum(anchor in c and any(o in c for o in others) for c in covered.values()),
        "complete": sum(c == set(modalities) for c in covered.values()),
        "combinations": Counter("+".join(m for m in modalities if m in c) for c in covered.values()),
        "modalities": {
            m: (
                sum(m in c for c in covered.values()),
                int(frame["modality"].map(lambda x, m=m: m in x.split("+")).sum()),
            )
            for m in modalities
        },
        "largest": int(sizes.max()) if len(sizes) else None,
    }


def told(facts):
    return {
        "samples": facts.samples,
        "identities": facts.identities,
        "pairable": facts.pairable,
        "complete": facts.complete,
        "combinations": facts.combinations,
        "modalities": {m: (c.identities, c.samples) for m, c in facts.modalities.items()},
        "largest": int(facts.per_identity.quartiles[-1]) if facts.per_identity.quartiles else None,
    }


def without_empty(numbers):
    numbers["modalities"] = {m: n for m, n in numbers["modalities"].items() if n[1]}
    return numbers


@given(populations(splits=True))
@examples(40)
def test_the_numbers_are_those_of_a_plain_count(population):
    index = index_of(population).file

    found = statistics(index)

    assert told(found.facts) == without_empty(by_hand(index))
    for name, facts in found.splits.items():
        assert told(facts) == without_empty(by_hand(index, name))
    for facts in (found.facts, *found.splits.values()):
        assert sum(n for _, _, n in facts.per_identity.histogram) == facts.identities


def test_the_numbers_agree_on_real_layouts(any_tree):
    _, root = any_tree
    index = IndexFile(build_index(root).index)

    found = statistics(index)

    assert told(found.facts) == without_empty(by_hand(index))
    for name in [n for n in found.splits if "/" not in n]:
        assert told(found.splits[name]) == without_empty(by_hand(index, name))
    counted = Counter()
    for row in found.cameras.values():
        counted.update(row)
    assert dict(counted) == {m: c.samples for m, c in found.facts.modalities.items() if m != "text"}


def index_of_320():
    """320 identities, 285 of them pairable."""
    pairable = [Sample(f"{i}", (m,)) for i in range(285) for m in ("rgb", "nir")]
    return index_of(pairable + [Sample(f"{i}", ("rgb",)) for i in range(285, 320)])


def test_320_identities_of_which_285_are_pairable_make_35_batches_of_8():
    found = as_json(statistics(index_of_320().file, p=8, k=4))

    assert found["identities"] == 320
    assert found["pairable"] == {"identities": 285, "share": 0.890625}
    assert found["batches_per_epoch"] == 35
    assert found["complete"]["identities"] == 285
    assert json.loads(json.dumps(found)) == found


def test_the_lines_read_so(run):
    done = run("stats", index_of_320().path)

    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "identities 320" in lines
    assert "pairable identities 285 (89.1%) rgb and nir" in lines
    assert "batches per epoch 35 P=8 K=4, each=pair" in lines


def test_the_pairing_can_be_chosen(tmp_path):
    index = IndexFile(build_index(trees.orbench(tmp_path / "d")).index)

    assert statistics(index).pairing.others == ("nir", "sketch", "cpencil")
    assert statistics(index, pair="rgb:text", split="train").facts.pairable == 2
    assert statistics(index, pair="vis:sk,colour_pencil").pairing.others == ("sketch", "cpencil")


def test_text_does_not_make_a_pair_where_there_are_images(tmp_path):
    index = index_of([Sample("a", ("rgb", "text")), Sample("b", ("rgb",)), Sample("b", ("nir",))]).file
    only_text = index_of([Sample("a", ("rgb", "text")), Sample("b", ("rgb",))]).file

    assert statistics(index).facts.pairable == 1
    assert statistics(only_text).facts.pairable == 1


def test_several_splits_are_counted_together(sysu_index):
    found = statistics(sysu_index.file, split="train+val")

    assert (found.facts.identities, found.facts.samples) == (3, 14)
    assert found.selected == "train+val"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "tran"}, "this index has no split 'tran'; did you mean 'train'?"),
        ({"pair": "rgb"}, "--pair: expected ANCHOR:OTHER,OTHER such as rgb:nir,sketch, found 'rgb'"),
        ({"pair": "rgb:sketch"}, "--pair: this index has no modality 'sketch'; known: rgb, ir"),
        ({"pair": "rbg:ir"}, "--pair: this index has no modality 'rbg'; did you mean 'rgb'?"),
        ({"p": 0}, "-p: expected at least 1, found 0"),
        ({"k": 0}, "-k: expected at least 1, found 0"),
    ],
)
def test_settings_that_cannot_be_are_told(sysu_index, options, message):
    with pytest.raises(SettingsError) as caught:
        statistics(sysu_index.file, **options)

    assert message in str(caught.value)


def test_the_infrared_of_a_dataset_may_be_called_ir(tmp_path):
    index = IndexFile(build_index(trees.regdb(tmp_path / "d")).index)

    assert statistics(index, pair="rgb:ir").pairing.others == ("tir",)
