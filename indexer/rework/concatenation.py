"""Samples of several datasets, told apart by their source -> samples of one. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.rework.samples_of import Opened
from indexer.samples import FIELDS, Samples, SplitMarks
from indexer.schema import BY_NAME, QuerySet

_SPLIT_BITS: Final = np.uint64(1)


def rebased(samples: Samples, folder: str) -> Samples:
    """The same samples, seen from a folder further up: `folder` leads from there to where their paths begin."""
    if folder in ("", "."):
        return samples

    def moved(paths: pa.Array) -> pa.Array:
        return pc.binary_join_element_wise(pa.scalar(posixpath.join(folder, "")), paths, "")

    samples.path = moved(samples.path)
    if samples.aligned is not None:
        samples.aligned = _with_partners(samples.aligned, moved)
    return samples


def _with_partners(aligned: pa.Array, moved: Callable[[pa.Array], pa.Array]) -> pa.Array:
    kind = BY_NAME["aligned"].type
    partners = aligned.flatten()
    columns = [pc.struct_field(partners, "modality"), moved(pc.struct_field(partners, "path"))]
    counts = pc.fill_null(pc.list_value_length(aligned), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.r_[0, np.cumsum(counts)].astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(kind.value_type)))
    return pc.if_else(aligned.is_valid(), lists, pa.nulls(len(aligned), lists.type))


def files_of(samples: Samples) -> pa.Array:
    """Every file that the samples lie in, each once."""
    paths = [samples.path]
    if samples.aligned is not None:
        paths.append(pc.struct_field(samples.aligned.flatten(), "path"))
    return pc.unique(pa.chunked_array(paths))


def in_source(samples: Samples, name: str) -> Samples:
    """The same samples as those of a source; sources that they had become parts of it: `name/source`."""
    size = len(samples)
    here = pa.array([name], pa.string()).take(pa.array(np.zeros(size, np.int64)))
    own = samples.fields["source"]
    samples.fields["source"] = pc.if_else(pc.is_valid(own), pc.binary_join_element_wise(here, own, "/"), here)
    # the scope keeps those apart who share a label: in this dataset, and with another
    scope = pc.fill_null(samples.fields["scope"], "")
    samples.fields["scope"] = pc.binary_join_element_wise(here, scope, "\x1f")
    return samples


def concatenated(parts: Mapping[str, Opened]) -> Samples:
    """One after the other, then in path order.

    Args:
        parts: Name → samples, whose paths begin in one folder and that are `in_source`. Splits of the same name are one. Of what
            was found in the files that stays which all tell.
    """
    every = [part.samples for part in parts.values()]
    sizes = [len(one) for one in every]
    queries, sets = _queries(parts)
    tells_box = any(one.box is not None for one in every)
    joint = Samples(
        _joined([one.path for one in every]),
        {name: _joined([one.fields[name] for one in every]) for name in FIELDS},
        _marks(every),
        np.concatenate([one.size for one in every]),
        np.concatenate([one.mtime_ns for one in every]),
        aligned=_joined([_aligned(one) for one in every]) if any(one.aligned is not None for one in every) else None,
        captions=[said for one in every for said in one.captions or [None] * len(one)]
        if any(one.captions for one in every)
        else [],
        box=np.concatenate([one.box if one.box is not None else np.zeros((len(one), 4), np.int32) for one in every])
        if tells_box
        else None,
        queries=queries,
        query_sets=sets,
        probed={name: _joined([one.probed[name] for one in every]) for name in told_by_all(every)},
    )
    assert len(joint) == sum(sizes)
    return joint.take(pc.sort_indices(joint.path).to_numpy().astype(np.int64))


def told_by_all(every: Sequence[Samples]) -> list[str]:
    """What was found in the files of all of them: a null where nobody looked would say that a file is broken."""
    return [name for name in every[0].probed if all(name in one.probed for one in every)]


def _joined(arrays: Sequence[pa.Array]) -> pa.Array:
    return pa.concat_arrays([array.cast(arrays[0].type) for array in arrays])


def _aligned(samples: Samples) -> pa.Array:
    kind = BY_NAME["aligned"].type
    return samples.aligned.cast(kind) if samples.aligned is not None else pa.nulls(len(samples), kind)


def _marks(every: Sequence[Samples]) -> SplitMarks:
    names = list(dict.fromkeys(name for one in every for name in one.splits.names))
    marks = SplitMarks(0)
    marks.names = names
    columns = []
    for one in every:
        masks = np.zeros(len(one), np.uint64)
        for i, name in enumerate(one.splits.names):
            masks |= (one.splits.masks >> np.uint64(i) & _SPLIT_BITS) << np.uint64(names.index(name))
        columns.append(masks)
    marks.masks = np.concatenate(columns)
    return marks


def _queries(parts: Mapping[str, Opened]) -> tuple[list[list[int]], tuple[QuerySet, ...]]:
    """Numbers after numbers; a set whose name several datasets use bears the name of its own before it."""
    names = [one.name for part in parts.values() for one in part.samples.query_sets]
    if not any(part.samples.queries for part in parts.values()):
        return [], ()
    numbers: list[list[int]] = []
    sets: list[QuerySet] = []
    shift = 0
    for source, part in parts.items():
        own = part.samples.queries or [[] for _ in range(len(part.samples))]
        numbers += [[number + shift for number in told] for told in own]
        for one in part.samples.query_sets:
            name = f"{source}/{one.name}" if names.count(one.name) > 1 else one.name
            sets.append(QuerySet(name, one.first + shift, one.last + shift))
        shift = max((one.last for one in sets), default=shift)
    return numbers, tuple(sets)
