"""Hypothesis strategies: identities as datasets have them, and an index of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from indexer.index_writing import write_index
from indexer.samples import FIELDS, Samples, SplitMarks, no_text
from indexer.table import build_table
from sampler_runtime.mapped import MappedIndex, open_index

_SCRATCH = tempfile.TemporaryDirectory(prefix="reidindex-test-")  # removed when the tests end
Kind = tuple[str, ...]
KINDS: tuple[Kind, ...] = (
    ("rgb",),
    ("nir",),
    ("sketch",),
    ("rgb", "text"),
    ("rgb", "nir"),
    ("rgb", "nir", "tir"),
)
"""What one sample can be: a single image, an image with a caption, images shot together."""


@dataclass(frozen=True)
class Sample:
    """One sample of a made-up dataset."""

    identity: str | None
    kind: Kind
    camera: str | None = None
    split: str | None = "train"
    role: str | None = None
    tracklet: str | None = None
    view: str | None = None


def samples_of(population: list[Sample]) -> Samples:
    """As a layout would tell them: a file each, aligned files in a group."""
    files = sorted(
        (f"{number:05d}_{modality}.jpg", number, modality, sample)
        for number, sample in enumerate(population)
        for modality in sample.kind
        if modality != "text"
    )
    size = len(files)
    fields = {name: no_text(size) for name in FIELDS}
    fields["modality"] = pa.array([f[2] for f in files], pa.string())
    for name in ("identity", "camera", "role", "tracklet", "view"):
        fields[name] = pa.array([getattr(f[3], name) for f in files], pa.string())
    splits = SplitMarks(size)
    for name in sorted({f[3].split for f in files if f[3].split}):
        splits.mark(np.array([i for i, f in enumerate(files) if f[3].split == name]), [name])
    samples = Samples(
        pa.array([f[0] for f in files]),
        fields,
        splits,
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        pa.array([str(f[1]) if len(f[3].kind) > 1 and "text" not in f[3].kind else None for f in files], pa.string()),
    )
    told = [i for i, f in enumerate(files) if "text" in f[3].kind]
    if told:
        samples.add_captions(told, [["a person"]] * len(told))
    return samples


def index_of(population: list[Sample], folder: Path | None = None, rows_per_group: int = 1 << 20) -> MappedIndex:
    """An index of a made-up dataset; its samples do not exist."""
    made = build_table(samples_of(population))
    folder = folder if folder is not None else Path(tempfile.mkdtemp(dir=_SCRATCH.name))
    write_index(
        made.table, made.metadata("test", layout="test"), folder / "reidindex.parquet", rows_per_group=rows_per_group
    )
    return open_index(folder)


@st.composite
def populations(draw: st.DrawFn, max_identities: int = 24, splits: bool = False) -> list[Sample]:
    """Long tails, singletons, one-modality identities, aligned samples, cameras, tracklets and views or none, distractors."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    cameras = draw(st.sampled_from([(None,), ("1", "2"), ("1", "2", "3", None)]))
    tracklets = draw(st.sampled_from([(None,), ("1", "2"), ("1", "2", "3", None)]))
    views = draw(st.sampled_from([(None,), ("front", "back"), ("front", None)]))
    apart = draw(st.booleans())  # whether each kind has cameras of its own
    population = []
    for i in range(draw(st.integers(1, max_identities))):
        own = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=len(kinds), unique=True))
        split = draw(st.sampled_from(["train", "val", None])) if splits else "train"
        for kind in own:
            many = draw(st.integers(1, 3) | st.integers(1, 12))
            for n in range(many):
                camera, tracklet = cameras[n % len(cameras)], tracklets[n // 2 % len(tracklets)]
                camera = camera and apart * kind[0] + camera
                view = views[(n + i) % len(views)]
                population.append(Sample(f"{i}", kind, camera, split, tracklet=tracklet, view=view))
    for _ in range(draw(st.integers(0, 2))):
        population.append(Sample("0000", kinds[0], cameras[0], "train", role="distractor"))
    return population
