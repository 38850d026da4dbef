"""What docs/format.md promises of the rows of an index, as a table of checks: an honest writer breaks none.

Batches, statistics and evaluations rest on them. They need the whole content at hand, so `verify="full"` looks, and `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.schema import IndexMetadata, mask_names
from indexer.vocabulary import TEXT

_LEADS_OUT: Final = r"^/|^$|(^|/)\.\.(/|$)|\x00"


@dataclass(frozen=True)
class Content:
    """All rows of an index, decoded, and its metadata."""

    table: pa.Table
    metadata: IndexMetadata
    beside: pa.Table | None

    def numbers(self, name: str) -> NDArray[Any]:
        """A column of integers that holds no null."""
        return np.asarray(self.table[name].to_numpy())

    def has(self, name: str) -> bool:
        """Whether the index has an optional column."""
        return name in self.table.column_names

    def told(self, name: str) -> NDArray[np.bool_]:
        """Which rows hold something, shape `(rows,)`."""
        return np.asarray(self.table[name].is_valid().to_numpy(), bool)

    @cached_property
    def run_of_row(self) -> NDArray[np.int64]:
        """Which of `split_runs` each row lies in."""
        runs = self.metadata.split_runs
        return np.repeat(np.arange(len(runs)), [run.stop - run.start for run in runs])

    @cached_property
    def default_bits(self) -> NDArray[np.uint64]:
        """The bits of `splits` that are default splits."""
        plain = sum(1 << i for i, name in enumerate(self.metadata.splits) if "/" not in name)
        return np.asarray(self.numbers("splits") & np.uint64(plain))

    @cached_property
    def text_bit(self) -> int:
        """The bit of the modality `text`; 0: there is none."""
        return 1 << self.metadata.modalities.index(TEXT) if TEXT in self.metadata.modalities else 0


def contradictions(content: Content) -> Iterator[str]:
    """Which promises are broken, in words."""
    for promise, holds in PROMISES.items():
        if not holds(content):
            yield f"not so: {promise}"


# ------------------------------------------------------------------------------------------------ the checks


def _path_ends(c: Content) -> bool:
    lengths = pc.binary_length(c.table["path"]).to_numpy().astype(np.int64)
    return np.array_equal(c.numbers("path_end"), np.cumsum(lengths))


def _relative(c: Content) -> bool:
    texts = [c.table["path"], _partners(c, "path")] + ([] if c.beside is None else [c.beside["path"]])
    return not any(pc.any(pc.match_substring_regex(text, _LEADS_OUT)).as_py() for text in texts)


def _unique(c: Content) -> bool:
    alone = c.numbers("modalities") != c.text_bit  # sentences share their document
    if c.has("box"):
        alone &= ~c.told("box")
    path = c.table["path"].filter(pa.array(alone))
    return bool(pc.count_distinct(path).as_py() == len(path))


def _runs(c: Content) -> bool:
    plain = [name for name in c.metadata.splits if "/" not in name]
    own = [run.splits for run in c.metadata.split_runs if run.stop > run.start]
    if not all(set(words) <= set(plain) for words in own):
        return False
    order = [(not words, [c.metadata.splits.index(word) for word in words]) for words in own]
    bits = [sum(1 << c.metadata.splits.index(word) for word in run.splits) for run in c.metadata.split_runs]
    same = np.array_equal(c.default_bits, np.array(bits, np.uint64)[c.run_of_row] if bits else c.default_bits)
    return same and all(a < b for a, b in pairwise(order))


def _sorted(c: Content) -> bool:
    equal = np.ones(max(len(c.table) - 1, 0), bool)
    for key in (c.run_of_row, *(c.numbers(name) for name in ("pid", "modalities", "camid"))):
        if np.any(equal & (key[1:] < key[:-1])):
            return False
        equal &= key[1:] == key[:-1]
    path = c.table["path"]
    ascends = pc.less_equal(path.slice(0, max(len(path) - 1, 0)), path.slice(1))
    return bool(np.all(~equal | ascends.to_numpy()))


def _pids(c: Content) -> bool:
    pid = c.numbers("pid")
    return c.metadata.kept_pids or len(distinct(pid[pid >= 0])[0]) == c.metadata.identities


def _nobody(c: Content) -> bool:
    return np.array_equal(c.numbers("pid") < 0, c.told("role") | ~c.told("identity"))


def _roles(c: Content) -> bool:
    return set(pc.unique(c.table["role"].cast(pa.string())).to_pylist()) <= {None, "distractor", "junk"}


def _identities(c: Content) -> bool:
    return _one_word_each(c, "pid", "identity")


def _camids(c: Content) -> bool:
    camid = distinct(c.numbers("camid"))[0]
    return np.array_equal(camid[camid >= 0], np.arange(np.count_nonzero(camid >= 0)))


def _cameras(c: Content) -> bool:
    return np.array_equal(c.numbers("camid") < 0, ~c.told("camera")) and _one_word_each(c, "camid", "camera")


def _modalities(c: Content) -> bool:
    return _spelt(c.numbers("modalities"), c.metadata.modalities, c.table["modality"])


def _splits(c: Content) -> bool:
    return _spelt(c.default_bits, c.metadata.splits, c.table["split"])


def _aligned(c: Content) -> bool:
    masks, column = c.numbers("modalities").astype(np.int64), c.table["aligned"]
    images = masks & ~np.int64(c.text_bit)
    others = images & (images - 1)  # but the first, which `path` is the file of
    if not np.array_equal(others != 0, c.told("aligned")):
        return False
    words = _partners(c, "modality")
    bit = {name: 1 << i for i, name in enumerate(c.metadata.modalities)}
    if words.null_count or _partners(c, "path").null_count or not set(pc.unique(words).to_pylist()) <= set(bit):
        return False
    found = np.zeros(len(c.table), np.int64)
    names = words.combine_chunks().dictionary_encode()
    np.bitwise_or.at(
        found, _owners(column), np.array([bit[n] for n in names.dictionary.to_pylist()], np.int64)[names.indices]
    )
    return np.array_equal(found, others) and not np.any(_lengths(column)[c.told("aligned")] == 0)


def _captions(c: Content) -> bool:
    told = c.told("captions")
    words = _flat(c.table["captions"])
    has_text = c.numbers("modalities") & np.uint32(c.text_bit) != 0
    return (
        not words.null_count and not np.any(told & ~has_text) and not np.any(_lengths(c.table["captions"])[told] == 0)
    )


def _boxes(c: Content) -> bool:
    if not c.has("box"):
        return True
    numbers = _flat(c.table["box"])
    if numbers.null_count or np.any(_lengths(c.table["box"])[c.told("box")] != 4):
        return False
    return bool(np.all(numbers.to_numpy().reshape(-1, 4)[:, 2:] > 0))


def _queries(c: Content) -> bool:
    last = c.metadata.query_sets[-1].last if c.metadata.query_sets else 0
    if not c.has("queries"):
        return last == 0
    numbers = _flat(c.table["queries"])
    if numbers.null_count or np.any(_lengths(c.table["queries"])[c.told("queries")] == 0):
        return False
    return len(numbers) == 0 or (pc.min(numbers).as_py() >= 0 and pc.max(numbers).as_py() < last)


def _pixels(c: Content) -> bool:
    least = [pc.min(c.table[name]).as_py() for name in ("width", "height") if c.has(name)]
    return all(number is None or number > 0 for number in least)


def _beside(c: Content) -> bool:
    if c.beside is None or len(c.beside) < 2:
        return True
    path = c.beside["path"]
    return bool(pc.all(pc.less(path.slice(0, len(path) - 1), path.slice(1))).as_py())


PROMISES: Final[dict[str, Callable[[Content], bool]]] = {
    "path_end is the running sum of the lengths of path": _path_ends,
    "every path is relative, leads nowhere outside and is not empty": _relative,
    "every path is told once, but for boxes and sentences": _unique,
    "split_runs are the runs of equal default splits, in their order": _runs,
    "rows are sorted by split, pid, modalities, camid and path": _sorted,
    "pids are contiguous from 0": _pids,
    "pid is -1 where there is a role or no identity, and only there": _nobody,
    "role is distractor or junk": _roles,
    "a pid has one identity": _identities,
    "camids are contiguous from 0": _camids,
    "a camid has one camera, and -1 none": _cameras,
    "modality spells modalities": _modalities,
    "split spells splits": _splits,
    "aligned tells the other modalities of a set, and nothing of a single image": _aligned,
    "captions are sentences, and their samples have the modality text": _captions,
    "a box is four numbers, and is not empty": _boxes,
    "queries are those of query_sets": _queries,
    "width and height are above 0": _pixels,
    "files beside are sorted by path and told once": _beside,
}


# -------------------------------------------------------------------------------------------- what they rest on


def _one_word_each(c: Content, number: str, word: str) -> bool:
    numbers, words = c.numbers(number), c.table[word].cast(pa.string()).combine_chunks()
    somebody = numbers >= 0
    found, who = distinct(numbers[somebody])
    codes = words.filter(pa.array(somebody)).dictionary_encode(null_encoding="encode").indices.to_numpy()
    first = np.empty(len(found), np.int64)
    first[who] = codes
    return np.array_equal(first[who], codes)


def _spelt(masks: NDArray[Any], names: Iterable[str], column: pa.ChunkedArray) -> bool:
    present, codes = distinct(masks)
    words = pa.array(["+".join(mask_names(int(mask), tuple(names))) for mask in present], pa.string())
    return bool(
        pc.all(pc.equal(words.take(pa.array(codes)), pc.fill_null(column.cast(pa.string()), ""))).as_py()
        in (True, None)
    )


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)


def _partners(c: Content, field: str) -> pa.ChunkedArray:
    return pc.struct_field(_flat(c.table["aligned"]), field)


def _lengths(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(), np.int64)


def _owners(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(column)), _lengths(column))
