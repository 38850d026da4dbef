"""What reads foreign bytes, one function each. Only a `ReidIndexError` of one line may leave it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from indexer.errors import ReidIndexError
from indexer.layouts import load_layout
from indexer.layouts.definition import Layout, parse_layout
from indexer.layouts.manifest import read_manifest
from indexer.layouts.reading import read_tree
from indexer.opening import look_into
from indexer.scan.listing import Listing, list_tree
from indexer.schema import IndexMetadata
from indexer.table import build_table

LONGEST_LINE: Final = 6000
"""Signs of a message: nobody reads a megabyte of somebody else's file in a terminal."""
_RULE = "[[rule]]\nmatch = '(?P<identity>[^/]+)/(?P<frame>\\d+)\\.{image}'\n"
PICTURES: Final = ("a/1.jpg", "a/2.jpg", "b/1.jpg", "c/3.jpg")


def _listed(file: str, columns: str, more: str) -> tuple[str, str]:
    return file, f'{_RULE}[[annotation]]\nfile = "{file}"\ncolumns = {columns}\n{more}'


STYLES: Final = (
    _listed("l.txt", '["path"]', 'format = "values"\njoin = "path"\nsplit = "train"'),
    _listed("l.txt", '["path", "camera"]', 'format = "columns"\njoin = "path"'),
    _listed("l.txt", '["path", "caption"]', 'format = "columns"\nseparator = ";"\njoin = "path"'),
    _listed("l.csv", '{ path = "path", clothes = "word" }', 'join = "path"\nparse = { path = "(?P<view>.*)/(?P<n>.*)" }'),
    _listed("l.tsv", '["path", "word"]', 'join = "name"\nkey = "{path}"\nskip = 1\nsplit = { from = "word" }'),
    _listed("l.json", '["path", "box"]', 'join = "path"'),
    _listed("l.json", '{ path = "f", caption = "c" }', 'at = "{part}.images|images"\njoin = "path"'),
    _listed("l.json", '{ path = "im.f", identity = "who" }', 'at = "anns"\nlookup = { im = "images" }\njoin = "path"'),
    _listed("l.jsonl", '{ path = "f", x = "x", y = "y", width = "w", height = "h" }', 'join = "path"'),
    _listed("l.xml", '{ name = "n", camera = "c" }', 'at = "Item"\njoin = "name"'),
    _listed("l.mat", '{ path = "name", identity = "id" }', 'at = "all"\njoin = "path"\nnumeric = true'),
    _listed("l.mat", '["first", "last"]', 'at = "runs"\nruns = { file = "n.txt", first = "first", last = "last", base = 1 }\n'
            'join = "path"\nkey = "{line}"\nsplit = "val"'),
    _listed("l.txt", '["word"]', 'only = { file = "l.txt", base = 0 }\nformat = "values"\njoin = "identity"\nkey = "{word}"\nsplit = "x"'),
    ("q.json", _RULE + "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>[A-Z+]+)'\nlabels = 'gal'"),
    ("q.json", _RULE + "[[queries]]\nfile = 'q.json'\nsets = '(?P<items>[A-Z+]+)'\nset_key = 's'\nitems_key = 'i'"),
)  # fmt: skip
"""A list of each style, and a layout that reads it."""
FORMS: Final = (".csv", ".jsonl", ".parquet")


@contextlib.contextmanager
def _only_ours() -> Iterator[None]:
    try:
        yield
    except ReidIndexError as error:
        line = str(error)
        assert line.strip(), "an error without words"
        assert "\n" not in line, f"more than a line: {line[:200]!r}"
        assert len(line) < LONGEST_LINE, f"{len(line):,} signs: {line[:200]!r}"


@cache
def _tree() -> Path:
    root = Path(_kept.name) / "d"
    for name in (*PICTURES, *dict(STYLES)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "n.txt").write_text("\n".join(PICTURES))
    return root


_kept = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


@cache
def _listing() -> Listing:
    return list_tree(_tree())


@cache
def _style(number: int) -> tuple[Path, Layout]:
    name, toml = STYLES[number]
    return _tree() / name, parse_layout(toml, name="fuzzed", where="fuzzed.toml")


def layout(data: bytes) -> None:
    """A layout file."""
    file = _tree() / "own.toml"
    file.write_bytes(data)
    with _only_ours():
        load_layout(str(file))


def lists(data: bytes) -> None:
    """A list of a dataset; the first byte says of which style."""
    if not data:
        return
    file, known = _style(data[0] % len(STYLES))
    file.write_bytes(data[1:])
    with _only_ours():
        reading = read_tree(known, _listing(), "")
        build_table(reading.samples)


def manifest(data: bytes) -> None:
    """A user's own table; the first byte says of which form, and whether it is trusted."""
    if not data:
        return
    file = _tree().parent / f"manifest{FORMS[data[0] % 3]}"
    file.write_bytes(data[1:])
    with _only_ours():
        build_table(read_manifest(file, _tree(), _listing() if data[0] & 4 else None).samples)


def metadata(data: bytes) -> None:
    """The document in an index file."""
    with _only_ours():
        IndexMetadata.from_json(data, where="x.parquet")


def picture(data: bytes) -> None:
    """The head of a picture: it is told what is wrong, never raised."""
    (_tree() / PICTURES[0]).write_bytes(data)
    look_into(str(_tree()), PICTURES[:1], [True], hashes=bool(len(data) & 1), links_outside=False)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "layout": layout,
    "lists": lists,
    "manifest": manifest,
    "metadata": metadata,
    "picture": picture,
}
