"""A user's own table of samples."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.build import build_index
from indexer.errors import LayoutFileError, SettingsError
from tests.trees import write

RECORDS = [
    {"path": "x/1.jpg", "identity": "0001", "modality": "Visible", "camera": "3", "split": "train", "caption": "A man, in \"red\"."},
    {"path": "x/2.jpg", "identity": "0001", "modality": "ir", "camera": None, "split": "train", "caption": None},
    {"path": "y/é.png", "identity": "1", "modality": None, "camera": "10", "split": "query+gallery", "caption": None},
]  # fmt: skip


def as_csv(file, records):
    def cell(value):
        return '"' + str(value).replace('"', '""') + '"' if value is not None else ""

    lines = [",".join(records[0]), *(",".join(cell(v) for v in r.values()) for r in records)]
    file.write_text("\n".join(lines), encoding="utf-8")


def as_jsonl(file, records):
    file.write_text("\n".join(json.dumps(r) for r in records))


def as_parquet(file, records):
    pq.write_table(pa.Table.from_pylist(records), file)


WRITERS = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data", [r["path"] for r in RECORDS])


@pytest.mark.parametrize("form", WRITERS)
def test_all_forms_of_a_manifest_give_the_same_index(tmp_path, data, form):
    manifest = tmp_path / f"m.{form}"
    WRITERS[form](manifest, RECORDS)

    report = build_index(data, layout=str(manifest))

    found = pq.read_table(report.index).to_pylist()
    told = [(r["path"], r["identity"], r["modality"], r["camera"], r["split"], r["captions"], r["pid"]) for r in found]
    assert told == [
        ("x/2.jpg", "0001", "ir", None, "train", None, 0),
        ("x/1.jpg", "0001", "rgb+text", "3", "train", ['A man, in "red".'], 0),
        ("y/é.png", "1", "rgb", "10", "query+gallery", None, 1),
    ]
    assert not report.problems
    assert build_index(data, layout=str(manifest)).up_to_date


def test_a_manifest_inside_the_dataset_is_not_a_sample(data):
    as_csv(data / "m.csv", RECORDS)

    assert not build_index(data, layout=str(data / "m.csv")).unmatched


def test_files_that_are_not_there_are_told_or_trusted(tmp_path, data):
    (data / "x/2.jpg").unlink()
    write(data, ["z/unlisted.jpg"])
    as_csv(tmp_path / "m.csv", RECORDS)

    told = build_index(data, layout=str(tmp_path / "m.csv"))
    trusted = build_index(data, tmp_path / "t.parquet", layout=str(tmp_path / "m.csv"), trust=True)

    assert told.metadata.samples == 2
    assert [(p.kind, p.count) for p in told.problems] == [("listed-missing", 1)]
    assert told.unmatched == ("z/unlisted.jpg",)
    assert trusted.metadata.samples == 3
    assert not trusted.problems
    assert build_index(data, tmp_path / "t.parquet", layout=str(tmp_path / "m.csv"), trust=True).up_to_date


def test_rows_of_a_group_are_one_aligned_sample(tmp_path):
    data = write(tmp_path / "data", ["a.rgb.jpg", "a.nir.jpg", "b.rgb.jpg"])
    records = [
        {"path": "a.rgb.jpg", "identity": "a", "modality": "rgb", "group": "7"},
        {"path": "a.nir.jpg", "identity": "a", "modality": "nir", "group": "7"},
        {"path": "b.rgb.jpg", "identity": "b", "modality": "rgb", "group": None},
    ]
    as_csv(tmp_path / "m.csv", records)

    found = pq.read_table(build_index(data, layout=str(tmp_path / "m.csv")).index).to_pylist()

    assert [(r["path"], r["modality"], r["aligned"]) for r in found] == [
        ("a.rgb.jpg", "rgb+nir", [{"modality": "nir", "path": "a.nir.jpg"}]),
        ("b.rgb.jpg", "rgb", None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,who\nx/1.jpg,1",
            "a manifest needs a column 'identity', in lower case, comma-separated; found: path, who",
        ),
        ("path,identity,cam\nx/1.jpg,1,2", "unknown column 'cam'; did you mean 'camera'?"),
        ("path,identity\nx/1.jpg,1\nx/1.jpg,2", "'x/1.jpg' is listed twice"),
        ("path,identity\n/etc/passwd,1", "'/etc/passwd' leads out of the dataset"),
        ("path,identity\nx/../../1.jpg,1", "leads out of the dataset"),
        ("path,identity\nC:\\1.jpg,1", "leads out of the dataset"),
        ("path,identity\n\\etc\\x.jpg,1", "leads out of the dataset"),
        ("path,identity,modality\nx/1.jpg,1,not a word", "'not a word' cannot name a modality"),
        ("path,identity\nx/1.jpg,1,2", "cannot be read"),
        ("path,identity\n,1", "row 1: no path"),
        ("path,identity\nq/9.jpg,1", "none of the files it lists is in"),
        ("", "cannot be read"),
        ("path,identity\n", "lists no samples"),
    ],
)
def test_a_wrong_manifest_is_one_clear_error(tmp_path, data, text, message):
    (tmp_path / "m.csv").write_text(text)

    with pytest.raises(LayoutFileError) as caught:
        build_index(data, layout=str(tmp_path / "m.csv"))

    assert str(caught.value).startswith(str(tmp_path / "m.csv"))
    assert message in str(caught.value)
    assert not (data / "reidindex.parquet").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"path": "x/1.jpg", "identity": true}', "record 1: 'identity' should be text or a whole number, found True"),
        ('{"path": "x/1.jpg", "identity": 1.5}', "found 1.5"),
        ("{", "line 1: not valid JSON"),
        ("[]", "line 1: expected an object, found []"),
        ('{"path": "x/1.jpg", "identity": "\\ud800"}', "holds text that is not valid Unicode"),
        (
            '{"path": "x/1.jpg", "identity": "1", "caption": 7}',
            "the caption of 'x/1.jpg' should be text or a list of texts",
        ),
    ],
)
def test_a_wrong_json_line_is_named(tmp_path, data, line, message):
    (tmp_path / "m.jsonl").write_text(line)

    with pytest.raises(LayoutFileError) as caught:
        build_index(data, layout=str(tmp_path / "m.jsonl"))

    assert message in str(caught.value)


def test_a_json_line_ends_where_its_line_ends(tmp_path, data):
    """Some characters separate lines to Python, and none to JSON."""
    (tmp_path / "m.jsonl").write_text('{"path": "x/1.jpg", "identity": "a\u2028b"}\r\n', encoding="utf-8", newline="")

    report = build_index(data, layout=str(tmp_path / "m.jsonl"))

    assert pq.read_table(report.index)["identity"].to_pylist() == ["a\u2028b"]


def test_labels_stay_as_they_are_also_where_they_look_like_dates(tmp_path, data):
    days = ["2020-01-01 00:00:00", "2020-01-01T00:00:00", "2020-01-01"]
    for form in ("csv", "jsonl"):
        WRITERS[form](
            tmp_path / f"m.{form}", [{"path": r["path"], "identity": d} for r, d in zip(RECORDS, days, strict=True)]
        )

        report = build_index(data, layout=str(tmp_path / f"m.{form}"), force=True)

        assert sorted(pq.read_table(report.index)["identity"].to_pylist()) == sorted(days)


def test_spellings_of_one_path_are_one_path(tmp_path, data):
    as_csv(tmp_path / "m.csv", [{"path": p, "identity": "1"} for p in ("./x//1.jpg", ".//x/./2.jpg", "y\\é.png")])

    assert build_index(data, layout=str(tmp_path / "m.csv")).metadata.samples == 3


def test_identities_given_as_fractions_are_refused(tmp_path, data):
    as_parquet(tmp_path / "m.parquet", [{"path": "x/1.jpg", "identity": 1.5}])

    with pytest.raises(LayoutFileError, match="column 'identity' holds double numbers; write labels as text"):
        build_index(data, layout=str(tmp_path / "m.parquet"))


def test_trust_without_a_manifest_is_refused(data):
    with pytest.raises(SettingsError, match="--trust goes with a manifest"):
        build_index(data, trust=True)


def test_a_manifest_that_is_not_there_is_told(data):
    with pytest.raises(FileNotFoundError, match=r"nowhere.csv"):
        build_index(data, layout="nowhere.csv")
