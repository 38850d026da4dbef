"""Lists, documents and manifests as somebody may write them who means harm: refused in one line, in bounded memory; and a fuzzer."""

from __future__ import annotations

import importlib.util
import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.errors import AnnotationError, LayoutFileError
from indexer.layouts.manifest import read_manifest
from tests.effort import gate_only, times
from tests.reliability.fuzz.mutations import mutations
from tests.reliability.fuzz.seeds import seeds
from tests.reliability.fuzz.targets import TARGETS
from tests.test_odd_layouts import PICTURES, built, listed, told
from tests.trees import write

XML = listed("l.xml", '{ name = "n" }', 'at = "Item"\njoin = "name"\n')
JSON = listed("l.json", '["path", "identity"]', 'at = "all"\njoin = "path"\n')
MAT = listed("l.mat", '["path", "identity"]', 'at = "all"\njoin = "path"\n')
LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    ("toml", "content", "message"),
    [
        (listed(), "path," + LONG, "line 1: not valid CSV (field larger than field limit"),
        (listed(), "x," * 100_000, "no column 'path' there; header: x, x, x"),
        (listed(), "path,word\n\"a/1.jpg,1\n", "line 2: not valid CSV"),
        (listed(), "path,word\nä/1.jpg,1\n".encode("latin-1"), "not UTF-8 text (byte 10)"),
        (listed(), "path,word\n".encode("utf-16-le"), "no column 'path' there; header: p\\x00a\\x00t"),
        (listed(more='join = "path"\nencoding = "punycode"\n'), "a" * 50_000 + "-" + "b" * 50_000, "unknown encoding 'punycode'"),
        (listed("l.txt", more='format = "columns"\njoin = "path"\n'), LONG, "line 1: expected 'path word', found 'xxx"),
        (XML, '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><Item n="&x;"/></r>', "has a document type"),
        (XML, '<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><r><Item n="&b;"/></r>', "has a document type"),
        (XML, '<?xml version="1.0" encoding="idna"?>' + "a" * 100_000, "unknown encoding 'idna'"),
        (XML, "<r><Item " + " ".join(f'a{i}="1"' for i in range(10_000)) + "/></r>", "no attribute 'n'; found a0, a1"),
        (listed("l.xml", '{ name = "a[" }', 'at = "Item"\njoin = "name"\n'), "<r><Item n='1'/></r>", "no attribute 'a['"),
        (JSON, "[" * 100_000, "lists or objects lie too deep within each other"),
        (JSON, '{"all": [["a/1.jpg", ' + "[" * 900 + "]" * 900 + "]]}", "expected a word, found [[["),
        (JSON, '{"all": [["a/1.jpg", ' + "9" * 5000 + "]]}", "a number of thousands of digits"),
        (JSON, '{"all": [["a/1.jpg", 1]], "all": []}', "the key 'all' is there twice in one object"),
        (JSON, '{"all": 3, "' + LONG + '": 1}', "'all' should be a list"),
        (JSON, '{"all": [["a/1.jpg", "x", "' + LONG + '"]]}', "'all', entry 0: expected ['path', 'identity'], found ['a/1.jpg'"),
        (MAT, b"", "expected version 5 or 7.3"),
        (MAT, b"\0\0\0\0" + b"x" * 122 + b"IM" + b"\0" * 40, "expected version 5 or 7.3"),
    ],
)  # fmt: skip
def test_a_hostile_list_is_refused_in_a_short_line(tmp_path, toml, content, message):
    if "l.mat" in toml:
        pytest.importorskip("scipy")
    name = next(f"l.{kind}" for kind in ("csv", "txt", "xml", "json", "mat") if f"l.{kind}" in toml)
    with pytest.raises(AnnotationError) as caught:
        built(tmp_path, toml, {name: content})

    assert message in str(caught.value)
    assert f"{name}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000
    assert not (tmp_path / "d/reidindex.parquet").exists()


def test_paths_of_a_list_that_lead_elsewhere_name_nothing(tmp_path):
    """What a list names is compared with what was listed: nothing is opened because a list says so."""
    outside = write(tmp_path, ["secret/1.jpg"])
    names = ["../secret/1.jpg", str(outside / "secret/1.jpg"), "A/1.JPG", "a/1.jpg\0", LONG]
    report = built(
        tmp_path,
        listed(more='join = "path"\nsplit = "train"\n'),
        {"l.csv": "\n".join(["path,word", *(n[:99_999] + "," for n in names)])},
    )

    (problem,) = told(report, "listed-missing")
    assert "5 of 5 listed files are not in the tree (first: ../secret/1.jpg)" in problem
    report = built(
        tmp_path, listed("l.txt", '["path"]', 'format = "values"\njoin = "path"\nsplit = "train"\n'), {"l.txt": LONG}
    )
    assert len(told(report, "listed-missing")[0]) < 300


# ------------------------------------------------------------------------------------------- MATLAB


def saved(packed=True, **variables):
    io_module = pytest.importorskip("scipy.io")
    file = io.BytesIO()
    io_module.savemat(file, variables, do_compression=packed)
    return file.getvalue()


def with_shape(content, rows, columns, shape=(2, 2)):
    at = content.index(struct.pack("<ii", *shape))
    return content[:at] + struct.pack("<ii", rows, columns) + content[at + 8 :]


def nested(depth):
    value = np.ones((1, 1))
    for _ in range(depth):
        cell = np.empty((1, 1), object)
        cell[0, 0], value = value, cell
    return value


def hdf5(write):
    h5py = pytest.importorskip("h5py")
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        write(opened, h5py)
    return file.getvalue()


def cells(file, h5py, name, refs):
    cell = file.create_dataset(name, data=np.array(refs, h5py.ref_dtype))
    cell.attrs["MATLAB_class"] = np.bytes_("cell")
    return cell.ref


def laughs(file, h5py):
    """Ten cells of ten cells of ten …: forty small lists that would be 10^40 numbers."""
    last = file.create_dataset("#refs#/0", data=np.ones(1)).ref
    for n in range(40):
        last = cells(file, h5py, f"#refs#/{n + 1}" if n < 39 else "all", [last] * 10)


def in_itself(file, h5py):
    cell = file.create_dataset("all", shape=(1,), dtype=h5py.ref_dtype)
    cell[0] = cell.ref
    cell.attrs["MATLAB_class"] = np.bytes_("cell")


def virtual(file, h5py):
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10,))
    file.create_virtual_dataset("all", layout)


BOMBS = {
    "zeros": (lambda: saved(all=np.zeros(140_000_000, np.uint8)), "unpacks to more than 134,217,728 bytes"),
    "cells": (lambda: with_shape(saved(False, all=np.array([[1, 2], [3, 4]], object)), 65536, 32767), "a matrix of 2,147,418,112 values"),
    "numbers": (lambda: with_shape(saved(False, all=np.ones((2, 2))), 65536, 32767), "a matrix of 2,147,418,112 values"),
    "no such type": (lambda: saved(False, all=np.ones((2, 2))).replace(struct.pack("<II", 9, 32), struct.pack("<II", 200, 32)),
                     "values of type 200"),
    "depth": (lambda: saved(all=nested(100)), "lie more than 64 deep"),
    "chunks": (lambda: hdf5(lambda f, h: f.create_dataset("all", shape=(1 << 40,), dtype="f8", chunks=(1 << 16,), compression="gzip")),
               "unpacks to more than"),
    "one chunk": (lambda: hdf5(lambda f, h: f.create_dataset("all", shape=(9,), maxshape=(None,), dtype="f8", chunks=(1 << 28,))),
                  "unpacks to more than"),
    "laughs": (lambda: hdf5(laughs), "unpacks to more than"),
    "itself": (lambda: hdf5(in_itself), "within each other without end"),
    "link": (lambda: hdf5(lambda f, h: f.__setitem__("all", h.ExternalLink("/etc/passwd", "/x"))), "leads to another file, '/etc/passwd'"),
    "outside": (lambda: hdf5(lambda f, h: f.create_dataset("all", shape=(9,), dtype="u1", external=[("/etc/passwd", 0, 9)])),
                "lies in another file, which is not read"),
    "virtual": (lambda: hdf5(virtual), "lies in another file, which is not read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_matlab_file_that_would_fill_memory_or_leads_elsewhere_is_refused(tmp_path, kind):
    make, message = BOMBS[kind]
    with pytest.raises(AnnotationError, match=message) as caught:
        built(tmp_path, MAT, {"l.mat": make()})
    assert "\n" not in str(caught.value)


_LIMITED = """
import resource, sys
from indexer.build import build_index
import pyarrow.parquet, pyarrow.csv, scipy.io, h5py  # what their code takes is none of the limit
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 29),) * 2)
try:
    build_index(sys.argv[1], layout=sys.argv[2])
except Exception as error:
    print(type(error).__name__, error)
"""


@gate_only
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's means")
@pytest.mark.parametrize("kind", ["zeros", "cells", "chunks", "laughs"])
def test_a_bomb_takes_little_memory(tmp_path, kind):
    """One and a half gigabytes more than the libraries themselves, where the file would be from 16 GB on."""
    pytest.importorskip("h5py")
    write(tmp_path / "d", PICTURES)
    (tmp_path / "d/l.mat").write_bytes(BOMBS[kind][0]())
    (tmp_path / "own.toml").write_text("[[rule]]\nmatch = '(?P<identity>[^/]+)/.*jpg'\n" + MAT)
    command = [sys.executable, "-c", _LIMITED, str(tmp_path / "d"), str(tmp_path / "own.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)

    assert done.stdout.startswith("AnnotationError"), done.stderr
    assert "this MATLAB file is not read" in done.stdout


# ------------------------------------------------------------------------------------------- manifests


def parquet(table, **options):
    file = io.BytesIO()
    pq.write_table(pa.table(table), file, **options)
    return file.getvalue()


def repeated(word, rows):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([word]))


def not_text():
    """Bytes that are no UTF-8 in a column that says text: one changed byte of an honest file."""
    return parquet({"path": ["a/1.jpg"], "identity": ["zzzz"]}, use_dictionary=False, compression="none").replace(
        b"zzzz", b"z\x9dzz"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "path,identity\nhttp://example.org/a.jpg,1\n", "'http://example.org/a.jpg' leads out of the dataset"),
        ("m.csv", "path,identity\nS3://bucket/a.jpg,1\n", "leads out of the dataset"),
        ("m.csv", "path,identity\n..\\a.jpg,1\n", "leads out of the dataset"),
        ("m.csv", "path,identity\na/\0.jpg,1\n", "leads out of the dataset"),
        ("m.csv", "path,identity\n./,1\n", "row 1: the path of a file was expected, found that of a folder"),
        ("m.csv", "path,identity\nx.jpg,1\na/.,1\n", "found that of a folder"),
        ("m.csv", "path,identity," + "x" * 100_000 + "\n", "unknown column 'xxx"),
        ("m.csv", b"\n\n\xae\n", "cannot be read"),
        ("m.csv", "path,identity\na,1\n".encode("utf-16"), "cannot be read"),
        ("m.jsonl", '{"path": "a", "identity": "1", "identity": "2"}', "the key 'identity' is there twice"),
        ("m.jsonl", '{"path": "a", "identity": ' + "9" * 5000 + "}", "a number of thousands of digits"),
        ("m.jsonl", "[" * 100_000, "lists or objects lie too deep"),
        ("m.jsonl", '"' + LONG + '"', "expected an object, found 'xxx"),
        ("m.parquet", lambda: parquet({"path": [{"a": 1}], "identity": ["1"]}), "column 'path' should hold text, found struct"),
        ("m.parquet", lambda: parquet({"path": ["a"], "identity": [["1"]]}), "column 'identity' should hold text, found list"),
        ("m.parquet", lambda: parquet({"path": ["a"], "identity": ["1"], "caption": [[["x"]]]}), "caption of 'a' should be text"),
        ("m.parquet", lambda: parquet({"path": ["a"], "identity": [b"\xff"]}), "'identity' should hold text, found binary"),
        ("m.parquet", lambda: parquet({"path": pa.array([None], pa.string()), "identity": ["1"]}), "row 1: no path"),
        ("m.parquet", not_text, "cannot be read"),
        ("m.parquet", lambda: parquet({"path": repeated("x" * 10_000_000, 20_000), "identity": repeated("1", 20_000)}),
         "more than 1,073,741,824 bytes of text in a file of"),
    ],
)  # fmt: skip
def test_a_hostile_manifest_is_refused_in_a_short_line(tmp_path, name, content, message):
    content = content() if callable(content) else content
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LayoutFileError) as caught:
        read_manifest(tmp_path / name, tmp_path, None)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_dictionaries_and_large_texts_are_texts(tmp_path):
    (tmp_path / "m.parquet").write_bytes(
        parquet(
            {"path": pa.array(["a", "b"], pa.large_string()), "identity": repeated("1", 2), "caption": [["x"], None]}
        )
    )
    samples = read_manifest(tmp_path / "m.parquet", tmp_path, None).samples

    assert samples.path.to_pylist() == ["a", "b"]
    assert samples.fields["identity"].to_pylist() == ["1", "1"]
    assert json.dumps(samples.captions) == '[["x"], null]'


# ------------------------------------------------------------------------------------------- anything at all


@pytest.mark.parametrize("name", TARGETS)
def test_whole_and_broken_inputs_are_taken_or_refused_in_one_line(name):
    whole = seeds(name)
    for data in (*whole, *mutations(whole, 1, times(60, 1500, 20_000))):
        TARGETS[name](data)


FOUND = {
    "manifest": [b"\xc9" + b"\n" * 9 + b"\xae\n"],  # a header that is not the first line, and no text
    "lists": [
        b"\x0b" + struct.pack("<iiiii", 0, 0x20000, 2, 0, 0x342C67) + b"g,4\n\0" * 20
    ],  # read for ten seconds as MATLAB's version 4
}


@pytest.mark.parametrize("name", FOUND)
def test_what_a_fuzzer_found_stays_mended(name):
    for data in FOUND[name]:
        TARGETS[name](data)


@gate_only
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris: pip install 'reidindex[fuzz]'")
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_that_sees_the_code_finds_nothing(tmp_path, name):
    """In a process of its own: it ends with its process."""
    seconds = str(times(0, 4, 60))
    command = [sys.executable, "-m", "tests.reliability.fuzz", name, "--seconds", seconds, "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])

    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(tmp_path.glob(f"{name}-*"))
