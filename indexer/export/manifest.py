"""The columns of a manifest: what `reidindex build --layout samples.csv` makes the same samples of.

A manifest has a row for each file, so the files of an aligned set are rows of one `group`. It tells a file once, and cannot say
parts of pictures, sentences that share a document, modalities side by side in one picture, or sets of queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import SettingsError
from indexer.export.chosen import Chosen
from indexer.schema import UNKNOWN

COLUMNS = (
    "path", "identity", "scope", "modality", "camera", "split", "role", "view", "tracklet", "frame", "clothes", "source",
    "group", "caption",
)  # fmt: skip
SHARED_FILE = "several in one file (parts of pictures, sentences of one document)"


@dataclass(frozen=True)
class Manifest:
    """The rows of a manifest, and what it cannot say."""

    table: pa.Table
    """Text, but for `caption`, which is a list. Columns that tell nothing are left out."""
    samples: int
    left_out: dict[str, int]
    notes: tuple[str, ...]


def manifest(chosen: Chosen) -> Manifest:
    """The rows that the samples become.

    Raises:
        SettingsError: A manifest can say none of them.
    """
    kept = chosen.keep(_have_files_of_their_own(chosen))
    if not len(kept):
        raise SettingsError(
            f"--to: a manifest has one row a file, and all {len(chosen):,} samples are {SHARED_FILE}; "
            "use --all-columns for a table to look at"
        )
    owners, modality, path = kept.partners()
    own = kept.column("path")
    apart = pc.not_equal(path, own.take(pa.array(owners))).to_numpy(zero_copy_only=False)
    side_by_side = len(np.unique(owners[~apart]))
    owners, modality, path = owners[apart], modality.filter(pa.array(apart)), path.filter(pa.array(apart))
    everybody = np.r_[np.arange(len(kept)), owners]
    order = pa.array(np.argsort(everybody, kind="stable"))
    sets = np.zeros(len(kept), bool)
    sets[owners] = True
    per_sample = {
        "identity": kept.column("identity"),
        "scope": _scopes(kept),
        "camera": kept.column("camera"),
        "split": kept.splits,
        "role": kept.column("role"),
        "view": kept.views,
        **{name: kept.known(name).cast(pa.string()) for name in ("tracklet", "frame", "clothes")},
        "source": kept.column("source"),
        "group": pc.if_else(pa.array(sets), own, pa.nulls(len(own), pa.string())),
    }
    columns = {name: values.take(pa.array(everybody)) for name, values in per_sample.items()}
    captions = kept.column("captions")
    columns["caption"] = pa.concat_arrays([captions, pa.nulls(len(owners), captions.type)])
    columns["path"] = pa.concat_arrays([own, path])
    columns["modality"] = pa.concat_arrays([kept.first_modality, modality])
    names = [n for n in COLUMNS if n in ("path", "identity") or columns[n].null_count < len(everybody)]
    left_out = len(chosen) - len(kept)
    return Manifest(
        pa.table({name: columns[name] for name in names}).take(order),
        len(kept),
        {SHARED_FILE: left_out} if left_out else {},
        tuple(_notes(kept, side_by_side)),
    )


def _have_files_of_their_own(chosen: Chosen) -> NDArray[np.bool_]:
    """Those none of whose files another sample names."""
    owners, _, path = chosen.partners()
    own = chosen.column("path")
    apart = pc.not_equal(path, own.take(pa.array(owners))).to_numpy(zero_copy_only=False)
    codes = pa.concat_arrays([own, path.filter(pa.array(apart))]).dictionary_encode().indices.to_numpy()
    shared = np.bincount(codes)[codes] > 1
    alone = np.ones(len(chosen), bool)
    alone[np.r_[np.arange(len(chosen)), owners[apart]][shared]] = False
    return alone


def _scopes(chosen: Chosen) -> pa.Array:
    """Something that tells apart the people who share a label: their pid, so that they keep their order."""
    pid, labels = chosen.numbers("pid").astype(np.int64), chosen.column("identity").dictionary_encode()
    codes = pc.fill_null(labels.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    somebody = np.flatnonzero((pid >= 0) & (codes >= 0))
    people = np.unique(np.stack([codes[somebody], pid[somebody]], axis=1), axis=0)
    shared = np.bincount(people[:, 0], minlength=len(labels.dictionary)) > 1
    needed = np.zeros(len(pid), bool)
    needed[somebody] = shared[codes[somebody]]
    return pa.array(pid, mask=~needed).cast(pa.string())


def _notes(chosen: Chosen, side_by_side: int) -> list[str]:
    notes = []
    if side_by_side:
        notes.append(
            f"pictures that show several modalities side by side: {side_by_side:,}; a manifest tells the first one"
        )
    here = np.bitwise_or.reduce(chosen.numbers("splits"))
    empty = [name for bit, name in enumerate(chosen.index.metadata.splits) if not int(here) >> bit & 1]
    if empty and chosen.split == "all":
        notes.append(f"splits that no sample is in: {', '.join(empty)}; a manifest cannot name them")
    if chosen.index.metadata.query_sets:
        notes.append("a manifest has no sets of queries; they are left out")
    if chosen.index.has("box") and (told := len(chosen) - chosen.column("box").null_count):
        notes.append(f"samples that are parts of their pictures: {told:,}; a manifest tells the whole picture")
    if np.any(chosen.numbers("size") == UNKNOWN):
        notes.append("the files of this index were never looked at; build with --trust if they are not there")
    return notes
