"""What changed from one index to another: laws against plain dicts, and what a user is told."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.build import build_index
from indexer.comparison import compare
from indexer.comparison.document import as_json, named, relabelled
from indexer.comparison.head import head_changes
from indexer.comparison.identities import People, identity_changes
from indexer.index_file import IndexFile
from indexer.update import update_index
from tests import trees
from tests.effort import examples
from tests.populations import Sample, index_of, populations


def test_a_pid_that_is_nobodys_is_no_person(tmp_path):
    root = trees.write(tmp_path / "data", [f"{who}/{n}.jpg" for who in "abcd" for n in range(3)])
    build_index(root, layout="folders")
    shutil.copy(root / "reidindex.parquet", tmp_path / "old.parquet")
    shutil.rmtree(root / "b")
    update_index(root, keep_pids=True)
    old, new = IndexFile(tmp_path / "old.parquet"), IndexFile(root / "reidindex.parquet")

    found, back = compare(old, new), compare(new, old)

    assert (found.identities.added, found.identities.removed) == ((), ("b",))
    assert (back.identities.added, back.identities.removed) == (("b",), ())
    assert found.people[1].names == ["a", "", "c", "d"]
    document = as_json(found)
    assert (document["old"]["identities"], document["new"]["identities"]) == (4, 3)
    assert "stays right" in found.head.advice()


@st.composite
def pairs_of_populations(draw):
    """A population, and what became of it: samples gone, new, and told otherwise. Paths are places in the list."""
    old = draw(populations(max_identities=10, splits=True))
    new = []
    for sample in old:
        fate = draw(st.sampled_from(["stay"] * 6 + ["label", "camera", "split"]))
        label = draw(st.sampled_from(["0", "1", "2", "new"])) if fate == "label" and sample.role is None else None
        new.append(replace(
            sample, identity=label or sample.identity, camera="9" if fate == "camera" else sample.camera,
            split="gallery" if fate == "split" else sample.split,
        ))  # fmt: skip
    keep = draw(st.integers(1, len(new)))
    more = draw(st.lists(st.sampled_from(["0", "3", "x"]), max_size=3))
    return old, new[:keep] + ([Sample(label, ("rgb",)) for label in more] if keep == len(new) else [])


def rows_of(index):
    """path → what is told of it, as plain values."""
    table = index.table(["path", "identity", "camera", "modality", "split", "pid"]).to_pylist()
    return {row.pop("path"): row for row in table}


@examples(30)
@given(pairs_of_populations())
def test_counts_agree_with_plain_dicts(pair):
    old, new = (index_of(population).file for population in pair)
    found, a, b = compare(old, new), rows_of(old), rows_of(new)

    both = a.keys() & b.keys()
    # files of these populations all have size 0 and names of their own: nothing can seem moved
    assert not found.matching.moved.any()
    assert len(found.matching.added) == len(b.keys() - a.keys())
    assert len(found.matching.removed) == len(a.keys() - b.keys())
    for field in ("identity", "camera", "modality", "split"):
        words = [[(x[path][field] or "").split("+") for path in both] for x in (a, b)]
        changed = sum(sorted(x) != sorted(y) for x, y in zip(*words, strict=True))
        assert len(found.relabelled.get(field, ())) == changed
    for one in relabelled(found):
        for field, change in one["changes"].items():
            if field in ("identity", "camera", "split"):
                assert change == {"old": a[one["path"]][field], "new": b[one["path"]][field]}


@examples(30)
@given(pairs_of_populations())
def test_everybody_is_accounted_for_once(pair):
    old, new = (index_of(population).file for population in pair)
    found = compare(old, new)
    people = found.identities

    linked = [found.people[0].names[x] for x in people.links[:, 0]]
    gone = [*linked, *people.removed]
    told = {*gone, *(x for parts, _ in people.merged for x in parts), *(one for one, _ in people.split)}
    assert len(gone) == len(set(gone))
    assert told == set(found.people[0].names)
    assert len(np.unique(people.links[:, 1])) == len(people.links)
    head = found.head
    assert head.before == len(head.links) + len(head.gone)
    assert head.after == len(head.links) + len(head.new)


@examples(30)
@given(populations(splits=True))
def test_an_index_does_not_differ_from_itself(population):
    index = index_of(population).file
    found = compare(index, index)

    assert found.nothing
    assert found.same_batches
    assert not as_json(found)["changed"]
    assert found.head.fits


@examples(30)
@given(pairs_of_populations())
def test_the_other_way_round_is_the_mirror_image(pair):
    a, b = (index_of(population).file for population in pair)
    there, back = compare(a, b), compare(b, a)

    assert np.array_equal(there.matching.added, back.matching.removed)
    assert np.array_equal(there.matching.removed, back.matching.added)
    pairs = [sorted(zip(m.old.tolist(), m.new.tolist(), strict=True)) for m in (there.matching, back.matching)]
    assert pairs[0] == sorted((x, y) for y, x in pairs[1])
    assert {k: len(v) for k, v in there.relabelled.items()} == {k: len(v) for k, v in back.relabelled.items()}
    one, other = there.identities, back.identities
    assert (one.added, one.removed) == (other.removed, other.added)
    assert set(one.renamed) == {(y, x) for x, y in other.renamed}
    assert {(w, p) for p, w in one.merged} == set(other.split)
    assert {(w, p) for w, p in one.split} == {(w, p) for p, w in other.merged}
    assert sorted(one.links.tolist()) == sorted([y, x] for x, y in other.links.tolist())
    assert np.array_equal(there.head.new, back.head.gone)
    assert there.splits.added == back.splits.removed
    assert there.nothing == back.nothing


def people(**samples):
    return People(list(samples), np.array(list(samples.values()), np.int64))


def changes(old, new, *moves):
    """`moves`: old label, new label, number of samples."""
    pids = [
        np.repeat([side.names.index(move[i]) for move in moves], [m[2] for m in moves])
        for i, side in enumerate((old, new))
    ]
    return identity_changes(old, new, *pids)


def test_one_whose_samples_carry_another_label_is_renamed():
    found = changes(people(a=10, b=5), people(b=5, z=10), ("a", "z", 9), ("b", "b", 5))

    assert found.renamed == (("a", "z"),)
    assert not found.added
    assert not found.removed
    assert found.links.tolist() == [[0, 1], [1, 0]]


def test_labels_that_changed_hands_are_renamed_crosswise():
    found = changes(people(a=4, b=4), people(a=4, b=4), ("a", "b", 4), ("b", "a", 4))

    assert found.renamed == (("a", "b"), ("b", "a"))


def test_two_who_are_one_now_are_merged_and_the_other_way_round_split():
    found = changes(people(a=4, b=4), people(a=8), ("a", "a", 4), ("b", "a", 4))
    back = changes(people(a=8), people(a=4, b=4), ("a", "a", 4), ("a", "b", 4))

    assert found.merged == ((("a", "b"), "a"),)
    assert not found.removed
    assert found.links.tolist() == [[0, 0]]
    assert back.split == (("a", ("a", "b")),)
    assert not back.added


def test_a_few_samples_that_went_over_are_no_merger():
    found = changes(people(a=10, b=10), people(a=8, b=12), ("a", "a", 8), ("a", "b", 2), ("b", "b", 10))

    assert not found.any
    assert found.links.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("old", "new", "links", "advice"),
    [
        (range(3), range(3), [(0, 0), (1, 1), (2, 2)], "a checkpoint's head of 3 classes fits as it is: every class keeps its number"),
        (range(2), range(4), [(0, 0), (1, 1)], "a checkpoint's head of 2 classes needs 2 more rows at its end; the rows that are there stay as they are"),
        (range(395), range(398), [(i, i + 3 * (i >= 100)) for i in range(395)], "a checkpoint's head of 395 classes no longer fits: 3 new, rows 100-394 shift by 3; carry its rows over with --head FILE.csv"),
        (range(3), range(2), [(0, 0), (2, 1)], "a checkpoint's head of 3 classes no longer fits: 1 gone, row 2 shifts by -1; carry its rows over with --head FILE.csv"),
        (range(2), range(2), [(0, 1), (1, 0)], "a checkpoint's head of 2 classes still loads, and is wrong: row 0 shifts by 1, row 1 shifts by -1; carry its rows over with --head FILE.csv"),
        (range(8), range(8), [(i, 7 - i) for i in range(8)], "a checkpoint's head of 8 classes still loads, and is wrong: 8 have another number; carry its rows over with --head FILE.csv"),
        (range(3), (0, 2), [(0, 0), (2, 2)], "a checkpoint's head of 3 classes stays right: every class keeps its number, the row of those who are gone is nobody's"),
        (range(3), range(2), [(0, 0), (1, 1)], "a checkpoint's head of 3 classes no longer fits: 1 gone; carry its rows over with --head FILE.csv"),
        ([], [], [], "neither index has training identities: no head depends on them"),
    ],
)  # fmt: skip
def test_the_advice_says_what_becomes_of_a_checkpoints_head(old, new, links, advice):
    pids = np.array(links, np.int64).reshape(-1, 2)

    assert head_changes(np.array([*old], np.int64), np.array([*new], np.int64), pids).advice() == advice


# ------------------------------------------------------------------------------------- files, and what a user sees


def built(root):
    build_index(root)
    return root


@pytest.fixture
def market(tmp_path):
    return built(trees.market(tmp_path / "old"))


@pytest.fixture
def copy(market, tmp_path):
    """The same dataset again, for something to be done to it."""
    return shutil.copytree(market, tmp_path / "new", copy_function=shutil.copy2)


def test_nothing_changed_is_told_plainly(run, market, copy):
    done = run("diff", market, copy, "--exit-code")

    assert done.returncode == 0
    assert "nothing changed: 17 samples, 6 identities; the batches are identical" in done.stdout


def test_a_moved_file_is_neither_added_nor_removed(market, copy):
    """The same name and size in another folder."""
    name = "0002_c1s1_000002_00.jpg"
    for root in (market, copy):
        (root / "bounding_box_train" / name).write_bytes(b"12")
        build_index(root)
    (copy / "bounding_box_train" / name).rename(copy / "query" / name)
    found = compare(*(IndexFile(built(root) / "reidindex.parquet") for root in (market, copy)))
    told = as_json(found)

    assert told["samples"]["moved"] == {
        "count": 1,
        "paths": [{"old": f"bounding_box_train/{name}", "new": f"query/{name}"}],
    }
    assert told["samples"]["added"]["count"] == told["samples"]["removed"]["count"] == 0
    assert told["samples"]["relabelled"]["samples"] == [
        {"path": f"query/{name}", "changes": {"split": {"old": "train", "new": "query"}}}
    ]


def test_where_both_were_hashed_content_says_what_moved(tmp_path):
    """Whatever it is called now; equal pictures are as good as each other."""
    roots = [tmp_path / "a", tmp_path / "b"]
    names = ["0002_c1s1_000001_00.jpg", "0002_c1s1_000002_00.jpg", "0002_c1s1_000003_00.jpg"]
    for root, number in zip(roots, ("000", "900"), strict=True):
        for name, content in zip(names, (b"one", b"two", b"two"), strict=True):
            trees.write(root, [f"bounding_box_train/{name.replace('_000', f'_{number}')}"], content)
        trees.write(root, ["query/0001_c1s1_000004_00.jpg", "bounding_box_test/0001_c2s1_000004_00.jpg"])
        build_index(root, hash=True)
    found = compare(*(IndexFile(root / "reidindex.parquet") for root in roots))
    told = as_json(found)["samples"]

    assert told["moved"]["count"] == 3
    assert {Path(m["old"]).name.replace("_000", "_900") for m in told["moved"]["paths"]} == {
        Path(m["new"]).name for m in told["moved"]["paths"]
    }
    assert told["added"]["count"] == told["removed"]["count"] == 0
    assert list(told["relabelled"]["fields"]) == ["frame"]
    assert found.head.fits


def test_of_several_that_could_have_moved_none_is_said_to_have(tmp_path):
    a = built(trees.sysu(tmp_path / "a"))
    b = trees.sysu(tmp_path / "b")
    shutil.move(b / "cam1", b / "cam4/x")  # sixteen files are called 0001.jpg
    shutil.rmtree(b / "cam4/x")
    found = compare(*(IndexFile(root / "reidindex.parquet") for root in (a, built(b))))

    assert not found.matching.moved.any()
    assert len(found.matching.removed) == 8


def test_rewritten_files_are_told_apart_from_touched_ones(run_json, run, market, copy):
    (copy / "query/0001_c1s1_001051_00.jpg").write_bytes(b"larger")
    (copy / "bounding_box_train/0002_c1s1_000002_00.jpg").touch()
    built(copy)

    told = run_json("diff", market, copy)

    assert told["samples"]["rewritten"]["count"] == 2
    assert told["samples"]["rewritten"]["resized"] == 1
    assert told["same_batches"]
    assert told["changed"]
    shown = run("diff", market, copy).stdout
    assert "the batches are identical: same digest" in shown
    assert "2 rewritten (1 with another size)" in shown


def test_a_new_training_identity_moves_the_classes_behind_it(run, run_json, market, copy, tmp_path):
    trees.write(copy, ["bounding_box_train/0005_c1s1_000005_00.jpg"])
    built(copy)

    told = run_json("diff", market, copy)
    done = run("diff", market, copy, "--head", tmp_path / "h.csv", "--exit-code")

    assert told["head"] == {
        "before": 4, "after": 5, "fits": False, "kept": 1, "moved": 3, "new": 1, "gone": 0,
        "advice": "a checkpoint's head of 4 classes no longer fits: 1 new, rows 1-3 shift by 1; carry its rows over with --head FILE.csv",
    }  # fmt: skip
    assert told["identities"]["added"] == ["0005"]
    assert done.returncode == 3
    assert "rows 1-3 shift by 1" in done.stdout
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
    assert rows == [
        {"old_pid": str(a), "new_pid": str(b), "identity": name}
        for a, b, name in ((0, 0, "0002"), (1, 2, "0007"), (2, 3, "0010"), (3, 4, "0011"))
    ]
    assert done.stderr == f"4 classes in {tmp_path / 'h.csv'}\n"
    assert run("diff", market, copy, "--head", tmp_path / "h.csv").returncode == 0  # plainly ours


def test_two_datasets_are_said_to_be_two(run, run_json, market, tmp_path):
    other = built(trees.orbench(tmp_path / "orbench"))

    done, told = run("diff", market, other), run_json("diff", market, other)

    assert "two different datasets: 0 samples in common (layouts market1501 and orbench)" in done.stdout
    assert "query/" not in done.stdout
    assert told["other_dataset"]
    assert told["samples"]["added"]["paths"] is None


def test_lists_are_cut_unless_everything_is_wanted(run, market, copy):
    trees.write(copy, [f"bounding_box_train/0002_c1s1_0000{i:02d}_09.jpg" for i in range(9)])
    built(copy)

    cut, whole = run("diff", market, copy).stdout, run("diff", market, copy, "--verbose").stdout

    assert "+ 9 added" in cut
    assert "… and 4 more (--verbose names them all)" in cut
    assert cut.count("_09.jpg") == 5
    assert whole.count("_09.jpg") == 9


def test_what_a_terminal_would_obey_is_shown_and_not_sent(run, market, copy, tmp_path):
    (tmp_path / "m.jsonl").write_text(json.dumps({"path": "a.jpg", "identity": "x\x1b[2J"}) + "\n")
    (tmp_path / "n.jsonl").write_text(json.dumps({"path": "a.jpg", "identity": "y"}) + "\n")
    data = trees.write(tmp_path / "data", ["a.jpg"])
    for name in "mn":
        build_index(data, tmp_path / f"{name}.parquet", layout=str(tmp_path / f"{name}.jsonl"))

    shown = run("diff", tmp_path / "m.parquet", tmp_path / "n.parquet").stdout

    assert "a.jpg: identity x\\x1b[2J → y" in shown
    assert "\x1b" not in shown


def test_samples_of_one_file_are_told_apart_by_what_they_say(tmp_path):
    """Sentences that ask for somebody lie in one document."""
    a, b = (trees.orbench(tmp_path / name) for name in "ab")
    file = b / "test_gallery_and_queries.json"
    document = json.loads(file.read_text())
    document["TEXT"] += [[601, "Somebody in a hat."]]
    file.write_text(json.dumps(document))
    found = compare(*(IndexFile(built(root) / "reidindex.parquet") for root in (a, b)))

    assert len(found.matching.added) == 1
    assert len(found.matching.removed) == 0
    assert found.matching.counted == 0
    assert named(found.new, found.matching.added) == ["test_gallery_and_queries.json: Somebody in a hat."]


def test_splits_that_came_went_and_changed_their_bit_are_named(run_json, tmp_path):
    one = index_of([Sample("a", ("rgb",), split="train"), Sample("b", ("rgb",), split="query")]).path
    other = index_of([Sample("a", ("rgb",), split="val"), Sample("b", ("rgb",), split="query"), Sample("b", ("rgb",), split="gallery")]).path  # fmt: skip

    told = run_json("diff", one, other)

    assert told["splits"] == {"added": ["val", "gallery"], "removed": ["train"], "renumbered": []}
    assert Counter(told["samples"]["relabelled"]["fields"]) == {"split": 1}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere", "{data}"], 1, "nowhere: no such file or folder; give a dataset folder or an index"),
        (["{data}"], 2, "Missing argument"),
        (["{data}", "{data}/readme.txt"], 1, "not a whole Parquet file"),
        (["{data}", "{data}", "--head", "{data}/readme.txt"], 1, "exists and is not plainly such a table"),
        (["{data}", "{data}", "--head", "{data}/no/h.csv"], 1, "does not exist; make it first"),
        (["{data}", "{data}", "--head", "{data}"], 1, "something that is no file lies there"),
    ],
)
def test_what_cannot_be_is_one_clear_line(run, market, words, code, message):
    (market / "readme.txt").write_text("mine")

    done = run("diff", *(w.format(data=market) for w in words))

    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""
    assert (market / "readme.txt").read_text() == "mine"


def test_the_json_is_as_its_schema_says(run_json, market, copy, tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="checks the schemas of docs/schemas: pip install jsonschema")
    schema = json.loads((Path(__file__).parents[1] / "docs/schemas/diff.json").read_text())
    trees.write(copy, ["bounding_box_train/0005_c1s1_000005_00.jpg", "query/0007_c1s1_000009_00.jpg"])
    (copy / "bounding_box_train/0007_c1s1_000007_00.jpg").rename(copy / "bounding_box_train/0011_c1s1_000007_00.jpg")
    (copy / "query/0001_c1s1_001051_00.jpg").write_bytes(b"larger")
    built(copy)

    for other in (market, copy, built(trees.orbench(tmp_path / "orbench"))):
        jsonschema.validate(run_json("diff", market, other), schema)
