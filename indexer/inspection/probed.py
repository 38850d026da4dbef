"""What a build with `--probe` found of the pictures: their sizes, their kinds of pixels, and which cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.inspection.runs import Runs
from indexer.schema import modality_mask
from indexer.vocabulary import TEXT


@dataclass(frozen=True)
class Probed:
    """The pictures of an index, as their files told."""

    widths: tuple[int, int] | None
    """Least and most pixels; None: no picture could be read."""
    heights: tuple[int, int] | None
    modes: dict[str, int]
    """Pillow's name of the pixels → samples, most first."""
    unreadable: int
    """Samples with a picture that could not be read."""


def probed(runs: Runs) -> Probed | None:
    """What was found of all pictures; None: nobody looked. Sentences have no picture."""
    index = runs.index
    if not all(index.has(name) for name in ("width", "height", "mode")):
        return None
    names = index.metadata.modalities
    sentence = np.uint32(modality_mask([TEXT], names) if TEXT in names else 0)
    pictures = np.repeat(runs.modalities != sentence, runs.sizes)
    width, height = (index.table([name])[name] for name in ("width", "height"))
    missing = np.asarray(width.is_null().to_numpy(zero_copy_only=False) if len(width) else np.empty(0, bool), bool)
    kinds = pc.value_counts(index.table(["mode"])["mode"].cast(pa.string())).to_pylist()
    modes = {kind["values"]: kind["counts"] for kind in kinds if kind["values"] is not None}
    return Probed(
        _range(width), _range(height), dict(sorted(modes.items(), key=lambda item: (-item[1], item[0]))),
        int(np.count_nonzero(missing & pictures)),
    )  # fmt: skip


def _range(column: pa.ChunkedArray) -> tuple[int, int] | None:
    found = pc.min_max(column).as_py()
    return None if found["min"] is None else (found["min"], found["max"])
