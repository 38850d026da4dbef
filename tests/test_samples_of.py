"""An index turned back into samples: made anew from them, it is the same file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from indexer.build import build_index
from indexer.index_file import IndexFile
from indexer.index_writing import write_index
from indexer.rework.samples_of import samples_of
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.schema import BY_NAME
from indexer.table import build_table
from tests.effort import examples, some
from tests.layout_trees import Maker, all_trees
from tests.populations import Sample, index_of, populations


def made_again(index, out):
    """The index, from its own samples; with what the file tells beside them."""
    opened = samples_of(index)
    made = build_table(opened.samples, modalities=opened.metadata.modalities)
    assert made.identities == index.metadata.identities
    assert (made.splits, made.views, made.split_runs) == (
        index.metadata.splits,
        index.metadata.views,
        index.metadata.split_runs,
    )
    assert not made.problems
    write_index(made.table, replace(index.metadata, digest=""), out, beside=index.beside())
    return IndexFile(out)


@pytest.mark.parametrize("name", some(all_trees()))
def test_an_index_of_any_layout_made_anew_of_its_own_samples_is_the_same_file(name, tmp_path):
    make = Maker(tmp_path / "data")
    all_trees()[name](make)
    index = IndexFile(build_index(make.root, layout=name.partition(":")[0] if make.twins else None).index)

    again = made_again(index, tmp_path / "again.parquet")

    assert again.path.read_bytes() == index.path.read_bytes()


def test_an_index_of_a_small_tree_made_anew_of_its_own_samples_is_the_same_file(any_tree, tmp_path):
    _, root = any_tree
    index = IndexFile(build_index(root).index)

    again = made_again(index, tmp_path / "again.parquet")

    assert again.path.read_bytes() == index.path.read_bytes()


@examples(40)
@given(populations(splits=True))
def test_an_index_of_any_population_made_anew_of_its_own_samples_is_the_same(population):
    index = index_of(population).file

    again = made_again(index, index.path.with_name("again.parquet"))

    assert again.path.read_bytes() == index.path.read_bytes()


def samples_with(**columns):
    """Three pictures of one person, who is another person in another scope."""
    fields = {name: no_text(3) for name in FIELDS}
    fields["identity"] = pa.array(["7", "7", "7"])
    fields["scope"] = pa.array(["b", "a", None])
    marks = SplitMarks(3)
    marks.mark(np.arange(3), ["train"])
    return Samples(pa.array(["1.jpg", "2.jpg", "3.jpg"]), fields, marks, np.arange(3), np.arange(3), **columns)


def test_people_who_share_a_label_stay_apart_and_in_their_order(tmp_path):
    made = build_table(samples_with())
    assert made.table["pid"].to_pylist() == [0, 1, 2]
    assert made.table["path"].to_pylist() == ["3.jpg", "2.jpg", "1.jpg"]
    index = index_like(made, tmp_path)

    opened = samples_of(index)

    assert opened.samples.fields["identity"].to_pylist() == ["7", "7", "7"]
    assert build_table(opened.samples).table["path"].to_pylist() == ["3.jpg", "2.jpg", "1.jpg"]


def index_like(made, folder):

    file = folder / "index.parquet"
    write_index(made.table, made.metadata("test"), file)
    return IndexFile(file)


def test_what_was_found_in_the_files_comes_along(tmp_path):
    probed = {
        "width": pa.array([64, None, 32], pa.int32()),
        "height": pa.array([128, None, 64], pa.int32()),
        "mode": pa.array(["RGB", None, "L"]),
        "content_hash": pa.array([b"a" * 16, None, b"b" * 16], pa.binary(16)),
    }
    index = index_like(build_table(samples_with(probed=probed)), tmp_path)

    again = made_again(index, tmp_path / "again.parquet")

    assert again.path.read_bytes() == index.path.read_bytes()
    assert again.table(["width", "mode"]).to_pylist() == [
        {"width": 32, "mode": "L"},
        {"width": None, "mode": None},
        {"width": 64, "mode": "RGB"},
    ]


def test_boxes_of_one_picture_keep_their_order(tmp_path):
    boxes = np.array([[9, 0, 4, 8], [1, 0, 4, 8], [5, 0, 4, 8]], np.int32)
    samples = samples_with(box=boxes)
    samples.path = pa.array(["1.jpg"] * 3)
    samples.fields["scope"] = no_text(3)
    index = index_like(build_table(samples), tmp_path)

    again = made_again(index, tmp_path / "again.parquet")

    assert again.table(["box"])["box"].to_pylist() == boxes.tolist()
    assert again.path.read_bytes() == index.path.read_bytes()


def test_an_index_that_another_tool_wrote_anew_is_read_back_too(tmp_path):
    polars = pytest.importorskip("polars", reason="`make test` installs it")
    index = index_of([Sample("7", ("rgb",)), Sample("8", ("nir",), "2")]).file
    document = pq.read_metadata(index.path).metadata[b"reidindex"]
    table = polars.read_parquet(index.path).to_arrow()
    fields = [field.with_type(index_type(field)) for field in table.schema]
    table = table.cast(pa.schema(fields, metadata={b"reidindex": document}))
    pq.write_table(table, tmp_path / "rewritten.parquet")

    again = samples_of(IndexFile(tmp_path / "rewritten.parquet"))

    assert build_table(again.samples).table.equals(build_table(samples_of(index).samples).table)


def index_type(field):
    """Polars makes lists and plain strings longer; lists an index has of one type only."""
    own = BY_NAME[field.name].type
    return own if pa.types.is_list(own) or pa.types.is_integer(own) else pa.large_string()
