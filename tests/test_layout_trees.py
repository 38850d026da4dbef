"""Every shipped layout on trees that are written from the datasets' grammars: each row is what it should be."""

from __future__ import annotations

from collections import defaultdict

import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import LayoutError
from indexer.index_file import IndexFile
from indexer.layouts import load_layout
from indexer.listed import listed_files
from indexer.scan import list_tree
from tests.layout_trees import Maker, all_trees


def one_to_one(pairs):
    """Whether the first of each pair tells the second, and the second the first."""
    there, back = defaultdict(set), defaultdict(set)
    for a, b in pairs:
        there[a].add(b)
        back[b].add(a)
    return all(len(found) == 1 for found in (*there.values(), *back.values()))


@pytest.mark.parametrize("name", all_trees())
def test_a_tree_gives_the_rows_its_grammar_says(name, tmp_path):
    make = Maker(tmp_path / "data")
    all_trees()[name](make)

    layout = name.partition(":")[0]
    if make.twins:
        with pytest.raises(LayoutError, match="cannot tell") as caught:
            build_index(make.root)
        assert all(f" {twin}" in str(caught.value) for twin in (layout, *make.twins))
    report = build_index(make.root, layout=layout if make.twins else None)

    assert report.layout == layout
    assert not report.unmatched
    assert {p.kind for p in report.problems} - {"published"} == make.problems, report.problems
    then, now = listed_files(IndexFile(report.index)), list_tree(make.root, exclude=[report.index])
    assert then is not None
    assert (then.path.to_pylist(), then.size.tolist()) == (now.paths, now.sizes.tolist())
    table = pq.read_table(report.index)
    found = {(r["path"], tuple(r.get("box") or ())): r for r in table.to_pylist()}
    expected = {(e.path, e.box or ()): e for e in make.rows}
    assert found.keys() == expected.keys()
    names = report.metadata.splits
    default = load_layout(layout).default_protocol or ""
    drawn = tuple(make.drawn)

    def is_drawn(split):
        protocol = split if "/" in split else f"{default}/{split}"
        return bool(drawn) and protocol.startswith(drawn)

    for key, e in expected.items():
        row = found[key]
        splits = {s for i, s in enumerate(names) if row["splits"] >> i & 1}
        told = {s for s in splits if not is_drawn(s)}
        assert row["identity"] == e.identity, key
        assert row["camera"] == e.camera, key
        assert row["modality"] == e.modality, key
        assert told == e.splits, key
        assert row["role"] == e.role, key
        assert row["clothes"] == e.clothes, key
        assert row["source"] == e.source, key
        assert tuple(row["captions"] or ()) == e.captions, key
        assert {a["modality"]: a["path"] for a in row["aligned"] or ()} == e.aligned, key
        assert (row["tracklet"] == -1) == (e.tracklet is None), key
        assert (row["pid"] == -1) == (e.identity is None or e.role is not None), key
        if e.frame is not None:
            assert row["frame"] == e.frame, key
        if e.view is not None:
            assert report.metadata.views[row["view"]] == e.view, key
    somebody = [(e.who or e.identity, found[k]["pid"]) for k, e in expected.items() if found[k]["pid"] >= 0]
    assert one_to_one(somebody)
    assert one_to_one((e.tracklet, found[k]["tracklet"]) for k, e in expected.items() if e.tracklet is not None)
