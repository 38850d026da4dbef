"""What is whole, for each target: layouts that are shipped, a list of each style, an index and pictures of a drawn dataset."""

from __future__ import annotations

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from indexer.build import build_index
from indexer.demo import write_demo
from indexer.layouts import layout_names, layout_text
from tests.reliability.fuzz.targets import FORMS, STYLES

_LISTS: tuple[tuple[str, ...], ...] = (
    ("a/1.jpg, a/2.jpg\nb/1.jpg",),
    ("a/1.jpg 1\nb/1.jpg 2\n", "a b/1.jpg\t7"),
    ("a/1.jpg;a red coat\nb/1.jpg;\n",),
    ('path,word\n"a/1.jpg",3\nb/1.jpg,4\n', "\ufeffpath,word\r\na/1.jpg,-3\r\n"),
    ("#\npath\tword\n1.jpg\ttrain\n3.jpg\ttrain+val\n",),
    ('[["a/1.jpg", [1, 2, 3, 4]], ["b/1.jpg", null]]', '{"path": ["a/1.jpg"], "box": [[1, 2, 3, 1e9]]}'),
    ('{"train": {"images": [{"f": "a/1.jpg", "c": ["x", "y"]}]}, "images": []}',),
    ('{"images": [{"id": 1, "f": "a/1.jpg"}], "anns": [{"im": 1, "who": "w"}]}',),
    ('{"f": "a/1.jpg", "x": 1, "y": 2, "w": 3.5, "h": 4}\n{"f": "b/1.jpg", "x": "", "y": "", "w": "", "h": ""}\n',),
    ('<?xml version="1.0" encoding="gb2312"?><r><Item n="1.jpg" c="1"/><Item><n>3.jpg</n><c>2</c></Item></r>',),
    (),
    (),
    ("0 2 1",),
    ('{"TEXT": [[1, "hi"]], "RGB+TEXT": [[1, "a/1.jpg", "hi"]], "gal": [[1, "a/1.jpg"]]}',),
    ('[{"s": "RGB", "i": ["a/1.jpg"]}, {"s": "TEXT", "i": ["hi"]}]',),
)
_ROWS = {
    "path": ["a/1.jpg", "b/1.jpg", "c/3.jpg"], "identity": ["a", "b", None], "camera": ["1", "2", "2"], "split": ["train", "query+gallery", None],
    "caption": [["a red coat"], None, ["x", "y"]], "frame": ["1", "-2", "999999999999"], "role": [None, None, "junk"],
}  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Some whole inputs of a target.

    Args:
        target: Its name.
    """
    return _OF[target]()


def _layouts() -> list[bytes]:
    return [layout_text(name).encode() for name in layout_names()[::3]] + [toml.encode() for _, toml in STYLES]


def _lists() -> list[bytes]:
    found = [bytes([n]) + text.encode() for n, texts in enumerate(_LISTS) for text in texts]
    n_mat = next(n for n, (name, _) in enumerate(STYLES) if name == "l.mat")
    return found + [bytes([n]) + content for n in (n_mat, n_mat + 1) for content in _matlab()]


def _matlab() -> list[bytes]:
    """The same lists as MATLAB's versions 5, 5 packed, and 7.3; none where their readers are not installed."""
    try:
        import h5py
        from scipy.io import savemat
    except ImportError:
        return []
    entries = np.zeros((1, 2), [("name", object), ("id", object)])
    entries[0, 0], entries[0, 1] = ("a/1.jpg", 1.0), ("b/1.jpg", 2.0)
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = np.zeros((0, 0)), "word"
    told = {
        "all": entries,
        "runs": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "cell": cell,
        "logical": np.array([[True, False]]),
    }
    found = []
    for packed in (False, True):
        file = io.BytesIO()
        savemat(file, told, do_compression=packed)
        found.append(file.getvalue())
    file = io.BytesIO()
    with h5py.File(file, "w") as hdf5:
        hdf5["runs"] = np.array([[1.0, 3.0], [2.0, 4.0]])
        word = hdf5.create_dataset("#refs#/a", data=np.array([[97], [98]], np.uint16))
        word.attrs["MATLAB_class"] = np.bytes_("char")
        hdf5["cell"] = np.array([[word.ref, word.ref]], h5py.ref_dtype)
        hdf5["cell"].attrs["MATLAB_class"] = np.bytes_("cell")
        hdf5.create_dataset("packed", data=np.arange(64.0), chunks=(16,), compression="gzip")
    return [*found, file.getvalue()]


def _manifests() -> list[bytes]:
    csv = "path,identity,camera,split\na/1.jpg,a,1,train\nb/1.jpg,b,2,query+gallery\nc/3.jpg,,2,\n"
    lines = "".join(json.dumps(dict(zip(_ROWS, row, strict=True))) + "\n" for row in zip(*_ROWS.values(), strict=True))
    tables = [io.BytesIO(), io.BytesIO()]
    pq.write_table(pa.table(_ROWS), tables[0])
    pq.write_table(pa.table({**_ROWS, "identity": [1, 2, None]}), tables[1], compression="zstd", use_dictionary=False)
    found = {".csv": [csv.encode()], ".jsonl": [lines.encode()], ".parquet": [table.getvalue() for table in tables]}
    return [bytes([n + trust]) + content for n, form in enumerate(FORMS) for content in found[form] for trust in (0, 9)]


def _metadata() -> list[bytes]:
    with TemporaryDirectory() as folder:
        write_demo(Path(folder) / "d", identities=8)
        told = pq.read_metadata(build_index(Path(folder) / "d").index).metadata[b"reidindex"]
    more = json.loads(told) | {"made_by": "reidindex split", "kept_pids": True}
    return [told, json.dumps(more).encode()]


def _pictures() -> list[bytes]:
    found = []
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"):
        file = io.BytesIO()
        Image.new("RGB", (16, 8), (9, 8, 7)).save(file, kind)
        found.append(file.getvalue())
    return found


_OF = {"layout": _layouts, "lists": _lists, "manifest": _manifests, "metadata": _metadata, "picture": _pictures}
