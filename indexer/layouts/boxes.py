"""Lists of boxes -> samples that are parts of pictures."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import AnnotationError
from indexer.layouts.joining import Rows
from indexer.layouts.language.annotation import BY_CORNERS, BY_SIZE
from indexer.layouts.sources.documents import Entries
from indexer.layouts.sources.words import as_list, shown
from indexer.samples import Samples


def boxes_of(entries: Entries, where: str) -> tuple[NDArray[np.int32], int]:
    """The box that each entry of a list tells, in its column `box` or in four columns.

    Args:
        entries: Columns of the list.
        where: How messages call the list.

    Returns:
        x, y, width, height in whole pixels, shape (entries, 4), 0 for those that box nobody; and how many of these have a
        box without width or height.

    Raises:
        AnnotationError: An entry holds no box.
    """
    names = BY_SIZE
    if "box" in entries:
        told = entries["box"]
    else:
        names = BY_SIZE if {*BY_SIZE} <= entries.keys() else BY_CORNERS
        told = list(zip(*(as_list(entries[name]) for name in names), strict=True))
    by_corners = "box" not in entries and names == BY_CORNERS
    boxes = np.zeros((len(told), 4), np.int32)
    empty = 0
    for number, box in enumerate(told):
        try:
            told_here = np.ravel(box).tolist()
            if all(value is None or value == "" for value in told_here):
                continue  # nobody is boxed here
            x, y, wide, high = (round(float(value)) for value in told_here)
            boxes[number] = (x, y, wide - x, high - y) if by_corners else (x, y, wide, high)
        except (TypeError, ValueError, OverflowError):
            expected = ", ".join(BY_CORNERS if by_corners else BY_SIZE)
            raise AnnotationError(f"{where}, entry {number}: expected a box {expected}, found {shown(box)}") from None
        if boxes[number, 2] <= 0 or boxes[number, 3] <= 0:
            boxes[number] = 0
            empty += 1
    return boxes, empty


def add_boxes(samples: Samples, boxes: NDArray[np.int32], rows: Rows) -> tuple[Samples, Rows]:
    """Samples for the boxes in the pictures at `rows`, where there are none yet; and the row of each box."""
    before = len(samples)
    own = samples.box if samples.box is not None else np.zeros((before, 4), np.int32)
    # a picture is known by the first row with its path, its boxes by that and their four numbers
    picture = pc.index_in(samples.path, value_set=pc.unique(samples.path)).to_numpy().astype(np.int64)
    keys = np.concatenate([np.c_[picture, own], np.c_[picture[rows], boxes]])
    # paths are sorted, so their numbers are; within a picture, boxes from the left
    distinct_keys, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    origin = np.r_[np.arange(before), rows]
    more = samples.take(origin[first])
    more.box = np.ascontiguousarray(distinct_keys[:, 1:], np.int32)
    return more, np.asarray(place).ravel()[before:]
