"""The samples that are split -> what is dealt: a word for every identity and every sample that its lot depends on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.rework.deal import Pool
from indexer.rework.lots import lots
from indexer.rework.samples_of import Opened
from indexer.samples import Samples

Rows = NDArray[np.int64]


def in_splits(samples: Samples, of: Sequence[str]) -> NDArray[np.bool_]:
    """Which samples are in any of some splits; no splits: all."""
    if not of:
        return np.ones(len(samples), bool)
    return np.asarray(np.logical_or.reduce([samples.splits.rows_in(name) for name in of]))


def pool_of(opened: Opened, rows: Rows, by: str) -> Pool:
    """The samples at `rows` as what is dealt, and a word for each of their identities."""
    fields, at = opened.samples.fields, pa.array(rows)
    source = pc.fill_null(fields["source"].take(at), "")
    if by == "time" and len(found := pc.unique(source).to_pylist()) > 1:
        raise SettingsError(
            f"--by time: frames of several sources ({', '.join(sorted(found)[:4])}) do not count from one beginning; "
            "filter one of them first, or use --by identity"
        )
    _, first, who = np.unique(opened.pid[rows], return_index=True, return_inverse=True)
    labels = pc.binary_join_element_wise(source, fields["identity"].take(at), "\x1f").take(pa.array(first)).to_pylist()
    met: dict[str, int] = {}
    people = []
    for label in labels:  # in the order of their pids: of several people with one label the first is 0
        met[label] = met.get(label, -1) + 1
        people.append(f"{label}\x1f{met[label]}")
    cameras = pc.binary_join_element_wise(source, fields["camera"].take(at), "\x1f").dictionary_encode()
    words = sorted(cameras.dictionary.to_pylist())
    place = pc.index_in(cameras.dictionary, value_set=pa.array(words, pa.string()))
    camera = pc.fill_null(place.take(cameras.indices), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    frame = pc.fill_null(fields["frame"].take(at).cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return Pool(
        np.asarray(who).ravel().astype(np.int64),
        tuple(people),
        opened.modalities[rows],
        frame,
        camera,
        tuple(word.replace("\x1f", "/").lstrip("/") for word in words),
    )


def camera_words(samples: Samples, rows: Rows) -> pa.Array:
    """The camera of each sample, as `Dealt.held_out` tells cameras."""
    at = pa.array(rows)
    source, camera = (samples.fields[name].take(at) for name in ("source", "camera"))
    return pc.if_else(pc.is_valid(source), pc.binary_join_element_wise(source, camera, "/"), camera)


def sample_lots(samples: Samples, rows: Rows, seed: int) -> NDArray[np.uint64]:
    """A lot for each sample; what tells those of one path apart is their box or their words."""
    boxes: list[Any] = samples.box[rows].tolist() if samples.box is not None else [""] * len(rows)
    words: list[Any] = [samples.captions[row] or "" for row in rows] if samples.captions else [""] * len(rows)
    paths = samples.path.take(pa.array(rows)).to_pylist()
    return lots(seed, (f"{path}\x1f{box}\x1f{said}" for path, box, said in zip(paths, boxes, words, strict=True)))
