"""Which camera took how many samples of which modality: one pass over the rows, for cameras change from row to row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from indexer.index_file import IndexFile
from indexer.inspection.runs import Runs, pieces
from indexer.vocabulary import TEXT

NO_CAMERA: Final = "none told"
_MOST_CAMERAS: Final = 1 << 15 | 1  # camid is an int16, and none is one more


def samples_by_camera(runs: Runs, splits: Sequence[str]) -> dict[str, dict[str, int]]:
    """Samples of each image modality by camera; text comes from no camera."""
    index = runs.index
    bits = np.uint64(sum(1 << index.metadata.splits.index(name) for name in splits))
    images = {bit: name for bit, name in enumerate(index.metadata.modalities) if name != TEXT}
    counts = {bit: np.zeros(_MOST_CAMERAS, np.int64) for bit in images}
    first: dict[int, int] = {}
    for start, (camid, masks, marks) in pieces(index, "camid", "modalities", "splits"):
        number = camid + 1  # the first place is that of no camera
        here = (marks & bits) != 0 if splits else np.ones(len(camid), bool)
        for camera in np.flatnonzero(np.bincount(number)).tolist():
            if camera not in first:
                first[camera] = start + int(np.argmax(number == camera))
        for bit, count in counts.items():
            found = np.bincount(number[here & ((masks >> np.uint32(bit)) & np.uint32(1) != 0)])
            count[: len(found)] += found
    names = _camera_names(index, {camera - 1: row for camera, row in first.items() if camera})
    table: dict[str, dict[str, int]] = {}
    for camera in [*sorted(set(first) - {0}), 0]:
        told = {name: int(counts[bit][camera]) for bit, name in images.items() if counts[bit][camera]}
        if told:
            table[names.get(camera - 1, NO_CAMERA)] = told
    return table


def _camera_names(index: IndexFile, first: dict[int, int]) -> dict[int, str]:
    """camid → the dataset's name of the camera, with its source where there are several; from a row of each."""
    if not first:
        return {}
    rows = np.array(list(first.values()), np.int64)
    # one by one: a column of a large index is decoded whole, two together take twice the memory
    sources, cameras = (index.take([name], rows)[name].to_pylist() for name in ("source", "camera"))
    labels = zip(sources, cameras, strict=True)
    return dict(zip(first, (f"{source}/{camera}" if source else str(camera) for source, camera in labels), strict=True))
